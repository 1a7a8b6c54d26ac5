"""Keeps projections up with the log while a process runs: woken by NOTIFY, by the clock at the latest."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Protocol

import psycopg
import structlog
from psycopg import Connection
from psycopg.rows import dict_row

from infra.log.recorder import CHANNEL
from infra.projection_worker import MAX_WAIT_FOR_SERVER_SECONDS, POLL_SECONDS, BackOff, Worker
from projections.batch import key_of
from projections.catch_up import CatchUp
from projections.kinds import Projection
from projections.poison import describe
from projections.standing import LEADS, Standing

NOTICE_SECONDS = 0.2
"""How soon a listener notices that it is to stop."""

CONNECTING: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A host that vanished without a word is noticed in seconds; a unix socket ignores these."""

log = structlog.get_logger()


class Followed(Protocol):
    """What there is to follow: the log of one tenant, and what is derived from it."""

    @property
    def url(self) -> str:
        """The URL of its database, as the application role."""
        ...

    @property
    def catch_up(self) -> CatchUp:
        """Its projections."""
        ...


@contextmanager
def following(tenant: Followed) -> Iterator["Follower"]:
    """Follow the log of a tenant while the block runs."""
    follower = Follower(tenant.url, tenant.catch_up)
    follower.start()
    try:
        yield follower
    finally:
        follower.stop()


class Follower:
    """One thread that listens and leads, and one supervised thread for each projection.

    A process leads a projection as long as its listening connection holds the projection's advisory lock;
    others stand by and take over when that connection ends, however it ends.
    One projection that fails, stops or is being built does not keep the others waiting:
    each has a thread and a connection of its own, outside the pool that serves answers.
    """

    def __init__(self, url: str, catch_up: CatchUp) -> None:
        self._url = url
        self._catch_up = catch_up
        self._stopping = Event()
        self._workers = [
            Worker(projection, catch_up, self._connect, self._stopping) for projection in catch_up.projections
        ]
        self._listener = Thread(target=self._listen, name="projections", daemon=True)
        self._backend_pid: int | None = None
        self._lost: str | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._listener.start()
        for worker in self._workers:
            worker.thread.start()

    def stop(self) -> None:
        """Stop following; returns when the batches under way are done."""
        self._stopping.set()
        for worker in self._workers:
            worker.wake.set()
        for thread in (self._listener, *(worker.thread for worker in self._workers)):
            if thread.ident is not None:
                thread.join()

    def status(self) -> list[Standing]:
        """Return where each projection stands. When the database does not answer, only what this process knows is told."""
        try:
            with self._connect("status") as connection:
                found = self._catch_up.status(connection)
        except psycopg.OperationalError as error:
            return [worker.unknown(describe(error)) for worker in self._workers]
        return [
            worker.seen(standing, self._backend_pid)
            for worker, standing in zip(self._workers, found, strict=True)
        ]

    def _connect(self, what: str) -> Connection[Any]:
        name = f"dealtrail {what} {os.getpid()}@{socket.gethostname()}"
        return psycopg.connect(
            self._url, autocommit=True, row_factory=dict_row, application_name=name[:63], **CONNECTING
        )

    def _listen(self) -> None:
        back_off = BackOff(MAX_WAIT_FOR_SERVER_SECONDS)
        while not self._stopping.is_set():
            try:
                with self._connect("projections") as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._backend_pid = connection.info.backend_pid
                    back_off.reset()
                    self._hear(connection)
            except Exception as error:  # noqa: BLE001 — whatever it is, the projections must come back
                wait = back_off.next()
                log.warning("projections_not_led", error=_brief(error), retry_in_seconds=round(wait, 3))
                self._stopping.wait(wait)
            finally:
                # With the connection the locks are gone, and another process may lead by now.
                self._backend_pid = None
                for worker in self._workers:
                    worker.leads = False

    def _hear(self, connection: Connection[Any]) -> None:
        """Ask for the lead of what nobody leads, and wake everybody at every word from the log."""
        while not self._stopping.is_set():
            for worker in self._workers:
                worker.leads = worker.leads or _try_to_lead(connection, worker.projection)
                worker.wake.set()
            # What a notification says is only that something happened: positions are read from the log.
            for _ in range(round(POLL_SECONDS / NOTICE_SECONDS)):
                heard = any(True for _ in connection.notifies(timeout=NOTICE_SECONDS, stop_after=1))
                if heard or self._stopping.is_set():
                    break


def _try_to_lead(connection: Connection[Any], projection: Projection) -> bool:
    row = connection.execute(
        "SELECT pg_try_advisory_lock(%s) AS leads", (key_of(projection, LEADS),)
    ).fetchone()
    return bool(row and row["leads"])


def _brief(error: Exception) -> str:
    """Say what is wrong with the connection; what the server itself said of it is worth reading."""
    if isinstance(error, psycopg.OperationalError) and str(error).strip():
        return str(error).strip().splitlines()[0]
    return describe(error)
