"""Decisions about what happens around a record: touches, evidence, relations, and who answers for it."""

import re
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from domain.assigning.places import claimed_from
from domain.event import Event
from domain.events import (
    EvidenceAttached,
    OwnerChanged,
    RecordRelated,
    RelationEnded,
    TouchCorrected,
    Touched,
)
from domain.facts import Facts
from domain.naming import nearest, split_stream
from domain.organisation.above import above
from domain.playbook.model import Right
from domain.playbook.published import PublishedPlaybook
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    CorrectTouch,
    EndRelation,
    RecordTouch,
    RelateRecord,
)
from domain.record.edits import Changes, subject_of
from domain.record.gates import judged, valid_until
from domain.record.problems import (
    id_problems,
    person_problems,
    reference_problems,
    refuse_if,
    text_problems,
    unknown,
)
from domain.record.state import Record
from domain.refusals import NotFound, Problem
from domain.rules.types import FieldType, ValueType
from domain.values import Private, ValueRefused, load, store

_SHA256_LENGTH = 64
_MAX_SIZE = 2**53 - 1
_A_MOMENT = FieldType(ValueType.datetime)
TOUCH_MEMBERS = ("kind", "note", "contact", "happened_at")
MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,100}")


def record_touch(
    record: Record, command: RecordTouch, facts: Facts, playbook: PublishedPlaybook
) -> list[Event]:
    """Note a touch of a kind the playbook knows."""
    kind = playbook.kind(record.kind)
    problems = (
        unknown(command.kind, kind.touches, "kind of touch", "/kind")
        + text_problems("/note", command.note)
        + id_problems("/touch", command.touch)
    )
    if any(made.id == command.touch for made in record.touches):
        problems.append(
            Problem("/touch", "another touch has this id; a correction could not tell them apart")
        )
    if command.contact is not None and not facts.exists(command.contact):
        problems.append(Problem("/contact", f"there is no {command.contact!r}; name a record that is there"))
    refuse_if(problems)
    about = command.contact or subject_of(kind, record)
    note = None if command.note is None else Private(about, command.note)
    return [Touched(command.touch, command.kind, note, command.contact)]


def correct_touch(
    record: Record, command: CorrectTouch, facts: Facts, playbook: PublishedPlaybook, *, has_reason: bool
) -> list[Event]:
    """Correct what was noted about a touch, or withdraw it; what was noted before stays in the log."""
    kind = playbook.kind(record.kind)
    touch = next((made for made in record.touches if made.id == command.touch), None)
    if touch is None:
        raise NotFound("touch", command.touch, nearest(command.touch, [made.id for made in record.touches]))
    given = dict(command.changes)
    problems = [
        Problem(f"/{name}", "a correction has no such member", nearest(name, TOUCH_MEMBERS))
        for name in given
        if name not in TOUCH_MEMBERS
    ]
    if not has_reason:
        problems.append(Problem("/reason", "whoever corrects a touch says why"))
    if not given and not command.withdrawn:
        problems.append(Problem("", "say what is corrected, or that the touch is withdrawn"))
    if given and command.withdrawn:
        problems.append(Problem("/withdrawn", "a touch that is withdrawn has nothing left to correct"))
    contact = given.get("contact")
    if "kind" in given:
        problems += unknown(str(given["kind"]), kind.touches, "kind of touch", "/kind")
    if contact is not None and not (isinstance(contact, str) and facts.exists(contact)):
        problems.append(Problem("/contact", "there is no such contact"))
    note, happened_at = given.get("note"), given.get("happened_at")
    if note is not None:
        problems += text_problems("/note", str(note))
    if happened_at is not None:
        problems += _happened(happened_at, facts)
    refuse_if(problems)
    if note is not None:
        about = given.get("contact", touch.contact)
        given["note"] = Private(about if isinstance(about, str) else subject_of(kind, record), str(note))
    if happened_at is not None:
        given["happened_at"] = store(_A_MOMENT, happened_at)
    return [TouchCorrected(command.touch, cast("Changes", given), command.withdrawn)]


def _happened(moment: object, facts: Facts) -> list[Problem]:
    try:
        told = load(_A_MOMENT, store(_A_MOMENT, moment))
    except ValueRefused as refused:
        return [Problem("/happened_at", str(refused))]
    assert isinstance(told, datetime)
    return [Problem("/happened_at", "this has not happened yet")] if told > facts.decided_at else []


def attach_evidence(
    record: Record, command: AttachEvidence, facts: Facts, playbook: PublishedPlaybook
) -> list[Event]:
    """Attach evidence to one of the kind's evidence fields."""
    kind = playbook.kind(record.kind)
    problems = unknown(command.field, kind.evidence_fields, "evidence field", "/field") + text_problems(
        "/file_name", command.file_name
    )
    if len(command.sha256) != _SHA256_LENGTH or not set(command.sha256) <= set("0123456789abcdef"):
        problems.append(Problem("/sha256", "a SHA-256 in 64 lower-case hexadecimal digits is expected"))
    if not 0 <= command.size_bytes <= _MAX_SIZE:
        problems.append(Problem("/size_bytes", "a size in bytes is expected"))
    if not MEDIA_TYPE.fullmatch(command.media_type):
        problems.append(Problem("/media_type", "a media type is expected, as application/pdf"))
    problems += id_problems("/evidence", command.evidence)
    refuse_if(problems)
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


def relate(record: Record, command: RelateRecord, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Relate a record to an existing one of the kind the relation leads to."""
    kind = playbook.kind(record.kind)
    problems = unknown(command.relation, kind.relations, "relation", "/relation")
    if not problems:
        wanted = kind.relations[command.relation].to
        problems = reference_problems(command.to, wanted, facts, "/to")
    if not problems and command.to == record.stream:
        problems.append(Problem("/to", "a record is not related to itself; name another one"))
    refuse_if(problems)
    return (
        []
        if (command.relation, command.to) in record.relations
        else [RecordRelated(command.relation, command.to)]
    )


def end_relation(
    record: Record, command: EndRelation, facts: Facts, playbook: PublishedPlaybook
) -> list[Event]:
    """End a relation that is there; one that is not there needs no ending, but the record it would lead to must be there.

    Raises NotFound for a record that never was.
    """
    kind = playbook.kind(record.kind)
    refuse_if(unknown(command.relation, kind.relations, "relation", "/relation"))
    if (command.relation, command.to) not in record.relations:
        of_kind, name = kind.relations[command.relation].to, split_stream(command.to)[1]
        if split_stream(command.to)[0] != of_kind or not facts.exists(command.to):
            raise NotFound(of_kind, name)
        return []
    return [RelationEnded(command.relation, command.to)]


def change_owner(
    record: Record, command: ChangeOwner, facts: Facts, playbook: PublishedPlaybook
) -> list[Event]:
    """Hand a record over; stage, notes and history stay. What waits in a public pool is claimed there: its limit holds for everybody."""
    problems = person_problems(command.owner, facts, "/owner")
    refuse_if(problems or _taken_past_the_pool(record, command.owner, facts, playbook))
    return [] if record.owner == command.owner else [OwnerChanged(record.owner, command.owner)]


def _taken_past_the_pool(
    record: Record, owner: str | None, facts: Facts, playbook: PublishedPlaybook
) -> list[Problem]:
    """Tell where somebody helps themself to what waits in a public pool, or passes it to somebody they do not lead.

    Programs give, and so does whoever may organise: but nobody to themself.
    """
    acting = facts.on_behalf_of or facts.actor
    if owner is None or not acting.startswith("person/"):
        return []
    if owner != acting and (facts.may(Right.organise) or acting in above(owner, facts.people())):
        return []
    pool = claimed_from(
        record,
        playbook.document,
        lambda place: judged(playbook, place, record, facts.decided_at, facts.reveal) is True,
    )
    if pool is None:
        return []
    if owner == acting:
        message = f"this waits in the public pool {pool!r}: claim it there, as its limits say"
        return [Problem("/owner", message, names=(pool,))]
    message = (
        f"this waits in the public pool {pool!r}: {owner} claims it there, or whoever leads {owner},"
        " or may organise, gives it to them"
    )
    return [Problem("/owner", message, names=(pool,))]
