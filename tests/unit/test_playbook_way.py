"""Nodes inside stages, several paths of a kind, and skips that need a right: what a move is, and which gates it passes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.given import NOW

from commands.playbook_file import parse_playbook
from domain.facts import ERASED
from domain.playbook.model import Kind, Playbook, Right
from domain.record.gates import Attempt, chosen_path, move_between, needs_right, path_problems, unmet
from domain.record.state import Record
from domain.refusals import NotFound

TEXT = """\
playbook: parts
label: {zh: 件, en: Parts}
kinds:
  project:
    label: {zh: 项目, en: Project}
    collection: projects
    prefix: prj
    fields:
      drawing_number: {type: number, label: {zh: 图, en: D}}
      material: {type: number, label: {zh: 材, en: M}}
      cost: {type: number, label: {zh: 本, en: C}}
      price: {type: number, label: {zh: 价, en: P}}
      sampled: {type: boolean, label: {zh: 样, en: S}}
      ordered: {type: number, label: {zh: 单, en: O}}
      reason: {type: number, label: {zh: 因, en: R}}
    opens_in: [received, reviewed]
    paths:
      custom: {label: {zh: 定制, en: Custom}, steps: [enquiry, specification, sampling, order, won, lost]}
      standard: {label: {zh: 标准, en: Standard}, steps: [enquiry, specification, order, won], opens_in: [received]}
    moves: {skip: with_right}
    stages:
      enquiry:
        label: {zh: 询, en: Enquiry}
        leave: {fields: [drawing_number]}
        nodes:
          received: {label: {zh: 收, en: Received}}
          screened: {label: {zh: 筛, en: Screened}, leave: {fields: [reason]}}
      specification:
        label: {zh: 规, en: Specification}
        enter: {fields: [material]}
        leave:
          fields: [price]
          conditions: {cheap_enough: {rule: cost < price, label: {zh: 够, en: Cheap enough}}}
        nodes:
          reviewed:
            label: {zh: 评, en: Reviewed}
            enter: {conditions: {is_reviewed: {rule: stage() <> 'reviewed', label: {zh: 评, en: R}}}}
          frozen: {label: {zh: 冻, en: Frozen}, enter: {fields: [cost]}, leave: {fields: [sampled]}}
      sampling: {label: {zh: 样, en: Sampling}}
      order: {label: {zh: 单, en: Order}, enter: {fields: [ordered]}}
      won: {label: {zh: 赢, en: Won}, outcome: won}
      lost: {label: {zh: 输, en: Lost}, outcome: lost, enter: {fields: [reason]}}
"""

PLAYBOOK = parse_playbook(TEXT, "parts.yaml")
PROJECT = PLAYBOOK.kind("project")
EMPTY = Record(stream="project/prj_1", version=1, position=1, fields={})


def lacks(before, after, *, path="custom", has_reason=False, **fields):
    """The ids of what a move from one step to another lacks."""
    record = replace(EMPTY, stage=before or after, path=path, fields=fields)
    move = "open" if before is None else move_between(PROJECT, before, after, path)
    attempt = Attempt(record, before, after, move, NOW, has_reason)
    return [item.id for item in unmet(PLAYBOOK, attempt, lambda *_: ERASED)]


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_stands_in_nodes_where_a_stage_has_some():
    steps = PROJECT.steps
    assert list(steps) == ["received", "screened", "reviewed", "frozen", "sampling", "order", "won", "lost"]
    assert {name: step.part_of for name, step in steps.items()} == {
        "received": "enquiry",
        "screened": "enquiry",
        "reviewed": "specification",
        "frozen": "specification",
        "sampling": "sampling",
        "order": "order",
        "won": "won",
        "lost": "lost",
    }
    assert (steps["frozen"].label.en, steps["frozen"].outcome, steps["won"].outcome) == (
        "Frozen",
        "open",
        "won",
    )


def test_a_stage_that_has_nodes_is_no_place_to_stand_in():
    with pytest.raises(NotFound):
        move_between(PROJECT, "received", "specification")


def test_each_path_has_its_own_steps_in_order():
    assert (
        PROJECT.way()
        == PROJECT.way("custom")
        == ("received", "screened", "reviewed", "frozen", "sampling", "order")
    )
    assert PROJECT.way("standard") == ("received", "screened", "reviewed", "frozen", "order")
    assert list(PROJECT.steps_of("standard"))[-1] == "won"
    assert "lost" not in PROJECT.steps_of("standard")


def test_the_rules_of_nodes_have_places_beside_those_of_stages():
    assert set(PLAYBOOK.rules) == {
        "project/specification/leave/cheap_enough",
        "project/reviewed/enter/is_reviewed",
    }


def test_a_playbook_with_nodes_paths_and_forms_is_read_back_as_it_was_published():
    document = PLAYBOOK.document
    assert Playbook.model_validate(document.as_json()) == document
    published = document.as_json()["kinds"][0]
    assert "forms" not in published
    assert [stage.get("nodes") for stage in published["stages"]][2:] == [None] * 4


def test_a_playbook_without_them_is_published_as_ever():
    """What equals its default is left out, so the digest of every playbook there is stays what it was."""
    kind = Kind.model_validate(
        {
            "label": {"zh": "单", "en": "D"},
            "collection": "deals",
            "prefix": "dea",
            "stages": {"lead": {"label": {"zh": "线", "en": "L"}}},
        }
    )
    assert set(kind.as_json()) == {"label", "collection", "prefix", "stages"}
    assert kind.as_json()["stages"] == [{"name": "lead", "label": {"zh": "线", "en": "L"}}]


# ── gates at the borders of stages ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        ("received", "screened", []),
        ("screened", "reviewed", ["field:reason", "field:drawing_number", "field:material"]),
        ("reviewed", "frozen", ["field:cost"]),
        ("frozen", "sampling", ["field:sampled", "field:price", "condition:cheap_enough"]),
        ("sampling", "order", ["field:ordered"]),
        ("order", "won", []),
    ],
)  # fmt: skip
def test_the_gate_of_a_stage_is_passed_at_its_border(before, after, asked):
    """Node, stage, stage, node: in the order a person walks through them. Between nodes of one stage its gates are not asked."""
    assert lacks(before, after) == asked


def test_a_rule_of_a_node_judges():
    reentered = replace(EMPTY, stage="screened", path="custom", fields={"material": "1"})
    attempt = Attempt(reentered, None, "reviewed", "open", NOW, False)
    assert [item.id for item in unmet(PLAYBOOK, attempt, lambda *_: ERASED)] == ["condition:is_reviewed"]


def test_whoever_skips_into_the_middle_of_a_stage_passes_its_gate_all_the_same():
    assert lacks("received", "frozen", has_reason=True) == [
        "field:drawing_number",
        "field:material",
        "field:cost",
    ]


def test_who_opens_a_record_in_a_node_comes_in_from_outside():
    assert "field:material" in lacks(None, "reviewed")


def test_giving_up_leaves_no_gate_behind():
    assert lacks("frozen", "lost") == ["field:reason"]


def test_going_back_over_a_border_asks_for_nothing_but_a_reason():
    assert lacks("sampling", "reviewed") == ["move:reason"]
    assert lacks("sampling", "reviewed", has_reason=True) == []


def test_reopening_into_a_node_passes_the_gates_of_stage_and_node():
    assert lacks("lost", "frozen", has_reason=True) == ["field:material", "field:cost"]


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_a_skip_on_one_path_is_the_next_step_on_another():
    assert move_between(PROJECT, "frozen", "order", "custom") == "skip"
    assert move_between(PROJECT, "frozen", "order", "standard") == "forward"


def test_a_step_off_the_path_is_refused():
    assert "move:path" in lacks("frozen", "sampling", path="standard")
    assert "move:path" in lacks("order", "lost", path="standard")
    assert "move:path" not in lacks("frozen", "sampling")


def test_a_record_finds_its_way_back_from_a_step_its_path_lost():
    """A new version of a playbook may take a stage out of a path on which somebody stands."""
    assert move_between(PROJECT, "sampling", "order", "standard") == "forward"
    assert move_between(PROJECT, "sampling", "frozen", "standard") == "back"
    assert lacks("sampling", "order", path="standard", ordered="1") == []


def test_each_path_says_where_it_begins():
    assert PROJECT.opening_steps("custom") == ("received", "reviewed")
    assert PROJECT.opening_steps("standard") == ("received",)
    assert lacks(None, "reviewed", path="standard", material="1")[0] == "move:open"


def test_a_record_without_a_path_has_every_step_before_it():
    """It was opened before its kind had paths."""
    assert lacks("frozen", "sampling", path=None, sampled=True, price="2", cost="1") == []


def test_an_unknown_path_is_answered_with_the_nearest_one():
    (problem,) = path_problems(PROJECT, "custon")
    assert (problem.pointer, problem.suggestion) == ("/path", "custom")
    assert path_problems(PROJECT, "custom") == path_problems(PROJECT, None) == []


def test_a_kind_with_one_path_has_no_name_for_it():
    kind = PROJECT.model_copy(update={"paths": {}})
    assert [problem.pointer for problem in path_problems(kind, "custom")] == ["/path"]
    assert chosen_path(kind, None) is None


def test_the_first_of_several_paths_is_taken_where_none_is_chosen():
    assert (chosen_path(PROJECT, None), chosen_path(PROJECT, "standard")) == ("custom", "standard")


def test_a_path_that_is_gone_is_named():
    with pytest.raises(NotFound, match="there is no path 'costum'; did you mean 'custom'"):
        move_between(PROJECT, "received", "screened", "costum")


# ── skipping ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_skip_with_a_right_needs_a_reason_too():
    assert lacks("received", "reviewed", drawing_number="1", material="1") == ["move:reason"]
    assert lacks("received", "reviewed", drawing_number="1", material="1", has_reason=True) == []


def test_the_right_is_asked_of_the_person_and_not_of_the_record():
    """So that a replay, which knows nothing of rights, says the same."""
    assert needs_right(PROJECT, "skip") is Right.skip
    assert {needs_right(PROJECT, move) for move in ("open", "forward", "back", "re-entry", "reopen")} == {
        None
    }


@pytest.mark.parametrize(("skip", "asked"), [("refused", ["move:skip"]), ("allowed", [])])
def test_where_no_right_lets_anybody_skip_none_is_asked_for(skip, asked):
    moves = PROJECT.moves.model_copy(update={"skip": skip})
    kind = PROJECT.model_copy(update={"moves": moves})
    playbook = replace(PLAYBOOK, document=PLAYBOOK.document.model_copy(update={"kinds": {"project": kind}}))
    record = replace(EMPTY, stage="received", path="custom", fields={"drawing_number": "1", "material": "1"})
    attempt = Attempt(record, "received", "reviewed", "skip", NOW, False)
    assert [item.id for item in unmet(playbook, attempt, lambda *_: ERASED)] == asked
    assert needs_right(kind, "skip") is None


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

LABEL = {"zh": "名", "en": "Name"}


@st.composite
def kinds(draw):
    """Kinds of up to six stages, some with nodes, some that end the path, with up to three paths."""
    outcomes = draw(
        st.lists(st.sampled_from(["open", "open", "won", "lost", "closed"]), min_size=1, max_size=6)
    )
    outcomes[draw(st.integers(0, len(outcomes) - 1))] = "open"
    stages = {}
    for number, outcome in enumerate(outcomes):
        nodes = draw(st.integers(0, 3)) if outcome == "open" else 0
        stages[f"s{number}"] = {
            "label": LABEL,
            "outcome": outcome,
            "nodes": {f"s{number}n{node}": {"label": LABEL} for node in range(nodes)},
        }
    names, open_names = list(stages), [name for name, stage in stages.items() if stage["outcome"] == "open"]
    paths = {}
    for number in range(draw(st.integers(0, 3))):
        steps = draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
        if not set(steps) & set(open_names):
            steps.append(draw(st.sampled_from(open_names)))
        paths[f"p{number}"] = {"label": LABEL, "steps": steps}
    return Kind.model_validate(
        {"label": LABEL, "collection": "cs", "prefix": "cc", "stages": stages, "paths": paths}
    )


laws = settings(max_examples=60, deadline=None, derandomize=True)


@laws
@given(kinds())
def test_every_pair_of_steps_has_exactly_one_kind_of_move(kind):
    """On every path: into the same step is re-entry, out of an end is reopening, and of any two open steps one lies before the other."""
    for path in (None, *kind.paths):
        for before, standing in kind.steps.items():
            for after, to in kind.steps.items():
                move = move_between(kind, before, after, path)
                assert (move == "re-entry") == (before == after)
                assert (move == "reopen") == (before != after and standing.outcome != "open")
                if before != after and standing.outcome == to.outcome == "open":
                    there_and_back = {move == "back", move_between(kind, after, before, path) == "back"}
                    assert there_and_back == {True, False}
                if to.outcome != "open" and standing.outcome == "open":
                    assert move in {"forward", "skip"}


@laws
@given(kinds())
def test_there_is_one_next_step_from_every_step_but_the_last(kind):
    for path in (None, *kind.paths):
        way = kind.way(path)
        for index, step in enumerate(way):
            ahead = [after for after in way if move_between(kind, step, after, path) == "forward"]
            assert ahead == list(way[index + 1 : index + 2])
        ends = [name for name, step in kind.steps_of(path).items() if step.outcome != "open"]
        assert all(move_between(kind, way[-1], end, path) == "forward" for end in ends)


@laws
@given(kinds())
def test_records_begin_on_their_path(kind):
    for path in (None, *kind.paths):
        assert set(kind.opening_steps(path)) <= set(kind.steps_of(path))
        assert kind.opening_steps(path)


@laws
@given(kinds())
def test_a_kind_survives_its_publication(kind):
    assert Kind.model_validate(kind.as_json()) == kind
