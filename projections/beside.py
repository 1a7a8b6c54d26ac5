"""Making the tables of a projection again beside the live ones, then putting them in their place in one transaction.

The build works in temporary tables like the live ones: a build that dies leaves nothing behind,
needs no right the application role lacks (it may create no lasting tables, and should not be able to), and writes no WAL until it counts.
The price: a build that is interrupted begins again.

The live tables are not dropped for the new ones: their rows are made equal to them, by the primary key, only where they differ.
A reader with a snapshot from before would find a table that was truncated or took another's name empty; this way each reader
sees the old rows or the new ones, never fewer, and views and grants on the tables stay.
A rebuild under unchanged rules writes next to nothing; a new version that changes every row writes every row once more.
"""

from collections.abc import Callable
from typing import Any

from psycopg import Connection
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Composable, Identifier, Literal

from projections import batch
from projections.batch import LIVE, Cursor, Failpoint, Positions, nothing
from projections.kinds import BuildRefused, Rebuildable

Progress = Callable[[int, int], None]

TEMPORARY = "pg_temp"
_OWN = ("cursors", "parked")


def build(
    connection: Connection[Any],
    log: Positions,
    projection: Rebuildable,
    *,
    progress: Progress | None = None,
    failpoint: Failpoint = nothing,
    only_if_older: bool = False,
    wait: bool = True,
) -> Cursor:
    """Make a projection from the first event and swap it in; return how far it is then. The live tables are followed meanwhile.

    `only_if_older` leaves alone what another process has already brought to this version;
    without `wait`, also what another process is building now.
    Raises BuildRefused, and keeps the live tables, when an event of a governing stream fails or more records are parked than before.
    """
    key = batch.key_of(projection, " is built")
    if not _is_our_turn(connection, key, wait=wait):
        return _live(connection, projection)
    try:
        live = _live(connection, projection)
        if only_if_older and live.version >= projection.version:
            return live
        _make_tables(connection, projection)
        _fill(connection, log, projection, progress)
        return _swap(connection, log, projection, failpoint)
    finally:
        if not connection.closed:
            connection.execute("DISCARD TEMPORARY")
            connection.execute("SELECT pg_advisory_unlock(%s)", (key,))


def _is_our_turn(connection: Connection[Any], key: int, *, wait: bool) -> bool:
    """Be the only one to build, if need be after the others. Held by the session: a build is many transactions."""
    if wait:
        connection.execute("SELECT pg_advisory_lock(%s)", (key,))
        return True
    row = connection.execute("SELECT pg_try_advisory_lock(%s) AS ours", (key,)).fetchone()
    return bool(row and row["ours"])


def _live(connection: Connection[Any], projection: Rebuildable) -> Cursor:
    with connection.transaction():
        return batch.take_turn(connection, projection)


def _make_tables(connection: Connection[Any], projection: Rebuildable) -> None:
    for table in (*projection.tables, *_OWN):
        if table in projection.tables and not _columns(connection, table, key_only=True):
            raise BuildRefused(
                f"the table {table!r} of {projection.name!r} has no primary key to compare it by"
            )
        like_it = SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
            Identifier(TEMPORARY, table), Identifier(LIVE, table)
        )
        try:
            connection.execute(like_it)
        except InsufficientPrivilege:
            raise BuildRefused(
                f"the role {connection.info.user!r} may not make temporary tables, in which {projection.name!r} is built:"
                f" GRANT TEMPORARY ON DATABASE {connection.info.dbname} TO {connection.info.user}"
            ) from None


def _fill(
    connection: Connection[Any], log: Positions, projection: Rebuildable, progress: Progress | None
) -> None:
    """Bring the build to the head the log has by then."""
    while True:
        head = log.head()
        reached = _further(connection, log, projection, head)
        if progress is not None:
            progress(reached, head)
        if reached >= head:
            return


def _further(connection: Connection[Any], log: Positions, projection: Rebuildable, head: int) -> int:
    """Handle one more batch; return the position reached."""
    with connection.transaction():
        # Temporary tables may still be written. A handler that names the live ones is found out, instead of writing to them twice.
        connection.execute("SET TRANSACTION READ ONLY")
        batch.work_in(connection, TEMPORARY)
        cursor = batch.cursor_of(connection, projection)
        if cursor.position < head:
            cursor = batch.advance(connection, log, projection, cursor, head)
    if cursor.stopped_why is not None:
        raise BuildRefused(
            f"{projection.name!r} cannot be built: {cursor.stopped_why}. The live tables stay as they are."
        )
    return cursor.position


def _swap(
    connection: Connection[Any], log: Positions, projection: Rebuildable, failpoint: Failpoint
) -> Cursor:
    """Put the build in the place of the live rows, while nobody works on them."""
    for table in projection.tables:
        connection.execute(SQL("ANALYZE {}").format(Identifier(TEMPORARY, table)))
    with connection.transaction():
        batch.take_turn(connection, projection)
        head = log.head()
        while _further(connection, log, projection, head) < head:
            pass
        _refuse_more_parked(connection, projection)
        failpoint("before_swap")
        for table in projection.tables:
            _make_equal(connection, table)
        parked = {"live": Identifier(LIVE, "parked"), "built": Identifier(TEMPORARY, "parked")}
        connection.execute(
            SQL("DELETE FROM {live} WHERE projection = %s").format(**parked), (projection.name,)
        )
        connection.execute(SQL("INSERT INTO {live} SELECT * FROM {built}").format(**parked))
        batch.work_in(connection, LIVE)
        after = batch.move_cursor(connection, projection, head)
        failpoint("before_swap_commit")
    return after


def _refuse_more_parked(connection: Connection[Any], projection: Rebuildable) -> None:
    row = connection.execute(
        "SELECT (SELECT count(DISTINCT stream) FROM pg_temp.parked) AS built,"
        " (SELECT count(DISTINCT stream) FROM dealtrail_read.parked WHERE projection = %s) AS live,"
        " (SELECT min(error) FROM pg_temp.parked) AS error",
        (projection.name,),
    ).fetchone()
    assert row is not None
    if row["built"] > row["live"]:
        raise BuildRefused(
            f"{projection.name!r} made again would lack {row['built']:,} records, the live one lacks {row['live']:,}"
            f" ({row['error']}). The live tables stay as they are."
        )


def _make_equal(connection: Connection[Any], table: str) -> None:
    """Make a live table hold exactly the rows of the one built, touching only those that differ."""
    names = {"live": Identifier(LIVE, table), "built": Identifier(TEMPORARY, table)}
    same_key = SQL(" AND ").join(
        SQL("b.{0} = l.{0}").format(Identifier(column))
        for column in _columns(connection, table, key_only=True)
    )
    columns: Composable = SQL(", ").join(map(Identifier, _columns(connection, table)))
    connection.execute(
        SQL(
            "DELETE FROM {live} l WHERE NOT EXISTS (SELECT FROM {built} b WHERE {same_key} AND b *= l)"
        ).format(same_key=same_key, **names)
    )
    connection.execute(
        SQL(
            "INSERT INTO {live} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {built} b"
            " WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same_key})"
        ).format(same_key=same_key, columns=columns, **names)
    )


def _columns(connection: Connection[Any], table: str, *, key_only: bool = False) -> list[str]:
    """Return the columns of a table that can be written, or those of its primary key."""
    rows = connection.execute(
        SQL(
            "SELECT a.attname AS name FROM pg_attribute a WHERE a.attrelid = {table}::regclass AND a.attnum > 0 AND NOT a.attisdropped"
            " AND a.attgenerated = '' AND (NOT {key_only} OR a.attnum = ANY ((SELECT i.indkey FROM pg_index i"
            " WHERE i.indrelid = a.attrelid AND i.indisprimary)::int2[])) ORDER BY a.attnum"
        ).format(table=Literal(f'{LIVE}."{table}"'), key_only=Literal(key_only))
    ).fetchall()
    return [row["name"] for row in rows]
