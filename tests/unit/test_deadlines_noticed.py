"""What noticing a deadline comes to: once, at the highest rung, and only what is due as it is armed; who is told; who says that they know."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.deadlines import (
    ANNA,
    BEN,
    CARA,
    DAY,
    DEAL,
    DIRK,
    EVE,
    HOUR,
    MONDAY,
    a_deal,
    the_playbook,
    the_team,
    with_deadlines,
)
from support.given import recorded

from consumers.deadlines.clock import key_of
from domain.deadlines import firings
from domain.deadlines.commands import AcknowledgeDeadline, NoticeDeadline
from domain.deadlines.decide import NotDue, acknowledge, notice
from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.deadlines.firings import Firings
from domain.deadlines.telling import people_told
from domain.events import AbsenceNoted, DelegationGiven, OwnerChanged, PersonLeft, StageChanged, Touched
from domain.naming import ORGANISATION_STREAM, firings_stream
from domain.organisation import state as organisation_state
from domain.refusals import InvalidCommand, NotFound
from domain.work.events import ApprovalRequested, WorkRequested

EVENING = MONDAY + timedelta(hours=9)
DUE = EVENING + DAY


def noticed(
    at, rung=1, *, repeat=0, deal=None, so_far=None, armed_at=10, playbook=None, deadline="diagnosed"
):
    """Notice a deadline of the deal at a moment."""
    command = NoticeDeadline(DEAL, deadline, armed_at, rung, repeat)
    (event,) = notice(
        deal or a_deal(), so_far or Firings(), command, playbook or the_playbook(), the_team(), at
    )
    assert isinstance(event, DeadlineNoticed)
    return event


def after(*events, by=ANNA):
    """What stands in the stream of firings after some events."""
    return firings.fold(
        None,
        [
            recorded(event, firings_stream(DEAL), index + 1, position=100 + index, actor=by)
            for index, event in enumerate(events)
        ],
    )


# ── once, at the highest rung ────────────────────────────────────────────────────────────────────────────────────────


def test_the_warning_is_for_whoever_has_to_act():
    event = noticed(EVENING, rung=0)
    assert (event.rung, event.told, event.skipped) == (0, [ANNA], [])
    assert (event.due_at[:19], event.noticed_at[:19]) == ("2026-03-03T10:00:00", "2026-03-02T10:00:00")


def test_what_is_past_at_several_rungs_is_told_once_at_the_highest():
    """Nobody gets three messages in a second because a clock stood still for a weekend; the lower rungs are named."""
    event = noticed(DUE + 10 * DAY, rung=0)
    assert (event.rung, event.repeat, event.told, event.skipped) == (3, 2, [CARA], [0, 1, 2])


def test_a_rung_is_told_once():
    so_far = after(noticed(DUE))
    with pytest.raises(NotDue):
        noticed(DUE, so_far=so_far)
    with pytest.raises(NotDue):
        noticed(DUE + HOUR, rung=0, so_far=so_far)
    assert noticed(DUE + DAY, rung=2, so_far=so_far).told == [BEN]


def test_repetitions_come_one_by_one():
    so_far = after(noticed(DUE + 2 * DAY))
    again = noticed(DUE + 3 * DAY, rung=3, repeat=1, so_far=so_far)
    assert (again.rung, again.repeat, again.skipped) == (3, 1, [])


@pytest.mark.parametrize("early", [timedelta(microseconds=1), DAY])
def test_before_its_moment_nothing_is_noticed(early):
    """Also by a command that is sent too early, which is kept under no key: it is true a moment later."""
    with pytest.raises(NotDue):
        noticed(DUE - early, so_far=after(noticed(EVENING, rung=0)))


def test_what_stopped_or_began_anew_is_not_noticed():
    """A firing names the position it was armed at; the deadline of another entry is another one."""
    with pytest.raises(NotDue):
        noticed(DUE, deal=a_deal((StageChanged("lead", "costed", "forward"), MONDAY + HOUR)))
    silent = a_deal((Touched("tou_1", "call"), MONDAY + DAY))
    with pytest.raises(NotDue):
        noticed(MONDAY + 30 * DAY, deadline="silent", deal=silent)
    assert noticed(MONDAY + 30 * DAY, deadline="silent", deal=silent, armed_at=20).told == [BEN]


def test_after_a_change_of_rules_what_fired_stays_fired_and_what_is_past_fires_once():
    """The owner was told under the old rules; under shorter ones the VP is told at once, and the owner not again."""
    shorter = with_deadlines(
        "diagnosed: {on_stage: lead, after_hours: 1, ladder: [{tell: [owner]}, {tell: [manager], after_hours: 1}, {tell: [vp], after_hours: 2}]}"
    )
    longer = with_deadlines("diagnosed: {on_stage: lead, after_hours: 90, ladder: [{tell: [owner]}, {tell: [manager], after_hours: 1}]}")  # fmt: skip
    so_far = after(noticed(DUE))
    event = noticed(DUE + HOUR, rung=2, so_far=so_far, playbook=shorter)
    assert (event.rung, event.skipped, event.told) == (3, [2], [CARA])
    with pytest.raises(NotDue):
        noticed(DUE + HOUR, so_far=so_far, playbook=longer)


def test_the_key_of_a_firing_is_its_own_and_always_the_same():
    """Another position, rung, repetition, subject or record makes another key; nothing else does."""
    one = NoticeDeadline(DEAL, "diagnosed", 10, 1, 0, "wrk_1")
    others = [replace(one, **{name: value}) for name, value in {
        "record": "deal/dea_2", "deadline": "silent", "armed_at": 11, "rung": 2, "repeat": 1, "subject": None,
    }.items()]  # fmt: skip
    assert key_of(one) == key_of(replace(one))
    assert len({key_of(item) for item in (one, *others)}) == 7


# ── who is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


def told(word, *, deal=None, subject=None, team=None, rung=1):
    playbook = with_deadlines(f"late: {{on_stage: lead, after_hours: 1, ladder: [{{tell: [{word}]}}]}}")
    deadline = playbook.kind("deal").deadlines["late"]
    return people_told(deadline, subject, rung, deal or a_deal(), team or the_team(), MONDAY + DAY)


def the_team_after(*events):
    return organisation_state.fold(
        the_team(), [recorded(event, ORGANISATION_STREAM, 20 + index) for index, event in enumerate(events)]
    )


def test_the_ladder_knows_people_by_where_they_stand():
    assert (told("owner"), told("manager"), told("managers_manager")) == ([ANNA], [BEN], [CARA])
    assert told("managers_manager", deal=a_deal((OwnerChanged(ANNA, BEN), MONDAY))) == []


def test_of_several_in_a_role_the_one_above_is_meant():
    """Else whoever holds it in the region, else everybody who does."""
    assert told("vp") == [CARA]
    eves = a_deal((OwnerChanged(ANNA, EVE), MONDAY))
    assert told("vp", deal=eves) == [DIRK]
    nobodys = a_deal((OwnerChanged(ANNA, None), MONDAY))
    assert told("vp", deal=nobodys) == [CARA, DIRK]
    assert (told("owner", deal=nobodys), told("manager", deal=nobodys)) == ([], [])


def test_for_who_has_left_the_first_above_them_is_told():
    gone = the_team_after(PersonLeft(ANNA))
    assert (told("owner", team=gone), told("manager", team=gone)) == ([BEN], [BEN])
    assert told("manager", team=the_team_after(PersonLeft(BEN))) == [CARA]


def test_for_who_is_away_their_stand_in_is_told_as_well():
    away = AbsenceNoted("abs_1", BEN, "2026-03-01T00:00:00.000000Z", None, EVE)
    assert told("manager", team=the_team_after(away)) == [BEN, EVE]


@pytest.mark.parametrize(("covers", "of_an_approval", "of_work"), [
    ("approvals", [BEN, EVE], [BEN]), ("work", [BEN], [BEN, EVE]),
])  # fmt: skip
def test_who_has_to_decide_and_is_away_is_answered_for_by_who_covers_approvals(
    covers, of_an_approval, of_work
):
    """Somebody who only takes over their work could not decide it; of the manager of whoever must decide, it is work."""
    away = AbsenceNoted("abs_1", BEN, "2026-03-01T00:00:00.000000Z", None, None)
    gives = DelegationGiven("del_1", BEN, EVE, "2026-03-01T00:00:00.000000Z", None, [covers])
    team = the_team_after(away, gives)

    def hears(approver, word):
        level = {"name": "head", "approvers": {"manager": approver}}
        deal = a_deal((ApprovalRequested("apr_1", "discount", "sequence", [level]), MONDAY))
        playbook = with_deadlines(f"late: {{on_approval: any, after_hours: 1, ladder: [{{tell: [{word}]}}]}}")
        late = playbook.kind("deal").deadlines["late"]
        return people_told(late, "apr_1", 1, deal, team, MONDAY + DAY)

    assert hears(BEN, "assignee") == of_an_approval
    assert hears(ANNA, "manager") == of_work
    assert told("manager", team=team) == of_work


def test_of_work_the_assignee_is_told_and_the_managers_are_theirs():
    deal = a_deal((WorkRequested("wrk_1", "demo", DIRK), MONDAY))
    playbook = with_deadlines(
        "late: {on_work: demo, after_hours: 1, warn_percent: 5, ladder: [{tell: [assignee, manager, owner]}]}"
    )
    late = playbook.kind("deal").deadlines["late"]
    at = MONDAY + DAY
    assert people_told(late, "wrk_1", 1, deal, the_team(), at) == [DIRK, EVE, ANNA]
    assert people_told(late, "wrk_1", 0, deal, the_team(), at) == [DIRK]


# ── saying that one knows ────────────────────────────────────────────────────────────────────────────────────────────


def test_who_was_told_says_that_they_know():
    so_far = after(noticed(DUE))
    (event,) = acknowledge(so_far, AcknowledgeDeadline(DEAL, "diagnosed"), (), ANNA)
    assert event == DeadlineAcknowledged(DEAL, "diagnosed", 10, 1)


def test_saying_it_twice_is_nothing_new():
    so_far = after(noticed(DUE), DeadlineAcknowledged(DEAL, "diagnosed", 10, 1))
    assert acknowledge(so_far, AcknowledgeDeadline(DEAL, "diagnosed"), (), ANNA) == []


def test_only_who_was_told_says_it():
    with pytest.raises(InvalidCommand) as refused:
        acknowledge(after(noticed(DUE)), AcknowledgeDeadline(DEAL, "diagnosed"), (), DIRK)
    assert [problem.pointer for problem in refused.value.problems] == [""]


def test_what_was_never_told_has_the_nearest_name():
    with pytest.raises(NotFound) as refused:
        acknowledge(after(noticed(DUE)), AcknowledgeDeadline(DEAL, "diagnose"), (), ANNA)
    assert refused.value.suggestion == "diagnosed"
    with pytest.raises(NotFound):
        acknowledge(after(noticed(DUE)), AcknowledgeDeadline(DEAL, "diagnosed", rung=2), (), ANNA)


def test_of_several_tellings_the_last_one_is_meant_and_any_can_be_named():
    so_far = after(noticed(EVENING, rung=0), noticed(DUE))
    (last,) = acknowledge(so_far, AcknowledgeDeadline(DEAL, "diagnosed"), (), ANNA)
    (first,) = acknowledge(so_far, AcknowledgeDeadline(DEAL, "diagnosed", rung=0), (), ANNA)
    assert (last.rung, first.rung) == (1, 0)
