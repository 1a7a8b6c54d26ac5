"""What the worker and the clock of the pools ask for, each under a key that makes asking twice harmless."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid5

from commands.bus import CommandBus
from commands.errors import TooBusy
from commands.ports import EventLog
from commands.submission import Answer, Submission
from domain.assigning import state as assigning
from domain.assigning.commands import AssignRecord, PoolCommand, RecycleRecord
from domain.assigning.state import PoolState
from domain.envelope import Recorded
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, pools_stream
from domain.organisation import state as organisation
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.refusals import NotFound, NothingToDo
from projections.kinds import NotNow

ACTOR = "system/assignment"
CLIENT = "assignment"

State = TypeVar("State")

_NAMESPACE = UUID("6a1c1a0e-6f4d-4c0e-9d6a-3b7f5b9f2c11")


class PoolDesk:
    """Issues the commands of the pools, and knows what each pool decided so far.

    `told_time` is what a simulated log is told, and returns None for any other.
    """

    def __init__(self, log: EventLog, bus: CommandBus, told_time: Callable[[], datetime | None]) -> None:
        self._log = log
        self._bus = bus
        self._told_time = told_time

    def playbooks(self) -> Playbooks:
        """Return the playbooks in force at this moment, never those of an old cache."""
        found = self._fresh(PLAYBOOKS_STREAM, catalogue.fold) or Playbooks()
        return found.at(self.now())

    def pool(self, pool: str) -> PoolState:
        """Return a pool as it is now, whoever else wrote to it meanwhile."""
        return self._fresh(pools_stream(pool), assigning.fold) or PoolState()

    def people(self) -> Organisation:
        """Return who works here and who is away, never as an old cache has it."""
        return self._fresh(ORGANISATION_STREAM, organisation.fold) or Organisation()

    def now(self) -> datetime:
        """Return the moment by the clock of the log."""
        return self._told_time() or self._log.now()

    def assign(self, pool: str, record: str, as_of: int, hour: str = "") -> Answer | None:
        """Ask for an owner, because of the event at a position. Raises NotNow when the log is too busy.

        None where that was asked before, and where nothing came of it: then nothing is kept, and the key is free still.
        `hour` is given where nothing but time made it ask.
        """
        entry = self.pool(pool).entry(record)
        if entry.asked_at >= as_of:
            return None
        attempt = entry.attempts + 1
        command = AssignRecord(pool, record, attempt, as_of)
        return self._submit(command, f"{pool}\n{record}\n{attempt}\n{as_of}\n{hour}", causation=str(as_of))

    def recycle(self, pool: str, record: str, position: int, hour: str) -> Answer | None:
        """Ask whether a record goes back into its pool, as it stands since a position; None where it does not."""
        return self._submit(RecycleRecord(pool, record), f"{pool}\n{record}\n{position}\n{hour}")

    def _fresh(self, stream: str, fold: Callable[[Any, Iterable[Recorded]], State]) -> State | None:
        """Return the state of a stream; one that another process has moved on is folded again."""
        state: State | None = self._log.state(stream, fold)
        if self._log.stale({stream: getattr(state, "version", 0)}):
            self._log.forget(stream)
            state = self._log.state(stream, fold)
        return state

    def _submit(self, command: PoolCommand, what: str, causation: str | None = None) -> Answer | None:
        submission = Submission(
            command=command,
            client=CLIENT,
            key=str(uuid5(_NAMESPACE, f"{type(command).__name__}\n{what}")),
            actor=ACTOR,
            channel="system",
            causation_id=causation,
            told_time=self._told_time(),
        )
        try:
            return self._bus.submit(submission)
        except NotFound:
            return None  # the pool or the kind is gone: a newer playbook has none of this name
        except NothingToDo:
            return None
        except TooBusy as busy:
            raise NotNow(str(busy)) from busy
