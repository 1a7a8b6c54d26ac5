"""Decisions on the way of a work item: take it on, answer, tick, pause, go on, hand it over."""

from domain.event import Event
from domain.facts import Facts
from domain.naming import nearest
from domain.playbook.published import PublishedPlaybook
from domain.record.edits import subject_of
from domain.record.problems import refuse_if, text_problems, unknown
from domain.record.state import Record
from domain.refusals import InvalidCommand, Problem
from domain.values import Private
from domain.work.commands import (
    AcceptWork,
    PauseWork,
    ReassignWork,
    RespondToWork,
    ResumeWork,
    TickWork,
)
from domain.work.events import (
    WorkAccepted,
    WorkPaused,
    WorkReassigned,
    WorkResponded,
    WorkResumed,
    WorkTicked,
)
from domain.work.items import Asked, item_of, refuse_ended, refuse_others, refuse_paused
from domain.work.people import acting_person, holder_of, manager_of, may_act

WAITING_FOR = ("customer", "supplier", "colleague", "other")


def accept(record: Record, command: AcceptWork, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Take work on. Taking it on twice changes nothing."""
    asked = _own(record, command.work, facts, playbook)
    refuse_paused(asked)
    return [] if asked.item.state == "accepted" else [WorkAccepted(command.work)]


def respond(record: Record, command: RespondToWork, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Answer, with what there is to say."""
    asked = _own(record, command.work, facts, playbook)
    refuse_paused(asked)
    refuse_if(text_problems("/note", command.note))
    subject = subject_of(playbook.kind(record.kind), record)
    return [WorkResponded(command.work, None if command.note is None else Private(subject, command.note))]


def tick(record: Record, command: TickWork, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Tick an item once everything before it is ticked, with the evidence it asks for. Ticking twice changes nothing."""
    asked = item_of(record, command.work, facts, playbook)
    refuse_ended(asked)
    checklist, ticked = asked.template.checklist, asked.item.ticked
    refuse_if(unknown(command.item, checklist, "checklist item", "/item"))
    item = checklist[command.item]
    if item.role is None:
        refuse_others(asked)
    elif item.role not in facts.people().roles_of(acting_person(facts)):
        raise InvalidCommand(
            [Problem("", f"only somebody who holds the role {item.role} may tick {command.item}")]
        )
    refuse_paused(asked)
    if command.item in ticked:
        return []
    problems = [
        Problem("/item", f"{command.item} comes after {before}, which is not ticked yet")
        for before in item.after
        if before not in ticked
    ]
    if command.evidence is None and item.evidence is not None and asked.has_evidence_field(item.evidence):
        problems.append(
            Problem(
                "/evidence",
                f"name the piece of {item.evidence} that shows it; attach one to the record first",
            )
        )
    if command.evidence is not None and not asked.is_evidence_of(command.evidence, item.evidence):
        pieces = [piece.id for piece in record.evidence]
        of_field = "" if item.evidence is None else f" to {item.evidence}"
        problems.append(
            Problem(
                "/evidence",
                f"no such piece is attached{of_field} on this record",
                nearest(command.evidence, pieces),
            )
        )
    refuse_if(problems)
    return [WorkTicked(command.work, command.item, command.evidence)]


def pause(record: Record, command: PauseWork, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Let the clocks of work stand still while it waits for somebody else."""
    asked = _own(record, command.work, facts, playbook)
    refuse_paused(asked)
    refuse_if(unknown(command.waiting_for, WAITING_FOR, "reason to wait", "/waiting_for"))
    return [WorkPaused(command.work, command.waiting_for)]


def resume(record: Record, command: ResumeWork, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Go on. Work that was not paused goes on as it is."""
    asked = _own(record, command.work, facts, playbook)
    return [WorkResumed(command.work)] if asked.item.state == "paused" else []


def reassign(record: Record, command: ReassignWork, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Give work to somebody else: whoever has it delegates it, who asked for it or leads who has it reassigns it, whose it is takes it back."""
    asked = item_of(record, command.work, facts, playbook)
    refuse_ended(asked)
    item, acting = asked.item, acting_person(facts)
    owns = may_act(item, facts)
    takes_back = acting == item.asked == command.to
    if not (owns or takes_back or may_direct(asked)):
        asker = _who_asked(asked)
        others = f" {asker}," if asker else ""
        message = (
            f"only {item.assignee}, who has it,{others} or the manager of {item.assignee}"
            " may give it to somebody else"
        )
        raise InvalidCommand([Problem("", message)])
    found, problems = holder_of(role_of(asked), command.to, facts, "/to")
    refuse_if(problems)
    assert found is not None
    if found.person == item.assignee:
        return []
    if found.asked is not None:
        return [WorkReassigned(command.work, item.assignee, found.person, found.asked, "stands in")]
    if found.person == item.asked:
        return [WorkReassigned(command.work, item.assignee, found.person, None, "returned")]
    if owns and not may_direct(asked):
        whose = item.asked or item.assignee
        return [WorkReassigned(command.work, item.assignee, found.person, whose, "delegated")]
    return [WorkReassigned(command.work, item.assignee, found.person, None, "reassigned")]


def may_direct(asked: Asked) -> bool:
    """Tell whether whoever acts asked for the work, or leads whoever has it.

    Nobody directs their own work because a reaction began it in their name: they asked for nothing themselves.
    """
    acting, people = acting_person(asked.facts), asked.facts.people()
    if acting == manager_of(asked.item.assignee, people):
        return True
    return acting == asked.item.requested_by and not _is_their_own(asked)


def who_directs(asked: Asked) -> str:
    """Say who may direct the work, as a refusal does."""
    manager = f"the manager of {asked.item.assignee}, who has it,"
    return f"{asker}, or {manager}" if (asker := _who_asked(asked)) else manager


def _who_asked(asked: Asked) -> str | None:
    """Say who may direct the work because they asked for it; None where nobody may for that."""
    item = asked.item
    if not item.began_by_itself:
        return f"{item.requested_by}, who asked for it"
    is_another = item.requested_by.startswith("person/") and item.requested_by not in (
        item.assignee,
        item.asked,
    )
    return f"{item.requested_by}, for whom it was begun" if is_another else None


def _is_their_own(asked: Asked) -> bool:
    """Whether a reaction asked it of whoever acts: they have it, stand in for whoever has it, or passed it on, which leaves it theirs."""
    whose = may_act(asked.item, asked.facts) or acting_person(asked.facts) == asked.item.asked
    return asked.item.began_by_itself and whose


def role_of(asked: Asked) -> str | None:
    """Return the role whoever has the work must hold: the template's, else the one the leg of its fork was for."""
    if asked.template.role is not None or asked.item.fork is None or asked.item.leg is None:
        return asked.template.role
    fork = asked.record.forks[asked.item.fork]
    spec = asked.made_under.kind(asked.record.kind).forks.get(fork.name)
    leg = spec.legs.get(asked.item.leg) if spec is not None else None
    return leg.role if leg is not None else None


def _own(record: Record, work: str, facts: Facts, playbook: PublishedPlaybook) -> Asked:
    asked = item_of(record, work, facts, playbook)
    refuse_ended(asked)
    refuse_others(asked)
    return asked
