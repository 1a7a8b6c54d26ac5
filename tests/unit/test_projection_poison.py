"""Poison is found in few attempts, keeps its stream aside in order, and is described without its values."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import Connection

from domain.envelope import Recorded
from domain.events import FieldsChanged
from domain.naming import ERASURES_STREAM, LOG_STREAM, ORGANISATION_STREAM, PLAYBOOKS_STREAM
from infra.projection_worker import BackOff
from projections.current_records import CurrentRecords
from projections.kinds import NotNow, Process, ReadModel, TimerTable
from projections.poison import Sieve, blames_the_event, describe
from projections.standing import type_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Undoing:
    """A connection as far as the sieve uses one: what is done in a transaction that fails is undone."""

    closed = broken = False

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.attempts = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Undo what was done when the block fails."""
        before = list(self.rows)
        self.attempts += 1
        try:
            yield
        except BaseException:
            self.rows = before
            raise


class Failing(ReadModel):
    """Keeps positions, and fails on some of them."""

    name = "failing"

    def __init__(self, poison: frozenset[int], error: Exception | None = None) -> None:
        self.poison = poison
        self.error = error or ValueError("wrong")

    def apply(self, connection: Any, events: Sequence[Recorded]) -> None:
        """Take an event at a time."""
        for recorded in events:
            connection.rows.append(recorded.position)
            if recorded.position in self.poison:
                raise self.error


def an_event(position: int, stream: str) -> Recorded:
    """Any event."""
    return Recorded(
        stream=stream, version=1, position=position, event=FieldsChanged({}), recorded_at=NOW, occurred_at=NOW,
        decided_at=NOW, basis=position - 1, actor="a", channel="test", command_id="c",
    )  # fmt: skip


def sifted(streams: Sequence[str], poison: frozenset[int], parked: frozenset[str] = frozenset()) -> Any:
    """A batch gone through the sieve: what was applied, the sieve, its events, and how often it tried."""
    events = [an_event(position, stream) for position, stream in enumerate(streams, 1)]
    connection = Undoing()
    sieve = Sieve(cast("Connection[Any]", connection), Failing(poison), parked)
    sieve.apply(events)
    return connection.rows, sieve, events, connection.attempts


@given(
    streams=st.lists(st.sampled_from(["deal/a", "deal/b", "deal/c", "refusals/deal/a"]), max_size=60),
    poison=st.frozensets(st.integers(1, 60), max_size=12),
    parked=st.frozensets(st.sampled_from(["deal/a", "deal/c"])),
)
def test_every_event_is_applied_in_order_or_kept_aside_behind_the_first_that_failed(streams, poison, parked):
    """P10: what a naive reading of the events one by one would apply is applied, and everything else is kept aside."""
    applied, sieve, events, _ = sifted(streams, poison, parked)
    aside, expected, failed = set(parked), [], []
    for recorded in events:
        if recorded.stream in aside:
            continue
        if recorded.position in poison:
            aside.add(recorded.stream)
            failed.append(recorded.position)
        else:
            expected.append(recorded.position)
    assert applied == expected
    assert [f.event.position for f in sieve.failed.values()] == failed
    assert sorted(applied + [e.position for e in sieve.kept_aside(events)]) == [e.position for e in events]


@pytest.mark.parametrize("stream", [PLAYBOOKS_STREAM, ORGANISATION_STREAM, ERASURES_STREAM, LOG_STREAM])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_governing_event_that_fails_stops_the_batch_just_before_it(stream, at):
    """P10: what came before is applied, nothing that came after is, and nothing is kept aside for it."""
    streams = [f"deal/{n}" for n in range(8)]
    streams[at - 1] = stream
    applied, sieve, events, _ = sifted(streams, frozenset({at}))
    assert sieve.stopped_by.event.position == at
    assert applied == list(range(1, at))
    assert sieve.kept_aside(events) == []


@given(poison=st.integers(1, 2_000))
def test_one_poison_event_among_many_is_found_in_few_attempts(poison):
    """P10: the others must not wait for a batch to be tried event by event."""
    applied, sieve, _, attempts = sifted([f"deal/{n}" for n in range(2_000)], frozenset({poison}))
    assert len(applied) == 1_999
    assert attempts <= 2 * math.ceil(math.log2(2_000)) + 1
    assert list(sieve.failed) == [f"deal/{poison - 1}"]


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("gone"),
        psycopg.errors.DeadlockDetected(),
        psycopg.errors.QueryCanceled(),
        psycopg.errors.DiskFull(),
        psycopg.errors.UndefinedTable(),
        psycopg.errors.InsufficientPrivilege(),
        psycopg.errors.ReadOnlySqlTransaction(),
        psycopg.InterfaceError("closed"),
        NotNow(),
        MemoryError(),
    ],
)
def test_what_is_not_the_fault_of_the_event_parks_nothing(error):
    """P12: a lost connection, a full disk or a missing table is nobody's poison; the batch is tried again as a whole."""
    connection = Undoing()
    sieve = Sieve(cast("Connection[Any]", connection), Failing(frozenset({2}), error), frozenset())
    with pytest.raises(type(error)):
        sieve.apply([an_event(1, "deal/a"), an_event(2, "deal/b"), an_event(3, "deal/c")])
    assert (connection.rows, sieve.failed, connection.attempts) == ([], {}, 1)


@pytest.mark.parametrize(
    "error", [ValueError(), KeyError("x"), psycopg.errors.UniqueViolation(), psycopg.DataError()]
)
def test_an_error_on_a_connection_that_is_gone_blames_no_event(error):
    """P12: whatever a handler makes of a lost connection, the event is not poison."""
    connection = Undoing()
    assert blames_the_event(error, cast("Connection[Any]", connection))
    for lost in ("closed", "broken"):
        connection = Undoing()
        setattr(connection, lost, True)
        assert not blames_the_event(error, cast("Connection[Any]", connection))


@given(value=st.text(min_size=1))
def test_a_description_says_where_and_never_repeats_the_message(value):
    """P28: the text of an error may hold what is personal, so none of it is kept."""
    secret = f"«{value}»"
    failing = Failing(frozenset({1}), ValueError(secret))
    with pytest.raises(ValueError, match="«") as caught:
        failing.apply(Undoing(), [an_event(1, "deal/a")])
    said = describe(caught.value, an_event(1, "deal/a"))
    assert secret not in said
    assert said.startswith(f"ValueError in {__name__}:")
    assert said.endswith("on record.fields-changed.v1")


def test_a_description_names_our_own_code_rather_than_a_library_s():
    """Whoever has to look is sent to the handler."""

    class Nothing:
        def execute(self, *_: object) -> Any:
            return self

        def fetchall(self) -> list[Any]:
            return []

    with pytest.raises(ValueError, match="does not begin with an opening") as caught:
        CurrentRecords().apply(cast("Any", Nothing()), [an_event(1, "deal/a")])
    assert describe(caught.value).startswith("ValueError in domain.record.state:")


def test_waits_double_up_to_a_limit_and_differ():
    """P12: processes that lost the same server do not come back in step, and none waits longer than the limit."""
    longest, shortest = BackOff(2.0, lambda _, most: most), BackOff(2.0, lambda least, _: least)
    assert [longest.next() for _ in range(7)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert [shortest.next() for _ in range(3)] == [0.05, 0.1, 0.2]
    longest.reset()
    assert longest.next() == 0.1
    assert len({BackOff(2.0).next() for _ in range(20)}) > 1


def test_the_three_kinds_are_told_apart():
    """A read model is no timer table, and neither is a process."""

    class Timers(TimerTable):
        def apply(self, connection: Any, events: Any) -> None: ...

    class Acts(Process):
        def apply(self, connection: Any, events: Any) -> None: ...

    found = [type_of(projection) for projection in (Failing(frozenset()), Timers(), Acts())]
    assert found == ["read model", "timer table", "process"]
