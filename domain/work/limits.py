"""When work and agreement are due: business time of the version they were made under, by the clock where it has no calendar.

While work waits for somebody else its clocks stand still: it is due as much later as it waited.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.business_time import ClockTime, Passing
from domain.playbook.published import PublishedPlaybook
from domain.playbook.working import WorkTemplate
from domain.work.approving import Approval, Level
from domain.work.state import WorkItem

_BY_THE_CLOCK = ClockTime()
_HOUR_US = 3_600_000_000


def passing_of(playbook: PublishedPlaybook) -> Passing:
    """Return how time passes under a version of a playbook."""
    return playbook.working_time or _BY_THE_CLOCK


def over_at(value: str, playbook: PublishedPlaybook) -> datetime | None:
    """When a day is over in the zone of the playbook, or the moment itself; None for what no calendar knows."""
    if "T" in value or " " in value:
        return datetime.fromisoformat(value)
    day, working = date.fromisoformat(value), playbook.working_time
    if working is not None:
        return working.end_of(day)
    zone = ZoneInfo(playbook.document.time_zone)
    try:
        # The zone data of this machine: a playbook without a calendar has no offsets of its own.
        return datetime.combine(day + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
    except OverflowError:
        return None


def response_due_at(item: WorkItem, template: WorkTemplate, time: Passing) -> datetime | None:
    """Return when an answer is due; None without a limit, while nothing can go on, and where the calendar does not reach."""
    return _due(item, template.respond_within_hours, time)


def done_due_at(item: WorkItem, template: WorkTemplate, time: Passing) -> datetime | None:
    """Return when it has to be done: the moment that was named last, which stands until another one is, else by the limit of the template."""
    if item.due_at is not None:
        return datetime.fromisoformat(item.due_at)
    return _due(item, template.complete_within_hours, time)


def level_due_at(approval: Approval, level: Level, time: Passing) -> datetime | None:
    """Return when a level that waits has to be decided."""
    opened = approval.opened_at(level)
    if opened is None or level.within_hours is None:
        return None
    return time.moment_after(opened, _duration(level.within_hours))


def response_us(item: WorkItem, time: Passing) -> int | None:
    """Return how long the first answer took, in microseconds, without the time it waited for others; None where there is none, or nobody knows."""
    if item.requested_at is None or item.first_response_at is None:
        return None
    return elapsed_us(item, time, item.first_response_at)


def elapsed_us(item: WorkItem, time: Passing, until: datetime) -> int | None:
    """Return how long ago work was asked at a moment, in microseconds, without the time it waited for others by then."""
    if item.requested_at is None:
        return None
    whole, waited = time.microseconds_between(item.requested_at, until), _waited_us(item, time, until)
    return None if whole is None or waited is None else whole - waited


def _due(item: WorkItem, hours: Decimal | None, time: Passing) -> datetime | None:
    if hours is None or item.requested_at is None or item.state == "paused":
        return None
    last = max((pause.ended_at for pause in item.pauses if pause.ended_at), default=item.requested_at)
    waited = _waited_us(item, time, last)
    if waited is None:
        return None
    return time.moment_after(item.requested_at, _duration(hours) + timedelta(microseconds=waited))


def _waited_us(item: WorkItem, time: Passing, until: datetime) -> int | None:
    """How long it waited for others by a moment; None where that is not known."""
    began = [pause.began_at for pause in item.pauses if pause.began_at is not None]
    if len(began) < len(item.pauses) or not began:
        return None if item.pauses else 0
    total, reached = 0, item.requested_at or min(began)
    for pause in sorted(item.pauses, key=lambda found: found.began_at or until):
        # No moment is waited through twice, and none before it was asked: pauses may be noted late.
        begins = max(pause.began_at or until, reached)
        ends = max(begins, min(pause.ended_at or until, until))
        if begins >= until:
            continue
        passed = time.microseconds_between(begins, ends)
        if passed is None:
            return None
        total, reached = total + passed, ends
    return total


def _duration(hours: Decimal) -> timedelta:
    return timedelta(microseconds=int(hours * _HOUR_US))
