"""Values as they stand in the log, and how input becomes one.

A *stored* value is plain JSON that SQL, DuckDB and Polars read: text, whole number, boolean, null, list or object.
Numbers and money are decimal strings, never floats; moments are UTC with microseconds.
A personal value is `Private` until it is sealed; in the log it is an object with the one name `$sealed` (docs/format.md).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from domain.money import Money
from domain.naming import nearest
from domain.rules.arithmetic import number_text
from domain.rules.types import FieldType, ValueType

SEALED = "$sealed"
MAX_TEXT = 10_000
MAX_NUMBER = Decimal(10) ** 15
DECIMAL_PLACES = 6

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Private:
    """A personal value and whom it is about; it is sealed under that subject's key before it reaches the log."""

    subject: str
    value: "Stored"

    def __repr__(self) -> str:
        return f"Private({self.subject!r}, …)"


Stored: TypeAlias = str | int | bool | list["Stored"] | dict[str, "Stored"] | Private | None
"""A value as it stands in the log, or is about to."""


class ValueRefused(ValueError):
    """A raw value does not fit its field; `suggestion` is the nearest valid one where there is one."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


def is_personal(stored: Stored) -> bool:
    """Tell whether a value is personal: sealed under somebody's key, or about to be."""
    return isinstance(stored, Private) or (isinstance(stored, dict) and SEALED in stored)


def clean_text(raw: object, limit: int = MAX_TEXT) -> str:
    """Return a text as it may enter the log; refuses NUL, lone surrogates and more than `limit` characters."""
    if not isinstance(raw, str):
        raise ValueRefused("a text is expected")
    if len(raw) > limit:
        raise ValueRefused(f"the text is longer than {limit:,} characters")
    if "\x00" in raw or any("\ud800" <= character <= "\udfff" for character in raw):
        raise ValueRefused("the text contains NUL or a lone surrogate")
    return raw


def store(field: FieldType, raw: object, *, at_least: int = 0, at_most: int | None = None) -> Stored:
    """Turn a raw value into the stored value of a field.

    `at_least` and `at_most` bound the number of options of a choice with several. Raises ValueRefused.
    """
    match field.type:
        case ValueType.text:
            return clean_text(raw)
        case ValueType.number:
            return number_text(_decimal(raw))
        case ValueType.money:
            return money_object(_money(raw, field.currency or ""))
        case ValueType.date:
            return _date(raw).isoformat()
        case ValueType.datetime:
            return moment_text(_moment(raw))
        case ValueType.boolean:
            if not isinstance(raw, bool):
                raise ValueRefused("true or false is expected")
            return raw
        case ValueType.choice:
            return _option(raw, field.options)
        case ValueType.choices:
            return _options(raw, field.options, at_least, at_most)
        case ValueType.person | ValueType.reference:
            return clean_text(raw, 200)
        case ValueType.phone:
            return _phone(raw)
        case ValueType.email:
            return _email(raw)


def load(field: FieldType, stored: Stored) -> object:
    """Turn a stored value into the run-time value rules compute with (Decimal, Money, date …); null stays None."""
    if stored is None:
        return None
    match field.type:
        case ValueType.number:
            return Decimal(str(stored))
        case ValueType.money:
            assert isinstance(stored, dict)
            return Money(Decimal(str(stored["amount"])), str(stored["currency"]))
        case ValueType.date:
            return date.fromisoformat(str(stored))
        case ValueType.datetime:
            return datetime.fromisoformat(str(stored))
        case ValueType.choices:
            assert isinstance(stored, list)
            return tuple(str(option) for option in stored)
        case _:
            return stored


def money_object(money: Money) -> dict[str, Stored]:
    """Spell money the one way the log knows: an amount with the currency's own number of decimals, and the currency."""
    return {"amount": money.text, "currency": money.currency}


def moment_text(moment: datetime) -> str:
    """Spell a moment the one way the log knows: RFC 3339, UTC, microseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _decimal(raw: object) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, str | int | Decimal):
        raise ValueRefused("a number is expected, as a whole number or a decimal text")
    # Decimal would also read 1_000 and the digits of other scripts.
    if isinstance(raw, str) and not _NUMBER.fullmatch(raw.strip()):
        raise ValueRefused("this is not a number")
    try:
        number = Decimal(raw) if not isinstance(raw, str) else Decimal(raw.strip())
    except InvalidOperation:
        raise ValueRefused("this is not a number") from None
    # Only comparisons here: they are exact, while arithmetic rounds, and overflows for a hostile exponent.
    if not number.is_finite() or not -MAX_NUMBER < number < MAX_NUMBER:
        raise ValueRefused("the number is out of range (less than 10^15)")
    if number and (
        number.adjusted() < -DECIMAL_PLACES or len(number_text(number).partition(".")[2]) > DECIMAL_PLACES
    ):
        raise ValueRefused(f"the number has more than {DECIMAL_PLACES} decimal places")
    return number


def _money(raw: object, currency: str) -> Money:
    if isinstance(raw, Mapping):
        given = raw.get("currency")
        if given != currency:
            raise ValueRefused(f"this field is in {currency}")
        if set(raw) != {"amount", "currency"}:
            raise ValueRefused("money is an object with 'amount' and 'currency'")
        raw = raw.get("amount")
    if isinstance(raw, bool) or not isinstance(raw, str | int | Decimal):
        raise ValueRefused(f"an amount of {currency} is expected, as a whole number or a decimal text")
    try:
        return Money.parse(raw, currency)
    except ValueError as error:
        raise ValueRefused(str(error)) from None


def _date(raw: object) -> date:
    if isinstance(raw, datetime):
        raise ValueRefused("a date without a time is expected")
    if isinstance(raw, date):
        return raw
    try:
        text = clean_text(raw, 40)
        if not _DATE.fullmatch(text):
            raise ValueRefused("a date is expected, as 2026-01-31")
        return date.fromisoformat(text)
    except ValueError:
        raise ValueRefused("a date is expected, as 2026-01-31") from None


def _moment(raw: object) -> datetime:
    try:
        moment = raw if isinstance(raw, datetime) else datetime.fromisoformat(clean_text(raw, 40))
    except ValueError:
        raise ValueRefused("a moment is expected, as 2026-01-31T08:00:00+08:00") from None
    if moment.tzinfo is None:
        raise ValueRefused("the moment needs its offset, as 2026-01-31T08:00:00+08:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueRefused("the moment is outside the years 1 to 9999 in UTC") from None


def _option(raw: object, options: tuple[str, ...]) -> str:
    if isinstance(raw, str) and raw in options:
        return raw
    if not isinstance(raw, str):
        raise ValueRefused("one option is expected")
    raise ValueRefused("this is not an option of the field", nearest(raw, options))


def _options(raw: object, options: tuple[str, ...], at_least: int, at_most: int | None) -> Stored:
    if not isinstance(raw, list | tuple):
        raise ValueRefused("a list of options is expected")
    chosen = {_option(item, options) for item in raw}
    if len(chosen) != len(raw):
        raise ValueRefused("an option is named twice")
    most = len(options) if at_most is None else at_most
    if not at_least <= len(chosen) <= most:
        wanted = f"exactly {most}" if at_least == most else f"{at_least} to {most}"
        raise ValueRefused(f"{wanted} options are expected, {len(chosen)} are given")
    return [option for option in options if option in chosen]


def _phone(raw: object) -> str:
    text = clean_text(raw, 40)
    digits = "".join(character for character in text if character not in " -()")
    body = digits.removeprefix("+")
    if not (body.isascii() and body.isdigit() and 5 <= len(body) <= 20):
        raise ValueRefused("a phone number is expected, as +86 138 0013 8000")
    return digits


def _email(raw: object) -> str:
    text = clean_text(raw, 254)
    name, separator, host = text.rpartition("@")
    well_formed = separator and name and "." in host.strip(".") and "@" not in name
    if (
        not well_formed
        or any(character.isspace() for character in text)
        or host.startswith(".")
        or host.endswith(".")
    ):
        raise ValueRefused("an e-mail address is expected, as name@example.com")
    return text
