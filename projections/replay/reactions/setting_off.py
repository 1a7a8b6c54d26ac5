"""What an event sets off: under the version it was decided under, beside what the log says; and under a draft, as far as anybody can say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.envelope import Recorded as Cause
from domain.event import Event
from domain.events import EvidenceAttached, FieldsChanged, RecordOpened, StageChanged
from domain.playbook.published import NOTHING_MAPPED, KindMappings, PublishedPlaybook
from domain.playbook.reactions import Reaction, reaction_place
from domain.reacting.setting_off import meant_by, set_off
from projections.replay.drafted_rules import NOBODY_KNOWS, DraftedRules, with_validity
from projections.replay.footing import Footing, Standing, rests_on_erased
from projections.replay.reactions.recorded import Recorded
from projections.replay.verdicts import Law


@dataclass(frozen=True, slots=True)
class Said:
    """What the rules of then make of a cause: the reactions that waited for it, those it sets off, and for each decision what the law says."""

    waited: frozenset[str]
    runs: frozenset[str]
    law: Mapping[str, Law]


def said(cause: Cause, standing: Standing, recorded: Recorded) -> Said:
    """Judge a cause again under the version it was decided under. What is recorded is looked at only when everything is said."""
    then = standing.then
    waited = frozenset(found.name for found in meant_by(cause, then.record, then.playbook))
    runs = frozenset(found.name for found in set_off(cause, then.record, then.playbook, then.known.reveal))
    return Said(waited, runs, _law(cause, then, waited, runs, recorded))


def _law(
    cause: Cause, then: Footing, waited: frozenset[str], runs: frozenset[str], recorded: Recorded
) -> dict[str, Law]:
    ran, kind, found = recorded.at(cause.position).keys(), then.record.kind, {}
    for name in sorted(runs | ran):
        if name in runs and name in ran:
            found[name] = Law.reproduced
        elif name in waited and rests_on_erased(then, reaction_place(kind, name)):
            found[name] = Law.erased
        elif name in ran or not recorded.is_to_come(name, cause.position, kind, then.playbook):
            found[name] = Law.different
    return found


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a draft makes of a cause: its reactions that wait for it, and of each whether it would run; None: nobody can say."""

    waiting: Mapping[str, Reaction]
    runs: Mapping[str, bool | None]


def drafted(
    cause: Cause, standing: Standing, then: Said, was: frozenset[str], draft: PublishedPlaybook
) -> Drafted:
    """Judge a cause by a draft. `was` is looked at only where a rule is the same and rests on what was erased."""
    on = with_validity(standing, draft)
    read = as_read(cause, draft.adopts.get(on.record.kind, NOTHING_MAPPED))
    rules = DraftedRules(cause.occurred_at, standing.then, on)
    waiting = {found.name: found.reaction for found in meant_by(read, on.record, draft)}
    runs: dict[str, bool | None] = {}
    for name in waiting:
        place = reaction_place(on.record.kind, name)
        if name not in then.waited and rests_on_erased(on, place):
            runs[name] = None  # the same rule was not asked then
            continue
        answer = rules.answer(place, recorded=name in was)
        runs[name] = None if answer is NOBODY_KNOWS else answer is True
    return Drafted(waiting, runs)


def as_read(cause: Cause, told: KindMappings) -> Cause:
    """Return an event under the names a version reads it by."""
    return replace(cause, event=_renamed(cause.event, told))


def _renamed(event: Event, told: KindMappings) -> Event:
    match event:
        case RecordOpened(stage=str(stage)):
            return replace(event, stage=told.stages.get(stage, stage))
        case StageChanged(before=before, after=after):
            before = told.stages.get(before, before) if before is not None else None
            return replace(event, before=before, after=told.stages.get(after, after))
        case FieldsChanged(changes=changes):
            named: dict[str, Any] = {
                name: change for old, change in changes.items() if (name := told.field(old)) is not None
            }
            return replace(event, changes=named)
        case EvidenceAttached(field=field):
            return replace(event, field=told.field(field) or field)
        case _:
            return event
