"""Values for examples: made up, the same every time, and of the form each field asks for."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from domain.money import Money, minor_digits
from domain.playbook.model import FieldKind, FieldSpec, Kind
from domain.rules.arithmetic import number_text

PERSON = "per_example"
EXAMPLE_FILE = "The red stamp would be here.\n"
EXAMPLE_PLAYBOOK = """\
playbook: example
label: {zh: 示例, en: Example}
kinds:
  example_visit:
    label: {zh: 参观, en: Visit}
    collection: example_visits
    prefix: exv
    title: topic
    fields:
      topic: {type: text, personal: false, label: {zh: 主题, en: Topic}}
      guests: {type: number, label: {zh: 人数, en: Guests}}
    stages:
      planned: {label: {zh: 已计划, en: Planned}}
      done:
        label: {zh: 已完成, en: Done}
        outcome: won
        enter:
          conditions:
            somebody_came:
              rule: guests >= 1
              label: {zh: 至少一人到场, en: At least one guest came}
"""

EXAMPLE_REPLAY = "replay_example"


def example_id(kind: Kind) -> str:
    """Return the id of a kind's example."""
    return f"{kind.prefix}_example"


def in_ascii(name: str) -> str:
    """Spell a name where only ASCII may stand; the names of kinds may be letters of any script."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda found: f"u{ord(found[0]):04x}", name)


def example_value(spec: FieldSpec, there: Mapping[str, str]) -> Any:
    """Return a value for a field, None where there is none; `there` are the records examples may refer to, by kind."""
    match spec.type:
        case FieldKind.text:
            return spec.label.zh[: spec.max_length]
        case FieldKind.number:
            return number_text(_within(spec, Decimal(3)))
        case FieldKind.money:
            currency = spec.currency or "XXX"
            amount = _within(spec, Decimal(120_000)).quantize(Decimal(1).scaleb(-minor_digits(currency)))
            return {"amount": Money(amount, currency).text, "currency": currency}
        case FieldKind.date:
            return "2026-03-31"
        case FieldKind.datetime:
            return "2026-03-31T08:00:00+08:00"
        case FieldKind.boolean:
            return True
        case FieldKind.choice:
            return _chosen(spec)
        case FieldKind.person:
            return f"person/{PERSON}"
        case FieldKind.reference:
            return there.get(spec.to or "")
        case FieldKind.phone:
            return "+86 100 0000 0000"
        case FieldKind.email:
            return "name@example.com"
        case FieldKind.evidence:
            return None


def other_value(spec: FieldSpec) -> Any:
    """Return another value for a field that has its example already, None where none is thought of."""
    match spec.type:
        case FieldKind.text:
            return f"{spec.label.zh} 2"[: spec.max_length]
        case FieldKind.number:
            return number_text(_within(spec, Decimal(4)))
        case FieldKind.boolean:
            return False
        case FieldKind.date:
            return "2026-04-30"
        case FieldKind.choice if spec.choose is None and len(spec.options) > 1:
            return list(spec.options)[1]
        case _:
            return None


def kinds_in_order(kinds: Mapping[str, Kind]) -> Sequence[str]:
    """Return the names of kinds so that what others refer to comes first; in a circle, the order of the playbook stands."""
    done: dict[str, None] = {}

    def visit(name: str, on_the_way: frozenset[str]) -> None:
        if name in done or name in on_the_way or name not in kinds:
            return
        leads_to = [spec.to for spec in kinds[name].fields.values() if spec.to is not None]
        leads_to += [relation.to for relation in kinds[name].relations.values()]
        for other in leads_to:
            visit(other, on_the_way | {name})
        done[name] = None

    for name in kinds:
        visit(name, frozenset())
    return list(done)


def _within(spec: FieldSpec, wanted: Decimal) -> Decimal:
    least = spec.min if spec.min is not None else wanted
    most = spec.max if spec.max is not None else wanted
    return min(max(wanted, least), most)


def _chosen(spec: FieldSpec) -> Any:
    options = list(spec.options)
    if spec.choose is None or (spec.choose.at_most <= 1 and spec.choose.at_least <= 1):
        return options[0]
    return options[: max(spec.choose.at_least, 1)]
