"""People and teams, and what changed in the organisation between two positions."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

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
from domain.naming import ORGANISATION_STREAM, nearest, person_stream
from domain.organisation.absences import Absence, Delegation
from domain.organisation.state import Organisation, Person, Team
from domain.refusals import NotFound
from domain.values import moment_text
from projections.as_of import Horizon
from projections.cursors import Cursor
from projections.errors import InvalidQuery
from projections.footing import NOW, Footing
from projections.lens import Lens, Visible
from projections.lists import Ask, pinned

_WORDS = {
    TeamFormed: "team-formed",
    PersonJoined: "joined",
    PersonMoved: "moved",
    PersonLeft: "left",
    RoleGranted: "role-granted",
    RoleRevoked: "role-revoked",
    AbsenceNoted: "absence-noted",
    AbsenceEnded: "absence-ended",
    DelegationGiven: "delegation-given",
    DelegationEnded: "delegation-ended",
    SkillsSet: "skills-set",
}


@dataclass(frozen=True, slots=True)
class Who:
    """Which people are listed; None asks nothing."""

    team: str | None = None
    role: str | None = None
    active: bool | None = None


def people(footing: Footing, ask: Ask, who: Who = Who()) -> Visible:
    """Show people, as of a moment, in the order of their ids."""
    words = ["people", who.team, who.role, who.active, str(ask.horizon)]
    cursor = Cursor.read(ask.cursor, words)
    bounded = footing.bounded(ask.horizon if cursor is None else pinned(ask.horizon, cursor.position))
    organisation = footing.organisation(bounded)
    lens = footing.lens(bounded)
    lens.prepare(())
    found = [
        person
        for _, person in sorted(organisation.people.items())
        if (who.team is None or person.team == who.team)
        and (who.role is None or who.role in person.roles)
        and (who.active is None or person.active == who.active)
    ]
    skip = cursor.skip if cursor is not None else 0
    page = found[skip : skip + ask.limit]
    following = Cursor(bounded.position or 0, skip + len(page)).text(words)
    return lens.page(
        [lens.figures(**_person(lens, organisation, person)) for person in page],
        next=following if skip + len(page) < len(found) else None,
        **footing.about(bounded),
    )


def person(footing: Footing, name: str, horizon: Horizon = NOW) -> Visible:
    """Show a person, and every event about them. Raises NotFound, with the nearest id."""
    bounded = footing.bounded(horizon)
    organisation = footing.organisation(bounded)
    found = organisation.people.get(person_stream(name.removeprefix("person/")))
    if found is None:
        known = [known.removeprefix("person/") for known in organisation.people]
        raise NotFound("person", name, nearest(name, known))
    events = [
        recorded
        for recorded in _events(footing, bounded)
        if getattr(recorded.event, "person", None) == found.id
    ]
    lens = footing.lens(bounded)
    lens.prepare(events)
    return lens.figures(
        **_person(lens, organisation, found),
        reports=sorted(other.id for other in organisation.people.values() if other.manager == found.id),
        absences=[
            _absence(part) | {"stand_in_name": lens.person(part.stand_in)}
            for part in sorted(organisation.absences.values(), key=lambda part: part.begins)
            if part.person == found.id
        ],
        delegations=[
            _delegation(part) | {"to_name": lens.person(part.to)}
            for part in sorted(organisation.delegations.values(), key=lambda part: part.begins)
            if part.person == found.id
        ],
        events=[_happened(lens, recorded) for recorded in events],
        **footing.about(bounded),
    )


def teams(footing: Footing, horizon: Horizon = NOW) -> Visible:
    """Show the teams, each with the people in it who work here."""
    bounded = footing.bounded(horizon)
    organisation = footing.organisation(bounded)
    lens = footing.lens(bounded)
    lens.prepare(())
    items = [lens.figures(**_team(organisation, team)) for _, team in sorted(organisation.teams.items())]
    return lens.page(items, next=None, **footing.about(bounded))


def whole_organisation(footing: Footing, horizon: Horizon = NOW) -> Visible:
    """Show everybody and every team, as of a moment."""
    bounded = footing.bounded(horizon)
    organisation = footing.organisation(bounded)
    lens = footing.lens(bounded)
    lens.prepare(())
    return lens.figures(
        version=organisation.version,
        people=[_person(lens, organisation, person) for _, person in sorted(organisation.people.items())],
        teams=[_team(organisation, team) for _, team in sorted(organisation.teams.items())],
        **footing.about(bounded),
    )


def difference(footing: Footing, begin: Horizon, end: Horizon = NOW) -> Visible:
    """Show what changed in the organisation after one position up to another: the net difference, and every event on the way.

    Each line of the difference names the positions of the events that made it. Raises InvalidQuery where it ends before it begins.
    """
    backwards = InvalidQuery.of(
        "from", "this is later than 'to'; ask from the earlier moment to the later one"
    )
    if _is_told_backwards(begin, end):
        raise backwards
    before, bounded = footing.bounded(begin, "from"), footing.bounded(end, "to")
    if (before.position or 0) > (bounded.position or 0):
        raise backwards
    first, last = before.position or 0, bounded.position or 0
    events = [recorded for recorded in _events(footing, bounded) if recorded.position > first]
    lens = footing.lens(bounded)
    lens.prepare(events)
    left, right = footing.organisation(before), footing.organisation(bounded)
    net = compared(left, right, events)
    return lens.figures(
        from_position=first,
        to_position=last,
        **{name: [_named(lens, line) for line in lines] for name, lines in net.items()},
        events=[_happened(lens, recorded) for recorded in events],
        **footing.about(bounded),
    )


def _is_told_backwards(begin: Horizon, end: Horizon) -> bool:
    """Tell whether a span ends before it begins as it was told: two moments may stand at the same position, two positions beyond the log."""
    return any(
        first is not None and last is not None and first > last  # type: ignore[operator]  # two moments or two positions
        for first, last in ((begin.recorded_by, end.recorded_by), (begin.position, end.position))
    )


def compared(
    before: Organisation, after: Organisation, events: Iterable[Recorded]
) -> dict[str, list[dict[str, Any]]]:
    """Compare an organisation with a later one; `events` are those between them, whose positions are named."""
    about = _Positions.of(events)
    net: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "joined",
            "left",
            "moved",
            "roles_granted",
            "roles_revoked",
            "skills_set",
            "absences_noted",
            "absences_ended",
            "delegations_given",
            "delegations_ended",
            "teams_formed",
            "teams_changed",
        )
    }
    for name, now in sorted(after.people.items()):
        then = before.people.get(name)
        was_here = then is not None and then.active
        line: dict[str, Any] = {"person": name}
        if now.active and not was_here:
            joined = {"team": now.team, "manager": now.manager, "region": after.region_of(name)}
            roles = {"roles": sorted(now.roles)}
            net["joined"].append(line | joined | roles | about.positions(PersonJoined, name))
        elif was_here and not now.active:
            net["left"].append(line | about.positions(PersonLeft, name))
        if then is None:
            continue
        places = [
            {"team": who.team, "manager": who.manager, "region": organisation.region_of(name)}
            for who, organisation in ((then, before), (now, after))
        ]
        if places[0] != places[1]:
            moved = {"before": places[0], "after": places[1]}
            net["moved"].append(line | moved | about.positions(PersonMoved, name))
        for what, kind, roles_of in (
            ("roles_granted", RoleGranted, now.roles - then.roles),
            ("roles_revoked", RoleRevoked, then.roles - now.roles),
        ):
            net[what] += [
                line | {"role": role} | about.positions(kind, name, role) for role in sorted(roles_of)
            ]
        if now.skills != then.skills:
            skills = {"before": sorted(then.skills), "after": sorted(now.skills)}
            net["skills_set"].append(line | skills | about.positions(SkillsSet, name))
    for absence_id, absence in sorted(after.absences.items()):
        if absence_id not in before.absences:
            net["absences_noted"].append(
                {"person": absence.person} | _absence(absence) | about.positions(AbsenceNoted, absence_id)
            )
        elif before.absences[absence_id] != absence:
            net["absences_ended"].append(
                {"person": absence.person} | _absence(absence) | about.positions(AbsenceEnded, absence_id)
            )
    for delegation_id, delegation in sorted(after.delegations.items()):
        told = {"person": delegation.person} | _delegation(delegation)
        if delegation_id not in before.delegations:
            net["delegations_given"].append(told | about.positions(DelegationGiven, delegation_id))
        elif before.delegations[delegation_id] != delegation:
            net["delegations_ended"].append(told | about.positions(DelegationEnded, delegation_id))
    for name, team in sorted(after.teams.items()):
        earlier = before.teams.get(name)
        told = {"team": name, "name": team.name, "region": team.region, "part_of": team.part_of}
        if earlier != team:
            what = "teams_formed" if earlier is None else "teams_changed"
            net[what].append(told | about.positions(TeamFormed, name))
    return net


@dataclass(frozen=True, slots=True)
class _Positions:
    """Where the events about a person, a role or a team lie."""

    by_subject: dict[tuple[type, str, str | None], list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Recorded]) -> "_Positions":
        found = cls()
        for recorded in events:
            event = recorded.event
            part = getattr(event, "absence", None) or getattr(event, "delegation", None)
            subject = part or getattr(event, "person", None) or getattr(event, "team", None)
            role = getattr(event, "role", None)
            found.by_subject.setdefault((type(event), str(subject), role), []).append(recorded.position)
        return found

    def positions(self, kind: type, subject: str, role: str | None = None) -> dict[str, Any]:
        """The positions of the events of one kind about somebody."""
        return {"positions": self.by_subject.get((kind, subject, role), [])}


def _events(footing: Footing, bounded: Horizon) -> list[Recorded]:
    return Horizon(position=bounded.position).within(footing.log.stream(ORGANISATION_STREAM))


def _person(lens: Lens, organisation: Organisation, person: Person) -> dict[str, Any]:
    return {
        "id": person.id.removeprefix("person/"),
        "person": person.id,
        "name": lens.person(person.id),
        "active": person.active,
        "team": person.team,
        "region": organisation.region_of(person.id),
        "manager": person.manager,
        "manager_name": lens.person(person.manager),
        "roles": sorted(person.roles),
        "skills": sorted(person.skills),
        "joined_at": None if person.joined_at is None else moment_text(person.joined_at),
    }


def _absence(absence: Absence) -> dict[str, Any]:
    return {"absence": absence.id, **_span(absence), "stand_in": absence.stand_in}


def _delegation(delegation: Delegation) -> dict[str, Any]:
    told = {"to": delegation.to, "covers": sorted(delegation.covers)}
    return {"delegation": delegation.id, **_span(delegation), **told}


def _span(part: Absence | Delegation) -> dict[str, Any]:
    return {
        "begins": moment_text(part.begins),
        "ends": None if part.ends is None else moment_text(part.ends),
    }


def _team(organisation: Organisation, team: Team) -> dict[str, Any]:
    return {
        "id": team.id,
        "name": team.name,
        "region": team.region,
        "part_of": team.part_of,
        "people": sorted(
            who.id for who in organisation.people.values() if who.team == team.id and who.active
        ),
    }


def _happened(lens: Lens, recorded: Recorded) -> dict[str, Any]:
    told = dict(lens.event(recorded).data)
    for member in ("stream", "version", "decided_at", "basis", "playbook", "playbook_version"):
        del told[member]
    person = getattr(recorded.event, "person", None)
    return {
        "what": _WORDS.get(type(recorded.event), recorded.event.TOPIC),
        "person_name": lens.person(person),
        **told,
    }


def _named(lens: Lens, line: dict[str, Any]) -> dict[str, Any]:
    return line | ({"name": lens.person(line["person"])} if "person" in line else {})
