"""A poison event parks its record only: everything else is at the head, and a retry drains what was kept aside."""

import time
from collections import Counter
from threading import Event, Thread
from typing import Any

import pytest
from support import projecting
from support.projecting import (
    Seen,
    catching_up,
    followed,
    held,
    parked,
    pure_fold,
    query,
    seen,
    standing,
    tell,
    until,
    whole_log,
)
from support.sales import an_append

from commands.ports import NewEvent
from domain.events import EVENTS
from projections.current_records import CurrentRecords
from projections.field_history import FieldHistory
from projections.parked import Parked
from projections.standing import STOPPED

server, tenant = projecting.server, projecting.tenant


def test_a_poison_event_parks_its_record_only(tenant):
    """P10: the event and all later ones of its stream are kept aside; what came before it, and every other record, is there."""
    poisoned = next(e for e in whole_log(tenant) if e.stream == "deal/dea_4" and e.version == 2)
    catch_up = catching_up(tenant, Seen(fails=lambda e: e.position == poisoned.position))
    catch_up.run()
    aside = [e.position for e in whole_log(tenant) if e.stream == "deal/dea_4" and e.version >= 2]
    assert parked(tenant) == [("deal/dea_4", position, int(n == 0)) for n, position in enumerate(aside)]
    assert [p for p, _ in seen(tenant)] == [e.position for e in whole_log(tenant) if e.position not in aside]
    found = standing(catch_up, "seen")
    assert (found.events_behind, found.parked_streams, found.parked_events) == (0, 1, 3)
    tell(tenant, deals=1, changes=0, word="other")
    later = NewEvent("deal/dea_4", 5, poisoned.event, poisoned.event.payload())
    tenant.log.append([an_append(later)])
    catch_up.run()
    assert parked(tenant)[-1] == ("deal/dea_4", tenant.log.head(), 0)
    assert seen(tenant)[-1] == (tenant.log.head() - 1, "deal/other_0")


def test_answers_can_ask_what_is_parked(tenant):
    """P10: an answer that touches parked records says how many."""
    catching_up(
        tenant, Seen(fails=lambda e: e.stream in {"deal/dea_1", "deal/dea_2"} and e.version == 3)
    ).run()
    with tenant.pool.connection() as connection:
        asked = [
            Parked.count(connection, "seen"),
            Parked.count(connection, "seen", kind="deal"),
            Parked.count(connection, "seen", kind="dea"),
            Parked.count(connection, "seen", stream="deal/dea_1"),
            Parked.count(connection, "seen", stream="deal/dea_3"),
            Parked.count(connection, "field_history"),
        ]
        among = Parked.among(connection, "seen", ["deal/dea_1", "deal/dea_3"])
    assert asked == [2, 2, 0, 1, 0, 0]
    assert among == {"deal/dea_1"}


def test_a_retry_drains_a_parked_record_in_order(tenant):
    """P10: what still fails stays parked and is counted; what is mended is applied in the order of the stream."""
    failing = {"deal/dea_1": {2, 4}, "deal/dea_2": {1}}
    model = Seen(fails=lambda e: e.version in failing.get(e.stream, ()))
    catch_up = catching_up(tenant, model)
    catch_up.run()
    began = query(tenant, "SELECT min(first_failed_at) FROM dealtrail_read.parked")
    assert (catch_up.retry()[0].streams_drained, catch_up.retry("seen")[0].streams_still_parked) == (0, 2)
    assert [attempts for _, _, attempts in parked(tenant) if attempts] == [3, 3]
    assert query(tenant, "SELECT min(first_failed_at) FROM dealtrail_read.parked") == began
    failing["deal/dea_1"].remove(2)
    del failing["deal/dea_2"]
    done = catch_up.retry()[0]
    assert (done.streams_drained, done.streams_still_parked, done.restarted) == (1, 1, False)
    assert [(stream, attempts) for stream, _, attempts in parked(tenant)] == [("deal/dea_1", 1)]
    failing.clear()
    assert catch_up.retry()[0].streams_still_parked == 0
    assert parked(tenant) == []
    applied = query(tenant, "SELECT stream, position FROM dealtrail_read.seen ORDER BY applied")
    for stream in ("deal/dea_1", "deal/dea_2"):
        order = [position for name, position in applied if name == stream]
        assert order == sorted(order)
        assert len(order) == 4
    assert len(applied) == tenant.log.head()


def test_the_reason_of_parking_holds_no_value(tenant):
    """P28: neither what a handler says of an event nor what the database says of a row is kept."""
    catching_up(tenant, Seen(fails=lambda e: e.version == 3)).run()

    class Twice(Seen):
        def apply(self, connection: Any, events: Any) -> None:
            for recorded in events:
                if recorded.stream == "deal/dea_1":
                    connection.execute(
                        "INSERT INTO seen (position, stream, topic, version) SELECT 1, %s, '', 1",
                        (recorded.stream,),
                    )

    catching_up(tenant, Twice("twice")).run()
    errors = dict(query(tenant, "SELECT projection, min(error) FROM dealtrail_read.parked GROUP BY 1"))
    assert errors["seen"].startswith("Poisoned in support.projecting:")
    assert errors["seen"].endswith(", on record.fields-changed.v1")
    assert errors["twice"].startswith("UniqueViolation (23505, seen, seen_pkey) in ")
    assert not any("topic 1" in text or "dea_1" in text for text in errors.values())


@pytest.mark.parametrize("governing", ["organisation", "log"])
def test_a_governing_event_that_fails_stops_that_projection_only(tenant, governing):
    """P10: without it every later answer would be wrong; status says so and why, a retry lets it go on."""
    formed = EVENTS["organisation.team-formed.v1"]("north", "North")
    tenant.log.append([an_append(NewEvent("organisation", 1, formed, formed.payload()))])
    tell(tenant, deals=2, changes=1, word="after")
    failing = {governing}
    catch_up = catching_up(tenant, Seen(fails=lambda e: e.stream in failing), FieldHistory())
    at = next(e.position for e in whole_log(tenant) if e.stream == governing)
    for _ in range(2):
        catch_up.run()
        found = standing(catch_up, "seen")
        assert (found.state, found.position, found.parked_streams) == (STOPPED, at - 1, 0)
        assert f"at position {at}" in (found.why or "")
        assert len(seen(tenant)) == at - 1
        assert standing(catch_up, "field_history").events_behind == 0
        assert catch_up.retry("seen")[0].restarted
    catch_up.run()
    failing.clear()
    with followed(tenant, catch_up) as follower:
        until(lambda: standing(follower, "seen").state == STOPPED)
        catching_up(tenant, Seen()).retry("seen")
        until(lambda: standing(follower, "seen").events_behind == 0)
    assert len(seen(tenant)) == tenant.log.head()


def test_one_poison_event_in_a_hundred_holds_nobody_up(tenant):
    """P10: while events arrive and one in a hundred fails, everything else is at the head in less than a second; then all drains in order."""
    poison = Seen(fails=lambda e: e.position % 100 == 0)
    catch_up = catching_up(tenant, CurrentRecords(), FieldHistory(), poison)
    worst: Counter[str] = Counter()
    done = Event()

    def write() -> None:
        try:
            for number in range(40):
                tell(tenant, deals=10, changes=2, word=f"live{number}", batch=10)
                time.sleep(0.03)
        finally:
            done.set()

    with followed(tenant, catch_up) as follower:
        until(lambda: all(found.events_behind == 0 for found in follower.status()))
        writer = Thread(target=write)
        writer.start()
        while not done.is_set():
            for found in follower.status():
                worst[found.name] = max(worst[found.name], found.seconds_behind or 0)
        writer.join()
        until(lambda: all(found.events_behind == 0 for found in follower.status()))
        assert standing(follower, "seen").parked_streams == len({stream for stream, *_ in parked(tenant)}) > 5
    assert worst["current_records"] < 1
    assert worst["field_history"] < 1
    assert worst["seen"] < 1
    assert held(tenant) == pure_fold(tenant)
    poison.fails = lambda _: False
    assert catch_up.retry("seen")[0].streams_still_parked == 0
    applied = query(tenant, "SELECT stream, position FROM dealtrail_read.seen ORDER BY applied")
    assert len(applied) == tenant.log.head()
    by_stream: dict[str, list[int]] = {}
    for stream, position in applied:
        by_stream.setdefault(stream, []).append(position)
    assert all(positions == sorted(positions) for positions in by_stream.values())
