"""Indices: the metrics a playbook weighs together, for any slice and period, or for each record that is stuck."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import partial
from typing import Any

import polars as pl

from domain.naming import nearest
from domain.playbook.catalogue import Playbooks
from domain.playbook.measuring import (
    Index,
    Proving,
    Stuck,
    Touching,
)
from domain.refusals import NotFound, Problem
from projections.errors import InvalidQuery, problem_of
from projections.ledger.running import LOOP, Runner
from projections.ledger.together import MEASURED, dealt_out
from projections.ledger.view import View
from projections.metrics.asking import AS_OF, Ask, Value, Where, checked
from projections.metrics.cells import Cells, Wanted, cases, measure_all
from projections.metrics.decisions import ACCEPTANCE
from projections.metrics.merging import DECIMAL
from projections.metrics.periods import UNITS, Period
from projections.metrics.questions import (
    Cell,
    Counted,
    Figures,
    Lot,
    Question,
    added_up,
    asked_about,
    lately,
    lots_of,
    periods_of,
    question_of,
    refuse_periods,
)
from projections.metrics.reading import Reading
from projections.metrics.registry import METRICS
from projections.metrics.scores import UNKNOWN, IndexValue, Measured, index_value
from projections.metrics.stuck import stuck_on

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
    found, _ = index_beside(
        view, reading, name, slices, periods, where=where, runner=runner, cancelled=cancelled
    )
    return found


def index_beside(
    view: View,
    reading: Reading,
    name: str,
    slices: Sequence[Sequence[str]],
    periods: Iterable[str | Period] = (),
    *,
    metrics: Sequence[Wanted] = (),
    where: Where | None = None,
    runner: Runner = LOOP,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[list[IndexValues], list[Cells]]:
    """Give the values of an index for several slices, and measure metrics beside it: the same as one after the other, and rows are read once.

    Raises what `index_values` and `measure_all` raise.
    """
    index = index_of(reading, name)
    run = _Run(view, reading, index, runner, cancelled)
    asked = [tuple(by) for by in slices]
    if index.stuck is not None:
        refuse_periods(list(periods))
        stuck = [run.stuck(name, index.stuck, by, where or {}) for by in asked]
        beside = measure_all(view, reading, metrics, runner, cancelled=cancelled) if metrics else []
        return stuck, beside
    return run.sliced(name, asked, periods_of(index, reading, periods), where or {}, metrics)


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
    question = question_of(spec)
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
        cell, by, chosen = {"owner": rows["owner"][0]}, ("owner",), lately(reading, spec)
        if cell["owner"] is None:
            return pl.DataFrame(schema={"record": pl.String(), "position": pl.Int64()})
    else:
        (chosen,) = periods_of(index, reading, [] if period is None else [period])
    ask = asked_about(question, by, chosen, where or {})
    found = cases(view, reading, question.metric, ask, question.number, cell, among=among, runner=runner)
    return found.drop(AS_OF, strict=False)


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
        self.as_it_happened = replace(reading, redecided=None)
        self.runner, self.cancelled = runner, cancelled

    def sliced(
        self,
        name: str,
        slices: Sequence[tuple[str, ...]],
        periods: Sequence[Period],
        where: Where,
        metrics: Sequence[Wanted],
    ) -> tuple[list[IndexValues], list[Cells]]:
        for by in slices:
            self._refuse(by, where)
        measured, beside = self._figures(slices, periods, where, metrics)
        values = [
            self._of_slice(name, by, periods, {part: found[by] for part, found in measured.items()})
            for by in slices
        ]
        return values, beside

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
        of_owner = [
            ((owner,), self._value(measured, (owner,), is_there=owner is not None))
            for owner in (*owners, None)
        ]
        found = self._told(name, {"owner": pl.String()}, of_owner)
        return replace(
            found,
            values=_of_each(records, found.values),
            components=_of_each(records, found.components),
        )

    def stuck_records(self, stuck: Stuck, by: tuple[str, ...], where: Where) -> pl.DataFrame:
        wanted = tuple(dict.fromkeys(by))
        lots = dealt_out(self.view, MEASURED)
        task = partial(
            stuck_on, reading=self.as_it_happened, stuck=stuck, wanted=wanted, where=where, lots=lots
        )
        parts = self.runner.map(task, self.view, lots.firsts, cancelled=self.cancelled)
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
        self,
        slices: Sequence[tuple[str, ...]],
        periods: Sequence[Period],
        where: Where,
        metrics: Sequence[Wanted],
    ) -> tuple[dict[str, dict[tuple[str, ...], dict[str, Figures]]], list[Cells]]:
        """Measure all components for all slices and periods: each once, by everything the slices are made of, as far as that adds up."""
        finest = tuple(dict.fromkeys(name for by in slices for name in by))
        asks: list[tuple[str, Question, Lot, Sequence[tuple[str, ...]]]] = []
        for part, spec in self.index.components.items():
            question = question_of(spec)
            for by, coarser in [(finest, slices)] if question.adds_up else [(by, [by]) for by in slices]:
                asks += [(part, question, lot, coarser) for lot in lots_of(question, by, periods, where)]
        counted, beside = self._measure([(question, lot.ask) for _, question, lot, _ in asks], metrics)
        found: dict[str, dict[tuple[str, ...], dict[str, Figures]]] = {
            part: {by: {} for by in slices} for part in self.index.components
        }
        for (part, question, lot, coarser), cells in zip(asks, counted, strict=True):
            dims = lot.ask.by if lot.along is None or lot.along == AS_OF else lot.ask.by[:-1]
            for wanted in coarser:
                places = [dims.index(name) for name in wanted]
                for period in lot.periods:
                    own = {cell: it for cell, it in cells.items() if lot.along is None or cell[-1] == period}
                    found[part][wanted][period] = added_up(question, own, places)
        return found, beside

    def _lately(self, owners: tuple[str, ...]) -> dict[str, Figures]:
        """Measure what the owners of stuck records did lately, as each component means it."""
        asks: list[tuple[str, Question, Ask]] = []
        for part, spec in self.index.components.items():
            question = question_of(spec)
            (lot,) = lots_of(question, ("owner",), [lately(self.reading, spec)], {"owner": owners})
            asks.append((part, question, lot.ask))
        counted, _ = self._measure([(question, ask) for _, question, ask in asks])
        return {
            part: added_up(question, cells, [0])
            for (part, question, _), cells in zip(asks, counted, strict=True)
        }

    def _measure(
        self, asks: Sequence[tuple[Question, Ask]], metrics: Sequence[Wanted] = ()
    ) -> tuple[list[dict[Cell, Counted]], list[Cells]]:
        """Measure what components ask, and metrics beside it."""
        questions: list[Wanted] = [
            (of.metric, ask, [of.base, of.part, *([of.whole] if of.whole else [])]) for of, ask in asks
        ]
        questions += metrics
        # What was decided is asked apart: as of a replay it is all a draft can change of what happened, and all else need not be measured again.
        found: dict[int, Cells] = {}
        for reading, is_decided in ((self.as_it_happened, False), (self.reading, True)):
            places = [
                at for at, (name, *_) in enumerate(questions) if (name == ACCEPTANCE.name) is is_decided
            ]
            if places:
                asked = [questions[at] for at in places]
                told = measure_all(self.view, reading, asked, self.runner, cancelled=self.cancelled)
                found |= zip(places, told, strict=True)
        counted = [
            {
                tuple(row[name] for name in ask.cells): (
                    int(row[of.part]),
                    int(row[of.whole]) if of.whole else None,
                )
                for row in cells.frame.rows(named=True)
                if row[of.base]
            }
            for (of, ask), cells in ((it, found[at]) for at, it in enumerate(asks))
        ]
        return counted, [found[at] for at in range(len(asks), len(questions))]

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


def _of_each(records: pl.DataFrame, of_owner: pl.DataFrame) -> pl.DataFrame:
    """Give each record the rows of its owner, in their order."""
    rows = records.join(of_owner, on="owner", how="left", nulls_equal=True, maintain_order="left_right")
    return rows.select(*records.columns, *(name for name in of_owner.columns if name != "owner"))


def _last_none(cell: Cell) -> tuple[tuple[bool, str], ...]:
    return tuple((value is None, value or "") for value in cell)
