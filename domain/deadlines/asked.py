"""Work and approvals that were asked for and are open, as deadlines see them: since when, of whom, and whether there was an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from domain.event import Event
from domain.rules.arithmetic import number_text
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
    WorkRescheduled,
    WorkResponded,
    WorkResumed,
    WorkTicked,
)


class Since(NamedTuple):
    """Since when something runs: the position of the event it began with, and the moment."""

    position: int
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Level:
    """A level of an approval: who decides in which role, how many must approve, and who has.

    `since` is when it began to wait for somebody, None while it does not; `agreed_at` when the last of those who have approved did.
    """

    name: str
    approvers: Mapping[str, str]
    quorum: int
    approved: frozenset[str] = frozenset()
    within_hours: Decimal | None = None
    since: Since | None = None
    agreed_at: datetime | None = None

    @property
    def is_met(self) -> bool:
        """Whether enough have approved."""
        return len(self.approved) >= self.quorum

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The people whose decision is missing, by their roles."""
        return tuple(person for role, person in sorted(self.approvers.items()) if role not in self.approved)


@dataclass(frozen=True, slots=True)
class Asked:
    """An open work item or approval. `named` is its template or chain, `position` that of the request, `waits_for` why it stands still.

    Of an approval, `levels` says who has yet to decide; of work, `ticked` which items of its checklist are done, and since when;
    `due_since` is since when it is due at `due_at`, where that was moved.
    """

    what: Literal["work", "approval"]
    named: str
    position: int
    starts_at: datetime
    effective_at: datetime
    assignee: str | None = None
    due_at: datetime | None = None
    due_since: Since | None = None
    is_answered: bool = False
    waits_for: str | None = None
    in_sequence: bool = True
    levels: tuple[Level, ...] = field(default=())
    ticked: Mapping[str, Since] = field(default_factory=dict)

    @property
    def whose_turn(self) -> tuple[str, ...]:
        """Who has to act: whoever holds the work, or the approvers whose decision is missing."""
        if self.what == "work":
            return () if self.assignee is None else (self.assignee,)
        waiting = _waiting(self.levels, in_sequence=self.in_sequence)
        return tuple(dict.fromkeys(person for level in waiting for person in level.waits_for))

    def waited_for(self, level: str) -> tuple[str, ...]:
        """Who has to act at one level of an approval."""
        return tuple(person for found in self.levels if found.name == level for person in found.waits_for)

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
            "due_since": None if self.due_since is None else _told(self.due_since),
            "is_answered": self.is_answered,
            "waits_for": self.waits_for,
            "in_sequence": self.in_sequence,
            "levels": [
                [
                    level.name,
                    dict(level.approvers),
                    level.quorum,
                    sorted(level.approved),
                    None if level.within_hours is None else number_text(level.within_hours),
                    None if level.since is None else _told(level.since),
                    None if level.agreed_at is None else moment_text(level.agreed_at),
                ]
                for level in self.levels
            ],
            "ticked": {item: _told(since) for item, since in self.ticked.items()},
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Asked":
        """Return what `to_json` described."""
        levels = tuple(
            Level(
                name,
                approvers,
                quorum,
                frozenset(approved),
                None if within is None else Decimal(within),
                None if since is None else _since(since),
                None if agreed_at is None else datetime.fromisoformat(agreed_at),
            )
            for name, approvers, quorum, approved, within, since, agreed_at in told["levels"]
        )
        ticked = {item: _since(since) for item, since in told["ticked"].items()}
        due_at = None if told["due_at"] is None else datetime.fromisoformat(told["due_at"])
        # Left out in what was kept before anything could be moved.
        due_since = None if told.get("due_since") is None else _since(told["due_since"])
        moments = {name: datetime.fromisoformat(told[name]) for name in ("starts_at", "effective_at")}
        return cls(
            **{
                **told,
                **moments,
                "due_at": due_at,
                "due_since": due_since,
                "levels": levels,
                "ticked": ticked,
            }
        )


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
                in_sequence=order == "sequence",
            )  # fmt: skip
            return {**asked, name: _waits(item, _levels(levels), Since(position, starts_at))}
        case WorkReassigned(work=name, after=assignee) if name in asked:
            return {**asked, name: replace(asked[name], assignee=assignee)}
        case WorkRescheduled(work=name, after=due_at) if name in asked:
            since = Since(position, starts_at)
            due = datetime.fromisoformat(due_at)
            return {**asked, name: replace(asked[name], due_at=due, due_since=since)}
        case WorkResponded(work=name) if name in asked:
            return {**asked, name: replace(asked[name], is_answered=True)}
        case WorkTicked(work=name, item=item_name) if name in asked:
            ticked = {**asked[name].ticked, item_name: Since(position, starts_at)}
            return {**asked, name: replace(asked[name], ticked=ticked)}
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
            return _decided(asked, name, event, Since(position, starts_at))
        case ApprovalMigrated(approval=name, levels=levels) if name in asked:
            moved = _migrated(asked[name].levels, _levels(levels))
            return _unless_met(asked, name, moved, Since(position, starts_at))
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
        within = level.get("within_hours")
        found.append(
            Level(
                str(level["name"]),
                by_role,
                quorum if isinstance(quorum, int) else len(by_role),
                within_hours=None if within is None else Decimal(str(within)),
            )
        )
    return tuple(found)


def _decided(
    asked: Mapping[str, Asked], name: str, event: ApprovalDecided, now: Since
) -> Mapping[str, Asked]:
    levels = asked[name].levels
    if event.decision == "rejected":
        if event.back_to is None:
            return _without(asked, name)
        names = [level.name for level in levels]
        first = names.index(event.back_to) if event.back_to in names else 0
        last = names.index(event.level) if event.level in names else len(names)
        # What was agreed beside or after the level that rejected still holds.
        levels = tuple(
            replace(level, approved=frozenset(), since=None, agreed_at=None)
            if first <= index <= last
            else level
            for index, level in enumerate(levels)
        )
    else:
        levels = tuple(
            replace(
                level,
                approved=level.approved | {event.role},
                agreed_at=max(level.agreed_at or now.starts_at, now.starts_at),
            )
            if level.name == event.level
            else level
            for level in levels
        )
    return _unless_met(asked, name, levels, now)


def _migrated(before: tuple[Level, ...], after: tuple[Level, ...]) -> tuple[Level, ...]:
    """The levels of another version, with what was approved of them before; one that waited already has waited since then."""
    known = {level.name: level for level in before}
    return tuple(
        replace(
            level,
            approved=known[level.name].approved & level.approvers.keys(),
            since=known[level.name].since,
            agreed_at=known[level.name].agreed_at,
        )
        if level.name in known
        else level
        for level in after
    )


def _unless_met(
    asked: Mapping[str, Asked], name: str, levels: tuple[Level, ...], now: Since
) -> Mapping[str, Asked]:
    """An approval is over once all of its levels are met."""
    if all(level.is_met for level in levels):
        return _without(asked, name)
    return {**asked, name: _waits(asked[name], levels, now)}


def _waits(item: Asked, levels: tuple[Level, ...], now: Since) -> Asked:
    """Let the levels that wait for somebody now, and did not, wait from now on; one of a sequence never since before those in front of it agreed."""
    waiting = {level.name for level in _waiting(levels, in_sequence=item.in_sequence)}
    found, latest = [], now.starts_at
    for level in levels:
        since = level.since or Since(now.position, latest if item.in_sequence else now.starts_at)
        found.append(replace(level, since=since if level.name in waiting else None))
        latest = max(latest, level.agreed_at or latest)
    return replace(item, levels=tuple(found))


def _waiting(levels: Sequence[Level], *, in_sequence: bool) -> Sequence[Level]:
    waiting = [level for level in levels if not level.is_met]
    return waiting[:1] if in_sequence else waiting


def _told(since: Since) -> list[Any]:
    return [since.position, moment_text(since.starts_at)]


def _since(told: Sequence[Any]) -> Since:
    position, starts_at = told
    return Since(position, datetime.fromisoformat(starts_at))
