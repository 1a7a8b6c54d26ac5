"""The log read by position over one connection that its user keeps."""

from typing import Any

from psycopg import Connection
from psycopg.sql import SQL

from domain.envelope import Recorded
from infra.log.rows import EVENT_COLUMNS, to_recorded, to_row

_AFTER = SQL(
    "SELECT {columns} FROM dealtrail.events WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id LIMIT %s"
).format(columns=SQL(", ".join(EVENT_COLUMNS)))
_LAST = 2**63 - 1


class LogTail:
    """Reads where its connection stands, within its transaction if one is open. Implements `projections.batch.Positions`.

    It needs no pool: after an outage a pool waits longer and longer before it connects again, and whoever follows the log cannot.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def head(self) -> int:
        """Return the last position, 0 in an empty log."""
        row = self._connection.execute(
            "SELECT coalesce(max(notification_id), 0) AS head FROM dealtrail.events"
        ).fetchone()
        assert row is not None
        return int(row["head"])

    def after(self, position: int, limit: int, *, upto: int | None = None) -> list[Recorded]:
        """Return up to `limit` events after a position, in the order of the log. Raises UnknownTopic or MalformedPayload."""
        rows = self._connection.execute(
            _AFTER, (position, _LAST if upto is None else upto, limit), prepare=True
        ).fetchall()
        return [to_recorded(to_row(row)) for row in rows]
