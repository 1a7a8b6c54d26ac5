"""Several people start at once, and the fork joins when enough of them are done."""

from dataclasses import replace

import pytest
from support.given import PLAYBOOKS, given, published
from support.working import (
    DEAL,
    EVE,
    FAY,
    LEA,
    OTTO,
    SAM,
    VERA,
    a_deal,
    after,
    away,
    by,
    complete,
    fork,
    item,
    request,
    the_working_playbook,
)

from commands.playbook_file import parse_playbook
from domain.refusals import InvalidCommand
from domain.values import Private
from domain.work.commands import CancelWork, DeclineWork, ReassignWork
from domain.work.events import WorkForked, WorkRequested
from domain.work.state import joined


def join_of(world):
    """What became of the fork."""
    return joined(world.record.forks["frk_1"], world.record.work)


def test_one_command_asks_a_person_for_every_leg():
    """The fork first, then its legs in their order; their ids are made of the fork's."""
    given(a_deal()).when(fork("freeze", title="gateway", priority=3)).then(
        WorkForked(
            "frk_1", "freeze", "all", {"technical": "wrk_1_1", "legal": "wrk_1_2", "finance": "wrk_1_3"}
        ),
        *(
            WorkRequested(
                work, template, who, title=Private(DEAL, "gateway"), fork="frk_1", leg=leg, priority=3
            )
            for work, template, who, leg in (
                ("wrk_1_1", "estimate", EVE, "technical"),
                ("wrk_1_2", "terms", LEA, "legal"),
                ("wrk_1_3", "schedule", FAY, "finance"),
            )
        ),
    )


def test_people_may_be_named_by_leg_and_each_must_hold_its_role():
    when = given(a_deal()).when(fork(assignees={"finance": VERA}))
    assert [event.assignee for event in when.events[1:]] == [EVE, LEA, VERA]
    given(a_deal()).when(fork(assignees={"legal": FAY, "finance": OTTO, "legl": LEA})).refuses(
        InvalidCommand, problems=[("/assignees/legl", "legal"), "/assignees/legal", "/assignees/finance"]
    )


def test_one_leg_nobody_can_take_stops_all_of_them():
    given(a_deal(away(LEA))).when(fork()).refuses(
        InvalidCommand, problems=["/assignees/legal"], saying="away"
    )


def test_a_fork_that_is_not_known_or_has_an_id_that_is_taken_is_refused():
    given(a_deal()).when(fork("frieze")).refuses(InvalidCommand, problems=[("/name", "freeze")])
    given(after(a_deal(), fork())).when(fork()).refuses(InvalidCommand, problems=["/id", "/name", "/id"])
    given(a_deal()).when(fork(fork="f" * 191)).refuses(InvalidCommand, problems=["/id"])


def test_a_fork_that_runs_is_not_started_again_and_the_refusal_says_what_it_waits_for():
    """Everybody was asked for the same thing twice. What is done is named no more, and another fork may start."""
    world = after(by(after(a_deal(), fork()), FAY), complete("wrk_1_3"))
    again = fork(fork="frk_2")
    given(by(world, SAM)).when(again).refuses(
        InvalidCommand,
        problems=["/name"],
        saying=f"'freeze' runs already, as frk_1: it waits for technical (wrk_1_1 of {EVE}), legal (wrk_1_2 of {LEA});",
    )
    assert after(by(world, SAM), fork("either", fork="frk_2")).record.forks.keys() == {"frk_1", "frk_2"}


def test_a_fork_starts_again_once_it_has_joined_or_cannot_any_more():
    world = after(by(after(a_deal(), fork("either")), LEA), complete("wrk_1_1"))
    assert join_of(world) == "met"
    assert given(by(world, SAM)).when(fork("either", fork="frk_2")).events
    world = after(a_deal(), fork(), CancelWork(DEAL, "wrk_1_2"))
    assert join_of(world) == "broken"
    assert given(world).when(fork(fork="frk_2")).events


def test_a_reaction_leaves_a_fork_that_runs_as_it_is():
    """A record that comes into the step once more, while the fork it began there still runs, asks nobody twice and fails nothing."""
    world = after(a_deal(), fork())
    given(by(world, "system/reactions")).when(fork(fork="frk_2")).changes_nothing()


@pytest.mark.parametrize(
    ("name", "done", "met"),
    [("freeze", 2, False), ("either", 1, True), ("most", 1, False), ("most", 2, True)],
)
def test_a_fork_joins_when_enough_legs_are_done(name, done, met):
    world = after(a_deal(), fork(name))
    for work in list(world.record.work)[-done:]:
        world = after(by(world, item(world, work).assignee), complete(work))
    assert join_of(world) == ("met" if met else "open")


def test_a_fork_is_broken_once_too_many_legs_came_to_nothing_and_open_again_when_one_is_asked_again():
    world = after(a_deal(), fork("most"))
    for work in ("wrk_1_1", "wrk_1_3"):
        assert join_of(world) == "open"
        world = after(by(world, SAM), CancelWork(DEAL, work))
    assert join_of(world) == "broken"
    world = after(world, request("schedule", None, work="wrk_new", fork="frk_1", leg="three"))
    assert join_of(world) == "open"
    assert world.record.forks["frk_1"].legs["three"] == "wrk_new"
    assert item(world, "wrk_new").assignee == FAY, "the role is that of the leg"


def test_a_leg_is_asked_again_of_its_role_although_its_fork_is_gone():
    """A later version without the fork used to forget the role, and to fail where the work was given to somebody else."""
    text = (PLAYBOOKS / "working.yaml").read_text("utf-8")
    gone = parse_playbook(text.replace("      freeze:\n", "      thaw:\n"), "working.yaml")
    world = after(a_deal(), fork("freeze"))
    world = after(by(world, SAM), CancelWork(DEAL, "wrk_1_3"))
    world = replace(world, books=published(the_working_playbook(), gone))
    again = {"work": "wrk_new", "fork": "frk_1", "leg": "finance"}
    given(world).when(request("schedule", LEA, **again)).refuses(InvalidCommand, problems=["/assignee"])
    world = after(world, request("schedule", None, **again))
    assert item(world, "wrk_new").assignee == FAY
    assert after(world, ReassignWork(DEAL, "wrk_new", VERA)).record.work["wrk_new"].assignee == VERA


def test_only_a_leg_that_came_to_nothing_is_asked_again():
    world = after(a_deal(), fork("either"))
    again = {"work": "wrk_new", "fork": "frk_1", "leg": "legal"}
    given(world).when(request("terms", None, **again)).refuses(
        InvalidCommand, problems=["/leg"], saying="cancel it before"
    )
    world = after(by(world, LEA), DeclineWork(DEAL, "wrk_1_1"))
    given(world).when(request("schedule", FAY, **again)).refuses(
        InvalidCommand, problems=[("/template", "terms")]
    )
    given(world).when(request("terms", None, **again | {"leg": "lega"})).refuses(
        InvalidCommand, problems=[("/leg", "legal")]
    )
    given(world).when(request("terms", None, **again | {"fork": "frk_2"})).refuses(
        InvalidCommand, problems=[("/fork", "frk_1")]
    )
    given(world).when(request("terms", None, work="wrk_new", leg="legal")).refuses(
        InvalidCommand, problems=["/fork"]
    )
    assert given(world).when(request("terms", None, **again)).event.leg == "legal"
