"""Decisions about the work of a record: one function a command, all on the state of the record alone."""

from domain.event import Event
from domain.facts import Facts
from domain.playbook.published import PublishedPlaybook
from domain.record.state import Record
from domain.work import approvals, doing, finishing, requesting, rescheduling
from domain.work.commands import (
    AcceptWork,
    ApprovalCommand,
    CancelWork,
    CommentApproval,
    CompleteWork,
    DecideApproval,
    DeclineWork,
    ForkWork,
    MigrateApproval,
    PauseWork,
    ReassignWork,
    RecallApproval,
    RequestApproval,
    RequestWork,
    RescheduleAsked,
    RescheduleWork,
    RespondToWork,
    ResumeWork,
    TickWork,
    WorkCommand,
)


def decide_work(
    record: Record,
    command: WorkCommand | ApprovalCommand,
    facts: Facts,
    playbook: PublishedPlaybook,
    *,
    has_reason: bool,
) -> list[Event]:
    """Decide what a command does to the work of a record. Raises a Refusal that names everything wrong."""
    match command:
        case RequestWork():
            return requesting.request_work(record, command, facts, playbook)
        case ForkWork():
            return requesting.fork_work(record, command, facts, playbook)
        case AcceptWork():
            return doing.accept(record, command, facts, playbook)
        case RespondToWork():
            return doing.respond(record, command, facts, playbook)
        case TickWork():
            return doing.tick(record, command, facts, playbook)
        case PauseWork():
            return doing.pause(record, command, facts, playbook)
        case ResumeWork():
            return doing.resume(record, command, facts, playbook)
        case ReassignWork():
            return doing.reassign(record, command, facts, playbook)
        case RescheduleWork():
            return rescheduling.reschedule(record, command, facts, playbook, has_reason=has_reason)
        case RescheduleAsked():
            return rescheduling.reschedule_asked(record, command, facts)
        case CompleteWork():
            return finishing.complete(record, command, facts, playbook)
        case DeclineWork():
            return finishing.decline(record, command, facts, playbook, has_reason=has_reason)
        case CancelWork():
            return finishing.cancel(record, command, facts, playbook, has_reason=has_reason)
        case RequestApproval():
            return approvals.request_approval(record, command, facts, playbook)
        case DecideApproval():
            return approvals.decide_approval(record, command, facts, playbook, has_reason=has_reason)
        case CommentApproval():
            return approvals.comment_approval(record, command, playbook)
        case RecallApproval():
            return approvals.recall_approval(record, command, facts)
        case MigrateApproval():
            return approvals.migrate_approval(record, command, facts, playbook)
