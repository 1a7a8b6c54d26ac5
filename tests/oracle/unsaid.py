"""What nobody can say of a record's deadlines under a draft: what it waits for was asked of nobody then, or the date is not known."""

from typing import Any

from oracle import playbooks as books
from oracle.arming import dated, entries, is_open
from oracle.log import is_erased
from oracle.moments import Log

Row = dict[str, Any]
NOT_THEN = {
    "on_stage": "no such step then", "on_silence": "no such touch then", "on_work": "no such work then", "on_approval": "no such approval then",
    "on_date": "no such field then",
}  # fmt: skip


def row(
    name: tuple[Any, ...],
    verdict: str,
    why: str | None,
    was: Any,
    would: Any,
    position: int | None = None,
    at: Any = None,
) -> Row:
    """One row: what was beside what would have been."""
    return {
        "name": name, "verdict": verdict, "why": why, "position": position, "at": at, "due_was": was and was["due"], "told_was": was["told"] if was else [],
        "due_would": would and would["due"], "told_would": would["told"] if would else [], "noticed_would": would and would.get("at"),
    }  # fmt: skip


def why_not(log: Log, record: str, part: Row, draft: books.Playbook, name: str) -> str | None:
    """Why nobody can say whether a firing stands."""
    kind = books.kinds(draft).get(record.partition("/")[0])
    if kind is None:
        return "no such kind"
    came = entries(log.of(record, part["position"]), draft, log.published(part["position"]))
    if came and came[-1][0] not in books.steps(kind):
        return "no such step"
    return unsaid(log, record, part, draft, name)


def unsaid(log: Log, record: str, part: Row, draft: books.Playbook, name: str) -> str | None:
    """Why nobody can say what a deadline of the draft does: nobody was asked for what it waits for, or the date is not known."""
    kind_name, published = record.partition("/")[0], log.published(part["position"])
    kind, then = books.kinds(draft)[kind_name], books.kinds(part["version"])[kind_name]
    spec = books.named(kind.get("deadlines")).get(name)
    if spec is None:
        return None
    waited = next(it for it in NOT_THEN if it in spec)
    wanted = spec[waited]
    if waited == "on_stage":
        meant = {step for step, it in books.steps(kind).items() if wanted in (step, it["part_of"])}
        there = {books.step_as(step, draft, published, kind_name) for step in books.steps(then)} & meant
        is_there = bool(there) or wanted in books.named(then.get("stages"))
    elif waited == "on_date":
        is_there = any(books.field_as(it, draft, published, kind_name) == wanted for it in books.fields(then))
    else:
        of = books.named(
            then.get({"on_silence": "touches", "on_work": "work", "on_approval": "approvals"}[waited])
        )
        is_there = bool(of) if wanted == "any" else wanted in of
    if not is_there:
        return NOT_THEN[waited]
    if waited != "on_date":
        return None
    happened = log.of(record, part["position"])
    value, said = dated(happened, wanted, draft, published)
    if is_erased(value):
        return "the date is erased"
    return (
        "nobody knew the date"
        if said is None and wanted in (happened[0]["payload"].get("unknown") or ())
        else None
    )


def puzzle(
    log: Log, record: str, part: Row, draft: books.Playbook, window: Any, puzzles: dict[str, Row]
) -> None:
    """Note each deadline of the draft of which nobody can say what it would have done while the record went on where it asks."""
    kind = books.kinds(draft).get(record.partition("/")[0])
    if kind is None or not (
        window[0] < part["ends"] and part["begins"] < window[1] and part["begins"] < part["ends"]
    ):
        return
    happened, published = log.of(record, part["position"]), log.published(part["position"])
    if not is_open(kind, happened, draft, published):
        return
    came = entries(happened, draft, published)
    stands = {came[-1][0], books.steps(kind)[came[-1][0]]["part_of"]} if came else set()
    for name, spec in books.named(kind.get("deadlines")).items():
        if spec.get("stages") and not stands & set(spec["stages"]):
            continue
        why = unsaid(log, record, part, draft, name)
        if why is not None and name not in puzzles:
            puzzles[name] = row((record, name, None, None, None, None), "not_judgeable", why, None, None)
