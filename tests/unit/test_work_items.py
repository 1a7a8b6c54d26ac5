"""One person asks something of another: who gets it, who may do what with it, and when it is done."""

from dataclasses import replace
from decimal import Decimal

import pytest
from support.given import NOW, PLAYBOOKS, SHA256, given, published
from support.working import (
    DEAL,
    EDU,
    EVE,
    FAY,
    GONE,
    HOUR,
    LEA,
    MAX,
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
    happened,
    item,
    later,
    proven,
    request,
    the_working_playbook,
)

from commands.playbook_file import parse_playbook
from domain.business_time import ClockTime
from domain.events import EvidenceAttached
from domain.refusals import InvalidCommand, NotFound
from domain.values import Private
from domain.work.commands import (
    CancelWork,
    DeclineWork,
    PauseWork,
    ReassignWork,
    RespondToWork,
    ResumeWork,
    TickWork,
)
from domain.work.events import (
    WorkAccepted,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkPaused,
    WorkReassigned,
    WorkRequested,
    WorkResponded,
    WorkResumed,
    WorkTicked,
)
from domain.work.limits import done_due_at
from domain.work.state import Pause


def asked(template="schedule", assignee=FAY, *people, **about):
    """A deal about which Sam has asked for something."""
    return after(a_deal(*people), request(template, assignee, **about))


# ── who is asked ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_work_is_asked_of_a_named_person():
    given(a_deal()).when(request("schedule", FAY, title="split in three", priority=7)).then(
        WorkRequested("wrk_1", "schedule", FAY, title=Private(DEAL, "split in three"), priority=7)
    )


def test_where_only_a_role_is_known_the_nearest_who_holds_it_is_asked():
    """Eve is in Sam's team; Edu, whose id comes first, is in another region."""
    assert given(a_deal()).when(request("estimate", None)).event.assignee == EVE
    assert given(by(a_deal(), EDU)).when(request("estimate", None)).event.assignee == EDU
    assert given(a_deal(away(EVE))).when(request("estimate", None)).event.assignee == EDU


def test_a_department_is_nobody():
    """A template without a role needs a person, and a person must be one who works here."""
    given(a_deal()).when(request("schedule", None)).refuses(InvalidCommand, problems=["/assignee"])
    for nobody in ("north", "person/per_nobody", GONE):
        given(a_deal()).when(request("schedule", nobody)).refuses(InvalidCommand, problems=["/assignee"])


def test_whoever_is_away_is_stood_in_for_and_the_item_says_whose_it_is():
    event = given(a_deal(away(FAY, OTTO))).when(request("schedule", FAY)).event
    assert (event.assignee, event.asked) == (OTTO, FAY)
    event = given(a_deal(away(FAY, OTTO), away(OTTO, LEA))).when(request("schedule", FAY)).event
    assert (event.assignee, event.asked) == (LEA, FAY)


def test_nobody_left_is_refused_and_the_refusal_says_who_is_away_until_when():
    when = given(a_deal(away(FAY))).when(request("schedule", FAY))
    when.refuses(
        InvalidCommand, problems=["/assignee"], saying=f"{FAY} is away until 2026-03-04T09:00:00.000000Z"
    )
    both = a_deal(away(EVE), away(EDU, until=None))
    given(both).when(request("estimate", None)).refuses(
        InvalidCommand, problems=["/assignee"], saying=f"{EDU} for nobody knows how long"
    )


def test_whoever_gets_it_holds_the_role_also_a_stand_in():
    given(a_deal()).when(request("terms", FAY)).refuses(InvalidCommand, problems=["/assignee"])
    given(a_deal(away(LEA, FAY))).when(request("terms", LEA)).refuses(
        InvalidCommand, problems=["/assignee"], saying=f"{FAY}, who stands in for {LEA}, does not hold"
    )


def test_a_request_names_everything_that_is_wrong_with_it():
    wrong = request("schedul", "person/per_x", title="a\x00b", due_at=NOW, priority=10)
    given(a_deal()).when(wrong).refuses(
        InvalidCommand,
        problems=[("/template", "schedule"), "/title", "/due_at", "/priority", "/assignee"],
    )
    given(asked()).when(request("schedule", FAY)).refuses(InvalidCommand, problems=["/id"])
    given(a_deal()).when(request("schedule", FAY, work="a b")).refuses(InvalidCommand, problems=["/id"])


def test_a_moment_the_requester_sets_is_kept_as_it_is():
    event = given(a_deal()).when(request("schedule", FAY, due_at=NOW + HOUR)).event
    assert event.due_at == "2026-03-02T10:00:00.000000Z"


# ── on the way ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_three_clocks_are_kept_apart():
    """Asked, taken in hand, answered, done: each moment stands by itself."""
    world = by(asked(), FAY)
    world = after(world, accept(), RespondToWork(DEAL, "wrk_1", "by Friday"), complete())
    found = item(world)
    assert found.requested_at == NOW
    assert found.started_at == NOW + HOUR
    assert found.first_response_at == NOW + 2 * HOUR
    assert found.ended_at == NOW + 3 * HOUR
    assert found.state == "done"


def test_whoever_finishes_or_declines_without_a_word_before_has_answered():
    done = item(after(by(asked(), FAY), complete()))
    assert done.started_at == done.first_response_at == done.ended_at == NOW + HOUR
    declined = item(after(by(asked(), FAY), DeclineWork(DEAL, "wrk_1")))
    assert (declined.state, declined.started_at, declined.first_response_at) == ("declined", None, NOW + HOUR)


def test_taking_it_on_and_going_on_twice_changes_nothing():
    world = by(asked(), FAY)
    given(world).when(accept()).then(WorkAccepted("wrk_1"))
    world = after(world, accept())
    given(world).when(accept()).changes_nothing()
    given(world).when(ResumeWork(DEAL, "wrk_1")).changes_nothing()


def test_while_it_waits_for_somebody_else_nothing_goes_on():
    world = by(asked(), FAY)
    given(world).when(PauseWork(DEAL, "wrk_1", "customer")).then(WorkPaused("wrk_1", "customer"))
    given(world).when(PauseWork(DEAL, "wrk_1", "costumer")).refuses(
        InvalidCommand, problems=[("/waiting_for", "customer")]
    )
    paused = after(world, PauseWork(DEAL, "wrk_1", "supplier"))
    for command in (accept(), RespondToWork(DEAL, "wrk_1"), PauseWork(DEAL, "wrk_1", "other")):
        given(paused).when(command).refuses(
            InvalidCommand, saying="waiting for the supplier; resume it first"
        )
    given(paused).when(ResumeWork(DEAL, "wrk_1")).then(WorkResumed("wrk_1"))
    (stretch,) = item(after(paused, ResumeWork(DEAL, "wrk_1"))).pauses
    assert (stretch.waiting_for, stretch.began_at, stretch.ended_at) == (
        "supplier",
        NOW + HOUR,
        NOW + 2 * HOUR,
    )


def test_a_limit_is_not_won_by_telling_another_time():
    """Pauses that were dated back used to be added up, so that five of them moved what was due by days."""
    world = after(by(asked(), FAY), PauseWork(DEAL, "wrk_1", "customer"), ResumeWork(DEAL, "wrk_1"))
    for command in (PauseWork(DEAL, "wrk_1", "customer"), accept(), complete()):
        given(world.at(NOW + HOUR)).when(command).refuses(InvalidCommand, problems=["/occurred_at"])


def test_no_moment_is_waited_through_twice():
    """Whatever the log holds of pauses: those that lie over each other count once."""
    template = the_working_playbook().kind("deal").work["schedule"]
    once, again = (
        Pause("customer", NOW + HOUR, NOW + 5 * HOUR),
        Pause("other", NOW + 2 * HOUR, NOW + 4 * HOUR),
    )
    work = item(asked())
    due = [
        done_due_at(
            replace(work, pauses=pauses),
            template.model_copy(update={"complete_within_hours": Decimal(10)}),
            ClockTime(),
        )
        for pauses in ((once,), (once, again), (again, once))
    ]
    assert due == [work.requested_at + 14 * HOUR] * 3


def test_work_that_is_done_while_it_waits_ends_the_wait():
    world = after(by(asked(), FAY), PauseWork(DEAL, "wrk_1", "customer"), complete())
    (stretch,) = item(world).pauses
    assert stretch.ended_at == NOW + 2 * HOUR


def test_only_whoever_has_it_or_stands_in_for_them_may_go_on_with_it():
    """The requester, a manager and a program that speaks for nobody are refused, and told who may."""
    for somebody in (SAM, VERA, SUE, "system/crm"):
        for command in (accept(), RespondToWork(DEAL, "wrk_1"), complete(), DeclineWork(DEAL, "wrk_1")):
            given(by(asked(), somebody)).when(command).refuses(
                InvalidCommand, saying=f"only {FAY}, who has it"
            )
    given(by(asked(), "system/crm", for_whom=FAY)).when(accept()).then(WorkAccepted("wrk_1"))
    sick = replace(asked(), organisation=a_deal(away(FAY, OTTO)).organisation)
    given(by(sick, OTTO)).when(accept()).then(WorkAccepted("wrk_1"))


def test_a_program_that_speaks_for_somebody_asks_in_their_name():
    world = after(by(a_deal(), "system/crm", for_whom=SAM), request())
    assert (item(world).requested_by, item(world).actor) == (SAM, "system/crm")
    given(by(world, SAM).because("no longer")).when(CancelWork(DEAL, "wrk_1")).then(WorkCancelled("wrk_1"))


def test_nothing_is_said_of_work_before_it_was_asked():
    given(by(asked(), FAY).at(NOW - HOUR)).when(accept()).refuses(InvalidCommand, problems=["/occurred_at"])


def test_an_item_that_is_not_there_is_named_with_the_nearest():
    given(by(asked(), FAY)).when(accept("wrk_2")).refuses(NotFound, saying="did you mean 'wrk_1'")


# ── handing over ─────────────────────────────────────────────────────────────────────────────────────────────────────


def handed(to, work="wrk_1"):
    """Give it to somebody."""
    return ReassignWork(DEAL, work, to)


def test_whoever_has_it_delegates_it_and_it_stays_theirs():
    given(by(asked(), FAY)).when(handed(OTTO)).then(WorkReassigned("wrk_1", FAY, OTTO, FAY, "delegated"))
    world = after(by(asked(), FAY), handed(OTTO))
    assert (item(world).assignee, item(world).asked, item(world).state) == (OTTO, FAY, "requested")
    given(by(world, OTTO)).when(handed(LEA)).then(WorkReassigned("wrk_1", OTTO, LEA, FAY, "delegated"))


def test_whose_it_is_takes_it_back():
    world = after(by(asked(), FAY), handed(OTTO))
    given(by(world, FAY)).when(handed(FAY)).then(WorkReassigned("wrk_1", OTTO, FAY, None, "returned"))
    given(by(world, OTTO)).when(handed(FAY)).then(WorkReassigned("wrk_1", OTTO, FAY, None, "returned"))
    given(by(world, FAY)).when(handed(LEA)).refuses(InvalidCommand)


@pytest.mark.parametrize("who", [SAM, VERA])
def test_who_asked_for_it_and_the_manager_of_whoever_has_it_reassign_it(who):
    given(by(asked(), who)).when(handed(OTTO)).then(WorkReassigned("wrk_1", FAY, OTTO, None, "reassigned"))


def test_nobody_else_gives_it_away_and_nobody_is_asked_who_cannot_do_it():
    given(by(asked(), SUE)).when(handed(OTTO)).refuses(InvalidCommand, saying=f"the manager of {FAY}")
    estimate = asked("estimate", EVE)
    given(estimate).when(handed(FAY)).refuses(InvalidCommand, problems=["/to"], saying="engineer")
    given(estimate).when(handed(GONE)).refuses(InvalidCommand, problems=["/to"])
    given(estimate).when(handed(EVE)).changes_nothing()


def test_where_whoever_gets_it_is_away_their_stand_in_does():
    given(asked("schedule", FAY, away(OTTO, LEA))).when(handed(OTTO)).then(
        WorkReassigned("wrk_1", FAY, LEA, OTTO, "stands in")
    )


def test_the_manager_of_somebody_who_left_gives_their_work_to_somebody_else():
    world = replace(asked("estimate", EVE), organisation=a_deal().organisation)
    people = dict(world.organisation.people)
    people[EVE] = replace(people[EVE], active=False)
    left = replace(world, organisation=replace(world.organisation, people=people))
    given(by(left, MAX)).when(handed(EDU)).then(WorkReassigned("wrk_1", EVE, EDU, None, "reassigned"))


# ── checklists ───────────────────────────────────────────────────────────────────────────────────────────────────────


def tick(name, evidence=None):
    """Tick an item."""
    return TickWork(DEAL, "wrk_1", name, evidence)


def test_an_item_is_ticked_once_what_comes_before_it_is():
    world = by(proven(asked("estimate", EVE), "photo"), EVE)
    given(world).when(tick("measured")).refuses(
        InvalidCommand, problems=["/item", "/evidence"], saying="after read"
    )
    given(world).when(tick("read")).then(WorkTicked("wrk_1", "read"))
    world = after(world, tick("read"))
    given(world).when(tick("read")).changes_nothing()
    given(world).when(tick("measured", "evi_photo")).then(WorkTicked("wrk_1", "measured", "evi_photo"))
    given(world).when(tick("raed")).refuses(InvalidCommand, problems=[("/item", "read")])


def test_an_item_that_asks_for_evidence_names_a_piece_of_it():
    world = after(by(proven(asked("estimate", EVE), "spec"), EVE), tick("read"))
    given(world).when(tick("measured")).refuses(
        InvalidCommand, problems=["/evidence"], saying="piece of photo"
    )
    given(world).when(tick("measured", "evi_spec")).refuses(
        InvalidCommand, problems=[("/evidence", "evi_spec")]
    )


def test_a_piece_that_no_longer_counts_ticks_nothing():
    old = EvidenceAttached("evi_old", "photo", SHA256, 1, "image/png", None, "2026-02-01")
    world = after(by(happened(asked("estimate", EVE), [old]), EVE), tick("read"))
    given(world).when(tick("measured", "evi_old")).refuses(InvalidCommand, problems=["/evidence"])


def test_an_item_for_a_role_is_ticked_by_whoever_holds_it():
    world = after(by(asked("estimate", EVE), EVE), tick("read"))
    given(world).when(tick("checked")).refuses(InvalidCommand, saying="holds the role legal")
    given(by(world, LEA)).when(tick("checked")).then(WorkTicked("wrk_1", "checked"))
    given(by(world, LEA)).when(tick("tidied")).refuses(InvalidCommand, saying=f"only {EVE}")


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_names_everything_that_is_missing_before_it_is_done():
    world = by(asked("estimate", EVE), EVE)
    given(world).when(complete(person_days="-1", reviewer=GONE, remrak="x")).refuses(
        InvalidCommand,
        problems=[
            "/fields/person_days",
            "/fields/reviewer",
            ("/fields/remrak", "remark"),
            "/fields/remark",
            "/evidence/spec",
            "/checklist/read",
            "/checklist/measured",
            "/checklist/checked",
        ],
    )


def test_it_is_done_with_its_form_its_evidence_and_its_checklist():
    world = by(proven(asked("estimate", EVE), "photo", "spec"), EVE)
    world = after(world, tick("read"), tick("measured", "evi_photo"))
    world = by(after(by(world, LEA), tick("checked")), EVE)
    given(world).when(complete(person_days=12, remark="tight", reviewer=EDU)).then(
        WorkCompleted("wrk_1", {"person_days": "12", "remark": Private(DEAL, "tight"), "reviewer": EDU})
    )


@pytest.mark.parametrize("nothing", ["", "   "], ids=["empty", "blank"])
def test_an_empty_value_fills_nothing(nothing):
    world = by(asked("estimate", EVE), EVE)
    refusal = given(world).when(complete(person_days=1, remark=nothing)).refusal
    assert "/fields/remark" in [problem.pointer for problem in refusal.problems]


def test_evidence_that_no_longer_counts_is_missing():
    """A photo counts ten days; the specification for ever."""
    old = EvidenceAttached("evi_spec", "spec", SHA256, 1, "image/png", None, "2026-03-01")
    world = by(happened(asked("estimate", EVE), [old]), EVE)
    refusal = given(world).when(complete(person_days=1, remark="x")).refusal
    assert "/evidence/spec" in [problem.pointer for problem in refusal.problems]


def test_whoever_declines_or_cancels_says_why():
    own = by(asked(), FAY)
    given(own).when(DeclineWork(DEAL, "wrk_1")).refuses(InvalidCommand, problems=["/reason"])
    given(own.because("not ours")).when(DeclineWork(DEAL, "wrk_1")).then(WorkDeclined("wrk_1"))
    given(asked()).when(CancelWork(DEAL, "wrk_1")).refuses(InvalidCommand, problems=["/reason"])
    given(asked().because("lost")).when(CancelWork(DEAL, "wrk_1")).then(WorkCancelled("wrk_1"))
    given(by(asked(), VERA).because("lost")).when(CancelWork(DEAL, "wrk_1")).then(WorkCancelled("wrk_1"))
    given(own.because("lost")).when(CancelWork(DEAL, "wrk_1")).refuses(InvalidCommand, saying=f"only {SAM}")


def test_nothing_is_done_to_work_that_is_over():
    over = after(by(asked(), FAY), complete())
    for command in (
        accept(),
        complete(),
        handed(OTTO),
        CancelWork(DEAL, "wrk_1"),
        RespondToWork(DEAL, "wrk_1"),
    ):
        given(over.because("late")).when(command).refuses(InvalidCommand, saying="it is done already")


def test_what_is_written_about_it_is_personal():
    given(by(asked(), FAY)).when(RespondToWork(DEAL, "wrk_1", "call Mrs Li")).then(
        WorkResponded("wrk_1", Private(DEAL, "call Mrs Li"))
    )


def test_work_keeps_the_version_it_was_asked_under():
    """What a later version asks of the same template is not asked of what is on its way."""
    text = (PLAYBOOKS / "working.yaml").read_text("utf-8")
    stricter = text.replace(
        "        role: legal\n        done_by_word: true\n",
        "        role: legal\n        fields: {clause: {type: text, label: {zh: 条款, en: Clause}}}\n        requires: [clause]\n",
    )
    assert stricter != text
    books = published(the_working_playbook(), parse_playbook(stricter, "working.yaml"))
    world = replace(asked("terms", LEA), books=books)
    given(by(world, LEA)).when(complete()).then(WorkCompleted("wrk_1"))
    newer = after(replace(a_deal(), books=books), request("terms", LEA))
    given(by(later(newer, 1), LEA)).when(complete()).refuses(InvalidCommand, problems=["/fields/clause"])
