"""When people work: weekly hours, and the days that are otherwise. All days are explicit once a playbook was read."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from domain.playbook.part import Part


class Weekday(StrEnum):
    """A day of the week."""

    mon = "mon"
    tue = "tue"
    wed = "wed"
    thu = "thu"
    fri = "fri"
    sat = "sat"
    sun = "sun"


HOURS = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
COUNTRY = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"

Hours = Annotated[str, StringConstraints(pattern=HOURS)]
"""A stretch of working time on one day: `09:00-12:00`."""


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(given: object) -> object:
    """A day as YAML and JSON write it; no number of seconds, and no moment."""
    if isinstance(given, str) and _DAY.fullmatch(given):
        return given
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    raise ValueError("a day is written as 2026-02-17")


Day = Annotated[date, BeforeValidator(_day)]


class WorkingTime(Part):
    """The calendar business time is counted by, in the time zone of the playbook.

    `hours` are those of an ordinary week; a day that is not named is free. `first_year` and `last_year` bound what the calendar knows:
    business time outside them is unknown. `holidays` names a country (ISO 3166: `CN`, or `DE-BY` for a part of one) whose public holidays and
    make-up working days are looked up when the file is read; afterwards `days_off` and `working_days` hold all of them as explicit days, beside
    those of the author. Where the two disagree, the author is right.
    A working day that falls on a free day of the week has the hours of `mon`, or of the first day that has some.
    `offsets` are the changes of the zone's offset in these years, as `[moment, seconds]`, the first one at their beginning. They are looked up as well:
    a calendar that has them is explicit already and is taken as it is. Leave them out to have everything looked up anew.
    """

    hours: Mapping[Weekday, Annotated[tuple[Hours, ...], Field(max_length=8)]] = Field(min_length=1)
    first_year: int = Field(ge=1990, le=2200)
    last_year: int = Field(ge=1990, le=2200)
    holidays: Annotated[str, StringConstraints(pattern=COUNTRY)] | None = None
    days_off: tuple[Day, ...] = ()
    working_days: tuple[Day, ...] = ()
    offsets: tuple[tuple[str, int], ...] = ()

    @property
    def is_explicit(self) -> bool:
        """Whether everything was looked up: nothing outside the calendar says any more what is working time."""
        return bool(self.offsets)
