"""Decisions about the way of a record: open it, or move it along its path once the gate is met."""

from dataclasses import replace
from typing import cast

from domain.event import Event
from domain.events import GateOverridden, RecordOpened, StageChanged
from domain.facts import Facts
from domain.naming import a, is_id, split_stream
from domain.playbook.model import Kind, Right
from domain.playbook.published import PublishedPlaybook
from domain.record.commands import ChangeStage, OpenRecord, Override
from domain.record.edits import Changes, edits, field_changes
from domain.record.gates import Attempt, move_between, unmet
from domain.record.problems import name_problems, person_problems, refuse_if, unknown
from domain.record.state import Record
from domain.record.way import chosen_path, needs_right, path_problems, requirements_of
from domain.refusals import AlreadyExists, GateNotMet, NotAllowed, Problem, Unmet, unknown_name
from domain.values import Stored
from domain.work.approving import after_changes


class MoveNotMet(GateNotMet):
    """A gate refusal together with the attempt, so that the attempt can be kept as evidence."""

    def __init__(self, attempt: Attempt, missing: list[Unmet], fields: Changes, waived: list[str]) -> None:
        super().__init__(attempt.after, missing)
        self.attempt = attempt
        self.fields = fields
        self.waived = waived


def playbook_of_opening(command: OpenRecord, facts: Facts) -> PublishedPlaybook:
    """Return the version a new record is under: what it holds is what its command says, so that is what a scope is judged by."""
    told: dict[str, Stored] = {
        name: list(map(str, value)) if isinstance(value, list | tuple) else value
        for name, value in command.fields.items()
        if isinstance(value, str | list | tuple)
    }
    return facts.playbook_for(split_stream(command.stream)[0], told, command.owner)


def open_record(record: Record | None, command: OpenRecord, facts: Facts, *, has_reason: bool) -> list[Event]:
    """Open a record once the gate of its first stage is met."""
    kind_name, record_id = split_stream(command.stream)
    if record is not None:
        raise AlreadyExists(kind_name, record_id)
    playbook = playbook_of_opening(command, facts)
    kind = playbook.kind(kind_name)
    refuse_if(path_problems(kind, command.path))
    path = chosen_path(kind, command.path)
    empty = Record(
        stream=command.stream,
        version=0,
        position=0,
        fields={},
        path=path,
        owner=command.owner,
        unknown=command.unknown,
    )
    changes = edits(empty, command.fields, facts, playbook, also=_opening_problems(kind, command, facts))
    fields = {name: change["new"] for name, change in changes.items() if isinstance(change, dict)}
    stage = command.stage or next(iter(kind.opening_steps(path)), None)
    opened = RecordOpened(
        fields=fields,
        stage=stage,
        owner=command.owner,
        external_id=command.external_id,
        unknown=sorted(command.unknown - fields.keys()),
        path=path,
    )
    if stage is None:
        return [opened]
    attempt = Attempt(
        replace(empty, fields=fields, stage=stage), None, stage, "open", facts.occurred_at, has_reason
    )
    override = _pass(attempt, unmet(playbook, attempt, facts.reveal), command.override, facts, fields, kind)
    return [replace(opened, override=override), *_overridden(command.override, override, stage)]


def change_stage(
    record: Record, command: ChangeStage, facts: Facts, playbook: PublishedPlaybook, *, has_reason: bool
) -> list[Event]:
    """Move a record along its path once the gate is met."""
    kind = playbook.kind(record.kind)
    changes = edits(record, command.fields, facts, playbook, also=_stage_problems(record, kind, command.to))
    assert record.stage is not None
    move = move_between(kind, record.stage, command.to, record.path)
    right = needs_right(kind, move)
    if right is not None and not facts.may(right) and not _is_import(command.override, facts):
        raise NotAllowed(right)
    fields = {name: change["new"] for name, change in changes.items() if isinstance(change, dict)}
    edited = replace(
        record,
        fields={**record.fields, **fields},
        unknown=record.unknown - fields.keys(),
        approvals=after_changes(record.approvals, fields),
    )
    attempt = Attempt(edited, record.stage, command.to, move, facts.occurred_at, has_reason)
    override = _pass(attempt, unmet(playbook, attempt, facts.reveal), command.override, facts, fields, kind)
    return [
        *field_changes(changes),
        *_overridden(command.override, override, command.to),
        StageChanged(record.stage, command.to, move, override),
    ]


def _pass(
    attempt: Attempt,
    missing: list[Unmet],
    override: Override | None,
    facts: Facts,
    fields: Changes,
    kind: Kind,
) -> Stored:
    """Let a move through: nothing is missing, or what is missing is waived by name. Returns the override for the event."""
    unknown_ids = _unknown_requirements(kind, override)
    if not missing:
        refuse_if(unknown_ids)
        return None
    if override is None:
        raise MoveNotMet(attempt, missing, fields, [])
    right = Right.import_data if override.waive is None else Right.waive
    if not facts.may(right):
        raise NotAllowed(right)
    problems = name_problems("/name", override.name)
    if override.waive is not None and not attempt.has_reason:
        problems.append(Problem("/reason", "whoever waives requirements says why"))
    refuse_if(problems + unknown_ids)
    left = [item for item in missing if override.waive is not None and item.id not in override.waive]
    if left:
        raise MoveNotMet(attempt, left, fields, [item.id for item in missing if item not in left])
    return {"name": override.name, "waived": [item.id for item in missing]}


def _unknown_requirements(kind: Kind, override: Override | None) -> list[Problem]:
    """What an override waives that no gate or move of the kind could ever ask for: whoever mistypes an id learns of it, met or not."""
    if override is None or override.waive is None:
        return []
    known = requirements_of(kind)
    return [
        unknown_name("/waive", f"no gate and no move could ask for {asked!r}", asked, known)
        for asked in sorted(override.waive)
        if asked not in known
    ]


def _is_import(override: Override | None, facts: Facts) -> bool:
    """Tell whether what happened elsewhere is taken in as it was: then nobody here skipped anything."""
    return override is not None and override.waive is None and facts.may(Right.import_data)


def _overridden(asked: Override | None, made: Stored, after: str) -> list[Event]:
    """An override by name is an event of its own; an import says in the move itself what it waived."""
    if asked is None or asked.waive is None or not isinstance(made, dict):
        return []
    return [GateOverridden(asked.name, after, cast("list[str]", made["waived"]))]


def _opening_problems(kind: Kind, command: OpenRecord, facts: Facts) -> list[Problem]:
    problems = (
        []
        if is_id(split_stream(command.stream)[1])
        else [Problem("/stream", "this cannot be the id of a record")]
    )
    problems += person_problems(command.owner, facts, "/owner")
    if command.external_id is not None:
        problems += name_problems("/external_id", command.external_id)
    if command.stage is not None:
        problems += unknown(command.stage, kind.steps, "stage", "/stage")
    for name in sorted(command.unknown):
        problems += unknown(name, kind.fields, "field", "/unknown")
    return problems


def _stage_problems(record: Record, kind: Kind, to: str) -> list[Problem]:
    if record.stage is None:
        return [Problem("/to", f"{a(record.kind)} has no stages")]
    return unknown(to, kind.steps, "stage", "/to")
