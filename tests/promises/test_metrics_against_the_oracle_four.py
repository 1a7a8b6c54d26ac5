"""Metrics, their cases, and indices, against an independent implementation, over long generated histories (shard four of four)."""

import pytest
from support.oracle_comparing import assert_agree, some_metrics, tales_of

TALES = tales_of("metrics four", 500)


@pytest.mark.parametrize("first", range(0, 500, 25))
def test_metrics_and_indices_say_what_the_oracle_says(first):
    """Cells, cases, scores, weights, caps and bands, as of any position."""
    assert_agree(TALES[first : first + 25], some_metrics)
