"""The batch loop that keeps projections up with the log, with exactly-once effect."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.envelope import Recorded
from domain.naming import nearest
from projections import batch, parked
from projections.batch import Cursor, Failpoint, Positions, nothing
from projections.beside import build
from projections.kinds import LogGap, NeverRebuilt, Process, Projection, Rebuildable, UnknownProjection
from projections.parked import Retried
from projections.ports import LogReader
from projections.standing import Standing, standings

Progress = Callable[[int, int], None]


class CatchUp:
    """Brings projections to the head of the log: rows and position change in one transaction.

    A projection is worked on by one process at a time (an advisory lock for each batch);
    the others see its work when it commits. Who leads is the follower's business: correctness does not depend on it.
    """

    def __init__(
        self,
        pool: ConnectionPool[Any],
        log: LogReader,
        projections: Sequence[Projection],
        *,
        failpoint: Failpoint = nothing,
    ) -> None:
        for projection in projections:
            if not isinstance(projection, Rebuildable | Process):
                raise TypeError(f"{projection!r} is neither a ReadModel, nor a TimerTable, nor a Process")
        self.projections = tuple(projections)
        self._pool = pool
        self._log = log
        self._failpoint = failpoint

    def run(self, progress: Progress | None = None, *, processes: bool = True) -> int:
        """Bring every projection to the head the log has now; return that position. `progress` gets (position, head).

        Without `processes` nothing acts: whoever only wants to read must not assign leads or write to people by it.
        One that has stopped stays where it is: `status` says why. Raises LogGap when the log lacks a position.
        """
        head = self._log.head()
        shared = _LastRead(self._log)
        behind = [
            projection for projection in self.projections if processes or not isinstance(projection, Process)
        ]
        while behind:
            reached = {projection: self._bring(projection, shared, head, progress) for projection in behind}
            behind = [
                projection
                for projection, cursor in reached.items()
                if cursor.position < head
                and cursor.stopped_why is None
                and cursor.version <= projection.version
            ]
            if progress is not None and behind:
                progress(min(reached[projection].position for projection in behind), head)
        if progress is not None:
            progress(head, head)
        return head

    def step(self, projection: Projection, connection: Connection[Any], log: Positions, head: int) -> Cursor:
        """Handle one batch of a projection, unless it has stopped or its live tables have another version; return how far it is."""
        try:
            with connection.transaction():
                cursor = batch.take_turn(connection, projection)
                if isinstance(projection, Process) and cursor.version < projection.version:
                    cursor = batch.move_cursor(connection, projection, cursor.position)
                if cursor.stopped_why is not None or cursor.version != projection.version:
                    return cursor
                if cursor.position >= head:
                    _refuse_a_cut_log(projection, cursor, head, log)
                    return cursor
                cursor = batch.advance(connection, log, projection, cursor, head, self._failpoint)
        except LogGap as gap:
            self._stop(projection, connection, str(gap))
            raise
        self._failpoint("after_commit")
        return cursor

    def renew(
        self,
        projection: Rebuildable,
        connection: Connection[Any],
        log: Positions,
        progress: Progress | None = None,
        *,
        wait: bool = True,
    ) -> Cursor:
        """Build the version of this program beside live tables of an older one, and swap it in; return how far the live one is.

        Without `wait` it is left to another process that is building it already.
        """
        return build(
            connection,
            log,
            projection,
            progress=progress,
            failpoint=self._failpoint,
            only_if_older=True,
            wait=wait,
        )

    def rebuild(self, progress: Progress | None = None, name: str | None = None) -> int:
        """Make one rebuildable projection, or all, again from the first event, beside the live tables; return the position reached.

        Raises NeverRebuilt for a process, and BuildRefused when what was built is worse than what is live.
        """
        chosen = self._named(name)
        if name is not None and not isinstance(chosen[0], Rebuildable):
            raise NeverRebuilt(
                f"{name!r} is a process: it has acted on what it has read, and would act again. It goes on from where it is."
            )
        for projection in chosen:
            if isinstance(projection, Rebuildable):
                with self._connection() as connection:
                    build(connection, self._log, projection, progress=progress, failpoint=self._failpoint)
        return self.run(progress)

    def retry(self, name: str | None = None) -> list[Retried]:
        """Let stopped projections go on, and drain parked streams in order; what fails again stays parked."""
        return [self._retry(projection) for projection in self._named(name)]

    def positions(self) -> dict[str, int]:
        """Return how far each projection is."""
        with self._connection() as connection:
            rows = connection.execute("SELECT projection, position FROM dealtrail_read.cursors").fetchall()
        found = {row["projection"]: int(row["position"]) for row in rows}
        return {projection.name: found.get(projection.name, 0) for projection in self.projections}

    def status(self, connection: Connection[Any] | None = None) -> list[Standing]:
        """Return where each projection stands, as the database knows it."""
        if connection is not None:
            return standings(connection, self.projections)
        with self._connection() as own:
            return standings(own, self.projections)

    def _bring(self, projection: Projection, log: Positions, head: int, progress: Progress | None) -> Cursor:
        with self._connection() as connection:
            cursor = self.step(projection, connection, log, head)
            if cursor.version < projection.version and isinstance(projection, Rebuildable):
                return self.renew(projection, connection, self._log, progress)
            return cursor

    def _retry(self, projection: Projection) -> Retried:
        with self._connection() as connection:
            with connection.transaction():
                cursor = batch.take_turn(connection, projection)
                if cursor.stopped_why is not None:
                    connection.execute(
                        "UPDATE cursors SET stopped_why = NULL, stopped_position = NULL, stopped_at = NULL WHERE projection = %s",
                        (projection.name,),
                    )
                streams = parked.parked_streams(connection, projection)
            drained = 0
            for stream in streams:
                with connection.transaction():
                    batch.take_turn(connection, projection)
                    drained += parked.drain(connection, self._log, projection, stream)
        return Retried(projection.name, drained, len(streams) - drained, cursor.stopped_why is not None)

    def _stop(self, projection: Projection, connection: Connection[Any], why: str) -> None:
        with connection.transaction():
            cursor = batch.take_turn(connection, projection)
            batch.move_cursor(connection, projection, cursor.position, why)

    def _named(self, name: str | None) -> list[Projection]:
        chosen = [projection for projection in self.projections if name in (None, projection.name)]
        if not chosen and name is not None:
            names = [projection.name for projection in self.projections]
            near = nearest(name, names)
            hint = f"; did you mean {near!r}?" if near else f". There are {', '.join(names)}."
            raise UnknownProjection(f"there is no projection {name!r}{hint}")
        return chosen

    @contextmanager
    def _connection(self) -> Iterator[Connection[Any]]:
        with self._pool.connection() as connection:
            yield connection


class _LastRead:
    """A log that remembers its last answer: projections that keep pace share one reading of each batch."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._asked: tuple[int, int, int | None] | None = None
        self._answer: list[Recorded] = []

    def head(self) -> int:
        """Return the last position."""
        return self._log.head()

    def after(self, position: int, limit: int, *, upto: int | None = None) -> list[Recorded]:
        """Return up to `limit` events after a position."""
        asked = (position, limit, upto)
        if asked != self._asked:
            self._answer = self._log.after(position, limit, upto=upto)
            self._asked = asked
        return self._answer


def _refuse_a_cut_log(projection: Projection, cursor: Cursor, head: int, log: Positions) -> None:
    if cursor.position > head and cursor.position > (ends_at := log.head()):
        raise LogGap(
            f"{projection.name!r} has handled position {cursor.position:,}, but the log ends at {ends_at:,}:"
            " it was cut or restored. Compare it with a witness, then `dealtrail rebuild`."
        )
