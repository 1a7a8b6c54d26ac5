"""Where benchmarks run when they are given no place: an embedded PostgreSQL in a temporary folder, gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

from infra.embedded import EmbeddedPostgres
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant


class Grounds:
    """A database server of one's own."""

    def __init__(self, home: Path, server: EmbeddedPostgres) -> None:
        self._home = home
        self.server = server

    def tenant(self, name: str, *, pool_size: int = 5, **about: Any) -> Tenant:
        """Open a tenant in a fresh database, with the clock of the database unless told otherwise."""
        own = Settings(
            home=self._home, database_url=None, tenant=name, evidence_url=None, pool_size=pool_size
        )
        return open_tenant(own, **about)


@contextmanager
def private_grounds() -> Iterator[Grounds]:
    """Start a database server for the length of the block."""
    home = Path(tempfile.mkdtemp(prefix="dealtrail-bench-"))
    home.chmod(0o755)  # as root, the database runs as another user who must be able to reach it
    server = EmbeddedPostgres.attach(home)
    try:
        yield Grounds(home, server)
    finally:
        server.detach()
        rmtree(home, ignore_errors=True)


def version_of(tenant: Tenant) -> str:
    """Return the version of the PostgreSQL a tenant is on."""
    with tenant.pool.connection() as connection:
        row = connection.execute("SHOW server_version").fetchone()
    assert row is not None
    return str(row["server_version"]).split(" ", 1)[0]
