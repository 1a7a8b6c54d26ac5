"""The sealed recorder: the event store library's PostgreSQL recorder with one thing replaced, how events are inserted."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from eventsourcing.persistence import InterfaceError, OperationalError, ProgrammingError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.sql import SQL

from commands.ports import Append, KnownAnswer, Outcome
from infra.log.columns import Bigints, Blobs, Column, Flags, Integers, Moments, Texts
from infra.log.rows import EVENT_COLUMNS, LogRow, to_row
from infra.log.sealing import SALT_BYTES, canonical, root

CHANNEL = "dealtrail_events"

_SELECT = SQL("SELECT {columns} FROM dealtrail.events ").format(columns=SQL(", ".join(EVENT_COLUMNS)))
_COMMAND = (Texts, Texts, Blobs, Texts, Moments, Integers, Integers, Integers, Integers, Integers)
_EXPECTATION = (Integers, Bigints, Flags)
_EVENT = (
    Integers, Bigints, Texts, Blobs, Moments, Moments, Bigints, Texts, Integers,
    Texts, Texts, Texts, Texts, Texts, Texts, Texts, Blobs, Blobs,
)  # fmt: skip
"""The columns of what `dealtrail.append` takes, as `_parameters` lays them out."""

_PLACES = [SQL("%b")] * (len(_COMMAND) + 1 + len(_EXPECTATION) + len(_EVENT))
_APPEND = SQL("SELECT * FROM dealtrail.append({})").format(SQL(", ").join(_PLACES)).as_bytes()

Function = TypeVar("Function", bound=Callable[..., Any])


PATIENCE_SECONDS = 5.0
"""How long a look at the log waits for a database that is away, before whoever asked is told."""

_PAUSE_SECONDS = 0.2


def _again(function: Function) -> Function:
    """Try again when the connection was lost; only for what may be done twice."""

    @wraps(function)
    def patient(recorder: "SealedRecorder", *arguments: Any, **about: Any) -> Any:
        until = time.monotonic() + PATIENCE_SECONDS
        dead = cast("Any", recorder.datastore.pool).max_size
        while True:
            try:
                return function(recorder, *arguments, **about)
            except (InterfaceError, OperationalError):
                if time.monotonic() > until:
                    raise
                # One connection that is gone is rarely alone: as many as the pool holds are found out at once, and replaced.
                if dead > 0:
                    dead -= 1
                else:
                    time.sleep(_PAUSE_SECONDS)

    return cast("Function", patient)


class SealedRecorder(PostgresApplicationRecorder):
    """Appends through the SQL function `dealtrail.append`, which checks, positions, seals and announces in one round trip."""

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "events") -> None:
        del events_table_name  # the migrations name the table
        super().__init__(datastore, events_table_name="events")
        self.channel_name = CHANNEL

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Append a batch of commands, each with its own outcome.

        When the reply to COMMIT is lost the batch is sent again: every keyed command that made it is answered `replayed`.
        A batch with a command that has no key is sent once. Raises IntegrityError when an event does not fit its stream.
        """
        send = self._append_again if all(append.key is not None for append in batch) else self._append
        return send(_parameters(batch))

    @_again
    def _append_again(self, parameters: Sequence[object]) -> list[Outcome]:
        return self._append(parameters)

    def _append(self, parameters: Sequence[object]) -> list[Outcome]:
        with self.datastore.get_connection() as connection, connection.cursor() as cursor:
            cursor.execute(_APPEND, parameters, prepare=True)
            return [
                Outcome(
                    row["result"],
                    row["first_position"],
                    row["last_position"],
                    row["recorded"],
                    row["stored_outcome"],
                    row["moved_stream"],
                )
                for row in cursor.fetchall()
            ]

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Refuse the library's own way in: it has no idempotency key, no read set and nobody who acts."""
        del stored_events, kwargs
        raise ProgrammingError("events are appended through SealedRecorder.append")

    @_again
    def known_answers(self, client: str, keys: Sequence[str]) -> Mapping[str, KnownAnswer]:
        """Return what was answered to the keys of a client before, for those that were used."""
        query = "SELECT key, body_hmac, outcome, first_position, last_position FROM dealtrail.commands WHERE client = %s AND key = ANY(%s)"
        with self.datastore.get_connection() as connection:
            rows = connection.execute(query, (client, list(keys))).fetchall()
        return {
            row["key"]: KnownAnswer(
                bytes(row["body_hmac"]), row["outcome"], row["first_position"], row["last_position"]
            )
            for row in rows
        }

    @_again
    def absent(self, streams: Sequence[str]) -> frozenset[str]:
        """Return those of the streams that have no events, in one round trip."""
        query = (
            "SELECT wanted.stream FROM unnest(%s::text[]) AS wanted (stream)"
            " WHERE NOT EXISTS (SELECT FROM dealtrail.events e WHERE e.originator_id = wanted.stream)"
        )
        with self.datastore.get_connection() as connection:
            rows = connection.execute(query, (list(streams),)).fetchall()
        return frozenset(row["stream"] for row in rows)

    @_again
    def stale(self, versions: Mapping[str, int]) -> frozenset[str]:
        """Return those of the streams that are further than the given version."""
        query = (
            "SELECT wanted.stream FROM unnest(%s::text[], %s::bigint[]) AS wanted (stream, version) "
            "WHERE EXISTS (SELECT FROM dealtrail.events e WHERE e.originator_id = wanted.stream AND e.originator_version = wanted.version + 1)"
        )
        with self.datastore.get_connection() as connection:
            rows = connection.execute(query, (list(versions), list(versions.values()))).fetchall()
        return frozenset(row["stream"] for row in rows)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LogRow]:
        """Return the rows of a stream, in the order of its versions."""
        order = SQL("DESC") if desc else SQL("ASC")
        query = _SELECT + SQL(
            "WHERE originator_id = %s AND originator_version > %s AND originator_version <= %s ORDER BY originator_version {} LIMIT %s"
        ).format(order)
        return self._rows(query, (str(originator_id), gt or 0, _LAST if lte is None else lte, limit))

    def select_streams(self, streams: Sequence[str]) -> list[LogRow]:
        """Return the rows of several streams, each in the order of its versions."""
        query = _SELECT + SQL("WHERE originator_id = ANY(%s) ORDER BY originator_id, originator_version")
        return self._rows(query, (list(streams),))

    def select_positions(
        self, after: int, limit: int | None = None, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> list[LogRow]:
        """Return the rows after a position, up to another one, in the order of the log."""
        if topics:
            query = _SELECT + SQL(
                "WHERE notification_id > %s AND notification_id <= %s AND topic = ANY(%s) ORDER BY notification_id LIMIT %s"
            )
            return self._rows(query, (after, _LAST if upto is None else upto, list(topics), limit))
        query = _SELECT + SQL(
            "WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id LIMIT %s"
        )
        return self._rows(query, (after, _LAST if upto is None else upto, limit))

    @_again
    def _rows(self, query: Any, parameters: Sequence[object]) -> list[LogRow]:
        with self.datastore.get_connection() as connection:
            return [to_row(row) for row in connection.execute(query, parameters, prepare=True).fetchall()]

    @_again
    def one(self, query: str, parameters: Sequence[object] = ()) -> Any:
        """Return the only value of a query's only row."""
        with self.datastore.get_connection() as connection:
            row = connection.execute(cast("Any", query), parameters).fetchone()
        return None if row is None else next(iter(row.values()))


_LAST = 2**63 - 1


def _parameters(batch: Sequence[Append]) -> list[object]:
    """Lay a batch out as the parallel arrays the SQL function takes; roots are computed here, positions and hashes there."""
    commands: list[tuple[Any, ...]] = []
    expectations: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    streams: dict[str, int] = {}
    twins: dict[tuple[str | None, str], int] = {}

    def number(stream: str) -> int:
        return streams.setdefault(stream, len(streams) + 1)

    for place, append in enumerate(batch, start=1):
        twin = 0
        if append.key is not None:
            twin, twins[append.client, append.key] = twins.get((append.client, append.key), 0), place
        commands.append(
            (append.client, append.key, append.body_hmac, append.outcome, append.told_time,
             len(events) + 1, len(append.events), len(expectations) + 1, len(append.expectations), twin)
        )  # fmt: skip
        expectations += [(number(item.stream), item.version, item.own) for item in append.expectations]
        origin = append.origin
        for new in append.events:
            salt = secrets.token_bytes(SALT_BYTES)
            events.append(
                (number(new.stream), new.version, new.event.TOPIC, canonical(new.payload), origin.occurred_at, append.decided_at, append.basis,
                 append.playbook, append.playbook_version, origin.actor, origin.on_behalf_of, origin.channel, new.reason,
                 origin.command_id, origin.correlation_id, origin.causation_id, salt, root(new.payload, salt))
            )  # fmt: skip
    return [
        *_columns(commands, _COMMAND), Texts(streams), *_columns(expectations, _EXPECTATION), *_columns(events, _EVENT)
    ]  # fmt: skip


def _columns(rows: Sequence[tuple[Any, ...]], kinds: Sequence[type[Column]]) -> list[Column]:
    if not rows:
        return [kind() for kind in kinds]
    return [kind(column) for kind, column in zip(kinds, zip(*rows, strict=True), strict=True)]
