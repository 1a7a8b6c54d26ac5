"""Rows of a dataset as text: CSV for spreadsheets, JSON lines for programs; a batch at a time, however many there are."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
import polars as pl

from domain.rules.arithmetic import number_text
from domain.values import moment_text

_BATCH = 10_000
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def json_lines(rows: pl.LazyFrame) -> Iterator[bytes]:
    """Return each row as a JSON object on a line of its own."""
    for batch in rows.collect_batches(chunk_size=_BATCH, maintain_order=True):
        for row in batch.iter_rows(named=True):
            yield orjson.dumps({name: _plain(value) for name, value in row.items()}) + b"\n"


def csv_lines(rows: pl.LazyFrame) -> Iterator[bytes]:
    """Return the rows as CSV (RFC 4180) with a header; lists with blanks between their items, what is unknown empty.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    yield _line(rows.collect_schema().names())
    for batch in rows.collect_batches(chunk_size=_BATCH, maintain_order=True):
        for row in batch.iter_rows():
            yield _line([_cell(value) for value in row])


def _line(cells: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return _safe(" ".join(map(str, value)))
        case dict():
            return orjson.dumps(_plain(value)).decode()
        case str():
            return _safe(value)
        case _:
            return _plain(value)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return moment_text(value)
        case date():
            return value.isoformat()
        case Decimal():
            return number_text(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case _:
            return value
