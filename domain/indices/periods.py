"""Months, quarters and weeks by name: which days they cover, and when they are over."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.playbook.measuring import Period

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"([0-9]{4})-Q([1-4])")
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
_YEARS = range(1, 9999)

EXAMPLES = {Period.month: "2026-03", Period.quarter: "2026-Q1", Period.week: "2026-W12"}
"""How periods are written."""


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a period: from `first` to the day before `end`."""

    period: Period
    first: date
    end: date

    @property
    def last(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    def is_over(self, moment: datetime, time_zone: str) -> bool:
        """Tell whether its last day has ended in a time zone."""
        return moment >= datetime(self.end.year, self.end.month, self.end.day, tzinfo=ZoneInfo(time_zone))


def days_of(text: str) -> Days | None:
    """Read `2026-03`, `2026-Q1` or `2026-W12` (weeks as ISO 8601 counts them); None for anything else."""
    for period, pattern in ((Period.month, _MONTH), (Period.quarter, _QUARTER), (Period.week, _WEEK)):
        found = pattern.fullmatch(text)
        if found is not None and int(found[1]) in _YEARS:
            return _days(period, int(found[1]), int(found[2]))
    return None


def _days(period: Period, year: int, number: int) -> Days | None:
    if period is Period.week:
        try:
            monday = date.fromisocalendar(year, number, 1)
        except ValueError:
            return None  # not every year has a week 53
        return Days(period, monday, monday + timedelta(days=7))
    months = 3 if period is Period.quarter else 1
    first = (number - 1) * months + 1
    following = first + months
    end = date(year, following, 1) if following <= 12 else date(year + 1, 1, 1)
    return Days(period, date(year, first, 1), end)
