"""Events of work, of pools, of deadlines, of reactions and of the organisation become rows: each function turns one event into one row."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.assigning.state import asked_because_of
from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.envelope import Recorded
from domain.naming import split_stream
from domain.reacting.events import ReactionAlerted, ReactionFailed, ReactionRan, ReactionRetried
from domain.work.events import (
    ApprovalCommented,
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRecalled,
    ApprovalRequested,
    WorkAccepted,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkForked,
    WorkPaused,
    WorkReassigned,
    WorkRequested,
    WorkRescheduled,
    WorkResponded,
    WorkResumed,
    WorkTicked,
)
from projections.ledger.framing import Row, canonical, microseconds
from projections.ledger.memory import Asked, Known
from projections.ledger.table import Moment

WorkEvent: TypeAlias = (
    WorkRequested
    | WorkAccepted
    | WorkResponded
    | WorkTicked
    | WorkPaused
    | WorkResumed
    | WorkReassigned
    | WorkRescheduled
    | WorkCompleted
    | WorkDeclined
    | WorkCancelled
)
ApprovalEvent: TypeAlias = (
    ApprovalRequested | ApprovalDecided | ApprovalCommented | ApprovalRecalled | ApprovalMigrated
)
PoolEvent: TypeAlias = PoolAssigned | PoolClaimed | PoolReturned | PoolRecycled
DeadlineEvent: TypeAlias = DeadlineNoticed | DeadlineAcknowledged
ReactionEvent: TypeAlias = ReactionRan | ReactionFailed | ReactionRetried | ReactionAlerted


def row_of_work(recorded: Recorded, known: Callable[[str], Known]) -> tuple[str, Row] | None:
    """Return the table and the row of an event of work, of a pool, of a deadline or of a reaction; None for any other. `known` tells what is known of a record."""
    event = recorded.event
    match event:
        case (
            WorkRequested() | WorkAccepted() | WorkResponded() | WorkTicked() | WorkPaused() | WorkResumed() | WorkReassigned()
            | WorkRescheduled() | WorkCompleted() | WorkDeclined() | WorkCancelled()
        ):  # fmt: skip
            return "work", work_row(recorded, event, known(recorded.stream))
        case WorkForked():
            return "forks", fork_row(recorded, event)
        case (
            ApprovalRequested() | ApprovalDecided() | ApprovalCommented() | ApprovalRecalled() | ApprovalMigrated()
        ):  # fmt: skip
            return "approvals", approval_row(recorded, event, known(recorded.stream))
        case PoolAssigned() | PoolClaimed() | PoolReturned() | PoolRecycled():
            return "assignments", assignment_row(recorded, event)
        case DeadlineNoticed() | DeadlineAcknowledged():
            return "firings", firing_row(recorded, event)
        case ReactionRan() | ReactionFailed() | ReactionRetried() | ReactionAlerted():
            return "reactions", reaction_row(recorded, event)
        case _:
            return None


def work_row(recorded: Recorded, event: WorkEvent, known: Known) -> Row:
    """Return the row of what happened to a work item, and remember what its later rows repeat."""
    match event:
        case WorkRequested():
            item = Asked(
                event.template, event.assignee, event.asked, event.fork, event.leg, _moment(event.due_at), event.priority
            )  # fmt: skip
        case WorkReassigned(after=after, asked=asked):
            item = known.work[event.work].passed_on(after, asked)
        case WorkRescheduled(after=due_at):
            item = known.work[event.work].due(_moment(due_at))
        case _:
            item = known.work[event.work]
    known.work[event.work] = item
    return (
        *_of(recorded, recorded.stream), event.work, _word(event), item.template, item.assignee, item.asked, item.fork, item.leg,
        event.item if isinstance(event, WorkTicked) else None,
        event.how if isinstance(event, WorkReassigned) else None,
        event.waiting_for if isinstance(event, WorkPaused) else None,
        canonical(event.fields) if isinstance(event, WorkCompleted) and event.fields else None,
        item.due_at, item.priority, *_decided(recorded),
    )  # fmt: skip


def fork_row(recorded: Recorded, event: WorkForked) -> Row:
    """Return the row of a fork; the requests of its legs are events of their own."""
    return (
        *_of(recorded, recorded.stream), event.fork, event.name, event.join, canonical(event.legs), *_decided(recorded),
    )  # fmt: skip


def approval_row(recorded: Recorded, event: ApprovalEvent, known: Known) -> Row:
    """Return the row of what happened to an approval, and remember its chain and order."""
    if isinstance(event, ApprovalRequested):
        known.approvals[event.approval] = (event.chain, event.order)
    decided = event if isinstance(event, ApprovalDecided) else None
    return (
        *_of(recorded, recorded.stream), event.approval, _word(event), *known.approvals[event.approval],
        canonical(event.levels) if isinstance(event, ApprovalRequested | ApprovalMigrated) else None,
        *((None,) * 4 if decided is None else (decided.level, decided.role, decided.decision, decided.back_to)),
        canonical(event.named) if isinstance(event, ApprovalRequested) and event.named else None,
        *_decided(recorded),
    )  # fmt: skip


def assignment_row(recorded: Recorded, event: PoolEvent) -> Row:
    """Return the row of what a pool decided, under the record it decided about."""
    assigned = event if isinstance(event, PoolAssigned) else None
    return (
        *_of(recorded, event.record), split_stream(recorded.stream)[1], _word(event),
        None if assigned is None else assigned.rule,
        None if assigned is None else assigned.attempt,
        event.person,
        assigned is not None and assigned.fallback,
        canonical(assigned.candidates) if assigned is not None and assigned.candidates else None,
        event.days if isinstance(event, PoolRecycled) else None,
        asked_because_of(recorded) or None,
        *_decided(recorded),
    )  # fmt: skip


def firing_row(recorded: Recorded, event: DeadlineEvent) -> Row:
    """Return the row of a firing or of its acknowledgement, under the record it is about."""
    noticed = event if isinstance(event, DeadlineNoticed) else None
    return (
        *_of(recorded, event.record), event.deadline, _word(event), event.subject, event.armed_at, event.rung,
        None if noticed is None else noticed.repeat,
        None if noticed is None else _moment(noticed.due_at),
        None if noticed is None else _moment(noticed.noticed_at),
        [] if noticed is None else noticed.told,
        [] if noticed is None else noticed.skipped,
        *_decided(recorded),
    )  # fmt: skip


def reaction_row(recorded: Recorded, event: ReactionEvent) -> Row:
    """Return the row of what became of a reaction, under the record it was about."""
    alerted = event if isinstance(event, ReactionAlerted) else None
    return (
        *_of(recorded, event.record), event.reaction, _word(event), event.cause,
        event.step if isinstance(event, ReactionFailed | ReactionAlerted) else None,
        event.code if isinstance(event, ReactionFailed) else None,
        [] if alerted is None else alerted.told,
        None if alerted is None else alerted.alert,
        event.positions if isinstance(event, ReactionRan | ReactionFailed) else [],
        *_decided(recorded),
    )  # fmt: skip


def organisation_row(recorded: Recorded) -> Row:
    """Return the row of an event of the organisation, complete enough to be folded again."""
    return (
        recorded.event.TOPIC, recorded.position, recorded.version, canonical(recorded.event.payload()),
        microseconds(recorded.occurred_at), microseconds(recorded.recorded_at), microseconds(recorded.decided_at),
        recorded.actor,
    )  # fmt: skip


def _of(recorded: Recorded, record: str) -> Row:
    return record, split_stream(record)[0], recorded.position


def _decided(recorded: Recorded) -> Row:
    return (
        microseconds(recorded.occurred_at), microseconds(recorded.recorded_at), microseconds(recorded.decided_at),
        recorded.basis, recorded.actor, recorded.on_behalf_of, recorded.channel, recorded.playbook,
        recorded.playbook_version,
    )  # fmt: skip


def _moment(text: str | None) -> Moment:
    return None if text is None else microseconds(datetime.fromisoformat(text))


def _word(event: WorkEvent | ApprovalEvent | PoolEvent | DeadlineEvent | ReactionEvent) -> str:
    """The last word of a topic: `record.work-requested.v1` is `requested`, `pool.assigned.v1` is `assigned`."""
    return event.TOPIC.split(".")[1].rpartition("-")[2]
