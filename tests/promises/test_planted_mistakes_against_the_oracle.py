"""A planted mistake is noticed: each of nineteen mistakes in the engines is found by the comparison on generated histories."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from support.long_histories import Tale
from support.oracle_comparing import replay_differences, tales_of
from support.oracle_measuring import asking, index_differences
from support.oracle_moving import mover_differences
from support.oracle_shelf import shelf_of
from support.oracle_standing import gate_state_differences

import projections.metrics.indices as indices
import projections.metrics.partials as partials
import projections.metrics.requests as requests
import projections.replay.gate_state as gate_state
import projections.replay.impact as impact
import projections.replay.indices as moved
import projections.replay.partition as partition
import projections.replay.plans as plans
import projections.replay.verdicts as verdicts
from domain.business_time import BusinessTime
from domain.playbook.published import KindMappings
from projections.ledger.tables import MOMENT
from projections.metrics.reading import Reading, Redecided
from projections.metrics.scores import rounded
from projections.metrics.sources import Source
from projections.replay.happened import Happened
from projections.replay.judging import Answers

TALES = [
    Tale(
        4208328137351462014, 40
    ),  # both read a field under the name it had before, in a decision a draft is asked about
    Tale(1338354305777616310, 41),
    *tales_of("planted", 20),
]
QUESTIONS = range(8)
"""How often another question is asked of the same histories before a mistake counts as unnoticed; most are noticed at once."""
Patch = pytest.MonkeyPatch


def with_cases(patch: Patch, name: str, change: Callable[[pl.LazyFrame], pl.LazyFrame]) -> None:
    """Change the cases of a metric."""
    real = partials.metric_of

    def metric_of(asked: str) -> Any:
        metric = real(asked)
        if asked != name:
            return metric
        first, *rest = metric.frames
        return replace(
            metric, frames=(replace(first, cases=lambda source: change(first.cases(source))), *rest)
        )

    patch.setattr(partials, "metric_of", metric_of)


# ── replay ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def mappings_are_ignored(patch: Patch) -> None:
    patch.setattr(plans, "mappings_of", lambda playbook, kind: KindMappings())


def waived_requirements_are_asked_all_the_same(patch: Patch) -> None:
    real = verdicts.refused_by
    patch.setattr(
        verdicts,
        "refused_by",
        lambda plan, answers, waived, unmet, *, imported: real(
            plan, answers, frozenset(), unmet, imported=imported
        ),
    )


def what_nobody_knew_counts_as_missing(patch: Patch) -> None:
    patch.setattr(Answers, "is_unknown", lambda self, item: False)


def evidence_counts_a_day_less(patch: Patch) -> None:
    real = Happened.evidence

    def evidence(self: Any, field: str, reading: Any, validity: Any, zone: str, rows: pl.DataFrame) -> Any:
        return real(self, field, reading, validity, zone, rows.with_columns(pl.col("at") + timedelta(days=1)))

    patch.setattr(Happened, "evidence", evidence)


def what_came_later_was_known(patch: Patch) -> None:
    real = partition.prepared

    def prepared(*about: Any, **more: Any) -> pl.DataFrame:
        return real(*about, **more).with_columns(pl.col("fields_upto", "facts_upto") + 30)

    patch.setattr(partition, "prepared", prepared)


def what_is_newly_allowed_is_not_counted(patch: Patch) -> None:
    patch.setattr(impact, "_CHANGED", ("newly_refused",))


def the_next_step_is_that_of_no_path(patch: Patch) -> None:
    real = gate_state.next_step
    patch.setattr(gate_state, "next_step", lambda kind, path, step: real(kind, None, step))


def weights_are_no_reason(patch: Patch) -> None:
    patch.setattr(moved, "_shares", lambda old, new: iter(()))


def only_one_mover_is_told(patch: Patch) -> None:
    patch.setattr(moved, "MOVERS", 1)


def attempts_stay_as_they_fell_whatever_the_draft_decides(patch: Patch) -> None:
    patch.setattr(Redecided, "over", lambda self, outcomes: outcomes)


# ── metrics and indices ──────────────────────────────────────────────────────────────────────────────────────────────


def make_up_days_are_free(patch: Patch) -> None:
    def working(self: Reading) -> BusinessTime:
        return BusinessTime.of(self.document.calendar.model_copy(update={"working_days": ()}))

    patch.setattr(Reading, "working", property(working))


def running_visits_enter_the_mean(patch: Patch) -> None:
    def change(frame: pl.LazyFrame) -> pl.LazyFrame:
        return frame.with_columns(
            seconds=pl.coalesce("seconds", "running_seconds"),
            judged=pl.col("judged") | pl.col("running_judged"),
        )

    with_cases(patch, "dwell", change)


def what_is_unknown_enters_the_denominator(patch: Patch) -> None:
    def change(frame: pl.LazyFrame) -> pl.LazyFrame:
        return frame.with_columns(judged=pl.lit(True))

    with_cases(patch, "freshness", change)


def teams_are_those_of_today(patch: Patch) -> None:
    real = partials.with_dimensions
    patch.setattr(
        partials,
        "with_dimensions",
        lambda source, cases, wanted, *, snapshot: real(source, cases, wanted, snapshot=True),
    )


def withdrawn_touches_count(patch: Patch) -> None:
    def touches(self: Source) -> pl.LazyFrame:
        last = self.scan("touches").sort("position").unique("noted", keep="last")
        return last.select(
            "record", "kind", "touch_kind", "at", "touch", "contact", "actor", position="noted"
        )

    patch.setattr(Source, "touches", touches)


def actions_count_after_leaving(patch: Patch) -> None:
    real = Source.happened

    def happened(self: Source, what: Any) -> pl.LazyFrame:
        found = real(self, what)
        return pl.concat([found, found.with_columns(pl.col("position") - 12)], how="vertical_relaxed")

    patch.setattr(Source, "happened", happened)


def unknown_components_keep_their_weight(patch: Patch) -> None:
    real = indices.index_value

    def index_value(index: Any, measured: Any) -> Any:
        said = real(index, measured)
        weights = {name: Fraction(it.weight) for name, it in index.components.items()}
        known = {name: it.exact for name, it in said.components.items() if it.exact is not None}
        whole = sum((weights[name] * score for name, score in known.items()), Fraction(0))
        return replace(said, value=rounded(whole / sum(weights.values()))) if known else said

    patch.setattr(indices, "index_value", index_value)


def past_periods_stand_as_they_do_now(patch: Patch) -> None:
    real = Source.moments.fget
    patch.setattr(Source, "moments", property(lambda self: [replace(at, is_over=False) for at in real(self)]))


def requests_of_ended_records_wait_on(patch: Patch) -> None:
    real = requests._given_up

    def given_up(source: Source, cases: pl.LazyFrame) -> pl.LazyFrame:
        return real(source, cases).with_columns(source.now.cast(MOMENT).alias("#given_up"))

    patch.setattr(requests, "_given_up", given_up)


MISTAKES = [
    (mappings_are_ignored, replay_differences),
    (waived_requirements_are_asked_all_the_same, replay_differences),
    (what_nobody_knew_counts_as_missing, replay_differences),
    (evidence_counts_a_day_less, replay_differences),
    (what_came_later_was_known, replay_differences),
    (what_is_newly_allowed_is_not_counted, replay_differences),
    (the_next_step_is_that_of_no_path, gate_state_differences),
    (weights_are_no_reason, mover_differences),
    (only_one_mover_is_told, mover_differences),
    (attempts_stay_as_they_fell_whatever_the_draft_decides, mover_differences),
    (make_up_days_are_free, asking("dwell", "response")),
    (running_visits_enter_the_mean, asking("dwell")),
    (what_is_unknown_enters_the_denominator, asking("freshness")),
    (teams_are_those_of_today, asking("dwell", "touches", "return_rate")),
    (withdrawn_touches_count, asking("touches")),
    (actions_count_after_leaving, asking("penetration")),
    (unknown_components_keep_their_weight, index_differences),
    (past_periods_stand_as_they_do_now, index_differences),
    (requests_of_ended_records_wait_on, asking("response")),
]  # fmt: skip


@pytest.fixture(scope="module")
def shelf():
    """Some histories, told once."""
    return shelf_of(TALES)


@pytest.mark.parametrize(("plant", "differences"), MISTAKES, ids=[plant.__name__ for plant, _ in MISTAKES])
def test_a_planted_mistake_is_noticed(plant, differences, shelf, monkeypatch):
    """Asked of histories on which both agree, they disagree once the mistake is planted."""
    for number in QUESTIONS:
        with monkeypatch.context() as patch:
            plant(patch)
            found = differences(shelf, number)
        if found:
            assert differences(shelf, number) == []
            return
    pytest.fail("nobody noticed")
