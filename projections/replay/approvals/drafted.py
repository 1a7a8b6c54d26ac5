"""What a draft makes of a recorded request, as far as anybody can say.

A rule of the draft that reads what no playbook asked for then, or what nobody knew or can read any more, cannot be judged, unless the
version of then had the very same rule: then what came of it is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo

from domain.playbook.model import Kind
from domain.playbook.published import NOTHING_MAPPED, KindMappings, PublishedPlaybook
from domain.playbook.working import ApprovalChain, chain_place
from domain.record.gates import valid_until
from domain.record.state import Record
from domain.rules.tree import evidence_types_of, facts_of
from domain.work.approving import Level
from projections.replay.approvals.requests import Request
from projections.replay.approvals.routing import (
    NO_CHAIN,
    NOT_APPLYING,
    holds,
    people_of,
    rests_on_erased,
)
from projections.replay.approvals.standing import Footing, Standing

UNRECORDED: Final = "reads what nobody recorded"
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
    on = _with_validity(standing, draft)
    rules = _Rules(request, standing.then, on)
    applies = rules.answer(chain_place(request.kind, request.chain), recorded=True)
    if applies is _NOBODY_KNOWS:
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
    unknown = [name for name, answer in answers.items() if answer is _NOBODY_KNOWS]
    asked = [name for name, answer in answers.items() if answer is not _NOBODY_KNOWS and answer is not False]
    maybe = {}
    for name in unknown:
        found = people_of(request, on, chain, [name])
        maybe[name] = None if found.refused is not None else found.levels[0]
    if not asked and unknown:
        return Drafted((), chain.order, unknown_levels=maybe)
    found = people_of(request, on, chain, asked)
    return Drafted(found.levels, chain.order, found.refused, unknown_levels=maybe)


_NOBODY_KNOWS: Final = object()


@dataclass(frozen=True)
class _Rules:
    """The rules of a draft beside those a request was decided by."""

    request: Request
    then: Footing
    on: Footing

    def answer(self, place: str, *, recorded: bool) -> object:
        """Tell what a rule says: true, false, None where it is unknown to itself, or that nobody can know."""
        rule = self.on.playbook.rules.get(place)
        if rule is None:
            return True
        before = self.then.playbook.rules.get(place)
        if before is not None and before.tree == rule.tree:
            return recorded if rests_on_erased(self.on, place) else holds(self.on, place)
        return _NOBODY_KNOWS if self._is_unrecorded(place) else holds(self.on, place)

    def _is_unrecorded(self, place: str) -> bool:
        rule, record = self.on.playbook.rules[place], self.on.record
        then, told = _kind(self.then), _mappings(self.on)
        fields = {told.field(name) for name in then.fields}
        evidence = {told.field(name) for name in then.evidence_fields}
        if any(
            name in record.unknown or name not in fields or self.on.is_erased(name) for name in rule.fields
        ):
            return True
        if evidence_types_of(rule.tree) - evidence:
            return True
        known = {"touches": {"any", *then.touches}, "done": {*then.work}, "approved": {*then.approvals}}
        asked = facts_of(rule.tree)
        if any(fact.name in known and fact.arguments[0] not in known[fact.name] for fact in asked):
            return True
        names = {fact.name for fact in asked}
        no_moment = self.request.at is None and bool(names & {"touches", "days_in_stage"})
        return no_moment or ("days_in_stage" in names and record.stage_entered_at is None)


def _kind(on: Footing) -> Kind:
    return on.playbook.kind(on.record.kind)


def _mappings(on: Footing) -> KindMappings:
    return on.playbook.adopts.get(on.record.kind, NOTHING_MAPPED)


def _with_validity(standing: Standing, draft: PublishedPlaybook) -> Footing:
    """The footing under a draft, where evidence counts as long as the draft says."""
    on = standing.under(draft)
    then, now, told = _kind(standing.then), _kind(on), _mappings(on)
    days_then = {told.field(name): spec.valid_days for name, spec in then.fields.items()}
    zone = ZoneInfo(draft.document.time_zone)
    pieces = []
    for piece in on.record.evidence:
        spec = now.fields.get(piece.field)
        is_otherwise = spec is not None and (
            piece.field not in days_then or days_then[piece.field] != spec.valid_days
        )
        if is_otherwise and spec is not None and piece.attached_at is not None:
            until = valid_until(piece.attached_at, spec.valid_days, zone)
            pieces.append(replace(piece, valid_until=until))
        else:
            pieces.append(piece)
    record: Record = replace(on.record, evidence=tuple(pieces))
    return replace(on, record=record)
