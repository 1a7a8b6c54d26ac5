"""Small projections of every kind, with tables of their own, that fail where a test wants them to."""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import Connection

from domain.envelope import Recorded
from domain.naming import split_stream
from projections.kinds import Process, ReadModel, TimerTable
from support.sales import Databases, an_append, edited, opened

Fails = Callable[[Recorded], bool]

TABLES = """
CREATE TABLE dealtrail_read.seen (
    position bigint PRIMARY KEY, stream text NOT NULL, topic text NOT NULL, version integer NOT NULL, applied bigint GENERATED ALWAYS AS IDENTITY
);
CREATE TABLE dealtrail_read.alarms (stream text PRIMARY KEY, due timestamptz NOT NULL);
CREATE TABLE dealtrail_read.letters (position bigint PRIMARY KEY, stream text NOT NULL);
CREATE TABLE dealtrail_read.loose (position bigint);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA dealtrail_read TO dealtrail_app;
"""


def with_tables(server: Databases, tenant: Any) -> Any:
    """Give a tenant's database the tables of the projections below."""
    server.run(f"dealtrail_{tenant.name}", TABLES)
    return tenant


def never(_: Recorded) -> bool:
    """Fail nowhere."""
    return False


class Poisoned(ValueError):
    """What a failing handler raises; its message repeats what it was handling, as such messages do."""


class Seen(ReadModel):
    """One row an event; an event that fails says in its error what nobody may read."""

    tables = ("seen",)

    def __init__(self, name: str = "seen", *, version: int = 1, fails: Fails = never) -> None:
        self.name = name
        self.version = version
        self.fails = fails

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Insert the rows first, so that a failure has something to undo."""
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO seen (position, stream, topic, version) VALUES (%s, %s, %s, %s)",
                [(e.position, e.stream, e.event.TOPIC, self.version) for e in events],
            )
        for recorded in events:
            if self.fails(recorded):
                raise Poisoned(f"cannot handle {recorded.event.payload()}")


class Alarms(TimerTable):
    """One alarm a record, due when it was last touched."""

    name = "alarms"
    tables = ("alarms",)

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Arm an alarm again with every event."""
        due = {e.stream: e.recorded_at for e in events if split_stream(e.stream)[0] == "deal"}
        connection.execute(
            "INSERT INTO alarms SELECT * FROM unnest(%s::text[], %s::timestamptz[])"
            " ON CONFLICT (stream) DO UPDATE SET due = excluded.due",
            (list(due), list(due.values())),
        )


class Letters(Process):
    """Writes a letter for every opening, which cannot be unwritten."""

    name = "letters"

    def __init__(self, *, version: int = 1) -> None:
        self.version = version

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Write the letters."""
        for recorded in events:
            if recorded.event.TOPIC == "record.opened.v1":
                connection.execute(
                    "INSERT INTO letters VALUES (%s, %s)", (recorded.position, recorded.stream)
                )


def tell(tenant: Any, deals: int, changes: int, *, word: str = "dea", batch: int = 50) -> None:
    """Append the opening of some deals and some changes of each, one deal after the other within each round."""
    appends = []
    for number in range(changes + 1):
        for deal in range(deals):
            stream = f"deal/{word}_{deal}"
            event = (
                opened(stream, topic="topic 0")
                if number == 0
                else edited(stream, number + 1, f"topic {number - 1}", f"topic {number}")
            )
            about = {} if not tenant.log.is_simulated else {"told_time": tenant.log.read(1, 1)[0].recorded_at}
            appends.append(an_append(event, **about))
    for start in range(0, len(appends), batch):
        tenant.log.append(appends[start : start + batch])


def query(tenant: Any, statement: Any, *parameters: object) -> list[tuple[Any, ...]]:
    """Ask the tenant's database."""
    with psycopg.connect(tenant.url) as connection:
        return connection.execute(statement, parameters).fetchall()
