"""When people work: working days, the busy and the quiet months, and moments of a day in the company's time zone."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from consumers.simulator.scenario import Scenario

Half: TypeAlias = Literal["morning", "afternoon"]

HALVES: tuple[Half, ...] = ("morning", "afternoon")
_BEGINS: dict[Half, time] = {"morning": time(8, 50), "afternoon": time(13, 20)}
_MINUTES: dict[Half, int] = {"morning": 170, "afternoon": 255}
_EVENING = time(19, 0)
_EVENING_MINUTES = 130

_SPRING_FESTIVAL = {
    2024: date(2024, 2, 10),
    2025: date(2025, 1, 29),
    2026: date(2026, 2, 17),
    2027: date(2027, 2, 6),
    2028: date(2028, 1, 26),
}
_SEASON = {
    1: 0.95,
    2: 0.7,
    3: 1.1,
    4: 1.0,
    5: 1.0,
    6: 1.15,
    7: 0.9,
    8: 0.85,
    9: 1.1,
    10: 0.9,
    11: 1.1,
    12: 1.2,
}
_SATURDAY = 5


def days_of(scenario: Scenario) -> list[date]:
    """Return every day of a scenario, the last one being `until`."""
    first = scenario.until - timedelta(days=scenario.days - 1)
    return [first + timedelta(days=offset) for offset in range(scenario.days)]


def is_working_day(day: date) -> bool:
    """Tell whether the company works on a day: no weekend, no public holiday."""
    return day.weekday() < _SATURDAY and not _is_holiday(day)


def next_working_day(day: date) -> date:
    """Return the first working day after a day."""
    return next(candidate for candidate in _days_after(day) if is_working_day(candidate))


def later(day: date, working_days: int) -> date:
    """Return the day that is so many working days after a day."""
    for _ in range(working_days):
        day = next_working_day(day)
    return day


def season(day: date) -> float:
    """Return how busy the month of a day is; 1 is usual."""
    return _SEASON[day.month]


def _days_after(day: date) -> Iterator[date]:
    while True:
        day += timedelta(days=1)
        yield day


def _is_holiday(day: date) -> bool:
    if (
        (day.month, day.day) == (1, 1)
        or (day.month == 5 and day.day <= 5)
        or (day.month == 10 and day.day <= 7)
    ):
        return True
    new_year = _SPRING_FESTIVAL.get(day.year)
    return new_year is not None and new_year - timedelta(days=1) <= day <= new_year + timedelta(days=6)


class Clock:
    """The moments of one person at work on one thing: each later than the one before, all in the same half of a day."""

    def __init__(
        self,
        rng: random.Random,
        zone: ZoneInfo,
        day: date,
        half: Half,
        *,
        evening: bool = False,
        in_one_go: bool = False,
    ) -> None:
        begins, minutes = (_EVENING, _EVENING_MINUTES) if evening else (_BEGINS[half], _MINUTES[half])
        self.day = day
        self.is_evening = evening
        self._rng = rng
        self._longest_gap = 60 if in_one_go else 420
        self._now = datetime.combine(day, begins, zone).astimezone(UTC)
        self._now += timedelta(seconds=rng.randrange(minutes * 60), milliseconds=rng.randrange(1000))

    @property
    def now(self) -> datetime:
        """The moment things stand at, without going on."""
        return self._now

    def tick(self) -> datetime:
        """Go on by some minutes (seconds, for what is done in one go), and return the moment."""
        self._now += timedelta(
            seconds=self._rng.randrange(20, self._longest_gap), milliseconds=self._rng.randrange(1000)
        )
        return self._now

    def some_hours_ago(self) -> datetime:
        """Return a moment earlier the same day, for what is written down in the evening."""
        return self._now - timedelta(minutes=self._rng.randrange(95, 560))
