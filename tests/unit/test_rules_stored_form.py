"""The stored form of a rule: one spelling, one hash, and no guessing when it is read."""

from __future__ import annotations

import copy
import json
from typing import get_args

import pytest
from support.rule_trees import VOCABULARY

from commands.rule_parser import parse_rule
from domain.rules import nodes as t
from domain.rules.json_form import _SHAPES
from domain.rules.tree import TreeFormatError, from_json, to_json, to_text, tree_hash

GATE = "amount >= 500000.50 AND evidence('cost_sheet') AND discount IN (1, -0.1) AND due > DATE '2026-01-31'"


def stored(text=GATE):
    return to_json(parse_rule(text, VOCABULARY).tree)


def test_the_stored_form_is_plain_json():
    """What is stored survives JSON as it is, with numbers as strings and dates as ISO text."""
    assert json.loads(json.dumps(stored())) == stored()
    assert stored("discount > 0.10") == {
        "node": "compare",
        "operator": ">",
        "left": {"node": "field", "name": "discount", "type": "number", "currency": None},
        "right": {"node": "number", "value": "0.1"},
    }


def test_the_hash_never_changes():
    """A published rule is known by its hash for ever: this one was computed when the format was made."""
    assert (
        tree_hash(from_json(stored())) == "748c6cb187b15fb34f3e1aa5ab35f86bbc23416c023e5fc3971ae09390439062"
    )


def test_an_outcome_carries_the_type_its_form_had():
    """Whoever reads the tree later knows how the answer is read, as with a field; nobody writes the type, and the text is without it."""
    rule = "outcome('demo', 'price') >= 10 AND outcome('o''clock check', 'verdict') = 'retail'"
    price, verdict = (it["left"] for it in stored(rule)["operands"])
    assert price == {"node": "fact", "name": "outcome", "arguments": ["demo", "price", "money CNY"]}
    assert verdict["arguments"] == ["o'clock check", "verdict", "choice"]
    assert to_text(from_json(stored(rule))) == rule
    assert tree_hash(from_json(stored("outcome('demo', 'price') >= 10"))) == (
        "7067492b468f329d5eb98d136e6445028182c6222388f973aeac17dd58a62b17"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "price"],
        ["demo", "price", "money"],
        ["demo", "price", "number CNY"],
        ["demo", "price", "choices"],
        ["demo", "price", "evidence"],
        ["demo", "price", 7],
        ["demo", "price", "money CNY", "x"],
    ],
)
def test_an_outcome_without_a_type_it_can_have_is_refused(arguments):
    """What cannot be read as any field of a form is not a fact."""
    with pytest.raises(TreeFormatError):
        from_json({"node": "fact", "name": "outcome", "arguments": arguments})


def test_every_node_can_be_stored():
    """No kind of node is without a stored form."""
    assert {kind for kind, _ in _SHAPES.values()} == set(get_args(t.Node))


def test_equal_rules_have_equal_hashes():
    """Spelling does not count: trailing zeros, the offset of a moment, spaces, redundant parentheses."""
    for one, other in (
        ("discount > 1.50", "(discount)>1.5"),
        ("discount > -0", "discount > 0"),
        ("met_at > TIMESTAMP '2026-01-31T08:00+08:00'", "met_at > TIMESTAMP '2026-01-31 00:00:00Z'"),
    ):
        assert tree_hash(from_json(stored(one))) == tree_hash(from_json(stored(other)))


def changed(path, value):
    data = copy.deepcopy(stored())
    spot = data
    for step in path[:-1]:
        spot = spot[step]
    spot[path[-1]] = value
    return data


AMOUNT, EVIDENCE, LIST, DUE = (("operands", it) for it in range(4))


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "and",
        {},
        {"node": "exec", "code": "1"},
        {"node": ["and"]},
        {"node": "not"},
        {"node": "not", "operand": {"node": "boolean", "value": True}, "more": 1},
        {"node": "and", "operands": [{"node": "boolean", "value": True}]},
        {"node": "boolean", "value": 1},
        {"node": "text", "value": "a", "type": "number"},
        {"node": "datetime", "value": "2026-01-31T08:00:00+08:00"},
        {"node": "datetime", "value": "2026-01-31T08:00:00"},
        {"node": "datetime", "value": "now"},
        {"node": "field", "name": "a", "type": "money", "currency": None},
        {"node": "field", "name": "a", "type": "number", "currency": "CNY"},
        {"node": "field", "name": "", "type": "number", "currency": None},
        {"node": "fact", "name": "touches", "arguments": ["any"]},
        {"node": "fact", "name": "touches", "arguments": ["any", 0]},
        {"node": "fact", "name": "touches", "arguments": ["any", True]},
        {"node": "fact", "name": "stage", "arguments": ["x"]},
        {"node": "count_of", "field": {"node": "field", "name": "a", "type": "text", "currency": None}},
        changed((*AMOUNT, "operator"), "=="),
        changed((*AMOUNT, "right", "amount"), 500000.5),
        changed((*AMOUNT, "right", "amount"), "500000.50"),
        changed((*AMOUNT, "right", "amount"), "5e5"),
        changed((*AMOUNT, "right", "amount"), "NaN"),
        changed((*AMOUNT, "right", "amount"), "٣"),
        changed((*AMOUNT, "right", "amount"), "9" * 5000),
        changed((*EVIDENCE, "name"), "unlink"),
        changed((*EVIDENCE, "arguments"), "cost_sheet"),
        changed((*LIST, "options"), []),
        changed((*LIST, "options", 0), {"node": "fact", "name": "stage", "arguments": []}),
        changed((*DUE, "right", "value"), "20260131"),
        changed((*DUE, "right", "value"), 20260131),
    ],
)
def test_what_is_not_a_tree_is_refused(data):
    """Unknown nodes, missing or surplus keys, other shapes and other spellings are all refused, never repaired."""
    with pytest.raises(TreeFormatError):
        from_json(data)


def test_a_tree_beyond_the_limits_is_refused():
    """Neither depth nor size of stored JSON can exhaust the reader."""
    deep = {"node": "boolean", "value": True}
    for _ in range(5000):
        deep = {"node": "not", "operand": deep}
    with pytest.raises(TreeFormatError, match="64 nodes deep"):
        from_json(deep)
    wide = {"node": "and", "operands": [{"node": "boolean", "value": True}] * 500}
    with pytest.raises(TreeFormatError, match="at most 500"):
        from_json(wide)
