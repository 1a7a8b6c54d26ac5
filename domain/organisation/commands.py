"""What can be asked of the organisation."""

from dataclasses import dataclass


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


OrganisationCommand = FormTeam | AddPerson | MovePerson | RemovePerson | GrantRole | RevokeRole
