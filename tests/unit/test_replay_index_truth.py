"""Forecast and truth of indices: the same periods, cell by cell, and unknown stays unknown."""

from decimal import Decimal

import polars as pl
import pytest
from support.ledgers import a_ledger
from support.measuring import random_story
from support.worked import ToldLog

from domain.playbook import catalogue
from projections.metrics.indices import index_values
from projections.metrics.reading import Reading, Redecided
from projections.replay.asking import Window
from projections.replay.indices import INDEX_VALUES, SLICES, compared_indices
from projections.replay.partition import DECISIONS
from projections.replay_index_truth import MOST_CELLS, indices_compared

LOG = ToldLog(random_story(20260302, 240))
EARLY = 100
"""In the middle of a month in which more happens afterwards."""


class Words:
    """Words as they are."""

    def index(self, name):
        return {"en": name, "zh": name}

    def cell(self, cell):
        return cell


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return a_ledger(tmp_path_factory.mktemp("ledger"), LOG)


@pytest.fixture(scope="module")
def version():
    books = catalogue.fold(None, LOG.stream("playbooks"))
    return books.versions[max(books.versions)]


@pytest.fixture(scope="module")
def forecast(ledger, version):
    """What a replay over the first half says the indices would be."""
    books = catalogue.fold(None, LOG.stream("playbooks"))
    moment = LOG.after(EARLY - 1, 1)[0].recorded_at
    as_they_fell = Redecided.of("as they fell", DECISIONS.to_frame().lazy())
    frame, _ = compared_indices(ledger.at(EARLY), books, version, Window(0, EARLY), moment, as_they_fell)
    return frame


def compared(ledger, version, frame, position=None):
    position = LOG.head() if position is None else position
    now = LOG.after(position - 1, 1)[0].recorded_at
    then = LOG.after(EARLY - 1, 1)[0].recorded_at
    return indices_compared(
        ledger.at(position), version, frame.lazy(), replayed_at=then, now=now, words=Words()
    )


def test_where_nothing_was_recorded_since_nothing_differs(ledger, version, forecast):
    """The same position, the same rules, the same moment: every value known on both sides is the same."""
    rows = compared(ledger, version, forecast, EARLY)
    assert {row["index"] for row in rows} == set(forecast.drop_nulls("period")["index"])
    assert sum(row["compared"] for row in rows) > 10
    for row in rows:
        assert (row["differ"], row["most"]) == (0, [])
        assert row["largest_difference"] in (None, "0")


def test_every_cell_is_what_the_index_says_for_the_period_now(ledger, version, forecast):
    """Counted again one by one, with the index asked slice by slice."""
    rows = compared(ledger, version, forecast)
    now = LOG.after(LOG.head() - 1, 1)[0].recorded_at
    view = ledger.at()
    differing = 0
    for row in rows:
        index = version.document.indices[row["index"]]
        reading = Reading.of_draft(version, index.kind, view.position, now)
        actual = {}
        for by in SLICES:
            values = index_values(view, reading, row["index"], by, (row["period"],)).values
            for item in values.iter_rows(named=True):
                actual[by[0] if by else "whole", item[by[0]] if by else None] = item["value"]
        told = forecast.filter((pl.col("index") == row["index"]) & (pl.col("period") == row["period"]))
        said = {(by, cell): value for by, cell, value in told.select("by", "cell", "draft").iter_rows()}
        cells = {key: (said.get(key), actual.get(key)) for key in {*said, *actual}}
        known = [(one, other) for one, other in cells.values() if one is not None and other is not None]
        sizes = [abs(other - one) for one, other in known]
        assert row["cells"] == len(cells)
        assert row["compared"] == len(known)
        assert row["differ"] == sum(size != 0 for size in sizes)
        assert row["forecast_unknown"] == sum(one is None for one, _ in cells.values())
        assert row["actual_unknown"] == sum(other is None for _, other in cells.values())
        if sizes:
            assert Decimal(row["largest_difference"]) == max(sizes)
            assert abs(Decimal(row["mean_difference"]) - sum(sizes) / len(sizes)) < Decimal("0.000001")
        assert len(row["most"]) == min(row["differ"], MOST_CELLS)
        for cell in row["most"]:
            assert Decimal(cell["actual"]) - Decimal(cell["forecast"]) == Decimal(cell["difference"]) != 0
        differing += row["differ"]
    assert differing > 0


def test_a_period_that_was_not_over_is_told_apart(ledger, version, forecast):
    """What it holds besides is what people have done since."""
    rows = compared(ledger, version, forecast)
    last = max(row["period"] for row in rows)
    assert {row["period"] for row in rows if not row["was_over"]} == {last}
    assert any(row["was_over"] for row in rows)


def test_unknown_stays_unknown(ledger, version, forecast):
    """On either side: it differs by nothing, and is counted apart."""
    blank = forecast.with_columns(draft=pl.lit(None, dtype=INDEX_VALUES["draft"]))
    for row in compared(ledger, version, blank):
        assert (row["compared"], row["differ"], row["mean_difference"], row["largest_difference"]) == (
            0,
            0,
            None,
            None,
        )
        assert row["forecast_unknown"] == row["cells"]
    unheard = forecast.with_columns(index=pl.lit("an index the version has not"))
    found = compared(ledger, version, unheard)
    assert found
    assert all(row["actual_unknown"] == row["cells"] and not row["compared"] for row in found)


def test_an_index_of_what_is_stuck_speaks_of_no_period(ledger, version, forecast):
    """So there is nothing to compare, and nothing is said."""
    stuck = forecast.head(1).with_columns(
        index=pl.lit("stuck"), period=pl.lit(None, dtype=pl.String()), by=pl.lit("record")
    )
    assert compared(ledger, version, stuck) == []
