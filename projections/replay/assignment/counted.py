"""What assignment counts over many records, as of a position: a twin of what the live counts say, fed by rows.

Whoever owns a record may be told anew, which is how the choices of a draft count for its next ones.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.assigning.recorded_names import RecordedField
from domain.values import Stored
from projections.replay.assignment.told import Change, Entry, Handover

_Place = tuple[bool, int, str, str]
"""Newest first: whether nobody knows when the step was entered, how long before the end of time that was (µs), the record, the step."""


@dataclass(slots=True)
class _Standing:
    """A record as it stands."""

    owner: str | None = None
    step: str | None = None
    entered_at: datetime | None = None
    fields: dict[str, Stored] = field(default_factory=dict)


class Counts:
    """Records of one kind by who owns them. Implements `domain.assigning.counting.Counting`.

    Each thing that happened is counted once as long as it is asked forwards; asked backwards, everything is counted again.
    """

    def __init__(
        self, kind: str, entries: Iterable[Entry], changes: Iterable[Change], handovers: Iterable[Handover]
    ) -> None:
        self._kind = kind
        happened: list[Entry | Change] = [*entries, *changes]
        self._happened = sorted(happened, key=lambda one: one.position)
        self._owned: list[tuple[int, int, str, str | None]] = [
            (one.position, number, one.record, one.owner) for number, one in enumerate(handovers)
        ]
        self._many = len(self._owned)
        self._begin()

    def _begin(self) -> None:
        self._position = 0
        self._next = self._next_owned = 0
        self._records: dict[str, _Standing] = {}
        self._open: dict[str | None, Counter[str]] = {}
        self._closed: list[_Closed] = []

    def own(self, position: int, record: str, owner: str | None) -> None:
        """Say who owns a record from a position on. Of several things told of one position the last counts."""
        told = (position, self._many, record, owner)
        self._many += 1
        insort(self._owned, told, key=lambda one: one[:2])
        if position <= self._position:
            self._next_owned += 1
            self._change_owner(record, owner)

    # ── what is counted ──────────────────────────────────────────────────────────────────────────────────────────────

    def open_records(self, kind: str, steps: tuple[str, ...], as_of: int) -> Mapping[str, int]:
        """Return how many records each person owned that stood in one of the steps, or in none."""
        assert kind == self._kind
        self._advance(as_of)
        found = Counter[str]()
        for step in (None, *dict.fromkeys(steps)):
            found.update(self._open.get(step, Counter()))
        return {owner: count for owner, count in found.items() if count}

    def last_closed(
        self, kind: str, steps: tuple[str, ...], field: RecordedField, value: str, last: int, as_of: int
    ) -> Mapping[str, tuple[str, ...]]:
        """Return the steps of the last so many records that each person owned and that stood in one of the steps, newest first."""
        assert kind == self._kind
        self._advance(as_of)
        closed = next((known for known in self._closed if known.field == field), None)
        if closed is None:
            closed = _Closed(field)
            self._closed.append(closed)
            for record, standing in self._records.items():
                closed.add(record, standing)
        return closed.last(frozenset(steps), value, last)

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _advance(self, as_of: int) -> None:
        if as_of < self._position:
            self._begin()
        upto = bisect_right(self._happened, as_of, key=lambda one: one.position)
        for one in self._happened[self._next : upto]:
            if isinstance(one, Entry):
                self._change_step(one)
            else:
                self._change_field(one)
        self._next = upto
        upto = bisect_right(self._owned, as_of, key=lambda one: one[0])
        for _, _, record, owner in self._owned[self._next_owned : upto]:
            self._change_owner(record, owner)
        self._next_owned = upto
        self._position = as_of

    def _change_owner(self, record: str, owner: str | None) -> None:
        standing = self._out(record)
        standing.owner = owner
        self._in(record, standing)

    def _change_step(self, entry: Entry) -> None:
        standing = self._out(entry.record)
        standing.step, standing.entered_at = entry.step, entry.entered_at
        self._in(entry.record, standing)

    def _change_field(self, change: Change) -> None:
        standing = self._out(change.record)
        standing.fields[change.field] = change.value
        self._in(change.record, standing)

    def _out(self, record: str) -> _Standing:
        standing = self._records.setdefault(record, _Standing())
        if standing.owner is not None:
            self._open.setdefault(standing.step, Counter())[standing.owner] -= 1
            for closed in self._closed:
                closed.remove(record, standing)
        return standing

    def _in(self, record: str, standing: _Standing) -> None:
        if standing.owner is not None:
            self._open.setdefault(standing.step, Counter())[standing.owner] += 1
            for closed in self._closed:
                closed.add(record, standing)


class _Closed:
    """Records that stand in some step and that somebody owns, by owner and by what they hold in one field, newest first by when they came into their step."""

    def __init__(self, field: RecordedField) -> None:
        self.field = field
        self._places: dict[str, dict[str, list[_Place]]] = {}

    def add(self, record: str, standing: _Standing) -> None:
        found = self._list(standing)
        if found is not None:
            insort(found, _place(record, standing))

    def remove(self, record: str, standing: _Standing) -> None:
        found = self._list(standing)
        if found is not None:
            place = _place(record, standing)
            del found[bisect_left(found, place)]

    def last(self, steps: frozenset[str], value: str, last: int) -> dict[str, tuple[str, ...]]:
        found = {}
        for owner, by_value in self._places.items():
            told: list[str] = []
            for *_, step in by_value.get(value, ()):
                if step in steps:
                    told.append(step)
                if len(told) == last:
                    break
            if told:
                found[owner] = tuple(told)
        return found

    def _list(self, standing: _Standing) -> list[_Place] | None:
        said = said_by(self.field, standing.fields)
        if standing.owner is None or standing.step is None or said is None:
            return None
        return self._places.setdefault(standing.owner, {}).setdefault(said, [])


def said_by(field: RecordedField, fields: Mapping[str, Stored]) -> str | None:
    """Return what a record says in a field: under the first of its names it holds; under an old one only where that is still an option."""
    for place, name in enumerate(field.names):
        if name not in fields:
            continue
        value = fields[name]
        options = field.options.get(name, {})
        said = options.get(value, value) if isinstance(value, str) else value
        if place == 0 or said is not None:
            return said if isinstance(said, str) else None
    return None


def _place(record: str, standing: _Standing) -> _Place:
    entered = standing.entered_at
    assert standing.step is not None
    since = 0 if entered is None else (_END - entered) // timedelta(microseconds=1)
    return entered is None, since, record, standing.step


_END = datetime(9999, 12, 31, tzinfo=UTC)
