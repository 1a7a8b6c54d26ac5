"""What whoever acts on the log reads of the read models: records as of an event, and how far the models are."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeAlias

from psycopg import Connection

from domain.record.state import Record
from domain.values import moment_text
from projections.record_versions import record_of

Connected: TypeAlias = Connection[Any]
Connections: TypeAlias = Callable[[], AbstractContextManager[Connection[Any]]]
"""Lends a connection for as long as a block runs."""

_UNTOUCHED = """
SELECT stream, position FROM dealtrail_read.current_records
WHERE kind = %(kind)s AND owner IS NOT NULL AND (stage IS NULL OR stage <> ALL(%(ended)s))
  AND NOT jsonb_path_exists(record -> 'touches', '$[*] ? (@.at > $since)', jsonb_build_object('since', %(since)s::text))
ORDER BY stream COLLATE "C"
"""


def position_of(connection: Connected, projection: str) -> int:
    """Return how far a projection is, 0 where it has not begun."""
    row = connection.execute(
        "SELECT position FROM dealtrail_read.cursors WHERE projection = %s", (projection,)
    ).fetchone()
    return 0 if row is None else int(row["position"])


def record_at(connection: Connected, stream: str, position: int) -> Record | None:
    """Return a record as it stood right after an event, its touches left out; None where it was not there yet."""
    row = connection.execute(
        "SELECT record FROM dealtrail_read.record_versions WHERE stream = %s AND from_position <= %s"
        " ORDER BY from_position DESC LIMIT 1",
        (stream, position),
    ).fetchone()
    return None if row is None else record_of(row["record"])


def ownerless_at(connection: Connected, streams: Sequence[str], position: int) -> list[Record]:
    """Return those of some records nobody owned right after an event, in the order given, their touches left out."""
    rows = connection.execute(
        "SELECT stream, record FROM dealtrail_read.record_versions WHERE stream = ANY(%(streams)s)"
        " AND from_position <= %(position)s AND coalesce(until_position, 9223372036854775807) > %(position)s"
        " AND record ->> 'owner' IS NULL",
        {"streams": list(streams), "position": position},
    ).fetchall()
    found = {row["stream"]: record_of(row["record"]) for row in rows}
    return [found[stream] for stream in streams if stream in found]


def untouched(
    connection: Connected, kind: str, since: datetime, ended: Collection[str]
) -> list[tuple[str, int]]:
    """Return the records somebody owns without a touch after a moment, each with the position of its last event.

    What stands in one of the steps in which records have `ended` is left out.
    """
    asked = {"kind": kind, "since": moment_text(since), "ended": sorted(ended)}
    return [(row["stream"], int(row["position"])) for row in connection.execute(_UNTOUCHED, asked).fetchall()]
