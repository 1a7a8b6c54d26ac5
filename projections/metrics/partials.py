"""What some partitions know of the cells of a metric: counts and sums of cases, and the values quantiles are taken of; and the cases themselves."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import polars as pl

from projections.ledger.together import Lots
from projections.ledger.view import View
from projections.metrics.asking import Ask, Value, frames_for
from projections.metrics.contract import (
    Count,
    Frame,
    Mean,
    Number,
    Only,
    Quantile,
    Records,
    Several,
    Share,
    Sum,
)
from projections.metrics.dimensions import cell_where, limited, with_dimensions
from projections.metrics.kept import Kept
from projections.metrics.reading import Reading
from projections.metrics.registry import metric_of
from projections.metrics.sources import Source

Partial: TypeAlias = tuple[pl.DataFrame, pl.DataFrame | None]
"""What some partitions know of the cells of a frame: counts and sums, and the values quantiles are taken of."""

_PLACES: Final = frozenset({"team", "region"})
_STRETCH: Final = "#stretch"

Asked: TypeAlias = tuple[str, Ask, Collection[str]]
"""A metric by name, a question to it that was checked, and the numbers that are wanted."""


def all_partials(
    view: View, first: int, *, reading: Reading, asked: Sequence[Asked], lots: Lots
) -> list[list[Partial]]:
    """Count and add up the cases of the lot of partitions that begins with one, for each question."""
    partitions = lots.beginning(first)
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
        found = [number for number in frame.numbers if number.name in wanted]
        if _adds_up_by_owner(ask, found):
            lazy.append(_counted_by_owner(source, frame, found))
            columns.append([])
            continue
        rows = _sliced(source, frame, ())
        lazy.append(_counted(rows, ask.cells, found))
        columns.append(list(dict.fromkeys(it.column for it in found if isinstance(it, Quantile))))
        if columns[-1]:
            is_known = pl.any_horizontal(pl.col(column).is_not_null() for column in columns[-1])
            lazy.append(rows.filter(is_known).select(*ask.cells, *columns[-1]))
    collected = iter(pl.collect_all(lazy))
    return [(next(collected), next(collected) if found else None) for found in columns]


def listed(
    view: View,
    first: int,
    *,
    reading: Reading,
    name: str,
    ask: Ask,
    frame: int,
    number: str,
    cell: Mapping[str, Value],
    among: bool,
    lots: Lots,
) -> pl.DataFrame:
    """List the cases behind a number of a cell, of the lot of partitions that begins with one."""
    spec = metric_of(name).frames[frame]
    source = Source(view, lots.beginning(first), reading, ask)
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
        case Sum(where=where) | Several(where=where) | Only(where=where):
            return rows.filter(where)
        case Records(where=where, every=every):
            chosen = rows if where is None else rows.filter(where)
            if every is not None:
                chosen = chosen.filter(pl.col(every).all().over("record", *by))
            return chosen.sort("position", "record").unique("record", keep="first", maintain_order=True)
    raise TypeError(number)


def _adds_up_by_owner(ask: Ask, numbers: Sequence[Number]) -> bool:
    """Tell whether cases can be counted by owner first, and the owners put in their teams and regions then."""
    is_asked = not _PLACES.isdisjoint({*ask.by, *ask.where})
    return is_asked and not any(isinstance(number, Records | Quantile) for number in numbers)


def _counted_by_owner(source: Source, frame: Frame, numbers: Sequence[Number]) -> pl.LazyFrame:
    """Count by owner and stretch of the log in which nobody moved, then by team and region: there are fewer of those than of cases."""
    ask = source.ask
    before = {name: values for name, values in ask.where.items() if name not in _PLACES}
    dimensions = dict.fromkeys([*(name for name in ask.by if name not in _PLACES), *before, "owner"])
    rows = with_dimensions(source, frame.cases(source), dimensions, snapshot=frame.snapshot)
    keys = dict.fromkeys([*(name for name in ask.cells if name not in _PLACES), "owner"])
    found, again = _additive_of(numbers), {"position": pl.col("position").min()}
    if frame.snapshot:
        each = by_cell(limited(rows, before), list(keys), found | again)
    else:
        moved = source.view.scan("people").select(pl.col("position").unique().sort()).collect().to_series()
        stretch = pl.col("position").map_batches(
            lambda at: moved.search_sorted(at, side="right"), return_dtype=pl.UInt32(), is_elementwise=True
        )
        each = by_cell(
            limited(rows, before).with_columns(stretch.alias(_STRETCH)), [*keys, _STRETCH], found | again
        )
    placed = with_dimensions(source, each, _PLACES, snapshot=frame.snapshot)
    after = {name: values for name, values in ask.where.items() if name in _PLACES}
    return by_cell(limited(placed, after), ask.cells, totals_of(found))


def _counted(rows: pl.LazyFrame, by: Sequence[str], numbers: Sequence[Number]) -> pl.LazyFrame:
    """Count and add up by cell; where different records are counted, first by record."""
    found = _additive_of(numbers)
    records = [number for number in numbers if isinstance(number, Records)]
    if not records:
        return by_cell(rows, by, found)
    flags: dict[str, pl.Expr] = {}
    for asked in records:
        counts_for = pl.lit(value=True) if asked.where is None else pl.col(asked.where)
        flags[asked.name] = counts_for.any()
        if asked.every is not None:
            flags[asked.name] = counts_for.any() & (~counts_for | pl.col(asked.every)).all()
    each = by_cell(rows, ["record", *by], found | flags)
    counts = {number.name: pl.col(number.name).sum().cast(pl.Int64()) for number in records}
    return by_cell(each, by, totals_of(found) | counts)


def _additive_of(numbers: Sequence[Number]) -> dict[str, pl.Expr]:
    """What is counted and added up for some numbers, and the lowest and highest of what is to be one."""
    found: dict[str, pl.Expr] = {}
    for number in numbers:
        found |= _additive(number)
        column, where = _single(number)
        if column is not None and where is not None:
            value = pl.col(column).filter(pl.col(where))
            found |= {f"min {column}": value.min(), f"max {column}": value.max()}
    return found


def totals_of(names: Iterable[str]) -> dict[str, pl.Expr]:
    """Put what was counted of parts together."""
    return {
        name: pl.col(name).min()
        if name.startswith("min ")
        else pl.col(name).max()
        if name.startswith("max ")
        else pl.col(name).sum()
        for name in names
    }


def by_cell(rows: pl.LazyFrame, by: Sequence[str], found: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """Work something out for each cell; without dimensions there is one."""
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
        case (
            Sum(one=column, where=where)
            | Several(column=column, where=where)
            | Only(column=column, where=where)
        ):
            return column, where
    return None, None
