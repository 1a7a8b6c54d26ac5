"""Decisions about the organisation: who may join where."""

from domain.event import Event
from domain.events import PersonJoined, PersonLeft, PersonMoved, RoleGranted, RoleRevoked, TeamFormed
from domain.facts import Facts
from domain.naming import is_id, split_stream
from domain.organisation.commands import (
    AddPerson,
    EndAbsence,
    EndDelegation,
    FormTeam,
    GiveDelegation,
    GrantRole,
    MovePerson,
    NoteAbsence,
    OrganisationCommand,
    RemovePerson,
    RevokeRole,
    SetSkills,
)
from domain.organisation.requirements import refuse_incomplete
from domain.organisation.stand_ins import decide_stand_in, set_skills
from domain.organisation.state import Organisation
from domain.playbook.model import JoiningFact, Right
from domain.refusals import AlreadyExists, InvalidCommand, NotAllowed, NotFound, Problem, unknown_name
from domain.rules.types import FieldType, ValueType
from domain.values import Private, ValueRefused, clean_text, store


def decide(
    organisation: Organisation, command: OrganisationCommand, facts: Facts, by: str | None = None
) -> list[Event]:
    """Decide what a command does to the organisation. Raises a Refusal that names everything wrong.

    `by` is who asks for it: absences and delegations are also noted by the person themself, without any right.
    """
    of_oneself = (
        isinstance(command, NoteAbsence | EndAbsence | GiveDelegation | EndDelegation)
        and by == command.person
    )
    if not of_oneself and not facts.may(Right.organise):
        raise NotAllowed(Right.organise)
    match command:
        case FormTeam():
            return _form(organisation, command)
        case AddPerson():
            return _add(organisation, command, facts)
        case MovePerson():
            return _move(organisation, command, facts)
        case RemovePerson(person):
            _must_be_active(organisation, person)
            return [PersonLeft(person)]
        case GrantRole(person, role):
            _must_be_active(organisation, person)
            _refuse_if(_unknown_roles((role,), facts, "/role"))
            return [] if role in organisation.roles_of(person) else [RoleGranted(person, role)]
        case RevokeRole(person, role):
            _must_be_active(organisation, person)
            return [RoleRevoked(person, role)] if role in organisation.roles_of(person) else []
        case NoteAbsence() | EndAbsence() | GiveDelegation() | EndDelegation():
            _must_be_active(organisation, command.person)
            return decide_stand_in(organisation, command, facts)
        case SetSkills():
            _must_be_active(organisation, command.person)
            return set_skills(organisation, command)


def _move(organisation: Organisation, command: MovePerson, facts: Facts) -> list[Event]:
    person, team, manager, region = command.person, command.team, command.manager, command.region
    _must_be_active(organisation, person)
    _refuse_if(
        _unknown_team(organisation, team)
        + _unknown_manager(organisation, manager)
        + _circle(organisation, person, manager)
        + _region_problems(region)
    )
    before = organisation.people[person]
    if (before.team, before.manager, before.region) == (team, manager, region):
        return []
    known = _known(organisation, person, team=team, region=region, manager=manager)
    refuse_incomplete(facts.joining, known, {JoiningFact.team, JoiningFact.region, JoiningFact.manager})
    return [PersonMoved(person, team, manager, region)]


def _form(organisation: Organisation, command: FormTeam) -> list[Event]:
    if command.team in organisation.teams:
        raise AlreadyExists("team", command.team)
    _refuse_if(
        _text_problems("/team", command.team)
        + _text_problems("/name", command.name)
        + _region_problems(command.region)
        + _unknown_team(organisation, command.part_of, "/part_of")
    )
    return [TeamFormed(command.team, command.name, command.region, command.part_of)]


def _add(organisation: Organisation, command: AddPerson, facts: Facts) -> list[Event]:
    if command.person in organisation.people:
        raise AlreadyExists("person", command.person)
    _refuse_if(
        _person_problems(command.person)
        + _text_problems("/name", command.name)
        + _email_problems(command.email)
        + _unknown_team(organisation, command.team)
        + _unknown_manager(organisation, command.manager)
        + _unknown_roles(command.roles, facts, "/roles")
        + _region_problems(command.region)
    )
    known = _known(
        organisation, command.person, team=command.team, region=command.region, manager=command.manager
    )
    known |= {JoiningFact.email} if command.email is not None else set()
    known |= {JoiningFact.role} if command.roles else set()
    refuse_incomplete(facts.joining, known)
    email = None if command.email is None else Private(command.person, command.email)
    joined = PersonJoined(
        command.person,
        Private(command.person, command.name),
        command.team,
        command.manager,
        sorted(command.roles),
        email,
        command.region,
    )
    return [joined]


def _known(
    organisation: Organisation, person: str, *, team: str | None, region: str | None, manager: str | None
) -> set[JoiningFact]:
    """Which facts about a person's place would be known. Whoever works here alone has nobody above, and that is known."""
    alone = not any(other.active for other in organisation.people.values() if other.id != person)
    regional = region is not None or (team is not None and organisation.teams[team].region is not None)
    return {
        fact
        for fact, is_known in (
            (JoiningFact.team, team is not None),
            (JoiningFact.region, regional),
            (JoiningFact.manager, manager is not None or alone),
        )
        if is_known
    }


def _must_be_active(organisation: Organisation, person: str) -> None:
    if not organisation.is_active(person):
        raise NotFound("active person", person)


def _text_problems(pointer: str, text: str) -> list[Problem]:
    try:
        clean_text(text, 200)
    except ValueRefused as refused:
        return [Problem(pointer, str(refused))]
    return [] if text.strip() else [Problem(pointer, "a name is expected")]


def _region_problems(region: str | None) -> list[Problem]:
    return [] if region is None else _text_problems("/region", region)


def _email_problems(email: str | None) -> list[Problem]:
    try:
        if email is not None:
            store(FieldType(ValueType.email), email)
    except ValueRefused as refused:
        return [Problem("/email", str(refused))]
    return []


def _circle(organisation: Organisation, person: str, manager: str | None) -> list[Problem]:
    """Escalation climbs from manager to manager, so nobody may be above themselves."""
    above = manager
    while above is not None:
        if above == person:
            return [Problem("/manager", "this would make the person their own manager")]
        above = organisation.people[above].manager if above in organisation.people else None
    return []


def _person_problems(person: str) -> list[Problem]:
    kind, person_id = split_stream(person)
    if kind == "person" and is_id(person_id):
        return []
    return [Problem("/person", "an id is expected, as person/per_…")]


def _unknown_team(organisation: Organisation, team: str | None, pointer: str = "/team") -> list[Problem]:
    if team is None or team in organisation.teams:
        return []
    return [unknown_name(pointer, f"there is no team {team!r}", team, organisation.teams)]


def _unknown_manager(organisation: Organisation, manager: str | None) -> list[Problem]:
    if manager is None or organisation.is_active(manager):
        return []
    return [Problem("/manager", "the manager must be an active person")]


def _unknown_roles(roles: tuple[str, ...], facts: Facts, pointer: str) -> list[Problem]:
    return [
        unknown_name(pointer, f"no playbook has a role {role!r}", role, facts.roles)
        for role in roles
        if role not in facts.roles
    ]


def _refuse_if(problems: list[Problem]) -> None:
    if problems:
        raise InvalidCommand(problems)
