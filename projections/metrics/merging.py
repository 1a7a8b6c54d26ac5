"""From what partitions know to cells: totals and ranks first, and quotients last, once, on whole numbers."""

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from projections.metrics.asking import Ask, frames_for
from projections.metrics.contract import (
    Count,
    Frame,
    Mean,
    Metric,
    Only,
    Quantile,
    Records,
    Several,
    Share,
    Sum,
)
from projections.metrics.dimensions import named
from projections.metrics.partials import Partial, by_cell, totals_of
from projections.metrics.reading import Reading

PLACES = 6
DECIMAL = pl.Decimal(38, PLACES)
WHOLE = pl.Decimal(38, 0)

_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
_STEP = Decimal(1).scaleb(-PLACES)


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
    found = totals_of(name for name in parts[0].columns if name not in by)
    return by_cell(rows, by, found).collect()


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
    found = by_cell(pl.concat(parts).lazy(), by, expressions).collect()
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
            case Only(column=column):
                texts = zip(known[f"min {column}"], _several(known, column), strict=True)
                only = [None if mixed else text for text, mixed in texts]
                columns.append(pl.Series(number.name, only, dtype=pl.String()))
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
