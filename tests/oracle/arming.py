"""Which deadlines run for a record and when each of their rungs comes, worked out anew from all of its events each time."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from oracle import playbooks as books
from oracle.asked import approvals, began, effective, touches, waits, work_items
from oracle.business_time import DAY
from oracle.log import Event, is_erased
from oracle.passing import after, hours, worked

Ladder = dict[str, Any]


def armed(events: list[Event], reading: books.Playbook, published: list[books.Playbook]) -> list[Ladder]:
    """The deadlines that run for a record after some events, as a version reads it: `key`, `due`, and `rungs` with their moments and whom they tell."""
    kind_name = events[0]["stream"].partition("/")[0]
    kind = books.kinds(reading).get(kind_name)
    if kind is None:
        return []
    found: list[Ladder] = []
    for name, spec in books.named(kind.get("deadlines")).items():
        found += _of_deadline(name, spec, kind, events, reading, published)
    found += _limits(kind, events, reading)
    came, there = entries(events, reading, published), books.steps(kind)
    if came and came[-1][0] in there and there[came[-1][0]]["outcome"] == "lost":
        # What was asked for a lost record is due to nobody: only what is about the record itself runs on.
        return [it for it in found if it["key"][1] is None]
    return found


def _of_deadline(
    name: str, spec: Any, kind: Any, events: list[Event], reading: Any, published: Any
) -> list[Ladder]:
    if "on_work" in spec or "on_approval" in spec:
        return _asked(name, spec, kind, events, reading)
    mark: Event | None
    pauses: Any = ()
    if "on_stage" in spec:
        mark = _entry(spec["on_stage"], kind, events, reading, published)
        pauses = waits(events, lambda _, whom: whom == "customer")
    elif "on_silence" in spec:
        mark = _silence(spec, kind, events, reading, published)
    else:
        return _dated(name, spec, kind, events, reading, published)
    if mark is None or not _begins(spec, mark, events):
        return []
    return [
        _ladder(
            spec, (name, None, mark["position"]), began(mark), hours(spec["after_hours"]), reading, pauses
        )
    ]


def _asked(name: str, spec: Any, kind: Any, events: list[Event], reading: Any) -> list[Ladder]:
    found = []
    if "on_approval" in spec:
        for subject, item in approvals(events).items():
            if spec["on_approval"] in ("any", item["chain"]) and _is_live(spec, item["event"]):
                key = (name, subject, item["event"]["position"])
                found.append(_ladder(spec, key, began(item["event"]), hours(spec["after_hours"]), reading))
        return found
    for subject, item in work_items(events).items():
        response = spec.get("clock") == "response"
        if spec["on_work"] not in ("any", item["template"]) or (response and item["answered"]) or not _is_live(spec, item["event"]):  # fmt: skip
            continue
        key, template = (
            (name, subject, item["event"]["position"]),
            books.named(kind.get("work")).get(item["template"], {}),
        )
        limit = spec.get("after_hours")
        if limit is None and not response and item["due_at"] is not None:
            named = item["moved"] or item["event"]
            found.append(
                _until(spec, (name, subject, named["position"]), began(named), item["due_at"], reading)
            )
            continue
        if limit is None:
            limit = template.get("respond_within_hours" if response else "complete_within_hours")
        if limit is not None:
            pauses = waits(events, lambda work, _, subject=subject: work == subject)
            found.append(_ladder(spec, key, began(item["event"]), hours(limit), reading, pauses))
    return found


def _begins(spec: Any, mark: Event, events: list[Event]) -> bool:
    """What was imported begins nothing that has no `go_live`; silence does begin with it where somebody here has opened, moved or touched the record."""
    if "go_live" in spec or mark["channel"] != "import":
        return _is_live(spec, mark)
    if "on_silence" not in spec:
        return False
    moved = [it for it in events if it["topic"] in ("record.opened.v1", "record.stage-changed.v1")]
    stood = [touch["event"] for touch in touches(events)]
    return any(it["channel"] != "import" for it in (*moved, *stood))


def _is_live(spec: Any, mark: Event) -> bool:
    return "go_live" not in spec or effective(mark) >= datetime.fromisoformat(spec["go_live"])


def entries(events: list[Event], reading: Any, published: Any) -> list[tuple[str, Event]]:
    """The steps a record came into, as a version reads them."""
    found = []
    for event in events:
        step = {"record.opened.v1": "stage", "record.stage-changed.v1": "after"}.get(event["topic"])
        if step is not None and event["payload"].get(step) is not None:
            name = books.step_as(
                event["payload"][step], reading, published, event["stream"].partition("/")[0]
            )
            found.append((name or event["payload"][step], event))
    return found


def is_open(kind: Any, events: list[Event], reading: Any, published: Any) -> bool:
    """Whether a record still goes on, as a version reads it."""
    found, there = entries(events, reading, published), books.steps(kind)
    if not found:
        return not kind.get("stages")
    return found[-1][0] in there and there[found[-1][0]]["outcome"] == "open"


def _entry(where: str, kind: Any, events: list[Event], reading: Any, published: Any) -> Event | None:
    there, since = books.steps(kind), None
    is_stage = where in books.named(kind.get("stages"))
    for step, event in reversed(entries(events, reading, published)):
        stands_in = there.get(step, {}).get("part_of") if is_stage else step
        if stands_in != where:
            break
        since = event
        if not is_stage:
            break
    return since


def _silence(spec: Any, kind: Any, events: list[Event], reading: Any, published: Any) -> Event | None:
    if not is_open(kind, events, reading, published):
        return None
    came, there = entries(events, reading, published), books.steps(kind)
    if spec.get("stages") and (
        not came or not {came[-1][0], there[came[-1][0]]["part_of"]} & set(spec["stages"])
    ):
        return None
    last = came[-1][1] if came else events[0]
    for touch in touches(events):
        since = (began(touch["event"]), touch["event"]["position"])
        if spec["on_silence"] in ("any", touch["kind"]) and since > (began(last), last["position"]):
            last = touch["event"]
    return last


def dated(events: list[Event], name: str, reading: Any, published: Any) -> tuple[Any, Event | None]:
    """The value of a date field as a version reads it, and the event it was said by last."""
    said: dict[str, tuple[Any, Event]] = {}
    for event in events:
        payload = event["payload"]
        if event["topic"] == "record.opened.v1":
            said |= {field: (value, event) for field, value in payload["fields"].items()}
        elif event["topic"] == "record.fields-changed.v1":
            said |= {field: (change["new"], event) for field, change in payload["changes"].items()}
    kind = events[0]["stream"].partition("/")[0]
    sources = [field for field in sorted(said) if books.field_as(field, reading, published, kind) == name]
    for field in [name] if name in said else sources:
        return said[field]
    return None, None


def _dated(
    name: str, spec: Any, kind: Any, events: list[Event], reading: Any, published: Any
) -> list[Ladder]:
    value, mark = dated(events, spec["on_date"], reading, published)
    if mark is None or value is None or is_erased(value) or not is_open(kind, events, reading, published):  # fmt: skip
        return []
    document = reading["document"]
    calendar, zone = document.get("calendar"), document.get("time_zone", "UTC")
    due: datetime | None
    if "T" in value:
        due = datetime.fromisoformat(value)
    else:
        day = date.fromisoformat(value)
        due = datetime.combine(day + DAY, time(0), ZoneInfo(zone)).astimezone(UTC)
        if calendar is not None and not calendar["first_year"] <= day.year <= calendar["last_year"]:
            due = None
    if due is not None and "after_hours" in spec and hours(spec["after_hours"]):
        due = after(*_passing(spec, reading), due, hours(spec["after_hours"]))
    is_history = "go_live" not in spec and mark["channel"] == "import"
    if (due is None or due <= mark["recorded_at"]) if is_history else not _is_live(spec, mark):
        return []
    return [_until(spec, (name, None, mark["position"]), began(mark), due, reading)]


def _limits(kind: Any, events: list[Event], reading: Any) -> list[Ladder]:
    """Limits that stand at levels and at items of checklists."""
    found = []
    for subject, item in work_items(events).items():
        template = books.named(kind.get("work")).get(item["template"], {})
        for part, spec in books.named(template.get("checklist")).items():
            before = spec.get("after") or ()
            if (
                "within_hours" not in spec
                or part in item["ticked"]
                or any(it not in item["ticked"] for it in before)
            ):
                continue
            begins = [item["event"], *(item["ticked"][it] for it in before)]
            key = (f"work.{item['template']}.{part}", subject, max(it["position"] for it in begins))
            limit = {"ladder": [{"tell": ["assignee"]}, {"tell": ["manager"], "after_hours": spec["within_hours"]}], "part": part, "role": spec.get("role")}  # fmt: skip
            pauses = waits(events, lambda work, _, subject=subject: work == subject)
            found.append(
                _ladder(limit, key, max(map(began, begins)), hours(spec["within_hours"]), reading, pauses)
            )
    for subject, item in approvals(events).items():
        for level in item["levels"]:
            if level.get("within_hours") is not None and level["since"] is not None:
                key = (f"approvals.{item['chain']}.{level['name']}", subject, level["since"][0])
                limit = {"ladder": [{"tell": ["assignee"]}, {"tell": ["manager"], "after_hours": level["within_hours"]}], "part": level["name"]}  # fmt: skip
                found.append(_ladder(limit, key, level["since"][1], hours(level["within_hours"]), reading))
    return found


# ── its rungs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _passing(spec: Any, reading: Any) -> tuple[Any, str]:
    document = reading["document"]
    calendar = None if spec.get("by") == "clock" else document.get("calendar")
    return calendar, document.get("time_zone", "UTC")


def _steps(spec: Any) -> list[tuple[int, int, timedelta]]:
    """Each telling of a ladder: its rung, how often before, and how long after the due moment."""
    ladder = spec.get("ladder") or [{}]
    found = []
    for index, rung in enumerate(ladder):
        wait = hours(rung.get("after_hours", 0))
        found.append((index + 1, 0, wait))
        for repeat in range(1, rung.get("repeats", 0) + 1):
            again = wait + repeat * hours(rung["repeat_hours"])
            if index + 1 < len(ladder) and again >= hours(ladder[index + 1].get("after_hours", 0)):
                break
            found.append((index + 1, repeat, again))
    return found


def _ladder(
    spec: Any, key: Any, start: datetime, length: timedelta, reading: Any, pauses: Any = ()
) -> Ladder:
    passing = _passing(spec, reading)
    moments = [after(*passing, start, length + wait, pauses) for _, _, wait in _steps(spec)]
    warning = None
    if "warn_percent" in spec:
        warning = after(*passing, start, length * spec["warn_percent"] // 100, pauses)
    return _told(spec, key, moments, warning, is_paused=any(ends is None for _, ends in pauses))


def _until(spec: Any, key: Any, start: datetime, due: datetime | None, reading: Any) -> Ladder:
    passing = _passing(spec, reading)
    moments = [due if due is None or not wait else after(*passing, due, wait) for _, _, wait in _steps(spec)]
    warning = None
    if "warn_percent" in spec and due is not None:
        between = worked(*passing, start, due)
        if between is not None:
            warning = after(*passing, start, between * spec["warn_percent"] // 100)
    return _told(spec, key, moments, warning, is_paused=False)


def _told(
    spec: Any, key: Any, moments: list[datetime | None], warning: datetime | None, *, is_paused: bool
) -> Ladder:
    due = moments[0]
    rungs = {}
    if warning is not None and due is not None and warning < due:
        rungs[0, 0] = warning
    for (rung, repeat, _), at in zip(_steps(spec), moments, strict=True):
        if at is None:
            break
        rungs[rung, repeat] = at
    return {"key": key, "due": due, "rungs": rungs, "spec": spec, "is_paused": is_paused and due is None}
