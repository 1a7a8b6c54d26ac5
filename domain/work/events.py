"""What happens to work items and approvals. They are events of their record: a gate, a join and a quorum read one stream only."""

from dataclasses import dataclass, field
from typing import ClassVar

from domain.event import Event
from domain.values import Stored


@dataclass(frozen=True, slots=True)
class WorkRequested(Event):
    """Something was asked of a named person. `asked` is whose it is where the assignee stands in for them.

    The `title` is free text about the record's customer; `due_at` is set where the requester named a moment,
    else the limits of the template hold. `priority` is 0 to 9, higher first. A leg of a fork names both.
    """

    TOPIC: ClassVar[str] = "record.work-requested.v1"
    work: str
    template: str
    assignee: str
    asked: str | None = None
    title: Stored = None
    fork: str | None = None
    leg: str | None = None
    due_at: str | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class WorkForked(Event):
    """Several things were asked at once: `legs` says which work each leg is; `join` is `all`, `any`, or a number as text."""

    TOPIC: ClassVar[str] = "record.work-forked.v1"
    fork: str
    name: str
    join: str
    legs: dict[str, Stored]


@dataclass(frozen=True, slots=True)
class WorkAccepted(Event):
    """Whoever was asked takes it on."""

    TOPIC: ClassVar[str] = "record.work-accepted.v1"
    work: str


@dataclass(frozen=True, slots=True)
class WorkResponded(Event):
    """Whoever was asked gave an answer to go on with; the work itself may take longer."""

    TOPIC: ClassVar[str] = "record.work-responded.v1"
    work: str
    note: Stored = None


@dataclass(frozen=True, slots=True)
class WorkTicked(Event):
    """An item of the checklist was ticked off; `evidence` is the id of the piece that shows it, attached to the record."""

    TOPIC: ClassVar[str] = "record.work-ticked.v1"
    work: str
    item: str
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class WorkPaused(Event):
    """Nothing can go on until somebody else does something: `customer`, `supplier`, `colleague` or `other`. Its clocks stand still."""

    TOPIC: ClassVar[str] = "record.work-paused.v1"
    work: str
    waiting_for: str


@dataclass(frozen=True, slots=True)
class WorkResumed(Event):
    """It can go on; its clocks run again."""

    TOPIC: ClassVar[str] = "record.work-resumed.v1"
    work: str


@dataclass(frozen=True, slots=True)
class WorkReassigned(Event):
    """Somebody else has it now. `asked` is whose it is where `after` acts for them.

    `how` is `reassigned` (by the requester or a manager), `delegated` (by whoever had it), `stands in` (who should have had it is away)
    or `returned` (it is with whose it is again).
    """

    TOPIC: ClassVar[str] = "record.work-reassigned.v1"
    work: str
    before: str
    after: str
    asked: str | None = None
    how: str = "reassigned"


@dataclass(frozen=True, slots=True)
class WorkRescheduled(Event):
    """It is due at another moment, `after`. `before` is the one that was named until then; without it the limits of the template held.

    The reason stands in the envelope; where a reaction moved it, what caused that says why.
    """

    TOPIC: ClassVar[str] = "record.work-rescheduled.v1"
    work: str
    after: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class WorkCompleted(Event):
    """It is done; `fields` are the values of its form, typed by the template."""

    TOPIC: ClassVar[str] = "record.work-completed.v1"
    work: str
    fields: dict[str, Stored] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkDeclined(Event):
    """Whoever was asked will not do it; the reason stands in the envelope."""

    TOPIC: ClassVar[str] = "record.work-declined.v1"
    work: str


@dataclass(frozen=True, slots=True)
class WorkCancelled(Event):
    """It is no longer wanted; the reason stands in the envelope."""

    TOPIC: ClassVar[str] = "record.work-cancelled.v1"
    work: str


@dataclass(frozen=True, slots=True)
class ApprovalRequested(Event):
    """Somebody asks for agreement, level by level (`sequence`) or all levels at once (`parallel`).

    Each level is `{"name", "approvers": {role: person}, "asked": {role: person}, "quorum", "within_hours"}`: named people, for good.
    `asked` is whose role it is where the approver stands in; it and `within_hours` are left out where there is none.
    `named` are the people the requester named, by level and role: everybody else was found by the rules, and would be found again.
    """

    TOPIC: ClassVar[str] = "record.approval-requested.v1"
    approval: str
    chain: str
    order: str
    levels: list[Stored]
    named: dict[str, Stored] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApprovalDecided(Event):
    """One role of a level was decided: `approved` or `rejected`.

    A rejection ends the chain, or leads back to a level (`back_to`): what was decided from there on is asked again.
    """

    TOPIC: ClassVar[str] = "record.approval-decided.v1"
    approval: str
    level: str
    role: str
    decision: str
    back_to: str | None = None
    comment: Stored = None


@dataclass(frozen=True, slots=True)
class ApprovalCommented(Event):
    """Somebody said something about an approval without deciding."""

    TOPIC: ClassVar[str] = "record.approval-commented.v1"
    approval: str
    comment: Stored


@dataclass(frozen=True, slots=True)
class ApprovalRecalled(Event):
    """Whoever asked for it takes it back; what was decided stays in the log."""

    TOPIC: ClassVar[str] = "record.approval-recalled.v1"
    approval: str


@dataclass(frozen=True, slots=True)
class ApprovalMigrated(Event):
    """A running approval goes on under another version of the playbook: its levels are those, and what was decided of them still counts."""

    TOPIC: ClassVar[str] = "record.approval-migrated.v1"
    approval: str
    playbook: str
    number: int
    levels: list[Stored]


WORK_EVENTS = (
    WorkRequested, WorkForked, WorkAccepted, WorkResponded, WorkTicked, WorkPaused, WorkResumed, WorkReassigned,
    WorkRescheduled, WorkCompleted, WorkDeclined, WorkCancelled,
    ApprovalRequested, ApprovalDecided, ApprovalCommented, ApprovalRecalled, ApprovalMigrated,
)  # fmt: skip
