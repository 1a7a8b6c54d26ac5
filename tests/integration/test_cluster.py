"""A real local cluster of worker processes gives what the loop gives, whoever of them is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shutil import move
from typing import Any

import orjson
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.histories import Played, play
from support.ledgers import A_HISTORY, UpTo, a_ledger

from infra import cluster
from infra.cluster import ClusterError, DaskRunner, runner
from projections.ledger.running import LOOP, Cancelled
from projections.ledger.store import LedgerUnavailable
from projections.ledger.view import View
from projections.metrics.asking import ask_of
from projections.metrics.cells import measure
from projections.metrics.reading import Reading
from projections.replay import Ask, Window, replay

dask = pytest.importorskip("distributed")

PARTITIONS = 8
MERGED = range(PARTITIONS)


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """A scheduler and two worker processes, each with a nanny that starts it again when it dies."""
    with dask.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=0
    ) as found:
        yield found


@pytest.fixture(scope="module")
def on_workers(workers) -> Iterator[DaskRunner]:
    with runner(workers.scheduler_address) as found:
        assert isinstance(found, DaskRunner)
        yield found


@pytest.fixture(scope="module")
def played() -> Played:
    return play(A_HISTORY)


@pytest.fixture(scope="module")
def view(played, tmp_path_factory) -> View:
    """A ledger two thirds of which are in segments; the rest is the tail, which has to travel."""
    log = played.log
    folder = tmp_path_factory.mktemp("ledger")
    a_ledger(folder, UpTo(log, 2 * log.head() // 3), partitions=PARTITIONS).update()
    found = a_ledger(folder, log, partitions=PARTITIONS).at()
    assert found.tail
    assert found.position > found.manifest.position
    return found


def stays(view: View, partition: int) -> pl.DataFrame:
    """A task: how often each step was entered and left, and by whom."""
    visits = view.scan("visits", partition=partition)
    return (
        visits.group_by("step", "owner")
        .agg(
            pl.len().alias("visits"), pl.col("left_position").count().alias("left"), pl.col("position").sum()
        )
        .sort("step", "owner")
        .collect()
    )


def stays_where(view: View, partition: int, *, folder: Path) -> pl.DataFrame:
    """The same, in a worker that says who it is, and waits the first time it has partition 5 until somebody kills it."""
    waiting = folder / "waiting"
    if partition == 5 and not (folder / "killed").exists():
        waiting.write_text(str(os.getpid()), "utf-8")
        waiting.replace(folder / "killed")
        time.sleep(600)
    return stays(view, partition)


def slowly(view: View, partition: int) -> int:
    time.sleep(0.2)
    return partition


def raising(view: View, partition: int) -> int:
    raise ValueError(f"nothing can be said about {partition}")


def who(view: View, partition: int) -> int:
    return os.getpid()


def assert_same(mine: list[pl.DataFrame], theirs: list[pl.DataFrame]) -> None:
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        assert_frame_equal(one, other)


def test_the_cluster_gives_what_the_loop_gives(on_workers, view):
    """Row by row, in the order asked for; the work was done elsewhere, and the tail travelled."""
    order = [3, 0, 7, 1, 2, 6, 5, 4]
    here = list(LOOP.map(stays, view, order))
    assert sum(frame["visits"].sum() for frame in here) > 20
    assert_same(list(on_workers.map(stays, view, order)), here)
    assert os.getpid() not in set(on_workers.map(who, view, MERGED))


def test_metrics_are_the_same_on_the_cluster(on_workers, played, view):
    """Each of these reads other tables, and partial results are merged by whoever asked."""
    now = played.log.after(view.position - 1, 1)[0].recorded_at
    reading = Reading.of(played.playbooks, "opportunity", view.position, now)
    for name, about in {
        "stage_distribution": {"by": "step,owner"},
        "dwell": {"by": "step"},
        "touches": {"by": "touch_kind"},
        "acceptance": {},
        "conversion": {"parameters": {"from": "lead", "to": "quoted"}},
    }.items():
        asked = ask_of(reading, **about)
        here = measure(view, reading, name, asked).frame
        assert here.height
        assert_frame_equal(measure(view, reading, name, asked, on_workers).frame, here)


def test_a_replay_is_the_same_on_the_cluster_though_a_worker_is_killed(workers, played, view):
    """Every dataset row by row, the impact byte by byte; the keys stay here, for values were opened before."""
    books = played.playbooks
    (draft,) = books.in_force.values()
    asked = Ask(Window(0, view.position), draft=draft)
    here = replay(view, books, played.desk.vault, asked)
    assert here.law.decisions > 10
    with runner(workers.scheduler_address) as there:
        counts: list[int] = []

        def kill_once(done: int, of: int) -> None:
            counts.append(done)
            if len(counts) == 1:
                os.kill(next(iter(there.map(who, view, [0]))), signal.SIGKILL)

        found = replay(view, books, played.desk.vault, asked, runner=there, progress=kill_once)
    assert counts
    assert found.law == here.law
    assert found.id == here.id
    assert orjson.dumps(found.impact) == orjson.dumps(here.impact)
    assert found.datasets.keys() == here.datasets.keys()
    for name, rows in here.datasets.items():
        assert_frame_equal(found.datasets[name], rows)


def test_the_cluster_gives_the_same_as_of_an_earlier_position(on_workers, view):
    """A view that cuts its segments off travels as one."""
    earlier = View(view.store, view.manifest, view.manifest.position // 2)
    assert_same(list(on_workers.map(stays, earlier, MERGED)), list(LOOP.map(stays, earlier, MERGED)))


def test_a_worker_that_is_killed_mid_run_changes_nothing(workers, on_workers, view, tmp_path):
    """What it had is done again by others; the answer is that of the loop, and each partition is counted once."""
    killed: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not (tmp_path / "killed").exists():
            time.sleep(0.02)
        killed.append(int((tmp_path / "killed").read_text("utf-8")))
        os.kill(killed[0], signal.SIGKILL)

    before = set(on_workers.map(who, view, MERGED))
    killer = threading.Thread(target=kill)
    killer.start()
    counts: list[int] = []
    task = partial(stays_where, folder=tmp_path)
    found = list(on_workers.map(task, view, MERGED, done=counts.append))
    killer.join()
    assert killed
    assert killed[0] in before
    assert killed[0] not in set(on_workers.map(who, view, MERGED))
    assert_same(found, list(LOOP.map(stays, view, MERGED)))
    assert counts == sorted(set(counts))
    assert counts[-1] == PARTITIONS


def test_progress_is_told_and_ends_with_all(on_workers, view):
    counts: list[int] = []
    assert list(on_workers.map(slowly, view, MERGED, done=counts.append)) == list(MERGED)
    assert counts == sorted(set(counts))
    assert counts[-1] == PARTITIONS


def test_whoever_cancels_gets_no_more(on_workers, view):
    """The workers are free again soon after."""
    asked: list[int] = []
    results = on_workers.map(slowly, view, MERGED, cancelled=lambda: len(asked) > 1)
    with pytest.raises(Cancelled):
        asked.extend(results)
    assert asked == [0, 1]
    assert list(on_workers.map(slowly, view, [2])) == [2]


def test_what_a_task_raises_is_raised_here(on_workers, view):
    """After it was tried again, for a worker may have been at fault."""
    with pytest.raises(ValueError, match="nothing can be said about 4"):
        list(on_workers.map(raising, view, [4]))


def test_workers_that_cannot_reach_the_files_say_so(on_workers, tmp_path):
    """A folder that only the asking machine has is no ledger for others."""
    log = play(A_HISTORY).log
    ledger = a_ledger(tmp_path / "here", log, partitions=PARTITIONS)
    ledger.update()
    mine = ledger.at()
    results = on_workers.map(stays, mine, MERGED)
    move(tmp_path / "here", tmp_path / "moved")
    with pytest.raises(LedgerUnavailable, match="DEALTRAIL_LEDGER_URL"):
        list(results)


def test_a_scheduler_without_workers_says_so(monkeypatch, view):
    monkeypatch.setattr(cluster, "_ANSWERS_WITHIN_SECONDS", 1)
    with (
        dask.LocalCluster(n_workers=0, processes=True, dashboard_address=":0") as empty,
        runner(empty.scheduler_address) as found,
        pytest.raises(ClusterError, match="dask worker"),
    ):
        list(found.map(stays, view, MERGED))


def test_no_scheduler_is_the_loop_and_a_wrong_one_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "_ANSWERS_WITHIN_SECONDS", 1)
    with runner(None) as found:
        assert found is LOOP
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(ClusterError, match=address), runner(address):
            pass


def test_without_the_extra_it_is_named_and_nothing_else_needs_it():
    """In a process of its own in which dask cannot be imported."""
    program = """
import sys
sys.modules["distributed"] = None
from infra.cluster import ClusterError, runner
with runner(None):
    pass
try:
    with runner("tcp://127.0.0.1:8786"):
        pass
except ClusterError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "pip install 'dealtrail[cluster]'" in done.stdout


def test_a_result_is_made_when_it_is_asked_for_in_the_loop(view):
    """So that the loop holds one at a time."""
    results = LOOP.map(who, view, MERGED)
    assert next(results) == os.getpid()
    asked: Callable[[], bool] = lambda: True  # noqa: E731
    with pytest.raises(Cancelled):
        list(LOOP.map(who, view, MERGED, cancelled=asked))
