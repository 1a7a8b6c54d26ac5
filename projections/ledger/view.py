"""The ledger as of one position: segments, cut or followed by the tail of the log, as one set of tables."""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import polars as pl

from projections.ledger.ends import cut, ended, joined, shown, sorted_rows
from projections.ledger.manifest import Manifest, Segment, in_order, partition_of
from projections.ledger.memory import Asked, Known, Noted
from projections.ledger.store import LedgerDamaged, LedgerStore
from projections.ledger.tables import GONE, TABLES, Table

Partitions: TypeAlias = int | Sequence[int]
"""One partition of a view, or several."""


def listed(partitions: Partitions) -> Sequence[int]:
    """Return partitions as a sequence, also where it is one."""
    return [partitions] if isinstance(partitions, int) else partitions


@dataclass(frozen=True)
class View:
    """What the log said up to `position`, in columns. All tables stand at the same position.

    `tail` holds rows of events behind the manifest, by table and partition, with the ends that lie in the tail.
    """

    store: LedgerStore
    manifest: Manifest
    position: int
    tail: Mapping[tuple[str, int], pl.DataFrame] = field(default_factory=dict)

    def scan(
        self, table: str, *, partition: Partitions | None = None, kind: str | None = None
    ) -> pl.LazyFrame:
        """Return the rows of a table, in no particular order; of one partition, of several, or of one kind of record where asked.

        A record's rows are all in one partition, the same in every table. Raises KeyError for a table that is not there.
        """
        spec = TABLES[table]
        chosen = self.manifest.partitions_of(table) if partition is None else listed(partition)
        whole: list[Segment] = []
        found: list[pl.LazyFrame] = []
        for number in chosen:
            segments = self._segments(table, number)
            if (len(segments) == 1 or not spec.ends) and (table, number) not in self.tail:
                whole += segments
            else:
                found += self._parts(spec, number, segments)
        if whole:
            rows = pl.scan_parquet([self._path(segment) for segment in whole], schema=spec.stored, glob=False)
            found.insert(0, self._cut(spec, rows))
        if not found:
            return spec.schema.to_frame().lazy()
        rows = shown(spec, pl.concat(found) if len(found) > 1 else found[0])
        return rows if kind is None or spec.whole else rows.filter(pl.col("kind") == kind)

    def stored(self, table: str, partition: int) -> pl.LazyFrame:
        """Return the rows of one partition as they are kept, with those that are only ends."""
        parts = self._parts(TABLES[table], partition, self._segments(table, partition))
        return pl.concat(parts) if parts else TABLES[table].stored.to_frame().lazy()

    def recall(self, records: Set[str]) -> dict[str, Known]:
        """Look up what was known of records at this position. Those that were not there are left out."""
        partitions: dict[int, list[str]] = {}
        for record in records:
            partitions.setdefault(partition_of(record, self.manifest.partitions), []).append(record)
        known: dict[str, Known] = {}
        for partition, wanted in sorted(partitions.items()):
            known |= self._recalled(partition, wanted)
        return known

    def _recalled(self, partition: int, wanted: list[str]) -> dict[str, Known]:
        def of(table: str) -> pl.LazyFrame:
            return self.stored(table, partition).filter(pl.col("record").is_in(wanted))

        records, owners, visits, touches, work, approvals = pl.collect_all(
            [
                of("records").select("record", "path"),
                of("owners").filter(pl.col("until").is_null()).select("record", "owner"),
                of("visits").group_by("record", "step").len(),
                of("touches")
                .filter(pl.col("until").is_null() & ~pl.col(GONE))
                .select("record", "noted", "touch", "touch_kind", "at", "contact", "actor"),
                of("work")
                .sort("position")
                .unique(["record", "work"], keep="last")
                .select("record", "work", *_ASKED),
                of("approvals").filter(event="requested").select("record", "approval", "chain", "order"),
            ]
        )
        known = {record: Known(path) for record, path in records.iter_rows()}
        for record, owner in owners.iter_rows():
            known[record].owner = owner
        for record, step, count in visits.iter_rows():
            known[record].entries[step] = count
        for record, noted, touch, kind, at, contact, actor in touches.with_columns(
            pl.col("at").to_physical()
        ).iter_rows():
            known[record].touches[noted] = Noted(touch, kind, at, contact, actor)
        for record, name, *asked in work.with_columns(pl.col("due_at").to_physical()).iter_rows():
            known[record].work[name] = Asked(*asked)
        for record, name, chain, order in approvals.iter_rows():
            known[record].approvals[name] = (chain, order)
        return known

    def refuse_damaged(self) -> None:
        """Compare all files with what was written. Raises LedgerDamaged, naming the first that is not it."""
        for segment in self.manifest.segments:
            content = Path(self._path(segment)).read_bytes()
            if hashlib.sha256(content).hexdigest() != segment.sha256:
                raise LedgerDamaged(f"{segment.name} was edited; `dealtrail ledger verify` makes it again")

    def _segments(self, table: str, partition: int) -> list[Segment]:
        return in_order(
            [segment for segment in self.manifest.of(table, partition) if segment.after < self.position]
        )

    def _parts(self, table: Table, partition: int, segments: Sequence[Segment]) -> list[pl.LazyFrame]:
        parts = [
            self._cut(table, pl.scan_parquet(self._path(segment), schema=table.stored, glob=False))
            for segment in segments
        ]
        tail = self.tail.get((table.name, partition))
        return joined(table, parts if tail is None else [*parts, tail.lazy()])

    def _cut(self, table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows if self.position >= self.manifest.position else cut(table, rows, self.position)

    def _path(self, segment: Segment) -> str:
        return str(self.store.path(segment.name, segment.size_bytes, segment.sha256))


def parted(table: str, rows: pl.DataFrame, partitions: int) -> dict[int, pl.DataFrame]:
    """Give the rows of one part of the log, as they were noted, their order and their ends, by partition; partitions without rows are left out."""
    spec = TABLES[table]
    if rows.is_empty():
        return {}
    done = ended(spec, sorted_rows(spec, rows))
    if spec.whole:
        return {0: done}
    # Sorted, each record is one run, so there is one hash a record and not one a row.
    runs = done.get_column("record").rle().struct.unnest()
    numbers = [partition_of(record, partitions) for record in runs.get_column("value")]
    by_row = pl.Series(_PARTITION, numbers, dtype=pl.Int64).repeat_by(runs.get_column("len")).explode()
    groups = done.with_columns(by_row).partition_by(
        _PARTITION, as_dict=True, include_key=False, maintain_order=True
    )
    return {int(number): group for (number,), group in groups.items()}


_ASKED = ("template", "assignee", "asked", "fork", "leg", "due_at", "priority")
_PARTITION = "#partition"
