"""Work and approvals that were asked for and are open, as deadlines see them: since when, of whom, and whether there was an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from domain.event import Event
from domain.values import Stored, moment_text
from domain.work.events import (
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRecalled,
    ApprovalRequested,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkPaused,
    WorkReassigned,
    WorkRequested,
    WorkResponded,
    WorkResumed,
)


@dataclass(frozen=True, slots=True)
class Level:
    """A level of an approval: who decides in which role, how many must approve, and who has."""

    name: str
    approvers: Mapping[str, str]
    quorum: int
    approved: frozenset[str] = frozenset()

    @property
    def is_met(self) -> bool:
        """Whether enough have approved."""
        return len(self.approved) >= self.quorum


@dataclass(frozen=True, slots=True)
class Asked:
    """An open work item or approval. `named` is its template or chain, `position` that of the request, `waits_for` why it stands still.

    Of an approval, `levels` says who has yet to decide.
    """

    what: Literal["work", "approval"]
    named: str
    position: int
    starts_at: datetime
    effective_at: datetime
    assignee: str | None = None
    due_at: datetime | None = None
    is_answered: bool = False
    waits_for: str | None = None
    in_sequence: bool = True
    levels: tuple[Level, ...] = field(default=())

    @property
    def whose_turn(self) -> tuple[str, ...]:
        """Who has to act: whoever holds the work, or the approvers whose decision is missing."""
        if self.what == "work":
            return () if self.assignee is None else (self.assignee,)
        waiting = [level for level in self.levels if not level.is_met]
        return tuple(
            dict.fromkeys(
                person
                for level in (waiting[:1] if self.in_sequence else waiting)
                for role, person in sorted(level.approvers.items())
                if role not in level.approved
            )
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "what": self.what,
            "named": self.named,
            "position": self.position,
            "starts_at": moment_text(self.starts_at),
            "effective_at": moment_text(self.effective_at),
            "assignee": self.assignee,
            "due_at": None if self.due_at is None else moment_text(self.due_at),
            "is_answered": self.is_answered,
            "waits_for": self.waits_for,
            "in_sequence": self.in_sequence,
            "levels": [
                [level.name, dict(level.approvers), level.quorum, sorted(level.approved)]
                for level in self.levels
            ],
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Asked":
        """Return what `to_json` described."""
        levels = tuple(
            Level(name, approvers, quorum, frozenset(approved))
            for name, approvers, quorum, approved in told["levels"]
        )
        due_at = None if told["due_at"] is None else datetime.fromisoformat(told["due_at"])
        moments = {name: datetime.fromisoformat(told[name]) for name in ("starts_at", "effective_at")}
        return cls(**{**told, **moments, "due_at": due_at, "levels": levels})


def evolve_asked(
    asked: Mapping[str, Asked], event: Event, position: int, starts_at: datetime, effective_at: datetime
) -> Mapping[str, Asked]:
    """Fold one event into what is open; an event that is about none of it changes nothing."""
    match event:
        case WorkRequested(work=name, template=template, assignee=assignee, due_at=due_at):
            due = None if due_at is None else datetime.fromisoformat(due_at)
            item = Asked("work", template, position, starts_at, effective_at, assignee=assignee, due_at=due)
            return {**asked, name: item}
        case ApprovalRequested(approval=name, chain=chain, order=order, levels=levels):
            item = Asked(
                "approval", chain, position, starts_at, effective_at,
                in_sequence=order == "sequence", levels=_levels(levels),
            )  # fmt: skip
            return {**asked, name: item}
        case WorkReassigned(work=name, after=assignee) if name in asked:
            return {**asked, name: replace(asked[name], assignee=assignee)}
        case WorkResponded(work=name) if name in asked:
            return {**asked, name: replace(asked[name], is_answered=True)}
        case WorkPaused(work=name, waiting_for=whom) if name in asked:
            return {**asked, name: replace(asked[name], waits_for=whom)}
        case WorkResumed(work=name) if name in asked:
            return {**asked, name: replace(asked[name], waits_for=None)}
        case (
            WorkCompleted(work=name)
            | WorkDeclined(work=name)
            | WorkCancelled(work=name)
            | ApprovalRecalled(approval=name)
        ):
            return _without(asked, name)
        case ApprovalDecided(approval=name) if name in asked:
            return _decided(asked, name, event)
        case ApprovalMigrated(approval=name, levels=levels) if name in asked:
            return _unless_met(asked, name, _migrated(asked[name].levels, _levels(levels)))
        case _:
            return asked


def _without(asked: Mapping[str, Asked], name: str) -> Mapping[str, Asked]:
    return {other: item for other, item in asked.items() if other != name}


def _levels(told: Sequence[Stored]) -> tuple[Level, ...]:
    found = []
    for level in told:
        assert isinstance(level, dict)
        approvers = level["approvers"]
        assert isinstance(approvers, dict)
        quorum = level.get("quorum")
        by_role = {role: str(person) for role, person in approvers.items()}
        found.append(Level(str(level["name"]), by_role, quorum if isinstance(quorum, int) else len(by_role)))
    return tuple(found)


def _decided(asked: Mapping[str, Asked], name: str, event: ApprovalDecided) -> Mapping[str, Asked]:
    levels = asked[name].levels
    if event.decision == "rejected":
        if event.back_to is None:
            return _without(asked, name)
        names = [level.name for level in levels]
        first = names.index(event.back_to) if event.back_to in names else 0
        last = names.index(event.level) if event.level in names else len(names)
        # What was agreed beside or after the level that rejected still holds.
        levels = tuple(
            replace(level, approved=frozenset()) if first <= index <= last else level
            for index, level in enumerate(levels)
        )
    else:
        levels = tuple(
            replace(level, approved=level.approved | {event.role}) if level.name == event.level else level
            for level in levels
        )
    return _unless_met(asked, name, levels)


def _migrated(before: tuple[Level, ...], after: tuple[Level, ...]) -> tuple[Level, ...]:
    """The levels of another version, with what was approved of them before."""
    approved = {level.name: level.approved for level in before}
    return tuple(
        replace(level, approved=approved.get(level.name, frozenset()) & level.approvers.keys())
        for level in after
    )


def _unless_met(asked: Mapping[str, Asked], name: str, levels: tuple[Level, ...]) -> Mapping[str, Asked]:
    """An approval is over once all of its levels are met."""
    if all(level.is_met for level in levels):
        return _without(asked, name)
    return {**asked, name: replace(asked[name], levels=levels)}
