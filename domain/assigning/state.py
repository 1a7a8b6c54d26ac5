"""What a pool knows of its own past: who waits, whose turn it is, who got and claimed how much."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.assigning.entries import Entries
from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.envelope import Recorded

KEPT = timedelta(hours=72)
"""How long moments are kept that are counted by day: a day lasts 25 hours at most, wherever it begins."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one record in the pool.

    `attempts` counts how often an owner was looked for, the last time because of the event at `asked_at`. `waiting_since` is the
    position from which on nobody was found; `given_at` is when somebody got it last; `had_by` are those who lost it or gave it back.
    """

    attempts: int = 0
    asked_at: int = 0
    waiting_since: int | None = None
    person: str | None = None
    given_at: datetime | None = None
    had_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Moved:
    """That a record went to a person or away from them, and where in the log that stands."""

    position: int
    person: str
    gained: int


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool at one version of its stream.

    `turns` is the version of each person's last turn by rule (an empty name: the fallback); `assigned` and `claimed` hold the recent
    moments of each person, `totals` how many each was ever assigned. `asked_up_to` is the last position that was asked about,
    and `recent` are the moves since then: of what was moved before it nothing is known any more that could be counted.
    `waits` is since when nobody was found for a record.
    """

    version: int = 0
    entries: Entries[Entry] = field(default_factory=Entries)
    turns: Mapping[tuple[str, str], int] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
    assigned: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    claimed: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    recent: tuple[Moved, ...] = ()
    asked_up_to: int = 0
    waits: Mapping[str, int] = field(default_factory=dict)

    def entry(self, record: str) -> Entry:
        """What became of a record here; nothing yet where it never came here."""
        return self.entries.get(record, Entry())

    @property
    def waiting(self) -> tuple[str, ...]:
        """The records nobody was found for, in the order in which they came to wait."""
        return tuple(sorted(self.waits, key=lambda record: (self.waits[record], record)))

    def gained_after(self, position: int) -> Mapping[str, int]:
        """How many records more each person has by what this pool did after a position."""
        found: dict[str, int] = {}
        for moved in self.recent:
            if moved.position > position:
                found[moved.person] = found.get(moved.person, 0) + moved.gained
        return found


def fold(pool: PoolState | None, events: Iterable[Recorded]) -> PoolState:
    """Fold events into a pool, beginning with one nothing ever came into. Folding in any two steps equals folding at once."""
    known = pool or PoolState()
    building = _Building(known)
    for recorded in events:
        building.take(recorded)
    return building.done()


class _Building:
    """A pool while events are folded into it: what there is of each person is copied once, and of the records only what changes."""

    def __init__(self, pool: PoolState) -> None:
        self._version = pool.version
        self._known, self._changed = pool.entries, dict[str, Entry]()
        self._turns, self._totals = dict(pool.turns), dict(pool.totals)
        self._assigned, self._claimed = dict(pool.assigned), dict(pool.claimed)
        self._recent, self._asked_up_to = pool.recent, pool.asked_up_to
        self._waits = dict(pool.waits)

    def take(self, recorded: Recorded) -> None:
        """Fold one event."""
        event, self._version = recorded.event, recorded.version
        match event:
            case PoolAssigned():
                self._assign(recorded, event)
            case PoolClaimed(record=record, person=person):
                _note(self._claimed, person, recorded.decided_at)
                self._give(recorded, record, person)
            case PoolReturned(record=record, person=person) | PoolRecycled(record=record, person=person):
                entry = self._entry(record)
                self._changed[record] = replace(entry, person=None, had_by=entry.had_by | {person})
                self._move(recorded, person, -1)
            case _:
                pass

    def _entry(self, record: str) -> Entry:
        return self._changed.get(record) or self._known.get(record, Entry())

    def _assign(self, recorded: Recorded, event: PoolAssigned) -> None:
        asked_at = asked_because_of(recorded)
        self._asked_up_to = max(self._asked_up_to, asked_at)
        self._recent = tuple(moved for moved in self._recent if moved.position > self._asked_up_to)
        entry = self._entry(event.record)
        entry = replace(entry, attempts=event.attempt, asked_at=asked_at)
        self._changed[event.record] = entry
        if event.person is None:
            waits = None if event.fallback else entry.waiting_since or recorded.position
            self._changed[event.record] = replace(entry, person=None, waiting_since=waits)
            self._wait(event.record, waits)
            return
        self._turns[event.rule or "", event.person] = recorded.version
        self._totals[event.person] = self._totals.get(event.person, 0) + 1
        _note(self._assigned, event.person, recorded.decided_at)
        self._give(recorded, event.record, event.person)

    def _give(self, recorded: Recorded, record: str, person: str) -> None:
        entry = self._entry(record)
        self._changed[record] = replace(
            entry, person=person, waiting_since=None, given_at=recorded.decided_at
        )
        self._wait(record, None)
        self._move(recorded, person, 1)

    def _wait(self, record: str, since: int | None) -> None:
        if since is None:
            self._waits.pop(record, None)
        else:
            self._waits[record] = since

    def _move(self, recorded: Recorded, person: str, gained: int) -> None:
        self._recent = (*self._recent, Moved(recorded.position, person, gained))

    def done(self) -> PoolState:
        """Return the pool as it is now."""
        return PoolState(
            self._version,
            self._known.changed(self._changed),
            self._turns,
            self._totals,
            self._assigned,
            self._claimed,
            self._recent,
            self._asked_up_to,
            self._waits,
        )


def asked_because_of(recorded: Recorded) -> int:
    """Return the position of the event that made the worker look for an owner, 0 where that is not told."""
    told = recorded.causation_id
    return int(told) if told is not None and told.isascii() and told.isdigit() else 0


def _note(moments: dict[str, tuple[datetime, ...]], person: str, at: datetime) -> None:
    moments[person] = (*(moment for moment in moments.get(person, ()) if at - moment < KEPT), at)
