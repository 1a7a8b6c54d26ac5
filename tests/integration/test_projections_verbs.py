"""What the program says of projections: where they stand, and what came of a retry."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from support import projecting
from support.projecting import parked, tell, until, whole_log
from support.sales import MORNING

import infra
from infra.follower import following
from projections.kinds import UnknownProjection

server, tenant = projecting.server, projecting.tenant
REPOSITORY = Path(infra.__file__).parents[1]


@pytest.fixture
def dealtrail(tenant, embedded_home) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The program on the log of the tenant."""
    environment = os.environ | {"DEALTRAIL_HOME": str(embedded_home), "PYTHONPATH": str(REPOSITORY)}
    environment.pop("DATABASE_URL", None)

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "infra.cli.main", "--tenant", tenant.name, "projections", *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_the_program_says_where_projections_stand(tenant, dealtrail):
    """Status says how far and how late each is, who leads, and what is kept aside; in a table and as JSON."""
    tenant.catch_up.run()
    tell(tenant, deals=2, changes=0, word="new")
    with psycopg.connect(tenant.url) as connection:
        connection.execute(
            "INSERT INTO dealtrail_read.parked VALUES ('field_history', 'deal/dea_1', 5, 'ValueError in x:1', 1, now())"
        )
    found = {row["name"]: row for row in json.loads(dealtrail("status", "--json").stdout)}
    told = found["field_history"]
    assert (told["type"], told["state"], told["version"], told["live_version"]) == (
        "read model",
        "not followed",
        1,
        1,
    )
    assert (told["position"], told["head"], told["events_behind"]) == (
        tenant.log.head() - 2,
        tenant.log.head(),
        2,
    )
    assert told["seconds_behind"] > 0
    assert (told["parked_streams"], told["parked_events"]) == (1, 1)
    with following(tenant) as follower:
        until(lambda: all(row.leads_here for row in follower.status()))
        table = dealtrail("status")
    assert table.returncode == 0
    for words in ("field_history", "read model", "running", "parked", f"{os.getpid()}@"):
        assert words in table.stdout
    assert "projections retry" in table.stderr


def test_the_program_retries(tenant, dealtrail):
    """Retry says what came of it, ends with 1 while something is left, and names the nearest projection for a wrong one."""
    tenant.catch_up.run()
    position = next(e.position for e in whole_log(tenant) if e.stream == "deal/dea_1" and e.version == 4)
    with psycopg.connect(tenant.url) as connection:
        connection.execute("DELETE FROM dealtrail_read.field_history WHERE position = %s", (position,))
        connection.execute(
            "INSERT INTO dealtrail_read.parked VALUES ('field_history', 'deal/dea_1', %s, 'ValueError in x:1', 1, now()),"
            " ('field_history', 'deal/dea_2', %s, 'ValueError in x:1', 1, now())",
            (position, next(e.position for e in whole_log(tenant) if e.stream == "deal/dea_2")),
        )
    done = dealtrail("retry", "field_history")
    assert "field_history: 1 parked record is complete again, 1 stays parked" in done.stdout
    assert (
        done.returncode == 1
    )  # the opening of the second deal was applied before, so its rows are there already
    assert [(stream, attempts) for stream, _, attempts in parked(tenant, "field_history")] == [
        ("deal/dea_2", 2)
    ]
    assert json.loads(dealtrail("retry", "current_records", "--json").stdout)[0]["parked_streams"] == 0
    wrong = dealtrail("retry", "field_histroy")
    assert (wrong.returncode, "did you mean 'field_history'" in wrong.stderr) == (1, True)
    with pytest.raises(UnknownProjection):
        tenant.catch_up.retry("nothing")


def test_a_simulated_log_has_no_seconds_behind(a_tenant):
    """Its times are told, so nothing can be late."""
    tenant = a_tenant("told", clock="simulated", told_time=MORNING)
    tell(tenant, deals=1, changes=1)
    assert {(found.seconds_behind, found.events_behind) for found in tenant.catch_up.status()} == {(None, 3)}
