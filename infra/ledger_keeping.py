"""Keeps the ledger up with the log while a process serves: one thread, one process at a time, whatever happens to the files."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import structlog
from psycopg_pool import ConnectionPool

from infra.ledger import writing
from infra.projection_worker import BackOff
from projections.ledger.checking import check_files, repair
from projections.ledger.ledger import Ledger
from projections.ledger.manifest import Manifest
from projections.ledger.store import AnotherLedger, LedgerBusy, LedgerDamaged, OlderLedger

LOOK_SECONDS = 2.0
"""How often the keeper compares the ledger with the log."""
MANY_EVENTS = 2_000
"""So many events are written at once; reading them from the log with each answer would take a tenth of a second."""
MAX_WAIT_AFTER_ERROR_SECONDS = 60.0

log = structlog.get_logger()


class _Stopped(Exception):
    """The process stops in the middle of an update; the parts that are done stay done."""


class LedgerKeeper:
    """The thread that writes what the log has and the ledger has not.

    Few events wait up to `seconds` and are written together; many are written at once. Until then answers read them from the log, so nothing is late.
    A damaged file is named in the log of the process and made again: one that is missing when it is next written, one that is cut or edited
    when a process begins to serve or an answer came upon it. A ledger of another log is left alone.
    """

    def __init__(
        self,
        ledger: Ledger,
        pool: ConnectionPool[Any],
        seconds: float,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._pool = pool
        self._seconds = seconds
        self._now = now
        self._written_at = now()
        self._stopping = Event()
        self._suspected = Event()
        self._thread = Thread(target=self._run, name="ledger", daemon=True)

    def start(self) -> None:
        """Begin to keep it; every file is compared with its SHA-256 once."""
        self.suspect()
        self._thread.start()

    def stop(self) -> None:
        """Stop; returns when the part under way is whole."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def look(self) -> bool:
        """Write what is due, repair what is damaged; return whether anything was written. Raises AnotherLedger, LedgerUnavailable."""
        try:
            manifest = self._ledger.manifest()
            behind = self._ledger.log.head() - manifest.position
            is_due = behind >= MANY_EVENTS or self._now() - self._written_at >= self._seconds
            if not (self._suspected.is_set() or (behind > 0 and is_due)):
                return False
            with writing(self._pool):
                self._make_whole(manifest)
                kept = self._ledger.update(self._go_on)
                if self._ledger.has_outgrown(kept):
                    self._ledger.rebuild(self._go_on)
        except LedgerBusy:
            return False  # another process keeps it
        except (LedgerDamaged, OlderLedger) as unusable:
            log.warning("ledger_unusable", error=str(unusable))
            self._suspected.clear()
            with writing(self._pool):
                self._ledger.rebuild(self._go_on)
            log.info("ledger_made_again", files=["all"])
        self._written_at = self._now()
        return True

    def suspect(self) -> None:
        """Have every file compared with its SHA-256 next time: an answer found one that is not as it should be."""
        self._suspected.set()

    def _make_whole(self, manifest: Manifest) -> None:
        """Make again what is missing, and where anything is suspected whatever is not as it was written."""
        there = set(self._ledger.store.names())
        if not self._suspected.is_set() and all(segment.name in there for segment in manifest.segments):
            return
        self._suspected.clear()
        damaged = [found for found in check_files(self._ledger) if found.fault != "surplus"]
        if damaged:
            named = [f"{found.file}: {found.fault}" for found in damaged]
            log.warning("ledger_damaged", files=named)
            repair(self._ledger, damaged, self._go_on)
            log.info("ledger_made_again", files=named)

    def _go_on(self, _done: int, _of: int) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def _run(self) -> None:
        back_off = BackOff(MAX_WAIT_AFTER_ERROR_SECONDS)
        wait = 0.0
        while not self._stopping.wait(wait):
            try:
                self.look()
                back_off.reset()
                wait = LOOK_SECONDS
            except _Stopped:
                return
            except AnotherLedger as error:
                log.warning(
                    "ledger_not_kept", error=str(error), retry_in_seconds=MAX_WAIT_AFTER_ERROR_SECONDS
                )
                wait = MAX_WAIT_AFTER_ERROR_SECONDS
            except Exception as error:  # noqa: BLE001 — whatever it is, the ledger must be kept again once it is over
                wait = back_off.next()
                log.warning("ledger_not_kept", error=repr(error), retry_in_seconds=round(wait, 3))


@contextmanager
def keeping(ledger: Ledger, pool: ConnectionPool[Any], seconds: float) -> Iterator[LedgerKeeper]:
    """Keep the ledger up with the log while the block runs; with 0 seconds it is left to `dealtrail ledger update`."""
    keeper = LedgerKeeper(ledger, pool, seconds)
    if seconds > 0:
        keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop()
