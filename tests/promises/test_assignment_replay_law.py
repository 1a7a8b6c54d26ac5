"""The law of replay for assignment: every search for an owner that was ever recorded comes out as recorded, by the rules it names.

Over generated histories: people join, leave and are away, leads are claimed, returned and recycled, playbooks change, workers lag behind.
"""

from collections import Counter
from functools import cache

import pytest
from polars.testing import assert_frame_equal
from support.leads import leads_playbook
from support.oracle_assigning import assigned, verdicts
from support.pool_histories import VERSIONS, Played, play, versions

SEEDS = range(100, 118)


@cache
def played(seed: int) -> Played:
    """A history, played once."""
    return play(seed, 45)


@pytest.mark.parametrize("seed", SEEDS)
def test_replay_of_assignment_keeps_the_law(seed: int) -> None:
    """The published rules find the same person for the same reasons, each search on what was recorded by then."""
    law = assigned(played(seed).company).law
    assert (law.different, law.erased, law.reproduced) == ([], 0, law.decisions)


def test_the_histories_of_the_replay_law_reach_everything_a_pool_does() -> None:
    """A law over histories in which nobody is ever full, away or passed on to would say little."""
    happened, reasons, rules = Counter[str](), Counter[str](), Counter[object]()
    for seed in SEEDS:
        for event in played(seed).company.log.read(1, 1_000_000):
            happened[event.event.TOPIC] += 1
            if event.event.TOPIC == "pool.assigned.v1":
                rules[event.event.rule, event.event.person is None, event.event.fallback] += 1
                reasons.update(item["why"] for item in event.event.candidates)
    assert all(happened[f"pool.{name}.v1"] >= 10 for name in ("assigned", "claimed", "returned", "recycled"))
    assert all(happened[f"organisation.{name}.v1"] >= 5 for name in ("absence-noted", "absence-ended", "person-left", "skills-set", "person-moved"))  # fmt: skip
    assert {"chosen", "lower", "left", "not in scope", "away", "had it", "at capacity", "daily limit", "nothing closed"} <= {why for why, times in reasons.items() if times >= 5}  # fmt: skip
    assert {("key_accounts", False, False), ("by_region_and_industry", False, False), ("by_region", False, False)} <= set(rules)  # fmt: skip
    assert {(None, True, True), (None, True, False), (None, False, True)} <= set(rules)


@pytest.mark.parametrize("number", range(len(VERSIONS)))
def test_a_replay_of_the_published_rules_changes_nothing_about_assignment_by_law(number: int) -> None:
    """A draft that is the playbook in force: every search is unchanged, none is gone or new, wherever the window begins."""
    company = play(200 + number, 40, first=VERSIONS[number], publishing=False).company
    for after in (0, company.log.head() // 2):
        found = assigned(company, leads_playbook(*VERSIONS[number]), after=after)
        assert verdicts(found).keys() <= {"unchanged"}
        assert found.datasets["assignment"].height == found.law.decisions
        assert found.impact["nobody"]["was"] == found.impact["nobody"]["would"]


def test_a_replay_of_assignment_is_the_same_by_any_partitions_and_keeps_the_law() -> None:
    """However records are spread over partitions, the answer is the same, row by row."""
    for seed in SEEDS[:2]:
        company, draft = played(seed).company, versions()[seed % len(versions())]
        found = assigned(company, draft)
        for partitions in (1, 7):
            other = assigned(company, draft, partitions=partitions)
            assert (other.law, other.impact) == (found.law, found.impact)
            assert_frame_equal(other.datasets["assignment"], found.datasets["assignment"])


def test_a_search_that_was_altered_breaks_the_replay_law() -> None:
    """Were the record of a search not what its rules say, the law would name its position: it can fail."""
    company = play(99, 30).company
    searches = [event for event in company.log.read(1, 1_000_000) if event.event.TOPIC == "pool.assigned.v1"]
    assert assigned(company).law.different == []
    altered = next(event for event in searches if event.event.candidates)
    altered.event.candidates[0]["why"] = "not so"
    assert assigned(company).law.different == [altered.position]
