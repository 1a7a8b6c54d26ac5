"""A record as folded from its events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.envelope import Recorded
from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    OwnerChanged,
    RecordOpened,
    RecordRelated,
    RelationEnded,
    StageChanged,
    TouchCorrected,
    Touched,
)
from domain.naming import split_stream
from domain.values import Stored, moment_text
from domain.work.approving import Approval, after_changes
from domain.work.json_form import (
    approval_from_json,
    approval_to_json,
    fork_from_json,
    fork_to_json,
    item_from_json,
    item_to_json,
)
from domain.work.state import ForkedWork, WorkItem, fold_work


@dataclass(frozen=True, slots=True)
class AttachedEvidence:
    """A piece of evidence on a record; `valid_until` is a date (ISO), None means for ever."""

    id: str
    field: str
    sha256: str
    attached_at: datetime | None
    valid_until: str | None = None


@dataclass(frozen=True, slots=True)
class TouchMade:
    """That somebody was in touch: how, when (None: the moment is unknown), and with whom where that is known."""

    kind: str
    at: datetime | None
    id: str = ""
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record at one version of its stream.

    `fields` holds stored values (personal ones sealed); `unknown` names fields whose value at this moment nobody knows.
    Moments are those of occurrence; None means unknown. `path` is None on the kind's only path. `entries` counts how often each stage was entered.
    `work`, `forks` and `approvals` hold by id what was asked of people about it.
    """

    stream: str
    version: int
    position: int
    fields: Mapping[str, Stored]
    stage: str | None = None
    stage_entered_at: datetime | None = None
    opened_at: datetime | None = None
    owner: str | None = None
    external_id: str | None = None
    path: str | None = None
    unknown: frozenset[str] = frozenset()
    evidence: tuple[AttachedEvidence, ...] = ()
    touches: tuple[TouchMade, ...] = ()
    relations: frozenset[tuple[str, str]] = frozenset()
    entries: Mapping[str, int] = field(default_factory=dict)
    work: Mapping[str, WorkItem] = field(default_factory=dict)
    forks: Mapping[str, ForkedWork] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The kind of record."""
        return split_stream(self.stream)[0]

    @property
    def id(self) -> str:
        """The id of the record, without its kind."""
        return split_stream(self.stream)[1]


def evolve(record: Record | None, recorded: Recorded) -> Record:
    """Fold one event into a record. Folding in any two steps equals folding at once."""
    event = recorded.event
    if isinstance(event, RecordOpened):
        return Record(
            stream=recorded.stream,
            version=recorded.version,
            position=recorded.position,
            fields=event.fields,
            stage=event.stage,
            stage_entered_at=recorded.occurred_at,
            opened_at=recorded.occurred_at,
            owner=event.owner,
            external_id=event.external_id,
            path=event.path,
            unknown=frozenset(event.unknown),
            entries={event.stage: 1} if event.stage else {},
        )
    if record is None:
        raise ValueError(f"stream {recorded.stream!r} does not begin with an opening")
    record = replace(record, version=recorded.version, position=recorded.position)
    match event:
        case FieldsChanged(changes=changes):
            new: dict[str, Any] = {
                name: change["new"] for name, change in changes.items() if isinstance(change, dict)
            }
            approvals = after_changes(record.approvals, new) if record.approvals else record.approvals
            return replace(
                record,
                fields={**record.fields, **new},
                unknown=record.unknown - new.keys(),
                approvals=approvals,
            )
        case StageChanged(after=after):
            entries = {**record.entries, after: record.entries.get(after, 0) + 1}
            return replace(record, stage=after, stage_entered_at=recorded.occurred_at, entries=entries)
        case Touched(touch=touch, kind=kind, contact=contact):
            made = TouchMade(kind, recorded.occurred_at, touch, contact)
            return replace(record, touches=(*record.touches, made))
        case TouchCorrected():
            return replace(record, touches=_corrected(record.touches, event))
        case EvidenceAttached(evidence=evidence, field=name, sha256=sha256, valid_until=valid_until):
            piece = AttachedEvidence(evidence, name, sha256, recorded.occurred_at, valid_until)
            return replace(record, evidence=(*record.evidence, piece))
        case RecordRelated(relation=relation, to=to):
            return replace(record, relations=record.relations | {(relation, to)})
        case RelationEnded(relation=relation, to=to):
            return replace(record, relations=record.relations - {(relation, to)})
        case OwnerChanged(after=owner):
            return replace(record, owner=owner)
        case _:
            work, forks, approvals = fold_work(record.work, record.forks, record.approvals, recorded)
            return replace(record, work=work, forks=forks, approvals=approvals)


def _corrected(touches: tuple[TouchMade, ...], event: TouchCorrected) -> tuple[TouchMade, ...]:
    """Return the touches after a correction: the touch stays where it stands in the order, or goes when it is withdrawn."""

    def corrected(touch: TouchMade) -> TouchMade:
        kind, at = event.changes.get("kind", touch.kind), touch.at
        if "happened_at" in event.changes:
            told = event.changes["happened_at"]
            at = datetime.fromisoformat(told) if isinstance(told, str) else None
        contact = event.changes.get("contact", touch.contact)
        return TouchMade(str(kind), at, touch.id, contact if isinstance(contact, str) else None)

    return tuple(
        corrected(touch) if touch.id == event.touch else touch
        for touch in touches
        if not (touch.id == event.touch and event.withdrawn)
    )


def fold(record: Record | None, events: Iterable[Recorded]) -> Record | None:
    """Fold events into a record; nothing folded into nothing is nothing."""
    for recorded in events:
        record = evolve(record, recorded)
    return record


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as plain JSON, for read models."""
    return {
        "stream": record.stream,
        "version": record.version,
        "position": record.position,
        "fields": dict(record.fields),
        "stage": record.stage,
        "stage_entered_at": _text(record.stage_entered_at),
        "opened_at": _text(record.opened_at),
        "owner": record.owner,
        "external_id": record.external_id,
        "path": record.path,
        "unknown": sorted(record.unknown),
        "evidence": [
            {
                "id": e.id,
                "field": e.field,
                "sha256": e.sha256,
                "attached_at": _text(e.attached_at),
                "valid_until": e.valid_until,
            }
            for e in record.evidence
        ],
        "touches": [
            {"id": touch.id, "kind": touch.kind, "at": _text(touch.at), "contact": touch.contact}
            for touch in record.touches
        ],
        "relations": [{"relation": relation, "to": to} for relation, to in sorted(record.relations)],
        "entries": dict(record.entries),
        # Left out where there is none, so that what was kept before there was any is what is kept now.
        **({"work": [item_to_json(item) for item in record.work.values()]} if record.work else {}),
        **({"forks": [fork_to_json(fork) for fork in record.forks.values()]} if record.forks else {}),
        **(
            {"approvals": [approval_to_json(it) for it in record.approvals.values()]}
            if record.approvals
            else {}
        ),
    }


def from_json(data: Mapping[str, Any]) -> Record:
    """Return the record that `to_json` described."""
    return Record(
        stream=data["stream"],
        version=data["version"],
        position=data["position"],
        fields=data["fields"],
        stage=data["stage"],
        stage_entered_at=_moment(data["stage_entered_at"]),
        opened_at=_moment(data["opened_at"]),
        owner=data["owner"],
        external_id=data["external_id"],
        path=data.get("path"),
        unknown=frozenset(data["unknown"]),
        evidence=tuple(
            AttachedEvidence(e["id"], e["field"], e["sha256"], _moment(e["attached_at"]), e["valid_until"])
            for e in data["evidence"]
        ),
        touches=tuple(
            TouchMade(touch["kind"], _moment(touch["at"]), touch.get("id", ""), touch.get("contact"))
            for touch in data["touches"]
        ),
        relations=frozenset((item["relation"], item["to"]) for item in data["relations"]),
        entries=data["entries"],
        work={item["id"]: item_from_json(item) for item in data.get("work", ())},
        forks={fork["id"]: fork_from_json(fork) for fork in data.get("forks", ())},
        approvals={it["id"]: approval_from_json(it) for it in data.get("approvals", ())},
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment_text(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
