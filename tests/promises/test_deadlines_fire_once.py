"""Each due firing happens exactly once: under kills, restarts, clocks that are wrong, and another calendar in the middle (P22)."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from support.deadlines import ANNA, BEN, HOUR, TEXT, the_playbook
from support.faults.deadline_server import DeadlineService
from support.faults.meanwhile import elsewhere
from support.sales import a_submission, an_append, is_whole, name_of

from commands.ports import NewEvent
from domain.deadlines.events import DeadlineNoticed
from domain.envelope import Origin, Recorded
from domain.events import RecordOpened
from domain.organisation.commands import AddPerson
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from infra.tenant import Tenant

IS_SOAK = bool(os.environ.get("DEALTRAIL_SOAK"))
OPEN = 100_000 if IS_SOAK else 5_000
"""How many deadlines run."""
SPREAD = timedelta(seconds=OPEN / 250)
"""Over which time they become due, one after the other."""
PATIENCE_SECONDS = 60 + OPEN / 20
APPENDED_TOGETHER = 500


def break_of(hours: int) -> PublishedPlaybook:
    """People work around the clock but for a break half a day ago; a deal is due after 20 hours of work, the manager hears of it soon after.

    The break lies within the last twenty hours and not around now, whenever this is run.
    """
    by_day = 8 <= datetime.now(ZoneInfo("Asia/Shanghai")).hour < 20
    begins = 2 if by_day else 14
    stretches = f"[00:00-{begins:02}:00, {begins + hours:02}:00-24:00]"
    head = TEXT[: TEXT.index("    deadlines:\n")]
    week = ", ".join(f"{day}: {stretches}" for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    head = head.replace(head[head.index("  hours:") : head.index("  first_year")], f"  hours: {{{week}}}\n")
    late = "late: {label: {zh: 迟, en: Late}, on_stage: lead, after_hours: 20, ladder: [{tell: [owner]}, {tell: [manager], after_hours: '0.1'}]}"
    return replace(the_playbook(f"{head}    deadlines:\n      {late}\n"), number=0)


LONG_BREAK, SHORT_BREAK = break_of(3), break_of(2)


def open_deals(tenant: Tenant, begins: Sequence[datetime]) -> None:
    """Open deals that stand in their stage since moments of the last day."""
    batch = []
    for number, moment in enumerate(begins):
        event = RecordOpened(fields={"topic": "x"}, stage="lead", owner=ANNA)
        origin = Origin(actor=ANNA, channel="test", occurred_at=moment, command_id=f"cmd_{number}")
        opening = NewEvent(f"deal/dea_{number}", 1, event, event.payload())
        batch.append(an_append(opening, origin=origin, decided_at=moment, playbook="watched", playbook_version=1))  # fmt: skip
    for start in range(0, len(batch), APPENDED_TOGETHER):
        tenant.log.append(batch[start : start + APPENDED_TOGETHER])


def noticed(tenant: Tenant) -> list[Recorded]:
    """Every firing there is."""
    found: list[Recorded] = []
    while page := tenant.log.after(found[-1].position if found else 0, 5_000, topics=[DeadlineNoticed.TOPIC]):
        found += page
    return found


def firings(events: Sequence[Recorded]) -> list[DeadlineNoticed]:
    return [recorded.event for recorded in events if isinstance(recorded.event, DeadlineNoticed)]


def told_twice(events: Sequence[DeadlineNoticed]) -> list[tuple[Any, ...]]:
    """Rungs that were told a second time, or after a higher one, or named as skipped although they were told."""
    counts = Counter(
        (event.record, event.deadline, event.subject, event.armed_at, rung, event.repeat)
        for event in events
        for rung in (event.rung, *event.skipped)
    )
    return [key for key, count in counts.items() if count > 1]


def told_early(events: Sequence[DeadlineNoticed]) -> list[DeadlineNoticed]:
    """What was told before it was due, by the clock of the database."""
    return [event for event in events if event.noticed_at < event.due_at]


def left_out(events: Sequence[DeadlineNoticed], deals: int) -> list[str]:
    """Deals of which not every rung was told, or skipped by name under a higher one."""
    known: dict[str, set[int]] = {f"deal/dea_{number}": set() for number in range(deals)}
    for event in events:
        known[event.record] |= {event.rung, *event.skipped}
    return [record for record, rungs in known.items() if rungs != {1, 2}]


def until(what: Any, seconds: float = PATIENCE_SECONDS, every: float = 0.1) -> None:
    """Wait until something is so."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it did not come"
        time.sleep(every)


def is_quiet(tenant: Tenant) -> bool:
    """Whether the timer table has nothing left to tell: reading the whole log again and again would be the load that is measured."""
    with tenant.pool.connection() as connection:
        row = connection.execute(
            "SELECT EXISTS (SELECT FROM dealtrail_read.timers WHERE next_at IS NOT NULL) AS waits"
        ).fetchone()
    return not row["waits"]


A_CLOCK_THAT_CAN_BE_SET = (
    "CREATE TABLE public.clock (ahead interval NOT NULL)",
    "INSERT INTO public.clock VALUES ('0')",
    "GRANT SELECT ON public.clock TO PUBLIC",
    "ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO the_real_clock",
    """CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN RETURN pg_catalog.the_real_clock() + (SELECT ahead FROM public.clock); END $$""",
)


@contextmanager
def running(*services: DeadlineService) -> Iterator[None]:
    """Let processes run."""
    try:
        for service in services:
            service.start()
        yield
    finally:
        for service in services:
            service.close()


@pytest.fixture
def watched(a_tenant, server) -> Iterator[tuple[Tenant, Any]]:
    """A log whose deadlines become due one after the other, in a database whose clock can be set."""
    made = a_tenant("fires_once")
    name = name_of(made)
    server.run(name, *A_CLOCK_THAT_CAN_BE_SET)

    def jump(by: timedelta) -> None:
        server.run(name, "UPDATE public.clock SET ahead = ahead + %s", parameters=(by,))

    with elsewhere(made) as tenant:
        tenant.bus.submit(a_submission(PublishPlaybook(LONG_BREAK)))
        tenant.bus.submit(a_submission(AddPerson(BEN, "Ben")))
        tenant.bus.submit(a_submission(AddPerson(ANNA, "Anna", manager=BEN, roles=("seller",))))
        yield tenant, jump


def due_in(tenant: Tenant, begins: timedelta) -> list[datetime]:
    """Since when deals have to stand in their stage to be due one after the other from then on: reckoned backwards by the calendar."""
    working = LONG_BREAK.working_time
    assert working is not None
    first = tenant.log.now() + begins
    start = first - timedelta(hours=23, minutes=59)
    # Twenty hours of work take 20 to 23 by the clock: the latest start by which the first is due when it should be.
    low, high = start, first
    while high - low > timedelta(milliseconds=1):
        middle = low + (high - low) / 2
        due = working.moment_after(middle, timedelta(hours=20))
        assert due is not None
        low, high = (middle, high) if due <= first else (low, middle)
    return [low + SPREAD * number / OPEN for number in range(OPEN)]


def test_each_due_firing_happens_exactly_once(watched, plan):
    """Two processes whose clocks are an hour ahead and an hour behind; both are killed, the database's clock jumps back and forth and ahead and back, and a calendar with a
    shorter break makes everything that is left past at once."""
    tenant, jump = watched
    chances = plan.chances("deadlines")
    open_deals(tenant, due_in(tenant, timedelta(seconds=20)))
    tenant.catch_up.run()
    ahead = DeadlineService(tenant.url, tenant.name, skew_seconds=3_600)
    behind = DeadlineService(tenant.url, tenant.name, skew_seconds=-3_600)

    def count() -> int:
        with tenant.pool.connection() as connection:
            row = connection.execute(
                "SELECT count(*) AS n FROM dealtrail.events WHERE topic = %s", (DeadlineNoticed.TOPIC,)
            ).fetchone()
        return int(row["n"])

    with running(ahead, behind):
        until(lambda: count() > OPEN // 10)
        ahead.kill()
        until(lambda: count() > OPEN // 5)
        ahead.start()
        jump(-HOUR)
        time.sleep(1 + chances.random())
        jump(HOUR)
        until(lambda: count() > OPEN // 3)
        behind.kill()
        behind.start()
        tenant.bus.submit(a_submission(PublishPlaybook(SHORT_BREAK)))
        before = count()
        until(lambda: count() > before + OPEN // 10)
        jump(HOUR)
        ahead.kill()
        ahead.start()
        time.sleep(1 + chances.random())
        jump(-HOUR)
        (ahead if chances.random() < 0.5 else behind).kill()
        until(lambda: is_quiet(tenant) and not left_out(firings(noticed(tenant)), OPEN), every=1)
    events = firings(noticed(tenant))
    assert told_twice(events) == []
    assert told_early(events) == []
    assert left_out(events, OPEN) == []
    assert any(event.rung == 1 for event in events), "some were told one rung at a time"
    assert any(event.skipped == [1] for event in events), "some were past at two rungs at once"
    assert {tuple(event.told) for event in events if event.rung == 2} == {(BEN,)}
    assert is_whole(tenant.url)


def test_the_checks_find_what_they_look_for():
    """Their mutants: a rung told twice, one told early, and one nobody was told of."""
    one = DeadlineNoticed(
        "deal/dea_0", "late", 5, 1, "2026-03-02T10:00:00.000000Z", "2026-03-02T10:00:01.000000Z", [ANNA]
    )
    two = replace(one, rung=2)
    assert (told_twice([one, two]), told_early([one, two]), left_out([one, two], 1)) == ([], [], [])
    assert told_twice([one, one]) != []
    assert told_twice([one, replace(two, skipped=[1])]) != []
    assert told_early([replace(one, noticed_at="2026-03-02T09:59:59.000000Z")]) != []
    assert left_out([two], 1) == ["deal/dea_0"]


def test_a_connection_that_breaks_while_firing_tells_nobody_twice(watched, server):
    """Every connection to the database is ended in the middle, again and again."""
    tenant, _ = watched
    deals = OPEN // 10
    open_deals(tenant, [tenant.log.now() - timedelta(hours=23, minutes=58)] * deals)
    tenant.catch_up.run()
    service = DeadlineService(tenant.url, tenant.name)
    with running(service):
        for _ in range(4):
            time.sleep(0.3)
            server.run(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'dealtrail deadlines%%'",
                parameters=(name_of(tenant),),
            )
        until(lambda: not left_out(firings(noticed(tenant)), deals))
    events = firings(noticed(tenant))
    assert (told_twice(events), left_out(events, deals)) == ([], [])


def test_the_application_role_cannot_take_a_firing_back(watched):
    tenant, _ = watched
    with psycopg.connect(tenant.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM dealtrail.events WHERE topic = 'deadline.noticed.v1'")
