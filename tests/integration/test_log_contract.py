"""The sealed log and the vault in PostgreSQL keep the contract their in-memory twins are tested with."""

from contextlib import ExitStack

import psycopg
import pytest
from support.log_contract import NOON, LogContract, VaultContract

from infra import database
from infra.embedded import EmbeddedPostgres
from infra.log.application import SalesLog


@pytest.fixture
def tenant(a_tenant):
    return a_tenant("contract")


@pytest.fixture
def log(tenant):
    return tenant.log


@pytest.fixture
def vault(tenant):
    return tenant.vault


@pytest.fixture
def simulated_log(a_tenant):
    return a_tenant("simulated", clock="simulated", told_time=NOON).log


@pytest.fixture
def empty_log(embedded_home):
    """A log whose tables are there and that has not begun."""
    with ExitStack() as closing:
        server = EmbeddedPostgres.attach(embedded_home)
        closing.callback(server.detach)
        admin = server.url("postgres", "postgres")
        database.create_database(admin, "empty_log")
        closing.callback(database.drop_database, admin, "empty_log")
        database.migrate(server.url("empty_log", "postgres"))
        yield closing.enter_context(SalesLog(server.url("empty_log", database.APPLICATION), pool_size=1))


@pytest.fixture
def another_process(tenant):
    with ExitStack() as closing:
        yield lambda _: closing.enter_context(SalesLog(tenant.url, pool_size=1))


class TestSalesLog(LogContract):
    """SalesLog is a log."""


class TestPostgresVault(VaultContract):
    """PostgresVault is a vault."""


def test_the_application_role_cannot_change_history(tenant):
    """Grants and triggers keep what was appended."""
    with psycopg.connect(tenant.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE dealtrail.events SET actor = 'nobody'")
