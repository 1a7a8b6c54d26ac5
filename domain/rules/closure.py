"""Compile a typed tree into one Python function: the rule as the live command asks it.

Every node becomes a small nested function; no source text is generated.
NULL is `None`, and three-valued logic decides what an unknown part means for the whole.
The function is total: for a tree out of the checker it never raises, and a stored value of another type (or money of
another currency, or a number that no field of numbers would take) than the field's is unknown rather than an
accident, as it is for a typed column.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from domain.money import Money
from domain.rules import arithmetic
from domain.rules import nodes as t
from domain.rules.facts import RuleFacts
from domain.rules.outcomes import form_field
from domain.rules.patterns import matcher
from domain.rules.types import ValueType

Row: TypeAlias = Mapping[str, object]
CompiledRule: TypeAlias = Callable[[Row, RuleFacts], bool | None]
_Value: TypeAlias = Callable[[Row, RuleFacts], Any]

_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Decimal | None]]] = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
}
_MATCHES: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": operator.contains,
}


def compile_rule(tree: t.Node) -> CompiledRule:
    """Compile a checked tree into a function from field values and facts to true, false or None (unknown).

    A field that the mapping does not hold is NULL. Compile once, call often: a call takes microseconds.
    """
    return _compile(tree)


def _compile(node: t.Node) -> _Value:
    match node:
        case t.And():
            return _all(tuple(map(_compile, node.operands)))
        case t.Or():
            return _any(tuple(map(_compile, node.operands)))
        case t.Not():
            return _not(_compile(node.operand))
        case t.Compare():
            return _compare(node)
        case t.Field():
            return _field(node)
        case t.Fact():
            return _fact(node)
        case t.In():
            options = frozenset(_constant(it) for it in node.options)
            return _strict(_compile(node.operand), options.__contains__)
        case t.Between():
            return _between(_compile(node.operand), _compile(node.low), _compile(node.high))
        case t.Like():
            return _like(_compile(node.operand), _MATCHES[node.form], node.text)
        case t.Matches():
            return _strict(_compile(node.operand), matcher(node.pattern))
        case t.IsNull():
            return _is_null(_compile(node.operand))
        case t.IsTruth():
            return _is_truth(_compile(node.operand), node.truth)
        case t.Arithmetic():
            return _binary(_ARITHMETIC[node.operator], _compile(node.left), _compile(node.right))
        case t.Negate():
            return _strict(_compile(node.operand), arithmetic.negate)
        case t.Coalesce():
            return _coalesce(tuple(map(_compile, node.operands)))
        case t.Length():
            return _strict(_compile(node.operand), len)
        case t.Contains():
            return _contains(_field(node.field), node.option)
        case t.CountOf():
            return _strict(_field(node.field), len)
        case t.DaysBetween():
            return _binary(_days_between, _compile(node.start), _compile(node.end))
        case _:
            return _always(_constant(node))


def _constant(node: t.LiteralNode) -> Any:
    return node.amount if isinstance(node, t.MoneyLiteral) else node.value


def _always(value: Any) -> _Value:
    def always(_row: Row, _facts: RuleFacts) -> Any:
        return value

    return always


def _all(parts: tuple[_Value, ...]) -> _Value:
    def all_of(row: Row, facts: RuleFacts) -> bool | None:
        answer: bool | None = True
        for part in parts:
            value = part(row, facts)
            if value is False:
                return False
            if value is None:
                answer = None
        return answer

    return all_of


def _any(parts: tuple[_Value, ...]) -> _Value:
    def any_of(row: Row, facts: RuleFacts) -> bool | None:
        answer: bool | None = False
        for part in parts:
            value = part(row, facts)
            if value is True:
                return True
            if value is None:
                answer = None
        return answer

    return any_of


def _not(part: _Value) -> _Value:
    def negation(row: Row, facts: RuleFacts) -> bool | None:
        value = part(row, facts)
        return None if value is None else not value

    return negation


def _strict(part: _Value, function: Callable[[Any], Any]) -> _Value:
    """Apply a function to a value that is known; NULL stays NULL."""

    def strict(row: Row, facts: RuleFacts) -> Any:
        value = part(row, facts)
        return None if value is None else function(value)

    return strict


def _binary(function: Callable[[Any, Any], Any], left: _Value, right: _Value) -> _Value:
    """Apply a function to two values that are both known; otherwise NULL."""

    def binary(row: Row, facts: RuleFacts) -> Any:
        first = left(row, facts)
        if first is None:
            return None
        second = right(row, facts)
        return None if second is None else function(first, second)

    return binary


def _compare(node: t.Compare) -> _Value:
    function = _COMPARISONS[node.operator]
    left = _compile(node.left)
    if not isinstance(node.right, t.LiteralNode):
        return _binary(function, left, _compile(node.right))
    constant = _constant(node.right)

    def compare_with_constant(row: Row, facts: RuleFacts) -> bool | None:
        value = left(row, facts)
        return None if value is None else function(value, constant)

    return compare_with_constant


def _between(part: _Value, low: _Value, high: _Value) -> _Value:
    def between(row: Row, facts: RuleFacts) -> bool | None:
        value = part(row, facts)
        if value is None:
            return None
        least, most = low(row, facts), high(row, facts)
        if (least is not None and value < least) or (most is not None and value > most):
            return False
        return None if least is None or most is None else True

    return between


def _like(part: _Value, matches: Callable[[str, str], bool], text: str) -> _Value:
    def like(row: Row, facts: RuleFacts) -> bool | None:
        value = part(row, facts)
        return None if value is None else matches(value, text)

    return like


def _is_null(part: _Value) -> _Value:
    def is_null(row: Row, facts: RuleFacts) -> bool:
        return part(row, facts) is None

    return is_null


def _is_truth(part: _Value, truth: bool) -> _Value:
    def is_truth(row: Row, facts: RuleFacts) -> bool:
        return part(row, facts) is truth

    return is_truth


def _coalesce(parts: tuple[_Value, ...]) -> _Value:
    def coalesce(row: Row, facts: RuleFacts) -> Any:
        for part in parts:
            value = part(row, facts)
            if value is not None:
                return value
        return None

    return coalesce


def _contains(part: _Value, option: str) -> _Value:
    def contains(row: Row, facts: RuleFacts) -> bool | None:
        value = part(row, facts)
        return None if value is None else option in value

    return contains


def _days_between(start: date, end: date) -> int:
    return (end - start).days


def _fact(node: t.Fact) -> _Value:
    match node.name, node.arguments:
        case "evidence", (str(evidence_type),):
            return lambda _row, facts: facts.evidence(evidence_type)
        case "touches", (str(kind), int(days)):
            return lambda _row, facts: facts.touches(kind, days)
        case "days_in_stage", ():
            return lambda _row, facts: facts.days_in_stage()
        case "stage", ():
            return lambda _row, facts: facts.stage()
        case "today", ():
            return lambda _row, facts: facts.today()
        case "done", (str(template),):
            return lambda _row, facts: facts.done(template)
        case "outcome", (str(), str(), str()):
            return _outcome(node)
        case "approved", (str(chain),):
            return lambda _row, facts: facts.approved(chain)
        case _:
            raise ValueError(f"There is no fact {node.name} with the arguments {node.arguments}.")


def _outcome(node: t.Fact) -> _Value:
    """Read the answer as a field of its type is read: what does not fit is unknown."""
    template, name, answer_type = map(str, node.arguments)
    read = _field(form_field(node))

    def outcome(_row: Row, facts: RuleFacts) -> Any:
        return read({name: facts.outcome(template, name, answer_type)}, facts)

    return outcome


def _field(node: t.Field) -> _Value:
    match node.type:
        case ValueType.money:
            return _money_field(node.name, node.currency)
        case ValueType.number:
            return _number_field(node.name)
        case ValueType.boolean:
            return _plain_field(node.name, bool)
        case ValueType.date:
            return _date_field(node.name)
        case ValueType.datetime:
            return _datetime_field(node.name)
        case ValueType.choices:
            return _plain_field(node.name, tuple)
        case _:
            return _plain_field(node.name, str)


def _plain_field(name: str, kind: type) -> _Value:
    def plain_field(row: Row, _facts: RuleFacts) -> Any:
        value = row.get(name)
        return value if isinstance(value, kind) else None

    return plain_field


def _number_field(name: str) -> _Value:
    def number_field(row: Row, _facts: RuleFacts) -> Decimal | None:
        value = row.get(name)
        return value if isinstance(value, Decimal) and arithmetic.fits(value) else None

    return number_field


def _money_field(name: str, currency: str | None) -> _Value:
    def money_field(row: Row, _facts: RuleFacts) -> Decimal | None:
        value = row.get(name)
        return value.amount if isinstance(value, Money) and value.currency == currency else None

    return money_field


def _date_field(name: str) -> _Value:
    def date_field(row: Row, _facts: RuleFacts) -> date | None:
        value = row.get(name)
        return value if isinstance(value, date) and not isinstance(value, datetime) else None

    return date_field


def _datetime_field(name: str) -> _Value:
    # Python compares two moments of one time zone by the clock on the wall, so that an hour happens twice in autumn;
    # in UTC each moment is itself.
    def datetime_field(row: Row, _facts: RuleFacts) -> datetime | None:
        value = row.get(name)
        if not isinstance(value, datetime):
            return None
        if value.tzinfo is UTC:
            return value
        try:
            return None if value.utcoffset() is None else value.astimezone(UTC)
        except OverflowError:
            return None

    return datetime_field
