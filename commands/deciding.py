"""From a submission to a decision: which state it is decided on, by which function, and where its events go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from commands.batch_states import BatchStates, Fold
from commands.facts import DecisionFacts
from commands.submission import Command, Submission
from domain import erasure
from domain.erasure import EraseSubject
from domain.events import Event, MoveRefused, RecordOpened
from domain.naming import (
    ERASURES_STREAM,
    ORGANISATION_STREAM,
    PLAYBOOKS_STREAM,
    is_id,
    refusals_stream,
    split_stream,
)
from domain.organisation import decide as organisation_decisions
from domain.organisation import state as organisation_state
from domain.organisation.commands import AddPerson, FormTeam, GrantRole, MovePerson, RemovePerson, RevokeRole
from domain.playbook import catalogue
from domain.playbook.catalogue import PublishPlaybook
from domain.playbook.model import Right
from domain.record import state as record_state
from domain.record.commands import ChangeStage, OpenRecord
from domain.record.decide import MoveNotMet, subject_of
from domain.record.decide import decide as decide_record
from domain.record.state import Record
from domain.refusals import InvalidCommand, Problem, Refusal
from domain.values import ValueRefused, clean_text


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision before it is sealed: where its events go, what it read, and the refusal when it was one."""

    stream: str
    events: tuple[Event, ...]
    facts: DecisionFacts
    own: Mapping[str, int]
    reason_subject: str
    refusal: Refusal | None = None


def decide(submission: Submission, facts: DecisionFacts, states: BatchStates) -> Decided:
    """Decide a command on the state of its stream. Raises a Refusal, except for a gate's: that one is an event to keep."""
    command = submission.command
    _refuse_unclean_origin(submission, facts)
    match command:
        case FormTeam() | AddPerson() | MovePerson() | RemovePerson() | GrantRole() | RevokeRole():
            organisation = facts.organisation()
            events = organisation_decisions.decide(organisation, command, facts)
            return Decided(
                ORGANISATION_STREAM,
                tuple(events),
                facts,
                {ORGANISATION_STREAM: organisation.version},
                submission.actor if isinstance(command, FormTeam) else command.person,
            )
        case PublishPlaybook():
            playbooks = facts.playbooks()
            events = catalogue.publish(playbooks, command, facts)
            return Decided(
                PLAYBOOKS_STREAM,
                tuple(events),
                facts,
                {PLAYBOOKS_STREAM: playbooks.version},
                submission.actor,
            )
        case EraseSubject():
            if submission.reason is not None:
                raise InvalidCommand(
                    [Problem("/reason", "an erasure states a ground; free text could name the person again")]
                )
            events = erasure.erase(command, facts)
            return Decided(ERASURES_STREAM, tuple(events), facts, {}, submission.actor)
        case _:
            # Checked first, so that no other stream than a record's is ever read as one.
            kind_name, record_id = split_stream(command.stream)
            facts.playbook_for(kind_name)
            if not is_id(record_id):
                raise InvalidCommand([Problem("/stream", "this cannot be the id of a record")])
            record = states.get(command.stream, record_state.fold)
            facts.note(command.stream, record.version if record is not None else 0)
            return _decide_record(record, submission, facts)


def _decide_record(record: Record | None, submission: Submission, facts: DecisionFacts) -> Decided:
    command: Any = submission.command
    version = record.version if record is not None else 0
    try:
        events = decide_record(record, command, facts, has_reason=bool(submission.reason))
    except MoveNotMet as refusal:
        attempt = refusal.attempt
        kind = attempt.record.kind
        about = attempt.record.id if record is not None else facts.decided_at.date().isoformat()
        refused = MoveRefused(
            record=command.stream,
            record_version=version,
            before=attempt.before,
            after=attempt.after,
            move=attempt.move,
            unmet=[item.id for item in refusal.unmet],
            fields=refusal.fields,
            unknown=sorted(attempt.record.unknown) if record is None else [],
            waived=refusal.waived,
        )
        subject = subject_of(facts.playbook_for(kind).kind(kind), attempt.record)
        # The refusal stands on the record as it was: the record is in the read set, and is not written to.
        return Decided(refusals_stream(kind, about), (refused,), facts, {}, subject, refusal)
    kind_name = split_stream(command.stream)[0]
    if record is None:
        (opened,) = events
        assert isinstance(opened, RecordOpened)
        record = Record(stream=command.stream, version=0, position=0, fields=opened.fields)
    subject = subject_of(facts.playbook_for(kind_name).kind(kind_name), record)
    return Decided(command.stream, tuple(events), facts, {command.stream: version}, subject)


MAX_AHEAD = timedelta(minutes=5)
"""How far a caller's clock may be ahead."""

MAX_BACKDATE = timedelta(hours=24)
"""How far back a move may be dated; a gate is not passed by telling another time. An import may date it further."""


def _refuse_unclean_origin(submission: Submission, facts: DecisionFacts) -> None:
    """Check what every event will say about its origin. Raises InvalidCommand with everything wrong."""
    problems = [
        Problem(f"/{name}", "an id is expected: printable, without spaces and slashes")
        for name, value in (
            ("correlation_id", submission.correlation_id),
            ("causation_id", submission.causation_id),
        )
        if value is not None and not is_id(value)
    ]
    for name, who in (("actor", submission.actor), ("on_behalf_of", submission.on_behalf_of)):
        if who is not None and not _may_act(who, facts):
            problems.append(
                Problem(
                    f"/{name}",
                    "this is neither an active person (person/…) nor a part of the system (system/…)",
                )
            )
    if submission.reason is not None:
        try:
            clean_text(submission.reason)
        except ValueRefused as refused:
            problems.append(Problem("/reason", str(refused)))
    problems += _moment_problems(submission, facts)
    if problems:
        raise InvalidCommand(problems)


def _may_act(who: str, facts: DecisionFacts) -> bool:
    kind, name = split_stream(who)
    return is_id(name) and (kind == "system" or (kind == "person" and facts.is_active_person(who)))


def _moment_problems(submission: Submission, facts: DecisionFacts) -> list[Problem]:
    occurred = facts.occurred_at
    if occurred is not None and occurred - facts.decided_at > MAX_AHEAD:
        return [Problem("/occurred_at", "this has not happened yet")]
    if not isinstance(submission.command, OpenRecord | ChangeStage) or facts.may(Right.import_data):
        return []
    if occurred is None or facts.decided_at - occurred > MAX_BACKDATE:
        hours = int(MAX_BACKDATE.total_seconds()) // 3600
        return [
            Problem("/occurred_at", f"a move is dated back at most {hours} hours; what is older is imported")
        ]
    return []


def written_by(command: Command) -> str | None:
    """The stream a command writes to, if it expects one not to move."""
    match command:
        case FormTeam() | AddPerson() | MovePerson() | RemovePerson() | GrantRole() | RevokeRole():
            return ORGANISATION_STREAM
        case PublishPlaybook():
            return PLAYBOOKS_STREAM
        case EraseSubject():
            return None
        case _:
            return command.stream


def fold_of(stream: str) -> Fold | None:
    """The fold of a stream that decisions read; streams that only collect have none."""
    if stream == ORGANISATION_STREAM:
        return organisation_state.fold
    if stream == PLAYBOOKS_STREAM:
        return catalogue.fold
    return None if stream == ERASURES_STREAM or stream.startswith("refusals/") else record_state.fold
