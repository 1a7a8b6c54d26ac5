"""What can be wrong with the calendar of a playbook: hours that overlap or never come, days it does not know, offsets out of order."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from domain.playbook.problems import Place, PlaybookProblem, named_once
from domain.playbook.working_time import Hours, Weekday, WorkingTime

MOST_YEARS = 50
_A_DAY_AND_SOME = timedelta(hours=38)
_FARTHEST = 18 * 3_600


def calendar_problems(calendar: WorkingTime, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with a calendar."""
    if not any(calendar.hours.values()):
        yield PlaybookProblem((*here, "hours"), "nobody works in this week; give at least one day some hours")
    for day, stretches in calendar.hours.items():
        yield from _hours(stretches, (*here, "hours", day.value))
    years = calendar.last_year - calendar.first_year + 1
    if years < 1:
        yield PlaybookProblem(
            (*here, "last_year"), f"the calendar would end in {calendar.last_year}, before its first year"
        )
    if years > MOST_YEARS:
        yield PlaybookProblem((*here, "last_year"), f"a calendar covers at most {MOST_YEARS} years")
    for member in ("days_off", "working_days"):
        days: tuple[date, ...] = getattr(calendar, member)
        yield from named_once(map(str, days), (*here, member))
        for index, day_named in enumerate(days):
            if years > 0 and not calendar.first_year <= day_named.year <= calendar.last_year:
                yield PlaybookProblem(
                    (*here, member, str(index)),
                    f"{day_named} lies outside the years {calendar.first_year} to {calendar.last_year}",
                )
    for index, day_named in enumerate(calendar.working_days):
        if day_named in calendar.days_off:
            yield PlaybookProblem(
                (*here, "working_days", str(index)),
                f"{day_named} is a day off as well; leave one of them out",
            )
    if years > 0 and any(calendar.hours.values()) and not _is_ever_worked(calendar):
        yield PlaybookProblem(
            (*here, "days_off"), "every working day is a day off; leave at least one to work on"
        )
    yield from _offsets(calendar, (*here, "offsets"))


def _is_ever_worked(calendar: WorkingTime) -> bool:
    """Whether a single day is left on which somebody works: else no business time ever passes, and nothing is ever due."""
    off = frozenset(calendar.days_off)
    if not off.issuperset(calendar.working_days):
        return True
    worked = [list(Weekday).index(day) for day, stretches in calendar.hours.items() if stretches]
    day = date(calendar.first_year, 1, 1)
    while day.year <= calendar.last_year:
        if day.weekday() in worked and day not in off:
            return True
        day += timedelta(days=1)
    return False


def _hours(stretches: Sequence[Hours], here: Place) -> Iterator[PlaybookProblem]:
    earlier: list[tuple[str, str]] = []
    for index, hours in enumerate(stretches):
        begin, _, end = hours.partition("-")
        place = (*here, str(index))
        if end <= begin:
            yield PlaybookProblem(place, f"{hours} ends before it begins; past midnight it is two days")
            continue
        for other_begin, other_end in earlier:
            if begin < other_end and other_begin < end:
                yield PlaybookProblem(place, f"{hours} overlaps {other_begin}-{other_end}")
        earlier.append((begin, end))


def _offsets(calendar: WorkingTime, here: Place) -> Iterator[PlaybookProblem]:
    """Offsets are looked up when a file is read; who writes them has to write what would be found."""
    before: datetime | None = None
    for index, (text, seconds) in enumerate(calendar.offsets):
        place = (*here, str(index))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            yield PlaybookProblem(place, "an offset begins at a moment, as ['2025-12-31T16:00:00Z', 28800]")
            return
        if not -_FARTHEST <= seconds <= _FARTHEST:
            yield PlaybookProblem(place, "an offset is at most 18 hours, in seconds east of Greenwich")
        if before is not None and moment <= before:
            yield PlaybookProblem(place, "offsets stand in the order of their moments")
        begins = datetime(calendar.first_year, 1, 1, tzinfo=UTC)
        if before is None and abs(moment - begins) > _A_DAY_AND_SOME:
            yield PlaybookProblem(
                place,
                f"the first offset is that at the beginning of {calendar.first_year};"
                " leave 'offsets' out, and they are looked up",
            )
        before = moment
