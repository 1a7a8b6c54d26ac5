"""Decisions as they were put to the rules: what was attempted on what, by whom, as of which position. What came out of them is not read here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from projections.ledger.view import Partitions, View
from projections.replay.asking import Window
from projections.replay.keyed import KEY, keyed, last_upto
from projections.replay.plans import Group

GROUP: Final = "#group"

IS_CHANGE: Final = "#is_change"
"""Whether an event is one of those that may change what a gate says of its record, beside the record's step."""

_COLUMNS: Final = (
    "record", "kind", "position", "began", "basis", "record_version", "at", "recorded_at", "before", "after", "move",
    "has_reason", "waived", "edits", "unknown", "path", "owner", "actor", "on_behalf_of", "playbook", "playbook_version",
)  # fmt: skip
_GROUPED: Final = (
    "playbook",
    "playbook_version",
    "kind",
    "path",
    "before",
    "after",
    "move",
    "has_reason",
    "waives",
)


@dataclass(frozen=True)
class Decided:
    """The decisions of one partition, sorted by record and position, with the columns judging asks for; and the groups they are in."""

    rows: pl.DataFrame
    groups: tuple[Group, ...]


def decided(view: View, partition: Partitions, window: Window) -> pl.DataFrame:
    """Read the decisions of a window, sorted by record and position."""
    return (
        view.scan("decisions", partition=partition)
        .filter(pl.col("position") > window.after, pl.col("position") <= window.upto)
        .select(_COLUMNS)
        .collect()
    )


def events_of(view: View, partition: Partitions, names: pl.DataFrame, changes: Sequence[str]) -> pl.DataFrame:
    """Read the events of the records that are looked at, sorted by record and position; `changes` are the topics of those that are changes."""
    is_change = pl.col("topic").is_in(list(changes)).alias(IS_CHANGE)
    rows = view.scan("events", partition=partition)
    found = rows.select("record", "position", "version", "began", "at", is_change).collect()
    return keyed(found, names, bare=True)


def prepared(
    rows: pl.DataFrame, names: pl.DataFrame, events: pl.DataFrame, view: View, partition: Partitions
) -> pl.DataFrame:
    """Say of every decision as of which position everything counts, what nobody knew, and whether it stands on its basis.

    `events` are those of `events_of`.
    """
    rows = keyed(rows, names).with_columns(
        fields_upto="position",
        facts_upto=pl.col("position") - 1,
        stood_upto=pl.col("position") - 1,
        edits_of="position",
        person=pl.coalesce("on_behalf_of", "actor"),
        waives=pl.col("waived").list.len() > 0,
        **{"#waived": pl.col("waived").list.join("\n")},
    )
    return _with_unknown(rows, view, partition).with_columns(_on_basis(rows, events))


def grouped(rows: pl.DataFrame) -> Decided:
    """Number the groups of attempts that are alike, in an order that depends on nothing but what they are."""
    groups = rows.select(_GROUPED).unique().sort(_GROUPED, nulls_last=False).with_row_index(GROUP)
    found = rows.select(_GROUPED).join(
        groups, on=_GROUPED, how="left", nulls_equal=True, maintain_order="left"
    )
    told: list[Any] = list(groups.select(_GROUPED).iter_rows())
    return Decided(rows.with_columns(found.get_column(GROUP)), tuple(Group(*group) for group in told))


def _with_unknown(rows: pl.DataFrame, view: View, partition: Partitions) -> pl.DataFrame:
    """What was said to be unknown at the opening is so from then on; a refused opening said it itself."""
    said = (
        view.scan("records", partition=partition)
        .filter(pl.col("unknown").list.len() > 0)
        .select("record", opened="position", said="unknown")
        .collect()
    )
    if said.is_empty():
        return rows
    is_open = pl.col("opened").is_not_null() & (pl.col("opened") <= pl.col("position"))
    found = rows.select("record", "position", "unknown").join(
        said, on="record", how="left", maintain_order="left"
    )
    return rows.with_columns(
        found.select(unknown=pl.when(is_open).then("said").otherwise("unknown")).to_series()
    )


def _on_basis(rows: pl.DataFrame, events: pl.DataFrame) -> pl.Series:
    """Tell whether nothing came between what was read and what was decided: the record's last event is the one that was read, or of the same command."""
    events = events.select(KEY, "position", "version", "began").filter(pl.col("version").is_not_null())
    last = last_upto(events, rows.get_column(KEY) - 1, "position", "version", "began")
    told = rows.select("record_version", "began", "basis").hstack(last.select(pl.all().name.prefix("last_")))
    return told.select(
        on_basis=(pl.col("record_version") == pl.col("last_version").fill_null(0))
        & (
            pl.col("last_position").is_null()
            | (pl.col("last_began") == pl.col("began"))
            | (pl.col("last_position") <= pl.col("basis"))
        )
    ).to_series()
