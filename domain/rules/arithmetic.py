"""The arithmetic of rules: fixed scale, exact, the same on every back end.

Every result of + - * / is rounded half-even to six decimal places, one operation at a time, and is NULL (unknown)
when its absolute value reaches 10**18; a division by zero is NULL too.
Why: a column store computes with 128-bit scaled integers and cannot carry Python's arbitrary precision, and a
rule must not raise in the middle of a command.
With the scale and the range fixed, both back ends give the same answer to every digit,
and "cannot be known" travels through three-valued logic like any other missing value.

The working precision is private to this module, so the caller's decimal context neither matters nor changes.
Sixty digits are enough to round only once: operands below 10**18 with six decimals have at most 24 digits,
a product at most 48, and a quotient that is no tie differs from one by more than 10**-49.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

PLACES: Final = 6
RESULT_LIMIT: Final = Decimal(10**18)
LITERAL_LIMIT: Final = Decimal(10**15)

_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])
_STEP = Decimal(1).scaleb(-PLACES, _CONTEXT)
_LITERAL_DIGITS = LITERAL_LIMIT.adjusted()  # 10**15 has fifteen digits after its first
_MINUS_LIMIT = RESULT_LIMIT.copy_negate()


def add(left: Decimal | int, right: Decimal | int) -> Decimal | None:
    """Add, to six decimal places; NULL when the sum is out of range."""
    return _settle(_CONTEXT.add(left, right))


def subtract(left: Decimal | int, right: Decimal | int) -> Decimal | None:
    """Subtract, to six decimal places; NULL when the difference is out of range."""
    return _settle(_CONTEXT.subtract(left, right))


def multiply(left: Decimal | int, right: Decimal | int) -> Decimal | None:
    """Multiply, rounded half-even to six decimal places; NULL when the product is out of range."""
    return _settle(_CONTEXT.multiply(left, right))


def divide(left: Decimal | int, right: Decimal | int) -> Decimal | None:
    """Divide, rounded half-even to six decimal places; NULL when out of range or when dividing by zero."""
    return _settle(_CONTEXT.divide(left, right)) if right else None


def negate(value: Decimal | int) -> Decimal:
    """Turn the sign around; exact."""
    return _CONTEXT.minus(value)


def fits(value: Decimal) -> bool:
    """Tell whether a value is a number as fields hold it: below 10**15 and with at most six decimal places."""
    return (
        value.is_finite()
        and (value.adjusted() < _LITERAL_DIGITS or not value)
        and value == _CONTEXT.quantize(value, _STEP)
    )


def canonical(value: Decimal) -> Decimal:
    """Strip what does not change a number: trailing zeros, an exponent, the sign of zero."""
    return Decimal(number_text(value))


def number_text(value: Decimal) -> str:
    """Write a number the one canonical way: plain digits, no exponent, no trailing zeros."""
    if not value:
        return "0"  # 0E-99999999 is a zero too, and must not be written out
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _settle(value: Decimal) -> Decimal | None:
    if not _MINUS_LIMIT < value < RESULT_LIMIT:
        return None
    rounded = _CONTEXT.quantize(value, _STEP)
    return rounded if _MINUS_LIMIT < rounded < RESULT_LIMIT else None
