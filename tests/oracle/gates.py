"""What a move is, what it asks for, and whether that is met."""

from datetime import datetime
from typing import Any

from oracle import facts as fact_answers
from oracle import playbooks as books
from oracle import rules
from oracle.log import Record, is_empty, is_erased

Requirement = dict[str, Any]
"""`id`, `is_met`, and `tree`: the rule behind it, None where there is none."""
Attempt = dict[str, Any]
"""`record`, `before`, `after`, `move`, `at`, `has_reason`."""


class Gone(Exception):
    """A stage or a path that a playbook does not have: `("stage", name)`."""


def move_between(kind: books.Kind, before: str, after: str, path: str | None) -> str:
    """The kind of move from one step to another. Raises Gone."""
    steps = books.steps(kind)
    if path is not None and path not in books.named(kind.get("paths")):
        raise Gone("path", path)
    for name in (before, after):
        if name not in steps:
            raise Gone("stage", name)
    if before == after:
        return "re-entry"
    if steps[before]["outcome"] != "open":
        return "reopen"
    if steps[after]["outcome"] in ("lost", "closed"):
        return "forward"
    measured = way_with(kind, path, before, after)
    if steps[after]["outcome"] == "won":
        return "forward" if before == measured[-1] else "skip"
    distance = measured.index(after) - measured.index(before)
    return "back" if distance < 0 else "forward" if distance == 1 else "skip"


def way_with(kind: books.Kind, path: str | None, before: str, after: str) -> list[str]:
    """The way a move is measured by: where an end of it lies off the path, it stands there in the order of the kind."""
    way = books.way(kind, path)
    ends = {name for name in (before, after) if books.steps(kind)[name]["outcome"] == "open"}
    if ends <= set(way):
        return way
    return [name for name in books.way(kind, None) if name in {*way, *ends}]


def requirements(playbook: books.Playbook, attempt: Attempt) -> list[Requirement]:
    """Everything a move asks for, each once, in the order a person would work it off."""
    kind = books.kinds(playbook)[attempt["record"]["kind"]]
    attempt = {**attempt, "record": with_chains(attempt["record"], kind, playbook)}
    asked = [{"id": name, "is_met": met, "tree": None} for name, met in _of_the_move(kind, attempt)]
    for side, part, gate in _gates(kind, attempt):
        asked += _of_a_gate(playbook, attempt, side, part, gate)
    once: dict[str, Requirement] = {}
    for requirement in asked:
        once.setdefault(requirement["id"], requirement)
    return list(once.values())


def _of_the_move(kind: books.Kind, attempt: Attempt) -> list[tuple[str, bool]]:
    move, path, after = attempt["move"], attempt["record"]["path"], attempt["after"]
    moves = kind.get("moves") or {}
    known = path is None or path in books.named(kind.get("paths"))
    found = []
    if not (known and after in books.steps_of(kind, path)):
        found.append(("move:path", False))
    if move == "open" and not (known and after in books.opening_steps(kind, path)):
        found.append(("move:open", False))
    skip = moves.get("skip", "refused")
    if move == "skip" and skip == "refused":
        found.append(("move:skip", False))
    asks_why = (move == "skip" and skip == "with_right") or (
        move in ("back", "reopen") and moves.get(move, "with_reason") == "with_reason"
    )
    if asks_why:
        found.append(("move:reason", attempt["has_reason"]))
    return found


def _gates(kind: books.Kind, attempt: Attempt) -> list[tuple[str, str, Any]]:
    """The gates a move passes, in order: side, whose gate it is, and the gate."""
    steps = books.steps(kind)
    move, to, came = attempt["move"], steps[attempt["after"]], steps.get(attempt["before"])
    if move in ("back", "re-entry"):
        return []
    passed = []
    crosses = came is None or came["part_of"] != to["part_of"]
    if move in ("forward", "skip") and to["outcome"] not in ("lost", "closed"):
        if came["node"]:
            passed.append(("leave", came["node"]))
        if crosses:
            passed.append(("leave", came["stage"]))
    if crosses:
        passed.append(("enter", to["stage"]))
    if to["node"]:
        passed.append(("enter", to["node"]))
    return [(side, part["name"], part[side]) for side, part in passed if part.get(side)]


def _of_a_gate(
    playbook: books.Playbook, attempt: Attempt, side: str, part: str, gate: Any
) -> list[Requirement]:
    record, zone = attempt["record"], playbook["document"].get("time_zone", "UTC")
    asked = [
        {"id": f"field:{name}", "is_met": not is_empty(record["fields"].get(name)), "tree": None}
        for name in gate.get("fields") or ()
    ]
    asked += [
        {
            "id": f"evidence:{name}",
            "is_met": fact_answers.has_evidence(record, name, attempt["at"], zone),
            "tree": None,
        }
        for name in gate.get("evidence") or ()
    ]
    for condition in gate.get("conditions") or ():
        tree = playbook["rules"][f"{record['kind']}/{part}/{side}/{condition['name']}"]
        asked.append(
            {
                "id": f"condition:{condition['name']}",
                "is_met": holds(tree, attempt, zone) is True,
                "tree": tree,
            }
        )
    return asked


def holds(tree: rules.Tree, attempt: Attempt, zone: str) -> bool | None:
    """What a rule says of an attempt; what nobody can read is NULL."""
    record = attempt["record"]

    def value(name: str) -> Any:
        stored = record["fields"].get(name)
        return None if is_erased(stored) else stored

    def fact(name: str, arguments: list[Any]) -> Any:
        return fact_answers.answer(record, name, arguments, attempt["after"], attempt["at"], zone)

    answer: bool | None = rules.judge(tree, value, fact)
    return answer


def with_chains(record: Record, kind: books.Kind, playbook: books.Playbook) -> Record:
    """A record that knows which fields the rules of each chain of approval read: what an approval stands on."""
    stands_on = {}
    for chain in kind.get("approvals") or ():
        begin = f"{record['kind']}/approvals/{chain['name']}/"
        trees = [tree for place, tree in playbook["rules"].items() if place.startswith(begin)]
        stands_on[chain["name"]] = {name for tree in trees for name in rules.fields_of(tree)}
    return {**record, "stands_on": stands_on}


def with_validity(record: Record, then: books.Kind, draft: books.Kind, zone: str) -> Record:
    """Let evidence count as long as a draft says, where it says otherwise than the rules it was attached under."""
    before, after = books.fields(then), books.fields(draft)
    pieces = []
    for piece in record["evidence"]:
        old, new = before.get(piece["field"]), after.get(piece["field"])
        is_judged_anew = new is not None and piece["at"] is not None
        if is_judged_anew and (old is None or old.get("valid_days") != new.get("valid_days")):
            piece = {**piece, "valid_until": fact_answers.last_day(piece["at"], new.get("valid_days"), zone)}  # noqa: PLW2901
        pieces.append(piece)
    return {**record, "evidence": pieces}


def age(at: datetime | None, then: datetime | None) -> int | None:
    """Whole seconds from one moment to another; None where one is unknown."""
    return None if at is None or then is None else int((at - then).total_seconds() // 1)
