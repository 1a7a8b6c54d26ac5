"""What the worker of reactions asks for, each under a key that makes asking twice harmless."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid5

from commands.bus import CommandBus
from commands.errors import TooBusy
from commands.ports import EventLog
from commands.submission import Answer, Submission
from domain.envelope import Recorded
from domain.naming import (
    ORGANISATION_STREAM,
    PLAYBOOKS_STREAM,
    REACTIONS_ACTOR,
    REACTIONS_CHANNEL,
    reactions_stream,
)
from domain.organisation import state as organisation_state
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.reacting import state as reacting
from domain.reacting.commands import FailReaction, FinishReaction, ReactionCommand, TakeStep
from domain.reacting.state import Reacted
from projections.kinds import NotNow

CLIENT = "reactions"

State = TypeVar("State")

_NAMESPACE = UUID("9d7c5f0a-3a55-5c0b-8a1e-4f2d6c1b7e90")


class ReactionDesk:
    """Issues the commands of reactions, and knows what became of each so far.

    `told_time` is what a simulated log is told, and returns None for any other.
    """

    def __init__(self, log: EventLog, bus: CommandBus, told_time: Callable[[], datetime | None]) -> None:
        self._log = log
        self._bus = bus
        self._told_time = told_time

    def playbooks(self) -> Playbooks:
        """Return every version of every playbook, never those of an old cache."""
        return self._fresh(PLAYBOOKS_STREAM, catalogue.fold) or Playbooks()

    def people(self) -> Organisation:
        """Return who works here now, whoever else has come or gone meanwhile."""
        return self._fresh(ORGANISATION_STREAM, organisation_state.fold) or Organisation()

    def reacted(self, record: str) -> Reacted:
        """Return what became of the reactions to a record, whoever else wrote of it meanwhile."""
        return self._fresh(reactions_stream(record), reacting.fold) or Reacted()

    def stream(self, stream: str) -> Sequence[Recorded]:
        """Return all events of a stream."""
        return self._log.stream(stream)

    def event_at(self, position: int) -> Recorded | None:
        """Return the event at a position; None where the log has none."""
        found = self._log.read(position, position)
        return found[0] if found else None

    def take(self, command: TakeStep, attempt: int, cause: Recorded, on_behalf_of: str | None) -> Answer:
        """Take a step of a reaction. Raises its refusal; a step that was taken before is answered as it was then."""
        return self._submit(command, f"{command.step}", attempt, cause, on_behalf_of)

    def note(self, command: FinishReaction | FailReaction, attempt: int, cause: Recorded) -> None:
        """Keep what became of a reaction."""
        self._submit(command, "ended", attempt, cause)

    def _fresh(self, stream: str, fold: Callable[[Any, Iterable[Recorded]], State]) -> State | None:
        """Return the state of a stream; one that another process has moved on is folded again."""
        state: State | None = self._log.state(stream, fold)
        if self._log.stale({stream: getattr(state, "version", 0)}):
            self._log.forget(stream)
            state = self._log.state(stream, fold)
        return state

    def _submit(
        self,
        command: ReactionCommand,
        what: str,
        attempt: int,
        cause: Recorded,
        on_behalf_of: str | None = None,
    ) -> Answer:
        # Of the cause the position says everything: one event, one record. Whoever tries again has a key of their own.
        name = f"reaction {command.reaction} {command.cause} {what}"
        again = f" {attempt}" if attempt > 1 else ""
        submission = Submission(
            command=command,
            client=CLIENT,
            key=str(uuid5(_NAMESPACE, name + again)),
            actor=REACTIONS_ACTOR,
            channel=REACTIONS_CHANNEL,
            on_behalf_of=on_behalf_of,
            causation_id=str(cause.position),
            correlation_id=cause.correlation_id or cause.command_id,
            told_time=self._told_time(),
        )
        try:
            return self._bus.submit(submission)
        except TooBusy as busy:
            raise NotNow(str(busy)) from busy
