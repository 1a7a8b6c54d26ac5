"""P1 and P4: what was acknowledged is in the log, all of it, whatever is killed while commands arrive."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from support.faults import history
from support.faults.figures import FIGURES, QUICK, SOAK, Figures
from support.faults.history import Acknowledged, History, Row, Work
from support.faults.http_service import CLIENT, HttpService
from support.faults.plan import EARLY, Fault, FaultPlan, Kind, Reply
from support.faults.proxy import Proxy
from support.faults.service import BusService, Service, load
from support.faults.wrecking import Wrecker, postmaster
from support.sales import Desk, a_submission, an_append, is_whole, opened

from infra.embedded import EmbeddedPostgres
from infra.log.application import SalesLog
from infra.settings import Settings
from infra.tenant import open_tenant

CLIENTS = 8
BATCH = 25


@dataclass(frozen=True)
class Run:
    """What a load under faults left behind."""

    history: History
    log: list[Row]
    wrecker: Wrecker
    figures: Figures
    before: int
    url: str


def batches_of(client: int, commands: int, plan: FaultPlan, *, appends: bool) -> Iterator[list[Work]]:
    """What one client sends: deals that are opened and then moved with an edit (2 events), many at once or one by one.

    `appends` lets it also append 1 to 20 events at a time, as no command does.
    """
    chances, numbers = plan.chances(f"client {client}"), count(1)
    left = commands
    while left > 0:
        batch = next(numbers)
        size = min(left, 1 if chances.random() < 0.2 else BATCH)
        names = [f"{client}_{batch}_{item}" for item in range(size)]
        if appends and chances.random() < 0.2:
            yield [Work(f"append-{n}", "append", f"deal/app_{n}", chances.randint(1, 20)) for n in names[:5]]
            left -= min(5, size)
            continue
        yield [Work(f"open-{name}", "open", f"deal/dea_{name}") for name in names]
        left -= size
        if left > 0:
            yield [Work(f"move-{name}", "move", f"deal/dea_{name}", 2) for name in names[:left]]
            left -= min(size, left)


def faults_of(plan: FaultPlan, figures: Figures) -> list[Fault]:
    """Everything that goes wrong in a run."""
    counts = {
        Kind.KILL_SERVER: figures.server_kills,
        Kind.END_BACKEND: figures.backend_ends,
        Kind.KILL_BACKEND: figures.backend_kills,
        Kind.KILL_POSTMASTER: figures.postmaster_kills,
        Kind.PAUSE_SERVER: figures.pauses,
        Kind.HOLD_OPEN: figures.held_open,
    }
    return plan.faults(counts, over=figures.commands_under_kills)


@pytest.fixture(scope="module", params=["http", "bus"])
def run(request, a_home_to_wreck: Path, the_seed: int) -> Iterator[Run]:
    """Clients that insist, and a server, its connections and its PostgreSQL killed under them.

    The whole figures are those of the HTTP service; the bus alone, whose commands have more events, is tried a quarter as long.
    """
    way: str = request.param
    plan, figures = FaultPlan(the_seed), FIGURES if way == "http" else FIGURES.a_quarter()
    settings = Settings(home=a_home_to_wreck, database_url=None, tenant=f"by_{way}", pool_size=2)
    with ExitStack() as closing:
        tenant = closing.enter_context(open_tenant(settings))
        Desk(tenant)
        before, url = tenant.log.head(), tenant.url
        wire = plan.replies("replies to the server", lost=0.02, cut=0.01, late=0.01, lost_early=4)
        proxy = closing.enter_context(Proxy(Path(str(conninfo_to_dict(url)["host"])), wire))
        wired = make_conninfo(url, host=str(proxy.folder))
        service: Service
        if way == "http":

            def command_id(key: str) -> str:
                return tenant.bus._command_id(a_submission(None, key, client=CLIENT))

            ids = {work.key: command_id(work.key) for work in _every_work(plan, figures, appends=False)}
            service = HttpService(wired, settings.tenant, command_id=ids.__getitem__)
        else:
            service = BusService(wired, settings.tenant, threads=CLIENTS)
        closing.callback(service.kill)
        wrecker = Wrecker(a_home_to_wreck, f"dealtrail_{settings.tenant}", service)
        closing.callback(wrecker.close)
        service.start()
        found, faults = History(), faults_of(plan, figures)
        load(
            service,
            found,
            _clients(plan, figures, appends=way == "bus"),
            meanwhile=lambda over: wrecker.carry_out(faults, lambda: len(found.acknowledged), over),
        )
        service.close()
        yield Run(found, history.rows(url), wrecker, figures, before, url)


def _clients(plan: FaultPlan, figures: Figures, *, appends: bool) -> list[Iterator[list[Work]]]:
    commands = figures.commands_under_kills // CLIENTS + 1
    return [batches_of(client, commands, plan, appends=appends) for client in range(CLIENTS)]


def _every_work(plan: FaultPlan, figures: Figures, *, appends: bool) -> list[Work]:
    return [work for client in _clients(plan, figures, appends=appends) for batch in client for work in batch]


def test_everything_acknowledged_is_in_the_log(run: Run):
    """P1: 0 of ≥ 10,000 acknowledged commands are lost over ≥ 20 kills of the server, of backends and of the postmaster."""
    assert history.lost(run.history.acknowledged.values(), run.log) == []
    assert len(run.history.acknowledged) >= run.figures.commands_under_kills
    assert sum(run.wrecker.done.values()) == run.figures.kills + run.figures.pauses + run.figures.held_open
    assert run.history.unanswered > 0, "nobody noticed the kills"


def test_all_events_of_a_command_or_none(run: Run):
    """P4: every command of 1 or 2 events, and by the bus alone of up to 20, has all of them, side by side."""
    assert history.torn(run.history.sent, run.history.acknowledged, run.log) == []
    assert {work.events for work in run.history.sent.values()} >= {1, 2}


def test_what_was_sent_again_is_there_once(run: Run):
    """P2: commands whose answer died with the server were sent again under their keys, those whose reply to COMMIT was lost too."""
    assert history.applied_twice(run.history.sent, run.history.acknowledged, run.log) == []
    assert run.history.contradictions == []
    assert history.unexplained(run.history.acknowledged, run.log, run.before) == []
    assert any(answer.replayed for answer in run.history.acknowledged.values()), "nothing was ever sent again"


def test_the_log_is_whole_after_all_that(run: Run):
    """P3, P7: positions and versions are contiguous, and both verifiers find every hash right."""
    assert history.broken_order(run.log) == []
    assert is_whole(run.url)


def test_the_figures_are_those_that_are_promised():
    """P1: at least 10,000 commands over at least 20 kills of all kinds, however short a run is to be."""
    assert QUICK.commands_under_kills >= 10_000
    assert SOAK.kills > QUICK.kills >= 20
    assert min(QUICK.server_kills, QUICK.backend_ends, QUICK.backend_kills, QUICK.postmaster_kills) >= 3


def test_without_synchronous_commit_acknowledged_events_are_lost(a_home_to_wreck: Path):
    """P1, P6: the check finds what is lost when PostgreSQL answers before the disk has it; so dealtrail refuses to start then."""
    settings = Settings(home=a_home_to_wreck, database_url=None, tenant="hasty", pool_size=2)
    with EmbeddedPostgres.attach(a_home_to_wreck) as server:
        with open_tenant(settings) as tenant:
            url = tenant.url
        superuser = server.url("postgres", "postgres")
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
            connection.execute("SELECT pg_reload_conf()")
        acknowledged = []
        with SalesLog(f"{url}&options=-c%20synchronous_commit%3Doff", pool_size=1) as log:
            for number in range(50):
                append = an_append(opened(f"deal/dea_{number}", topic="x"), key=f"hasty-{number}")
                (outcome,) = log.append([append])
                acknowledged.append(
                    Acknowledged(f"hasty-{number}", append.origin.command_id, (outcome.first_position,))
                )
            os.kill(postmaster(server), signal.SIGKILL)
        with EmbeddedPostgres.attach(a_home_to_wreck) as restarted:
            assert history.lost(acknowledged, history.rows(url)) != []
            with psycopg.connect(restarted.url("postgres", "postgres"), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM RESET wal_writer_delay")
                connection.execute("SELECT pg_reload_conf()")


TWO = Work("k", "move", "deal/d", 2)
TOLD = Acknowledged("k", "c", (2, 3))
HELD = [
    Row(1, "log", 1, "t", "genesis"),
    Row(2, "deal/d", 1, "t", "c"),
    Row(3, "deal/d", 2, "t", "c"),
]


def test_the_checks_find_what_they_look_for():
    """A log with a hole, with half a command, with one twice, or with somebody else's event fails its check."""
    sent, told = {"k": TWO}, {"k": TOLD}
    assert history.lost([TOLD], HELD) == history.broken_order(HELD) == []
    assert history.torn(sent, told, HELD) == history.applied_twice(sent, told, HELD) == []
    assert history.unexplained(told, HELD, 1) == []
    assert history.lost([TOLD], HELD[:2])
    assert history.torn(sent, told, HELD[:2])
    assert history.torn(sent, {}, HELD)
    assert history.torn(sent, told, [*HELD[:2], replace(HELD[2], position=7)])
    assert history.applied_twice(sent, told, [*HELD, replace(HELD[2], position=4, version=3)])
    assert history.unexplained(told, [*HELD, Row(4, "deal/e", 1, "t", "nobody")], 1)
    assert history.broken_order([HELD[0], HELD[2]])
    assert history.broken_order([*HELD[:2], replace(HELD[2], version=3)])


def test_a_key_that_is_answered_twice_must_be_answered_alike():
    """P2: another position for the same key is a contradiction."""
    found = History()
    found.heard([TOLD])
    found.heard([replace(TOLD, replayed=True)])
    assert found.contradictions == []
    found.heard([replace(TOLD, positions=(5, 6))])
    assert len(found.contradictions) == 1


def test_the_same_seed_is_the_same_plan():
    """A plan that failed can be replayed: its faults, its replies and its clients follow from the seed."""
    counts = {Kind.KILL_SERVER: 5, Kind.KILL_POSTMASTER: 5}
    first, again, other = FaultPlan(7), FaultPlan(7), FaultPlan(8)
    assert (
        first.faults(counts, over=1_000)
        == again.faults(counts, over=1_000)
        != other.faults(counts, over=1_000)
    )
    replies, same = first.replies("wire"), again.replies("wire")
    assert [replies() for _ in range(100)] == [same() for _ in range(100)]
    few = first.replies("wire", lost=0, lost_early=4)
    assert [few() for _ in range(EARLY)].count(Reply.LOST) == 4
    works = [list(batches_of(1, 200, plan, appends=True)) for plan in (first, again, other)]
    assert works[0] == works[1] != works[2]
    assert "DEALTRAIL_SEED=7" in str(first)
