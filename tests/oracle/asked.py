"""What a record was asked and what was answered, as its deadlines see it: touches, work, pauses, approvals."""

from datetime import datetime
from typing import Any

from oracle.business_time import DAY
from oracle.log import Event, moment


def began(event: Event) -> datetime:
    """When something that begins with an event begins: when it happened, unless that is no more than a day before it was noted."""
    happened, noted = event["occurred_at"], event["recorded_at"]
    if happened is None or happened > noted or noted - happened > DAY:
        return noted
    return happened


def effective(event: Event) -> datetime:
    """When it happened, as far as anybody knows."""
    return event["occurred_at"] or event["recorded_at"]


def touches(events: list[Event]) -> list[dict[str, Any]]:
    """The touches that still stand, each with the event it was noted by, at the moment it is known to have been."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        payload = event["payload"]
        if event["topic"] == "record.touched.v1":
            found[payload["touch"]] = {"kind": payload["kind"], "event": event}
        elif event["topic"] == "record.touch-corrected.v1" and payload["touch"] in found:
            changes = payload.get("changes") or {}
            if payload.get("withdrawn"):
                del found[payload["touch"]]
                continue
            known = found[payload["touch"]]
            known["kind"] = changes.get("kind", known["kind"])
            if "happened_at" in changes:
                known["event"] = {**known["event"], "occurred_at": moment(changes["happened_at"])}
    return list(found.values())


def work_items(events: list[Event]) -> dict[str, dict[str, Any]]:
    """The work that is open: who has it, whether it was answered, what of it is ticked."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        payload, word = event["payload"], event["topic"].removeprefix("record.work-").removesuffix(".v1")
        name = payload.get("work")
        if word == "requested":
            found[name] = {"event": event, "template": payload["template"], "assignee": payload["assignee"], "due_at": moment(payload.get("due_at")), "moved": None, "answered": False, "ticked": {}}  # fmt: skip
        elif name not in found:
            continue
        elif word in ("completed", "declined", "cancelled"):
            del found[name]
        elif word == "reassigned":
            found[name]["assignee"] = payload["after"]
        elif word == "rescheduled":
            found[name] |= {"due_at": moment(payload["after"]), "moved": event}
        elif word == "responded":
            found[name]["answered"] = True
        elif word == "ticked":
            found[name]["ticked"][payload["item"]] = event
    return found


def waits(events: list[Event], holds: Any) -> list[tuple[datetime, datetime | None]]:
    """The times in which work waited for somebody, one after the other; None: it still does."""
    found: list[tuple[datetime, datetime | None]] = []
    running: dict[str, tuple[datetime, str]] = {}
    for event in events:
        payload, word = event["payload"], event["topic"].removeprefix("record.work-").removesuffix(".v1")
        name = payload.get("work")
        if word == "paused" and name not in running:
            running[name] = (began(event), payload["waiting_for"])
        elif word in ("resumed", "completed", "declined", "cancelled") and name in running:
            begins, whom = running.pop(name)
            if holds(name, whom):
                found.append((begins, max(begins, began(event))))
    found += [(begins, None) for name, (begins, whom) in running.items() if holds(name, whom)]
    return sorted(found, key=lambda span: span[0])


def approvals(events: list[Event]) -> dict[str, dict[str, Any]]:
    """The approvals that are open: their levels, and since when each of them waits for somebody."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        payload, word = event["payload"], event["topic"].removeprefix("record.approval-").removesuffix(".v1")
        name = payload.get("approval")
        if word == "requested":
            levels = [
                {**level, "approved": set(), "since": None, "agreed": None} for level in payload["levels"]
            ]
            found[name] = {
                "event": event,
                "chain": payload["chain"],
                "order": payload["order"],
                "levels": levels,
            }
        elif name not in found:
            continue
        elif word == "recalled" or (
            word == "decided" and payload["decision"] == "rejected" and not payload.get("back_to")
        ):
            del found[name]
            continue
        elif word == "decided":
            _decide(found[name]["levels"], payload, began(event))
        else:
            continue
        if not open_levels(found[name]):
            del found[name]
            continue
        latest = began(event)
        is_open = [level["name"] for level in open_levels(found[name])]
        for level in found[name]["levels"]:
            if level["name"] not in is_open:
                level["since"] = None
            elif level["since"] is None:
                since = latest if found[name]["order"] == "sequence" else began(event)
                level["since"] = (event["position"], since)
            latest = max(latest, level["agreed"] or latest)
    return found


def _decide(levels: list[dict[str, Any]], payload: dict[str, Any], at: datetime) -> None:
    names = [level["name"] for level in levels]
    if payload["decision"] == "approved":
        level = levels[names.index(payload["level"])]
        level["approved"].add(payload["role"])
        level["agreed"] = max(level["agreed"] or at, at)
        return
    for level in levels[names.index(payload["back_to"]) : names.index(payload["level"]) + 1]:
        level.update(approved=set(), since=None, agreed=None)


def open_levels(approval: dict[str, Any]) -> list[dict[str, Any]]:
    """The levels somebody is waited for at."""
    waiting = [level for level in approval["levels"] if len(level["approved"]) < level["quorum"]]
    return waiting[:1] if approval["order"] == "sequence" else waiting


def missing(level: dict[str, Any]) -> list[str]:
    """Whose decision a level waits for."""
    return [person for role, person in sorted(level["approvers"].items()) if role not in level["approved"]]
