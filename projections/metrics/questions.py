"""What the components of an index ask of metrics: which one, about which cases and periods, and what is made of the answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any, TypeAlias

import polars as pl

from domain.playbook.measuring import (
    Acceptance,
    Component,
    Freshness,
    Healthy,
    Index,
    Penetration,
    Proving,
    Response,
    Touching,
)
from domain.refusals import Problem
from projections.errors import InvalidQuery, problem_of
from projections.ledger.tables import MOMENT
from projections.metrics.asking import AS_OF, Ask, Value, Where
from projections.metrics.merging import share
from projections.metrics.periods import Period, between, key_column, name_of, period_of, unit_of
from projections.metrics.reading import Reading
from projections.metrics.scores import UNKNOWN, Measured

Cell: TypeAlias = tuple[Value, ...]
Figures: TypeAlias = Mapping[Cell, Measured]
Counted: TypeAlias = tuple[int, int | None]
"""Of a cell: how many, or how much, and among how many; None where it is merely counted."""

STUCK_DAYS = 30
"""How many days back the owner's steps and requests are looked at, where a component does not say it itself."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a component asks of which metric, and which number it rests on."""

    metric: str
    number: str
    part: str
    whole: str | None
    where: Where
    parameters: Mapping[str, Any]
    base: str
    adds_up: bool = True
    """Whether the numbers of finer cells make those of coarser ones; different records do not, as one may be in several."""


@dataclass(frozen=True, slots=True)
class Lot:
    """One question about several periods: `along` is the column of a cell that tells which, None where there is only one."""

    ask: Ask
    along: str | None
    periods: Sequence[str]


def question_of(spec: Component) -> Question:
    """Say what a component asks."""
    match spec:
        case Penetration(counted="actions"):
            return Question("penetration", "rate_percent", "done", "due", {}, {}, "actions")
        case Penetration():
            return Question(
                "penetration",
                "records_rate_percent",
                "records_done",
                "records_due",
                {},
                {},
                "actions",
                adds_up=False,
            )
        case Response(requests=requests, work=work):
            told = {name: names for name, names in (("requests", requests), ("work", work)) if names}
            return Question(
                "response",
                "business_mean_seconds",
                "business_sum_seconds",
                "business_judged",
                {},
                told,
                "requests",
            )
        case Freshness(fields=fields, within_days=days):
            return Question(
                "freshness",
                "rate_percent",
                "fresh",
                "judged",
                {},
                {"fields": fields, "within_days": days},
                "pairs",
            )
        case Touching(touches=touches):
            return Question(
                "touches",
                "touches",
                "touches",
                None,
                {"touch_kind": touches} if touches else {},
                {},
                "touches",
            )
        case Proving(evidence=evidence):
            return Question(
                "evidence",
                "pieces",
                "pieces",
                None,
                {"evidence_field": evidence} if evidence else {},
                {},
                "pieces",
            )
        case Acceptance(into=into):
            return Question(
                "acceptance",
                "rate_percent",
                "accepted",
                "decisions",
                {"step": into} if into else {},
                {},
                "decisions",
            )
        case Healthy(actions=actions):
            limits = {"action": actions} if actions else {}
            return Question("healthy_actions", "rate_percent", "healthy", "judged", limits, {}, "cases")
    raise TypeError(spec)  # fmt: skip


def added_up(question: Question, counted: Mapping[Cell, Counted], places: Sequence[int]) -> Figures:
    """Put finer cells together: those that agree in some places of theirs."""
    totals: dict[Cell, Counted] = {}
    for cell, (part, whole) in counted.items():
        coarse = tuple(cell[place] for place in places)
        other, beside = totals.get(coarse, (0, 0))
        totals[coarse] = (part + other, None if whole is None else whole + (beside or 0))
    return {cell: _measured(question, *total) for cell, total in totals.items()}


def _measured(question: Question, part: int, whole: int | None) -> Measured:
    if whole is None:
        return Measured(Fraction(part), part)
    if not whole:
        return UNKNOWN
    return Measured(Fraction(part, whole) if question.metric == "response" else share(part, whole), whole)


def limits_of(question: Question, where: Where) -> Where:
    """Limit cases to what was asked for and to what the component is about."""
    limits = {**where, **question.where}
    for name in where.keys() & question.where.keys():
        limits[name] = tuple(value for value in where[name] if value in question.where[name])
    return limits


def asked_about(question: Question, by: Sequence[str], period: Period, where: Where) -> Ask:
    """Ask a metric about a period; how things stand is asked as it was at its end, or is now."""
    limits = limits_of(question, where)
    if question.metric == "freshness":
        return Ask(None, tuple(by), limits, question.parameters, ((period.name, period.end),))
    return Ask(period, tuple(by), limits, question.parameters)


def lately(reading: Reading, spec: Component) -> Period:
    """The days before the moment the answer speaks of, that moment included."""
    days = getattr(spec, "within_days", STUCK_DAYS)
    return between(reading.now - timedelta(days=days), reading.now + timedelta(microseconds=1))


def lots_of(question: Question, by: tuple[str, ...], periods: Sequence[Period], where: Where) -> list[Lot]:
    """Ask about all periods: those of one unit at once, and at once, too, how things stood at the ends of all."""
    names = [period.name for period in periods]
    if question.metric == "freshness":
        moments = tuple((period.name, period.end) for period in periods)
        ask = Ask(None, by, limits_of(question, where), question.parameters, moments)
        return [Lot(ask, AS_OF, names)]
    units = {unit_of(period) for period in periods}
    unit = next(iter(units)) if len(units) == 1 else None
    if unit is None or len(periods) == 1:
        return [Lot(asked_about(question, by, period, where), None, [period.name]) for period in periods]
    whole = between(min(period.start for period in periods), max(period.end for period in periods))
    return [Lot(asked_about(question, (*by, unit), whole, where), unit, names)]


def periods_of(index: Index, reading: Reading, asked: Iterable[str | Period]) -> list[Period]:
    """Read the periods an index is asked for; without any it is the one the answer's moment lies in. Raises InvalidQuery."""
    found: list[Period] = []
    problems: list[Problem] = []
    for item in asked:
        try:
            period = item if isinstance(item, Period) else period_of(item, reading.zone, "periods")
        except InvalidQuery as refused:
            problems += refused.problems
            continue
        if unit_of(period) != index.period.value:
            problems.append(
                problem_of(
                    "periods", f"this index has a value for each {index.period.value}, not for {period.name}"
                )
            )
        elif period not in found:
            found.append(period)
    if problems:
        raise InvalidQuery(problems)
    return found or [_current(index, reading)]


def _current(index: Index, reading: Reading) -> Period:
    unit = index.period.value
    moment = pl.Series("moment", [reading.now], dtype=MOMENT).to_frame()
    key = moment.select(key_column(pl.col("moment"), unit, reading.document.time_zone)).item()
    return period_of(name_of(key, unit), reading.zone)


def refuse_periods(periods: Sequence[object]) -> None:
    """Refuse periods where an index says how it stands now. Raises InvalidQuery."""
    if periods:
        raise InvalidQuery.of(
            "periods", "an index of stuck records says how it stands at a position; ask as of another one"
        )
