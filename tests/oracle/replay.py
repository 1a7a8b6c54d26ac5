"""Every recorded decision judged again, one after the other, under the rules it was made under and under a draft."""

from typing import Any

from oracle import gates, rules
from oracle import log as told
from oracle import playbooks as books
from oracle.log import Event, Record, is_erased

Decision = dict[str, Any]


def decisions(events: list[Event], window: tuple[int, int]) -> list[Decision]:
    """The decisions of a window (after, upto], each with its attempt as of its basis and what came out of it."""
    published = books.versions(events, window[1])
    records: dict[str, Record] = {}
    before_command: dict[str, tuple[str, Record | None]] = {}
    found = []
    for event in told.upto(events, window[1]):
        topic, payload = event["topic"], event["payload"]
        stream = payload["record"] if topic == "record.move-refused.v1" else event["stream"]
        if topic.startswith("record.") and topic != "record.move-refused.v1":
            seen = before_command.get(stream)
            if seen is None or seen[0] != event["command_id"]:
                before_command[stream] = (event["command_id"], told.as_it_is(records.get(stream)))
        as_it_was = told.as_it_is(records.get(stream)) if topic in _DECIDING else None
        told.apply(records, event)
        if topic in _DECIDING and event["position"] > window[0]:
            attempt = _attempt(event, as_it_was, records[stream], published)
            if attempt is not None:
                scoped = as_it_was if topic == "record.move-refused.v1" else before_command[stream][1]
                found.append(_decided(event, attempt, published, scoped))
    return found


_NEVER = {"delayed_until_position": None, "delayed_until_at": None, "delayed_seconds": None, "never": True}
_CHANGES = {
    "record.fields-changed.v1", "record.touched.v1", "record.touch-corrected.v1", "record.evidence-attached.v1",
    "record.work-requested.v1", "record.work-completed.v1", "record.approval-requested.v1", "record.approval-decided.v1",
    "record.approval-migrated.v1",
}  # fmt: skip
_DECIDING = {"record.opened.v1", "record.stage-changed.v1", "record.move-refused.v1"}


def _attempt(
    event: Event, before: Record | None, after: Record, published: list[books.Playbook]
) -> gates.Attempt | None:
    payload, topic = event["payload"], event["topic"]
    playbook = books.version(published, event["playbook"], event["playbook_version"])
    was_there = before is not None and before["is_open_ever"]
    if topic == "record.opened.v1":
        if payload.get("stage") is None:
            return None
        record = {**told.as_it_is(after), "stage_entered_at": None}
        about = {"before": None, "after": payload["stage"], "move": "open"}
    elif topic == "record.stage-changed.v1":
        record = before
        about = {name: payload[name] for name in ("before", "after", "move")}
    else:
        record = before if was_there else told.as_it_is(after)
        if not was_there:
            record.update(
                unknown=set(payload.get("unknown") or ()), stage=payload["after"], path=payload.get("path"),
                owner=payload.get("owner"), fields={},
            )  # fmt: skip
        about = {"before": payload.get("before"), "after": payload["after"], "move": payload["move"]}
    record = books.adopted(record, playbook, published)
    if topic == "record.move-refused.v1":
        edits = payload.get("fields") or {}
        approvals = {
            name: {**it, "told_since": it["told_since"] | edits.keys()}
            for name, it in record["approvals"].items()
        }
        record = {
            **record,
            "fields": {**record["fields"], **edits},
            "unknown": record["unknown"] - edits.keys(),
            "approvals": approvals,
        }
    return {"record": record, "at": event["occurred_at"], "has_reason": bool(event["reason"]), **about}


def _decided(
    event: Event, attempt: gates.Attempt, published: list[books.Playbook], scoped: Record | None
) -> Decision:
    payload = event["payload"]
    is_refused = event["topic"] == "record.move-refused.v1"
    override = payload.get("override") or {}
    waived = payload.get("waived") if is_refused else override.get("waived")
    return {
        "position": event["position"], "event": event, "attempt": attempt, "record": attempt["record"]["stream"],
        "playbook": books.version(published, event["playbook"], event["playbook_version"]), "waived": set(waived or ()),
        "override": override.get("name"), "accepted": not is_refused,
        "unmet": set(payload["unmet"]) if is_refused else set(waived or ()),
        "owner": attempt["record"]["owner"], "before_command": scoped,
    }  # fmt: skip


# ── the law ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def law(found: list[Decision]) -> dict[str, Any]:
    """How many decisions come out as recorded, how many hang on erased values, and which come out otherwise."""
    answers = [(decision["position"], law_of(decision)) for decision in found]
    return {
        "decisions": len(found),
        "reproduced": sum(answer == "reproduced" for _, answer in answers),
        "erased": sum(answer == "erased" for _, answer in answers),
        "different": [position for position, answer in answers if answer == "different"],
    }


def law_of(decision: Decision) -> str:
    """Whether the rules a decision was made under say again what came out of it."""
    asked = gates.requirements(decision["playbook"], decision["attempt"])
    missing = {item["id"] for item in asked if not item["is_met"]}
    hanging = {item["id"] for item in asked if rests_on_erased(item, decision["attempt"]["record"])}
    recorded = (decision["accepted"], decision["unmet"])
    if _answer(missing, decision) == recorded:
        return "reproduced"
    if hanging and _answer((missing - hanging) | (decision["unmet"] & hanging), decision) == recorded:
        return "erased"
    return "different"


def _answer(missing: set[str], decision: Decision) -> tuple[bool, set[str]]:
    left = missing - decision["waived"]
    return not left, left or missing


def rests_on_erased(item: gates.Requirement, record: Record) -> bool:
    """Whether a rule reads a value nobody can read any more."""
    tree = item["tree"]
    return tree is not None and any(is_erased(record["fields"].get(name)) for name in rules.fields_of(tree))


# ── a draft ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def within(events: list[Event], found: list[Decision], scope: dict[str, list[str]]) -> list[Decision]:
    """The decisions on records that were in a scope before the command, or that would have been opened in it."""
    return [decision for decision in found if not scope or _is_in_scope(events, decision, scope)]


def verdicts(
    events: list[Event],
    found: list[Decision],
    draft: books.Playbook,
    published: list[books.Playbook] | None = None,
) -> list[Decision]:
    """Each decision of the draft's playbook with `verdict` and `requirements`.

    With `published`, the versions and the draft behind them, the draft reads what was recorded through the mappings of all of them.
    """
    judged = []
    for decision in found:
        if decision["playbook"]["name"] != draft["name"]:
            continue
        organisation = told.organisation(events, decision["event"]["basis"])
        verdict, asked = verdict_of(decision, draft, organisation, published)
        judged.append(
            {**decision, "verdict": verdict, "requirements": asked, "erased": law_of(decision) == "erased"}
        )
    return judged


def _is_in_scope(events: list[Event], decision: Decision, scope: dict[str, list[str]]) -> bool:
    record = decision["before_command"]
    read = decision["attempt"]["record"]
    if record is not None and record["is_open_ever"]:
        published = books.versions(events, decision["position"])
        read = books.adopted(record, decision["playbook"], published)
    organisation = told.organisation(events, decision["event"]["basis"])
    return books.is_in_scope(scope, read["fields"], read["owner"], organisation)


def verdict_of(
    decision: Decision,
    draft: books.Playbook,
    organisation: told.Organisation,
    published: list[books.Playbook] | None = None,
) -> tuple[str, list[str]]:
    """How a draft answers a decision, and the requirements that say so: those that refuse it, that refused it, or that nobody can judge."""
    attempt, record = decision["attempt"], decision["attempt"]["record"]
    if record["kind"] not in books.kinds(draft):
        return "not_judgeable", [f"kind:{record['kind']}"]
    kind, then = books.kinds(draft)[record["kind"]], books.kinds(decision["playbook"])[record["kind"]]
    if published is not None:
        attempt, then = _as_read_by(draft, published, attempt, then)
        record = attempt["record"]
    try:
        move = "open" if attempt["before"] is None else gates.move_between(kind, attempt["before"], attempt["after"], record["path"])  # fmt: skip
    except gates.Gone as gone:
        return "not_judgeable", [":".join(gone.args)]
    if attempt["after"] not in books.steps(kind):
        return "not_judgeable", [f"stage:{attempt['after']}"]
    zone = draft["document"].get("time_zone", "UTC")
    drafted = {**attempt, "move": move, "record": gates.with_validity(record, then, kind, zone)}
    asked_then = {item["id"]: item for item in gates.requirements(decision["playbook"], decision["attempt"])}
    refusing, unknown = [], []
    for item in gates.requirements(draft, drafted):
        if item["id"] in decision["waived"]:
            continue
        before = asked_then.get(item["id"])
        is_same = before is not None and before["tree"] == item["tree"]
        if not is_same and nobody_knows(item, attempt, then):
            unknown.append(item["id"])
        elif is_same and rests_on_erased(item, record):
            refusing += [item["id"]] if item["id"] in decision["unmet"] else []
        elif not item["is_met"]:
            refusing.append(item["id"])
    missing, nobody_can_say = rights(decision, draft, move, organisation)
    refusing, unknown = refusing + missing, unknown + nobody_can_say
    if refusing:
        return "newly_refused" if decision["accepted"] else "unchanged", refusing
    if unknown:
        return "not_judgeable", unknown
    return ("unchanged", []) if decision["accepted"] else ("newly_allowed", sorted(decision["unmet"]))


def _as_read_by(
    draft: books.Playbook, published: list[books.Playbook], attempt: gates.Attempt, then: books.Kind
) -> tuple[gates.Attempt, books.Kind]:
    """An attempt, and the kind that judged it, under the names the draft has for what they call otherwise."""
    ask = (draft, published, attempt["record"]["kind"])
    steps = {name: books.step_as(attempt[name], *ask) for name in ("before", "after")}
    record = books.adopted(attempt["record"], draft, published)
    fields = [
        {**field, "name": end}
        for field in then["fields"]
        if (end := books.field_as(field["name"], *ask)) is not None
    ]
    return {**attempt, **steps, "record": record}, {**then, "fields": fields}


def rights(
    decision: Decision, draft: books.Playbook, move: str, organisation: told.Organisation
) -> tuple[list[str], list[str]]:
    """The rights whoever tried would have missed as of the basis, and those nobody can judge, because a part of the system tried.

    Who acts for somebody has no more rights than they have. Where the rules of then asked for the same right, only one that the
    draft takes away from a role is missing; what was taken in from elsewhere asks nobody's rights here.
    """
    if decision["override"] == "import":
        return [], []
    event, then = decision["event"], decision["playbook"]
    person = organisation["people"].get(event["on_behalf_of"] or event["actor"])
    kind_name = decision["record"].partition("/")[0]

    def may(playbook: books.Playbook, right: str) -> bool:
        roles = books.named(playbook["document"].get("roles"))
        held = person["roles"] if person else ()
        return any(right in (roles.get(role, {}).get("rights") or ()) for role in held)

    def asks(playbook: books.Playbook, kind_of_move: str) -> bool:
        kind = books.kinds(playbook)[kind_name]
        return kind_of_move == "skip" and (kind.get("moves") or {}).get("skip") == "with_right"

    missing, unknown = [], []
    if asks(draft, move) and not may(draft, "skip"):
        if asks(then, decision["attempt"]["move"]):
            missing += ["right:skip"] if may(then, "skip") else []
        else:
            (unknown if person is None else missing).append("right:skip")
    if decision["waived"] and may(then, "waive") and not may(draft, "waive"):
        missing.append("right:waive")
    return missing, unknown


def nobody_knows(item: gates.Requirement, attempt: gates.Attempt, then: books.Kind) -> bool:
    """Whether a new requirement asks for what nobody knew, or what no playbook asked for, at that time."""
    record, (what, _, name) = attempt["record"], item["id"].partition(":")
    if what == "field":
        return not item["is_met"] and (name in record["unknown"] or name not in books.fields(then))
    if what == "evidence":
        return not item["is_met"] and name not in books.evidence_fields(then)
    if item["tree"] is None:
        return False
    for field in rules.fields_of(item["tree"]):
        if (
            field in record["unknown"]
            or field not in books.fields(then)
            or is_erased(record["fields"].get(field))
        ):
            return True
    for fact in rules.facts_of(item["tree"]):
        asks = fact["arguments"][0] if fact["arguments"] else None
        if fact["name"] == "evidence" and asks not in books.evidence_fields(then):
            return True
        if fact["name"] == "touches" and asks not in ("any", *books.named(then.get("touches"))):
            return True
        if fact["name"] == "done" and asks not in books.named(then.get("work")):
            return True
        if fact["name"] == "outcome" and not had_field(then, asks, fact["arguments"][1]):
            return True
        if fact["name"] == "approved" and asks not in books.named(then.get("approvals")):
            return True
        if fact["name"] in ("touches", "days_in_stage", "today") and attempt["at"] is None:
            return True
        if fact["name"] == "days_in_stage" and record["stage_entered_at"] is None:
            return True
    return False


def had_field(then: books.Kind, template: str, field: str) -> bool:
    """Whether the form of a work template had a field that is open to rules."""
    spec = books.named(books.named(then.get("work")).get(template, {}).get("fields")).get(field)
    if spec is None or spec["type"] == "evidence" or books.is_personal(spec):
        return False
    choose = spec.get("choose") or {}
    return choose.get("at_most", 1) <= 1 and choose.get("at_least", 0) <= 1


def delayed(events: list[Event], decision: Decision, draft: books.Playbook, position: int) -> dict[str, Any]:
    """When the draft's gate for a newly refused move would have been met: the first later change of the record after which it is.

    The record stands still where it stood and since when, so its moves are no changes; everything else is as recorded later,
    asked at the moment of the change. What is unknown then is not met.
    """
    attempt, stream = decision["attempt"], decision["record"]
    kind = books.kinds(draft)[stream.partition("/")[0]]
    then = books.kinds(decision["playbook"])[stream.partition("/")[0]]
    published = books.versions(events, decision["position"])
    move = "open" if attempt["before"] is None else gates.move_between(kind, attempt["before"], attempt["after"], attempt["record"]["path"])  # fmt: skip
    zone = draft["document"].get("time_zone", "UTC")
    organisation = told.organisation(events, decision["event"]["basis"])
    if any(rights(decision, draft, move, organisation)):
        return dict(_NEVER)
    records: dict[str, Record] = {}
    for event in told.upto(events, position):
        if event["stream"] != stream:
            continue
        told.apply(records, event)
        if event["position"] <= decision["position"] or event["topic"] not in _CHANGES:
            continue
        later = books.adopted(records[stream], decision["playbook"], published)
        stood = {name: attempt["record"][name] for name in ("stage", "stage_entered_at", "path")}
        record = gates.with_validity({**later, **stood}, then, kind, zone)
        asked = gates.requirements(
            draft, {**attempt, "move": move, "record": record, "at": event["occurred_at"]}
        )
        if all(item["is_met"] or item["id"] in decision["waived"] for item in asked):
            at, since = event["occurred_at"], attempt["at"]
            return {
                "delayed_until_position": event["position"], "delayed_until_at": at, "never": False,
                "delayed_seconds": None if None in (at, since) else max(gates.age(at, since) or 0, 0),
            }  # fmt: skip
    return dict(_NEVER)
