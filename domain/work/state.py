"""What a record knows of its work: items, forks and approvals, each folded from the events of the record's stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias, cast

from domain.envelope import Recorded
from domain.naming import REACTIONS_ACTOR
from domain.values import Stored
from domain.work.approving import Approval, after_decision, levels_of
from domain.work.events import (
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

WorkState: TypeAlias = Literal["requested", "accepted", "paused", "done", "declined", "cancelled"]

WAITING = ("requested", "accepted", "paused")
"""The states of work that is still to be done."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch during which nothing could go on, and whom it waited for; `ended_at` None: it still does, or nobody knows when it ended."""

    waiting_for: str
    began_at: datetime | None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing asked of one person.

    Moments are those of occurrence; None means not yet, or unknown. `started_at` is the first sign that somebody is at it (accepting
    counts); `first_response_at` is the first answer: a response, the finished work, or a refusal to do it; `answered_by` is who had it then. `ticked` holds the checklist items
    that are done, each with the evidence it named. `due_at` is the moment named last, `rescheduled_at` when it was moved last. `playbook` and `number` are the version it was made under and keeps.
    """

    id: str
    template: str
    assignee: str
    state: WorkState
    requested_by: str
    requested_at: datetime | None
    position: int
    asked: str | None = None
    actor: str = ""
    title: Stored = None
    fork: str | None = None
    leg: str | None = None
    due_at: str | None = None
    rescheduled_at: datetime | None = None
    priority: int = 0
    playbook: str | None = None
    number: int | None = None
    started_at: datetime | None = None
    first_response_at: datetime | None = None
    answered_by: str | None = None
    ended_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    ticked: Mapping[str, str | None] = field(default_factory=dict)
    fields: Mapping[str, Stored] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.state in WAITING

    @property
    def began_by_itself(self) -> bool:
        """Whether a reaction asked for it; `requested_by` is then in whose name."""
        return self.actor == REACTIONS_ACTOR


@dataclass(frozen=True, slots=True)
class ForkedWork:
    """Several legs that began at once: `legs` says which work item each is, `needed` how many must be done for the join."""

    id: str
    name: str
    join: str
    legs: Mapping[str, str]

    @property
    def needed(self) -> int:
        """How many legs must be done."""
        return {"all": len(self.legs), "any": 1}.get(self.join) or int(self.join)


def joined(fork: ForkedWork, work: Mapping[str, WorkItem]) -> Literal["met", "open", "broken"]:
    """Tell whether a fork has joined: enough legs are done, or may still be (`open`), or so many were declined or cancelled that it cannot (`broken`)."""
    states = [work[item].state for item in fork.legs.values() if item in work]
    if states.count("done") >= fork.needed:
        return "met"
    possible = sum(state in (*WAITING, "done") for state in states)
    return "open" if possible >= fork.needed else "broken"


Works: TypeAlias = Mapping[str, WorkItem]
Forks: TypeAlias = Mapping[str, ForkedWork]
Approvals: TypeAlias = Mapping[str, Approval]


def fold_work(
    work: Works, forks: Forks, approvals: Approvals, recorded: Recorded
) -> tuple[Works, Forks, Approvals]:
    """Fold one event into the work of a record. Events about anything else change nothing."""
    event, at = recorded.event, recorded.occurred_at
    who = recorded.on_behalf_of or recorded.actor
    match event:
        case WorkRequested():
            item = _requested(event, recorded, who)
            leg_of = forks.get(item.fork or "")
            if leg_of is not None and item.leg is not None:
                again = replace(leg_of, legs={**leg_of.legs, item.leg: item.id})
                forks = {**forks, again.id: again}
            return {**work, item.id: item}, forks, approvals
        case WorkForked(fork=fork, name=name, join=join, legs=legs):
            begun = ForkedWork(fork, name, join, cast("dict[str, str]", legs))
            return work, {**forks, fork: begun}, approvals
        case ApprovalRequested(approval=approval, chain=chain, order=order, levels=levels):
            asked = Approval(
                id=approval,
                chain=chain,
                order=cast("Any", order),
                levels=levels_of(levels),
                requested_by=who,
                actor=recorded.actor,
                requested_at=at,
                position=recorded.position,
                playbook=recorded.playbook,
                number=recorded.playbook_version,
            )
            return work, forks, {**approvals, approval: asked}
        case ApprovalDecided(approval=approval) if approval in approvals:
            decided = after_decision(approvals[approval], event, who, at, recorded.actor)
            return work, forks, {**approvals, approval: decided}
        case ApprovalRecalled(approval=approval) if approval in approvals:
            ended = replace(approvals[approval], state="recalled", ended_at=at)
            return work, forks, {**approvals, approval: ended}
        case ApprovalMigrated(approval=approval, playbook=playbook, number=number, levels=levels) if (
            approval in approvals
        ):
            moved = replace(
                approvals[approval], levels=levels_of(levels), playbook=playbook, number=number
            ).judged(at)
            return work, forks, {**approvals, approval: moved}
        case _:
            of = getattr(event, "work", None)
            if not isinstance(of, str) or of not in work:
                return work, forks, approvals
            return {**work, of: _after(work[of], recorded, at)}, forks, approvals


def _requested(event: WorkRequested, recorded: Recorded, who: str) -> WorkItem:
    return WorkItem(
        id=event.work,
        template=event.template,
        assignee=event.assignee,
        state="requested",
        requested_by=who,
        requested_at=recorded.occurred_at,
        position=recorded.position,
        asked=event.asked,
        actor=recorded.actor,
        title=event.title,
        fork=event.fork,
        leg=event.leg,
        due_at=event.due_at,
        priority=event.priority,
        playbook=recorded.playbook,
        number=recorded.playbook_version,
    )


def _after(item: WorkItem, recorded: Recorded, at: datetime | None) -> WorkItem:
    """A work item after one of its own events."""
    started = item.started_at or at
    match recorded.event:
        case WorkAccepted():
            return replace(item, state="accepted", started_at=started)
        case WorkResponded():
            return replace(_answered(item, at), state="accepted", started_at=started)
        case WorkTicked(item=name, evidence=evidence):
            return replace(item, started_at=started, ticked={**item.ticked, name: evidence})
        case WorkPaused(waiting_for=waiting_for):
            return replace(
                item, state="paused", started_at=started, pauses=(*item.pauses, Pause(waiting_for, at))
            )
        case WorkResumed():
            return replace(item, state="accepted", pauses=_ended(item.pauses, at))
        case WorkReassigned(after=after, asked=asked):
            state: WorkState = "paused" if item.state == "paused" else "requested"
            return replace(item, assignee=after, asked=asked, state=state)
        case WorkRescheduled(after=due_at):
            return replace(item, due_at=due_at, rescheduled_at=at or item.rescheduled_at)
        case WorkCompleted(fields=fields):
            return replace(_over(_answered(item, at), "done", at), started_at=started, fields=fields)
        case WorkDeclined():
            return _over(_answered(item, at), "declined", at)
        case WorkCancelled():
            return _over(item, "cancelled", at)
        case _:
            return item


def _answered(item: WorkItem, at: datetime | None) -> WorkItem:
    if item.answered_by is not None:
        return item
    return replace(item, first_response_at=at, answered_by=item.assignee)


def _over(item: WorkItem, state: WorkState, at: datetime | None) -> WorkItem:
    return replace(item, state=state, ended_at=at, pauses=_ended(item.pauses, at))


def _ended(pauses: tuple[Pause, ...], at: datetime | None) -> tuple[Pause, ...]:
    if pauses and pauses[-1].ended_at is None:
        return (*pauses[:-1], replace(pauses[-1], ended_at=at))
    return pauses
