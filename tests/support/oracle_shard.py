"""The promise that replay, metrics and indices say what the oracle says, over a shard of long generated histories.

A test file that imports everything from here and names its `SHARD` holds the promise over that shard; files are what tests are given
to processes by, so shards run beside each other.
"""

import pytest

from support.oracle_census import assert_long_and_holding_everything
from support.oracle_comparing import Differences, assert_agree, replay_differences, tales_of
from support.oracle_measuring import metric_and_index_differences
from support.oracle_moving import mover_differences
from support.oracle_shelf import Shelf, shelf_of, shelved
from support.oracle_standing import gate_state_differences

__all__ = [
    "shelf",
    "test_metrics_and_indices_say_what_the_oracle_says",
    "test_replay_says_what_the_oracle_says_and_the_law_holds",
    "test_the_histories_of_the_oracle_are_long_and_hold_everything",
    "test_what_moves_an_index_is_what_the_oracle_says",
    "test_where_records_stand_and_what_they_lack_is_what_the_oracle_says",
]

HISTORIES = 500
TOGETHER = 25
MANY = 5 * TOGETHER
MOVING = 15
"""So many of each `MANY` histories are asked what moved their indices: every value of every period is worked out twice on both sides."""


@pytest.fixture(scope="module")
def shelf(request: pytest.FixtureRequest) -> Shelf:
    """The histories of the shard, told once."""
    return shelf_of(tales_of(request.module.SHARD, HISTORIES))


def asked(shelf: Shelf, first: int, count: int, differences: Differences) -> None:
    """Ask both about some histories of the shard."""
    some = shelved(it.as_long for it in shelf.volumes[first : first + count])
    assert_agree(some, first // TOGETHER, differences)


def test_the_histories_of_the_oracle_are_long_and_hold_everything(shelf: Shelf) -> None:
    """Median of thirty events and more; each class in a tenth of them; each kind of decision with both outcomes in a twentieth."""
    assert_long_and_holding_everything([volume.told.log for volume in shelf.volumes])


@pytest.mark.parametrize("first", range(0, HISTORIES, TOGETHER))
def test_replay_says_what_the_oracle_says_and_the_law_holds(shelf: Shelf, first: int) -> None:
    """Verdicts with their requirements, erased values, delays, the decisions the rules reproduce, and everything the impact counts."""
    asked(shelf, first, TOGETHER, replay_differences)


@pytest.mark.parametrize("first", range(0, HISTORIES, MANY))
def test_where_records_stand_and_what_they_lack_is_what_the_oracle_says(shelf: Shelf, first: int) -> None:
    """Every open record: its step, the next one, and what is missing for it under the draft and under the version in force."""
    asked(shelf, first, MANY, gate_state_differences)


@pytest.mark.parametrize("first", range(0, HISTORIES, MANY))
def test_metrics_and_indices_say_what_the_oracle_says(shelf: Shelf, first: int) -> None:
    """Cells, cases, scores, weights, caps and bands, as of any position."""
    asked(shelf, first, MANY, metric_and_index_differences)


@pytest.mark.parametrize("first", range(0, HISTORIES, MANY))
def test_what_moves_an_index_is_what_the_oracle_says(shelf: Shelf, first: int) -> None:
    """Values of both sides, bands, the difference, reasons that add up to it, and which cells the impact names first."""
    asked(shelf, first, MOVING, mover_differences)
