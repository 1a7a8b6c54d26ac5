"""Whom a rung of a ladder means: always people, by name, who work here; whoever is away, with who stands in for them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from domain.deadlines.arming import WARNING
from domain.deadlines.limits import Limit, Rule
from domain.deadlines.watched import Watched
from domain.organisation.above import above
from domain.organisation.absences import Covered
from domain.organisation.state import Organisation
from domain.playbook.deadlines import ASSIGNEE, MANAGER, MANAGERS_MANAGER, OWNER


def people_told(
    deadline: Rule,
    subject: str | None,
    rung: int,
    watched: Watched,
    organisation: Organisation,
    at: datetime,
) -> list[str]:
    """Return who is told at a rung, each once, in the order of the ladder. Nobody, when nobody of these works here."""
    whose = _whose(deadline, subject, watched, organisation)
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


def _whose(
    deadline: Rule, subject: str | None, watched: Watched, organisation: Organisation
) -> tuple[str, ...]:
    """Who should have acted: whoever's turn it is in the work, at the level or the item a limit is about, else the owner of the record."""
    if subject is None:
        return () if watched.owner is None else (watched.owner,)
    item = watched.asked.get(subject)
    if item is None:
        return ()
    if not isinstance(deadline, Limit):
        return item.whose_turn
    if item.what == "approval":
        return item.waited_for(deadline.part)
    return _ticking(deadline.role, item.whose_turn, organisation)


def _ticking(role: str | None, whose: tuple[str, ...], organisation: Organisation) -> tuple[str, ...]:
    """Who ticks an item: whoever has the work, unless it asks for a role they do not hold; then those nearest to them who do."""
    if role is None or any(role in organisation.roles_of(person) for person in whose):
        return whose
    return tuple(_in_role(role, whose, organisation)) or whose


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
                yield from list(above(person, organisation))[_LEVEL[word] : _LEVEL[word] + 1]
        case _:
            yield from _in_role(word, whose, organisation)


_LEVEL = {MANAGER: 0, MANAGERS_MANAGER: 1}


def _here(people: Sequence[str], organisation: Organisation) -> Iterator[str]:
    """Those who work here; whoever has left is answered for by the first above them who does."""
    for person in people:
        if organisation.is_active(person):
            yield person
        else:
            yield from list(above(person, organisation))[:1]


def _in_role(role: str, whose: Sequence[str], organisation: Organisation) -> Iterator[str]:
    """Who holds a role: the nearest above whoever should have acted, else those of their region, else everybody who holds it."""
    holders = [
        name for name, person in sorted(organisation.people.items()) if person.active and role in person.roles
    ]
    leading = {
        found
        for person in whose
        if (found := next((who for who in above(person, organisation) if who in holders), None)) is not None
    }
    regions = {region for person in whose if (region := organisation.region_of(person)) is not None}
    near = [name for name in holders if organisation.region_of(name) in regions]
    yield from sorted(leading) or near or holders
