"""Keeps the clock of the pools going while a process runs: one process at a time looks, every so often."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psycopg
import structlog

from infra.follower import CONNECTING
from infra.tenant import Tenant
from projections.batch import key_of
from projections.poison import describe

EVERY_SECONDS = 60.0

log = structlog.get_logger()


@contextmanager
def recycling(tenant: Tenant, *, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Look after the pools of a tenant while the block runs."""
    stopping = Event()
    thread = Thread(target=_run, args=(tenant, stopping, every_seconds), name="pools", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _run(tenant: Tenant, stopping: Event, every_seconds: float) -> None:
    while not stopping.wait(every_seconds):
        try:
            _look(tenant)
        except Exception as error:  # noqa: BLE001 — whatever it is, the next look comes
            log.warning("pools_not_looked_after", error=describe(error), retry_in_seconds=every_seconds)


def _look(tenant: Tenant) -> None:
    """Tick, unless another process is at it: that one asks for the same things."""
    with psycopg.connect(tenant.url, autocommit=True, **CONNECTING) as connection:
        key = key_of(tenant.assigning, " clock")
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        if row is not None and row[0]:
            moved = tenant.pool_clock.tick()
            if moved:
                log.info("pools_looked_after", records=moved)
