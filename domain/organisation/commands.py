"""What can be asked of the organisation."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FormTeam:
    """Form a team."""

    team: str
    name: str
    region: str | None = None
    part_of: str | None = None


@dataclass(frozen=True, slots=True)
class AddPerson:
    """Let a person join. `person` is an opaque id: names never become ids. `region` is given where it is not the team's."""

    person: str
    name: str
    team: str | None = None
    manager: str | None = None
    roles: tuple[str, ...] = ()
    email: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class MovePerson:
    """Put a person into another team, under another manager or into another region; None leaves them without, or in the team's region."""

    person: str
    team: str | None
    manager: str | None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class RemovePerson:
    """Let a person leave."""

    person: str


@dataclass(frozen=True, slots=True)
class GrantRole:
    """Give a person a role."""

    person: str
    role: str


@dataclass(frozen=True, slots=True)
class RevokeRole:
    """Take a role from a person."""

    person: str
    role: str


@dataclass(frozen=True, slots=True)
class NoteAbsence:
    """Say that a person is away. Without `begins` they are from now on; without `ends` nobody knows until when."""

    person: str
    begins: datetime | None = None
    ends: datetime | None = None
    stand_in: str | None = None
    absence: str = ""


@dataclass(frozen=True, slots=True)
class EndAbsence:
    """Say that a person is back, or that an absence does not come about."""

    person: str
    absence: str


@dataclass(frozen=True, slots=True)
class GiveDelegation:
    """Let somebody else take what would be a person's whenever that person is not there. `covers` says what: work, approvals."""

    person: str
    to: str
    begins: datetime | None = None
    ends: datetime | None = None
    covers: tuple[str, ...] = ("approvals", "work")
    delegation: str = ""


@dataclass(frozen=True, slots=True)
class EndDelegation:
    """Take a delegation back."""

    person: str
    delegation: str


@dataclass(frozen=True, slots=True)
class SetSkills:
    """Say what a person can do: all of it, not what is new."""

    person: str
    skills: tuple[str, ...]


StandInCommand = NoteAbsence | EndAbsence | GiveDelegation | EndDelegation
"""What a person may also say of themself."""

OrganisationCommand = (
    FormTeam | AddPerson | MovePerson | RemovePerson | GrantRole | RevokeRole | StandInCommand | SetSkills
)
