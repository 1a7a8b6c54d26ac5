"""A story is told once to a log of its own before it is played: then what is sent, and when, depends on no answer of the service that is measured."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import playbooks
from commands.playbook_file import read_playbook
from commands.submission import Answer, Submission
from consumers.simulator import Scenario, simulate
from consumers.simulator.desk import kept_draft
from consumers.simulator.over_http.playing import Step
from consumers.simulator.real_clock import OnTheRealClock
from domain.playbook.commands import DraftPlaybook, PublishDraft
from domain.playbook.published import PublishedPlaybook
from domain.record.commands import RecordCommand, RestoreFields
from infra.tenant import Tenant

PLAYBOOK = "smart_hardware.yaml"


def the_playbook() -> PublishedPlaybook:
    """Return the playbook people of the simulation sell by."""
    return read_playbook(Path(playbooks.__file__).parent / PLAYBOOK)


@dataclass(frozen=True, slots=True)
class Story:
    """Commands in their order and the answers of the rehearsal; the first `founding` of them bring rules and people into being."""

    steps: list[Step]
    answers: list[Answer]
    founding: int


class _EnoughHeard(Exception):
    """The story is long enough."""


@dataclass
class _Listening:
    """A bus that remembers what went over it, until there is enough of it after the founding."""

    tenant: Tenant
    enough: int
    progress: Callable[[int, int], None] | None = None
    heard: list[tuple[Submission, Answer]] = field(default_factory=list)
    founding: int | None = None

    def submit_batch(self, submissions: Sequence[Submission]) -> list[Answer]:
        """Carry out commands on the rehearsal's log, and remember them; none beyond what is enough. Raises _EnoughHeard."""
        if self.founding is None and any(isinstance(it.command, RecordCommand) for it in submissions):
            self.founding = len(self.heard)
        told = submissions
        if self.founding is not None:
            told = submissions[: self.enough + self.founding - len(self.heard)]
        answers = self.tenant.bus.submit_batch(told)
        self.heard += zip(told, answers, strict=True)
        if self.founding is not None:
            done = len(self.heard) - self.founding
            if self.progress is not None:
                self.progress(done, self.enough)
            if done >= self.enough:
                raise _EnoughHeard
        return answers


def rehearse(
    tenant: Tenant, scenario: Scenario, commands: int, progress: Callable[[int, int], None] | None = None
) -> Story:
    """Tell a story to a tenant with the clock of the database: the founding, and at most so many commands after it."""
    listening = _Listening(tenant, commands, progress)
    with suppress(_EnoughHeard):  # the rest of the year is another story
        simulate(OnTheRealClock(listening), the_playbook(), scenario)
    heard = listening.heard
    founding = len(heard) if listening.founding is None else listening.founding
    return Story(_steps(heard), [answer for _, answer in heard], founding)


def _steps(heard: Sequence[tuple[Submission, Answer]]) -> list[Step]:
    """Say of each command which earlier one it names: in another log, its event has another place."""
    changes: dict[int, int] = {}
    drafts: dict[int, int] = {}
    steps = []
    for index, (submission, answer) in enumerate(heard):
        match submission.command:
            case RestoreFields(change=change):
                steps.append(Step(submission, changes[change]))
            case PublishDraft(draft=draft):
                steps.append(Step(submission, drafts[draft]))
            case DraftPlaybook():
                drafts[kept_draft(answer)] = index
                steps.append(Step(submission))
            case _:
                steps.append(Step(submission))
        changes |= {event.position: index for event in answer.events}
    return steps
