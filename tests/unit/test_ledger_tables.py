"""The page about the ledger names every table and every column, with the meaning the code gives them."""

from pathlib import Path

import pytest

from projections.ledger.tables import GONE, TABLES

PAGE = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text("utf-8")


@pytest.mark.parametrize("name", list(TABLES))
def test_every_table_and_column_is_documented(name):
    """A reader of an export finds there what a column means."""
    table = TABLES[name]
    section = PAGE.partition(f"\n### {name}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    assert table.row in section
    told = [line for line in section.splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in told] == list(table.columns)
    for line, (_, meaning) in zip(told, table.columns.values(), strict=True):
        assert line.endswith(f"| {meaning} |")


@pytest.mark.parametrize("name", list(TABLES))
def test_every_table_can_be_sorted_ended_and_put_on_a_position(name):
    """What the storage rests on: a position, a key, and ends that are taken from columns that are there."""
    table = TABLES[name]
    assert set(table.key) <= table.schema.keys()
    assert table.schema["position"] == table.noted["position"]
    assert set(table.ends) <= table.schema.keys()
    assert set(table.ends.values()) <= table.noted.keys()
    assert all(table.schema[end] == table.schema[source] for end, source in table.ends.items())
    assert GONE not in table.schema
    assert not table.ends or "position" in table.ends.values()


def test_a_replay_reads_no_outcome_with_its_decisions():
    """The two tables share what finds a row, and nothing else."""
    shared = set(TABLES["decisions"].columns) & set(TABLES["outcomes"].columns)
    assert shared == {"record", "kind", "position"}
