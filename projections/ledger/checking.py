"""Checking the ledger: every file by its SHA-256, every row against the log; what is wrong is made again from the log."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, TypeAlias

import polars as pl

from projections.ledger.ends import sorted_rows
from projections.ledger.ledger import Ledger
from projections.ledger.manifest import POINTER, Manifest, Segment, is_ours
from projections.ledger.memory import nothing_before
from projections.ledger.store import LedgerDamaged
from projections.ledger.tables import TABLES
from projections.ledger.view import View, parted
from projections.ledger.writing import Progress, encoded, files_of, flattened_on, memory_at

Fault: TypeAlias = Literal["missing", "cut", "edited", "surplus", "other rows"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that is not as the manifest says, or rows that are not as the log says; `table` is empty for a file that is no segment.

    `position` is the first one at which rows differ from the log, 0 where that is not known.
    """

    file: str
    fault: Fault
    table: str = ""
    partition: int = 0
    position: int = 0


def check_files(ledger: Ledger, progress: Progress | None = None) -> list[Finding]:
    """Compare every file with the manifest. Raises LedgerDamaged when the manifest itself cannot be read."""
    manifest = ledger.manifest()
    found: list[Finding] = []
    for number, segment in enumerate(manifest.segments, 1):
        fault = _fault_of(ledger, segment)
        if fault is not None:
            found.append(Finding(segment.name, fault, segment.table, segment.partition))
        if progress is not None:
            progress(number, len(manifest.segments))
    named = files_of(manifest)
    if manifest.generation == 0:
        named.discard(POINTER)
    # Until the next update, readers may still have the manifest before open.
    before = f"manifests/{manifest.generation - 1:09d}."
    surplus = [
        name
        for name in ledger.store.names()
        if is_ours(name) and name not in named and not name.startswith(before)
    ]
    return found + [Finding(name, "surplus") for name in sorted(surplus)]


def repair(ledger: Ledger, findings: Sequence[Finding], progress: Progress | None = None) -> Manifest:
    """Make damaged segments again from the log, in its order, and remove surplus files; return the manifest in force then.

    A segment that comes out byte for byte is put back under its name; one that does not (another version of Polars wrote it) gets a new one.
    """
    if any(finding.fault == "other rows" for finding in findings):
        # Nobody can tell what else was flattened wrongly.
        return ledger.rebuild(progress)
    manifest = ledger.manifest()
    damaged = {finding.file for finding in findings if finding.fault != "surplus"}
    ranges: dict[tuple[int, int], list[Segment]] = {}
    for segment in manifest.segments:
        if segment.name in damaged:
            ranges.setdefault((segment.after, segment.upto), []).append(segment)
    events_in_all = sum(upto - after for after, upto in ranges)
    done = 0
    repaired = manifest
    # In the order of the log: what was known before a range stands in segments that are whole by then.
    for (after, upto), segments in sorted(ranges.items()):
        for old, rows in _derived(ledger, repaired, after, upto, segments):
            new, content = encoded(old.table, old.partition, after, upto, rows)
            ledger.store.delete(old.name)
            ledger.store.put(new.name, content)
            if new != old:
                repaired = repaired.with_segments([*(set(repaired.segments) - {old}), new])
        done += upto - after
        if progress is not None:
            progress(done, events_in_all)
    if repaired != manifest:
        ledger.writer.publish(repaired)
    if any(finding.fault == "surplus" for finding in findings):
        ledger.writer.sweep(repaired)
    return repaired


def check_rows(ledger: Ledger, scratch: Ledger, progress: Progress | None = None) -> list[Finding]:
    """Make the ledger again beside the kept one, and compare the two row by row. `scratch` is a ledger of the same log, kept elsewhere.

    Each finding names a segment with the first row that differs; a rebuilt ledger equals the kept one when there is none.
    """
    kept = ledger.manifest()
    empty = Manifest.empty(ledger.log.genesis, kept.partitions)
    made = scratch.made(empty, kept.position, progress)
    views = (View(ledger.store, kept, kept.position), View(scratch.store, made, kept.position))
    found: list[Finding] = []
    for table in TABLES:
        for partition in kept.partitions_of(table):
            one, other = (
                sorted_rows(TABLES[table], view.stored(table, partition).collect()) for view in views
            )
            if not one.equals(other):
                position = _first_difference(one, other)
                found += _segments_with(kept, table, partition, position)
    return found


def _fault_of(ledger: Ledger, segment: Segment) -> Fault | None:
    try:
        content = ledger.store.get(segment.name)
    except FileNotFoundError:
        return "missing"
    if hashlib.sha256(content).hexdigest() == segment.sha256:
        rows = pl.scan_parquet(BytesIO(content)).select(pl.len()).collect().item()
        return None if rows == segment.rows else "edited"
    return "cut" if len(content) < segment.size_bytes else "edited"


def _derived(
    ledger: Ledger, manifest: Manifest, after: int, upto: int, segments: Sequence[Segment]
) -> Iterator[tuple[Segment, pl.DataFrame]]:
    """Flatten a range of the log for the tables and partitions of some segments."""
    recall = View(ledger.store, manifest, after).recall if after else nothing_before
    before = ledger.log.after(after - 1, 1, upto=after) if after else []
    command = (before[0].command_id, _began(ledger, after)) if before else ("", 0)
    memory = memory_at(ledger.log, after, command)
    flattened = flattened_on(ledger.log, memory, upto, recall, only={segment.table for segment in segments})
    frames = {table: parted(table, noted, manifest.partitions) for table, noted in flattened.frames.items()}
    for segment in segments:
        frame = frames[segment.table].get(segment.partition, TABLES[segment.table].stored.to_frame())
        if frame.height != segment.rows:
            raise LedgerDamaged(
                f"{segment.name} had {segment.rows:,} rows, the log gives {frame.height:,}: run `dealtrail verify`, then `dealtrail ledger rebuild`"
            )
        yield segment, frame


def _began(ledger: Ledger, position: int) -> int:
    """Find where the command of an event begins."""
    command, first = None, position
    while first:
        (recorded,) = ledger.log.after(first - 1, 1, upto=first)
        if command is not None and recorded.command_id != command:
            return first + 1
        command, first = recorded.command_id, first - 1
    return 1


def _first_difference(one: pl.DataFrame, other: pl.DataFrame) -> int:
    """Return the first position whose rows are not the same in both."""
    columns = one.columns
    only = [
        mine.join(theirs, on=columns, how="anti", nulls_equal=True).get_column("position").min()
        for mine, theirs in ((one, other), (other, one))
    ]
    return min((int(position) for position in only if position is not None), default=0)  # type: ignore[arg-type]


def _segments_with(manifest: Manifest, table: str, partition: int, position: int) -> Iterable[Finding]:
    holding = [
        segment
        for segment in manifest.of(table, partition)
        if position == 0 or segment.after < position <= segment.upto
    ]
    if not holding:
        return [Finding("", "other rows", table, partition, position)]
    return [Finding(segment.name, "other rows", table, partition, position) for segment in holding]
