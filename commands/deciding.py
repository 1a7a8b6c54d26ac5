"""From a submission to a decision: which state it is decided on, by which function, and where its events go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from commands.batch_states import BatchStates, Fold
from commands.errors import LaterChange, StaleVersion
from commands.facts import DecisionFacts
from commands.submission import Command, Submission
from commands.taking_steps import what_is_asked
from domain import erasure
from domain.assigning import decide as pool_decisions
from domain.assigning import state as assigning
from domain.assigning.commands import (
    AssignRecord,
    ClaimRecord,
    PoolCommand,
    RecycleRecord,
    ReturnRecord,
)
from domain.deadlines import firings, watched
from domain.deadlines.commands import AcknowledgeDeadline, DeadlineCommand, NoticeDeadline
from domain.deadlines.decide import acknowledge, notice
from domain.deadlines.firings import Firings
from domain.deadlines.limits import named_in
from domain.envelope import Recorded
from domain.erasure import EraseSubject
from domain.event import Event
from domain.events import (
    FieldsChanged,
    MoveRefused,
    OwnerChanged,
    RecordOpened,
    RecordRelated,
    StageChanged,
)
from domain.inbox import decide as inbox_decisions
from domain.inbox import state as inbox_state
from domain.inbox.commands import InboxCommand, MarkRead, Subscribe, Unsubscribe
from domain.inbox.state import Inbox
from domain.indices import closings
from domain.indices.commands import CloseIndex
from domain.indices.decide import close
from domain.naming import (
    ERASURES_STREAM,
    ORGANISATION_STREAM,
    PLAYBOOKS_STREAM,
    drafts_stream,
    firings_stream,
    inbox_stream,
    index_stream,
    is_id,
    nearest,
    pools_stream,
    reactions_stream,
    refusals_stream,
    split_stream,
)
from domain.organisation import decide as organisation_decisions
from domain.organisation import state as organisation_state
from domain.organisation.commands import (
    AddPerson,
    EndAbsence,
    EndDelegation,
    FormTeam,
    GiveDelegation,
    GrantRole,
    MovePerson,
    NoteAbsence,
    RemovePerson,
    RevokeRole,
    SetSkills,
)
from domain.playbook import catalogue, publish
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook, SignOffReplay
from domain.playbook.model import Right, related_field
from domain.playbook.published import NOTHING_MAPPED
from domain.playbook.sign_offs import sign_off
from domain.reacting import state as reacting
from domain.reacting.asking import Told
from domain.reacting.commands import (
    FailReaction,
    FinishReaction,
    ReactionCommand,
    RetryReaction,
    TakeStep,
)
from domain.reacting.decide import decide as decide_reaction
from domain.reacting.decide import may_retry
from domain.reacting.events import ReactionAlerted
from domain.reacting.state import Reacted
from domain.record import state as record_state
from domain.record.adoption import adopted
from domain.record.commands import ChangeStage, EditFields, OpenRecord, Progress, RecordCommand
from domain.record.decide import decide as decide_record
from domain.record.edits import playbook_of, subject_of
from domain.record.gates import judged
from domain.record.moves import MoveNotMet, playbook_of_opening
from domain.record.state import Record
from domain.refusals import (
    InvalidCommand,
    NotAllowed,
    NotFound,
    NothingToDo,
    Problem,
    Refusal,
    UnknownActor,
    unknown_name,
)
from domain.values import ValueRefused, clean_text
from domain.work.commands import ApprovalCommand, WorkCommand


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision before it is sealed: its events and where they go, what it read, and the refusal when it was one.

    `own` are the streams it writes to and expects to find as it read them.
    """

    events: tuple[tuple[str, Event], ...]
    facts: DecisionFacts
    own: Mapping[str, int]
    reason_subject: str
    refusal: Refusal | None = None

    @classmethod
    def of_one(
        cls,
        stream: str,
        events: Iterable[Event],
        facts: DecisionFacts,
        version: int | None,
        reason_subject: str,
    ) -> "Decided":
        """Return a decision whose events all go to one stream; without a version they follow whatever stands there."""
        own = {} if version is None else {stream: version}
        return cls(tuple((stream, event) for event in events), facts, own, reason_subject)


def decide(submission: Submission, facts: DecisionFacts, states: BatchStates) -> Decided:
    """Decide a command on the state of its stream. Raises a Refusal, except for a gate's: that one is an event to keep.

    Raises StaleVersion when the caller has seen another version of the record than the one that is there.
    """
    command, actor = submission.command, submission.actor
    _refuse_unclean_origin(submission, facts)
    match command:
        case (
            FormTeam() | AddPerson() | MovePerson() | RemovePerson() | GrantRole() | RevokeRole() | SetSkills()
            | NoteAbsence() | EndAbsence() | GiveDelegation() | EndDelegation()
        ):  # fmt: skip
            organisation = facts.organisation()
            by = submission.on_behalf_of or actor
            organised = organisation_decisions.decide(organisation, command, facts, by)
            about = actor if isinstance(command, FormTeam) else command.person
            return Decided.of_one(ORGANISATION_STREAM, organised, facts, organisation.version, about)
        case PublishPlaybook():
            playbooks = facts.playbooks()
            published = publish.publish(playbooks, command, facts, drafts=facts.drafts(command.playbook.name))
            return Decided.of_one(PLAYBOOKS_STREAM, published, facts, playbooks.version, actor)
        case PublishDraft():
            playbooks = facts.playbooks()
            published = publish.publish_draft(playbooks, facts.drafts(command.name), command, facts)
            return Decided.of_one(PLAYBOOKS_STREAM, published, facts, playbooks.version, actor)
        case DraftPlaybook():
            name = command.playbook.name
            drafts = facts.drafts(name)
            return Decided.of_one(
                drafts_stream(name), publish.draft(drafts, command, facts), facts, drafts.version, actor
            )
        case SignOffReplay():
            drafts = facts.drafts(command.name)
            signed = sign_off(drafts, command, facts)
            return Decided.of_one(drafts_stream(command.name), signed, facts, drafts.version, actor)
        case CloseIndex():
            if not is_id(command.index):
                raise NotFound("index", command.index)
            known = facts.closings(command.index)
            closed = close(known, facts.playbooks(), command, facts, has_reason=bool(submission.reason))
            return Decided.of_one(index_stream(command.index), closed, facts, known.version, actor)
        case EraseSubject():
            if submission.reason is not None:
                raise InvalidCommand(
                    [Problem("/reason", "an erasure states a ground; free text could name the person again")]
                )
            return Decided.of_one(ERASURES_STREAM, erasure.erase(command, facts), facts, None, actor)
        case NoticeDeadline() | AcknowledgeDeadline():
            return _decide_deadline(command, submission, facts, states)
        case Subscribe() | Unsubscribe() | MarkRead():
            return _decide_inbox(command, submission, facts, states)
        case AssignRecord() | ClaimRecord() | ReturnRecord() | RecycleRecord():
            return _decide_pool(command, submission, facts, states)
        case TakeStep() | FinishReaction() | FailReaction() | RetryReaction():
            return _decide_reaction(command, submission, facts, states)
        case _:
            return _decide_record(command, submission, facts, states)


def _decide_inbox(
    command: InboxCommand, submission: Submission, facts: DecisionFacts, states: BatchStates
) -> Decided:
    by = submission.on_behalf_of or submission.actor
    stream = inbox_stream(command.person)
    if not is_id(stream.removeprefix("inboxes/")):
        raise NotFound("active person", command.person)
    inbox = states.get(stream, inbox_state.fold) or Inbox()
    kinds = facts.playbooks().by_kind if isinstance(command, Subscribe) else ()
    told = inbox_decisions.decide(inbox, command, facts, by, kinds)
    return Decided.of_one(stream, told, facts, inbox.version, command.person)


def _decide_deadline(
    command: DeadlineCommand, submission: Submission, facts: DecisionFacts, states: BatchStates
) -> Decided:
    """Decide on the record as it is, and on what was told of it; the record is read and never written to."""
    kind_name, record_id = split_stream(command.record)
    playbook = facts.playbook_for(kind_name)
    # Of the record only what its deadlines begin with is folded: the clock asks for thousands that nobody else asks for.
    seen = watched.fold(None, facts.recorded(command.record)) if is_id(record_id) else None
    if seen is None:
        raise NotFound(kind_name, record_id)
    stream = firings_stream(command.record)
    told = states.get(stream, firings.fold) or Firings()
    facts.note(stream, told.version)
    who = submission.on_behalf_of or submission.actor
    if isinstance(command, AcknowledgeDeadline):
        known = named_in(playbook.kind(kind_name))
        said = acknowledge(told, command, known, who)
        return Decided.of_one(stream, said, facts, told.version, who)
    if split_stream(submission.actor)[0] != "system":
        raise NotAllowed("system")
    playbook = facts.playbook_for(kind_name, seen.fields, seen.owner)
    noticed = notice(seen, told, command, playbook, facts.organisation(), facts.decided_at)
    return Decided.of_one(stream, noticed, facts, told.version, who)


def _decide_pool(
    command: PoolCommand, submission: Submission, facts: DecisionFacts, states: BatchStates
) -> Decided:
    """Decide on the record and on the pool as they are; both are written to, or neither."""
    kind_name, record_id = split_stream(command.record)
    facts.playbook_for(kind_name)
    record = _record(command.record, facts, states) if is_id(record_id) else None
    if record is None:
        raise NotFound(kind_name, record_id)
    if isinstance(command, AssignRecord | RecycleRecord) and split_stream(submission.actor)[0] != "system":
        raise NotAllowed("system")
    playbook = facts.playbook_for(kind_name, record.fields, record.owner)
    pools = {name: pool for name, pool in playbook.document.pools.items() if pool.kind == kind_name}
    if command.pool not in pools:
        raise NotFound("pool", command.pool, nearest(command.pool, pools))
    pool, read = facts.pool(command.pool), adopted(record, playbook)
    siblings = facts.pools_beside(command.pool, kind_name) if isinstance(command, AssignRecord) else ()
    decided = pool_decisions.decide(
        command,
        pool_decisions.Situation(
            record=read,
            playbook=playbook.document,
            adopts=playbook.adopts.get(kind_name, NOTHING_MAPPED),
            pool=pool,
            siblings=siblings,
            people=facts.organisation(),
            counting=facts.counting if isinstance(command, AssignRecord) else None,
            judge=lambda place: judged(playbook, place, read, facts.decided_at, facts.reveal) is True,
            history=facts.history(command.record),
            at=facts.decided_at,
            who=submission.on_behalf_of or submission.actor,
            may_organise=facts.may(Right.organise),
        ),
    )
    if not decided and isinstance(command, AssignRecord | RecycleRecord):
        raise NothingToDo(f"the pool {command.pool!r} does nothing about {command.record} now")
    stream = pools_stream(command.pool)
    placed = tuple((stream if of == "pool" else command.record, event) for of, event in decided)
    own = {stream: pool.version, command.record: record.version}
    return Decided(placed, facts, own, subject_of(playbook.kind(kind_name), read))


def _decide_reaction(
    command: ReactionCommand, submission: Submission, facts: DecisionFacts, states: BatchStates
) -> Decided:
    """Decide what a reaction does to its record, as any other command, or what became of it, beside the record."""
    kind_name, record_id = split_stream(command.record)
    facts.playbook_for(kind_name)
    record = _record(command.record, facts, states) if is_id(record_id) else None
    if record is None:
        raise NotFound(kind_name, record_id)
    if not isinstance(command, RetryReaction) and split_stream(submission.actor)[0] != "system":
        raise NotAllowed("system")
    stream = reactions_stream(command.record)
    reacted = states.get(stream, reacting.fold) or Reacted()
    facts.note(stream, reacted.version)
    playbook = facts.playbook_for(kind_name, record.fields, record.owner)
    read = adopted(record, playbook)
    if isinstance(command, TakeStep):
        return _take_step(command, read, reacted, submission, facts, states)
    if isinstance(command, RetryReaction) and not may_retry(read, facts):
        raise NotAllowed(Right.organise)
    noted = decide_reaction(reacted, command, subject_of(playbook.kind(kind_name), read))
    return Decided.of_one(stream, noted, facts, reacted.version, command.record)


def _take_step(
    command: TakeStep,
    record: Record,
    reacted: Reacted,
    submission: Submission,
    facts: DecisionFacts,
    states: BatchStates,
) -> Decided:
    """Do what a step says: the command it asks for is decided as if somebody had issued it."""
    asked, step, version = what_is_asked(command, record, facts)
    if isinstance(asked, Told):
        stream = reactions_stream(command.record)
        said = ReactionAlerted(
            command.record, command.reaction, command.cause, command.step, list(asked.people), asked.alert
        )
        is_new = (command.reaction, command.cause, command.step) not in reacted.told
        facts.playbook = version
        return Decided.of_one(stream, [said] if is_new else [], facts, reacted.version, command.record)
    decided = _decide_record(asked, submission, facts, states)
    relation = None if step.open_record is None else step.open_record.as_
    if relation is None or decided.refusal is not None or not isinstance(asked, OpenRecord):
        return decided
    # The record and its relation come about together, or neither does.
    playbook = facts.playbook_for(record.kind, record.fields, record.owner)
    if relation not in playbook.kind(record.kind).relations:
        relations = playbook.kind(record.kind).relations
        raise InvalidCommand([unknown_name("/as", f"there is no relation {relation!r}", relation, relations)])
    related = (command.record, RecordRelated(relation, asked.stream))
    return replace(
        decided,
        events=(*decided.events, related),
        own={**decided.own, command.record: record.version},
    )


def _decide_record(
    command: RecordCommand, submission: Submission, facts: DecisionFacts, states: BatchStates
) -> Decided:
    # Checked first, so that no other stream than a record's is ever read as one.
    kind_name, record_id = split_stream(command.stream)
    facts.playbook_for(kind_name)
    if not is_id(record_id):
        raise InvalidCommand([Problem("/stream", "this cannot be the id of a record")])
    record = _record(command.stream, facts, states)
    if record is None and not isinstance(command, OpenRecord):
        # What is not there has no version either: somebody who names one is told that, and not to read it again.
        raise NotFound(kind_name, record_id)
    version = record.version if record is not None else 0
    if submission.expected_version is not None and submission.expected_version != version:
        raise StaleVersion(
            submission.expected_version,
            version,
            unseen(facts.history(command.stream), submission.expected_version),
        )
    own, related = _split(record, command, facts)
    try:
        events = decide_record(record, own, facts, has_reason=bool(submission.reason))
    except MoveNotMet as refusal:
        return _refused(record, command, refusal, facts)
    under = facts.playbook
    assert under is not None
    if record is None:
        opened = events[0]
        assert isinstance(opened, RecordOpened)
        judged = Record(stream=command.stream, version=0, position=0, fields=opened.fields)
    else:
        judged = adopted(record, under)
    subject = subject_of(under.kind(kind_name), judged)
    placed, versions = [(command.stream, event) for event in events], {command.stream: version}
    for edit in related:
        elsewhere = _record(edit.command.stream, facts, states)
        try:
            changes = decide_record(elsewhere, edit.command, facts)
        except InvalidCommand as refused:
            raise InvalidCommand([edit.at_home(problem) for problem in refused.problems]) from None
        placed += [(edit.command.stream, event) for event in changes]
        versions[edit.command.stream] = elsewhere.version if elsewhere is not None else 0
    facts.playbook = under
    return Decided(tuple(placed), facts, versions, subject)


def _record(stream: str, facts: DecisionFacts, states: BatchStates) -> Record | None:
    record: Record | None = states.get(stream, record_state.fold)
    facts.note(stream, record.version if record is not None else 0)
    return record


@dataclass(frozen=True, slots=True)
class _RelatedEdit:
    """Edits that came with a form of one record and belong to the record its reference field leads to."""

    reference: str
    command: EditFields

    def at_home(self, problem: Problem) -> Problem:
        """Return a problem at the place it has in the command that was sent."""
        return replace(problem, pointer=problem.pointer.replace("/fields/", f"/fields/{self.reference}.", 1))


def _split(
    record: Record | None, command: RecordCommand, facts: DecisionFacts
) -> tuple[RecordCommand, list[_RelatedEdit]]:
    """Part the edits of a form: those of the record itself, and those of the records its reference fields lead to."""
    if not isinstance(command, OpenRecord | EditFields | ChangeStage):
        return command, []
    given = command.fields
    if not any("." in name for name in given):
        return command, []
    if record is None and not isinstance(command, OpenRecord):
        return command, []
    if record is None and isinstance(command, OpenRecord):
        about = Record(stream=command.stream, version=0, position=0, fields={})
        playbook = playbook_of_opening(command, facts)
    else:
        assert record is not None
        playbook = playbook_of(record, facts)
        about = adopted(record, playbook)
    kind = playbook.kind(about.kind)
    edits: dict[str, dict[str, object]] = {}
    problems = []
    for name, value in given.items():
        found = related_field(kind, name)
        if found is not None:
            edits.setdefault(found[0], {})[found[2]] = value
    related: list[_RelatedEdit] = []
    for reference, fields in edits.items():
        leads_to = given.get(reference, about.fields.get(reference))
        taken = {command.stream, *(edit.command.stream for edit in related)}
        message = None
        if not isinstance(leads_to, str) or not facts.exists(leads_to):
            message = f"the field {reference!r} leads to no record that could hold this; fill it first"
        elif leads_to in taken:
            message = "two parts of this form lead to the same record; edit it through one of them"
        else:
            related.append(_RelatedEdit(reference, EditFields(leads_to, fields)))
        problems += [Problem(f"/fields/{reference}.{name}", message) for name in fields if message]
    if problems:
        raise InvalidCommand(problems)
    mine = {name: value for name, value in given.items() if related_field(kind, name) is None}
    return replace(command, fields=mine), related


def _refused(
    record: Record | None, command: RecordCommand, refusal: MoveNotMet, facts: DecisionFacts
) -> Decided:
    attempt = refusal.attempt
    kind = attempt.record.kind
    about = attempt.record.id if record is not None else facts.decided_at.date().isoformat()
    refused = MoveRefused(
        record=command.stream,
        record_version=record.version if record is not None else 0,
        before=attempt.before,
        after=attempt.after,
        move=attempt.move,
        unmet=[item.id for item in refusal.unmet],
        fields=refusal.fields,
        unknown=sorted(attempt.record.unknown) if record is None else [],
        waived=refusal.waived,
        path=attempt.record.path if record is None else None,
        owner=attempt.record.owner if record is None else None,
    )
    under = facts.playbook
    assert under is not None
    subject = subject_of(under.kind(kind), attempt.record)
    # The refusal stands on the record as it was: the record is in the read set, and is not written to.
    return Decided(((refusals_stream(kind, about), refused),), facts, {}, subject, refusal)


def unseen(history: Sequence[Recorded], version: int) -> list[LaterChange]:
    """Return the changes of a record after a version: what a caller who read that version has not seen."""
    return [
        LaterChange(name, recorded.version, recorded.position, recorded.recorded_at, recorded.actor)
        for recorded in history
        if recorded.version > version
        for name in _changed(recorded.event)
    ]


def _changed(event: Event) -> Sequence[str]:
    match event:
        case FieldsChanged(changes=changes):
            return sorted(changes)
        case StageChanged():
            return ("stage",)
        case OwnerChanged():
            return ("owner",)
        case _:
            return ()


MAX_AHEAD = timedelta(minutes=5)
"""How far a caller's clock may be ahead."""

MAX_BACKDATE = timedelta(hours=24)
"""How far back a move may be dated; a gate is not passed by telling another time. An import may date it further."""


def _refuse_unclean_origin(submission: Submission, facts: DecisionFacts) -> None:
    """Check what every event will say about its origin. Raises UnknownActor, or InvalidCommand with everything wrong."""
    if not _may_act(submission.actor, facts):
        raise UnknownActor
    if submission.on_behalf_of is not None and not _may_act(submission.on_behalf_of, facts):
        raise UnknownActor(on_behalf_of=True)
    problems = [
        Problem(f"/{name}", "an id is expected: printable, without spaces and slashes")
        for name, value in (
            ("correlation_id", submission.correlation_id),
            ("causation_id", submission.causation_id),
        )
        if value is not None and not is_id(value)
    ]
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
    # The clocks of work are the moments it is said to have happened at, as a stage's are: neither is won by telling another time.
    timed = OpenRecord | ChangeStage | Progress | WorkCommand | ApprovalCommand
    if not isinstance(submission.command, timed) or facts.may(Right.import_data):
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
        case (
            FormTeam() | AddPerson() | MovePerson() | RemovePerson() | GrantRole() | RevokeRole() | SetSkills()
            | NoteAbsence() | EndAbsence() | GiveDelegation() | EndDelegation()
        ):  # fmt: skip
            return ORGANISATION_STREAM
        case PublishPlaybook() | PublishDraft():
            return PLAYBOOKS_STREAM
        case DraftPlaybook():
            return drafts_stream(command.playbook.name)
        case SignOffReplay():
            return drafts_stream(command.name)
        case CloseIndex():
            return index_stream(command.index)
        case EraseSubject():
            return None
        case NoticeDeadline() | AcknowledgeDeadline():
            return firings_stream(command.record)
        case Subscribe() | Unsubscribe() | MarkRead():
            return inbox_stream(command.person)
        case AssignRecord() | ClaimRecord() | ReturnRecord() | RecycleRecord():
            return pools_stream(command.pool)
        case TakeStep():
            return command.record
        case FinishReaction() | FailReaction() | RetryReaction():
            return reactions_stream(command.record)
        case _:
            return None if command.stream.endswith("/") else command.stream


def fold_of(stream: str) -> Fold | None:
    """The fold of a stream that decisions read; streams that only collect have none."""
    if stream == ORGANISATION_STREAM:
        return organisation_state.fold
    if stream == PLAYBOOKS_STREAM:
        return catalogue.fold
    if stream.startswith("drafts/"):
        return catalogue.fold_drafts
    if stream.startswith("indices/"):
        return closings.fold
    if stream.startswith("deadlines/"):
        return firings.fold
    if stream.startswith("inboxes/"):
        return inbox_state.fold
    if stream.startswith("pools/"):
        return assigning.fold
    if stream.startswith("reactions/"):
        return reacting.fold
    return None if stream == ERASURES_STREAM or stream.startswith("refusals/") else record_state.fold
