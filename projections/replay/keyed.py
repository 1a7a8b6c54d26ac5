"""Rows found by record and position: one whole number says both, so that looking something up is a search in a sorted column.

As-of lookups go by log position. A record's number is its place among the records that are looked at.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

CODE: Final = "#code"
KEY: Final = "#key"

SPAN: Final = 2**40
"""More positions than a log will ever have; leaves 2^23 records for a partition."""


def names_of(*records: pl.Series) -> pl.DataFrame:
    """Number records, each once, in the order of their names."""
    return names_of_each([records])


def names_of_each(parts: Iterable[Sequence[pl.Series]]) -> pl.DataFrame:
    """Number the records of partitions, each once, on from one to the next, in the order of their names within each: that is how rows are read."""
    named = pl.concat(pl.concat(records).unique().drop_nulls().sort() for records in parts).alias("record")
    if named.len() >= 2**23:
        raise ValueError(f"partitions of {named.len():,} records are too large; rebuild the ledger with more")
    return pl.DataFrame([named, pl.int_range(named.len(), dtype=pl.Int64, eager=True).alias(CODE)])


def codes(records: pl.Series, names: pl.DataFrame) -> pl.Series:
    """Return the number of each row's record, null where it is not looked at; a run of equal names is looked up once."""
    run = records.rle_id()
    first = records.filter(run.ne_missing(run.shift(1))).alias("record").to_frame()
    return first.join(names, on="record", how="left", maintain_order="left").get_column(CODE).gather(run)


def keyed(
    table: pl.DataFrame, names: pl.DataFrame, *, record: str = "record", bare: bool = False
) -> pl.DataFrame:
    """Return the rows of the records that are looked at, sorted by record and position, which `KEY` says in one.

    Of a `bare` table the names of the records are left out: it is looked up in, and they take time.
    """
    found = table.with_columns(codes(table.get_column(record), names))
    if bare:
        found = found.drop(record)
    if found.get_column(CODE).has_nulls():
        found = found.filter(pl.col(CODE).is_not_null())
    found = found.with_columns((pl.col(CODE) * SPAN + pl.col("position")).alias(KEY))
    return found if found.get_column(KEY).is_sorted() else found.sort(KEY, maintain_order=True)


def wanted(rows: pl.DataFrame, upto: str) -> pl.Series:
    """Return the key each row looks for: its record, and the position up to which things are known."""
    return rows.select(pl.col(CODE) * SPAN + pl.col(upto)).to_series()


def last_at(table: pl.DataFrame, keys: pl.Series) -> pl.Series:
    """Return the place of the last row of the same record up to each key; null where there is none."""
    if table.is_empty():
        return pl.repeat(None, keys.len(), dtype=pl.Int64, eager=True)
    sorted_keys = pl.lit(table.get_column(KEY))
    key = pl.lit(keys)
    place = sorted_keys.search_sorted(key, side="right").cast(pl.Int64) - 1
    is_there = (place >= 0) & (sorted_keys.gather(place.clip(0)) // SPAN == key // SPAN)
    return pl.select(pl.when(is_there).then(place)).to_series()


def first_after(table: pl.DataFrame, keys: pl.Series) -> pl.Series:
    """Return the place of the first row behind each key."""
    return table.get_column(KEY).search_sorted(keys, side="right").cast(pl.Int64)
