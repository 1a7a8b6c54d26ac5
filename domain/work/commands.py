"""What can be asked about the work of a record. `stream` names the record; without an id, one is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RequestWork:
    """Ask something of a person: `assignee`, or else the nearest who holds the role of the template.

    With `fork` and `leg`, a leg that was declined or cancelled is asked again.
    """

    stream: str
    work: str
    template: str
    assignee: str | None = None
    title: str | None = None
    due_at: datetime | None = None
    priority: int = 0
    fork: str | None = None
    leg: str | None = None


@dataclass(frozen=True, slots=True)
class ForkWork:
    """Start all legs of a fork at once; `assignees` names people by leg, of all others the nearest who holds the role is asked."""

    stream: str
    fork: str
    name: str
    assignees: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    due_at: datetime | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class AcceptWork:
    """Take it on."""

    stream: str
    work: str


@dataclass(frozen=True, slots=True)
class RespondToWork:
    """Give an answer to go on with."""

    stream: str
    work: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TickWork:
    """Tick an item of the checklist, with the id of a piece of evidence where it asks for one."""

    stream: str
    work: str
    item: str
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class PauseWork:
    """Say that nothing can go on until somebody else does something."""

    stream: str
    work: str
    waiting_for: str


@dataclass(frozen=True, slots=True)
class ResumeWork:
    """Say that it can go on."""

    stream: str
    work: str


@dataclass(frozen=True, slots=True)
class ReassignWork:
    """Give it to somebody else."""

    stream: str
    work: str
    to: str


@dataclass(frozen=True, slots=True)
class RescheduleWork:
    """Let it be due at another moment, and say why."""

    stream: str
    work: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class RescheduleAsked:
    """Let all open work of a template that whoever does this asked for be due at another moment; None: it stays due when it is."""

    stream: str
    template: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class CompleteWork:
    """Say that it is done, with the values of its form."""

    stream: str
    work: str
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeclineWork:
    """Say that one will not do it, and why."""

    stream: str
    work: str


@dataclass(frozen=True, slots=True)
class CancelWork:
    """Say that it is no longer wanted, and why."""

    stream: str
    work: str


@dataclass(frozen=True, slots=True)
class RequestApproval:
    """Ask for agreement: by a chain, or by the first one that applies to the record.

    `approvers` names people by level and role; for every other role the nearest who holds it is asked.
    """

    stream: str
    approval: str
    chain: str | None = None
    approvers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DecideApproval:
    """Approve or reject. Level and role may be left out where only one waits for whoever decides."""

    stream: str
    approval: str
    decision: str
    level: str | None = None
    role: str | None = None
    back_to: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class CommentApproval:
    """Say something without deciding."""

    stream: str
    approval: str
    comment: str


@dataclass(frozen=True, slots=True)
class RecallApproval:
    """Take one's request back."""

    stream: str
    approval: str


@dataclass(frozen=True, slots=True)
class MigrateApproval:
    """Let a running approval go on under the version in force, or with other people (`approvers`: level, role, person); whoever decided already is not asked again."""

    stream: str
    approval: str
    approvers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


WorkCommand = (
    RequestWork
    | ForkWork
    | AcceptWork
    | RespondToWork
    | TickWork
    | PauseWork
    | ResumeWork
    | ReassignWork
    | RescheduleWork
    | RescheduleAsked
    | CompleteWork
    | DeclineWork
    | CancelWork
)

ApprovalCommand = RequestApproval | DecideApproval | CommentApproval | RecallApproval | MigrateApproval
