"""A planted mistake is noticed: each of ten mistakes in the replay of deadlines breaks the law, or the agreement with the oracle, on generated histories."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.deadline_comparing import differences

import projections.replay.deadlines.histories as histories
import projections.replay.deadlines.noticing as noticing
import projections.replay.deadlines.stretches as stretches
import projections.replay.deadlines.told as told_rows
import projections.replay.deadlines.verdicts as verdicts
from domain.deadlines.firings import Firings
from domain.work.events import WorkAccepted, WorkResumed

Patch = pytest.MonkeyPatch
QUESTIONS = ((1, 4), (16, 4), (2, 2), (7, 3), (4, 4), (4, 2), (23, 3))
"""Histories, and of each the number of the question asked of it: which draft, scope and window."""


def rules_are_known_before_they_are_published(patch: Patch) -> None:
    patch.setattr(stretches.Rules, "before", lambda self, position: self.playbooks)


def people_are_those_of_today(patch: Patch) -> None:
    real = histories.People.before
    patch.setattr(histories.People, "before", lambda self, position: real(self, 10**9))


def the_clock_is_always_prompt(patch: Patch) -> None:
    patch.setattr(noticing, "_same", lambda item, other: frozenset())


def what_was_told_before_is_forgotten(patch: Patch) -> None:
    patch.setattr(noticing, "Firings", lambda version, told: Firings())


def pauses_are_no_pauses(patch: Patch) -> None:
    real = told_rows.READ["work"]

    def work(rows: Any) -> Any:
        for row, event in real(rows):
            yield row, WorkResumed(event.work) if row["event"] == "paused" else event

    patch.setitem(told_rows.READ, "work", work)


def work_is_due_when_it_was_asked_for(patch: Patch) -> None:
    real = told_rows.READ["work"]

    def work(rows: Any) -> Any:
        for row, event in real(rows):
            yield row, WorkAccepted(event.work) if row["event"] == "rescheduled" else event

    patch.setitem(told_rows.READ, "work", work)


def withdrawn_touches_stand(patch: Patch) -> None:
    real = histories.touches
    patch.setattr(histories, "touches", lambda rows, corrections: real(rows, {}))


def personal_dates_stay_closed(patch: Patch) -> None:
    patch.setattr(histories, "_opened", lambda events, wanted, keyring: events)


def what_nobody_was_asked_for_is_judged(patch: Patch) -> None:
    patch.setattr(verdicts, "_unasked", lambda *about: None)


def dated_versions_begin_at_once(patch: Patch) -> None:
    real = stretches.Rules.before

    def before(self: stretches.Rules, position: int) -> Any:
        known = real(self, position)
        versions = {key: replace(it, effective_from=None) for key, it in known.versions.items()}
        return replace(known, versions=versions)

    patch.setattr(stretches.Rules, "before", before)


MISTAKES = [
    rules_are_known_before_they_are_published, people_are_those_of_today, the_clock_is_always_prompt, what_was_told_before_is_forgotten,
    pauses_are_no_pauses, work_is_due_when_it_was_asked_for, withdrawn_touches_stand, personal_dates_stay_closed, what_nobody_was_asked_for_is_judged, dated_versions_begin_at_once,
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_planted_mistake_breaks_the_law_of_replay_or_the_agreement(
    mistake: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    """Each is found on histories on which both agreed without it."""
    mistake(monkeypatch)
    assert any(differences(seed, number) for seed, number in QUESTIONS)


@pytest.mark.parametrize(("seed", "number"), QUESTIONS)
def test_without_a_mistake_both_agree(seed: int, number: int) -> None:
    """What the mistakes show is theirs."""
    assert differences(seed, number) == []
