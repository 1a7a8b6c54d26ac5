"""What a text of an export means: dates in the format of the source, numbers with its marks. Nothing is guessed."""

import re
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo

from consumers.importing.language import NumberFormat

_TOKENS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{2})",
    "D": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
}
_TOKEN = re.compile("|".join(_TOKENS))
_DATE_LENGTH = 10


class NotUnderstood(ValueError):
    """A text is not what its column should hold; `suggestion` is the nearest valid one where there is one."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


class DateFormat:
    """A format such as `M/D/YYYY`: YYYY year, MM or M month, DD or D day, HH or H hour, mm minute, ss second; the rest stands for itself."""

    def __init__(self, text: str) -> None:
        self.text = text
        pieces, at = [], 0
        for found in _TOKEN.finditer(text):
            pieces += [re.escape(text[at : found.start()]), _TOKENS[found.group()]]
            at = found.end()
        self._pattern = re.compile("".join(pieces) + re.escape(text[at:]))

    @property
    def parts(self) -> frozenset[str]:
        """The parts of a moment the format names, such as `year`."""
        return frozenset(self._pattern.groupindex)

    @classmethod
    @cache
    def of(cls, text: str) -> Self:
        """Return the format a text describes; each is compiled once."""
        return cls(text)

    @classmethod
    def problem(cls, text: str) -> str | None:
        """Say what is wrong with the text of a format, if anything."""
        try:
            parts = set(cls(text).parts)
        except re.error:
            return f"the format {text!r} names a part twice"
        missing = [part for part in ("year", "month", "day") if part not in parts]
        if missing:
            return f"the format {text!r} has no {' and no '.join(missing)}; write one as M/D/YYYY or YYYY-MM-DD HH:mm"
        if ("second" in parts and "minute" not in parts) or ("minute" in parts and "hour" not in parts):
            return f"the format {text!r} has minutes without hours, or seconds without minutes"
        return None

    def read(self, text: str) -> date | datetime:
        """Return the date, or the moment without offset where the format has hours. Raises NotUnderstood."""
        found = self._pattern.fullmatch(text)
        parts = (
            {name: int(digits) for name, digits in found.groupdict().items()}
            if found is not None
            else {"year": 0}
        )
        try:
            day = date(parts["year"], parts.get("month", 0), parts.get("day", 0))
            clock = time(parts.get("hour", 0), parts.get("minute", 0), parts.get("second", 0))
        except ValueError:
            raise NotUnderstood(f"{text!r} is not a date in the format {self.text}") from None
        return datetime.combine(day, clock) if "hour" in parts else day


def read_date(text: str, date_format: str | None) -> date | datetime:
    """Return what a text says, in a format or else in ISO 8601. Raises NotUnderstood."""
    if date_format is not None:
        return DateFormat.of(date_format).read(text)
    try:
        return date.fromisoformat(text) if len(text) == _DATE_LENGTH else datetime.fromisoformat(text)
    except ValueError:
        raise NotUnderstood(
            f"{text!r} is not a date in ISO 8601, such as 2026-01-31 or 2026-01-31T08:00:00+08:00"
        ) from None


def read_moment(text: str, date_format: str | None, zone: ZoneInfo) -> datetime:
    """Return a moment in UTC; without an offset it is one of the time zone, without a time it is 00:00 there. Raises NotUnderstood."""
    found = read_date(text, date_format)
    moment = (
        found if isinstance(found, datetime) else datetime(found.year, found.month, found.day, tzinfo=zone)
    )
    try:
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise NotUnderstood(f"{text!r} lies outside of the years 1 to 9999") from None


def read_number(text: str, number: NumberFormat) -> str:
    """Return a number with a decimal point and without grouping, as the log takes it. Raises NotUnderstood."""
    whole, mark, places = text.partition(number.decimal)
    if number.grouping is not None and number.grouping in whole:
        first, *groups = whole.lstrip("+-").split(number.grouping)
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
            raise NotUnderstood(f"{text!r} is not a number: its groups are not of three digits")
        whole = whole.replace(number.grouping, "")
    if not re.fullmatch(r"[+-]?[0-9]+", whole) or (mark and not re.fullmatch(r"[0-9]+", places)):
        raise NotUnderstood(f"{text!r} is not a number")
    return f"{whole}.{places}" if mark else whole
