"""What a move asks for, and what of it is unmet. The same function judges the live command and the replay."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias
from zoneinfo import ZoneInfo

from domain.facts import Erased
from domain.playbook.check import rule_place
from domain.playbook.model import Gate, Kind
from domain.playbook.published import JudgingRule, PublishedPlaybook
from domain.playbook.working import chain_place
from domain.record.state import Record
from domain.record.way import (
    MOVE_REQUIREMENTS,
    Move,
    chosen_path,
    gates_between,
    lies_on,
    move_between,
    needs_right,
    opens_in,
    path_problems,
)
from domain.refusals import Unmet
from domain.rules.arithmetic import divide
from domain.rules.outcomes import type_spelled
from domain.rules.tree import facts_of
from domain.rules.types import FieldType
from domain.values import Stored, is_personal, load
from domain.work.approving import newest_of
from domain.work.state import WorkItem

__all__ = [
    "MOVE_REQUIREMENTS",
    "AskedOfPeople",
    "Attempt",
    "Move",
    "Requirement",
    "asked_of_people",
    "chosen_path",
    "day_in",
    "has_valid_evidence",
    "judged",
    "move_between",
    "needs_right",
    "path_problems",
    "requirements",
    "unmet",
    "valid_until",
]

Reveal: TypeAlias = Callable[[str, str, Stored], "Stored | Erased"]

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


def judged(
    playbook: PublishedPlaybook, place: str, record: Record, at: datetime | None, reveal: Reveal
) -> bool | None:
    """Judge a rule of a playbook over a record as it stands at a moment; None is unknown. Raises KeyError where no rule is at the place."""
    kind = playbook.kind(record.kind)
    facts = _facts(playbook, _standing(record, at))
    return playbook.rules[place].judge(_Values(kind, record, reveal), facts)


@dataclass(frozen=True, slots=True)
class AskedOfPeople:
    """Work or agreement a rule asks for: the fact, the template or chain, the field of the form where it is about one, and whether it is so, or is answered."""

    fact: str
    name: str
    field: str | None
    is_there: bool


def asked_of_people(playbook: PublishedPlaybook, attempt: Attempt, rule: JudgingRule) -> list[AskedOfPeople]:
    """List the work and the agreement a rule asks for, in alphabetical order."""
    facts = _facts(playbook, attempt)
    found = []
    for fact in facts_of(rule.tree):
        name, *of_form = map(str, fact.arguments or [""])
        match fact.name:
            case "done":
                found.append(AskedOfPeople(fact.name, name, None, facts.done(name)))
            case "outcome":
                said = facts.outcome(name, *of_form)
                found.append(AskedOfPeople(fact.name, name, of_form[0], said is not None))
            case "approved":
                found.append(AskedOfPeople(fact.name, name, None, facts.approved(name)))
    return sorted(found, key=lambda ask: (ask.fact, ask.name, ask.field or ""))


def has_valid_evidence(playbook: PublishedPlaybook, record: Record, field: str, at: datetime | None) -> bool:
    """Tell whether a piece that counts at a moment is attached to an evidence field."""
    return _MomentFacts(_standing(record, at), ZoneInfo(playbook.document.time_zone)).evidence(field)


def _standing(record: Record, at: datetime | None) -> Attempt:
    """A record where it is, as an attempt that asks for nothing."""
    return Attempt(record, record.stage, record.stage or "", "re-entry", at, False)


def requirements(playbook: PublishedPlaybook, attempt: Attempt, reveal: Reveal) -> list[Requirement]:
    """Return everything a move asks for, each once: what the kind of move needs, then the gates it passes."""
    kind = playbook.kind(attempt.record.kind)
    facts = _facts(playbook, attempt)
    values = _Values(kind, attempt.record, reveal)
    asked = {found.asks.id: found for found in _of_move(kind, attempt)}
    for side, step, gate in gates_between(kind, attempt.move, attempt.before, attempt.after):
        for found in _of_gate(
            playbook, kind, gate, (attempt.record.kind, step, side), attempt.record, facts, values
        ):
            asked.setdefault(found.asks.id, found)
    return list(asked.values())


def _of_move(kind: Kind, attempt: Attempt) -> Iterator[Requirement]:
    path = attempt.record.path
    if path is not None:
        yield _move("move:path", lies_on(kind, attempt.after, path))
    match attempt.move:
        case "open":
            yield _move("move:open", opens_in(kind, attempt.after, path))
        case "skip" if kind.moves.skip == "with_right":
            # Whether somebody may is asked of them, never of the record: a replay knows nothing of rights.
            yield _move("move:reason", attempt.has_reason)
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


def _loaded(value_type: FieldType, stored: Stored) -> object:
    try:
        return load(value_type, stored)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError):
        return None  # a draft types the field otherwise: what was stored then is unknown to it


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
        return _loaded(value_type, stored)

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


def fields_of_chain(playbook: PublishedPlaybook, kind: str, chain: str) -> frozenset[str]:
    """Name the fields the rules of a chain of approval read: what an approval of it stands on."""
    levels = playbook.kind(kind).approvals[chain].levels
    places = [chain_place(kind, chain), *(chain_place(kind, chain, level) for level in levels)]
    return frozenset().union(*(playbook.rules[place].fields for place in places if place in playbook.rules))


def _facts(playbook: PublishedPlaybook, attempt: Attempt) -> "_MomentFacts":
    return _MomentFacts(
        attempt,
        ZoneInfo(playbook.document.time_zone),
        lambda chain: fields_of_chain(playbook, attempt.record.kind, chain),
    )


class _MomentFacts:
    """The closed catalogue of facts, as of the moment of an attempt; an unknown moment makes what depends on it unknown.

    `stands_on` names the fields an approval of a chain stands on.
    """

    def __init__(
        self,
        attempt: Attempt,
        zone: ZoneInfo,
        stands_on: Callable[[str], frozenset[str]] = lambda _chain: frozenset(),
    ) -> None:
        self._record, self._at, self._zone = attempt.record, attempt.occurred_at, zone
        self._stands_on = stands_on
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
        # In whole numbers throughout: total_seconds() is a float, and a second off after some centuries.
        elapsed = self._at - self._record.stage_entered_at
        seconds = abs(elapsed) // timedelta(seconds=1)
        return divide(seconds if elapsed >= timedelta(0) else -seconds, _SECONDS_PER_DAY)

    def stage(self) -> str | None:
        return self._stage

    def today(self) -> date | None:
        return None if self._at is None else day_in(self._zone, self._at)

    def done(self, template: str) -> bool:
        newest = self._asked_last(template)
        return newest is not None and newest.state == "done"

    def outcome(self, template: str, field: str, answer_type: str) -> object:
        newest = self._asked_last(template)
        if newest is None or newest.state != "done":
            return None
        said = newest.fields.get(field)
        # Nobody opens what is personal for it: the checker lets no rule read such a field, but another version may have had one.
        return None if is_personal(said) else _loaded(type_spelled(answer_type), said)

    def _asked_last(self, template: str) -> WorkItem | None:
        # They stand in the order they were asked in; what the same batch has only decided has no position yet.
        of_template = [item for item in self._record.work.values() if item.template == template]
        return of_template[-1] if of_template else None

    def approved(self, chain: str) -> bool:
        newest = newest_of(self._record.approvals.values(), chain)
        if newest is None or newest.state != "approved":
            return False
        return newest.changed.isdisjoint(self._stands_on(chain))
