"""What a move is, and what it asks for."""

from dataclasses import replace

import pytest
from support.given import NOW, an_opportunity_in, an_opportunity_ready_in, the_playbook

from domain.record.gates import MOVE_REQUIREMENTS, Attempt, move_between, requirements, unmet
from domain.refusals import NotFound

OPPORTUNITY = the_playbook().kind("opportunity")
STAGES = ("lead", "needs_diagnosis", "quoted", "negotiation", "won", "lost")

MOVES = {
    ("lead", "lead"): "re-entry",
    ("lead", "needs_diagnosis"): "forward",
    ("lead", "quoted"): "skip",
    ("lead", "negotiation"): "skip",
    ("lead", "won"): "skip",
    ("lead", "lost"): "forward",
    ("quoted", "needs_diagnosis"): "back",
    ("quoted", "lead"): "back",
    ("quoted", "won"): "skip",
    ("negotiation", "won"): "forward",
    ("negotiation", "lost"): "forward",
    ("won", "won"): "re-entry",
    ("won", "lost"): "reopen",
    ("won", "negotiation"): "reopen",
    ("lost", "lead"): "reopen",
    ("lost", "won"): "reopen",
}


@pytest.mark.parametrize(("path", "move"), MOVES.items(), ids=str)
def test_a_move_is_named_by_where_it_leads(path, move):
    assert move_between(OPPORTUNITY, *path) == move


@pytest.mark.parametrize("path", [("lead", "qouted"), ("qouted", "lead")])
def test_a_stage_off_the_path_is_answered_with_the_nearest_one(path):
    with pytest.raises(NotFound) as refused:
        move_between(OPPORTUNITY, *path)
    assert refused.value.suggestion == "quoted"


def asked(world, before, after, move, **about):
    attempt = Attempt(world.record, before, after, move, NOW, about.get("has_reason", False))
    return requirements(the_playbook(), attempt, world.reveal)


def test_a_gate_says_also_what_is_met():
    """So that a person sees how far a record is."""
    found = asked(an_opportunity_ready_in("needs_diagnosis"), "needs_diagnosis", "quoted", "forward")
    assert [(item.asks.id, item.is_met) for item in found] == [
        ("field:pains", True),
        ("condition:was_touched", True),
        ("field:budget", True),
        ("evidence:solution_deck", True),
        ("evidence:cost_sheet", True),
        ("condition:worth_it", True),
    ]


@pytest.mark.parametrize(
    ("move", "before", "after", "ids"),
    [
        ("open", None, "needs_diagnosis", ["move:open", "field:source"]),
        ("skip", "lead", "won", ["move:skip", "field:budget"]),
        ("back", "quoted", "lead", ["move:reason"]),
        ("reopen", "lost", "won", ["move:reason", "field:budget"]),
        ("re-entry", "quoted", "quoted", []),
    ],
)
def test_each_kind_of_move_asks_its_own(move, before, after, ids):
    world = an_opportunity_in(before or after)
    assert [item.asks.id for item in asked(world, before, after, move)] == ids


def test_a_requirement_of_both_gates_is_asked_once():
    playbook = the_playbook()
    kind = playbook.kind("opportunity")
    stages = dict(kind.stages)
    stages["lead"] = stages["lead"].model_copy(update={"leave": stages["needs_diagnosis"].enter})
    document = playbook.document.model_copy(
        update={
            "kinds": {**playbook.document.kinds, "opportunity": kind.model_copy(update={"stages": stages})}
        }
    )
    world = an_opportunity_in("lead")
    attempt = Attempt(world.record, "lead", "needs_diagnosis", "forward", NOW, False)
    assert [item.id for item in unmet(replace(playbook, document=document), attempt, world.reveal)] == [
        "field:source"
    ]


@pytest.mark.parametrize("empty", [None, "", []])
def test_empty_is_not_filled(empty):
    """However it got into the log."""
    world = an_opportunity_in("lead", source=empty)
    attempt = Attempt(world.record, "lead", "needs_diagnosis", "forward", NOW, False)
    assert [item.id for item in unmet(the_playbook(), attempt, world.reveal)] == ["field:source"]


@pytest.mark.parametrize("filled", [False, "0", "x"])
def test_false_and_zero_are_filled(filled):
    world = an_opportunity_in("lead", source=filled)
    attempt = Attempt(world.record, "lead", "needs_diagnosis", "forward", NOW, False)
    assert unmet(the_playbook(), attempt, world.reveal) == []


def test_every_move_requirement_has_words_in_both_languages():
    assert all(label.zh and label.en for label in MOVE_REQUIREMENTS.values())
