"""Who may get a record, and why the others may not: every candidate of a rule is judged, and says what by."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cached_property
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from domain.assigning.counting import Counting
from domain.assigning.recorded_names import RecordedField, ended, recorded_steps
from domain.assigning.state import PoolState
from domain.organisation.state import Organisation
from domain.playbook.model import Kind
from domain.playbook.pools import AssignmentRule, Candidates, Pool, Strategy
from domain.playbook.published import KindMappings
from domain.record.gates import day_in
from domain.record.state import Record
from domain.values import Stored

Why: TypeAlias = Literal[
    "chosen",
    "lower",
    "nothing closed",
    "left",
    "not in scope",
    "away",
    "had it",
    "at capacity",
    "daily limit",
]
"""Why somebody was chosen or passed over. `lower`: the strategy put somebody before them; `nothing closed`: because they closed no record
in the region; `had it`: they gave this record back, or lost it. The list is closed."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything a rule is judged by: the record, the pool so far, who works here, and what is counted as of the basis.

    `adopts` says under which names older records of the kind hold what the kind has other names for now.
    `applies` tells whether the condition of a rule of the pool holds for the record. `gained` is how many records of the kind each
    person got since the position the counts are of, and `had_by` are those who gave this record back or lost it: by what every pool
    of the kind did, since people and records may be in several.
    """

    record: Record
    kind: Kind
    adopts: KindMappings
    pool: PoolState
    people: Organisation
    counting: Counting
    applies: Callable[[str], bool]
    gained: Mapping[str, int]
    had_by: frozenset[str]
    attempt: int
    as_of: int
    at: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a rule chose, if anybody, and how everybody was judged."""

    person: str | None
    judged: tuple[dict[str, Stored], ...]


def first_found(pool: Pool, about: Circumstances) -> tuple[str | None, Found]:
    """Try the rules of a pool in order; return the first that applies and finds somebody, None where there is none, and everybody judged on the way."""
    judged: list[dict[str, Stored]] = []
    counted = _Counted(about)
    for name, rule in pool.rules.items():
        if not about.applies(name):
            continue
        found = _found_by(name, rule, about, counted)
        judged += found.judged
        if found.person is not None:
            return name, Found(found.person, tuple(judged))
    return None, Found(None, tuple(judged))


def _found_by(name: str, rule: AssignmentRule, about: Circumstances, counted: "_Counted") -> Found:
    """Judge everybody a rule could mean, and choose by its strategy."""
    numbers = counted.of(rule)
    judged: dict[str, dict[str, Stored]] = {}
    eligible: list[str] = []
    for person in _listed(rule.candidates, about):
        why, told = _passed_over(person, rule, about, numbers)
        judged[person] = {"person": person, "rule": name, "why": why or "lower", **told}
        if why is None:
            judged[person] |= numbers.judged_by(person, name, rule.strategy, about.pool)
            eligible.append(person)
    chosen = min(eligible, key=lambda who: _rank(who, name, rule, about, numbers), default=None)
    if chosen is not None:
        judged[chosen]["why"] = "chosen"
        if rule.strategy is Strategy.best_win_rate:
            for person in eligible:
                if person != chosen and not numbers.closed.get(person):
                    judged[person]["why"] = "nothing closed"
    return Found(chosen, tuple(judged.values()))


def turn_of_role(role: str, about: Circumstances) -> Found:
    """Choose among those who hold a role and are there, by turns: the fallback of a pool."""
    judged: dict[str, dict[str, Stored]] = {}
    eligible: list[str] = []
    for person in sorted(about.people.people):
        if role not in about.people.roles_of(person):
            continue
        away = about.people.is_away(person, about.at)
        judged[person] = {"person": person, "fallback": True, "why": "away" if away else "lower"}
        if not away:
            eligible.append(person)
    turns = about.pool.turns
    chosen = min(eligible, key=lambda who: (turns.get(("", who), 0), _draw(who, about)), default=None)
    if chosen is not None:
        judged[chosen]["why"] = "chosen"
    return Found(chosen, tuple(judged.values()))


def assigned_today(pool: PoolState, person: str, at: datetime, zone: ZoneInfo) -> int:
    """Count what a pool assigned to a person on the day of a moment."""
    return _on_the_day(pool.assigned.get(person, ()), at, zone)


def claimed_today(pool: PoolState, person: str, at: datetime, zone: ZoneInfo) -> int:
    """Count what a person claimed from a pool on the day of a moment."""
    return _on_the_day(pool.claimed.get(person, ()), at, zone)


def _on_the_day(moments: Sequence[datetime], at: datetime, zone: ZoneInfo) -> int:
    today = day_in(zone, at)
    return sum(day_in(zone, moment) == today for moment in moments)


# ── who is judged at all ─────────────────────────────────────────────────────────────────────────────────────────────


def _listed(who: Candidates, about: Circumstances) -> Iterator[str]:
    """Everybody in the teams and roles of a rule; of those who left only whom this pool ever assigned something."""
    teams = about.people.with_those_below(who.teams)
    for name, person in sorted(about.people.people.items()):
        if teams and person.team not in teams:
            continue
        if who.roles and person.roles.isdisjoint(who.roles):
            continue
        if person.active or name in about.pool.totals:
            yield name


# ── why somebody is passed over ──────────────────────────────────────────────────────────────────────────────────────


def _passed_over(
    person: str, rule: AssignmentRule, about: Circumstances, numbers: "_Numbers"
) -> tuple[Why | None, dict[str, Stored]]:
    """Tell why somebody cannot get the record, None where they can, and what they were judged by so far."""
    if not about.people.is_active(person):
        return "left", {}
    missing = _missing(person, rule.candidates, about)
    if missing:
        return "not in scope", {"missing": [*missing]}
    if about.people.is_away(person, about.at):
        return "away", {}
    if person in about.had_by:
        return "had it", {}
    today = assigned_today(about.pool, person, about.at, about.zone)
    told: dict[str, Stored] = {"today": today}
    if numbers.open is not None:
        told = {"open": numbers.owned(person), "today": today}
    if rule.capacity is not None and numbers.owned(person) >= rule.capacity:
        return "at capacity", told
    if rule.per_day is not None and today >= rule.per_day:
        return "daily limit", told
    return None, told


def _missing(person: str, who: Candidates, about: Circumstances) -> list[str]:
    """What keeps a person out of the scope of a rule: the region, skills."""
    missing = []
    region = about.people.region_of(person)
    if who.regions and region not in who.regions:
        missing.append("region")
    if who.region_of is not None and (region is None or region != about.record.fields.get(who.region_of)):
        missing.append("region")
    asked = {*who.skills, *(skill for name in who.skills_of for skill in _options(about.record, name))}
    missing += [f"skill {skill}" for skill in sorted(asked - about.people.skills_of(person))]
    return missing


def _options(record: Record, field: str) -> list[str]:
    held = record.fields.get(field)
    return (
        [str(option) for option in held]
        if isinstance(held, list)
        else [held]
        if isinstance(held, str)
        else []
    )


# ── numbers and ranks ────────────────────────────────────────────────────────────────────────────────────────────────


class _Counted:
    """What is counted for one decision, as of the basis: each thing once, and only when a rule is judged by it."""

    def __init__(self, about: Circumstances) -> None:
        self._about = about

    @cached_property
    def _open(self) -> Mapping[str, int]:
        about = self._about
        still = recorded_steps(about.kind, about.adopts, lambda outcome: not ended(outcome))
        return about.counting.open_records(about.record.kind, still, about.as_of)

    def of(self, rule: AssignmentRule) -> "_Numbers":
        """The numbers of the candidates of one rule."""
        about = self._about
        by_open = rule.capacity is not None or rule.strategy is Strategy.least_open
        won = recorded_steps(about.kind, about.adopts, lambda outcome: outcome == "won")
        return _Numbers(self._open if by_open else None, about.gained, self._closed(rule), frozenset(won))

    def _closed(self, rule: AssignmentRule) -> Mapping[str, tuple[str, ...]]:
        about, name = self._about, rule.candidates.region_of
        region = None if name is None else about.record.fields.get(name)
        if rule.strategy is not Strategy.best_win_rate or name is None or not isinstance(region, str):
            return {}
        steps = recorded_steps(about.kind, about.adopts, ended)
        held = RecordedField.of(name, about.adopts)
        return about.counting.last_closed(about.record.kind, steps, held, region, rule.of_last, about.as_of)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What is counted for the candidates of one rule; open records only where it is judged by them."""

    open: Mapping[str, int] | None
    gained: Mapping[str, int]
    closed: Mapping[str, tuple[str, ...]]
    won: frozenset[str]

    def owned(self, person: str) -> int:
        """How many open records of the kind a person owns, with what they got since the counts."""
        return max((self.open or {}).get(person, 0) + self.gained.get(person, 0), 0)

    def won_of(self, person: str) -> int:
        """How many of the last closed records a person won."""
        return sum(step in self.won for step in self.closed.get(person, ()))

    def judged_by(self, person: str, rule: str, strategy: Strategy, pool: PoolState) -> dict[str, Stored]:
        """The numbers of the strategy."""
        match strategy:
            case Strategy.round_robin:
                return {"turn": pool.turns.get((rule, person))}
            case Strategy.least_open:
                return {}
            case Strategy.best_win_rate:
                return {"won": self.won_of(person), "closed": len(self.closed.get(person, ()))}


def _rank(
    person: str, name: str, rule: AssignmentRule, about: Circumstances, numbers: _Numbers
) -> tuple[Fraction, bytes]:
    """The place of a person among those who can get the record: the smallest is first."""
    match rule.strategy:
        case Strategy.round_robin:
            place = Fraction(about.pool.turns.get((name, person), 0))
        case Strategy.least_open:
            place = Fraction(numbers.owned(person))
        case Strategy.best_win_rate:
            closed = len(numbers.closed.get(person, ()))
            place = -Fraction(numbers.won_of(person), closed) if closed else Fraction(1)
    return place, _draw(person, about)


def _draw(person: str, about: Circumstances) -> bytes:
    """A number that breaks ties: the same for the same record, attempt and person, and in no order that favours anybody."""
    return hashlib.sha256(f"{about.record.stream}\n{about.attempt}\n{person}".encode()).digest()
