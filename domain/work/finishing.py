"""Decisions that end a work item: it is done, somebody will not do it, or nobody wants it any more."""

from domain.event import Event
from domain.facts import Facts
from domain.labels import Saying
from domain.playbook.published import PublishedPlaybook
from domain.record.edits import stored_value, subject_of, target_problems
from domain.record.problems import refuse_if, value_problem
from domain.record.state import Record
from domain.refusals import InvalidCommand, Problem, said_to_both, unknown_name
from domain.values import Private, Stored, ValueRefused
from domain.work.commands import CancelWork, CompleteWork, DeclineWork
from domain.work.doing import may_direct, who_directs
from domain.work.events import WorkCancelled, WorkCompleted, WorkDeclined
from domain.work.items import Asked, item_of, refuse_ended, refuse_others
from domain.work.people import acting_person


def complete(record: Record, command: CompleteWork, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Finish work once its form, its evidence and its checklist show it; a refusal names everything that is missing."""
    asked = item_of(record, command.work, facts, playbook)
    refuse_ended(asked)
    refuse_others(asked)
    template = asked.template
    fields, problems = _form(asked, command)
    wrong = {problem.pointer for problem in problems}
    for name in template.requires:
        if name not in fields and f"/fields/{name}" not in wrong:
            label = template.fields[name].label
            missing = Saying(f"缺少：{label.zh}", f"{label.en} is missing")
            problems.append(said_to_both(f"/fields/{name}", missing))
    for name in template.evidence:
        if not asked.has_evidence(name):
            problems.append(
                Problem(f"/evidence/{name}", f"no piece of {name} that counts is attached to the record")
            )
    for name, item in template.checklist.items():
        if item.required and name not in asked.item.ticked:
            unticked = Saying(f"尚未勾选：{item.label.zh}", f"{item.label.en} is not ticked yet")
            problems.append(said_to_both(f"/checklist/{name}", unticked))
    refuse_if(problems)
    return [WorkCompleted(command.work, fields)]


def decline(
    record: Record, command: DeclineWork, facts: Facts, playbook: PublishedPlaybook, *, has_reason: bool
) -> list[Event]:
    """Say no to work, and why."""
    asked = item_of(record, command.work, facts, playbook)
    refuse_ended(asked)
    refuse_others(asked)
    refuse_if([] if has_reason else [Problem("/reason", "whoever declines work says why")])
    return [WorkDeclined(command.work)]


def cancel(
    record: Record, command: CancelWork, facts: Facts, playbook: PublishedPlaybook, *, has_reason: bool
) -> list[Event]:
    """Take a request back, and say why. What a reaction began for a record, its owner takes back as well."""
    asked = item_of(record, command.work, facts, playbook)
    refuse_ended(asked)
    by_itself = asked.item.began_by_itself
    if not (may_direct(asked) or (by_itself and acting_person(facts) == record.owner)):
        owner = "the owner of the record, " if by_itself else ""
        raise InvalidCommand([Problem("", f"only {owner}{who_directs(asked)} may cancel it")])
    refuse_if([] if has_reason else [Problem("/reason", "whoever cancels work says why")])
    return [WorkCancelled(command.work)]


def _form(asked: Asked, command: CompleteWork) -> tuple[dict[str, Stored], list[Problem]]:
    """The values of the form as they are stored; what is empty is left out."""
    specs, record, facts = asked.template.fields, asked.record, asked.facts
    subject = subject_of(asked.current.kind(record.kind), record)
    stored: dict[str, Stored] = {}
    problems: list[Problem] = []
    for name, raw in command.fields.items():
        pointer = "/fields/" + name.replace("~", "~0").replace("/", "~1")
        spec = specs.get(name)
        if spec is None:
            problems.append(unknown_name(pointer, f"the form has no field {name!r}", name, specs))
            continue
        try:
            value = None if raw is None else stored_value(spec, raw)
        except ValueRefused as refused:
            problems.append(value_problem(pointer, refused))
            continue
        if value in (None, []) or (isinstance(value, str) and not value.strip()):
            continue
        problems += target_problems(spec, value, facts, pointer)
        stored[name] = Private(subject, value) if spec.is_personal else value
    return stored, problems
