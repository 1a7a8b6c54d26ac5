"""Replay, its law, metrics and indices, against an independent implementation, over long generated histories (shard one of four)."""

import pytest
from support.oracle_census import assert_long_and_holding_everything
from support.oracle_comparing import assert_agree, replay_differences, tales_of
from support.oracle_measuring import metric_and_index_differences
from support.oracle_shelf import shelf_of, shelved

HISTORIES = 500
TOGETHER = 25


@pytest.fixture(scope="module")
def shelf():
    """The histories of the shard, told once."""
    return shelf_of(tales_of("one", HISTORIES))


def test_the_histories_of_the_oracle_are_long_and_hold_everything(shelf):
    """Median of thirty events and more; each class in a tenth of them; each kind of decision with both outcomes in a twentieth."""
    assert_long_and_holding_everything([volume.told.log for volume in shelf.volumes])


@pytest.mark.parametrize("first", range(0, HISTORIES, TOGETHER))
def test_replay_says_what_the_oracle_says_and_the_law_holds(shelf, first):
    """Verdicts with their requirements, what hangs on erased values, delays, and the decisions the rules reproduce."""
    some = shelf.volumes[first : first + TOGETHER]
    assert_agree(shelved((it.told, it.tale, None) for it in some), first // TOGETHER, replay_differences)


@pytest.mark.parametrize("first", range(0, HISTORIES, 5 * TOGETHER))
def test_metrics_and_indices_say_what_the_oracle_says(shelf, first):
    """Cells, cases, scores, weights, caps and bands, as of any position."""
    some = shelf.volumes[first : first + 5 * TOGETHER]
    assert_agree(
        shelved((it.told, it.tale, None) for it in some), first // TOGETHER, metric_and_index_differences
    )
