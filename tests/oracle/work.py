"""What people were asked about a record: work items and approvals, as far as rules ask of them."""

from typing import Any

Event = dict[str, Any]
Record = dict[str, Any]
Approval = dict[str, Any]

_ENDS = {
    "record.work-completed.v1": "done",
    "record.work-declined.v1": "declined",
    "record.work-cancelled.v1": "cancelled",
}


def apply(record: Record, event: Event) -> None:
    """Let something that people were asked, or answered, happen to a record."""
    topic, payload = event["topic"], event["payload"]
    if topic == "record.work-requested.v1":
        asked = {"template": payload["template"], "position": event["position"], "end": None, "form": {}}
        record["work"][payload["work"]] = asked
    elif topic in _ENDS:
        item = record["work"][payload["work"]]
        record["work"][payload["work"]] = {**item, "end": _ENDS[topic], "form": payload.get("fields") or {}}
    elif topic == "record.approval-requested.v1":
        record["approvals"][payload["approval"]] = {
            "chain": payload["chain"], "position": event["position"], "levels": payload["levels"], "said": [], "end": None,
            "told_since": set(),
        }  # fmt: skip
    elif topic == "record.fields-changed.v1":
        for name, approval in record["approvals"].items():
            told_since = approval["told_since"] | set(payload["changes"])
            record["approvals"][name] = {**approval, "told_since": told_since}
    elif topic.startswith("record.approval-"):
        approval = record["approvals"][payload["approval"]]
        record["approvals"][payload["approval"]] = _answered(approval, topic, payload)


def _answered(approval: Approval, topic: str, payload: dict[str, Any]) -> Approval:
    if topic == "record.approval-recalled.v1":
        return {**approval, "end": "recalled"}
    if topic == "record.approval-decided.v1" and payload["decision"] == "rejected":
        if payload.get("back_to") is None:
            return {**approval, "end": "rejected"}
        names = [level["name"] for level in approval["levels"]]
        first, last = names.index(payload["back_to"]), names.index(payload["level"])
        asked_again = names[first : last + 1]
        return {**approval, "said": [it for it in approval["said"] if it[0] not in asked_again]}
    if topic == "record.approval-decided.v1":
        approval = {**approval, "said": [*approval["said"], (payload["level"], payload["role"])]}
    elif topic == "record.approval-migrated.v1":
        approval = {**approval, "levels": payload["levels"]}
    else:
        return approval
    return {**approval, "end": "approved"} if _is_agreed(approval) else approval


def _is_agreed(approval: Approval) -> bool:
    """Whether every level has as many approvals as it asks for, of roles it has."""
    said = set(approval["said"])
    return all(
        sum((level["name"], role) in said for role in level["approvers"]) >= level["quorum"]
        for level in approval["levels"]
    )


def is_done(record: Record, template: str) -> bool:
    """Whether the work of a template that was asked last came to its end by being done."""
    return _asked_last(record, template).get("end") == "done"


def outcome(record: Record, template: str, field: str) -> Any:
    """What the form of the work of a template that was asked last says, once it is done; nothing before."""
    last = _asked_last(record, template)
    return last["form"].get(field) if last.get("end") == "done" else None


def _asked_last(record: Record, template: str) -> dict[str, Any]:
    asked = [item for item in record["work"].values() if item["template"] == template]
    return max(asked, key=lambda item: item["position"], default={})


def is_approved(record: Record, chain: str) -> bool:
    """Whether the approval of a chain that was asked last was given, and nothing the chain's rules read was told anew since it was asked."""
    asked = [approval for approval in record["approvals"].values() if approval["chain"] == chain]
    if not asked:
        return False
    last = max(asked, key=lambda approval: approval["position"])
    return last["end"] == "approved" and not record["stands_on"][chain] & last["told_since"]
