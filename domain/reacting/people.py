"""Whom a reaction means: always people, by name, who work here."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from domain.envelope import Recorded
from domain.organisation.above import above
from domain.organisation.in_charge import in_charge
from domain.organisation.state import Organisation
from domain.playbook.model import Role
from domain.playbook.reactions import ACTOR, OWNER
from domain.playbook.working import MANAGER, MANAGERS_MANAGER
from domain.work.people import holders

_LEVEL = {MANAGER: 0, MANAGERS_MANAGER: 1}


def who_did(cause: Recorded) -> str | None:
    """Return the person who did what set a reaction off, or for whom it was done; None where it was a part of the system, for nobody."""
    who = cause.on_behalf_of or cause.actor
    return who if who.startswith("person/") else None


def meant(word: str, owner: str | None, cause: Recorded, people: Organisation, at: datetime) -> str | None:
    """Return who a word means: the owner, whoever did it, somebody above the owner, or the nearest to the owner who holds a role.

    Of those who hold a role it is the first who is there, or has somebody there who stands in and holds it as well.
    """
    if word == OWNER:
        return owner
    if word == ACTOR:
        return who_did(cause)
    if word in _LEVEL:
        line = list(above(owner, people)) if owner is not None else []
        return line[_LEVEL[word]] if len(line) > _LEVEL[word] else None
    return next(_holding(word, owner, people, at), None)


def people_told(
    words: Sequence[str], owner: str | None, cause: Recorded, people: Organisation, at: datetime
) -> list[str]:
    """Return who is told, each once, in the order of the words; whoever is away is told with whoever stands in for them.

    Of an owner, or of whoever did it, who has left, the first above them is told. Nobody, when nobody of these works here.
    """
    found: list[str] = []
    for word in words:
        person = meant(word, owner, cause, people, at)
        if person is not None and not people.is_active(person):
            person = next(above(person, people), None)
        if person is None:
            continue
        found.append(person)
        instead = people.stand_in_for(person, at, "work")
        if instead is not None:
            found.append(instead)
    return list(dict.fromkeys(found))


def people_told_of_failure(
    owner: str | None,
    failed: Recorded,
    people: Organisation,
    roles: Mapping[str, Role],
) -> list[str]:
    """Return who hears that a reaction failed: the owner of the record, as they would hear of anything; else whoever is in charge."""
    at = failed.recorded_at
    found = people_told((OWNER,), owner, failed, people, at)
    if found:
        return found
    for person in in_charge(roles, people):
        found += [person, people.stand_in_for(person, at, "work") or person]
    return list(dict.fromkeys(found))


def _holding(role: str, owner: str | None, people: Organisation, at: datetime) -> Iterator[str]:
    for person in holders(role, owner or "", people):
        there = people.stand_in_for(person, at, "work")
        if there is not None and role in people.roles_of(there):
            yield person
