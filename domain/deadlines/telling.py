"""Whom a rung of a ladder means: always people, by name, who work here; whoever is away, with who stands in for them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from domain.deadlines.arming import WARNING
from domain.deadlines.watched import Watched
from domain.organisation.absences import Covered
from domain.organisation.state import Organisation
from domain.playbook.deadlines import ASSIGNEE, MANAGER, MANAGERS_MANAGER, OWNER, Deadline

_MOST_LEVELS = 50


def people_told(
    deadline: Deadline,
    subject: str | None,
    rung: int,
    watched: Watched,
    organisation: Organisation,
    at: datetime,
) -> list[str]:
    """Return who is told at a rung, each once, in the order of the ladder. Nobody, when nobody of these works here."""
    whose = _whose(subject, watched)
    if rung == WARNING:
        named: Sequence[str] = (ASSIGNEE if subject is not None else OWNER,)
    else:
        named = deadline.rungs[rung - 1].tell
    found: list[str] = []
    for word in named:
        for person in _meant(word, whose, watched, organisation):
            found.append(person)
            # They are told themselves, for when they are back; but somebody has to hear it today.
            instead = organisation.stand_in_for(person, at, _what_of(person, subject, watched))
            if instead is not None:
                found.append(instead)
    return list(dict.fromkeys(found))


def _whose(subject: str | None, watched: Watched) -> tuple[str, ...]:
    """Who should have acted: whoever's turn it is in the work, else the owner of the record."""
    if subject is not None:
        item = watched.asked.get(subject)
        return () if item is None else item.whose_turn
    return () if watched.owner is None else (watched.owner,)


def _what_of(person: str, subject: str | None, watched: Watched) -> Covered:
    """What of a person's somebody has to take over: the approval they have to decide, else their work."""
    item = None if subject is None else watched.asked.get(subject)
    return (
        "approvals" if item is not None and item.what == "approval" and person in item.whose_turn else "work"
    )


def _meant(word: str, whose: Sequence[str], watched: Watched, organisation: Organisation) -> Iterator[str]:
    match word:
        case "owner":
            yield from _here([] if watched.owner is None else [watched.owner], organisation)
        case "assignee":
            yield from _here(whose, organisation)
        case "manager" | "managers_manager":
            for person in whose:
                yield from list(_above(person, organisation))[_LEVEL[word] : _LEVEL[word] + 1]
        case _:
            yield from _in_role(word, whose, organisation)


_LEVEL = {MANAGER: 0, MANAGERS_MANAGER: 1}


def _here(people: Sequence[str], organisation: Organisation) -> Iterator[str]:
    """Those who work here; whoever has left is answered for by the first above them who does."""
    for person in people:
        if organisation.is_active(person):
            yield person
        else:
            yield from list(_above(person, organisation))[:1]


def _above(person: str, organisation: Organisation) -> Iterator[str]:
    """Everybody above a person who works here, from the nearest up."""
    seen = {person}
    for _ in range(_MOST_LEVELS):
        known = organisation.people.get(person)
        if known is None or known.manager is None or known.manager in seen:
            return
        person = known.manager
        seen.add(person)
        if organisation.is_active(person):
            yield person


def _in_role(role: str, whose: Sequence[str], organisation: Organisation) -> Iterator[str]:
    """Who holds a role: the nearest above whoever should have acted, else those of their region, else everybody who holds it."""
    holders = [
        name for name, person in sorted(organisation.people.items()) if person.active and role in person.roles
    ]
    above = {
        found
        for person in whose
        if (found := next((who for who in _above(person, organisation) if who in holders), None)) is not None
    }
    regions = {region for person in whose if (region := organisation.region_of(person)) is not None}
    near = [name for name in holders if organisation.region_of(name) in regions]
    yield from sorted(above) or near or holders
