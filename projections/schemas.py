"""What records of a kind look like, as JSON Schema 2020-12, and the way they take: stages, gates, moves, forms."""

from collections.abc import Mapping
from typing import Any

from domain.labels import Label
from domain.naming import nearest
from domain.playbook.model import FieldKind, FieldSpec, Form, Gate, Kind
from domain.playbook.published import PublishedPlaybook
from domain.refusals import NotFound
from domain.values import DECIMAL_PLACES, MAX_TEXT
from projections.as_of import Horizon
from projections.footing import NOW, Footing, whole_kind
from projections.lens import Visible

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DECIMAL = rf"^[+-]?[0-9]+(\.[0-9]{{1,{DECIMAL_PLACES}}})?$"


def schemas(footing: Footing, horizon: Horizon = NOW) -> Visible:
    """Show which kinds of record there are, with their collections and the playbooks they follow."""
    bounded = footing.bounded(horizon)
    known = footing.playbooks(bounded)
    lens = footing.lens(bounded)
    items = [
        lens.figures(
            kind=kind,
            label=playbook.kind(kind).label.model_dump(),
            collection=playbook.kind(kind).collection,
            playbook=playbook.name,
            playbook_version=playbook.number,
            schema=f"/v1/schemas/{kind}",
        )
        for kind, playbook in known.by_kind.items()
    ]
    return lens.page(items, next=None, **footing.about(bounded))


def schema(footing: Footing, kind: str, horizon: Horizon = NOW) -> Visible:
    """Show a kind of record. Raises NotFound, with the nearest kind; also when nobody knew it yet."""
    bounded = footing.bounded(horizon)
    known = footing.playbooks(bounded)
    if kind not in known.by_kind:
        raise NotFound("kind", kind, nearest(kind, known.by_kind))
    told = described(kind, whole_kind(known, kind), known.for_kind(kind))
    return footing.lens(bounded).figures(**told, **footing.about(bounded))


def described(name: str, kind: Kind, playbook: PublishedPlaybook) -> dict[str, Any]:
    """Return the whole description of a kind under a playbook."""
    return {
        "kind": name,
        "collection": kind.collection,
        "prefix": kind.prefix,
        "label": kind.label.model_dump(),
        "why": _label(kind.why),
        "playbook": playbook.name,
        "playbook_version": playbook.number,
        "title_field": kind.title,
        "worth_field": kind.worth,
        "subject": kind.subject,
        "schema": fields_schema(name, kind, playbook),
        "opens_in": list(kind.opening_stages),
        "stages": stages(kind),
        "paths": _named(kind.paths),
        "moves": {"skip": kind.moves.skip, "back": kind.moves.back, "reopen": kind.moves.reopen},
        "forms": [_form(form_name, form) for form_name, form in kind.forms.items()],
        "touches": _named(kind.touches),
        "progress": _named(kind.progress),
        "relations": _named(kind.relations),
        "requests": _named(kind.requests),
        "evidence_fields": [
            {
                "name": field,
                "label": spec.label.model_dump(),
                "why": _label(spec.why),
                "valid_days": spec.valid_days,
            }
            for field, spec in kind.fields.items()
            if spec.type is FieldKind.evidence
        ],
    }


def fields_schema(name: str, kind: Kind, playbook: PublishedPlaybook) -> dict[str, Any]:
    """Return the JSON Schema of the fields that can be written; evidence is attached, not written, so it is not among them."""
    properties = {
        field: field_schema(spec)
        for field, spec in kind.fields.items()
        if spec.type is not FieldKind.evidence
    }
    return {
        "$schema": DIALECT,
        "$id": f"urn:dealtrail:{playbook.name}:{playbook.number}:{name}",
        "title": kind.label.en,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def field_schema(spec: FieldSpec) -> dict[str, Any]:
    """Return the JSON Schema of one field. Null clears it. What JSON Schema has no word for has a name that begins with `x-`."""
    told: dict[str, Any] = {
        "title": spec.label.en,
        "x-label": spec.label.model_dump(),
        "x-type": spec.type.value,
        "x-personal": spec.is_personal,
    }
    if spec.hint is not None:
        told |= {"description": spec.hint.en, "x-hint": spec.hint.model_dump()}
    told |= {
        f"x-{name}": text.model_dump()
        for name, text in (("why", spec.why), ("pattern-why", spec.pattern_why))
        if text
    }
    if spec.lookup is not None:
        told["x-lookup"] = {"kind": spec.lookup.kind, "by": spec.lookup.by, "show": list(spec.lookup.show)}
    if spec.options:
        told["x-options"] = {option: label.model_dump() for option, label in spec.options.items()}
    told |= {
        f"x-{name}": str(bound) for name, bound in (("min", spec.min), ("max", spec.max)) if bound is not None
    }
    return told | _value(spec)


def _value(spec: FieldSpec) -> dict[str, Any]:
    match spec.type:
        case FieldKind.number:
            return {"type": ["string", "integer", "null"], "pattern": _DECIMAL}
        case FieldKind.money:
            return _money(spec)
        case FieldKind.date:
            return {"type": ["string", "null"], "format": "date"}
        case FieldKind.datetime:
            return {"type": ["string", "null"], "format": "date-time"}
        case FieldKind.boolean:
            return {"type": ["boolean", "null"]}
        case FieldKind.choice:
            return _choice(spec)
        case FieldKind.person:
            return {"type": ["string", "null"], "pattern": "^person/", "maxLength": 200}
        case FieldKind.reference:
            return {"type": ["string", "null"], "pattern": f"^{spec.to}/", "maxLength": 200, "x-to": spec.to}
        case FieldKind.email:
            return {"type": ["string", "null"], "format": "email", "maxLength": 254} | _pattern(spec)
        case FieldKind.phone:
            return {"type": ["string", "null"], "maxLength": 40} | _pattern(spec)
        case _:
            return {"type": ["string", "null"], "maxLength": spec.max_length or MAX_TEXT} | _pattern(spec)


def _pattern(spec: FieldSpec) -> dict[str, Any]:
    """The whole value must match: JSON Schema searches, so the ends are written out. A phone number is matched as it is stored."""
    if spec.pattern is None:
        return {}
    if spec.type is FieldKind.phone:
        return {"x-pattern-as-stored": spec.pattern}
    return {"pattern": f"^(?:{spec.pattern})$"}


def _money(spec: FieldSpec) -> dict[str, Any]:
    amount = {"type": ["string", "integer"], "pattern": _DECIMAL}
    return {
        "type": ["object", "string", "integer", "null"],
        "properties": {"amount": amount, "currency": {"const": spec.currency}},
        "required": ["amount", "currency"],
        "additionalProperties": False,
        "pattern": _DECIMAL,
        "x-currency": spec.currency,
    }


def _choice(spec: FieldSpec) -> dict[str, Any]:
    options = list(spec.options)
    if spec.value_type is None or spec.value_type.type.value == "choice":
        return {"enum": [*options, None]}
    assert spec.choose is not None
    return {
        "type": ["array", "null"],
        "items": {"enum": options},
        "uniqueItems": True,
        "minItems": spec.choose.at_least,
        "maxItems": spec.choose.at_most,
    }


def stages(kind: Kind) -> list[dict[str, Any]]:
    """Return the stages in order, each with its nodes, with what its gates ask and which actions it prescribes."""
    return [
        {
            "name": name,
            "label": stage.label.model_dump(),
            "why": _label(stage.why),
            "outcome": stage.outcome,
            "enter": _gate(kind, stage.enter),
            "leave": _gate(kind, stage.leave),
            "actions": _named(stage.actions),
            "nodes": [
                {
                    "name": inner,
                    "label": node.label.model_dump(),
                    "why": _label(node.why),
                    "enter": _gate(kind, node.enter),
                    "leave": _gate(kind, node.leave),
                    "actions": _named(node.actions),
                }
                for inner, node in stage.nodes.items()
            ],
        }
        for name, stage in kind.stages.items()
    ]


def _gate(kind: Kind, gate: Gate) -> dict[str, Any]:
    """What a gate asks, as a refusal would name it: the same ids, labels and reasons, and each rule in its words."""
    asked: list[dict[str, Any]] = []
    for what, names in (("field", gate.fields), ("evidence", gate.evidence)):
        for name in names:
            spec = kind.fields[name]
            told = {"label": spec.label.model_dump(), "why": _label(spec.why), "field": name}
            asked.append({"id": f"{what}:{name}", "kind": what, **told})
    asked += [
        {
            "id": f"condition:{name}",
            "kind": "condition",
            "label": condition.label.model_dump(),
            "why": _label(condition.why),
            "field": None,
            "rule": condition.rule,
        }
        for name, condition in gate.conditions.items()
    ]
    return {"why": _label(gate.why), "requirements": asked}


def _form(name: str, form: Form) -> dict[str, Any]:
    told = {"label": form.label.model_dump(), "why": _label(form.why)}
    return {"name": name, **told, "stages": list(form.stages), "fields": list(form.fields)}


def _named(parts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, **part.as_json()} for name, part in parts.items()]


def _label(label: Label | None) -> dict[str, str] | None:
    return None if label is None else label.model_dump()
