"""Work, approvals, pools, deadlines and healthy actions as metrics see them: each case told event by event, the numbers counted over them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle import log as told
from oracle import playbooks as books
from oracle import upkeep
from oracle.business_time import business_seconds
from oracle.cases import SECOND, Numbers, case_of, count, known
from oracle.log import Event
from oracle.reading import Case, Period, Reading, is_in, mean, percent, quantile

HOUR = timedelta(hours=1)
STARTS = ("accepted", "responded", "ticked", "paused", "completed")
ANSWERS = ("responded", "completed", "declined")
ENDS = ("completed", "declined", "cancelled")
Stretch = tuple[datetime | None, datetime | None, bool]


def _whose(reading: Reading, case: Case, person: str | None) -> Case:
    """A case of a person instead of the owner's: their team and region as of its position."""
    organisation = reading.organisation(case["position"])
    return case | {
        "owner": person, "team": told.team_of(organisation, person), "region": told.region_of(organisation, person),
    }  # fmt: skip


def _records(reading: Reading) -> dict[str, Any]:
    return {record["stream"]: record for record in reading.records}


def _of_kind(reading: Reading, event: Event) -> bool:
    stream: str = event["stream"]
    return stream.startswith(f"{reading.kind_name}/")


# ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def items(reading: Reading) -> list[dict[str, Any]]:
    """Every work item, with everything that happened to it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    forks: dict[tuple[str, str], str] = {}
    for event in reading.events:
        payload, stream = event["payload"], event["stream"]
        if event["topic"] == "record.work-forked.v1":
            forks[stream, payload["fork"]] = payload["name"]
        if (
            not _of_kind(reading, event)
            or not event["topic"].startswith("record.work-")
            or "work" not in payload
        ):
            continue
        what = event["topic"].removeprefix("record.work-").removesuffix(".v1")
        if what == "requested":
            found[stream, payload["work"]] = {
                "record": stream, "work": payload["work"], "template": payload["template"], "assignee": payload["assignee"],
                "requester": event["on_behalf_of"] or event["actor"], "position": event["position"], "asked_at": event["occurred_at"],
                "fork": payload.get("fork"), "leg": payload.get("leg"), "fork_name": forks.get((stream, payload.get("fork"))),
                "due_at": told.moment(payload.get("due_at")), "named_at": event["position"], "happened": [], "answered_by": None,
            }  # fmt: skip
            continue
        item = found[stream, payload["work"]]
        if what == "reassigned":
            item["assignee"] = payload["after"]
        if what == "rescheduled":
            item |= {"due_at": told.moment(payload["after"]), "named_at": event["position"]}
        if what in ANSWERS and item["answered_by"] is None:
            item["answered_by"] = item["assignee"]
        item["happened"].append((what, event["occurred_at"], event["position"]))
    return list(found.values())


def _first(item: dict[str, Any], among: tuple[str, ...]) -> tuple[datetime | None, int] | None:
    return next(((at, position) for what, at, position in item["happened"] if what in among), None)


def _pauses(item: dict[str, Any]) -> list[Stretch]:
    """From a pause to what ended it: when it began, when it was over, and whether it is over."""
    marks = [(what, at) for what, at, _ in item["happened"] if what in ("paused", "resumed", *ENDS)]
    found: list[Stretch] = []
    for number, (what, at) in enumerate(marks):
        if what == "paused":
            over = number + 1 < len(marks)
            found.append((at, marks[number + 1][1] if over else None, over))
    return found


def _took(
    reading: Reading, begins: datetime | None, ends: datetime | None, pauses: list[Stretch]
) -> tuple[int | None, int | None]:
    """How long something took in seconds, and in seconds of working time without what was waited for others."""
    if begins is None or ends is None:
        return None, None
    ends = max(begins, ends)
    whole = business_seconds(reading.calendar, reading.zone, begins, ends)
    seconds = (ends - begins) // SECOND
    if whole is None:
        return seconds, None
    for since, until, over in pauses:
        if since is None or (over and until is None):
            return seconds, None
        start = min(max(since, begins), ends)
        stop = max(start, min(max(until, begins), ends)) if over and until is not None else ends
        waited = business_seconds(reading.calendar, reading.zone, start, stop)
        if waited is None:
            return seconds, None
        whole -= waited
    return seconds, whole


def _role(reading: Reading, item: dict[str, Any]) -> str | None:
    template = books.named(reading.kind.get("work")).get(item["template"]) or {}
    fork = books.named(reading.kind.get("forks")).get(item["fork_name"]) or {}
    leg = books.named(fork.get("legs")).get(item["leg"]) or {}
    role: str | None = template.get("role") or leg.get("role")
    return role


def _work_case(reading: Reading, item: dict[str, Any]) -> Case:
    record = _records(reading)[item["record"]]
    kinds = [what for what, _, _ in item["happened"]]
    responder = item["answered_by"] or item["assignee"]
    case = case_of(
        reading, record, item["position"], item["asked_at"], requester=item["requester"], responder=responder,
        template=item["template"], role=_role(reading, item), fork_name=item["fork_name"], leg=item["leg"],
        triggered=_first(item, STARTS) is not None, answered=_first(item, ANSWERS) is not None,
        open=not set(kinds) & set(ENDS), **{end: end in kinds for end in ENDS},
    )  # fmt: skip
    return _whose(reading, case, responder)


def work_times(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each work item asked for in the period, on its three clocks."""
    found = []
    for item in items(reading):
        if not is_in(item["asked_at"], within):
            continue
        case = _work_case(reading, item)
        started, answered, ended = _first(item, STARTS), _first(item, ANSWERS), _first(item, ENDS)
        still = reading.now if case["open"] else None
        clocks: dict[str, tuple[datetime | None, datetime | None]] = {
            "triggered": (item["asked_at"], started[0] if started else still),
            "response": (item["asked_at"], answered[0] if answered else still),
            "done": (
                (started[0], ended[0] if case["completed"] and ended else still) if started else (None, None)
            ),
        }
        for name, (begins, ends) in clocks.items():
            case[f"{name}_seconds"], case[f"{name}_business"] = _took(reading, begins, ends, _pauses(item))
        counts = case["answered"] or case["open"]
        case |= {"unanswered": case["open"] and not case["answered"], "unknown": counts and case["response_seconds"] is None}  # fmt: skip
        found.append(case)
    return found


def work_times_numbers(cases: list[Case]) -> Numbers:
    """The clocks are counted apart."""
    numbers: Numbers = {"requests": len(cases)}
    for name in ("triggered", "answered", "unanswered", "completed", "declined", "cancelled", "open", "unknown"):  # fmt: skip
        numbers[name] = count(cases, name)
    for clock in ("triggered", "response", "done"):
        seconds, business = known(cases, f"{clock}_seconds"), known(cases, f"{clock}_business")
        numbers |= {
            f"{clock}_judged": len(seconds), f"{clock}_mean_seconds": mean(seconds),
            f"{clock}_median_seconds": quantile(seconds, 50), f"{clock}_business_judged": len(business),
            f"{clock}_business_mean_seconds": mean(business), f"{clock}_business_median_seconds": quantile(business, 50),
        }  # fmt: skip
    return numbers


def requests_of_work(reading: Reading, within: Period | None, templates: list[str]) -> list[Case]:
    """Work items as requests of the owner's records; what was cancelled before an answer asks nobody any more."""
    found = []
    for item in items(reading):
        answer = _first(item, ANSWERS)
        ended = _first(item, ENDS)
        if item["template"] not in templates or not is_in(item["asked_at"], within) or (ended and not answer):
            continue
        record = _records(reading)[item["record"]]
        until = answer[0] if answer else reading.waited_until(record, item["position"])
        seconds, business = _took(reading, item["asked_at"], until, _pauses(item))
        found.append(
            case_of(reading, record, item["position"], item["asked_at"], request=f"work:{item['template']}",
                    answered=answer is not None, unanswered=answer is None, unknown=seconds is None, judged=seconds is not None,
                    seconds=seconds, business_seconds=business)
        )  # fmt: skip
    return found


def _limited(reading: Reading, item: dict[str, Any]) -> Case:
    """A work item against its limit: the moment that was named, else the hours of its template."""
    case = _work_case(reading, item)
    template = books.named(reading.kind.get("work")).get(item["template"]) or {}
    hours = template.get("complete_within_hours")
    ended = _first(item, ENDS)
    until = ended[0] if case["completed"] and ended else reading.now if case["open"] else None
    limit, past = None, None
    if item["due_at"] is not None:
        limit = "named"
        past = None if until is None else until > item["due_at"]
    elif hours is not None:
        limit = "template"
        seconds, business = _took(reading, item["asked_at"], until, _pauses(item))
        took = seconds if reading.calendar is None else business
        past = None if took is None else Decimal(took) > Decimal(str(hours)) * 3600
    dropped = case["declined"] or case["cancelled"]
    judgeable = limit is not None and not dropped
    late = judgeable and bool(past)
    return case | {
        "limit": limit, "dropped": dropped, "unlimited": limit is None and not dropped, "unknown": judgeable and past is None,
        "in_time": judgeable and case["completed"] and past is False, "done_late": late and case["completed"],
        "overdue": late and case["open"], "running": judgeable and case["open"] and past is False, "late": late,
    }  # fmt: skip


def on_time(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each work item asked for in the period."""
    return [_limited(reading, item) for item in items(reading) if is_in(item["asked_at"], within)]


def late_legs(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each leg of a fork asked for in the period."""
    return [
        _limited(reading, item)
        for item in items(reading)
        if item["fork"] is not None and is_in(item["asked_at"], within)
    ]


def _kept(cases: list[Case]) -> Numbers:
    names = ("in_time", "done_late", "overdue", "late", "running", "dropped", "unlimited", "unknown")
    numbers: Numbers = {name: count(cases, name) for name in names}
    return numbers | {"judged": numbers["late"] + numbers["in_time"]}


def on_time_numbers(cases: list[Case]) -> Numbers:
    """Running, dropped and unlimited work is not judged."""
    kept = _kept(cases)
    return {"items": len(cases), **kept, "kept_percent": percent(kept["in_time"], kept["judged"])}


def late_legs_numbers(cases: list[Case]) -> Numbers:
    """Open legs past their limit are late already."""
    kept = _kept(cases)
    return {"legs": len(cases), **kept, "late_percent": percent(kept["late"], kept["judged"])}


# ── approvals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _approvals(reading: Reading) -> list[list[Event]]:
    found: dict[tuple[str, str], list[Event]] = {}
    for event in reading.events:
        if event["topic"].startswith("record.approval-") and _of_kind(reading, event):
            found.setdefault((event["stream"], event["payload"]["approval"]), []).append(event)
    return list(found.values())


def _story_of(events: list[Event]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The whole of an approval, and every stretch in which a level waited, by asking after each event who it waits for."""
    first = events[0]
    whole = {"position": first["position"], "at": first["occurred_at"], "ended": None, "ended_at": None, "by": None}  # fmt: skip
    stays: list[dict[str, Any]] = []
    levels = first["payload"]["levels"]
    said: list[tuple[str, str]] = []
    for event in events:
        payload, kind = event["payload"], event["topic"].split("-")[1].removesuffix(".v1")
        end = {"ended_at": event["occurred_at"], "by": event["on_behalf_of"] or event["actor"]}
        over, closes = None, dict[str, str]()
        if whole["ended"] is not None or kind == "commented":
            continue
        if kind == "recalled":
            over, end = "recalled", end | {"by": None}
        elif kind == "migrated":
            levels = payload["levels"]
        elif kind == "decided" and payload["decision"] == "approved":
            said.append((payload["level"], payload["role"]))
        elif kind == "decided":
            closes[payload["level"]] = "rejected"
            if payload.get("back_to") is None:
                over = "rejected"
            else:
                names = [level["name"] for level in levels]
                again = names[names.index(payload["back_to"]) : names.index(payload["level"]) + 1]
                said = [it for it in said if it[0] not in again]
                closes = {**dict.fromkeys(again, "asked again"), payload["level"]: "rejected"}
        missing = [level["name"] for level in levels if not _is_met(level, said)]
        if over is None and not missing:
            over = "approved"
        waits = missing[:1] if first["payload"]["order"] == "sequence" else missing
        for stay in [it for it in stays if it["ended"] is None]:
            name = stay["level"]
            if name in closes:
                stay |= {"ended": closes[name], **end}
            elif name not in missing and kind == "decided":
                stay |= {"ended": "approved", **end}
            elif over is not None:
                stay |= {"ended": "over", "ended_at": event["occurred_at"]}
            elif name not in waits:
                stay |= {"ended": "overtaken", "ended_at": event["occurred_at"]}
            if stay["ended"] not in ("approved", "rejected"):
                stay["by"] = None
        if over is not None:
            whole |= {"ended": over, **end}
            continue
        waiting = {it["level"] for it in stays if it["ended"] is None}
        stays += [
            {"level": name, "position": event["position"], "at": event["occurred_at"], "ended": None, "ended_at": None, "by": None}
            for name in waits
            if name not in waiting
        ]  # fmt: skip
    return whole, stays


def _is_met(level: dict[str, Any], said: list[tuple[str, str]]) -> bool:
    roles = {role for name, role in said if name == level["name"]} & set(level["approvers"])
    return len(roles) >= level.get("quorum", len(level["approvers"]))


def _approval_case(reading: Reading, events: list[Event], stay: dict[str, Any]) -> Case:
    first = events[0]
    record = _records(reading)[first["stream"]]
    running, decided = stay["ended"] is None, stay["ended"] in ("approved", "rejected")
    until = reading.now if running else stay["ended_at"] if decided else None
    seconds, business = _took(reading, stay["at"], until, [])
    case = case_of(
        reading, record, stay["position"], stay["at"], chain=first["payload"]["chain"], level=stay.get("level"),
        requester=first["on_behalf_of"] or first["actor"], running=running, approved=stay["ended"] == "approved",
        rejected=stay["ended"] == "rejected", recalled=stay["ended"] == "recalled", seconds=seconds, business_seconds=business,
        unknown=(running or decided) and seconds is None,
    )  # fmt: skip
    return _whose(reading, case, stay["by"])


def approval_levels(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each stretch in which a level waited, that began in the period."""
    return [
        _approval_case(reading, events, stay)
        for events in _approvals(reading)
        for stay in _story_of(events)[1]
        if is_in(stay["at"], within)
    ]


def approvals(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each approval that was asked for in the period."""
    return [
        _approval_case(reading, events, whole)
        for events in _approvals(reading)
        for whole in [_story_of(events)[0]]
        if is_in(whole["at"], within)
    ]


def _durations(cases: list[Case], of: str) -> Numbers:
    seconds, business = known(cases, "seconds"), known(cases, "business_seconds")
    return {
        **{f"{of}_{name}": count(cases, name) for name in ("approved", "rejected", "running", "unknown")},
        f"{of}_judged": len(seconds), f"{of}_mean_seconds": mean(seconds), f"{of}_median_seconds": quantile(seconds, 50),
        f"{of}_business_judged": len(business), f"{of}_business_mean_seconds": mean(business),
    }  # fmt: skip


def approval_levels_numbers(cases: list[Case]) -> Numbers:
    """What waits still counts with the time gone by."""
    return {"levels": len(cases), **_durations(cases, "level")}


def approvals_numbers(cases: list[Case]) -> Numbers:
    """What was recalled is in no mean."""
    return {"approvals": len(cases), "recalled": count(cases, "recalled"), **_durations(cases, "approval")}


# ── pools and deadlines ──────────────────────────────────────────────────────────────────────────────────────────────


def assignments(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each decision of a pool in the period."""
    found = []
    for event in reading.events:
        payload, topic = event["payload"], event["topic"]
        if not topic.startswith("pool.") or not is_in(event["occurred_at"], within):
            continue
        record = _records(reading).get(payload["record"])
        if record is None:
            continue
        what, person = topic.split(".")[1], payload.get("person")
        decided, fallback = what == "assigned", bool(payload.get("fallback"))
        case = case_of(
            reading, record, event["position"], event["occurred_at"], pool=event["stream"].partition("/")[2], what=what,
            rule=payload.get("rule"), person=person, decided=decided, assigned=decided and person is not None,
            by_fallback=decided and person is not None and fallback, passed_on=decided and person is None and fallback,
            nobody=decided and person is None and not fallback, claimed=what == "claimed", returned=what == "returned",
            recycled=what == "recycled",
        )  # fmt: skip
        found.append(_whose(reading, case, person))
    return found


def assignments_numbers(cases: list[Case]) -> Numbers:
    """Nobody is a result, and not the same as another pool."""
    names = ("decided", "assigned", "by_fallback", "passed_on", "nobody", "claimed", "returned", "recycled")
    numbers: Numbers = {"cases": len(cases), **{name: count(cases, name) for name in names}}
    return numbers | {"nobody_percent": percent(numbers["nobody"], numbers["decided"])}


def _armings(reading: Reading) -> set[tuple[str, str, str | None, int]]:
    """Record, deadline, subject and position of every event that began a deadline of a stage, of work, of an approval."""
    found: set[tuple[str, str, str | None, int]] = set()
    templates = books.named(reading.kind.get("work"))
    counted = set()
    for name, deadline in books.named(reading.kind.get("deadlines")).items():
        if deadline.get("on_stage"):
            counted.add(name)
            for record in reading.records:
                found |= {
                    (record["stream"], name, None, it)
                    for it in _came_into(reading, record, deadline["on_stage"])
                    if _is_live(reading, it, deadline)
                    and ("go_live" in deadline or _event_at(reading, it)["channel"] != "import")
                }
        if deadline.get("on_work"):
            counted.add(name)
            clock = deadline.get("clock", "done")
            for item in items(reading):
                template = templates.get(item["template"])
                if template is None or deadline["on_work"] not in ("any", item["template"]):
                    continue
                own = template.get("complete_within_hours" if clock == "done" else "respond_within_hours")
                hours = deadline.get("after_hours") or own
                dated = clock == "done" and deadline.get("after_hours") is None and item["due_at"] is not None
                if (hours is not None or dated) and _is_live(reading, item["position"], deadline):
                    since = item["named_at"] if dated else item["position"]
                    found.add((item["record"], name, item["work"], since))
        if deadline.get("on_approval"):
            counted.add(name)
            for events in _approvals(reading):
                if deadline["on_approval"] in ("any", events[0]["payload"]["chain"]) and _is_live(reading, events[0]["position"], deadline):  # fmt: skip
                    found.add((events[0]["stream"], name, events[0]["payload"]["approval"], events[0]["position"]))  # fmt: skip
    fired = {(it["record"], it["deadline"], it.get("subject"), it["armed_at"]) for it in _fired(reading)}
    return found | {key for key in fired if key[1] in counted}


def _event_at(reading: Reading, position: int) -> dict[str, Any]:
    return next(event for event in reading.events if event["position"] == position)


def _is_live(reading: Reading, position: int, deadline: dict[str, Any]) -> bool:
    """Whether what happened at a position is from the deadline's own time, where it names one."""
    if deadline.get("go_live") is None:
        return True
    event = _event_at(reading, position)
    since = event["occurred_at"] or event["recorded_at"]
    return bool(since >= told.moment(deadline["go_live"]))


def _came_into(reading: Reading, record: dict[str, Any], where: str) -> list[int]:
    found, before = [], None
    for visit in record["visits"]:
        step = visit["step"]
        stages = {step, reading.part_of(step)}
        is_node = step == where and reading.part_of(step) != where
        was_in = before is not None and where in {before, reading.part_of(before)}
        if where in stages and (is_node or not was_in):
            found.append(visit["position"])
        before = step
    return found


def _fired(reading: Reading) -> list[dict[str, Any]]:
    return [
        {**event["payload"], "topic": event["topic"], "position": event["position"], "event": event}
        for event in reading.events
        if event["topic"].startswith("deadline.") and event["payload"]["record"] in _records(reading)
    ]


def overdue(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each arming by an event in the period, and what came of it."""
    happened = {
        event["position"]: event for event in reading.events if event["topic"].startswith("record.") and _of_kind(reading, event)
    }  # fmt: skip
    fired: dict[tuple[str, str, str | None, int], list[Any]] = {}
    for it in _fired(reading):
        fired.setdefault((it["record"], it["deadline"], it.get("subject"), it["armed_at"]), []).append(it)
    found = []
    for key in sorted(_armings(reading), key=str):
        stream, name, _, position = key
        event = happened.get(position)
        at = event["occurred_at"] if event is not None and event["stream"] == stream else None
        if not is_in(at, within):
            continue
        rungs = [it["rung"] for it in fired.get(key, ()) if it["topic"] == "deadline.noticed.v1"]
        found.append(
            case_of(reading, _records(reading)[stream], position, at, deadline=name, warned=0 in rungs,
                    overdue=any(rung >= 1 for rung in rungs), escalated=any(rung >= 2 for rung in rungs),
                    acknowledged=any(it["topic"] == "deadline.acknowledged.v1" for it in fired.get(key, ())))
        )  # fmt: skip
    return found


def overdue_numbers(cases: list[Case]) -> Numbers:
    """Overdue among armed."""
    numbers: Numbers = {
        "armed": len(cases),
        **{name: count(cases, name) for name in ("warned", "overdue", "escalated", "acknowledged")},
    }
    return numbers | {"overdue_percent": percent(numbers["overdue"], numbers["armed"])}


def firings(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each telling of a deadline, when it was noticed."""
    found = []
    for it in _fired(reading):
        at = told.moment(it.get("noticed_at"))
        if it["topic"] == "deadline.noticed.v1" and is_in(at, within):
            record = _records(reading)[it["record"]]
            found.append(
                case_of(reading, record, it["position"], at, deadline=it["deadline"], rung=str(it["rung"]),
                        warning=it["rung"] == 0, due=it["rung"] == 1, escalation=it["rung"] >= 2, told_nobody=not it["told"])
            )  # fmt: skip
    return found


def firings_numbers(cases: list[Case]) -> Numbers:
    """By rung."""
    return {
        "firings": len(cases), "warnings": count(cases, "warning"), "due": count(cases, "due"),
        "escalations": count(cases, "escalation"), "told_nobody": count(cases, "told_nobody"),
    }  # fmt: skip


# ── healthy actions ──────────────────────────────────────────────────────────────────────────────────────────────────


def healthy_actions(
    reading: Reading, within: Period | None = None, actions: list[str] | None = None
) -> list[Case]:
    """Each occasion of each healthy action, in the period."""
    found = []
    for name, action in books.named(reading.kind.get("healthy")).items():
        if actions and name not in actions:
            continue
        hours = action.get("within_hours")
        if action.get("work"):
            template = books.named(reading.kind.get("work"))[action["work"]]
            clock = action.get("clock", "done")
            own = {"done": "complete_within_hours", "response": "respond_within_hours"}.get(clock, "")
            hours = hours or template.get(own)
            occasions = _occasions_of_work(reading, action["work"], clock)
        elif action.get("fork"):
            occasions = _occasions_of_fork(reading, action["fork"])
        else:
            occasions = _occasions_of_request(reading, action["request"])
        for record, position, at, done, waits, took in occasions:
            if is_in(at, within):
                past = None if took is None else Decimal(took) > Decimal(str(hours)) * 3600
                counts = done or waits
                found.append(
                    case_of(reading, record, position, at, action=name, healthy=done and past is False, late=counts and past is True,
                            running=waits and past is False, dropped=not counts, unknown=counts and past is None)
                )  # fmt: skip
    return found


Occasion = tuple[dict[str, Any], int, datetime | None, bool, bool, int | None]


def _by_calendar(reading: Reading, took: tuple[int | None, int | None]) -> int | None:
    return took[0] if reading.calendar is None else took[1]


def _occasions_of_work(reading: Reading, template: str, clock: str) -> list[Occasion]:
    among = {"triggered": STARTS, "response": ANSWERS, "done": ("completed",)}[clock]
    found: list[Occasion] = []
    for item in items(reading):
        if item["template"] == template:
            met = _first(item, among)
            waits = met is None and _first(item, ENDS) is None
            until = met[0] if met else reading.now if waits else None
            took = _by_calendar(reading, _took(reading, item["asked_at"], until, _pauses(item)))
            record = _records(reading)[item["record"]]
            found.append((record, item["position"], item["asked_at"], met is not None, waits, took))
    return found


def _occasions_of_fork(reading: Reading, name: str) -> list[Occasion]:
    found: list[Occasion] = []
    everything = items(reading)
    for event in reading.events:
        payload = event["payload"]
        if event["topic"] != "record.work-forked.v1" or payload["name"] != name or not _of_kind(reading, event):  # fmt: skip
            continue
        legs = [it for it in everything if it["record"] == event["stream"] and it["fork"] == payload["fork"]]
        starts = [start for leg in legs if (start := _first(leg, STARTS)) is not None]
        first = min(starts, key=lambda start: start[1], default=None)
        waits = first is None and any(_first(leg, ENDS) is None for leg in legs)
        until = first[0] if first else reading.now if waits else None
        took = _by_calendar(reading, _took(reading, event["occurred_at"], until, []))
        record = _records(reading)[event["stream"]]
        found.append((record, event["position"], event["occurred_at"], first is not None, waits, took))
    return found


def _occasions_of_request(reading: Reading, name: str) -> list[Occasion]:
    records = _records(reading)
    return [
        (
            records[case["record"]],
            case["position"],
            case["moment"],
            case["answered"],
            case["unanswered"],
            case["seconds"] if reading.calendar is None else case["business_seconds"],
        )
        for case in upkeep.response(reading, None, [name], ends_with_record=False)
    ]


def healthy_actions_numbers(cases: list[Case]) -> Numbers:
    """Healthy among healthy and late."""
    names = ("healthy", "late", "running", "dropped", "unknown")
    numbers: Numbers = {"cases": len(cases), **{name: count(cases, name) for name in names}}
    judged = numbers["healthy"] + numbers["late"]
    return numbers | {"judged": judged, "rate_percent": percent(numbers["healthy"], judged)}


TEAMWORK: dict[str, list[tuple[Any, Any]]] = {
    "work_times": [(work_times, work_times_numbers)],
    "late_legs": [(late_legs, late_legs_numbers)],
    "on_time": [(on_time, on_time_numbers)],
    "approval_times": [(approval_levels, approval_levels_numbers), (approvals, approvals_numbers)],
    "assignments": [(assignments, assignments_numbers)],
    "overdue": [(overdue, overdue_numbers), (firings, firings_numbers)],
    "healthy_actions": [(healthy_actions, healthy_actions_numbers)],
}
"""The metrics of work: for each of their frames how its cases are found and what is counted over them."""
