"""JSON Schema of the fields of a kind: what may be sent for each, with its labels in both languages."""

from collections.abc import Mapping
from typing import Any

from domain.labels import Label
from domain.money import minor_digits
from domain.playbook.model import FieldKind, FieldSpec, Kind
from domain.values import MAX_TEXT

_DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$"


def fields_schema(kind: Kind) -> dict[str, Any]:
    """Return the schema of `fields`: every field that can be edited; null clears one. Evidence is attached, never edited."""
    return {
        "type": "object",
        "additionalProperties": any("." in entry for form in kind.forms.values() for entry in form.fields),
        "properties": {
            name: field_schema(spec)
            for name, spec in kind.fields.items()
            if spec.type is not FieldKind.evidence
        },
    }


def field_schema(spec: FieldSpec) -> dict[str, Any]:
    """Return the schema of one field."""
    schema = _type_of(spec)
    if spec.max_length is not None and "maxLength" in schema:
        schema["maxLength"] = spec.max_length
    told = [both(spec.label)]
    told += [both(text) for text in (spec.why, spec.hint, spec.pattern_why) if text is not None]
    if spec.type is FieldKind.choice:
        told.append("; ".join(f"{name}: {both(label)}" for name, label in spec.options.items()))
    told += [f"at least {spec.min}"] if spec.min is not None else []
    told += [f"at most {spec.max}"] if spec.max is not None else []
    schema["description"] = ". ".join(told)
    if spec.is_personal:
        schema["x-personal"] = True
    return schema


def both(label: Label) -> str:
    """Spell a label in both languages."""
    return f"{label.zh} / {label.en}"


def _type_of(spec: FieldSpec) -> dict[str, Any]:
    match spec.type:
        case FieldKind.number:
            return {"type": ["string", "integer", "null"], "pattern": _DECIMAL}
        case FieldKind.money:
            return _money(spec.currency or "")
        case FieldKind.date:
            return {"type": ["string", "null"], "format": "date"}
        case FieldKind.datetime:
            return {"type": ["string", "null"], "format": "date-time"}
        case FieldKind.boolean:
            return {"type": ["boolean", "null"]}
        case FieldKind.choice:
            return _choice(spec)
        case FieldKind.person:
            return {"type": ["string", "null"], "pattern": "^person/"}
        case FieldKind.reference:
            return {"type": ["string", "null"], "pattern": f"^{spec.to}/"}
        case FieldKind.email:
            return {"type": ["string", "null"], "format": "email", "maxLength": 254}
        case FieldKind.phone:
            return {"type": ["string", "null"], "maxLength": 40}
        case _:
            return {"type": ["string", "null"], "maxLength": MAX_TEXT}


def _money(currency: str) -> dict[str, Any]:
    digits = minor_digits(currency)
    amount = r"^[+-]?[0-9]+$" if not digits else rf"^[+-]?[0-9]+(\.[0-9]{{1,{digits}}})?$"
    whole: Mapping[str, Any] = {
        "type": "object",
        "required": ["amount", "currency"],
        "additionalProperties": False,
        "properties": {
            "amount": {"type": ["string", "integer"], "pattern": amount},
            "currency": {"const": currency},
        },
    }
    return {"anyOf": [whole, {"type": ["string", "integer", "null"], "pattern": amount}]}


def _choice(spec: FieldSpec) -> dict[str, Any]:
    if spec.choose is None or (spec.choose.at_most <= 1 and spec.choose.at_least <= 1):
        return {"enum": [*spec.options, None]}
    return {
        "type": ["array", "null"],
        "items": {"enum": list(spec.options)},
        "uniqueItems": True,
        "minItems": spec.choose.at_least,
        "maxItems": spec.choose.at_most,
    }
