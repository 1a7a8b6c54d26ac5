"""Carrying a plan of faults out on a service and on the PostgreSQL below it."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from infra.embedded import EmbeddedPostgres
from support.faults.plan import Fault, Kind
from support.faults.service import Service

PAUSE_SECONDS = 0.3
HELD_OPEN_SECONDS = 0.5
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid"


class Wrecker:
    """Breaks what a plan says, when it is due, and mends it as an operator or a supervisor would."""

    def __init__(self, home: Path, database: str, service: Service) -> None:
        self._home, self._database, self._service = home, database, service
        self._servers: list[EmbeddedPostgres] = [EmbeddedPostgres.attach(home)]
        self.done: Counter[Kind] = Counter()

    def close(self) -> None:
        """Let the server go."""
        for server in self._servers:
            server.detach()

    def carry_out(
        self, faults: Iterable[Fault], acknowledged: Callable[[], int], over: threading.Event
    ) -> None:
        """Break one thing after the other, each once so many commands are acknowledged, until the load is over."""
        for fault in faults:
            while acknowledged() < fault.due:
                if over.wait(0.005):
                    return
            self.break_something(fault)
            self.done[fault.kind] += 1

    def break_something(self, fault: Fault) -> None:
        """Carry one fault out; returns once the service can work again."""
        match fault.kind:
            case Kind.KILL_SERVER:
                self._service.kill()
                self._service.start()
            case Kind.PAUSE_SERVER:
                self._service.pause(PAUSE_SECONDS)
            case Kind.END_BACKEND:
                self._end_backend(fault.chance)
            case Kind.KILL_BACKEND:
                self._kill_backend(fault.chance)
            case Kind.KILL_POSTMASTER:
                os.kill(postmaster(self._servers[0]), signal.SIGKILL)
                self._servers.append(EmbeddedPostgres.attach(self._home))
            case Kind.HOLD_OPEN:
                self._hold_open()
            case Kind.JUMP_CLOCK:
                raise ValueError("only a database made for it has a clock that can be set")

    def _url(self) -> str:
        return self._servers[0].url(self._database, "postgres")

    def _end_backend(self, chance: float) -> None:
        with psycopg.connect(self._url(), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (self._backend(connection, chance),))

    def _kill_backend(self, chance: float) -> None:
        """Kill a backend; PostgreSQL then ends all the others and recovers from its log."""
        with psycopg.connect(self._url(), autocommit=True) as connection:
            os.kill(self._backend(connection, chance), signal.SIGKILL)
            with suppress(psycopg.OperationalError):
                # The answer never comes: this connection ends with all the others.
                connection.execute("SELECT pg_sleep(10)")
        self._servers.append(EmbeddedPostgres.attach(self._home))

    def _backend(self, connection: psycopg.Connection[Any], chance: float) -> int:
        """The process id of one of the connections to the database; after a fault the service may need a moment to have some."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if backends := [pid for (pid,) in connection.execute(_BACKENDS, (self._database,))]:
                return int(backends[int(chance * len(backends))])
            time.sleep(0.01)
        raise AssertionError("the service has not connected for 20 s")

    def _hold_open(self) -> None:
        with psycopg.connect(self._url()) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(7305811146190384)")
            time.sleep(HELD_OPEN_SECONDS)


def postmaster(server: EmbeddedPostgres) -> int:
    """The process id of the postmaster."""
    return int((server.data_dir / "postmaster.pid").read_text().split()[0])
