"""What was done for a record in time: the cases and numbers of freshness, penetration and response."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle import playbooks as books
from oracle.business_time import business_seconds
from oracle.cases import DAY, SECOND, Numbers, case_of, count, known
from oracle.happenings import happenings
from oracle.log import Record, is_empty
from oracle.reading import Case, Period, Reading, is_in, mean, percent, quantile


def freshness(reading: Reading, within: Period | None, fields: list[str], within_days: int) -> list[Case]:
    """Each open record with each of the fields; of a period that is over those that were open at its end, as far as was known then."""
    if within is not None:
        then = reading.ended_by(within[1])
        return [] if then is None else freshness(then, None, fields, within_days)
    moment = reading.now
    found = []
    for record in reading.records:
        if reading.outcome(record["stage"]) != "open":
            continue
        for field in fields:
            known = [it for it in record["changes"] if it["field"] == field and it["new"] is not None]
            known += [it for it in record["confirmations"] if it["field"] == field]
            last = max(known, key=lambda it: it["position"], default=None)
            filled = not is_empty(record["fields"].get(field))
            unknown = last is not None and last["at"] is None
            fresh = last is not None and not unknown and moment - last["at"] <= within_days * DAY and filled
            found.append(
                case_of(reading, record, reading.position, None, step=record["stage"], field=field, filled=filled,
                      unknown=unknown, fresh=fresh, stale=not fresh and not unknown)
            )  # fmt: skip
    return found


def freshness_numbers(cases: list[Case]) -> Numbers:
    """What nobody knows leaves the share."""
    fresh, stale = count(cases, "fresh"), count(cases, "stale")
    return {
        "pairs": len(cases), "fresh": fresh, "stale": stale, "unknown": count(cases, "unknown"),
        "rate_percent": percent(fresh, fresh + stale),
    }  # fmt: skip


def penetration(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each visit entered in the period with each action it asks for."""
    found = []
    for record in reading.records:
        for visit in record["visits"]:
            if is_in(visit["entered_at"], within):
                for action in _actions(reading, visit):
                    about = _done(reading, record, visit, action)
                    found.append(
                        case_of(reading, record, visit["position"], visit["entered_at"], step=visit["step"], move=visit["move"],
                              action=action["name"], **about)
                    )  # fmt: skip
    return found


def _actions(reading: Reading, visit: dict[str, Any]) -> list[dict[str, Any]]:
    step = books.steps(reading.kind).get(visit["step"])
    if step is None:
        return []
    if step["node"] is None:
        return list(step["stage"].get("actions") or ())
    asked = list(step["node"].get("actions") or ())
    if reading.part_of(visit["before"]) != step["part_of"]:
        asked += step["stage"].get("actions") or ()
    return asked


def _done(reading: Reading, record: Record, visit: dict[str, Any], action: dict[str, Any]) -> dict[str, bool]:
    until = visit["left_position"] if visit["left_position"] is not None else reading.position
    seen = [it for it in happenings(record, action["done"]) if visit["position"] <= it["position"] <= until]
    entered, running = visit["entered_at"], visit["left_position"] is None
    if action.get("within_hours") is None:
        done, unknown, is_time_left = bool(seen), False, True
    else:
        limit = Decimal(str(action["within_hours"])) * 3600
        took = [_seconds(it["at"], entered) for it in seen]
        done = any(it is not None and it <= limit for it in took)
        stood = _seconds(reading.now, entered)
        unknown = not done and (None in took or (running and stood is None))
        is_time_left = stood is not None and stood <= limit
    is_open = not done and not unknown and running and is_time_left
    due = not is_open and not unknown
    return {"done": done, "open": is_open, "unknown": unknown, "due": due, "missed": due and not done}


def _seconds(end: datetime | None, start: datetime | None) -> Decimal | None:
    if end is None or start is None:
        return None
    return Decimal((end - start) // timedelta(microseconds=1)) / 1_000_000


def penetration_numbers(cases: list[Case]) -> Numbers:
    """The share of due actions that were done, and of records that did all of theirs."""
    due = {case["record"] for case in cases if case["due"]}
    missed = {case["record"] for case in cases if case["missed"]}
    return {
        "actions": len(cases), **{name: count(cases, name) for name in ("due", "done", "missed", "open", "unknown")},
        "rate_percent": percent(count(cases, "done"), count(cases, "due")), "records_due": len(due),
        "records_done": len(due - missed), "records_rate_percent": percent(len(due - missed), len(due)),
    }  # fmt: skip


def response(
    reading: Reading,
    within: Period | None = None,
    requests: list[str] | None = None,
    *,
    ends_with_record: bool = True,
) -> list[Case]:
    """Each time something was asked in the period; who asks in vain waits until the record ends, or until now whatever became of it."""
    found = []
    asked_for = books.named(reading.kind.get("requests"))
    for record in reading.records:
        for name in requests or asked_for:
            answers = happenings(record, asked_for[name]["answered"])
            for asked in happenings(record, asked_for[name]["asked"]):
                if is_in(asked["at"], within):
                    answer = next((it for it in answers if it["position"] > asked["position"]), None)
                    end = reading.waited_until(record, asked["position"]) if ends_with_record else reading.now
                    end = end if answer is None else answer["at"]
                    unknown = asked["at"] is None or end is None
                    end = end if unknown else max(end, asked["at"])
                    found.append(
                        case_of(reading, record, asked["position"], asked["at"], request=name, answered=answer is not None,
                              unanswered=answer is None, unknown=unknown, judged=not unknown,
                              seconds=None if unknown else (end - asked["at"]) // SECOND,
                              business_seconds=None if unknown else business_seconds(reading.calendar, reading.zone, asked["at"], end))
                    )  # fmt: skip
    return found


def response_numbers(cases: list[Case]) -> Numbers:
    """Unanswered requests count with the time gone by."""
    seconds, business = known(cases, "seconds"), known(cases, "business_seconds")
    return {
        "requests": len(cases), **{name: count(cases, name) for name in ("answered", "unanswered", "unknown", "judged")},
        "mean_seconds": mean(seconds), "business_mean_seconds": mean(business), "median_seconds": quantile(seconds, 50),
    }  # fmt: skip
