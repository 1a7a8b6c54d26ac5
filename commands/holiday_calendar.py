"""Making the calendar of a playbook explicit when it is read: holidays, make-up working days, and the offsets of its zone.

What is looked up here becomes part of the document that is published, so that no later version of a table changes what was decided.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.naming import nearest
from domain.playbook.problems import Place, PlaybookProblem
from domain.playbook.working_time import WorkingTime

_STEP = timedelta(hours=6)
_SECOND = timedelta(seconds=1)


def country_problems(calendar: WorkingTime, here: Place) -> Iterator[PlaybookProblem]:
    """Tell when nobody knows the holidays of the country or the part of it that a calendar names."""
    from holidays import list_supported_countries  # noqa: PLC0415 — takes a fifth of a second, which few files need

    if calendar.is_explicit or calendar.holidays is None:
        return
    countries = list_supported_countries()
    country, _, part = calendar.holidays.partition("-")
    if country not in countries:
        yield PlaybookProblem(
            (*here, "holidays"),
            f"the holidays of {country!r} are not known; name a country by its ISO code, or list 'days_off'",
        )
    elif part and part not in countries[country]:
        suggestion = nearest(part, countries[country])
        yield PlaybookProblem(
            (*here, "holidays"),
            f"the holidays of {part!r} in {country!r} are not known; name a part of the country by its ISO code, or list 'days_off'",
            suggestion and f"{country}-{suggestion}",
        )


def explicit(calendar: WorkingTime, time_zone: str) -> WorkingTime:
    """Return a calendar with all of its days and offsets; one that has them already is returned as it is."""
    if calendar.is_explicit:
        return calendar
    off, worked = _looked_up(calendar)
    of_the_author = {*calendar.days_off, *calendar.working_days}
    return calendar.model_copy(
        update={
            "days_off": tuple(sorted({*calendar.days_off, *(off - of_the_author)})),
            "working_days": tuple(sorted({*calendar.working_days, *(worked - of_the_author)})),
            "offsets": tuple(_offsets(ZoneInfo(time_zone), calendar.first_year, calendar.last_year)),
        }
    )


def _looked_up(calendar: WorkingTime) -> tuple[set[date], set[date]]:
    """The public holidays of the country in the years of the calendar, and the free days people work to make up for them."""
    if calendar.holidays is None:
        return set(), set()
    from holidays import country_holidays  # noqa: PLC0415 — takes a fifth of a second, which few files need

    country, _, part = calendar.holidays.partition("-")
    years = range(calendar.first_year, calendar.last_year + 1)
    found = country_holidays(country, subdiv=part or None, years=years, expand=False)
    made_up = set(found.weekend_workdays)
    return {day for day in found if day.year in years}, {day for day in made_up if day.year in years}


def _offsets(zone: ZoneInfo, first_year: int, last_year: int) -> Iterator[tuple[str, int]]:
    """When the clocks of a zone change in these years: the moment, and how many seconds they are ahead of UTC from then on."""
    moment = datetime(first_year, 1, 1, tzinfo=zone).astimezone(UTC)
    end = datetime(last_year + 1, 1, 1, tzinfo=zone).astimezone(UTC)
    offset = _ahead(moment, zone)
    yield _text(moment), offset
    while moment < end:
        later = min(moment + _STEP, end)
        if _ahead(later, zone) != offset:
            later = _change(moment, later, zone)
            if later >= end:
                return
            offset = _ahead(later, zone)
            yield _text(later), offset
        moment = later


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second between two moments at which the offset is another one than at the first of them."""
    offset = _ahead(before, zone)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        before, after = (middle, after) if _ahead(middle, zone) == offset else (before, middle)
    return after


def _ahead(moment: datetime, zone: ZoneInfo) -> int:
    found = moment.astimezone(zone).utcoffset()
    assert found is not None
    return found // _SECOND


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
