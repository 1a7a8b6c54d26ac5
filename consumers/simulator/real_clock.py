"""A story told to a log that has the clock of the database: everything happens at the moment it is said.

Such a log dates no move back by more than a day and takes no told time at all. So the dates of the story stay where
they are written down (an expected signing date, a file name) and in its order; the moments of its events are those of the telling.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from commands.submission import NOW, Submission
from consumers.simulator.desk import Bus, Told, kept_draft
from consumers.simulator.over_http.documents import with_its_file
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook
from domain.record.commands import AttachEvidence


class OnTheRealClock:
    """Stands before a bus and lets every command happen now.

    A playbook is kept as a draft and the draft is published, because that is the only way over HTTP;
    evidence is said to be what its file is.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def submit_batch(self, submissions: Sequence[Submission]) -> list[Told]:
        """Carry out commands now, a publication apart from what comes before and after it."""
        answers: list[Told] = []
        for run in _runs(submissions):
            if isinstance(run[0].command, PublishPlaybook):
                answers.append(self._publish(run[0], run[0].command))
            else:
                answers += self._bus.submit_batch(run)
        return answers

    def _publish(self, submission: Submission, command: PublishPlaybook) -> Told:
        draft = replace(
            submission, command=DraftPlaybook(command.playbook), key=f"{submission.key}-draft", reason=None
        )
        kept = self._bus.submit_batch([draft])[0]
        if kept.outcome != "accepted":
            return kept
        publication = PublishDraft(
            name=command.playbook.name,
            draft=kept_draft(kept),
            scope=command.scope,
            effective_from=command.effective_from,
            mappings=command.mappings,
        )
        return self._bus.submit_batch([replace(submission, command=publication)])[0]


def _runs(submissions: Sequence[Submission]) -> Iterator[list[Submission]]:
    run: list[Submission] = []
    for submission in map(_now, submissions):
        if isinstance(submission.command, PublishPlaybook):
            if run:
                yield run
            yield [submission]
            run = []
        else:
            run.append(submission)
    if run:
        yield run


def _now(submission: Submission) -> Submission:
    command = submission.command
    if isinstance(command, AttachEvidence):
        command = with_its_file(command)
    return replace(submission, command=command, told_time=None, occurred_at=NOW)
