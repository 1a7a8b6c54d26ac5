"""P7: tampering by a superuser is found and located, by the product's and by the independent verifier alike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import independent_verifier
import psycopg
import pytest
from eventsourcing.persistence import PersistenceError
from support.sales import (
    ANNA,
    BEN,
    MORNING,
    Databases,
    Desk,
    an_append,
    both,
    databases,
    edited,
    independent,
    is_whole,
    many,
    name_of,
    opened,
)

from domain.envelope import Origin
from domain.record.commands import ChangeStage, EditFields, OpenRecord
from infra.log.application import SalesLog
from infra.log.verify import Witness, WitnessRefused, verify
from infra.settings import Settings
from infra.tenant import open_tenant

COLUMNS = list(independent_verifier.COLUMNS)
FULL = Origin(
    actor=ANNA,
    channel="http",
    occurred_at=MORNING,
    on_behalf_of=BEN,
    command_id="cmd_full",
    correlation_id="cor_1",
    causation_id="cmd_0",
)


@dataclass
class Forger:
    """A superuser at work on one log, who has switched the triggers off."""

    server: Databases
    name: str
    url: str
    head: int

    def run(self, *statements: Any, parameters: Any = None) -> list[dict[str, Any]]:
        """Run SQL without triggers; return the rows of the last statement."""
        quick = "SET session_replication_role = replica; SET synchronous_commit = off"
        return self.server.run(self.name, quick, *statements, parameters=parameters)

    def witness(self, position: int) -> Witness:
        """What was kept on another host."""
        (row,) = self.run(f"SELECT hash FROM dealtrail.events WHERE notification_id = {position}")
        return Witness("forged", position, bytes(row["hash"]))

    def reseal(self, start: int) -> None:
        """Hash everything from a position on again, as whoever knows the format can."""
        rows = list(independent_verifier.rows_from(self.url))
        previous = rows[start - 2]["hash"] if start > 1 else bytes(32)
        with psycopg.connect(self.server.admin(self.name)) as connection:
            connection.execute("SET session_replication_role = replica")
            for row in rows[start - 1 :]:
                row["root"] = independent_verifier.root(row["state"], row["salt"])
                row["hash"] = previous = independent_verifier.event_hash(previous, row)
                connection.execute(
                    "UPDATE dealtrail.events SET root = %s, hash = %s WHERE notification_id = %s",
                    (row["root"], row["hash"], row["notification_id"]),
                )

    def finds(self, position: int, *, witness: Witness | None = None) -> None:
        """Both verifiers must stop at this position."""
        ours, theirs = both(self.url, witness)
        assert ours.first_bad_position == position, (ours, theirs)
        assert ours.reason
        assert ours.events == position - 1


@pytest.fixture(scope="module")
def server(embedded_home) -> Iterator[Databases]:
    with databases(embedded_home) as found:
        yield found


@pytest.fixture(scope="module")
def forged(embedded_home, server) -> Iterator[Forger]:
    """A log of 30 events of every shape, with a copy of its rows to restore it from."""
    settings = Settings(home=embedded_home, database_url=None, tenant="forged")
    with open_tenant(settings) as tenant:
        desk = Desk(tenant)
        desk.do(OpenRecord("contact/con_1", {"name": "Iris Noor", "phone": "+31 20 555 0101"}), reason="met")
        desk.do(OpenRecord("deal/dea_1", {"topic": "Ten pumps", "contact": "contact/con_1"}, owner=ANNA))
        desk.do(ChangeStage("deal/dea_1", "offer", {"amount": "250"}))
        for index in range(2, 6):
            desk.do(OpenRecord(f"deal/dea_{index}", {"topic": f"北京 {index} 🦊"}), occurred_at=None)
        desk.do(EditFields("deal/dea_2", {"topic": "later", "note": "rings at noon"}), reason="call")
        before = tenant.log.head()
        tenant.log.append(
            [
                an_append(
                    edited("deal/dea_1", 4 + offset, "a", "b"),
                    origin=FULL,
                    reason='{"$sealed":{}}',
                    playbook="desk",
                    playbook_version=1,
                )
                for offset in range(30 - before)
            ]
        )
        head = tenant.log.head()
        name, url = name_of(tenant), tenant.url
        server.run(name, "CREATE TABLE public.kept AS TABLE dealtrail.events")
        yield Forger(server, name, url, head)


@pytest.fixture
def forger(forged: Forger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forger]:
    """The forger at a log that is whole, checked in ranges of 11; what was forged is undone."""
    monkeypatch.setattr("infra.log.verify.RANGE", 11)
    monkeypatch.setattr("infra.log.verify.os.cpu_count", lambda: 1)
    yield forged
    forged.run("TRUNCATE dealtrail.events", "INSERT INTO dealtrail.events SELECT * FROM public.kept")


@pytest.fixture
def lawless(forger: Forger) -> Iterator[Forger]:
    """The same rows in a table without constraints, indexes and triggers; the real table comes back afterwards."""
    forger.run(
        "ALTER TABLE dealtrail.events RENAME TO lawful",
        "CREATE TABLE dealtrail.events AS TABLE dealtrail.lawful",
        "GRANT SELECT ON dealtrail.events TO dealtrail_app",
    )
    yield forger
    forger.run("DROP TABLE dealtrail.events", "ALTER TABLE dealtrail.lawful RENAME TO events")


def test_the_log_is_whole_before_it_is_forged(forger):
    """Both verifiers accept the log, with and without witnesses, and name the same head."""
    assert forger.head == 30
    assert is_whole(forger.url)
    for position in (1, 11, 12, 30):
        ours, theirs = both(forger.url, forger.witness(position))
        assert ours.holds
        assert ours.head is not None
        assert ours.head.hash == theirs.head_hash == forger.witness(30).hash


# One byte in any column

FLIPPED = {
    "bytes": "set_byte({0}, octet_length({0}) - 1, get_byte({0}, octet_length({0}) - 1) # 1)",
    "text": "coalesce(left({0}, -1) || chr(ascii(right({0}, 1)) # 1), 'x')",
    "moment": "{0} + interval '1 microsecond'",
    "number": "coalesce({0} # 1, 1)",
}


def kind_of(column: str) -> str:
    """How a column is flipped."""
    if column in independent_verifier.MOMENTS:
        return "moment"
    return {bytes: "bytes", str: "text", int: "number"}[independent_verifier.COLUMNS[column]]


@pytest.mark.parametrize("position", [22, 23], ids=["end of a range", "start of a range"])
@pytest.mark.parametrize("column", [name for name in COLUMNS if name != "notification_id"])
def test_one_byte_changed_in_any_column_is_found(forger, column, position):
    """P7: whatever column of one event changes by a single bit, that event is named."""
    change = FLIPPED[kind_of(column)].format(column)
    if column == "originator_version":
        change = "originator_version + 1000"
    if column == "basis":
        change = "basis - 1"
    forger.run(f"UPDATE dealtrail.events SET {column} = {change} WHERE notification_id = {position}")
    forger.finds(position)


@pytest.mark.parametrize("column", ["occurred_at", "playbook", "on_behalf_of", "reason", "correlation_id"])
def test_a_null_filled_or_a_value_taken_away_is_found(forger, column):
    """P7: null is not empty, and nothing is not null."""
    filled = {"occurred_at": "'epoch'"}.get(column, "''")
    (row,) = forger.run(
        f"SELECT min(notification_id) AS position FROM dealtrail.events WHERE {column} IS NULL"
    )
    if row["position"] is not None:
        forger.run(
            f"UPDATE dealtrail.events SET {column} = {filled} WHERE notification_id = {row['position']}"
        )
        forger.finds(row["position"])
    forger.run(f"UPDATE dealtrail.events SET {column} = NULL WHERE notification_id = 25")
    forger.finds(25 if row["position"] is None else min(25, row["position"]))


def test_a_changed_position_is_found(forger):
    """P7: an event that claims another place leaves a hole where it was."""
    forger.run("UPDATE dealtrail.events SET notification_id = 1000 WHERE notification_id = 12")
    forger.finds(12)


@pytest.mark.parametrize("position", [1, 2, 11, 12, 30])
def test_one_byte_of_a_payload_is_found_wherever_it_stands(forger, position):
    """P7: the first event, the last, and both sides of a range are no better places to lie."""
    change = FLIPPED["bytes"].format("state")
    forger.run(f"UPDATE dealtrail.events SET state = {change} WHERE notification_id = {position}")
    forger.finds(position)


# Rows moved about


@pytest.mark.parametrize("pair", [(9, 10), (11, 12), (2, 29)], ids=str)
def test_two_swapped_rows_are_found(forger, pair):
    """P7: the first of the two is named, within a range and across."""
    one, two = pair
    forger.run(
        f"UPDATE dealtrail.events SET notification_id = 1000 WHERE notification_id = {one}",
        f"UPDATE dealtrail.events SET notification_id = {one}, basis = 0 WHERE notification_id = {two}",
        f"UPDATE dealtrail.events SET notification_id = {two} WHERE notification_id = 1000",
    )
    forger.finds(one)


@pytest.mark.parametrize("position", [1, 11, 12, 15, 29])
def test_a_row_deleted_in_the_middle_is_found(forger, position):
    """P7: the hole is named."""
    forger.run(f"DELETE FROM dealtrail.events WHERE notification_id = {position}")
    forger.finds(position)


@pytest.mark.parametrize("position", [11, 12, 15])
def test_a_row_deleted_and_the_gap_closed_is_found(forger, position):
    """P7: renumbering what follows does not hide a deletion."""
    forger.run(
        f"DELETE FROM dealtrail.events WHERE notification_id = {position}",
        f"UPDATE dealtrail.events SET notification_id = notification_id + 1000 WHERE notification_id > {position}",
        "UPDATE dealtrail.events SET notification_id = notification_id - 1001, basis = 0 WHERE notification_id > 1000",
    )
    forger.finds(position)


def test_a_copy_of_a_row_at_the_end_is_found(forger):
    """P7: an event that really happened does not happen twice."""
    columns = ", ".join(name for name in COLUMNS if name not in {"notification_id", "originator_version"})
    forger.run(
        f"INSERT INTO dealtrail.events (notification_id, originator_version, {columns})"
        f" SELECT 31, originator_version + 1000, {columns} FROM dealtrail.events WHERE notification_id = 9"
    )
    forger.finds(31)


@pytest.mark.parametrize("position", [11, 12, 30])
def test_a_copy_of_a_row_at_its_own_place_is_found(lawless, position):
    """P7: with the unique index gone, two rows share a position."""
    lawless.run(
        f"INSERT INTO dealtrail.events SELECT * FROM dealtrail.events WHERE notification_id = {position}"
    )
    lawless.finds(position + 1)


@pytest.mark.parametrize("place", [0, -5])
def test_a_row_before_the_first_position_is_found(lawless, place):
    """P7: an event that stands before the genesis is no part of the log, and readers would see it."""
    lawless.run(
        "CREATE TEMPORARY TABLE spare AS SELECT * FROM dealtrail.events WHERE notification_id = 30",
        f"UPDATE spare SET notification_id = {place}, originator_id = 'deal/dea_0'",
        "INSERT INTO dealtrail.events SELECT * FROM spare",
    )
    lawless.finds(1)


def test_a_row_without_a_position_is_found(lawless):
    """P7: a row no walk comes by is named after the last one."""
    lawless.run(
        "CREATE TEMPORARY TABLE spare AS SELECT * FROM dealtrail.events WHERE notification_id = 30",
        "UPDATE spare SET notification_id = NULL, originator_id = 'deal/dea_0'",
        "INSERT INTO dealtrail.events SELECT * FROM spare",
    )
    lawless.finds(31)


# The tail


@pytest.mark.parametrize("kept", [29, 23, 22, 1])
def test_a_deleted_tail_is_found_against_the_witness_only(forger, kept):
    """P7: a cut tail is invisible from inside, and named by the witness."""
    witness = forger.witness(30)
    forger.run(f"DELETE FROM dealtrail.events WHERE notification_id > {kept}")
    assert is_whole(forger.url)
    forger.finds(kept + 1, witness=witness)


def test_an_empty_log_fails_at_its_first_position(forger):
    """P7: there is always a genesis."""
    witness = forger.witness(30)
    forger.run("DELETE FROM dealtrail.events")
    forger.finds(1)
    with pytest.raises(WitnessRefused):
        verify(forger.url, witness=witness)


@pytest.mark.parametrize("start", [24, 23, 22, 2])
def test_a_tail_rewritten_and_hashed_again_is_found_against_the_witness_only(forger, start):
    """P7: correct hashes over other content are believed, until they are compared with what left the host."""
    witness, earlier = forger.witness(28), forger.witness(max(start - 1, 1))
    forger.run(f"UPDATE dealtrail.events SET actor = 'person/per_nobody' WHERE notification_id = {start}")
    forger.finds(start)
    forger.reseal(start)
    assert is_whole(forger.url)
    forger.finds(28, witness=witness)
    assert both(forger.url, earlier)[0].holds, "what came before the forgery still agrees with its witness"


def test_the_earlier_of_two_faults_is_named(forger):
    """P7: a witness that stands before a second fault is not forgotten over it."""
    witness = forger.witness(10)
    forger.run("UPDATE dealtrail.events SET actor = 'person/per_nobody' WHERE notification_id = 5")
    forger.reseal(5)
    forger.run("UPDATE dealtrail.events SET actor = 'person/per_nobody' WHERE notification_id = 25")
    forger.finds(25)
    forger.finds(10, witness=witness)


# Hashed again with correct hashes, and still wrong


@pytest.mark.parametrize(
    ("position", "change"),
    [
        (15, "recorded_at = recorded_at - interval '1 year'"),
        (23, "recorded_at = recorded_at - interval '1 year'"),
        (20, "originator_version = originator_version + 100"),
        (20, "originator_id = 'deal/dea_9'"),
        (20, "state = convert_to('{\"b\": 1}', 'UTF8')"),
        (20, "state = convert_to('{\"b\":1.5}', 'UTF8')"),
        (20, "state = convert_to('[]', 'UTF8')"),
        (20, "state = '\\xff'"),
        (20, "state = convert_to('{\"b\":1,\"b\":1}', 'UTF8')"),
    ],
)
def test_correct_hashes_do_not_make_it_right(forger, position, change):
    """P7: order, versions and canonical form are checked besides the hashes."""
    forger.run(f"UPDATE dealtrail.events SET {change} WHERE notification_id = {position}")
    if "state" not in change:
        forger.reseal(position)
    forger.finds(position)


@pytest.mark.parametrize(
    "state",
    [
        '{"clock":"database","format":true,"product":"x","tenant":"forged"}',
        '{"clock":"database","format":2,"product":"x","tenant":"forged"}',
        '{"clock":"database","format":"1","product":"x","tenant":"forged"}',
        '{"clock":"moon","format":1,"product":"x","tenant":"forged"}',
        '{"clock":"database","format":1,"tenant":"forged"}',
        '{"clock":"database","format":1,"product":"x","tenant":5}',
        '{"clock":"database","format":1,"product":"x"}',
        "{}",
    ],
)
def test_a_genesis_of_another_kind_is_found(forger, state):
    """P7: the first event is a genesis of a known format, word for word."""
    forger.run(f"UPDATE dealtrail.events SET state = convert_to('{state}', 'UTF8') WHERE notification_id = 1")
    forger.reseal(1)
    forger.finds(1)


@pytest.mark.parametrize("column", ["originator_id", "topic", "basis"])
def test_a_genesis_at_another_place_is_found(forger, column):
    """P7: the genesis is the first event of the stream `log` and of no other."""
    value = {"originator_id": "'lag'", "topic": "'log.begun.v2'", "basis": "-1"}[column]
    forger.run(f"UPDATE dealtrail.events SET {column} = {value} WHERE notification_id = 1")
    forger.reseal(1)
    forger.finds(1)


# The table itself forged


@pytest.mark.parametrize(
    ("column", "position", "value"),
    [
        ("recorded_at", 25, "infinity"),
        ("decided_at", 25, "-infinity"),
        ("occurred_at", 25, "infinity"),
        ("occurred_at", 12, "infinity"),
        ("occurred_at", 12, "-infinity"),
        ("occurred_at", 12, "10000-01-01Z"),
        ("occurred_at", 12, "0001-12-31Z BC"),
    ],
)
def test_a_moment_that_is_none_is_found(lawless, column, position, value):
    """P7: infinity is neither a moment nor null, also where the moment was unknown."""
    (row,) = lawless.run(f"SELECT occurred_at FROM dealtrail.events WHERE notification_id = {position}")
    assert (row["occurred_at"] is None) == (position == 12)
    lawless.run(f"UPDATE dealtrail.events SET {column} = '{value}' WHERE notification_id = {position}")
    assert verify(lawless.url).first_bad_position == position
    rows = with_infinity_out_of_reach(lawless)
    assert independent_verifier.verify(rows).first_bad_position == position


def with_infinity_out_of_reach(forger: Forger) -> list[dict[str, Any]]:
    """The rows as the independent verifier takes them; infinity, which has no microseconds, as the smallest i64."""
    moments = [
        f"CASE WHEN isfinite({name}) THEN (extract(epoch FROM {name}) * 1000000)::bigint"
        f" WHEN {name} IS NOT NULL THEN -9223372036854775808 END AS {name}"
        for name in independent_verifier.MOMENTS
    ]
    others = [name for name in COLUMNS if name not in independent_verifier.MOMENTS]
    return forger.run(
        f"SELECT {', '.join([*others, *moments])} FROM dealtrail.events ORDER BY notification_id"
    )


@pytest.mark.parametrize("moment", ["recorded_at", "decided_at", "occurred_at"])
def test_a_moment_no_calendar_has_is_found_although_it_was_hashed(lawless, moment):
    """P7: moments lie between the years 1 and 9999, whatever the hashes say."""
    lawless.run(f"UPDATE dealtrail.events SET {moment} = '20000-01-01Z' WHERE notification_id = 30")
    lawless.reseal(30)
    assert verify(lawless.url).first_bad_position == 30


@pytest.mark.parametrize(
    ("column", "position"),
    [
        *((name, 12) for name in COLUMNS if name not in independent_verifier.NULLABLE | {"notification_id"}),
        ("state", 1),
        ("topic", 1),
        ("originator_version", 1),
        ("originator_id", 30),
    ],
)
def test_a_null_that_may_not_be_is_found(lawless, column, position):
    """P7: a superuser who lifts NOT NULL gets a verdict, not a crash."""
    lawless.run(f"UPDATE dealtrail.events SET {column} = NULL WHERE notification_id = {position}")
    lawless.finds(position)


@pytest.mark.parametrize("position", [20, 1])
def test_a_payload_too_deep_to_read_is_found(forger, position):
    """P7: a payload of thousands of levels is a fault at its position, not the end of the verifier."""
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    forger.run(
        f"UPDATE dealtrail.events SET state = convert_to('{deep}', 'UTF8') WHERE notification_id = {position}"
    )
    forger.finds(position)


# What is not sealed


def test_idempotency_keys_are_not_part_of_what_is_sealed(forger):
    """The answers to idempotency keys are no history: a changed one leaves the log whole."""
    forger.run("UPDATE dealtrail.commands SET outcome = 'refused', first_position = 1")
    assert is_whole(forger.url)
    forger.run("UPDATE dealtrail.commands SET outcome = 'accepted'")


# Since a witness


def test_only_what_came_after_the_witness_is_checked(forger):
    """P7: `--since` trusts what was verified before, and checks the rest against it."""
    since = forger.witness(10)
    seen: list[tuple[int, int]] = []
    assert verify(forger.url, since=since, progress=lambda *at: seen.append(at)).holds
    assert seen[-1] == (20, 20)
    forger.run("UPDATE dealtrail.events SET channel = 'x' WHERE notification_id = 5")
    assert verify(forger.url, since=since).holds
    forger.run("UPDATE dealtrail.events SET channel = 'x' WHERE notification_id = 11")
    assert verify(forger.url, since=since).first_bad_position == 11


def test_since_the_head_there_is_nothing_to_check(forger):
    """P7: a witness of the head is compared, and that is all."""
    verdict = verify(forger.url, since=forger.witness(30))
    assert verdict.holds
    assert verdict.head is not None
    assert verdict.head.position == 30


@pytest.mark.parametrize("kept", [29, 10, 3])
def test_since_a_witness_a_deleted_tail_is_found(forger, kept):
    """P7: the log that ends before its witness is named at its end."""
    since = forger.witness(30)
    forger.run(f"DELETE FROM dealtrail.events WHERE notification_id > {kept}")
    assert verify(forger.url, since=since).first_bad_position == kept + 1


def test_since_a_witness_a_rewritten_past_is_found(forger):
    """P7: the event the witness holds must still be there."""
    since = forger.witness(10)
    forger.run("UPDATE dealtrail.events SET channel = 'x' WHERE notification_id = 6")
    forger.reseal(6)
    assert verify(forger.url, since=since).first_bad_position == 10


def test_since_a_witness_versions_go_on(forger):
    """P7: versions are counted from the start of their stream, not from the witness."""
    since = forger.witness(23)
    forger.run(
        "UPDATE dealtrail.events SET originator_version = originator_version + 1000 WHERE notification_id >= 24"
    )
    forger.reseal(24)
    assert verify(forger.url, since=since).first_bad_position == 24


def test_a_witness_of_another_log_is_refused(forger):
    """A witness never says anything about another tenant's log."""
    for kind in ("witness", "since"):
        with pytest.raises(WitnessRefused, match="tenant"):
            verify(forger.url, **{kind: replace(forger.witness(3), tenant="other")})


def test_a_witness_that_was_mistyped_is_found(forger):
    """P7: a witness with another hash never agrees."""
    wrong = replace(forger.witness(9), hash=bytes(32))
    forger.finds(9, witness=wrong)
    assert verify(forger.url, since=wrong).first_bad_position == 9


# As a reader, the application can forge nothing


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE dealtrail.events SET actor = 'x'",
        "DELETE FROM dealtrail.events",
        "TRUNCATE dealtrail.events",
        "UPDATE dealtrail.commands SET outcome = 'refused'",
        "DELETE FROM dealtrail.commands",
        "TRUNCATE dealtrail.commands",
        "INSERT INTO dealtrail.events SELECT * FROM dealtrail.events",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_cannot_even_try(forger, statement):
    """P7: the application role lacks the grants; what it tries changes nothing."""
    with psycopg.connect(forger.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)
    assert is_whole(forger.url)


# A log as long as real ones


@pytest.fixture(scope="module")
def long_log(embedded_home) -> Iterator[Any]:
    """More than 20,000 events, so that the walk takes three ranges and several processes."""
    settings = Settings(home=embedded_home, database_url=None, tenant="long")
    with open_tenant(settings) as tenant:
        for batch in many(20_099):
            tenant.log.append(batch)
        yield tenant


def test_a_long_log_is_walked_in_ranges_by_several_processes(long_log, server, monkeypatch):
    """P7: progress grows to the head, the head agrees with the independent verifier, and a fault in any range is named."""
    monkeypatch.setattr("infra.log.verify.os.cpu_count", lambda: 2)
    monkeypatch.setattr("infra.log.verify.RANGES_PER_PROCESS", 1)
    seen: list[tuple[int, int]] = []
    verdict = verify(long_log.url, progress=lambda *at: seen.append(at))
    assert verdict.holds
    assert seen == [(10_000, 20_100), (20_000, 20_100), (20_100, 20_100)]
    assert verdict.head is not None
    assert verdict.head.hash == independent(long_log.url).head_hash
    for position in (20_001, 10_001):
        server.run(
            name_of(long_log),
            "SET session_replication_role = replica",
            f"UPDATE dealtrail.events SET hash = sha256(hash) WHERE notification_id = {position}",
        )
        assert verify(long_log.url).first_bad_position == position


def test_the_walk_is_one_snapshot(forger):
    """What is appended while the log is verified is not half seen."""
    added: list[int] = []

    def append(*_: int) -> None:
        if not added:
            added.append(1)
            rows = "SELECT 31, 1, 'deal/dea_77'"
            forger.run(
                "CREATE TEMPORARY TABLE spare AS SELECT * FROM dealtrail.events WHERE notification_id = 9",
                f"UPDATE spare SET (notification_id, originator_version, originator_id) = ({rows})",
                "INSERT INTO dealtrail.events SELECT * FROM spare",
            )

    verdict = verify(forger.url, progress=append)
    assert verdict.holds
    assert verdict.events == 30
    forger.finds(31)


def test_nothing_that_is_not_right_can_be_appended_again(forger):
    """An append goes on from the last row, forged or not; the verifier still names the forgery."""
    forger.run("UPDATE dealtrail.events SET channel = 'x' WHERE notification_id = 12")
    with SalesLog(forger.url, pool_size=1) as log:
        log.append([an_append(opened("deal/dea_88", topic="x"))])
        with pytest.raises(PersistenceError):
            log.append([an_append(opened("deal/dea_88", topic="x"))])
    forger.finds(12)
