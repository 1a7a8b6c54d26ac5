"""The functions and facts a rule may call: how many arguments each takes, and of which type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from domain.rules import nodes as t
from domain.rules import syntax as s
from domain.rules.facts import ANY_TOUCH, FACTS, MAX_DAYS, ArgumentKind, FactEntry
from domain.rules.outcomes import spelled_type
from domain.rules.patterns import PatternRefused, work_of
from domain.rules.types import WRITTEN, FieldType, ValueType, Vocabulary
from domain.rules.values import Scope, Typed, advised, describe, short

_NUMBER = FieldType(ValueType.number)
_BOOLEAN = FieldType(ValueType.boolean)


def check_call(scope: Scope, node: s.Call) -> Typed | None:
    """Check a call of a function or a fact; names are not case sensitive, as in SQL."""
    if fact := FACTS.get(node.name.lower()):
        return _fact(scope, node, fact)
    if check := FUNCTIONS.get(node.name.upper()):
        return check(scope, node)
    meant = scope.nearest(node.name, (*FACTS, *FUNCTIONS))
    told = f"There is no function {short(node.name)}."
    scope.refuse(node.at, advised(told, meant, "The reference of rules lists all there are."), meant)
    for argument in node.arguments:
        scope.infer(argument)
    return None


def _count_fits(scope: Scope, node: s.Call, name: str, wanted: int, what: str) -> bool:
    if len(node.arguments) == wanted:
        return True
    scope.refuse(node.at, f"{name} takes {what}, not {len(node.arguments)} arguments.")
    return False


def _fact(scope: Scope, node: s.Call, fact: FactEntry) -> Typed | None:
    what = " and ".join(_ARGUMENTS[kind] for kind in fact.written) or "no arguments"
    if not _count_fits(scope, node, fact.name, len(fact.written), what):
        return None
    if fact.result is None:
        return _of_form(scope, fact, *node.arguments)
    values = [
        _argument(scope, kind, argument)
        for kind, argument in zip(fact.arguments, node.arguments, strict=True)
    ]
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    options = scope.vocabulary.stages if fact.result is ValueType.choice else ()
    return Typed(t.Fact(fact.name, tuple(known)), FieldType(fact.result, options))


def _of_form(scope: Scope, fact: FactEntry, work: s.Node, field: s.Node) -> Typed | None:
    """Check a fact whose answer has the type of a field of a form."""
    template = _argument(scope, ArgumentKind.work_template, work)
    if isinstance(field, s.Hole):
        return None
    if not isinstance(field, s.Text):
        named = _ARGUMENTS[ArgumentKind.form_field].capitalize()
        scope.refuse(field.at, f"{named} is written out, in single quotes.")
        return None
    if template is None:
        return None
    form = scope.vocabulary.forms.get(str(template), {})
    found = form.get(field.value)
    if found is None:
        scope.unknown(field, f"field that rules may read in the form of {short(str(template))}:", form)
        return None
    return Typed(t.Fact(fact.name, (template, field.value, spelled_type(found))), found)


def _argument(scope: Scope, kind: ArgumentKind, node: s.Node) -> str | int | None:
    if isinstance(node, s.Hole):
        return None
    if kind is ArgumentKind.days:
        if isinstance(node, s.Number) and node.text.isdecimal() and len(node.text) <= 4:
            days = int(node.text)
            if 1 <= days <= MAX_DAYS:
                return days
        scope.refuse(node.at, f"A number of days is written out, from 1 to {MAX_DAYS}.")
        return None
    if not isinstance(node, s.Text):
        scope.refuse(node.at, f"{_ARGUMENTS[kind].capitalize()} is written out, in single quotes.")
        return None
    known, what = _known(scope.vocabulary, kind)
    if node.value in known:
        return node.value
    scope.unknown(node, what, known)
    return None


def _known(vocabulary: Vocabulary, kind: ArgumentKind) -> tuple[tuple[str, ...], str]:
    """The names an argument may be, and what they are names of."""
    match kind:
        case ArgumentKind.evidence_type:
            return vocabulary.evidence_types, "evidence type"
        case ArgumentKind.work_template:
            return vocabulary.work_templates, "work template"
        case ArgumentKind.approval_chain:
            return vocabulary.approval_chains, "chain of approval"
        case _:
            return (ANY_TOUCH, *vocabulary.touch_kinds), "kind of touch"


_ARGUMENTS: Final = {
    ArgumentKind.evidence_type: "an evidence type",
    ArgumentKind.touch_kind: "a kind of touch",
    ArgumentKind.days: "a number of days",
    ArgumentKind.work_template: "a work template",
    ArgumentKind.approval_chain: "a chain of approval",
    ArgumentKind.form_field: "a field of its form",
}


def _coalesce(scope: Scope, node: s.Call) -> Typed | None:
    if len(node.arguments) < 2:
        scope.refuse(node.at, "COALESCE takes two or more values of one type.")
        return None
    agreed = scope.agree(node.arguments)
    return Typed(t.Coalesce(tuple(agreed[0])), agreed[1]) if agreed else None


def _length(scope: Scope, node: s.Call) -> Typed | None:
    if not _count_fits(scope, node, "LENGTH", 1, "one text"):
        return None
    part = scope.infer(node.arguments[0])
    if part is None:
        return None
    if part.type.type not in WRITTEN:
        scope.refuse(
            node.arguments[0].at, f"LENGTH takes text, but {describe(node.arguments[0], part.type)}."
        )
        return None
    return Typed(t.Length(part.tree), _NUMBER)


def _matches(scope: Scope, node: s.Call) -> Typed | None:
    if not _count_fits(scope, node, "MATCHES", 2, "a text and a pattern"):
        return None
    operand, pattern = node.arguments
    part = scope.infer(operand)
    if part is not None and part.type.type not in WRITTEN:
        scope.refuse(operand.at, f"MATCHES takes text, but {describe(operand, part.type)}.")
        part = None
    if not isinstance(pattern, s.Text):
        if not isinstance(pattern, s.Hole):
            scope.refuse(pattern.at, "A pattern is written out, in single quotes.")
        return None
    try:
        work_of(pattern.value)
    except PatternRefused as refused:
        before = pattern.value[: refused.offset]
        # A quote inside the string is written twice.
        column = pattern.at.column + 1 + len(before) + before.count("'")
        scope.refuse(s.Position(pattern.at.line, column), refused.reason, refused.suggestion)
        return None
    return None if part is None else Typed(t.Matches(part.tree, pattern.value), _BOOLEAN)


def _contains(scope: Scope, node: s.Call) -> Typed | None:
    if not _count_fits(scope, node, "CONTAINS", 2, "a field with several choices and one of its options"):
        return None
    field = _choices(scope, "CONTAINS", node.arguments[0])
    option = node.arguments[1]
    if not isinstance(option, s.Text):
        if not isinstance(option, s.Hole):
            scope.refuse(option.at, "An option is written out, in single quotes.")
        return None
    if field is None:
        return None
    literal = scope.option(option, field[1].options)
    return None if literal is None else Typed(t.Contains(field[0], literal.value), _BOOLEAN)


def _count_of(scope: Scope, node: s.Call) -> Typed | None:
    if not _count_fits(scope, node, "COUNT_OF", 1, "a field with several choices"):
        return None
    field = _choices(scope, "COUNT_OF", node.arguments[0])
    return None if field is None else Typed(t.CountOf(field[0]), _NUMBER)


def _choices(scope: Scope, function: str, node: s.Node) -> tuple[t.Field, FieldType] | None:
    part = scope.infer(node)
    if part is None:
        return None
    if not isinstance(part.tree, t.Field) or part.type.type is not ValueType.choices:
        hint = "LIKE '%…%'" if function == "CONTAINS" and part.type.type in WRITTEN else None
        scope.refuse(
            node.at, f"{function} takes a field with several choices, but {describe(node, part.type)}.", hint
        )
        return None
    return part.tree, part.type


def _days_between(scope: Scope, node: s.Call) -> Typed | None:
    if not _count_fits(scope, node, "DAYS_BETWEEN", 2, "two dates"):
        return None
    parts = [(argument, scope.infer(argument)) for argument in node.arguments]
    trees = []
    for argument, part in parts:
        if part is not None and part.type.type is ValueType.date:
            trees.append(part.tree)
        elif part is not None:
            scope.refuse(argument.at, f"DAYS_BETWEEN takes two dates, but {describe(argument, part.type)}.")
    return Typed(t.DaysBetween(trees[0], trees[1]), _NUMBER) if len(trees) == len(parts) else None


FUNCTIONS: Final[Mapping[str, Callable[[Scope, s.Call], Typed | None]]] = MappingProxyType(
    {
        "COALESCE": _coalesce,
        "LENGTH": _length,
        "MATCHES": _matches,
        "CONTAINS": _contains,
        "COUNT_OF": _count_of,
        "DAYS_BETWEEN": _days_between,
    }
)
"""The functions of the rule language."""
