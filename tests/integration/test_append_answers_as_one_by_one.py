"""A batch is asked and written together, and answered as if its commands had come one by one."""

from collections import Counter
from dataclasses import dataclass
from itertools import count

import pytest
from eventsourcing.persistence import IntegrityError
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.log_contract import an_append
from support.memory import MemoryLog

from commands.ports import Append, Outcome
from domain.events import FieldsChanged, RecordOpened

STREAMS, KEYS = 4, 5
NOBODY_KNOWS = None
"""The version of an event that takes the next one, whichever it is."""


@dataclass(frozen=True)
class Asked:
    """One command of a batch: which streams it writes to and looks at, and by how much it is wrong about their versions."""

    key: int | None
    body: int
    writes: list[tuple[int, int | None]]
    reads: list[tuple[int, int]]
    refused: bool


mostly_right = st.sampled_from([0, 0, 0, 0, 0, 0, 0, -1, 1])
asked = st.builds(
    Asked,
    key=st.one_of(st.none(), st.integers(0, KEYS - 1)),
    body=st.sampled_from([0, 0, 0, 1]),
    writes=st.lists(
        st.tuples(st.integers(0, STREAMS - 1), st.sampled_from([*([0] * 30), NOBODY_KNOWS, 1])), max_size=3
    ),
    reads=st.lists(st.tuples(st.integers(0, STREAMS - 1), mostly_right), max_size=2),
    refused=st.booleans(),
)
batches = st.lists(st.lists(asked, min_size=1, max_size=8), min_size=1, max_size=4)
_numbers = count(1)


def to_batch(batch: list[Asked], log: MemoryLog, run: int) -> list[Append]:
    """Lay the commands out as the bus does: each was decided on what the ones before it would come to."""
    versions = {number: log.version(stream(run, number)) for number in range(STREAMS)}
    made = []
    for item in batch:
        before, events = dict(versions), []
        for number, wrong in item.writes:
            versions[number] += 1
            version = None if wrong is NOBODY_KNOWS else versions[number] + wrong
            change = (
                RecordOpened({"topic": "x"}, "lead")
                if versions[number] == 1
                else FieldsChanged({"topic": {"old": "x", "new": "y"}})
            )
            events.append((stream(run, number), version, change))
        own = {number for number, _ in item.writes}
        expecting = [(stream(run, number), before[number], True) for number in sorted(own)]
        expecting += [
            (stream(run, number), max(before[number] + wrong, 0), False)
            for number, wrong in item.reads
            if number not in own
        ]
        key = None if item.key is None else f"{run}-{item.key}"
        outcome = "refused" if item.refused else "accepted"
        made.append(
            an_append(*events, key=key, expecting=expecting, body=bytes([item.body]) * 32, outcome=outcome)
        )
    return made


def stream(run: int, number: int) -> str:
    """A stream of one run only: all runs share a database."""
    return f"deal/dea_{run}_{number}"


def answered(log, batch: list[Append], head: int) -> list[tuple] | str:
    """What a log says to a batch, with positions counted from the head of the run; the time is the log's own."""

    def told(outcome: Outcome) -> tuple:
        ends = (outcome.first_position, outcome.last_position)
        places = tuple(None if position is None else position - head for position in ends)
        return (outcome.result, *places, outcome.stored_outcome, outcome.moved_stream)

    try:
        return [told(outcome) for outcome in log.append(batch)]
    except IntegrityError:
        return "does not fit"


def written(log, head: int) -> list[tuple]:
    """What stands in a log after a position."""
    return [
        (e.stream, e.version, e.position - head, e.basis - head, e.event)
        for e in log.read(head + 1, head + 1_000)
    ]


@pytest.fixture
def sealed(a_tenant):
    """A log in PostgreSQL that all runs share."""
    return a_tenant("batches").log


@given(batches=batches)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_batch_is_answered_as_if_its_commands_had_come_one_by_one(sealed, batches):
    """Keys that come twice, streams that moved, streams spoilt by a lost command, versions nobody knows: the same answers, the same rows."""
    run, memory = next(_numbers), MemoryLog.begun()
    here, there = sealed.head(), memory.head()
    for batch in batches:
        appends = to_batch(batch, memory, run)
        expected = answered(memory, appends, there)
        assert answered(sealed, appends, here) == expected
        for result in Counter(answer[0] for answer in expected) if isinstance(expected, list) else [expected]:
            event(result)
    assert written(sealed, here) == written(memory, there)
