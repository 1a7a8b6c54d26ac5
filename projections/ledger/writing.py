"""Writing the ledger: rows become segments, segments a manifest, and the pointer to it comes last.

Whoever is killed at any point leaves the manifest before in force, and files that nobody names; the next writer sweeps them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from io import BytesIO

import polars as pl

from domain.envelope import Recorded
from domain.naming import ORGANISATION_STREAM
from domain.organisation import state as organisation
from projections.batch import Failpoint, nothing
from projections.kinds import LogGap
from projections.ledger.ends import sorted_rows
from projections.ledger.flatten import about, flatten
from projections.ledger.manifest import POINTER, Manifest, Segment, in_order, is_ours
from projections.ledger.memory import Memory, Recall, remembering
from projections.ledger.store import LedgerStore
from projections.ledger.tables import TABLES
from projections.ledger.view import View, parted
from projections.ports import LogReader

Progress = Callable[[int, int], None]

READ_AT_ONCE = 5_000
PART = 200_000
"""Events that become one set of segments; more of them would only take more memory."""

REMEMBERED = 50_000
"""Records that are remembered from one part to the next; of more of them, those that are asked for are looked up again."""

MANY = 4
"""Segments of one partition that are left as they are; reading ends rows across them."""

FAILPOINTS = ("after_segment", "before_manifest", "before_pointer", "after_pointer", "before_sweep")
"""Where a test may kill a writer; each name is passed to the failpoint when that place is reached."""


@dataclass
class Writer:
    """Writes segments and manifests of one ledger. There is one at a time: who that is, the caller sees to."""

    store: LedgerStore
    log: LogReader
    failpoint: Failpoint = nothing
    part: int = PART

    def extend(self, manifest: Manifest, upto: int) -> Iterator[tuple[Manifest, int]]:
        """Write the log on from a manifest; yield the next one after each part, nothing of it in force yet, and how many events it took in."""
        memory = memory_at(self.log, manifest.position, manifest.command)
        while manifest.position < upto:
            recall = View(self.store, manifest, manifest.position).recall
            until = min(upto, manifest.position + self.part)
            flattened = flattened_on(self.log, memory, until, recall)
            written = self._written(flattened.frames, manifest, until)
            before = manifest.position
            memory = flattened.after
            manifest = manifest.with_segments(
                [*manifest.segments, *written], position=memory.position, command=memory.command
            )
            if len(memory.records) > REMEMBERED:
                # What was known of records can be read again, and does not fit into memory for ever.
                memory = replace(memory, records={})
            yield manifest, manifest.position - before

    def compact(self, manifest: Manifest, *, fully: bool = False) -> Manifest:
        """Merge segments that have become many, newest first, so that each row is written again only a few times; `fully` leaves one a partition."""
        kept: list[Segment] = []
        for table in TABLES:
            for partition in manifest.partitions_of(table):
                segments = in_order(manifest.of(table, partition))
                run = len(segments) if fully else _run(segments)
                if run > 1:
                    merged = self._merged(manifest, segments[-run:])
                    segments = [*segments[:-run], merged]
                kept += segments
        return manifest.with_segments(kept) if len(kept) < len(manifest.segments) else manifest

    def publish(self, manifest: Manifest) -> None:
        """Put a manifest in force: its segments are all there already."""
        self.failpoint("before_manifest")
        self.store.put(manifest.name, manifest.json())
        self.failpoint("before_pointer")
        self.store.put(POINTER, manifest.pointer())
        self.failpoint("after_pointer")

    def sweep(self, *kept: Manifest) -> int:
        """Remove what none of the manifests names: what was merged, and what a writer that was killed left. Return how many files it was."""
        self.failpoint("before_sweep")
        named = files_of(*kept)
        surplus = [name for name in self.store.names() if is_ours(name) and name not in named]
        for name in surplus:
            self.store.delete(name)
        return len(surplus)

    def segment(self, table: str, partition: int, after: int, upto: int, rows: pl.DataFrame) -> Segment:
        """Keep sorted rows as a segment."""
        made, content = encoded(table, partition, after, upto, rows)
        self.store.put(made.name, content)
        self.failpoint("after_segment")
        return made

    def _written(self, frames: Mapping[str, pl.DataFrame], manifest: Manifest, upto: int) -> list[Segment]:
        return [
            self.segment(table, partition, manifest.position, upto, frame)
            for table, noted in frames.items()
            for partition, frame in parted(table, noted, manifest.partitions).items()
        ]

    def _merged(self, manifest: Manifest, segments: Sequence[Segment]) -> Segment:
        first, last = segments[0], segments[-1]
        table = TABLES[first.table]
        only = replace(manifest, segments=tuple(segments))
        parts = View(self.store, only, manifest.position).stored(table.name, first.partition)
        return self.segment(
            table.name, first.partition, first.after, last.upto, sorted_rows(table, parts.collect())
        )


def encoded(table: str, partition: int, after: int, upto: int, rows: pl.DataFrame) -> tuple[Segment, bytes]:
    """Spell sorted rows as a Parquet file, and say what is in it."""
    buffer = BytesIO()
    rows.write_parquet(buffer, compression="zstd", statistics=True)
    content = buffer.getvalue()
    positions = rows.get_column("position")
    segment = Segment(
        table=table,
        partition=partition,
        after=after,
        upto=upto,
        rows=rows.height,
        first_position=int(positions.min()),  # type: ignore[arg-type]
        last_position=int(positions.max()),  # type: ignore[arg-type]
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return segment, content


def files_of(*manifests: Manifest) -> set[str]:
    """Name every file that manifests need."""
    return {POINTER} | {
        name
        for manifest in manifests
        for name in (manifest.name, *(segment.name for segment in manifest.segments))
    }


@dataclass(frozen=True, slots=True)
class Flattened:
    """A range of the log as rows of each table, without their ends; and what is known after it."""

    frames: Mapping[str, pl.DataFrame]
    after: Memory


def flattened_on(
    log: LogReader, memory: Memory, upto: int, recall: Recall, *, only: Set[str] = frozenset(TABLES)
) -> Flattened:
    """Flatten the log from where a memory stands, piece by piece: as columns, rows take a tenth of the memory."""
    noted: dict[str, list[pl.DataFrame]] = {
        name: [TABLES[name].noted.to_frame()] for name in TABLES if name in only
    }
    for events in pieces(log, memory.position, upto):
        flat = flatten(events, remembering(memory, about(events), recall))
        memory = flat.after
        for name, frames in noted.items():
            if flat.rows[name]:
                frames.append(flat.frame(name))
    return Flattened({name: pl.concat(frames) for name, frames in noted.items()}, memory)


def memory_at(log: LogReader, position: int, command: tuple[str, int]) -> Memory:
    """Return what is known at a position before any record was looked up."""
    people = [recorded for recorded in log.stream(ORGANISATION_STREAM) if recorded.position <= position]
    return Memory(position, command, organisation.fold(None, people))


def pieces(log: LogReader, after: int, upto: int) -> Iterable[list[Recorded]]:
    """Read a range of the log piece by piece. Raises LogGap when it lacks a position."""
    position = after
    while position < upto:
        events = log.after(position, READ_AT_ONCE, upto=upto)
        if not events or events[-1].position - position != len(events):
            raise LogGap(
                f"the log has no event at some position between {position + 1:,} and {upto:,}: run `dealtrail verify`, and restore the log from a backup"
            )
        yield events
        position = events[-1].position


def _run(segments: Sequence[Segment]) -> int:
    """Say how many of the newest segments to merge: those that together are about as large as the next older one, and that one."""
    if len(segments) <= MANY:
        return 0
    run, rows = 1, segments[-1].rows
    while run < len(segments) and (segments[-run - 1].rows <= 2 * rows or len(segments) - run >= MANY):
        run += 1
        rows += segments[-run].rows
    return run
