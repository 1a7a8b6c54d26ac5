"""Handing the ledger out: its tables as Parquet, and the activities of records that event logs of other programs are made of.

Personal values go out sealed, as they stand in the log: whoever opens one has to pass the lens, which an export does not.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from domain.values import moment_text
from projections.ledger.tables import RECORDS, TABLES
from projections.ledger.view import View

Progress = Callable[[int, int], None]

_ACTIVITY = pl.Schema(
    {
        "record": pl.String(),
        "kind": pl.String(),
        "position": pl.Int64(),
        "what": pl.String(),
        "name": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "recorded_at": pl.Datetime("us", "UTC"),
        "actor": pl.String(),
        "move": pl.String(),
        "contact": pl.String(),
        "old": pl.String(),
        "new": pl.String(),
        "about": pl.String(),
        "told": pl.List(pl.String()),
    }
)

_WORDS = {
    "open": "open",
    "step": "enter ",
    "touch": "touch ",
    "field": "change ",
    "confirm": "confirm ",
    "evidence": "attach ",
    "owner": "change owner",
    "work": "work ",
    "approval": "approval ",
    "pool": "pool ",
    "deadline": "deadline ",
    "reaction": "reaction ",
}

OF_WORK = {
    "work": "template",
    "approval": "chain",
    "pool": "pool",
    "deadline": "deadline",
    "reaction": "reaction",
}
"""Activities of what people ask each other for, each named by what happened and by the column that says to what."""


def export_parquet(
    view: View, folder: Path, *, kind: str | None = None, progress: Progress | None = None
) -> dict[str, int]:
    """Write each table into a file of its own; return the number of rows by file."""
    written = {}
    for number, (name, table) in enumerate(TABLES.items(), 1):
        rows = view.scan(name, kind=kind)
        path = folder / f"{name}.parquet"
        (rows if table.whole else rows.sort(*table.order, maintain_order=True)).sink_parquet(path)
        written[path.name] = int(pl.scan_parquet(path).select(pl.len()).collect().item())
        if progress is not None:
            progress(number, len(TABLES))
    return written


def activities(view: View, partition: int, kind: str | None = None) -> pl.DataFrame:
    """Return what happened to the records of a partition: steps entered, touches, fields changed and confirmed, evidence, owners,
    work, approvals, what pools decided, deadlines that were noticed, reactions.

    `about` is the work item or approval it is about, `new` who has it then, `told` who was told. One row an activity, by record, then in the order of business time and position; at an unknown moment the one it was recorded at stands in.
    A touch is what is known of it now, under the position it was noted at; first values are no activity, and neither is the first owner.
    """

    def of(table: str, what: str, name: pl.Expr, *conditions: pl.Expr, **columns: str) -> pl.LazyFrame:
        rows = view.scan(table, partition=partition, kind=kind).filter(*conditions)
        taken = {column: pl.col(columns.get(column, column)) for column in ("record", "kind", "position", "at", "recorded_at", "actor")}  # fmt: skip
        more = {column: pl.col(columns[column]) for column in ("move", "contact", "old", "new", "about", "told") if column in columns}  # fmt: skip
        empty = {column: pl.lit(None, dtype=dtype) for column, dtype in _ACTIVITY.items() if column not in {*taken, *more, "what", "name"}}  # fmt: skip
        return rows.select(**taken, **more, **empty, what=pl.lit(what), name=name).select(_ACTIVITY.names())

    found = pl.concat(
        [
            of("records", "open", pl.lit("opened"), pl.col("step").is_null(), at="opened_at"),
            of("visits", "step", pl.col("step"), at="entered_at", recorded_at="entered_recorded_at", move="move"),
            of("touches", "touch", pl.col("touch_kind"), pl.col("until").is_null(), position="noted", contact="contact"),
            of("field_changes", "field", pl.col("field"), ~pl.col("at_opening"), old="old", new="new"),
            of("confirmations", "confirm", pl.col("field")),
            of("evidence", "evidence", pl.col("field")),
            of("owners", "owner", pl.lit("owner"), new="owner").join(
                view.scan("records", partition=partition, kind=kind).select("record", "position"),
                on=["record", "position"],
                how="anti",
            ),
            of("work", "work", _happened("work"), about="work", new="assignee"),
            of("approvals", "approval", _happened("approval"), about="approval"),
            of("assignments", "pool", _happened("pool"), new="person"),
            of("firings", "deadline", _happened("deadline"), about="subject", told="told"),
            of("reactions", "reaction", _happened("reaction"), told="told"),
        ]
    )  # fmt: skip
    return found.sort(
        "record", pl.coalesce("at", "recorded_at"), "position", "what", "name", maintain_order=True
    ).collect()


def activity_name(what: str, name: str) -> str:
    """Return what an activity is called, in every format: `enter quoted`, `change budget`, `work requested cost_sheet`."""
    return _WORDS[what] + ("" if what in {"open", "owner"} else name)


def _happened(what: str) -> pl.Expr:
    return pl.col("event") + pl.lit(" ") + pl.col(OF_WORK[what])


def partitions(view: View) -> range:
    """Return the partitions an export goes through, one at a time."""
    return view.manifest.partitions_of(RECORDS.name)


def moment_of(row: dict[str, Any]) -> str:
    """Return when an activity happened, or when the log took it in where nobody knows."""
    moment: datetime = row["recorded_at"] if row["at"] is None else row["at"]
    return moment_text(moment)


def rows_of(frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Return rows one by one."""
    return frame.iter_rows(named=True)
