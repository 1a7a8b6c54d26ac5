"""P22: clock skew. Clients' clocks do not matter, and the database's may jump: `recorded_at` never decreases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from support.faults import mutants
from support.faults.figures import FIGURES
from support.faults.history import Work
from support.faults.meanwhile import elsewhere
from support.faults.plan import FaultPlan, Kind
from support.faults.service import BusService
from support.sales import Desk, is_whole, name_of

from domain.envelope import Recorded
from domain.record.commands import EditFields, OpenRecord

HOUR = timedelta(hours=1)
DEAL = "deal/dea_1"
LEAP_DAY = datetime(2028, 2, 29, tzinfo=UTC)

A_CLOCK_THAT_CAN_BE_SET = (
    "CREATE TABLE public.clock (ahead interval NOT NULL)",
    "INSERT INTO public.clock VALUES ('0')",
    "GRANT SELECT ON public.clock TO PUBLIC",
    "ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO the_real_clock",
    """CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN RETURN pg_catalog.the_real_clock() + (SELECT ahead FROM public.clock); END $$""",
)
"""Gives one throw-away database another clock, wherever it is read: nothing of dealtrail's own SQL is changed."""


class Clock:
    """The clock of one database, to be set by the test."""

    def __init__(self, server: Any, name: str) -> None:
        self._server, self._name = server, name
        server.run(name, *A_CLOCK_THAT_CAN_BE_SET)

    def jump(self, by: timedelta) -> None:
        """Set the clock forward, or back."""
        self._server.run(self._name, "UPDATE public.clock SET ahead = ahead + %s", parameters=(by,))

    def set(self, moment: datetime) -> None:
        """Set the clock to a moment; it goes on from there."""
        self._server.run(
            self._name,
            "UPDATE public.clock SET ahead = %s - pg_catalog.the_real_clock()",
            parameters=(moment,),
        )

    def read(self) -> datetime:
        """What the database takes the time to be."""
        (row,) = self._server.run(self._name, "SELECT clock_timestamp() AS now")
        return row["now"]


@pytest.fixture
def jumping(a_tenant, server) -> Iterator[tuple[Desk, Clock]]:
    """A log in a database whose clock can be set, opened after that: connections that were there know the real one."""
    tenant = a_tenant("jumping")
    clock = Clock(server, name_of(tenant))
    with elsewhere(tenant) as opened_later:
        yield Desk(opened_later), clock


def running_back(log: list[Recorded]) -> list[str]:
    """P22: events that say they were recorded before the one in front of them."""
    return [
        f"{later.position} was recorded at {later.recorded_at}, after {earlier.recorded_at}"
        for earlier, later in pairwise(log)
        if later.recorded_at < earlier.recorded_at
    ]


def append_while_the_clock_jumps(desk: Desk, clock: Clock, plan: FaultPlan) -> tuple[list[Recorded], int]:
    """Append between jumps of up to two hours, at least every third of them back; return the log and how many went back."""
    back = 0
    jumps = plan.faults({Kind.JUMP_CLOCK: FIGURES.clock_jumps}, over=1_000)
    for number, fault in enumerate(jumps):
        ahead = 4 * fault.chance - 2 if number % 3 else -0.5 - 1.5 * fault.chance
        back += ahead < 0
        clock.jump(timedelta(hours=ahead))
        desk.do(OpenRecord(f"deal/dea_j{number}", {"topic": "x"}))
        desk.batch([EditFields(f"deal/dea_j{number}", {"topic": word}) for word in ("y", "z")])
    return desk.tenant.log.read(1, desk.tenant.log.head()), back


def test_a_clock_of_the_database_that_jumps_back_is_held(jumping, plan):
    """P22: recorded_at never decreases, whatever the database's clock does; what was read of it stands in decided_at."""
    desk, clock = jumping
    log, back = append_while_the_clock_jumps(desk, clock, plan)
    assert back >= FIGURES.clock_jumps // 3
    assert running_back(log) == []
    assert any(event.decided_at < event.recorded_at - HOUR / 4 for event in log), "no jump back was noticed"
    assert is_whole(desk.tenant.url)


def test_a_clock_that_is_right_again_is_followed_again(jumping):
    """P22: after an hour ahead the moment is held for an hour, not for ever."""
    desk, clock = jumping
    clock.jump(HOUR)
    ahead = desk.do(OpenRecord(DEAL, {"topic": "x"})).events[0].recorded_at
    clock.jump(-HOUR)
    held = desk.do(EditFields(DEAL, {"topic": "y"})).events[0].recorded_at
    clock.jump(2 * HOUR)
    followed = desk.do(EditFields(DEAL, {"topic": "z"})).events[0].recorded_at
    assert held == ahead
    assert followed > ahead + HOUR / 2


def test_without_holding_the_clock_the_jump_shows(jumping, server, plan):
    """P22, its mutant: where the last moment is not held, the same check on the same jumps finds time running back."""
    desk, clock = jumping
    mutants.install(server, name_of(desk.tenant), mutants.WITHOUT_HOLDING_THE_CLOCK)
    log, _ = append_while_the_clock_jumps(desk, clock, plan)
    assert running_back(log) != []


@pytest.mark.parametrize("begins", [LEAP_DAY, LEAP_DAY + timedelta(days=1)], ids=["before", "after"])
def test_the_leap_day_is_a_day(jumping, begins):
    """P22: over the midnights around 29 February moments go on, seal and verify, and positions are found by date."""
    desk, clock = jumping
    clock.set(begins - timedelta(seconds=2))
    first = desk.do(OpenRecord(DEAL, {"topic": "x"})).events[0]
    clock.set(begins)
    second = desk.do(EditFields(DEAL, {"topic": "y"})).events[0]
    assert first.recorded_at < begins <= second.recorded_at
    assert (begins - timedelta(days=1)).date() == first.recorded_at.date() != second.recorded_at.date()
    assert desk.tenant.log.position_at(begins - timedelta(microseconds=1)) == first.position
    assert desk.tenant.log.position_at(begins + HOUR) == second.position
    assert is_whole(desk.tenant.url)


def test_the_leap_day_can_be_told_to_a_simulated_log(a_tenant):
    """P22: a simulated log goes through 29 February, and never back over it."""
    desk = Desk(a_tenant("leap", clock="simulated", told_time=LEAP_DAY - HOUR))
    noon = LEAP_DAY + 12 * HOUR
    told = [LEAP_DAY, noon, LEAP_DAY - HOUR, LEAP_DAY + timedelta(days=1)]
    recorded = [
        desk.do(OpenRecord(f"deal/dea_{n}", {"topic": "x"}), told_time=moment).events[0].recorded_at
        for n, moment in enumerate(told)
    ]
    assert recorded[1:3] == [max(noon, recorded[0])] * 2
    assert running_back(desk.tenant.log.read(1, desk.tenant.log.head())) == []
    assert is_whole(desk.tenant.url)


@pytest.mark.parametrize("skew", [HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
def test_the_clock_of_a_client_does_not_matter(a_tenant, server, skew):
    """P22: a process whose own clock is an hour wrong appends with the moments of the database."""
    tenant = a_tenant("skewed")
    Desk(tenant)
    service = BusService(tenant.url, tenant.name, threads=2, skew_seconds=skew.total_seconds())
    head = tenant.log.head()
    began = tenant.log.now()
    service.start()
    try:
        service.send([Work(f"open-{n}", "open", f"deal/dea_{n}") for n in range(5)])
        service.send([Work(f"move-{n}", "move", f"deal/dea_{n}", 2) for n in range(5)])
    finally:
        service.close()
    ended = tenant.log.now()
    events = tenant.log.after(head, 100)
    assert len(events) == 15
    for event in events:
        assert began <= event.decided_at <= event.recorded_at <= ended
        assert event.occurred_at == event.decided_at
    assert is_whole(tenant.url)
