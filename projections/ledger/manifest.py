"""The manifest: which segments make up the ledger, what they cover, and how to tell that they are whole."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from zlib import crc32

import orjson

from domain.events import LogBegun
from projections.ledger.tables import SCHEMA_VERSION, TABLES

PARTITIONS = 16
POINTER = "current.json"
"""Names the manifest in force; it is written last, so what it names is complete."""


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A file of rows of one table and one partition, from the events after position `after` up to `upto`.

    It is never changed. A range without rows has no segment.
    """

    table: str
    partition: int
    after: int
    upto: int
    rows: int
    first_position: int
    last_position: int
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Where it is kept; another content has another name, so that writing never touches what is read."""
        place = f"segments/{self.table}/{self.partition:03d}"
        return f"{place}/{self.after + 1:012d}-{self.upto:012d}.{self.sha256[:16]}.parquet"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation of the ledger: the log up to `position`, in segments.

    `command` is the command of the event at that position and the position of its first event: by it one sees that the log is still the same.
    """

    tenant: str
    log_format: int
    generation: int = 0
    partitions: int = PARTITIONS
    position: int = 0
    command: tuple[str, int] = ("", 0)
    segments: tuple[Segment, ...] = ()
    schema: int = SCHEMA_VERSION

    @classmethod
    def empty(cls, genesis: LogBegun, partitions: int = PARTITIONS) -> "Manifest":
        """Return the manifest of a ledger of which nothing is written yet."""
        return cls(genesis.tenant, genesis.format, partitions=partitions)

    @property
    def name(self) -> str:
        """Where it is kept."""
        return f"manifests/{self.generation:09d}.{self.sha256[:16]}.json"

    @property
    def sha256(self) -> str:
        """The SHA-256 of its JSON."""
        return hashlib.sha256(self.json()).hexdigest()

    def of(self, table: str, partition: int | None = None) -> list[Segment]:
        """Return the segments of a table, in the order of partitions, then of the log."""
        return [
            segment
            for segment in self.segments
            if segment.table == table and partition in (None, segment.partition)
        ]

    def partitions_of(self, table: str) -> range:
        """Return the partitions of a table: a table that is about no record has one."""
        return range(1 if TABLES[table].whole else self.partitions)

    def with_segments(self, segments: Iterable[Segment], **changes: Any) -> "Manifest":
        """Return the next generation, with other segments."""
        following = {"generation": self.generation + 1, **changes}
        return replace(self, segments=tuple(sorted(segments)), **following)

    def json(self) -> bytes:
        """Return it as JSON, the same bytes each time."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read a manifest. Raises ValueError, KeyError or TypeError for anything else."""
        told = orjson.loads(text)
        identity, began = told.pop("command")
        segments = tuple(Segment(**segment) for segment in told.pop("segments"))
        return cls(**told, command=(str(identity), int(began)), segments=segments)

    def pointer(self) -> bytes:
        """Return what names this manifest as the one in force."""
        return orjson.dumps({"manifest": self.name, "sha256": self.sha256})


_OURS = re.compile(
    r"segments/[a-z_]+/[0-9]{3}/[0-9]{12}-[0-9]{12}\.[0-9a-f]{16}\.parquet|manifests/[0-9]{9}\.[0-9a-f]{16}\.json"
)


def is_ours(name: str) -> bool:
    """Tell whether a file can be one of a ledger: whatever else lies at the same place is left alone."""
    return _OURS.fullmatch(name) is not None


def partition_of(record: str, partitions: int) -> int:
    """Return the partition of a record: CRC-32 of its name, so that any program can find it."""
    return crc32(record.encode()) % partitions


def in_order(segments: Sequence[Segment]) -> list[Segment]:
    """Return segments of one table and partition in the order of the log."""
    return sorted(segments, key=lambda segment: segment.after)
