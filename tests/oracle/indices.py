"""The indices of a playbook: what each component measured, how it became a score, and what the whole is."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from oracle import attempts, metrics, teamwork, touching, upkeep
from oracle.playbooks import named
from oracle.reading import Case, Period, Reading

Component = dict[str, Any]
HUNDRED = Fraction(100)
UNKNOWN = {"measured": None, "judged": 0, "exact": None, "score": None, "broken": False}


def number(component: Component, name: str, default: str) -> Fraction:
    """A parameter, as it is written or as it is by default."""
    return Fraction(str(component.get(name, default)))


def cases_of(reading: Reading, component: Component, within: Period | None) -> list[Case]:
    """The cases a component looks at."""
    match component["measure"]:
        case "penetration":
            return upkeep.penetration(reading, within)
        case "response":
            found = upkeep.response(reading, within, component.get("requests"))
            return found + teamwork.requests_of_work(reading, within, component.get("work") or [])
        case "freshness":
            return upkeep.freshness(reading, within, component["fields"], component.get("within_days", 30))
        case "touches":
            found = touching.touches(reading, within)
            return [
                it for it in found if not component.get("touches") or it["touch_kind"] in component["touches"]
            ]
        case "evidence":
            found = touching.evidence(reading, within)
            return [
                it
                for it in found
                if not component.get("evidence") or it["evidence_field"] in component["evidence"]
            ]
        case "acceptance":
            return attempts.acceptance(reading, within, component.get("into"))
        case "healthy":
            return teamwork.healthy_actions(reading, within, component.get("actions"))
    raise AssertionError(f"there is no such component: {component['measure']}")


def measured(component: Component, cases: list[Case]) -> dict[str, Any]:
    """What a component measured over its cases, how many were judged, and the score from 0 to 100; None is unknown."""
    broken = False
    match component["measure"]:
        case "penetration":
            said = upkeep.penetration_numbers(cases)
            by_record = component.get("counted") == "records"
            done, judged = (
                (said["records_done"], said["records_due"]) if by_record else (said["done"], said["due"])
            )
            figure = exact = _share(done, judged)
            limit = component.get("broken_below", "60")
            broken = exact is not None and limit is not None and exact < Fraction(str(limit))
        case "response":
            took = [case["business_seconds"] for case in cases if case["business_seconds"] is not None]
            judged = len(took)
            figure = Fraction(sum(took), judged) if took else None
            exact = None if figure is None else responded(component, figure)
        case "freshness":
            said = upkeep.freshness_numbers(cases)
            judged = said["fresh"] + said["stale"]
            figure = _share(said["fresh"], judged)
            exact = (
                None
                if figure is None
                else min(HUNDRED, 100 * figure / number(component, "full_at_percent", "85"))
            )
        case "touches" | "evidence":
            judged = len(cases)
            figure = Fraction(judged)
            exact = min(HUNDRED, 100 * figure / number(component, "target", "1"))
        case "healthy":
            said = teamwork.healthy_actions_numbers(cases)
            judged = said["judged"]
            figure = exact = _share(said["healthy"], judged)
        case _:
            judged = len(cases)
            figure = exact = _share(sum(case["accepted"] for case in cases), judged)
    return {
        "measured": rounded(figure),
        "judged": judged,
        "exact": exact,
        "score": rounded(exact),
        "broken": broken,
    }


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(100 * part, whole) if whole else None


def responded(component: Component, average: Fraction) -> Fraction:
    """100 within the baseline; above it points are taken off for each step over, never below 0."""
    baseline = number(component, "baseline_hours", "48") * 3600
    if average <= baseline:
        return HUNDRED
    steps_over = (average - baseline) * 100 / baseline / number(component, "step_percent", "10")
    match component.get("step", "full"):
        case "full":
            steps_over = Fraction(floor(steps_over))
        case "started":
            steps_over = Fraction(ceil(steps_over))
    return max(Fraction(0), HUNDRED - steps_over * number(component, "points", "5"))


def rounded(value: Fraction | None) -> Decimal | None:
    """Six places, half-even."""
    return None if value is None else Decimal(round(value * 1_000_000)).scaleb(-6)


def whole(index: dict[str, Any], components: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The weighted mean of the known scores, capped, in its band; of nothing it is unknown, never 0."""
    weights = {it["name"]: number(it, "weight", "1") for it in index["components"]}
    known = {name: it["exact"] for name, it in components.items() if it["exact"] is not None}
    total = sum((weights[name] for name in known), Fraction(0))
    value = sum((weights[name] * known[name] for name in known), Fraction(0)) / total if known else None
    capped_by = None
    for cap in index.get("caps") or ():
        score = known.get(cap["component"])
        if (
            value is not None
            and score is not None
            and score < Fraction(str(cap["below"]))
            and value > Fraction(str(cap["at_most"]))
        ):
            value, capped_by = Fraction(str(cap["at_most"])), cap["name"]
    shown = rounded(value)
    bands = sorted(index.get("bands") or (), key=lambda it: Decimal(str(it.get("at_least", "0"))))
    reached = [
        it["name"] for it in bands if shown is not None and Decimal(str(it.get("at_least", "0"))) <= shown
    ]
    return {
        "value": shown, "band": reached[-1] if reached else None, "capped_by": capped_by,
        "broken": any(it["broken"] for it in components.values()),
        "components": {
            name: {**it, "weight_percent": rounded(100 * weights[name] / total) if name in known else None}
            for name, it in components.items()
        },
    }  # fmt: skip


Values = dict[tuple[Any, ...], dict[str, Any]]


def index_values(readings: Sequence[Reading], name: str, by: list[str], within: Period) -> Values:
    """The value of each cell of an index in one period, of all that is read: every cell that has a case of any component."""
    (found,) = index_slices(readings, name, [by], within)
    return found


def index_slices(
    readings: Sequence[Reading], name: str, slices: Sequence[Sequence[str]], within: Period
) -> list[Values]:
    """The values of an index in one period, cut in several ways."""
    index = named(readings[0].playbook["document"]["indices"])[name]
    cases = {
        it["name"]: [case for reading in readings for case in cases_of(reading, it, within)]
        for it in index["components"]
    }
    found = []
    for by in slices:
        cells = {part: metrics.cells(some, list(by)) for part, some in cases.items()}
        keys = {key for some in cells.values() for key in some}
        found.append(
            {
                key: whole(
                    index,
                    {it["name"]: measured_in(it, cells[it["name"]].get(key)) for it in index["components"]},
                )
                for key in keys
            }
        )
    return found


def measured_in(component: Component, cases: list[Case] | None) -> dict[str, Any]:
    """What a component measured in a cell that there is; a share or a mean of no case is unknown, a count of none is 0."""
    is_count = component["measure"] in ("touches", "evidence")
    return measured(component, cases or []) if cases or is_count else dict(UNKNOWN)


def stuck_values(reading: Reading, name: str) -> dict[str, dict[str, Any]]:
    """An index of stuck records: one value for each, its components being those of the record's owner in the last days."""
    index = named(reading.playbook["document"]["indices"])[name]
    longer = number(index["stuck"], "longer_than_days", "0") * 86_400_000_000
    found = {}
    for record in reading.records:
        entered = record["visits"][-1]["entered_at"] if record["visits"] else None
        if record["stage"] in index["stuck"]["steps"] and entered is not None:
            stood = (reading.now - entered) // timedelta(microseconds=1)
            if stood > longer:
                components = {
                    it["name"]: dict(UNKNOWN) if record["owner"] is None else measured_in(it, _of_owner(reading, it, record["owner"]))
                    for it in index["components"]
                }  # fmt: skip
                found[record["stream"]] = whole(index, components)
    return found


def _of_owner(reading: Reading, component: Component, owner: str | None) -> list[Case]:
    """The owner's cases of the last days, the moment of the answer among them."""
    begins = reading.now - timedelta(days=component.get("within_days", 30))
    until = reading.now + timedelta(microseconds=1)
    if component["measure"] == "freshness":
        cases = upkeep.freshness(reading, None, component["fields"], component.get("within_days", 30))
    else:
        cases = cases_of(reading, component, (begins, until))
    return [case for case in cases if case["owner"] == owner]
