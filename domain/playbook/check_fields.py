"""What can be wrong with the fields of a kind: members of another type, bounds nothing can meet, lookups that lead nowhere."""

from collections.abc import Iterator

from domain.naming import a
from domain.playbook.formats import refuse_pattern
from domain.playbook.model import FieldKind, FieldSpec, Playbook
from domain.playbook.problems import Place, PlaybookProblem, known, named_once
from domain.rules.patterns import PatternRefused
from domain.rules.types import WRITTEN

_WRITTEN = frozenset(FieldKind(kind.value) for kind in WRITTEN)
_COUNTED = frozenset({FieldKind.number, FieldKind.money})
_LOOKED_UP = _WRITTEN | {FieldKind.number}


def field_problems(playbook: Playbook, field: FieldSpec, place: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with one field."""
    yield from _choice(field, place)
    if (field.type is FieldKind.money) != (field.currency is not None):
        yield PlaybookProblem(
            place,
            "money needs its currency, as currency: CNY"
            if field.type is FieldKind.money
            else "only money has a currency",
        )
    if (field.type is FieldKind.reference) != (field.to is not None):
        yield PlaybookProblem(
            place,
            "a reference needs 'to', the kind it leads to"
            if field.type is FieldKind.reference
            else "only a reference has 'to'",
        )
    if field.to is not None:
        yield from known(field.to, playbook.kinds, "kind", (*place, "to"))
    if field.valid_days is not None and field.type is not FieldKind.evidence:
        yield PlaybookProblem((*place, "valid_days"), "only evidence has 'valid_days'")
    if field.personal and field.type in {FieldKind.evidence, FieldKind.reference, FieldKind.person}:
        yield PlaybookProblem((*place, "personal"), f"{a(field.type)} field holds an id, never personal data")
    yield from _format(field, place)
    yield from _lookup(playbook, field, (*place, "lookup"))


def _choice(field: FieldSpec, place: Place) -> Iterator[PlaybookProblem]:
    if field.type is FieldKind.choice and not field.options:
        yield PlaybookProblem(place, "a choice needs its options")
    if field.type is not FieldKind.choice and (field.options or field.choose):
        yield PlaybookProblem(
            place, f"'options' and 'choose' belong to a choice, not to {a(field.type)} field"
        )
    if field.choose and (
        field.choose.at_least > field.choose.at_most or field.choose.at_most > len(field.options)
    ):
        yield PlaybookProblem(
            (*place, "choose"),
            f"nobody can choose {field.choose.at_least} to {field.choose.at_most} of {len(field.options)} options",
        )


def _format(field: FieldSpec, place: Place) -> Iterator[PlaybookProblem]:
    for member, kinds, whose in (
        ("pattern", _WRITTEN, "text, phone and e-mail"),
        ("max_length", _WRITTEN, "text, phone and e-mail"),
        ("min", _COUNTED, "numbers and money"),
        ("max", _COUNTED, "numbers and money"),
    ):
        if getattr(field, member) is not None and field.type not in kinds:
            yield PlaybookProblem(
                (*place, member), f"{member!r} belongs to {whose}, not to {a(field.type)} field"
            )
    if field.pattern is not None:
        try:
            refuse_pattern(field.pattern)
        except PatternRefused as refused:
            yield PlaybookProblem(
                (*place, "pattern"), refused.reason, refused.suggestion, line=1, column=refused.offset + 1
            )
    elif field.pattern_why is not None:
        yield PlaybookProblem((*place, "pattern_why"), "'pattern_why' explains a 'pattern'; there is none")
    if field.min is not None and field.max is not None and field.min > field.max:
        yield PlaybookProblem((*place, "min"), f"no value is at least {field.min} and at most {field.max}")


def _lookup(playbook: Playbook, field: FieldSpec, place: Place) -> Iterator[PlaybookProblem]:
    lookup = field.lookup
    if lookup is None:
        return
    if field.type not in _LOOKED_UP:
        yield PlaybookProblem(
            place, f"{a(field.type)} field is not looked up; text, phone, e-mail and numbers are"
        )
    yield from known(lookup.kind, playbook.kinds, "kind", (*place, "kind"))
    kind = playbook.kinds.get(lookup.kind)
    if kind is None:
        return
    yield from known(lookup.by, kind.fields, "field", (*place, "by"))
    by = kind.fields.get(lookup.by)
    if by is not None and by.type is not field.type:
        yield PlaybookProblem(
            (*place, "by"), f"{lookup.by!r} is {a(by.type)} field; {a(field.type)} field is never the same"
        )
    yield from named_once(lookup.show, (*place, "show"))
    for index, name in enumerate(lookup.show):
        yield from known(name, kind.fields, "field", (*place, "show", str(index)))
        if name in kind.evidence_fields:
            yield PlaybookProblem(
                (*place, "show", str(index)), f"{name!r} is evidence, which has no value to show"
            )
