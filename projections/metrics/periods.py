"""Periods: half-open stretches of time in the zone of a playbook, as people write them: 2026-03, 2026-Q1, 2026-W12, or from one moment to another."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from projections.errors import InvalidQuery

UNITS = ("month", "quarter", "week")

EXPECTED = "a period is a month 2026-03, a quarter 2026-Q1, a week 2026-W12, or two dates or moments 2026-03-01..2026-03-08 (the second one not included)"

_NAMED = re.compile(r"([0-9]{4})-(?:(W)([0-9]{2})|(Q)([1-4])|([0-9]{2}))")
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time: from `start` up to `end`, which is not included. `name` is how people write it."""

    name: str
    start: datetime
    end: datetime

    def holds(self, moment: pl.Expr) -> pl.Expr:
        """Tell whether moments lie in the period; one that nobody knows does not."""
        inside = (moment >= pl.lit(self.start)) & (moment < pl.lit(self.end))
        return inside.fill_null(value=False)


def period_of(text: str, zone: ZoneInfo, parameter: str = "period") -> Period:
    """Read a period in a zone. Raises InvalidQuery for what is none."""
    if ".." in text:
        first, _, second = text.partition("..")
        start, end = _moment(first, zone), _moment(second, zone)
        if start is None or end is None:
            raise InvalidQuery.of(parameter, EXPECTED)
        if end <= start:
            raise InvalidQuery.of(parameter, "the end of a period lies after its start")
        return Period(text, start, end)
    days = _days(text)
    if days is None:
        raise InvalidQuery.of(parameter, EXPECTED)
    return Period(text, _midnight(days[0], zone), _midnight(days[1], zone))


def unit_of(period: Period) -> str | None:
    """Tell whether a period is a month, a quarter or a week; None for any other."""
    found = _NAMED.fullmatch(period.name)
    if found is None:
        return None
    return "week" if found[2] else "quarter" if found[4] else "month"


def between(start: datetime, end: datetime) -> Period:
    """Return the period between two moments."""
    return Period(f"{start.isoformat()}..{end.isoformat()}", start, end)


def key_column(moment: pl.Expr, unit: str, zone: str) -> pl.Expr:
    """Number the month, quarter or week of moments in a zone; numbers are faster to group by than names."""
    local = moment.dt.convert_time_zone(zone).dt
    match unit:
        case "month":
            return local.year() * 100 + local.month()
        case "quarter":
            return local.year() * 10 + local.quarter()
        case _:
            return local.iso_year() * 100 + local.week()


def name_of(key: int, unit: str) -> str:
    """Name the month, quarter or week of a number."""
    match unit:
        case "month":
            return f"{key // 100:04}-{key % 100:02}"
        case "quarter":
            return f"{key // 10:04}-Q{key % 10}"
        case _:
            return f"{key // 100:04}-W{key % 100:02}"


def _days(text: str) -> tuple[date, date] | None:
    found = _NAMED.fullmatch(text)
    if found is None or not _FIRST_YEAR <= int(found[1]) <= _LAST_YEAR:
        return None
    year = int(found[1])
    try:
        if found[2]:
            first = date.fromisocalendar(year, int(found[3]), 1)
            return first, first + timedelta(days=7)
        month = 3 * int(found[5]) - 2 if found[4] else int(found[6])
        first = date(year, month, 1)
    except ValueError:
        return None
    after = month + (3 if found[4] else 1)
    return first, date(year + (after > 12), (after - 1) % 12 + 1, 1)


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return _midnight(date.fromisoformat(text), zone)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def latest(unit: str, now: datetime, zone: ZoneInfo, count: int) -> list[str]:
    """Name the last periods of a unit, the one a moment lies in included, oldest first."""
    day = now.astimezone(zone).date()
    names: list[str] = []
    for back in range(count - 1, -1, -1):
        if unit == "week":
            year, week, _ = (day - timedelta(weeks=back)).isocalendar()
            names.append(f"{year:04}-W{week:02}")
            continue
        months = day.year * 12 + day.month - 1 - back * (3 if unit == "quarter" else 1)
        year, month = divmod(months, 12)
        names.append(f"{year:04}-Q{month // 3 + 1}" if unit == "quarter" else f"{year:04}-{month + 1:02}")
    return names
