"""The guides about measuring, replaying and analysing are true: what they tell to type is typed here, on the log of the demo.

The demo is run once. Each page gets a copy of its log and of the ledger, so that none sees what another one wrote.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from support.guides import a_readers_environment, follow

from infra.database import APPLICATION
from infra.embedded import EmbeddedPostgres

DEMO = "dealtrail demo"
TENANT = "demo"
PAGES = [
    f"{name}{language}.md"
    for name in ("measure", "replay-before-you-publish", "for-analysts")
    for language in ("", ".zh-CN")
]


@dataclass(frozen=True)
class Ground:
    """The log the demo wrote, put aside, with what is kept beside it."""

    server: EmbeddedPostgres
    database: str
    beside: Path

    def sql(self, statement: str, **names: str) -> None:
        address = self.server.url("postgres", self.server.SUPERUSER)
        with psycopg.connect(address, autocommit=True) as connection:
            named = {key: Identifier(name) for key, name in names.items()}
            connection.execute(SQL(statement).format(**named))


@pytest.fixture(scope="module")
def ground(
    embedded_home: Path, a_fresh_name: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """Run the demo as a reader does, once, and put away what it left."""
    environment = a_readers_environment(DEALTRAIL_HOME=str(embedded_home))
    subprocess.run([*DEMO.split(), "--no-serve"], env=environment, check=True, stdout=subprocess.DEVNULL, timeout=900)  # fmt: skip
    beside = tmp_path_factory.mktemp("beside_the_log")
    for kept in embedded_home.glob(f"*/{TENANT}"):
        copytree(kept, beside / kept.relative_to(embedded_home))
    with EmbeddedPostgres.attach(embedded_home) as server:
        made = Ground(server, f"dealtrail_{a_fresh_name('ground')}", beside)
        made.sql("ALTER DATABASE {demo} RENAME TO {ground}", demo=f"dealtrail_{TENANT}", ground=made.database)
        yield made
        made.sql("DROP DATABASE {ground}", ground=made.database)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_guide_tells_to_type_on_the_demo_answers_as_it_says(
    page, ground, programs, a_fresh_name, tmp_path
):
    """A reader who ran the demo and copies every other block of the page sees what the page shows."""
    own = f"dealtrail_{a_fresh_name('page')}"
    ground.sql("CREATE DATABASE {own} TEMPLATE {ground}", own=own, ground=ground.database)
    home = tmp_path / "home"
    copytree(ground.beside, home)
    environment = a_readers_environment(
        programs, DEALTRAIL_HOME=str(home), DATABASE_URL=ground.server.url(own, APPLICATION)
    )
    folder = tmp_path / "reader"
    folder.mkdir()
    try:
        assert follow(page, folder, environment, done=DEMO, seconds=900) > 5
    finally:
        ground.sql("DROP DATABASE {own} WITH (FORCE)", own=own)
