"""Every metric: its cases, one by one, and the numbers counted over them."""

from collections.abc import Callable
from typing import Any

from oracle.attempts import acceptance, acceptance_numbers, unmet, unmet_numbers
from oracle.cases import Numbers
from oracle.conversion import (
    conversion_cohort,
    conversion_cohort_numbers,
    conversion_flow,
    conversion_flow_numbers,
    conversion_snapshot,
    conversion_snapshot_numbers,
)
from oracle.moves import (
    conformance,
    conformance_numbers,
    return_rate,
    return_rate_numbers,
    rework,
    rework_numbers,
    violations,
    violations_numbers,
)
from oracle.proofs import contradictions, contradictions_numbers
from oracle.reading import Case
from oracle.stays import dwell, dwell_numbers, stage_distribution, stage_distribution_numbers
from oracle.touching import (
    dead_touches,
    dead_touches_numbers,
    evidence,
    evidence_numbers,
    touches,
    touches_numbers,
)
from oracle.upkeep import (
    freshness,
    freshness_numbers,
    penetration,
    penetration_numbers,
    response,
    response_numbers,
)

Cases = Callable[..., list[Case]]
METRICS: dict[str, tuple[Cases, Callable[[list[Case]], Numbers]]] = {
    "stage_distribution": (stage_distribution, stage_distribution_numbers),
    "dwell": (dwell, dwell_numbers),
    "conversion_cohort": (conversion_cohort, conversion_cohort_numbers),
    "conversion_flow": (conversion_flow, conversion_flow_numbers),
    "conversion_snapshot": (conversion_snapshot, conversion_snapshot_numbers),
    "return_rate": (return_rate, return_rate_numbers),
    "rework": (rework, rework_numbers),
    "conformance": (conformance, conformance_numbers),
    "freshness": (freshness, freshness_numbers),
    "penetration": (penetration, penetration_numbers),
    "response": (response, response_numbers),
    "dead_touches": (dead_touches, dead_touches_numbers),
    "touches": (touches, touches_numbers),
    "evidence": (evidence, evidence_numbers),
    "contradictions": (contradictions, contradictions_numbers),
    "acceptance": (acceptance, acceptance_numbers),
}
"""Every metric: how its cases are found, and what is counted over them. Conversion has three variants."""
FURTHER: dict[str, tuple[Cases, Callable[[list[Case]], Numbers]]] = {
    "conformance": (violations, violations_numbers),
    "acceptance": (unmet, unmet_numbers),
}
"""The second frame of cases a metric has, which explains it in more detail."""


def cells(cases: list[Case], by: list[str]) -> dict[tuple[Any, ...], list[Case]]:
    """Cases by the values of their dimensions; nothing is a cell of its own."""
    found: dict[tuple[Any, ...], list[Case]] = {}
    for case in cases:
        key = tuple(_named(case[name]) for name in by)
        found.setdefault(key, []).append(case)
    return found


def _named(value: Any) -> Any:
    """A value as cells are named by it."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value
