"""What a draft makes of a recorded request, as far as anybody can say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.playbook.published import PublishedPlaybook
from domain.playbook.working import ApprovalChain, chain_place
from domain.work.approving import Level
from projections.replay.approvals.requests import Request
from projections.replay.approvals.routing import NO_CHAIN, NOT_APPLYING, people_of
from projections.replay.drafted_rules import NOBODY_KNOWS, UNRECORDED, DraftedRules, with_validity
from projections.replay.footing import Footing, Standing

NO_KIND: Final = "no such kind"


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a draft makes of a request: its levels and order, or why it would have been refused.

    `unknown` says why nobody can tell anything at all; `unknown_levels` are those of which nobody can tell whether they would have been asked.
    """

    levels: tuple[Level, ...] = ()
    order: str | None = None
    refused: str | None = None
    unknown: str | None = None
    unknown_levels: Mapping[str, Level | None] = field(default_factory=dict)


def unrecorded_kind(_request: Request) -> Drafted:
    """Say what a draft makes of a request about a kind of record it does not have: nobody can tell."""
    return Drafted(unknown=NO_KIND)


def as_drafted(
    request: Request, standing: Standing, draft: PublishedPlaybook, recorded: Sequence[Level]
) -> Drafted:
    """Route a request by a draft. `recorded` is looked at only where a rule is the same and rests on what was erased."""
    chain = draft.kind(request.kind).approvals.get(request.chain)
    if chain is None:
        return Drafted(refused=NO_CHAIN)
    on = with_validity(standing, draft)
    rules = DraftedRules(request.at, standing.then, on)
    applies = rules.answer(chain_place(request.kind, request.chain), recorded=True)
    if applies is NOBODY_KNOWS:
        return Drafted(unknown=UNRECORDED)
    if applies is not True:
        return Drafted(refused=NOT_APPLYING)
    was = {level.name for level in recorded}
    answers = {
        name: rules.answer(chain_place(request.kind, request.chain, name), recorded=name in was)
        for name in chain.levels
    }
    return _named(request, on, chain, answers)


def _named(request: Request, on: Footing, chain: ApprovalChain, answers: Mapping[str, object]) -> Drafted:
    """Name the people of the levels that are asked, and of those that may be: everybody there is asked of is known but for whether they are."""
    unknown = [name for name, answer in answers.items() if answer is NOBODY_KNOWS]
    asked = [name for name, answer in answers.items() if answer is not NOBODY_KNOWS and answer is not False]
    maybe = {}
    for name in unknown:
        found = people_of(request, on, chain, [name])
        maybe[name] = None if found.refused is not None else found.levels[0]
    if not asked and unknown:
        return Drafted((), chain.order, unknown_levels=maybe)
    found = people_of(request, on, chain, asked)
    return Drafted(found.levels, chain.order, found.refused, unknown_levels=maybe)
