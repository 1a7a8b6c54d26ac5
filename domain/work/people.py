"""Who is asked: always a named person who is there, the nearest where only a role is named, the stand-in where somebody is away."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.facts import Facts
from domain.organisation.state import Organisation
from domain.record.problems import nobody_here
from domain.refusals import Problem
from domain.values import moment_text
from domain.work.state import WorkItem


@dataclass(frozen=True, slots=True)
class Asked:
    """Who gets it; `asked` is whose it is where `person` stands in for them."""

    person: str
    asked: str | None = None


def acting_person(facts: Facts) -> str:
    """Return who acts: whom the command is issued for, else whoever issues it."""
    return facts.on_behalf_of or facts.actor


def there(person: str, covers: str, facts: Facts, pointer: str) -> Asked | Problem:
    """Find who gets what is asked of a person: the person, or whoever stands in while they are away."""
    if not facts.is_active_person(person):
        return nobody_here(person, facts, pointer)
    found = facts.stand_in(person, covers)
    if found == person:
        return Asked(person)
    if found is None:
        return Problem(pointer, f"{person} is away {_until(person, facts)}, and nobody stands in for them")
    return Asked(found, person)


def holders(role: str, near: str, people: Organisation) -> Iterator[str]:
    """Everybody who holds a role, nearest to a person first: of the same team, of the teams above it in turn, of the same region, all others.

    Those who are equally near come in the order of their ids.
    """
    somebody = people.people.get(near)
    team = somebody.team if somebody is not None else None
    above: dict[str, int] = {}
    while team is not None and team not in above:
        above[team] = len(above)
        found = people.teams.get(team)
        team = found.part_of if found is not None else None
    region = people.region_of(near)

    def distance(person: str) -> tuple[int, str]:
        own = people.people[person].team
        if own in above:
            return above[own], person
        same_region = region is not None and people.region_of(person) == region
        return len(above) + (0 if same_region else 1), person

    holding = [person for person in people.people if role in people.roles_of(person)]
    return iter(sorted(holding, key=distance))


def holder_of(
    role: str | None, named: str | None, facts: Facts, pointer: str
) -> tuple[Asked | None, list[Problem]]:
    """Find who does work of a role: the person who was named, else the nearest to whoever asks. Whoever gets it must hold the role."""
    people = facts.people()
    if named is not None:
        found = there(named, "work", facts, pointer)
        if isinstance(found, Problem):
            return None, [found]
        if role is not None and role not in people.roles_of(found.person):
            whose = "" if found.asked is None else f", who stands in for {found.asked},"
            return None, [Problem(pointer, f"{found.person}{whose} does not hold the role {role}")]
        return found, []
    if role is None:
        return None, [
            Problem(pointer, "name a person: the template is for no role by which one could be found")
        ]
    away = []
    for person in holders(role, acting_person(facts), people):
        found = there(person, "work", facts, pointer)
        if isinstance(found, Asked) and role in people.roles_of(found.person):
            return found, []
        away.append(person)
    if away:
        told = ", ".join(f"{person} {_until(person, facts)}" for person in away[:5])
        return None, [Problem(pointer, f"everybody who holds the role {role} is away: {told}")]
    return None, [Problem(pointer, f"nobody holds the role {role}")]


def may_act(item: WorkItem, facts: Facts) -> bool:
    """Tell whether whoever acts has the work, or stands in for whoever has it."""
    acting = acting_person(facts)
    return acting in (item.assignee, facts.stand_in(item.assignee, "work"))


def manager_of(person: str, people: Organisation) -> str | None:
    """Return who a person reports to, also of one who has left."""
    found = people.people.get(person)
    return found.manager if found is not None else None


def _until(person: str, facts: Facts) -> str:
    absence = facts.people().absence_of(person, facts.decided_at)
    if absence is None or absence.ends is None:
        return "for nobody knows how long"
    return f"until {moment_text(absence.ends)}"
