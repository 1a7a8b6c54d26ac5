"""Several partitions at a time, in threads: the same results in the same order, and no more of them in memory than asked for."""

import threading
from functools import partial

import polars as pl
import pytest

from projections.ledger.running import LOOP, THREADS, Cancelled, SideBySide, side_by_side

ENOUGH_SECONDS = 30


def numbered(view, partition, *, plus=0):
    return partition + plus


def test_side_by_side_gives_the_results_in_the_order_asked_for():
    counts: list[int] = []
    results = SideBySide().map(partial(numbered, plus=10), None, [3, 1, 2, 7, 5], done=counts.append)
    assert counts == []
    assert next(results) == 13
    assert counts == [1]
    assert list(results) == [11, 12, 17, 15]
    assert counts == [1, 2, 3, 4, 5]


def test_partitions_are_worked_on_at_the_same_time():
    """Each of two waits for the other one: one after the other, neither would ever end."""
    both = threading.Barrier(2)

    def meets(view, partition):
        both.wait(ENOUGH_SECONDS)
        return partition

    assert list(SideBySide(2).map(meets, None, [0, 1])) == [0, 1]


def test_an_earlier_result_that_takes_longer_still_comes_first():
    later_is_done = threading.Event()

    def task(view, partition):
        if partition == 0:
            assert later_is_done.wait(ENOUGH_SECONDS)
        else:
            later_is_done.set()
        return partition

    assert list(SideBySide(2).map(task, None, range(6))) == list(range(6))


def test_no_more_partitions_are_begun_than_results_were_asked_for():
    """However many there are: as many as there are threads, and one that waits."""
    begun: list[int] = []

    def task(view, partition):
        begun.append(partition)
        return partition

    results = SideBySide(2).map(task, None, range(100))
    assert next(results) == 0
    results.close()
    assert len(begun) <= 4


def test_nobody_wanting_it_any_more_ends_it_soon_although_a_partition_is_under_way():
    asked: list[int] = []
    may_end = threading.Event()

    def task(view, partition):
        assert may_end.wait(ENOUGH_SECONDS)
        return partition

    def cancelled() -> bool:
        asked.append(1)
        if len(asked) > 2:
            may_end.set()
            return True
        return False

    with pytest.raises(Cancelled):
        list(SideBySide(2).map(task, None, range(50), cancelled=cancelled))
    with pytest.raises(Cancelled):
        list(SideBySide(2).map(numbered, None, range(5), cancelled=lambda: True))


def test_what_a_partition_raises_is_raised_and_the_rest_is_left_alone():
    begun: list[int] = []

    def task(view, partition):
        begun.append(partition)
        if partition == 1:
            raise TimeoutError("the store did not answer")
        return partition

    results = SideBySide(2).map(task, None, range(50))
    assert next(results) == 0
    with pytest.raises(TimeoutError, match="the store did not answer"):
        list(results)
    assert len(begun) < 10


def test_only_a_loop_becomes_threads():
    """A cluster decides itself how many partitions it works on, and where there is one core one at a time is as fast."""

    class Elsewhere:
        map = SideBySide.map

    elsewhere = Elsewhere()
    assert side_by_side(elsewhere) is elsewhere
    threads = min(THREADS, pl.thread_pool_size())
    assert isinstance(side_by_side(LOOP), SideBySide if threads > 1 else type(LOOP))
