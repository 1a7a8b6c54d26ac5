"""Fixtures of the promises: a seeded plan, and a PostgreSQL of their own that may be killed."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest
from support.faults.plan import FaultPlan
from support.sales import Databases, databases

from infra.embedded import EmbeddedPostgres


@pytest.fixture(scope="session")
def the_seed() -> int:
    """The seed of this run."""
    return FaultPlan.of_this_run().seed


@pytest.fixture(autouse=True)
def plan(the_seed: int) -> FaultPlan:
    """A plan of faults; a test that fails shows its seed among what it printed."""
    plan = FaultPlan(the_seed)
    print(plan)
    return plan


@pytest.fixture(scope="module")
def a_home_to_wreck() -> Iterator[Path]:
    """The home of a PostgreSQL of this module's own: whatever happens to it, no other test has it open."""
    home = Path(tempfile.mkdtemp(prefix="dealtrail-wreck-"))
    home.chmod(0o755)
    server = EmbeddedPostgres.attach(home)
    try:
        yield home
    finally:
        server.detach()
        rmtree(home, ignore_errors=True)


@pytest.fixture
def server(embedded_home: Path) -> Iterator[Databases]:
    """The session's PostgreSQL, as its superuser."""
    with databases(embedded_home) as found:
        yield found
