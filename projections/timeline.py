"""The timeline of a record: everything that happened to it, in one order. Nothing is merged, and nothing ever falls out of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, cast

from domain.envelope import Recorded
from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    FieldsConfirmed,
    GateOverridden,
    MoveRefused,
    OwnerChanged,
    RecordOpened,
    RecordRelated,
    RelationEnded,
    StageChanged,
    TouchCorrected,
    Touched,
)
from domain.naming import split_stream
from domain.playbook.model import Kind
from domain.record.state import Record, evolve
from domain.refusals import NotFound
from domain.work.events import (
    ApprovalCommented,
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRecalled,
    ApprovalRequested,
    WorkAccepted,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkForked,
    WorkPaused,
    WorkReassigned,
    WorkRequested,
    WorkRescheduled,
    WorkResponded,
    WorkResumed,
    WorkTicked,
)
from projections.as_of import Horizon
from projections.cursors import Cursor
from projections.field_history import changes_of
from projections.footing import Footing, from_opening
from projections.lens import Lens, Visible
from projections.lists import Ask, incomplete, pinned
from projections.mapped import Mapped
from projections.marks import marks
from projections.record_versions import RecordVersions
from projections.stuck import days_between

InOrderOf: TypeAlias = Literal["business", "recorded"]
ORDERS: tuple[InOrderOf, ...] = ("business", "recorded")

_BATCH = 5_000

_WORDS = {
    RecordOpened: "opened",
    FieldsChanged: "field",
    FieldsConfirmed: "confirmation",
    StageChanged: "stage",
    GateOverridden: "override",
    Touched: "touch",
    TouchCorrected: "touch-correction",
    EvidenceAttached: "evidence",
    RecordRelated: "relation",
    RelationEnded: "relation-end",
    OwnerChanged: "owner",
    MoveRefused: "refused",
    WorkRequested: "work-requested",
    WorkForked: "work-forked",
    WorkAccepted: "work-accepted",
    WorkResponded: "work-responded",
    WorkTicked: "work-ticked",
    WorkPaused: "work-paused",
    WorkResumed: "work-resumed",
    WorkReassigned: "work-reassigned",
    WorkRescheduled: "work-rescheduled",
    WorkCompleted: "work-completed",
    WorkDeclined: "work-declined",
    WorkCancelled: "work-cancelled",
    ApprovalRequested: "approval-requested",
    ApprovalDecided: "approval-decided",
    ApprovalCommented: "approval-commented",
    ApprovalRecalled: "approval-recalled",
    ApprovalMigrated: "approval-migrated",
}


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a record, with the record as it was just before it."""

    recorded: Recorded
    before: Record | None


def timeline(footing: Footing, kind: str, name: str, ask: Ask, order: InOrderOf = "business") -> Visible:
    """Show everything that happened to a record: one entry a changed field, a stage, a touch, a piece of evidence, a refused attempt.

    Business order is (occurred_at, position); what happened at an unknown moment stands behind what was recorded just before it.
    Raises NotFound, InvalidQuery.
    """
    stream = footing.find(kind, name)
    words = ["timeline", stream, order, str(ask.horizon)]
    cursor = Cursor.read(ask.cursor, words)
    bounded = footing.bounded(ask.horizon if cursor is None else pinned(ask.horizon, cursor.position))
    position = bounded.position or 0
    events = _events(footing, stream, bounded)
    if not any(isinstance(recorded.event, RecordOpened) for recorded in events):
        raise NotFound(f"{kind} (at that moment)", name)
    lens = footing.lens(bounded)
    lens.prepare(events)
    entries = [
        (told, index)
        for told in _with_marks(events, marks(footing, stream, events, bounded), order)
        for index in range(_entries(told))
    ]
    skip = cursor.skip if cursor is not None else 0
    page = entries[skip : skip + ask.limit]
    shown = [_entry(lens, told, index) for told, index in page]
    more = skip + len(page) < len(entries)
    return lens.page(
        shown,
        next=Cursor(position, skip + len(page)).text(words) if more else None,
        kind=kind,
        id=split_stream(stream)[1],
        order=order,
        entries=len(entries),
        names=footing.names(lens, (value for row in shown for value in _leads_to(row.data)), bounded),
        **incomplete(footing.parked(RecordVersions.name, stream=stream)),
        **footing.about(bounded),
    )


def _events(footing: Footing, stream: str, bounded: Horizon) -> list[Recorded]:
    """The events of a record and the refused attempts on it, in log order, within a horizon."""
    with footing.snapshot(RecordVersions.name) as (connection, reached):
        rows = connection.execute(
            "SELECT DISTINCT stream FROM dealtrail_read.refused_attempts WHERE record = %s AND position <= %s",
            (stream, bounded.position),
        ).fetchall()
    attempts = [
        recorded
        for row in rows
        for recorded in footing.log.stream(row["stream"])
        if recorded.position <= reached
    ]
    while tail := footing.log.after(reached, _BATCH, topics=[MoveRefused.TOPIC], upto=bounded.position):
        attempts += tail
        reached = tail[-1].position
    refused = [
        recorded
        for recorded in attempts
        if isinstance(recorded.event, MoveRefused) and recorded.event.record == stream
    ]
    found = [recorded for recorded in (*footing.log.stream(stream), *refused) if bounded.sees(recorded)]
    return sorted(found, key=lambda recorded: recorded.position)


def in_order(events: Sequence[Recorded], order: InOrderOf) -> list[Happened]:
    """Return events with the record as it was before each of them, in business order or in that of the log."""
    if order == "business":
        events = [recorded for _, recorded in sorted(_by_business_time(events), key=lambda item: item[0])]
    found, record = [], None
    opened = {recorded.position for recorded in from_opening(events)}
    for recorded in events:
        found.append(Happened(recorded, record))
        if recorded.position in opened and not isinstance(recorded.event, MoveRefused):
            record = evolve(record, recorded)
    return found


def _by_business_time(
    events: Sequence[Recorded],
) -> Iterator[tuple[tuple[datetime, int], Recorded]]:
    """Each event with its place in business time; an unknown moment takes the place of the event recorded before it."""
    last = next((event.occurred_at for event in events if event.occurred_at is not None), None)
    for recorded in events:
        last = recorded.occurred_at or last
        yield (last or recorded.recorded_at, recorded.position), recorded


def _with_marks(
    events: Sequence[Recorded], mapped: Sequence[Mapped], order: InOrderOf
) -> list[Happened | Mapped]:
    """Put where publications mapped what the record holds between its events: after the one before, or when they took effect."""
    happened = in_order(events, order)
    if not mapped:
        return [*happened]
    places = {recorded.position: place for place, recorded in _by_business_time(events)}
    found: list[tuple[tuple[Any, ...], Happened | Mapped]] = []
    for index, item in enumerate(happened):
        position = item.recorded.position
        found.append(((places[position], 0, index) if order == "business" else (position, 0, index), item))
    for index, mark in enumerate(mapped):
        place: Any = (mark.at, mark.cause.position) if order == "business" else mark.after
        found.append(((place, 1, index), mark))
    return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def _entries(told: Happened | Mapped) -> int:
    """How many entries an event makes: a save of three fields makes three."""
    if isinstance(told, Mapped):
        return 1
    event = told.recorded.event
    return len(event.changes) if isinstance(event, FieldsChanged) else 1


def _entry(lens: Lens, told_of: Happened | Mapped, index: int) -> Visible:
    if isinstance(told_of, Mapped):
        return lens.figures(what="mapped", topic=told_of.cause.event.TOPIC, **lens.mapped(told_of).data)
    happened, recorded, event = told_of, told_of.recorded, told_of.recorded.event
    if isinstance(event, FieldsChanged):
        told = lens.change(recorded, list(changes_of(recorded))[index]).data
        more = {"restores": event.restores} if event.restores is not None else {}
        return lens.figures(what="field", topic=event.TOPIC, **told, **more)
    told = dict(lens.event(recorded).data)
    payload = told.pop("payload")
    for member in ("stream", "version", "decided_at", "basis"):
        del told[member]
    about = {
        name: value for name, value in payload.items() if name not in ("record", "record_version", "move")
    }
    what = _WORDS.get(type(event), event.TOPIC)
    return lens.figures(what=what, **told, **about, **_more(lens, happened))


def _more(lens: Lens, happened: Happened) -> dict[str, Any]:
    """What an entry says beside its event: the words of the playbook it happened under, names, and how long the stage was stood in."""
    recorded, before = happened.recorded, happened.before
    kind = lens.worded(recorded)
    steps = kind.steps if kind is not None else {}

    def label(step: object) -> Any:
        return steps[step].label.model_dump() if isinstance(step, str) and step in steps else None

    match recorded.event:
        case StageChanged(before=left, after=after, move=move):
            entered = before.stage_entered_at if before is not None and before.stage == left else None
            return {
                "move": move,
                "before_label": label(left),
                "after_label": label(after),
                "dwell_days": days_between(entered, recorded.occurred_at),
            }
        case MoveRefused(before=left, after=after, move=move):
            return {"move": move, "before_label": label(left), "after_label": label(after)}
        case RecordOpened(stage=stage, owner=owner):
            return {"stage_label": label(stage), "owner_name": lens.person(owner)}
        case OwnerChanged(before=left, after=after):
            return {"before_name": lens.person(left), "after_name": lens.person(after)}
        case FieldsConfirmed(fields=names) if kind is not None:
            known = [name for name in names if name in kind.fields]
            return {"labels": {name: kind.fields[name].label.model_dump() for name in known}}
        case Touched(kind=touch) if kind is not None and touch in kind.touches:
            return {"label": kind.touches[touch].label.model_dump()}
        case EvidenceAttached(field=name) if kind is not None and name in kind.fields:
            return {"label": kind.fields[name].label.model_dump()}
        case WorkRequested(template=name, assignee=assignee) if kind is not None:
            known_template = kind.work.get(name)
            return {
                "label": None if known_template is None else known_template.label.model_dump(),
                "assignee_name": lens.person(assignee),
            }
        case WorkReassigned(before=left, after=after):
            return {"before_name": lens.person(left), "after_name": lens.person(after)}
        case ApprovalRequested(chain=name, levels=levels):
            return _approval(lens, kind, name, cast("list[dict[str, Any]]", levels))
        case ApprovalDecided(approval=approval, level=level, role=role, back_to=back_to):
            asked = None if before is None else before.approvals.get(approval)
            if asked is None:
                return {}
            now = [found.as_json() for found in asked.levels if found.name in (level, back_to)]
            shown = _approval(lens, kind, asked.chain, cast("list[dict[str, Any]]", now))
            return {
                "chain": asked.chain,
                "label": shown["label"],
                "level_label": shown["level_labels"].get(level),
                "role_label": lens.role(role),
                "back_to_label": None if back_to is None else shown["level_labels"].get(back_to),
            }
        case RecordRelated(relation=name) | RelationEnded(relation=name) if (
            kind is not None and name in kind.relations
        ):
            return {"label": kind.relations[name].label.model_dump()}
        case _:
            return {}


def _approval(
    lens: Lens, kind: Kind | None, name: str, levels: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What a chain, its levels and their roles are called, in the version it was asked under."""
    chain = None if kind is None else kind.approvals.get(name)
    known = {} if chain is None else chain.levels
    roles = {role for level in levels for role in level["approvers"]}
    return {
        "label": None if chain is None else chain.label.model_dump(),
        "level_labels": {
            level["name"]: known[level["name"]].label.model_dump()
            for level in levels
            if level["name"] in known
        },
        "role_labels": {role: label for role in sorted(roles) if (label := lens.role(role)) is not None},
    }


def _leads_to(entry: dict[str, Any]) -> list[Any]:
    fields = entry.get("fields")
    values = [*fields.values()] if isinstance(fields, dict) else []
    for level in entry.get("levels") or ():
        # Whoever decides, and whom they stand in for.
        values += [*level["approvers"].values(), *level.get("asked", {}).values()]
    return [*values, *(entry.get(name) for name in ("old", "new", "to", "contact", "before", "after"))]
