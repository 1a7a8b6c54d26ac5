"""Every replayed decision and the law, against an independent implementation, over long generated histories (shard two of four)."""

import pytest
from support.oracle_comparing import assert_agree, replay_differences, tales_of

TALES = tales_of("replay two", 500)


@pytest.mark.parametrize("first", range(0, 500, 25))
def test_replay_says_what_the_oracle_says_and_the_law_holds(first):
    """Verdicts with their requirements, what hangs on erased values, delays, and the decisions the rules reproduce."""
    assert_agree(TALES[first : first + 25], replay_differences)
