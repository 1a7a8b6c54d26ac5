"""The three kinds of projection, kept apart by type, and what their handlers may raise."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from domain.envelope import Recorded
from domain.naming import ERASURES_STREAM, LOG_STREAM, ORGANISATION_STREAM, PLAYBOOKS_STREAM

GOVERNING_STREAMS = frozenset({PLAYBOOKS_STREAM, ORGANISATION_STREAM, ERASURES_STREAM, LOG_STREAM})
"""Streams that everything else rests on. An event of theirs that fails stops the projection: kept aside, it would make every later answer wrong."""


class Projection(ABC):
    """Something derived from the log by handling its events in order; say which by one of the three kinds below.

    Handlers keep nothing between two calls: a batch that failed is undone in the database and handled again in parts.
    """

    name: str
    version: int = 1
    """Raise it when the rules change by which the events are handled."""

    @abstractmethod
    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Handle a batch of events, within the transaction that moves the cursor.

        Tables of its own are named without a schema, so that the same handler can build beside the live tables.
        Whatever is raised is the fault of an event, and parks its record, unless `blames_the_event` says otherwise.
        """
        ...


class Rebuildable(Projection):
    """A projection whose tables can be made again from the first event: what they hold is nowhere else an effect.

    `tables` names them, in the schema `dealtrail_read`; each has a primary key.
    """

    tables: tuple[str, ...]


class ReadModel(Rebuildable):
    """Tables that answers are read from, without any effect."""


class TimerTable(Rebuildable):
    """Deadlines that are armed, one row each. Made again they fire again, so firing has to be idempotent."""


class Process(Projection):
    """A projection that acts on the world, for example by issuing commands.

    Its cursor never rewinds and it is never built beside itself: that would act twice. A new version goes on where the old one was.
    A handler whose transaction is lost after it acted is called again with the same events: what it does has a key derived from the event.
    """


class NotNow(Exception):
    """A handler cannot go on for a reason that has nothing to do with the event: nothing is parked, the batch is tried again later."""


class ProjectionError(RuntimeError):
    """Something about a projection that somebody has to look at; the message says what to do."""


class LogGap(ProjectionError):
    """The log lacks a position it must have. It was damaged, cut or restored: no projection goes on over that."""


class NeverRebuilt(ProjectionError):
    """A process was asked to begin again from the first event."""


class BuildRefused(ProjectionError):
    """What was built beside the live tables is worse than they are, so they stay."""


class UnknownProjection(ProjectionError):
    """There is no projection of this name."""
