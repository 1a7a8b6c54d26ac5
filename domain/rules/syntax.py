"""A rule as it was written, before anybody asked whether its names and types make sense.

A parser builds these nodes, the checker turns them into a typed tree.
`at` is the first character of the expression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from domain.rules.nodes import ArithmeticOperator, ComparisonOperator


@dataclass(frozen=True, slots=True)
class Position:
    """A position is a line and a column of the rule's text, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Hole:
    """A place whose problem was already reported; whatever contains it is not judged further."""

    at: Position


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name; `quoted` when it stood in double quotes."""

    at: Position
    name: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A string in single quotes."""

    at: Position
    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number, with its sign, as written."""

    at: Position
    text: str


@dataclass(frozen=True, slots=True)
class Truth:
    """TRUE or FALSE."""

    at: Position
    value: bool


@dataclass(frozen=True, slots=True)
class Null:
    """The word NULL."""

    at: Position


@dataclass(frozen=True, slots=True)
class Moment:
    """`DATE '…'` or `TIMESTAMP '…'`."""

    at: Position
    kind: Literal["DATE", "TIMESTAMP"]
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function or a fact with its arguments."""

    at: Position
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    """NOT or a minus sign before an expression."""

    at: Position
    operator: Literal["NOT", "-"]
    operand: Node


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two expressions with + - * or / between them."""

    at: Position
    operator: ArithmeticOperator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compare:
    """Two expressions with a comparison between them."""

    at: Position
    operator: ComparisonOperator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Between:
    """An expression BETWEEN two others."""

    at: Position
    operand: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class In:
    """An expression IN a list."""

    at: Position
    operand: Node
    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """An expression LIKE a pattern."""

    at: Position
    operand: Node
    pattern: Node


@dataclass(frozen=True, slots=True)
class Is:
    """An expression IS a word."""

    at: Position
    operand: Node
    word: Node


@dataclass(frozen=True, slots=True)
class Logic:
    """Two or more expressions joined by AND, or by OR."""

    at: Position
    operator: Literal["AND", "OR"]
    operands: tuple[Node, ...]


Node: TypeAlias = (
    Hole
    | Name
    | Text
    | Number
    | Truth
    | Null
    | Moment
    | Call
    | Prefix
    | Arithmetic
    | Compare
    | Between
    | In
    | Like
    | Is
    | Logic
)
