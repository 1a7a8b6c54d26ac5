"""The tables of the ledger are fit to be kept, ended and replayed."""

import pytest

from projections.ledger.tables import GONE, TABLES


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
