"""Decisions about absences, delegations and skills: who stands in for whom, so that nothing waits for somebody who is not there."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from domain.event import Event
from domain.events import AbsenceEnded, AbsenceNoted, DelegationEnded, DelegationGiven, SkillsSet
from domain.facts import Facts
from domain.naming import is_id, nearest
from domain.organisation.absences import COVERS
from domain.organisation.commands import (
    EndAbsence,
    EndDelegation,
    GiveDelegation,
    NoteAbsence,
    SetSkills,
    StandInCommand,
)
from domain.organisation.state import Organisation
from domain.refusals import AlreadyExists, InvalidCommand, NotFound, Problem
from domain.values import ValueRefused, clean_text, moment_text

MOST_SKILLS = 100


def decide_stand_in(organisation: Organisation, command: StandInCommand, facts: Facts) -> list[Event]:
    """Decide what a command says about who is away and who takes their place. The person works here."""
    match command:
        case NoteAbsence():
            return _note(organisation, command, facts)
        case EndAbsence(person=person, absence=absence):
            noted = organisation.absences.get(absence)
            if noted is None or noted.person != person:
                known = [found.id for found in organisation.absences.values() if found.person == person]
                raise NotFound("absence", absence, nearest(absence, known))
            return [] if _is_over(noted.ends, facts) else [AbsenceEnded(absence, person)]
        case GiveDelegation():
            return _give(organisation, command, facts)
        case EndDelegation(person=person, delegation=delegation):
            given = organisation.delegations.get(delegation)
            if given is None or given.person != person:
                known = [found.id for found in organisation.delegations.values() if found.person == person]
                raise NotFound("delegation", delegation, nearest(delegation, known))
            return [] if _is_over(given.ends, facts) else [DelegationEnded(delegation, person)]


def set_skills(organisation: Organisation, command: SetSkills) -> list[Event]:
    """Decide what a person can do from now on."""
    skills = sorted(set(command.skills))
    problems = [
        problem
        for index, skill in enumerate(command.skills)
        for problem in _skill_problems(skill, f"/skills/{index}")
    ]
    if len(skills) > MOST_SKILLS:
        problems.append(Problem("/skills", f"more than {MOST_SKILLS} skills"))
    _refuse_if(problems)
    known = organisation.skills_of(command.person)
    return [] if known == set(skills) else [SkillsSet(command.person, skills)]


def _note(organisation: Organisation, command: NoteAbsence, facts: Facts) -> list[Event]:
    if command.absence in organisation.absences:
        raise AlreadyExists("absence", command.absence)
    begins = command.begins or facts.decided_at
    _refuse_if(
        [
            *_id_problems(command.absence),
            *_span_problems(begins, command.ends),
            *_stand_in_problems(organisation, command, begins, facts),
        ]
    )
    ends = None if command.ends is None else moment_text(command.ends)
    return [AbsenceNoted(command.absence, command.person, moment_text(begins), ends, command.stand_in)]


def _stand_in_problems(
    organisation: Organisation, command: NoteAbsence, begins: datetime, facts: Facts
) -> Iterator[Problem]:
    person, stand_in = command.person, command.stand_in
    if stand_in is None:
        return
    if stand_in == person:
        yield Problem("/stand_in", "nobody stands in for themself")
        return
    if not organisation.is_active(stand_in):
        yield Problem("/stand_in", "the stand-in must be an active person")
        return
    away = organisation.absence_of(stand_in, max(begins, facts.decided_at))
    if away is not None:
        until = "nobody knows when" if away.ends is None else moment_text(away.ends)
        yield Problem("/stand_in", f"the stand-in is away themself, until {until}")
    if person in _followed(organisation, stand_in, begins, command.ends):
        yield Problem(
            "/stand_in", "this would be a circle: the stand-in is away meanwhile, and this person stands in"
        )


def _followed(
    organisation: Organisation, first: str, begins: datetime, ends: datetime | None
) -> frozenset[str]:
    """Everybody who stands in for somebody in an absence that meets a span, followed from one person on."""
    seen: set[str] = set()
    following = [first]
    while following:
        person = following.pop()
        named = {
            absence.stand_in
            for absence in organisation.absences.values()
            if absence.person == person and absence.stand_in is not None and absence.meets(begins, ends)
        }
        following += sorted(named - seen)
        seen |= named
    return frozenset(seen)


def _give(organisation: Organisation, command: GiveDelegation, facts: Facts) -> list[Event]:
    if command.delegation in organisation.delegations:
        raise AlreadyExists("delegation", command.delegation)
    begins = command.begins or facts.decided_at
    problems = [*_id_problems(command.delegation), *_span_problems(begins, command.ends)]
    if command.to == command.person:
        problems.append(Problem("/to", "nobody delegates to themself"))
    elif not organisation.is_active(command.to):
        problems.append(Problem("/to", "this must be an active person"))
    if not command.covers:
        problems.append(Problem("/covers", f"say what is covered, one or more of {', '.join(COVERS)}"))
    problems += [
        Problem(f"/covers/{index}", f"one of {', '.join(COVERS)} is expected", nearest(covered, COVERS))
        for index, covered in enumerate(command.covers)
        if covered not in COVERS
    ]
    _refuse_if(problems)
    ends = None if command.ends is None else moment_text(command.ends)
    covers = sorted(set(command.covers))
    return [
        DelegationGiven(command.delegation, command.person, command.to, moment_text(begins), ends, [*covers])
    ]


def _is_over(ends: datetime | None, facts: Facts) -> bool:
    return ends is not None and ends <= facts.decided_at


def _id_problems(text: str) -> list[Problem]:
    return [] if is_id(text) else [Problem("/id", "an id is expected: printable, without spaces and slashes")]


def _span_problems(begins: datetime, ends: datetime | None) -> list[Problem]:
    if ends is None or ends > begins:
        return []
    return [Problem("/ends", "it would end before it begins")]


def _skill_problems(skill: str, pointer: str) -> list[Problem]:
    try:
        clean_text(skill, 200)
    except ValueRefused as refused:
        return [Problem(pointer, str(refused))]
    return (
        []
        if skill.strip() == skill and skill
        else [Problem(pointer, "a skill is expected, without spaces around it")]
    )


def _refuse_if(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise InvalidCommand(found)
