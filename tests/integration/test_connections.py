"""What a process takes of the server's connections, and what it gives back."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from infra.log import application


def test_a_process_opens_no_more_connections_than_its_settings_say(a_tenant):
    """Whoever may keep two and borrow one has three, however many ask at once.

    A process that lost its connections was shut out for good by others that held what they had borrowed.
    """
    tenant = a_tenant("modest", pool_size=2, pool_overflow=1)
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda _: _pause(tenant), range(48)))
    assert _connections_of(tenant) <= 3


def test_what_was_borrowed_is_given_back_when_nobody_needs_it(a_tenant, monkeypatch):
    """A connection beyond the pool's size that lies idle is closed, so that other processes find room on the server."""
    monkeypatch.setattr(application, "IDLE_SECONDS", 0.2)
    tenant = a_tenant("returns", pool_size=1, pool_overflow=4)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: _pause(tenant), range(20)))
    until = time.monotonic() + 20
    while _connections_of(tenant) > 1 and time.monotonic() < until:
        time.sleep(0.1)
    assert _connections_of(tenant) == 1


def _pause(tenant: Any) -> None:
    with tenant.pool.connection() as connection:
        connection.execute("SELECT pg_sleep(0.02)")


def _connections_of(tenant: Any) -> int:
    """How many connections of the tenant's role to its database the server has, besides the one that asks."""
    with psycopg.connect(tenant.url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None
    return int(row[0])
