"""Projections are kept up with the log exactly once, whatever dies, fails or restarts."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import rmtree
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from support.projecting import Alarms, Letters, Seen, query, tell, with_tables
from support.sales import MORNING, Databases, an_append, databases

import infra.follower
import infra.projection_worker
from commands.ports import NewEvent
from domain.events import EVENTS
from domain.record import state as record_state
from infra.embedded import EmbeddedPostgres
from infra.follower import Follower, following
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant
from projections import batch
from projections.batch import FAILPOINTS
from projections.catch_up import CatchUp
from projections.current_records import CurrentRecords
from projections.field_history import FieldHistory, changes_of
from projections.kinds import BuildRefused, LogGap, NeverRebuilt, NotNow, Projection, UnknownProjection
from projections.parked import Parked
from projections.standing import BACKING_OFF, BUILDING, RUNNING, STANDING_BY, STOPPED, Standing

REPOSITORY = Path(infra.__file__).parents[1]
PATIENCE_SECONDS = 20.0
"""How long a test waits for what has no promised bound."""


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture(scope="module")
def server(embedded_home) -> Iterator[Databases]:
    with databases(embedded_home) as found:
        yield found


@pytest.fixture
def tenant(a_tenant, server) -> Any:
    """A log of 12 deals with 4 events each, its projections nowhere yet, and tables for the small ones."""
    tenant = with_tables(server, a_tenant("runner"))
    tell(tenant, deals=12, changes=3)
    return tenant


def catching_up(tenant: Any, *projections: Projection, **about: Any) -> CatchUp:
    """Other projections over the same log."""
    return CatchUp(tenant.pool, tenant.log, projections, **about)


@contextmanager
def followed(tenant: Any, catch_up: CatchUp) -> Iterator[Follower]:
    """Follow with other projections than the tenant's."""
    follower = Follower(tenant.url, catch_up)
    follower.start()
    try:
        yield follower
    finally:
        follower.stop()


def standing(of: Any, name: str) -> Standing:
    """Where one projection stands, asked of a follower or of a catch-up."""
    return next(found for found in of.status() if found.name == name)


def until(what: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until something is so; return how many seconds that took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it did not come"
        time.sleep(0.01)
    return time.monotonic() - began


def seen(tenant: Any) -> list[tuple[int, str]]:
    """What the small read model holds."""
    return query(tenant, "SELECT position, stream FROM dealtrail_read.seen ORDER BY position")


def parked(tenant: Any, name: str = "seen") -> list[tuple[Any, ...]]:
    """What is kept aside for a projection."""
    return query(
        tenant,
        "SELECT stream, position, attempts FROM dealtrail_read.parked WHERE projection = %s ORDER BY position",
        name,
    )


def whole_log(tenant: Any) -> list[Any]:
    """Every event there is."""
    return tenant.log.read(1, tenant.log.head())


def pure_fold(tenant: Any) -> tuple[dict[str, Any], Counter[Any]]:
    """What the two read models must hold, folded from the events alone."""
    records: dict[str, Any] = {}
    changes: Counter[Any] = Counter()
    for event in whole_log(tenant):
        if event.stream.startswith("deal/"):
            records[event.stream] = record_state.evolve(records.get(event.stream), event)
        for field, old, new in changes_of(event):
            changes[(event.stream, event.position, field, json.dumps(old), json.dumps(new))] += 1
    return {stream: record_state.to_json(record) for stream, record in records.items()}, changes


def held(tenant: Any) -> tuple[dict[str, Any], Counter[Any]]:
    """What the two read models do hold."""
    records = dict(query(tenant, "SELECT stream, record FROM dealtrail_read.current_records"))
    rows = query(tenant, "SELECT stream, position, field, old, new FROM dealtrail_read.field_history")
    changes = Counter(
        (stream, position, field, json.dumps(old), json.dumps(new))
        for stream, position, field, old, new in rows
    )
    return records, changes


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


# P8: it resumes exactly


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


# The three kinds


def test_a_process_is_never_made_again(tenant):
    """P8: what it did cannot be undone, so its cursor does not rewind; making everything again leaves it out."""
    catch_up = catching_up(tenant, Seen(), Alarms(), Letters())
    catch_up.run()
    letters = query(tenant, "SELECT * FROM dealtrail_read.letters ORDER BY position")
    assert len(letters) == 12
    with pytest.raises(NeverRebuilt, match="acted"):
        catch_up.rebuild(name="letters")
    catch_up.rebuild()
    assert query(tenant, "SELECT * FROM dealtrail_read.letters ORDER BY position") == letters
    assert [found.type for found in catch_up.status()] == ["read model", "timer table", "process"]


def test_a_new_version_of_a_process_goes_on_where_the_old_one_was(tenant):
    """P8: it is never built beside itself; no letter is written twice."""
    catching_up(tenant, Letters()).run()
    tell(tenant, deals=2, changes=0, word="new")
    later = catching_up(tenant, Letters(version=2))
    later.run()
    assert query(tenant, "SELECT count(*) FROM dealtrail_read.letters") == [(14,)]
    assert standing(later, "letters").live_version == 2


def test_a_timer_table_made_again_is_the_same(tenant):
    """P8: its rows are derived, so they can be made again."""
    catch_up = catching_up(tenant, Alarms())
    catch_up.run()
    alarms = query(tenant, "SELECT * FROM dealtrail_read.alarms ORDER BY stream")
    assert len(alarms) == 12
    with psycopg.connect(tenant.url) as connection:
        connection.execute("DELETE FROM dealtrail_read.alarms WHERE stream < 'deal/dea_5'")
    catch_up.rebuild(name="alarms")
    assert query(tenant, "SELECT * FROM dealtrail_read.alarms ORDER BY stream") == alarms


def test_what_is_of_no_kind_is_refused(tenant):
    """Whether something may be made again is never guessed."""

    class Anything:
        name = "anything"

        def apply(self, connection: Any, events: Any) -> None: ...

    with pytest.raises(TypeError, match="neither a ReadModel"):
        catching_up(tenant, Anything())  # type: ignore[arg-type]


# P10: poison parks its record only


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


def test_what_is_not_the_event_s_fault_backs_off_and_parks_nothing(tenant):
    """P12: a handler that cannot go on now is called again, and the state says that it is backing off."""
    closed = {"yes"}

    def busy(_: Any) -> bool:
        if closed:
            raise NotNow
        return False

    with followed(tenant, catching_up(tenant, Seen(fails=busy), FieldHistory())) as follower:
        until(lambda: standing(follower, "seen").state == BACKING_OFF)
        assert (standing(follower, "seen").why or "").startswith("NotNow in ")
        until(lambda: standing(follower, "field_history").events_behind == 0)
        closed.clear()
        until(lambda: standing(follower, "seen").events_behind == 0)
    assert parked(tenant) == []
    assert len(seen(tenant)) == tenant.log.head()


# A new version, or the same one again, beside the live tables


def test_a_reader_never_sees_less_during_a_rebuild(tenant, monkeypatch):
    """P8: whatever snapshot a reader holds, it sees the old rows or the new ones, never a part."""
    monkeypatch.setattr(batch, "BATCH", 10)
    tenant.catch_up.run()
    full = query(tenant, "SELECT count(*) FROM dealtrail_read.field_history")[0][0]
    done, counted = Event(), []

    def read() -> None:
        with psycopg.connect(tenant.url, autocommit=True) as connection:
            while not done.is_set():
                with connection.transaction():
                    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    connection.execute("SELECT position FROM dealtrail_read.cursors").fetchall()
                    time.sleep(0.002)
                    row = connection.execute("SELECT count(*) FROM dealtrail_read.field_history").fetchone()
                    counted.append(row[0] if row else 0)

    reader = Thread(target=read)
    reader.start()
    with psycopg.connect(tenant.url, autocommit=True) as connection:
        for _ in range(4):
            # Every row differs, so every row is written anew.
            connection.execute("UPDATE dealtrail_read.field_history SET field = field || ' ' || position")
            tenant.catch_up.rebuild()
    done.set()
    reader.join()
    assert len(counted) > 10
    assert set(counted) == {full}
    assert held(tenant) == pure_fold(tenant)


def test_a_rebuild_mends_what_was_lost_changed_and_added(tenant):
    """P8: after it the rows are those of the log, whatever they were before."""
    tenant.catch_up.run()
    with psycopg.connect(tenant.url) as connection:
        connection.execute("DELETE FROM dealtrail_read.field_history WHERE stream = 'deal/dea_1'")
        connection.execute(
            "UPDATE dealtrail_read.current_records SET stage = 'won', record = '{}' WHERE stream > 'deal/dea_3'"
        )
        connection.execute(
            "INSERT INTO dealtrail_read.field_history VALUES ('deal/none', 1, 'x', 'deal', NULL, NULL)"
        )
    tenant.catch_up.rebuild()
    assert held(tenant) == pure_fold(tenant)
    assert query(tenant, "SELECT DISTINCT stage FROM dealtrail_read.current_records") == [("lead",)]


def test_a_rebuild_that_would_lack_more_records_is_refused(tenant):
    """P10: the live tables stay when what was built beside them parks more than they do."""
    model = Seen()
    catch_up = catching_up(tenant, model)
    catch_up.run()
    before = seen(tenant)
    model.fails = lambda e: e.stream == "deal/dea_7"
    with pytest.raises(BuildRefused, match="would lack 1 records, the live one lacks 0"):
        catch_up.rebuild()
    assert (seen(tenant), parked(tenant)) == (before, [])
    model.fails = lambda e: e.stream == "log"
    with pytest.raises(BuildRefused, match="cannot be built"):
        catch_up.rebuild()
    assert (seen(tenant), standing(catch_up, "seen").state != STOPPED) == (before, True)


def test_a_rebuild_takes_over_what_is_parked_no_more(tenant):
    """P10: what could be handled this time is not parked any longer, and what could not still is."""
    model = Seen(fails=lambda e: e.stream in {"deal/dea_1", "deal/dea_2"})
    catch_up = catching_up(tenant, model)
    catch_up.run()
    model.fails = lambda e: e.stream == "deal/dea_2"
    catch_up.rebuild()
    assert {stream for stream, *_ in parked(tenant)} == {"deal/dea_2"}
    assert len(seen(tenant)) == tenant.log.head() - 4


def test_a_handler_that_names_the_live_tables_cannot_be_built_beside_them(tenant):
    """P8: instead of writing into the live table a second time, the build fails and says where."""

    class Careless(Seen):
        def apply(self, connection: Any, events: Any) -> None:
            for e in events:
                connection.execute(
                    "INSERT INTO dealtrail_read.seen (position, stream, topic, version) VALUES (%s, %s, '', 1)",
                    (e.position, e.stream),
                )

    catch_up = catching_up(tenant, Careless())
    catch_up.run()
    before = seen(tenant)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        catch_up.rebuild()
    assert seen(tenant) == before


def test_a_table_without_a_key_cannot_be_compared(tenant):
    """P8: a read model says by what its rows are told apart, or it is not built."""

    class Loose(Seen):
        tables = ("loose",)

    with pytest.raises(BuildRefused, match="no primary key"):
        catching_up(tenant, Loose()).rebuild()


def test_a_role_that_may_not_build_is_told_what_it_lacks(tenant, server):
    """P12: where an administrator took the right to temporary tables away, the message is the statement that gives it back."""
    tenant.catch_up.run()
    server.run("postgres", f"REVOKE TEMPORARY ON DATABASE dealtrail_{tenant.name} FROM PUBLIC")
    with pytest.raises(
        BuildRefused, match=f"GRANT TEMPORARY ON DATABASE dealtrail_{tenant.name} TO dealtrail_app"
    ):
        tenant.catch_up.rebuild()
    assert held(tenant) == pure_fold(tenant)


def test_a_new_version_is_built_beside_the_old_one_and_swapped_in(tenant, monkeypatch):
    """P8: until it is complete answers come from the old rows; from then on the old program stands still."""
    old, new = catching_up(tenant, Seen()), catching_up(tenant, Seen(version=2))
    old.run()
    tell(tenant, deals=2, changes=1, word="more")
    monkeypatch.setattr(batch, "BATCH", 10)
    versions: list[Any] = []
    advance = batch.advance

    def watched(*about: Any) -> Any:
        versions.append(query(tenant, "SELECT DISTINCT version FROM dealtrail_read.seen"))
        return advance(*about)

    monkeypatch.setattr(batch, "advance", watched)
    with followed(tenant, new) as follower:
        until(lambda: standing(follower, "seen").live_version == 2)
    assert len(versions) > 5
    assert set(map(tuple, versions)) == {((1,),)}
    assert query(tenant, "SELECT version, count(*) FROM dealtrail_read.seen GROUP BY 1") == [
        (2, tenant.log.head())
    ]
    tell(tenant, deals=1, changes=0, word="newest")
    old.run()
    found = standing(old, "seen")
    assert (found.state, found.events_behind) == (STOPPED, 1)
    assert "version 2 is live" in (found.why or "")
    new.run()
    assert standing(new, "seen").events_behind == 0


def test_a_build_is_left_when_the_process_stops_and_begun_again_by_the_next(tenant, monkeypatch):
    """P12: a build may take long; a process that is told to stop does not finish it first."""
    catching_up(tenant, Seen()).run()
    monkeypatch.setattr(batch, "BATCH", 1)
    advance, goes, began = batch.advance, Event(), Event()

    def slow(*about: Any) -> Any:
        began.set()
        goes.wait(PATIENCE_SECONDS)
        return advance(*about)

    monkeypatch.setattr(batch, "advance", slow)
    with followed(tenant, catching_up(tenant, Seen(version=2))) as follower:
        assert began.wait(PATIENCE_SECONDS)
        assert standing(follower, "seen").state == BUILDING
        stop = Thread(target=follower.stop)
        stop.start()
        goes.set()
        stop.join(PATIENCE_SECONDS)
        assert not stop.is_alive()
    assert query(tenant, "SELECT DISTINCT version FROM dealtrail_read.seen") == [(1,)]
    catching_up(tenant, Seen(version=2)).run()
    assert query(tenant, "SELECT DISTINCT version FROM dealtrail_read.seen") == [(2,)]


def test_only_one_process_builds(tenant):
    """P8: whoever comes second finds it done, or leaves it to the one who is building."""
    catching_up(tenant, Seen()).run()
    new = Seen(version=2)
    with tenant.pool.connection() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (batch.key_of(new, " is built"),))
        with followed(tenant, catching_up(tenant, new)) as follower:
            until(lambda: standing(follower, "seen").leads_here)
            assert standing(follower, "seen").state == BUILDING
            time.sleep(0.5)
            assert standing(follower, "seen").live_version == 1
            connection.execute("SELECT pg_advisory_unlock(%s)", (batch.key_of(new, " is built"),))
            until(lambda: standing(follower, "seen").live_version == 2)


# Who leads, and who takes over


def test_one_leads_and_the_other_takes_over(tenant, server):
    """P12: two processes follow the same log; one works, the other stands by until the first has gone."""
    with ExitStack() as closing:
        other = closing.enter_context(Tenant(tenant.url, tenant.name))
        first = closing.enter_context(following(tenant))
        until(lambda: all(found.leads_here for found in first.status()))
        second = closing.enter_context(following(other))
        until(lambda: all(found.leader_application for found in second.status()))
        assert {found.state for found in first.status()} == {RUNNING}
        assert {(found.state, found.leads_here) for found in second.status()} == {(STANDING_BY, False)}
        assert first.status()[0].leader_backend_pid == second.status()[0].leader_backend_pid
        first.stop()
        until(lambda: all(found.leads_here for found in second.status()))
        tell(tenant, deals=1, changes=1, word="after")
        until(lambda: all(found.events_behind == 0 for found in second.status()))
    assert held(tenant) == pure_fold(tenant)


LEADS = """
import sys, time
from infra.tenant import Tenant
from infra.follower import following
with Tenant(*sys.argv[1:]) as tenant, following(tenant) as followers:
    while not all(found.leads_here for found in followers.status()):
        time.sleep(0.05)
    print("leads", flush=True)
    time.sleep(600)
"""


def test_a_killed_leader_is_replaced(tenant):
    """P12: a leader that is killed without a goodbye gives the lead up with its connection."""
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADS, tenant.url, tenant.name],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert leader.stdout is not None
        assert leader.stdout.readline() == "leads\n"
        with following(tenant) as second:
            until(lambda: all(found.state == STANDING_BY for found in second.status()))
            assert str(leader.pid) in (second.status()[0].leader_application or "")
            leader.kill()
            leader.wait()
            until(lambda: all(found.leads_here for found in second.status()))
            tell(tenant, deals=1, changes=1, word="after")
            until(lambda: all(found.events_behind == 0 for found in second.status()))
    finally:
        leader.kill()
        leader.wait()
        leader.stdout.close()  # type: ignore[union-attr]
    assert held(tenant) == pure_fold(tenant)


def test_every_lost_connection_is_made_again(tenant, server):
    """P12: the administrator ends every connection of the service, in the middle of work; nothing is parked, nothing is missing."""
    with following(tenant) as follower:
        for number in range(5):
            tell(tenant, deals=3, changes=2, word=f"round{number}", batch=3)
            server.run(
                "postgres",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'dealtrail_{tenant.name}'"
                " AND application_name LIKE 'dealtrail %'",
            )
            time.sleep(0.1)
        until(lambda: all(found.events_behind == 0 and found.leads_here for found in follower.status()))
        assert {found.parked_streams for found in follower.status()} == {0}
    assert held(tenant) == pure_fold(tenant)


def test_what_a_notification_says_is_not_believed(tenant):
    """P8: anybody may notify; positions are read from the log, so a wrong one neither skips nor stops anything."""
    with following(tenant) as follower, psycopg.connect(tenant.url, autocommit=True) as connection:
        until(lambda: all(found.events_behind == 0 for found in follower.status()))
        for payload in ("999999", "0", "-1", "", "x" * 1_000):
            connection.execute("SELECT pg_notify('dealtrail_events', %s)", (payload,))
        tell(tenant, deals=2, changes=1, word="after")
        until(lambda: all(found.events_behind == 0 for found in follower.status()))
        assert {found.position for found in follower.status()} == {tenant.log.head()}
    assert held(tenant) == pure_fold(tenant)


def test_a_notification_is_enough(tenant, monkeypatch):
    """P8: a projection does not wait for the clock when the log says that there is something new."""
    for module in (infra.follower, infra.projection_worker):
        monkeypatch.setattr(module, "POLL_SECONDS", 3_600.0)
    with following(tenant) as follower:
        until(lambda: all(found.events_behind == 0 for found in follower.status()))
        tell(tenant, deals=1, changes=1, word="after")
        until(lambda: all(found.events_behind == 0 for found in follower.status()))


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A home of one test's own, open to the user the database runs as."""
    home = Path(tempfile.mkdtemp(prefix="dealtrail-own-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_after_postgresql_was_restarted_the_lag_is_nothing_within_five_seconds(own_home, how):
    """P12: PostgreSQL is gone for long enough that every back-off has reached its limit; from its first answer on, 5 s are enough."""
    with ExitStack() as closing:
        server = closing.enter_context(EmbeddedPostgres.attach(own_home))
        tenant = closing.enter_context(
            open_tenant(Settings(home=own_home, database_url=None, tenant="healing"))
        )
        tell(tenant, deals=20, changes=2)
        follower = closing.enter_context(following(tenant))
        until(lambda: all(found.events_behind == 0 and found.state == RUNNING for found in follower.status()))
        pid = int((server.data_dir / "postmaster.pid").read_text().split()[0])
        os.kill(pid, how)
        until(lambda: all(found.state == BACKING_OFF for found in follower.status()))
        assert all(
            found.position is None and "does not answer" in (found.why or "") for found in follower.status()
        )
        time.sleep(6)
        closing.enter_context(EmbeddedPostgres.attach(own_home))
        accepts = time.monotonic()
        with Tenant(tenant.url, tenant.name) as writer:
            tell(writer, deals=5, changes=1, word="after")
            until(
                lambda: all(found.events_behind == 0 and found.leads_here for found in follower.status()), 30
            )
            healed = time.monotonic() - accepts
            assert held(writer) == pure_fold(writer)
    assert healed <= 5


# What the program says


@pytest.fixture
def dealtrail(tenant, embedded_home) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The program on the log of the tenant."""
    environment = os.environ | {"DEALTRAIL_HOME": str(embedded_home), "PYTHONPATH": str(REPOSITORY)}
    environment.pop("DATABASE_URL", None)

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "infra.cli.main", "--tenant", tenant.name, "projections", *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_the_program_says_where_projections_stand(tenant, dealtrail):
    """Status says how far and how late each is, who leads, and what is kept aside; in a table and as JSON."""
    tenant.catch_up.run()
    tell(tenant, deals=2, changes=0, word="new")
    with psycopg.connect(tenant.url) as connection:
        connection.execute(
            "INSERT INTO dealtrail_read.parked VALUES ('field_history', 'deal/dea_1', 5, 'ValueError in x:1', 1, now())"
        )
    found = {row["name"]: row for row in json.loads(dealtrail("status", "--json").stdout)}
    told = found["field_history"]
    assert (told["type"], told["state"], told["version"], told["live_version"]) == (
        "read model",
        "not followed",
        1,
        1,
    )
    assert (told["position"], told["head"], told["events_behind"]) == (
        tenant.log.head() - 2,
        tenant.log.head(),
        2,
    )
    assert told["seconds_behind"] > 0
    assert (told["parked_streams"], told["parked_events"]) == (1, 1)
    with following(tenant) as follower:
        until(lambda: all(row.leads_here for row in follower.status()))
        table = dealtrail("status")
    assert table.returncode == 0
    for words in ("field_history", "read model", "running", "parked", f"{os.getpid()}@"):
        assert words in table.stdout
    assert "projections retry" in table.stderr


def test_the_program_retries(tenant, dealtrail):
    """Retry says what came of it, ends with 1 while something is left, and names the nearest projection for a wrong one."""
    tenant.catch_up.run()
    position = next(e.position for e in whole_log(tenant) if e.stream == "deal/dea_1" and e.version == 4)
    with psycopg.connect(tenant.url) as connection:
        connection.execute("DELETE FROM dealtrail_read.field_history WHERE position = %s", (position,))
        connection.execute(
            "INSERT INTO dealtrail_read.parked VALUES ('field_history', 'deal/dea_1', %s, 'ValueError in x:1', 1, now()),"
            " ('field_history', 'deal/dea_2', %s, 'ValueError in x:1', 1, now())",
            (position, next(e.position for e in whole_log(tenant) if e.stream == "deal/dea_2")),
        )
    done = dealtrail("retry", "field_history")
    assert "field_history: 1 parked records are complete again, 1 stay parked" in done.stdout
    assert (
        done.returncode == 1
    )  # the opening of the second deal was applied before, so its rows are there already
    assert [(stream, attempts) for stream, _, attempts in parked(tenant, "field_history")] == [
        ("deal/dea_2", 2)
    ]
    assert json.loads(dealtrail("retry", "current_records", "--json").stdout)[0]["parked_streams"] == 0
    wrong = dealtrail("retry", "field_histroy")
    assert (wrong.returncode, "did you mean 'field_history'" in wrong.stderr) == (1, True)
    with pytest.raises(UnknownProjection):
        tenant.catch_up.retry("nothing")


def test_a_simulated_log_has_no_seconds_behind(a_tenant):
    """Its times are told, so nothing can be late."""
    tenant = a_tenant("told", clock="simulated", told_time=MORNING)
    tell(tenant, deals=1, changes=1)
    assert {(found.seconds_behind, found.events_behind) for found in tenant.catch_up.status()} == {(None, 3)}


def test_the_handlers_name_their_tables_without_a_schema():
    """P8: else a build beside the live tables could not be."""
    folder = REPOSITORY / "projections"
    for model in (CurrentRecords, FieldHistory):
        text = (folder / f"{model.name}.py").read_text("utf-8")
        assert "dealtrail_read." not in text
