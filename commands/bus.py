"""The one way into the log: HTTP, import, simulator and timers all submit here. Same checks, no bypass."""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any

from commands.errors import KeyReused, TooBusy
from commands.facts import DecisionFacts
from commands.ports import Append, EventLog, Keyring, KnownAnswer, NewEvent, Outcome, ToSeal, Vault
from commands.refusal_labels import unmet_by_id
from commands.submission import Answer, Command, Occurred, Submission
from domain import erasure
from domain.envelope import Origin, Recorded
from domain.erasure import EraseSubject
from domain.events import Event, MoveRefused, RecordOpened, decode
from domain.naming import (
    ERASURES_STREAM,
    ORGANISATION_STREAM,
    PLAYBOOKS_STREAM,
    is_id,
    refusals_stream,
    split_stream,
    token,
)
from domain.organisation import decide as organisation_decisions
from domain.organisation import state as organisation_state
from domain.organisation.commands import AddPerson, FormTeam, GrantRole, MovePerson, RemovePerson, RevokeRole
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks, PublishPlaybook
from domain.record import state as record_state
from domain.record.commands import OpenRecord
from domain.record.decide import MoveNotMet, subject_of
from domain.record.decide import decide as decide_record
from domain.record.state import Record
from domain.refusals import GateNotMet, InvalidCommand, Problem, Refusal
from domain.values import Private, ValueRefused, clean_text

MAX_ATTEMPTS = 5
MAX_BATCH_EVENTS = 2_000
_BACK_OFF_SECONDS = 0.005
_LONGEST_BACK_OFF_SECONDS = 0.1
_TURNS = 256
REASON = ""
"""The field name reasons are bound to; no field of a playbook has an empty name."""

Fold = Callable[[Any, Iterable[Recorded]], Any]


@dataclass(frozen=True, slots=True)
class _Decided:
    """A decision before it is sealed: where its events go, what it read, and the refusal when it was one."""

    stream: str
    events: tuple[Event, ...]
    facts: DecisionFacts
    own: Mapping[str, int]
    reason_subject: str
    refusal: Refusal | None = None


class CommandBus:
    """Decides commands and appends their events; a command whose read set has moved is decided again."""

    def __init__(
        self,
        log: EventLog,
        vault: Vault,
        *,
        jitter: random.Random | None = None,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self._log = log
        self._vault = vault
        self._jitter = jitter or random.Random()  # noqa: S311 — spreads retries, guards nothing
        self._max_attempts = max_attempts
        self._turns = [Lock() for _ in range(_TURNS)]

    def submit(self, submission: Submission) -> Answer:
        """Carry out one command. Raises its Refusal, KeyReused or TooBusy."""
        return self.submit_batch([submission])[0].required()

    def submit_batch(self, submissions: Sequence[Submission]) -> list[Answer]:
        """Carry out commands in order, appended together, each with its own outcome; one that fails never stops the others."""
        answers: dict[int, Answer] = {}
        todo = [
            (index, submission, self._body_hmac(submission)) for index, submission in enumerate(submissions)
        ]
        for run in _runs(todo):
            with self._turn(submissions):
                self._carry_out(run, answers)
        return [answers[index] for index in range(len(submissions))]

    @contextmanager
    def _turn(self, submissions: Sequence[Submission]) -> Iterator[None]:
        """Let commands for the same stream wait for each other in this process, so that only other processes make them conflict."""
        streams = {stream for item in submissions if (stream := _written_by(item.command)) is not None}
        with ExitStack() as turns:
            for number in sorted({hash(stream) % _TURNS for stream in streams}):
                turns.enter_context(self._turns[number])
            yield

    def _carry_out(self, run: Sequence[tuple[int, Submission, bytes]], answers: dict[int, Answer]) -> None:
        self._answer_known(run, answers)
        attempt, moved = 1, dict[int, str]()
        waiting = [item for item in run if item[0] not in answers]
        while waiting:
            moved |= self._attempt(waiting, answers)
            waiting = [item for item in waiting if item[0] not in answers]
            if waiting and attempt == self._max_attempts:
                for index, _, _ in waiting:
                    answers[index] = Answer(
                        "failed", error=TooBusy(moved.get(index, "a stream"), self._max_attempts)
                    )
                break
            if waiting:
                time.sleep(
                    self._jitter.uniform(0, min(_BACK_OFF_SECONDS * 2**attempt, _LONGEST_BACK_OFF_SECONDS))
                )
            attempt += 1

    # ── one attempt ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _attempt(
        self, waiting: Sequence[tuple[int, Submission, bytes]], answers: dict[int, Answer]
    ) -> dict[int, str]:
        """Decide, seal and append what is waiting; fill in the answers that are final. Returns which streams had moved."""
        keyring = self._vault.keyring()
        now = None if self._log.is_simulated else self._log.now()
        states = _BatchStates(self._log, self._opened_by(waiting))
        decided: list[tuple[int, _Decided, Append]] = []
        without_events: list[tuple[int, Answer, DecisionFacts]] = []
        for index, submission, body in waiting:
            decided_at = now or submission.told_time
            if decided_at is None:
                raise ValueError("a simulated log needs the time of every command")
            origin = self._origin(submission, decided_at)
            facts = DecisionFacts(
                states,
                keyring,
                actor=submission.actor,
                rights=submission.rights,
                decided_at=decided_at,
                occurred_at=origin.occurred_at,
            )
            try:
                decision = self._decide(submission, facts, states)
            except Refusal as refusal:
                if not self._rests_on_stale_state(facts):
                    without_events.append((index, Answer("refused", refusal=refusal), facts))
                continue
            if not decision.events:
                if not self._rests_on_stale_state(facts):
                    without_events.append((index, Answer("accepted"), facts))
                continue
            append = self._to_append(submission, decision, origin, body)
            states.advance(append, _fold_of(decision.stream))
            decided.append((index, decision, append))
        moved: dict[int, str] = {}
        if decided:
            sealed = _sealed(
                [append for _, _, append in decided], [decision for _, decision, _ in decided], keyring
            )
            outcomes = self._log.append(sealed)
            decided = [
                (index, decision, append)
                for (index, decision, _), append in zip(decided, sealed, strict=True)
            ]
            moved = self._settle(decided, outcomes, states, answers)
        # An answer may rest on what an earlier command of the batch decided; it is final only if that was appended.
        final = {
            index: answer for index, answer, facts in without_events if not states.were_lost(facts.looked_at)
        }
        # The same command may have been appended from elsewhere meanwhile: then the refusal is only an echo of its own success.
        self._answer_known([item for item in waiting if item[0] in final], answers)
        answers.update({index: answer for index, answer in final.items() if index not in answers})
        return moved

    def _opened_by(self, waiting: Sequence[tuple[int, Submission, bytes]]) -> frozenset[str]:
        """Return the streams a batch may open, looked up together rather than one by one."""
        opened = [
            item.command.stream
            for _, item, _ in waiting
            if isinstance(item.command, OpenRecord) and is_id(split_stream(item.command.stream)[1])
        ]
        return self._log.absent(opened) if len(opened) > 1 else frozenset()

    def _rests_on_stale_state(self, facts: DecisionFacts) -> bool:
        """Tell whether a decision without events rests on cached state that has moved; no append would find out."""
        stale = self._log.stale(facts.looked_at)
        for stream in stale:
            self._log.forget(stream)
        return bool(stale)

    def _settle(
        self,
        decided: Sequence[tuple[int, _Decided, Append]],
        outcomes: Sequence[Outcome],
        states: "_BatchStates",
        answers: dict[int, Answer],
    ) -> dict[int, str]:
        moved: dict[int, str] = {}
        for (index, decision, append), outcome in zip(decided, outcomes, strict=True):
            match outcome.result:
                case "appended":
                    events = states.appended(append, outcome)
                    answers[index] = Answer(
                        "refused" if decision.refusal else "accepted", events, decision.refusal
                    )
                case "replayed":
                    assert outcome.first_position is not None
                    assert outcome.last_position is not None
                    assert outcome.stored_outcome is not None
                    states.lost(append)
                    answers[index] = self._known(
                        KnownAnswer(
                            b"", outcome.stored_outcome, outcome.first_position, outcome.last_position
                        )
                    )
                case "mismatch":
                    states.lost(append)
                    answers[index] = Answer("failed", error=KeyReused(append.key or ""))
                case "conflict" | "moved":
                    states.lost(append)
                    moved[index] = outcome.moved_stream or ""
                    self._log.forget(moved[index])
        states.settle()
        return moved

    # ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _decide(self, submission: Submission, facts: DecisionFacts, states: "_BatchStates") -> _Decided:
        command = submission.command
        if submission.reason is not None:
            _refuse_unclean_reason(submission.reason)
        match command:
            case FormTeam() | AddPerson() | MovePerson() | RemovePerson() | GrantRole() | RevokeRole():
                organisation = facts.organisation()
                events = organisation_decisions.decide(organisation, command, facts)
                return _Decided(
                    ORGANISATION_STREAM,
                    tuple(events),
                    facts,
                    {ORGANISATION_STREAM: organisation.version},
                    submission.actor,
                )
            case PublishPlaybook():
                playbooks = facts.playbooks()
                events = catalogue.publish(playbooks, command, facts)
                return _Decided(
                    PLAYBOOKS_STREAM,
                    tuple(events),
                    facts,
                    {PLAYBOOKS_STREAM: playbooks.version},
                    submission.actor,
                )
            case EraseSubject():
                events = erasure.erase(command, facts)
                return _Decided(ERASURES_STREAM, tuple(events), facts, {}, submission.actor)
            case _:
                # Checked first, so that no other stream than a record's is ever read as one.
                kind_name, record_id = split_stream(command.stream)
                facts.playbook_for(kind_name)
                if not is_id(record_id):
                    raise InvalidCommand([Problem("/stream", "this cannot be the id of a record")])
                record = states.get(command.stream, record_state.fold)
                facts.note(command.stream, record.version if record is not None else 0)
                return self._decide_record(record, submission, facts)

    @staticmethod
    def _decide_record(record: Record | None, submission: Submission, facts: DecisionFacts) -> _Decided:
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
            return _Decided(refusals_stream(kind, about), (refused,), facts, {}, subject, refusal)
        kind_name = split_stream(command.stream)[0]
        if record is None:
            (opened,) = events
            assert isinstance(opened, RecordOpened)
            record = Record(stream=command.stream, version=0, position=0, fields=opened.fields)
        subject = subject_of(facts.playbook_for(kind_name).kind(kind_name), record)
        return _Decided(command.stream, tuple(events), facts, {command.stream: version}, subject)

    # ── envelopes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _origin(self, submission: Submission, decided_at: datetime) -> Origin:
        occurred = decided_at if isinstance(submission.occurred_at, Occurred) else submission.occurred_at
        return Origin(
            actor=submission.actor,
            channel=submission.channel,
            occurred_at=occurred,
            on_behalf_of=submission.on_behalf_of,
            reason=submission.reason,
            command_id="cmd_"
            + token(self._vault.pseudonym(f"command\n{submission.client}\n{submission.key}")),
            correlation_id=submission.correlation_id,
            causation_id=submission.causation_id,
        )

    @staticmethod
    def _to_append(submission: Submission, decision: _Decided, origin: Origin, body: bytes) -> Append:
        first = decision.own.get(decision.stream)
        events = [
            NewEvent(decision.stream, None if first is None else first + 1 + offset, event, event.payload())
            for offset, event in enumerate(decision.events)
        ]
        playbook = decision.facts.playbook
        return Append(
            events=events,
            expectations=decision.facts.read_set(decision.own),
            origin=origin,
            decided_at=decision.facts.decided_at,
            outcome="refused" if decision.refusal else "accepted",
            client=submission.client,
            key=submission.key,
            body_hmac=body,
            playbook=playbook.name if playbook else None,
            playbook_version=playbook.number if playbook else None,
            told_time=submission.told_time,
        )

    # ── answers given before ─────────────────────────────────────────────────────────────────────────────────────────

    def _body_hmac(self, submission: Submission) -> bytes:
        body = json.dumps(submission.body(), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return self._vault.body_hmac(body.encode())

    def _answer_known(
        self, todo: Sequence[tuple[int, Submission, bytes]], answers: dict[int, Answer]
    ) -> None:
        """Answer what was answered before, before anything is decided: deciding it again would refuse it."""
        by_client: dict[str, list[str]] = {}
        for _, submission, _ in todo:
            by_client.setdefault(submission.client, []).append(submission.key)
        known = {client: self._log.known_answers(client, keys) for client, keys in by_client.items()}
        for index, submission, body in todo:
            before = known[submission.client].get(submission.key)
            if before is None:
                continue
            answers[index] = (
                self._known(before)
                if before.body_hmac == body
                else Answer("failed", error=KeyReused(submission.key))
            )

    def _known(self, before: KnownAnswer) -> Answer:
        events = tuple(self._log.read(before.first_position, before.last_position))
        refusal = None
        if before.outcome == "refused":
            refused = events[0].event
            assert isinstance(refused, MoveRefused)
            playbooks = self._log.state(PLAYBOOKS_STREAM, catalogue.fold) or Playbooks()
            refusal = GateNotMet(refused.after, unmet_by_id(playbooks, events[0], refused))
        return Answer(before.outcome, events, refusal, replayed=True)


def _runs(todo: Sequence[tuple[int, Submission, bytes]]) -> Iterator[list[tuple[int, Submission, bytes]]]:
    """Cut commands into runs that are decided together: no key twice, and nothing after an erasure, which ends the keys in use."""
    run: list[tuple[int, Submission, bytes]] = []
    keys: set[tuple[str, str]] = set()
    for item in todo:
        name = (item[1].client, item[1].key)
        if run and (name in keys or isinstance(run[-1][1].command, EraseSubject)):
            yield run
            run, keys = [], set()
        run.append(item)
        keys.add(name)
    if run:
        yield run


def _refuse_unclean_reason(reason: str) -> None:
    try:
        clean_text(reason)
    except ValueRefused as refused:
        raise InvalidCommand([Problem("/reason", str(refused))]) from None


def _written_by(command: Command) -> str | None:
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


def _fold_of(stream: str) -> Fold | None:
    """The fold of a stream that decisions read; streams that only collect have none."""
    if stream == ORGANISATION_STREAM:
        return organisation_state.fold
    if stream == PLAYBOOKS_STREAM:
        return catalogue.fold
    return None if stream == ERASURES_STREAM or stream.startswith("refusals/") else record_state.fold


def _sealed(appends: Sequence[Append], decisions: Sequence[_Decided], keyring: Keyring) -> list[Append]:
    """Seal every personal value of a batch, reasons included, with one look at the keys."""
    wanted: list[ToSeal] = []

    def collect(stream: str, field: str, value: object) -> None:
        if isinstance(value, Private):
            wanted.append(ToSeal(stream, field, value.subject, value.value))
        elif isinstance(value, dict):
            for item in value.values():
                collect(stream, field, item)

    for append, decision in zip(appends, decisions, strict=True):
        for event in append.events:
            for name, field, value in _placed(event.payload):
                del name
                collect(_home(event), field, value)
        if append.origin.reason is not None:
            wanted.append(
                ToSeal(append.events[0].stream, REASON, decision.reason_subject, append.origin.reason)
            )
    tokens = iter(keyring.seal(wanted) if wanted else [])

    def replaced(value: Any) -> Any:
        if isinstance(value, Private):
            return next(tokens)
        return {name: replaced(item) for name, item in value.items()} if isinstance(value, dict) else value

    sealed = []
    for append in appends:
        events = [
            replace(event, payload={name: replaced(value) for name, value in event.payload.items()})
            for event in append.events
        ]
        reason = (
            None
            if append.origin.reason is None
            else json.dumps(next(tokens), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        )
        sealed.append(replace(append, events=events, reason=reason))
    return sealed


def _home(event: NewEvent) -> str:
    """The stream personal values of an event are bound to: a refused edit belongs to its record."""
    return event.event.record if isinstance(event.event, MoveRefused) else event.stream


def _placed(payload: Mapping[str, Any]) -> Iterable[tuple[str, str, Any]]:
    """Walk a payload and name the field each value belongs to: the inner name where there is one."""
    for name, value in payload.items():
        if isinstance(value, dict):
            for inner, item in value.items():
                yield name, inner, item
        else:
            yield name, name, value


class _BatchStates:
    """States of streams as a batch goes on: what earlier commands decided is seen by later ones."""

    def __init__(self, log: EventLog, absent: frozenset[str]) -> None:
        self._log = log
        self._absent = absent
        self._ahead: dict[str, Any] = {}
        self._base: dict[str, Any] = {}
        self._folds: dict[str, Fold] = {}
        self._events: dict[str, list[Recorded]] = {}
        self._lost: set[str] = set()

    def get(self, stream: str, fold: Fold) -> Any:
        """Return the state of a stream, with what this batch has decided so far."""
        if stream in self._absent and stream not in self._ahead:
            return None
        return self._ahead[stream] if stream in self._ahead else self._log.state(stream, fold)

    def is_pending(self, stream: str) -> bool:
        """Tell whether a state holds what this batch decided and the log does not have yet."""
        return stream in self._ahead

    def were_lost(self, streams: Iterable[str]) -> bool:
        """Tell whether one of the states turned out not to be what the log holds."""
        return not self._lost.isdisjoint(streams)

    def advance(self, append: Append, fold: Fold | None) -> None:
        """Fold a decision that is not appended yet."""
        if fold is None:
            return
        stream = append.events[0].stream
        if stream not in self._ahead:
            self._base[stream] = self.get(stream, fold)
            self._folds[stream] = fold
        self._ahead[stream] = fold(
            self._ahead.get(stream, self._base[stream]), _recorded(append, 0, append.decided_at)
        )

    def appended(self, append: Append, outcome: Outcome) -> tuple[Recorded, ...]:
        """Take note of what the log says; returns the events as they stand in it."""
        assert outcome.first_position is not None
        assert outcome.recorded_at is not None
        if any(new.version is None for new in append.events):
            # Only the log knows which version such an event got; nothing is folded from these streams.
            assert outcome.last_position is not None
            return tuple(self._log.read(outcome.first_position, outcome.last_position))
        # What is kept and answered is what stands in the log: sealed, never the plain values of the decision.
        as_sealed = [replace(new, event=decode(new.event.TOPIC, new.payload)) for new in append.events]
        events = _recorded(replace(append, events=as_sealed), outcome.first_position, outcome.recorded_at)
        self._events.setdefault(append.events[0].stream, []).extend(events)
        return events

    def lost(self, append: Append) -> None:
        """Take note that the log did not append: what was folded ahead is wrong."""
        self._lost.add(append.events[0].stream)

    def settle(self) -> None:
        """Put the states into the cache, or drop those that went another way."""
        for stream, fold in self._folds.items():
            if stream in self._lost:
                self._log.forget(stream)
            else:
                self._log.remember(stream, fold(self._base[stream], self._events.get(stream, ())))


def _recorded(append: Append, first_position: int, recorded_at: datetime) -> tuple[Recorded, ...]:
    origin = append.origin
    return tuple(
        Recorded(
            stream=new.stream,
            version=new.version or 0,
            position=first_position + offset,
            event=new.event,
            recorded_at=recorded_at,
            occurred_at=origin.occurred_at,
            decided_at=append.decided_at,
            basis=append.basis if append.basis is not None else first_position - 1,
            actor=origin.actor,
            channel=origin.channel,
            command_id=origin.command_id,
            playbook=append.playbook,
            playbook_version=append.playbook_version,
            on_behalf_of=origin.on_behalf_of,
            reason=append.reason,
            correlation_id=origin.correlation_id,
            causation_id=origin.causation_id,
        )
        for offset, new in enumerate(append.events)
    )
