"""What was acknowledged, what stands in the log, and the checks that compare the two.

Every check returns what is wrong, one sentence each; the tests of a promise and the tests of its mutants use the same ones.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import psycopg


@dataclass(frozen=True, slots=True)
class Work:
    """A command to be sent under a key of its own; `events` is how many events it makes."""

    key: str
    act: str
    stream: str
    events: int = 1


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the service said to one command."""

    key: str
    command_id: str
    positions: tuple[int, ...]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """An event as it stands in the log."""

    position: int
    stream: str
    version: int
    topic: str
    command_id: str


@dataclass(slots=True)
class History:
    """Everything that was sent and everything that was acknowledged, from many threads."""

    sent: dict[str, Work] = field(default_factory=dict)
    acknowledged: dict[str, Acknowledged] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sending(self, works: Iterable[Work]) -> None:
        """Note what is about to be sent for the first time."""
        with self._lock:
            self.sent.update((work.key, work) for work in works)

    def went_unanswered(self) -> None:
        """Note that nobody knows what became of something."""
        with self._lock:
            self.unanswered += 1

    def heard(self, answers: Iterable[Acknowledged]) -> None:
        """Note what was acknowledged; a key that is answered twice must be answered alike."""
        with self._lock:
            for answer in answers:
                before = self.acknowledged.setdefault(answer.key, answer)
                if (before.command_id, before.positions) != (answer.command_id, answer.positions):
                    self.contradictions.append(f"{answer.key} was answered {before}, then {answer}")


def rows(url: str) -> list[Row]:
    """The whole log, in its order."""
    query = (
        "SELECT notification_id, originator_id, originator_version, topic, command_id"
        " FROM dealtrail.events ORDER BY notification_id"
    )
    with psycopg.connect(url) as connection:
        return [Row(*columns) for columns in connection.execute(query)]


def by_command(log: Sequence[Row]) -> Mapping[str, list[Row]]:
    """The events of each command, in the order of the log."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in log:
        found[row.command_id].append(row)
    return found


def lost(acknowledged: Iterable[Acknowledged], log: Sequence[Row]) -> list[str]:
    """P1: acknowledged commands whose events are not where the acknowledgement said."""
    at = {row.position: row.command_id for row in log}
    return [
        f"{answer.key} was acknowledged at {position}, where there is {at.get(position, 'nothing')}"
        for answer in acknowledged
        for position in answer.positions
        if at.get(position) != answer.command_id
    ]


def torn(sent: Mapping[str, Work], acknowledged: Mapping[str, Acknowledged], log: Sequence[Row]) -> list[str]:
    """P4: commands that have other than all of their events, or not next to each other."""
    found, wrong = by_command(log), []
    for key, work in sent.items():
        if key not in acknowledged:
            wrong.append(f"{key} was never acknowledged")
            continue
        events = found.get(acknowledged[key].command_id, [])
        if len(events) != work.events:
            wrong.append(f"{key} has {len(events)} of {work.events} events")
        elif any(later.position != earlier.position + 1 for earlier, later in pairwise(events)):
            wrong.append(f"{key} is scattered over {[event.position for event in events]}")
    return wrong


def applied_twice(
    sent: Mapping[str, Work], acknowledged: Mapping[str, Acknowledged], log: Sequence[Row]
) -> list[str]:
    """P2: commands with more events than they make."""
    found = by_command(log)
    return [
        f"{key} has {len(found[acknowledged[key].command_id])} events and makes {work.events}"
        for key, work in sent.items()
        if key in acknowledged and len(found.get(acknowledged[key].command_id, [])) > work.events
    ]


def unexplained(acknowledged: Mapping[str, Acknowledged], log: Sequence[Row], before: int) -> list[str]:
    """Events after a position that belong to no command that was sent."""
    known = {answer.command_id for answer in acknowledged.values()}
    return [f"{row}" for row in log if row.position > before and row.command_id not in known]


def broken_order(log: Sequence[Row]) -> list[str]:
    """P3: positions that are not 1, 2, 3 …, and versions of a stream that are not."""
    wrong = [
        f"position {row.position} stands where {index} should"
        for index, row in enumerate(log, start=1)
        if row.position != index
    ]
    versions: dict[str, int] = defaultdict(int)
    for row in log:
        versions[row.stream] += 1
        if row.version != versions[row.stream]:
            wrong.append(f"{row.stream} has version {row.version} where {versions[row.stream]} should be")
    return wrong


def misread(reader: str, seen: Sequence[int], expected: Sequence[int]) -> list[str]:
    """P3: what a reader that followed the log missed, repeated, or saw out of order."""
    wrong = [f"{reader} never saw {position}" for position in sorted(set(expected) - set(seen))]
    wrong += [f"{reader} saw {position}, which is not its" for position in sorted(set(seen) - set(expected))]
    wrong += [
        f"{reader} saw {later} after {earlier}" for earlier, later in pairwise(seen) if later <= earlier
    ]
    return wrong
