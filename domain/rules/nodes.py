"""The nodes of a typed tree, each with what it means.

A tree is authoritative, the text it came from is not.
Node kinds are never renamed or given a new meaning; a new meaning is a new kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from domain.rules.types import ValueType

MAX_DEPTH: Final = 64
MAX_NODES: Final = 500

ArithmeticOperator: TypeAlias = Literal["+", "-", "*", "/"]
ComparisonOperator: TypeAlias = Literal["=", "<>", "<", "<=", ">", ">="]
LikeForm: TypeAlias = Literal["prefix", "suffix", "contains"]


@dataclass(frozen=True, slots=True)
class TextLiteral:
    """A string, of the type it is compared with: text, choice, person, reference, phone or email."""

    value: str
    type: ValueType = ValueType.text


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """A number, below 10**15 and with at most six decimal places."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class MoneyLiteral:
    """An amount in the currency of the field beside it; at most six decimal places, compared exactly."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class BooleanLiteral:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class DateLiteral:
    """A calendar day."""

    value: date


@dataclass(frozen=True, slots=True)
class DatetimeLiteral:
    """A moment, kept in UTC."""

    value: datetime


@dataclass(frozen=True, slots=True)
class Field:
    """The value of a field of the record; NULL when it is missing, of another type or another currency."""

    name: str
    type: ValueType
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """The answer to a question of the catalogue in `domain.rules.facts`."""

    name: str
    arguments: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers or amounts calculated to six decimal places; NULL when an operand or the result is unknown."""

    operator: ArithmeticOperator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negate:
    """A number or an amount with its sign turned around."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Compare:
    """Two values of one type compared; NULL when either is. Text compares by code point."""

    operator: ComparisonOperator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Between:
    """`low <= operand AND operand <= high`, in three-valued logic."""

    operand: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class In:
    """True when the operand equals one of the literals; NULL when the operand is."""

    operand: Node
    options: tuple[LiteralNode, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """True when the operand starts with, ends with or contains the text, by code point; NULL when it is NULL."""

    operand: Node
    form: LikeForm
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """True when the pattern of `domain.rules.patterns` is found anywhere in the operand; NULL when that is NULL."""

    operand: Node
    pattern: str


@dataclass(frozen=True, slots=True)
class IsNull:
    """True when the operand is unknown, false otherwise; never NULL."""

    operand: Node


@dataclass(frozen=True, slots=True)
class IsTruth:
    """True when the operand is exactly this truth value, false otherwise (also for NULL); never NULL."""

    operand: Node
    truth: bool


@dataclass(frozen=True, slots=True)
class And:
    """False when any operand is false, else NULL when any is NULL, else true."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when any operand is true, else NULL when any is NULL, else false."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite truth value; NULL stays NULL."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Coalesce:
    """The first operand that is not NULL."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Length:
    """How many code points a text has."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Contains:
    """True when the option is among those selected in a field that allows many."""

    field: Field
    option: str


@dataclass(frozen=True, slots=True)
class CountOf:
    """How many options are selected in a field that allows many."""

    field: Field


@dataclass(frozen=True, slots=True)
class DaysBetween:
    """Whole days from `start` to `end`; negative when `end` is earlier."""

    start: Node
    end: Node


LiteralNode: TypeAlias = (
    TextLiteral | NumberLiteral | MoneyLiteral | BooleanLiteral | DateLiteral | DatetimeLiteral
)
Node: TypeAlias = (
    LiteralNode
    | Field
    | Fact
    | Arithmetic
    | Negate
    | Compare
    | Between
    | In
    | Like
    | Matches
    | IsNull
    | IsTruth
    | And
    | Or
    | Not
    | Coalesce
    | Length
    | Contains
    | CountOf
    | DaysBetween
)


def children(tree: Node) -> tuple[Node, ...]:
    """List the nodes directly below a node, left to right."""
    match tree:
        case And() | Or() | Coalesce():
            return tree.operands
        case Compare() | Arithmetic():
            return (tree.left, tree.right)
        case Between():
            return (tree.operand, tree.low, tree.high)
        case In():
            return (tree.operand, *tree.options)
        case Negate() | Not() | IsNull() | IsTruth() | Like() | Matches() | Length():
            return (tree.operand,)
        case Contains() | CountOf():
            return (tree.field,)
        case DaysBetween():
            return (tree.start, tree.end)
        case _:
            return ()


def walk(tree: Node) -> Iterator[tuple[Node, int]]:
    """Visit every node with its depth; the root is at depth 1."""
    stack = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((child, depth + 1) for child in reversed(children(node)))


def size_of(tree: Node) -> tuple[int, int]:
    """Measure a tree as `(nodes, depth)`."""
    nodes = deepest = 0
    for _, depth in walk(tree):
        nodes += 1
        deepest = max(deepest, depth)
    return nodes, deepest
