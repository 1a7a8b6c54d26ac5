"""Indices: the metrics a playbook weighs together, for any slice and period, or for each record that is stuck."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import polars as pl

from domain.naming import nearest
from domain.playbook.catalogue import Playbooks
from domain.playbook.measuring import (
    Acceptance,
    Component,
    Freshness,
    Index,
    Penetration,
    Proving,
    Response,
    Stuck,
    Touching,
)
from domain.refusals import NotFound, Problem
from projections.errors import InvalidQuery, problem_of
from projections.ledger.running import LOOP, Runner
from projections.ledger.tables import MOMENT
from projections.ledger.view import View
from projections.metrics.asking import AS_OF, Ask, Value, Where, checked
from projections.metrics.cells import DECIMAL, cases, measure_all, share
from projections.metrics.dimensions import limited, with_dimensions
from projections.metrics.periods import UNITS, Period, between, key_column, name_of, period_of, unit_of
from projections.metrics.reading import Reading
from projections.metrics.registry import METRICS
from projections.metrics.scores import UNKNOWN, IndexValue, Measured, index_value
from projections.metrics.sources import Source
from projections.metrics.together import firsts, from_on, together

Cell: TypeAlias = tuple[Value, ...]
Figures: TypeAlias = Mapping[Cell, Measured]
Counted: TypeAlias = tuple[int, int | None]
"""Of a cell: how many, or how much, and among how many; None where it is merely counted."""

STUCK_DAYS = 30
"""How many days back the owner's steps and requests are looked at, where a component does not say it itself."""

_VALUES = {"value": DECIMAL, "band": pl.String(), "capped_by": pl.String(), "broken": pl.Boolean()}
_PARTS = {
    "component": pl.String(),
    "measure": pl.String(),
    "score": DECIMAL,
    "measured": DECIMAL,
    "judged": pl.Int64(),
    "weight_percent": DECIMAL,
}


@dataclass(frozen=True)
class IndexValues:
    """The values of an index: `values` has one row a cell, `components` one row a cell and component.

    A cell is made of the dimensions asked for and `period`; of an index of stuck records, of the `record`, with `owner`, `step`,
    `entered_at` and `position` of the visit beside it. Null is unknown. `measured` is what a score came from: percent, seconds of
    working time, or a number; `judged` how many cases it rests on; `weight_percent` its share after unknown components left.
    """

    index: str
    values: pl.DataFrame
    components: pl.DataFrame
    position: int
    now: datetime
    playbook: str
    playbook_version: int


@dataclass(frozen=True, slots=True)
class _Question:
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
class _Lot:
    """One question about several periods: `along` is the column of a cell that tells which, None where there is only one."""

    ask: Ask
    along: str | None
    periods: Sequence[str]


def reading_for(playbooks: Playbooks, index: str, view_position: int, now: datetime) -> Reading:
    """Read through the playbook in force that has an index of that name. Raises NotFound, with the nearest name."""
    known = {key: version for key, version in playbooks.versions.items() if version.position <= view_position}
    in_force = replace(playbooks, versions=known, moment=None).at(now).in_force
    kinds = {
        name: found.kind for version in in_force.values() for name, found in version.document.indices.items()
    }
    if index not in kinds:
        raise NotFound("index", index, nearest(index, kinds))
    return Reading.of(playbooks, kinds[index], view_position, now)


def index_of(reading: Reading, name: str) -> Index:
    """Return an index of the reading playbook. Raises NotFound with the nearest one, InvalidQuery when it is about another kind."""
    index = reading.document.indices.get(name)
    if index is None:
        raise NotFound("index", name, nearest(name, reading.document.indices))
    if index.kind != reading.kind_name:
        raise InvalidQuery.of("kind", f"the index {name!r} is about the kind {index.kind!r}", index.kind)
    return index


def index_values(
    view: View,
    reading: Reading,
    name: str,
    by: Sequence[str] = (),
    periods: Iterable[str | Period] = (),
    *,
    where: Where | None = None,
    runner: Runner = LOOP,
    cancelled: Callable[[], bool] | None = None,
) -> IndexValues:
    """Give the values of an index: for each slice and period, or for each record that is stuck.

    Without `periods` it is the one the answer's moment lies in. Raises NotFound for an index there is none of, InvalidQuery for what makes no sense.
    """
    (found,) = index_slices(
        view, reading, name, (by,), periods, where=where, runner=runner, cancelled=cancelled
    )
    return found


def index_slices(
    view: View,
    reading: Reading,
    name: str,
    slices: Sequence[Sequence[str]],
    periods: Iterable[str | Period] = (),
    *,
    where: Where | None = None,
    runner: Runner = LOOP,
    cancelled: Callable[[], bool] | None = None,
) -> list[IndexValues]:
    """Give the values of an index for several slices: the same as asked for one after the other, and the cases are read once.

    What is counted or added up is that of the finest slices, put together. Raises what `index_values` raises.
    """
    index = index_of(reading, name)
    run = _Run(view, reading, index, runner, cancelled)
    asked = [tuple(by) for by in slices]
    if index.stuck is not None:
        _refuse_periods(list(periods))
        return [run.stuck(name, index.stuck, by, where or {}) for by in asked]
    return run.sliced(name, asked, _periods(index, reading, periods), where or {})


def index_cases(
    view: View,
    reading: Reading,
    name: str,
    component: str,
    cell: Mapping[str, Value] | None = None,
    period: str | Period | None = None,
    *,
    by: Sequence[str] = (),
    where: Where | None = None,
    among: bool = False,
    runner: Runner = LOOP,
) -> pl.DataFrame:
    """List the cases behind a component of one value: those of the numerator, with `among` those of the denominator.

    The cell of an index of stuck records is `{"record": …}`: the cases are those of the record's owner. Their number is `judged`
    (with `among`, where there is a numerator and a denominator).
    """
    index = index_of(reading, name)
    spec = index.components.get(component)
    if spec is None:
        raise NotFound("component", component, nearest(component, index.components))
    question = _question(spec)
    cell = dict(cell or {})
    if index.stuck is not None:
        record = cell.get("record")
        rows = (
            _Run(view, reading, index, runner)
            .stuck_records(index.stuck, (), {})
            .filter(pl.col("record") == record)
        )
        if rows.is_empty():
            raise NotFound("stuck record", str(record))
        cell, by, chosen = {"owner": rows["owner"][0]}, ("owner",), _lately(reading, spec)
        if cell["owner"] is None:
            return pl.DataFrame(schema={"record": pl.String(), "position": pl.Int64()})
    else:
        (chosen,) = _periods(index, reading, [] if period is None else [period])
    ask, then = _asked(reading, question, by, chosen, where or {})
    return cases(view, then, question.metric, ask, question.number, cell, among=among, runner=runner)


def stuck_on(
    view: View,
    partition: int,
    *,
    reading: Reading,
    stuck: Stuck,
    wanted: Sequence[str],
    where: Where,
    at_once: int = 1,
) -> pl.DataFrame:
    """Return the records, of a partition and those taken together with it, that have stood in one of the steps for too long; an unknown entry is no proof of that."""
    source = Source(view, from_on(view, partition, at_once), reading, Ask())
    longest = int(stuck.longer_than_days * 86_400 * 1_000_000)
    stood = (source.now - pl.col("entered_at")).dt.total_microseconds()
    rows = source.standing().filter(pl.col("step").is_in(list(stuck.steps)), stood > longest)
    rows = rows.with_columns(moment=source.now)
    rows = with_dimensions(source, rows, {"owner", *wanted, *where}, snapshot=True)
    return limited(rows, where).select(
        *dict.fromkeys(["record", *wanted, "owner", "step", "entered_at", "position"])
    ).collect()  # fmt: skip


class _Run:
    """One question to an index, on its way."""

    def __init__(
        self,
        view: View,
        reading: Reading,
        index: Index,
        runner: Runner,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.view, self.reading, self.index = view, reading, index
        self.runner, self.cancelled = runner, cancelled

    def sliced(
        self, name: str, slices: Sequence[tuple[str, ...]], periods: Sequence[Period], where: Where
    ) -> list[IndexValues]:
        for by in slices:
            self._refuse(by, where)
        measured = self._figures(slices, periods, where)
        return [
            self._of_slice(name, by, periods, {part: found[by] for part, found in measured.items()})
            for by in slices
        ]

    def _of_slice(
        self,
        name: str,
        by: tuple[str, ...],
        periods: Sequence[Period],
        measured: Mapping[str, Mapping[str, Figures]],
    ) -> IndexValues:
        rows: list[tuple[Cell, IndexValue]] = []
        for period in periods:
            then = {part: found[period.name] for part, found in measured.items()}
            cells = {cell for figures in then.values() for cell in figures} or ({()} if not by else set())
            rows += [
                ((*cell, period.name), self._value(then, cell)) for cell in sorted(cells, key=_last_none)
            ]
        dims = {**dict.fromkeys(by, pl.String()), "period": pl.String()}
        return self._told(name, dims, rows)

    def stuck(self, name: str, stuck: Stuck, by: tuple[str, ...], where: Where) -> IndexValues:
        self._refuse(by, where)
        records = self.stuck_records(stuck, by, where)
        owners = tuple(records.get_column("owner").unique().drop_nulls().sort())
        measured: Mapping[str, Figures] = (
            self._lately(owners) if owners else {part: {} for part in self.index.components}
        )
        # What a record is worth is what its owner did, who may have many that are stuck.
        of_owner = {
            owner: self._value(measured, (owner,), is_there=owner is not None) for owner in (*owners, None)
        }
        rows = [(tuple(row.values()), of_owner[row["owner"]]) for row in records.rows(named=True)]
        dims = {column: records.schema[column] for column in records.columns}
        return self._told(name, dims, rows)

    def stuck_records(self, stuck: Stuck, by: tuple[str, ...], where: Where) -> pl.DataFrame:
        wanted = tuple(dict.fromkeys(by))
        at_once = together(self.view)
        task = partial(
            stuck_on, reading=self.reading, stuck=stuck, wanted=wanted, where=where, at_once=at_once
        )
        parts = self.runner.map(task, self.view, firsts(self.view, at_once), cancelled=self.cancelled)
        return pl.concat(list(parts)).sort("position", "record")

    def _refuse(self, by: tuple[str, ...], where: Where) -> None:
        problems: list[Problem] = [
            problem_of(what, f"an index has a value for each {self.index.period.value}; ask for periods")
            for what, names in (("by", by), ("where", where))
            for name in names
            if name in UNITS
        ]
        # Every component is asked along the same dimensions, so one of the metrics tells for all.
        try:
            checked(METRICS["touches"], self.reading, Ask(by=by, where=where))
        except InvalidQuery as refused:
            problems += refused.problems
        if problems:
            raise InvalidQuery(problems)

    def _value(
        self, measured: Mapping[str, Figures], cell: Cell, *, is_there: bool | None = None
    ) -> IndexValue:
        """What is merely counted is known wherever there is anything at all: nobody was in touch then, and that is a figure."""
        found = {part: figures.get(cell, UNKNOWN) for part, figures in measured.items()}
        there = any(cell in figures for figures in measured.values()) if is_there is None else is_there
        for part, spec in self.index.components.items():
            if isinstance(spec, Touching | Proving) and there and found[part].figure is None:
                found[part] = Measured(Fraction(0), 0)
        return index_value(self.index, found)

    def _figures(
        self, slices: Sequence[tuple[str, ...]], periods: Sequence[Period], where: Where
    ) -> dict[str, dict[tuple[str, ...], dict[str, Figures]]]:
        """Measure all components for all slices and periods: each once, by everything the slices are made of, as far as that adds up."""
        finest = tuple(dict.fromkeys(name for by in slices for name in by))
        asks: list[tuple[str, _Question, _Lot, Sequence[tuple[str, ...]]]] = []
        for part, spec in self.index.components.items():
            question = _question(spec)
            for by, coarser in [(finest, slices)] if question.adds_up else [(by, [by]) for by in slices]:
                asks += [(part, question, lot, coarser) for lot in self._lots(question, by, periods, where)]
        counted = self._measure([(question, lot.ask) for _, question, lot, _ in asks])
        found: dict[str, dict[tuple[str, ...], dict[str, Figures]]] = {
            part: {by: {} for by in slices} for part in self.index.components
        }
        for (part, question, lot, coarser), cells in zip(asks, counted, strict=True):
            dims = lot.ask.by if lot.along is None or lot.along == AS_OF else lot.ask.by[:-1]
            for wanted in coarser:
                places = [dims.index(name) for name in wanted]
                for period in lot.periods:
                    own = {cell: it for cell, it in cells.items() if lot.along is None or cell[-1] == period}
                    found[part][wanted][period] = _added_up(question, own, places)
        return found

    def _lots(
        self, question: _Question, by: tuple[str, ...], periods: Sequence[Period], where: Where
    ) -> list[_Lot]:
        """Ask about all periods: those of one unit at once, and at once, too, how things stood at the ends of all."""
        names = [period.name for period in periods]
        if question.metric == "freshness":
            moments = tuple((period.name, min(self.reading.now, period.end)) for period in periods)
            ask = Ask(None, by, _limits(question, where), question.parameters, moments)
            return [_Lot(ask, AS_OF, names)]
        units = {unit_of(period) for period in periods}
        unit = next(iter(units)) if len(units) == 1 else None
        if unit is None or len(periods) == 1:
            return [
                _Lot(_asked(self.reading, question, by, period, where)[0], None, [period.name])
                for period in periods
            ]
        whole = between(min(period.start for period in periods), max(period.end for period in periods))
        return [_Lot(_asked(self.reading, question, (*by, unit), whole, where)[0], unit, names)]

    def _lately(self, owners: tuple[str, ...]) -> dict[str, Figures]:
        """Measure what the owners of stuck records did lately, as each component means it."""
        asks: list[tuple[str, _Question, Ask]] = []
        for part, spec in self.index.components.items():
            question = _question(spec)
            (lot,) = self._lots(question, ("owner",), [_lately(self.reading, spec)], {"owner": owners})
            asks.append((part, question, lot.ask))
        counted = self._measure([(question, ask) for _, question, ask in asks])
        return {
            part: _added_up(question, cells, [0])
            for (part, question, _), cells in zip(asks, counted, strict=True)
        }

    def _measure(self, asks: Sequence[tuple[_Question, Ask]]) -> list[dict[Cell, Counted]]:
        questions = [
            (of.metric, ask, [of.base, of.part, *([of.whole] if of.whole else [])]) for of, ask in asks
        ]
        found = measure_all(self.view, self.reading, questions, self.runner, cancelled=self.cancelled)
        return [
            {
                tuple(row[name] for name in ask.cells): (
                    int(row[of.part]),
                    int(row[of.whole]) if of.whole else None,
                )
                for row in cells.frame.rows(named=True)
                if row[of.base]
            }
            for (of, ask), cells in zip(asks, found, strict=True)
        ]

    def _told(
        self, name: str, dims: Mapping[str, Any], rows: Sequence[tuple[Cell, IndexValue]]
    ) -> IndexValues:
        values = [(*cell, it.value, it.band, it.capped_by, it.broken) for cell, it in rows]
        parts = [
            (*cell, part, self.index.components[part].measure, it.score, it.measured, it.judged, it.weight_percent)
            for cell, value in rows
            for part, it in value.components.items()
        ]  # fmt: skip
        reading = self.reading
        return IndexValues(
            name,
            pl.DataFrame(values, schema={**dims, **_VALUES}, orient="row"),
            pl.DataFrame(parts, schema={**dims, **_PARTS}, orient="row"),
            reading.position,
            reading.now,
            reading.document.playbook,
            reading.number,
        )


def _question(spec: Component) -> _Question:
    match spec:
        case Penetration(counted="actions"):
            return _Question("penetration", "rate_percent", "done", "due", {}, {}, "actions")
        case Penetration():
            return _Question(
                "penetration",
                "records_rate_percent",
                "records_done",
                "records_due",
                {},
                {},
                "actions",
                adds_up=False,
            )
        case Response(requests=requests):
            told = {"requests": requests} if requests else {}
            return _Question(
                "response",
                "business_mean_seconds",
                "business_sum_seconds",
                "business_judged",
                {},
                told,
                "requests",
            )
        case Freshness(fields=fields, within_days=days):
            return _Question(
                "freshness",
                "rate_percent",
                "fresh",
                "judged",
                {},
                {"fields": fields, "within_days": days},
                "pairs",
            )
        case Touching(touches=touches):
            return _Question(
                "touches",
                "touches",
                "touches",
                None,
                {"touch_kind": touches} if touches else {},
                {},
                "touches",
            )
        case Proving(evidence=evidence):
            return _Question(
                "evidence",
                "pieces",
                "pieces",
                None,
                {"evidence_field": evidence} if evidence else {},
                {},
                "pieces",
            )
        case Acceptance(into=into):
            return _Question(
                "acceptance",
                "rate_percent",
                "accepted",
                "decisions",
                {"step": into} if into else {},
                {},
                "decisions",
            )
    raise TypeError(spec)  # fmt: skip


def _added_up(question: _Question, counted: Mapping[Cell, Counted], places: Sequence[int]) -> Figures:
    """Put finer cells together: those that agree in some places of theirs."""
    totals: dict[Cell, Counted] = {}
    for cell, (part, whole) in counted.items():
        coarse = tuple(cell[place] for place in places)
        other, beside = totals.get(coarse, (0, 0))
        totals[coarse] = (part + other, None if whole is None else whole + (beside or 0))
    return {cell: _measured(question, *total) for cell, total in totals.items()}


def _measured(question: _Question, part: int, whole: int | None) -> Measured:
    if whole is None:
        return Measured(Fraction(part), part)
    if not whole:
        return UNKNOWN
    return Measured(Fraction(part, whole) if question.metric == "response" else share(part, whole), whole)


def _limits(question: _Question, where: Where) -> Where:
    """Limit cases to what was asked for and to what the component is about."""
    limits = {**where, **question.where}
    for name in where.keys() & question.where.keys():
        limits[name] = tuple(value for value in where[name] if value in question.where[name])
    return limits


def _asked(
    reading: Reading, question: _Question, by: Sequence[str], period: Period, where: Where
) -> tuple[Ask, Reading]:
    """Ask a metric about a period; a snapshot as it was at the end of the period, or is now."""
    limits = _limits(question, where)
    if question.metric == "freshness":
        return Ask(None, tuple(by), limits, question.parameters), reading.at(min(reading.now, period.end))
    return Ask(period, tuple(by), limits, question.parameters), reading


def _lately(reading: Reading, spec: Component) -> Period:
    """The days before the moment the answer speaks of, that moment included."""
    days = getattr(spec, "within_days", STUCK_DAYS)
    return between(reading.now - timedelta(days=days), reading.now + timedelta(microseconds=1))


def _periods(index: Index, reading: Reading, asked: Iterable[str | Period]) -> list[Period]:
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


def _refuse_periods(periods: Sequence[object]) -> None:
    if periods:
        raise InvalidQuery.of(
            "periods", "an index of stuck records says how it stands at a position; ask as of another one"
        )


def _last_none(cell: Cell) -> tuple[tuple[bool, str], ...]:
    return tuple((value is None, value or "") for value in cell)
