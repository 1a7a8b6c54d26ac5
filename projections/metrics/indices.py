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
from projections.metrics.asking import Ask, Value, Where, checked
from projections.metrics.cells import DECIMAL, cases, measure, share
from projections.metrics.dimensions import limited, with_dimensions
from projections.metrics.periods import UNITS, Period, between, key_column, name_of, period_of, unit_of
from projections.metrics.reading import Reading
from projections.metrics.registry import METRICS
from projections.metrics.scores import UNKNOWN, IndexValue, Measured, index_value
from projections.metrics.sources import Source

Cell: TypeAlias = tuple[Value, ...]
Figures: TypeAlias = Mapping[Cell, Measured]

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
    index = index_of(reading, name)
    run = _Run(view, reading, index, runner, cancelled)
    if index.stuck is not None:
        _refuse_periods(list(periods))
        return run.stuck(name, index.stuck, tuple(by), where or {})
    return run.sliced(name, tuple(by), _periods(index, reading, periods), where or {})


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
    view: View, partition: int, *, reading: Reading, stuck: Stuck, wanted: Sequence[str], where: Where
) -> pl.DataFrame:
    """Return the records of one partition that have stood in one of the steps for too long; an unknown entry is no proof of that."""
    source = Source(view, partition, reading, Ask())
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

    def sliced(self, name: str, by: tuple[str, ...], periods: Sequence[Period], where: Where) -> IndexValues:
        self._refuse(by, where)
        measured: dict[tuple[str, str], Figures] = {}
        for part, spec in self.index.components.items():
            found = self._figures(spec, by, periods, where)
            measured |= {(part, of): figures for of, figures in found.items()}
        rows: list[tuple[Cell, IndexValue]] = []
        for period in periods:
            then = {part: measured[part, period.name] for part in self.index.components}
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
        measured = {
            part: self._lately(spec, owners) if owners else {} for part, spec in self.index.components.items()
        }
        rows: list[tuple[Cell, IndexValue]] = []
        for row in records.rows(named=True):
            owner = row["owner"]
            value = self._value(measured, (owner,), is_there=owner is not None)
            rows.append((tuple(row.values()), value))
        dims = {column: records.schema[column] for column in records.columns}
        return self._told(name, dims, rows)

    def stuck_records(self, stuck: Stuck, by: tuple[str, ...], where: Where) -> pl.DataFrame:
        wanted = tuple(dict.fromkeys(by))
        task = partial(stuck_on, reading=self.reading, stuck=stuck, wanted=wanted, where=where)
        parts = self.runner.map(
            task, self.view, range(self.view.manifest.partitions), cancelled=self.cancelled
        )
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
        self, spec: Component, by: tuple[str, ...], periods: Sequence[Period], where: Where
    ) -> dict[str, Figures]:
        """Measure a component for all periods: those of one unit at once, a snapshot once for each."""
        question = _question(spec)
        found: dict[str, Figures] = {}
        units = {unit_of(period) for period in periods}
        unit = next(iter(units)) if len(units) == 1 else None
        if isinstance(spec, Freshness) or unit is None or len(periods) == 1:
            for period in periods:
                ask, then = _asked(self.reading, question, by, period, where)
                found[period.name] = self._measure(question, then, ask, by)
            return found
        whole = between(min(period.start for period in periods), max(period.end for period in periods))
        ask, then = _asked(self.reading, question, (*by, unit), whole, where)
        each = self._measure(question, then, ask, (*by, unit))
        for period in periods:
            found[period.name] = {cell[:-1]: it for cell, it in each.items() if cell[-1] == period.name}
        return found

    def _lately(self, spec: Component, owners: tuple[str, ...]) -> Figures:
        question = _question(spec)
        ask, then = _asked(self.reading, question, ("owner",), _lately(self.reading, spec), {"owner": owners})
        return self._measure(question, then, ask, ("owner",))

    def _measure(self, question: _Question, then: Reading, ask: Ask, by: Sequence[str]) -> Figures:
        numbers = [question.base, question.part, *([question.whole] if question.whole else [])]
        frame = measure(
            self.view, then, question.metric, ask, self.runner, numbers=numbers, cancelled=self.cancelled
        ).frame
        return {
            tuple(row[name] for name in by): _measured(question, row)
            for row in frame.rows(named=True)
            if row[question.base]
        }

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
                "penetration", "records_rate_percent", "records_done", "records_due", {}, {}, "actions"
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


def _measured(question: _Question, row: Mapping[str, Any]) -> Measured:
    part = row[question.part]
    if question.whole is None:
        return Measured(Fraction(part), part)
    whole = row[question.whole]
    if not whole:
        return UNKNOWN
    return Measured(
        Fraction(int(part), whole) if question.metric == "response" else share(part, whole), whole
    )


def _asked(
    reading: Reading, question: _Question, by: Sequence[str], period: Period, where: Where
) -> tuple[Ask, Reading]:
    """Ask a metric about a period; a snapshot as it was at the end of the period, or is now."""
    limits = {**where, **question.where}
    for name in where.keys() & question.where.keys():
        limits[name] = tuple(value for value in where[name] if value in question.where[name])
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
