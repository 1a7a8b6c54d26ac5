"""The log as an application of the event store library: cache, mapper, recorder."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, Mapper, Transcoder
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

from commands.ports import Append, KnownAnswer, Outcome
from domain.envelope import Recorded
from domain.events import LogBegun
from infra.log.recorder import SealedRecorder
from infra.log.rows import LogMapper, to_recorded

State = TypeVar("State")

_KNOWN_TO_THE_LIBRARY = frozenset({"dbname", "host", "port", "user", "password"})
RECONNECT_SECONDS = 1.0
"""How long the pool tries to replace a lost connection; given up, it is tried again by whoever asks for the next one."""
WAIT_SECONDS = 3
"""How long somebody waits for a connection before asking again: shorter than a look at the log is patient, since only asking makes the pool try."""
IDLE_SECONDS = 30.0
"""How long a connection beyond the pool's size stays open without being used."""

FORBIDDEN_SETTING = "POSTGRES_ENABLE_DB_FUNCTIONS"


class UnsafeSetting(RuntimeError):
    """A setting under which the log would lose events; dealtrail does not start."""


class SalesLog(Application[str]):
    """The sealed log of one tenant. Implements the port `commands.ports.EventLog`.

    States of streams are cached without asking the database whether they moved: the append finds out, under its lock. One that moved is
    caught up, not read anew: whoever lost a record to another process would otherwise be the slower one again, the longer its history is.
    """

    name = "dealtrail"

    def __init__(
        self, conninfo: str, *, pool_size: int = 5, pool_overflow: int = 10, cache_streams: int = 20_000
    ) -> None:
        if os.environ.get(FORBIDDEN_SETTING):
            raise UnsafeSetting(
                f"{FORBIDDEN_SETTING} is set: with it readers of the log miss events. Unset it and start again."
            )
        parts = conninfo_to_dict(conninfo)
        self._other_parts = {name: parts[name] for name in parts if name not in _KNOWN_TO_THE_LIBRARY}
        super().__init__(
            {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "APPLICATION_RECORDER_TOPIC": f"{SealedRecorder.__module__}:{SealedRecorder.__qualname__}",
                "POSTGRES_DBNAME": str(parts.get("dbname") or ""),
                "POSTGRES_HOST": str(parts.get("host") or ""),
                "POSTGRES_PORT": str(parts.get("port") or "5432"),
                "POSTGRES_USER": str(parts.get("user") or ""),
                "POSTGRES_PASSWORD": str(parts.get("password") or ""),
                "POSTGRES_SCHEMA": "dealtrail",
                "POSTGRES_POOL_SIZE": str(pool_size),
                "POSTGRES_MAX_OVERFLOW": str(pool_overflow),
                "POSTGRES_CONNECT_TIMEOUT": str(WAIT_SECONDS),
                "POSTGRES_ENABLE_DB_FUNCTIONS": "n",
                "ORIGINATOR_ID_TYPE": "text",
                "CREATE_TABLE": "n",
                "AGGREGATE_CACHE_MAXSIZE": str(cache_streams),
                "AGGREGATE_CACHE_FASTFORWARD": "n",
                "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",
            }
        )
        self.sealed = cast("SealedRecorder", self.recorder)
        self._moved: set[str] = set()
        self._genesis: LogBegun | None = None

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """Let every part of the URL hold for the library's connections too, sslmode among them: it knows but five."""
        factory = cast("PostgresFactory", super().construct_factory(env))
        pool: Any = factory.datastore.pool
        pool.kwargs = self._other_parts | pool.kwargs
        # By default the pauses between attempts to connect keep doubling for five minutes, and a database that is back is not noticed.
        # Given up early, a connection is tried again by whoever asks for the next one.
        pool.reconnect_timeout = RECONNECT_SECONDS
        # What was borrowed is given back soon: a process that lost its connections must find room on the server again.
        pool.max_idle = IDLE_SECONDS
        return factory

    def construct_mapper(self) -> Mapper[str]:
        """Use the mapper that knows the allow-list of topics."""
        return LogMapper(cast("Transcoder", None))

    @property
    def genesis(self) -> LogBegun:
        """The first event of the log: its tenant, format and clock."""
        if self._genesis is None:
            first = self.read(1, 1)
            assert first, "a log is opened only after it has begun"
            assert isinstance(first[0].event, LogBegun)
            self._genesis = first[0].event
        return self._genesis

    @property
    def is_simulated(self) -> bool:
        """Whether the time of this log is told by whoever appends."""
        return self.genesis.clock == "simulated"

    def now(self) -> datetime:
        """Return the database's clock reading."""
        return cast("datetime", self.sealed.one("SELECT clock_timestamp()"))

    def head(self) -> int:
        """Return the last position, 0 in an empty log."""
        return int(self.sealed.one("SELECT coalesce(max(notification_id), 0) FROM dealtrail.events"))

    def state(self, stream: str, fold: Callable[[Any, Iterable[Recorded]], State | None]) -> State | None:
        """Return the folded state of a stream, from the cache where it is there, with what came after if it has moved."""
        known = self._cached(stream)
        if known is not None and stream not in self._moved:
            return cast("State", known)
        # Not after the look: what moves during it is to be looked for again.
        self._moved.discard(stream)
        rows = self.sealed.select_events(stream, gt=0 if known is None else known.version)
        state = fold(known, [to_recorded(row) for row in rows])
        if state is not None:
            self.remember(stream, state)
        return state

    def _cached(self, stream: str) -> Any:
        assert self.repository.cache is not None
        try:
            return self.repository.cache.get(stream)
        except KeyError:
            return None

    def forget(self, stream: str) -> None:
        """Take note that a stream has moved."""
        if self._cached(stream) is not None:
            self._moved.add(stream)

    def remember(self, stream: str, state: object) -> None:
        """Put a state into the cache."""
        assert self.repository.cache is not None
        self.repository.cache.put(stream, cast("Any", state))

    def absent(self, streams: Sequence[str]) -> frozenset[str]:
        """Return those of the streams that have no events, in one round trip."""
        return self.sealed.absent(streams)

    def stale(self, versions: Mapping[str, int]) -> frozenset[str]:
        """Return those of the streams that are further than the given version."""
        return self.sealed.stale(versions)

    def known_answers(self, client: str, keys: Sequence[str]) -> Mapping[str, KnownAnswer]:
        """Return what was answered before, for those of the keys that were used."""
        return self.sealed.known_answers(client, keys)

    def append(self, batch: Sequence[Append]) -> Sequence[Outcome]:
        """Append a batch in one transaction, each command with its own outcome."""
        return self.sealed.append(batch)

    def read(self, first_position: int, last_position: int) -> list[Recorded]:
        """Return the events of a range of positions, both ends included."""
        return [
            to_recorded(row) for row in self.sealed.select_positions(first_position - 1, upto=last_position)
        ]

    def position_at(self, moment: datetime) -> int:
        """Return the last position recorded by a moment, 0 when there was none."""
        # recorded_at never decreases along the log, so the last row that qualifies is found from the end.
        query = "SELECT notification_id FROM dealtrail.events WHERE recorded_at <= %s ORDER BY notification_id DESC LIMIT 1"
        return int(self.sealed.one(query, (moment,)) or 0)

    def version(self, stream: str) -> int:
        """Return the version of a stream, 0 when it has no events."""
        query = "SELECT coalesce(max(originator_version), 0) FROM dealtrail.events WHERE originator_id = %s"
        return int(self.sealed.one(query, (stream,)))

    def version_at(self, stream: str, position: int) -> int:
        """Return the version a stream had at a position, 0 when it had no events yet."""
        query = (
            "SELECT originator_version FROM dealtrail.events WHERE originator_id = %s AND notification_id <= %s"
            " ORDER BY originator_version DESC LIMIT 1"
        )
        return int(self.sealed.one(query, (stream, position)) or 0)

    def stream(self, stream: str) -> list[Recorded]:
        """Return all events of a stream."""
        return [to_recorded(row) for row in self.sealed.select_events(stream)]

    def streams(self, streams: Sequence[str]) -> dict[str, list[Recorded]]:
        """Return all events of several streams, in one round trip."""
        found: dict[str, list[Recorded]] = {stream: [] for stream in streams}
        for row in self.sealed.select_streams(streams):
            recorded = to_recorded(row)
            found[recorded.stream].append(recorded)
        return found

    def after(
        self, position: int, limit: int, *, topics: Sequence[str] = (), upto: int | None = None
    ) -> list[Recorded]:
        """Return up to `limit` events after a position, in the order of the log."""
        return [
            to_recorded(row)
            for row in self.sealed.select_positions(position, limit, upto=upto, topics=topics)
        ]
