"""Submitting the commands of a plan in batches, so that a row that was imported with other values before is left as it is."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from itertools import islice
from typing import Protocol

from commands.errors import KeyReused
from commands.submission import Answer, Command, Submission
from consumers.importing.report import KindCount, Report
from consumers.importing.steps import Step
from domain.events import FieldsChanged, PersonJoined, RecordOpened, RecordRelated, StageChanged, TeamFormed
from domain.playbook.model import Right
from domain.record.commands import ChangeStage, OpenRecord, Override
from domain.refusals import GateNotMet, InvalidCommand, NotFound

BATCH = 500
WAIVER = Override(name="import")
IMPORTED_OTHERWISE = "was imported before with other values"

Row = tuple[str, str]


Progress = Callable[[int, int], None]
"""Is told how many of how many commands are done."""

ToldTime = Callable[[datetime | None], datetime]
"""Tells the time of a simulated log for something that happened at a moment."""


class Bus(Protocol):
    """The way into the log."""

    def submit_batch(self, submissions: list[Submission]) -> list[Answer]:
        """Carry out commands in order, each with its own outcome."""
        ...

    def answered_before(self, submissions: list[Submission]) -> list[Answer | None]:
        """Return what was answered to commands before, None where nothing was."""
        ...


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
        bus: Bus,
        report: Report,
        *,
        client: str,
        rights: frozenset[Right],
        told_time: ToldTime | None,
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

    def submit(self, steps: Sequence[Step], progress: Progress | None) -> None:
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
        batch: list[_Ticket] = []
        rows: set[Row] = set()
        while queue and len(batch) < BATCH:
            ticket, row = queue[0], queue[0].row
            if row in rows and not self._may_go_together(row, batch, queue):
                break
            queue.popleft()
            if row in self._stopped:
                continue
            if lacks := self._lacks(ticket):
                self._stop(ticket, lacks)
                continue
            batch.append(ticket)
            rows.add(row)
        return batch

    def _may_go_together(self, row: Row, batch: Sequence[_Ticket], queue: deque[_Ticket]) -> bool:
        """Tell whether a row is new, so that its steps may share a batch.

        Under `enforce` they never do: a step that its gate refuses ends its row.
        """
        if self._waives and row not in self._is_new:
            self._look_for_new_rows([*batch, *islice(queue, BATCH)])
        return self._waives and self._is_new.get(row, False)

    def _look_for_new_rows(self, ahead: Sequence[_Ticket]) -> None:
        """Find out which of the rows with several steps ahead were never imported: nobody used the key of their opening."""
        opened: dict[Row, _Ticket] = {}
        asked: dict[Row, _Ticket] = {}
        for ticket in ahead:
            row = ticket.row
            if row in opened:
                asked[row] = opened[row]
            elif isinstance(ticket.step.command, OpenRecord) and row not in self._is_new:
                opened[row] = ticket
        if asked:
            answers = self._bus.answered_before([self._submission(ticket) for ticket in asked.values()])
            self._is_new.update({row: answer is None for row, answer in zip(asked, answers, strict=True)})

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
        lacking = sorted(self._missing.intersection(ticket.step.needs)) if self._missing else []
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
