"""The rule of history is the rule of the live command: closure against Polars, on random trees and random rows.

`DEALTRAIL_RULE_CASES=20` tries twenty times as many trees; `DEALTRAIL_RULE_SEED=7` begins elsewhere.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.rule_trees import VOCABULARY, Facts, Grammar, conditions, loaded

from domain.rules import nodes as t
from domain.rules.closure import compile_rule
from domain.rules.facts import FACTS
from domain.rules.outcomes import is_outcome
from domain.rules.tree import to_text
from domain.rules.types import ValueType
from domain.values import Stored
from projections.rule_columns import (
    arithmetic,
    column_name,
    columns,
    columns_of,
    compiling,
    facts_asked,
    fields_asked,
    judged,
)
from projections.rule_columns.columns import column_type
from projections.rule_columns.facts import said_in_forms

ROWS = 200
TREES = 1_600 * int(os.environ.get("DEALTRAIL_RULE_CASES", "1"))
SEED = int(os.environ.get("DEALTRAIL_RULE_SEED", "20260131"))

Case = tuple[dict[str, Stored], Facts]

_WHOLE = {ValueType.boolean: pl.Boolean(), ValueType.date: pl.Date()}
"""The facts whose answers need no spelling to become a column."""


def table_of(trees: Sequence[t.Node], cases: Sequence[Case]) -> pl.DataFrame:
    """Everything the rules ask, in columns."""
    table = columns_of(fields_asked(trees), [row for row, _ in cases])
    answers = []
    for fact in facts_asked(trees):
        if is_outcome(fact):
            template, name, _ = fact.arguments
            forms = [json.dumps({name: facts.said.get((template, name))}) for _, facts in cases]
            answers.append(said_in_forms(fact, pl.Series(forms, dtype=pl.String)))
            continue
        given = [getattr(facts, fact.name)(*fact.arguments) for _, facts in cases]
        texts = [
            str(it) if isinstance(it, int | Decimal) and not isinstance(it, bool) else it for it in given
        ]
        whole = pl.Series(
            column_name(fact),
            texts,
            dtype=_WHOLE.get(FACTS[fact.name].result, pl.String()),
        )
        answers.append(whole.cast(column_type(fact)))
    return table.with_columns(answers)


def by_columns(trees: Sequence[t.Node], cases: Sequence[Case]) -> list[list[bool | None]]:
    names = [f"rule {number}" for number in range(len(trees))]
    return list(
        judged(table_of(trees, cases), dict(zip(names, trees, strict=True))).to_dict(as_series=False).values()
    )


def by_closure(tree: t.Node, cases: Sequence[Case]) -> list[bool | None]:
    rule = compile_rule(tree)
    return [rule(loaded(row), facts) for row, facts in cases]


def differing(tree: t.Node, cases: Sequence[Case], answers: Sequence[bool | None]) -> list[int]:
    return [
        at
        for at, (one, other) in enumerate(zip(answers, by_closure(tree, cases), strict=True))
        if one is not other
    ]


def parts_of(tree: t.Node) -> list[t.Node]:
    """The conditions inside a rule, so that the smallest one that differs can be shown."""
    booleans = (
        t.And, t.Or, t.Not, t.Compare, t.Between, t.In, t.Like, t.Matches, t.IsNull, t.IsTruth, t.Contains,
    )  # fmt: skip
    return [node for node, _ in t.walk(tree) if isinstance(node, booleans)]


def shrunk(tree: t.Node, case: Case) -> str:
    """Tell the smallest part of a rule that differs on one row, with only what it reads."""
    smallest = min(
        (part for part in parts_of(tree) if differing(part, [case], by_columns([part], [case])[0])),
        key=t.size_of,
        default=tree,
    )
    asked = {field.name for field in fields_asked([smallest])}
    row = {name: value for name, value in case[0].items() if name in asked}
    answers = {to_text(it): getattr(case[1], it.name)(*it.arguments) for it in facts_asked([smallest])}
    columns, closure = by_columns([smallest], [case])[0][0], by_closure(smallest, [case])[0]
    return f"{to_text(smallest)}\n  on {row} {answers}\n  columns: {columns}, closure: {closure}"


def disagreements(
    seed: int, trees: int, rows: int = ROWS, *, enough: int = 5
) -> tuple[Counter[bool | None], list[str]]:
    """Judge random rules over random rows by both back ends; return how the answers fell, and where they differ."""
    grammar = Grammar(random.Random(seed).choice)
    answers: Counter[bool | None] = Counter()
    found: list[str] = []
    at_once = 40
    for first in range(0, trees, at_once):
        drawn = [grammar.condition(3) for _ in range(min(at_once, trees - first))]
        cases = [(grammar.stored_row(), grammar.facts()) for _ in range(rows)]
        values = [(loaded(row), facts) for row, facts in cases]
        for tree, given_answers in zip(drawn, by_columns(drawn, cases), strict=True):
            rule = compile_rule(tree)
            for at, (row, facts) in enumerate(values):
                if rule(row, facts) is not given_answers[at]:
                    found.append(f"seed {seed}: {shrunk(tree, cases[at])}")
                    break
            answers.update(given_answers)
        if len(found) >= enough:
            break
    return answers, found


def test_columns_answer_as_the_closure_does():
    """The gate that judged the live command is the very rule that judges its replay."""
    answers, found = disagreements(SEED, TREES)
    assert not found, "\n\n".join(found)
    assert answers.total() == TREES * ROWS >= 300_000
    assert min(answers[it] for it in (True, False, None)) > answers.total() / 10


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(conditions(), st.lists(st.integers(0, 10_000), min_size=0, max_size=3))
def test_columns_answer_as_the_closure_does_on_small_cases(tree, seeds):
    """The same where a failure shrinks by itself: also for no row at all, and for one."""
    grammars = [Grammar(random.Random(seed).choice) for seed in seeds]
    cases = [(grammar.stored_row(), grammar.facts()) for grammar in grammars]
    (answers,) = by_columns([tree], cases)
    assert len(answers) == len(cases)
    assert not differing(tree, cases, answers)


# --- the comparison notices ------------------------------------------------------------------------------------------


def half_up(quotient: pl.Series, rest: pl.Series, divisor: pl.Series) -> pl.Series:
    return quotient + ((rest + rest).abs() >= divisor.abs()).cast(arithmetic.NUMBER)


def floored(quotient: pl.Series, _rest: pl.Series, _divisor: pl.Series) -> pl.Series:
    return quotient


def two_valued(*parts: pl.Expr) -> pl.Expr:
    return pl.all_horizontal(*(part.fill_null(value=False) for part in parts))


def strict_or(*parts: pl.Expr) -> pl.Expr:
    return pl.when(pl.all_horizontal(*(part.is_not_null() for part in parts))).then(pl.any_horizontal(*parts))


exactly = arithmetic.scaled
MUTATIONS: Mapping[str, tuple[object, str, object]] = {
    "half-even becomes half-up": (arithmetic, "rounded", half_up),
    "rounding becomes cutting off": (arithmetic, "rounded", floored),
    "AND becomes two-valued": (compiling, "_all", two_valued),
    "OR with an unknown part is unknown": (compiling, "_any", strict_or),
    "the range ends later": (arithmetic, "_LIMIT", 10**25),
    "a product is multiplied before it is looked at": (arithmetic, "_largest", lambda _: 0),
    "millionths become thousandths": (arithmetic, "scaled", lambda value: exactly(value) // 1000 * 1000),
    "LIKE looks anywhere": (compiling, "_like", lambda text, node: text.contains(node.text, literal=True)),
    "a sealed value is read": (columns, "is_personal", lambda _: False),
    "only the log's own spelling is read": (columns, "_value", lambda _field, _stored: None),
    "a result has no limit": (arithmetic, "_settle", lambda value: value),
}
ENTRIES: Mapping[str, tuple[object, str, object]] = {
    "NULL equals NULL": (compiling._COMPARISONS, "=", pl.Expr.eq_missing),
    "NULL differs from what is known": (compiling._COMPARISONS, "<>", pl.Expr.ne_missing),
    "< includes its border": (compiling._COMPARISONS, "<", pl.Expr.le),
}


@pytest.mark.parametrize("mutation", [*MUTATIONS, *ENTRIES])
def test_the_comparison_notices_an_operator_that_means_something_else(mutation, monkeypatch):
    """A differential test that passes whatever the columns do would prove nothing."""
    if mutation in MUTATIONS:
        place, name, mutant = MUTATIONS[mutation]
        monkeypatch.setattr(place, name, mutant)
        if name == "scaled":
            monkeypatch.setattr(compiling, name, mutant)
    else:
        entries, key, mutant = ENTRIES[mutation]
        monkeypatch.setitem(entries, key, mutant)
    _, found = disagreements(SEED, 400, rows=100, enough=1)
    assert found


def test_a_disagreement_is_shown_in_its_smallest_form(monkeypatch):
    """Whoever breaks an operator reads the seed, the smallest part of the rule that differs, and the values it read."""
    monkeypatch.setitem(compiling._COMPARISONS, "=", pl.Expr.eq_missing)
    _, found = disagreements(SEED, 400, rows=100)
    assert all(it.startswith(f"seed {SEED}: ") and "columns: " in it and "closure: " in it for it in found)
    assert any(len(it) < 120 and " = " in it for it in found)


# --- what random trees are too small for -----------------------------------------------------------------------------


def one(tree: t.Node, row: dict[str, Stored], facts: Facts | None = None) -> bool | None:
    """The answer both back ends give."""
    case = (row, facts or Facts())
    ((answer,),) = by_columns([tree], [case])
    assert answer is by_closure(tree, [case])[0]
    return answer


@pytest.mark.parametrize("operator", ["+", "-", "*", "/"])
def test_the_deepest_and_the_largest_rule_compile(operator):
    """An expression is as large as its tree: 64 nested operations, or 166 in a row, and no more than that."""
    row = {"discount": "1.000001", "seats": "3"}
    deep = t.Field("discount", VOCABULARY.fields["discount"].type)
    for _ in range(t.MAX_DEPTH - 2):
        deep = t.Arithmetic(operator, deep, t.NumberLiteral(Decimal("1.000001")))
    assert one(t.Compare("<", deep, t.NumberLiteral(Decimal(100))), row) is True
    clause = t.Compare(
        "<>", t.Arithmetic(operator, t.NumberLiteral(Decimal(2)), deep.right), t.NumberLiteral(Decimal(7))
    )
    wide = t.And((clause,) * ((t.MAX_NODES - 1) // t.size_of(clause)[0]))
    assert t.size_of(wide)[0] > 490
    assert one(wide, row) is True


def test_a_rule_of_literals_answers_for_every_row():
    """What asks nothing of a record is the same for all of them, and for none."""
    tree = t.Compare("<", t.NumberLiteral(Decimal(1)), t.NumberLiteral(Decimal(2)))
    for height in (0, 1, 3):
        assert by_columns([tree], [({}, Facts())] * height) == [[True] * height]


def test_two_rules_may_type_a_field_differently():
    """A published rule and a draft are judged over one table: each reads the stored value its own way."""
    number = t.Field("size", ValueType.number)
    text = t.Field("size", ValueType.text)
    trees = {
        "published": t.Compare(">", number, t.NumberLiteral(Decimal(5))),
        "draft": t.Compare("=", text, t.TextLiteral("7")),
    }
    table = columns_of(fields_asked(trees.values()), [{"size": "7"}, {"size": "seven"}, {}])
    assert table.columns == ["row", "number:size", "text:size"]
    assert judged(table, trees).to_dict(as_series=False) == {
        "published": [True, None, None],
        "draft": [True, False, None],
    }
