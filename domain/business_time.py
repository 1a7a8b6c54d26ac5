"""Business time: how long it was working time between two moments, and when so much of it has passed, by the explicit days and offsets of a published calendar."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Protocol

from domain.playbook.working_time import Hours, Weekday, WorkingTime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US
_DAY_US = 24 * 60 * _MINUTE_US
_WEEK = tuple(Weekday)

Stretch = tuple[int, int]
"""From a moment up to, and without, another one, in microseconds since 1970."""


class Passing(Protocol):
    """A way for time to pass: all of it by the clock, or working time only."""

    def microseconds_between(self, start: datetime, end: datetime) -> int | None:
        """Return how much of it there is from one moment to another; None where that is not known."""
        ...

    def moment_after(self, start: datetime, duration: timedelta) -> datetime | None:
        """Return the earliest moment by which so much of it has passed since another one; None where that is not known."""
        ...


class ClockTime:
    """Time by the clock: all of it counts, by day and by night."""

    def microseconds_between(self, start: datetime, end: datetime) -> int | None:
        """Return the time from one moment to another; None when the end lies before the start."""
        passed = microseconds_of(end) - microseconds_of(start)
        return passed if passed >= 0 else None

    def moment_after(self, start: datetime, duration: timedelta) -> datetime | None:
        """Return the moment so much later; None after the last one there is. Raises ValueError for less than nothing."""
        _refuse_less_than_nothing(duration)
        try:
            return moment_of(microseconds_of(start) + duration // _MICROSECOND)
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class BusinessTime:
    """The working stretches of a calendar on the axis of UTC, in whole microseconds since 1970.

    A moment is working time when the clock on the wall shows working hours of that day: an hour the clocks skip is none,
    one they show twice counts twice. Stretch *i* is `starts_us[i]` up to `ends_us[i]`, after `before_us[i]` microseconds of work in the
    stretches before it; they are in order and do not touch. The calendar knows the moments from `known_from_us` up to `known_until_us`.
    `offsets_us` are the changes of the clocks: from when on, and how far they are ahead of UTC.
    """

    starts_us: tuple[int, ...]
    ends_us: tuple[int, ...]
    before_us: tuple[int, ...]
    known_from_us: int
    known_until_us: int
    offsets_us: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, calendar: WorkingTime) -> "BusinessTime":
        """Lay a calendar out in time. Raises ValueError for one whose `offsets` were never looked up."""
        if not calendar.offsets:
            raise ValueError("the calendar has no offsets; they are looked up when its playbook is read")
        first = _midnight_us(date(calendar.first_year, 1, 1))
        last = _midnight_us(date(calendar.last_year + 1, 1, 1))
        worked = list(_by_the_wall_clock(calendar, first))
        ends = [end for _, end in worked]
        found: list[Stretch] = []
        for begin, until, offset in _segments(calendar):
            # What the clock on the wall shows during this offset.
            shown_from, shown_until = max(begin + offset, first), min(until + offset, last)
            for start, end in worked[bisect_right(ends, shown_from) :]:
                if start >= shown_until:
                    break
                _append(found, max(start, shown_from) - offset, min(end, shown_until) - offset)
        before, total = [], 0
        for start, end in found:
            before.append(total)
            total += end - start
        return cls(
            starts_us=tuple(start for start, _ in found),
            ends_us=tuple(end for _, end in found),
            before_us=tuple(before),
            known_from_us=microseconds_of(datetime.fromisoformat(calendar.offsets[0][0])),
            known_until_us=last - calendar.offsets[-1][1] * _SECOND_US,
            offsets_us=tuple((begin, offset) for begin, _, offset in _segments(calendar)),
        )

    def microseconds_between(self, start: datetime, end: datetime) -> int | None:
        """Return the working time from one moment to another, exactly.

        None when either lies outside the years of the calendar, or the end before the start: such an order has no length.
        """
        start_us, end_us = microseconds_of(start), microseconds_of(end)
        if not self.known_from_us <= start_us <= end_us < self.known_until_us:
            return None
        return self._worked_by(end_us) - self._worked_by(start_us)

    def seconds_between(self, start: datetime, end: datetime) -> int | None:
        """Return the working time from one moment to another in whole seconds, what is left over cut off; None as above."""
        found = self.microseconds_between(start, end)
        return None if found is None else found // _SECOND_US

    def moment_after(self, start: datetime, duration: timedelta) -> datetime | None:
        """Return the earliest moment by which so much working time has passed since another one, exactly.

        The inverse of `microseconds_between`: work that is done when a stretch ends is done at its end, not when the next one begins;
        nothing has passed at once, also by night. None when the start or the answer lies outside the years of the calendar.
        Raises ValueError for less than nothing.
        """
        _refuse_less_than_nothing(duration)
        start_us, wanted = microseconds_of(start), duration // _MICROSECOND
        if not self.known_from_us <= start_us < self.known_until_us:
            return None
        if wanted == 0:
            return moment_of(start_us)
        worked = self._worked_by(start_us) + wanted
        index = bisect_left(self.before_us, worked) - 1
        if index < 0:
            return None  # nobody ever works
        found = self.starts_us[index] + worked - self.before_us[index]
        return moment_of(found) if found <= self.ends_us[index] and found < self.known_until_us else None

    def end_of(self, day: date) -> datetime | None:
        """Return the moment a day is over where the clocks are those of the calendar; None outside its years."""
        over = _midnight_us(day) + _DAY_US  # in microseconds: after the last day there is, no date comes
        for begin, offset in reversed(self.offsets_us):
            if begin + offset <= over:
                found = over - offset
                return moment_of(found) if self.known_from_us < found <= self.known_until_us else None
        return None

    def _worked_by(self, moment_us: int) -> int:
        """How much working time there was since the calendar began."""
        index = bisect_right(self.starts_us, moment_us) - 1
        if index < 0:
            return 0
        return self.before_us[index] + min(moment_us, self.ends_us[index]) - self.starts_us[index]


def microseconds_of(moment: datetime) -> int:
    """Return a moment in microseconds since 1970. Raises TypeError for one without an offset."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    """Return the moment so many microseconds after 1970 began, in UTC. Raises OverflowError where no date reaches."""
    return _EPOCH + timedelta(microseconds=microseconds)


def _refuse_less_than_nothing(duration: timedelta) -> None:
    if duration < timedelta(0):
        raise ValueError("time does not pass backwards: the duration is less than nothing")


def _segments(calendar: WorkingTime) -> Iterator[tuple[int, int, int]]:
    """The stretches during which the clocks were one offset ahead of UTC, all in microseconds; the last one has no end."""
    changes = [
        (microseconds_of(datetime.fromisoformat(moment)), seconds * _SECOND_US)
        for moment, seconds in calendar.offsets
    ]
    endless = _midnight_us(date(calendar.last_year + 2, 1, 1))
    for (begin, offset), (until, _) in pairwise([*changes, (endless, 0)]):
        yield begin, until, offset


def _by_the_wall_clock(calendar: WorkingTime, first: int) -> Iterator[Stretch]:
    """The working stretches as a clock on the wall shows them, in order."""
    off, made_up = frozenset(calendar.days_off), frozenset(calendar.working_days)
    hours = {day: sorted(map(_hours_us, calendar.hours.get(day, ()))) for day in _WEEK}
    usual = next((stretches for stretches in hours.values() if stretches), [])
    day, midnight = date(calendar.first_year, 1, 1), first
    while day.year <= calendar.last_year:
        stretches = hours[_WEEK[day.weekday()]]
        if day in off:
            stretches = []
        elif day in made_up:
            stretches = stretches or usual
        for start, end in stretches:
            yield midnight + start, midnight + end
        day, midnight = day + timedelta(days=1), midnight + _DAY_US


def _append(found: list[Stretch], start: int, end: int) -> None:
    """Add a stretch; one that goes on where the last one ended makes that one longer."""
    if found and found[-1][1] == start:
        found[-1] = (found[-1][0], end)
    elif start < end:
        found.append((start, end))


def _hours_us(hours: Hours) -> Stretch:
    begin, _, end = hours.partition("-")
    return _time_us(begin), _time_us(end)


def _time_us(time: str) -> int:
    hour, _, minute = time.partition(":")
    return (int(hour) * 60 + int(minute)) * _MINUTE_US


def _midnight_us(day: date) -> int:
    """The beginning of a day as a clock on the wall shows it."""
    return (day.toordinal() - _EPOCH.toordinal()) * _DAY_US
