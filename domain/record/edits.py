"""Decisions about the fields of a record: give them new values, or those they had before, or say that they still hold."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from domain.deadlines.reach import beyond_the_calendar
from domain.event import Event
from domain.events import FieldsChanged, FieldsConfirmed
from domain.facts import Erased, Facts
from domain.naming import a, nearest
from domain.playbook.formats import refuse_unfit
from domain.playbook.model import FieldKind, FieldSpec, Kind
from domain.playbook.published import NOTHING_MAPPED, PublishedPlaybook
from domain.record.commands import ConfirmFields, RestoreFields
from domain.record.problems import person_problems, reference_problems, refuse_if, value_problem
from domain.record.state import Record
from domain.refusals import NotFound, Problem, unknown_name
from domain.values import Private, Stored, ValueRefused, store

Changes: TypeAlias = dict[str, Stored]


def playbook_of(record: Record, facts: Facts) -> PublishedPlaybook:
    """Return the version of the playbook a record is under, by what it holds and who owns it."""
    return facts.playbook_for(record.kind, record.fields, record.owner)


def subject_of(kind: Kind, record: Record) -> str:
    """Return whose personal data a record carries: the record its subject field leads to, else the record itself."""
    leads_to = record.fields.get(kind.subject) if kind.subject != "self" else None
    return leads_to if isinstance(leads_to, str) else record.stream


def edits(
    record: Record,
    given: Mapping[str, object],
    facts: Facts,
    playbook: PublishedPlaybook,
    also: list[Problem] | None = None,
) -> Changes:
    """Return the changes that edits make to a record as the playbook reads it, each `{"old", "new"}`; unchanged fields are left out. Refuses all bad values at once."""
    kind = playbook.kind(record.kind)
    problems = list(also or [])
    stored: Changes = {}
    for name, raw in given.items():
        pointer = "/fields/" + name.replace("~", "~0").replace("/", "~1")
        spec = kind.fields.get(name)
        if spec is None:
            message = f"{a(record.kind)} has no field {name!r}"
            problems.append(unknown_name(pointer, message, name, kind.fields))
            continue
        try:
            value = None if raw is None else stored_value(spec, raw)
        except ValueRefused as refused:
            problems.append(value_problem(pointer, refused))
        else:
            # Nothing written and nothing chosen is nothing: sealed, an empty text would pass for a filled field.
            stored[name] = None if value in ("", []) else value
            problems += target_problems(spec, stored[name], facts, pointer)
            problems += beyond_the_calendar(kind, name, stored[name], playbook, pointer)
    refuse_if(problems)
    subject = subject_of(kind, replace(record, fields={**record.fields, **stored}))
    changes: Changes = {}
    for name, new in stored.items():
        old = record.fields.get(name)
        if name not in record.unknown and facts.reveal(record.stream, name, old) == new:
            continue
        is_private = kind.fields[name].is_personal and new is not None
        changes[name] = {"old": old, "new": Private(subject, new) if is_private else new}
    return changes


def field_changes(changes: Changes) -> list[Event]:
    """Return the event changes make; none where nothing changes."""
    return [FieldsChanged(changes)] if changes else []


def confirm(record: Record, command: ConfirmFields, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Note that values still hold. There must be a value, and whoever confirms it must be able to know it."""
    fields = playbook.kind(record.kind).fields
    problems = [] if command.fields else [Problem("/fields", "name at least one field")]
    for name in sorted(command.fields):
        spec = fields.get(name)
        message = None
        if spec is None:
            unsaid = f"{a(record.kind)} has no field {name!r}"
            problems.append(unknown_name("/fields", unsaid, name, fields))
        elif spec.type is FieldKind.evidence:
            message = "holds evidence, which is attached, not confirmed"
        elif name in record.unknown:
            message = "has a value nobody knows; tell it instead"
        elif record.fields.get(name) is None:
            message = "is empty; there is nothing that could still hold"
        elif isinstance(facts.reveal(record.stream, name, record.fields[name]), Erased):
            message = "was erased; nobody can know whether it holds"
        if message is not None:
            problems.append(Problem(f"/fields/{name}", f"the field {name!r} {message}", names=(name,)))
    refuse_if(problems)
    return [FieldsConfirmed(sorted(command.fields))]


def restore(record: Record, command: RestoreFields, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Give fields back what they held before a change; a later change of them is not lost unless the command says so.

    What they held is read as the playbook reads it now: a field it renamed goes back under the new name, an option that is gone
    to where it was mapped.
    """
    told = playbook.adopts.get(record.kind, NOTHING_MAPPED)
    history = facts.history(record.stream)
    change = next(
        (
            event.event
            for event in history
            if event.position == command.change and isinstance(event.event, FieldsChanged)
        ),
        None,
    )
    if change is None:
        positions = [str(event.position) for event in history if isinstance(event.event, FieldsChanged)]
        raise NotFound("change of fields", str(command.change), nearest(str(command.change), positions))
    changed = {told.field(name) or name: name for name in sorted(change.changes)}
    wanted = (
        changed.keys() if command.fields is None else {told.field(name) or name for name in command.fields}
    )
    problems = [
        unknown_name("/fields", f"the field {name!r} was not changed there", name, changed)
        for name in sorted(wanted)
        if name not in changed
    ]
    if not command.over_later_changes:
        problems += [
            Problem(
                f"/fields/{name}",
                f"the field {name!r} was changed again at position {event.position};"
                " set over_later_changes to restore it all the same",
                names=(name,),
            )
            for name in sorted(wanted)
            for event in history
            if event.position > command.change
            and isinstance(event.event, FieldsChanged)
            and any((told.field(other) or other) == name for other in event.event.changes)
        ]
    earlier: dict[str, object] = {}
    for name in sorted(wanted & changed.keys()):
        then = changed[name]
        old_and_new = change.changes[then]
        assert isinstance(old_and_new, dict)
        value = facts.reveal(record.stream, then, old_and_new["old"])
        if isinstance(value, Erased):
            problems.append(Problem(f"/fields/{name}", "what was there was erased; nobody can bring it back"))
        else:
            earlier[name] = told.value(then, value)
    refuse_if(problems)
    return [
        replace(event, restores=command.change)
        for event in field_changes(edits(record, earlier, facts, playbook))
        if isinstance(event, FieldsChanged)
    ]


def stored_value(spec: FieldSpec, raw: object) -> Stored:
    """Turn a raw value into what a field stores. Raises ValueRefused for what does not fit it."""
    value_type = spec.value_type
    if value_type is None:
        raise ValueRefused("evidence is attached, not edited: attach a file to this field")
    choose = spec.choose
    stored = store(
        value_type, raw, at_least=choose.at_least if choose else 0, at_most=choose.at_most if choose else None
    )
    if stored not in ("", []):
        refuse_unfit(spec, stored)
    return stored


def target_problems(spec: FieldSpec, stored: Stored, facts: Facts, pointer: str) -> list[Problem]:
    """Check that whom or what a value leads to is there."""
    if not isinstance(stored, str):
        return []
    if spec.type is FieldKind.person:
        return person_problems(stored, facts, pointer)
    if spec.type is FieldKind.reference:
        return reference_problems(stored, spec.to or "", facts, pointer)
    return []
