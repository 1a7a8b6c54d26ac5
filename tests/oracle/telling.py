"""Whom a rung means, by name, as of a position of the organisation's events and at a moment."""

from datetime import datetime
from typing import Any

from oracle.arming import Ladder
from oracle.asked import approvals, missing, open_levels, work_items
from oracle.log import Event, moment


def people(events: list[Event]) -> dict[str, Any]:
    """Everybody with their team, manager, roles; who is away, and whom they named to stand in; each list in the order it was said."""
    found: dict[str, Any] = {"people": {}, "teams": {}, "absences": {}, "delegations": {}}
    for event in events:
        payload, word = event["payload"], event["topic"].removeprefix("organisation.").removesuffix(".v1")
        everybody = found["people"]
        match word:
            case "team-formed":
                found["teams"][payload["team"]] = payload.get("region")
            case "person-joined":
                everybody[payload["person"]] = {
                    "team": payload.get("team"), "manager": payload.get("manager"), "region": payload.get("region"),
                    "roles": set(payload.get("roles") or ()), "active": True,
                }  # fmt: skip
            case "person-moved":
                everybody[payload["person"]].update(
                    team=payload.get("team"), manager=payload.get("manager"), region=payload.get("region")
                )
            case "person-left":
                everybody[payload["person"]]["active"] = False
            case "role-granted":
                everybody[payload["person"]]["roles"].add(payload["role"])
            case "role-revoked":
                everybody[payload["person"]]["roles"].discard(payload["role"])
            case "absence-noted":
                found["absences"][payload["absence"]] = _span(payload, payload.get("stand_in"))
            case "delegation-given":
                found["delegations"][payload["delegation"]] = _span(payload, payload["to"])
            case _:
                pass
    return found


def _span(payload: dict[str, Any], to: str | None) -> dict[str, Any]:
    return {
        "person": payload["person"], "begins": moment(payload["begins"]), "ends": moment(payload.get("ends")), "to": to,
        "covers": payload.get("covers"),
    }  # fmt: skip


def told(
    ladder: Ladder, rung: int, events: list[Event], organised: dict[str, Any], at: datetime
) -> list[str]:
    """Who is told at a rung, each once, in the order of the ladder; whoever is away with whoever stands in for them."""
    spec, (_, subject, _) = ladder["spec"], ladder["key"]
    owner = None
    for event in events:
        if event["topic"] == "record.opened.v1":
            owner = event["payload"].get("owner")
        elif event["topic"] == "record.owner-changed.v1":
            owner = event["payload"]["after"]
    turn, deciding = _turn(subject, events)
    whose = ([] if owner is None else [owner]) if subject is None else turn
    if "part" in spec and subject is not None:
        whose = _of_part(spec, subject, turn, events, organised)
    plain = "assignee" if subject is not None else "owner"
    words = [plain] if rung == 0 else (spec.get("ladder") or [{"tell": [plain]}])[rung - 1]["tell"]
    found: list[str] = []
    for word in words:
        for person in _meant(word, whose, owner, organised):
            covers = "approvals" if person in deciding else "work"
            instead = _stand_in(person, at, covers, organised)
            found += [person] if instead is None else [person, instead]
    return list(dict.fromkeys(found))


def _turn(subject: str | None, events: list[Event]) -> tuple[list[str], list[str]]:
    """Whose turn it is, and who of them decides an approval."""
    work, agreeing = work_items(events), approvals(events)
    if subject in work:
        return [work[subject]["assignee"]], []
    if subject in agreeing:
        waited = [person for level in open_levels(agreeing[subject]) for person in missing(level)]
        return list(dict.fromkeys(waited)), waited
    return [], []


def _of_part(
    spec: Any, subject: str, turn: list[str], events: list[Event], organised: dict[str, Any]
) -> list[str]:
    agreeing = approvals(events)
    if subject in agreeing:
        return [person for level in agreeing[subject]["levels"] if level["name"] == spec["part"] for person in missing(level)]  # fmt: skip
    role = spec.get("role")
    if role is None or any(role in _roles(person, organised) for person in turn):
        return turn
    return _holders(role, turn, organised) or turn


def _meant(word: str, whose: list[str], owner: str | None, organised: dict[str, Any]) -> list[str]:
    if word in ("owner", "assignee"):
        named = whose if word == "assignee" else [] if owner is None else [owner]
        here = [
            [person] if _is_here(person, organised) else _above(person, organised)[:1] for person in named
        ]
        return [person for each in here for person in each]
    if word in ("manager", "managers_manager"):
        level = 0 if word == "manager" else 1
        return [person for each in whose for person in _above(each, organised)[level : level + 1]]
    return _holders(word, whose, organised)


def _is_here(person: str, organised: dict[str, Any]) -> bool:
    return bool(organised["people"].get(person, {}).get("active"))


def _roles(person: str, organised: dict[str, Any]) -> set[str]:
    return organised["people"][person]["roles"] if _is_here(person, organised) else set()


def _region(person: str, organised: dict[str, Any]) -> str | None:
    known = organised["people"].get(person)
    if known is None:
        return None
    own: str | None = known["region"]
    return own if own is not None else organised["teams"].get(known["team"])


def _above(person: str, organised: dict[str, Any]) -> list[str]:
    """Everybody above a person who works here, the nearest first; whoever leads in a circle leads once."""
    found, seen = [], [person]
    while (leader := organised["people"].get(seen[-1], {}).get("manager")) is not None and leader not in seen:
        seen.append(leader)
        if _is_here(leader, organised):
            found.append(leader)
    return found


def _holders(role: str, whose: list[str], organised: dict[str, Any]) -> list[str]:
    """Who holds a role: the nearest above each, else those of their regions, else everybody."""
    holders = [person for person in sorted(organised["people"]) if role in _roles(person, organised)]
    near = {next((who for who in _above(person, organised) if who in holders), None) for person in whose} - {
        None
    }
    regions = {_region(person, organised) for person in whose} - {None}
    beside = [person for person in holders if _region(person, organised) in regions]
    return sorted(who for who in near if who is not None) or beside or holders


def _stand_in(person: str, at: datetime, covers: str, organised: dict[str, Any]) -> str | None:
    """Who takes what would be a person's, five times over at most; None where nobody is left, or they stand in for each other."""
    seen = [person]
    while _is_here(seen[-1], organised) and len(seen) <= 6:
        away = _holding(organised["absences"], seen[-1], at)
        if not away:
            return seen[-1]
        given = [
            it for it in _holding(organised["delegations"], seen[-1], at) if covers in (it["covers"] or ())
        ]
        named = [it["to"] for it in [*away, *given] if it["to"] is not None and _is_here(it["to"], organised)]
        if not named or named[0] in seen:
            return None
        seen.append(named[0])
    return None


def _holding(spans: dict[str, Any], person: str, at: datetime) -> list[dict[str, Any]]:
    """What holds for a person at a moment, said last first."""
    return [
        it for it in reversed(list(spans.values()))
        if it["person"] == person and it["begins"] <= at and (it["ends"] is None or at < it["ends"])
    ]  # fmt: skip
