"""The read model of every version of every record: lists as of any position are one query over it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg import Connection

from domain.envelope import Recorded
from domain.events import MoveRefused
from domain.record.state import Record, evolve, from_json, to_json
from domain.values import moment_text
from projections.kinds import ReadModel
from projections.topics import RECORD_TOPICS

_LAST_ONLY = ("touches", "work", "forks", "approvals")
"""What only the last version keeps: kept with every version, it would grow with the square of its length."""

_COLUMNS = "stream, kind, from_position, until_position, touches, last_touch_at, record"


@dataclass(frozen=True, slots=True)
class Version:
    """A record as it stood from one position on, until the next of its events (None: it still stands so)."""

    record: Record
    from_position: int
    until_position: int | None

    @property
    def last_touch_at(self) -> str | None:
        """When somebody was last in touch, as far as that is known."""
        moments = [touch.at for touch in self.record.touches if touch.at is not None]
        return moment_text(max(moments)) if moments else None

    @property
    def stored(self) -> dict[str, Any]:
        """The record as the table keeps it: what is over keeps no list of touches, and nothing of its work."""
        told = to_json(self.record)
        return told if self.until_position is None else {n: v for n, v in told.items() if n not in _LAST_ONLY}


def versions_of(before: Mapping[str, Record], events: Iterable[Recorded]) -> Iterator[Version]:
    """Fold events in log order into versions; `before` holds the records as they stood before the first of them.

    Each event of a record makes a version, which holds until the record's next event.
    """
    standing = dict(before)
    open_since: dict[str, int] = {}
    for recorded in events:
        if recorded.event.TOPIC not in RECORD_TOPICS:
            continue
        stream = recorded.stream
        if stream in open_since:
            yield Version(standing[stream], open_since[stream], recorded.position)
        standing[stream] = evolve(standing.get(stream), recorded)
        open_since[stream] = recorded.position
    for stream, position in open_since.items():
        yield Version(standing[stream], position, None)


class RecordVersions(ReadModel):
    """One row a version of a record, personal values sealed; and where the refused attempts on a record lie."""

    name = "record_versions"
    version = 2  # approvals know which fields changed since they were asked
    tables = ("record_versions", "refused_attempts")

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Add the versions a batch of events makes, and end those it replaces."""
        firsts: dict[str, int] = {}
        for recorded in events:
            if recorded.event.TOPIC in RECORD_TOPICS:
                firsts.setdefault(recorded.stream, recorded.position)
        if firsts:
            before = self._end(connection, firsts)
            _copy(connection, versions_of(before, events))
        refused = [
            (recorded.event.record, recorded.position, recorded.stream)
            for recorded in events
            if isinstance(recorded.event, MoveRefused)
        ]
        if refused:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO refused_attempts (record, position, stream) VALUES (%s, %s, %s)",
                    refused,
                )

    @staticmethod
    def _end(connection: Connection[Any], firsts: Mapping[str, int]) -> dict[str, Record]:
        """End the standing versions of records at the positions of their next events; return the records they held."""
        rows = connection.execute(
            "WITH moved AS (SELECT * FROM unnest(%s::text[], %s::bigint[]) AS m (stream, position)),"
            " standing AS (SELECT v.stream, v.from_position, v.record, m.position"
            "   FROM record_versions v JOIN moved m ON m.stream = v.stream WHERE v.until_position IS NULL),"
            " ended AS (UPDATE record_versions v SET until_position = s.position, record = v.record - %s::text[]"
            "   FROM standing s WHERE v.stream = s.stream AND v.from_position = s.from_position)"
            " SELECT stream, record FROM standing",
            (list(firsts), list(firsts.values()), list(_LAST_ONLY)),
        ).fetchall()
        return {row["stream"]: from_json(row["record"]) for row in rows}


def _copy(connection: Connection[Any], versions: Iterable[Version]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY record_versions ({_COLUMNS}) FROM STDIN") as copy,
    ):
        for version in versions:
            copy.write_row(row_of(version))


def row_of(version: Version) -> tuple[Any, ...]:
    """Return a version as a row of the table."""
    record = version.record
    return (
        record.stream,
        record.kind,
        version.from_position,
        version.until_position,
        len(record.touches),
        version.last_touch_at,
        orjson.dumps(version.stored).decode(),
    )


def record_of(stored: Mapping[str, Any]) -> Record:
    """Return the record a row holds; its touches only when it is the last version."""
    return from_json({"touches": [], **stored})
