"""What can be asked of metrics: texts, and the refusal of what makes no sense, which names all of it."""

from datetime import UTC, datetime

import pytest
from support.given import ANNA
from support.measuring import Answer, a_story, the_measured_playbook

from domain.refusals import NotFound
from infra.reference.metrics import metrics
from projections.errors import InvalidQuery
from projections.metrics.asking import DIMENSIONS, Ask, ask_of
from projections.metrics.cells import cases, measure
from projections.metrics.periods import period_of, unit_of
from projections.metrics.registry import METRICS

STORY = a_story().on("2026-03-02 09:00").opens("a").touches("a")


def refused(name: str, **asked: object) -> dict[str, str | None]:
    """The problems of a question by their place, each with its suggestion."""
    with pytest.raises(InvalidQuery) as found:
        _ = STORY.asks(name, **asked).rows  # type: ignore[arg-type]
    return {problem.pointer: problem.suggestion for problem in found.value.problems}


@pytest.mark.parametrize(
    ("text", "start", "end", "unit"),
    [
        ("2026-03", "2026-02-28T16:00", "2026-03-31T16:00", "month"),
        ("2026-12", "2026-11-30T16:00", "2026-12-31T16:00", "month"),
        ("2026-Q4", "2026-09-30T16:00", "2026-12-31T16:00", "quarter"),
        ("2026-W01", "2025-12-28T16:00", "2026-01-04T16:00", "week"),
        ("2026-03-02..2026-03-03", "2026-03-01T16:00", "2026-03-02T16:00", None),
        ("2026-03-02T10:00:00Z..2026-03-03T08:00:00+08:00", "2026-03-02T10:00", "2026-03-03T00:00", None),
    ],
)
def test_periods_are_half_open_in_the_zone_of_the_playbook(text, start, end, unit):
    """A month, a quarter, a week, two dates, two moments."""
    period = period_of(text, STORY.reading().zone)
    assert (period.start, period.end) == tuple(
        datetime.fromisoformat(it).replace(tzinfo=UTC) for it in (start, end)
    )
    assert unit_of(period) == unit


@pytest.mark.parametrize(
    "text",
    ["", "march", "2026-13", "2026-00", "2026-Q5", "2026-W54", "2026-3", "0001-01", "9999-12", "2026-03-02", "2026-03-03..2026-03-02",
     "2026-03-02..2026-03-02", "2026-02-30..2026-03-01", "2026-03-02T10:00..2026-03-03T10:00", "..", "２０２６-03"],
)  # fmt: skip
def test_what_is_no_period_is_refused_and_says_what_one_is(text):
    """Months that there are not, an end before the start, moments without a zone."""
    with pytest.raises(InvalidQuery) as found:
        ask_of(STORY.reading(), period=text)
    assert [problem.pointer for problem in found.value.problems] == ["/query/period"]


def test_everything_that_makes_no_sense_is_named_at_once():
    """A wrong dimension, a personal field, a value there is not, an unknown parameter, a missing one, a wrong one."""
    assert refused("conversion", by=["ownr", "field:note", "step", "step"], where=["path=ful", "region=华北"], to="quote", form="lead") == {
        "/query/by": None,
        "/query/where": "full",
        "/query/form": "from",
        "/query/from": None,
        "/query/to": "quoted",
    }  # fmt: skip
    with pytest.raises(InvalidQuery) as found:
        _ = STORY.asks(
            "conversion", by=["ownr", "field:note", "step", "step"], from_="lead", to="quoted"
        ).rows
    assert [problem.suggestion for problem in found.value.problems] == ["owner", None, None]


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("stage_distribution", {"period": "2026-03"}, {"/query/period": None}),
        ("conversion", {"period": "2026-03", "variant": "snapshot", "from_": "lead", "to": "won"}, {"/query/period": None}),
        ("conversion", {"variant": "snapshot", "from_": "lead", "to": "lost"}, {"/query/to": None}),
        ("conversion", {"variant": "cohorts", "from_": "lead", "to": "won"}, {"/query/variant": "cohort"}),
        ("freshness", {"fields": "sorce,amount"}, {"/query/fields": "source"}),
        ("freshness", {"fields": "deck"}, {"/query/fields": None}),
        ("freshness", {"within_days": "0"}, {"/query/within_days": None}),
        ("dead_touches", {"within_days": "1.5"}, {"/query/within_days": None}),
        ("dead_touches", {"within_days": "3651"}, {"/query/within_days": None}),
        ("response", {"requests": "decks"}, {"/query/requests": "deck"}),
        ("conformance", {"by": ["violation"], "where": ["outcome=open"]}, {"/query/where": None}),
        ("touches", {"where": ["region"]}, {"/query/where": None}),
        ("touches", {"where": ["month=2026-3"]}, {"/query/where": None}),
        ("touches", {"where": ["month=2026-Q1"]}, {"/query/where": None}),
        ("touches", {"where": ["field:source=fare"]}, {"/query/where": "fair"}),
        ("touches", {"by": "field:pains"}, {"/query/by": None}),
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(name, asked, expected):
    """Each with its place and the nearest name there is."""
    assert refused(name, **asked) == expected


def test_freshness_without_any_fields_to_ask_for_is_refused():
    """No index of the kind says which fields are to be fresh, and nobody else does."""
    story = a_story(
        (
            "      freshness: {measure: freshness, label: {zh: 新鲜, en: Freshness}, fields: [source, amount]}\n",
            "",
        )
    )
    with pytest.raises(InvalidQuery, match="which fields are to be fresh"):
        _ = story.asks("freshness").rows


def test_a_metric_of_steps_is_refused_for_a_kind_without_any():
    """Nobody can dwell where there is nowhere to stand."""
    text = "kinds:\n  note:\n    label: {zh: 记事, en: Note}\n    collection: notes\n    prefix: nte\n"
    story = a_story(("kinds:\n", text))
    reading = story.reading()
    other = type(reading).of(story.playbooks, "note", story.head, story.now)
    with pytest.raises(InvalidQuery, match="stand in no steps"):
        measure(story.view(), other, "dwell", Ask())
    assert measure(story.view(), other, "touches", Ask()).frame.to_dicts() == [{"touches": 0, "records": 0}]


def test_names_there_are_not_suggest_the_nearest():
    """Metrics, numbers, cells."""
    with pytest.raises(NotFound) as found:
        _ = STORY.asks("dwel").rows
    assert found.value.suggestion == "dwell"
    with pytest.raises(InvalidQuery, match="visits"):
        STORY.asks("dwell").cases("visit")
    with pytest.raises(InvalidQuery, match="not sliced by owner"):
        STORY.asks("dwell", by="step").cases("visits", owner=ANNA)
    with pytest.raises(InvalidQuery, match="'touchs'"):
        measure(STORY.view(), STORY.reading(), "touches", Ask(), numbers=["touchs"])


def test_an_answer_says_what_it_rests_on():
    """Position, moment, playbook and the version of the contract."""
    answer: Answer = STORY.asks("touches")
    found = answer.cells
    assert (found.position, found.playbook, found.playbook_version, found.version) == (
        STORY.head,
        "measured",
        1,
        1,
    )
    assert found.now == STORY.now


def test_only_the_numbers_asked_for_are_counted():
    """With what they are made of."""
    found = measure(STORY.view(), STORY.reading(), "penetration", Ask(), numbers=["rate_percent"]).frame
    assert found.columns == ["due", "done", "rate_percent"]


def test_where_nothing_is_meant_nothing_is_found():
    """An empty value stands for none."""
    assert STORY.asks("touches", where=["owner="]).only["touches"] == 0
    assert STORY.asks("touches", by="month", where=["month=2026-03,2026-04"]).per("touches") == {"2026-03": 1}
    assert len(cases(STORY.view(), STORY.reading(), "touches", Ask(), "touches")) == 1


def test_every_metric_is_told_in_full():
    """Label, meaning, what is a case, what counts as what: in the contract and in the reference; numbers say their unit."""
    page = metrics()
    for name, metric in METRICS.items():
        assert f"## `{name}`" in page
        assert metric.version >= 1
        for said in (
            metric.meaning,
            metric.axis,
            metric.unit,
            metric.running,
            metric.team,
            metric.calendar,
            metric.denominator,
            metric.nulls,
        ):
            assert said.en in page
        for frame in metric.frames:
            names = [number.name for number in frame.numbers]
            assert len(set(names)) == len(names)
            assert not {*frame.dimensions} & DIMENSIONS.keys()
            for number in frame.numbers:
                assert f"`{number.name}`" in page
                assert number.label.zh != number.label.en
        for parameter in metric.parameters:
            assert f"`{parameter.name}`" in page
            assert parameter.meaning.en in page  # fmt: skip
    for dimension in DIMENSIONS:
        assert f"`{dimension}`" in page
    assert the_measured_playbook().document.indices
