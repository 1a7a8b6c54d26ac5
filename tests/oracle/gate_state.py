"""What stands between each open record and its next step: under the draft, and under the version in force for it."""

from datetime import datetime
from typing import Any

from oracle import gates
from oracle import log as told
from oracle import playbooks as books
from oracle.log import Event, Record


def gate_state(
    events: list[Event], draft: books.Playbook, scope: dict[str, list[str]], moment: datetime
) -> dict[str, dict[str, Any]]:
    """The state of each open record of the draft's kinds that is in the scope, as of the end of the log, asked at a moment.

    `unmet_published` is None where the two sides have no gate in common to speak of: the draft does not know where the record stands, or a path is gone.
    """
    last = events[-1]["position"]
    published, organisation = books.versions(events, last), told.organisation(events, last)
    found = {}
    for stream, record in told.fold(events).items():
        if not record["is_open_ever"] or record["stage"] is None or record["kind"] not in books.kinds(draft):
            continue
        then = books.for_record(published, record, organisation, moment)
        read = books.adopted(record, then, published)
        if books.is_in_scope(scope, read["fields"], read["owner"], organisation):
            state = _of(read, then, draft, moment)
            if state is not None:
                found[stream] = {**state, "kind": record["kind"], "owner": record["owner"]}
    return found


def _of(read: Record, then: books.Playbook, draft: books.Playbook, moment: datetime) -> dict[str, Any] | None:
    """The state of one record, None where its way is at its end."""
    now, drafted = books.kinds(then)[read["kind"]], books.kinds(draft)[read["kind"]]
    stands = read["stage"]
    if stands not in books.steps(drafted):
        is_open = stands in books.steps(now) and books.steps(now)[stands]["outcome"] == "open"
        return _told(stands, None, [f"stage:{stands}"], None) if is_open else None
    if books.steps(drafted)[stands]["outcome"] != "open":
        return None
    zone = draft["document"].get("time_zone", "UTC")
    try:
        following, missing = unmet(draft, gates.with_validity(read, now, drafted, zone), moment)
    except gates.Gone as gone:
        return _told(stands, None, [":".join(gone.args)], None)
    try:
        published = unmet(then, read, moment)[1]
    except gates.Gone:
        published = None
    return _told(stands, following, missing, published)


def unmet(playbook: books.Playbook, record: Record, moment: datetime) -> tuple[str | None, list[str]]:
    """The next step of a record, and what it lacks for it; nothing where there is none."""
    kind = books.kinds(playbook)[record["kind"]]
    stands, path = record["stage"], record["path"]
    following = next_step(kind, path, stands)
    if following is None:
        return None, []
    move = gates.move_between(kind, stands, following, path)
    attempt = {"record": record, "before": stands, "after": following, "move": move, "at": moment, "has_reason": False}  # fmt: skip
    return following, [it["id"] for it in gates.requirements(playbook, attempt) if not it["is_met"]]


def next_step(kind: books.Kind, path: str | None, stands: str) -> str | None:
    """The open step of the path that comes next in the order of the kind's stages, after the last one what wins. Raises Gone."""
    if path is not None and path not in books.named(kind.get("paths")):
        raise gates.Gone("path", path)
    if stands not in books.steps(kind):
        raise gates.Gone("stage", stands)
    way = books.way(kind, path)
    if stands in way:
        ahead = way[way.index(stands) + 1 :]
    else:
        # Off the path it stands where the kind has it.
        order = list(books.steps(kind))
        ahead = [name for name in way if order.index(name) > order.index(stands)]
    wins = [name for name in books.steps_of(kind, path) if books.steps(kind)[name]["outcome"] == "won"]
    return (ahead + wins + [None])[0]


def _told(
    step: str, next_step: str | None, missing: list[str], published: list[str] | None
) -> dict[str, Any]:
    return {"step": step, "next_step": next_step, "unmet": missing, "unmet_published": published}
