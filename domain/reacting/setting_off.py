"""Which reactions an event sets off: one function for the worker that carries them out and for whoever replays what happened.

It judges the record as it stood right after the event, by the version of the playbook the event was decided under. What is imported
happened before: it sets off nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from domain.deadlines.events import DeadlineNoticed
from domain.envelope import Recorded
from domain.event import Event
from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    OwnerChanged,
    RecordOpened,
    StageChanged,
    Touched,
)
from domain.naming import IMPORT_CHANNEL, split_stream
from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook
from domain.playbook.reactions import Reaction, Trigger, reaction_place
from domain.record.adoption import adopted
from domain.record.gates import Reveal, judged
from domain.record.state import Record
from domain.work.events import (
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRequested,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkRequested,
    WorkResponded,
)

IMPORTED = IMPORT_CHANNEL
"""The channel of what is imported."""

_WORK: Mapping[type[Event], str] = {
    WorkRequested: "work-requested",
    WorkResponded: "work-responded",
    WorkCompleted: "work-completed",
    WorkDeclined: "work-declined",
    WorkCancelled: "work-cancelled",
}

_MAY_BE: Mapping[type[Event], frozenset[str]] = {
    RecordOpened: frozenset({"opened", "stage-changed"}),
    FieldsChanged: frozenset({"fields-changed"}),
    StageChanged: frozenset({"stage-changed"}),
    Touched: frozenset({"touched"}),
    EvidenceAttached: frozenset({"evidence-attached"}),
    OwnerChanged: frozenset({"owner-changed"}),
    WorkRequested: frozenset({"work-requested"}),
    WorkResponded: frozenset({"work-responded"}),
    WorkCompleted: frozenset({"work-completed", "fork-joined"}),
    WorkDeclined: frozenset({"work-declined"}),
    WorkCancelled: frozenset({"work-cancelled"}),
    ApprovalRequested: frozenset({"approval-requested"}),
    ApprovalDecided: frozenset({"approval-decided"}),
    ApprovalMigrated: frozenset({"approval-decided"}),
    DeadlineNoticed: frozenset({"deadline-noticed"}),
}
"""What each event may mean to a playbook."""

CAUSES = frozenset(_MAY_BE)
"""The events that can set anything off."""


@dataclass(frozen=True, slots=True)
class SetOff:
    """A reaction that an event sets off, by its name."""

    name: str
    reaction: Reaction


def topics_of(happened: Collection[str]) -> frozenset[str]:
    """Return the topics of the events that may mean one of these to a playbook."""
    return frozenset(event.TOPIC for event, means in _MAY_BE.items() if means & set(happened))


def record_of(cause: Recorded) -> str:
    """Name the record an event is about: a deadline's stands in a stream of its own."""
    return cause.event.record if isinstance(cause.event, DeadlineNoticed) else cause.stream


def may_set_off(cause: Recorded, playbook: PublishedPlaybook) -> bool:
    """Tell, without a look at the record, whether an event could set off a reaction of the version it was decided under."""
    means = _MAY_BE.get(type(cause.event))
    if means is None or cause.channel == IMPORTED:
        return False
    reactions = playbook.reactions.get(split_stream(record_of(cause))[0], {})
    return any(reaction.on.event in means for reaction in reactions.values())


def set_off(
    cause: Recorded, record: Record, playbook: PublishedPlaybook, reveal: Reveal
) -> tuple[SetOff, ...]:
    """Return the reactions an event sets off, in the order of the playbook, those of its forks last.

    `record` is folded up to the event and not further; `playbook` is the version the event names. A rule is judged as of the moment
    the event happened; one of which nobody knows whether it holds does not let the reaction run.
    """
    if not may_set_off(cause, playbook):
        return ()
    read = adopted(record, playbook)
    return tuple(
        found
        for found in meant_by(cause, read, playbook)
        if found.reaction.when is None
        or judged(playbook, reaction_place(read.kind, found.name), read, cause.occurred_at, reveal) is True
    )


def meant_by(cause: Recorded, read: Record, playbook: PublishedPlaybook) -> tuple[SetOff, ...]:
    """Return the reactions that wait for an event, whatever their rules say; `read` is the record right after it, as the version reads it."""
    if not may_set_off(cause, playbook):
        return ()
    seen = list(_seen(cause.event, read, playbook.kind(read.kind)))
    return tuple(
        SetOff(name, reaction)
        for name, reaction in playbook.reactions[read.kind].items()
        if any(happened.is_meant_by(reaction.on) for happened in seen)
    )


# ── what an event means ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Happened:
    """What an event means to a playbook, with what it could be narrowed by. `only_by` must be given for it to be meant at all."""

    event: str
    of: Mapping[str, frozenset[str | int]] = field(default_factory=dict)
    only_by: str | None = None

    def is_meant_by(self, on: Trigger) -> bool:
        if on.event != self.event or (self.only_by is not None and getattr(on, self.only_by) is None):
            return False
        return all(value in self.of.get(member, ()) for member, value in on.narrowed)


def _seen(event: Event, record: Record, kind: Kind) -> Iterator[_Happened]:
    match event:
        case RecordOpened():
            yield _Happened("opened")
            if event.stage is not None:
                # Whoever begins in a step comes into it, but has not moved.
                yield _Happened("stage-changed", {"to": _entered(kind, None, event.stage)}, only_by="to")
        case StageChanged():
            yield _Happened(
                "stage-changed",
                {"to": _entered(kind, event.before, event.after), "move": frozenset({event.move})},
            )
        case FieldsChanged():
            yield _Happened("fields-changed", {"field": frozenset(event.changes)})
        case Touched():
            yield _Happened("touched", {"kind": frozenset({event.kind})})
        case EvidenceAttached():
            yield _Happened("evidence-attached", {"field": frozenset({event.field})})
        case OwnerChanged():
            yield _Happened("owner-changed")
        case WorkRequested() | WorkResponded() | WorkCompleted() | WorkDeclined() | WorkCancelled():
            yield from _of_work(event.work, _WORK[type(event)], record)
        case ApprovalRequested():
            yield _Happened("approval-requested", {"chain": frozenset({event.chain})})
        case ApprovalDecided() | ApprovalMigrated():
            yield from _end_of_chain(event.approval, record)
        case DeadlineNoticed():
            yield _Happened(
                "deadline-noticed",
                {"deadline": frozenset({event.deadline}), "rung": frozenset({event.rung})},
            )
        case _:
            return


def _entered(kind: Kind, before: str | None, after: str) -> frozenset[str | int]:
    """The step a record comes into, and the stage it is part of unless the record was in it already."""
    steps = kind.steps
    stage = steps[after].part_of if after in steps else after
    was_in = before if before is None or before not in steps else steps[before].part_of
    return frozenset({after, stage}) if stage != was_in else frozenset({after})


def _of_work(work: str, event: str, record: Record) -> Iterator[_Happened]:
    item = record.work.get(work)
    if item is None:
        return
    yield _Happened(event, {"template": frozenset({item.template})})
    fork = record.forks.get(item.fork or "")
    if event != "work-completed" or fork is None or fork.legs.get(item.leg or "") != work:
        return
    done = sum(record.work[leg].state == "done" for leg in fork.legs.values() if leg in record.work)
    if (
        done == fork.needed
    ):  # it was this leg that joined them: with fewer they had not, with more they had before
        yield _Happened("fork-joined", {"fork": frozenset({fork.name})})


def _end_of_chain(approval: str, record: Record) -> Iterator[_Happened]:
    """Only what ends a chain is told: a level on the way decides nothing yet."""
    found = record.approvals.get(approval)
    if found is not None and found.state in ("approved", "rejected"):
        yield _Happened(
            "approval-decided", {"chain": frozenset({found.chain}), "decision": frozenset({found.state})}
        )
