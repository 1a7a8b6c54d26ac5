"""Routes about metrics and indices: their contracts, their numbers by any slice, and the cases behind every number."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Depends, Query, Response

from projections.as_of import Horizon
from projections.lists import Ask
from projections.measured import Beside, Measures, Question
from projections.metrics.correlating import WITH
from projections.replay_rows import csv_lines
from read_api.answers import ReadTenant, VisibleResponse, ask_of, horizon_of
from read_api.parameters import Others, OwnNames, once

Form = Annotated[
    Literal["json", "csv", "parquet"],
    Query(alias="format", description="JSON; or the table alone as CSV or Parquet, with ids for people."),
]
By = Annotated[
    str,
    Query(
        max_length=400,
        description="What to slice by, with commas: owner, team, region, step, stage, path, move, month, quarter, week, field:NAME, or a metric's own.",
        examples=["team,month"],
    ),
]
Kind = Annotated[
    str | None,
    Query(max_length=100, description="The kind of record, or its collection.", examples=["opportunities"]),
]
PeriodText = Annotated[
    str | None,
    Query(
        alias="period",
        max_length=200,
        description="2026-03, 2026-Q1, 2026-W12, or 2026-03-01..2026-03-08. Of an index several, with commas.",
        examples=["2026-Q1"],
    ),
]
Where = Annotated[
    list[str],
    Query(
        max_length=50,
        description="Only cases in these slices: DIMENSION=VALUE,VALUE; nothing after the sign is none. May be repeated.",
        examples=[["region=east,south"]],
    ),
]
ReplayId = Annotated[
    str | None,
    Query(
        max_length=64,
        description="The id of a replay: as of its position, read through its draft.",
    ),
]
Cell = Annotated[
    list[str],
    Query(
        max_length=50,
        description="The cell, as DIMENSION=VALUE; may be repeated.",
        examples=[["owner=person/per_1"]],
    ),
]
Among = Annotated[bool, Query(description="Of a share, the cases of the whole instead of those of the part.")]
Last = Annotated[
    int | None, Query(description="The last so many periods, the present one included.", examples=[6])
]

_FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string"}},
        },
    }
}


def add_metric_routes(router: APIRouter, tenant: ReadTenant, measures: Measures) -> None:
    """Add the routes about metrics and indices."""
    known_then, pages = Depends(horizon_of(tenant)), Depends(ask_of(tenant))

    def question(
        others: list[tuple[str, str]], kind: str | None, by: str, period: str | None, where: list[str],
        replay: str | None, horizon: Horizon, last: int | None = None, beside: Sequence[str] = (),
    ) -> Question:  # fmt: skip
        """Whatever else stands in the address is a parameter of the metric, which knows its own; an index has none."""
        periods = () if period is None else tuple(period.split(","))
        return Question(kind, by, periods, last, tuple(where), once(others), horizon, replay, tuple(beside))

    @router.get("/metrics", summary="The metrics there are, each with its contract")
    def metrics() -> Response:
        """What a case is, what counts as what, the denominator, what is unknown; its dimensions, parameters and numbers."""
        return VisibleResponse(measures.contracts())

    @router.get("/metrics/{metric}", summary="The numbers of a metric", responses=_FORMS)
    def metric_values(
        others: Others, names: OwnNames, metric: str, horizon: Annotated[Horizon, known_then], kind: Kind = None, by: By = "",
        period: PeriodText = None, where: Where = [], replay: ReplayId = None, form: Form = "json",  # noqa: B006 — FastAPI makes a new list for each request
    ) -> Response:  # fmt: skip
        """One item a cell. Every other parameter is one of the metric's own: `/v1/metrics/conversion?from=quoted&to=paid&variant=cohort`.

        Shares, means and quantiles are exact decimals as texts; what nobody can know is null, never 0.
        """
        asked = question(others, kind, by, period, where, replay, horizon, beside=names)
        if form != "json":
            return table(measures.metric_table(metric, asked), form, metric)
        return VisibleResponse(measures.metric(metric, asked))

    @router.get("/metrics/{metric}/correlation", summary="Whether two numbers go together")
    def metric_correlation(
        others: Others, names: OwnNames, metric: str, horizon: Annotated[Horizon, known_then],
        by: By,
        number: Annotated[str, Query(max_length=100, description="The number of the metric.", examples=["rate_percent"])],
        other: Annotated[str, Query(alias="with", max_length=100, description="The other metric; it may be the same one.", examples=["on_time"])],
        other_number: Annotated[str, Query(alias="with_number", max_length=100, description="The number of the other metric.", examples=["rate_percent"])],
        other_kind: Annotated[str | None, Query(alias="with_kind", max_length=100, description="The kind of record of the other metric, or its collection; without it the same one.")] = None,
        kind: Kind = None, period: PeriodText = None, where: Where = [], replay: ReplayId = None,  # noqa: B006
    ) -> Response:  # fmt: skip
        """Pearson's r over the cells both numbers are known in, with how many those are (`n`) and the interval it lies in with 95 % (Fisher's z).

        `items` holds the two numbers of every cell, x and y. It is unknown over fewer than 10 cells and where a number is the same everywhere, and says nothing of causes.
        Parameters of the other metric begin with `with_`: `with_from=quoted`.
        """
        asked = question(others, kind, by, period, where, replay, horizon, beside=names)
        theirs = {name.removeprefix(WITH): value for name, value in asked.parameters.items() if name.startswith(WITH)}  # fmt: skip
        own = {name: value for name, value in asked.parameters.items() if not name.startswith(WITH)}
        beside = Beside(other, other_number, other_kind, theirs)
        return VisibleResponse(measures.correlation(metric, number, replace(asked, parameters=own), beside))

    @router.get("/metrics/{metric}/cases", summary="The cases behind a number")
    def metric_cases(
        others: Others, names: OwnNames, metric: str, ask: Annotated[Ask, pages],
        number: Annotated[str, Query(max_length=100, description="The number to open.", examples=["visits"])],
        kind: Kind = None, by: By = "", period: PeriodText = None, where: Where = [], cell: Cell = [],  # noqa: B006
        replay: ReplayId = None, among: Among = False,
    ) -> Response:  # fmt: skip
        """`total` is how many there are: as many as the number says. Ask as the number was asked for; `by` may be left out where `cell` names the slices."""
        named = by or ",".join(text.partition("=")[0] for text in cell)
        asked = question(others, kind, named, period, where, replay, ask.horizon, beside=names)
        return VisibleResponse(measures.metric_cases(metric, number, cell, asked, ask, among=among))

    @router.get("/indices", summary="The indices of the playbooks in force")
    def indices(horizon: Annotated[Horizon, known_then]) -> Response:
        return VisibleResponse(measures.indices(horizon))

    @router.get("/indices/{index}", summary="The values of an index", responses=_FORMS)
    def index_values(
        index: str, horizon: Annotated[Horizon, known_then], by: By = "", period: PeriodText = None, last: Last = None,
        where: Where = [], replay: ReplayId = None, form: Form = "json",  # noqa: B006
    ) -> Response:  # fmt: skip
        """One item a cell and period, each with its components: score, what it came from (`measured`, in its `unit`: percent, business_seconds or count), how many cases, and its weight.

        A component without data is unknown and leaves the mean. With `replay` the same question is answered by that replay's draft.
        """
        asked = question([], None, by, period, where, replay, horizon, last)
        if form != "json":
            return table(measures.index_table(index, asked), form, index)
        return VisibleResponse(measures.index(index, asked))

    @router.get("/indices/{index}/cases", summary="The cases behind a component of a value")
    def index_cases(
        index: str, ask: Annotated[Ask, pages],
        component: Annotated[str, Query(max_length=100, description="The component to open.", examples=["penetration"])],
        by: By = "", period: PeriodText = None, where: Where = [], cell: Cell = [],  # noqa: B006
        replay: ReplayId = None, among: Among = False,
    ) -> Response:  # fmt: skip
        """The cell of an index of stuck records is `record=KIND/ID`; its cases are those of the record's owner."""
        asked = question([], None, by, period, where, replay, ask.horizon)
        return VisibleResponse(measures.index_cases(index, component, cell, asked, ask, among=among))


def table(rows: pl.DataFrame, form: str, name: str) -> Response:
    """Send a table that holds ids and figures only."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "X-Content-Type-Options": "nosniff"}  # fmt: skip
    if form == "csv":
        content = b"".join(csv_lines(rows.lazy()))
        return Response(content, headers=headers, media_type="text/csv; charset=utf-8")
    return Response(parquet(rows), headers=headers, media_type="application/vnd.apache.parquet")


def parquet(rows: pl.DataFrame) -> bytes:
    """Return a table as a Parquet file."""
    file = BytesIO()
    rows.write_parquet(file)
    return file.getvalue()
