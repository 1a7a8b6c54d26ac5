"""Rules of a draft over what was recorded, as far as anybody can say.

A rule of the draft that reads what no playbook asked for then, or what nobody knew or can read any more, cannot be judged, unless the
version of then had the very same rule: then what came of it is known.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from domain.playbook.model import Kind
from domain.playbook.published import NOTHING_MAPPED, KindMappings, PublishedPlaybook
from domain.record.gates import valid_until
from domain.record.state import Record
from domain.rules.tree import evidence_types_of, facts_of
from projections.replay.asked_then import asked_for
from projections.replay.footing import Footing, Standing, holds, rests_on_erased

UNRECORDED: Final = "reads what nobody recorded"
NOBODY_KNOWS: Final = object()


@dataclass(frozen=True)
class DraftedRules:
    """The rules of a draft beside those a decision of a moment (None: nobody knows when) was made by."""

    at: datetime | None
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
        return NOBODY_KNOWS if self.is_unrecorded(place) else holds(self.on, place)

    def is_unrecorded(self, place: str) -> bool:
        """Tell whether a rule of the draft reads what no playbook asked for then, or nobody knew or can read any more."""
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
        asked = facts_of(rule.tree)
        if not all(asked_for(fact, then) for fact in asked):
            return True
        names = {fact.name for fact in asked}
        no_moment = self.at is None and bool(names & {"touches", "days_in_stage", "today"})
        return no_moment or ("days_in_stage" in names and record.stage_entered_at is None)


def _kind(on: Footing) -> Kind:
    return on.playbook.kind(on.record.kind)


def _mappings(on: Footing) -> KindMappings:
    return on.playbook.adopts.get(on.record.kind, NOTHING_MAPPED)


def with_validity(standing: Standing, draft: PublishedPlaybook) -> Footing:
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
