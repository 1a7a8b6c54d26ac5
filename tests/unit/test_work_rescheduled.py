"""The moment work is due is moved: by whom, to when, why, and what that leaves as it was."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.deadlines import ANNA, BEN, DAY, MONDAY, armed, with_deadlines
from support.deadlines import DEAL as WATCHED
from support.deadlines import a_deal as a_watched_deal
from support.given import NOW, given
from support.working import (
    DEAL,
    FAY,
    HOUR,
    LEA,
    OTTO,
    SAM,
    SUE,
    VERA,
    a_deal,
    accept,
    after,
    away,
    by,
    complete,
    fork,
    item,
    later,
    request,
)

from domain.deadlines import watched as watching
from domain.deadlines.asked import Asked
from domain.refusals import InvalidCommand, NotFound
from domain.values import moment_text
from domain.work.commands import (
    CancelWork,
    DeclineWork,
    PauseWork,
    ReassignWork,
    RescheduleAsked,
    RescheduleWork,
)
from domain.work.events import WorkPaused, WorkRequested, WorkRescheduled, WorkResponded, WorkResumed
from domain.work.json_form import item_from_json, item_to_json

FIRST, SECOND = NOW + 24 * HOUR, NOW + 72 * HOUR


def asked(*people, **about):
    """A deal about which Sam has asked Fay for something by tomorrow."""
    return after(a_deal(*people), request("schedule", FAY, **{"due_at": FIRST} | about))


def moved(due_at=SECOND, work="wrk_1"):
    """Let it be due at another moment."""
    return RescheduleWork(DEAL, work, due_at)


def an_event(after_=SECOND, before=FIRST, work="wrk_1"):
    return WorkRescheduled(work, moment_text(after_), None if before is None else moment_text(before))


# ── who, when, why ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", [SAM, VERA])
def test_who_asked_for_it_and_the_manager_of_whoever_has_it_move_it(who):
    """To a later moment or to an earlier one, as long as it lies ahead."""
    world = by(asked(), who).because("the customer is away")
    given(world).when(moved()).then(an_event())
    given(world).when(moved(NOW + 20 * HOUR)).then(an_event(NOW + 20 * HOUR))


def test_whoever_has_it_does_not_move_it_alone_nor_does_anybody_else():
    """Nor whoever stands in for them: a date is not kept by moving it. Who asked themself for something may."""
    for somebody in (FAY, SUE, OTTO, "system/crm"):
        world = by(asked(away(FAY, OTTO)) if somebody == OTTO else asked(), somebody).because("no time")
        given(world).when(moved()).refuses(InvalidCommand, saying=f"only {SAM}, who asked for it")
    own = after(by(a_deal(), FAY), request("schedule", FAY, due_at=FIRST))
    given(own.because("no time")).when(moved()).then(an_event())


def test_a_program_moves_it_for_whoever_asked():
    given(by(asked(), "system/crm", for_whom=SAM).because("as agreed")).when(moved()).then(an_event())


def test_everything_wrong_with_it_is_named_at_once():
    """A moment that is past, and no reason."""
    for past in (NOW + HOUR, NOW - 24 * HOUR):
        given(later(asked(), 0)).when(moved(past)).refuses(
            InvalidCommand, problems=["/due_at", "/reason"], saying="nobody could be in time"
        )
    given(asked()).when(moved()).refuses(InvalidCommand, problems=["/reason"], saying="says why")


def test_the_moment_it_is_due_at_already_changes_nothing():
    """However it is written; and once it was moved, that is the moment it is due at."""
    world = asked().because("again")
    given(world).when(moved(FIRST)).changes_nothing()
    given(after(world, moved()).because("again")).when(moved(SECOND)).changes_nothing()
    given(after(world, moved()).because("back")).when(moved(FIRST)).then(an_event(FIRST, SECOND))


@pytest.mark.parametrize(
    ("who", "end", "told"),
    [
        (FAY, complete(), "it is done already"), (FAY, DeclineWork(DEAL, "wrk_1"), "it was declined"),
        (SAM, CancelWork(DEAL, "wrk_1"), "it was cancelled"),
    ],
)  # fmt: skip
def test_what_is_over_is_not_moved(who, end, told):
    world = by(after(by(asked(), who), end), SAM).because("too late")
    given(world).when(moved()).refuses(InvalidCommand, saying=told)


def test_what_is_not_there_is_named_with_the_nearest():
    given(asked().because("why")).when(moved(work="wrk_2")).refuses(NotFound, saying="did you mean 'wrk_1'")


def test_one_leg_is_moved_and_the_others_are_not():
    world = after(a_deal(), fork(due_at=FIRST))
    world = after(world, moved(work="wrk_1_2"))
    due = {name: found.due_at for name, found in world.record.work.items()}
    assert due == {
        "wrk_1_1": moment_text(FIRST),
        "wrk_1_2": moment_text(SECOND),
        "wrk_1_3": moment_text(FIRST),
    }


# ── what it leaves ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_but_the_moment_is_another_one():
    """State, assignee, answers and pauses stay; it reads back from JSON, also from what was written before anything could be moved."""
    world = after(by(asked(), FAY), accept(), PauseWork(DEAL, "wrk_1", "customer"))
    before = item(world)
    found = item(after(by(world, SAM), moved()))
    assert (found.due_at, found.rescheduled_at) == (moment_text(SECOND), world.occurred_at)
    assert replace(found, due_at=before.due_at, rescheduled_at=None) == before
    assert item_from_json(item_to_json(found)) == found
    assert "rescheduled_at" not in item_to_json(before)
    passed_on = item(after(by(world, SAM), moved(), ReassignWork(DEAL, "wrk_1", LEA)))
    assert (passed_on.due_at, passed_on.assignee) == (moment_text(SECOND), LEA)


def test_what_had_no_moment_of_its_own_gets_one():
    """Until then the limits of the template held."""
    world = asked(due_at=None).because("now there is a day")
    given(world).when(moved()).then(an_event(before=None))


def test_a_moved_moment_is_not_won_by_telling_another_time():
    """By which moment work is judged has one answer: nobody is done before the moment was moved that was noted earlier."""
    world = by(after(asked(), moved()), FAY)
    for command in (accept(), complete()):
        given(world.at(NOW + HOUR / 2)).when(command).refuses(InvalidCommand, problems=["/occurred_at"])
    given(by(world, SAM).at(NOW + HOUR / 2).because("why")).when(moved(FIRST)).refuses(
        InvalidCommand, problems=["/occurred_at"]
    )


# ── what a reaction asks for ─────────────────────────────────────────────────────────────────────────────────────────

BOT = "system/reactions"


def test_a_reaction_moves_what_reactions_asked_for_and_nothing_else():
    """Of the template, and open: what people asked for is theirs to move, and what is over stays as it was. A second time changes nothing."""
    world = after(
        by(a_deal(), BOT), *(request("schedule", FAY, work=f"wrk_{name}", due_at=FIRST) for name in ("a", "b", "done")),
        request("terms", LEA, work="wrk_other", due_at=FIRST),
    )  # fmt: skip
    world = by(after(by(world, SAM), request("schedule", FAY, work="wrk_sams", due_at=FIRST)), FAY)
    world = by(after(world, complete("wrk_done")), BOT)
    given(world).when(RescheduleAsked(DEAL, "schedule", SECOND)).then(
        an_event(work="wrk_a"), an_event(work="wrk_b")
    )
    settled = after(world, RescheduleAsked(DEAL, "schedule", SECOND))
    given(settled).when(RescheduleAsked(DEAL, "schedule", SECOND)).changes_nothing()
    given(world).when(RescheduleAsked(DEAL, "schedule", None)).changes_nothing()
    given(world).when(RescheduleAsked(DEAL, "schedule", NOW)).refuses(InvalidCommand, problems=["/due_at"])


# ── its deadlines ────────────────────────────────────────────────────────────────────────────────────────────────────

DONE = (
    "done: {on_work: any, warn_percent: 50, ladder: [{tell: [assignee]}, {tell: [manager], after_hours: 2}]}"
)
WANTED, LATER = datetime(2026, 3, 4, 4, 0, tzinfo=UTC), datetime(2026, 3, 9, 4, 0, tzinfo=UTC)
WORK = WorkRequested("wrk_1", "demo", BEN, due_at=moment_text(WANTED))
MOVED = WorkRescheduled("wrk_1", moment_text(LATER), moment_text(WANTED))


def test_a_moment_that_is_moved_begins_anew_with_its_moving():
    """Another position tells it from the one before, so that what was told of that keeps nobody quiet about this."""
    playbook = with_deadlines(DONE)
    before = armed(a_watched_deal((WORK, MONDAY)), playbook)["done/wrk_1"]
    found = armed(a_watched_deal((WORK, MONDAY), (MOVED, MONDAY + DAY)), playbook)["done/wrk_1"]
    assert (before.armed_at, before.starts_at, before.due_at) == (20, MONDAY, WANTED)
    assert (found.armed_at, found.starts_at, found.due_at) == (30, MONDAY + DAY, LATER)
    assert found.next((2, 0)) is None, "the ladder is told up to its end"
    assert found.key != before.key
    assert MONDAY + DAY < found.warn_at < LATER


def test_limits_and_other_clocks_stay_as_they_were():
    """Hours of a deadline's own begin with the request, and so does the time for an answer, wherever the moment moves."""
    playbook = with_deadlines(
        "answered: {on_work: any, clock: response, after_hours: 4}", "shown: {on_work: demo, after_hours: 12}"
    )
    before, found = (
        armed(a_watched_deal(*events), playbook)
        for events in ([(WORK, MONDAY)], [(WORK, MONDAY), (MOVED, MONDAY + DAY)])
    )
    assert found == before
    assert {name: it.armed_at for name, it in found.items()} == {"answered/wrk_1": 20, "shown/wrk_1": 20}


def test_a_limit_gives_way_to_a_moment_and_the_moment_stands_through_pauses():
    playbook = with_deadlines(DONE)
    unnamed = replace(WORK, due_at=None)
    events = [
        (unnamed, MONDAY),
        (replace(MOVED, before=None), MONDAY + DAY),
        (WorkPaused("wrk_1", "customer"), MONDAY + DAY),
        (WorkResponded("wrk_1"), MONDAY + 2 * DAY),
    ]
    found = armed(a_watched_deal(*events), playbook)["done/wrk_1"]
    assert (found.armed_at, found.due_at, found.is_paused) == (30, LATER, False)
    assert (
        armed(a_watched_deal(*events, (WorkResumed("wrk_1"), MONDAY + 3 * DAY)), playbook)["done/wrk_1"]
        == found
    )


def test_the_timer_table_reads_back_what_it_kept():
    """Also what it kept before anything could be moved."""
    deal = a_watched_deal((WORK, MONDAY), (MOVED, MONDAY + DAY))
    assert watching.from_json(watching.to_json(deal)) == deal
    plain = a_watched_deal((WORK, MONDAY)).asked["wrk_1"]
    told = plain.to_json()
    del told["due_since"]
    assert Asked.from_json(told) == plain
    assert (deal.stream, deal.asked["wrk_1"].assignee, deal.owner) == (WATCHED, BEN, ANNA)
