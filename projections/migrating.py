"""Running approvals that began under another version than the one in force, and what a migration would make of each; nothing is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from domain.event import Event
from domain.naming import nearest, split_stream
from domain.playbook.published import PublishedPlaybook
from domain.record.state import from_json
from domain.refusals import InvalidCommand, Refusal
from domain.values import Stored
from domain.work.approving import Approval, Level, levels_of
from domain.work.commands import MigrateApproval
from domain.work.events import ApprovalMigrated
from domain.work.json_form import approval_from_json
from projections.cursors import Cursor
from projections.errors import InvalidQuery
from projections.footing import Footing, playbook_of
from projections.lens import Lens, Visible
from projections.lists import Ask, incomplete
from projections.parked import Parked
from projections.work import Work

Preview: TypeAlias = Callable[[MigrateApproval], Sequence[Event]]
"""Decides a migration as if it were asked for now, and writes nothing. Raises its Refusal."""

Change: TypeAlias = Literal["same", "changed", "added", "gone"]

MODELS = (Work.name, "current_records")
"""The read models this is answered from."""

_PAGE = 200

# One row a role that is waited for; of an approval, the record and where it was asked for are the same in each.
_RUNNING = """
SELECT DISTINCT w.requested_position, w.record, w.id, c.record AS state, r.work -> 'approvals' AS approvals
FROM dealtrail_read.work w JOIN dealtrail_read.record_work r ON r.stream = w.record JOIN dealtrail_read.current_records c ON c.stream = w.record
WHERE w.what = 'approval' AND w.requested_position > %(after)s AND (%(kind)s::text IS NULL OR w.kind = %(kind)s)
    AND (%(chain)s::text IS NULL OR w.template = %(chain)s)
ORDER BY w.requested_position LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Which:
    """Which approvals are looked at; None asks nothing."""

    kind: str | None = None
    chain: str | None = None


@dataclass(frozen=True, slots=True)
class Movable:
    """A running approval that began under another version than the one its record follows now; `version` is the record's."""

    record: str
    version: int
    approval: Approval
    current: PublishedPlaybook

    @property
    def command(self) -> MigrateApproval:
        """What moves it."""
        return MigrateApproval(self.record, self.approval.id)


def movable(footing: Footing, which: Which = Which(), after: int = 0, limit: int = _PAGE) -> list[Movable]:
    """Return running approvals that could move, oldest request first, those that were asked for after a position."""
    playbooks, people = footing.playbooks(), footing.organisation()
    found: list[Movable] = []
    while len(found) < limit:
        with footing.snapshot(Work.name) as (connection, _):
            rows = connection.execute(
                _RUNNING, {"after": after, "kind": which.kind, "chain": which.chain, "limit": _PAGE}
            ).fetchall()
        for row in rows:
            approval = next(approval_from_json(told) for told in row["approvals"] if told["id"] == row["id"])
            record = from_json(row["state"])
            current = playbook_of(record, playbooks, people)
            if (approval.playbook, approval.number) != (current.name, current.number):
                found.append(Movable(record.stream, record.version, approval, current))
        if len(rows) < _PAGE:
            break
        after = int(rows[-1]["requested_position"])
    return found[:limit]


def migrations(footing: Footing, ask: Ask, which: Which, preview: Preview) -> Visible:
    """Show what a migration would make of each running approval that began under another version: its levels then, or everything in the way.

    A page goes on after the request of its last approval. Raises InvalidQuery for a kind or a chain nobody knows.
    """
    _refuse_unknown(footing, which)
    words = ["approval migrations", which.kind, which.chain]
    cursor = Cursor.read(ask.cursor, words)
    found = movable(footing, which, 0 if cursor is None else cursor.skip, ask.limit + 1)
    page = found[: ask.limit]
    bounded = footing.bounded()
    with footing.snapshot(Work.name) as (connection, reached):
        parked = Parked.count(connection, Work.name)
    lens = footing.lens()
    lens.prepare(())
    shown = [_shown(lens, item, preview) for item in page]
    following = Cursor(reached, page[-1].approval.position).text(words) if len(found) > len(page) else None
    people = [
        person for item in shown for levels in (item.data["levels"], item.data["would"] or ())
        for level in levels for person in level["approvers"].values()
    ]  # fmt: skip
    return lens.page(
        shown,
        next=following,
        names=footing.names(lens, [*(item.record for item in page), *people], bounded),
        **incomplete(parked),
        **(footing.about(bounded) | {"as_of_position": reached}),
    )


def what_moved(before: Sequence[Level], after: Sequence[Level]) -> list[dict[str, Stored]]:
    """Tell of each level whether a migration leaves it as it is: those of the new version in their order, then those that are gone.

    Of a level that changes, `differs` has what it is before and after: who decides, how many of them have to approve (`quorum`),
    within how many hours (null: no limit).
    """
    known = {level.name: level for level in before}
    told: list[dict[str, Stored]] = []
    for level in after:
        change: Change = "added"
        if level.name in known:
            change = "same" if level == known[level.name] else "changed"
        differs = _differences(known[level.name], level) if change == "changed" else []
        told.append({"level": level.name, "change": change} | ({"differs": differs} if differs else {}))
    gone = known.keys() - {level.name for level in after}
    told += [{"level": name, "change": "gone"} for name in known if name in gone]
    return told


def _differences(before: Level, after: Level) -> list[Stored]:
    """What of a level is another one after a migration; a stand-in who is asked in place of another is another approver."""
    old, new = before.as_json(), after.as_json()
    return [
        {"what": what, "old": old.get(what), "new": new.get(what)}
        for what in ("approvers", "asked", "quorum", "within_hours")
        if old.get(what) != new.get(what)
    ]


def _refuse_unknown(footing: Footing, which: Which) -> None:
    playbooks = footing.playbooks()
    if which.kind is not None:
        playbooks.for_kind(which.kind)
    if which.chain is None:
        return
    # Also of versions that are no longer in force: what began under them is what is looked for.
    known = {
        chain
        for version in playbooks.versions.values()
        for name, kind in version.document.kinds.items()
        if which.kind in (None, name)
        for chain in kind.approvals
    }
    if which.chain not in known:
        near = nearest(which.chain, known)
        raise InvalidQuery.of("chain", f"no version has the chain of approval {which.chain!r}", near)


def _shown(lens: Lens, item: Movable, preview: Preview) -> Visible:
    approval, kind = item.approval, split_stream(item.record)[0]
    after: tuple[Level, ...] | None = None
    problems: list[dict[str, Stored]] = []
    try:
        events = preview(item.command)
    except Refusal as refusal:
        problems = told_of(refusal)
    else:
        # Another moved it meanwhile: then it is as it would be.
        moved = next((event for event in events if isinstance(event, ApprovalMigrated)), None)
        after = approval.levels if moved is None else levels_of(moved.levels)
    chains: Mapping[str, Any] = item.current.kind(kind).approvals
    return lens.figures(
        record=item.record,
        kind=kind,
        id=approval.id,
        chain=approval.chain,
        chain_label=chains[approval.chain].label.model_dump() if approval.chain in chains else None,
        requested_by=approval.requested_by,
        requested_by_name=lens.person(approval.requested_by),
        requested_position=approval.position,
        began={"playbook": approval.playbook, "number": approval.number},
        current={"playbook": item.current.name, "number": item.current.number},
        levels=[_level(approval, level) for level in approval.levels],
        would=None if after is None else [level.as_json() for level in after],
        changes=[] if after is None else what_moved(approval.levels, after),
        problems=problems,
    )


def told_of(refusal: Refusal) -> list[dict[str, Stored]]:
    """Return everything a refusal names, each with where it stands."""
    if not isinstance(refusal, InvalidCommand):
        return [{"pointer": "", "message": str(refusal)}]
    return [{"pointer": found.pointer, "message": found.message} for found in refusal.problems]


def _level(approval: Approval, level: Level) -> dict[str, Stored]:
    decided: dict[str, Stored] = {
        role: decision.decision for role, decision in sorted(approval.counted(level).items())
    }
    return level.as_json() | ({"decided": decided} if decided else {})
