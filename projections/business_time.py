"""Business time by column: the same working time as `domain.business_time`, for a million pairs of moments at once."""

import polars as pl

from domain.business_time import BusinessTime

_SECOND_US = 1_000_000


def business_seconds(start: pl.Series, end: pl.Series, time: BusinessTime) -> pl.Series:
    """Return the working time from each moment to its end in whole seconds, as Int64, what is left over cut off.

    `start` and `end` are moments (`Datetime` with a time zone, any unit) or microseconds since 1970 (`Int64`).
    Null where either is null or outside the years of the calendar, or the end before the start. The result has the name of `start`.
    """
    since, until = _microseconds(start), _microseconds(end)
    known = (since >= time.known_from_us) & (until < time.known_until_us) & (since <= until)
    worked = _worked_by(until, time) - _worked_by(since, time)
    return (
        (worked // _SECOND_US).zip_with(known.fill_null(value=False), _nothing(len(start))).rename(start.name)
    )


def _worked_by(moments: pl.Series, time: BusinessTime) -> pl.Series:
    """How much working time there was since the calendar began, by any moment it knows; elsewhere whatever, as nobody reads it."""
    if not time.starts_us:
        return pl.zeros(len(moments), dtype=pl.Int64, eager=True)
    starts, ends = _int64(time.starts_us), _int64(time.ends_us)
    asked = moments.fill_null(time.known_from_us)
    # Before the first stretch the first one counts, of which nothing was worked yet.
    stretch = (starts.search_sorted(asked, side="right").cast(pl.Int64) - 1).clip(lower_bound=0)
    begun, ended = starts.gather(stretch), ends.gather(stretch)
    frame = pl.DataFrame({"asked": asked, "begun": begun, "ended": ended})
    into = frame.select((pl.min_horizontal("asked", "ended") - pl.col("begun")).clip(lower_bound=0))
    return _int64(time.before_us).gather(stretch) + into.to_series()


def _microseconds(moments: pl.Series) -> pl.Series:
    if isinstance(moments.dtype, pl.Datetime):
        if moments.dtype.time_zone is None:
            raise TypeError("a moment needs its time zone")
        return moments.dt.epoch("us")
    return moments.cast(pl.Int64)


def _int64(values: tuple[int, ...]) -> pl.Series:
    return pl.Series(values, dtype=pl.Int64)


def _nothing(length: int) -> pl.Series:
    return pl.Series([None], dtype=pl.Int64).new_from_index(0, length)
