"""How far the calendar of a playbook reaches: a day after it would never come due, and nobody would be told that it passed."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from domain.business_time import ClockTime, Passing
from domain.playbook.deadlines import Deadline
from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook
from domain.refusals import Problem
from domain.values import Stored
from domain.work.limits import over_at

_MICROSECONDS_PER_HOUR = 3_600_000_000
_BY_THE_CLOCK = ClockTime()


def beyond_the_calendar(
    kind: Kind, field: str, value: Stored, playbook: PublishedPlaybook, pointer: str
) -> list[Problem]:
    """Refuse the day or moment in a field something is due by, where the calendar it is due in ends before.

    What lies before the calendar is past, and not refused; a moment by the clock needs no calendar.
    """
    calendar = playbook.document.calendar
    if calendar is None or not isinstance(value, str):
        return []
    waiting = [(what, name) for what, name, known in _due_by(kind, field, value, playbook) if not known]
    if not waiting or int(value[:4]) < calendar.first_year:
        return []
    what, name = waiting[0]
    message = (
        f"the {what} {name!r} would never come due: the calendar of the playbook {playbook.name!r} ends with {calendar.last_year}-12-31;"
        " name an earlier day, or publish a calendar that reaches further"
    )
    return [Problem(pointer, message, names=(name, playbook.name))]


def _due_by(
    kind: Kind, field: str, value: str, playbook: PublishedPlaybook
) -> Iterator[tuple[str, str, bool]]:
    """What is due by a field, its name, and whether the calendar knows when that is."""
    for name, deadline in kind.deadlines.items():
        if deadline.on_date == field:
            over = over_at(value, playbook)
            hours = deadline.after_hours or Decimal(0)
            wait = timedelta(microseconds=int(hours * _MICROSECONDS_PER_HOUR))
            passing = _passing_of(deadline, playbook)
            due = over if over is None or not wait else passing.moment_after(over, wait)
            yield "deadline", name, due is not None
    for asked in _asked_by(kind, field):
        yield "work", asked, over_at(value, playbook) is not None


def _passing_of(deadline: Deadline, playbook: PublishedPlaybook) -> Passing:
    working = playbook.working_time
    return _BY_THE_CLOCK if deadline.by == "clock" or working is None else working


def _asked_by(kind: Kind, field: str) -> Iterator[str]:
    """The templates of work that reactions let be due by a field."""
    for reaction in kind.reactions.values():
        for step in reaction.then:
            for asked in (step.request_work, step.reschedule_work):
                if asked is not None and asked.due is not None and asked.due.from_ == field:
                    yield asked.template
