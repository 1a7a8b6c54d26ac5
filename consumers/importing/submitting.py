"""Submitting the commands of a plan in batches, so that a row that was imported with other values before is left as it is."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import Protocol

from commands.errors import KeyReused
from commands.submission import Answer, Command, Submission
from consumers.importing.report import KindCount, Report
from consumers.importing.steps import Step
from domain.events import FieldsChanged, PersonJoined, RecordOpened, RecordRelated, StageChanged, TeamFormed
from domain.playbook.model import Right
from domain.record.commands import ChangeStage, EditFields, OpenRecord, Override
from domain.refusals import GateNotMet, InvalidCommand, NotFound

BATCH = 500
WAIVER = Override(name="import")
IMPORTED_OTHERWISE = "was imported before with other values"

Row = tuple[str, str]


class _Bus(Protocol):
    def submit_batch(self, submissions: list[Submission]) -> list[Answer]: ...


class _Form(IntEnum):
    """How a step is submitted. The gate policy is part of a command, so a step may be known in the form of the other policy."""

    asked = 0
    other_policy = 1
    after_refusal = 2


@dataclass(frozen=True, slots=True)
class _Ticket:
    step: Step
    form: _Form = _Form.asked

    @property
    def row(self) -> Row:
        return (self.step.origin.kind, self.step.origin.key)

    @property
    def has_gate(self) -> bool:
        command = self.step.command
        return isinstance(command, ChangeStage) or (
            isinstance(command, OpenRecord) and command.stage is not None
        )


class Submitting:
    """One run over the steps of a plan; what becomes of them is added to the report.

    A step may share a batch with an earlier one of its row only where nothing of the row can be known from an earlier run:
    else the earlier one might turn out to have been imported with other values, and the later one must not be added then.
    """

    def __init__(
        self,
        bus: _Bus,
        report: Report,
        *,
        client: str,
        rights: frozenset[Right],
        told_time: Callable[[datetime | None], datetime] | None,
    ) -> None:
        self._bus = bus
        self._report = report
        self._client = client
        self._rights = rights
        self._told_time = told_time
        self._waives = report.gate_policy == "record"
        self._is_new: dict[Row, bool] = {}
        self._stopped: set[Row] = set()
        self._missing: set[str] = set()

    def submit(self, steps: Sequence[Step], progress: Callable[[int, int], None] | None) -> None:
        """Submit all steps in their order; between two batches an interruption leaves whole commands."""
        self._report.commands = len(steps)
        queue = deque(_Ticket(step) for step in steps)
        while queue:
            batch = self._next_batch(queue)
            if batch:
                answers = self._bus.submit_batch([self._submission(ticket) for ticket in batch])
                queue.extendleft(reversed(self._settle(batch, answers)))
            if progress is not None:
                progress(len(steps) - len(queue), len(steps))

    # ── what goes together ───────────────────────────────────────────────────────────────────────────────────────────

    def _next_batch(self, queue: deque[_Ticket]) -> list[_Ticket]:
        window: list[_Ticket] = []
        while queue and len(window) < BATCH:
            ticket = queue.popleft()
            lacking = sorted(set(ticket.step.needs) & self._missing)
            if ticket.row in self._stopped:
                continue
            if lacking:
                self._stop(ticket, self._lacks(ticket))
            else:
                window.append(ticket)
        self._look_for_new_rows(window)
        rows: set[Row] = set()
        for index, ticket in enumerate(window):
            if ticket.row in rows and not self._is_new.get(ticket.row, False):
                queue.extendleft(reversed(window[index:]))
                return window[:index]
            rows.add(ticket.row)
        return window

    def _look_for_new_rows(self, window: Sequence[_Ticket]) -> None:
        """Find out which rows with several steps tell of records that do not exist yet. An edit of nothing asks without writing."""
        if not self._waives:
            return  # a step that its gate refuses ends its row, so under 'enforce' each waits for the one before
        seen: set[Row] = set()
        unknown: dict[Row, _Ticket] = {}
        for ticket in window:
            if ticket.row in seen and ticket.row not in self._is_new:
                unknown[ticket.row] = ticket
            seen.add(ticket.row)
        asked = [
            (row, ticket, command.stream)
            for row, ticket in unknown.items()
            if (command := _of_record(ticket.step.command))
        ]
        if asked:
            looks = [
                replace(self._submission(ticket), command=EditFields(stream, {}), key=f"{ticket.step.key}?")
                for _, ticket, stream in asked
            ]
            for (row, _, _), answer in zip(asked, self._bus.submit_batch(looks), strict=True):
                self._is_new[row] = isinstance(answer.refusal, NotFound)

    def _submission(self, ticket: _Ticket) -> Submission:
        step, command = ticket.step, ticket.step.command
        waives = self._waives != (ticket.form is _Form.other_policy)
        if waives and ticket.has_gate and isinstance(command, OpenRecord | ChangeStage):
            command = replace(command, override=WAIVER)
        return Submission(
            command=command,
            client=self._client,
            key=f"{step.key}+" if ticket.form is _Form.after_refusal else step.key,
            actor=step.actor,
            channel="import",
            rights=self._rights,
            occurred_at=step.occurred_at,
            told_time=self._told_time(step.occurred_at) if self._told_time is not None else None,
        )

    # ── what became of it ────────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self, batch: Sequence[_Ticket], answers: Sequence[Answer]) -> list[_Ticket]:
        """Take note of the answers; returns what is to be submitted again, in order."""
        again: list[_Ticket] = []
        postponed: set[Row] = set()
        for ticket, answer in zip(batch, answers, strict=True):
            if ticket.row in self._stopped:
                continue
            if ticket.row in postponed or (
                postponed and isinstance(answer.refusal, NotFound | InvalidCommand)
            ):
                # Nothing was written: what this stands on comes in the next batch.
                postponed.add(ticket.row)
                again.append(ticket)
            elif (form := self._next_form(ticket, answer)) is not None:
                postponed.add(ticket.row)
                self._is_new[ticket.row] = False
                again.append(replace(ticket, form=form))
            elif answer.outcome == "accepted":
                self._count(ticket, answer)
            else:
                self._stop(ticket, self._lacks(ticket) or _reasons(ticket.step.command, answer), answer)
        return again

    def _next_form(self, ticket: _Ticket, answer: Answer) -> _Form | None:
        """The form to try next: a step may have been imported, or refused by its gate, under the other gate policy."""
        if not ticket.has_gate:
            return None
        if ticket.form is _Form.asked and isinstance(answer.error, KeyReused):
            return _Form.other_policy
        if (
            ticket.form is _Form.other_policy
            and self._waives
            and answer.replayed
            and answer.outcome == "refused"
        ):
            return _Form.after_refusal
        return None

    def _stop(self, ticket: _Ticket, reasons: list[str], answer: Answer | None = None) -> None:
        """End a row here; what it would have made is missing, unless an earlier run made it."""
        self._stopped.add(ticket.row)
        if answer is None or not isinstance(answer.error, KeyReused):
            self._missing.update(ticket.step.makes)
        self._report.refused.append(ticket.step.origin.refused(reasons))

    def _lacks(self, ticket: _Ticket) -> list[str]:
        lacking = sorted(set(ticket.step.needs) & self._missing)
        return [f"needs {', '.join(lacking)}, which was refused"] if lacking else []

    def _count(self, ticket: _Ticket, answer: Answer) -> None:
        report = self._report
        if isinstance(ticket.step.command, OpenRecord):
            self._is_new.setdefault(ticket.row, self._waives and not answer.replayed)
        if answer.replayed:
            report.replayed += 1
            return
        if not answer.events:
            return
        report.events += len(answer.events)
        report.first_position = min(
            report.first_position or answer.events[0].position, answer.events[0].position
        )
        report.last_position = max(report.last_position or 0, answer.events[-1].position)
        count = report.kinds.get(ticket.step.origin.kind, KindCount())
        for recorded in answer.events:
            match recorded.event:
                case RecordOpened(override=override):
                    count.opened += 1
                    report.waived.update(_waived(override))
                case StageChanged(move=move, override=override):
                    count.moves += 1
                    count.re_entries += move == "re-entry"
                    report.waived.update(_waived(override))
                case FieldsChanged():
                    count.field_edits += 1
                case RecordRelated():
                    count.relations += 1
                case PersonJoined():
                    report.people += 1
                case TeamFormed():
                    report.teams += 1


def _of_record(command: Command) -> OpenRecord | ChangeStage | EditFields | None:
    return command if isinstance(command, OpenRecord | ChangeStage | EditFields) else None


def _waived(override: object) -> list[str]:
    return list(override["waived"]) if isinstance(override, dict) else []


def _reasons(command: Command, answer: Answer) -> list[str]:
    """Say in words why a command was not carried out, everything at once."""
    if isinstance(answer.error, KeyReused):
        return [IMPORTED_OTHERWISE]
    refusal = answer.refusal
    if isinstance(refusal, GateNotMet):
        way = "opening in" if isinstance(command, OpenRecord) else "entering"
        return [f"{way} {refusal.to_stage}: {item.id} ({item.label.en})" for item in refusal.unmet]
    if isinstance(refusal, InvalidCommand):
        return [str(problem) for problem in refusal.problems]
    return [str(refusal or answer.error)]
