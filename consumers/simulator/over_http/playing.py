"""Many commands side by side: each when it is due, none before what it waits for."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from commands.submission import Submission
from consumers.simulator.desk import kept_draft
from consumers.simulator.over_http.badges import Badges
from consumers.simulator.over_http.delivery import Delivered, Messenger
from consumers.simulator.over_http.faults import Fault, Faults
from consumers.simulator.over_http.order import waits
from consumers.simulator.over_http.requests import Spelling
from consumers.simulator.over_http.telling import Told
from consumers.simulator.over_http.wire import Address
from domain.playbook.commands import PublishDraft
from domain.record.commands import RecordCommand, RestoreFields

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a story; `refers_to` is the step whose event it names: the change it restores, the draft it publishes."""

    submission: Submission
    refers_to: int | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """A command that was answered, or given up. Times are in seconds since the playing began.

    `due_at` is when the plan wanted it sent, whether or not anybody was free to send it: latency counts from there,
    so a slow service cannot hide behind the requests it kept from being sent.
    """

    submission: Submission
    told: Told
    due_at: float
    sent_at: float
    answered_at: float
    attempts: int
    fault: Fault | None

    @property
    def latency(self) -> float:
        """Seconds from the planned moment to the answer."""
        return self.answered_at - self.due_at

    @property
    def service_time(self) -> float:
        """Seconds from the first sending to the answer."""
        return self.answered_at - self.sent_at


class Crew:
    """Messengers, each with a connection; and what they know of the versions of records."""

    def __init__(
        self,
        address: Address,
        spelling: Spelling,
        badges: Badges,
        *,
        concurrency: int = 8,
        faults: Faults | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        if concurrency < 1:
            raise ValueError("somebody has to carry the commands: concurrency is 1 or more")
        self.messengers = [
            Messenger(address, spelling, badges, faults or Faults(), patience_seconds=patience_seconds)
            for _ in range(concurrency)
        ]
        self.versions: dict[str, int] = {}

    async def close(self) -> None:
        """End all connections."""
        for messenger in self.messengers:
            await messenger.close()


async def play(
    crew: Crew,
    steps: Sequence[Step],
    *,
    rate: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Played]:
    """Send the commands of a story, `rate` of them a second whatever the service does, or each as soon as somebody is free.

    One that fails stops no other. The answers are in the order of the steps.
    """
    return await _Playing(crew, steps, rate, progress).run()


class _Playing:
    """The state of one playing: who waits for whom, and what was answered."""

    def __init__(
        self,
        crew: Crew,
        steps: Sequence[Step],
        rate: float | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._crew = crew
        self._steps = steps
        self._rate = rate
        self._progress = progress
        before = waits([step.submission.command for step in steps])
        self._open = [len(found) for found in before]
        self._after: list[list[int]] = [[] for _ in steps]
        for index, found in enumerate(before):
            for earlier in found:
                self._after[earlier].append(index)
        self._due = [False] * len(steps)
        self._due_at = [0.0] * len(steps)
        self._played: dict[int, Played] = {}
        self._ready: asyncio.PriorityQueue[int] = asyncio.PriorityQueue()
        self._began = 0.0

    async def run(self) -> list[Played]:
        """Play until everything is answered."""
        if not self._steps:
            return []
        self._began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            carrying = [tasks.create_task(self._carry(messenger)) for messenger in self._crew.messengers]
            await self._make_due()
            while len(self._played) < len(self._steps):
                self._all_answered = asyncio.Event()
                await self._all_answered.wait()
            for task in carrying:
                task.cancel()
        return [self._played[index] for index in range(len(self._steps))]

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def _make_due(self) -> None:
        """Let each command become due at its moment of the plan."""
        self._all_answered = asyncio.Event()
        for index in range(len(self._steps)):
            if self._rate is not None:
                self._due_at[index] = index / self._rate
                if (early := self._due_at[index] - self._now()) > 0:
                    await asyncio.sleep(early)
            self._due[index] = True
            if not self._open[index]:
                self._make_ready(index)

    def _make_ready(self, index: int) -> None:
        if self._rate is None:
            self._due_at[index] = self._now()
        self._ready.put_nowait(index)

    async def _carry(self, messenger: Messenger) -> None:
        while True:
            index = await self._ready.get()
            submission = self._filled_in(self._steps[index])
            command = submission.command
            stream = command.stream if isinstance(command, RecordCommand) else ""
            delivered = await messenger.deliver(submission, self._crew.versions.get(stream, 0))
            self._settle(index, submission, stream, delivered)

    def _settle(self, index: int, submission: Submission, stream: str, delivered: Delivered) -> None:
        told = delivered.told
        if told.version is not None:
            self._crew.versions[stream] = told.version
        self._played[index] = Played(
            submission,
            told,
            self._due_at[index],
            delivered.sent_at - self._began,
            delivered.answered_at - self._began,
            delivered.attempts,
            delivered.fault,
        )
        for later in self._after[index]:
            self._open[later] -= 1
            if not self._open[later] and self._due[later]:
                self._make_ready(later)
        if self._progress is not None:
            self._progress(len(self._played), len(self._steps))
        if len(self._played) == len(self._steps):
            self._all_answered.set()

    def _filled_in(self, step: Step) -> Submission:
        """Name the change or the draft as this log knows it: another log has other positions."""
        if step.refers_to is None:
            return step.submission
        told = self._played[step.refers_to].told
        match step.submission.command:
            case RestoreFields() as command if told.events:
                changed: RestoreFields | PublishDraft = replace(command, change=told.events[-1].position)
            case PublishDraft() as command if told.events:
                changed = replace(command, draft=kept_draft(told))
            case _:
                return step.submission
        return replace(step.submission, command=changed)
