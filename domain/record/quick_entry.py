"""Decisions about quick entry: what one tap says, as the typed events it stands for. All of it, or nothing."""

from collections.abc import Iterator
from dataclasses import replace

from domain.event import Event
from domain.facts import Facts
from domain.labels import Saying
from domain.naming import nearest
from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook
from domain.playbook.quick_entry import Preset
from domain.record.activities import record_touch
from domain.record.commands import ChangeStage, Progress, RecordTouch
from domain.record.edits import edits, field_changes
from domain.record.gates import has_valid_evidence
from domain.record.moves import MoveNotMet, change_stage
from domain.record.problems import refuse_if, unknown
from domain.record.state import Record, TouchMade
from domain.refusals import GateNotMet, InvalidCommand, Problem, said_to_both


def progress(
    record: Record, command: Progress, facts: Facts, playbook: PublishedPlaybook, *, has_reason: bool
) -> list[Event]:
    """Note a progress: the touch, then the fields, then the move, judged on the record as touch and fields leave it."""
    kind = playbook.kind(record.kind)
    refuse_if(unknown(command.preset, kind.progress, "preset", "/preset"))
    preset = kind.progress[command.preset]
    problems = [*_asked(kind, preset, command), *_proofs(kind, preset, command, record, facts, playbook)]
    touched, noted = _touched(record, preset, command, facts, playbook, problems)
    fields = _fields(record, preset, command, facts, playbook, problems)
    if preset.to is None or preset.to == record.stage:
        refuse_if(problems)
        return [*noted, *field_changes(edits(record, fields, facts, playbook))]
    move = ChangeStage(record.stream, preset.to, fields)
    try:
        moved = change_stage(touched, move, facts, playbook, has_reason=has_reason)
    except InvalidCommand as refused:
        refuse_if([*problems, *(replace(problem, pointer="/preset") for problem in refused.problems)])
        raise
    except MoveNotMet as refused:
        refuse_if(problems and [*problems, *_gaps(kind, preset, refused, problems)])
        if touched is not record and not _is_refused_alike(
            record, move, refused, facts, playbook, has_reason
        ):
            # What is kept of a refused move has no place for a touch that came along: judged again without it, it would lack other things.
            raise GateNotMet(refused.to_stage, refused.unmet) from None
        raise
    refuse_if(problems)
    return [*noted, *moved]


def _asked(kind: Kind, preset: Preset, command: Progress) -> Iterator[Problem]:
    """What is asked and was not given, and what was given and is not asked."""
    for name in preset.asks:
        value = command.fields.get(name)
        if value is None or value == [] or (isinstance(value, str) and not value.strip()):
            yield Problem(f"/fields/{name}", f"the preset asks for the field {name}; give it a value")
    for name in command.fields:
        if name not in preset.asks:
            pointer = "/fields/" + name.replace("~", "~0").replace("/", "~1")
            known = (
                "the preset knows its value" if name in preset.fields else "the preset does not ask for it"
            )
            hint = None if name in kind.fields else nearest(name, preset.asks)
            yield Problem(pointer, f"{known}; leave the field {name!r} out, or edit it by itself", hint)
    if preset.note_asked and not (command.note or "").strip():
        yield Problem("/note", "the preset asks for a note")
    if preset.touch is None:
        for member in ("note", "contact"):
            if getattr(command, member) is not None:
                yield Problem(f"/{member}", "the preset notes no touch, so that this would go nowhere")


def _proofs(
    kind: Kind, preset: Preset, command: Progress, record: Record, facts: Facts, playbook: PublishedPlaybook
) -> Iterator[Problem]:
    """Each piece that is asked for is named, is attached to the field it is asked for, and counts at the moment."""
    pieces = {piece.id: piece for piece in record.evidence}
    for name in preset.evidence:
        pointer, given = f"/evidence/{name}", command.evidence.get(name)
        piece = pieces.get(given or "")
        if given is None:
            yield Problem(pointer, f"the preset asks for evidence: attach a file to {name}, and give its id")
        elif piece is None or piece.field != name:
            own = [other.id for other in pieces.values() if other.field == name]
            yield Problem(
                pointer, f"no piece of evidence of this id is attached to {name}", nearest(given, own)
            )
        elif not has_valid_evidence(playbook, replace(record, evidence=(piece,)), name, facts.occurred_at):
            yield Problem(
                pointer, f"this piece of evidence counted until {piece.valid_until}; attach a new one"
            )
    for name in command.evidence:
        if name not in preset.evidence:
            pointer = "/evidence/" + name.replace("~", "~0").replace("/", "~1")
            hint = None if name in kind.fields else nearest(name, preset.evidence)
            yield Problem(pointer, "the preset does not ask for this evidence; leave it out", hint)


def _touched(
    record: Record,
    preset: Preset,
    command: Progress,
    facts: Facts,
    playbook: PublishedPlaybook,
    problems: list[Problem],
) -> tuple[Record, list[Event]]:
    """The record as the touch leaves it, and the event of the touch; neither changes where the preset has none."""
    if preset.touch is None:
        return record, []
    note = RecordTouch(record.stream, command.touch, preset.touch, command.note, command.contact)
    made = TouchMade(preset.touch, facts.occurred_at, command.touch, command.contact)
    touched = replace(record, touches=(*record.touches, made))
    try:
        return touched, record_touch(record, note, facts, playbook)
    except InvalidCommand as refused:
        problems += refused.problems
        return touched, []


def _fields(
    record: Record,
    preset: Preset,
    command: Progress,
    facts: Facts,
    playbook: PublishedPlaybook,
    problems: list[Problem],
) -> dict[str, object]:
    """The values that go into fields; those that do not fit are named and left out, so that the gate is asked all the same."""
    fixed = {
        name: list(value) if isinstance(value, tuple) else value for name, value in preset.fields.items()
    }
    given = {name: command.fields[name] for name in preset.asks if name in command.fields}
    fields: dict[str, object] = fixed | given
    try:
        edits(record, fields, facts, playbook)
    except InvalidCommand as refused:
        problems += refused.problems
        wrong = {problem.pointer.removeprefix("/fields/") for problem in refused.problems}
        return {name: value for name, value in fields.items() if name not in wrong}
    return fields


def _gaps(kind: Kind, preset: Preset, refused: MoveNotMet, named: list[Problem]) -> Iterator[Problem]:
    """What the gate lacks beside what was named already, in the words of the playbook."""
    pointers = {problem.pointer for problem in named}
    assert preset.to is not None
    step = kind.steps[preset.to].label
    for item in refused.unmet:
        if not pointers & {f"/fields/{item.field}", f"/evidence/{item.field}"}:
            missing = Saying(
                f"进入“{step.zh}”还缺少：{item.label.zh}（{item.id}）",
                f"to enter {step.en} this is missing: {item.label.en}, {item.id}",
            )
            yield said_to_both("/preset", missing)


def _is_refused_alike(
    record: Record,
    move: ChangeStage,
    refused: MoveNotMet,
    facts: Facts,
    playbook: PublishedPlaybook,
    has_reason: bool,
) -> bool:
    """Tell whether a move lacks the same without the touch that came along."""
    try:
        change_stage(record, move, facts, playbook, has_reason=has_reason)
    except MoveNotMet as without:
        return [item.id for item in without.unmet] == [item.id for item in refused.unmet]
    return False
