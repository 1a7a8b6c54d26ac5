"""The supervised thread that keeps one projection up with the log."""

import random
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from infra.log.tail import LogTail
from projections.catch_up import CatchUp
from projections.kinds import BuildRefused, LogGap, Projection, Rebuildable
from projections.poison import describe
from projections.standing import BACKING_OFF, BUILDING, RUNNING, STANDING_BY, STOPPED, Standing, type_of

POLL_SECONDS = 1.0
"""The longest a projection waits without a word from the database, and a process that stands by before it asks for the lead again."""
GATHER_SECONDS = 0.02
"""The pause after each run to the head: what arrives meanwhile is handled together, so that a busy log does not mean tiny batches."""
FIRST_WAIT_SECONDS = 0.1
MAX_WAIT_FOR_SERVER_SECONDS = 2.0
"""A restarting PostgreSQL is asked this often at least: projections are at the head again within 5 s of its accepting connections."""
MAX_WAIT_AFTER_ERROR_SECONDS = 30.0
MAX_WAIT_AFTER_REFUSED_BUILD_SECONDS = 600.0

log = structlog.get_logger()


class BackOff:
    """Waits that double up to a limit, each somewhere between half and the whole, so that processes do not come back in step."""

    def __init__(self, most_seconds: float, jitter: Callable[[float, float], float] = random.uniform) -> None:
        self.most_seconds = most_seconds
        self._jitter = jitter
        self._next = FIRST_WAIT_SECONDS

    def next(self) -> float:
        """Return how many seconds to wait this time."""
        whole = min(self._next, self.most_seconds)
        self._next = whole * 2
        return self._jitter(whole / 2, whole)

    def reset(self) -> None:
        """Begin with short waits again."""
        self._next = FIRST_WAIT_SECONDS


class _NoMore(Exception):
    """This process is to stop, or leads no more, in the middle of a build."""


class Worker:
    """The supervised thread of one projection: it works while `leads` is set, and comes back after whatever happens."""

    def __init__(
        self,
        projection: Projection,
        catch_up: CatchUp,
        connect: Callable[[str], Connection[Any]],
        stopping: Event,
    ) -> None:
        self.projection = projection
        self.leads = False
        self.wake = Event()
        self.thread = Thread(target=self._run, name=f"projection {projection.name}", daemon=True)
        self._catch_up = catch_up
        self._connect = connect
        self._stopping = stopping
        self._state = STANDING_BY
        self._why: str | None = None
        self._back_off = BackOff(MAX_WAIT_AFTER_ERROR_SECONDS)

    def seen(self, standing: Standing, backend_pid: int | None) -> Standing:
        """Add what this process knows to what the database says."""
        leads_here = standing.leader_backend_pid is not None and standing.leader_backend_pid == backend_pid
        state, why = standing.state, standing.why
        if self._state == BACKING_OFF or (self._state == STOPPED and leads_here):
            state, why = self._state, self._why
        elif not leads_here and state not in {STOPPED, BUILDING}:
            state = STANDING_BY
        return replace(standing, leads_here=leads_here, state=state, why=why)

    def unknown(self, why: str) -> Standing:
        """Tell what is known without the database."""
        return Standing(
            name=self.projection.name,
            type=type_of(self.projection),
            version=self.projection.version,
            state=BACKING_OFF,
            why=f"the database does not answer: {why}",
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self.leads:
                self._now(STANDING_BY)
                self._pause()
                continue
            try:
                self._follow()
            except _NoMore:
                continue
            except LogGap as gap:
                self._now(STOPPED, str(gap))
                self._stopping.wait(POLL_SECONDS)
            except BaseException as error:  # noqa: BLE001 — whatever it is, the projection must come back
                self._wait_after(error)

    def _follow(self) -> None:
        """Handle what is in the log and what comes, as long as this process leads."""
        with self._connect(self.projection.name) as connection:
            tail = LogTail(connection)
            while self.leads and not self._stopping.is_set():
                self.wake.clear()
                self._to_head(connection, tail)
                self._back_off.reset()
                self._stopping.wait(GATHER_SECONDS)
                self.wake.wait(POLL_SECONDS)

    def _to_head(self, connection: Connection[Any], tail: LogTail) -> None:
        while self.leads and not self._stopping.is_set():
            head = tail.head()
            cursor = self._catch_up.step(self.projection, connection, tail, head)
            if cursor.stopped_why is not None:
                self._now(STOPPED, cursor.stopped_why)
                return
            if cursor.version > self.projection.version:
                self._now(STOPPED, f"version {cursor.version} is live, this program has an older one")
                return
            if cursor.version < self.projection.version and isinstance(self.projection, Rebuildable):
                self._now(BUILDING)
                cursor = self._catch_up.renew(
                    self.projection, connection, tail, self._go_on_building, wait=False
                )
                if cursor.version < self.projection.version:
                    return  # another process builds it
                continue
            self._now(RUNNING)
            if cursor.position >= head:
                return

    def _go_on_building(self, *_: int) -> None:
        """A build takes long: look between its batches whether anybody still wants it from here."""
        if self._stopping.is_set() or not self.leads:
            raise _NoMore

    def _wait_after(self, error: BaseException) -> None:
        if isinstance(error, psycopg.OperationalError):
            self._back_off.most_seconds = MAX_WAIT_FOR_SERVER_SECONDS
        elif isinstance(error, BuildRefused):
            self._back_off.most_seconds = MAX_WAIT_AFTER_REFUSED_BUILD_SECONDS
        else:
            self._back_off.most_seconds = MAX_WAIT_AFTER_ERROR_SECONDS
        wait = self._back_off.next()
        why = str(error) if isinstance(error, BuildRefused) else describe(error)
        self._now(BACKING_OFF, why)
        log.warning(
            "projection_backs_off",
            projection=self.projection.name,
            error=why,
            retry_in_seconds=round(wait, 3),
        )
        self._stopping.wait(wait)

    def _pause(self) -> None:
        self.wake.wait(POLL_SECONDS)
        self.wake.clear()

    def _now(self, state: str, why: str | None = None) -> None:
        if state == STOPPED and self._state != STOPPED:
            log.error("projection_stopped", projection=self.projection.name, why=why)
        self._state, self._why = state, why
