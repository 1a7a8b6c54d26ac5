"""Who is asked to agree: every request for agreement routed again, one after the other, by the rules of then and by a draft."""

from datetime import datetime
from typing import Any

from oracle import gates, rules
from oracle import log as told
from oracle import playbooks as books
from oracle.log import Event, Record, is_erased, moment
from oracle.replay import nobody_knows

Request = dict[str, Any]
Company = dict[str, Any]
Levels = list[dict[str, Any]]

UNRECORDED = "reads what nobody recorded"


class Refused(Exception):
    """A request that nobody could have made under these rules."""


def requests(events: list[Event], window: tuple[int, int]) -> list[Request]:
    """The requests of a window (after, upto], each with what stood in the log right before it."""
    published = books.versions(events, window[1])
    found = []
    for event in events:
        if event["topic"] != "record.approval-requested.v1" or not window[0] < event["position"] <= window[1]:
            continue
        before = event["position"] - 1
        playbook = books.version(published, event["playbook"], event["playbook_version"])
        record = books.adopted(told.fold(events, before)[event["stream"]], playbook, published)
        found.append(
            {
                "position": event["position"], "record": record, "playbook": playbook, "published": published, "payload": event["payload"],
                "company": company(events, before), "at": event["occurred_at"], "now": event["decided_at"],
                "for": event["on_behalf_of"] or event["actor"], "by": event["actor"],
            }
        )  # fmt: skip
    return found


# ── the law ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def law_of(request: Request) -> str:
    """Whether the rules of then ask the same people at the same levels again."""
    chain = _chain(request["playbook"], request)
    asked = [level["name"] for level in chain["levels"] if _holds(request, level, request["playbook"], request["record"]) is not False]  # fmt: skip
    applies = _holds(request, chain, request["playbook"], request["record"])
    try:
        levels = routed(request, chain, asked) if applies is True else []
    except Refused:
        levels = []
    if (
        levels == [_plain(level) for level in request["payload"]["levels"]]
        and chain.get("order", "sequence") == (request["payload"]["order"])
    ):
        return "reproduced"
    trees = [_tree(request, part, request["playbook"]) for part in (chain, *chain["levels"])]
    is_hanging = any(tree is not None and _reads_erased(tree, request["record"]) for tree in trees)
    return "erased" if is_hanging else "different"


# ── a draft ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def rows(request: Request, draft: books.Playbook) -> list[dict[str, Any]]:
    """A row for each role of each level that was asked, or would have been by a draft."""
    was = _roles(request["payload"]["levels"])
    found: dict[tuple[str, str], Any] = {}
    try:
        order, levels, unknown = _drafted(request, draft)
    except Refused as refused:
        verdict = "not_judgeable" if refused.args[0] in (UNRECORDED, "no such kind") else "gone"
        return [_row(request, key, verdict, refused.args[0], level, None) for key, level in was.items()]
    would = _roles(levels)
    for key in {**was, **would}:
        if key[0] in unknown:
            found[key] = ("not_judgeable", UNRECORDED, was.get(key), None)
        elif key not in would:
            is_level_there = key[0] in [level["name"] for level in levels]
            found[key] = ("gone", "role not asked" if is_level_there else "level not asked", was[key], None)
        elif key not in was:
            was_level_there = key[0] in [level for level, _ in was]
            found[key] = ("new", "role asked" if was_level_there else "level asked", None, would[key])
        else:
            why = _why(key[1], was[key], would[key], request["payload"]["order"], order)
            found[key] = ("changed" if why else "unchanged", why, was[key], would[key])
    return [_row(request, key, *told_of) for key, told_of in found.items()]


def _why(role: str, was: Any, would: Any, order: str, order_now: str) -> str | None:
    if (was["approvers"][role], was.get("asked", {}).get(role)) != (would["approvers"][role], would.get("asked", {}).get(role)):  # fmt: skip
        return "another person"
    if was["quorum"] != would["quorum"]:
        return "another quorum"
    if order != order_now:
        return "another order"
    return None if was.get("within_hours") == would.get("within_hours") else "another time limit"


def _row(
    request: Request, key: tuple[str, str], verdict: str, why: str | None, was: Any, would: Any
) -> dict[str, Any]:
    return {
        "request": request["position"], "position": None if was is None else request["position"], "level": key[0], "role": key[1],
        "name": request["payload"]["chain"], "verdict": verdict, "why": why,
        "person_was": None if was is None else was["approvers"][key[1]],
        "person_would": None if would is None else would["approvers"][key[1]],
    }  # fmt: skip


def _drafted(request: Request, draft: books.Playbook) -> tuple[str, Levels, set[str]]:
    """The order and levels a draft asks, and the levels of which nobody can say whether they are asked. Raises Refused."""
    kind_name = request["record"]["kind"]
    if kind_name not in books.kinds(draft):
        raise Refused("no such kind")
    kind, then = books.kinds(draft)[kind_name], books.kinds(request["playbook"])[kind_name]
    chains = books.named(kind.get("approvals"))
    if request["payload"]["chain"] not in chains:
        raise Refused("no such chain")
    chain = chains[request["payload"]["chain"]]
    zone = draft["document"].get("time_zone", "UTC")
    record = gates.with_validity(request["record"], then, kind, zone)

    def answer(part: dict[str, Any], recorded: bool) -> Any:
        tree, before = _tree(request, part, draft), _tree(request, part, request["playbook"])
        if tree is None:
            return True
        if tree == before:
            return recorded if _reads_erased(tree, record) else _holds(request, part, draft, record)
        item = {"id": "condition:?", "tree": tree, "is_met": False}
        attempt = {"record": record, "at": request["at"]}
        if nobody_knows(item, attempt, then):
            return UNRECORDED
        return _holds(request, part, draft, record)

    applies = answer({**chain, "of": None}, True)
    if applies == UNRECORDED:
        raise Refused(UNRECORDED)
    if applies is not True:
        raise Refused("chain does not apply")
    was = [level["name"] for level in request["payload"]["levels"]]
    answers = {level["name"]: answer(level, level["name"] in was) for level in chain["levels"]}
    asked = [name for name, it in answers.items() if it != UNRECORDED and it is not False]
    unknown = {name for name, it in answers.items() if it == UNRECORDED}
    levels = routed(request, chain, asked) if asked or not unknown else []
    for name in unknown:
        try:
            levels += routed(request, chain, [name])
        except Refused:
            continue
    return chain.get("order", "sequence"), levels, unknown


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _chain(playbook: books.Playbook, request: Request) -> dict[str, Any]:
    kind = books.kinds(playbook)[request["record"]["kind"]]
    found: dict[str, Any] = books.named(kind["approvals"])[request["payload"]["chain"]]
    return found


def _tree(request: Request, part: dict[str, Any], playbook: books.Playbook) -> rules.Tree | None:
    """The rule of a chain (which has levels) or of one of its levels."""
    middle = f"{request['record']['kind']}/approvals/{request['payload']['chain']}"
    place = f"{middle}/when" if "levels" in part else f"{middle}/{part['name']}/when"
    return playbook["rules"].get(place)


def _holds(request: Request, part: dict[str, Any], playbook: books.Playbook, record: Record) -> bool | None:
    tree = _tree(request, part, playbook)
    if tree is None:
        return True
    kind = books.kinds(playbook)[record["kind"]]
    known = gates.with_chains(record, kind, playbook)
    attempt = {"record": known, "after": record["stage"], "at": request["at"]}
    return gates.holds(tree, attempt, playbook["document"].get("time_zone", "UTC"))


def _reads_erased(tree: rules.Tree, record: Record) -> bool:
    return any(is_erased(record["fields"].get(name)) for name in rules.fields_of(tree))


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def routed(request: Request, chain: dict[str, Any], asked: list[str]) -> Levels:
    """The levels with their people. Raises Refused where a role finds nobody, and where no level is asked."""
    if not asked:
        raise Refused("no level asked")
    levels = []
    for level in chain["levels"]:
        if level["name"] not in asked:
            continue
        has = _one_for_each({role: _able(request, level, role) for role in level["roles"]})
        found = {
            "name": level["name"],
            "approvers": {role: has[role][0] for role in level["roles"]},
            "quorum": level.get("quorum") or len(level["roles"]),
        }
        standing_in = {role: has[role][1] for role in level["roles"] if has[role][1] is not None}
        if standing_in:
            found["asked"] = standing_in
        if level.get("within_hours") is not None:
            found["within_hours"] = level["within_hours"]
        levels.append(_plain(found))
    return levels


def _plain(level: dict[str, Any]) -> dict[str, Any]:
    hours = level.get("within_hours")
    return level if hours is None else {**level, "within_hours": str(hours)}


def _roles(levels: Levels) -> dict[tuple[str, str], dict[str, Any]]:
    return {(level["name"], role): level for level in levels for role in level["approvers"]}


def _one_for_each(candidates: dict[str, list[tuple[str, str | None]]]) -> dict[str, tuple[str, str | None]]:
    """A person for each role, nobody twice: each role takes the first it can have, and whoever had them moves on to another."""
    holder: dict[str, str] = {}

    def seat(role: str, closed: frozenset[str]) -> frozenset[str] | None:
        """Seat a role outside the closed seats; the seats that were tried in vain, None once it sits."""
        for person, _ in candidates[role]:
            if person in closed:
                continue
            closed |= {person}
            if person in holder:
                moved = seat(holder[person], closed)
                if moved is not None:
                    closed = moved
                    continue
            holder[person] = role
            return None
        return closed

    for role in candidates:
        if seat(role, frozenset()) is not None:
            raise Refused("nobody to ask")
    found = {}
    for person, role in holder.items():
        found[role] = next(it for it in candidates[role] if it[0] == person)
    return found


def _able(request: Request, level: dict[str, Any], role: str) -> list[tuple[str, str | None]]:
    """Whoever may decide a role, each with whose role it is where they stand in. Raises Refused where there is nobody."""
    people, now = request["company"], request["now"]
    named = request["payload"].get("named", {}).get(level["name"], {}).get(role)
    never = {request["for"]} | ({request["by"]} if request["by"].startswith("person/") else set())
    if role in ("manager", "managers_manager"):
        above = manager(people, request["for"])
        if role == "managers_manager" and above is not None:
            above = manager(people, above)
        wanted = [above] if above is not None else []
    elif named is not None:
        wanted = [named] if role in people["people"].get(named, {"roles": ()})["roles"] else []
    else:
        wanted = near_first(people, role, request["for"])
    able = []
    for person in wanted:
        takes = takes_it(people, person, now)
        if takes is None or person in never or takes in never:
            continue
        able.append((takes, None if takes == person else person))
        if len(able) == len(level["roles"]):
            break
    if not able:
        raise Refused("nobody to ask")
    return able


def manager(people: Company, person: str) -> str | None:
    """Who leads somebody."""
    known = people["people"].get(person)
    return known["manager"] if known else None


def near_first(people: Company, role: str, near: str) -> list[str]:
    """Whoever holds a role: first those of the same team, of the team above it, and so on; then those of the region; then all others."""
    known = people["people"].get(near, {"team": None})
    ladder: list[str] = []
    team = known["team"]
    while team is not None and team not in ladder:
        ladder.append(team)
        team = people["teams"].get(team, {}).get("part_of")
    region = told.region_of(people, near)
    holding = [person for person, it in people["people"].items() if role in it["roles"]]

    def rank(person: str) -> tuple[int, str]:
        own = people["people"][person]["team"]
        if own in ladder:
            return ladder.index(own), person
        is_near = region is not None and told.region_of(people, person) == region
        return len(ladder) + (not is_near), person

    return sorted(holding, key=rank)


def takes_it(people: Company, person: str, now: datetime) -> str | None:
    """Who decides in somebody's place; None where nobody is left, or they stand in for each other in a circle."""
    seen = [person]
    while len(seen) <= 6:
        last = seen[-1]
        if not _is_here(people, last):
            return None
        away = [it for it in people["absences"].values() if it["person"] == last and _holds_at(it, now)]
        if not away:
            return last
        given = [it for it in people["delegations"].values() if it["person"] == last and _holds_at(it, now)]
        named = [it["stand_in"] for it in reversed(away) if it["stand_in"] is not None]
        named += [it["to"] for it in reversed(given) if "approvals" in it["covers"]]
        following = [it for it in named if _is_here(people, it)][:1]
        if not following or following[0] in seen:
            return None
        seen += following
    return None


def _is_here(people: Company, person: str) -> bool:
    return bool(people["people"].get(person, {"active": False})["active"])


def _holds_at(span: dict[str, Any], now: datetime) -> bool:
    return span["begins"] <= now and (span["ends"] is None or now < span["ends"])


def company(events: list[Event], position: int) -> Company:
    """Teams, people with whoever leads them, absences and delegations as of a position, each in the order it was said in."""
    found = told.organisation(events, position)
    absences: dict[str, Any] = {}
    delegations: dict[str, Any] = {}
    for event in told.upto(events, position):
        payload, topic = event["payload"], event["topic"]
        match topic.removeprefix("organisation.").removesuffix(".v1"):
            case "person-joined" | "person-moved":
                found["people"][payload["person"]]["manager"] = payload.get("manager")
            case "absence-noted" | "delegation-given" as what:
                kept = absences if what == "absence-noted" else delegations
                span = {"begins": moment(payload["begins"]), "ends": moment(payload.get("ends"))}
                name = payload["absence" if what == "absence-noted" else "delegation"]
                kept[name] = {"stand_in": None, **payload, **span}
            case "absence-ended" | "delegation-ended" as what:
                kept = absences if what == "absence-ended" else delegations
                span = kept[payload["absence" if what == "absence-ended" else "delegation"]]
                now = event["decided_at"]
                span["ends"] = now if span["ends"] is None else min(span["ends"], now)
    return {**found, "absences": absences, "delegations": delegations}
