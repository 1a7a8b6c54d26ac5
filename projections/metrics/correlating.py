"""Whether two metrics go together: the correlation of their numbers over the same cells, with how many cells and how sure it is.

It says nothing of causes. Everything is computed with decimals, so that the same cells give the same digits everywhere.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from typing import Final

import polars as pl

from domain.naming import nearest
from projections.errors import InvalidQuery, problem_of
from projections.ledger.running import LOOP, Runner
from projections.ledger.view import View
from projections.metrics.asking import Ask, checked, frames_for
from projections.metrics.cells import measure
from projections.metrics.contract import Only, Several
from projections.metrics.reading import Reading
from projections.metrics.registry import metric_of

AT_LEAST: Final = 10
"""Over fewer cells a correlation is unknown: with so few any two numbers seem to go together."""
PLACES: Final = Decimal("0.000001")
_SURE: Final = Decimal("1.959963984540054235524594430521")
"""How many standard errors either way hold 95 in 100 of what could have been."""
_DIGITS: Final = 50


@dataclass(frozen=True, slots=True)
class Correlation:
    """Pearson's r over `n` cells in which both numbers are known, and the interval it lies in with 95 % (Fisher's z).

    Unknown (None) over fewer than `AT_LEAST` cells, and where one of the numbers is the same everywhere. `left_out` cells had a number that is unknown.
    """

    n: int
    left_out: int
    r: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """A number of a metric, the parameters it is asked with, and how the ledger is read for it: two sides may be of different kinds."""

    metric: str
    number: str
    ask: Ask
    reading: Reading


@dataclass(frozen=True, slots=True)
class Compared:
    """A correlation and what it was computed from: one row a cell, its dimensions, then `SIDES`; null where a number is unknown."""

    correlation: Correlation
    cells: pl.DataFrame


WITH: Final = "with_"
"""How what is asked of the other side is called, before its own name."""
SIDES: Final = ("x", "y")
"""What the number of the first side and that of the second are called in the cells."""


def correlation(view: View, one: Side, other: Side, *, runner: Runner = LOOP) -> Compared:
    """Correlate two numbers over the cells of either metric. Raises what `measure` raises.

    Raises InvalidQuery when they are asked by different dimensions, by none, or when one of them is no figure.
    """
    by = list(one.ask.by)
    if list(other.ask.by) != by or not by:
        raise InvalidQuery.of(
            "by", "two numbers are compared cell by cell: slice both by the same dimensions"
        )
    first = _cells(view, one, SIDES[0], runner)
    own = [*other.ask.parameters, *(spec.name for spec in metric_of(other.metric).parameters)]
    with _of_the_other(["kind", "number", *own]):
        second = _cells(view, other, SIDES[1], runner)
    cells = first.join(second, on=by, how="full", coalesce=True, nulls_equal=True)
    known = cells.drop_nulls(SIDES)
    pairs = [(Fraction(x), Fraction(y)) for x, y in known.select(SIDES).rows()]
    return Compared(correlated(pairs, cells.height - known.height), cells)


def _cells(view: View, side: Side, name: str, runner: Runner) -> pl.DataFrame:
    metric = metric_of(side.metric)
    asked = checked(metric, side.reading, side.ask)
    told = {own.name: own for frame in frames_for(metric, asked) for own in frame.numbers}
    if side.number not in told:
        message = f"{metric.name} has no number {side.number!r} here"
        raise InvalidQuery.of("number", message, nearest(side.number, told))
    if isinstance(told[side.number], Several | Only):
        raise InvalidQuery.of("number", f"{side.number} of {metric.name} is no figure: choose one that is")
    found = measure(view, side.reading, side.metric, side.ask, runner, numbers=[side.number]).frame
    return found.select(*side.ask.by, pl.col(side.number).alias(name))


@contextmanager
def _of_the_other(parameters: Collection[str]) -> Iterator[None]:
    """What is wrong with the number or a parameter of the other side is called as it was asked for: `with_number`."""
    own = {problem_of(name, "").pointer: problem_of(f"{WITH}{name}", "").pointer for name in parameters}
    try:
        yield
    except InvalidQuery as wrong:
        raise InvalidQuery(
            [replace(it, pointer=own.get(it.pointer, it.pointer)) for it in wrong.problems]
        ) from wrong


def correlated(pairs: Sequence[tuple[Fraction, Fraction]], left_out: int = 0) -> Correlation:
    """Correlate pairs of numbers. The order of the pairs does not matter."""
    n = len(pairs)
    if n < AT_LEAST:
        return Correlation(n, left_out)
    mean_x, mean_y = (sum(side, Fraction(0)) / n for side in zip(*pairs, strict=True))
    both = sum(((x - mean_x) * (y - mean_y) for x, y in pairs), Fraction(0))
    spread_x = sum(((x - mean_x) ** 2 for x, _ in pairs), Fraction(0))
    spread_y = sum(((y - mean_y) ** 2 for _, y in pairs), Fraction(0))
    if not spread_x or not spread_y:
        return Correlation(n, left_out)
    with localcontext(Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN)):
        squared = both * both / (spread_x * spread_y)
        r = (Decimal(squared.numerator) / Decimal(squared.denominator)).sqrt().copy_sign(Decimal(int(both > 0) - int(both < 0)))  # fmt: skip
        if squared == 1:
            low = high = r
        else:
            z = ((1 + r) / (1 - r)).ln() / 2
            width = _SURE / Decimal(n - 3).sqrt()
            low, high = (_tanh(z - width), _tanh(z + width))
        return Correlation(n, left_out, *(value.quantize(PLACES) + 0 for value in (r, low, high)))


def _tanh(value: Decimal) -> Decimal:
    grown = (2 * value).exp()
    return (grown - 1) / (grown + 1)
