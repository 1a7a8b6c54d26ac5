"""Decisions about records: `decide(record, command, facts)` returns what happens, or refuses and names everything unmet."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias
from zoneinfo import ZoneInfo

from domain.events import (
    Event,
    EvidenceAttached,
    FieldsChanged,
    OwnerChanged,
    RecordOpened,
    RecordRelated,
    StageChanged,
    Touched,
)
from domain.facts import Facts
from domain.naming import is_id, nearest, split_stream
from domain.playbook.model import FieldKind, FieldSpec, Kind, Right
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    EditFields,
    OpenRecord,
    Override,
    RecordCommand,
    RecordTouch,
    RelateRecord,
)
from domain.record.gates import Attempt, move_between, unmet, valid_until
from domain.record.state import Record
from domain.refusals import AlreadyExists, GateNotMet, InvalidCommand, NotAllowed, NotFound, Problem, Unmet
from domain.values import MAX_TEXT, Private, Stored, ValueRefused, clean_text, store

Changes: TypeAlias = dict[str, Stored]

_SHA256_LENGTH = 64
_MAX_SIZE = 2**53 - 1
_MAX_NAME = 200
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,100}")


class MoveNotMet(GateNotMet):
    """A gate refusal together with the attempt, so that the attempt can be kept as evidence."""

    def __init__(self, attempt: Attempt, missing: list[Unmet], fields: Changes, waived: list[str]) -> None:
        super().__init__(attempt.after, missing)
        self.attempt = attempt
        self.fields = fields
        self.waived = waived


def decide(
    record: Record | None, command: RecordCommand, facts: Facts, *, has_reason: bool = False
) -> list[Event]:
    """Decide what a command does to a record. Raises a Refusal; nothing has happened then."""
    if isinstance(command, OpenRecord):
        return open_record(record, command, facts, has_reason=has_reason)
    if record is None:
        kind_name, record_id = split_stream(command.stream)
        facts.playbook_for(kind_name)
        raise NotFound(kind_name, record_id)
    match command:
        case ChangeStage():
            return change_stage(record, command, facts, has_reason=has_reason)
        case EditFields():
            return _field_changes(_edits(record, command.fields, facts))
        case RecordTouch():
            return record_touch(record, command, facts)
        case AttachEvidence():
            return attach_evidence(record, command, facts)
        case RelateRecord():
            return relate(record, command, facts)
        case ChangeOwner():
            return change_owner(record, command, facts)


def open_record(record: Record | None, command: OpenRecord, facts: Facts, *, has_reason: bool) -> list[Event]:
    """Open a record once the gate of its first stage is met."""
    kind_name, record_id = split_stream(command.stream)
    if record is not None:
        raise AlreadyExists(kind_name, record_id)
    playbook = facts.playbook_for(kind_name)
    kind = playbook.kind(kind_name)
    empty = Record(stream=command.stream, version=0, position=0, fields={}, unknown=command.unknown)
    changes = _edits(empty, command.fields, facts, also=_opening_problems(kind, command, facts))
    fields = {name: change["new"] for name, change in changes.items() if isinstance(change, dict)}
    stage = command.stage or next(iter(kind.opening_stages), None)
    opened = RecordOpened(
        fields=fields,
        stage=stage,
        owner=command.owner,
        external_id=command.external_id,
        unknown=sorted(command.unknown - fields.keys()),
    )
    if stage is None:
        return [opened]
    attempt = Attempt(
        replace(empty, fields=fields, stage=stage), None, stage, "open", facts.occurred_at, has_reason
    )
    override = _pass(attempt, unmet(playbook, attempt, facts.reveal), command.override, facts, fields)
    return [replace(opened, override=override)]


def change_stage(record: Record, command: ChangeStage, facts: Facts, *, has_reason: bool) -> list[Event]:
    """Move a record along its path once the gate is met."""
    playbook = facts.playbook_for(record.kind)
    kind = playbook.kind(record.kind)
    changes = _edits(record, command.fields, facts, also=_stage_problems(record, kind, command.to))
    assert record.stage is not None
    move = move_between(kind, record.stage, command.to)
    fields = {name: change["new"] for name, change in changes.items() if isinstance(change, dict)}
    edited = replace(record, fields={**record.fields, **fields}, unknown=record.unknown - fields.keys())
    attempt = Attempt(edited, record.stage, command.to, move, facts.occurred_at, has_reason)
    override = _pass(attempt, unmet(playbook, attempt, facts.reveal), command.override, facts, fields)
    return [*_field_changes(changes), StageChanged(record.stage, command.to, move, override)]


def record_touch(record: Record, command: RecordTouch, facts: Facts) -> list[Event]:
    """Note a touch of a kind the playbook knows."""
    kind = facts.playbook_for(record.kind).kind(record.kind)
    problems = (
        _unknown(command.kind, kind.touches, "kind of touch", "/kind")
        + _text("/note", command.note)
        + _id("/touch", command.touch)
    )
    if command.contact is not None and not facts.exists(command.contact):
        problems.append(Problem("/contact", f"there is no {command.contact!r}"))
    _refuse_if(problems)
    about = command.contact or subject_of(kind, record)
    note = None if command.note is None else Private(about, command.note)
    return [Touched(command.touch, command.kind, note, command.contact)]


def attach_evidence(record: Record, command: AttachEvidence, facts: Facts) -> list[Event]:
    """Attach evidence to one of the kind's evidence fields."""
    playbook = facts.playbook_for(record.kind)
    kind = playbook.kind(record.kind)
    problems = _unknown(command.field, kind.evidence_fields, "evidence field", "/field") + _text(
        "/file_name", command.file_name
    )
    if len(command.sha256) != _SHA256_LENGTH or not set(command.sha256) <= set("0123456789abcdef"):
        problems.append(Problem("/sha256", "a SHA-256 in 64 lower-case hexadecimal digits is expected"))
    if not 0 <= command.size_bytes <= _MAX_SIZE:
        problems.append(Problem("/size_bytes", "a size in bytes is expected"))
    if not MEDIA_TYPE.fullmatch(command.media_type):
        problems.append(Problem("/media_type", "a media type is expected, as application/pdf"))
    problems += _id("/evidence", command.evidence)
    _refuse_if(problems)
    valid_days = kind.fields[command.field].valid_days
    counts_until = valid_until(
        facts.occurred_at or facts.decided_at, valid_days, ZoneInfo(playbook.document.time_zone)
    )
    name = None if command.file_name is None else Private(subject_of(kind, record), command.file_name)
    piece = EvidenceAttached(
        command.evidence,
        command.field,
        command.sha256,
        command.size_bytes,
        command.media_type,
        name,
        counts_until,
    )
    return [piece]


def relate(record: Record, command: RelateRecord, facts: Facts) -> list[Event]:
    """Relate a record to an existing one of the kind the relation leads to."""
    kind = facts.playbook_for(record.kind).kind(record.kind)
    problems = _unknown(command.relation, kind.relations, "relation", "/relation")
    if not problems:
        wanted = kind.relations[command.relation].to
        problems = _reference(command.to, wanted, facts, "/to")
    _refuse_if(problems)
    return (
        []
        if (command.relation, command.to) in record.relations
        else [RecordRelated(command.relation, command.to)]
    )


def change_owner(record: Record, command: ChangeOwner, facts: Facts) -> list[Event]:
    """Hand a record over; stage, notes and history stay."""
    _refuse_if(_person(command.owner, facts, "/owner"))
    return [] if record.owner == command.owner else [OwnerChanged(record.owner, command.owner)]


def subject_of(kind: Kind, record: Record) -> str:
    """Return whose personal data a record carries: the record its subject field leads to, else the record itself."""
    leads_to = record.fields.get(kind.subject) if kind.subject != "self" else None
    return leads_to if isinstance(leads_to, str) else record.stream


def _pass(
    attempt: Attempt, missing: list[Unmet], override: Override | None, facts: Facts, fields: Changes
) -> Stored:
    """Let a move through: nothing is missing, or what is missing is waived by name. Returns the override for the event."""
    if not missing:
        return None
    if override is None:
        raise MoveNotMet(attempt, missing, fields, [])
    right = Right.import_data if override.waive is None else Right.waive
    if not facts.may(right):
        raise NotAllowed(right)
    problems = _name("/override/name", override.name)
    if override.waive is not None and not attempt.has_reason:
        problems.append(Problem("/reason", "whoever waives requirements says why"))
    _refuse_if(problems)
    left = [item for item in missing if override.waive is not None and item.id not in override.waive]
    if left:
        raise MoveNotMet(attempt, left, fields, [item.id for item in missing if item not in left])
    return {"name": override.name, "waived": [item.id for item in missing]}


def _edits(
    record: Record, given: Mapping[str, object], facts: Facts, also: list[Problem] | None = None
) -> Changes:
    """Return the changes that edits make, each `{"old", "new"}`; unchanged fields are left out. Refuses all bad values at once."""
    kind = facts.playbook_for(record.kind).kind(record.kind)
    problems = list(also or [])
    stored: Changes = {}
    for name, raw in given.items():
        pointer = "/fields/" + name.replace("~", "~0").replace("/", "~1")
        spec = kind.fields.get(name)
        if spec is None:
            problems.append(
                Problem(pointer, f"a {record.kind} has no field {name!r}", nearest(name, kind.fields))
            )
            continue
        try:
            value = None if raw is None else _stored(spec, raw)
        except ValueRefused as refused:
            problems.append(Problem(pointer, str(refused), refused.suggestion))
        else:
            # Nothing written and nothing chosen is nothing: sealed, an empty text would pass for a filled field.
            stored[name] = None if value in ("", []) else value
            problems += _target_problems(spec, stored[name], facts, pointer)
    _refuse_if(problems)
    subject = subject_of(kind, replace(record, fields={**record.fields, **stored}))
    changes: Changes = {}
    for name, new in stored.items():
        old = record.fields.get(name)
        if name not in record.unknown and facts.reveal(record.stream, name, old) == new:
            continue
        is_private = kind.fields[name].is_personal and new is not None
        changes[name] = {"old": old, "new": Private(subject, new) if is_private else new}
    return changes


def _stored(spec: FieldSpec, raw: object) -> Stored:
    value_type = spec.value_type
    if value_type is None:
        raise ValueRefused("evidence is attached, not edited: attach a file to this field")
    choose = spec.choose
    return store(
        value_type, raw, at_least=choose.at_least if choose else 0, at_most=choose.at_most if choose else None
    )


def _target_problems(spec: FieldSpec, stored: Stored, facts: Facts, pointer: str) -> list[Problem]:
    if not isinstance(stored, str):
        return []
    if spec.type is FieldKind.person:
        return _person(stored, facts, pointer)
    if spec.type is FieldKind.reference:
        return _reference(stored, spec.to or "", facts, pointer)
    return []


def _field_changes(changes: Changes) -> list[Event]:
    return [FieldsChanged(changes)] if changes else []


def _opening_problems(kind: Kind, command: OpenRecord, facts: Facts) -> list[Problem]:
    problems = (
        []
        if is_id(split_stream(command.stream)[1])
        else [Problem("/stream", "this cannot be the id of a record")]
    )
    problems += _person(command.owner, facts, "/owner")
    if command.external_id is not None:
        problems += _name("/external_id", command.external_id)
    if command.stage is not None:
        problems += _unknown(command.stage, kind.stages, "stage", "/stage")
    for name in sorted(command.unknown):
        problems += _unknown(name, kind.fields, "field", "/unknown")
    return problems


def _stage_problems(record: Record, kind: Kind, to: str) -> list[Problem]:
    if record.stage is None:
        return [Problem("/to", f"a {record.kind} has no stages")]
    return _unknown(to, kind.stages, "stage", "/to")


def _person(person: str | None, facts: Facts, pointer: str) -> list[Problem]:
    if person is None or facts.is_active_person(person):
        return []
    return [Problem(pointer, "this is not an active person")]


def _reference(stream: str, kind: str, facts: Facts, pointer: str) -> list[Problem]:
    if split_stream(stream)[0] != kind:
        return [Problem(pointer, f"a {kind} is expected, as {kind}/…")]
    return [] if facts.exists(stream) else [Problem(pointer, f"there is no {kind} of this id")]


def _unknown(
    name: str, valid: Mapping[str, object] | tuple[str, ...], what: str, pointer: str
) -> list[Problem]:
    return [] if name in valid else [Problem(pointer, f"there is no {what} {name!r}", nearest(name, valid))]


def _text(pointer: str, text: str | None, limit: int = MAX_TEXT) -> list[Problem]:
    if text is None:
        return []
    try:
        clean_text(text, limit)
    except ValueRefused as refused:
        return [Problem(pointer, str(refused))]
    return []


def _name(pointer: str, name: str) -> list[Problem]:
    return _text(pointer, name, _MAX_NAME) if name else [Problem(pointer, "this cannot be empty")]


def _id(pointer: str, text: str) -> list[Problem]:
    return (
        [] if is_id(text) else [Problem(pointer, "an id is expected: printable, without spaces and slashes")]
    )


def _refuse_if(problems: list[Problem]) -> None:
    if problems:
        raise InvalidCommand(problems)
