"""The world of a draft: everything as recorded, but records belong to whom the draft chose until somebody changes that by hand.

What is taken over from the log in its order: records that are opened, moved and edited, the organisation, owners that people name, and
claims, returns and recycling. By each of these a record belongs to whom the log says from then on. Whoever has it here loses it when
it is returned or recycled; where nobody has it here, that is no loss of anybody's. What is not judged by the draft counts as recorded.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import datetime

from domain.assigning.events import PoolAssigned
from projections.replay.assignment.counted import Counts
from projections.replay.assignment.told import Deed, Handover, Pools

Judged = Callable[[Deed], bool]
"""Tells whether a recorded search is one the draft decides instead."""


class World:
    """One kind of record in the world of a draft, as far as it has come.

    `counts` begin with nobody's owners: they are told here, as this world goes on.
    """

    def __init__(
        self, deeds: tuple[Deed, ...], handovers: tuple[Handover, ...], counts: Counts, is_judged: Judged
    ) -> None:
        self.pools = Pools()
        self.counts = counts
        self.owners: dict[str, str | None] = {}
        self.position = 0
        self._is_judged = is_judged
        happened: list[Deed | Handover] = [*deeds, *handovers]
        self._happened = sorted(happened, key=lambda one: one.position)
        self._deeds = {deed.position: deed for deed in deeds}

    def owner(self, record: str) -> str | None:
        """Whose a record is here."""
        return self.owners.get(record)

    def follows(self, handover: Handover) -> bool:
        """Tell whether somebody got a record only by a search that the draft decides instead."""
        deed = self._deeds.get(handover.position - 1)
        if deed is None or deed.outcome is None or deed.record != handover.record:
            return False
        return deed.outcome.person is not None and self._is_judged(deed)

    def advance(self, position: int) -> None:
        """Let everything happen that the log says up to a position."""
        if position <= self.position:
            return
        first = bisect_right(self._happened, self.position, key=lambda one: one.position)
        last = bisect_right(self._happened, position, key=lambda one: one.position)
        for one in self._happened[first:last]:
            if isinstance(one, Deed):
                self._deed(one)
            elif not self.follows(one):
                self._own(one.position, one.record, one.owner)
        self.position = position

    def take_as_recorded(self, deed: Deed) -> None:
        """Let a search come out as it was recorded: it cannot be judged."""
        told = deed.outcome
        assert told is not None
        self.pools.happen(deed)
        if told.person is not None:
            self._own(deed.position + 1, deed.record, told.person)

    def choose(self, pool: str, found: PoolAssigned, place: int, at: datetime, cause: int, *, recorded: bool) -> None:  # fmt: skip
        """Let a search come out as the draft decides. One that is not `recorded` has no place of its own in the log: it happens at its cause."""
        self.pools.take(pool, found, place, at, cause)
        if found.person is not None:
            self._own(place + recorded, found.record, found.person)

    def _own(self, position: int, record: str, owner: str | None) -> None:
        self.owners[record] = owner
        self.counts.own(position, record, owner)

    def _deed(self, deed: Deed) -> None:
        if deed.is_search:
            if not self._is_judged(deed):
                self.pools.happen(deed)
            return
        person = deed.person if deed.event == "claimed" else self.owner(deed.record)
        if person is not None:
            self.pools.take(deed.pool, deed.happened(person), deed.position, deed.decided_at, deed.cause)


class Moments:
    """When each position was recorded, as far as it is known of a kind, its pools, the organisation and the playbooks."""

    def __init__(self, known: Mapping[int, datetime]) -> None:
        self._positions = sorted(known)
        self._known = known

    def at(self, position: int) -> datetime:
        """Return when a known position was recorded."""
        return self._known[position]

    def last_by(self, moment: datetime) -> int:
        """Return the last known position that was recorded by a moment, 0 where there is none."""
        place = bisect_right(self._positions, moment, key=lambda position: self._known[position])
        return self._positions[place - 1] if place else 0

    def between(self, after: int, upto: int) -> list[int]:
        """Return the known positions of a window."""
        return self._positions[bisect_right(self._positions, after) : bisect_right(self._positions, upto)]
