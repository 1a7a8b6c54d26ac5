"""Compile a typed tree into one Polars expression: the rule as history asks it.

Every node becomes one expression over the expressions of its parts, each used once, so that the expression is as large
as the tree. NULL is null, and Polars' own three-valued logic is SQL's.
Numbers and amounts are whole millionths in 128 bits; there is no floating point anywhere.
The expression answers row by row: it can run on any part of a table, in any engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import polars as pl

from domain.rules import nodes as t
from projections.rule_columns.arithmetic import NUMBER, SCALE, calculation, scaled
from projections.rule_columns.columns import DECIMAL, MOMENT, column_name, column_type

_COMPARISONS: Final[Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    "=": pl.Expr.eq,
    "<>": pl.Expr.ne,
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
}

_all: Final = pl.all_horizontal
_any: Final = pl.any_horizontal


def compile_columns(tree: t.Node) -> pl.Expr:
    """Compile a checked tree into an expression over the columns of `columns`: true, false or null (unknown).

    A rule that asks nothing but literals gives one value; `judged` gives one for every row.
    """
    return _compile(tree)


def judged(frame: pl.DataFrame, trees: Mapping[str, t.Node]) -> pl.DataFrame:
    """Judge every row by each rule; one Boolean column for each, under its name, one row for each row."""
    return frame.with_columns(**{name: compile_columns(tree) for name, tree in trees.items()}).select(*trees)


def _compile(node: t.Node) -> pl.Expr:
    match node:
        case t.And():
            return _all(*map(_compile, node.operands))
        case t.Or():
            return _any(*map(_compile, node.operands))
        case t.Not():
            return _compile(node.operand).not_()
        case t.Compare():
            return _COMPARISONS[node.operator](_compile(node.left), _compile(node.right))
        case t.Field() | t.Fact():
            column = pl.col(column_name(node))
            return column.to_physical() if column_type(node) == DECIMAL else column
        case t.In():
            return _compile(node.operand).is_in(_options(node.options))
        case t.Between():
            return _compile(node.operand).is_between(_compile(node.low), _compile(node.high))
        case t.Like():
            return _like(_compile(node.operand).str, node)
        case t.Matches():
            return _compile(node.operand).str.contains(node.pattern, literal=False, strict=True)
        case t.IsNull():
            return _compile(node.operand).is_null()
        case t.IsTruth():
            return _compile(node.operand).eq_missing(pl.lit(node.truth))
        case t.Coalesce():
            return pl.coalesce(*map(_compile, node.operands))
        case t.Contains():
            return pl.col(column_name(node.field)).list.contains(node.option)
        case t.TextLiteral() | t.BooleanLiteral() | t.DateLiteral() | t.DatetimeLiteral():
            return pl.lit(node.value, dtype=_literal_type(node))
        case _:
            return _number(node)


def _number(
    node: t.NumberLiteral | t.MoneyLiteral | t.Arithmetic | t.Negate | t.Length | t.CountOf | t.DaysBetween,
) -> pl.Expr:
    match node:
        case t.NumberLiteral() | t.MoneyLiteral():
            return pl.lit(_plain(node), dtype=NUMBER)
        case t.Arithmetic():
            return pl.map_batches(
                [_compile(node.left), _compile(node.right)],
                calculation(node.operator),
                return_dtype=NUMBER,
                is_elementwise=True,
            )
        case t.Negate():
            return pl.lit(0, dtype=NUMBER) - _compile(node.operand)
        case t.Length():
            return _counted(_compile(node.operand).str.len_chars())
        case t.CountOf():
            return _counted(pl.col(column_name(node.field)).list.len())
        case t.DaysBetween():
            return _counted(_days(node.end) - _days(node.start))


def _counted(count: pl.Expr) -> pl.Expr:
    return count.cast(NUMBER) * pl.lit(SCALE, dtype=NUMBER)


def _days(node: t.Node) -> pl.Expr:
    return _compile(node).to_physical().cast(NUMBER)


def _like(text: Any, node: t.Like) -> pl.Expr:
    found: pl.Expr
    match node.form:
        case "prefix":
            found = text.starts_with(pl.lit(node.text))
        case "suffix":
            found = text.ends_with(pl.lit(node.text))
        case "contains":
            found = text.contains(pl.lit(node.text), literal=True)
    return found


def _options(options: tuple[t.LiteralNode, ...]) -> pl.Expr:
    values = sorted({_plain(option) for option in options})
    return pl.lit(pl.Series(values, dtype=_literal_type(options[0]))).implode()


def _plain(node: t.LiteralNode) -> Any:
    match node:
        case t.NumberLiteral():
            return scaled(node.value)
        case t.MoneyLiteral():
            return scaled(node.amount)
        case _:
            return node.value


def _literal_type(node: t.LiteralNode) -> pl.DataType:
    match node:
        case t.NumberLiteral() | t.MoneyLiteral():
            return NUMBER
        case t.BooleanLiteral():
            return pl.Boolean()
        case t.DateLiteral():
            return pl.Date()
        case t.DatetimeLiteral():
            return MOMENT
        case _:
            return pl.String()
