"""Who is asked to agree: the levels of a chain that a record calls for, each role with a named person who may decide it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from domain.facts import Facts
from domain.playbook.published import PublishedPlaybook
from domain.playbook.working import MANAGER, OF_THE_REQUESTER, ApprovalChain, ApprovalLevel, chain_place
from domain.record.gates import judged
from domain.record.problems import unknown
from domain.record.state import Record
from domain.refusals import Problem
from domain.work.approving import Approval, Level
from domain.work.people import Asked, holders, manager_of, there

Named = Mapping[str, Mapping[str, str]]
"""People by level and role, as the requester names them."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One request for agreement on its way: for whom, under which version, and who was named.

    `requesters` can never decide; `before` is the approval that is migrated, whose decisions keep their people.
    """

    record: Record
    playbook: PublishedPlaybook
    facts: Facts
    requested_by: str
    requesters: frozenset[str]
    named: Named
    before: Approval | None = None


def levels_asked(asking: Asking, name: str, chain: ApprovalChain) -> tuple[list[Level], list[Problem]]:
    """Return the levels of a chain this record calls for, every role with its person, and everything in the way of that.

    A level is left out only where its rule is known not to hold.
    """
    problems: list[Problem] = []
    for level_name, roles in asking.named.items():
        pointer = f"/approvers/{level_name}"
        wrong = unknown(level_name, chain.levels, "level", pointer)
        if not wrong:
            for role in roles:
                wrong += unknown(role, chain.levels[level_name].roles, "role", f"{pointer}/{role}")
        problems += wrong
    found: list[Level] = []
    for level_name, spec in chain.levels.items():
        if spec.when is None or _holds(asking, chain_place(asking.record.kind, name, level_name)):
            level, wrong = _level(asking, level_name, spec)
            found.append(level)
            problems += wrong
    if not found:
        problems.append(
            Problem("/chain", f"no level of {name} is asked for this record; there is nothing to approve")
        )
    return found, problems


def _holds(asking: Asking, place: str) -> bool:
    record, facts = asking.record, asking.facts
    return judged(asking.playbook, place, record, facts.occurred_at, facts.reveal) is not False


def _level(asking: Asking, name: str, spec: ApprovalLevel) -> tuple[Level, list[Problem]]:
    problems: list[Problem] = []
    candidates: dict[str, list[Asked]] = {}
    kept = _kept(asking, name, spec.roles)
    taken = {asked.person for asked in kept.values()}
    for role in spec.roles:
        if role in kept:
            continue
        pointer = f"/approvers/{name}/{role}"
        people = _candidates(asking, name, role, len(spec.roles), taken, pointer)
        if isinstance(people, Problem):
            problems.append(people)
        else:
            candidates[role] = people
    chosen = _one_each(candidates)
    problems += [
        Problem(
            f"/approvers/{name}/{role}",
            f"whoever could decide as {role} decides another role of this level already, and one person decides one role",
        )
        for role in candidates
        if role not in chosen
    ]
    chosen |= kept
    level = Level(
        name=name,
        approvers={role: chosen[role].person for role in spec.roles if role in chosen},
        quorum=spec.quorum or len(spec.roles),
        asked={
            role: whose for role in spec.roles if role in chosen and (whose := chosen[role].asked) is not None
        },
        within_hours=spec.within_hours,
    )
    return level, problems


def _kept(asking: Asking, name: str, roles: Sequence[str]) -> dict[str, Asked]:
    """The people of an approval that is migrated who keep their roles: whoever was asked stays asked."""
    if asking.before is None:
        return {}
    level = next((found for found in asking.before.levels if found.name == name), None)
    if level is None:
        return {}
    named = asking.named.get(name, {})
    decided = asking.before.counted(level)
    return {
        role: Asked(level.approvers[role], level.asked.get(role))
        for role in roles
        if role in level.approvers and (role in decided or role not in named)
    }


def _candidates(
    asking: Asking, level: str, role: str, most: int, taken: set[str], pointer: str
) -> list[Asked] | Problem:
    """Whoever may decide a role, the best first; a level of `most` roles needs no more of them to find one person for each."""
    facts, named = asking.facts, asking.named.get(level, {}).get(role)
    people = facts.people()
    if role in OF_THE_REQUESTER:
        if named is not None:
            return Problem(pointer, "this follows from who asks; leave it out")
        above = manager_of(asking.requested_by, people)
        if role != MANAGER and above is not None:
            above = manager_of(above, people)
        if above is None:
            return Problem(
                pointer, f"the level {level} asks for the {role}, and {asking.requested_by} has none"
            )
        named = above
    elif named is not None and role not in people.roles_of(named):
        return Problem(pointer, f"whoever is named here does not hold the role {role}")
    if named is not None:
        found = there(named, "approvals", facts, pointer)
        if isinstance(found, Problem):
            return found
        if {found.person, named} & asking.requesters:
            return Problem(pointer, "nobody approves what they asked for; name somebody else")
        if found.person in taken:
            return Problem(pointer, f"{found.person} decides another role of this level already")
        return [found]
    able = (
        found
        for person in holders(role, asking.requested_by, people)
        if person not in asking.requesters
        and isinstance(found := there(person, "approvals", facts, pointer), Asked)
        and found.person not in asking.requesters | taken
    )
    first = list(islice(able, most))
    if not first:
        return Problem(
            pointer,
            f"the level {level} asks for the role {role}, and nobody but whoever asks holds it and is there",
        )
    return first


def _one_each(candidates: Mapping[str, Sequence[Asked]]) -> dict[str, Asked]:
    """Find a person for each role so that nobody has two, as long as there is a way; whoever stands first is preferred."""
    has: dict[str, tuple[str, Asked]] = {}

    def place(role: str, tried: set[str]) -> bool:
        for asked in candidates[role]:
            if asked.person in tried:
                continue
            tried.add(asked.person)
            if asked.person not in has or place(has[asked.person][0], tried):
                has[asked.person] = (role, asked)
                return True
        return False

    for role in candidates:
        place(role, set())
    return dict(has.values())
