"""Which deadlines run: since when, until when, what stops them and what begins them anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.deadlines import ANNA, BEN, DAY, DEAL, HOUR, MONDAY, a_deal, armed, told, with_deadlines

from domain.deadlines import watched as watching
from domain.deadlines.arming import arm
from domain.deadlines.watched import MAX_BACKDATE
from domain.events import FieldsChanged, OwnerChanged, StageChanged, TouchCorrected, Touched
from domain.work.events import (
    ApprovalDecided,
    ApprovalRecalled,
    ApprovalRequested,
    WorkCompleted,
    WorkPaused,
    WorkReassigned,
    WorkRequested,
    WorkResponded,
    WorkResumed,
)

SIX = timedelta(hours=9)
"""From nine in the morning to six in the evening."""


def moved(before: str, after: str) -> StageChanged:
    return StageChanged(before, after, "forward")


def called(touch: str = "tou_1", kind: str = "call") -> Touched:
    return Touched(touch, kind)


# ── a stage ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stage_deadline_counts_working_hours_from_the_entry():
    """Eighteen working hours are two days; half of them are a warning in the evening of the first."""
    found = armed(a_deal())["diagnosed"]
    assert (found.armed_at, found.starts_at) == (10, MONDAY)
    assert (found.warn_at, found.due_at) == (MONDAY + SIX, MONDAY + DAY + SIX)


def test_the_ladder_climbs_and_repeats_until_the_next_rung():
    """The VP is told on the fourth day, on the fifth, and on the Monday after."""
    found = armed(a_deal())["diagnosed"]
    days = [(alarm.rung, alarm.repeat, (alarm.at - MONDAY - SIX).days) for alarm in found.alarms]
    assert days == [(0, 0, 0), (1, 0, 1), (2, 0, 2), (3, 0, 3), (3, 1, 4), (3, 2, 7)]


def test_a_rung_is_repeated_no_longer_than_until_the_next_one():
    playbook = with_deadlines(
        "late: {on_stage: lead, after_hours: 1, by: clock, ladder: [{tell: [owner], repeat_hours: 2, repeats: 9}, {tell: [manager], after_hours: 5}]}"
    )
    found = armed(a_deal(), playbook)["late"]
    assert [(alarm.place, (alarm.at - MONDAY) // HOUR) for alarm in found.alarms] == [
        ((1, 0), 1), ((1, 1), 3), ((1, 2), 5), ((2, 0), 6),
    ]  # fmt: skip


def test_leaving_the_stage_ends_its_deadline():
    assert "diagnosed" not in armed(a_deal((moved("lead", "costed"), MONDAY + HOUR)))


def test_a_stage_with_nodes_is_entered_once_however_its_nodes_change():
    """And a record that left it and came back has all of the time again."""
    path = [
        moved("lead", "costed"),
        moved("costed", "quoted"),
        moved("quoted", "lead"),
        moved("lead", "costed"),
    ]
    deal = [(event, MONDAY + (index + 1) * DAY) for index, event in enumerate(path)]
    assert armed(a_deal(*deal[:2]))["offered"].armed_at == 20
    again = armed(a_deal(*deal))["offered"]
    assert (again.armed_at, again.due_at) == (50, MONDAY + 4 * DAY + 48 * HOUR)


def test_a_deal_created_40_days_ago_and_moved_today_is_not_stale():
    """Defect 3 of peers: how long is counted from the move, not from the day the deal was created or last edited."""
    today = MONDAY + 40 * DAY
    deal = a_deal((moved("lead", "costed"), today))
    found = armed(deal)
    assert found["offered"].starts_at == today
    assert found["silent"].starts_at == today
    assert all(not item.past(today + HOUR, None) for item in found.values())


def test_edits_and_other_owners_do_not_begin_it_anew():
    later = [
        (FieldsChanged({"topic": {"old": None, "new": "x"}}), MONDAY + DAY),
        (OwnerChanged(ANNA, BEN), MONDAY + DAY),
    ]
    deal = a_deal(*later)
    assert armed(deal)["diagnosed"] == armed(a_deal())["diagnosed"]
    assert deal.owner == BEN


@pytest.mark.parametrize(
    ("happened", "starts"),
    [
        (timedelta(0), timedelta(0)), (-HOUR, -HOUR), (-MAX_BACKDATE, -MAX_BACKDATE),
        (-MAX_BACKDATE - timedelta(microseconds=1), timedelta(0)), (timedelta(minutes=4), timedelta(0)),
    ],
)  # fmt: skip
def test_it_begins_when_it_happened_if_that_was_noted_within_a_day(happened, starts):
    """Else when it was recorded: nobody is late because somebody notes a move of last month today."""
    events = told((a_move := moved("lead", "costed"), MONDAY + DAY), since=2)
    noted = replace(events[0], occurred_at=MONDAY + DAY + happened)
    deal = watching.evolve(a_deal(), noted)
    assert a_move is noted.event
    assert armed(deal)["offered"].starts_at == MONDAY + DAY + starts


def test_nobody_knows_when_so_it_begins_when_it_was_recorded():
    noted = replace(told((moved("lead", "costed"), MONDAY), since=2)[0], occurred_at=None)
    assert armed(watching.evolve(a_deal(), noted))["offered"].starts_at == MONDAY


def test_imported_history_arms_only_from_go_live():
    """What happened before it has no deadline, although it was recorded afterwards."""
    playbook = with_deadlines("late: {on_stage: lead, after_hours: 1, go_live: '2026-03-02T09:00:00+08:00'}")
    year_ago = replace(told((a_deal_opened(), MONDAY + DAY))[0], occurred_at=MONDAY - 300 * DAY)
    imported = watching.evolve(None, year_ago)
    assert armed(imported, playbook) == {}
    assert armed(a_deal(), playbook)["late"].starts_at == MONDAY
    assert armed(a_deal(at=MONDAY - timedelta(microseconds=1)), playbook) == {}


def a_deal_opened():
    from domain.events import RecordOpened  # noqa: PLC0415 — read where it is used, beside the story it is part of

    return RecordOpened(fields={}, stage="lead", owner=ANNA)


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_touch_begins_silence_anew():
    """Progress stops the deadline: another one is armed, with a position of its own."""
    found = armed(a_deal((called(), MONDAY + DAY), (called("tou_2", "visit"), MONDAY + 3 * DAY)))["silent"]
    assert (found.armed_at, found.due_at) == (30, MONDAY + 10 * DAY)


def test_silence_of_one_kind_is_not_broken_by_another():
    playbook = with_deadlines("unseen: {on_silence: visit, after_hours: 24, by: clock}")
    deal = a_deal((called("tou_1", "visit"), MONDAY + DAY), (called("tou_2"), MONDAY + 2 * DAY))
    assert armed(deal, playbook)["unseen"].starts_at == MONDAY + DAY


def test_a_touch_that_never_happened_brings_the_earlier_silence_back():
    """With the position it was armed at, so that what was told of it is not told again."""
    touched = a_deal((called(), MONDAY + DAY))
    withdrawn = a_deal((called(), MONDAY + DAY), (TouchCorrected("tou_1", withdrawn=True), MONDAY + 2 * DAY))
    assert armed(touched)["silent"].armed_at == 20
    assert armed(withdrawn)["silent"] == armed(a_deal())["silent"]


def test_a_corrected_touch_counts_as_what_it_was():
    visit = with_deadlines("unseen: {on_silence: visit, after_hours: 24, by: clock}")
    deal = a_deal((called(), MONDAY + DAY), (TouchCorrected("tou_1", {"kind": "visit"}), MONDAY + 2 * DAY))
    assert armed(deal, visit)["unseen"].starts_at == MONDAY + DAY


def test_silence_is_watched_only_in_its_stages_and_never_after_the_end():
    playbook = with_deadlines("quiet: {on_silence: any, stages: [offer], after_hours: 24}")
    offered = a_deal((moved("lead", "costed"), MONDAY + DAY))
    assert (armed(a_deal(), playbook), [*armed(offered, playbook)]) == ({}, ["quiet"])
    assert armed(a_deal((moved("lead", "won"), MONDAY + DAY))) == {}


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_is_due_when_it_is_over_where_the_team_works():
    """Half of the time from the moment the day was named is the warning."""
    playbook = with_deadlines("decided: {on_date: decides_on, by: clock, warn_percent: 50}")
    found = armed(a_deal(decides_on="2026-03-03"), playbook)["decided"]
    assert found.due_at == datetime(2026, 3, 3, 16, 0, tzinfo=UTC)
    assert found.warn_at == MONDAY + (found.due_at - MONDAY) / 2


@pytest.mark.parametrize("by", ["clock", "calendar"])
@pytest.mark.parametrize("has_calendar", [True, False])
@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30", "0001-01-01"])
def test_a_day_at_the_end_of_time_stops_no_other_deadline(day, has_calendar, by):
    """Somebody types 9999-12-31 for "never": the other deadlines of the record run as they do without it."""
    lines = ["decided: {on_date: decides_on, BY warn_percent: 50, ladder: [{tell: [owner], repeat_hours: 9, repeats: 2}]}", "offered: {on_stage: lead, after_hours: 9, by: clock}"]  # fmt: skip
    playbook = with_deadlines(
        *(line.replace("BY ", "by: clock, " if by == "clock" else "") for line in lines)
    )
    if not has_calendar:
        playbook = replace(playbook, document=playbook.document.model_copy(update={"calendar": None}))
        assert playbook.working_time is None
    found = armed(a_deal(decides_on=day), playbook)
    assert found["offered"] == armed(a_deal(), playbook)["offered"]
    assert found["decided"].due_at is None or not has_calendar


def test_on_the_last_day_of_the_calendar_something_is_due():
    """When that day is over; what the ladder would add to it lies in a year nobody knows."""
    playbook = with_deadlines(
        "decided: {on_date: decides_on, ladder: [{tell: [owner]}, {tell: [manager], after_hours: 9}]}"
    )
    found = armed(a_deal(decides_on="2040-12-31"), playbook)["decided"]
    assert found.due_at == datetime(2040, 12, 31, 16, 0, tzinfo=UTC)
    assert [alarm.place for alarm in found.alarms] == [(1, 0)]
    assert armed(a_deal(decides_on="2041-01-01"), playbook)["decided"].due_at is None


def test_moving_the_day_begins_it_anew_and_clearing_it_ends_it():
    playbook = with_deadlines("decided: {on_date: decides_on, by: clock}")
    later = FieldsChanged({"decides_on": {"old": "2026-03-03", "new": "2026-03-10"}})
    cleared = FieldsChanged({"decides_on": {"old": "2026-03-10", "new": None}})
    postponed = a_deal((later, MONDAY + HOUR), decides_on="2026-03-03")
    assert armed(postponed, playbook)["decided"].armed_at == 20
    assert armed(a_deal((cleared, MONDAY), decides_on="2026-03-03"), playbook) == {}


def test_a_moment_is_due_at_itself_and_one_that_is_past_is_due_at_once():
    playbook = with_deadlines("met: {on_date: meets_at, by: clock, warn_percent: 90}")
    found = armed(a_deal(meets_at="2026-03-01T10:00:00.000000Z"), playbook)["met"]
    assert [alarm.rung for alarm in found.past(MONDAY, None)] == [1]


# ── work and approvals ───────────────────────────────────────────────────────────────────────────────────────────────

ASKED = WorkRequested("wrk_1", "demo", BEN)
WORK = "demoed: {on_work: demo, after_hours: 9, ladder: [{tell: [assignee]}]}"


def test_nothing_that_was_asked_is_due_on_a_lost_deal_until_it_is_reopened():
    """The VP was told of the late review of a deal that had been lost weeks before. A deal that was won is still worked for."""
    playbook = with_deadlines(
        WORK, "signed: {on_approval: any, after_hours: 9, ladder: [{tell: [manager]}]}",
    )  # fmt: skip
    asked = (ASKED, APPROVAL)
    assert set(armed(a_deal(*asked), playbook)) == {"demoed/wrk_1", "signed/apr_1"}
    assert armed(a_deal(*asked, moved("lead", "lost")), playbook) == {}
    assert set(armed(a_deal(*asked, moved("lead", "won")), playbook)) == {"demoed/wrk_1", "signed/apr_1"}
    again = armed(a_deal(*asked, moved("lead", "lost"), moved("lost", "lead")), playbook)
    assert again == armed(a_deal(*asked), playbook)


def test_work_is_due_after_its_hours_and_over_when_it_is_done():
    playbook = with_deadlines(WORK)
    found = armed(a_deal((ASKED, MONDAY)), playbook)["demoed/wrk_1"]
    assert (found.subject, found.armed_at, found.due_at) == ("wrk_1", 20, MONDAY + SIX)
    assert armed(a_deal((ASKED, MONDAY), (WorkCompleted("wrk_1"), MONDAY + HOUR)), playbook) == {}


def test_the_response_and_the_work_have_clocks_of_their_own():
    """An answer stops the first one only; without hours of its own a deadline has the limits of the template."""
    playbook = with_deadlines("answered: {on_work: any, clock: response}", "done: {on_work: any}")
    found = armed(a_deal((ASKED, MONDAY)), playbook)
    assert {name: (item.due_at - MONDAY) // HOUR for name, item in found.items()} == {
        "answered/wrk_1": 2,
        "done/wrk_1": 9,
    }
    answered = a_deal((ASKED, MONDAY), (WorkResponded("wrk_1"), MONDAY + HOUR))
    assert [*armed(answered, playbook)] == ["done/wrk_1"]


def test_a_moment_the_requester_named_goes_before_the_template():
    named = replace(ASKED, due_at="2026-03-04T04:00:00.000000Z")
    found = armed(a_deal((named, MONDAY)), with_deadlines("done: {on_work: any}"))["done/wrk_1"]
    assert found.due_at == datetime(2026, 3, 4, 4, 0, tzinfo=UTC)


def test_a_moment_the_requester_named_needs_no_calendar_that_knows_it():
    """No working time has to be counted until a moment somebody said."""
    named = replace(ASKED, due_at="2041-03-04T04:00:00.000000Z")
    found = armed(a_deal((named, MONDAY)), with_deadlines("done: {on_work: any}"))["done/wrk_1"]
    assert found.due_at == datetime(2041, 3, 4, 4, 0, tzinfo=UTC)
    assert [alarm.rung for alarm in found.alarms] == [1]


def test_while_somebody_waits_for_the_customer_time_does_not_count():
    """Two of nine hours were used; the rest begins where the waiting ends. While it lasts nobody knows when it will be due."""
    playbook = with_deadlines(WORK)
    paused = [(ASKED, MONDAY), (WorkPaused("wrk_1", "customer"), MONDAY + 2 * HOUR)]
    waiting = armed(a_deal(*paused), playbook)["demoed/wrk_1"]
    assert (waiting.due_at, waiting.alarms, waiting.is_paused) == (None, (), True)
    resumed = armed(a_deal(*paused, (WorkResumed("wrk_1"), MONDAY + 3 * DAY)), playbook)["demoed/wrk_1"]
    assert (resumed.due_at, resumed.is_paused) == (MONDAY + 3 * DAY + 7 * HOUR, False)


def test_a_pause_by_night_costs_nothing():
    """Business time of the pause does not count, and there is none by night."""
    night = [(WorkPaused("wrk_1", "other"), MONDAY + SIX), (WorkResumed("wrk_1"), MONDAY + DAY)]
    playbook = with_deadlines("demoed: {on_work: demo, after_hours: 12}")
    found = armed(a_deal((ASKED, MONDAY), *night), playbook)["demoed/wrk_1"]
    assert found.due_at == armed(a_deal((ASKED, MONDAY)), playbook)["demoed/wrk_1"].due_at


def test_a_stage_stands_still_while_its_work_waits_for_the_customer_only():
    for whom, hours in (("customer", 3), ("colleague", 0)):
        happened = [
            (ASKED, MONDAY),
            (WorkPaused("wrk_1", whom), MONDAY + HOUR),
            (WorkResumed("wrk_1"), MONDAY + 4 * HOUR),
        ]
        found = armed(a_deal(*happened, (WorkCompleted("wrk_1"), MONDAY + 5 * HOUR)))["diagnosed"]
        due = MONDAY + DAY + SIX if hours == 0 else MONDAY + 2 * DAY + hours * HOUR
        assert found.due_at == due


APPROVAL = ApprovalRequested(
    "apr_1", "discount", "sequence",
    [{"name": "head", "approvers": {"manager": BEN}}, {"name": "top", "approvers": {"vp": ANNA, "law": BEN}, "quorum": 1}],
)  # fmt: skip


@pytest.mark.parametrize(
    ("decided", "turn"),
    [
        ([], (BEN,)),
        ([ApprovalDecided("apr_1", "head", "manager", "approved")], (ANNA, BEN)),
        ([ApprovalDecided("apr_1", "head", "manager", "approved"), ApprovalDecided("apr_1", "top", "vp", "rejected", back_to="head")], (BEN,)),
        ([ApprovalDecided("apr_1", "head", "manager", "approved"), ApprovalDecided("apr_1", "top", "vp", "approved")], None),
        ([ApprovalDecided("apr_1", "head", "manager", "rejected")], None),
        ([ApprovalRecalled("apr_1")], None),
    ],
)  # fmt: skip
def test_an_approval_waits_for_those_who_have_not_decided(decided, turn):
    playbook = with_deadlines("agreed: {on_approval: discount, after_hours: 9}")
    deal = a_deal((APPROVAL, MONDAY), *((event, MONDAY + HOUR) for event in decided))
    if turn is None:
        assert armed(deal, playbook) == {}
    else:
        assert armed(deal, playbook)["agreed/apr_1"].due_at == MONDAY + SIX
        assert set(deal.asked["apr_1"].whose_turn) == set(turn)


def test_somebody_else_may_have_the_work():
    deal = a_deal((ASKED, MONDAY), (WorkReassigned("wrk_1", BEN, ANNA), MONDAY + HOUR))
    assert deal.asked["wrk_1"].whose_turn == (ANNA,)


# ── what no calendar knows ───────────────────────────────────────────────────────────────────────────────────────────


def test_past_the_last_year_of_the_calendar_nobody_knows_when_it_is_due():
    """It is armed, and says so; nothing rings at a moment somebody made up."""
    found = armed(a_deal(at=datetime(2040, 12, 31, 9, 30, tzinfo=UTC)))["diagnosed"]
    assert (found.due_at, found.alarms, found.is_paused) == (None, (), False)


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                called(), called("tou_2", "visit"), TouchCorrected("tou_1", withdrawn=True), moved("lead", "costed"), moved("costed", "lead"),
                moved("lead", "won"), ASKED, WorkPaused("wrk_1", "customer"), WorkResumed("wrk_1"), WorkCompleted("wrk_1"), APPROVAL,
                ApprovalDecided("apr_1", "head", "manager", "approved"), FieldsChanged({"decides_on": {"old": None, "new": "2026-04-01"}}),
            ]
        ),
        st.integers(0, 30 * 24 * 60),
    ),
    max_size=12,
)  # fmt: skip
EVERYTHING = (
    "a: {on_stage: lead, after_hours: 5, warn_percent: 80, ladder: [{tell: [owner], repeat_hours: 3, repeats: 4}, {tell: [manager], after_hours: 7}]}",
    "b: {on_silence: any, after_hours: 30}", "c: {on_work: any, after_hours: 6}", "d: {on_approval: any, after_hours: 6, warn_percent: 10}",
    "e: {on_date: decides_on, warn_percent: 50, ladder: [{tell: [owner]}, {tell: [vp], after_hours: 2, repeat_hours: 1, repeats: 2}]}",
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=120)
@given(happened=HAPPENINGS, cut=st.integers(0, 12))
def test_folding_in_two_steps_through_json_is_folding_at_once(happened, cut):
    """And alarms ring one after the other, none before its deadline begins, with the due moment among them."""
    minutes = sorted(minute for _, minute in happened)
    events = told(*((event, MONDAY + timedelta(minutes=minute)) for (event, _), minute in zip(happened, minutes, strict=True)), since=2)  # fmt: skip
    whole = watching.fold(a_deal(), events)
    first = watching.fold(a_deal(), events[:cut])
    assert first is not None
    again = watching.from_json(watching.to_json(first))
    assert watching.fold(again, events[cut:]) == whole
    assert whole is not None
    found = arm(whole, with_deadlines(*EVERYTHING))
    assert len({item.key for item in found}) == len(found)
    for item in found:
        assert all(early.at < late.at and early.place < late.place for early, late in pairwise(item.alarms))
        assert item.due_at is None or item.due_at in [alarm.at for alarm in item.alarms if alarm.rung == 1]
        assert item.deadline == "e" or all(alarm.at > item.starts_at for alarm in item.alarms)
        assert item.armed_at <= whole.position
    assert whole.stream == DEAL
