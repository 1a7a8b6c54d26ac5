"""The arithmetic of rules on whole columns; `domain.rules.arithmetic` says what it means.

A number here is a 128-bit whole number of millionths.
Operands are below 10**24 millionths, so sums, and dividends with six more digits, fit in 128 bits (1.7 * 10**38).
A product may not; its operands are looked at before they are multiplied, and whatever would reach the limit is NULL.
Quotients are floored, so what is left over has the sign of the divisor and says in which direction the nearest one lies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import polars as pl

from domain.rules.arithmetic import PLACES, RESULT_LIMIT

SCALE: Final = 10**PLACES
"""How many parts one is counted in."""

NUMBER: Final = pl.Int128()
"""The type that is calculated with."""

_LIMIT: Final = int(RESULT_LIMIT) * SCALE


def scaled(value: object) -> int:
    """Turn a decimal with at most six places into a whole number of millionths, exactly."""
    parts = Fraction(str(value)) * SCALE
    assert parts.denominator == 1, value
    return parts.numerator


def as_decimal(value: pl.Series) -> pl.Series:
    """Write millionths as decimals with six places, the form numbers are kept in."""
    step = pl.Series([f"{Decimal(1).scaleb(-PLACES):f}"]).cast(pl.Decimal(38, PLACES))
    return value.cast(pl.Decimal(38, 0)) * step


def add(left: pl.Series, right: pl.Series) -> pl.Series:
    """Add; NULL when the sum is out of range."""
    return _settle(left + right)


def subtract(left: pl.Series, right: pl.Series) -> pl.Series:
    """Subtract; NULL when the difference is out of range."""
    return _settle(left - right)


def multiply(left: pl.Series, right: pl.Series) -> pl.Series:
    """Multiply, rounded half-even to millionths; NULL when the product is out of range."""
    most = _LIMIT * SCALE - 1
    if _largest(left) * _largest(right) > most:
        factor = right.abs()
        is_in_range = (left.abs() <= _constant(most) // factor) | (factor == _constant(0))
        left = _where(is_in_range, left)
    product = left * right
    return _settle(rounded(product // _constant(SCALE), product % _constant(SCALE), _constant(SCALE)))


def divide(left: pl.Series, right: pl.Series) -> pl.Series:
    """Divide, rounded half-even to millionths; NULL when out of range or when dividing by zero."""
    divisor = _where(right != _constant(0), right)
    dividend = left * _constant(SCALE)
    quotient = dividend // divisor
    return _settle(rounded(quotient, dividend - quotient * divisor, divisor))


def rounded(quotient: pl.Series, rest: pl.Series, divisor: pl.Series) -> pl.Series:
    """Round floored quotients half-even: up where more than half is left, or where exactly half is left of an odd one."""
    twice, whole = (rest + rest).abs(), divisor.abs()
    up = (twice > whole) | ((twice == whole) & (quotient % _constant(2) != _constant(0)))
    return quotient + up.cast(NUMBER)


def _settle(value: pl.Series) -> pl.Series:
    return value if _largest(value) < _LIMIT else _where(value.abs() < _constant(_LIMIT), value)


def _largest(value: pl.Series) -> int:
    """The largest absolute value of a column; 0 when it holds nothing."""
    least, most = value.min(), value.max()
    return max(abs(least), abs(most)) if isinstance(least, int) and isinstance(most, int) else 0


def _where(condition: pl.Series, value: pl.Series) -> pl.Series:
    return pl.select(pl.when(condition).then(value)).to_series()


def _constant(value: int) -> pl.Series:
    return pl.Series([value], dtype=NUMBER)


CALCULATIONS: Final[Mapping[str, Callable[[pl.Series, pl.Series], pl.Series]]] = MappingProxyType(
    {"+": add, "-": subtract, "*": multiply, "/": divide}
)
"""What each operator calculates."""


def calculation(operator: str) -> Callable[[Sequence[pl.Series]], pl.Series]:
    """Return what an operator does to the columns of its two operands."""
    return lambda operands: CALCULATIONS[operator](*operands)
