"""Lookups as of a position: one walk through sorted keys and one search for each key say the same as looking at every row."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.replay import keyed as lookups
from projections.replay.keyed import KEY, SPAN, THERE, first_after, last_upto

KEYS = st.builds(lambda code, position: code * SPAN + position, st.integers(0, 3), st.integers(0, 9))
SOUGHT = st.one_of(st.just(-1), KEYS)


@pytest.fixture(params=[0, 1_000_000], ids=["walked through", "searched one by one"])
def _either_way(request, monkeypatch):
    monkeypatch.setattr(lookups, "_FEW", request.param)


def by_hand(rows: list[int], key: int) -> tuple[int | None, int]:
    """The place of the last row of the same record up to a key, and of the first row behind it."""
    upto = [place for place, row in enumerate(rows) if row <= key]
    of_record = [place for place in upto if rows[place] // SPAN == key // SPAN]
    return (of_record[-1] if of_record else None), len(upto)


@pytest.mark.usefixtures("_either_way")
@given(
    rows=st.lists(KEYS, max_size=30).map(sorted), sought=st.lists(SOUGHT, max_size=30), in_order=st.booleans()
)
def test_a_lookup_says_what_a_look_at_every_row_says(rows, sought, in_order):
    """Several rows of one event, records nobody has rows of, keys before all rows, and keys in any order."""
    table = pl.DataFrame({KEY: pl.Series(rows, dtype=pl.Int64), "place": range(len(rows))})
    keys = pl.Series(sorted(sought) if in_order else sought, dtype=pl.Int64)
    expected = [by_hand(rows, key) for key in keys]
    found = last_upto(table, keys, "place")
    assert found.get_column("place").to_list() == [last for last, _ in expected]
    assert found.get_column(THERE).to_list() == [last is not None for last, _ in expected]
    assert first_after(table, keys).to_list() == [behind for _, behind in expected]
