"""What holds of every metric: a drill-down is as long as its number, the parts do not matter, and nothing is known before it is told."""

import pickle
import random
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.measuring import KIND, Story, random_story
from support.worked import random_worked_story

from projections.errors import InvalidQuery
from projections.ledger.together import dealt_out
from projections.metrics import cells as cells_of
from projections.metrics.asking import Ask, ask_of, checked, frames_for
from projections.metrics.cells import cases, measure, measure_all
from projections.metrics.contract import Count, Mean, Only, Quantile, Records, Several, Share, Sum
from projections.metrics.merging import merged, rounded
from projections.metrics.partials import partials
from projections.metrics.reading import Reading
from projections.metrics.registry import METRICS

quickly = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a story is made of one number: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow],
)
SLICES = ((), ("owner", "step"), ("month", "region", "field:source"), ("team", "stage", "path", "move"))
PARAMETERS = [
    {"from": "lead", "to": "quoted", "variant": variant} for variant in ("cohort", "flow", "snapshot")
]
QUESTIONS = [
    (name, parameters) for name in METRICS for parameters in (PARAMETERS if name == "conversion" else [{}])
]


def any_story(number: int) -> Story:
    """Every other story is one in which people also ask each other for things."""
    return random_worked_story(number, 90) if number % 2 else random_story(number)


stories = st.builds(any_story, st.integers(0, 2**32))


def an_ask(story: Story, name: str, parameters: dict[str, str], chance: random.Random) -> Ask:
    """Some question to a metric: a slice, its own dimensions, sometimes a period or a limit."""
    own = tuple(METRICS[name].dimensions)
    by = (*chance.choice(SLICES), *([chance.choice(own)] if own and chance.random() < 0.5 else []))
    ask = Ask(by=by, parameters=parameters)
    reading = story.reading()
    if chance.random() < 0.4 and not any(
        frame.snapshot for frame in frames_for(METRICS[name], checked(METRICS[name], reading, ask))
    ):
        ask = replace(
            ask, period=ask_of(reading, period=chance.choice(["2026-02", "2026-W07", "2026-Q1"])).period
        )
    if chance.random() < 0.3:
        ask = replace(ask, where={"region": ("华北", None)})
    return ask  # fmt: skip


@pytest.mark.parametrize(("name", "parameters"), QUESTIONS)
@quickly
@given(stories, st.integers(0, 2**16))
def test_a_drill_down_is_as_long_as_the_number_it_explains(name, parameters, story, seed):
    """Counts, numerators and denominators of shares, judged cases of means and quantiles, records, sums: of every number of some cells."""
    ask = an_ask(story, name, parameters, random.Random(seed))
    view, reading = story.view(partitions=2), story.reading()
    rows = measure(view, reading, name, ask).frame.to_dicts()
    for row in random.Random(seed).sample(rows, min(3, len(rows))):
        cell = {dimension: row[dimension] for dimension in ask.by}

        def behind(number, cell=cell, among=False):
            return cases(view, reading, name, ask, number, cell, among=among)

        for frame in frames_for(METRICS[name], checked(METRICS[name], reading, ask)):
            for number in frame.numbers:
                found = behind(number.name)
                assert found.select("position", "record").rows() == sorted(
                    found.select("position", "record").rows()
                )
                value = row[number.name]
                match number:
                    case Count():
                        assert len(found) == value
                    case Records():
                        assert len(found) == value == found["record"].n_unique()
                    case Share(part=part, whole=whole):
                        whole_cases = behind(number.name, among=True)
                        assert (len(found), len(whole_cases)) == (row[part], row[whole])
                        expected = Fraction(100 * len(found), len(whole_cases)) if len(whole_cases) else None
                        assert value == rounded(expected)
                    case Mean(column=column, judged=judged):
                        assert len(found) == row[judged]
                        values = found[column].to_list()
                        assert value == (rounded(Fraction(sum(values), len(values))) if values else None)
                    case Quantile(column=column, percent=percent, judged=judged):
                        assert len(found) == row[judged]
                        ordered = sorted(found[column].to_list())
                        enough = [
                            it for place, it in enumerate(ordered, 1) if place * 100 >= percent * len(ordered)
                        ]
                        assert value == (enough[0] if enough else None)
                    case Sum(column=column, one=one):
                        is_one = one is None or found[one].n_unique() <= 1
                        assert value == (sum(found[column].to_list()) if is_one else None)
                    case Several(column=column):
                        assert value == (found[column].n_unique() > 1)
                    case Only(column=column):
                        held = found[column].unique().to_list()
                        assert value == (held[0] if len(held) == 1 else None)
                    case _:
                        raise AssertionError(number)  # fmt: skip


@pytest.mark.parametrize(("name", "parameters"), QUESTIONS)
@quickly
@given(stories, st.integers(0, 2**16))
def test_neither_partitions_nor_the_order_of_merging_matter(name, parameters, story, seed):
    """One, three or sixteen parts, merged in any order, sent through another process."""
    chance = random.Random(seed)
    ask = an_ask(story, name, parameters, chance)
    reading = story.reading()
    metric = METRICS[name]
    asked = checked(metric, reading, ask)
    wanted = [number.name for frame in frames_for(metric, asked) for number in frame.numbers]
    whole = measure(story.view(partitions=1), reading, name, ask).frame
    for partitions in (3, 16):
        view = pickle.loads(pickle.dumps(story.view(partitions=partitions)))
        sent = pickle.loads(pickle.dumps(reading))
        parts = [
            partials(view, number, reading=sent, name=name, ask=asked, wanted=wanted)
            for number in range(partitions)
        ]
        chance.shuffle(parts)
        assert_frame_equal(merged(metric, reading, asked, parts, wanted), whole)  # fmt: skip


@quickly
@given(stories, st.integers(0, 2**16))
def test_neither_what_is_asked_together_nor_how_many_partitions_at_once_matters(story, seed):
    """All metrics in one go, of one partition at once, of some, of all: each says what it says alone."""
    chance = random.Random(seed)
    asks = [(name, an_ask(story, name, parameters, chance), None) for name, parameters in QUESTIONS]
    view, reading = story.view(partitions=5), story.reading()
    alone = [measure(view, reading, name, ask).frame for name, ask, _ in asks]
    for events, lots in ((0, 5), (story.head * 2 // 5, 4), (story.head, 1)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cells_of, "MEASURED", events)
            assert dealt_out(view, events).count == lots
            found = measure_all(view, reading, asks)
        for cells, expected in zip(found, alone, strict=True):
            assert_frame_equal(cells.frame, expected)


@pytest.mark.parametrize(("name", "parameters"), QUESTIONS)
@quickly
@given(stories, st.integers(0, 2**16))
def test_as_of_a_position_is_what_the_log_cut_there_says(name, parameters, story, seed):
    """What came later changes nothing."""
    chance = random.Random(seed)
    ask = an_ask(story, name, parameters, chance)
    position = chance.randint(6, story.head)
    then, cut = story.reading(position), story.upto(position)
    assert pickle.dumps(then) == pickle.dumps(cut.reading())
    as_of = replace(story.view(), tail=cut.view().tail, position=position)
    assert_frame_equal(measure(as_of, then, name, ask).frame, measure(cut.view(), then, name, ask).frame)


@pytest.mark.parametrize(("name", "parameters"), QUESTIONS)
@quickly
@given(stories)
def test_the_cells_of_a_slice_add_up_to_the_whole(name, parameters, story):
    """No case is lost, and none is counted twice, whatever one slices by: every dimension there is."""
    view, reading = story.view(), story.reading()
    whole = measure(view, reading, name, Ask(parameters=parameters)).frame.to_dicts()[0]
    counts = [
        number.name
        for frame in frames_for(METRICS[name], checked(METRICS[name], reading, Ask(parameters=parameters)))
        for number in frame.numbers
        if isinstance(number, Count)
    ]
    for dimension in (
        "owner",
        "team",
        "region",
        "step",
        "stage",
        "path",
        "move",
        "month",
        "week",
        "field:source",
        "field:chain",
        "field:expert",
    ):
        sliced = measure(view, reading, name, Ask(by=(dimension,), parameters=parameters)).frame
        assert {name: sliced[name].sum() for name in counts} == {name: whole[name] for name in counts}  # fmt: skip


@quickly
@given(stories)
def test_cases_fall_into_the_classes_of_their_metric_exactly_once(story):
    """Judged, unknown, open and so on leave nobody out and take nobody twice."""

    def told(name, **parameters):
        return measure(story.view(), story.reading(), name, Ask(parameters=parameters)).frame.to_dicts()[0]

    dwell = told("dwell")
    assert dwell["visits"] == dwell["running"] + dwell["ended"]
    assert dwell["ended"] == dwell["judged"] + dwell["unknown"] + dwell["disordered"]
    penetration = told("penetration")
    assert penetration["actions"] == penetration["due"] + penetration["open"] + penetration["unknown"]
    assert penetration["due"] == penetration["done"] + penetration["missed"]
    fresh = told("freshness")
    assert fresh["pairs"] == fresh["fresh"] + fresh["stale"] + fresh["unknown"]
    response = told("response")
    assert (
        response["requests"]
        == response["answered"] + response["unanswered"]
        == response["judged"] + response["unknown"]
    )
    touches = told("dead_touches")
    assert touches["touches"] == sum(
        touches[name] for name in ("led_somewhere", "led_nowhere", "open", "unknown")
    )
    cohort = told("conversion", **{"from": "lead", "to": "quoted"})
    assert cohort["entered"] == cohort["reached"] + cohort["lost"] + cohort["running"]  # fmt: skip


def test_the_stories_are_of_everything_metrics_tell_apart():
    """A law over cases that never occur would say nothing: every class of every metric occurs in forty stories."""
    seen: defaultdict[tuple[str, str], int] = defaultdict(int)
    for story in [tell(seed) for seed in range(20) for tell in (random_story, random_worked_story)]:
        asked = [(name, Ask(parameters=parameters), None) for name, parameters in QUESTIONS]
        for cells in measure_all(story.view(), story.reading(), asked):
            for number, column in cells.frame.to_dict().items():
                if column.dtype == pl.Int64():
                    seen[cells.metric.name, number] += column[0] or 0
    assert not [key for key, times in seen.items() if not times]


def test_readings_are_plain_data():
    """They hold no rules: what a process is sent is the document, the mappings, the position and the moment."""
    reading = random_story(1).reading()
    assert isinstance(reading, Reading)
    assert reading.kind_name == KIND
    assert pickle.loads(pickle.dumps(reading)) == reading


@pytest.mark.parametrize(("name", "parameters"), QUESTIONS)
def test_a_period_before_anything_was_recorded_has_no_cases(name, parameters):
    """No case, no rate and no mean; of what only says how things stand at a position no period can be asked."""
    story = any_story(7)
    view, reading = story.view(), story.reading()
    ask = replace(Ask(parameters=parameters), period=ask_of(reading, period="1990-01").period)
    frames = [
        frame
        for frame in METRICS[name].frames
        if frame.variant in (None, parameters.get("variant", "cohort"))
    ]
    if all(frame.snapshot for frame in frames):
        with pytest.raises(InvalidQuery, match="ask as of another one"):
            measure(view, reading, name, ask)
        return
    (row,) = measure(view, reading, name, ask).frame.to_dicts()
    numbers = {number.name: number for frame in frames for number in frame.numbers}
    for number, value in row.items():
        assert value == 0 if isinstance(numbers[number], Count | Records | Sum) else value is None, number
