"""The other side of S1 and S2: the event store library as it comes, `Application.save` of an aggregate with one new event."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict


class Visited(Aggregate):
    """Something customers are in touch about, as a user of the library would write it."""

    @event("Opened")
    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.last = ""

    @event("Touched")
    def touch(self, touch: str, kind: str, note: str, contact: str) -> None:
        """Note that somebody was in touch; nothing is kept of it but which it was."""
        del kind, note, contact
        self.last = touch


@contextmanager
def stock_application(conninfo: str, *, pool_size: int) -> Iterator[Application[UUID]]:
    """Open the library's own application on a database, with the pool the sealed side has and everything else as delivered."""
    parts: dict[str, Any] = conninfo_to_dict(conninfo)
    application = Application[UUID](
        {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(parts.get("dbname") or ""),
            "POSTGRES_HOST": str(parts.get("host") or ""),
            "POSTGRES_PORT": str(parts.get("port") or "5432"),
            "POSTGRES_USER": str(parts.get("user") or ""),
            "POSTGRES_PASSWORD": str(parts.get("password") or ""),
            "POSTGRES_POOL_SIZE": str(pool_size),
        }
    )
    try:
        yield application
    finally:
        application.close()
