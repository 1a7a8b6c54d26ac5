"""The law of replay for deadlines: the published rules say again what was noticed; product and oracle agree on that and on what drafts change."""

from collections import Counter
from typing import Any

import pytest
from support.deadline_comparing import differences, replayed
from support.deadline_histories import CLOCKS, tell

TALES = range(10)


@pytest.mark.parametrize("seed", TALES)
def test_the_law_of_replay_and_every_verdict_are_those_of_the_oracle(seed: int) -> None:
    """Whatever the clock did and whatever was published on the way: the same firings, the same people, the same reasons."""
    assert differences(seed, seed) == []


@pytest.mark.parametrize("seed", TALES)
def test_the_law_of_replay_holds_for_every_firing(seed: int) -> None:
    """Rung, repetition, due moment, people, what was skipped and the version: word for word, all of them."""
    told = tell(seed)
    law = replayed(told).law
    assert law.decisions == law.reproduced == len(told.firings) > 10
    assert (law.erased, law.different) == (0, [])


def test_the_tales_hold_what_the_law_of_replay_is_about() -> None:
    """Every clock, rungs that were skipped, repetitions, limits of approvals and of checklists, work, dates; and every verdict."""
    firings = [event for seed in TALES for event in tell(seed).firings]
    names = Counter(event.deadline for event in firings)
    assert {"diagnosed", "offered", "silent", "decided", "met", "answered", "shown", "agreed"} <= names.keys()
    assert any(name.startswith("approvals.") for name in names)
    assert any(name.startswith("work.") for name in names)
    assert sum(bool(event.skipped) for event in firings) > 10
    assert any(event.repeat for event in firings)
    assert {seed % len(CLOCKS) for seed in TALES} == set(range(len(CLOCKS)))
    counted: Counter[Any] = Counter()
    for seed in TALES:
        impact = replayed(tell(seed), tell(seed).draft(seed)).impact
        counted.update({verdict: count for verdict, count in impact["totals"].items() if count})
        counted.update(item["why"] for item in impact["why"])
    assert {"unchanged", "changed", "gone", "new", "not_judgeable"} <= counted.keys()
    assert {"due later", "due earlier", "told others", "the clock was not there"} <= counted.keys()


@pytest.mark.parametrize("seed", range(len(CLOCKS)))
def test_by_the_law_of_replay_a_draft_that_is_in_force_changes_nothing(seed: int) -> None:
    """The very same playbook as a draft leaves every firing as it was, whatever the clock did: its lateness is no change of rules."""
    told = tell(seed, is_settled=True)
    found = replayed(told, told.in_force())
    assert found.impact["totals"]["unchanged"] == len(told.firings) > 10
    assert {found.impact["totals"][verdict] for verdict in ("changed", "gone", "new")} == {0}
    assert {row["why"] for row in found.impact["why"]} <= {"the clock was not there", "nobody knew the date"}
