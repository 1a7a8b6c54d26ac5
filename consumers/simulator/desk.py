"""Where the commands of a stretch of time gather before they are submitted together, in the order of their moments."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from commands.submission import NOW, Command, Submission
from consumers.simulator.scenario import Summary
from domain.envelope import Recorded
from domain.events import PlaybookDrafted
from domain.naming import split_stream, token
from domain.organisation.commands import AddPerson
from domain.playbook.model import Right
from domain.record.commands import OpenRecord
from domain.refusals import GateNotMet, Refusal

CLIENT = "simulator"
OPERATOR = "system/operator"
LARGEST_BATCH = 500


class Place(Protocol):
    """Where an event stands: in the whole log, and in its stream."""

    @property
    def position(self) -> int:
        """The place in the whole log."""
        ...

    @property
    def version(self) -> int:
        """The place in its stream."""
        ...


class Told(Protocol):
    """What people hear of a command they issued, whichever way it went in."""

    @property
    def outcome(self) -> Literal["accepted", "refused", "failed"]:
        """Whether it was done, refused for a reason, or neither."""
        ...

    @property
    def events(self) -> Sequence[Place]:
        """What stands in the log because of it."""
        ...

    @property
    def refusal(self) -> Refusal | None:
        """Why it was refused."""
        ...

    @property
    def error(self) -> Exception | None:
        """Why it was neither done nor refused."""
        ...

    @property
    def replayed(self) -> bool:
        """Whether the same was answered before."""
        ...


@runtime_checkable
class TellsDraft(Protocol):
    """An answer that tells a draft's number beside its events, as that of the service does."""

    @property
    def draft(self) -> int | None:
        """The number of the draft that was kept; None where none was."""
        ...


def kept_draft(answer: Told) -> int:
    """Return the number of the draft an answer says was kept. Raises SimulationStopped when it tells none."""
    for place in answer.events:
        if isinstance(place, Recorded) and isinstance(place.event, PlaybookDrafted):
            return place.event.number
    number = answer.draft if isinstance(answer, TellsDraft) else None
    if number is None:
        raise SimulationStopped("a draft was kept, and the answer does not tell its number")
    return number


class Bus(Protocol):
    """A way in for commands: the command bus itself, or what stands before it."""

    def submit_batch(self, submissions: Sequence[Submission]) -> Sequence[Told]:
        """Carry out commands, those that need each other in their order; answer each."""
        ...


Then = Callable[[Told], None]


class SimulationStopped(RuntimeError):
    """A simulated command met what no simulated person can work off: the log holds another story, or a defect shows."""


class Desk:
    """Numbers, submits and counts commands.

    Keys and ids follow from the seed, so the same story told again to the same log adds nothing.
    """

    def __init__(self, bus: Bus, rng: random.Random, seed: int) -> None:
        self.summary = Summary()
        self._bus = bus
        self._rng = rng
        self._seed = seed
        self._number = 0
        self._waiting: list[tuple[datetime, int, Submission, Then | None]] = []

    def new_id(self, prefix: str) -> str:
        """Make an id."""
        return f"{prefix}_{token(self._rng.randbytes(16))}"

    def put(
        self,
        at: datetime,
        actor: str,
        command: Command,
        *,
        happened: datetime | None = None,
        reason: str | None = None,
        then: Then | None = None,
    ) -> None:
        """Lay a command on the desk; `then` learns of its answer once everything laid down was submitted."""
        self._number += 1
        submission = Submission(
            command=command,
            client=CLIENT,
            key=f"{self._seed}-{self._number:06d}",
            actor=actor,
            channel=CLIENT,
            rights=frozenset(Right) if actor == OPERATOR else frozenset(),
            occurred_at=happened or NOW,
            reason=reason,
            told_time=at,
        )
        self._waiting.append((at, self._number, submission, then))

    def submit(self) -> None:
        """Submit what lies on the desk, then tell everybody their answers. Raises SimulationStopped."""
        waiting, self._waiting = sorted(self._waiting, key=lambda item: item[:2]), []
        for begin in range(0, len(waiting), LARGEST_BATCH):
            batch = waiting[begin : begin + LARGEST_BATCH]
            answers = self._bus.submit_batch([submission for _, _, submission, _ in batch])
            for (_, _, submission, then), answer in zip(batch, answers, strict=True):
                self._count(submission, answer)
                if then is not None:
                    then(answer)

    def _count(self, submission: Submission, answer: Told) -> None:
        is_expected = answer.outcome == "accepted" or isinstance(answer.refusal, GateNotMet)
        if not is_expected:
            what = f"{type(submission.command).__name__} of {submission.key}"
            raise SimulationStopped(f"{what}: {answer.refusal or answer.error}") from (
                answer.refusal or answer.error
            )
        summary = self.summary
        summary.commands += 1
        summary.accepted += answer.outcome == "accepted"
        summary.refused += answer.outcome == "refused"
        summary.replayed += answer.replayed
        summary.events += len(answer.events)
        match submission.command:
            case AddPerson() if answer.outcome == "accepted":
                summary.people += 1
            case OpenRecord(stream) if answer.outcome == "accepted":
                kind = split_stream(stream)[0]
                summary.records[kind] = summary.records.get(kind, 0) + 1
