"""Money is an exact decimal amount in one currency; binary floats never come near it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

LIMIT: Final = Decimal(10**15)
"""Amounts are smaller than this, whatever the currency."""

MINOR_DIGITS: Final = {
    "CLP": 0,
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "BHD": 3,
    "JOD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
}
"""Digits after the decimal point (ISO 4217), for the currencies that do not have two."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_AMOUNT = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])


def minor_digits(currency: str) -> int:
    """Tell how many digits an amount in this currency has after its decimal point."""
    return MINOR_DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """Money says how much, and in which currency.

    `amount` always has exactly the currency's minor digits, so that equal money is written the same way.
    `currency` is three capital letters as in ISO 4217.
    Raises `ValueError` when the amount cannot be held exactly.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", _exact(self.amount, self.currency))

    @classmethod
    def parse(cls, amount: str | int | Decimal, currency: str) -> Money:
        """Read money from text, a whole number or a decimal; nothing is ever rounded.

        Raises `ValueError` with a sentence for a person: not a number, too many decimals, too large, no such
        currency code.
        """
        if isinstance(amount, str):
            if not _AMOUNT.fullmatch(amount):
                raise ValueError(
                    f"An amount is written in plain digits such as 1234.50, not {amount[:40]!r}."
                )
            return cls(Decimal(amount), currency)
        if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
            raise ValueError(  # noqa: TRY004 - one kind of refusal for whatever a caller sent
                f"An amount is text, a whole number or a decimal, not {type(amount).__name__}."
            )
        if isinstance(amount, int) and abs(amount) >= LIMIT:
            raise ValueError(f"An amount is smaller than {LIMIT:,f}.")
        return cls(Decimal(amount), currency)

    @property
    def text(self) -> str:
        """Write the amount alone with exactly the currency's digits, such as `1234.50`."""
        return format(self.amount, "f")

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"


def _exact(amount: Decimal, currency: str) -> Decimal:
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise ValueError(f"A currency is three capital letters such as CNY, not {currency!r}.")
    if not isinstance(amount, Decimal) or not amount.is_finite():
        raise ValueError(f"An amount is a finite decimal number, not {amount}.")
    if amount.copy_abs() >= LIMIT:
        raise ValueError(f"An amount is smaller than {LIMIT:,f}.")
    digits = minor_digits(currency)
    exact = _EXACT.quantize(amount, Decimal(1).scaleb(-digits, _EXACT))
    if exact != amount:
        raise ValueError(
            f"{currency} amounts have at most {digits} decimals, and {str(amount)[:40]} has more."
            if digits
            else f"{currency} amounts have no decimals, and {str(amount)[:40]} has some."
        )
    return exact or exact.copy_abs()
