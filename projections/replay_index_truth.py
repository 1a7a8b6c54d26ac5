"""Forecast and truth of indices: what a replay said an index would be, cell by cell, and what it is for the same periods since the version is in force.

The truth is measured now, through the version itself. A period that was over when the replay was made can differ only by what was
recorded since; one that was not over holds what people have done under the new rules besides, and that is what one wants to know.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from domain.playbook.published import PublishedPlaybook
from domain.rules.arithmetic import divide, number_text
from projections.ledger.view import View
from projections.metrics.indices import index_slices
from projections.metrics.periods import period_of
from projections.metrics.reading import Reading
from projections.replay_answers import Words

MOST_CELLS: Final = 20
"""How many of the cells that differ most are told of an index in a period; `index_values` of the replay has the forecast of all."""

_WHOLE: Final = "whole"
_KEY: Final = ("by", "cell", "period")
_VALUE: Final = pl.Decimal(38, 6)
_TRUTH: Final = pl.Schema({"by": pl.String(), "cell": pl.String(), "period": pl.String(), "actual": _VALUE})


def indices_compared(
    view: View,
    version: PublishedPlaybook,
    forecast: pl.LazyFrame,
    *,
    replayed_at: datetime,
    now: datetime,
    words: Words,
) -> list[dict[str, Any]]:
    """Return for each index and period how many cells differ from the forecast and by how much, and those that differ most.

    `forecast` is the dataset `index_values` of the replay. Unknown stays unknown: a cell that is so on either side differs by nothing and is
    counted apart. An index of stuck records speaks of no period, so there is nothing to compare.
    """
    told = forecast.filter(pl.col("period").is_not_null()).select("index", *_KEY, pl.col("draft").alias("forecast")).collect()  # fmt: skip
    found: list[dict[str, Any]] = []
    for (name,), rows in told.partition_by("index", as_dict=True, maintain_order=True).items():
        truth = _truth(view, version, str(name), rows, now)
        cells = rows.drop("index").join(truth, on=list(_KEY), how="full", coalesce=True, nulls_equal=True)
        zone = ZoneInfo(version.document.time_zone)
        for (period,), of_period in sorted(cells.partition_by("period", as_dict=True).items()):
            found.append(
                {
                    "index": name,
                    "label": words.index(str(name)),
                    "period": period,
                    "was_over": period_of(str(period), zone).end <= replayed_at,
                    **_beside(of_period, words),
                }
            )
    return found


def _truth(
    view: View, version: PublishedPlaybook, name: str, forecast: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """Measure an index in the slices and periods of its forecast; nothing where the version has no such index."""
    index = version.document.indices.get(name)
    if index is None or index.kind not in version.document.kinds:
        return _TRUTH.to_frame()
    slices = [() if by == _WHOLE else (by,) for by in forecast["by"].unique().sort()]
    reading = Reading.of_draft(version, index.kind, view.position, now)
    measured = index_slices(view, reading, name, slices, forecast["period"].unique().sort())
    return pl.concat(
        [
            values.values.select(
                by=pl.lit(by[0] if by else _WHOLE),
                cell=pl.col(by[0]).cast(pl.String()) if by else pl.lit(None, dtype=pl.String()),
                period=pl.col("period").cast(pl.String()),
                actual=pl.col("value").cast(_VALUE),
            )
            for by, values in zip(slices, measured, strict=True)
        ]
    )


def _beside(cells: pl.DataFrame, words: Words) -> dict[str, Any]:
    known = cells.drop_nulls(["forecast", "actual"]).with_columns(
        difference=pl.col("actual") - pl.col("forecast")
    )
    sizes: list[Decimal] = known.select(pl.col("difference").abs()).to_series().to_list()
    mean = divide(sum(sizes, Decimal(0)), Decimal(len(sizes))) if sizes else None
    differing = known.filter(pl.col("difference") != 0).sort(
        pl.col("difference").abs(), "by", "cell", descending=[True, False, False], nulls_last=True
    )
    return {
        "cells": cells.height,
        "compared": known.height,
        "differ": differing.height,
        "forecast_unknown": cells["forecast"].null_count(),
        "actual_unknown": cells["actual"].null_count(),
        "mean_difference": None if mean is None else number_text(mean),
        "largest_difference": number_text(max(sizes)) if sizes else None,
        "most": list(_told(differing.head(MOST_CELLS), words)),
    }


def _told(cells: pl.DataFrame, words: Words) -> Iterator[Mapping[str, Any]]:
    for by, cell, forecast, actual, difference in cells.select(
        "by", "cell", "forecast", "actual", "difference"
    ).iter_rows():
        yield {
            "cell": words.cell({} if by == _WHOLE else {by: cell}),
            "forecast": str(forecast),
            "actual": str(actual),
            "difference": str(difference),
        }
