"""The typed tree as plain JSON: the form that is stored for ever, and hashed.

Decimals are strings in their one canonical spelling, moments are in UTC, keys are sorted when hashing:
equal trees have equal hashes on every machine and in every year.
Reading is strict, so that what was stored is what is judged: an unknown node, a missing or surplus key, a value of
another shape, a number in another spelling or a tree beyond the limits is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, TypeAlias, get_args

from domain.rules import nodes as t
from domain.rules.arithmetic import number_text
from domain.rules.facts import FACTS, MAX_DAYS, ArgumentKind
from domain.rules.outcomes import type_spelled
from domain.rules.patterns import PatternRefused, work_of
from domain.rules.types import LABELS, ValueType

Json: TypeAlias = dict[str, Any]

_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")


class TreeFormatError(ValueError):
    """Stored JSON is not a rule tree this version can read; the sentence says where it stops being one."""


def to_json(tree: t.Node) -> Json:
    """Turn a tree into dicts, lists, strings, booleans and whole numbers."""
    values = {field.name: _encode(getattr(tree, field.name)) for field in fields(tree)}
    return {"node": _NAMES[type(tree)], **values}


def from_json(value: object) -> t.Node:
    """Read a tree back; `from_json(to_json(tree)) == tree`.

    The shape is checked, not the types: that the tree came out of the checker is what its hash vouches for.
    Raises `TreeFormatError`.
    """
    tree = _tree(value, 1)
    nodes, _ = t.size_of(tree)
    if nodes > t.MAX_NODES:
        raise TreeFormatError(f"A rule tree has at most {t.MAX_NODES} nodes, this one has {nodes}.")
    return tree


def tree_hash(tree: t.Node) -> str:
    """Hash the canonical JSON (sorted keys, no whitespace, UTF-8) with SHA-256; 64 hexadecimal digits."""
    canonical = json.dumps(to_json(tree), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _encode(value: Any) -> Any:
    match value:
        case tuple():
            return [_encode(it) for it in value]
        case Decimal():
            return number_text(value)
        case date():
            return value.isoformat()
        case ValueType():
            return value.value
        case None | str() | bool() | int():
            return value
        case _:
            return to_json(value)


_Reader: TypeAlias = Callable[[Any, int], Any]


def _refuse(value: object, wanted: str) -> TreeFormatError:
    return TreeFormatError(f"Expected {wanted}, found {str(value)[:60]!r}.")


def _text(value: Any, _depth: int) -> str:
    if not isinstance(value, str):
        raise _refuse(value, "text")
    return value


def _filled(value: Any, _depth: int) -> str:
    if not isinstance(value, str) or not value:
        raise _refuse(value, "text that is not empty")
    return value


def _pattern(value: Any, depth: int) -> str:
    pattern = _text(value, depth)
    try:
        work_of(pattern)
    except PatternRefused as refused:
        raise TreeFormatError(f"Not a pattern: {refused.reason}") from None
    return pattern


def _bool(value: Any, _depth: int) -> bool:
    if not isinstance(value, bool):
        raise _refuse(value, "true or false")
    return value


def _one_of(*allowed: str) -> _Reader:
    def read(value: Any, _depth: int) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise _refuse(value, "one of " + ", ".join(allowed))
        return value

    return read


def _value_type(*allowed: ValueType) -> _Reader:
    names = _one_of(*sorted(allowed))
    return lambda value, depth: ValueType(names(value, depth))


def _currency(value: Any, _depth: int) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _refuse(value, "a currency or null")
    return value


def _number(value: Any, depth: int) -> Decimal:
    if not _PLAIN_NUMBER.fullmatch(_text(value, depth)):
        raise _refuse(value, "a number in plain digits")
    number = Decimal(value)
    if number_text(number) != value:
        raise _refuse(value, "a number in its shortest spelling")
    return number


def _date(value: Any, depth: int) -> date:
    try:
        read = date.fromisoformat(_text(value, depth))
    except ValueError:
        raise _refuse(value, "a date") from None
    if read.isoformat() != value:
        raise _refuse(value, "a date such as 2026-01-31")
    return read


def _moment(value: Any, depth: int) -> datetime:
    try:
        read = datetime.fromisoformat(_text(value, depth))
    except ValueError:
        raise _refuse(value, "a moment") from None
    if read.tzinfo is not UTC or read.isoformat() != value:
        raise _refuse(value, "a moment in UTC such as 2026-01-31T08:00:00+00:00")
    return read


def _tree(value: Any, depth: int) -> t.Node:
    if depth > t.MAX_DEPTH:
        raise TreeFormatError(f"A rule tree is at most {t.MAX_DEPTH} nodes deep.")
    if not isinstance(value, dict):
        raise _refuse(value, "a node")
    name = value.get("node")
    if not isinstance(name, str) or name not in _SHAPES:
        raise TreeFormatError(f"Unknown node {str(name)[:60]!r}.")
    kind, shape = _SHAPES[name]
    if value.keys() != {"node", *shape}:
        raise TreeFormatError(f"A {name} node has the keys {', '.join(shape)} and no others.")
    made = kind(**{key: read(value[key], depth + 1) for key, read in shape.items()})
    if isinstance(made, t.Field) and (made.type is ValueType.money) != (made.currency is not None):
        raise TreeFormatError(f"Field {made.name!r}: money has a currency, nothing else has one.")
    if isinstance(made, t.Fact):
        _check_fact(made)
    return made


def _trees(at_least: int, *kinds: type) -> _Reader:
    def read(value: Any, depth: int) -> tuple[t.Node, ...]:
        if not isinstance(value, list) or not at_least <= len(value) <= t.MAX_NODES:
            raise _refuse(value, f"a list of at least {at_least} nodes")
        items = tuple(_tree(it, depth) for it in value)
        if kinds and not all(isinstance(it, kinds) for it in items):
            raise _refuse(value, "a list of literals")
        return items

    return read


def _choices_field(value: Any, depth: int) -> t.Field:
    field = _tree(value, depth)
    if not isinstance(field, t.Field) or field.type is not ValueType.choices:
        raise _refuse(value, "a field that allows many options")
    return field


def _arguments(value: Any, _depth: int) -> tuple[str | int, ...]:
    if not isinstance(value, list) or not all(type(it) in (str, int) for it in value):
        raise _refuse(value, "a list of text and whole numbers")
    return tuple(value)


def _check_fact(fact: t.Fact) -> None:
    kinds = FACTS[fact.name].arguments
    fits = len(kinds) == len(fact.arguments) and all(
        _fits(kind, it) for kind, it in zip(kinds, fact.arguments, strict=True)
    )
    if not fits:
        raise TreeFormatError(f"Fact {fact.name} takes {', '.join(kinds) or 'nothing'}.")


def _fits(kind: ArgumentKind, argument: str | int) -> bool:
    match kind:
        case ArgumentKind.days:
            return isinstance(argument, int) and 1 <= argument <= MAX_DAYS
        case ArgumentKind.answer_type:
            return isinstance(argument, str) and _is_type(argument)
        case _:
            return isinstance(argument, str)


def _is_type(text: str) -> bool:
    try:
        type_spelled(text)
    except ValueError:
        return False
    return True


_SHAPES: Final[Mapping[str, tuple[Callable[..., t.Node], Mapping[str, _Reader]]]] = MappingProxyType(
    {
        "text": (t.TextLiteral, {"value": _text, "type": _value_type(*LABELS)}),
        "number": (t.NumberLiteral, {"value": _number}),
        "money": (t.MoneyLiteral, {"amount": _number, "currency": _filled}),
        "boolean": (t.BooleanLiteral, {"value": _bool}),
        "date": (t.DateLiteral, {"value": _date}),
        "datetime": (t.DatetimeLiteral, {"value": _moment}),
        "field": (t.Field, {"name": _filled, "type": _value_type(*ValueType), "currency": _currency}),
        "fact": (t.Fact, {"name": _one_of(*FACTS), "arguments": _arguments}),
        "arithmetic": (
            t.Arithmetic,
            {"operator": _one_of(*get_args(t.ArithmeticOperator)), "left": _tree, "right": _tree},
        ),
        "negate": (t.Negate, {"operand": _tree}),
        "compare": (
            t.Compare,
            {"operator": _one_of(*get_args(t.ComparisonOperator)), "left": _tree, "right": _tree},
        ),
        "between": (t.Between, {"operand": _tree, "low": _tree, "high": _tree}),
        "in": (t.In, {"operand": _tree, "options": _trees(1, *get_args(t.LiteralNode))}),
        "like": (t.Like, {"operand": _tree, "form": _one_of(*get_args(t.LikeForm)), "text": _filled}),
        "matches": (t.Matches, {"operand": _tree, "pattern": _pattern}),
        "is_null": (t.IsNull, {"operand": _tree}),
        "is_truth": (t.IsTruth, {"operand": _tree, "truth": _bool}),
        "and": (t.And, {"operands": _trees(2)}),
        "or": (t.Or, {"operands": _trees(2)}),
        "not": (t.Not, {"operand": _tree}),
        "coalesce": (t.Coalesce, {"operands": _trees(2)}),
        "length": (t.Length, {"operand": _tree}),
        "contains": (t.Contains, {"field": _choices_field, "option": _filled}),
        "count_of": (t.CountOf, {"field": _choices_field}),
        "days_between": (t.DaysBetween, {"start": _tree, "end": _tree}),
    }
)
_NAMES: Final = {kind: name for name, (kind, _) in _SHAPES.items()}
