"""The work of a record as plain JSON and back, for read models."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.values import moment_text
from domain.work.approving import Approval, Decision, level_of
from domain.work.state import ForkedWork, Pause, WorkItem


def item_to_json(item: WorkItem) -> dict[str, Any]:
    """Return a work item as plain JSON; members that say nothing are left out."""
    told: dict[str, Any] = {
        "id": item.id,
        "template": item.template,
        "assignee": item.assignee,
        "state": item.state,
        "requested_by": item.requested_by,
        "requested_at": _text(item.requested_at),
        "position": item.position,
    }
    more: dict[str, Any] = {
        "asked": item.asked,
        "actor": item.actor if item.actor != item.requested_by else None,
        "title": item.title,
        "fork": item.fork,
        "leg": item.leg,
        "due_at": item.due_at,
        "rescheduled_at": _text(item.rescheduled_at),
        "priority": item.priority or None,
        "playbook": item.playbook,
        "number": item.number,
        "started_at": _text(item.started_at),
        "first_response_at": _text(item.first_response_at),
        "answered_by": item.answered_by,
        "ended_at": _text(item.ended_at),
        "pauses": [
            {
                "waiting_for": pause.waiting_for,
                "began_at": _text(pause.began_at),
                "ended_at": _text(pause.ended_at),
            }
            for pause in item.pauses
        ]
        or None,
        # In the order they were ticked, which the members of a JSON object in the database do not keep.
        "ticked": [{"item": name, "evidence": evidence} for name, evidence in item.ticked.items()] or None,
        "fields": dict(item.fields) or None,
    }
    return told | {name: value for name, value in more.items() if value is not None}


def item_from_json(data: Mapping[str, Any]) -> WorkItem:
    """Return the work item that `item_to_json` described."""
    return WorkItem(
        id=data["id"],
        template=data["template"],
        assignee=data["assignee"],
        state=data["state"],
        requested_by=data["requested_by"],
        requested_at=_moment(data["requested_at"]),
        position=data["position"],
        asked=data.get("asked"),
        actor=data.get("actor", data["requested_by"]),
        title=data.get("title"),
        fork=data.get("fork"),
        leg=data.get("leg"),
        due_at=data.get("due_at"),
        rescheduled_at=_moment(data.get("rescheduled_at")),
        priority=data.get("priority", 0),
        playbook=data.get("playbook"),
        number=data.get("number"),
        started_at=_moment(data.get("started_at")),
        first_response_at=_moment(data.get("first_response_at")),
        answered_by=data.get("answered_by"),
        ended_at=_moment(data.get("ended_at")),
        pauses=tuple(
            Pause(pause["waiting_for"], _moment(pause["began_at"]), _moment(pause["ended_at"]))
            for pause in data.get("pauses", ())
        ),
        ticked={tick["item"]: tick["evidence"] for tick in data.get("ticked", ())},
        fields=data.get("fields", {}),
    )


def fork_to_json(fork: ForkedWork) -> dict[str, Any]:
    """Return a fork as plain JSON, its legs in their order."""
    legs = [{"leg": leg, "work": work} for leg, work in fork.legs.items()]
    return {"id": fork.id, "name": fork.name, "join": fork.join, "legs": legs}


def fork_from_json(data: Mapping[str, Any]) -> ForkedWork:
    """Return the fork that `fork_to_json` described."""
    return ForkedWork(
        data["id"], data["name"], data["join"], {leg["leg"]: leg["work"] for leg in data["legs"]}
    )


def approval_to_json(approval: Approval) -> dict[str, Any]:
    """Return an approval as plain JSON."""
    return {
        "id": approval.id,
        "chain": approval.chain,
        "order": approval.order,
        "levels": [level.as_json() for level in approval.levels],
        "requested_by": approval.requested_by,
        "actor": approval.actor,
        "requested_at": _text(approval.requested_at),
        "position": approval.position,
        "state": approval.state,
        "playbook": approval.playbook,
        "number": approval.number,
        "decisions": [
            {
                "level": found.level,
                "role": found.role,
                "decision": found.decision,
                "by": found.by,
                "at": _text(found.at),
                "back_to": found.back_to,
                "counts": found.counts,
                "actor": found.actor,
            }
            for found in approval.decisions
        ],
        "ended_at": _text(approval.ended_at),
        # Left out where nothing changed, as whatever else says nothing.
        **({"changed": sorted(approval.changed)} if approval.changed else {}),
    }


def approval_from_json(data: Mapping[str, Any]) -> Approval:
    """Return the approval that `approval_to_json` described."""
    return Approval(
        id=data["id"],
        chain=data["chain"],
        order=data["order"],
        levels=tuple(level_of(level) for level in data["levels"]),
        requested_by=data["requested_by"],
        actor=data["actor"],
        requested_at=_moment(data["requested_at"]),
        position=data["position"],
        state=data["state"],
        playbook=data["playbook"],
        number=data["number"],
        decisions=tuple(
            Decision(
                found["level"],
                found["role"],
                found["decision"],
                found["by"],
                _moment(found["at"]),
                found["back_to"],
                found["counts"],
                found.get("actor"),
            )
            for found in data["decisions"]
        ),
        ended_at=_moment(data["ended_at"]),
        changed=frozenset(data.get("changed", ())),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment_text(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
