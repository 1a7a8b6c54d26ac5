"""One batch of one projection: rows, what is kept aside and the cursor change in one transaction."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from psycopg import Connection

from domain.envelope import Recorded
from projections import parked
from projections.kinds import LogGap, Projection
from projections.poison import Sieve

BATCH = 2_000

LIVE = "dealtrail_read"
"""The schema that answers are read from."""

Failpoint = Callable[[str], None]
FAILPOINTS = ("after_read", "after_apply", "before_cursor", "before_commit", "after_commit")
"""Where a test may kill the loop; each name is passed to the failpoint when that place is reached."""


def nothing(_: str) -> None:
    """Fail nowhere."""


class Positions(Protocol):
    """The log as the batch loop reads it: by position only."""

    def head(self) -> int:
        """Return the last position."""
        ...

    def after(self, position: int, limit: int, *, upto: int | None = None) -> list[Recorded]:
        """Return up to `limit` events after a position, in the order of the log."""
        ...


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a projection is, by which version of it; `stopped_why` says why it goes no further."""

    position: int
    version: int
    stopped_why: str | None = None


def key_of(projection: Projection, what: str = "") -> int:
    """Return the key of an advisory lock of a projection: without `what`, the one for working on it."""
    return int.from_bytes(hashlib.sha256(f"{projection.name}{what}".encode()).digest()[:7], "big")


def work_in(connection: Connection[Any], schema: str) -> None:
    """Let names without a schema mean those of one schema, until the transaction ends."""
    # Unless it is named, the schema of temporary tables comes first.
    path = schema if schema == "pg_temp" else f"{schema}, pg_temp"
    connection.execute("SELECT set_config('search_path', %s, true)", (path,))


def take_turn(connection: Connection[Any], projection: Projection) -> Cursor:
    """Be the only one to work on the live tables of a projection until the transaction ends; return how far it is."""
    connection.execute(
        "SELECT set_config('search_path', %s, true), pg_advisory_xact_lock(%s)",
        (f"{LIVE}, pg_temp", key_of(projection)),
    )
    # Only now: what the one before us committed is not seen by the statement that waited for it.
    return cursor_of(connection, projection)


def cursor_of(connection: Connection[Any], projection: Projection) -> Cursor:
    """Return how far a projection is in the schema worked in."""
    row = connection.execute(
        "SELECT position, version, stopped_why FROM cursors WHERE projection = %s", (projection.name,)
    ).fetchone()
    if row is None:
        return Cursor(0, projection.version)
    return Cursor(int(row["position"]), int(row["version"]), row["stopped_why"])


def move_cursor(
    connection: Connection[Any],
    projection: Projection,
    position: int,
    stopped_why: str | None = None,
    stopped_position: int | None = None,
) -> Cursor:
    """Say how far a projection is now, and why it goes no further if it does not."""
    connection.execute(
        "INSERT INTO cursors (projection, position, version, stopped_why, stopped_position, stopped_at)"
        " VALUES (%(name)s, %(position)s, %(version)s, %(why)s, %(at)s, CASE WHEN %(why)s::text IS NOT NULL THEN clock_timestamp() END)"
        " ON CONFLICT (projection) DO UPDATE SET position = excluded.position, version = excluded.version,"
        " stopped_why = excluded.stopped_why, stopped_position = excluded.stopped_position, stopped_at = excluded.stopped_at",
        {
            "name": projection.name,
            "position": position,
            "version": projection.version,
            "why": stopped_why,
            "at": stopped_position,
        },
    )
    return Cursor(position, projection.version, stopped_why)


def advance(
    connection: Connection[Any],
    log: Positions,
    projection: Projection,
    cursor: Cursor,
    head: int,
    failpoint: Failpoint = nothing,
) -> Cursor:
    """Handle one batch within the transaction and the schema worked in; return how far the projection is then."""
    events = log.after(cursor.position, BATCH, upto=head)
    failpoint("after_read")
    _refuse_a_gap(cursor.position, head, events)
    parked_before = parked.streams_parked(connection, projection, (recorded.stream for recorded in events))
    sieve = Sieve(connection, projection, parked_before)
    sieve.apply(events)
    failpoint("after_apply")
    if aside := sieve.kept_aside(events):
        parked.keep_aside(connection, projection, aside, sieve.failed.values())
    failpoint("before_cursor")
    if (failure := sieve.stopped_by) is not None:
        at = failure.event.position
        moved = move_cursor(connection, projection, at - 1, f"{failure.error}, at position {at}", at)
    else:
        moved = move_cursor(connection, projection, events[-1].position)
    failpoint("before_commit")
    return moved


def _refuse_a_gap(position: int, head: int, events: list[Recorded]) -> None:
    """Positions follow each other without a gap: they are given under the lock of the append, not by a sequence."""
    expected = position + 1
    for recorded in events:
        if recorded.position != expected:
            break
        expected += 1
    else:
        if events or position >= head:
            return
    raise LogGap(
        f"the log has no event at position {expected:,} although it ends at {head:,}: run `dealtrail verify`, and restore the log from a backup"
    )
