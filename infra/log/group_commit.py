"""Group commit: commands that arrive together are appended in one transaction."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from threading import Condition, Event
from typing import Any, TypeVar

from eventsourcing.persistence import InterfaceError, OperationalError

from commands.ports import Append, EventLog, KnownAnswer, Outcome
from domain.envelope import Recorded

State = TypeVar("State")

MAX_EVENTS = 2_000
PATIENCE = 0.25
"""How long an append waits for those who were answered together by the one before: at most this share of what that one took."""


class _Ticket:
    """One caller's batch, waiting for its outcomes."""

    def __init__(self, batch: Sequence[Append]) -> None:
        self.batch = batch
        self.events = sum(len(append.events) for append in batch)
        self.settled = Event()
        self.outcomes: Sequence[Outcome] = ()
        self.error: BaseException | None = None
        self.leads = False


class GroupCommit:
    """A log whose appends are gathered while one is under way; implements the port `commands.ports.EventLog`.

    The first caller appends; whoever arrives meanwhile waits, and one of them takes the lead with everything that has gathered.
    Callers that were answered together come back almost together, so the next append waits for them a moment, `patience` times as long
    as the last one took at most: else the first of them would go alone, and all the others a whole append later.
    A caller that was answered alone waits for nobody.

    Each command keeps its own outcome, so one that conflicts never fails its neighbours.
    """

    def __init__(self, log: EventLog, *, patience: float = PATIENCE) -> None:
        self._log = log
        self._patience = patience
        self._lock = Condition()
        self._waiting: list[_Ticket] = []
        self._under_way = False
        self._answered = 1
        self._took_seconds = 0.0

    def append(self, batch: Sequence[Append]) -> Sequence[Outcome]:
        """Append a batch together with what others bring at the same time; return this batch's outcomes."""
        ticket = _Ticket(batch)
        with self._lock:
            self._waiting.append(ticket)
            if len(self._waiting) == self._answered:
                self._lock.notify()
            if not self._under_way:
                self._under_way = ticket.leads = True
                ticket.settled.set()
        ticket.settled.wait()
        if ticket.leads:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        return ticket.outcomes

    def _lead(self) -> None:
        """Append one group, then hand the lead to whoever waits."""
        group = self._take()
        began = time.monotonic()
        try:
            self._append_together(group)
        finally:
            with self._lock:
                self._answered, self._took_seconds = len(group), time.monotonic() - began
                if self._waiting:
                    self._waiting[0].leads = True
                    self._waiting[0].settled.set()
                else:
                    self._under_way = False
            for ticket in group:
                ticket.settled.set()

    def _append_together(self, group: Sequence[_Ticket]) -> None:
        try:
            outcomes = iter(self._log.append([append for ticket in group for append in ticket.batch]))
            for ticket in group:
                ticket.outcomes = [next(outcomes) for _ in ticket.batch]
        except Exception as error:  # noqa: BLE001 — it is handed to whoever brought the batch
            # A database that is gone is gone for all of them: trying each alone would only keep them waiting in a row.
            if len(group) == 1 or isinstance(error, OperationalError | InterfaceError):
                for ticket in group:
                    ticket.error = error
                return
            # Whatever one batch brought must not fail the others: alone, each gets its own error.
            for ticket in group:
                self._append_together([ticket])
        except BaseException:
            # The thread that leads is being ended. Whoever waits behind it must not take the silence for an answer.
            for ticket in group:
                if len(ticket.outcomes) != len(ticket.batch) and ticket.error is None:
                    ticket.error = OperationalError(
                        "the append was broken off; send the command again with the same key"
                    )
            raise

    def _take(self) -> list[_Ticket]:
        """Take as many waiting batches as one transaction holds, the first one in any case."""
        with self._lock:
            self._lock.wait_for(
                lambda: len(self._waiting) >= self._answered, self._patience * self._took_seconds
            )
            events, count = 0, 0
            for ticket in self._waiting:
                if count and events + ticket.events > MAX_EVENTS:
                    break
                events, count = events + ticket.events, count + 1
            group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    @property
    def is_simulated(self) -> bool:
        """Whether the time of this log is told by whoever appends."""
        return self._log.is_simulated

    def now(self) -> datetime:
        """Return the database's clock reading."""
        return self._log.now()

    def state(self, stream: str, fold: Callable[[Any, Iterable[Recorded]], State | None]) -> State | None:
        """Return the folded state of a stream."""
        return self._log.state(stream, fold)

    def forget(self, stream: str) -> None:
        """Take note that a stream has moved."""
        self._log.forget(stream)

    def remember(self, stream: str, state: object) -> None:
        """Put a state into the cache."""
        self._log.remember(stream, state)

    def absent(self, streams: Sequence[str]) -> frozenset[str]:
        """Return those of the streams that have no events."""
        return self._log.absent(streams)

    def stale(self, versions: Mapping[str, int]) -> frozenset[str]:
        """Return those of the streams that are further than the given version."""
        return self._log.stale(versions)

    def known_answers(self, client: str, keys: Sequence[str]) -> Mapping[str, KnownAnswer]:
        """Return what was answered before."""
        return self._log.known_answers(client, keys)

    def stream(self, stream: str) -> Sequence[Recorded]:
        """Return all events of a stream."""
        return self._log.stream(stream)

    def streams(self, streams: Sequence[str]) -> Mapping[str, Sequence[Recorded]]:
        """Return all events of several streams."""
        return self._log.streams(streams)

    def read(self, first_position: int, last_position: int) -> Sequence[Recorded]:
        """Return the events of a range of positions."""
        return self._log.read(first_position, last_position)

    def version_at(self, stream: str, position: int) -> int:
        """Return the version a stream had at a position."""
        return self._log.version_at(stream, position)
