"""An approval as folded from its events: who is asked at which level, what was decided, and what that makes of the whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast

from domain.rules.arithmetic import number_text
from domain.values import Stored
from domain.work.events import ApprovalDecided

ApprovalState: TypeAlias = Literal["running", "approved", "rejected", "recalled"]


def requesters_of(requested_by: str, actor: str) -> frozenset[str]:
    """Return who never decides what is asked: for whom it is asked, and the person who asks it for them; a program that does is nobody."""
    return frozenset({requested_by} | ({actor} if actor.startswith("person/") else set()))


@dataclass(frozen=True, slots=True)
class Level:
    """One level: the person of each role, whose role it is where somebody stands in (`asked`), and how many must approve."""

    name: str
    approvers: Mapping[str, str]
    quorum: int
    asked: Mapping[str, str] = field(default_factory=dict)
    within_hours: Decimal | None = None

    def as_json(self) -> dict[str, Stored]:
        """Return the level as it stands in the event."""
        told: dict[str, Any] = {"name": self.name, "approvers": dict(self.approvers), "quorum": self.quorum}
        if self.asked:
            told["asked"] = dict(self.asked)
        if self.within_hours is not None:
            told["within_hours"] = number_text(self.within_hours)
        return told


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decided for one role of a level; `actor` sent it where that was somebody else. Where it was asked again later, it no longer `counts`."""

    level: str
    role: str
    decision: str
    by: str
    at: datetime | None
    back_to: str | None = None
    counts: bool = True
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """One request for agreement. Its levels are those of its event: what the playbook says later does not touch them.

    `opened_at` says since when each level waits; a level of a sequence waits once those before it are met.
    `requested_by` is whom it is for, `actor` who sent it where that is somebody else; neither ever decides it.
    `changed` names the fields of the record that were given another value since it was asked, as long as it may still count.
    """

    id: str
    chain: str
    order: Literal["sequence", "parallel"]
    levels: tuple[Level, ...]
    requested_by: str
    actor: str
    requested_at: datetime | None
    position: int
    state: ApprovalState = "running"
    playbook: str | None = None
    number: int | None = None
    decisions: tuple[Decision, ...] = ()
    ended_at: datetime | None = None
    changed: frozenset[str] = frozenset()

    @property
    def requesters(self) -> frozenset[str]:
        """Whoever can never decide it."""
        return requesters_of(self.requested_by, self.actor)

    def counted(self, level: Level) -> Mapping[str, Decision]:
        """What holds of a level, by role."""
        return {
            found.role: found
            for found in self.decisions
            if found.counts and found.level == level.name and found.role in level.approvers
        }

    def is_met(self, level: Level) -> bool:
        """Whether enough roles of a level have approved."""
        approved = sum(found.decision == "approved" for found in self.counted(level).values())
        return approved >= level.quorum

    @property
    def open_levels(self) -> tuple[Level, ...]:
        """The levels that wait for somebody now."""
        if self.state != "running":
            return ()
        waiting = tuple(level for level in self.levels if not self.is_met(level))
        return waiting if self.order == "parallel" else waiting[:1]

    def waits_for(self, level: Level) -> Mapping[str, str]:
        """The roles of a level that have not decided, with the person of each."""
        counted = self.counted(level)
        return {role: person for role, person in level.approvers.items() if role not in counted}

    def opened_at(self, level: Level) -> datetime | None:
        """Since when a level waits: since the request, since the level before it was met, or since it was asked again."""
        moments = [self.requested_at]
        before = self.levels[: self.levels.index(level)] if self.order == "sequence" else ()
        for earlier in before:
            moments += [found.at for found in self.counted(earlier).values()]
        moments += [
            found.at for found in self.decisions if found.back_to is not None and self._led_back(found, level)
        ]
        known = [moment for moment in moments if moment is not None]
        return None if len(known) < len(moments) else max(known)

    def _led_back(self, rejection: Decision, level: Level) -> bool:
        names = [found.name for found in self.levels]
        if rejection.back_to not in names or rejection.level not in names:
            return False
        return names.index(rejection.back_to) <= names.index(level.name) <= names.index(rejection.level)

    def judged(self, at: datetime | None) -> "Approval":
        """The approval after its decisions are counted: approved once every level is met."""
        if self.state == "running" and all(self.is_met(level) for level in self.levels):
            return replace(self, state="approved", ended_at=at)
        return self


def after_changes(approvals: Mapping[str, Approval], fields: Iterable[str]) -> Mapping[str, Approval]:
    """Note on approvals that may still count that fields of their record have changed: what was agreed to may not be what is said now."""
    names = frozenset(fields)
    return {
        name: replace(found, changed=found.changed | names)
        if found.state in ("running", "approved")
        else found
        for name, found in approvals.items()
    }


def newest_of(approvals: Iterable[Approval], chain: str) -> Approval | None:
    """Return the approval of a chain that was asked last: approvals stand in the order they were asked in."""
    of_chain = [found for found in approvals if found.chain == chain]
    return of_chain[-1] if of_chain else None


def after_decision(
    approval: Approval, event: ApprovalDecided, by: str, at: datetime | None, actor: str | None = None
) -> Approval:
    """Fold a decision into an approval."""
    sender = actor if actor != by else None
    decision = Decision(event.level, event.role, event.decision, by, at, event.back_to, actor=sender)
    if event.decision == "approved":
        return replace(approval, decisions=(*approval.decisions, decision)).judged(at)
    if event.back_to is None:
        return replace(approval, decisions=(*approval.decisions, decision), state="rejected", ended_at=at)
    names = [level.name for level in approval.levels]
    again = set(names[names.index(event.back_to) : names.index(event.level) + 1])
    kept = tuple(
        replace(found, counts=found.counts and found.level not in again) for found in approval.decisions
    )
    return replace(approval, decisions=(*kept, replace(decision, counts=False)))


def levels_of(stored: Iterable[Stored]) -> tuple[Level, ...]:
    """Read levels as they stand in an event."""
    return tuple(level_of(cast("Mapping[str, Any]", level)) for level in stored)


def level_of(told: Mapping[str, Any]) -> Level:
    """Read one level."""
    within = told.get("within_hours")
    return Level(
        name=str(told["name"]),
        approvers=dict(told["approvers"]),
        quorum=int(told["quorum"]),
        asked=dict(told.get("asked", {})),
        within_hours=None if within is None else Decimal(str(within)),
    )
