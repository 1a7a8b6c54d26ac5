"""Rows that several questions to the same partitions need, read once and kept as long as they are asked."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import polars as pl

from projections.ledger.view import View
from projections.metrics.reading import Reading

COLUMNS = {
    "visits": (
        "record", "kind", "position", "entry", "step", "path", "move", "owner", "before", "next_step",
        "entered_at", "entered_recorded_at", "left_at", "left_position", "left_recorded_at", "overridden",
    ),
    "touches": ("record", "kind", "noted", "until", "touch_kind", "at"),
    "owners": ("record", "kind", "position", "recorded_at", "until", "owner"),
    "field_changes": ("record", "position", "field", "new", "at", "recorded_at", "at_opening"),
    "confirmations": ("record", "position", "field", "at", "recorded_at"),
}  # fmt: skip
"""The tables that are kept, and of them what is counted and sliced by, which is less than what cases are listed with; of fields those of `Reading.measured_fields`."""


@dataclass(frozen=True)
class Kept:
    """Rows of some partitions, read when they are first asked for."""

    view: View
    partitions: Sequence[int]
    reading: Reading
    rows: dict[str, pl.DataFrame] = field(default_factory=dict)
    found: dict[Hashable, pl.DataFrame] = field(default_factory=dict)

    def of(self, table: str) -> pl.LazyFrame:
        """Return the rows of one of the tables that are kept."""
        if table not in self.rows:
            found = scanned(self.view, self.partitions, table, self.reading.kind_name)
            if table in ("field_changes", "confirmations"):
                found = found.filter(pl.col("field").is_in(sorted(self.reading.measured_fields)))
            if table == "touches":
                found = found.filter(pl.col("until").is_null())
            self.rows[table] = found.select(COLUMNS[table]).collect()
        return self.rows[table].lazy()

    def once(self, what: Hashable, find: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """Return what several questions find in these rows; `what` names it and all it depends on beside the rows."""
        if what not in self.found:
            self.found[what] = find()
        return self.found[what]


def scanned(view: View, partitions: Sequence[int], table: str, kind: str) -> pl.LazyFrame:
    """Return the rows of a kind of some partitions, as they were recorded."""
    return view.scan(table, partition=partitions, kind=kind)
