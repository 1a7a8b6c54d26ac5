"""What a load balancer is told: whether the service is ready, with the reason and without the words of an error."""

import asyncio
from typing import Any

import psycopg
import pytest
from support import edge
from support.edge import CALLER, MARKER, lines, problem, settings
from support.sales import TestClient

from infra import database
from infra.asgi import build
from infra.http.health import Readiness
from projections.standing import BACKING_OFF, RUNNING, Standing

desk, home, written = edge.desk, edge.home, edge.written


class Followers:
    """What follows the log, saying what the test wants it to."""

    def __init__(self, *standings: Standing) -> None:
        self.standings = list(standings)

    def status(self) -> list[Standing]:
        return self.standings


def a_standing(**about: Any) -> Standing:
    return Standing(
        **(
            {
                "name": "current_records",
                "type": "read model",
                "version": 1,
                "state": RUNNING,
                "events_behind": 0,
            }
            | about
        )
    )


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        ({"events_behind": 101}, "101 events behind"),
        ({"state": BACKING_OFF, "why": MARKER}, "backing off"),
        ({"events_behind": None}, "nobody knows"),
    ],
)
def test_it_is_not_ready_while_its_read_models_are_not(desk, standing, reason):
    """A load balancer is told, with the reason and without the words of an error."""
    readiness = Readiness(desk.tenant, max_events_behind=100, is_demo=False)
    readiness.followers = Followers(a_standing(**standing))
    (told,) = asyncio.run(readiness.look())["reasons"]
    assert reason in told
    assert MARKER not in told


def test_it_is_looked_at_once_a_second_at_most(desk):
    """Anybody may ask, so asking costs nothing; what is new is seen after a second."""
    now = [0.0]
    readiness = Readiness(desk.tenant, max_events_behind=100, is_demo=False, clock=lambda: now[0])
    readiness.followers = followers = Followers(a_standing())
    assert asyncio.run(readiness.look())["reasons"] == []
    followers.standings = [a_standing(events_behind=500)]
    assert asyncio.run(readiness.look())["reasons"] == []
    now[0] += 1
    assert asyncio.run(readiness.look())["reasons"] != []


@pytest.mark.parametrize(
    "error",
    [database.DatabaseUnusable(f"{MARKER} lacks the migrations 0009"), psycopg.OperationalError(MARKER)],
    ids=["migrations", "away"],
)
def test_it_is_not_ready_without_its_database(desk, home, monkeypatch, written, error):
    """503 with a reason that names no host; a database that lacks migrations counts as away."""

    def fail(_: str) -> None:
        raise error

    with TestClient(build(desk.tenant, settings(home), caller=CALLER)) as client:
        monkeypatch.setattr(database, "check_usable", fail)
        response = client.get("/readyz")
        data = problem(response, 503, "not-ready")
        assert "database" in data["reasons"][0]
        assert response.headers["retry-after"]
        assert client.get("/healthz").status_code == 200
    assert lines(written, "not_ready")
