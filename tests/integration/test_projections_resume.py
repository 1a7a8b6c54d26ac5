"""Projections resume exactly where they were, wherever they die, and stop loudly where the log has a gap."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support import projecting
from support.projecting import Seen, catching_up, held, parked, pure_fold, seen, standing, tell, whole_log

import infra
from projections import batch
from projections.batch import FAILPOINTS
from projections.catch_up import CatchUp
from projections.current_records import CurrentRecords
from projections.field_history import FieldHistory
from projections.kinds import LogGap
from projections.standing import STOPPED

server, tenant = projecting.server, projecting.tenant
REPOSITORY = Path(infra.__file__).parents[1]


class Killed(BaseException):
    """The process dies here."""


def begin_again(tenant: Any) -> None:
    """Forget everything that was derived."""
    with psycopg.connect(tenant.url) as connection:
        connection.execute(
            "TRUNCATE dealtrail_read.current_records, dealtrail_read.field_history, dealtrail_read.seen, dealtrail_read.parked;"
            "DELETE FROM dealtrail_read.cursors WHERE projection IN ('current_records', 'field_history', 'seen')"
        )


def dying(point: str, at: int) -> Callable[[str], None]:
    """Die when a point is reached for the n-th time."""
    times = iter(range(1, 10_000))

    def failpoint(reached: str) -> None:
        if reached == point and next(times) == at:
            raise Killed

    return failpoint


@pytest.mark.parametrize("point", FAILPOINTS)
def test_killed_at_every_failpoint_it_resumes_to_the_pure_fold(tenant, monkeypatch, point):
    """P8: killed at each place of each of many batches, again and again, the tables are the fold of the log: 0 differences."""
    monkeypatch.setattr(batch, "BATCH", 7)
    expected = pure_fold(tenant)
    batches = -(-tenant.log.head() // 7)
    for at in range(1, 2 * batches + 1):
        begin_again(tenant)
        mortal = catching_up(tenant, CurrentRecords(), FieldHistory(), failpoint=dying(point, at))
        with pytest.raises(Killed):
            mortal.run()
        assert min(mortal.positions().values()) < tenant.log.head() or point == "after_commit"
        assert catching_up(tenant, CurrentRecords(), FieldHistory()).run() == tenant.log.head()
        assert held(tenant) == expected


@pytest.mark.parametrize("point", FAILPOINTS)
def test_killed_while_it_parks_it_neither_loses_nor_doubles_what_is_aside(tenant, monkeypatch, point):
    """P8, P10: what was applied and what is kept aside are together the whole log, after every death."""
    monkeypatch.setattr(batch, "BATCH", 7)
    poison = {event.position for event in whole_log(tenant) if event.position % 9 == 0}
    first: dict[str, int] = {}
    for event in whole_log(tenant):
        if event.position in poison:
            first.setdefault(event.stream, event.position)
    aside = [e.position for e in whole_log(tenant) if e.position >= first.get(e.stream, e.position + 1)]
    for at in range(1, 1 - (-tenant.log.head() // 7)):
        begin_again(tenant)
        with pytest.raises(Killed):
            catching_up(tenant, Seen(fails=lambda e: e.position in poison), failpoint=dying(point, at)).run()
        catching_up(tenant, Seen(fails=lambda e: e.position in poison)).run()
        assert [position for _, position, _ in parked(tenant)] == aside
        assert [position for position, _ in seen(tenant)] == [
            position for position in range(1, tenant.log.head() + 1) if position not in aside
        ]


EXITS = """
import os, sys
from infra.tenant import Tenant
from projections import batch
from projections.catch_up import CatchUp
batch.BATCH = 7
url, name, point, at = sys.argv[1:]
reached = []
def failpoint(here):
    reached.append(here)
    if reached.count(point) == int(at):
        os._exit(77)
with Tenant(url, name) as tenant:
    CatchUp(tenant.pool, tenant.log, tenant.catch_up.projections, failpoint=failpoint).run()
"""


@pytest.mark.parametrize("point", FAILPOINTS)
def test_a_process_that_ends_at_a_failpoint_leaves_nothing_half_done(tenant, point):
    """P8: the process is gone without a goodbye, in the middle of its fifth batch; the next one goes on exactly."""
    done = subprocess.run(
        [sys.executable, "-c", EXITS, tenant.url, tenant.name, point, "5"],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 77
    assert max(tenant.catch_up.positions().values()) > 0
    assert min(tenant.catch_up.positions().values()) < tenant.log.head()
    tenant.catch_up.run()
    assert held(tenant) == pure_fold(tenant)


@pytest.mark.parametrize("point", ["before_swap", "before_swap_commit"])
def test_a_build_that_dies_leaves_the_live_tables_and_nothing_else(tenant, point):
    """P8: until the swap commits nothing of a build is seen, and the next one is not in its way."""
    tenant.catch_up.run()
    before = held(tenant)
    with pytest.raises(Killed):
        catching_up(tenant, CurrentRecords(), FieldHistory(), failpoint=dying(point, 1)).rebuild()
    assert held(tenant) == before
    tell(tenant, deals=3, changes=2, word="late")
    tenant.catch_up.rebuild()
    assert held(tenant) == pure_fold(tenant)


def test_a_missing_position_stops_it_loudly(tenant):
    """P8: positions have no gaps here, so one is damage: nothing is skipped, the reason is kept, a retry goes on."""
    gap = 20

    class Damaged:
        def __getattr__(self, name: str) -> Any:
            return getattr(tenant.log, name)

        def after(self, *about: Any, **more: Any) -> list[Any]:
            return [event for event in tenant.log.after(*about, **more) if event.position != gap]

    damaged = CatchUp(tenant.pool, Damaged(), [Seen()])
    with pytest.raises(LogGap, match="no event at position 20"):
        damaged.run()
    found = standing(damaged, "seen")
    assert (found.state, found.position, seen(tenant)) == (STOPPED, 0, [])
    assert "no event at position 20" in (found.why or "")
    whole = catching_up(tenant, Seen())
    whole.run()
    assert whole.positions()["seen"] == 0
    assert whole.retry()[0].restarted
    whole.run()
    assert [position for position, _ in seen(tenant)] == list(range(1, tenant.log.head() + 1))


def test_a_log_that_was_cut_stops_what_has_read_further(tenant):
    """P8: a projection that has seen more than the log holds does not wait for other events to take those positions."""
    tenant.catch_up.run()
    with psycopg.connect(tenant.url) as connection:
        connection.execute(
            "UPDATE dealtrail_read.cursors SET position = position + 5 WHERE projection = 'field_history'"
        )
    with pytest.raises(LogGap, match="cut or restored"):
        tenant.catch_up.run()
    assert standing(tenant.catch_up, "field_history").state == STOPPED
    tenant.catch_up.rebuild(name="field_history")
    assert held(tenant) == pure_fold(tenant)
    assert standing(tenant.catch_up, "field_history").why is None
