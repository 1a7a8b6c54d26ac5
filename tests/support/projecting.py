"""Small projections of every kind, with tables of their own, that fail where a test wants them to.

The fixtures are a tenant to run them on; a module takes them by naming them: `server, tenant = projecting.server, projecting.tenant`, for
the second is made of the first.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from domain.envelope import Recorded
from domain.naming import split_stream
from domain.record import state as record_state
from infra.follower import Follower
from projections.catch_up import CatchUp
from projections.field_history import changes_of
from projections.kinds import Process, Projection, ReadModel, TimerTable
from projections.standing import Standing
from support.sales import Databases, an_append, databases, edited, opened

PATIENCE_SECONDS = 20.0
"""How long a test waits for what has no promised bound."""
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


def catching_up(tenant: Any, *projections: Projection, **about: Any) -> CatchUp:
    """Other projections over the same log."""
    return CatchUp(tenant.pool, tenant.log, projections, **about)


@contextmanager
def followed(tenant: Any, catch_up: CatchUp) -> Iterator[Follower]:
    """Follow with other projections than the tenant's."""
    follower = Follower(tenant.url, catch_up)
    follower.start()
    try:
        yield follower
    finally:
        follower.stop()


def standing(of: Any, name: str) -> Standing:
    """Where one projection stands, asked of a follower or of a catch-up."""
    return next(found for found in of.status() if found.name == name)


def until(what: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until something is so; return how many seconds that took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it did not come"
        time.sleep(0.01)
    return time.monotonic() - began


def seen(tenant: Any) -> list[tuple[int, str]]:
    """What the small read model holds."""
    return query(tenant, "SELECT position, stream FROM dealtrail_read.seen ORDER BY position")


def parked(tenant: Any, name: str = "seen") -> list[tuple[Any, ...]]:
    """What is kept aside for a projection."""
    return query(
        tenant,
        "SELECT stream, position, attempts FROM dealtrail_read.parked WHERE projection = %s ORDER BY position",
        name,
    )


def whole_log(tenant: Any) -> list[Any]:
    """Every event there is."""
    return tenant.log.read(1, tenant.log.head())


def pure_fold(tenant: Any) -> tuple[dict[str, Any], Counter[Any]]:
    """What the two read models must hold, folded from the events alone."""
    records: dict[str, Any] = {}
    changes: Counter[Any] = Counter()
    for event in whole_log(tenant):
        if event.stream.startswith("deal/"):
            records[event.stream] = record_state.evolve(records.get(event.stream), event)
        for field, old, new in changes_of(event):
            changes[(event.stream, event.position, field, json.dumps(old), json.dumps(new))] += 1
    return {stream: record_state.to_json(record) for stream, record in records.items()}, changes


def held(tenant: Any) -> tuple[dict[str, Any], Counter[Any]]:
    """What the two read models do hold."""
    records = dict(query(tenant, "SELECT stream, record FROM dealtrail_read.current_records"))
    rows = query(tenant, "SELECT stream, position, field, old, new FROM dealtrail_read.field_history")
    changes = Counter(
        (stream, position, field, json.dumps(old), json.dumps(new))
        for stream, position, field, old, new in rows
    )
    return records, changes


@pytest.fixture(scope="module")
def server(embedded_home) -> Iterator[Databases]:
    with databases(embedded_home) as found:
        yield found


@pytest.fixture
def tenant(a_tenant, server) -> Any:
    """A log of 12 deals with 4 events each, its projections nowhere yet, and tables for the small ones."""
    tenant = with_tables(server, a_tenant("runner"))
    tell(tenant, deals=12, changes=3)
    return tenant
