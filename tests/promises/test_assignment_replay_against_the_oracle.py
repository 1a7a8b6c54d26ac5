"""Assignment replayed, against an independent implementation that reads the same log as plain dictionaries."""

from collections import Counter

import pytest
from support.oracle_assigning import assigned, compared, differences

SEEDS = range(300, 320)


@pytest.mark.parametrize("seed", SEEDS)
def test_assignment_replayed_and_its_law_say_what_the_oracle_says(seed: int) -> None:
    """Every search of the draft, in its order: who it finds, everybody who is judged with their numbers, and what would be gone or new."""
    assert differences(*compared(seed)) == []


def test_the_drafts_that_are_compared_in_the_replay_law_change_something() -> None:
    """Where a draft changed nothing, agreeing would be no promise."""
    totals, whys = Counter[str](), Counter[str]()
    for seed in SEEDS:
        company, draft, after = compared(seed)
        impact = assigned(company, draft, after=after).impact
        totals.update(impact["totals"])
        whys.update({reason["why"]: reason["count"] for reason in impact["why"]})
    assert min(totals["unchanged"], totals["changed"], totals["gone"], totals["new"]) >= 20
    assert min(whys[why] for why in ("at capacity", "daily limit", "passed on", "owned already", "tried again")) >= 3  # fmt: skip
