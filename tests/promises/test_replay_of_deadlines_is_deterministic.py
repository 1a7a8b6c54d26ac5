"""The replay of deadlines says the same bytes, however the log is partitioned, kept and walked, on a real simulated log as in memory (P9)."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import orjson
from support.deadline_comparing import replayed
from support.deadline_histories import Clock, Teller, Told, tell
from support.deadlines import MONDAY
from support.desk import an_empty_desk
from support.ledgers import a_ledger
from support.replaying import view_of
from support.sales import a_submission

from infra.deadline_clock import let_time_pass
from projections.ledger.view import View
from projections.replay.subject import Subject

SEED = 3


def digest_of(found: Subject) -> str:
    """The SHA-256 of everything that is said."""
    told = [vars(found.law), found.impact, {name: frame.rows() for name, frame in found.datasets.items()}]
    return hashlib.sha256(orjson.dumps(told, default=str)).hexdigest()


def of_the_history(partitions: int = 3) -> str:
    """Replay a history with several versions, pauses, erasure and a clock that was away."""
    told = tell(SEED)
    return digest_of(replayed(told, told.draft(4), partitions=partitions))


def test_p9_a_replay_of_deadlines_is_the_same_whatever_the_partitions(tmp_path: Path) -> None:
    """P9: one partition or sixteen, one segment or many, kept or read from the log: the same bytes."""
    told = tell(SEED)
    expected = replayed(told, told.draft(4))
    assert expected.datasets["deadlines"].height > 20
    assert {of_the_history(partitions) for partitions in (1, 2, 16)} == {digest_of(expected)}
    for part in (5, 1_000):
        ledger = a_ledger(tmp_path / str(part), told.log, part=part)
        ledger.update()
        assert digest_of(replayed(told, told.draft(4), view=ledger.at())) == digest_of(expected)


def test_p9_a_replay_of_deadlines_is_the_same_whatever_the_order_of_partitions_and_rows() -> None:
    """P9: partitions in the opposite order, and the rows of each of them as well."""
    told = tell(SEED)
    expected = replayed(told, told.draft(4), partitions=5)
    view = view_of(told.log, partitions=5)
    tail = {(table, number): frame.reverse() for (table, number), frame in reversed(view.tail.items())}
    turned = View(view.store, view.manifest, view.position, tail)
    assert digest_of(replayed(told, told.draft(4), view=turned)) == digest_of(expected)


def test_p9_a_replay_of_deadlines_is_the_same_whatever_the_hash_seed() -> None:
    """P9: sets and dictionaries are walked in another order in every process; the answer is the same bytes."""
    code = "from test_replay_of_deadlines_is_deterministic import of_the_history; print(of_the_history())"
    path = [str(Path(__file__).parents[1]), str(Path(__file__).parent), *sys.path]
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("4711",)
    }
    assert said == {of_the_history() + "\n"}


class Reception:
    """A tenant that is given commands as a desk is."""

    def __init__(self, tenant):
        self.tenant, self.log, self.vault, self.count = tenant, tenant.log, tenant.vault, 0

    def submit(self, command, **about):
        self.count += 1
        return self.tenant.bus.submit(a_submission(command, f"story-{self.count}", **about))


def test_the_law_of_replay_holds_on_a_simulated_log_whose_clock_is_the_real_one(a_tenant) -> None:
    """The same story on PostgreSQL, where the timer table is kept and claimed: the same firings as in memory, and all of them are said again."""
    tenant = a_tenant("replayed", clock="simulated", told_time=MONDAY)
    teller = Teller(SEED, Reception(tenant), lambda moment: let_time_pass(tenant, moment))
    teller.begin()
    teller.tell(25)
    told = Told(teller.desk)
    law = replayed(told).law
    assert law.decisions == law.reproduced == len(told.firings) > 5
    desk = an_empty_desk(told_time=MONDAY)
    twin = Teller(SEED, desk, Clock(desk).run_until)
    twin.begin()
    twin.tell(25)
    assert [vars_of(event) for event in told.firings] == [vars_of(event) for event in Told(desk).firings]


def vars_of(event):
    """Everything a firing says."""
    return event.payload()
