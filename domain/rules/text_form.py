"""Write a typed tree back as readable SQL; parsing the text again gives the same tree."""

from __future__ import annotations

from typing import Final

from domain.rules import nodes as t
from domain.rules.arithmetic import number_text
from domain.rules.facts import FACTS
from domain.rules.lexer import quote_name, quote_text

_OR, _AND, _NOT, _PREDICATE, _SUM, _PRODUCT, _SIGN, _ATOM = range(1, 9)
"""How tightly a node holds its parts together; a part that holds less tightly gets parentheses."""

_ARITHMETIC: Final = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}


def to_text(tree: t.Node) -> str:
    """Write the rule as SQL, with no more parentheses than a careful reader would want."""
    return _write(tree)[0]


def _write(node: t.Node) -> tuple[str, int]:
    match node:
        case t.And():
            return " AND ".join(_inside(it, _NOT) for it in node.operands), _AND
        case t.Or():
            return " OR ".join(_inside(it, _NOT) for it in node.operands), _OR
        case t.Not(operand=operand):
            if isinstance(operand, t.In | t.Between | t.Like | t.IsNull | t.IsTruth):
                return _predicate(operand, "NOT "), _PREDICATE
            return f"NOT {_inside(operand, _ATOM)}", _NOT
        case t.Compare():
            left, right = _inside(node.left, _SUM), _inside(node.right, _SUM)
            return f"{left} {node.operator} {right}", _PREDICATE
        case t.In() | t.Between() | t.Like() | t.IsNull() | t.IsTruth():
            return _predicate(node, ""), _PREDICATE
        case t.Arithmetic():
            level = _ARITHMETIC[node.operator]
            return f"{_inside(node.left, level)} {node.operator} {_inside(node.right, level + 1)}", level
        case t.Negate():
            return f"-{_operand_of_minus(node.operand)}", _SIGN
        case _:
            return _atom(node), _ATOM


def _inside(node: t.Node, level: int) -> str:
    text, own = _write(node)
    return text if own >= level else f"({text})"


def _operand_of_minus(node: t.Node) -> str:
    # A minus before digits is the sign of the number, so a number that is negated stands in parentheses.
    return f"({_atom(node)})" if isinstance(node, t.NumberLiteral) else _inside(node, _ATOM)


def _predicate(node: t.In | t.Between | t.Like | t.IsNull | t.IsTruth, negation: str) -> str:
    operand = _inside(node.operand, _SUM)
    match node:
        case t.In():
            return f"{operand} {negation}IN ({', '.join(map(_atom, node.options))})"
        case t.Between():
            return f"{operand} {negation}BETWEEN {_inside(node.low, _SUM)} AND {_inside(node.high, _SUM)}"
        case t.Like():
            before = "" if node.form == "prefix" else "%"
            after = "" if node.form == "suffix" else "%"
            return f"{operand} {negation}LIKE {quote_text(before + node.text + after)}"
        case t.IsNull():
            return f"{operand} IS {negation}NULL"
        case t.IsTruth():
            return f"{operand} IS {negation}{_truth(node.truth)}"


def _truth(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _call(name: str, *arguments: str) -> str:
    return f"{name}({', '.join(arguments)})"


def _atom(node: t.Node) -> str:
    match node:
        case t.TextLiteral():
            return quote_text(node.value)
        case t.NumberLiteral():
            return number_text(node.value)
        case t.MoneyLiteral():
            return number_text(node.amount)
        case t.BooleanLiteral():
            return _truth(node.value)
        case t.DateLiteral():
            return f"DATE '{node.value.isoformat()}'"
        case t.DatetimeLiteral():
            return f"TIMESTAMP '{node.value.isoformat()}'"
        case t.Field():
            return quote_name(node.name)
        case t.Fact():
            written = node.arguments[: len(FACTS[node.name].written)]
            arguments = (quote_text(it) if isinstance(it, str) else str(it) for it in written)
            return _call(node.name, *arguments)
        case t.Coalesce():
            return _call("COALESCE", *map(to_text, node.operands))
        case t.Length():
            return _call("LENGTH", to_text(node.operand))
        case t.Matches():
            return _call("MATCHES", to_text(node.operand), quote_text(node.pattern))
        case t.Contains():
            return _call("CONTAINS", quote_name(node.field.name), quote_text(node.option))
        case t.CountOf():
            return _call("COUNT_OF", quote_name(node.field.name))
        case t.DaysBetween():
            return _call("DAYS_BETWEEN", to_text(node.start), to_text(node.end))
        case _:
            raise TypeError(
                f"{type(node).__name__} is not an atom"
            )  # pragma: no cover - _write covers the rest
