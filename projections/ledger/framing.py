"""Between what events hold and what columns hold: moments, values, and rows turned into columns."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import orjson
import polars as pl

from domain.values import Stored
from projections.ledger.tables import MOMENT, NUMBER, TABLES, Moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Row: TypeAlias = tuple[Any, ...]
"""A row as flattening notes it: without ends, moments as whole numbers."""


def framed(table: str, rows: Sequence[Row]) -> pl.DataFrame:
    """Turn rows of one table, as flattening notes them, into columns."""
    schema = TABLES[table].noted
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pl.DataFrame(
        [_series(name, dtype, column) for (name, dtype), column in zip(schema.items(), columns, strict=True)]
    )


def microseconds(moment: datetime | None) -> Moment:
    """Count the microseconds since 1970-01-01T00:00:00Z, exactly."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def canonical(value: Stored) -> str | None:
    """Spell a value as the log does; nothing for an empty one."""
    if value is None:
        return None
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _series(name: str, dtype: pl.DataType, column: Sequence[Any]) -> pl.Series:
    if dtype == MOMENT:
        # From whole numbers: making a column of Python moments takes ten times as long.
        return pl.Series(name, column, dtype=NUMBER).cast(MOMENT)
    if isinstance(dtype, pl.List):
        # Almost all are empty, and an empty list costs Polars a hundred times as much as a null.
        return pl.Series(name, [listed or None for listed in column], dtype=dtype).fill_null([])
    return pl.Series(name, column, dtype=dtype)
