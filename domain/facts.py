"""What a decision may know besides the state it decides on: a port that the composition root fills.

Whatever an implementation looks up on behalf of a decision joins the decision's read set:
the append verifies under the lock that none of it has moved, else the command is decided again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.envelope import Recorded
from domain.organisation.state import Organisation
from domain.playbook.model import Joining, Right, Role
from domain.playbook.published import PublishedPlaybook
from domain.values import Stored


class Erased:
    """Stands for a personal value whose key was destroyed: something was there, and nobody can read it."""

    def __repr__(self) -> str:
        return "ERASED"


ERASED = Erased()


@dataclass(frozen=True, slots=True)
class Standing:
    """The records that stand on a part of a playbook: how many, and the ids of the first."""

    count: int
    first: tuple[str, ...] = ()


class Facts(Protocol):
    """The facts of one decision, as of its basis."""

    @property
    def decided_at(self) -> datetime:
        """The clock reading of this decision."""
        ...

    @property
    def occurred_at(self) -> datetime | None:
        """When what is decided on happened; None when the moment is unknown."""
        ...

    @property
    def actor(self) -> str:
        """Who issues the command: person/… or system/…."""
        ...

    @property
    def on_behalf_of(self) -> str | None:
        """The person the command is issued for, where that is not the actor."""
        ...

    @property
    def roles(self) -> Mapping[str, Role]:
        """The roles of all playbooks in force, by name."""
        ...

    @property
    def joining(self) -> Sequence[Joining]:
        """What each playbook in force asks to be known of whoever works here."""
        ...

    def playbook_for(
        self, kind: str, fields: Mapping[str, Stored] | None = None, owner: str | None = None
    ) -> PublishedPlaybook:
        """Return the playbook in force for a record of a kind, by what its scope asks for. Raises NotFound, with the nearest kind."""
        ...

    def playbook_version(self, name: str, number: int) -> PublishedPlaybook:
        """Return one published version of a playbook, whether it is in force or not. Raises NotFound."""
        ...

    def people(self) -> Organisation:
        """Return who works where, with which roles, and who is away."""
        ...

    def stand_in(self, person: str, covers: str) -> str | None:
        """Return who takes what would be a person's now: the person where they are there, else who stands in; None: nobody.

        `covers` is what it is about: `work` or `approvals`.
        """
        ...

    def may(self, right: Right) -> bool:
        """Tell whether whoever issues the command holds a right."""
        ...

    def is_active_person(self, person: str) -> bool:
        """Tell whether a person works here now."""
        ...

    def is_known_person(self, person: str) -> bool:
        """Tell whether a person ever worked here."""
        ...

    def history(self, stream: str) -> Sequence[Recorded]:
        """Return the events of the record that is decided on, oldest first."""
        ...

    def standing_on(self, kind: str, what: str, name: str) -> Standing:
        """Tell which records stand on a `stage`, hold a `field` or an `option` (field/option); a hint, not part of the read set."""
        ...

    def exists(self, stream: str) -> bool:
        """Tell whether a record was ever opened."""
        ...

    def reveal(self, stream: str, field: str, stored: Stored) -> "Stored | Erased":
        """Open a sealed value of a stream's field; a value that is not sealed is returned as it is."""
        ...
