"""Who is away when, and who stands in for whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

Covered: TypeAlias = Literal["work", "approvals"]

COVERS: tuple[Covered, ...] = ("approvals", "work")
"""What can be delegated. The list is closed."""

MOST_STAND_INS = 5
"""From whoever is asked to whoever takes it, at most so many people stand in for each other."""


@dataclass(frozen=True, slots=True)
class Absence:
    """A time in which a person is away; `ends` None: nobody knows until when. `version` is that of the event that noted it."""

    id: str
    person: str
    begins: datetime
    ends: datetime | None
    stand_in: str | None
    version: int

    def holds(self, at: datetime) -> bool:
        """Tell whether the person is away at a moment."""
        return self.begins <= at and (self.ends is None or at < self.ends)

    def meets(self, begins: datetime, ends: datetime | None) -> bool:
        """Tell whether any moment of a span belongs to this absence."""
        return (self.ends is None or begins < self.ends) and (ends is None or self.begins < ends)


@dataclass(frozen=True, slots=True)
class Delegation:
    """A time in which somebody else takes what would be a person's whenever they are not there."""

    id: str
    person: str
    to: str
    begins: datetime
    ends: datetime | None
    covers: frozenset[str]
    version: int

    def holds(self, at: datetime) -> bool:
        """Tell whether the delegation holds at a moment."""
        return self.begins <= at and (self.ends is None or at < self.ends)


def standing_in(
    person: str,
    at: datetime,
    covers: str,
    absences: Mapping[str, Absence],
    delegations: Mapping[str, Delegation],
) -> Iterator[str]:
    """Whom a person named to stand in for them at a moment: first in their absences, then by delegation, what was said last first."""
    away = [found for found in absences.values() if found.person == person and found.holds(at)]
    for absence in sorted(away, key=lambda found: -found.version):
        if absence.stand_in is not None:
            yield absence.stand_in
    given = [found for found in delegations.values() if found.person == person and found.holds(at)]
    for delegation in sorted(given, key=lambda found: -found.version):
        if covers in delegation.covers:
            yield delegation.to
