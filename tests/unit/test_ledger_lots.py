"""Partitions are dealt out into lots: each is in one, and no thread has much more to do than another."""

from hypothesis import given
from hypothesis import strategies as st

from projections.ledger.running import THREADS
from projections.ledger.together import Lots


@given(st.integers(1, 64).flatmap(lambda count: st.tuples(st.integers(count, 256), st.just(count))))
def test_law_each_partition_is_in_one_lot_and_lots_are_as_large_as_each_other(drawn):
    partitions, count = drawn
    lots = Lots(partitions, count)
    dealt = [lots.beginning(first) for first in lots.firsts]
    assert [number for lot in dealt for number in lot] == list(range(partitions))
    assert len(dealt) == count
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_sixteen_partitions_of_which_three_are_taken_at_once_are_as_many_lots_for_each_thread():
    """They were lots of three, and the last one of a single partition: one thread waited for the other at the end."""
    lots = Lots(16, 6)
    assert [len(lots.beginning(first)) for first in lots.firsts] == [2, 3, 3, 2, 3, 3]
    assert len(lots.firsts) % THREADS == 0
