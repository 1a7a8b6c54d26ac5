"""What a rule may ask of a record beside its fields, for the moment of the attempt."""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from oracle.log import Record
from oracle.rules import typed
from oracle.work import is_approved, is_done, outcome

DAY = timedelta(days=1)


def answer(
    record: Record, name: str, arguments: list[Any], after: str, at: datetime | None, zone: str
) -> Any:
    """Answer one question about a record that is to enter a step at a moment; None is unknown."""
    match name:
        case "stage":
            return record["stage"] if record["stage"] is not None else after
        case "days_in_stage":
            return days_in_stage(record, at)
        case "evidence":
            return has_evidence(record, arguments[0], at, zone)
        case "touches":
            return touches(record, arguments[0], arguments[1], at)
        case "today":
            return None if at is None else day_in(at, zone)
        case "done":
            return is_done(record, arguments[0])
        case "outcome":
            template, field, told = arguments
            kind, _, currency = told.partition(" ")
            return typed(outcome(record, template, field), kind, currency or None)
        case "approved":
            return is_approved(record, arguments[0])
    raise AssertionError(f"there is no such fact: {name}")


def days_in_stage(record: Record, at: datetime | None) -> Decimal | None:
    """The days since the entry, six places."""
    if at is None or record["stage_entered_at"] is None:
        return None
    stood: timedelta = at - record["stage_entered_at"]
    microseconds = Decimal(stood // timedelta(microseconds=1))
    return (microseconds / Decimal(86_400_000_000)).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)


def touches(record: Record, kind: str, days: int, at: datetime | None) -> Decimal | None:
    """How many touches there were in the last days; unknown when one of them happened at a moment nobody knows."""
    if at is None:
        return None
    found = [touch["at"] for touch in record["touches"].values() if kind in ("any", touch["kind"])]
    if None in found:
        return None
    return Decimal(sum(at - days * DAY <= then <= at for then in found))


def has_evidence(record: Record, field: str, at: datetime | None, zone: str) -> bool:
    """Whether a piece still counts on the day of the moment; at an unknown moment only one that counts for ever."""
    return any(
        piece["field"] == field and counts(piece["valid_until"], at, zone) for piece in record["evidence"]
    )


def counts(valid_until: str | None, at: datetime | None, zone: str) -> bool:
    """Whether a last day has not gone by."""
    if valid_until is None:
        return True
    return at is not None and day_in(at, zone) <= date.fromisoformat(valid_until)


def day_in(at: datetime, zone: str) -> date:
    """The day of a moment in a time zone, or in UTC where the calendar of that zone has ended."""
    try:
        return at.astimezone(UTC).astimezone(ZoneInfo(zone)).date()
    except OverflowError:
        return at.astimezone(UTC).date()


def last_day(attached_at: datetime, valid_days: int | None, zone: str) -> str | None:
    """The last day a piece counts that was attached then."""
    if valid_days is None:
        return None
    return (day_in(attached_at, zone) + valid_days * DAY).isoformat()
