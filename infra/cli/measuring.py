"""What the verbs about metrics and indices share: their options, the question those ask, and what answers it."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from infra.cli.session import Session
from infra.cluster import runner
from infra.replay_engine import LedgerEngine
from infra.replays import ReplayJobs
from infra.tenant import Tenant
from projections.as_of import Horizon
from projections.measured import Measures, Question
from projections.replay_rows import csv_lines, json_lines


class Form(StrEnum):
    """How a table is written to a file."""

    csv = "csv"
    json = "json"
    parquet = "parquet"


KIND = Annotated[
    str | None,
    typer.Option(help="The kind of record; needed where several kinds stand in steps."),
]
BY = Annotated[
    str,
    typer.Option(
        metavar="DIMENSIONS",
        help="What to slice by, with commas: owner, team, region, step, stage, path, move, month, quarter, week, field:NAME, or a metric's own.",
    ),
]
PERIOD = Annotated[str | None, typer.Option(help="2026-03, 2026-Q1, 2026-W12, or 2026-03-01..2026-03-08.")]
PERIODS = Annotated[
    str | None, typer.Option("--period", help="Periods of the index, with commas: 2026-02,2026-03.")
]
LAST = Annotated[int | None, typer.Option(help="The last so many periods, the present one included.")]
WHERE = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DIMENSION=VALUE",
        help="Only these slices; several values with commas, none after the sign for none.",
    ),
]
SET = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the metric: from=quoted."),
]
REPLAY = Annotated[str | None, typer.Option(metavar="ID", help="As of that replay, read through its draft.")]
SCHEDULER = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="The scheduler of a Dask cluster that does the work.")
]
OUT = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the table there: .csv, .json or .parquet, with ids for people."),
]
CELL = Annotated[
    list[str] | None, typer.Option(metavar="DIMENSION=VALUE", help="The cell: one value for each dimension.")
]
AMONG = Annotated[bool, typer.Option("--among", help="Of a share, the cases of the whole.")]


def asked(
    *,
    kind: str | None = None,
    by: str = "",
    periods: Sequence[str] = (),
    last: int | None = None,
    where: Sequence[str] | None = None,
    parameters: Sequence[str] | None = None,
    as_of: str | None = None,
    replay: str | None = None,
) -> Question:
    """Put the options of a verb together to one question."""
    return Question(
        kind,
        by,
        tuple(periods),
        last,
        tuple(where or ()),
        _set(parameters or ()),
        Horizon.read(as_of),
        replay,
    )


def one(period: str | None) -> Sequence[str]:
    """Return the periods of a question that has one at most."""
    return () if period is None else (period,)


@contextmanager
def measures_of(session: Session, scheduler: str | None = None) -> Iterator[Measures]:
    """Open what measures, on this machine or on the workers of a scheduler."""
    with opened(session, scheduler) as (_, measures):
        yield measures


@contextmanager
def opened(session: Session, scheduler: str | None = None) -> Iterator[tuple[Tenant, Measures]]:
    """Open the tenant and what measures it; the ledger is brought near enough to the log for the rest to be read from there."""
    with (
        session.tenant() as tenant,
        runner(scheduler) as run,
        contextlib.closing(ReplayJobs(tenant, session.settings, LedgerEngine())) as replays,
    ):
        yield tenant, Measures(tenant.reads, replays.view, replays, run)


def _set(parameters: Iterable[str]) -> dict[str, str]:
    found = {}
    for text in parameters:
        name, sign, value = text.partition("=")
        if not sign:
            raise typer.BadParameter(f"--set takes NAME=VALUE, not {text!r}")
        found[name] = value
    return found


def write_table(session: Session, rows: pl.DataFrame, out: Path) -> None:
    """Write a table to a file that is not there yet, as its name ends."""
    if out.exists():
        raise typer.BadParameter(f"{out} is there already; nothing is written over")
    match out.suffix:
        case ".parquet":
            rows.write_parquet(out)
        case ".csv":
            out.write_bytes(b"".join(csv_lines(rows.lazy())))
        case ".json":
            out.write_bytes(b"".join(json_lines(rows.lazy())))
        case _:
            raise typer.BadParameter(f"name a file that ends in {', '.join(f'.{form}' for form in Form)}")
    session.print("rows written", file=out, rows=rows.height)
