"""Metrics of work, approvals, pools, deadlines and healthy actions: beside the oracle, and as long as their cases."""

import random
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracle import indices as oracle_indices
from oracle import metrics as oracle_metrics
from oracle.reading import Reading as OracleReading
from oracle.reading import period as oracle_period
from oracle.teamwork import TEAMWORK
from polars.testing import assert_frame_equal
from support.measuring import KIND, when
from support.memory import MemoryVault
from support.oracle_adapter import plain_events
from support.worked import FAY, WorkedStory, a_worked_story, random_worked_story

from domain.values import SEALED, moment_text
from projections.metrics.approval_times import _levels_of as levels_of
from projections.metrics.asking import Ask
from projections.metrics.cells import cases, measure
from projections.metrics.contract import Count, Mean, Quantile, Share
from projections.metrics.healthy import _work
from projections.metrics.indices import index_values
from projections.metrics.overdue import _on_stage as on_stage
from projections.metrics.overdue import _on_work as on_work
from projections.metrics.periods import period_of
from projections.metrics.registry import METRICS, metric_of
from projections.metrics.work_items import items, pauses

ZONE = ZoneInfo("Asia/Shanghai")
PERIODS = (None, None, "2026-02", "2026-03", "2026-W07", "2026-W09")
SLICES: dict[str, tuple[tuple[str, ...], ...]] = {
    "work_times": (("requester", "responder"), ("role",), ("template", "month"), ("team",), ("fork_name", "leg")),
    "late_legs": (("role",), ("fork_name", "leg"), ("region",), ("owner", "limit")),
    "on_time": (("owner",), ("team",), ("limit",), ("requester", "week")),
    "approval_times": (("chain",), ("chain", "level"), ("requester",), ("owner",), ("team", "chain")),
    "assignments": (("person",), ("pool", "what"), ("rule",), ("team",), ("month", "owner")),
    "overdue": (("deadline",), ("owner",), ("deadline", "rung"), ("team",), ("step", "deadline")),
    "healthy_actions": (("action",), ("owner",), ("team", "action"), ("month",)),
}  # fmt: skip
COMPONENTS = {
    "healthy": {"measure": "healthy"},
    "legal": {"measure": "healthy", "actions": ["legal_done", "answered"]},
    "response": {"measure": "response", "baseline_hours": "8", "work": ["estimate", "terms"]},
}
quickly = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a story is made of one number: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow],
)
seeds = st.integers(0, 2**32)


def plain(story: WorkedStory) -> list[dict]:
    """The story as the oracle reads it; what is sealed in it nobody measures."""
    events = plain_events(story.events, MemoryVault())
    assert SEALED not in str([event["payload"] for event in events if event["topic"].startswith("pool.")])
    return events


def asked(name: str, chance: random.Random) -> Ask:
    period = chance.choice(PERIODS)
    by = chance.choice([(), *SLICES[name]])
    return Ask(None if period is None else period_of(period, ZONE), by)


def differences(story: WorkedStory, name: str, ask: Ask) -> list[str]:
    """What a metric and the oracle say differently: every number of every cell, and the cases behind the first number of each frame."""
    reading = OracleReading.at(plain(story), story.head, KIND)
    within = None if ask.period is None else oracle_period(ask.period.name, reading.zone)
    own = {*ask.by} & metric_of(name).dimensions.keys()
    frames = [
        (frame, find(reading, within), numbers)
        for frame, (find, numbers) in zip(metric_of(name).frames, TEAMWORK[name], strict=True)
        if own <= frame.dimensions.keys()
    ]
    right: dict = {} if ask.by else {(): {}}
    for _, found, _ in frames:
        right |= {key: {} for key in oracle_metrics.cells(found, list(ask.by))}
    for _, found, numbers in frames:
        sliced = oracle_metrics.cells(found, list(ask.by))
        for key in right:
            right[key] |= numbers(sliced.get(key, []))
    answer = measure(story.view(), story.reading(), name, ask)
    said = {tuple(row[it] for it in ask.by): row for row in answer.frame.to_dicts()}
    wrong = [] if said.keys() == right.keys() else [f"cells {said.keys() ^ right.keys()}"]
    for key in said.keys() & right.keys():
        wrong += [
            f"{key} {number}: {said[key][number]}, not {value}"
            for number, value in right[key].items()
            if said[key][number] != value
        ]
        assert set(right[key]) == set(said[key]) - set(ask.by), "a number nobody compares"
    for frame, found, _ in frames:
        listed = cases(story.view(), story.reading(), name, ask, frame.numbers[0].name)
        places = sorted(listed.select("record", "position").rows())
        if places != sorted((case["record"], case["position"]) for case in found):
            wrong.append(f"cases of {frame.case}")
    return wrong


@pytest.mark.parametrize("name", list(TEAMWORK))
@quickly
@given(seed=seeds)
def test_every_metric_of_work_says_what_the_oracle_says(name, seed):
    """Every number of every cell, in any period and slice, and the cases behind it."""
    story = random_worked_story(seed, 130)
    chance = random.Random(seed)
    for _ in range(2):
        ask = asked(name, chance)
        assert differences(story, name, ask) == [], ask


@pytest.mark.parametrize("name", list(TEAMWORK))
def test_the_cases_behind_a_number_are_as_many_as_it_says(name):
    """In every cell, of every number that counts; of a share its numerator and its denominator, of a mean those it is over."""
    story = random_worked_story(11, 150)
    seen = 0
    for by in SLICES[name][1:3]:
        ask = Ask(None, by)
        answer = measure(story.view(), story.reading(), name, ask)
        meant = [frame for frame in METRICS[name].frames if {*by} & METRICS[name].dimensions.keys() <= frame.dimensions.keys()]  # fmt: skip
        for row in answer.frame.head(2).to_dicts():
            cell = {it: row[it] for it in by}
            for number in (number for frame in meant for number in frame.numbers):

                def listed(*, among: bool = False, number=number, cell=cell, ask=ask) -> int:
                    return cases(
                        story.view(), story.reading(), name, ask, number.name, cell, among=among
                    ).height

                match number:
                    case Count():
                        assert listed() == row[number.name], number.name
                    case Share(part=part, whole=whole):
                        assert (listed(), listed(among=True)) == (row[part], row[whole])
                    case Mean(judged=judged) | Quantile(judged=judged):
                        assert listed() == row[judged]
                seen += 1
    assert seen > 10


@pytest.mark.parametrize("name", list(TEAMWORK))
def test_how_a_log_is_parted_does_not_matter(name):
    """One partition or five give the same cells."""
    story = random_worked_story(12, 200)
    for by in SLICES[name][:2]:
        one, five = (measure(story.view(partitions=parts), story.reading(), name, Ask(None, by)).frame for parts in (1, 5))  # fmt: skip
        assert_frame_equal(one, five)


@quickly
@given(seed=seeds)
def test_an_index_of_healthy_actions_and_of_answers_to_work_says_what_the_oracle_says(seed):
    """All of them, and some of them; where nothing can be judged the component is unknown."""
    story = random_worked_story(seed, 120)
    reading = OracleReading.at(plain(story), story.head, KIND)
    for period in ("2026-02", "2026-03"):
        within = oracle_period(period, reading.zone)
        found = index_values(story.view(), story.reading(), "teamwork", ("owner",), [period])
        for row in found.components.to_dicts():
            about = COMPONENTS[row["component"]]
            own = [
                case
                for case in oracle_indices.cases_of(reading, about, within)
                if case["owner"] == row["owner"]
            ]
            said = oracle_indices.measured(about, own)
            assert {name: row[name] for name in ("measured", "score", "judged")} == {
                name: said[name] for name in ("measured", "score", "judged")
            }


def test_work_is_judged_by_the_moment_that_held_when_it_was_done():
    """Moved to a later day and done by it, moved and done after it, moved to an earlier day and missed, not moved and missed; an answer took as long as it took."""
    story = a_worked_story().on("2026-03-02 09:00").opens("d1")
    wednesday, friday = when("2026-03-04 18:00"), when("2026-03-06 18:00")
    for work in ("kept", "late", "earlier", "missed"):
        story.requests("d1", work, "schedule", FAY, due_at=moment_text(wednesday))
    story.on("2026-03-02 11:00").responds("kept")
    story.on("2026-03-03 09:00").reschedules("kept", friday).reschedules("late", when("2026-03-05 18:00"))
    story.reschedules("earlier", when("2026-03-03 18:00"))
    story.on("2026-03-04 12:00").completes("earlier")
    story.on("2026-03-06 12:00").completes("kept").completes("late").completes("missed")
    (row,) = measure(story.view(), story.reading(), "on_time", Ask(None, ())).frame.to_dicts()
    assert (row["items"], row["in_time"], row["done_late"], row["kept_percent"]) == (4, 1, 3, Decimal(25))
    listed = cases(story.view(), story.reading(), "on_time", Ask(None, ()), "in_time")
    assert listed["work"].to_list() == ["kept"]
    (times,) = measure(story.view(), story.reading(), "work_times", Ask(None, ())).frame.to_dicts()
    assert times["answered"] == 4
    armed = measure(story.view(), story.reading(), "overdue", Ask(None, ("deadline",))).frame.to_dicts()
    assert [row["armed"] for row in armed if row["deadline"] == "done"] == [4], (
        "one moment each, however often it was moved"
    )


def test_what_was_imported_or_before_its_time_is_not_armed():
    """The rate was of imported entries, too, for which no deadline ever ran: it came out too low."""
    story = a_worked_story().on("2026-03-02 09:00")
    story.channel = "import"
    story.opens("past").requests("past", "asked", "terms", FAY)
    story.channel = "test"
    story.opens("now").on("2026-02-01 09:00", recorded="2026-03-02 10:00").requests(
        "now", "before", "terms", FAY
    )
    armed = measure(story.view(), story.reading(), "overdue", Ask(None, ("deadline",))).frame.to_dicts()
    assert {row["deadline"]: row["armed"] for row in armed if row["armed"]} == {"diagnosed": 1, "done": 1}


def _as_asked(source):
    """Work items, due when they were asked for."""
    first = source.scan("work").filter(event="requested").select("record", "work", "due_at")
    return items(source).drop("due_at").join(first, on=["record", "work"], how="left")


PLANTED = {
    "a pause does not show that somebody is at it": ("work_items.STARTS", ("accepted", "responded", "ticked", "completed"), "work_times"),
    "a refusal is no answer": ("work_items.ANSWERS", ("responded", "completed"), "work_times"),
    "what was waited for others counts": ("work_items.pauses", lambda source: pauses(source).filter(pl.col("work") == ""), "on_time"),
    "work is due when it was asked for": ("work_times.items", _as_asked, "on_time"),
    "what is moved is armed twice": ("overdue._on_work", lambda source: pl.concat([on_work(source), _armed_as_asked(source)]).unique(), "overdue"),
    "what was before a deadline armed it": ("overdue._begun", lambda source, armed: armed, "overdue"),
    "a rejection ends a level and asks nobody again": ("approval_times._Approval._wait", lambda self, row: None, "approval_times"),
    "a quorum is everybody": ("approval_times._levels_of", lambda told: _of_all(levels_of(told)), "approval_times"),
    "a stage is armed once a record": ("overdue._on_stage", lambda source: on_stage(source).unique(["record", "deadline"]), "overdue"),
    "a fork follows when all of its legs do": ("healthy._first_legs", lambda source, fork: _work(source, "terms", "done"), "healthy_actions"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", list(PLANTED))
def test_a_planted_mistake_is_found(mistake, monkeypatch):
    """Each of them within a few stories, without being looked for."""
    place, instead, name = PLANTED[mistake]
    monkeypatch.setattr(f"projections.metrics.{place}", instead)
    assert any(differences(random_worked_story(seed, 200), name, Ask()) for seed in range(4))


def _armed_as_asked(source):
    """What is armed for the moment that was named last, as if the request had armed it."""
    asked = source.scan("work").filter(event="requested").select("record", subject="work", began="position")
    armed = on_work(source).join(asked, on=["record", "subject"])
    return armed.select("record", "deadline", "subject", armed_at="began", begins="began")


def _of_all(levels):
    for level in levels.values():
        level.quorum = len(level.roles)
    return levels
