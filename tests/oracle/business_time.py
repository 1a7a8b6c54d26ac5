"""Business time, counted day by day and stretch by stretch from the explicit days of a calendar."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Calendar = dict[str, Any]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = timedelta(days=1)


def stretches(calendar: Calendar, day: date) -> list[str]:
    """The stretches of working time of a day: `["09:00-12:00", …]`."""
    hours = calendar["hours"]
    usual = hours.get(WEEKDAYS[day.weekday()]) or []
    if day.isoformat() in (calendar.get("working_days") or ()):
        instead = hours.get("mon") or next(hours[name] for name in WEEKDAYS if hours.get(name))
        return list(usual or instead)
    return [] if day.isoformat() in (calendar.get("days_off") or ()) else list(usual)


def business_seconds(
    calendar: Calendar | None, zone: str, start: datetime | None, end: datetime | None
) -> int | None:
    """The whole seconds of working time from one moment to a later one; None where the calendar does not know."""
    if calendar is None or start is None or end is None:
        return None
    where = ZoneInfo(zone)
    first, last = start.astimezone(where).date(), end.astimezone(where).date()
    if not all(calendar["first_year"] <= day.year <= calendar["last_year"] for day in (first, last)):
        return None
    worked, day = timedelta(0), first
    while day <= last:
        for stretch in stretches(calendar, day):
            begins, ends = (_moment(day, text, where) for text in stretch.split("-"))
            worked += max(min(ends, end) - max(begins, start), timedelta(0))
        day += DAY
    return worked // timedelta(seconds=1)


def _moment(day: date, text: str, where: ZoneInfo) -> datetime:
    hour, minute = map(int, text.split(":"))
    if hour == 24:
        day, hour = day + DAY, 0
    return datetime.combine(day, time(hour, minute), where).astimezone(UTC)
