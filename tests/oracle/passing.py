"""When so much time has passed: by the clock, or day by day and stretch by stretch of a calendar, without the pauses."""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from oracle.business_time import DAY, stretches

NOTHING = timedelta(0)


def after(calendar: Any, zone: str, start: datetime, length: timedelta, pauses: Any = ()) -> datetime | None:
    """When so much time has passed since a moment, day by day and stretch by stretch, none of it in a pause; None where nobody knows."""
    if length == NOTHING:
        return start if calendar is None or _knows(calendar, zone, start) else None
    left = length
    for begins, ends in _running(calendar, zone, start, pauses):
        if ends is None or begins + left <= ends:
            return begins + left
        left -= ends - begins
    return None


def worked(calendar: Any, zone: str, start: datetime, end: datetime) -> timedelta | None:
    """How much time there is between two moments; None where nobody knows."""
    if end < start or (
        calendar is not None and not (_knows(calendar, zone, start) and _knows(calendar, zone, end))
    ):
        return None
    found = NOTHING
    for begins, ends in _running(calendar, zone, start, ()):
        if begins >= end:
            break
        found += (end if ends is None else min(ends, end)) - begins
    return found


def _knows(calendar: Any, zone: str, at: datetime) -> bool:
    return bool(calendar["first_year"] <= at.astimezone(ZoneInfo(zone)).year <= calendar["last_year"])


def _running(calendar: Any, zone: str, start: datetime, pauses: Any) -> Any:
    """The times from a moment on in which time counts: working hours, or all of it, without the pauses."""
    for begins, ends in _counting(calendar, zone, start):
        now = begins
        for paused, resumed in pauses:
            if resumed is not None and resumed <= now:
                continue
            if ends is not None and paused >= ends:
                break
            if paused > now:
                yield now, paused
            if resumed is None:
                return
            now = max(now, resumed)
        if ends is None or now < ends:
            yield now, ends


def _counting(calendar: Any, zone: str, start: datetime) -> Any:
    if calendar is None:
        yield start, None
        return
    where = ZoneInfo(zone)
    day = start.astimezone(where).date()
    if day.year < calendar["first_year"]:
        return
    while day.year <= calendar["last_year"]:
        for text in sorted(stretches(calendar, day)):
            begins, ends = (_at(day, hour, where) for hour in text.split("-"))
            if ends > start:
                yield max(begins, start), ends
        day += DAY


def _at(day: date, text: str, where: ZoneInfo) -> datetime:
    hour, minute = map(int, text.split(":"))
    return (datetime.combine(day, time(0), where) + timedelta(hours=hour, minutes=minute)).astimezone(UTC)


def hours(text: Any) -> timedelta:
    """So many hours."""
    return timedelta(microseconds=int(Fraction(str(text)) * 3_600_000_000))
