"""P3: no reader misses, reorders or repeats."""

import pytest
from support.faults import history, mutants
from support.faults.figures import FIGURES
from support.faults.following import follow, wrong_reading
from support.faults.history import misread
from support.sales import Desk, is_whole, name_of


def test_readers_see_every_event_once_and_in_order(a_tenant, plan):
    """P3: 8 writers of 1–20 events at a time, one transaction held open for 3 s; plain, filtered and restarting readers miss 0 of ≥ 20,000."""
    tenant = a_tenant("followed")
    Desk(tenant)
    found = follow(
        tenant.url,
        plan,
        events=FIGURES.events_under_readers,
        held_open_seconds=FIGURES.held_open_seconds,
    )
    assert wrong_reading(found) == []
    assert len(found.log) >= FIGURES.events_under_readers >= 20_000
    assert found.blocked_seconds >= FIGURES.held_open_seconds - 1, "the open transaction kept nobody waiting"
    assert set(found.seen) == {"plain", "filtered", "restarting"}
    assert history.broken_order(history.rows(tenant.url)) == []
    assert is_whole(tenant.url)


@pytest.mark.parametrize(
    ("mutation", "sign"),
    [
        pytest.param(mutants.WITHOUT_THE_LOCK, "IntegrityError", id="no lock"),
        pytest.param(mutants.WITH_A_SEQUENCE, "never saw", id="no lock, positions from a sequence"),
    ],
)
def test_without_the_lock_the_lost_events_show(a_tenant, server, plan, mutation, sign):
    """P3, its mutants: without the lock the same check on the same readers and writers finds writers that collide, or events readers lost."""
    tenant = a_tenant("unlocked")
    Desk(tenant)
    mutants.install(server, name_of(tenant), mutation)
    wrong = wrong_reading(follow(tenant.url, plan, events=800, held_open_seconds=1))
    assert any(sign in sentence for sentence in wrong), wrong[:20]


def test_the_check_finds_what_it_looks_for():
    """A position that is missed, repeated, out of order or not the reader's own fails the check."""
    assert misread("r", [2, 3, 4], [2, 3, 4]) == []
    assert misread("r", [2, 4], [2, 3, 4]) == ["r never saw 3"]
    assert misread("r", [2, 3, 3, 4], [2, 3, 4]) == ["r saw 3 after 3"]
    assert misread("r", [3, 2, 4], [2, 3, 4]) == ["r saw 2 after 3"]
    assert misread("r", [2, 3, 9], [2, 3]) == ["r saw 9, which is not its"]
