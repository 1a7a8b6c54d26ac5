"""The parts of a rule that carry values: names, literals, and how the parts of one comparison agree on a type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from domain.naming import nearest
from domain.rules import nodes as t
from domain.rules import syntax as s
from domain.rules.arithmetic import LITERAL_LIMIT, PLACES, canonical, number_text
from domain.rules.facts import FACTS
from domain.rules.lexer import quote_name, quote_text
from domain.rules.problems import Problem
from domain.rules.types import LABELS, FieldType, ValueType, Vocabulary

_PHRASES: Final = {
    ValueType.text: "text",
    ValueType.number: "a number",
    ValueType.date: "a date",
    ValueType.datetime: "a date with time",
    ValueType.boolean: "true or false",
    ValueType.choice: "a choice",
    ValueType.choices: "a field with several choices",
    ValueType.person: "a person",
    ValueType.reference: "a reference",
    ValueType.phone: "a phone number",
    ValueType.email: "an e-mail address",
}
_MAX_SUGGESTIONS: Final = 20
_MAX_NAME: Final = 80
_MAX_DIGITS: Final = 40
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class Typed(NamedTuple):
    """A checked part of a rule and what it is."""

    tree: t.Node
    type: FieldType


class Scope:
    """A scope is the vocabulary a rule is checked against, and the problems found so far."""

    def __init__(self, vocabulary: Vocabulary, infer: Callable[[s.Node], Typed | None]) -> None:
        """Start without problems; `infer` checks any part and answers None when it found some."""
        self.vocabulary = vocabulary
        self.infer = infer
        self.problems: list[Problem] = []
        self._suggestions_left = _MAX_SUGGESTIONS

    def refuse(self, at: s.Position, reason: str, suggestion: str | None = None) -> None:
        """Note a problem."""
        self.problems.append(Problem(at.line, at.column, reason, suggestion))

    def nearest(self, name: str, known: Iterable[str]) -> str | None:
        """Find what was probably meant; only for the first few problems, for it is slow on purpose-made nonsense."""
        self._suggestions_left -= 1
        return nearest(name[:_MAX_NAME], known) if self._suggestions_left >= 0 else None

    def name(self, node: s.Name) -> Typed | None:
        """Look a name up among the fields."""
        found = self.vocabulary.fields.get(node.name)
        if found is None:
            meant = self._meant_by(node)
            told = f"There is no field {short(node.name)}."
            self.refuse(node.at, advised(told, meant, "A rule reads the fields of its own kind."), meant)
            return None
        return Typed(t.Field(node.name, found.type, found.currency), found)

    def _meant_by(self, node: s.Name) -> str | None:
        if node.name.lower() in FACTS and not node.quoted:
            arguments = FACTS[node.name.lower()].written
            return f"{node.name.lower()}({', '.join('…' for _ in arguments)})"
        if node.quoted and " " not in node.name:
            return quote_text(node.name)
        meant = self.nearest(node.name, self.vocabulary.fields)
        return None if meant is None else quote_name(meant)

    def number(self, node: s.Number) -> Decimal | None:
        """Read a number literal."""
        digits, _, decimals = node.text.lstrip("-").partition(".")
        if len(digits.lstrip("0")) > _MAX_DIGITS or Decimal(node.text).copy_abs() >= LITERAL_LIMIT:
            self.refuse(node.at, f"Numbers in a rule are smaller than {LITERAL_LIMIT:f}.")
        elif len(decimals.rstrip("0")) > PLACES:
            self.refuse(node.at, f"Numbers in a rule have at most {PLACES} decimal places.")
        else:
            return canonical(Decimal(node.text))
        return None

    def moment(self, node: s.Moment) -> Typed | None:
        """Read a DATE or a TIMESTAMP literal; a moment must say its offset and is kept in UTC."""
        try:
            if node.kind == "DATE" and _DATE.fullmatch(node.text):
                return Typed(t.DateLiteral(date.fromisoformat(node.text)), FieldType(ValueType.date))
            if node.kind == "TIMESTAMP" and _MOMENT.fullmatch(node.text):
                moment = datetime.fromisoformat(node.text).astimezone(UTC)
                return Typed(t.DatetimeLiteral(moment), FieldType(ValueType.datetime))
        except (ValueError, OverflowError):
            self.refuse(node.at, f"{short(node.text)} is not in the calendar.")
            return None
        if node.kind == "DATE":
            self.refuse(node.at, "A date is written year-month-day.", "DATE '2026-01-31'")
        else:
            self.refuse(
                node.at,
                "A moment is written with date, time and its offset from UTC.",
                "TIMESTAMP '2026-01-31T09:00:00+08:00'",
            )
        return None

    def agree(self, nodes: Sequence[s.Node]) -> tuple[list[t.Node], FieldType] | None:
        """Check parts that must be of one type; literals adapt to the first part that is not one."""
        return self.settle(nodes, [self.infer(node) for node in nodes])

    def settle(
        self, nodes: Sequence[s.Node], parts: Sequence[Typed | None]
    ) -> tuple[list[t.Node], FieldType] | None:
        """Do as `agree` does, for parts that were inferred already."""
        known = [(node, part) for node, part in zip(nodes, parts, strict=True) if part is not None]
        if len(known) < len(nodes):
            return None
        leader = next((it for it in known if not isinstance(it[0], s.Text | s.Number)), known[0])
        trees = [self._fit(node, part, leader) for node, part in known]
        found = [tree for tree in trees if tree is not None]
        return (found, leader[1].type) if len(found) == len(nodes) else None

    def _fit(self, node: s.Node, part: Typed, leader: tuple[s.Node, Typed]) -> t.Node | None:
        target = leader[1].type
        if part.type.type is ValueType.choices:
            field = describe(node, part.type)
            hint = (
                f"CONTAINS({quote_name(node.name)}, '…')"
                if isinstance(node, s.Name)
                else "CONTAINS(field, '…')"
            )
            self.refuse(node.at, f"{field}; ask CONTAINS or COUNT_OF of it.", hint)
        elif target.type is ValueType.choices:
            return None  # what it was to be compared with was refused already
        elif isinstance(node, s.Text) and target.type is ValueType.choice:
            return self.option(node, target.options)
        elif isinstance(node, s.Text) and target.type in LABELS:
            return t.TextLiteral(node.value, target.type)
        elif isinstance(part.tree, t.NumberLiteral) and isinstance(node, s.Number) and target.currency:
            return t.MoneyLiteral(part.tree.value, target.currency)
        elif (part.type.type, part.type.currency) != (target.type, target.currency):
            self.refuse(
                node.at,
                f"{describe(node, part.type)}, but {describe(leader[0], target)}; only values of one type go together.",
                _rewritten(part.tree, target),
            )
        elif target.type is ValueType.choice and not set(part.type.options) & set(target.options):
            self.refuse(node.at, "These two choices have no option in common, so they are never equal.")
        else:
            return part.tree
        return None

    def option(self, node: s.Text, options: Sequence[str]) -> t.TextLiteral | None:
        """Look a string up among the options of a choice."""
        if node.value in options:
            return t.TextLiteral(node.value, ValueType.choice)
        self.unknown(node, "option", options)
        return None

    def unknown(self, node: s.Text, what: str, known: Iterable[str]) -> None:
        """Refuse a string that should have been one of a closed set."""
        names = tuple(known)
        meant = self.nearest(node.value, names)
        listed = ", ".join(map(short, names[:8])) + (", …" if len(names) > 8 else "")
        among = f" It is one of {listed}." if names else ""
        self.refuse(
            node.at,
            f"There is no {what} {short(node.value)}.{among}",
            None if meant is None else quote_text(meant),
        )


def advised(reason: str, meant: str | None, advice: str) -> str:
    """Say what to do about a name that is not known, where no other one resembles it."""
    return reason if meant else f"{reason} {advice}"


def short(text: str) -> str:
    """Quote a name or a string for a sentence, cut where it would be too long to read."""
    return repr(text if len(text) <= _MAX_DIGITS else text[: _MAX_DIGITS - 1] + "…")


def phrase(type_: FieldType) -> str:
    """Say what a type is, so that a sentence can go on with it."""
    return f"money in {type_.currency}" if type_.type is ValueType.money else _PHRASES[type_.type]


def describe(node: s.Node, type_: FieldType) -> str:
    """Say what a part of a rule is, such as `amount is money in CNY`."""
    match node:
        case s.Name():
            subject = node.name
        case s.Text():
            subject = short(node.value)
        case s.Number():
            subject = node.text
        case s.Call():
            subject = node.name
        case _:
            subject = "this"
    return f"{subject} is {phrase(type_)}"


def _rewritten(tree: t.Node, target: FieldType) -> str | None:
    """Write a literal the way the other type would want it, where that is plain to see."""
    match tree, target.type:
        case t.TextLiteral(value=text), ValueType.date if _DATE.fullmatch(text):
            return f"DATE {quote_text(text)}"
        case t.TextLiteral(value=text), ValueType.datetime if _MOMENT.fullmatch(text):
            return f"TIMESTAMP {quote_text(text)}"
        case t.TextLiteral(value=text), ValueType.number | ValueType.money if re.fullmatch(
            r"-?[0-9]{1,15}(\.[0-9]{1,6})?", text
        ):
            return text
        case t.TextLiteral(value=text), ValueType.boolean if text.upper() in {"TRUE", "FALSE"}:
            return text.upper()
        case t.NumberLiteral(value=number), _ if target.type in LABELS:
            return quote_text(number_text(number))
        case t.DateLiteral(value=day), ValueType.datetime:
            return f"TIMESTAMP '{day.isoformat()}T00:00:00+00:00'"
        case _:
            return None
