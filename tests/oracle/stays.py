"""Where records stand, and how long they stayed: the cases and numbers of stage_distribution and dwell."""

from decimal import Decimal
from typing import Any

from oracle.business_time import business_seconds
from oracle.cases import SECOND, Numbers, case_of, count, known
from oracle.reading import Case, Period, Reading, is_in, mean, quantile

MINOR = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}


def stage_distribution(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each record that stands in a step."""
    found = []
    for record in reading.records:
        if record["stage"] is not None:
            worth = record["fields"].get(reading.kind.get("worth") or "")
            minor = currency = None
            if isinstance(worth, dict) and "currency" in worth:
                currency = worth["currency"]
                minor = int(Decimal(worth["amount"]).scaleb(MINOR.get(currency, 2)))
            found.append(
                case_of(reading, record, reading.position, None, step=record["stage"], outcome=reading.outcome(record["stage"]),
                      worth_minor=minor, currency=currency)
            )  # fmt: skip
    return found


def stage_distribution_numbers(cases: list[Case]) -> Numbers:
    """How many, and what they are worth; two currencies have no sum."""
    currencies = {case["currency"] for case in cases} - {None}
    worths = known(cases, "worth_minor")
    return {
        "records": len(cases), "worth_records": len(worths), "mixed_currencies": len(currencies) > 1,
        "worth_minor": None if len(currencies) > 1 else sum(worths), "worth_currency": min(currencies) if len(currencies) == 1 else None,
    }  # fmt: skip


def dwell(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each visit entered in the period."""
    found = []
    for record in reading.records:
        for visit in record["visits"]:
            if not is_in(visit["entered_at"], within):
                continue
            entered, left = visit["entered_at"], visit["left_at"]
            running = visit["left_position"] is None
            judged = _is_judged(visit) and left >= entered
            found.append(
                case_of(
                    reading, record, visit["position"], entered, step=visit["step"], move=visit["move"], running=running, ended=not running,
                    judged=judged, unknown=not running and not _is_judged(visit), disordered=_is_judged(visit) and left < entered,
                    seconds=(left - entered) // SECOND if judged else None,
                    business_seconds=business_seconds(reading.calendar, reading.zone, entered, left) if judged else None,
                    running_seconds=(reading.now - entered) // SECOND if running and entered is not None and reading.now >= entered else None,
                )
            )  # fmt: skip
    return found


def dwell_numbers(cases: list[Case]) -> Numbers:
    """Running visits never enter the mean of ended ones."""
    seconds, business = known(cases, "seconds"), known(cases, "business_seconds")
    return {
        "visits": len(cases),
        **{name: count(cases, name) for name in ("running", "ended", "judged", "unknown", "disordered")},
        "mean_seconds": mean(seconds), "median_seconds": quantile(seconds, 50), "p90_seconds": quantile(seconds, 90),
        "business_mean_seconds": mean(business), "business_median_seconds": quantile(business, 50),
        "running_mean_seconds": mean(known(cases, "running_seconds")),
    }  # fmt: skip


def _is_judged(visit: dict[str, Any]) -> bool:
    return visit["left_position"] is not None and None not in (visit["entered_at"], visit["left_at"])
