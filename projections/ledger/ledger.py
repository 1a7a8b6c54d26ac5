"""The ledger of one log: open it as of a position, bring it up to the log, make it again."""

import orjson
import polars as pl

from projections.batch import Failpoint, nothing
from projections.ledger.manifest import PARTITIONS, POINTER, Manifest
from projections.ledger.store import AnotherLedger, LedgerDamaged, LedgerStore, OlderLedger
from projections.ledger.tables import SCHEMA_VERSION
from projections.ledger.view import View, parted
from projections.ledger.writing import PART, Progress, Writer, flattened_on, memory_at
from projections.ports import LogReader

_REBUILD = "`dealtrail ledger rebuild` makes it again from the log"

MANY_EVENTS = 200_000
"""Fewer are one partition: asking each of several costs more than there is to gain."""


def suited(events: int) -> int:
    """Return how many partitions suit so many events."""
    return 1 if events < MANY_EVENTS else PARTITIONS


class Ledger:
    """The log in columns: segments kept in a folder or an object store, and the tail of the log behind them.

    Reading needs nobody's leave. Writing (`update`, `rebuild`) is for one process at a time, which the caller sees to.
    """

    def __init__(
        self,
        store: LedgerStore,
        log: LogReader,
        *,
        partitions: int | None = None,
        part: int = PART,
        failpoint: Failpoint = nothing,
    ) -> None:
        self.store = store
        self.log = log
        self.writer = Writer(store, log, failpoint, part)
        self._partitions = partitions

    def kept(self) -> Manifest | None:
        """Return the manifest in force, None when nothing is kept yet. Raises LedgerDamaged, or AnotherLedger when it is not of this log."""
        try:
            pointer = self.store.get(POINTER)
        except FileNotFoundError:
            return None
        try:
            named = orjson.loads(pointer)
            name, sha256 = str(named["manifest"]), str(named["sha256"])
            manifest = Manifest.from_json(self.store.get(name))
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise LedgerDamaged(f"the manifest of the ledger cannot be read; {_REBUILD}") from error
        if manifest.sha256 != sha256:
            raise LedgerDamaged(f"the manifest {name} was edited; {_REBUILD}")
        self._refuse_another(manifest)
        return manifest

    def manifest(self) -> Manifest:
        """Return the manifest in force, or one of nothing. Raises LedgerDamaged, AnotherLedger."""
        return self.kept() or self._empty(self.log.head())

    def at(self, position: int | None = None) -> View:
        """Open the ledger as of a position, the head of the log by default.

        What is not in segments yet is read from the log, so the answer is current.
        """
        manifest = self.manifest()
        head = self.log.head()
        wanted = head if position is None else min(position, head)
        if wanted <= manifest.position:
            return View(self.store, manifest, wanted)
        memory = memory_at(self.log, manifest.position, manifest.command)
        recall = View(self.store, manifest, manifest.position).recall
        flattened = flattened_on(self.log, memory, wanted, recall)
        tail = {
            (name, partition): frame
            for name, noted in flattened.frames.items()
            for partition, frame in parted(name, noted, manifest.partitions).items()
        }
        return View(self.store, manifest, wanted, tail)

    def scan(
        self,
        table: str,
        *,
        as_of: int | None = None,
        partition: int | None = None,
        kind: str | None = None,
    ) -> pl.LazyFrame:
        """Return the rows of one table as of a position. Whoever needs several tables opens a view of one position: `at`."""
        return self.at(as_of).scan(table, partition=partition, kind=kind)

    def update(self, progress: Progress | None = None) -> Manifest:
        """Write what the log has and the ledger has not; return the manifest that is in force then."""
        began = manifest = self.manifest()
        head = self.log.head()
        while manifest.position < head:
            for longer, _ in self.writer.extend(manifest, min(head, manifest.position + self.writer.part)):
                manifest = self.writer.compact(longer)
            self.writer.publish(manifest)
            if progress is not None:
                progress(manifest.position, head)
        self.writer.sweep(began, manifest)
        return manifest

    def rebuild(self, progress: Progress | None = None, *, partitions: int | None = None) -> Manifest:
        """Make the ledger again from the first event, beside the one in force, and put it in force when it is whole."""
        try:
            began = self.kept()
        except (LedgerDamaged, AnotherLedger):
            began = None
        head = self.log.head()
        empty = self._empty(head, partitions)
        manifest = self.made(empty, head, progress)
        if began is not None and began.generation >= manifest.generation:
            manifest = manifest.with_segments(manifest.segments, generation=began.generation + 1)
        self.writer.publish(manifest)
        self.writer.sweep(manifest, *([] if began is None else [began]))
        return manifest

    def made(self, manifest: Manifest, upto: int, progress: Progress | None = None) -> Manifest:
        """Write segments up to a position and merge them fully, without putting them in force."""
        for longer, _ in self.writer.extend(manifest, upto):
            manifest = longer
            if progress is not None:
                progress(manifest.position, upto)
        return self.writer.compact(manifest, fully=True)

    def has_outgrown(self, manifest: Manifest) -> bool:
        """Tell whether the log has become too large for the partitions there are; a rebuild chooses them anew."""
        return self._partitions is None and manifest.partitions < suited(manifest.position)

    def _empty(self, head: int, partitions: int | None = None) -> Manifest:
        return Manifest.empty(self.log.genesis, partitions or self._partitions or suited(head))

    def _refuse_another(self, manifest: Manifest) -> None:
        genesis = self.log.genesis
        if (manifest.tenant, manifest.log_format) != (genesis.tenant, genesis.format):
            raise AnotherLedger(
                f"the ledger is of the tenant {manifest.tenant!r}, the log of {genesis.tenant!r}; keep it elsewhere, or {_REBUILD}"
            )
        if manifest.schema != SCHEMA_VERSION:
            older = OlderLedger if manifest.schema < SCHEMA_VERSION else AnotherLedger
            raise older(
                f"the ledger has schema {manifest.schema}, this program has {SCHEMA_VERSION}; {_REBUILD}"
            )
        there = self.log.after(manifest.position - 1, 1, upto=manifest.position) if manifest.position else []
        if manifest.position and (not there or there[0].command_id != manifest.command[0]):
            raise AnotherLedger(
                f"the ledger stands at position {manifest.position:,} of another log, or of this one before it was cut or restored."
                f" Compare the log with a witness; then {_REBUILD}"
            )
