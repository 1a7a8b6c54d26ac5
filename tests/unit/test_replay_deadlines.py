"""Replay of deadlines: what a draft moves, takes away and adds; what nobody can say; the law notices what was tampered with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from support.deadline_comparing import replayed
from support.deadline_histories import ANNA, BEN, CARA, Clock, Told, tell
from support.deadline_playbooks import DEADLINES, HEAD, version
from support.deadlines import HOUR, MONDAY
from support.desk import Desk, an_empty_desk
from support.replaying import view_of

from domain.erasure import EraseSubject
from domain.organisation.commands import AddPerson, FormTeam, NoteAbsence
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record.commands import ChangeStage, EditFields, OpenRecord, RecordTouch
from projections.ledger.running import Cancelled
from projections.ledger.view import View
from projections.replay.asking import Ask, Window
from projections.replay.deadlines import replay_deadlines
from projections.replay.subject import VERDICTS, Subject

DEAL = "deal/dea_1"
DAY = timedelta(days=1)
ONLY_LEAD = {name: None for name in DEADLINES if name != "diagnosed"}


@dataclass
class Story:
    """A deal of Anna's under a playbook with few deadlines; things happen to it, and the clock runs in between."""

    playbook: PublishedPlaybook
    every: timedelta | None = None
    desk: Desk = field(default_factory=lambda: an_empty_desk(told_time=MONDAY))

    def __post_init__(self) -> None:
        self.clock = Clock(self.desk, self.every)
        for command in (
            PublishPlaybook(self.playbook), FormTeam("north", "North", region="north"), AddPerson(CARA, "Cara", "north", None, ("vp",)),
            AddPerson(BEN, "Ben", "north", CARA), AddPerson(ANNA, "Anna", "north", BEN, ("seller",)),
        ):  # fmt: skip
            self.at(timedelta(0), command)

    def at(self, after: timedelta, *commands: Any, **about: Any) -> "Story":
        """Let commands happen so long after Monday morning, after everything that was due until then."""
        moment = MONDAY + after
        self.clock.run_until(moment)
        for command in commands:
            self.desk.submit(command, told_time=moment, **({"occurred_at": moment} | about))
        return self

    def until(self, after: timedelta) -> "Story":
        """Let time pass."""
        self.clock.run_until(MONDAY + after)
        return self

    def under(self, draft: PublishedPlaybook | None, **about: Any) -> Subject:
        """Replay all of it under a draft."""
        return replayed(Told(self.desk), draft, **about)


def opened(playbook: PublishedPlaybook | None = None, every: timedelta | None = None, **fields: Any) -> Story:
    """A story whose deal was opened on Monday at nine."""
    story = Story(playbook or version(**ONLY_LEAD), every)
    return story.at(timedelta(0), OpenRecord(DEAL, {"topic": "x", **fields}, "lead", ANNA))


def told(found: Subject) -> list[tuple[Any, ...]]:
    """Each row in a few words: the deadline, rung, repetition, verdict and why."""
    rows = found.datasets["deadlines"].to_dicts()
    return [tuple(row[name] for name in ("name", "rung", "repeat", "verdict", "why")) for row in rows]


SOONER = version(
    **ONLY_LEAD
    | {"diagnosed": DEADLINES["diagnosed"].replace("after_hours: 18, warn", "after_hours: 9, warn")}
)
LATER = version(
    **ONLY_LEAD
    | {"diagnosed": DEADLINES["diagnosed"].replace("after_hours: 18, warn", "after_hours: 27, warn")}
)
NONE = version(**ONLY_LEAD | {"diagnosed": None, "met": DEADLINES["met"]})


# ── what a draft changes ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_rules_change_nothing():
    found = opened().until(5 * DAY).under(version(**ONLY_LEAD))
    assert found.law.decisions == found.law.reproduced == 4
    assert {verdict for *_, verdict, _ in told(found)} == {"unchanged"}


def test_a_longer_limit_moves_what_was_told_and_both_moments_are_said():
    """Three days instead of two: every rung comes a working day later, as far as the log reaches."""
    found = opened().until(4 * DAY + 2 * HOUR).under(LATER)
    assert told(found) == [
        ("diagnosed", 0, 0, "changed", "due later"), ("diagnosed", 1, 0, "changed", "due later"), ("diagnosed", 2, 0, "changed", "due later"),
        ("diagnosed", 3, 0, "gone", "due later"),
    ]  # fmt: skip
    row = found.datasets["deadlines"].row(1, named=True)
    assert row["due_was"] < row["due_would"] == row["noticed_would"]
    assert (row["was"], row["would"]) == ("2026-03-04T02:00:00.000000Z", "2026-03-05T02:00:00.000000Z")


def test_a_limit_that_nobody_reached_is_gone():
    """The deal was moved on before it would have been late under the draft."""
    story = opened().at(2 * DAY + 2 * HOUR, ChangeStage(DEAL, "costed")).until(5 * DAY)
    assert told(story.under(LATER)) == [
        ("diagnosed", 0, 0, "changed", "due later"),
        ("diagnosed", 1, 0, "gone", "due later"),
    ]


def test_a_shorter_limit_tells_what_nobody_was_told():
    """It is noticed at the very moment, and those are told who were there then: Cara stands in for Ben, who is away."""
    story = opened().at(HOUR, NoteAbsence(BEN, MONDAY, MONDAY + 9 * DAY, CARA, "abs_1"))
    story.at(2 * DAY + 2 * HOUR, ChangeStage(DEAL, "costed")).until(5 * DAY)
    found = story.under(SOONER)
    assert told(found) == [
        ("diagnosed", 0, 0, "changed", "due earlier"), ("diagnosed", 1, 0, "changed", "due earlier"), ("diagnosed", 2, 0, "new", "due earlier"),
    ]  # fmt: skip
    row = found.datasets["deadlines"].row(2, named=True)
    assert (row["position"], row["told_was"], row["told_would"]) == (None, [], [BEN, CARA, ANNA])
    assert row["at"] == row["noticed_would"] == MONDAY + 2 * DAY + HOUR


def test_a_deadline_that_the_draft_does_not_have_is_gone_and_a_new_one_is_new():
    story = opened(meets_at="2026-03-03T04:00:00+00:00").until(2 * DAY + 2 * HOUR)
    assert told(story.under(NONE)) == [
        ("diagnosed", 0, 0, "gone", "no such deadline"), ("met", 1, 0, "new", "no such deadline then"), ("diagnosed", 1, 0, "gone", "no such deadline"),
    ]  # fmt: skip


def test_others_are_told_at_the_same_moment():
    changed = version(
        **ONLY_LEAD | {"diagnosed": DEADLINES["diagnosed"].replace("{tell: [owner]}", "{tell: [manager]}")}
    )
    found = opened().until(2 * DAY + 2 * HOUR).under(changed)
    assert told(found) == [
        ("diagnosed", 0, 0, "unchanged", None),
        ("diagnosed", 1, 0, "changed", "told others"),
    ]
    assert {row["person"]: (row["was"], row["would"]) for row in found.impact["people"]} == {
        ANNA: (2, 1),
        BEN: (0, 1),
    }


# ── how late the clock was ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_late_clock_is_a_fact_and_no_rule():
    """It came after three days: one firing at the highest rung, the others named. The same rules say the same; other moments are noticed when they come."""
    story = opened(every=70 * HOUR).at(5 * DAY, EditFields(DEAL, {"topic": "y"}))
    (fired,) = [event for event in Told(story.desk).firings if event.skipped]
    assert (fired.rung, fired.skipped) == (1, [0])
    assert told(story.under(version(**ONLY_LEAD))) == [
        ("diagnosed", 1, 0, "unchanged", None),
        ("diagnosed", 3, 0, "not_judgeable", "the clock was not there"),
    ]
    later = story.under(LATER).datasets["deadlines"]
    prompt = later.filter(pl.col("verdict") == "new")
    assert prompt.height > 0
    assert (prompt["noticed_would"] >= prompt["due_would"]).sum() > 0
    assert prompt["skipped_would"].list.len().sum() == 0


def test_what_the_clock_never_came_to_is_said_and_judged_by_nobody():
    """Nobody looked before the deal was moved on; whether somebody would have under the draft is nothing a rule can say."""
    story = opened(every=9 * DAY).at(2 * DAY + 2 * HOUR, ChangeStage(DEAL, "costed"))
    found = story.under(version(**ONLY_LEAD))
    assert found.law.decisions == 0
    assert told(found) == [("diagnosed", 1, 0, "not_judgeable", "the clock was not there")]


# ── what nobody can say ──────────────────────────────────────────────────────────────────────────────────────────────


def drafted(*changes: tuple[str, str], **deadlines: str) -> PublishedPlaybook:
    """A draft with more fields and kinds of touches, and only these deadlines."""
    head = HEAD
    for old, new in changes:
        assert old in head
        head = head.replace(old, new)
    return version(head, **dict.fromkeys(DEADLINES) | deadlines)


OPEN_BIRTHDAY = ("birthday: {type: date, personal: true", "birthday: {type: date, personal: false")


def test_what_no_playbook_asked_for_then_is_not_judgeable():
    """Nobody could note a mail, and nobody a date of renewal: neither is silence, nor is it in time."""
    draft = drafted(
        ("    touches:\n", "    touches:\n      mail: {label: {zh: 信, en: Mail}}\n"),
        ("      decides_on:", "      renews_on: {type: date, label: {zh: 续, en: Renews on}}\n      decides_on:"),
        written="{on_silence: mail, after_hours: 5}", renewed="{on_date: renews_on}",
    )  # fmt: skip
    found = opened().until(5 * DAY).under(draft)
    assert {row for row in told(found) if row[3] != "gone"} == {
        ("written", None, None, "not_judgeable", "no such touch then"),
        ("renewed", None, None, "not_judgeable", "no such field then"),
    }


def test_a_personal_date_is_opened_for_a_draft_and_an_erased_one_is_said():
    """A draft that no longer takes a date for personal is asked with it, as long as anybody can read it."""
    draft = drafted(OPEN_BIRTHDAY, greeted="{on_date: birthday, by: clock}")
    story = opened(birthday="2026-03-03").until(4 * DAY)
    assert [row for row in told(story.under(draft)) if row[0] == "greeted"] == [
        ("greeted", 1, 0, "new", "no such deadline then")
    ]
    story.at(4 * DAY, EraseSubject(DEAL))
    assert [row for row in told(story.under(draft)) if row[0] == "greeted"] == [
        ("greeted", None, None, "not_judgeable", "the date is erased")
    ]


def test_a_date_nobody_knew_is_not_judgeable_until_somebody_said_it():
    draft = drafted(decided="{on_date: decides_on}")
    story = Story(version(**ONLY_LEAD))
    story.at(timedelta(0), OpenRecord(DEAL, {"topic": "x"}, "lead", ANNA, unknown=frozenset({"decides_on"})))
    story.at(DAY, EditFields(DEAL, {"decides_on": "2026-03-04"})).until(5 * DAY)
    rows = [row for row in told(story.under(draft)) if row[0] == "decided"]
    assert rows == [
        ("decided", 1, 0, "new", "no such deadline then"),
        ("decided", None, None, "not_judgeable", "nobody knew the date"),
    ]


def test_a_step_that_the_draft_lost_without_saying_where_to_is_not_judgeable():
    gone = version(
        HEAD.replace("          costed: {label: {zh: 核, en: Costed}}\n", ""),
        **{name: None for name in DEADLINES if name != "offered"},
    )
    story = opened(version(**{name: None for name in DEADLINES if name != "offered"}))
    story.at(HOUR, ChangeStage(DEAL, "costed")).until(4 * DAY)
    assert told(story.under(gone)) == [("offered", 1, 0, "not_judgeable", "no such step")]


# ── the shape of the answer ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_every_number_of_the_impact_is_as_many_rows(seed):
    history = tell(seed)
    found = replayed(history, history.draft(seed + 1))
    rows, impact = found.datasets["deadlines"], found.impact
    assert impact["totals"] == {"judged": rows.height} | {
        verdict: rows.filter(verdict=verdict).height for verdict in VERDICTS
    }
    for rule in impact["rules"]:
        own = rows.filter(name=rule["name"], kind=rule["kind"])
        assert own.height > 0
        assert rule["label"] is not None
        for verdict in ("gone", "new", "changed", "not_judgeable"):
            assert rule[verdict] == own.filter(verdict=verdict).height
        assert rule["was"] == own.filter(pl.col("was").is_not_null()).height
        assert rule["would"] == own.filter(pl.col("would").is_not_null()).height
    assert sum(own["was"] for own in impact["rules"]) == rows.filter(pl.col("was").is_not_null()).height
    for person in impact["people"]:
        for side in ("was", "would"):
            assert person[side] == rows.filter(pl.col(f"told_{side}").list.contains(person["person"])).height
    for why in impact["why"]:
        assert why["count"] == rows.filter(why=why["why"]).height
    moved = [abs(person["would"] - person["was"]) for person in impact["people"]]
    assert moved == sorted(moved, reverse=True)


def test_every_recorded_firing_of_the_window_is_one_row():
    history = tell(3)
    head = history.log.head()
    window = Window(head // 3, head - 5)
    found = replayed(history, history.draft(0), window=window)
    rows = found.datasets["deadlines"].filter(pl.col("position").is_not_null())
    fired = [it.position for it in history.log.read(1, head) if it.event.TOPIC == "deadline.noticed.v1"]
    assert sorted(rows["position"]) == [
        position for position in fired if window.after < position <= window.upto
    ]


def test_without_a_draft_there_is_only_the_law():
    found = opened().until(5 * DAY).under(None)
    assert (found.name, found.law.decisions, found.impact, found.datasets) == ("deadlines", 4, {}, {})


def test_a_replay_that_nobody_wants_any_more_is_cancelled():
    story = opened()
    view = view_of(story.desk.log)
    with pytest.raises(Cancelled):
        replay_deadlines(
            view,
            Told(story.desk).playbooks,
            story.desk.vault,
            Ask(Window(0, view.position)),
            cancelled=lambda: True,
        )


def test_records_of_another_scope_and_drafts_of_another_playbook_are_left_out():
    story = (
        opened(source="fair")
        .at(HOUR, OpenRecord("deal/dea_2", {"source": "web"}, "lead", ANNA))
        .until(5 * DAY)
    )
    found = story.under(LATER, scope={"source": ("web",)})
    assert set(found.datasets["deadlines"]["record"]) == {"deal/dea_2"}
    assert found.law.decisions == 4
    other = LATER.document.model_copy(update={"playbook": "other"})
    assert story.under(PublishedPlaybook(other, 0, LATER.rules)).impact["totals"]["judged"] == 0


# ── the law notices ──────────────────────────────────────────────────────────────────────────────────────────────────


def mutated(view: View, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> View:
    """The same ledger with one table changed."""
    tail = {key: change(frame) if key[0] == table else frame for key, frame in view.tail.items()}
    return View(view.store, view.manifest, view.position, tail)


@pytest.mark.parametrize(
    "columns",
    [
        {"rung": 2}, {"repeat": 1}, {"told": [CARA]}, {"skipped": [0]}, {"playbook_version": 2}, {"due_at": MONDAY}, {"noticed_at": MONDAY + 9 * DAY},
        {"armed_at": 2}, {"deadline": "offered"}, {"subject": "wrk_1"}, {"decided_at": MONDAY},
    ],
    ids=lambda columns: next(iter(columns)),
)  # fmt: skip
def test_the_law_of_replay_notices_a_firing_that_was_made_another(columns):
    """Each column of what was noticed, and of when: exactly that firing comes out otherwise."""
    story = opened().until(DAY + 8 * HOUR + 59 * HOUR / 60)
    view = view_of(story.desk.log)
    position = view.scan("firings").select("position").collect().item()

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        values = {name: pl.lit(value, dtype=rows.schema[name]) for name, value in columns.items()}
        return rows.with_columns(**values)

    law = story.under(None, view=mutated(view, "firings", change)).law
    assert (law.decisions, law.reproduced, law.different) == (1, 0, [position])


def test_the_law_of_replay_notices_a_firing_that_was_taken_away():
    """The next one of its ladder has to name it as skipped, and does not."""
    story = opened().until(2 * DAY + 2 * HOUR)
    view = view_of(story.desk.log)
    first, second = view.scan("firings").sort("position").collect()["position"]
    law = story.under(
        None, view=mutated(view, "firings", lambda rows: rows.filter(pl.col("position") != first))
    ).law
    assert (law.decisions, law.different) == (1, [second])


def test_the_law_of_replay_notices_a_touch_that_was_made_up():
    """With a touch in between nothing would have been silent."""
    silent = version(**{name: None for name in DEADLINES if name != "silent"})
    story = opened(silent).at(HOUR, RecordTouch(DEAL, "tou_1", "call")).until(4 * DAY)
    view = view_of(story.desk.log)
    assert story.under(None).law.different == []
    law = story.under(
        None, view=mutated(view, "touches", lambda rows: rows.with_columns(at=pl.col("at") - HOUR / 2))
    ).law
    assert law.different
    assert law.reproduced == 0
