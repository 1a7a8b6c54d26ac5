"""What a reaction asks for, in short words, and whom its first step is for."""

from collections.abc import Iterator

import orjson

from domain.envelope import Recorded as Cause
from domain.playbook.model import Kind
from domain.playbook.reactions import FromField, Opening, Reaction, ReactionStep, WorkAsked, Written
from domain.reacting.asking import Circumstances, Told, asked_for
from domain.refusals import InvalidCommand
from domain.rules.arithmetic import number_text
from domain.work.commands import ForkWork, RequestWork
from projections.replay.footing import Footing


def steps_of(reaction: Reaction, kind: Kind) -> str:
    """Say what the steps of a reaction ask for, in their order. What people are told in words is left out."""
    return " · ".join(_step(step, kind) for step in reaction.then)


def _step(step: ReactionStep, kind: Kind) -> str:
    if step.request_work is not None:
        return " ".join(_work(step.request_work, kind))
    if step.reschedule_work is not None:
        return f"move work {step.reschedule_work.template} to {step.reschedule_work.due.from_}"
    if step.start_fork is not None:
        return f"fork {step.start_fork} ({_legs(step.start_fork, kind)})"
    if step.request_approval is not None:
        return f"approval {step.request_approval}"
    if step.set_fields is not None:
        return "set " + ", ".join(f"{name} = {_value(value)}" for name, value in step.set_fields.items())
    if step.open_record is not None:
        return " ".join(_opening(step.open_record))
    telling = step.telling
    assert telling is not None  # a step that was checked does exactly one thing
    return f"{'notify' if step.alert is None else 'alert'} {', '.join(telling.tell)}"


def _work(asked: WorkAsked, kind: Kind) -> Iterator[str]:
    yield f"work {asked.template} for {asked.assignee or kind.work[asked.template].role}"
    if asked.within_hours is not None:
        yield f"within {number_text(asked.within_hours)} h"
    if asked.due is not None:
        yield f"by {asked.due.from_}"
    if asked.priority:
        yield f"priority {asked.priority}"


def _legs(fork: str, kind: Kind) -> str:
    spec = kind.forks[fork]
    legs = [
        f"{name}: {leg.template} for {kind.work[leg.template].role or leg.role}"
        for name, leg in spec.legs.items()
    ]
    return ", ".join([*legs, f"join {spec.join}"])


def _opening(opening: Opening) -> Iterator[str]:
    yield f"open {opening.kind} for {opening.owner}"
    if opening.fields:
        yield "with " + ", ".join(f"{name} = {_value(value)}" for name, value in opening.fields.items())
    if opening.as_ is not None:
        yield f"as {opening.as_}"
    if opening.link is not None:
        yield f"linked by {opening.link}"


def _value(value: Written) -> str:
    if isinstance(value, FromField):
        return value.from_
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def person_of(reaction: Reaction, cause: Cause, on: Footing) -> str | None:
    """Name whom the first step asks, or tells first, as of the cause; None where it is for nobody in particular, or nobody is found."""
    step, record = reaction.then[0], on.record
    if step.request_work is None and step.start_fork is None and step.telling is None:
        return None
    around = Circumstances(
        record, cause, on.playbook, record.owner, on.known.people(), on.known.decided_at, on.known.reveal
    )
    try:
        asked = asked_for(step, around)
    except InvalidCommand:  # nobody is there to be asked: the step would be refused
        return None
    match asked:
        case RequestWork(assignee=person):
            return person
        case ForkWork(assignees=people):
            return next(iter(people.values()), None)
        case Told(people=told):
            return told[0] if told else None
        case _:
            return None
