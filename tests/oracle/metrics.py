"""Every metric: its cases, one by one, and the numbers counted over them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle import log as told
from oracle import playbooks as books
from oracle.business_time import business_seconds
from oracle.gates import way_with
from oracle.happenings import happenings
from oracle.log import Record, is_empty
from oracle.reading import Case, Period, Reading, is_in, mean, percent, quantile

Numbers = dict[str, Any]
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINOR = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}
MOVED = ("forward", "skip")


def _case(reading: Reading, record: Record, position: int, at: datetime | None, **about: Any) -> Case:
    step = about.pop("step") if "step" in about else reading.step_at(record, position)
    base = {
        "record": record["stream"],
        "position": position,
        "moment": at,
        "step": step,
        "stage": reading.part_of(step),
    }
    return base | reading.dimensions(record, position, at) | about


def _is_judged(visit: dict[str, Any]) -> bool:
    return visit["left_position"] is not None and None not in (visit["entered_at"], visit["left_at"])


def _count(cases: list[Case], name: str) -> int:
    return sum(bool(case[name]) for case in cases)


def _known(cases: list[Case], name: str) -> list[int]:
    return [case[name] for case in cases if case[name] is not None]


# ── 1 stage_distribution ─────────────────────────────────────────────────────────────────────────────────────────────


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
                _case(reading, record, reading.position, None, step=record["stage"], outcome=reading.outcome(record["stage"]),
                      worth_minor=minor, currency=currency)
            )  # fmt: skip
    return found


def stage_distribution_numbers(cases: list[Case]) -> Numbers:
    """How many, and what they are worth; two currencies have no sum."""
    currencies = {case["currency"] for case in cases} - {None}
    worths = _known(cases, "worth_minor")
    return {
        "records": len(cases), "worth_records": len(worths), "mixed_currencies": len(currencies) > 1,
        "worth_minor": None if len(currencies) > 1 else sum(worths),
    }  # fmt: skip


# ── 2 dwell ──────────────────────────────────────────────────────────────────────────────────────────────────────────


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
                _case(
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
    seconds, business = _known(cases, "seconds"), _known(cases, "business_seconds")
    return {
        "visits": len(cases),
        **{name: _count(cases, name) for name in ("running", "ended", "judged", "unknown", "disordered")},
        "mean_seconds": mean(seconds), "median_seconds": quantile(seconds, 50), "p90_seconds": quantile(seconds, 90),
        "business_mean_seconds": mean(business), "business_median_seconds": quantile(business, 50),
        "running_mean_seconds": mean(_known(cases, "running_seconds")),
    }  # fmt: skip


# ── 3 conversion ─────────────────────────────────────────────────────────────────────────────────────────────────────


def conversion_cohort(reading: Reading, within: Period | None, start: str, end: str) -> list[Case]:
    """Records whose first visit of one step was entered in the period."""
    found = []
    for record in reading.records:
        firsts = [visit for visit in record["visits"] if visit["step"] == start][:1]
        for first in firsts:
            if is_in(first["entered_at"], within):
                reached = any(
                    it["step"] == end and it["position"] > first["position"] for it in record["visits"]
                )
                lost = not reached and reading.outcome(record["stage"]) in ("lost", "closed")
                found.append(
                    _case(reading, record, first["position"], first["entered_at"], step=start, reached=reached, lost=lost,
                          running=not reached and not lost)
                )  # fmt: skip
    return found


def conversion_cohort_numbers(cases: list[Case]) -> Numbers:
    """Of those that entered, how many reached."""
    reached = _count(cases, "reached")
    return {
        "entered": len(cases), "reached": reached, "lost": _count(cases, "lost"), "running": _count(cases, "running"),
        "rate_percent": percent(reached, len(cases)),
    }  # fmt: skip


def conversion_flow(reading: Reading, within: Period | None, start: str, end: str) -> list[Case]:
    """Visits of one step that were left in the period."""
    return [
        _case(
            reading,
            record,
            visit["position"],
            visit["left_at"],
            step=start,
            moved_on=visit["next_step"] == end,
        )
        for record in reading.records
        for visit in record["visits"]
        if visit["step"] == start and visit["left_position"] is not None and is_in(visit["left_at"], within)
    ]


def conversion_flow_numbers(cases: list[Case]) -> Numbers:
    """Of those that left, how many moved on."""
    moved_on = _count(cases, "moved_on")
    return {"left": len(cases), "moved_on": moved_on, "rate_percent": percent(moved_on, len(cases))}


def conversion_snapshot(reading: Reading, within: Period | None, start: str, end: str) -> list[Case]:
    """Records that stand in an open or won step at or beyond one; the won steps come last."""
    steps = books.steps(reading.kind)
    won = [name for name, step in steps.items() if step["outcome"] == "won"]
    order = {name: index for index, name in enumerate([*books.way(reading.kind, None), *won])}
    found = []
    for record in reading.records:
        at = order.get(record["stage"])
        if at is not None and at >= order[start]:
            found.append(
                _case(reading, record, reading.position, None, step=record["stage"], beyond=at >= order[end])
            )
    return found


def conversion_snapshot_numbers(cases: list[Case]) -> Numbers:
    """Of those at or beyond one step, how many are at or beyond the other."""
    beyond = _count(cases, "beyond")
    return {"at_or_beyond": len(cases), "beyond": beyond, "rate_percent": percent(beyond, len(cases))}


# ── 4 return_rate, 5 rework ──────────────────────────────────────────────────────────────────────────────────────────


def return_rate(reading: Reading, within: Period | None = None) -> list[Case]:
    """Moves made in the period."""
    return [
        _case(reading, record, visit["position"], visit["entered_at"], step=visit["step"], move=visit["move"], edge_from=visit["before"],
              edge_to=visit["step"], returned=visit["move"] == "back")
        for record in reading.records
        for visit in record["visits"]
        if visit["move"] != "open" and is_in(visit["entered_at"], within)
    ]  # fmt: skip


def return_rate_numbers(cases: list[Case]) -> Numbers:
    """How many moves went back."""
    returns = _count(cases, "returned")
    return {"moves": len(cases), "returns": returns, "rate_percent": percent(returns, len(cases))}


def rework(reading: Reading, within: Period | None = None) -> list[Case]:
    """Visits entered in the period."""
    found = []
    for record in reading.records:
        for visit in record["visits"]:
            if is_in(visit["entered_at"], within):
                move = visit["move"]
                self_loop = move == "re-entry"
                kinds = {
                    "self_loop": self_loop, "repetition": visit["entry"] > 1 and not self_loop, "backtrack": move == "back",
                    "reopened": move == "reopen",
                }  # fmt: skip
                found.append(
                    _case(reading, record, visit["position"], visit["entered_at"], step=visit["step"], move=move,
                          rework=any(kinds.values()), **kinds)
                )  # fmt: skip
    return found


def rework_numbers(cases: list[Case]) -> Numbers:
    """Each kind of rework, and the share of visits that are any."""
    return {
        "visits": len(cases), "self_loops": _count(cases, "self_loop"), "repetitions": _count(cases, "repetition"),
        "backtracks": _count(cases, "backtrack"), "reopenings": _count(cases, "reopened"),
        "rework_percent": percent(_count(cases, "rework"), len(cases)),
    }  # fmt: skip


# ── 6 conformance ────────────────────────────────────────────────────────────────────────────────────────────────────


def violations_of(reading: Reading, record: Record) -> list[tuple[str, int]]:
    """What a record did otherwise than its path asks, each with the position of the visit."""
    kind, path = reading.kind, record["path"]
    known = path is None or path in books.named(kind.get("paths"))
    on_path = books.steps_of(kind, path) if known else []
    won = [name for name in on_path if reading.outcome(name) == "won"]
    found: list[tuple[str, int]] = []
    entered: set[str] = set()
    for index, visit in enumerate(record["visits"]):
        names = []
        if index == 0 and not (known and visit["step"] in books.opening_steps(kind, path)):
            names.append("opened_late")
        ends = (visit["before"], visit["step"])
        if visit["move"] == "skip" and all(end in books.steps(kind) for end in ends):
            # Measured as the move was: an end that lies off the path stands there in the order of the kind.
            order = [*way_with(kind, path if known else None, *ends), *won]
            between = (
                order[order.index(ends[0]) + 1 : order.index(ends[1])]
                if ends[0] in order and ends[1] in order
                else []
            )
            names += [
                f"skipped:{name}"
                for name in between
                if reading.outcome(name) == "open" and name not in entered
            ]
        names += [{"back": "back", "re-entry": "repeated", "reopen": "reopened"}[visit["move"]]] if visit["move"] in ("back", "re-entry", "reopen") else []  # fmt: skip
        names += ["overridden"] if visit["overridden"] else []
        names += ["off_path"] if visit["step"] not in on_path else []
        found += [(name, visit["position"]) for name in names]
        entered.add(visit["step"])
    return found


def conformance(reading: Reading, within: Period | None = None) -> list[Case]:
    """Records opened in the period."""
    found = []
    for record in reading.records:
        if record["visits"] and is_in(record["opened_at"], within):
            violations = violations_of(reading, record)
            outcome = reading.outcome(record["stage"])
            found.append(
                _case(reading, record, record["opened_position"], record["opened_at"], violations=violations,
                      violating=bool(violations), running=not violations and outcome == "open",
                      conforming=not violations and outcome in ("won", "lost", "closed"))
            )  # fmt: skip
    return found


def conformance_numbers(cases: list[Case]) -> Numbers:
    """Running records are a class of their own."""
    violating, conforming = _count(cases, "violating"), _count(cases, "conforming")
    return {
        "records": len(cases), "violating": violating, "running": _count(cases, "running"), "conforming": conforming,
        "rate_percent": percent(conforming, conforming + violating),
    }  # fmt: skip


def violations(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each violation of the records opened in the period, where it happened; its month is that of the opening, as its period is."""
    found = []
    for record in reading.records:
        if record["visits"] and is_in(record["opened_at"], within):
            found += [
                _case(reading, record, position, record["opened_at"], violation=name)
                for name, position in violations_of(reading, record)
            ]
    return found


def violations_numbers(cases: list[Case]) -> Numbers:
    """How many."""
    return {"violations": len(cases)}


# ── 7 freshness ──────────────────────────────────────────────────────────────────────────────────────────────────────


def freshness(
    reading: Reading, within: Period | None, fields: list[str], within_days: int, now: datetime | None = None
) -> list[Case]:
    """Each open record with each of the fields."""
    moment = now or reading.now
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
                _case(reading, record, reading.position, None, step=record["stage"], field=field, filled=filled,
                      unknown=unknown, fresh=fresh, stale=not fresh and not unknown)
            )  # fmt: skip
    return found


def freshness_numbers(cases: list[Case]) -> Numbers:
    """What nobody knows leaves the share."""
    fresh, stale = _count(cases, "fresh"), _count(cases, "stale")
    return {
        "pairs": len(cases), "fresh": fresh, "stale": stale, "unknown": _count(cases, "unknown"),
        "rate_percent": percent(fresh, fresh + stale),
    }  # fmt: skip


# ── 8 penetration ────────────────────────────────────────────────────────────────────────────────────────────────────


def penetration(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each visit entered in the period with each action it asks for."""
    found = []
    for record in reading.records:
        for visit in record["visits"]:
            if is_in(visit["entered_at"], within):
                for action in _actions(reading, visit):
                    about = _done(reading, record, visit, action)
                    found.append(
                        _case(reading, record, visit["position"], visit["entered_at"], step=visit["step"], move=visit["move"],
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
        "actions": len(cases), **{name: _count(cases, name) for name in ("due", "done", "missed", "open", "unknown")},
        "rate_percent": percent(_count(cases, "done"), _count(cases, "due")), "records_due": len(due),
        "records_done": len(due - missed), "records_rate_percent": percent(len(due - missed), len(due)),
    }  # fmt: skip


# ── 9 response ───────────────────────────────────────────────────────────────────────────────────────────────────────


def response(reading: Reading, within: Period | None = None, requests: list[str] | None = None) -> list[Case]:
    """Each time something was asked in the period."""
    found = []
    asked_for = books.named(reading.kind.get("requests"))
    for record in reading.records:
        for name in requests or asked_for:
            answers = happenings(record, asked_for[name]["answered"])
            for asked in happenings(record, asked_for[name]["asked"]):
                if is_in(asked["at"], within):
                    answer = next((it for it in answers if it["position"] > asked["position"]), None)
                    end = reading.now if answer is None else answer["at"]
                    unknown = asked["at"] is None or end is None
                    end = end if unknown else max(end, asked["at"])
                    found.append(
                        _case(reading, record, asked["position"], asked["at"], request=name, answered=answer is not None,
                              unanswered=answer is None, unknown=unknown, judged=not unknown,
                              seconds=None if unknown else (end - asked["at"]) // SECOND,
                              business_seconds=None if unknown else business_seconds(reading.calendar, reading.zone, asked["at"], end))
                    )  # fmt: skip
    return found


def response_numbers(cases: list[Case]) -> Numbers:
    """Unanswered requests count with the time gone by."""
    seconds, business = _known(cases, "seconds"), _known(cases, "business_seconds")
    return {
        "requests": len(cases), **{name: _count(cases, name) for name in ("answered", "unanswered", "unknown", "judged")},
        "mean_seconds": mean(seconds), "business_mean_seconds": mean(business), "median_seconds": quantile(seconds, 50),
    }  # fmt: skip


# ── 10 dead_touches, 12 touches, 13 evidence ─────────────────────────────────────────────────────────────────────────


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
            _case(reading, record, touch["position"], at, touch_kind=touch["kind"], led_somewhere=led, open=is_open, unknown=unknown,
                  led_nowhere=not led and not is_open and not unknown)
        )  # fmt: skip
    return found


def dead_touches_numbers(cases: list[Case]) -> Numbers:
    """The share of judged touches that led nowhere."""
    nowhere, somewhere = _count(cases, "led_nowhere"), _count(cases, "led_somewhere")
    return {
        "touches": len(cases), "led_somewhere": somewhere, "led_nowhere": nowhere, "open": _count(cases, "open"),
        "unknown": _count(cases, "unknown"), "rate_percent": percent(nowhere, nowhere + somewhere),
    }  # fmt: skip


def touches(reading: Reading, within: Period | None = None) -> list[Case]:
    """Touches of the period."""
    return [
        _case(reading, record, touch["position"], touch["at"], touch_kind=touch["kind"])
        for record, touch in _touches(reading, within)
    ]


def touches_numbers(cases: list[Case]) -> Numbers:
    """How many, and of how many records."""
    return {"touches": len(cases), "records": len({case["record"] for case in cases})}


def evidence(reading: Reading, within: Period | None = None) -> list[Case]:
    """Pieces of evidence attached in the period."""
    return [
        # A piece stays one although the playbook has its field no more: it keeps the name it was attached under.
        _case(reading, record, piece["position"], piece["at"],
              evidence_field=books.field_as(piece["field"], reading.playbook, reading.published, reading.kind_name) or piece["field"])
        for record in reading.records
        for piece in record["raw"]["evidence"]
        if is_in(piece["at"], within)
    ]  # fmt: skip


def evidence_numbers(cases: list[Case]) -> Numbers:
    """How many, and of how many records."""
    return {"pieces": len(cases), "records": len({case["record"] for case in cases})}


# ── 11 contradictions ────────────────────────────────────────────────────────────────────────────────────────────────


def contradictions(reading: Reading, within: Period | None = None) -> list[Case]:
    """What a record must have shown to stand where it stands, each requirement once."""
    found = []
    for record in reading.records:
        if reading.outcome(record["stage"]) not in ("open", "won"):
            continue
        waived = {name for it in record["decisions"] if it["accepted"] for name in it["waived"]}
        for name in _proofs(reading, record):
            what, _, of = name.partition(":")
            unmet = is_empty(record["fields"].get(of)) if what == "field" else not any(it["field"] == of for it in record["evidence"])  # fmt: skip
            found.append(
                _case(reading, record, reading.position, None, step=record["stage"], requirement=name, unmet=unmet,
                      waived=unmet and name in waived, contradictory=unmet and name not in waived)
            )  # fmt: skip
    return found


def _proofs(reading: Reading, record: Record) -> list[str]:
    kind, steps = reading.kind, books.steps(reading.kind)
    known = record["path"] is None or record["path"] in books.named(kind.get("paths"))
    way = books.way(kind, record["path"] if known else None)
    if reading.outcome(record["stage"]) == "won":
        passed = [*way, record["stage"]]
    else:
        if record["stage"] not in way:
            way = [name for name in books.way(kind, None) if name in {*way, record["stage"]}]
        passed = way[: way.index(record["stage"]) + 1]
    names: list[str] = []
    for name in passed:
        for part in (steps[name]["stage"], steps[name]["node"] or {}):
            gate = part.get("enter") or {}
            names += [f"field:{it}" for it in gate.get("fields") or ()]
            names += [f"evidence:{it}" for it in gate.get("evidence") or ()]
    return list(dict.fromkeys(names))


def contradictions_numbers(cases: list[Case]) -> Numbers:
    """How many records claim a step without its proof."""
    records, contradictory = (
        {it["record"] for it in cases},
        {it["record"] for it in cases if it["contradictory"]},
    )
    return {
        "requirements": len(cases), "contradictory": _count(cases, "contradictory"), "waived": _count(cases, "waived"),
        "records": len(records), "records_contradictory": len(contradictory), "rate_percent": percent(len(contradictory), len(records)),
    }  # fmt: skip


# ── 14 acceptance ────────────────────────────────────────────────────────────────────────────────────────────────────


def acceptance(reading: Reading, within: Period | None = None, into: list[str] | None = None) -> list[Case]:
    """Attempts to open or move a record in the period."""
    return [
        _case(reading, record, it["position"], it["at"], step=it["after"], edge_from=it["before"], move=it["move"],
              accepted=it["accepted"], refused=not it["accepted"], overridden=it["accepted"] and bool(it["waived"]),
              unmet=[] if it["accepted"] else it["unmet"], **_would_have(reading, record, it))
        for record in reading.everything
        for it in record["decisions"]
        if is_in(it["at"], within) and (not into or it["after"] in into)
    ]  # fmt: skip


def _would_have(reading: Reading, record: Record, decision: dict[str, Any]) -> dict[str, Any]:
    """Of a refused opening: who would have answered for the record, and which path it would have taken."""
    if decision["accepted"] or decision["before"] is not None:
        return {}
    payload, organisation = (
        decision["event"]["payload"],
        told.organisation(reading.events, decision["position"]),
    )
    owner = payload.get("owner")
    return {
        "owner": owner, "team": told.team_of(organisation, owner), "region": told.region_of(organisation, owner),
        "path": payload.get("path"),
    }  # fmt: skip


def unmet(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each requirement that was not met in a refused attempt of the period."""
    return [case | {"requirement": name} for case in acceptance(reading, within) for name in case["unmet"]]


def unmet_numbers(cases: list[Case]) -> Numbers:
    """How many."""
    return {"unmet": len(cases)}


def acceptance_numbers(cases: list[Case]) -> Numbers:
    """The share of attempts that were not refused."""
    accepted = _count(cases, "accepted")
    return {
        "decisions": len(cases), "accepted": accepted, "refused": _count(cases, "refused"), "overridden": _count(cases, "overridden"),
        "rate_percent": percent(accepted, len(cases)),
    }  # fmt: skip


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
