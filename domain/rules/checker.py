"""Check a rule against the vocabulary of its playbook: syntax in, a typed tree or every problem out.

Types never convert into one another.
Only literals adapt to what stands beside them: a string becomes an option, a person or a phone number, and a number
beside money becomes an amount in that money's currency.
"""

from __future__ import annotations

from domain.rules import nodes as t
from domain.rules import syntax as s
from domain.rules.calls import check_call
from domain.rules.lexer import quote_name, quote_text
from domain.rules.patterns import MAX_WORK, work_of
from domain.rules.problems import RuleError
from domain.rules.types import ORDERED, WRITTEN, FieldType, ValueType, Vocabulary
from domain.rules.values import Scope, Typed, describe, phrase

_NUMBER = FieldType(ValueType.number)
_BOOLEAN = FieldType(ValueType.boolean)
_NUMERIC = frozenset({ValueType.number, ValueType.money})
_LITERALS = (s.Text, s.Number, s.Truth, s.Moment)


def check(node: s.Node, vocabulary: Vocabulary) -> t.Node:
    """Check a rule and answer its typed tree, which is true, false or unknown for every record.

    Raises `RuleError` with every problem, each at its line and column.
    """
    checker = _Checker(vocabulary)
    found = checker.condition(node)
    if found is None or checker.scope.problems:
        raise RuleError(checker.scope.problems)
    nodes, depth = t.size_of(found)
    if nodes > t.MAX_NODES:
        checker.scope.refuse(node.at, f"A rule has at most {t.MAX_NODES} parts, this one has {nodes}.")
    if depth > t.MAX_DEPTH:
        checker.scope.refuse(node.at, f"A rule is nested at most {t.MAX_DEPTH} deep, this one is {depth}.")
    work = sum(work_of(it.pattern) for it, _ in t.walk(found) if isinstance(it, t.Matches))
    if work > MAX_WORK:
        checker.scope.refuse(
            node.at, f"The patterns of a rule mean at most {MAX_WORK} places together, these mean {work:,}."
        )
    if checker.scope.problems:
        raise RuleError(checker.scope.problems)
    return found


class _Checker:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self.scope = Scope(vocabulary, self.infer)

    def infer(self, node: s.Node) -> Typed | None:
        """Check any part; None when it holds a problem, which was then noted."""
        match node:
            case s.Hole():
                return None
            case s.Name():
                return self.scope.name(node)
            case s.Text():
                return Typed(t.TextLiteral(node.value), FieldType(ValueType.text))
            case s.Number():
                number = self.scope.number(node)
                return None if number is None else Typed(t.NumberLiteral(number), _NUMBER)
            case s.Truth():
                return Typed(t.BooleanLiteral(node.value), _BOOLEAN)
            case s.Null():
                self.scope.refuse(node.at, "NULL is written only in IS NULL and IS NOT NULL.")
                return None
            case s.Moment():
                return self.scope.moment(node)
            case s.Call():
                return check_call(self.scope, node)
            case s.Arithmetic():
                return self._arithmetic(node)
            case s.Prefix(operator="-"):
                return self._negative(node)
            case _:
                tree = self._predicate(node)
                return None if tree is None else Typed(tree, _BOOLEAN)

    def condition(self, node: s.Node) -> t.Node | None:
        """Check a part that must be true or false."""
        part = self.infer(node)
        if part is None:
            return None
        if part.type.type is not ValueType.boolean:
            self.scope.refuse(node.at, f"A condition is needed here, but {describe(node, part.type)}.")
            return None
        return part.tree

    def _predicate(
        self, node: s.Prefix | s.Compare | s.Between | s.In | s.Like | s.Is | s.Logic
    ) -> t.Node | None:
        match node:
            case s.Logic():
                found = [self.condition(it) for it in node.operands]
                operands = tuple(it for it in found if it is not None)
                if len(operands) < len(found):
                    return None
                return t.And(operands) if node.operator == "AND" else t.Or(operands)
            case s.Prefix():
                operand = self.condition(node.operand)
                return None if operand is None else t.Not(operand)
            case s.Compare():
                return self._compare(node)
            case s.Between():
                agreed = self.scope.agree((node.operand, node.low, node.high))
                if agreed is None or not self._ordered(node.operand, agreed[1], "BETWEEN"):
                    return None
                return t.Between(*agreed[0])
            case s.In():
                return self._in(node)
            case s.Like():
                return self._like(node)
            case s.Is():
                return self._is(node)

    def _compare(self, node: s.Compare) -> t.Node | None:
        for null, other in ((node.right, node.left), (node.left, node.right)):
            if isinstance(null, s.Null):
                subject = f"{quote_name(other.name)} " if isinstance(other, s.Name) else ""
                wanted = "IS NOT NULL" if node.operator == "<>" else "IS NULL"
                self.infer(other)
                self.scope.refuse(
                    null.at, f"A comparison with NULL is never true; write {wanted}.", subject + wanted
                )
                return None
        agreed = self.scope.agree((node.left, node.right))
        if agreed is None:
            return None
        (left, right), type_ = agreed
        if node.operator not in {"=", "<>"} and not self._ordered(node.left, type_, node.operator):
            return None
        return t.Compare(node.operator, left, right)

    def _ordered(self, node: s.Node, type_: FieldType, operator: str) -> bool:
        if type_.type in ORDERED:
            return True
        self.scope.refuse(node.at, f"{operator} needs values with an order, and {phrase(type_)} has none.")
        return False

    def _in(self, node: s.In) -> t.Node | None:
        fine = True
        for option in node.options:
            if isinstance(option, s.Null):
                self.scope.refuse(
                    option.at, "NULL in a list is never found; ask IS NULL beside it.", "IS NULL"
                )
            elif not isinstance(option, (*_LITERALS, s.Hole)):
                self.scope.refuse(option.at, "A list after IN holds literal values only.")
            fine = fine and isinstance(option, _LITERALS)
        if not fine:
            self.infer(node.operand)
            return None
        agreed = self.scope.agree((node.operand, *node.options))
        if agreed is None:
            return None
        operand, *options = agreed[0]
        return t.In(operand, tuple(it for it in options if isinstance(it, t.LiteralNode)))

    def _like(self, node: s.Like) -> t.Node | None:
        part = self.infer(node.operand)
        if part is not None and part.type.type not in WRITTEN:
            hint = None
            if part.type.type is ValueType.choices and isinstance(node.operand, s.Name):
                hint = f"CONTAINS({quote_name(node.operand.name)}, '…')"
            self.scope.refuse(
                node.operand.at, f"LIKE compares text, but {describe(node.operand, part.type)}.", hint
            )
            part = None
        if not isinstance(node.pattern, s.Text):
            if not isinstance(node.pattern, s.Hole):
                self.scope.refuse(node.pattern.at, "The pattern after LIKE is written out, in single quotes.")
            return None
        pattern = node.pattern.value
        text = pattern.removeprefix("%").removesuffix("%")
        if not text or text == pattern or any(it in text for it in "%_\\"):
            self.scope.refuse(
                node.pattern.at,
                "A pattern is a text with % before it, behind it or both; % inside, _ and \\ are not part of it.",
                f"= {quote_text(pattern)}" if text and "%" not in pattern else None,
            )
            return None
        if part is None:
            return None
        both = pattern.startswith("%") and pattern.endswith("%")
        return t.Like(
            part.tree, "contains" if both else "suffix" if pattern.startswith("%") else "prefix", text
        )

    def _is(self, node: s.Is) -> t.Node | None:
        match node.word:
            case s.Null():
                part = self.infer(node.operand)
                return None if part is None else t.IsNull(part.tree)
            case s.Truth(value=truth):
                operand = self.condition(node.operand)
                return None if operand is None else t.IsTruth(operand, truth)
            case s.Hole():
                self.infer(node.operand)
                return None
            case _:
                self.infer(node.operand)
                self.scope.refuse(node.word.at, "Only NULL, TRUE or FALSE follows IS.", "=")
                return None

    def _negative(self, node: s.Prefix) -> Typed | None:
        part = self.infer(node.operand)
        if part is None:
            return None
        if part.type.type not in _NUMERIC:
            self.scope.refuse(
                node.at, f"A minus sign needs a number or money, but {describe(node.operand, part.type)}."
            )
            return None
        return Typed(t.Negate(part.tree), part.type)

    def _arithmetic(self, node: s.Arithmetic) -> Typed | None:
        left, right = self.infer(node.left), self.infer(node.right)
        if left is None or right is None:
            return None
        for operand, part in ((node.left, left), (node.right, right)):
            if part.type.type not in _NUMERIC:
                dates = {left.type.type, right.type.type} == {ValueType.date} and node.operator == "-"
                hint = "DAYS_BETWEEN(earlier, later)" if dates else None
                self.scope.refuse(
                    operand.at,
                    f"{node.operator} calculates with numbers and money, but {describe(operand, part.type)}.",
                    hint,
                )
                return None
        if node.operator in {"+", "-"}:
            agreed = self.scope.settle((node.left, node.right), (left, right))
            return Typed(t.Arithmetic(node.operator, *agreed[0]), agreed[1]) if agreed else None
        result = _product(left.type, right.type) if node.operator == "*" else _quotient(left.type, right.type)
        if result is None:
            self.scope.refuse(
                node.right.at,
                f"{describe(node.left, left.type)} and {describe(node.right, right.type)}; "
                f"{node.operator} between them means nothing.",
            )
            return None
        return Typed(t.Arithmetic(node.operator, left.tree, right.tree), result)


def _product(left: FieldType, right: FieldType) -> FieldType | None:
    if left.currency and right.currency:
        return None
    return left if left.currency else right


def _quotient(left: FieldType, right: FieldType) -> FieldType | None:
    if right.currency is None:
        return left
    return _NUMBER if left.currency == right.currency else None
