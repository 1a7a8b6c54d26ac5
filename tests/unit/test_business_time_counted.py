"""Business time agrees with an independent count, minute by minute, and its inverse finds the moment by which so much of it has passed."""

import random
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from commands.holiday_calendar import explicit
from domain.business_time import BusinessTime, ClockTime
from domain.playbook.working_time import WorkingTime

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BEGINS, ENDS = datetime(2025, 1, 2, tzinfo=UTC), datetime(2026, 12, 30, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LAW = settings(deadline=None, derandomize=True, max_examples=150)


def a_calendar(zone: str, **about: object) -> WorkingTime:
    return explicit(WorkingTime.model_validate({"first_year": 2025, "last_year": 2026, **about}), zone)


CALENDARS = {
    "office in Shanghai": (
        "Asia/Shanghai",
        a_calendar("Asia/Shanghai", hours=dict.fromkeys(WEEK[:5], ("09:00-12:00", "13:30-18:00")), holidays="CN"),
    ),
    # Works in the hours the clocks skip and show twice.
    "shifts in Berlin": (
        "Europe/Berlin",
        a_calendar(
            "Europe/Berlin",
            hours={**dict.fromkeys(WEEK[:5], ("06:15-14:00",)), "sat": ("22:00-24:00",), "sun": ("00:00-02:30", "02:45-06:00")},
            holidays="DE-BY",
        ),
    ),
    "mornings in Kathmandu": (
        "Asia/Kathmandu",
        a_calendar("Asia/Kathmandu", hours={"sun": ("07:05-11:55",), "wed": ("07:05-12:10",)}, working_days=["2025-06-05"]),
    ),
}  # fmt: skip
ZONED = pytest.mark.parametrize(("zone", "calendar"), CALENDARS.values(), ids=CALENDARS)
TIMES = {zone: BusinessTime.of(calendar) for zone, calendar in CALENDARS.values()}


def test_the_last_day_there_is_lies_outside_the_years_like_any_other():
    """No date comes after it; asked when it is over, a calendar says that it does not know."""
    for time in TIMES.values():
        assert (time.end_of(date.max), time.end_of(date.min)) == (None, None)
        assert time.end_of(date(2026, 12, 31)) is not None


# ── the independent count ────────────────────────────────────────────────────────────────────────────────────────────


@cache
def worked_before(zone: str) -> list[int]:
    """How many minutes of work lie before each minute of two years: every minute is looked up on the wall clock of its zone.

    It asks the zone itself for its offset every quarter of an hour, and the calendar only for its days and hours.
    """
    calendar = next(found for name, found in CALENDARS.values() if name == zone)
    hours = {str(name): list(told) for name, told in calendar.hours.items()}
    usual = next(hours[name] for name in WEEK if hours.get(name))
    before, wall = [0], ZoneInfo(zone)
    for quarter in range(int((ENDS - BEGINS).total_seconds()) // 900):
        shown = (BEGINS + timedelta(minutes=15 * quarter)).astimezone(wall)
        day, own = shown.date(), hours.get(WEEK[shown.weekday()], [])
        if day in calendar.days_off:
            own = []
        elif day in calendar.working_days:
            own = own or usual
        first = shown.hour * 60 + shown.minute
        for minute in range(first, first + 15):
            now = f"{minute // 60:02}:{minute % 60:02}"
            before.append(before[-1] + any(told[:5] <= now < told[6:] for told in own))
    return before


@ZONED
def test_ten_thousand_random_intervals_are_as_long_as_their_minutes(zone, calendar):
    """From minutes to two years long, a third of them around the changes of the clocks and the turn of the year."""
    counted, chances = worked_before(zone), random.Random(f"4 {zone}")
    last, near = len(counted) - 1, [86 * 1440, 296 * 1440, 363 * 1440, 450 * 1440, 660 * 1440]
    wrong = []
    for index in range(10_000):
        longest = (90, 3 * 1440, 40 * 1440, last)[index % 4]
        begin = chances.choice(near) + chances.randrange(-2880, 2880) if index % 3 == 0 else chances.randrange(last)  # fmt: skip
        end = min(begin + chances.randrange(longest), last)
        start, finish = (BEGINS + timedelta(minutes=minute) for minute in (begin, end))
        expected = counted[end] - counted[begin]
        if TIMES[zone].microseconds_between(start, finish) != expected * 60_000_000:
            wrong.append((start, finish, expected))
        # The minute in which so much work was done, found by looking for it in the count.
        done = TIMES[zone].moment_after(start, timedelta(minutes=expected))
        at = begin if expected == 0 else bisect_left(counted, counted[begin] + expected)
        if done != BEGINS + timedelta(minutes=at):
            wrong.append((start, expected, done, at))
    assert wrong == []


# ── the inverse ──────────────────────────────────────────────────────────────────────────────────────────────────────


def moments() -> st.SearchStrategy[datetime]:
    """Moments to the microsecond, often near a change of the clocks."""
    near = [datetime(2025, 3, 29, 18, tzinfo=UTC), datetime(2025, 10, 25, 18, tzinfo=UTC), datetime(2026, 12, 28, tzinfo=UTC)]  # fmt: skip
    anywhere = st.integers(0, (ENDS - BEGINS) // MICROSECOND).map(lambda us: BEGINS + us * MICROSECOND)
    close = st.builds(lambda about, us: about + us * MICROSECOND, st.sampled_from(near), st.integers(0, 86_400_000_000))  # fmt: skip
    return anywhere | close


DURATIONS = st.integers(0, 10) | st.integers(0, 200 * 3_600_000_000) | st.sampled_from([25_200_000_000, 27_900_000_000, 17_400_000_000])  # fmt: skip


@ZONED
@LAW
@given(start=moments(), us=DURATIONS)
@example(start=datetime(2025, 3, 30, 0, 0, tzinfo=UTC), us=1)
@example(start=datetime(2026, 12, 31, 0, 0, tzinfo=UTC), us=10**12)
def test_so_much_time_has_passed_at_that_moment_and_not_a_microsecond_earlier(zone, calendar, start, us):
    """The law of the inverse: exact, and the earliest of all moments of which it is true."""
    time = TIMES[zone]
    found = time.moment_after(start, us * MICROSECOND)
    if found is None:
        last = datetime(2027, 1, 1, tzinfo=ZoneInfo(zone)) - MICROSECOND
        assert time.microseconds_between(start, last) < us or us == 0
        return
    assert time.microseconds_between(start, found) == us
    if us:
        assert found > start
        assert time.microseconds_between(start, found - MICROSECOND) == us - 1
    else:
        assert found == start


@ZONED
@LAW
@given(start=moments(), first=DURATIONS, second=DURATIONS)
def test_waiting_twice_is_waiting_once(zone, calendar, start, first, second):
    """A ladder that counts on from the due moment and one that counts from the beginning ring at the same moments."""
    time = TIMES[zone]
    due = time.moment_after(start, first * MICROSECOND)
    on = None if due is None else time.moment_after(due, second * MICROSECOND)
    if first and second:
        assert on == time.moment_after(start, (first + second) * MICROSECOND)


@LAW
@given(start=moments(), us=DURATIONS)
def test_by_the_clock_every_microsecond_counts(start, us):
    time = ClockTime()
    found = time.moment_after(start, us * MICROSECOND)
    assert found == start + us * MICROSECOND
    assert time.microseconds_between(start, found) == us


def test_work_done_when_a_stretch_ends_is_done_at_its_end():
    """Not when the next one begins: whoever has the whole day is not late in the evening of it."""
    nine = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    time = TIMES["Asia/Shanghai"]
    assert time.moment_after(nine, timedelta(hours=7.5)) == nine + timedelta(hours=9)
    assert (
        time.moment_after(nine, timedelta(hours=7.5) + MICROSECOND) == nine + timedelta(days=1) + MICROSECOND
    )


def test_what_lies_outside_the_years_of_a_calendar_is_unknown():
    """Before the first year, after the last one, and where nobody ever works."""
    time = TIMES["Europe/Berlin"]
    berlin = ZoneInfo("Europe/Berlin")
    assert time.moment_after(datetime(2024, 12, 31, 23, tzinfo=berlin), timedelta(0)) is None
    assert time.moment_after(datetime(2027, 1, 1, tzinfo=berlin), timedelta(0)) is None
    assert time.moment_after(datetime(2026, 12, 30, tzinfo=berlin), timedelta(hours=100)) is None
    nobody = BusinessTime.of(a_calendar("UTC", hours={"mon": ("09:00-10:00",)}, first_year=2025, last_year=2025, days_off=[f"2025-{m:02}-{d:02}" for m in range(1, 13) for d in range(1, 29)] + [f"2025-{m:02}-{d}" for m in (1, 3, 5, 7, 8, 10, 12) for d in (29, 30, 31)] + [f"2025-{m:02}-{d}" for m in (4, 6, 9, 11) for d in (29, 30)]))  # fmt: skip
    assert nobody.moment_after(datetime(2025, 5, 5, tzinfo=UTC), timedelta(seconds=1)) is None
    assert ClockTime().moment_after(datetime(9999, 12, 31, tzinfo=UTC), timedelta(days=2)) is None


def test_time_does_not_pass_backwards():
    for time in (ClockTime(), TIMES["Asia/Shanghai"]):
        with pytest.raises(ValueError, match="less than nothing"):
            time.moment_after(BEGINS, -MICROSECOND)


@ZONED
@LAW
@given(day=st.dates(BEGINS.date(), ENDS.date()))
def test_a_day_is_over_when_the_clock_on_the_wall_shows_midnight(zone, calendar, day):
    over = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(days=1)
    assert TIMES[zone].end_of(day) == over.astimezone(UTC)
