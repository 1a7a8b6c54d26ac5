"""What a move asks for, and what of it is unmet. The same function judges the live command and the replay."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from domain.facts import Erased
from domain.labels import Label
from domain.naming import nearest
from domain.playbook.check import rule_place
from domain.playbook.model import Gate, Kind
from domain.playbook.published import JudgingRule, PublishedPlaybook
from domain.record.state import Record
from domain.refusals import NotFound, Unmet
from domain.rules.arithmetic import divide
from domain.values import Stored, is_personal, load

Move: TypeAlias = Literal["open", "forward", "skip", "back", "re-entry", "reopen"]
Reveal: TypeAlias = Callable[[str, str, Stored], "Stored | Erased"]

MOVE_REQUIREMENTS: Mapping[str, Label] = {
    "move:open": Label(zh="记录不能从此阶段开始", en="A record does not begin in this stage"),
    "move:skip": Label(zh="不能跳过阶段", en="Stages cannot be skipped"),
    "move:reason": Label(zh="退回或重新打开需要说明原因", en="Moving back or reopening needs a reason"),
}

_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Attempt:
    """A move to judge: the record with the edits that came along, as of the moment it happened."""

    record: Record
    before: str | None
    after: str
    move: Move
    occurred_at: datetime | None
    has_reason: bool


def move_between(kind: Kind, before: str, after: str) -> Move:
    """Tell what kind of move leads from one stage to another. Raises NotFound for a stage the path does not have."""
    for stage in (before, after):
        if stage not in kind.stages:
            raise NotFound("stage", stage, nearest(stage, kind.stages))
    if before == after:
        return "re-entry"
    way = kind.open_stages
    if before not in way:
        return "reopen"
    if after in way:
        steps = way.index(after) - way.index(before)
        return "forward" if steps == 1 else "skip" if steps > 1 else "back"
    ends_early = kind.stages[after].outcome in {"lost", "closed"}
    return "forward" if ends_early or before == way[-1] else "skip"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing a move asks for, whether it is met, and the rule behind it where there is one."""

    asks: Unmet
    is_met: bool
    rule: JudgingRule | None = None


def unmet(playbook: PublishedPlaybook, attempt: Attempt, reveal: Reveal) -> list[Unmet]:
    """Return everything a move lacks under a playbook, in the order a person would work it off. UNKNOWN blocks."""
    return [
        requirement.asks for requirement in requirements(playbook, attempt, reveal) if not requirement.is_met
    ]


def requirements(playbook: PublishedPlaybook, attempt: Attempt, reveal: Reveal) -> list[Requirement]:
    """Return everything a move asks for, each once: what the kind of move needs, then the gates it passes."""
    kind = playbook.kind(attempt.record.kind)
    facts = _MomentFacts(attempt, ZoneInfo(playbook.document.time_zone))
    values = _Values(kind, attempt.record, reveal)
    asked = {found.asks.id: found for found in _of_move(kind, attempt)}
    for side, stage, gate in _gates(kind, attempt):
        for found in _of_gate(
            playbook, kind, gate, (attempt.record.kind, stage, side), attempt.record, facts, values
        ):
            asked.setdefault(found.asks.id, found)
    return list(asked.values())


def _gates(kind: Kind, attempt: Attempt) -> Iterator[tuple[str, str, Gate]]:
    """The gates a move passes: leaving and entering on the way forward, nothing on the way back.

    Giving up (a lost or closed stage) leaves nothing behind that the next step would need, so it passes no leaving gate.
    """
    gives_up = kind.stages[attempt.after].outcome in {"lost", "closed"}
    if attempt.move in {"forward", "skip"} and attempt.before is not None and not gives_up:
        yield "leave", attempt.before, kind.stages[attempt.before].leave
    if attempt.move in {"open", "forward", "skip", "reopen"}:
        yield "enter", attempt.after, kind.stages[attempt.after].enter


def _of_move(kind: Kind, attempt: Attempt) -> Iterator[Requirement]:
    match attempt.move:
        case "open":
            yield _move("move:open", attempt.after in kind.opening_stages)
        case "skip":
            yield _move("move:skip", kind.moves.skip == "allowed")
        case "back":
            yield _move("move:reason", kind.moves.back == "free" or attempt.has_reason)
        case "reopen":
            yield _move("move:reason", kind.moves.reopen == "free" or attempt.has_reason)
        case "forward" | "re-entry":
            return


def _move(requirement: str, is_met: bool) -> Requirement:
    return Requirement(Unmet(requirement, "move", MOVE_REQUIREMENTS[requirement]), is_met)


def _of_gate(
    playbook: PublishedPlaybook,
    kind: Kind,
    gate: Gate,
    at: tuple[str, str, str],
    record: Record,
    facts: "_MomentFacts",
    values: "_Values",
) -> Iterator[Requirement]:
    for name in gate.fields:
        spec = kind.fields[name]
        yield Requirement(
            Unmet(f"field:{name}", "field", spec.label, spec.why, name),
            record.fields.get(name) not in (None, "", []),
        )
    for name in gate.evidence:
        spec = kind.fields[name]
        yield Requirement(
            Unmet(f"evidence:{name}", "evidence", spec.label, spec.why, name), facts.evidence(name)
        )
    for name, condition in gate.conditions.items():
        rule = playbook.rules[rule_place(*at, name)]
        asks = Unmet(f"condition:{name}", "condition", condition.label, condition.why)
        yield Requirement(asks, rule.judge(values, facts) is True, rule)


class _Values(Mapping[str, object]):
    """The fields of a record as run-time values for rules; an erased value reads as NULL."""

    def __init__(self, kind: Kind, record: Record, reveal: Reveal) -> None:
        self._kind, self._record, self._reveal = kind, record, reveal

    def __getitem__(self, name: str) -> object:
        stored = self._record.fields.get(name)
        if is_personal(stored):
            revealed = self._reveal(self._record.stream, name, stored)
            if isinstance(revealed, Erased):
                return None
            stored = revealed
        spec = self._kind.fields.get(name)
        value_type = spec.value_type if spec is not None else None
        if value_type is None:
            return None
        try:
            return load(value_type, stored)
        except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError):
            return None  # a draft types the field otherwise: what was stored then is unknown to it

    def get(self, name: str, default: object = None) -> object:
        return self[name] if name in self._record.fields else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._record.fields)

    def __len__(self) -> int:
        return len(self._record.fields)


def day_in(zone: ZoneInfo, moment: datetime) -> date:
    """Return the day of a moment by the calendar of a time zone, or in UTC where that calendar has ended."""
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        return moment.date()


def valid_until(attached_at: datetime, valid_days: int | None, zone: ZoneInfo) -> str | None:
    """Return the last day a piece of evidence counts, as an ISO date; None when it counts for ever."""
    if valid_days is None:
        return None
    attached_on = day_in(zone, attached_at)
    return (attached_on + timedelta(days=min(valid_days, (date.max - attached_on).days))).isoformat()


class _MomentFacts:
    """The closed catalogue of facts, as of the moment of an attempt; an unknown moment makes what depends on it unknown."""

    def __init__(self, attempt: Attempt, zone: ZoneInfo) -> None:
        self._record, self._at, self._zone = attempt.record, attempt.occurred_at, zone
        self._stage = attempt.before if attempt.before is not None else attempt.after

    def evidence(self, field: str) -> bool:
        on = day_in(self._zone, self._at).isoformat() if self._at else None
        return any(
            piece.field == field
            and (piece.valid_until is None or (on is not None and on <= piece.valid_until))
            for piece in self._record.evidence
        )

    def touches(self, kind: str, days: int) -> int | None:
        if self._at is None:
            return None
        # Counted in days gone by, because before the year 1 there is nothing to count from.
        window = timedelta(days=days)
        of_kind = [touch for touch in self._record.touches if kind in ("any", touch.kind)]
        if any(touch.at is None for touch in of_kind):
            return None
        return sum(
            touch.at is not None and timedelta(0) <= self._at - touch.at <= window for touch in of_kind
        )

    def days_in_stage(self) -> Decimal | None:
        if self._at is None or self._record.stage_entered_at is None:
            return None
        elapsed = (self._at - self._record.stage_entered_at).total_seconds()
        return divide(int(elapsed), _SECONDS_PER_DAY)

    def stage(self) -> str | None:
        return self._stage
