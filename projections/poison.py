"""Events whose handling fails: found within their batch, described without their values, kept aside with their stream."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from domain.envelope import Recorded
from projections.kinds import GOVERNING_STREAMS, NotNow, Projection

_OURS = ("domain", "commands", "projections", "consumers", "read_api", "infra")

_NOT_OF_THE_EVENT = (
    NotNow,
    MemoryError,
    psycopg.OperationalError,  # the connection, the server, a deadlock, a time limit, a full disk
    psycopg.InterfaceError,
    psycopg.InternalError,
    psycopg.ProgrammingError,  # a missing table, column or right fails for every event alike
)


def blames_the_event(error: Exception, connection: Connection[Any]) -> bool:
    """Tell whether an error of a handler is the event's fault, so that trying again later would not help."""
    return not (isinstance(error, _NOT_OF_THE_EVENT) or connection.closed or connection.broken)


def describe(error: BaseException, event: Recorded | None = None) -> str:
    """Say what went wrong and where, without a word of the message: it may repeat what is personal."""
    frames = [
        (frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    ours = [place for place in frames if place[0].split(".")[0] in _OURS and place[0] != Sieve.__module__]
    said = type(error).__name__
    if isinstance(error, psycopg.Error) and error.sqlstate:
        about = [error.sqlstate, error.diag.table_name, error.diag.column_name, error.diag.constraint_name]
        said += f" ({', '.join(part for part in about if part)})"
    # The innermost place in our own code: the handler rather than the driver it called, or the sieve that called it.
    for module, line in (ours or frames)[-1:]:
        said += f" in {module}:{line}"
    return said if event is None else f"{said}, on {event.event.TOPIC}"


@dataclass(frozen=True, slots=True)
class Failure:
    """An event whose handling failed, and why."""

    event: Recorded
    error: str


class Sieve:
    """Applies a batch and holds back what fails, in few attempts: a batch that fails is halved until the event is found.

    Afterwards `failed` has the first event of each stream that failed, and `stopped_by` the event of a governing stream that did:
    nothing after it was applied.
    """

    def __init__(self, connection: Connection[Any], projection: Projection, parked: frozenset[str]) -> None:
        self._connection = connection
        self._projection = projection
        self._parked = parked
        self.failed: dict[str, Failure] = {}
        self.stopped_by: Failure | None = None

    def apply(self, events: Sequence[Recorded]) -> None:
        """Apply the events whose streams are not parked."""
        taken = [recorded for recorded in events if not self._is_aside(recorded.stream)]
        if not taken or self.stopped_by is not None:
            return
        try:
            with self._connection.transaction():
                self._projection.apply(self._connection, taken)
        except Exception as error:
            if not blames_the_event(error, self._connection):
                raise
            if len(taken) == 1:
                self._hold_back(Failure(taken[0], describe(error, taken[0])))
                return
            middle = len(taken) // 2
            self.apply(taken[:middle])
            self.apply(taken[middle:])

    def kept_aside(self, events: Sequence[Recorded]) -> list[Recorded]:
        """Return the events of a batch that were not applied because they, or one before them in their stream, failed."""
        end = self.stopped_by.event.position if self.stopped_by else None
        return [
            recorded
            for recorded in events
            if (end is None or recorded.position < end)
            and (
                recorded.stream in self._parked
                or (
                    recorded.stream in self.failed
                    and recorded.position >= self.failed[recorded.stream].event.position
                )
            )
        ]

    def _is_aside(self, stream: str) -> bool:
        return stream in self._parked or stream in self.failed

    def _hold_back(self, failure: Failure) -> None:
        if failure.event.stream in GOVERNING_STREAMS:
            self.stopped_by = failure
        else:
            self.failed[failure.event.stream] = failure
