"""P6: dealtrail does not start on a PostgreSQL that may forget what it has acknowledged."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.database import UNSAFE_WHEN_OFF, DatabaseUnusable, check_usable
from infra.embedded import EmbeddedPostgres
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant

SETTINGS = ["fsync", "synchronous_commit", "full_page_writes"]


@pytest.fixture(scope="module")
def url(a_home_to_wreck: Path) -> str:
    """A log that was begun while everything was on."""
    with open_tenant(Settings(home=a_home_to_wreck, database_url=None, tenant="durable")) as tenant:
        return tenant.url


@pytest.fixture
def superuser(a_home_to_wreck: Path) -> Iterator[psycopg.Connection]:
    with (
        EmbeddedPostgres.attach(a_home_to_wreck) as server,
        psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection,
    ):
        yield connection
        connection.execute("ALTER SYSTEM RESET ALL")
        connection.execute("SELECT pg_reload_conf()")


def configure(superuser: psycopg.Connection, url: str, name: str, value: str) -> None:
    """Change a setting of the whole server, and wait until a new connection sees it."""
    superuser.execute(f"ALTER SYSTEM SET {name} = {value}")
    superuser.execute("SELECT pg_reload_conf()")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with psycopg.connect(url) as connection:
            if connection.execute(f"SHOW {name}").fetchone() == (value,):
                return
        time.sleep(0.02)
    raise AssertionError(f"{name} is still not {value}")


def test_these_are_the_settings_that_keep_what_was_acknowledged():
    """P6: all three are checked, and these tests try all that are checked."""
    assert set(UNSAFE_WHEN_OFF) == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_start_is_refused_while_a_setting_is_off(superuser, url, a_home_to_wreck, name):
    """P6: switched off on the server itself, each of the three keeps dealtrail from starting, by URL and on the embedded server, until it is on again."""
    configure(superuser, url, name, "off")
    with pytest.raises(DatabaseUnusable, match=f"{name} is off"):
        check_usable(url)
    with pytest.raises(DatabaseUnusable, match=f"{name} is off"):
        Tenant(url, "durable")
    with pytest.raises(DatabaseUnusable, match=f"{name} is off"):
        open_tenant(Settings(home=a_home_to_wreck, database_url=None, tenant="durable"))
    configure(superuser, url, name, "on")
    with Tenant(url, "durable") as tenant:
        assert tenant.log.head() == 1


@pytest.mark.parametrize("value", ["local", "remote_write", "remote_apply"])
def test_other_ways_to_wait_for_a_commit_are_left_to_the_operator(superuser, url, value):
    """P6: whatever waits for the own disk at least is durable on one node, which is what is promised."""
    configure(superuser, url, "synchronous_commit", value)
    Tenant(url, "durable").close()
