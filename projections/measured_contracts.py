"""Contracts of metrics and what indices are made of, as plain data."""

from typing import Any

from domain.playbook.measuring import Index
from domain.rules.arithmetic import number_text
from projections.metrics.contract import Metric, Number

CLAUSES = ("meaning", "axis", "unit", "running", "team", "calendar", "denominator", "nulls")
"""The clauses of a contract, in the order they are told."""


def contract(metric: Metric, language: str = "en") -> dict[str, Any]:
    """Tell the contract of a metric as plain data, its clauses in `en` or `zh`; over HTTP and in JSON they are English."""
    return {
        "name": metric.name,
        "label": metric.label.model_dump(),
        "version": metric.version,
        **{name: getattr(metric, name).in_language(language) for name in CLAUSES},
        "dimensions": {name: label.model_dump() for name, label in metric.dimensions.items()},
        "parameters": [
            {
                "name": spec.name,
                "meaning": spec.meaning.in_language(language),
                "required": spec.required,
                "default": spec.default,
                "options": list(spec.options),
            }
            for spec in metric.parameters
        ],
        "numbers": [_number(number) for number in numbers_of(metric)],
    }


def numbers_of(metric: Metric) -> list[Number]:
    """Return all numbers of a metric, those of every frame."""
    return [number for frame in metric.frames for number in frame.numbers]


def _number(number: Number) -> dict[str, Any]:
    return {"name": number.name, "label": number.label.model_dump(), "is": type(number).__name__.lower()}


def described(name: str, index: Index) -> dict[str, Any]:
    """Tell what an index is made of."""
    return {
        "index": name,
        "label": index.label.model_dump(),
        "why": None if index.why is None else index.why.model_dump(),
        "kind": index.kind,
        "period": None if index.stuck is not None else index.period.value,
        "stuck": None if index.stuck is None else index.stuck.as_json(),
        "parts": {
            part: {
                "label": spec.label.model_dump(),
                "measure": spec.measure,
                "weight": number_text(spec.weight),
            }
            for part, spec in index.components.items()
        },
        "bands": {
            band: {"label": spec.label.model_dump(), "at_least": number_text(spec.at_least)}
            for band, spec in index.bands.items()
        },
        "caps": {cap: {"label": spec.label.model_dump()} for cap, spec in index.caps.items()},
    }
