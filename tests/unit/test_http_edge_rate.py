"""Back-pressure is counted per client, and never costs more memory than a known number of clients."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.http.rate import Buckets


class Clock:
    """A clock that is told the time."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_burst_is_taken_and_then_the_rate_counts():
    """P17: so many at once, then as many a second as the setting says; the wait that is told is the wait there is."""
    clock = Clock()
    buckets = Buckets(2.0, 3, clock=clock)
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    wait = buckets.take("a")
    assert wait == pytest.approx(0.5)
    clock.now += wait
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0
    clock.now += 3_600
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a") > 0, "silence fills a bucket up to the burst, not beyond"


def test_one_client_never_uses_up_another_ones_share():
    """Each has a bucket of its own."""
    buckets = Buckets(1.0, 1, clock=Clock())
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0
    assert buckets.take("b") == 0.0


@given(st.lists(st.text(max_size=3), max_size=200), st.integers(1, 10))
def test_the_number_of_buckets_is_bounded(clients, most):
    """However many clients there are, only the last ones are remembered."""
    buckets = Buckets(1.0, 1, clock=Clock(), most=most)
    for client in clients:
        buckets.take(client)
        assert len(buckets) <= most


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from("ab")), max_size=80))
def test_nobody_is_let_through_more_often_than_burst_and_rate_allow(calls):
    """The law of a token bucket: within any time, at most the burst and what the rate gave meanwhile."""
    clock, let_through = Clock(), {"a": 0, "b": 0}
    buckets = Buckets(1.5, 4, clock=clock)
    for pause, client in calls:
        clock.now += pause
        let_through[client] += buckets.take(client) == 0.0
        assert let_through[client] <= 4 + 1.5 * clock.now + 1e-6
