"""Keeps the deadline clock going while a process runs: supervised threads, woken by NOTIFY, by the next due moment at the latest."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread
from typing import Any

import psycopg
import structlog
from eventsourcing import persistence
from psycopg import Connection
from psycopg.rows import dict_row

from consumers.deadlines.clock import BATCH, Tick, run_until, seconds_to_next, tick
from infra.follower import CONNECTING, Follower
from infra.log.recorder import CHANNEL
from infra.projection_worker import MAX_WAIT_FOR_SERVER_SECONDS, BackOff
from infra.tenant import Tenant
from projections import due_timers
from projections.catch_up import CatchUp
from projections.poison import describe
from projections.timers import Timers

GATHER_SECONDS = 0.02
"""The pause after a word from the log: the timer table needs a moment to hear it as well."""

FORGET_EVERY = 200
"""After how many looks rests that are over are deleted."""

_OF_EVERY_ROW = (
    MemoryError,
    OSError,
    psycopg.OperationalError,  # the connection, the server, the pool, a time limit
    psycopg.InterfaceError,
    psycopg.InternalError,
    psycopg.ProgrammingError,
    persistence.OperationalError,
    persistence.InterfaceError,
    persistence.InternalError,
    persistence.ProgrammingError,
)

log = structlog.get_logger()


def blames_the_row(error: Exception) -> bool:
    """Tell whether an error is the fault of the deadline that was to be noticed: any other would have met with it as well, or will not in a moment."""
    return not isinstance(error, _OF_EVERY_ROW)


class DeadlineClock:
    """Threads that notice what is due. Any number of them, in any number of processes: no row is claimed by two at a time."""

    def __init__(self, tenant: Tenant, *, workers: int = 1, batch: int = BATCH) -> None:
        self._tenant = tenant
        self._batch = batch
        self._stopping = Event()
        self._threads = [
            Thread(target=self._run, args=(number,), name=f"deadlines {number}", daemon=True)
            for number in range(workers)
        ]
        self.told = 0

    def start(self) -> None:
        """Begin to notice."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop; returns when what is under way is noticed."""
        self._stopping.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _run(self, number: int) -> None:
        back_off = BackOff(MAX_WAIT_FOR_SERVER_SECONDS)
        while not self._stopping.is_set():
            try:
                with self._connect(number) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    back_off.reset()
                    self._tick(connection)
            except Exception as error:  # noqa: BLE001 — whatever it is, deadlines must go on being noticed
                wait = back_off.next()
                log.warning("deadlines_not_noticed", error=describe(error), retry_in_seconds=round(wait, 3))
                self._stopping.wait(wait)

    def _tick(self, connection: Connection[Any]) -> None:
        looks = 0
        while not self._stopping.is_set():
            done = tick(connection, self._tenant.bus, blames_the_row, batch=self._batch)
            self.told += done.told
            _say_what_failed(done)
            looks += 1
            if looks % FORGET_EVERY == 1:
                due_timers.forget_rests(connection)
            if done.due < self._batch:
                self._sleep(connection, done)

    def _sleep(self, connection: Connection[Any], done: Tick) -> None:
        """Sleep until something is due or somebody wrote; how long is measured by no clock that can be set."""
        seconds = seconds_to_next(connection)
        if done.due:
            seconds = min(seconds, GATHER_SECONDS)
        heard = any(True for _ in connection.notifies(timeout=max(seconds, 0.001), stop_after=1))
        if heard:
            self._stopping.wait(GATHER_SECONDS)

    def _connect(self, number: int) -> Connection[Any]:
        name = f"dealtrail deadlines {number} {os.getpid()}@{socket.gethostname()}"
        return psycopg.connect(
            self._tenant.url, autocommit=True, row_factory=dict_row, application_name=name[:63], **CONNECTING
        )


def let_time_pass(tenant: Tenant, moment: datetime) -> Tick:
    """Let the time of a simulated log go by up to a moment, and notice what is due on the way. Raises ValueError for a log that has a clock of its own."""

    def log_time() -> datetime:
        told = tenant.told_time()
        if told is None:
            raise ValueError("this log has the clock of its database; time passes there by itself")
        return told

    log_time()
    done = run_until(
        moment, tenant.bus, tenant.pool.connection, tenant.catch_up.run, log_time, blames_the_row
    )
    _say_what_failed(done)
    return done


def _say_what_failed(done: Tick) -> None:
    for row, error in done.failed:
        log.error(
            "deadline_not_noticed",
            record=row["record"],
            deadline=row["deadline"],
            rung=row["rung"],
            error=describe(error),
        )


@contextmanager
def keeping_timers(tenant: Tenant) -> Iterator[Follower]:
    """Keep the timer table up with the log while the block runs, and nothing else: reading is the business of serving processes.

    Whoever else follows the log leads or stands by as usual, projection by projection.
    """
    timers = [projection for projection in tenant.catch_up.projections if projection.name == Timers.name]
    follower = Follower(tenant.url, CatchUp(tenant.pool, tenant.log, timers))
    follower.start()
    try:
        yield follower
    finally:
        follower.stop()


@contextmanager
def noticing(tenant: Tenant, workers: int) -> Iterator[DeadlineClock | None]:
    """Notice what is due while the block runs. A simulated log has no clock that goes by itself, and without workers there is none."""
    if workers == 0 or tenant.log.is_simulated:
        yield None
        return
    clock = DeadlineClock(tenant, workers=workers)
    clock.start()
    try:
        yield clock
    finally:
        clock.stop()
