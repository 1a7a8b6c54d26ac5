"""Values read from their JSON text, column by column, are those read from the values one by one."""

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from domain.rules import nodes as t
from domain.rules.types import ValueType
from projections.rule_columns import column_of, column_of_json

FIELDS = [
    t.Field("asked", kind, currency)
    for kind, currency in (
        (ValueType.number, None),
        (ValueType.money, "CNY"),
        (ValueType.money, "JPY"),
        (ValueType.money, "XXX"),
        (ValueType.date, None),
        (ValueType.datetime, None),
        (ValueType.boolean, None),
        (ValueType.choices, None),
        (ValueType.text, None),
        (ValueType.choice, None),
        (ValueType.phone, None),
    )
]
ODD = [
    "", " ", "5", "-5.25", "+5", "5e2", "0005", "1234567890123456", "0.0000001", "5000.00", "5000.001", "NaN",
    "2026-02-28", "2026-02-30", "0001-01-01", "10000-01-01", "2026-02-28T08:00:00.000000Z", "2026-02-28T08:00:00+08:00",
    "2026-02-28T25:00:00.000000Z", 'say "no"', "back\\slash", "zwei\nZeilen", "中文", "true", "[]", "{}",
    True, False, None, 0, 5, [], ["a", "b"], [1],
    {"amount": "5000.00", "currency": "CNY"}, {"amount": "5000", "currency": "JPY"}, {"amount": "5000.5", "currency": "JPY"},
    {"amount": "5000.00", "currency": "EUR"}, {"amount": "5000.00", "currency": "XXX"}, {"amount": 5, "currency": "CNY"},
    {"amount": "5000.00"}, {"$sealed": {"subject": "a/b", "generation": 1, "value": "x"}},
]  # fmt: skip
stored = st.sampled_from(ODD) | st.text(max_size=12) | st.decimals(-(10**9), 10**9, places=2).map(str)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.type.value} {field.currency or ''}")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(values=st.lists(stored, max_size=12))
def test_a_replay_reads_values_from_their_json_as_from_the_values(field, values):
    """Plain spellings and odd ones, empty and sealed ones, in one column."""
    texts = pl.Series(
        [
            None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
            for value in values
        ],
        dtype=pl.String,
    )
    assert_series_equal(column_of_json(field, texts), column_of(field, values))
