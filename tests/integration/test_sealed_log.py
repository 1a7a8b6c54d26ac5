"""The sealed log under load, under lost replies and under everything that may move while a command is decided."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from support.faults.meanwhile import at_once, elsewhere, meanwhile
from support.sales import (
    ANNA,
    BEN,
    MORNING,
    Databases,
    Desk,
    a_submission,
    an_append,
    both,
    databases,
    edited,
    is_whole,
    name_of,
    opened,
)

from commands.errors import KeyReused, TooBusy
from commands.ports import NewEvent
from domain.envelope import Origin
from domain.events import MoveRefused, RecordOpened, StageChanged
from domain.organisation.commands import AddPerson
from domain.record.commands import ChangeOwner, ChangeStage, EditFields, OpenRecord
from domain.refusals import AlreadyExists, GateNotMet
from infra import database
from infra.log import genesis, recorder
from infra.log.application import SalesLog
from infra.log.recorder import CHANNEL
from infra.settings import Settings
from infra.tenant import MAX_ATTEMPTS, Tenant, open_tenant

DEAL = "deal/dea_1"


@pytest.fixture
def server(embedded_home) -> Iterator[Databases]:
    with databases(embedded_home) as found:
        yield found


@pytest.fixture
def desk(a_tenant) -> Desk:
    """A tenant with its playbook, its people and a deal in its first stage."""
    desk = Desk(a_tenant("desk"))
    desk.do(OpenRecord(DEAL, {"topic": "Ten pumps"}, owner=ANNA))
    return desk


def assert_contiguous(tenant: Tenant) -> None:
    """Positions are 1, 2, 3 …, versions too, and both verifiers agree."""
    events = tenant.log.read(1, tenant.log.head())
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert is_whole(tenant.url)


# What the SQL function seals


MOMENTS = [
    None,
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 2, 28, 23, 59, 59, 1, UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC),
]
WORDS = [
    "",
    "a",
    "北京 🦊 \U0010ffff",
    "cafe\u0301 \ufeff\u2028",
    "\x01\x1f\x7f\x80",
    "x" * 3_000,
    "\\ \" ' %s",
]


def test_the_database_seals_what_the_format_says(a_tenant):
    """P7: every combination of set and null columns, any text and extreme moments hash alike in SQL and in Python."""
    tenant = a_tenant("seals")
    appends = []
    for number, moment in enumerate(MOMENTS):
        for offset, word in enumerate(WORDS):
            some = number % 2 == 0
            origin = Origin(
                actor=word,
                channel=WORDS[offset - 1],
                occurred_at=moment,
                on_behalf_of=word if some else None,
                command_id=f"cmd {word}",
                correlation_id=None if some else word,
                causation_id=word if offset % 2 else None,
            )
            event = RecordOpened(fields={word: word, "n": [1, {"z": None, "a": True}]}, external_id=word)
            reason = word if offset % 2 else None
            new = NewEvent(f"deal/{number} {word}", None, event, event.payload(), reason)
            appends.append(
                an_append(
                    new,
                    origin=origin,
                    decided_at=moment or MORNING,
                    playbook=word if some else None,
                    playbook_version=[None, 0, -(2**31), 2**31 - 1][offset % 4],
                    basis=[None, 0, -1, -(2**63)][offset % 4],
                )
            )
    outcomes = tenant.log.append(appends)
    assert {outcome.result for outcome in outcomes} == {"appended"}
    ours, theirs = both(tenant.url)
    assert (ours.events, ours.first_bad_position) == (len(appends) + 1, None)
    assert ours.head is not None
    assert ours.head.hash == theirs.head_hash
    read = tenant.log.read(2, tenant.log.head())
    assert [(e.actor, e.occurred_at, e.reason) for e in read] == [
        (append.origin.actor, append.origin.occurred_at, append.events[0].reason) for append in appends
    ]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/St_Johns", "UTC"])
def test_the_time_zone_of_a_session_changes_no_hash(desk, server, zone):
    """P7: hashes are over moments, not over how a server spells them."""
    server.run("postgres", f"ALTER DATABASE {name_of(desk.tenant)} SET timezone = '{zone}'")
    with elsewhere(desk.tenant) as other:
        answer = other.bus.submit(a_submission(EditFields(DEAL, {"topic": zone})))
        (read,) = other.log.read(answer.events[0].position, answer.events[0].position)
        assert read.recorded_at.utcoffset() == timedelta(0), (
            "dates are taken from moments, so they are those of UTC"
        )
        assert is_whole(desk.tenant.url)


# Many at once


def test_threads_leave_no_gap(desk):
    """P3: what 8 threads append together, with their refusals and replays, is one unbroken log."""
    before = desk.tenant.log.head()

    def work(thread: int) -> int:
        for number in range(15):
            desk.do(OpenRecord(f"deal/dea_{thread}_{number}", {"topic": "x"}), key=f"{thread}-{number}")
            desk.do(OpenRecord(f"deal/dea_{thread}_{number}", {"topic": "x"}), key=f"{thread}-{number}")
        with pytest.raises(GateNotMet):
            desk.do(ChangeStage(f"deal/dea_{thread}_1", "offer"))
        return thread

    assert at_once(8, work) == list(range(8))
    assert desk.tenant.log.head() == before + 8 * 16
    assert_contiguous(desk.tenant)


# Idempotency keys


def test_the_same_command_twice_is_appended_once(desk):
    """P2: the second answer is the first one, events and all."""
    first = desk.do(EditFields(DEAL, {"topic": "x"}), key="twice", reason="because")
    head = desk.tenant.log.head()
    again = desk.do(EditFields(DEAL, {"topic": "x"}), key="twice", reason="because")
    assert again.replayed
    assert not first.replayed
    assert again.events == first.events
    assert desk.tenant.log.head() == head


def test_an_answer_outlives_what_made_it_possible(desk):
    """P2: repeated after the record has moved on, the command is answered as then and not decided again."""
    first = desk.do(OpenRecord("deal/dea_9", {"topic": "x"}), key="opened")
    desk.do(EditFields("deal/dea_9", {"topic": "y"}))
    with elsewhere(desk.tenant) as other:
        again = other.bus.submit(desk.submission(OpenRecord("deal/dea_9", {"topic": "x"}), key="opened"))
    assert (again.outcome, again.replayed, again.events) == ("accepted", True, first.events)


def test_a_refused_move_is_refused_again_and_kept_once(desk):
    """P2: the refusal names the same requirements, and the attempt stands in the log once."""
    with pytest.raises(GateNotMet) as first:
        desk.do(ChangeStage(DEAL, "offer"), key="refused")
    head = desk.tenant.log.head()
    with pytest.raises(GateNotMet) as again:
        desk.do(ChangeStage(DEAL, "offer"), key="refused")
    assert [item.id for item in again.value.unmet] == [item.id for item in first.value.unmet]
    assert [str(item.label) for item in again.value.unmet] == [str(item.label) for item in first.value.unmet]
    assert desk.tenant.log.head() == head


@pytest.mark.parametrize(
    "other",
    [
        {"command": EditFields(DEAL, {"topic": "y"})},
        {"command": ChangeStage(DEAL, "lost")},
        {"actor": ANNA},
        {"reason": "because"},
        {"occurred_at": None},
        {"on_behalf_of": BEN},
    ],
    ids=str,
)
def test_a_key_is_never_used_for_another_command(desk, other):
    """P2: whatever part of the command differs, the key is refused and nothing is written."""
    command = EditFields(DEAL, {"topic": "x"})
    desk.do(command, key="reused")
    head = desk.tenant.log.head()
    with pytest.raises(KeyReused):
        desk.do(
            other.get("command", command), key="reused", **{k: v for k, v in other.items() if k != "command"}
        )
    assert desk.tenant.log.head() == head


def test_keys_belong_to_whoever_uses_them(desk):
    """Two clients may choose the same key."""
    desk.do(EditFields(DEAL, {"topic": "x"}), key="same", client="one")
    answer = desk.do(EditFields(DEAL, {"topic": "y"}), key="same", client="two")
    assert not answer.replayed


def test_the_same_key_from_many_threads_is_appended_once(desk):
    """P2: 8 threads in two processes send the same command at once; all get the same answer."""
    with elsewhere(desk.tenant) as other:
        before = desk.tenant.log.head()
        submission = desk.submission(OpenRecord("deal/dea_8", {"topic": "x"}), key="once")
        answers = at_once(8, lambda index: (desk.tenant if index % 2 else other).bus.submit(submission))
    assert {type(answer).__name__ for answer in answers} == {"Answer"}, answers
    assert desk.tenant.log.head() == before + 1
    assert all(answer.events == answers[0].events for answer in answers)
    assert sum(not answer.replayed for answer in answers) == 1


def test_the_same_key_with_other_bodies_at_once_lets_one_through(desk):
    """P2: of 8 different commands under one key one is appended and seven are told."""
    before = desk.tenant.log.head()
    answers = at_once(8, lambda index: desk.do(EditFields(DEAL, {"topic": f"{index}"}), key="one of eight"))
    assert sum(isinstance(answer, KeyReused) for answer in answers) == 7, answers
    assert desk.tenant.log.head() == before + 1


# What moves between the decision and the append


def test_a_record_moved_meanwhile_makes_the_command_be_decided_again(desk):
    """P5: the edit stands on the value the other one left."""
    with elsewhere(desk.tenant) as other:
        edit = a_submission(EditFields(DEAL, {"topic": "theirs"}))
        with meanwhile(desk.tenant, lambda: other.bus.submit(edit)) as answered:
            answer = desk.do(EditFields(DEAL, {"topic": "ours"}))
    assert answered == ["conflict", "appended"]
    assert answer.events[0].event.changes["topic"] == {"old": "theirs", "new": "ours"}


def test_the_record_that_was_closed_meanwhile_is_not_closed_twice(desk):
    """P5: a stage that was left meanwhile is not left again."""
    with elsewhere(desk.tenant) as other:
        close = a_submission(ChangeStage(DEAL, "lost"))
        with meanwhile(desk.tenant, lambda: other.bus.submit(close)), pytest.raises(GateNotMet):
            desk.do(ChangeStage(DEAL, "offer", {"amount": "250"}))
    stages = [e.event.after for e in desk.tenant.log.stream(DEAL) if isinstance(e.event, StageChanged)]
    assert stages == ["lost"]


def test_a_refusal_never_rests_on_what_is_out_of_date(desk):
    """P5: the other process has published what ours refuses for want of; asked again, it is allowed."""
    with elsewhere(desk.tenant) as other:
        other.bus.submit(a_submission(AddPerson("person/per_new", "New")))
        other.bus.submit(a_submission(EditFields(DEAL, {"amount": "900"})))
    assert desk.do(ChangeOwner(DEAL, "person/per_new")).events
    assert desk.do(ChangeStage(DEAL, "offer")).events


def test_a_record_opened_meanwhile_is_not_opened_again(desk):
    """P5: the second opening is refused, whichever process was first."""
    with elsewhere(desk.tenant) as other:
        opening = a_submission(OpenRecord("deal/dea_5", {"topic": "theirs"}))
        with meanwhile(desk.tenant, lambda: other.bus.submit(opening)), pytest.raises(AlreadyExists):
            desk.do(OpenRecord("deal/dea_5", {"topic": "ours"}))
    assert len(desk.tenant.log.stream("deal/dea_5")) == 1


def test_what_keeps_moving_ends_in_an_honest_answer(desk):
    """P5: after so many attempts the caller is told, nothing was written, and the same key may be sent again."""
    with elsewhere(desk.tenant) as other:
        edits = [a_submission(EditFields(DEAL, {"topic": f"theirs {n}"})) for n in range(MAX_ATTEMPTS)]
        changes = [lambda edit=edit: other.bus.submit(edit) for edit in edits]
        with meanwhile(desk.tenant, *changes) as answered, pytest.raises(TooBusy):
            desk.do(EditFields(DEAL, {"topic": "ours"}), key="patient")
    assert answered == ["conflict"] * MAX_ATTEMPTS
    assert not desk.do(EditFields(DEAL, {"topic": "ours"}), key="patient").replayed


def test_in_a_batch_only_the_one_that_conflicts_is_decided_again(desk):
    """P4, P5: neighbours in the same transaction keep their place and their answer."""
    with elsewhere(desk.tenant) as other:
        edit = a_submission(EditFields(DEAL, {"topic": "theirs"}))
        with meanwhile(desk.tenant, lambda: other.bus.submit(edit)) as answered:
            answers = desk.batch(
                [
                    OpenRecord("deal/dea_20", {"topic": "x"}),
                    EditFields(DEAL, {"topic": "ours"}),
                    EditFields(DEAL, {"topic": "ours, later"}),
                    OpenRecord("deal/dea_21", {"topic": "x"}),
                ]
            )
    assert [answer.outcome for answer in answers] == ["accepted"] * 4, answers
    assert answered == ["appended", "conflict", "conflict", "appended", "appended", "appended"]
    topics = [e.event.changes["topic"]["new"] for e in desk.tenant.log.stream(DEAL)[1:]]
    assert topics == ["theirs", "ours", "ours, later"]
    assert_contiguous(desk.tenant)


# Replies that are lost


class Unreliable:
    """A connection or a cursor that does its work, and whose reply is lost the first times."""

    def __init__(self, real: Any, losses: list[int], connection: Any) -> None:
        self._real, self._losses, self._connection = real, losses, connection

    def __enter__(self) -> "Unreliable":
        self._real.__enter__()
        return self

    def __exit__(self, *about: Any) -> Any:
        return self._real.__exit__(*about)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def cursor(self) -> "Unreliable":
        return Unreliable(self._real.cursor(), self._losses, self._connection)

    def execute(self, query: Any, *arguments: Any, **about: Any) -> Any:
        done = self._real.execute(query, *arguments, **about)
        if self._losses[0] > 0 and query is recorder._APPEND:
            self._losses[0] -= 1
            self._connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return done


@pytest.fixture
def losing(desk, monkeypatch) -> list[int]:
    """How many replies to an append will be lost from now on."""
    losses = [0]
    datastore = desk.tenant.log.sealed.datastore
    real = datastore.get_connection

    @contextmanager
    def get_connection() -> Iterator[Any]:
        with real() as connection:
            yield Unreliable(connection, losses, connection) if losses[0] else connection

    monkeypatch.setattr(datastore, "get_connection", get_connection)
    return losses


@pytest.mark.parametrize("replies", [1, 3])
def test_a_lost_reply_changes_nothing_for_the_caller(desk, losing, replies):
    """P2: the connection dies after COMMIT; the command is sent again, appended once, and answered with its events."""
    before = desk.tenant.log.head()
    losing[0] = replies
    answer = desk.do(EditFields(DEAL, {"topic": "x"}), key="lost")
    assert losing == [0]
    assert desk.tenant.log.head() == before + 1
    assert [event.position for event in answer.events] == [before + 1]
    assert answer.outcome == "accepted"
    assert desk.do(EditFields(DEAL, {"topic": "x"}), key="lost").events == answer.events
    assert desk.do(EditFields(DEAL, {"topic": "y"})).events[0].event.changes["topic"]["old"] == "x"
    assert_contiguous(desk.tenant)


def test_a_lost_reply_to_a_refusal_is_the_refusal(desk, losing):
    """P2: the refused attempt stands in the log once, and the caller hears why."""
    losing[0] = 1
    with pytest.raises(GateNotMet) as refusal:
        desk.do(ChangeStage(DEAL, "offer"), key="lost refusal")
    assert [item.id for item in refusal.value.unmet] == ["field:amount", "condition:worth_it"]
    assert desk.tenant.log.head() == desk.tenant.log.after(0, 1_000)[-1].position
    assert sum(isinstance(e.event, MoveRefused) for e in desk.tenant.log.after(0, 1_000)) == 1


def test_a_lost_reply_to_a_batch_is_answered_one_by_one(desk, losing):
    """P2, P4: every command of the batch gets its own events, those that depend on each other too."""
    losing[0] = 1
    answers = desk.batch(
        [
            OpenRecord("deal/dea_30", {"topic": "x"}),
            EditFields("deal/dea_30", {"topic": "y"}),
            ChangeStage("deal/dea_30", "offer"),
            ChangeStage("deal/dea_30", "offer", {"amount": "100"}),
        ]
    )
    assert [answer.outcome for answer in answers] == ["accepted", "accepted", "refused", "accepted"]
    assert len(desk.tenant.log.stream("deal/dea_30")) == 4
    assert_contiguous(desk.tenant)


def test_connections_that_were_cut_are_replaced(desk, server):
    """P12: an administrator ends every connection; the next command does not notice."""
    desk.do(EditFields(DEAL, {"topic": "a"}))
    for word in ("b", "c"):
        server.run(
            "postgres",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(desk.tenant)}'",
        )
        assert desk.do(EditFields(DEAL, {"topic": word})).events
    desk.tenant.catch_up.run()
    assert desk.tenant.reads.record("deal", "dea_1").data["fields"]["topic"] == "c"


# Time


def test_a_simulated_log_is_told_the_time_and_never_goes_back(a_tenant):
    """P22: recorded_at never decreases, whatever time is told; what was told stands in decided_at."""
    desk = Desk(a_tenant("told", clock="simulated", told_time=MORNING))
    head = desk.tenant.log.head()
    told = [MORNING + timedelta(days=9), MORNING, MORNING - timedelta(days=900), MORNING + timedelta(days=8)]
    for number, moment in enumerate(told):
        desk.do(OpenRecord(f"deal/dea_{number}", {"topic": "x"}), told_time=moment)
    events = desk.tenant.log.read(head + 1, head + 4)
    assert [event.decided_at for event in events] == told
    assert {event.recorded_at for event in events} == {told[0]}
    assert_contiguous(desk.tenant)


def test_a_command_without_the_time_is_refused_by_a_simulated_log(a_tenant):
    """P22: nobody's clock stands in for the one that was not told."""
    tenant = a_tenant("untold", clock="simulated", told_time=MORNING)
    with pytest.raises(ValueError, match="time"):
        tenant.bus.submit(a_submission(AddPerson(ANNA, "Anna")))
    assert tenant.log.head() == 1


def test_a_log_with_the_clock_of_the_database_cannot_be_told_the_time(desk):
    """P22: a command that brings a time is refused, and nothing is appended."""
    head = desk.tenant.log.head()
    with pytest.raises(Exception, match="must not tell the time"):
        desk.do(EditFields(DEAL, {"topic": "x"}), told_time=MORNING)
    assert desk.tenant.log.head() == head
    assert desk.do(EditFields(DEAL, {"topic": "x"})).events


@pytest.mark.parametrize(
    "moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)]
)
def test_the_first_and_the_last_year_can_be_told(a_tenant, moment):
    """The moments at both ends of the calendar seal and verify."""
    tenant = a_tenant("ends", clock="simulated", told_time=moment)
    tenant.bus.submit(a_submission(AddPerson(ANNA, "Anna"), told_time=moment, occurred_at=moment))
    assert tenant.log.read(2, 2)[0].recorded_at == moment
    assert is_whole(tenant.url)


# The beginning


def test_a_log_that_several_open_first_begins_once(embedded_home):
    """P3: eight threads open a tenant nobody has opened before; each gets the same log."""
    settings = Settings(home=embedded_home, database_url=None, tenant="rushed", pool_size=1)

    def opening(_: int) -> int:
        with open_tenant(settings) as tenant:
            return tenant.log.head()

    assert at_once(8, opening) == [1] * 8
    with open_tenant(settings) as tenant:
        assert is_whole(tenant.url)


def test_tenants_begin_at_the_same_time(embedded_home):
    """Eight tenants of one server are made at once: roles belong to all of them."""

    def opening(index: int) -> int:
        settings = Settings(
            home=embedded_home, database_url=None, tenant=f"crowd_of_eight_{index}_", pool_size=1
        )
        with open_tenant(settings) as tenant:
            return tenant.log.head()

    assert at_once(8, opening) == [1] * 8


def test_nothing_comes_before_the_genesis_and_no_other_after_it(server, embedded_home):
    """A log begins with its genesis, at version 1 of its stream, and with no other event of that topic."""
    name = server.fresh("beginning")
    database.migrate(server.admin(name))
    with SalesLog(server.app(name), pool_size=1) as log:
        with pytest.raises(Exception, match="has not begun"):
            log.append([an_append(opened(DEAL, topic="x"))])
        genesis.begin(log, "beginning", "database")
        with pytest.raises(Exception, match="begun already"):
            genesis.begin(log, "beginning", "database")
        assert log.head() == 1
    assert is_whole(server.app(name))


# Neighbours of the append


def test_maintenance_never_stops_an_append(desk, server):
    """The lock of an append is an advisory one: ANALYZE and VACUUM of the log go on beside it."""
    name = name_of(desk.tenant)
    with psycopg.connect(server.admin(name)) as connection:
        connection.execute("ANALYZE dealtrail.events")  # its lock is held until the transaction ends
        connection.execute("LOCK TABLE dealtrail.events, dealtrail.commands IN SHARE UPDATE EXCLUSIVE MODE")
        connection.execute("CREATE TEMPORARY TABLE seen AS SELECT count(*) FROM dealtrail.events")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(desk.do, EditFields(DEAL, {"topic": "x"})).result(10).events
    stop = threading.Event()

    def vacuum() -> int:
        rounds = 0
        while not stop.is_set():
            server.run(name, "VACUUM (ANALYZE) dealtrail.events")
            rounds += 1
        return rounds

    with ThreadPoolExecutor(1) as pool:
        cleaning = pool.submit(vacuum)
        for number in range(30):
            desk.do(EditFields(DEAL, {"topic": f"{number}"}))
        stop.set()
        assert cleaning.result(20) > 0
    assert_contiguous(desk.tenant)


def test_readers_of_an_old_snapshot_never_stop_an_append(desk):
    """A long report keeps its snapshot; appends go on, and the report does not see them."""
    with psycopg.connect(desk.tenant.url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        count = "SELECT count(*) FROM dealtrail.events"
        before = connection.execute(count).fetchone()
        desk.do(EditFields(DEAL, {"topic": "x"}))
        assert connection.execute(count).fetchone() == before


def test_an_append_is_announced_with_its_position(desk):
    """Whoever listens hears of the head once a batch, and of a replay never."""
    with psycopg.connect(desk.tenant.url, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        desk.do(EditFields(DEAL, {"topic": "x"}), key="heard")
        desk.batch([EditFields(DEAL, {"topic": "y"}), EditFields(DEAL, {"topic": "z"})])
        desk.do(EditFields(DEAL, {"topic": "x"}), key="heard")
        head = desk.tenant.log.head()
        heard = [notice.payload for notice in connection.notifies(timeout=3, stop_after=2)]
        heard += [notice.payload for notice in connection.notifies(timeout=0.2)]
    assert heard == [str(head - 2), str(head)]


def test_an_append_that_failed_is_announced_to_nobody(desk):
    """What was rolled back was never there."""
    with psycopg.connect(desk.tenant.url, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        head = desk.tenant.log.head()
        with pytest.raises(Exception, match="version"):
            desk.tenant.log.append(
                [an_append(opened("deal/dea_70", topic="x")), an_append(edited(DEAL, 9, "a", "b"))]
            )
        assert desk.tenant.log.head() == head
        assert list(connection.notifies(timeout=0.2)) == []


def test_what_one_batch_brings_never_fails_another_s(desk):
    """P4: in a group commit, a batch that cannot be appended fails alone."""
    bus = desk.tenant.bus
    group = bus._log
    good = [an_append(opened(f"deal/dea_g{n}", topic="x"), key=f"g{n}") for n in range(6)]
    bad = an_append(edited(DEAL, 99, "a", "b"), key="bad")
    answers = at_once(7, lambda index: group.append([bad if index == 6 else good[index]]))
    assert isinstance(answers[6], Exception)
    assert [outcomes[0].result for outcomes in answers[:6]] == ["appended"] * 6
    assert_contiguous(desk.tenant)


def test_the_options_of_the_url_reach_every_connection(desk):
    """What a URL asks for, such as encryption or a name in the server's lists, holds for the log and not only for the check."""
    url = desk.tenant.url + "&application_name=asked_for&options=-c%20work_mem%3D3MB"
    with Tenant(url, desk.tenant.name) as tenant:
        assert tenant.log.sealed.one("SHOW application_name") == "asked_for"
        assert tenant.log.sealed.one("SHOW work_mem") == "3MB"
