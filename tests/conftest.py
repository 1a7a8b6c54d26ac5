"""Fixtures every test may use."""

import gc
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from infra.embedded import EmbeddedPostgres
from infra.settings import Settings
from infra.tenant import open_tenant

pytest.register_assert_rewrite("support")

# A shell that runs the tests in the background lets them ignore Ctrl-C, and so would every program they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is there before the first test stays to the last: garbage is looked for beside it, and not after every few hundred objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def embedded_home() -> Iterator[Path]:
    """The home of one embedded PostgreSQL, shared by all tests of a worker and stopped after the last of them.

    The folder is open to other users: as root, the database runs as another user who must be able to reach it.
    """
    home = Path(tempfile.mkdtemp(prefix="dealtrail-test-"))
    home.chmod(0o755)
    server = EmbeddedPostgres.attach(home)
    try:
        yield home
    finally:
        server.detach()
        rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def a_fresh_name() -> Callable[[str], str]:
    """Names nobody has had before, in this session: always with a number, so that none is a name a test gave itself."""
    taken: dict[str, int] = {}

    def fresh(name: str) -> str:
        taken[name] = taken.get(name, 0) + 1
        return f"{name}_{taken[name]}"

    return fresh


@pytest.fixture
def a_tenant(embedded_home: Path, a_fresh_name: Callable[[str], str]) -> Iterator[Callable[..., Any]]:
    """Make tenants, each with a database of its own on the shared server: `a_tenant("acme", clock="simulated", told_time=…)`.

    They are closed after the test. Every name gets a number, so that every log is a fresh one.
    """
    with ExitStack() as closing:

        def make(
            name: str = "t", *, clock: str = "database", told_time: datetime | None = None, **settings: Any
        ) -> Any:
            own = Settings(home=embedded_home, database_url=None, tenant=a_fresh_name(name), **settings)
            return closing.enter_context(open_tenant(own, clock=clock, told_time=told_time))  # type: ignore[arg-type]

        yield make
