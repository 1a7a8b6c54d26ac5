"""When people work: weekly hours, and the days that are otherwise. All days are explicit once a playbook was read."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

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


Hours = Annotated[
    str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
]
"""A stretch of working time on one day: `09:00-12:00`."""


class WorkingTime(Part):
    """The calendar business time is counted by, in the time zone of the playbook.

    `hours` are those of an ordinary week; a day that is not named is free. `first_year` and `last_year` bound what the calendar knows:
    business time outside them is unknown. `holidays` names a country (ISO 3166, `CN`) whose public holidays and make-up
    working days were looked up when the file was read; `days_off` and `working_days` hold all of them as explicit days, beside those of the author.
    A working day that falls on a free day of the week has the hours of `mon`, or of the first day that has some.
    `offsets` are the changes of the zone's offset in these years, as `[moment, seconds]`, the first one at their beginning.
    """

    hours: Mapping[Weekday, tuple[Hours, ...]] = Field(min_length=1)
    first_year: int = Field(ge=1990, le=2200)
    last_year: int = Field(ge=1990, le=2200)
    holidays: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    days_off: tuple[date, ...] = ()
    working_days: tuple[date, ...] = ()
    offsets: tuple[tuple[str, int], ...] = ()
