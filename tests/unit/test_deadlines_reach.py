"""Days after the calendar ends: nothing would ever be due then, so they are refused when they are said; moments need no calendar."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.deadlines import ANNA, BEN, DEAL, MONDAY, TEXT, the_playbook, the_team, told, with_deadlines
from support.deadlines import a_deal as a_watched_deal
from support.deadlines import armed as armed_of
from support.given import World, given, published

from domain.events import FieldsChanged, RecordOpened
from domain.record import state as record_state
from domain.record.commands import EditFields, OpenRecord
from domain.refusals import InvalidCommand
from domain.values import moment_text
from domain.work.events import WorkRequested

DECIDES = "decided: {on_date: decides_on, ladder: [{tell: [owner]}, {tell: [manager], after_hours: 8}]}"

HEAD = TEXT[: TEXT.index("    deadlines:\n")]
THEREBY = f"    deadlines:\n      {DECIDES.replace('{', '{label: {zh: 限, en: Limit}, ', 1)}\n"


def a_deal(playbook, **fields):
    """Anna's deal under a playbook, and Anna about to say something."""
    return World(
        record=record_state.fold(None, told((RecordOpened(fields=fields, stage="lead", owner=ANNA), MONDAY))),
        books=published(playbook),
        organisation=the_team(),
        decided_at=MONDAY,
        occurred_at=MONDAY,
        actor=ANNA,
    )


def changed(field, new):
    return FieldsChanged({field: {"old": None, "new": new}})


def test_a_day_the_calendar_does_not_know_any_more_is_refused_where_something_is_due_by_it():
    """It was taken, and never came due. The last day of the calendar is fine."""
    world = a_deal(with_deadlines(DECIDES))
    given(world).when(EditFields(DEAL, {"decides_on": "2041-01-01"})).refuses(
        InvalidCommand,
        problems=["/fields/decides_on"],
        saying="the deadline 'decided' would never come due: the calendar of the playbook 'watched' ends with 2040-12-31",
    )
    given(world).when(EditFields(DEAL, {"decides_on": "2040-12-31"})).then(
        changed("decides_on", "2040-12-31")
    )


def test_so_is_one_with_which_a_record_is_opened():
    world = replace(a_deal(with_deadlines(DECIDES)), record=None)
    given(world).when(OpenRecord(DEAL, {"decides_on": "2041-01-01"})).refuses(
        InvalidCommand, problems=["/fields/decides_on"], saying="2040-12-31"
    )


def test_hours_after_a_day_count_too():
    """The last day is known, and nine working hours after it are not."""
    world = a_deal(with_deadlines("decided: {on_date: decides_on, after_hours: 9}"))
    given(world).when(EditFields(DEAL, {"decides_on": "2040-12-31"})).refuses(
        InvalidCommand, problems=["/fields/decides_on"], saying="would never come due"
    )
    given(world).when(EditFields(DEAL, {"decides_on": "2040-12-26"})).then(
        changed("decides_on", "2040-12-26")
    )


@pytest.mark.parametrize(
    "playbook",
    [
        with_deadlines(),
        with_deadlines("met: {on_date: meets_at}"),
        the_playbook(HEAD.replace(HEAD[HEAD.index("calendar:") : HEAD.index("roles:")], "") + THEREBY),
    ],
    ids=["nothing is due by it", "something is due by another field", "no calendar"],
)  # fmt: skip
def test_a_day_nothing_counts_in_a_calendar_is_taken(playbook):
    given(a_deal(playbook)).when(EditFields(DEAL, {"decides_on": "2041-01-01"})).then(
        changed("decides_on", "2041-01-01")
    )


def test_a_day_before_the_calendar_is_past_and_not_beyond_it():
    given(a_deal(with_deadlines(DECIDES))).when(EditFields(DEAL, {"decides_on": "2024-12-31"})).then(
        changed("decides_on", "2024-12-31")
    )


def test_a_day_by_which_reactions_ask_for_work_is_one_something_is_due_by():
    """The work was asked for with no moment at all."""
    reaction = (
        "    reactions:\n      asks:\n        label: {zh: 请, en: Asks}\n        on: {event: touched}\n"
        "        then: [{request_work: {template: demo, assignee: owner, due: {from: decides_on}}}]\n"
    )
    playbook = the_playbook(HEAD + reaction)
    given(a_deal(playbook)).when(EditFields(DEAL, {"decides_on": "2041-01-01"})).refuses(
        InvalidCommand, problems=["/fields/decides_on"], saying="the work 'demo' would never come due"
    )


def test_a_moment_needs_no_calendar_and_comes_due_after_its_end():
    """The moment of a field, and the one that was named for work. The rungs that count working hours after it are the calendar's."""
    later = datetime(2041, 2, 1, 4, 0, tzinfo=UTC)
    playbook = with_deadlines(
        "met: {on_date: meets_at, ladder: [{tell: [owner]}, {tell: [manager], after_hours: 8}]}",
        "done: {on_work: any, ladder: [{tell: [assignee]}]}",
    )
    given(a_deal(playbook)).when(EditFields(DEAL, {"meets_at": moment_text(later)})).then(
        changed("meets_at", moment_text(later))
    )
    deal = a_watched_deal(
        (changed("meets_at", moment_text(later)), MONDAY),
        (WorkRequested("wrk_1", "demo", BEN, due_at=moment_text(later)), MONDAY),
    )
    found = armed_of(deal, playbook)
    assert [(name, armed.due_at) for name, armed in found.items()] == [("met", later), ("done/wrk_1", later)]
    assert all([alarm.at for alarm in armed.past(later, None)] == [later] for armed in found.values())
