"""What follows by itself: every event asked again what it sets off, by the rules of then and by a draft, one after the other."""

from typing import Any

from oracle import gates, rules
from oracle import log as told
from oracle import playbooks as books
from oracle.approvals import Company, company, near_first
from oracle.log import Event, Record, is_erased
from oracle.replay import nobody_knows

Cause = dict[str, Any]
Reaction = dict[str, Any]
Row = dict[str, Any]

UNRECORDED = "reads what nobody recorded"
_AFTER = {
    "record.opened.v1": "opened",
    "record.fields-changed.v1": "fields-changed",
    "record.stage-changed.v1": "stage-changed",
    "record.touched.v1": "touched",
    "record.evidence-attached.v1": "evidence-attached",
    "record.owner-changed.v1": "owner-changed",
    "record.work-requested.v1": "work-requested",
    "record.work-responded.v1": "work-responded",
    "record.work-completed.v1": "work-completed",
    "record.work-declined.v1": "work-declined",
    "record.work-cancelled.v1": "work-cancelled",
    "record.approval-requested.v1": "approval-requested",
    "record.approval-decided.v1": "approval-decided",
    "record.approval-migrated.v1": "approval-decided",
    "deadline.noticed.v1": "deadline-noticed",
}


def causes(events: list[Event], window: tuple[int, int]) -> list[Cause]:
    """The events of a window (after, upto] that could set anything off, each with what stood right after it and what it set off."""
    noted = outcomes(events)
    published = books.versions(events, events[-1]["position"])
    found = []
    for event in events:
        position = event["position"]
        is_meant = event["topic"] in _AFTER and event["channel"] != "import" and event["playbook"] is not None
        if not is_meant or not window[0] < position <= window[1]:
            continue
        stream = event["payload"]["record"] if event["topic"].startswith("deadline.") else event["stream"]
        playbook = books.version(published, event["playbook"], event["playbook_version"])
        before = told.fold(events, position)[stream]
        found.append(
            {
                "event": event, "position": position, "stream": stream, "record": books.adopted(before, playbook, published), "playbook": playbook,
                "published": published, "noted": noted.get(position, {}), "joined": _joined(events, event), "company": company(events, position - 1),
                "last": max(noted, default=0),
            }
        )  # fmt: skip
    return found


def outcomes(events: list[Event]) -> dict[int, dict[str, int]]:
    """By cause: which reactions ran or failed, and where that was said first."""
    found: dict[int, dict[str, int]] = {}
    for event in events:
        if event["topic"] in ("reaction.ran.v1", "reaction.failed.v1"):
            said = event["payload"]
            found.setdefault(said["cause"], {}).setdefault(said["reaction"], event["position"])
    return found


def _joined(events: list[Event], last: Event) -> str | None:
    """The fork whose legs an event has made as many done as it waits for."""
    forks: dict[str, Any] = {}
    leg_of: dict[str, str] = {}
    done: dict[str, int] = {}
    for event in told.upto(events, last["position"]):
        payload = event["payload"]
        if event["stream"] != last["stream"]:
            continue
        if event["topic"] == "record.work-forked.v1":
            every = {"all": len(payload["legs"]), "any": 1}
            needed = every.get(payload["join"]) or int(payload["join"])
            forks[payload["fork"]] = {"name": payload["name"], "needed": needed}
        elif event["topic"] == "record.work-requested.v1" and payload.get("fork"):
            leg_of[payload["work"]] = payload["fork"]
        elif event["topic"] == "record.work-completed.v1" and payload["work"] in leg_of:
            fork = leg_of[payload["work"]]
            done[fork] = done.get(fork, 0) + 1
            if event is last and done[fork] == forks[fork]["needed"]:
                name: str = forks[fork]["name"]
                return name
    return None


# ── what waits for it ────────────────────────────────────────────────────────────────────────────────────────────────


def reactions(kind: books.Kind) -> dict[str, Reaction]:
    """The reactions of a kind by name, those of its forks last."""
    found = dict(books.named(kind.get("reactions")))
    for fork in kind.get("forks") or ():
        if fork.get("starts_on"):
            on = {"event": "stage-changed", "to": fork["starts_on"]}
            found[f"forks.{fork['name']}"] = {"name": f"forks.{fork['name']}", "on": on, "then": [{"start_fork": fork["name"]}]}  # fmt: skip
    return found


def waits(cause: Cause, reaction: Reaction, record: Record, reading: books.Playbook) -> bool:
    """Whether a reaction of a version waits for an event, whatever its rule says."""
    on, event, payload = reaction["on"], cause["event"], cause["event"]["payload"]
    ask = (reading, cause["published"], record["kind"])
    happened = _AFTER[event["topic"]]
    asked = {name: value for name, value in on.items() if name != "event"}
    if on["event"] == "fork-joined":
        return cause["joined"] is not None and asked.get("fork", cause["joined"]) == cause["joined"]
    if on["event"] == "stage-changed" and happened == "opened":
        after = books.step_as(payload.get("stage"), *ask)
        return (
            after is not None and "to" in asked and _comes_into(None, after, asked, record, reading, "open")
        )
    if on["event"] != happened:
        return False
    match happened:
        case "fields-changed":
            names = {books.field_as(name, *ask) for name in payload["changes"]}
            return "field" not in asked or asked["field"] in names
        case "stage-changed":
            before, after = (books.step_as(payload[name], *ask) for name in ("before", "after"))
            assert after is not None
            return _comes_into(before, after, asked, record, reading, payload["move"])
        case "evidence-attached":
            return asked.get("field") in (None, books.field_as(payload["field"], *ask))
        case "touched":
            return asked.get("kind") in (None, payload["kind"])
        case "work-requested" | "work-responded" | "work-completed" | "work-declined" | "work-cancelled":
            return asked.get("template") in (None, record["work"][payload["work"]]["template"])
        case "approval-requested":
            return asked.get("chain") in (None, payload["chain"])
        case "approval-decided":
            approval = record["approvals"][payload["approval"]]
            is_over = approval["end"] in ("approved", "rejected")
            wanted = (asked.get("chain", approval["chain"]), asked.get("decision", approval["end"]))
            return is_over and wanted == (approval["chain"], approval["end"])
        case "deadline-noticed":
            return all(payload[name] == value for name, value in asked.items())
        case _:
            return True


def _comes_into(before: str | None, after: str, asked: Any, record: Record, reading: books.Playbook, move: str) -> bool:  # fmt: skip
    if asked.get("move", move) != move:
        return False
    there = books.steps(books.kinds(reading)[record["kind"]])
    stage = there[after]["part_of"] if after in there else after
    was_in = there[before]["part_of"] if before in there else before
    return "to" not in asked or asked["to"] == after or (asked["to"] == stage and stage != was_in)


def holds(cause: Cause, name: str, record: Record, reading: books.Playbook) -> bool:
    """Whether the rule of a reaction is known to hold."""
    tree = tree_of(name, record, reading)
    if tree is None:
        return True
    known = gates.with_chains(record, books.kinds(reading)[record["kind"]], reading)
    attempt = {"record": known, "after": record["stage"], "at": cause["event"]["occurred_at"]}
    return gates.holds(tree, attempt, reading["document"].get("time_zone", "UTC")) is True


def tree_of(name: str, record: Record, reading: books.Playbook) -> rules.Tree | None:
    """The rule of a reaction; None where it has none."""
    return reading["rules"].get(f"{record['kind']}/reactions/{name}/when")


def _reads_erased(tree: rules.Tree | None, record: Record) -> bool:
    return tree is not None and any(is_erased(record["fields"].get(name)) for name in rules.fields_of(tree))


# ── the law ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def runs(cause: Cause) -> list[str]:
    """What the rules of then have an event set off."""
    there = reactions(books.kinds(cause["playbook"])[cause["record"]["kind"]])
    return [
        name
        for name, reaction in there.items()
        if waits(cause, reaction, cause["record"], cause["playbook"])
        and holds(cause, name, cause["record"], cause["playbook"])
    ]


def is_to_come(cause: Cause, name: str) -> bool:
    """Whether nobody can have expected a reaction yet: the last of which anything is known came before it."""
    if cause["position"] != cause["last"]:
        return bool(cause["position"] > cause["last"])
    there = list(reactions(books.kinds(cause["playbook"])[cause["record"]["kind"]]))
    return all(there.index(other) < there.index(name) for other in cause["noted"])


def law_of(cause: Cause) -> dict[str, str]:
    """Of each reaction to an event that is known, or should be, whether the rules of then say the same."""
    now, found = runs(cause), {}
    there = reactions(books.kinds(cause["playbook"])[cause["record"]["kind"]])
    for name in {*now, *cause["noted"]}:
        if name in now and name in cause["noted"]:
            found[name] = "reproduced"
        elif (
            name in there
            and waits(cause, there[name], cause["record"], cause["playbook"])
            and _reads_erased(tree_of(name, cause["record"], cause["playbook"]), cause["record"])
        ):
            found[name] = "erased"
        elif name in cause["noted"] or not is_to_come(cause, name):
            found[name] = "different"
    return found


# ── a draft ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def rows(cause: Cause, draft: books.Playbook) -> list[Row]:
    """What an event set off beside what it would set off under a draft."""
    kind_name = cause["record"]["kind"]
    now = runs(cause)
    was = {*cause["noted"], *(name for name in now if is_to_come(cause, name))}
    if kind_name not in books.kinds(draft):
        return [_row(cause, name, "not_judgeable", "no such kind", cause["playbook"], None) for name in was]
    kind, then = books.kinds(draft)[kind_name], books.kinds(cause["playbook"])[kind_name]
    published = [*cause["published"], draft]
    read = books.adopted(cause["record"], draft, published)
    record = gates.with_validity(read, then, kind, draft["document"].get("time_zone", "UTC"))
    waited = {name for name, it in reactions(then).items() if waits(cause, it, cause["record"], cause["playbook"])}  # fmt: skip
    found = []
    for name in was | set(reactions(kind)):
        would = reactions(kind).get(name)
        is_waiting = would is not None and waits({**cause, "published": published}, would, record, draft)
        said = _says(cause, name, record, draft, then, name in waited) if is_waiting else False
        if said is None:
            verdict, why = "not_judgeable", UNRECORDED
        elif name in was and said:
            is_same = _asks(name, then) == _asks(name, kind)
            verdict, why = ("unchanged", None) if is_same else ("changed", "other steps")
        elif name in was:
            why = "no such reaction" if would is None else "condition does not hold" if is_waiting else "waits for something else"  # fmt: skip
            verdict = "gone"
        elif said:
            why = "new reaction" if name not in reactions(then) else "condition holds" if name in waited else "waited for something else"  # fmt: skip
            verdict = "new"
        else:
            continue
        of_then = cause["playbook"] if name in was else None
        found.append(_row(cause, name, verdict, why, of_then, draft if said else None))
    return found


def _says(
    cause: Cause, name: str, record: Record, draft: books.Playbook, then: books.Kind, waited: bool
) -> bool | None:
    """What a rule of a draft says; None where nobody knows."""
    tree, before = tree_of(name, record, draft), tree_of(name, cause["record"], cause["playbook"])
    if tree is None:
        return True
    if _reads_erased(tree, record):
        return name in cause["noted"] if tree == before and waited else None
    if tree == before:
        return holds(cause, name, record, draft)
    ask = (draft, [*cause["published"], draft], record["kind"])
    fields = [{**field, "name": books.field_as(field["name"], *ask)} for field in then["fields"]]
    item = {"id": "condition:?", "tree": tree, "is_met": False}
    attempt = {"record": record, "at": cause["event"]["occurred_at"]}
    if nobody_knows(item, attempt, {**then, "fields": fields}):
        return None
    return holds(cause, name, record, draft)


def _asks(name: str, kind: books.Kind) -> list[Any]:
    """The steps of a reaction, with whose work it is, without the words people are told."""
    work = books.named(kind.get("work"))
    found: list[Any] = []
    for step in reactions(kind)[name]["then"]:
        ((what, asked),) = step.items()
        if what == "request_work":
            asked = {"assignee": work[asked["template"]].get("role"), **asked}
        elif what == "start_fork":
            fork = books.named(kind["forks"])[asked]
            legs = [(leg["name"], leg["template"], work[leg["template"]].get("role") or leg.get("role")) for leg in fork["legs"]]  # fmt: skip
            asked = (asked, legs, fork.get("join", "all"))
        elif what in ("alert", "notify"):
            asked = asked["tell"]
        found.append((what, asked))
    return found


def _row(cause: Cause, name: str, verdict: str, why: str | None, then: books.Playbook | None, draft: books.Playbook | None) -> Row:  # fmt: skip
    return {
        "cause": cause["position"], "name": name, "position": cause["noted"].get(name), "record": cause["stream"], "verdict": verdict, "why": why,
        "person_was": None if then is None else person(cause, name, then),
        "person_would": None if draft is None else person(cause, name, draft),
    }  # fmt: skip


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def person(cause: Cause, name: str, playbook: books.Playbook) -> str | None:
    """Whom the first step of a reaction asks or tells first."""
    kind = books.kinds(playbook)[cause["record"]["kind"]]
    ((what, asked),) = reactions(kind)[name]["then"][0].items()
    work = books.named(kind.get("work"))
    if what == "request_work":
        return _meant(cause, asked.get("assignee") or work[asked["template"]]["role"])
    if what == "start_fork":
        legs = books.named(kind["forks"])[asked]["legs"]
        people = [_meant(cause, work[leg["template"]].get("role") or leg["role"]) for leg in legs]
        return next((who for who in people if who is not None), None)
    if what in ("alert", "notify"):
        for word in asked["tell"]:
            who = _meant(cause, word)
            if who is not None and not _is_here(cause["company"], who):
                who = next(iter(_above(cause["company"], who)), None)
            if who is not None:
                return who
    return None


def _meant(cause: Cause, word: str) -> str | None:
    people, owner, event = cause["company"], cause["record"]["owner"], cause["event"]
    match word:
        case "owner":
            found: str | None = owner
            return found
        case "actor":
            who: str = event["on_behalf_of"] or event["actor"]
            return who if who.startswith("person/") else None
        case "manager" | "managers_manager":
            line = _above(people, owner)
            return dict(enumerate(line)).get(0 if word == "manager" else 1)
    for holder in near_first(people, word, owner):
        there = _stands_in(people, holder, event["recorded_at"])
        if there is not None and word in people["people"][there]["roles"]:
            return holder
    return None


def _above(people: Company, who: str | None) -> list[str]:
    found: list[str] = []
    seen = {who}
    while who in people["people"] and people["people"][who]["manager"] not in (None, *seen):
        who = people["people"][who]["manager"]
        seen.add(who)
        if _is_here(people, who):
            found.append(str(who))
    return found


def _is_here(people: Company, who: str | None) -> bool:
    return bool(people["people"].get(who, {"active": False})["active"])


def _stands_in(people: Company, who: str, now: Any) -> str | None:
    """Who does somebody's work: they themselves, or whoever stands in, six links at most."""
    seen: list[str] = []
    while who not in seen and len(seen) < 6 and _is_here(people, who):
        seen.append(who)
        away = [it for it in people["absences"].values() if it["person"] == who and it["begins"] <= now and (it["ends"] is None or now < it["ends"])]  # fmt: skip
        if not away:
            return who
        named = [it["stand_in"] for it in reversed(away) if _is_here(people, it["stand_in"])]
        if not named:
            return None
        who = named[0]
    return None
