"""Business time equals counting the minutes and seconds of the wall clock, in scalars and in columns."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from commands.holiday_calendar import explicit
from domain.business_time import BusinessTime
from domain.playbook.working_time import WorkingTime
from projections.business_time import business_seconds

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE = ("09:00-12:00", "13:30-18:00")


def a_calendar(zone: str, **about: object) -> WorkingTime:
    given_hours = about.pop("hours", None) or dict.fromkeys(WEEKDAYS[:5], OFFICE)
    return explicit(
        WorkingTime.model_validate({"hours": given_hours, "first_year": 2025, "last_year": 2026, **about}),
        zone,
    )


CALENDARS = {
    "office in Shanghai": ("Asia/Shanghai", a_calendar("Asia/Shanghai", holidays="CN")),
    # Works through the nights the clocks change in, Saturday to Sunday, in hours they skip or show twice.
    "shifts in Berlin": (
        "Europe/Berlin",
        a_calendar(
            "Europe/Berlin",
            hours={
                **dict.fromkeys(WEEKDAYS[:5], ("06:15-14:00",)),
                "sat": ("22:00-24:00",),
                "sun": ("00:00-02:30", "02:45-06:00"),
            },
            holidays="DE-BY",
        ),
    ),
    "mornings in Kathmandu": (
        "Asia/Kathmandu",
        a_calendar(
            "Asia/Kathmandu",
            hours={"sun": ("07:05-11:55",), "wed": ("07:05-11:55", "11:55-12:10")},
            days_off=[date(2025, 6, 4)],
            working_days=[date(2025, 6, 5), date(2026, 2, 1)],
        ),
    ),
}
LAW = settings(deadline=None, derandomize=True)
ZONED = pytest.mark.parametrize(("zone", "calendar"), CALENDARS.values(), ids=CALENDARS)
TIMES = {zone: BusinessTime.of(calendar) for zone, calendar in CALENDARS.values()}
BERLIN, IN_BERLIN = CALENDARS["shifts in Berlin"][1], ZoneInfo("Europe/Berlin")


def is_working(calendar: WorkingTime, moment: datetime, zone: ZoneInfo) -> bool:
    """What a person who looks at the calendar and at the clock on the wall says; the zone is asked, not the calendar's offsets."""
    shown = moment.astimezone(zone)
    day, hours = shown.date(), {str(day): list(hours) for day, hours in calendar.hours.items()}
    of_the_day = hours.get(WEEKDAYS[day.weekday()], [])
    if day in calendar.days_off:
        return False
    if day in calendar.working_days and not of_the_day:
        of_the_day = next(hours[name] for name in WEEKDAYS if hours.get(name))
    now = shown.strftime("%H:%M")
    return any(begin <= now < end for begin, end in (stretch.split("-") for stretch in of_the_day))


def counted(calendar: WorkingTime, start: datetime, end: datetime, zone: ZoneInfo, step: timedelta) -> int:
    """How many steps from start to end begin in working time."""
    moments = (start + index * step for index in range((end - start) // step))
    return sum(is_working(calendar, moment, zone) for moment in moments)


def moments(whole: int = 60) -> st.SearchStrategy[datetime]:
    """Moments within the calendars, at whole minutes or seconds; often near a change of the clocks or the turn of a year."""
    near = [
        datetime(2025, 3, 29, 18, tzinfo=UTC), datetime(2025, 10, 25, 18, tzinfo=UTC), datetime(2025, 1, 1, 8, tzinfo=UTC),
        datetime(2025, 12, 31, 8, tzinfo=UTC), datetime(2026, 2, 13, 12, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC),
    ]  # fmt: skip
    anywhere = st.integers(0, 700 * 86_400 // whole).map(lambda n: datetime(2025, 1, 2, tzinfo=UTC) + timedelta(seconds=n * whole))  # fmt: skip
    close = st.builds(
        lambda about, n: about + timedelta(seconds=n * whole),
        st.sampled_from(near),
        st.integers(0, 86_400 // whole),
    )
    return st.one_of(anywhere, close)


# ── the law ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@ZONED
@settings(LAW, max_examples=40)
@given(start=moments(), minutes=st.integers(0, 3 * 24 * 60))
def test_business_time_is_the_minutes_at_which_the_wall_clock_shows_working_hours(
    zone, calendar, start, minutes
):
    """Counted one by one, by the zone itself and in another way of thinking: no stretches, no offsets."""
    end = start + timedelta(minutes=minutes)
    found = TIMES[zone].seconds_between(start, end)
    assert found == 60 * counted(calendar, start, end, ZoneInfo(zone), timedelta(minutes=1))


@ZONED
@settings(LAW, max_examples=25)
@given(start=moments(1), seconds=st.integers(0, 1_500))
def test_business_time_is_exact_to_the_second(zone, calendar, start, seconds):
    end = start + timedelta(seconds=seconds)
    found = TIMES[zone].seconds_between(start, end)
    assert found == counted(calendar, start, end, ZoneInfo(zone), timedelta(seconds=1))


@ZONED
@LAW
@given(several=st.lists(st.tuples(moments(1), st.integers(0, 999_999)), min_size=3, max_size=3))
def test_business_time_adds_up_and_never_decreases(zone, calendar, several):
    """To the microsecond; and no more than the time that passed."""
    first, middle, last = sorted(moment + timedelta(microseconds=rest) for moment, rest in several)
    time = TIMES[zone]
    early, late = time.microseconds_between(first, middle), time.microseconds_between(middle, last)
    whole = time.microseconds_between(first, last)
    assert early is not None
    assert late is not None
    assert whole == early + late
    assert 0 <= early <= (middle - first) // timedelta(microseconds=1)
    assert time.seconds_between(first, last) == whole // 1_000_000


@ZONED
@LAW
@given(
    pairs=st.lists(
        st.tuples(st.none() | moments(1), st.none() | moments(1), st.integers(-999_999, 999_999)), max_size=30
    )
)
@example(pairs=[])
@example(pairs=[(None, None, 0)])
def test_a_column_of_business_time_is_what_each_row_is(zone, calendar, pairs):
    """Nulls, ends before their start and moments of other years among them; in microseconds as in moments."""
    time = TIMES[zone]
    years_ago = timedelta(days=4_000)
    rows = [
        (
            start and start - (years_ago if index % 7 == 3 else timedelta()),
            end and end + timedelta(microseconds=rest),
        )
        for index, (start, end, rest) in enumerate(pairs)
    ]
    expected = [None if None in row else time.seconds_between(*row) for row in rows]  # type: ignore[arg-type]
    start = pl.Series("entered_at", [row[0] for row in rows], dtype=pl.Datetime("us", "UTC"))
    end = pl.Series("left_at", [row[1] for row in rows], dtype=pl.Datetime("us", "UTC"))
    found = business_seconds(start, end, time)
    assert (found.to_list(), found.dtype, found.name) == (expected, pl.Int64, "entered_at")
    assert business_seconds(start.dt.epoch("us"), end.dt.epoch("us"), time).to_list() == expected


# ── what the law rests on ────────────────────────────────────────────────────────────────────────────────────────────


def stretches(time: BusinessTime) -> Iterator[tuple[int, int, int]]:
    return zip(time.starts_us, time.ends_us, time.before_us, strict=True)


@ZONED
def test_working_stretches_are_in_order_and_say_what_came_before(zone, calendar):
    time, total, last = TIMES[zone], 0, 0
    for start, end, before in stretches(time):
        assert (last < start < end, before) == (True, total)
        total, last = total + end - start, end
    assert time.known_from_us <= time.starts_us[0]
    assert time.ends_us[-1] <= time.known_until_us


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        # 30 March 2025: at 02:00 the clocks show 03:00. 26 October 2025: at 03:00 they show 02:00 once more.
        ((2025, 3, 30, 0, 0), (2025, 3, 30, 6, 0), 5),
        ((2025, 10, 26, 0, 0), (2025, 10, 26, 6, 0), 6 + 0.5),
        ((2025, 4, 6, 0, 0), (2025, 4, 6, 6, 0), 5.75),
    ],
)
def test_an_hour_the_clocks_skip_is_none_and_one_they_show_twice_is_two(start, end, hours):
    """Half past two to a quarter to three is a break, once on most Sundays, never or twice on two of them."""
    begin, finish = (datetime(*part, tzinfo=IN_BERLIN) for part in (start, end))
    assert BusinessTime.of(BERLIN).seconds_between(begin, finish) == hours * 3_600


def test_a_make_up_saturday_has_the_hours_of_monday_and_a_holiday_has_none():
    calendar = CALENDARS["office in Shanghai"][1]
    zone = ZoneInfo("Asia/Shanghai")
    worked = {
        day: BusinessTime.of(calendar).seconds_between(
            datetime.combine(day, time(0), zone), datetime.combine(day + timedelta(days=1), time(0), zone)
        )
        for day in (date(2026, 2, 14), date(2026, 2, 17), date(2026, 3, 2), date(2026, 3, 7))
    }
    assert list(worked.values()) == [27_000, 0, 27_000, 0]


def test_moments_outside_the_years_are_unknown():
    """The last moment of the last year is known, the first one of the next is not."""
    calendar, zone = CALENDARS["office in Shanghai"][1], ZoneInfo("Asia/Shanghai")
    time, within = BusinessTime.of(calendar), datetime(2026, 5, 6, tzinfo=zone)
    begins, ends = datetime(2025, 1, 1, tzinfo=zone), datetime(2027, 1, 1, tzinfo=zone)
    a_moment = timedelta(microseconds=1)
    assert time.seconds_between(begins, within) is not None
    assert time.seconds_between(begins - a_moment, within) is None
    assert time.seconds_between(within, ends - a_moment) is not None
    assert time.seconds_between(within, ends) is None


def test_an_end_before_its_start_has_no_length():
    """It is not 0: whoever measures has to say what such an order means to them."""
    time, moment = BusinessTime.of(BERLIN), datetime(2026, 5, 6, 9, tzinfo=UTC)
    assert time.seconds_between(moment, moment) == 0
    assert time.seconds_between(moment, moment - timedelta(microseconds=1)) is None


def test_a_moment_without_an_offset_is_refused():
    naive = datetime(2026, 5, 6, 9)  # noqa: DTZ001 — that is what is refused
    with pytest.raises(TypeError):
        BusinessTime.of(BERLIN).seconds_between(naive, naive)
    with pytest.raises(TypeError, match="time zone"):
        business_seconds(pl.Series([naive]), pl.Series([naive]), BusinessTime.of(BERLIN))


def test_a_calendar_that_was_never_looked_up_is_refused():
    """Nothing is assumed about the zone."""
    written = WorkingTime.model_validate({"hours": {"mon": OFFICE}, "first_year": 2025, "last_year": 2025})
    with pytest.raises(ValueError, match="offsets"):
        BusinessTime.of(written)


def test_a_week_without_a_working_day_left_has_no_business_time():
    """All of its days may be off; the column knows it too."""
    off = [date(2025, 1, 1) + timedelta(days=index) for index in range(730)]
    time = BusinessTime.of(a_calendar("UTC", hours={"mon": ("09:00-10:00",)}, days_off=off))
    start, end = datetime(2025, 5, 5, tzinfo=UTC), datetime(2025, 5, 6, tzinfo=UTC)
    assert (time.starts_us, time.seconds_between(start, end)) == ((), 0)
    assert business_seconds(pl.Series([start]), pl.Series([end]), time).to_list() == [0]
