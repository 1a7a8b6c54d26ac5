"""What projections keep aside: counted by answers, put there by the batch loop, drained by a retry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from domain.envelope import Recorded
from projections.kinds import LogGap, Projection
from projections.poison import Failure, blames_the_event, describe
from projections.ports import LogReader


class Parked:
    """What answers say about it: `incomplete: n` is the number of parked records an answer touches."""

    @staticmethod
    def count(
        connection: Connection[Any], projection: str, kind: str | None = None, stream: str | None = None
    ) -> int:
        """Count the parked streams of a projection: all, those of a kind of record, or one. Ask in the snapshot of the answer."""
        row = connection.execute(
            "SELECT count(DISTINCT stream) AS streams FROM dealtrail_read.parked WHERE projection = %s"
            " AND (%s::text IS NULL OR starts_with(stream, %s || '/')) AND (%s::text IS NULL OR stream = %s)",
            (projection, kind, kind, stream, stream),
        ).fetchone()
        assert row is not None
        return int(row["streams"])

    @staticmethod
    def among(connection: Connection[Any], projection: str, streams: Sequence[str]) -> frozenset[str]:
        """Return those of the streams that are parked in a projection."""
        rows = connection.execute(
            "SELECT DISTINCT stream FROM dealtrail_read.parked WHERE projection = %s AND stream = ANY(%s)",
            (projection, list(streams)),
        ).fetchall()
        return frozenset(row["stream"] for row in rows)


@dataclass(frozen=True, slots=True)
class Retried:
    """What a retry did in one projection."""

    projection: str
    streams_drained: int
    streams_still_parked: int
    restarted: bool
    """Whether it had stopped, and was allowed to go on."""


# The names below have no schema: the batch loop, and a build beside it, each set the schema they work in.


def streams_parked(
    connection: Connection[Any], projection: Projection, streams: Iterable[str]
) -> frozenset[str]:
    """Return those of the streams that are kept aside."""
    rows = connection.execute(
        "SELECT DISTINCT stream FROM parked WHERE projection = %s AND stream = ANY(%s)",
        (projection.name, list(set(streams))),
    ).fetchall()
    return frozenset(row["stream"] for row in rows)


def keep_aside(
    connection: Connection[Any],
    projection: Projection,
    events: Sequence[Recorded],
    failed: Iterable[Failure],
) -> None:
    """Put events aside; those that were tried have their error, those behind them have none."""
    errors = {failure.event.position: failure.error for failure in failed}
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO parked (projection, stream, position, error, attempts, first_failed_at) VALUES (%s, %s, %s, %s, %s, clock_timestamp())",
            [
                (
                    projection.name,
                    recorded.stream,
                    recorded.position,
                    errors.get(recorded.position),
                    int(recorded.position in errors),
                )
                for recorded in events
            ],
        )


def parked_streams(connection: Connection[Any], projection: Projection) -> list[str]:
    """Return the streams that are kept aside, in the order in which they were parked."""
    rows = connection.execute(
        "SELECT stream FROM parked WHERE projection = %s GROUP BY stream ORDER BY min(position)",
        (projection.name,),
    ).fetchall()
    return [row["stream"] for row in rows]


def drain(connection: Connection[Any], log: LogReader, projection: Projection, stream: str) -> bool:
    """Apply the parked events of a stream in order, up to the first that fails again; tell whether the stream is free."""
    rows = connection.execute(
        "SELECT position FROM parked WHERE projection = %s AND stream = %s ORDER BY position",
        (projection.name, stream),
    ).fetchall()
    positions = [row["position"] for row in rows]
    by_position = {recorded.position: recorded for recorded in log.stream(stream)} if positions else {}
    for position in positions:
        if position not in by_position:
            raise LogGap(f"the log has no event of the stream {stream!r} at position {position:,} any more")
        recorded = by_position[position]
        try:
            with connection.transaction():
                projection.apply(connection, [recorded])
        except Exception as error:
            if not blames_the_event(error, connection):
                raise
            connection.execute(
                "UPDATE parked SET error = %s, attempts = attempts + 1 WHERE projection = %s AND stream = %s AND position = %s",
                (describe(error, recorded), projection.name, stream, position),
            )
            return False
        connection.execute(
            "DELETE FROM parked WHERE projection = %s AND stream = %s AND position = %s",
            (projection.name, stream, position),
        )
    return True
