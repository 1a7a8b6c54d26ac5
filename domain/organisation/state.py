"""Who works where, under whom, in which roles, folded from the organisation's events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.envelope import Recorded
from domain.events import PersonJoined, PersonLeft, PersonMoved, RoleGranted, RoleRevoked, TeamFormed
from domain.values import Stored


@dataclass(frozen=True, slots=True)
class Person:
    """An employee. The name stays sealed; the lens reveals it to whoever may see it. `region` is set where it is not the team's."""

    id: str
    name: Stored
    team: str | None
    manager: str | None
    roles: frozenset[str]
    joined_at: datetime | None
    active: bool = True
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """A team, the region analyses group it under, and the team above it."""

    id: str
    name: str
    region: str | None
    part_of: str | None


@dataclass(frozen=True, slots=True)
class Organisation:
    """Everybody and every team, at one version of the organisation's stream."""

    version: int = 0
    people: Mapping[str, Person] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)

    def is_active(self, person: str) -> bool:
        """Tell whether a person works here now."""
        found = self.people.get(person)
        return found is not None and found.active

    def roles_of(self, person: str) -> frozenset[str]:
        """Return the roles a person holds; nobody who left holds any."""
        found = self.people.get(person)
        return found.roles if found is not None and found.active else frozenset()

    def region_of(self, person: str) -> str | None:
        """Return the region of a person: their own, else that of their team."""
        found = self.people.get(person)
        if found is not None and found.region is not None:
            return found.region
        team = self.teams.get(found.team) if found is not None and found.team else None
        return team.region if team else None


def evolve(organisation: Organisation, recorded: Recorded) -> Organisation:
    """Fold one event into the organisation."""
    people, teams = dict(organisation.people), dict(organisation.teams)
    match recorded.event:
        case TeamFormed(team=team, name=name, region=region, part_of=part_of):
            teams[team] = Team(team, name, region, part_of)
        case PersonJoined(person=person, name=name, team=team_of, manager=manager, roles=roles, region=own):
            people[person] = Person(
                person, name, team_of, manager, frozenset(roles), recorded.occurred_at, region=own
            )
        case PersonMoved(person=person, team=team_of, manager=manager, region=own):
            people[person] = replace(people[person], team=team_of, manager=manager, region=own)
        case PersonLeft(person=person):
            people[person] = replace(people[person], active=False)
        case RoleGranted(person=person, role=role):
            people[person] = replace(people[person], roles=people[person].roles | {role})
        case RoleRevoked(person=person, role=role):
            people[person] = replace(people[person], roles=people[person].roles - {role})
        case _:
            pass
    return Organisation(recorded.version, people, teams)


def fold(organisation: Organisation | None, events: Iterable[Recorded]) -> Organisation:
    """Fold events into an organisation, beginning with nobody."""
    state = organisation or Organisation()
    for recorded in events:
        state = evolve(state, recorded)
    return state
