"""Cells: the numbers of a metric, slice by slice. Partitions give partial results, which are merged; quotients come last and are exact."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import polars as pl

from domain.naming import nearest
from projections.errors import InvalidQuery
from projections.ledger.running import LOOP, Runner
from projections.ledger.view import View
from projections.metrics.asking import Ask, Value, checked, frames_for
from projections.metrics.contract import (
    Count,
    Frame,
    Mean,
    Metric,
    Number,
    Quantile,
    Records,
    Several,
    Share,
    Sum,
)
from projections.metrics.dimensions import cell_where, limited, named, with_dimensions
from projections.metrics.kept import Kept
from projections.metrics.reading import Reading
from projections.metrics.registry import metric_of
from projections.metrics.sources import Source
from projections.metrics.together import firsts, from_on, together

PLACES = 6
DECIMAL = pl.Decimal(38, PLACES)
WHOLE = pl.Decimal(38, 0)

_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
_STEP = Decimal(1).scaleb(-PLACES)

Progress: TypeAlias = Callable[[int], None]
"""Is told how many partitions are done."""

Partial: TypeAlias = tuple[pl.DataFrame, pl.DataFrame | None]
"""What some partitions know of the cells of a frame: counts and sums, and the values quantiles are taken of."""

Asked: TypeAlias = tuple[str, Ask, Collection[str]]
"""A metric by name, a question to it that was checked, and the numbers that are wanted."""


@dataclass(frozen=True)
class Cells:
    """The cells of a metric: one row a cell, its dimensions and then its numbers, in the order of the dimensions; none comes last.

    Counts are whole numbers, sums Decimal(38, 0), quotients Decimal(38, 6) rounded half-even; null is unknown.
    `version` is that of the metric's contract; the answer is as of `position`, speaks of `now`, and reads through version `playbook_version`.
    """

    metric: Metric
    ask: Ask
    frame: pl.DataFrame
    position: int
    now: datetime
    playbook: str
    playbook_version: int

    @property
    def version(self) -> int:
        """The version of the contract the numbers follow."""
        return self.metric.version


def measure(
    view: View,
    reading: Reading,
    name: str,
    ask: Ask,
    runner: Runner = LOOP,
    progress: Progress | None = None,
    *,
    numbers: Collection[str] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Cells:
    """Measure a metric. `numbers` limits it to some of them and to what they are made of.

    Raises NotFound for a metric there is none of, InvalidQuery for a question that makes no sense.
    """
    (found,) = measure_all(view, reading, [(name, ask, numbers)], runner, progress, cancelled=cancelled)
    return found


def measure_all(
    view: View,
    reading: Reading,
    questions: Sequence[tuple[str, Ask, Collection[str] | None]],
    runner: Runner = LOOP,
    progress: Progress | None = None,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> list[Cells]:
    """Measure several metrics, each by name, question and the numbers that are wanted: the same as one after the other, and rows are read once.

    Raises what `measure` raises.
    """
    asked: list[Asked] = []
    for name, ask, numbers in questions:
        metric = metric_of(name)
        clear = checked(metric, reading, ask)
        asked.append((name, clear, _needed(metric, clear, numbers)))
    at_once = together(view)
    task = partial(all_partials, reading=reading, asked=tuple(asked), at_once=at_once)
    parts = list(runner.map(task, view, firsts(view, at_once), done=progress, cancelled=cancelled))
    document = reading.document
    return [
        Cells(
            metric_of(name),
            ask,
            merged(metric_of(name), reading, ask, [part[place] for part in parts], wanted),
            reading.position,
            reading.now,
            document.playbook,
            reading.number,
        )
        for place, (name, ask, wanted) in enumerate(asked)
    ]


def cases(
    view: View,
    reading: Reading,
    name: str,
    ask: Ask,
    number: str,
    cell: Mapping[str, Value] | None = None,
    *,
    among: bool = False,
    runner: Runner = LOOP,
) -> pl.DataFrame:
    """List the cases behind a number of a cell, sorted by (position, record): as many as the number says.

    Of a share they are those of its numerator, with `among` those of its denominator; of a mean, a quantile and a sum those they are over.
    Of a number of records it is the first case of each. `cell` names values of dimensions; those that are left out are not limited.
    """
    metric = metric_of(name)
    asked = checked(metric, reading, ask)
    cell = cell or {}
    frames = [frame for frame in frames_for(metric, asked) if number in {own.name for own in frame.numbers}]
    if not frames:
        known = [own.name for frame in frames_for(metric, asked) for own in frame.numbers]
        raise InvalidQuery.of("number", f"there is no number {number!r} here", nearest(number, known))
    if stray := [dimension for dimension in cell if dimension not in asked.by]:
        raise InvalidQuery.of(
            "cell", f"the cells are not sliced by {', '.join(stray)}", nearest(stray[0], asked.by)
        )
    place = metric.frames.index(frames[0])
    at_once = together(view)
    task = partial(
        listed,
        at_once=at_once,
        reading=reading,
        name=name,
        ask=asked,
        frame=place,
        number=number,
        cell=dict(cell),
        among=among,
    )
    found = list(runner.map(task, view, firsts(view, at_once)))
    return named(pl.concat(found).sort("position", "record", maintain_order=True))


# ── one partition ────────────────────────────────────────────────────────────────────────────────────────────────────


def all_partials(
    view: View, partition: int, *, reading: Reading, asked: Sequence[Asked], at_once: int
) -> list[list[Partial]]:
    """Count and add up the cases of a partition and those behind it that are taken together with it, for each question."""
    partitions = from_on(view, partition, at_once)
    kept = Kept(view, partitions, reading) if len(asked) > 1 else None
    return [
        _partials(Source(view, partitions, reading, ask, kept), name, wanted) for name, ask, wanted in asked
    ]


def partials(
    view: View, partition: int, *, reading: Reading, name: str, ask: Ask, wanted: Collection[str]
) -> list[Partial]:
    """Count and add up the cases of one partition, for each frame the question means."""
    return _partials(Source(view, [partition], reading, ask), name, wanted)


def _partials(source: Source, name: str, wanted: Collection[str]) -> list[Partial]:
    metric, ask = metric_of(name), source.ask
    lazy: list[pl.LazyFrame] = []
    columns: list[list[str]] = []
    frames = frames_for(metric, ask)
    for frame in frames:
        rows = _sliced(source, frame, ())
        found = [number for number in frame.numbers if number.name in wanted]
        lazy.append(_counted(rows, ask.cells, found))
        columns.append(list(dict.fromkeys(it.column for it in found if isinstance(it, Quantile))))
        if columns[-1]:
            is_known = pl.any_horizontal(pl.col(column).is_not_null() for column in columns[-1])
            lazy.append(rows.filter(is_known).select(*ask.cells, *columns[-1]))
    collected = iter(pl.collect_all(lazy))
    return [(next(collected), next(collected) if found else None) for found in columns]


def listed(
    view: View,
    partition: int,
    *,
    reading: Reading,
    name: str,
    ask: Ask,
    frame: int,
    number: str,
    cell: Mapping[str, Value],
    among: bool,
    at_once: int = 1,
) -> pl.DataFrame:
    """List the cases behind a number of a cell, of a partition and those behind it that are taken together with it."""
    spec = metric_of(name).frames[frame]
    source = Source(view, from_on(view, partition, at_once), reading, ask)
    rows = limited(_sliced(source, spec, cell), cell_where(cell))
    return _behind(rows, spec, spec.number(number), ask.by, among=among).collect()


def _sliced(source: Source, frame: Frame, more: Collection[str]) -> pl.LazyFrame:
    ask = source.ask
    wanted = dict.fromkeys([*ask.by, *ask.where, *more])
    rows = with_dimensions(source, frame.cases(source), wanted, snapshot=frame.snapshot)
    return limited(rows, ask.where)


def _behind(
    rows: pl.LazyFrame, frame: Frame, number: Number, by: Sequence[str], *, among: bool
) -> pl.LazyFrame:
    match number:
        case Share(part=part, whole=whole):
            return _behind(rows, frame, frame.number(whole if among else part), by, among=among)
        case Mean(judged=judged) | Quantile(judged=judged):
            return _behind(rows, frame, frame.number(judged), by, among=among)
        case Count(where=where):
            return rows if where is None else rows.filter(where)
        case Sum(where=where) | Several(where=where):
            return rows.filter(where)
        case Records(where=where, every=every):
            chosen = rows if where is None else rows.filter(where)
            if every is not None:
                chosen = chosen.filter(pl.col(every).all().over("record", *by))
            return chosen.sort("position", "record").unique("record", keep="first", maintain_order=True)
    raise TypeError(number)


def _counted(rows: pl.LazyFrame, by: Sequence[str], numbers: Sequence[Number]) -> pl.LazyFrame:
    """Count and add up by cell; where different records are counted, first by record."""
    partial_sums: dict[str, pl.Expr] = {}
    for number in numbers:
        partial_sums |= _additive(number)
    bounds: dict[str, pl.Expr] = {}
    for number in numbers:
        column, where = _single(number)
        if column is not None and where is not None:
            value = pl.col(column).filter(pl.col(where))
            bounds |= {f"min {column}": value.min(), f"max {column}": value.max()}
    records = [number for number in numbers if isinstance(number, Records)]
    if not records:
        return _grouped(rows, by, partial_sums | bounds)
    flags: dict[str, pl.Expr] = {}
    for asked in records:
        counts_for = pl.lit(value=True) if asked.where is None else pl.col(asked.where)
        flags[asked.name] = counts_for.any()
        if asked.every is not None:
            flags[asked.name] = counts_for.any() & (~counts_for | pl.col(asked.every)).all()
    each = _grouped(rows, ["record", *by], partial_sums | bounds | flags)
    totals = {name: pl.col(name).sum() for name in partial_sums}
    edges = {name: pl.col(name).min() if name.startswith("min ") else pl.col(name).max() for name in bounds}
    counts = {number.name: pl.col(number.name).sum().cast(pl.Int64()) for number in records}
    return _grouped(each, by, totals | edges | counts)


def _grouped(rows: pl.LazyFrame, by: Sequence[str], found: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    return rows.group_by(*by).agg(**found) if by else rows.select(**found)


def _additive(number: Number) -> dict[str, pl.Expr]:
    match number:
        case Count(name=name, where=None):
            return {name: pl.len().cast(pl.Int64())}
        case Count(name=name, where=where):
            return {name: pl.col(str(where)).sum().cast(pl.Int64())}
        case Sum(name=name, column=column, where=where):
            return {name: pl.col(column).filter(pl.col(where)).cast(pl.Int128()).sum()}
        case Mean(column=column):
            return {f"sum {column}": pl.col(column).cast(pl.Int128()).sum()}
    return {}


def _single(number: Number) -> tuple[str | None, str | None]:
    match number:
        case Sum(one=column, where=where) | Several(column=column, where=where):
            return column, where
    return None, None


# ── all partitions ───────────────────────────────────────────────────────────────────────────────────────────────────


def merged(
    metric: Metric, reading: Reading, ask: Ask, parts: Sequence[Sequence[Partial]], wanted: Collection[str]
) -> pl.DataFrame:
    """Merge what the partitions know into cells. The order of the parts does not matter."""
    joined: pl.DataFrame | None = None
    for place, frame in enumerate(frames_for(metric, ask)):
        counted = _totals([part[place][0] for part in parts], ask.cells)
        values = [found for part in parts if (found := part[place][1]) is not None]
        ranked = _ranked(frame, counted, values, ask.cells, wanted)
        found = _numbers(frame, reading, ask.cells, counted, ranked, wanted)
        joined = found if joined is None else _beside(joined, found, ask.cells)
    assert joined is not None
    order = [
        number.name for frame in frames_for(metric, ask) for number in frame.numbers if number.name in wanted
    ]
    cells = joined.select(*ask.cells, *order)
    counts = [
        number.name
        for frame in frames_for(metric, ask)
        for number in frame.numbers
        if isinstance(number, Count | Records) and number.name in wanted
    ]
    cells = cells.with_columns(pl.col(counts).fill_null(0))
    return named(cells.sort(ask.cells, nulls_last=True) if ask.cells else cells)


def _totals(parts: Sequence[pl.DataFrame], by: Sequence[str]) -> pl.DataFrame:
    rows = pl.concat(parts).lazy()
    found = {
        name: pl.col(name).min()
        if name.startswith("min ")
        else pl.col(name).max()
        if name.startswith("max ")
        else pl.col(name).sum()
        for name in parts[0].columns
        if name not in by
    }
    return _grouped(rows, by, found).collect()


def _ranked(
    frame: Frame,
    counted: pl.DataFrame,
    parts: Sequence[pl.DataFrame],
    by: Sequence[str],
    wanted: Collection[str],
) -> Mapping[str, pl.Series]:
    """Find the nearest rank of each quantile: the value at place ⌈n · percent ÷ 100⌉ of a cell's values in order."""
    asked = [it for it in frame.numbers if isinstance(it, Quantile) and it.name in wanted]
    if not asked:
        return {}
    expressions = {}
    for number in asked:
        values = pl.col(number.column).drop_nulls()
        place = (values.len().cast(pl.Int64()) * number.percent + 99) // 100 - 1
        expressions[number.name] = values.sort().get(place, null_on_oob=True).cast(pl.Int64())
    found = _grouped(pl.concat(parts).lazy(), by, expressions).collect()
    if by:
        found = counted.select(by).join(
            found, on=list(by), how="left", nulls_equal=True, maintain_order="left"
        )
    return {number.name: found.get_column(number.name) for number in asked}


def _beside(left: pl.DataFrame, right: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    if not by:
        return left.hstack(right)
    return left.join(right, on=list(by), how="full", coalesce=True, nulls_equal=True)


def _numbers(
    frame: Frame,
    reading: Reading,
    by: Sequence[str],
    counted: pl.DataFrame,
    ranked: Mapping[str, pl.Series],
    wanted: Collection[str],
) -> pl.DataFrame:
    """Make the numbers of cells from their totals; what is a quotient is computed here, once, on whole numbers."""
    known: dict[str, list[Any]] = {
        name: counted.get_column(name).to_list() for name in counted.columns if name not in by
    }
    columns: list[pl.Series] = []
    for number in frame.numbers:
        if number.name not in wanted:
            continue
        match number:
            case Count() | Records():
                columns.append(counted.get_column(number.name))
            case Sum(one=one, of=of):
                sums = [None if total is None else Decimal(total) for total in known[number.name]]
                if one is not None:
                    several = _several(known, one)
                    sums = [None if mixed else total for mixed, total in zip(several, sums, strict=True)]
                if of is not None and getattr(reading.kind, of) is None:
                    sums = [None] * len(sums)
                columns.append(pl.Series(number.name, sums, dtype=WHOLE))
            case Several(column=column):
                columns.append(pl.Series(number.name, _several(known, column), dtype=pl.Boolean()))
            case Share(part=part, whole=whole):
                found = [rounded(share(a, b)) for a, b in zip(known[part], known[whole], strict=True)]
                columns.append(pl.Series(number.name, found, dtype=DECIMAL))
            case Mean(column=column, judged=judged):
                pairs = zip(known[f"sum {column}"], known[judged], strict=True)
                means = [rounded(Fraction(total, count)) if count else None for total, count in pairs]
                columns.append(pl.Series(number.name, means, dtype=DECIMAL))
            case Quantile(name=name):
                columns.append(ranked[name])
    return counted.select(by).hstack(columns) if by else pl.DataFrame(columns)


def _several(known: Mapping[str, list[Any]], column: str) -> list[bool]:
    return [low != high for low, high in zip(known[f"min {column}"], known[f"max {column}"], strict=True)]


def share(part: int, whole: int) -> Fraction | None:
    """Return a number among another in percent; of nothing it is unknown."""
    return Fraction(100 * part, whole) if whole else None


def rounded(value: Fraction | None) -> Decimal | None:
    """Round half-even to six places."""
    if value is None:
        return None
    scaled = value * 10**PLACES
    # Python rounds a fraction half-even, and exactly.
    return _EXACT.scaleb(Decimal(round(scaled)), -PLACES).quantize(_STEP, context=_EXACT)


def _needed(metric: Metric, ask: Ask, numbers: Collection[str] | None) -> frozenset[str]:
    """Return the numbers that are wanted, with those they are made of. Raises InvalidQuery for one there is not."""
    known = {number.name: number for frame in frames_for(metric, ask) for number in frame.numbers}
    wanted: set[str] = set()
    for name in known if numbers is None else numbers:
        if name not in known:
            raise InvalidQuery.of("numbers", f"there is no number {name!r} here", nearest(name, known))
        wanted.add(name)
        match known[name]:
            case Share(part=part, whole=whole):
                wanted |= {part, whole}
            case Mean(judged=judged) | Quantile(judged=judged):
                wanted.add(judged)
    return frozenset(wanted)
