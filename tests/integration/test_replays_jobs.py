"""Replays as jobs: one question is worked off once, failures say why, and a process that dies leaves nothing half done."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Thread
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from support.replays import ByHand
from support.sales import ANNA, Desk, databases, name_of, stricter

from domain.record.commands import OpenRecord
from infra import replays as infra_replays
from infra.replay_engine import LedgerEngine
from infra.replays import ReplayJobs, ReplaysBusy, Wanted, replay_files
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.ledger.store import LedgerDamaged
from projections.replay_jobs import Job, NotDone, State, result_of
from projections.replay_tables import drop_datasets
from projections.replay_window import Window

DEALS = [f"deal/dea_{number}" for number in range(4)]


@pytest.fixture(scope="module")
def settings(embedded_home, a_fresh_name) -> Settings:
    return Settings(_env_file=None, home=embedded_home, database_url=None, tenant=a_fresh_name("jobs"))


@pytest.fixture(scope="module")
def desk(settings) -> Iterator[Desk]:
    with open_tenant(settings) as tenant:
        desk = Desk(tenant)
        for deal in DEALS:
            desk.do(OpenRecord(deal, {"topic": "Pumps"}, owner=ANNA))
        yield desk


@pytest.fixture
def engine() -> Iterator[ByHand]:
    engine = ByHand(DEALS)
    yield engine
    engine.may_go_on.set()


@pytest.fixture
def a_process(desk, settings, engine) -> Iterator[Callable[..., ReplayJobs]]:
    """Processes that replay on the same log and the same store."""
    made: list[ReplayJobs] = []

    def make(own: ByHand | None = None) -> ReplayJobs:
        made.append(ReplayJobs(desk.tenant, settings, own or engine))
        return made[-1]

    yield make
    engine.may_go_on.set()
    for jobs in made:
        jobs.close()


_limits = iter(range(101, 100_000))


@pytest.fixture
def wanted(desk) -> Wanted:
    """A question nobody has asked."""
    head = desk.tenant.log.head()
    return Wanted(stricter(next(_limits)), Window(0, head, head))


def ended(jobs: ReplayJobs, job: Job) -> Job:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        job = jobs.wait(job.id, 0.2)
        if not job.is_under_way:
            return job
    raise AssertionError(job)


def test_who_asks_the_same_joins(a_process, engine, wanted):
    """In one process or in two, while it is under way and afterwards."""
    one, two = a_process(), a_process()
    engine.may_go_on.clear()
    job = one.start(wanted)
    assert engine.began.wait(10)
    assert one.start(wanted).id == two.start(wanted).id == job.id
    assert two.job(job.id).state is State.running
    engine.may_go_on.set()
    assert ended(one, job).state is State.done
    assert two.start(wanted).state is State.done
    assert engine.runs == 1


def test_a_job_goes_on_step_by_step_and_says_how_long_it_takes(a_process, engine, wanted):
    jobs = a_process()
    told: list[tuple[int, int, int | None]] = []
    tell = jobs.tell
    jobs.tell = lambda job: (told.append((job.done, job.of, job.eta_seconds)), tell(job))[1]
    done = ended(jobs, jobs.start(wanted))
    assert (done.done, done.of, done.eta_seconds) == (5, 5, 0)
    assert told[0] == (0, 0, None)
    assert told[-1][:2] == (4, 5)
    assert all(done < of or not of for done, of, _ in told)
    assert all(eta is None or eta > 0 for _, _, eta in told)
    assert told[-1][2] is not None


def test_the_steps_of_a_replay_are_known_before_the_first_is_done(a_process, desk, wanted):
    """Below so many events there is one partition: indices, other subjects and the result are steps of their own, so it is not done of done while it runs on."""
    jobs = a_process(LedgerEngine())
    told: list[tuple[int, int, int | None]] = []
    tell = jobs.tell
    jobs.tell = lambda job: (told.append((job.done, job.of, job.eta_seconds)), tell(job))[1]
    asked = replace(wanted, about=frozenset({"indices", "deadlines"}))
    done = ended(jobs, jobs.start(asked))
    assert done.state is State.done, done.message
    assert told[0] == (0, 0, None)
    assert told[1][0] == 0
    assert told[1][1] == done.of == done.done > 2
    assert {of for _, of, _ in told[1:]} == {done.of}
    assert all(done < of for done, of, _ in told[1:])
    assert all(eta is None or eta > 0 for _, _, eta in told)
    again = ended(jobs, jobs.start(asked))
    assert (again.state, again.done, again.of) == (State.done, done.done, done.of)


def test_cancelled_here(a_process, engine, wanted):
    jobs = a_process()
    engine.may_go_on.clear()
    job = jobs.start(wanted)
    assert engine.began.wait(10)
    jobs.cancel(job.id)
    assert ended(jobs, job).state is State.cancelled
    with pytest.raises(NotDone):
        result_of(jobs, job.id)
    assert jobs.store.find(job.id) is None


def test_cancelled_from_another_process(a_process, engine, wanted):
    one, two = a_process(), a_process()
    engine.may_go_on.clear()
    job = one.start(wanted)
    assert engine.began.wait(10)
    two.cancel(job.id)
    assert ended(one, job).state is State.cancelled
    assert two.job(job.id).state is State.cancelled
    engine.may_go_on.set()
    assert ended(two, two.start(wanted)).state is State.done


def test_what_waits_is_cancelled_at_once(a_process, engine, wanted):
    jobs = a_process()
    engine.may_go_on.clear()
    first = jobs.start(wanted)
    assert engine.began.wait(10)
    second = jobs.start(replace(wanted, draft=stricter(next(_limits))))
    assert second.state is State.queued
    assert jobs.cancel(second.id).state is State.cancelled
    engine.may_go_on.set()
    assert ended(jobs, first).state is State.done
    assert engine.runs == 1


def test_a_process_that_goes_down_leaves_an_interrupted_job(a_process, engine, wanted):
    """Whoever comes after sees it, and starts it again."""
    dying, after = a_process(), a_process()
    engine.may_go_on.clear()
    job = dying.start(wanted)
    waiting = dying.start(replace(wanted, draft=stricter(next(_limits))))
    assert engine.began.wait(10)
    dying.close()
    assert after.job(job.id).state is State.interrupted
    assert after.job(waiting.id).state is State.interrupted
    engine.may_go_on.set()
    assert ended(after, after.start(wanted)).state is State.done


def test_a_process_that_is_killed_leaves_an_interrupted_job(a_process, engine, wanted):
    """Killed, it says nothing: its connection ends, and with it its lock on the job."""
    killed, after = a_process(), a_process()
    engine.may_go_on.clear()
    job = killed.start(wanted)
    assert engine.began.wait(10)
    assert after.job(job.id).state is State.running
    killed._holding.close()
    until = time.monotonic() + 10
    while after.job(job.id).state is State.running and time.monotonic() < until:
        time.sleep(0.02)  # the server notices a moment later that its client is gone
    assert after.job(job.id).state is State.interrupted
    again = after.start(wanted)
    engine.may_go_on.set()
    assert ended(after, again).state is State.done


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LedgerDamaged("a segment is missing; `dealtrail ledger verify` makes it again"), "ledger-damaged"),
        (MemoryError(), "out-of-memory"),
        (RuntimeError("Anna's phone number is 1234"), "internal-error"),
    ],
)
def test_a_failure_says_why_and_the_next_job_comes(a_process, wanted, error, reason):
    def fails() -> None:
        raise error

    engine = ByHand(DEALS, fails=fails)
    jobs = a_process(engine)
    failed = ended(jobs, jobs.start(wanted))
    assert (failed.state, failed.reason) == (State.failed, reason)
    assert "1234" not in str(failed)
    engine.fails = None
    assert ended(jobs, jobs.start(wanted)).state is State.done


def test_a_result_that_was_damaged_is_made_again(a_process, engine, wanted, settings):
    jobs = a_process()
    job = ended(jobs, jobs.start(wanted))
    files = replay_files(settings)
    whole = files.get(f"{job.id}/impact.json")
    files.put(f"{job.id}/impact.json", whole[:-1])
    another = a_process()
    assert ended(another, another.start(wanted)).state is State.done
    assert engine.runs == 2
    assert files.get(f"{job.id}/impact.json") == whole


def test_a_result_that_was_not_handed_to_analysts_is_handed_over(a_process, engine, wanted, desk):
    """The database was away when the result was kept: asked again, only that is made good."""
    jobs = a_process()
    job = ended(jobs, jobs.start(wanted))
    rows = "SELECT count(*) AS rows FROM dealtrail_read.replay_decisions WHERE replay = %s"
    drop_datasets(desk.tenant.pool, job.id)
    assert ended(jobs, jobs.start(wanted)).state is State.done
    assert engine.runs == 1
    with desk.tenant.pool.connection() as connection:
        assert connection.execute(rows, (job.id,)).fetchone()["rows"] == 8
    assert jobs.drop(job.id)
    assert jobs.job(job.id) is None
    with desk.tenant.pool.connection() as connection:
        assert connection.execute(rows, (job.id,)).fetchone()["rows"] == 0


def test_p11_a_replay_as_a_job_changes_nothing_live(a_process, wanted, desk, embedded_home):
    """P11: beside the tables of replays themselves, every table holds the same before and after, the real engine at work."""
    with databases(embedded_home) as server:
        url = server.admin(name_of(desk.tenant))
        before = live(url)
        jobs = a_process(LedgerEngine())
        job = ended(jobs, jobs.start(wanted))
        assert job.state is State.done, job
        assert result_of(jobs, job.id)[1].datasets["decisions"] == 4
        assert live(url) == before
        assert {"dealtrail.events", "dealtrail_read.cursors"} <= before.keys()


def live(url: str) -> dict[str, Any]:
    """What every table holds but those that hold what replays found."""
    tables = (
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname LIKE 'dealtrail%' AND c.relname NOT LIKE 'replay%'"
    )
    digest = SQL(
        "SELECT count(*), md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {} t"
    )
    with psycopg.connect(url) as connection:
        return {
            f"{schema}.{table}": connection.execute(digest.format(Identifier(schema, table))).fetchone()
            for schema, table in connection.execute(tables).fetchall()
        }


def test_only_so_many_wait(a_process, engine, wanted, monkeypatch):
    monkeypatch.setattr(infra_replays, "MOST_WAITING", 2)
    jobs = a_process()
    engine.may_go_on.clear()
    jobs.start(wanted)
    assert engine.began.wait(10)
    for _ in range(2):
        jobs.start(replace(wanted, draft=stricter(next(_limits))))
    with pytest.raises(ReplaysBusy):
        jobs.start(replace(wanted, draft=stricter(next(_limits))))


def test_many_ask_at_once_and_it_is_replayed_once(a_process, engine, wanted):
    one, two = a_process(), a_process()
    found: list[Any] = []
    threads = [Thread(target=lambda jobs=jobs: found.append(jobs.start(wanted))) for jobs in (one, two) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.id for job in found}) == 1
    assert ended(one, found[0]).state is State.done
    assert ended(two, found[0]).state is State.done
    assert engine.runs == 1
