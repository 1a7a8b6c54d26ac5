"""What the log says of records and of the organisation, as of a position."""

from datetime import datetime
from typing import Any

from oracle import work

Event = dict[str, Any]
Record = dict[str, Any]
Organisation = dict[str, Any]


def upto(events: list[Event], position: int) -> list[Event]:
    """The events up to a position, this one included."""
    return [event for event in events if event["position"] <= position]


def moment(text: object) -> datetime | None:
    """A moment from its text."""
    if isinstance(text, datetime):
        return text
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def is_empty(value: object) -> bool:
    """Nothing, no words, no options: not filled."""
    return value is None or value in ("", [])


def is_erased(value: object) -> bool:
    """Something was there, and nobody can read it."""
    return isinstance(value, dict) and value.get("erased") is True


def fold(events: list[Event], position: int | None = None) -> dict[str, Record]:
    """Every record that was ever opened or asked for, by its stream, as of a position."""
    records: dict[str, Record] = {}
    for event in events:
        if position is None or event["position"] <= position:
            apply(records, event)
    return {
        stream: record for stream, record in records.items() if record["is_open_ever"] or record["decisions"]
    }


def _blank(stream: str) -> Record:
    return {
        "stream": stream, "kind": stream.partition("/")[0], "version": 0, "position": 0, "is_open_ever": False,
        "opened_at": None, "opened_position": None, "path": None, "fields": {}, "unknown": set(), "stage": None,
        "stage_entered_at": None, "owner": None, "owners": [], "visits": [], "changes": [], "confirmations": [], "touches": {},
        "evidence": [], "decisions": [], "command": None, "work": {}, "approvals": {},
    }  # fmt: skip


def as_it_is(record: Record | None) -> Record | None:
    """A record that stays as it is when more happens: what it holds is added to and replaced, never changed in itself."""
    kept = (list, dict, set)
    if record is None:
        return None
    return {name: part.copy() if isinstance(part, kept) else part for name, part in record.items()}


def apply(records: dict[str, Record], event: Event) -> None:
    """Let one more event happen."""
    topic, payload = event["topic"], event["payload"]
    if topic == "record.move-refused.v1":
        record = records.setdefault(payload["record"], _blank(payload["record"]))
        record["decisions"].append(_decision(event, False, payload))
        return
    if not topic.startswith("record."):
        return
    record = records.setdefault(event["stream"], _blank(event["stream"]))
    record["version"], record["position"] = event["version"], event["position"]
    at, position = event["occurred_at"], event["position"]
    work.apply(record, event)
    match topic:
        case "record.opened.v1":
            record.update(
                is_open_ever=True,
                opened_at=at,
                opened_position=position,
                path=payload.get("path"),
                owner=payload.get("owner"),
                stage=payload.get("stage"),
                stage_entered_at=at,
                unknown=set(payload.get("unknown") or ()) - set(payload["fields"]),
                fields=dict(payload["fields"]),
            )
            record["owners"].append((position, record["owner"]))
            for name, value in payload["fields"].items():
                _changed(record, event, name, value, at_opening=True)
            if record["stage"] is not None:
                _entered(record, event, record["stage"], "open", None, payload.get("override"))
                opening = {"before": None, "after": record["stage"], "move": "open", **payload}
                record["decisions"].append(_decision(event, True, opening))
        case "record.fields-changed.v1":
            for name, change in payload["changes"].items():
                record["fields"][name] = change["new"]
                record["unknown"].discard(name)
                _changed(record, event, name, change["new"], at_opening=False)
        case "record.fields-confirmed.v1":
            record["confirmations"] += [
                {"position": position, "field": name, "at": at} for name in payload["fields"]
            ]
        case "record.stage-changed.v1":
            left = {"left_position": position, "left_at": at, "next_step": payload["after"]}
            record["visits"][-1] = {**record["visits"][-1], **left}
            _entered(
                record, event, payload["after"], payload["move"], payload["before"], payload.get("override")
            )
            record["stage"], record["stage_entered_at"] = payload["after"], at
            record["decisions"].append(_decision(event, True, payload))
        case "record.touched.v1":
            record["touches"][payload["touch"]] = {
                "touch": payload["touch"], "position": position, "kind": payload["kind"], "at": at, "actor": event["actor"],
            }  # fmt: skip
        case "record.touch-corrected.v1":
            touch, changes = record["touches"][payload["touch"]], payload.get("changes") or {}
            if payload.get("withdrawn"):
                del record["touches"][payload["touch"]]
            if "kind" in changes:
                touch = {**touch, "kind": changes["kind"]}
            if "happened_at" in changes:
                touch = {**touch, "at": moment(changes["happened_at"])}
            if not payload.get("withdrawn"):
                record["touches"][payload["touch"]] = touch
        case "record.evidence-attached.v1":
            record["evidence"].append(
                {"evidence": payload["evidence"], "field": payload["field"], "position": position, "at": at,
                 "valid_until": payload.get("valid_until"), "actor": event["actor"]}
            )  # fmt: skip
        case "record.owner-changed.v1":
            record["owner"] = payload["after"]
            record["owners"].append((position, payload["after"]))


def _changed(record: Record, event: Event, name: str, new: object, *, at_opening: bool) -> None:
    record["changes"].append(
        {"position": event["position"], "field": name, "new": new, "at": event["occurred_at"], "at_opening": at_opening}
    )  # fmt: skip


def _entered(record: Record, event: Event, step: str, move: str, before: str | None, override: Any) -> None:
    visits = record["visits"]
    visits.append(
        {
            "position": event["position"], "step": step, "entered_at": event["occurred_at"], "move": move, "before": before,
            "entry": 1 + sum(visit["step"] == step for visit in visits), "left_position": None, "left_at": None,
            "next_step": None, "overridden": override is not None, "path": record["path"], "owner": record["owner"],
        }
    )  # fmt: skip


def _decision(event: Event, accepted: bool, payload: dict[str, Any]) -> dict[str, Any]:
    override = payload.get("override") or {}
    return {
        "position": event["position"], "at": event["occurred_at"], "accepted": accepted, "before": payload.get("before"),
        "after": payload["after"], "move": payload["move"], "unmet": sorted(payload.get("unmet") or ()),
        "waived": sorted(override.get("waived") or ()) if accepted else sorted(payload.get("waived") or ()), "event": event,
    }  # fmt: skip


def value_at(record: Record, name: str, position: int) -> Any:
    """The value of a field as of a position."""
    values = [
        change["new"]
        for change in record["changes"]
        if change["field"] == name and change["position"] <= position
    ]
    return values[-1] if values else None


def owner_at(record: Record, position: int) -> str | None:
    """Who answered for a record as of a position."""
    owners = [owner for since, owner in record["owners"] if since <= position]
    return owners[-1] if owners else None


def organisation(events: list[Event], position: int) -> Organisation:
    """Teams and people as of a position: `{"teams": …, "people": …}`."""
    teams: dict[str, Any] = {}
    people: dict[str, Any] = {}
    for event in upto(events, position):
        payload = event["payload"]
        match event["topic"]:
            case "organisation.team-formed.v1":
                teams[payload["team"]] = {"region": payload.get("region"), "part_of": payload.get("part_of")}
            case "organisation.person-joined.v1":
                people[payload["person"]] = {
                    "team": payload.get("team"), "own_region": payload.get("region"), "active": True,
                    "roles": set(payload.get("roles") or ()),
                }  # fmt: skip
            case "organisation.person-moved.v1":
                people[payload["person"]].update(team=payload["team"], own_region=payload.get("region"))
            case "organisation.person-left.v1":
                people[payload["person"]].update(active=False, roles=set())
            case "organisation.role-granted.v1":
                people[payload["person"]]["roles"].add(payload["role"])
            case "organisation.role-revoked.v1":
                people[payload["person"]]["roles"].discard(payload["role"])
    return {"teams": teams, "people": people}


def team_of(organisation: Organisation, person: str | None) -> str | None:
    """The team of a person."""
    known = organisation["people"].get(person)
    return known["team"] if known else None


def region_of(organisation: Organisation, person: str | None) -> str | None:
    """The region of a person: their own, else that of their team."""
    known = organisation["people"].get(person)
    if known is None:
        return None
    if known["own_region"] is not None:
        region: str | None = known["own_region"]
        return region
    team = organisation["teams"].get(known["team"])
    return team["region"] if team else None
