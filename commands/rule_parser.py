"""Parse the text of a rule: text and vocabulary in, a checked rule or every problem out.

The text passes four gates.
`domain.rules.lexer` cuts it and refuses whatever the rule language lacks.
`domain.rules.reader` matches parentheses, calls and lists, so that what remains between them is a flat row of operators and
opaque operands, which sqlglot arranges by SQL's precedence; it never sees a name, a string or a number, so none of
its dialects, functions or statements can be reached, and its recursion stays shallow whatever is fed in.
`domain.rules.checker` then asks whether the names and types make sense.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from sqlglot import Dialect, ErrorLevel, Token, TokenType, exp
from sqlglot.errors import SqlglotError

from domain.rules import syntax as s
from domain.rules.checker import check
from domain.rules.lexer import MAX_CHARACTERS, Ruler, cut
from domain.rules.nodes import MAX_DEPTH, ArithmeticOperator, ComparisonOperator
from domain.rules.problems import Problem, RuleError
from domain.rules.reader import Operand, Operator, Reader, Row, StopReading
from domain.rules.tree import Rule
from domain.rules.types import Vocabulary

__all__ = ["Problem", "RuleError", "parse_rule"]

_TOKENS: Final[Mapping[str, TokenType]] = {
    "AND": TokenType.AND,
    "OR": TokenType.OR,
    "NOT": TokenType.NOT,
    "IN": TokenType.IN,
    "IS": TokenType.IS,
    "LIKE": TokenType.LIKE,
    "BETWEEN": TokenType.BETWEEN,
    "=": TokenType.EQ,
    "<>": TokenType.NEQ,
    "<": TokenType.LT,
    "<=": TokenType.LTE,
    ">": TokenType.GT,
    ">=": TokenType.GTE,
    "+": TokenType.PLUS,
    "-": TokenType.DASH,
    "*": TokenType.STAR,
    "/": TokenType.SLASH,
}
_COMPARISONS: Final[Mapping[type, ComparisonOperator]] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: Final[Mapping[type, ArithmeticOperator]] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
}
_CONDITIONS = (*_COMPARISONS, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Like, exp.Between)

# The limits keep recursion shallow; this is for a caller that has nearly used the stack up already.
_TOO_DEEP = Problem(1, 1, "The rule is nested too deep to be read here.")


def parse_rule(text: str, vocabulary: Vocabulary) -> Rule:
    """Read a rule written as an SQL expression, and check it against the vocabulary of its playbook.

    Raises `RuleError` holding every problem found, with lines and columns that count from 1.
    Hostile text is refused like any other: by its length, its nesting and its number of parts, before it is parsed.
    """
    problems: list[Problem] = []
    ruler = Ruler(text[: MAX_CHARACTERS + 1])
    if len(text) > MAX_CHARACTERS:
        at = ruler.at(MAX_CHARACTERS)
        raise RuleError([Problem(at.line, at.column, f"A rule has at most {MAX_CHARACTERS} characters.")])
    lexemes = cut(text, vocabulary.fields, problems)
    if problems:
        raise RuleError(problems)
    if not lexemes:
        raise RuleError([Problem(1, 1, "The rule is empty.")])
    reader = Reader(lexemes, ruler, _arrange)
    try:
        node = reader.rule()
    except RecursionError:
        raise RuleError([_TOO_DEEP]) from None
    except StopReading as stop:
        raise RuleError((*reader.problems, stop.problem)) from None
    try:
        tree = check(node, vocabulary)
    except RuleError as refused:
        raise RuleError((*reader.problems, *refused.problems)) from None
    except RecursionError:
        raise RuleError([_TOO_DEEP]) from None
    if reader.problems:
        raise RuleError(reader.problems)
    return Rule.of(tree, text)


def _arrange(reader: Reader, row: Row) -> Operand:
    """Let sqlglot arrange a row by precedence, and read its answer."""
    tokens = [
        Token(_TOKENS[item.shown], item.shown, col=index)
        if isinstance(item, Operator)
        else Token(TokenType.IDENTIFIER, f"#{index}", col=index)
        for index, item in enumerate(row)
    ]
    try:
        (arranged,) = Dialect().parser(error_level=ErrorLevel.IMMEDIATE).parse_into(exp.Condition, tokens, "")
    except (SqlglotError, ValueError) as error:
        details = getattr(error, "errors", None) or [{}]
        item = row[min(details[0].get("col") or 0, len(row) - 1)]
        raise reader.stop(item.at, f"The expression around {item.shown} is not complete.") from None
    if arranged is None:
        raise reader.stop(row[0].at, "This is not an expression.")
    return _Arranger(reader, row).read(arranged)


_ARGS: Final[Mapping[type, frozenset[str]]] = {
    **dict.fromkeys(
        (*_COMPARISONS, *_ARITHMETIC, exp.And, exp.Or, exp.Is), frozenset({"this", "expression"})
    ),
    exp.Column: frozenset({"this"}),
    exp.Paren: frozenset({"this"}),
    exp.Not: frozenset({"this"}),
    exp.Neg: frozenset({"this"}),
    exp.Like: frozenset({"this", "expression", "negate"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.In: frozenset({"this", "field"}),
}
"""What sqlglot may say about each kind of expression; anything more is something the rule language lacks."""


class _Arranger:
    """Read sqlglot's arrangement of one row; whatever is not on the list is refused."""

    def __init__(self, reader: Reader, row: Row) -> None:
        self._reader, self._row = reader, row

    def read(self, found: exp.Expr, level: int = 1) -> Operand:
        kind = type(found)
        if level > MAX_DEPTH + 1:
            raise self._reader.stop(self._row[0].at, f"A rule is nested at most {MAX_DEPTH} deep.")
        if {name for name, value in found.args.items() if value} - _ARGS.get(kind, frozenset()):
            raise self._reader.stop(self._row[0].at, "This expression is not part of the rule language.")
        match found:
            case exp.Column():
                operand = self._row[int(found.name.removeprefix("#"))]
                assert isinstance(operand, Operand)
                return operand
            case exp.Paren():
                return self.read(found.this, level)
            case exp.And() | exp.Or():
                return self._logic(found, level)
            case exp.Not():
                inner = self.read(found.this, level + 1)
                return self._made(lambda at, it: s.Prefix(at, "NOT", it), inner)
            case exp.Neg():
                return self._made(lambda at, it: s.Prefix(at, "-", it), self._value(found.this, level))
            case exp.Between():
                parts = [self._value(it, level) for it in (found.this, found.args["low"], found.args["high"])]
                return self._made(s.Between, *parts)
            case exp.In():
                return self._in(found, level)
        left, right = self._value(found.this, level), self._value(found.expression, level)
        if kind in _COMPARISONS:
            return self._made(lambda at, *it: s.Compare(at, _COMPARISONS[kind], *it), left, right)
        if kind in _ARITHMETIC:
            return self._made(lambda at, *it: s.Arithmetic(at, _ARITHMETIC[kind], *it), left, right)
        if kind is exp.Is:
            return self._made(s.Is, left, right)
        like = self._made(s.Like, left, right)
        return self._made(lambda at, it: s.Prefix(at, "NOT", it), like) if found.args.get("negate") else like

    def _made(self, make: Callable[..., s.Node], *parts: Operand) -> Operand:
        at = parts[0].node.at
        return Operand(
            at, parts[0].shown, make(at, *(it.node for it in parts)), 1 + max(it.depth for it in parts)
        )

    def _value(self, found: exp.Expr, level: int) -> Operand:
        """Read what stands beside an operator: a condition there needs parentheses, for dialects disagree."""
        operand = self.read(found, level + 1)
        if isinstance(found.unnest(), _CONDITIONS):
            self._reader.refuse(operand.at, "Put this condition in parentheses to say what belongs together.")
            return Operand(operand.at, operand.shown, s.Hole(operand.at))
        return operand

    def _logic(self, found: exp.And | exp.Or, level: int) -> Operand:
        kind, rest, parts = type(found), found, []
        # A chain of hundreds leans to the left, so it is followed in a loop.
        while type(rest) is kind:
            parts.append(self.read(rest.expression, level + 1))
            rest = rest.this
        parts.append(self.read(rest, level + 1))
        operator: Literal["AND", "OR"] = "AND" if kind is exp.And else "OR"
        return self._made(lambda at, *it: s.Logic(at, operator, it), *reversed(parts))

    def _in(self, found: exp.In, level: int) -> Operand:
        operand = self._value(found.this, level)
        field = found.args.get("field")
        options = self.read(field, level + 1) if field is not None else None
        if options is None or options.options is None:
            at = (options or operand).at
            raise self._reader.stop(at, "IN is followed by a list of values in parentheses.")
        members = options.options
        return self._made(lambda at, it: s.In(at, it, members), operand)
