"""What can be asked of a record over HTTP, each once: its routes, its lines in a bulk request and its description come from here."""

from collections.abc import Mapping
from typing import Any

from commands.http import bodies
from commands.http.record_action import RecordAction, id_of
from commands.http.work_actions import WORK_ACTIONS
from domain.envelope import Recorded
from domain.naming import split_stream
from domain.record.commands import (
    ChangeOwner,
    ChangeStage,
    ConfirmFields,
    CorrectTouch,
    EditFields,
    EndRelation,
    OpenRecord,
    Override,
    Progress,
    RecordTouch,
    RelateRecord,
    RestoreFields,
)

__all__ = ["BY_NAME", "RECORD_ACTIONS", "RecordAction", "id_of"]


def _open(stream: str, body: bodies.Opening, _: str) -> OpenRecord:
    return OpenRecord(
        stream,
        body.fields,
        stage=body.stage,
        owner=body.owner,
        external_id=body.external_id,
        path=body.path,
        unknown=frozenset(body.unknown),
    )


def _edit(stream: str, body: bodies.Edit, _: str) -> EditFields:
    return EditFields(stream, body.fields)


def _confirm(stream: str, body: bodies.Confirmation, _: str) -> ConfirmFields:
    return ConfirmFields(stream, frozenset(body.fields))


def _change_stage(stream: str, body: bodies.StageChange, _: str) -> ChangeStage:
    return ChangeStage(stream, body.to, body.fields)


def _override(stream: str, body: bodies.OverriddenChange, _: str) -> ChangeStage:
    return ChangeStage(stream, body.to, body.fields, Override(body.name, frozenset(body.waive)))


def _touch(stream: str, body: bodies.TouchNote, _: str) -> RecordTouch:
    return RecordTouch(stream, body.id or "", body.kind, body.note, body.contact)


def _correct_touch(stream: str, body: bodies.TouchCorrection, touch: str) -> CorrectTouch:
    given = body.model_fields_set & {"kind", "note", "contact", "happened_at"}
    return CorrectTouch(stream, touch, {name: getattr(body, name) for name in sorted(given)}, body.withdrawn)


def _relate(stream: str, body: bodies.RelationTo, _: str) -> RelateRecord:
    return RelateRecord(stream, body.relation, body.to)


def _end_relation(stream: str, body: bodies.RelationTo, _: str) -> EndRelation:
    return EndRelation(stream, body.relation, body.to)


def _change_owner(stream: str, body: bodies.NewOwner, _: str) -> ChangeOwner:
    return ChangeOwner(stream, body.owner)


def _restore(stream: str, body: bodies.Restoration, _: str) -> RestoreFields:
    fields = None if body.fields is None else frozenset(body.fields)
    return RestoreFields(stream, body.change, fields, body.over_later_changes)


def _progress(stream: str, body: bodies.ProgressNote, _: str) -> Progress:
    return Progress(
        stream, body.preset, body.fields, body.note, body.contact, body.evidence, touch=body.id or ""
    )


def _id_of_record(last: Recorded) -> Mapping[str, Any]:
    return {"id": split_stream(last.stream)[1]}


OPEN = RecordAction("open", "Open a record", bodies.Opening, _open, made=_id_of_record)
EDIT = RecordAction("edit", "Give fields new values", bodies.Edit, _edit, method="PATCH")
CONFIRM = RecordAction(
    "confirm", "Say that the values of fields still hold", bodies.Confirmation, _confirm, "/confirmations"
)
TOUCH = RecordAction(
    "touch",
    "Note that somebody was in touch",
    bodies.TouchNote,
    _touch,
    "/touches",
    made=id_of("touch"),
    makes="touch",
)
CORRECT_TOUCH = RecordAction(
    "correct_touch",
    "Correct what was noted about a touch, or withdraw it",
    bodies.TouchCorrection,
    _correct_touch,
    "/touches/{touch_id}/corrections",
    part="touch",
)
RELATE = RecordAction("relate", "Relate it to another record", bodies.RelationTo, _relate, "/relations")
END_RELATION = RecordAction(
    "end_relation", "End a relation to another record", bodies.RelationTo, _end_relation, "/relations/endings"
)
CHANGE_OWNER = RecordAction(
    "change_owner", "Let somebody else answer for it", bodies.NewOwner, _change_owner, "/owner-changes"
)
CHANGE_STAGE = RecordAction(
    "change_stage", "Move it to a stage", bodies.StageChange, _change_stage, "/stage-changes"
)
OVERRIDE = RecordAction(
    "override",
    "Move it to a stage although requirements are not met",
    bodies.OverriddenChange,
    _override,
    "/overrides",
)
PROGRESS = RecordAction(
    "progress",
    "Note a progress by a preset: a touch, fields and a move in one",
    bodies.ProgressNote,
    _progress,
    "/progress",
    makes="touch",
)
RESTORE = RecordAction(
    "restore",
    "Give fields back the values they had before a change",
    bodies.Restoration,
    _restore,
    "/restorations",
)

RECORD_ACTIONS = (
    OPEN,
    EDIT,
    CONFIRM,
    TOUCH,
    CORRECT_TOUCH,
    RELATE,
    END_RELATION,
    CHANGE_OWNER,
    PROGRESS,
    CHANGE_STAGE,
    OVERRIDE,
    RESTORE,
    *WORK_ACTIONS,
)
"""Every command of records that has a JSON body, in the order one would try them out; evidence is a file."""

BY_NAME: Mapping[str, RecordAction] = {action.name: action for action in RECORD_ACTIONS}
