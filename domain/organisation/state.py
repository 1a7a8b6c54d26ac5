"""Who works where, under whom, in which roles, folded from the organisation's events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.envelope import Recorded
from domain.events import (
    AbsenceEnded,
    AbsenceNoted,
    DelegationEnded,
    DelegationGiven,
    PersonJoined,
    PersonLeft,
    PersonMoved,
    RoleGranted,
    RoleRevoked,
    SkillsSet,
    TeamFormed,
)
from domain.organisation.absences import MOST_STAND_INS, Absence, Delegation, standing_in
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
    skills: frozenset[str] = frozenset()


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
    absences: Mapping[str, Absence] = field(default_factory=dict)
    delegations: Mapping[str, Delegation] = field(default_factory=dict)

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

    def with_those_below(self, teams: Iterable[str]) -> frozenset[str]:
        """Return teams and all that are part of them."""
        found = set(teams)
        while below := {name for name, team in self.teams.items() if team.part_of in found} - found:
            found |= below
        return frozenset(found)

    def skills_of(self, person: str) -> frozenset[str]:
        """Return what a person can do."""
        found = self.people.get(person)
        return found.skills if found is not None else frozenset()

    def absence_of(self, person: str, at: datetime) -> Absence | None:
        """Return the absence a person is in at a moment; of several, the one that ends last."""
        away = [found for found in self.absences.values() if found.person == person and found.holds(at)]
        return max(
            away, key=lambda found: (found.ends is None, found.ends or at, found.version), default=None
        )

    def is_away(self, person: str, at: datetime) -> bool:
        """Tell whether a person is away at a moment. Who left is not away: they are not here at all."""
        return self.absence_of(person, at) is not None

    def is_there(self, person: str, at: datetime) -> bool:
        """Tell whether a person works here and is not away."""
        return self.is_active(person) and not self.is_away(person, at)

    def stand_in_for(self, person: str, at: datetime, covers: str = "work") -> str | None:
        """Return who takes what would be a person's at a moment: the person where they are there, else whoever stands in for them.

        `covers` is what it is about: `work` or `approvals`. Stand-ins who are away themselves have theirs followed,
        five times at most. None: nobody is left, or they stand in for each other in a circle, or the person has left.
        """
        seen = {person}
        for _ in range(MOST_STAND_INS + 1):
            if not self.is_active(person):
                return None
            if not self.is_away(person, at):
                return person
            named = standing_in(person, at, covers, self.absences, self.delegations)
            following = next((who for who in named if self.is_active(who)), None)
            if following is None or following in seen:
                return None
            seen.add(following)
            person = following
        return None


def evolve(organisation: Organisation, recorded: Recorded) -> Organisation:
    """Fold one event into the organisation."""
    people, teams = dict(organisation.people), dict(organisation.teams)
    absences, delegations = dict(organisation.absences), dict(organisation.delegations)
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
        case SkillsSet(person=person, skills=skills):
            people[person] = replace(people[person], skills=frozenset(skills))
        case AbsenceNoted(absence=absence, person=person, begins=begins, ends=ends, stand_in=stand_in):
            absences[absence] = Absence(
                absence, person, _moment(begins), _end(ends), stand_in, recorded.version
            )
        case AbsenceEnded(absence=absence):
            ended = _earlier(absences[absence].ends, recorded.decided_at)
            absences[absence] = replace(absences[absence], ends=ended)
        case DelegationGiven(
            delegation=delegation, person=person, to=to, begins=begins, ends=ends, covers=covers
        ):
            delegations[delegation] = Delegation(
                delegation, person, to, _moment(begins), _end(ends), frozenset(covers), recorded.version
            )
        case DelegationEnded(delegation=delegation):
            ended = _earlier(delegations[delegation].ends, recorded.decided_at)
            delegations[delegation] = replace(delegations[delegation], ends=ended)
        case _:
            pass
    return Organisation(recorded.version, people, teams, absences, delegations)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _end(text: str | None) -> datetime | None:
    return None if text is None else _moment(text)


def _earlier(ends: datetime | None, now: datetime) -> datetime:
    return now if ends is None else min(ends, now)


def fold(organisation: Organisation | None, events: Iterable[Recorded]) -> Organisation:
    """Fold events into an organisation, beginning with nobody."""
    state = organisation or Organisation()
    for recorded in events:
        state = evolve(state, recorded)
    return state
