"""Laws of rules, tried on random rules, rows and facts."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from support.rule_trees import VOCABULARY, Facts, Grammar, conditions, facts, rows

from commands.rule_parser import parse_rule
from domain.money import Money
from domain.rules import nodes as t
from domain.rules.closure import compile_rule
from domain.rules.outcomes import form_field
from domain.rules.tree import evidence_types_of, fields_of, from_json, to_json, to_text, tree_hash
from domain.rules.types import ValueType

quickly = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@quickly
@given(conditions())
def test_a_rule_that_is_written_and_parsed_is_the_same_rule(tree):
    """The readable form loses nothing: precedence, quoting and literal types all come back."""
    text = to_text(tree)
    if len(text) <= 4000:
        assert parse_rule(text, VOCABULARY).tree == tree


@quickly
@given(conditions())
def test_a_rule_that_is_stored_and_loaded_is_the_same_rule(tree):
    """The stored form loses nothing, and has one spelling."""
    stored = to_json(tree)
    assert from_json(stored) == tree
    assert to_json(from_json(stored)) == stored
    assert tree_hash(from_json(stored)) == tree_hash(tree)


@quickly
@given(conditions())
def test_a_rule_reads_only_what_it_names(tree):
    """What a rule depends on can be listed, and is part of the vocabulary."""
    assert fields_of(tree) <= set(VOCABULARY.fields)
    assert evidence_types_of(tree) <= set(VOCABULARY.evidence_types)


@quickly
@given(conditions(), rows(), facts())
def test_the_closure_answers_as_the_definition_does(tree, row, facts):
    """The compiled rule and a plain recursive reading of the definitions agree, and neither ever raises."""
    assert compile_rule(tree)(row, facts) is meaning(tree, row, facts)


def test_the_closure_answers_as_the_definition_does_very_often():
    """The same on thousands of cases, with more arithmetic and unknowns than Hypothesis likes to draw."""
    grammar = Grammar(random.Random(20260131).choice)
    answers = Counter()
    for _ in range(1500):
        tree = grammar.condition(3)
        rule = compile_rule(tree)
        assert parse_rule(to_text(tree), VOCABULARY).tree == tree
        for _ in range(3):
            row, facts = grammar.row(), grammar.facts()
            answer = rule(row, facts)
            assert answer is meaning(tree, row, facts), (to_text(tree), row, facts)
            answers[answer] += 1
    assert min(answers[it] for it in (True, False, None)) > 400


@quickly
@given(conditions(2), rows(), facts())
def test_an_unknown_part_never_overturns_a_known_answer(tree, row, facts):
    """Kleene's logic is monotone: without IS NULL, IS TRUE and COALESCE, learning a value keeps a known answer."""
    if any(isinstance(it, t.IsNull | t.IsTruth | t.Coalesce) for it, _ in t.walk(tree)):
        return
    rule = compile_rule(tree)
    with_less = rule({}, Facts())
    assert with_less is None or rule(row, facts) is with_less


def meaning(node: t.Node, row: Mapping[str, object], facts: Facts) -> object:
    """Read a rule by its definitions: fractions instead of decimals, no shortcut, no sharing with the closure."""

    def of(part: t.Node) -> object:
        return meaning(part, row, facts)

    match node:
        case t.NumberLiteral(value=value):
            return Fraction(value)
        case t.MoneyLiteral(amount=amount):
            return Fraction(amount)
        case t.TextLiteral() | t.BooleanLiteral() | t.DateLiteral() | t.DatetimeLiteral():
            return node.value
        case t.Field():
            return known(row.get(node.name), node)
        case t.Fact(name="outcome"):
            field = form_field(node)
            return known(fitting(facts.outcome(*node.arguments), field), field)
        case t.Fact():
            answer = getattr(facts, node.name)(*node.arguments)
            return Fraction(answer) if type(answer) in (int, Decimal) else answer
        case t.And():
            return conjunction([of(it) for it in node.operands])
        case t.Or():
            return opposite(conjunction([opposite(of(it)) for it in node.operands]))
        case t.Not():
            return opposite(of(node.operand))
        case t.IsNull():
            return of(node.operand) is None
        case t.IsTruth():
            return of(node.operand) == node.truth and of(node.operand) is not None
        case t.Coalesce():
            return next((it for it in map(of, node.operands) if it is not None), None)
        case t.Compare():
            return compared(node.operator, of(node.left), of(node.right))
        case t.Between():
            operand = of(node.operand)
            return conjunction(
                [compared(">=", operand, of(node.low)), compared("<=", operand, of(node.high))]
            )
        case t.In():
            answers = [opposite(compared("=", of(node.operand), of(it))) for it in node.options]
            return opposite(conjunction(answers))
        case t.Like():
            text = of(node.operand)
            if text is None:
                return None
            wanted, n = node.text, len(node.text)
            starts = {"prefix": [0], "suffix": [len(text) - n], "contains": range(len(text))}[node.form]
            return any(start >= 0 and text[start : start + n] == wanted for start in starts)
        case t.Matches():
            # Python's engine is slow on purpose-made patterns, but says the same; its $ also stands before a last \n.
            text = of(node.operand)
            return None if text is None else bool(re.search(node.pattern.replace("$", r"\Z"), text))
        case t.Negate():
            value = of(node.operand)
            return None if value is None else -value
        case t.Arithmetic():
            return calculated(node.operator, of(node.left), of(node.right))
        case t.Length():
            return None if (text := of(node.operand)) is None else Fraction(len(text))
        case t.Contains():
            return None if (chosen := of(node.field)) is None else node.option in chosen
        case t.CountOf():
            return None if (chosen := of(node.field)) is None else Fraction(len(chosen))
        case t.DaysBetween():
            start, end = of(node.start), of(node.end)
            return None if start is None or end is None else Fraction(end.toordinal() - start.toordinal())
    raise AssertionError(node)


def fitting(value, field):
    """What a field of a form would not take, but some other version of it did, is unknown."""
    kinds = {
        ValueType.number: Decimal, ValueType.money: Money, ValueType.date: date, ValueType.datetime: datetime,
        ValueType.boolean: bool,
    }  # fmt: skip
    if type(value) is not kinds.get(field.type, str):
        return None
    exact = Fraction(value) if isinstance(value, Decimal) and value.is_finite() else None
    if isinstance(value, Decimal) and (
        exact is None or abs(exact) >= 10**15 or (exact * 10**6).denominator > 1
    ):
        return None
    return value


def known(value, node):
    match value:
        case Money():
            return Fraction(value.amount) if value.currency == node.currency else None
        case Decimal():
            return Fraction(value)
        case date() | datetime() | bool() | str() | tuple() | None:
            return value
    raise AssertionError(value)


def conjunction(answers):
    if any(it is False for it in answers):
        return False
    return None if any(it is None for it in answers) else True


def opposite(answer):
    return None if answer is None else not answer


def compared(operator, left, right):
    if left is None or right is None:
        return None
    less, equal = left < right, left == right
    return {
        "=": equal,
        "<>": not equal,
        "<": less,
        "<=": less or equal,
        ">": not less and not equal,
        ">=": not less,
    }[operator]


def calculated(operator, left, right):
    if left is None or right is None or (operator == "/" and right == 0):
        return None
    exact = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
    }[operator]()
    rounded = Fraction(round(exact * 10**6), 10**6)
    return None if abs(rounded) >= 10**18 else rounded
