"""The batch loop that keeps read models up with the log, with exactly-once effect."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.envelope import Recorded
from projections.ports import LogReader

BATCH = 2_000

Progress = Callable[[int, int], None]


class ReadModel(Protocol):
    """A rebuildable table (or several) derived from the log, without effects."""

    name: str

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Fold a batch of events into the tables, within the transaction that moves the cursor."""
        ...

    def clear(self, connection: Connection[Any]) -> None:
        """Empty the tables, before a rebuild."""
        ...


class CatchUp:
    """Brings read models to the head of the log: rows and position change in one transaction.

    A model is worked on by one process at a time (an advisory lock); the others see its work when it commits.
    """

    def __init__(self, pool: ConnectionPool[Any], log: LogReader, models: Sequence[ReadModel]) -> None:
        self._pool = pool
        self._log = log
        self._models = models

    def run(self, progress: Progress | None = None) -> int:
        """Bring every model to the head the log has now; return that position. `progress` gets (position, head)."""
        head = self._log.head()
        for model in self._models:
            while (position := self._step(model, head)) < head:
                if progress is not None:
                    progress(position, head)
        if progress is not None:
            progress(head, head)
        return head

    def rebuild(self, progress: Progress | None = None) -> int:
        """Make every model again from the first event."""
        with self._pool.connection() as connection, connection.transaction():
            for model in self._models:
                self._lock(connection, model)
                model.clear(connection)
                connection.execute("DELETE FROM dealtrail_read.cursors WHERE projection = %s", (model.name,))
        return self.run(progress)

    def positions(self) -> dict[str, int]:
        """Return how far each model is."""
        with self._pool.connection() as connection:
            rows = connection.execute("SELECT projection, position FROM dealtrail_read.cursors").fetchall()
        found = {row["projection"]: int(row["position"]) for row in rows}
        return {model.name: found.get(model.name, 0) for model in self._models}

    def _step(self, model: ReadModel, head: int) -> int:
        """Apply one batch; return the position reached."""
        with self._pool.connection() as connection, connection.transaction():
            self._lock(connection, model)
            row = connection.execute(
                "SELECT position FROM dealtrail_read.cursors WHERE projection = %s", (model.name,)
            ).fetchone()
            position = int(row["position"]) if row else 0
            if position >= head:
                return position
            events = self._log.after(position, BATCH, upto=head)
            model.apply(connection, events)
            reached = events[-1].position
            connection.execute(
                "INSERT INTO dealtrail_read.cursors VALUES (%s, %s) ON CONFLICT (projection) DO UPDATE SET position = excluded.position",
                (model.name, reached),
            )
            return reached

    @staticmethod
    def _lock(connection: Connection[Any], model: ReadModel) -> None:
        key = int.from_bytes(hashlib.sha256(model.name.encode()).digest()[:7], "big")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (key,))
