"""The published typed tree of a rule, judged on one row: three-valued logic, exact decimals, one currency."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

Tree = dict[str, Any]
Value = Any
Values = Callable[[str], Value]
"""The stored value of a field by its name; None where there is none, or nobody can read it."""
Facts = Callable[[str, list[Any]], Value]

EXACT = Context(prec=120)
SIX = Decimal("0.000001")
LIMIT = Decimal(10) ** 18


def judge(tree: Tree, values: Values, facts: Facts) -> Value:
    """The answer of a tree: True, False or None for a condition."""
    match tree["node"]:
        case "and":
            answers = [judge(part, values, facts) for part in tree["operands"]]
            return False if False in answers else None if None in answers else True
        case "or":
            answers = [judge(part, values, facts) for part in tree["operands"]]
            return True if True in answers else None if None in answers else False
        case "coalesce":
            answers = [judge(part, values, facts) for part in tree["operands"]]
            return next((answer for answer in answers if answer is not None), None)
        case "field":
            return typed(values(tree["name"]), tree["type"], tree["currency"])
        case "fact":
            return facts(tree["name"], tree["arguments"])
        case "number":
            return Decimal(tree["value"])
        case "money":
            return Decimal(tree["amount"])
        case "text" | "boolean":
            return tree["value"]
        case "date":
            return date.fromisoformat(tree["value"])
        case "datetime":
            return datetime.fromisoformat(tree["value"])
        case "is_null":
            return judge(tree["operand"], values, facts) is None
        case "is_truth":
            return judge(tree["operand"], values, facts) is tree["truth"]
        case "between":
            operand, low, high = (judge(tree[part], values, facts) for part in ("operand", "low", "high"))
            sides = (compared("<=", low, operand), compared("<=", operand, high))
            return False if False in sides else None if None in sides else True
        case "compare":
            return compared(
                tree["operator"], judge(tree["left"], values, facts), judge(tree["right"], values, facts)
            )
        case "arithmetic":
            return calculated(
                tree["operator"], judge(tree["left"], values, facts), judge(tree["right"], values, facts)
            )
        case "days_between":
            start, end = judge(tree["start"], values, facts), judge(tree["end"], values, facts)
            return None if start is None or end is None else Decimal((end - start).days)
        case "contains" | "count_of":
            options = judge(tree["field"], values, facts)
            if options is None:
                return None
            return tree["option"] in options if tree["node"] == "contains" else Decimal(len(options))
    operand = judge(tree["operand"], values, facts)
    if operand is None:
        return None
    match tree["node"]:
        case "not":
            return not operand
        case "negate":
            return -operand
        case "in":
            return any(operand == judge(option, values, facts) for option in tree["options"])
        case "length":
            return Decimal(len(operand))
        case "like" if tree["form"] == "prefix":
            return operand.startswith(tree["text"])
        case "like" if tree["form"] == "suffix":
            return operand.endswith(tree["text"])
        case "like":
            return tree["text"] in operand
        case "matches":
            return re.search(tree["pattern"], operand) is not None
    raise AssertionError(f"there is no such node: {tree['node']}")


def compared(operator: str, left: Value, right: Value) -> bool | None:
    """Compare two values of one type; unknown when either is."""
    if left is None or right is None:
        return None
    answers = {
        "=": left == right, "<>": left != right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right,
    }  # fmt: skip
    return answers[operator]


def calculated(operator: str, left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """One operation, exact, then half-even at six places; unknown when it does not exist or is too large."""
    if left is None or right is None or (operator == "/" and right == 0):
        return None
    match operator:
        case "+":
            exact = EXACT.add(left, right)
        case "-":
            exact = EXACT.subtract(left, right)
        case "*":
            exact = EXACT.multiply(left, right)
        case _:
            exact = EXACT.divide(left, right)
    rounded = exact.quantize(SIX, ROUND_HALF_EVEN, EXACT)
    return rounded if abs(rounded) < LIMIT else None


def typed(value: object, kind: str, currency: str | None) -> Value:
    """A stored value as its type has it; of another type or another currency it is unknown."""
    match kind, value:
        case "number", str():
            return _decimal(value)
        case "money", {"amount": str() as amount, "currency": str() as of} if of == currency:
            return _decimal(amount)
        case "boolean", bool():
            return value
        case "date", str():
            return date.fromisoformat(value)
        case "datetime", str():
            return datetime.fromisoformat(value).astimezone(UTC)
        case "choices", list():
            return tuple(value)
        case (("text" | "choice" | "person" | "reference" | "phone" | "email"), str()):
            return value
    return None


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", text) else None


def parts(tree: Any) -> Iterator[Tree]:
    """Every node of a tree."""
    if isinstance(tree, dict):
        if "node" in tree:
            yield tree
        for part in tree.values():
            yield from parts(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from parts(part)


def fields_of(tree: Tree) -> set[str]:
    """The fields a rule reads."""
    return {part["name"] for part in parts(tree) if part["node"] == "field"}


def facts_of(tree: Tree) -> list[Tree]:
    """The facts a rule asks for."""
    return [part for part in parts(tree) if part["node"] == "fact"]
