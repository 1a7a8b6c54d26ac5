"""Decisions that move the moment work is due: by whoever may direct it, or by a reaction for all it asked for."""

from datetime import datetime

from domain.event import Event
from domain.facts import Facts
from domain.playbook.published import PublishedPlaybook
from domain.record.problems import refuse_if
from domain.record.state import Record
from domain.refusals import InvalidCommand, Problem
from domain.values import moment_text
from domain.work.commands import RescheduleAsked, RescheduleWork
from domain.work.doing import may_direct, who_directs
from domain.work.events import WorkRescheduled
from domain.work.items import item_of, refuse_ended
from domain.work.requesting import past_problems
from domain.work.state import WorkItem


def reschedule(
    record: Record, command: RescheduleWork, facts: Facts, playbook: PublishedPlaybook, *, has_reason: bool
) -> list[Event]:
    """Let work be due at another moment that lies ahead, and say why. The moment it is due at already changes nothing.

    Whoever has it cannot do this on their own: a date is not kept by moving it.
    """
    asked = item_of(record, command.work, facts, playbook)
    refuse_ended(asked)
    if not may_direct(asked):
        raise InvalidCommand([Problem("", f"only {who_directs(asked)} may move the moment it is due")])
    problems = past_problems(command.due_at, facts)
    if not has_reason:
        problems.append(Problem("/reason", "whoever moves the moment work is due says why"))
    refuse_if(problems)
    return _moved(asked.item, command.due_at)


def reschedule_asked(record: Record, command: RescheduleAsked, facts: Facts) -> list[Event]:
    """Let all open work of a template be due at another moment, as far as it was asked for by the same hand, for whomever: what others asked for is theirs to move."""
    due_at = command.due_at
    if due_at is None:
        return []
    refuse_if(past_problems(due_at, facts))
    return [
        event
        for item in record.work.values()
        if item.is_open and item.template == command.template and item.actor == facts.actor
        for event in _moved(item, due_at)
    ]


def _moved(item: WorkItem, due_at: datetime) -> list[Event]:
    after = moment_text(due_at)
    return [] if item.due_at == after else [WorkRescheduled(item.id, after, item.due_at)]
