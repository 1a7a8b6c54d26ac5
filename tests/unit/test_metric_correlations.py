"""Whether two numbers go together: with how many cells, how surely, and unknown where nobody can tell."""

import math
import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worked import random_worked_story

from projections.errors import InvalidQuery
from projections.metrics.asking import Ask
from projections.metrics.cells import measure
from projections.metrics.correlating import AT_LEAST, Correlation, Side, correlated, correlation

numbers = st.integers(-1000, 1000).map(lambda it: Fraction(it, 7))
pairs = st.lists(st.tuples(numbers, numbers), min_size=AT_LEAST, max_size=40)


def by_the_book(told: list[tuple[Fraction, Fraction]]) -> tuple[float, float, float]:
    """Pearson's r and Fisher's interval as a textbook writes them, with floats."""
    n = len(told)
    xs, ys = ([float(pair[side]) for pair in told] for side in (0, 1))
    mx, my = math.fsum(xs) / n, math.fsum(ys) / n
    cov = math.fsum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))
    r = cov / math.sqrt(math.fsum((x - mx) ** 2 for x in xs) * math.fsum((y - my) ** 2 for y in ys))
    z, w = math.atanh(r), 1.959963984540054 / math.sqrt(n - 3)
    return r, math.tanh(z - w), math.tanh(z + w)


@given(pairs)
def test_it_is_what_the_textbook_says(told):
    """To six places, between -1 and 1, with the interval around it."""
    found = correlated(told)
    assert found.n == len(told)
    if len({x for x, _ in told}) == 1 or len({y for _, y in told}) == 1:
        assert found.r is None
        return
    assert found.r is not None
    assert -1 <= found.low <= found.r <= found.high <= 1
    if abs(found.r) < Decimal("0.9999"):
        for said, right in zip((found.r, found.low, found.high), by_the_book(told), strict=True):
            assert abs(float(said) - right) < 2e-6


@given(pairs, st.randoms(use_true_random=False))
def test_order_units_and_sides_do_not_matter(told, chance):
    """The same digits whichever comes first, and in percent or in parts; turned round, the sign turns."""
    found = correlated(told)
    mixed = list(told)
    chance.shuffle(mixed)
    assert correlated(mixed) == found
    assert correlated([(y, x) for x, y in told]) == found
    assert correlated([(100 * x + 3, y) for x, y in told]) == found
    turned = correlated([(-x, y) for x, y in told])
    assert turned.r == (None if found.r is None else -found.r)


def test_a_perfect_line_is_one_and_its_interval_nothing_else():
    line = [(Fraction(number), Fraction(3 * number + 1)) for number in range(AT_LEAST)]
    one = Decimal("1.000000")
    assert correlated(line) == Correlation(AT_LEAST, 0, one, one, one)


def test_it_is_unknown_over_too_few_cells_and_where_nothing_varies():
    """An unknown is said as one, with how many cells there were; it is never 0."""
    line = [(Fraction(number), Fraction(number)) for number in range(AT_LEAST)]
    assert correlated(line[1:], 4) == Correlation(AT_LEAST - 1, 4)
    assert correlated([(x, Fraction(2)) for x, _ in line]) == Correlation(AT_LEAST, 0)
    assert correlated([]) == Correlation(0, 0)


def test_two_metrics_are_compared_cell_by_cell():
    """The cells in which both are known, as each metric says them; the others are counted as left out."""
    story = random_worked_story(5, 400, deals=6)
    view, reading, by = story.view(), story.reading(), Ask(by=("week",))
    one = Side("healthy_actions", "rate_percent", by, reading)
    other = Side("work_times", "triggered_judged", by, reading)
    compared = correlation(view, one, other)
    found = compared.correlation
    told = [
        {row[0]: row[1] for row in measure(view, reading, side.metric, by).frame.select("week", side.number).rows()}
        for side in (one, other)
    ]  # fmt: skip
    both = {cell for cell in told[0].keys() & told[1].keys() if None not in (told[0][cell], told[1][cell])}
    assert (found.n, found.left_out) == (len(both), len(told[0].keys() | told[1].keys()) - len(both))
    assert found == correlated([(Fraction(told[0][cell]), Fraction(told[1][cell])) for cell in both], found.left_out)  # fmt: skip
    assert found.n > 3
    assert {row[0]: row[1:] for row in compared.cells.rows()} == {
        cell: (told[0].get(cell), told[1].get(cell)) for cell in told[0].keys() | told[1].keys()
    }


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (("rate_percent", ("owner",)), ("requests", ("team",)), "same dimensions"),
        (("rate_percent", ()), ("requests", ()), "same dimensions"),
        (("rate", ("owner",)), ("requests", ("owner",)), "healthy_actions has no number 'rate' here"),
        (("rate_percent", ("owner",)), ("request", ("owner",)), "work_times has no number 'request' here"),
    ],
)
def test_what_cannot_be_compared_is_refused(one, other, why):
    story = random_worked_story(5, 60)
    sides = [
        Side(metric, number, Ask(by=by), story.reading())
        for metric, (number, by) in zip(("healthy_actions", "work_times"), (one, other), strict=True)
    ]
    with pytest.raises(InvalidQuery, match=why):
        correlation(story.view(), *sides)


def test_random_numbers_mostly_have_an_interval_that_holds_nothing():
    """Of 200 draws of unrelated numbers about 95 in 100 intervals hold 0."""
    chance = random.Random(20260302)
    held = 0
    for _ in range(200):
        told = [(Fraction(chance.randrange(1000)), Fraction(chance.randrange(1000))) for _ in range(30)]
        found = correlated(told)
        held += found.low <= 0 <= found.high
    assert 180 <= held <= 199
