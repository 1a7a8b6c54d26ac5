"""Read the lexemes of a rule: match its parentheses, calls and lists, and have the rows between them arranged.

What is inside parentheses is read first, so a row is flat: operators, and operands that are already read.
Arranging a row by precedence is somebody else's work, see `commands.rule_parser`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from domain.rules import syntax as s
from domain.rules.lexer import Lexeme, Ruler
from domain.rules.nodes import MAX_DEPTH, MAX_NODES
from domain.rules.problems import Problem
from domain.rules.values import short

MAX_OPERANDS: Final = 2 * MAX_NODES
"""The most operands and parentheses that are read at all; a rule of the largest size has fewer."""

MAX_BINARY: Final = MAX_NODES // 2
"""The most operators in one row beside AND and OR; each means two nodes or more."""

MAX_PREFIXES: Final = 16
"""The most NOTs and minus signs in one condition; every nested one costs a recursive parser a dozen frames."""

OPERATORS: Final = frozenset(
    ("AND", "OR", "NOT", "IN", "IS", "LIKE", "BETWEEN", "=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/")
)


class StopReading(Exception):
    """The text has no structure to be read any further; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        """Stop at one problem."""
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Operand:
    """Anything that stands between operators, already read."""

    at: s.Position
    shown: str
    node: s.Node
    depth: int = 1
    options: tuple[s.Node, ...] | None = None
    """The members when this is the list after IN."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A symbol or a word between operands, or before one."""

    at: s.Position
    shown: str


Row: TypeAlias = list[Operand | Operator]
Arrange: TypeAlias = "Callable[[Reader, Row], Operand]"


class Reader:
    """Match parentheses, read what is inside first, and hand flat rows of operators on to be arranged."""

    def __init__(self, lexemes: list[Lexeme], ruler: Ruler, arrange: Arrange) -> None:
        """Take the lexemes, and whoever arranges a row by precedence."""
        self._arrange = arrange
        self.problems: list[Problem] = []
        self._lexemes, self._ruler, self._next = lexemes, ruler, 0
        self._operands = 0

    def rule(self) -> s.Node:
        """Read the whole rule. Raises `StopReading`; what could be read past is in `problems`."""
        rows, _ = self._rows(opened=None, nesting=0)
        if len(rows) > 1:
            raise self.stop(self._lexemes[0], "A rule is one condition; commas stand only between arguments.")
        return self._arranged(rows[0]).node

    def _at(self, lexeme: Lexeme) -> s.Position:
        return self._ruler.at(lexeme.offset)

    def stop(self, where: Lexeme | s.Position, reason: str) -> StopReading:
        """Make the exception that ends the reading here."""
        at = self._at(where) if isinstance(where, Lexeme) else where
        return StopReading(Problem(at.line, at.column, reason))

    def refuse(self, at: s.Position, reason: str, suggestion: str | None = None) -> None:
        """Note a problem and read on."""
        self.problems.append(Problem(at.line, at.column, reason, suggestion))

    def _rows(self, opened: Lexeme | None, nesting: int) -> tuple[list[Row], Lexeme | None]:
        """Read up to the parenthesis that closes `opened`; commas separate the rows."""
        rows: list[Row] = [[]]
        while self._next < len(self._lexemes):
            lexeme = self._lexemes[self._next]
            self._next += 1
            if lexeme.kind == "symbol" and lexeme.value == ")":
                if opened is None:
                    raise self.stop(lexeme, "This parenthesis closes nothing.")
                return rows, lexeme
            if lexeme.kind == "symbol" and lexeme.value == ",":
                rows.append([])
            else:
                rows[-1].append(self._item(lexeme, rows[-1], nesting))
        if opened is not None:
            raise self.stop(opened, "This parenthesis is never closed.")
        return rows, None

    def _item(self, lexeme: Lexeme, before: Row, nesting: int) -> Operand | Operator:
        at = self._at(lexeme)
        if lexeme.value in OPERATORS and lexeme.kind in {"keyword", "symbol"}:
            return Operator(at, lexeme.value)
        self._operands += 1
        if self._operands > MAX_OPERANDS:
            raise self.stop(lexeme, f"The rule has too many parts; {MAX_NODES} is the limit.")
        if lexeme.kind == "symbol":
            return self._group(lexeme, before, nesting + 1)
        if lexeme.kind == "name" and self._opens_next():
            return self._call(lexeme, nesting + 1)
        if lexeme.kind == "number" and _ends_with_sign(before):
            sign = before.pop()
            return Operand(sign.at, f"-{lexeme.value}", s.Number(sign.at, f"-{lexeme.value}"))
        return Operand(at, lexeme.value, _leaf(lexeme, at))

    def _opens_next(self) -> bool:
        following = self._lexemes[self._next : self._next + 1]
        return bool(following) and following[0].kind == "symbol" and following[0].value == "("

    def _group(self, opened: Lexeme, before: Row, nesting: int) -> Operand:
        at = self._at(opened)
        if nesting > MAX_DEPTH:
            raise self.stop(opened, f"Parentheses are nested at most {MAX_DEPTH} deep.")
        rows, _ = self._rows(opened, nesting)
        if before and isinstance(before[-1], Operator) and before[-1].shown == "IN":
            members = [self._arranged(row) for row in self._filled(rows, opened)]
            depth = max(it.depth for it in members)
            return Operand(at, "(", s.Hole(at), depth, tuple(it.node for it in members))
        if len(rows) > 1:
            raise self.stop(opened, "A list in parentheses stands only after IN.")
        inside = self._arranged(self._filled(rows, opened)[0])
        return Operand(at, "(", inside.node, inside.depth)

    def _call(self, name: Lexeme, nesting: int) -> Operand:
        at, opened = self._at(name), self._lexemes[self._next]
        if nesting > MAX_DEPTH:
            raise self.stop(opened, f"Parentheses are nested at most {MAX_DEPTH} deep.")
        self._next += 1
        rows, _ = self._rows(opened, nesting)
        filled = [] if rows == [[]] else self._filled(rows, opened)
        arguments = [self._arranged(row) for row in filled]
        depth = 1 + max((it.depth for it in arguments), default=0)
        return self._bounded(
            Operand(at, name.value, s.Call(at, name.value, tuple(it.node for it in arguments)), depth)
        )

    def _filled(self, rows: list[Row], opened: Lexeme) -> list[Row]:
        if not all(rows):
            raise self.stop(opened, "Something is missing inside these parentheses.")
        return rows

    def _bounded(self, operand: Operand) -> Operand:
        if operand.depth <= MAX_DEPTH + 1:
            return operand
        raise self.stop(operand.at, f"A rule is nested at most {MAX_DEPTH} deep.")

    def _arranged(self, row: Row) -> Operand:
        """Have a row arranged; a single operand needs no arranging."""
        only = row[0] if len(row) == 1 else None
        if isinstance(only, Operand):
            return only
        self._check_alternation(row)
        return self._bounded(self._arrange(self, row))

    def _check_alternation(self, row: Row) -> None:
        """Refuse a row in which operands and operators do not take turns, at the very place."""
        expected, prefixes, binary = True, 0, 0
        for item in row:
            if isinstance(item, Operand):
                if not expected:
                    raise self.stop(
                        item.at, f"An operator such as AND is missing before {short(item.shown)}."
                    )
                expected = False
            elif item.shown in {"NOT", "-"} and expected:
                prefixes += 1
                if prefixes > MAX_PREFIXES:
                    raise self.stop(
                        item.at, f"One condition has at most {MAX_PREFIXES} NOTs and minus signs."
                    )
            elif expected:
                raise self.stop(item.at, f"A value is missing before {item.shown}.")
            else:
                expected = item.shown != "NOT"
                if item.shown in {"AND", "OR"}:
                    prefixes = 0
                else:
                    binary += expected
                if binary > MAX_BINARY:
                    raise self.stop(item.at, f"The rule has too many parts; {MAX_NODES} is the limit.")
        if isinstance(row[-1], Operator):
            raise self.stop(row[-1].at, f"A value is missing after {row[-1].shown}.")


def _ends_with_sign(row: Row) -> bool:
    """Tell whether the last operator is a minus sign that belongs to what follows it."""
    return bool(row) and row[-1].shown == "-" and (len(row) == 1 or isinstance(row[-2], Operator))


def _leaf(lexeme: Lexeme, at: s.Position) -> s.Node:
    match lexeme.kind:
        case "name" | "quoted":
            return s.Name(at, lexeme.value, lexeme.kind == "quoted")
        case "text":
            return s.Text(at, lexeme.value)
        case "number":
            return s.Number(at, lexeme.value)
        case "DATE" | "TIMESTAMP":
            return s.Moment(at, lexeme.kind, lexeme.value)
        case _:
            return s.Null(at) if lexeme.value == "NULL" else s.Truth(at, lexeme.value == "TRUE")
