"""Keeps messages going out while a process runs: supervised threads that look for what is due."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import structlog

from consumers.telling.targets import Targets
from consumers.telling.transport import Transport
from consumers.telling.worker import Sender, tell_one
from infra.projection_worker import BackOff
from infra.settings import Settings
from infra.tenant import Tenant
from projections import deliveries
from projections.poison import describe

LONGEST_WAIT_SECONDS = 1.0
"""The longest a worker sleeps without looking: rows come without a word."""

MAX_WAIT_AFTER_ERROR_SECONDS = 30.0

log = structlog.get_logger()


def targets_of(settings: Settings) -> Targets:
    """Return the targets of the settings. Raises TargetsRefused."""
    return Targets.read(None if settings.targets is None else settings.targets.get_secret_value())


def sender_of(tenant: Tenant, settings: Settings, transport: Transport) -> Sender:
    """Put together what sends the messages of a tenant."""
    return Sender(
        tenant.reads,
        targets_of(settings),
        transport,
        max_attempts=settings.delivery_attempts,
        public_url=settings.public_url,
    )


@contextmanager
def telling(tenant: Tenant, settings: Settings, workers: int | None = None) -> Iterator[None]:
    """Send what is due while the block runs. Of a simulated log nothing is sent: what happens there is not meant for anybody."""
    count = settings.delivery_workers if workers is None else workers
    if count == 0 or tenant.log.is_simulated:
        yield
        return
    stopping, transport = Event(), Transport()
    sender = sender_of(tenant, settings, transport)
    threads = [
        Thread(target=_run, args=(tenant, sender, stopping), name=f"deliveries {number}", daemon=True)
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
        transport.close()


def _run(tenant: Tenant, sender: Sender, stopping: Event) -> None:
    back_off = BackOff(MAX_WAIT_AFTER_ERROR_SECONDS)
    while not stopping.is_set():
        try:
            while not stopping.is_set() and tell_one(tenant.pool.connection, sender) is not None:
                pass
            with tenant.pool.connection() as connection:
                seconds = deliveries.seconds_to_next(connection, LONGEST_WAIT_SECONDS)
            back_off.reset()
            stopping.wait(max(seconds, 0.05))
        except Exception as error:  # noqa: BLE001 — whatever it is, messages must go on going out
            wait = back_off.next()
            # Only what kind of error it was: its text may hold an address.
            log.warning("deliveries_not_sent", error=describe(error), retry_in_seconds=round(wait, 3))
            stopping.wait(wait)
