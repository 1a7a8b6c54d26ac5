"""Whether two metrics go together: the correlation of their numbers over the same cells, with how many cells and how sure it is.

It says nothing of causes. Everything is computed with decimals, so that the same cells give the same digits everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from typing import Any, Final

from projections.ledger.running import LOOP, Runner
from projections.ledger.view import View
from projections.metrics.asking import Ask
from projections.metrics.cells import measure_all
from projections.metrics.reading import Reading

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
    """A number of a metric, and the parameters it is asked with."""

    metric: str
    number: str
    ask: Ask


def correlation(
    view: View, reading: Reading, one: Side, other: Side, *, runner: Runner = LOOP
) -> Correlation:
    """Correlate two numbers over the cells both metrics have: both are asked by the same dimensions. Raises what `measure_all` raises.

    Raises ValueError when they are asked by different ones.
    """
    if one.ask.by != other.ask.by or not one.ask.by:
        raise ValueError("two numbers are compared cell by cell: ask both by the same dimensions")
    first, second = measure_all(
        view, reading, [(side.metric, side.ask, [side.number]) for side in (one, other)], runner
    )
    right = {row[: len(one.ask.by)]: row[-1] for row in second.frame.select(*other.ask.by, other.number).rows()}  # fmt: skip
    left = {row[: len(one.ask.by)]: row[-1] for row in first.frame.select(*one.ask.by, one.number).rows()}
    both = [(left.get(cell), right.get(cell)) for cell in {**left, **right}]
    known = [(_exact(x), _exact(y)) for x, y in both if x is not None and y is not None]
    return correlated(known, len(both) - len(known))


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


def _exact(value: Any) -> Fraction:
    return Fraction(value)
