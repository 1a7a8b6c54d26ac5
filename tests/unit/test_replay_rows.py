"""Rows of datasets as text: nothing is lost on the way, and no spreadsheet takes a text for a formula."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from projections.replay_rows import csv_lines, json_lines

ROWS = pl.DataFrame(
    {
        "record": ["deal/dea_1", None],
        "at": [datetime(2026, 3, 2, 9, tzinfo=UTC), None],
        "requirements": [["field:a", "condition:b"], []],
        "never": [True, None],
        "value": [Decimal("80.500000"), None],
        "seconds": [-5, None],
        "reason": [{"what": "score", "before": Decimal("1.50")}, None],
    },
    schema_overrides={"requirements": pl.List(pl.String())},
)


def test_json_lines_hold_every_value():
    first, second = (json.loads(line) for line in b"".join(json_lines(ROWS.lazy())).splitlines())
    assert first == {
        "record": "deal/dea_1", "at": "2026-03-02T09:00:00.000000Z", "requirements": ["field:a", "condition:b"], "never": True,
        "value": "80.5", "seconds": -5, "reason": {"what": "score", "before": "1.5"},
    }  # fmt: skip
    assert second["record"] is None
    assert second["requirements"] == []


def test_csv_has_a_header_and_leaves_unknown_empty():
    first, second = csv.DictReader(io.StringIO(b"".join(csv_lines(ROWS.lazy())).decode()))
    assert (first["requirements"], first["never"], first["value"], first["seconds"]) == ("field:a condition:b", "true", "80.5", "-5")  # fmt: skip
    assert set(second.values()) == {""}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@cmd", "\tx", "\rx"])
def test_no_text_becomes_a_formula(text):
    rows = pl.DataFrame({"record": [text], "names": [[text]]})
    [row] = csv.DictReader(io.StringIO(b"".join(csv_lines(rows.lazy())).decode(), newline=""))
    assert row["record"] == row["names"] == f"'{text}"
