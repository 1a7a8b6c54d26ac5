"""The page about the tables of the ledger."""

import polars as pl

from infra.reference.wording import table
from projections.ledger.tables import TABLES, DataType


def ledger() -> str:
    """Every fact table: what one row is, and its columns with their types and meanings."""
    lines = [
        "# Tables of the ledger",
        "",
        "What the Parquet files of the [ledger](../ledger.md) and of its exports hold.",
        "Moments are UTC with microseconds, null where nobody knows them. Positions are those of the log. `until` and `left_position` are not included.",
        "A value is its canonical JSON as text.",
        "",
    ]
    for name, kept in TABLES.items():
        rows = [
            (f"`{column}`", _in_words(dtype), meaning) for column, (dtype, meaning) in kept.columns.items()
        ]
        lines += [f"## {name}", "", f"One row: {kept.row}.", "", *table(("column", "type", "meaning"), rows)]
    return "\n".join(lines)


def _in_words(dtype: DataType) -> str:
    """Tell a type of a column."""
    match dtype:
        case pl.List(inner=pl.Int64()):
            return "list of integers"
        case pl.List():
            return "list of text"
        case pl.Datetime():
            return "moment"
        case pl.Date():
            return "date"
        case pl.Int64():
            return "integer"
        case pl.Boolean():
            return "boolean"
        case pl.String():
            return "text"
    raise TypeError(f"no word for {dtype}")
