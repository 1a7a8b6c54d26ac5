"""Indices: scores, weights, caps, bands, and the cases behind every component, on small histories told in words."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from support.given import ANNA, BEN
from support.measuring import KIND, Story, a_story, random_story, the_measured_playbook, yuan

from domain.playbook.measuring import Index, Response
from domain.refusals import NotFound
from projections.errors import InvalidQuery
from projections.metrics.asking import Ask
from projections.metrics.cells import cases, measure
from projections.metrics.indices import index_cases, index_slices, index_values, reading_for
from projections.metrics.periods import period_of
from projections.metrics.reading import Reading
from projections.metrics.scores import UNKNOWN, Measured, index_value, score_of

HOUR = 3_600


def asked(story: Story, name: str = "phi", by: tuple[str, ...] = (), periods: tuple[str, ...] = (), **about):
    """The values of an index, and its components by name (of the only cell)."""
    reading = story.reading(now=about.pop("now", None))
    found = index_values(story.view(), reading, name, by, periods, **about)
    return found.values.to_dicts(), {row["component"]: row for row in found.components.to_dicts()}


def phi(story: Story, **about):
    """The only value of the process health index, with its components."""
    (value,), parts = asked(story, **about)
    return value, parts


def an_index(**changes: object) -> Index:
    """The process health index of the measured playbook, changed."""
    index = the_measured_playbook().document.indices["phi"]
    return Index.model_validate({**index.as_json(), **changes})


GOOD = (
    a_story()
    .on("2026-03-02 09:00").opens("a", source="fair", amount=yuan("1")).touches("a").touches("a", "visit")  # a Monday
    .on("2026-03-03 17:00").proves("a").moves("a", "quoted")
    .on("2026-03-04 09:00").touches("a")
)  # fmt: skip


def test_phi_is_the_weighted_mean_of_what_is_known():
    """Both actions done; sixteen hours against eight are 100 % over, ten full steps of five points; both fields fresh."""
    value, parts = phi(GOOD, periods=("2026-03",))
    assert parts["penetration"]["score"] == 100
    assert (parts["penetration"]["judged"], parts["response"]["judged"], parts["freshness"]["judged"]) == (
        2,
        1,
        2,
    )
    assert (parts["response"]["measured"], parts["response"]["score"]) == (16 * HOUR, 50)
    assert (parts["freshness"]["measured"], parts["freshness"]["score"]) == (100, 100)
    assert value["value"] == Decimal("83.333333")
    assert (value["period"], value["band"], value["capped_by"], value["broken"]) == (
        "2026-03",
        "green",
        None,
        False,
    )
    assert [part["weight_percent"] for part in parts.values()] == [Decimal("33.333333")] * 3


def test_a_component_without_data_leaves_the_mean():
    """Nobody asked anything: two components share the weight."""
    story = a_story().on("2026-03-02 09:00").opens("a", source="fair").touches("a").moves("a", "quoted")
    value, parts = phi(story)
    assert parts["response"] == {
        **parts["response"],
        "score": None,
        "measured": None,
        "judged": 0,
        "weight_percent": None,
    }
    assert parts["freshness"]["score"] == Decimal("58.823529")  # 100 * 50 / 85
    assert value["value"] == Decimal("79.411765")
    assert parts["penetration"]["weight_percent"] == 50


def test_an_index_without_any_data_is_unknown_and_never_zero():
    """An empty log, and a period in which nothing was entered and nothing is open."""
    for story in (a_story(), a_story().on("2026-03-02 09:00").opens("a").moves("a", "lost")):
        (value,), parts = asked(story, periods=("2026-02",))
        assert (value["value"], value["band"], value["capped_by"], value["broken"]) == (
            None,
            None,
            None,
            False,
        )
        assert {part["score"] for part in parts.values()} == {None}
    assert asked(a_story(), by=("owner",)) == ([], {})


def test_an_unanswered_request_counts_with_the_time_that_has_passed():
    """The longer nobody answers, the lower: eight working hours are within the baseline, nine are 12.5 % over."""
    story = a_story().on("2026-03-02 09:00").opens("a").touches("a", "visit")
    for now, score in (
        ("2026-03-02 17:00", 100),
        ("2026-03-03 09:00", 100),
        ("2026-03-03 10:00", 95),
        ("2026-03-31 10:00", 0),
    ):
        _, parts = phi(story, now=now)
        assert parts["response"]["score"] == score, now  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "full", "started", "continuous"),
    [("8", "100", "100", "100"), ("8.79", "100", "95", "95.0625"), ("8.8", "95", "95", "95"), ("8.81", "95", "90", "94.9375"),
     ("24", "0", "0", "0"), ("23.99", "5", "0", "0.0625"), ("80", "0", "0", "0")],
)  # fmt: skip
def test_points_are_taken_off_for_each_full_step_over_the_baseline(hours, full, started, continuous):
    """Five for each full ten percent, or each started one, or in proportion; never below zero."""
    for step, expected in (("full", full), ("started", started), ("continuous", continuous)):
        component = Response.model_validate(
            {"measure": "response", "label": {"zh": "响应", "en": "R"}, "baseline_hours": 8, "step": step}
        )
        measured = Measured(Fraction(hours) * HOUR, 1)
        assert score_of(component, measured) == Fraction(expected)


def test_weights_count_among_what_is_known_and_rounding_comes_last():
    """A third and two thirds; half-even at six places."""
    parts = an_index().as_json()["components"]
    for part, weight in zip(parts, ("1", "2", "4"), strict=True):
        part["weight"] = weight
    found = index_value(
        an_index(components=parts, caps={}),
        {
            "penetration": Measured(Fraction(100, 3), 3),
            "response": UNKNOWN,
            "freshness": Measured(Fraction(85), 1),
        },
    )
    assert found.value == Decimal("86.666667")  # (100/3 + 4 * 100) / 5
    assert found.components["freshness"].weight_percent == 80
    assert found.components["penetration"].score == Decimal("33.333333")


def test_a_cap_limits_the_whole_and_the_lowest_of_several_counts():
    """While penetration scores below 40 the index is at most 59; an unknown component caps nothing."""
    measured = {"penetration": Measured(Fraction(39), 1), "response": Measured(Fraction(0), 1), "freshness": Measured(Fraction(100), 1)}  # fmt: skip
    found = index_value(an_index(), measured)
    assert (found.value, found.capped_by, found.band, found.broken) == (59, "undone", "red", True)
    label = {"zh": "上限", "en": "Cap"}
    caps = {name: {"label": label, "component": "penetration", "below": 50, "at_most": most} for name, most in (("a", 70), ("b", 30), ("c", 50))}  # fmt: skip
    found = index_value(an_index(caps=caps), measured)
    assert (found.value, found.capped_by) == (30, "b")
    at_mark = index_value(an_index(), {**measured, "penetration": Measured(Fraction(40), 1)})
    assert (at_mark.value, at_mark.capped_by) == (80, None)
    low = index_value(
        an_index(),
        {name: Measured(Fraction(30), 1) if name == "penetration" else UNKNOWN for name in measured},
    )
    assert (low.value, low.capped_by) == (30, None)
    unknown = index_value(an_index(), {**measured, "penetration": UNKNOWN})
    assert (unknown.value, unknown.capped_by, unknown.broken) == (100, None, False)  # fmt: skip


def test_a_band_begins_at_its_mark():
    """Sixty is yellow, a millionth less is red."""
    for value, band in (("60", "yellow"), ("59.999999", "red"), ("80", "green"), ("0", "red")):
        found = index_value(
            an_index(caps={}),
            {"penetration": Measured(Fraction(value), 1), "response": UNKNOWN, "freshness": UNKNOWN},
        )
        assert found.band == band  # fmt: skip


def test_penetration_below_sixty_is_broken_and_can_be_of_records():
    """Half of the actions done, and of the two records one with all of its."""
    story = (
        a_story(("{measure: penetration,", "{measure: penetration, counted: records,"))
        .on("2026-03-02 09:00").opens("a", source="fair").touches("a").opens("b").moves("a", "quoted").moves("b", "quoted").opens("c", source="web")
        .touches("c").moves("c", "quoted")
    )  # fmt: skip
    value, parts = phi(story)
    assert (parts["penetration"]["score"], parts["penetration"]["judged"]) == (Decimal("66.666667"), 3)
    assert value["broken"] is False
    reading = story.reading()
    assert len(index_cases(story.view(), reading, "phi", "penetration")) == 2
    assert len(index_cases(story.view(), reading, "phi", "penetration", among=True)) == 3
    actions = a_story()
    actions.events[:] = [*actions.events[:5], *story.events[5:]]
    value, parts = phi(actions)
    assert parts["penetration"]["score"] == Decimal("66.666667")


SLICED = (
    a_story()
    .on("2026-02-27 09:00").opens("a", source="fair", amount=yuan("1")).touches("a").opens("b", owner=BEN)
    .on("2026-03-10 09:00").moves("a", "quoted").hands_over("a", BEN).opens("c", source="web").touches("c").moves("c", "quoted")
    .on("2026-04-20 09:00").touches("c")
)  # fmt: skip


def test_slices_and_periods_are_those_of_the_cases():
    """What Anna did in February stays hers; who owns nothing and did nothing has no value."""
    values, _ = asked(SLICED, by=("owner",), periods=("2026-02", "2026-03"))
    assert [(row["owner"], row["period"]) for row in values] == [
        (ANNA, "2026-02"), (BEN, "2026-02"), (ANNA, "2026-03"), (BEN, "2026-03"),
    ]  # fmt: skip
    reading = SLICED.reading()
    found = index_values(SLICED.view(), reading, "phi", ("owner",), ("2026-02", "2026-03"))
    parts = {(row["owner"], row["period"], row["component"]): row for row in found.components.to_dicts()}
    assert parts[ANNA, "2026-02", "penetration"]["judged"] == 2
    assert parts[BEN, "2026-02", "penetration"]["score"] == 0
    assert parts[BEN, "2026-03", "penetration"]["score"] is None
    for period in ("2026-02", "2026-03"):
        alone = index_values(SLICED.view(), reading, "phi", ("owner",), (period,))
        both = found.values.filter(found.values["period"] == period)
        assert alone.values.to_dicts() == both.to_dicts()


@pytest.mark.parametrize("counted", ["actions", "records"])
def test_slices_asked_together_say_what_each_says_alone(counted):
    """What was told by owner adds up to teams, regions and the whole; different records do not add up, and are counted by slice."""
    story = a_story(("{measure: penetration,", f"{{measure: penetration, counted: {counted},"))
    story.events[:] = [*story.events, *random_story(7, 200).events[len(story.events) :]]
    view, reading = story.view(), story.reading()
    slices = ((), ("owner",), ("team",), ("region", "owner"))
    periods = ("2026-02", "2026-03", "2026-05")
    found = index_slices(view, reading, "phi", slices, periods)
    for by, together in zip(slices, found, strict=True):
        for period in periods:
            alone = index_values(view, reading, "phi", by, (period,))
            assert together.values.filter(period=period).equals(alone.values)
            assert together.components.filter(period=period).equals(alone.components)
    assert found[1].values.height > 4


def freshness(story: Story, *periods: str, by: tuple[str, ...] = (), **about):
    """What was measured of how many pairs, by cell and period."""
    found = index_values(story.view(), story.reading(**about), "phi", by, periods)
    return {
        tuple(row[name] for name in (*by, "period")): (row["measured"], row["judged"])
        for row in found.components.to_dicts()
        if row["component"] == "freshness" and row["judged"]
    }


def test_freshness_is_that_of_the_end_of_the_period_or_of_now():
    """At the end of February four pairs stood open, at the end of March six: what was told on 10 March was not known in February."""
    story = a_story()
    story.events[:] = list(SLICED.events)
    story.on("2026-04-21 09:00").writes("b", source="web", amount=yuan("2")).opens("d", source="web")
    assert freshness(story, "2026-02", "2026-03", "2026-04") == {
        ("2026-02",): (Decimal(50), 4),  # both of a's, none of b's
        ("2026-03",): (Decimal("16.666667"), 6),  # c's source of a's, b's and c's
        ("2026-04",): (Decimal("37.5"), 8),  # b's two and d's source; the month is not over
    }


def test_freshness_of_a_past_period_knows_nothing_that_was_told_later():
    """A deal that was opened later did not stand then, one that has been lost since did; a value told or emptied later was not."""
    story = (
        a_story()
        .on("2026-02-10 09:00").opens("a", source="fair").opens("b", source="fair", amount=yuan("1")).opens("c")
        .on("2026-02-20 09:00", recorded="2026-03-05 09:00").writes("a", amount=yuan("3"))
        .on("2026-03-06 09:00").moves("b", "lost").confirms("c", "source").writes("c", source="web").opens("d", source="web")
        .on("2026-03-20 09:00").writes("a", source=None)
    )  # fmt: skip
    # February: a's source, b's two of six; what happened in February and was recorded in March was not known.
    assert freshness(story, "2026-02") == {("2026-02",): (Decimal(50), 6)}
    # Now: a's amount, c's and d's source of six; b is lost.
    assert freshness(story, "2026-02", "2026-03")["2026-03",] == (Decimal(50), 6)
    then = index_cases(story.view(), story.reading(), "phi", "freshness", period="2026-02", among=True)
    assert sorted(then.select("record", "field", "fresh").rows()) == [
        ("deal/a", "amount", False), ("deal/a", "source", True), ("deal/b", "amount", True), ("deal/b", "source", True),
        ("deal/c", "amount", False), ("deal/c", "source", False),
    ]  # fmt: skip


def test_freshness_of_a_past_period_is_that_of_whoever_answered_for_the_record_then():
    """Of Anna in February, who was in the north; of Ben since, and the team Anna changed to has nothing."""
    story = (
        a_story()
        .on("2026-02-27 09:00").opens("a", source="fair")
        .on("2026-03-02 09:00").changes_team(ANNA, "south").hands_over("a", BEN).changes_team(BEN, "north")
        .on("2026-03-09 09:00").writes("a", source="web")
    )  # fmt: skip
    assert freshness(story, "2026-02", "2026-03", by=("owner", "team", "field:source")) == {
        (ANNA, "north", "fair", "2026-02"): (Decimal(50), 2),
        (BEN, "north", "web", "2026-03"): (Decimal(50), 2),
    }


def test_a_period_that_was_over_before_the_log_began_has_no_freshness():
    """Nothing stood then; neither alone nor beside months that have data, and no cell of it either."""
    for periods in (("2025-12",), ("1990-01", "2025-12", "2026-03")):
        found = index_values(SLICED.view(), SLICED.reading(), "phi", (), periods)
        early = [row for row in found.components.to_dicts() if row["period"] < "2026-01"]
        assert {(row["score"], row["judged"]) for row in early} == {(None, 0)}
        values, _ = asked(SLICED, by=("owner",), periods=periods)
        assert {row["period"] for row in values} <= {"2026-03"}
    assert len(index_cases(SLICED.view(), SLICED.reading(), "phi", "freshness", period="2025-12")) == 0


@pytest.mark.parametrize("seed", [3, 11, 20])
@pytest.mark.parametrize("by", [(), ("owner", "field:source"), ("team", "step"), ("region", "path", "move")])
def test_freshness_of_a_past_period_is_what_was_answered_then(seed, by):
    """Asked of the log as it was after the last event of the period, of the moment the period ended at: the same pairs, one by one."""
    story = random_story(seed, 160)
    reading = story.reading()
    asked_for = {"fields": ("source", "amount"), "within_days": 30}
    for period in ("2026-02", "2026-03", "2026-05"):
        end = period_of(period, reading.zone).end
        known = [event.position for event in story.events if event.recorded_at < end]
        assert known[-1] < story.head
        then = replace(reading, position=known[-1], now=end)
        ask = Ask(by=by, parameters=asked_for)
        right = measure(story.view(known[-1]), then, "freshness", ask).frame
        for around in ((period,), ("2026-05", period, "2026-04", "2025-11")):
            found = index_values(story.view(), reading, "phi", by, around).components
            mine = found.filter(component="freshness", period=period).filter(pl.col("judged") > 0)
            counted = right.filter(pl.col("judged") > 0)
            key = [pl.col(name) for name in by]
            assert sorted(map(repr, mine.select(*key, "judged", pl.col("measured").cast(pl.String)).rows())) == sorted(
                map(repr, counted.select(*key, "judged", pl.col("rate_percent").cast(pl.String)).rows())
            )  # fmt: skip
        pairs = ["record", "field", "position", "last_at", "fresh", "unknown"]
        behind = cases(story.view(known[-1]), then, "freshness", ask, "judged").select(pairs)
        listed = index_cases(story.view(), reading, "phi", "freshness", period=period, by=by, among=True)
        assert sorted(map(repr, listed.select(pairs).rows())) == sorted(map(repr, behind.rows()))


def test_the_cases_behind_a_component_are_as_many_as_it_judged():
    """Numerator and denominator of every component of every cell."""
    view, reading = SLICED.view(), SLICED.reading()
    found = index_values(view, reading, "phi", ("region",), ("2026-02", "2026-03"))
    for row in found.components.to_dicts():
        cell, period = {"region": row["region"]}, row["period"]
        about = {"by": ("region",), "period": period}
        judged = index_cases(view, reading, "phi", row["component"], cell, among=True, **about)
        part = index_cases(view, reading, "phi", row["component"], cell, **about)
        assert len(judged) == row["judged"]
        if row["component"] == "freshness" and row["judged"]:
            assert Fraction(100 * len(part), len(judged)).limit_denominator(10**5) == Fraction(row["measured"]).limit_denominator(100)  # fmt: skip


STUCK = (
    a_story()
    .on("2026-02-01 09:00").opens("early").touches("early", "visit").proves("early")
    .on("2026-03-02 09:00").opens("a").moves("a", "quoted").touches("a", "visit").opens("b", owner=BEN).moves("b", "quoted")
    .opens("nobody", "quoted", owner=None).opens("gone", "quoted").moves("gone", "lost")
    .on("2026-03-05 09:00").touches("early", "visit").proves("early").is_refused("early", "quoted", "field:amount").opens("late", "quoted")
    .unknown().opens("unknown", "quoted").on("2026-03-07 09:00:01").touches("late")
)  # fmt: skip


def test_a_stuck_deal_is_judged_by_what_its_owner_did_lately():
    """Anna: two visits of four, one piece of two, five of six attempts accepted, which weigh twice. Ben only moved on. Nobody owns the third."""
    values, _ = asked(STUCK, "stuck")
    assert [(row["record"], row["owner"], row["step"]) for row in values] == [
        ("deal/a", ANNA, "quoted"), ("deal/b", BEN, "quoted"), ("deal/nobody", None, "quoted"),
    ]  # fmt: skip
    found = index_values(STUCK.view(), STUCK.reading(), "stuck")
    parts = {(row["record"], row["component"]): row for row in found.components.to_dicts()}
    assert (parts["deal/a", "visits"]["measured"], parts["deal/a", "visits"]["score"]) == (2, 50)
    assert (parts["deal/a", "decks"]["measured"], parts["deal/a", "decks"]["score"]) == (1, 50)
    accepted = parts["deal/a", "accepted"]
    assert (accepted["judged"], accepted["weight_percent"]) == (6, 50)
    assert accepted["score"] == Decimal("83.333333")
    assert (values[0]["value"], values[0]["band"]) == (Decimal("66.666667"), None)
    assert (parts["deal/b", "visits"]["score"], parts["deal/b", "accepted"]["score"]) == (0, 100)
    assert values[1]["value"] == 50
    assert values[2]["value"] is None
    assert len(index_cases(STUCK.view(), STUCK.reading(), "stuck", "visits", {"record": "deal/a"})) == 2
    assert len(index_cases(STUCK.view(), STUCK.reading(), "stuck", "visits", {"record": "deal/nobody"})) == 0


def test_exactly_as_long_as_the_limit_is_not_stuck_yet():
    """More than five days, not five days."""
    story = a_story().on("2026-03-02 09:00").opens("a", "quoted").on("2026-03-07 09:00").touches("a")
    assert asked(story, "stuck") == ([], {})


def test_questions_that_make_no_sense_are_refused():
    """Names there are not, periods of another unit, months as a slice, periods of what is stuck now."""
    view, reading = GOOD.view(), GOOD.reading()
    with pytest.raises(NotFound) as found:
        index_values(view, reading, "phy")
    assert found.value.suggestion == "phi"
    with pytest.raises(NotFound) as found:
        index_cases(view, reading, "phi", "penetrations")
    assert found.value.suggestion == "penetration"
    with pytest.raises(InvalidQuery) as refused:
        index_values(view, reading, "phi", ("month", "ownr"))
    assert len(refused.value.problems) == 2
    with pytest.raises(InvalidQuery) as refused:
        index_values(view, reading, "phi", (), ("2026-Q1", "2026-13"))
    assert len(refused.value.problems) == 2
    with pytest.raises(InvalidQuery, match="stuck"):
        index_values(view, reading, "stuck", (), ("2026-03",))
    with pytest.raises(NotFound):
        index_cases(view, reading, "stuck", "visits", {"record": "deal/nowhere"})
    other = "kinds:\n  note:\n    label: {zh: 记事, en: Note}\n    collection: notes\n    prefix: nte\n"
    story = a_story(("kinds:\n", other))
    with pytest.raises(InvalidQuery, match="about the kind 'deal'"):
        index_values(story.view(), Reading.of(story.playbooks, "note", story.head, story.now), "phi")


def test_an_index_is_found_by_its_name_alone():
    """In the playbook in force at the position; what was published later is not known yet."""
    found = reading_for(GOOD.playbooks, "phi", GOOD.head, GOOD.now)
    assert found == GOOD.reading()
    assert found.kind_name == KIND
    with pytest.raises(NotFound):
        reading_for(GOOD.playbooks, "phi", 0, GOOD.now)
    with pytest.raises(NotFound) as refused:
        reading_for(GOOD.playbooks, "stuk", GOOD.head, GOOD.now)
    assert refused.value.suggestion == "stuck"
