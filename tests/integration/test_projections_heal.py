"""Projections go on after every death around them: of the leader, of connections, of PostgreSQL; one leads, and the log is believed."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from typing import Any

import psycopg
import pytest
from support import projecting
from support.projecting import (
    Seen,
    catching_up,
    followed,
    held,
    parked,
    pure_fold,
    seen,
    standing,
    tell,
    until,
)

import infra.follower
import infra.projection_worker
from infra.embedded import EmbeddedPostgres
from infra.follower import following
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant
from projections.field_history import FieldHistory
from projections.kinds import NotNow
from projections.standing import BACKING_OFF, RUNNING, STANDING_BY

server, tenant = projecting.server, projecting.tenant
REPOSITORY = Path(infra.__file__).parents[1]


# What is not the event's fault


def test_what_is_not_the_event_s_fault_backs_off_and_parks_nothing(tenant):
    """P12: a handler that cannot go on now is called again, and the state says that it is backing off."""
    closed = {"yes"}

    def busy(_: Any) -> bool:
        if closed:
            raise NotNow
        return False

    with followed(tenant, catching_up(tenant, Seen(fails=busy), FieldHistory())) as follower:
        until(lambda: standing(follower, "seen").state == BACKING_OFF)
        assert (standing(follower, "seen").why or "").startswith("NotNow in ")
        until(lambda: standing(follower, "field_history").events_behind == 0)
        closed.clear()
        until(lambda: standing(follower, "seen").events_behind == 0)
    assert parked(tenant) == []
    assert len(seen(tenant)) == tenant.log.head()


# Who leads, and who takes over


def test_one_leads_and_the_other_takes_over(tenant, server):
    """P12: two processes follow the same log; one works, the other stands by until the first has gone."""
    with ExitStack() as closing:
        other = closing.enter_context(Tenant(tenant.url, tenant.name))
        first = closing.enter_context(following(tenant))
        until(lambda: all(found.leads_here for found in first.status()))
        second = closing.enter_context(following(other))
        until(lambda: all(found.leader_application for found in second.status()))
        assert {found.state for found in first.status()} == {RUNNING}
        assert {(found.state, found.leads_here) for found in second.status()} == {(STANDING_BY, False)}
        assert first.status()[0].leader_backend_pid == second.status()[0].leader_backend_pid
        first.stop()
        until(lambda: all(found.leads_here for found in second.status()))
        tell(tenant, deals=1, changes=1, word="after")
        until(lambda: all(found.events_behind == 0 for found in second.status()))
    assert held(tenant) == pure_fold(tenant)


LEADS = """
import sys, time
from infra.tenant import Tenant
from infra.follower import following
with Tenant(*sys.argv[1:]) as tenant, following(tenant) as followers:
    while not all(found.leads_here for found in followers.status()):
        time.sleep(0.05)
    print("leads", flush=True)
    time.sleep(600)
"""


def test_a_killed_leader_is_replaced(tenant):
    """P12: a leader that is killed without a goodbye gives the lead up with its connection."""
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADS, tenant.url, tenant.name],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert leader.stdout is not None
        assert leader.stdout.readline() == "leads\n"
        with following(tenant) as second:
            until(lambda: all(found.state == STANDING_BY for found in second.status()))
            assert str(leader.pid) in (second.status()[0].leader_application or "")
            leader.kill()
            leader.wait()
            until(lambda: all(found.leads_here for found in second.status()))
            tell(tenant, deals=1, changes=1, word="after")
            until(lambda: all(found.events_behind == 0 for found in second.status()))
    finally:
        leader.kill()
        leader.wait()
        leader.stdout.close()  # type: ignore[union-attr]
    assert held(tenant) == pure_fold(tenant)


def test_every_lost_connection_is_made_again(tenant, server):
    """P12: the administrator ends every connection of the service, in the middle of work; nothing is parked, nothing is missing."""
    with following(tenant) as follower:
        for number in range(5):
            tell(tenant, deals=3, changes=2, word=f"round{number}", batch=3)
            server.run(
                "postgres",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'dealtrail_{tenant.name}'"
                " AND application_name LIKE 'dealtrail %'",
            )
            time.sleep(0.1)
        until(lambda: all(found.events_behind == 0 and found.leads_here for found in follower.status()))
        assert {found.parked_streams for found in follower.status()} == {0}
    assert held(tenant) == pure_fold(tenant)


def test_what_a_notification_says_is_not_believed(tenant):
    """P8: anybody may notify; positions are read from the log, so a wrong one neither skips nor stops anything."""
    with following(tenant) as follower, psycopg.connect(tenant.url, autocommit=True) as connection:
        until(lambda: all(found.events_behind == 0 for found in follower.status()))
        for payload in ("999999", "0", "-1", "", "x" * 1_000):
            connection.execute("SELECT pg_notify('dealtrail_events', %s)", (payload,))
        tell(tenant, deals=2, changes=1, word="after")
        until(lambda: all(found.events_behind == 0 for found in follower.status()))
        assert {found.position for found in follower.status()} == {tenant.log.head()}
    assert held(tenant) == pure_fold(tenant)


def test_a_notification_is_enough(tenant, monkeypatch):
    """P8: a projection does not wait for the clock when the log says that there is something new."""
    for module in (infra.follower, infra.projection_worker):
        monkeypatch.setattr(module, "POLL_SECONDS", 3_600.0)
    with following(tenant) as follower:
        until(lambda: all(found.events_behind == 0 for found in follower.status()))
        tell(tenant, deals=1, changes=1, word="after")
        until(lambda: all(found.events_behind == 0 for found in follower.status()))


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A home of one test's own, open to the user the database runs as."""
    home = Path(tempfile.mkdtemp(prefix="dealtrail-own-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_after_postgresql_was_restarted_the_lag_is_nothing_within_five_seconds(own_home, how):
    """P12: PostgreSQL is gone for long enough that every back-off has reached its limit; from its first answer on, 5 s are enough."""
    with ExitStack() as closing:
        server = closing.enter_context(EmbeddedPostgres.attach(own_home))
        tenant = closing.enter_context(
            open_tenant(Settings(home=own_home, database_url=None, tenant="healing"))
        )
        tell(tenant, deals=20, changes=2)
        follower = closing.enter_context(following(tenant))
        until(lambda: all(found.events_behind == 0 and found.state == RUNNING for found in follower.status()))
        pid = int((server.data_dir / "postmaster.pid").read_text().split()[0])
        os.kill(pid, how)
        until(lambda: all(found.state == BACKING_OFF for found in follower.status()))
        assert all(
            found.position is None and "does not answer" in (found.why or "") for found in follower.status()
        )
        time.sleep(6)
        closing.enter_context(EmbeddedPostgres.attach(own_home))
        accepts = time.monotonic()
        with Tenant(tenant.url, tenant.name) as writer:
            tell(writer, deals=5, changes=1, word="after")
            until(
                lambda: all(found.events_behind == 0 and found.leads_here for found in follower.status()), 30
            )
            healed = time.monotonic() - accepts
            assert held(writer) == pure_fold(writer)
    assert healed <= 5
