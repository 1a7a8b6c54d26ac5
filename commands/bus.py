"""The one way into the log: HTTP, import, simulator and timers all submit here. Same checks, no bypass."""

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Lock

from commands.batch_states import BatchStates
from commands.deciding import Decided, decide, fold_of, written_by
from commands.errors import KeyReused, StaleVersion, TooBusy
from commands.facts import DecisionFacts
from commands.made_ids import with_made_ids
from commands.ports import Append, EventLog, Keyring, KnownAnswer, NewEvent, Outcome, StandingRecords, Vault
from commands.refusal_labels import unmet_by_id
from commands.sealing import seal
from commands.submission import Answer, Command, Occurred, Submission
from domain import erasure
from domain.assigning.counting import Counting
from domain.deadlines import firings
from domain.deadlines.commands import NoticeDeadline
from domain.envelope import Origin, Recorded
from domain.erasure import EraseSubject, Erasures
from domain.event import Event
from domain.events import MoveRefused
from domain.naming import (
    ERASURES_STREAM,
    PLAYBOOKS_STREAM,
    firings_stream,
    is_id,
    split_stream,
    token,
)
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.record.commands import OpenRecord, RecordCommand, RestoreFields
from domain.refusals import GateNotMet, Refusal

MAX_ATTEMPTS = 5
_BACK_OFF_SECONDS = 0.005
_LONGEST_BACK_OFF_SECONDS = 0.01
"""Shorter than a command takes: whoever has lost must not stand back while another process, which wins, goes on."""
_TURNS = 256


class CommandBus:
    """Decides commands and appends their events; a command whose read set has moved is decided again."""

    def __init__(
        self,
        log: EventLog,
        vault: Vault,
        *,
        jitter: random.Random | None = None,
        max_attempts: int = MAX_ATTEMPTS,
        standing: StandingRecords | None = None,
        counting: Counting | None = None,
    ) -> None:
        self._log = log
        self._vault = vault
        self._jitter = jitter or random.Random()  # noqa: S311 — spreads retries, guards nothing
        self._max_attempts = max_attempts
        self._standing = standing
        self._counting = counting
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

    def answered_before(self, submissions: Sequence[Submission]) -> list[Answer | None]:
        """Return what was answered to commands before, None where nothing was. Nothing is decided, nothing written."""
        answers: dict[int, Answer] = {}
        self._answer_known(
            [(index, item, self._body_hmac(item)) for index, item in enumerate(submissions)], answers
        )
        return [answers.get(index) for index in range(len(submissions))]

    def preview(self, submission: Submission) -> tuple[Event, ...]:
        """Decide a command as if it were issued now, and write nothing: return the events it would come to. Raises its Refusal, or TooBusy."""
        for _ in range(self._max_attempts):
            states = BatchStates(self._log, frozenset())
            decided_at = submission.told_time if self._log.is_simulated else self._log.now()
            if decided_at is None:
                raise ValueError("a simulated log needs the time of every command")
            erasures = self._log.state(ERASURES_STREAM, erasure.fold) or Erasures()
            facts = self._facts(submission, decided_at, states, self._vault.keyring(), erasures, {})
            try:
                decided = decide(submission, facts, states)
            except Refusal:
                if self._rests_on_stale_state(facts):
                    continue
                raise
            if self._rests_on_stale_state(facts):
                continue
            if decided.refusal is not None:
                raise decided.refusal
            return tuple(event for _, event in decided.events)
        raise TooBusy("what it stands on", self._max_attempts)

    @contextmanager
    def _turn(self, submissions: Sequence[Submission]) -> Iterator[None]:
        """Let commands for the same stream wait for each other in this process, so that only other processes make them conflict.

        What the clock notices waits for nobody, nor anybody for it: a batch of it writes to a hundred streams that hardly anybody else
        writes to, and in their turns it would stand in the way of whatever else shares one.
        """
        streams = {
            stream
            for item in submissions
            if not isinstance(item.command, NoticeDeadline)
            and (stream := written_by(item.command)) is not None
        }
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
        erasures = self._log.state(ERASURES_STREAM, erasure.fold) or Erasures()
        keyring = self._vault.keyring()
        now = None if self._log.is_simulated else self._log.now()
        together = self._read_together(waiting)
        silent = {stream for stream, events in together.items() if not events}
        states = BatchStates(self._log, self._opened_by(waiting) | silent)
        decided: list[tuple[int, Decided, Append]] = []
        refused: list[tuple[int, Answer, DecisionFacts]] = []
        for index, given, body in waiting:
            decided_at = now or given.told_time
            if decided_at is None:
                raise ValueError("a simulated log needs the time of every command")
            submission = with_made_ids(
                given,
                decided_at,
                self._vault,
                lambda: states.get(PLAYBOOKS_STREAM, catalogue.fold) or Playbooks(),
            )
            origin = self._origin(submission, decided_at)
            facts = self._facts(submission, decided_at, states, keyring, erasures, together)
            try:
                decision = decide(submission, facts, states)
            except (Refusal, StaleVersion) as error:
                if states.were_lost(facts.looked_at) or self._rests_on_stale_state(facts):
                    # It is decided again, and so is whatever comes after it and stands on what it may still do.
                    states.put_back(written_by(submission.command))
                elif isinstance(error, Refusal):
                    refused.append((index, Answer("refused", refusal=error), facts))
                else:
                    refused.append((index, Answer("failed", error=error), facts))
                continue
            if states.were_lost([*decision.own, *facts.looked_at]):
                states.put_back(*decision.own)
                continue
            append = self._to_append(submission, decision, origin, body)
            states.advance(append, fold_of)
            decided.append((index, decision, append))
        moved: dict[int, str] = {}
        if decided:
            sealed = seal(
                [append for _, _, append in decided],
                [decision for _, decision, _ in decided],
                keyring,
                erasures,
            )
            outcomes = self._log.append(sealed)
            decided = [
                (index, decision, append)
                for (index, decision, _), append in zip(decided, sealed, strict=True)
            ]
            moved = self._settle(
                decided,
                outcomes,
                states,
                answers,
                {index: item.key for index, item, _ in waiting},
                {index: item.command for index, item, _ in waiting},
            )
        # An answer may rest on what an earlier command of the batch decided; it is final only if that was appended.
        final = {index: answer for index, answer, facts in refused if not states.were_lost(facts.looked_at)}
        # The same command may have been appended from elsewhere meanwhile: then the refusal is only an echo of its own success.
        self._answer_known([item for item in waiting if item[0] in final], answers)
        answers.update({index: answer for index, answer in final.items() if index not in answers})
        return moved

    def _facts(
        self,
        submission: Submission,
        decided_at: datetime,
        states: BatchStates,
        keyring: Keyring,
        erasures: Erasures,
        together: Mapping[str, Sequence[Recorded]],
    ) -> DecisionFacts:
        """Return what a decision may know; `together` are streams that were looked up already."""
        return DecisionFacts(
            states,
            keyring,
            actor=submission.actor,
            on_behalf_of=submission.on_behalf_of,
            rights=submission.rights,
            decided_at=decided_at,
            occurred_at=_occurred(submission, decided_at),
            erasures=erasures.version,
            history=lambda stream: together[stream] if stream in together else self._log.stream(stream),
            standing=self._standing,
            counting=self._counting,
        )

    def _opened_by(self, waiting: Sequence[tuple[int, Submission, bytes]]) -> frozenset[str]:
        """Return the streams a batch may open, looked up together rather than one by one."""
        opened = [
            item.command.stream
            for _, item, _ in waiting
            if isinstance(item.command, OpenRecord) and is_id(split_stream(item.command.stream)[1])
        ]
        return self._log.absent(opened) if len(opened) > 1 else frozenset()

    def _read_together(
        self, waiting: Sequence[tuple[int, Submission, bytes]]
    ) -> Mapping[str, Sequence[Recorded]]:
        """Return what happened to the records whose deadlines are noticed, and what was told of them, looked up together rather than one by one."""
        records = {item.command.record for _, item, _ in waiting if isinstance(item.command, NoticeDeadline)}
        found = self._log.streams([*records, *map(firings_stream, records)]) if len(records) > 1 else {}
        for record in records & found.keys():
            if told := found[firings_stream(record)]:
                self._log.remember(firings_stream(record), firings.fold(None, told))
        return found

    def _rests_on_stale_state(self, facts: DecisionFacts) -> bool:
        """Tell whether a decision without events rests on cached state that has moved; no append would find out."""
        stale = self._log.stale(facts.looked_at)
        for stream in stale:
            self._log.forget(stream)
        return bool(stale)

    def _settle(
        self,
        decided: Sequence[tuple[int, Decided, Append]],
        outcomes: Sequence[Outcome],
        states: BatchStates,
        answers: dict[int, Answer],
        keys: Mapping[int, str],
        commands: Mapping[int, Command],
    ) -> dict[int, str]:
        moved: dict[int, str] = {}
        for (index, decision, append), outcome in zip(decided, outcomes, strict=True):
            match outcome.result:
                case "appended":
                    events = states.appended(append, outcome)
                    if any(event.stream == ERASURES_STREAM for event in events):
                        self._log.forget(ERASURES_STREAM)
                    answers[index] = (
                        Answer("refused" if decision.refusal else "accepted", events, decision.refusal)
                        if events or decision.refusal
                        else self._nothing_new(commands[index], outcome.last_position)
                    )
                case "replayed":
                    assert outcome.stored_outcome is not None
                    states.lost(append)
                    before = KnownAnswer(
                        b"", outcome.stored_outcome, outcome.first_position, outcome.last_position
                    )
                    answers[index] = self._known(before, self._events_of([before]), commands[index])
                case "mismatch":
                    states.lost(append)
                    answers[index] = Answer("failed", error=KeyReused(keys[index]))
                case "conflict" | "moved":
                    states.lost(append)
                    moved[index] = outcome.moved_stream or ""
                    self._log.forget(moved[index])
        states.settle()
        return moved

    # ── envelopes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _origin(self, submission: Submission, decided_at: datetime) -> Origin:
        return Origin(
            actor=submission.actor,
            channel=submission.channel,
            occurred_at=_occurred(submission, decided_at),
            on_behalf_of=submission.on_behalf_of,
            reason=submission.reason,
            command_id=self._command_id(submission),
            correlation_id=submission.correlation_id,
            causation_id=submission.causation_id,
        )

    def _command_id(self, submission: Submission) -> str:
        """Derive the id of a command from its key: the same each time. The key itself, which may hold anything, is kept nowhere."""
        return "cmd_" + token(self._vault.pseudonym(f"command\n{submission.client}\n{submission.key}"))

    def _playbooks(self) -> Playbooks:
        return self._log.state(PLAYBOOKS_STREAM, catalogue.fold) or Playbooks()

    @staticmethod
    def _to_append(submission: Submission, decision: Decided, origin: Origin, body: bytes) -> Append:
        following = dict(decision.own)
        events = []
        for stream, event in decision.events:
            version = None
            if stream in following:
                following[stream] += 1
                version = following[stream]
            events.append(NewEvent(stream, version, event, event.payload()))
        playbook = decision.facts.playbook
        return Append(
            events=events,
            expectations=decision.facts.read_set(decision.own),
            origin=origin,
            decided_at=decision.facts.decided_at,
            outcome="refused" if decision.refusal else "accepted",
            client=submission.client,
            key=origin.command_id,
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
            by_client.setdefault(submission.client, []).append(self._command_id(submission))
        known = {client: self._log.known_answers(client, keys) for client, keys in by_client.items()}
        same: dict[int, KnownAnswer] = {}
        for index, submission, body in todo:
            before = known[submission.client].get(self._command_id(submission))
            if before is not None and before.body_hmac == body:
                same[index] = before
            elif before is not None:
                answers[index] = Answer("failed", error=KeyReused(submission.key))
        events = self._events_of(list(same.values()))
        commands = {index: submission.command for index, submission, _ in todo}
        answers.update(
            {index: self._known(before, events, commands[index]) for index, before in same.items()}
        )

    def _nothing_new(self, command: Command, looked_at: int | None) -> Answer:
        """The answer to a command that changed nothing: the same whenever it is asked for, so of the record as it was looked at then."""
        version = None
        if looked_at is not None and isinstance(command, RecordCommand):
            version = self._log.version_at(command.stream, looked_at)
        return Answer("accepted", looked_at=looked_at, version=version)

    def _known(self, before: KnownAnswer, events_at: Mapping[int, Recorded], command: Command) -> Answer:
        if not before.positions:
            return replace(self._nothing_new(command, before.last_position), replayed=True)
        events = tuple(events_at[position] for position in before.positions)
        refusal = None
        if before.outcome == "refused":
            refused = events[0].event
            assert isinstance(refused, MoveRefused)
            refusal = GateNotMet(refused.after, unmet_by_id(self._playbooks(), events[0], refused))
        return Answer(before.outcome, events, refusal, replayed=True)

    def _events_of(self, known: Sequence[KnownAnswer]) -> dict[int, Recorded]:
        """Read the events of earlier answers by position, neighbours together."""
        ranges: list[tuple[int, int]] = []
        for positions in sorted(
            (before.positions for before in known if before.positions), key=lambda found: found.start
        ):
            if ranges and positions.start <= ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], max(ranges[-1][1], positions.stop - 1))
            else:
                ranges.append((positions.start, positions.stop - 1))
        return {event.position: event for first, last in ranges for event in self._log.read(first, last)}


def _occurred(submission: Submission, decided_at: datetime) -> datetime | None:
    return decided_at if isinstance(submission.occurred_at, Occurred) else submission.occurred_at


def _runs(todo: Sequence[tuple[int, Submission, bytes]]) -> Iterator[list[tuple[int, Submission, bytes]]]:
    """Cut commands into runs that are decided together.

    No key comes twice, and nothing after an erasure, which ends the keys in use. Whoever looks back at what happened to a record
    begins a run of its own: what the run has only decided so far has no position yet, and stands in no history.
    """
    run: list[tuple[int, Submission, bytes]] = []
    keys: set[tuple[str, str]] = set()
    written: set[str | None] = set()
    for item in todo:
        submission = item[1]
        name, stream = (submission.client, submission.key), written_by(submission.command)
        looks_back = isinstance(submission.command, RestoreFields) or (
            submission.expected_version is not None and stream in written
        )
        if run and (name in keys or looks_back or isinstance(run[-1][1].command, EraseSubject)):
            yield run
            run, keys, written = [], set(), set()
        run.append(item)
        keys.add(name)
        written.add(stream)
    if run:
        yield run
