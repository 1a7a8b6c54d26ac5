"""Touches and what came of them, and pieces of evidence: the cases and numbers of dead_touches, touches and evidence."""

from typing import Any

from oracle import playbooks as books
from oracle.cases import DAY, Numbers, case_of, count
from oracle.log import Record
from oracle.reading import Case, Period, Reading, is_in, percent

MOVED = ("forward", "skip")


def _touches(reading: Reading, within: Period | None) -> list[tuple[Record, dict[str, Any]]]:
    return [
        (record, touch)
        for record in reading.records
        for touch in record["touches"].values()
        if is_in(touch["at"], within)
    ]


def dead_touches(reading: Reading, within: Period | None = None, within_days: int = 14) -> list[Case]:
    """Touches of the period, and whether anything came of them."""
    found = []
    for record, touch in _touches(reading, within):
        signs = [(it["position"], it["entered_at"]) for it in record["visits"] if it["move"] in MOVED and reading.outcome(it["step"]) in ("open", "won")]  # fmt: skip
        signs += [(it["position"], it["at"]) for it in record["changes"] if not it["at_opening"]]
        signs += [(it["position"], it["at"]) for it in record["raw"]["evidence"]]
        at = touch["at"]
        unknown = at is None
        led = not unknown and any(
            position > touch["position"] and then is not None and at <= then <= at + within_days * DAY
            for position, then in signs
        )
        is_open = not unknown and not led and reading.now - at < within_days * DAY
        found.append(
            case_of(reading, record, touch["position"], at, touch_kind=touch["kind"], led_somewhere=led, open=is_open, unknown=unknown,
                  led_nowhere=not led and not is_open and not unknown)
        )  # fmt: skip
    return found


def dead_touches_numbers(cases: list[Case]) -> Numbers:
    """The share of judged touches that led nowhere."""
    nowhere, somewhere = count(cases, "led_nowhere"), count(cases, "led_somewhere")
    return {
        "touches": len(cases), "led_somewhere": somewhere, "led_nowhere": nowhere, "open": count(cases, "open"),
        "unknown": count(cases, "unknown"), "rate_percent": percent(nowhere, nowhere + somewhere),
    }  # fmt: skip


def touches(reading: Reading, within: Period | None = None) -> list[Case]:
    """Touches of the period."""
    return [
        case_of(reading, record, touch["position"], touch["at"], touch_kind=touch["kind"])
        for record, touch in _touches(reading, within)
    ]


def touches_numbers(cases: list[Case]) -> Numbers:
    """How many, and of how many records."""
    return {"touches": len(cases), "records": len({case["record"] for case in cases})}


def evidence(reading: Reading, within: Period | None = None) -> list[Case]:
    """Pieces of evidence attached in the period."""
    return [
        # A piece stays one although the playbook has its field no more: it keeps the name it was attached under.
        case_of(reading, record, piece["position"], piece["at"],
              evidence_field=books.field_as(piece["field"], reading.playbook, reading.published, reading.kind_name) or piece["field"])
        for record in reading.records
        for piece in record["raw"]["evidence"]
        if is_in(piece["at"], within)
    ]  # fmt: skip


def evidence_numbers(cases: list[Case]) -> Numbers:
    """How many, and of how many records."""
    return {"pieces": len(cases), "records": len({case["record"] for case in cases})}
