"""One request routed by one version: does the chain apply, which levels are asked, and who is named for each role.

The people are found by the very function that found them for the live command.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from domain.facts import Facts
from domain.playbook.working import ApprovalChain, ApprovalLevel, chain_place
from domain.work.approvers import Asking, levels_asked
from domain.work.approving import Level, requesters_of
from projections.replay.approvals.requests import Request
from projections.replay.footing import Footing, holds, rests_on_erased

NO_CHAIN: Final = "no such chain"
NOT_APPLYING: Final = "chain does not apply"
NO_LEVEL: Final = "no level asked"
NOBODY: Final = "nobody to ask"


@dataclass(frozen=True, slots=True)
class Routed:
    """What comes of a request: its levels; or why it would have been refused (`refused`).

    `erased`: a rule it hangs on reads what nobody can read any more.
    """

    chain: ApprovalChain | None = None
    levels: tuple[Level, ...] = ()
    refused: str | None = None
    erased: bool = False


def routed(request: Request, on: Footing) -> Routed:
    """Route a request by the rules of a version, as they say."""
    chain = on.playbook.kind(request.kind).approvals.get(request.chain)
    if chain is None:
        return Routed(refused=NO_CHAIN)
    asked = [
        name
        for name in chain.levels
        if holds(on, chain_place(request.kind, request.chain, name)) is not False
    ]
    erased = any(rests_on_erased(on, place) for place in places(request, chain))
    if holds(on, chain_place(request.kind, request.chain)) is not True:
        return Routed(chain, refused=NOT_APPLYING, erased=erased)
    found = people_of(request, on, chain, asked)
    return Routed(chain, found.levels, found.refused, erased)


def people_of(request: Request, on: Footing, chain: ApprovalChain, asked: list[str]) -> Routed:
    """Name the people of the levels that are asked; refused where one of their roles finds nobody."""
    if not asked:
        return Routed(chain, refused=NO_LEVEL)
    levels = {name: chain.levels[name].model_copy(update={"when": None}) for name in asked}
    asking = Asking(
        on.record,
        on.playbook,
        cast("Facts", on.known),
        request.requested_by,
        requesters_of(request.requested_by, request.actor),
        _named(request, levels),
    )
    found, problems = levels_asked(asking, request.chain, chain.model_copy(update={"levels": levels}))
    return Routed(chain, refused=NOBODY) if problems else Routed(chain, tuple(found))


def _named(request: Request, levels: Mapping[str, ApprovalLevel]) -> Mapping[str, Mapping[str, str]]:
    """Whom the requester named, as far as there is such a role: nobody is named for what is not asked."""
    return {
        level: {role: person for role, person in people.items() if role in levels[level].roles}
        for level, people in request.named.items()
        if level in levels
    }


def places(request: Request, chain: ApprovalChain) -> Iterator[str]:
    """Name the places of the rules a chain may have."""
    yield chain_place(request.kind, request.chain)
    for name in chain.levels:
        yield chain_place(request.kind, request.chain, name)
