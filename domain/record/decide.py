"""Decisions about records: `decide(record, command, facts)` returns what happens, or refuses and names everything unmet."""

from domain.event import Event
from domain.facts import Facts
from domain.naming import split_stream
from domain.record.activities import (
    attach_evidence,
    change_owner,
    correct_touch,
    end_relation,
    record_touch,
    relate,
)
from domain.record.adoption import adopted
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    ConfirmFields,
    CorrectTouch,
    EditFields,
    EndRelation,
    OpenRecord,
    Progress,
    RecordCommand,
    RecordTouch,
    RelateRecord,
    RestoreFields,
)
from domain.record.edits import confirm, edits, field_changes, playbook_of, restore
from domain.record.moves import change_stage, open_record
from domain.record.quick_entry import progress
from domain.record.state import Record
from domain.refusals import NotFound
from domain.work.decide import decide_work


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
    # Asked once: a scope is judged by what the record's events say, and what one version reads is no word of theirs.
    playbook = playbook_of(record, facts)
    record = adopted(record, playbook)
    match command:
        case ChangeStage():
            return change_stage(record, command, facts, playbook, has_reason=has_reason)
        case EditFields():
            return field_changes(edits(record, command.fields, facts, playbook))
        case ConfirmFields():
            return confirm(record, command, facts, playbook)
        case RecordTouch():
            return record_touch(record, command, facts, playbook)
        case CorrectTouch():
            return correct_touch(record, command, facts, playbook, has_reason=has_reason)
        case AttachEvidence():
            return attach_evidence(record, command, facts, playbook)
        case RelateRecord():
            return relate(record, command, facts, playbook)
        case EndRelation():
            return end_relation(record, command, facts, playbook)
        case ChangeOwner():
            return change_owner(record, command, facts, playbook)
        case Progress():
            return progress(record, command, facts, playbook, has_reason=has_reason)
        case RestoreFields():
            return restore(record, command, facts, playbook)
        case _:
            return decide_work(record, command, facts, playbook, has_reason=has_reason)
