"""Rows found by record and position: one whole number says both, so that looking something up is a search in a sorted column.

As-of lookups go by log position. A record's number is its place among the records that are looked at.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

CODE: Final = "#code"
KEY: Final = "#key"
THERE: Final = "#there"

_FEW: Final = 20
_FOUND: Final = "#found"
_PLACE: Final = "#place"

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
    numbers = codes(table.get_column(record), names)
    found = (table.drop(record) if bare else table).with_columns(numbers)
    if found.get_column(CODE).has_nulls():
        found = found.filter(pl.col(CODE).is_not_null())
    found = found.with_columns((pl.col(CODE) * SPAN + pl.col("position")).alias(KEY))
    return found if found.get_column(KEY).is_sorted() else found.sort(KEY, maintain_order=True)


def wanted(rows: pl.DataFrame, upto: str) -> pl.Series:
    """Return the key each row looks for: its record, and the position up to which things are known."""
    return rows.get_column(CODE) * SPAN + rows.get_column(upto)


def last_upto(table: pl.DataFrame, keys: pl.Series, *columns: str) -> pl.DataFrame:
    """Return some columns of the last row of the same record up to each key, null where there is none, and in `THERE` whether there is one."""
    # Two keys are of one record when they differ in nothing above the position.
    is_there = ((pl.col(KEY) >= 0) & (pl.col(KEY).xor(pl.col(_FOUND)) < SPAN)).fill_null(value=False)
    told = (pl.when(is_there).then(pl.col(name)).alias(name) for name in columns)
    return _at_once(_before(table, keys, *columns).select(is_there.alias(THERE), *told))


def first_after(table: pl.DataFrame, keys: pl.Series) -> pl.Series:
    """Return the place of the first row behind each key."""
    placed = pl.DataFrame([table.get_column(KEY), pl.int_range(table.height, eager=True).alias(_PLACE)])
    found = _before(placed, keys, _PLACE).select(pl.col(_PLACE).fill_null(-1) + 1)
    return _at_once(found).to_series()


def _before(table: pl.DataFrame, keys: pl.Series, *columns: str) -> pl.LazyFrame:
    """Give each key the last row of any record up to it: its own key as `_FOUND`, and some of its columns; null where there is none."""
    asked = keys.alias(KEY).to_frame()
    is_few = keys.len() * _FEW < table.height
    if is_few or keys.has_nulls() or not keys.is_sorted():
        place = table.get_column(KEY).search_sorted(keys, side="right").cast(pl.Int64) - 1
        known = place.set(place < 0, None)
        return asked.hstack(
            table.select(pl.col(KEY).gather(known).alias(_FOUND), pl.col(columns).gather(known))
        ).lazy()
    # Many that are sorted are found in one walk through both, several times as fast as one by one.
    rows = table.lazy().select(pl.col(KEY).set_sorted(), pl.col(KEY).alias(_FOUND), *columns)
    return asked.lazy().select(pl.col(KEY).set_sorted()).join_asof(rows, on=KEY)


def _at_once(rows: pl.LazyFrame) -> pl.DataFrame:
    """Work something small out: to look for a better way to do it would take longer than doing it."""
    return rows.collect(optimizations=pl.QueryOptFlags.none())
