"""P12: what reads and writes the log heals when PostgreSQL dies, however many connections the pool holds."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from eventsourcing.persistence import PersistenceError
from support.faults.wrecking import postmaster

from infra.embedded import EmbeddedPostgres
from infra.settings import Settings
from infra.tenant import open_tenant

CONNECTIONS = 12
OUTAGE_SECONDS = 6.0
HEALED_SECONDS = 5.0


def test_p12_a_full_pool_of_dead_connections_is_no_obstacle(a_home_to_wreck: Path) -> None:
    """P12: the first look at the log after PostgreSQL died and came back succeeds, although every connection is dead.

    Each attempt used to meet the next dead connection, so that a pool with more of them than attempts did not heal.
    """
    settings = Settings(home=a_home_to_wreck, database_url=None, tenant="heals", pool_size=CONNECTIONS)
    with open_tenant(settings) as tenant:
        head = tenant.log.head()
        together = threading.Barrier(CONNECTIONS)

        def use_a_connection() -> None:
            with tenant.pool.connection() as connection:
                connection.execute("SELECT 1")
                together.wait(30)

        users = [threading.Thread(target=use_a_connection) for _ in range(CONNECTIONS)]
        for user in users:
            user.start()
        for user in users:
            user.join()
        with postgres(a_home_to_wreck) as server:
            os.kill(postmaster(server), signal.SIGKILL)
            with postgres(a_home_to_wreck):
                assert tenant.log.head() == head


def test_p12_connections_come_back_after_a_longer_outage(a_home_to_wreck: Path) -> None:
    """P12: within 5 s of PostgreSQL's return everything is answered, although the outage lasted 6 s and many asked meanwhile.

    The pool's pauses between attempts to connect doubled with every failure, so that it came back long after the database.
    """
    settings = Settings(home=a_home_to_wreck, database_url=None, tenant="comes_back", pool_size=5)
    with open_tenant(settings) as tenant, postgres(a_home_to_wreck) as server:
        os.kill(postmaster(server), signal.SIGKILL)
        until = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < until:
            with suppress(PersistenceError, psycopg.Error):
                tenant.log.head()
        with postgres(a_home_to_wreck):
            back = time.monotonic()
            for _ in range(settings.pool_size):
                with tenant.pool.connection() as connection:
                    connection.execute("SELECT 1")
            assert tenant.log.head() >= 1
            assert time.monotonic() - back < HEALED_SECONDS


@contextmanager
def postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    """PostgreSQL, started where it is not running."""
    server = EmbeddedPostgres.attach(home)
    try:
        yield server
    finally:
        server.detach()
