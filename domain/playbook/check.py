"""What can be wrong with a playbook although each part of it is well-formed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.naming import nearest
from domain.playbook.model import Condition, FieldKind, Gate, Kind, Playbook
from domain.rules.tree import Rule
from domain.rules.types import Vocabulary

Place = tuple[str, ...]
"""Where in the document: the names that lead there, for example ("kinds", "opportunity", "title")."""

RULES_ARE_TEXT_OF = "rule"

RESERVED_KINDS = frozenset({"erasures", "log", "organisation", "person", "playbooks", "refusals"})
"""Streams begin with the name of a kind, and these begin the names of other streams and of people."""


@dataclass(frozen=True, slots=True)
class PlaybookProblem:
    """One thing wrong with a playbook. `line` and `column` (from 1) lie inside the value at `place`; 0 means the value itself."""

    place: Place
    message: str
    suggestion: str | None = None
    line: int = 0
    column: int = 0


class RuleReader(Protocol):
    """Turns the text of a rule into its typed tree, or tells everything wrong with it."""

    def __call__(self, text: str, vocabulary: Vocabulary, place: Place) -> Rule | list[PlaybookProblem]:
        """Read one rule."""


def vocabulary_of(kind: Kind) -> Vocabulary:
    """Return what rules of a kind may speak of: its fields, evidence, touches and stages."""
    fields = {name: spec.value_type for name, spec in kind.fields.items()}
    return Vocabulary(
        fields={name: value_type for name, value_type in fields.items() if value_type is not None},
        evidence_types=kind.evidence_fields,
        touch_kinds=tuple(kind.touches),
        stages=tuple(kind.stages),
    )


def rule_place(kind: str, stage: str, side: str, condition: str) -> str:
    """Name the place of a gate's rule, the key under which its typed tree is published."""
    return f"{kind}/{stage}/{side}/{condition}"


def check(playbook: Playbook, read_rule: RuleReader) -> tuple[dict[str, Rule], list[PlaybookProblem]]:
    """Check a whole playbook; return its rules by place, and everything that is wrong, all at once."""
    rules: dict[str, Rule] = {}
    problems = list(_whole(playbook))
    for name, kind in playbook.kinds.items():
        problems += _kind(playbook, name, kind)
        vocabulary = vocabulary_of(kind)
        for stage_name, stage in kind.stages.items():
            for side, gate in (("enter", stage.enter), ("leave", stage.leave)):
                place: Place = ("kinds", name, "stages", stage_name, side)
                problems += _gate(kind, gate, place)
                for condition_name, condition in gate.conditions.items():
                    found = read_rule(
                        condition.rule, vocabulary, (*place, "conditions", condition_name, RULES_ARE_TEXT_OF)
                    )
                    if isinstance(found, list):
                        problems += found
                    else:
                        rules[rule_place(name, stage_name, side, condition_name)] = found
    return rules, problems


def _whole(playbook: Playbook) -> Iterator[PlaybookProblem]:
    try:
        ZoneInfo(playbook.time_zone)
    except (KeyError, ValueError, OSError):
        yield PlaybookProblem(
            ("time_zone",), f"there is no time zone {playbook.time_zone!r}; write one as Asia/Shanghai"
        )
    for member in ("collection", "prefix"):
        seen: dict[str, str] = {}
        for name, kind in playbook.kinds.items():
            value = str(getattr(kind, member))
            if value in seen:
                yield PlaybookProblem(
                    ("kinds", name, member), f"the {member} {value!r} is already that of {seen[value]!r}"
                )
            seen.setdefault(value, name)


def _kind(playbook: Playbook, name: str, kind: Kind) -> Iterator[PlaybookProblem]:
    here: Place = ("kinds", name)
    if name in RESERVED_KINDS:
        yield PlaybookProblem(here, f"the name {name!r} is taken by dealtrail itself; choose another one")
    yield from _ambiguous_conditions(kind, here)
    if kind.title is not None:
        yield from _known(kind.title, kind.fields, "field", (*here, "title"))
    if kind.worth is not None:
        yield from _known(kind.worth, kind.fields, "field", (*here, "worth"))
        if kind.worth in kind.fields and kind.fields[kind.worth].type is not FieldKind.money:
            yield PlaybookProblem(
                (*here, "worth"), f"{kind.worth!r} is not a money field; boards add up money"
            )
    if kind.subject != "self":
        yield from _known(kind.subject, kind.fields, "field", (*here, "subject"))
        spec = kind.fields.get(kind.subject)
        if spec is not None and spec.type is not FieldKind.reference:
            yield PlaybookProblem(
                (*here, "subject"),
                f"the subject must be 'self' or a reference field; {kind.subject!r} is a {spec.type} field",
            )
    for index, stage in enumerate(kind.opens_in):
        yield from _known(stage, kind.stages, "stage", (*here, "opens_in", str(index)))
    if kind.stages and not kind.open_stages:
        yield PlaybookProblem(
            (*here, "stages"), "every stage ends the path; at least one must have the outcome 'open'"
        )
    for relation_name, relation in kind.relations.items():
        yield from _known(relation.to, playbook.kinds, "kind", (*here, "relations", relation_name, "to"))
    for field_name, field in kind.fields.items():
        place = (*here, "fields", field_name)
        if field.type is FieldKind.choice and not field.options:
            yield PlaybookProblem(place, "a choice needs its options")
        if field.type is not FieldKind.choice and (field.options or field.choose):
            yield PlaybookProblem(
                place, f"'options' and 'choose' belong to a choice, not to a {field.type} field"
            )
        if field.choose and (
            field.choose.at_least > field.choose.at_most or field.choose.at_most > len(field.options)
        ):
            yield PlaybookProblem(
                (*place, "choose"),
                f"nobody can choose {field.choose.at_least} to {field.choose.at_most} of {len(field.options)} options",
            )
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
            yield from _known(field.to, playbook.kinds, "kind", (*place, "to"))
        if field.valid_days is not None and field.type is not FieldKind.evidence:
            yield PlaybookProblem((*place, "valid_days"), "only evidence has 'valid_days'")
        if field.personal and field.type in {FieldKind.evidence, FieldKind.reference, FieldKind.person}:
            yield PlaybookProblem(
                (*place, "personal"), f"a {field.type} field holds an id, never personal data"
            )


def _ambiguous_conditions(kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """A condition is refused, waived and replayed by its name, so one name asks one thing in all gates of a kind."""
    seen: dict[str, Condition] = {}
    for stage_name, stage in kind.stages.items():
        for side, gate in (("enter", stage.enter), ("leave", stage.leave)):
            for name, condition in gate.conditions.items():
                if seen.setdefault(name, condition) != condition:
                    place = (*here, "stages", stage_name, side, "conditions", name)
                    yield PlaybookProblem(
                        place,
                        f"another gate has a condition {name!r} that asks something else; give this one a name of its own",
                    )


def _gate(kind: Kind, gate: Gate, place: Place) -> Iterator[PlaybookProblem]:
    for index, name in enumerate(gate.fields):
        yield from _known(name, kind.fields, "field", (*place, "fields", str(index)))
        if name in kind.evidence_fields:
            yield PlaybookProblem(
                (*place, "fields", str(index)), f"{name!r} is evidence; list it under 'evidence'"
            )
    for index, name in enumerate(gate.evidence):
        yield from _known(name, kind.evidence_fields, "evidence field", (*place, "evidence", str(index)))


def _known(
    name: str, valid: Iterable[str] | Mapping[str, object], what: str, place: Place
) -> Iterator[PlaybookProblem]:
    names = tuple(valid)
    if name not in names:
        yield PlaybookProblem(place, f"there is no {what} {name!r}", nearest(name, names))
