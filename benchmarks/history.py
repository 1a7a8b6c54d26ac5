"""A big ledger of a realistic log: a told year of selling, copied until there are as many events as asked for.

The year is told through the command bus by the simulated organisation, so everything a log has is in it: refused attempts, overrides,
back moves, corrected touches, a second version of the playbook. What is about a record is copied; people, teams and publications are once.
A copy is a whole customer base of its own: its commands stand beside those of the told year, in the same order, under the same rules.
So the tables are those of a log of that length (a test flattens such a log and compares), and the gates decide every copied attempt as the first.
"""

import pickle
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

import polars as pl

from benchmarks.story import SEED, Story, a_year, is_copied
from domain.envelope import Recorded
from domain.events import LogBegun
from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from infra.ledger import ObjectStoreLedger
from projections.ledger.ends import ended, sorted_rows
from projections.ledger.flatten import flatten
from projections.ledger.manifest import POINTER, Manifest, Segment
from projections.ledger.memory import Memory
from projections.ledger.tables import MOMENT, TABLES, Table
from projections.ledger.view import View
from projections.ledger.writing import encoded

_ONCE = "once.pickle"
_POSITIONS = frozenset(
    {"position", "until", "noted", "left_position", "began", "basis", "restores", "armed_at", "cause"}
)
_TAKEN_IN = {
    "recorded_at": "position",
    "decided_at": "position",
    "noticed_at": "position",
    "entered_recorded_at": "position",
    "left_recorded_at": "left_position",
}
"""Moments of the log's own clock, and the event each is of; all other moments are those of the business."""
_OWN_NAMES = frozenset({"record", "to", "contact"})
_OWN_IDS = frozenset({"touch", "evidence", "external_id", "work", "fork", "approval", "subject"})
_VALUES = frozenset({"old", "new", "edits"})
_BUCKET = 600_000_000
"""Ten minutes. Within them, moments of a copy are drawn nearer to the begin, each copy in its own way, so that durations differ."""
_BUCKETS_A_DAY = 144
"""The same minutes of another day are drawn as near, so that what lay within so many days still does, and gates decide as before."""


@dataclass(frozen=True)
class BigLedger:
    """A ledger of many events, and what else is known of its log: the events that are in it once."""

    view: View
    genesis: LogBegun
    once: Sequence[Recorded]

    @cached_property
    def playbooks(self) -> Playbooks:
        """All versions that were published, at their positions."""
        return catalogue.fold(None, self.stream(PLAYBOOKS_STREAM))

    @property
    def playbook(self) -> PublishedPlaybook:
        """The version in force at the end."""
        (found,) = self.playbooks.in_force.values()
        return found

    def head(self) -> int:
        """Return the last position."""
        return self.view.position

    def stream(self, stream: str) -> list[Recorded]:
        """Return the events of a stream that is about no record."""
        return [item for item in self.once if item.stream == stream]

    @classmethod
    def opened(cls, folder: Path) -> "BigLedger":
        """Open a big ledger that was made before."""
        store = ObjectStoreLedger.in_folder(folder)
        genesis, once, name = pickle.loads((folder / _ONCE).read_bytes())  # noqa: S301 — written by `big_ledger`
        manifest = Manifest.from_json(store.get(name))
        return cls(View(store, manifest, manifest.position), genesis, once)


def big_ledger(
    folder: Path,
    events: int,
    seed: int = SEED,
    *,
    story: Story | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BigLedger:
    """Make a ledger of about so many events in a folder, or open the one that is there: the same seed, the same rows.

    `story` is the one to copy where it was told already.
    """
    if (folder / POINTER).exists():
        return BigLedger.opened(folder)
    told = story or a_year(seed)
    once = sum(not is_copied(item) for item in told.events)
    copies = max(1, round((events - once) / (len(told.events) - once)))
    return written(folder, told, copies, progress)


def written(
    folder: Path, story: Story, copies: int, progress: Callable[[int, int], None] | None = None
) -> BigLedger:
    """Write the ledger of a story of which everything that is about records happened so many times."""
    store = ObjectStoreLedger.in_folder(folder)
    places = Places.of(story, copies)
    flat = flatten(story.events, Memory())
    rows = {name: ended(spec, sorted_rows(spec, flat.frame(name))) for name, spec in TABLES.items()}
    manifest = Manifest.empty(story.genesis)
    pairs = _pairs(rows["events"].get_column("record").unique().sort(), copies, manifest.partitions)
    segments: list[Segment] = []
    todo = [(name, part) for name in TABLES for part in manifest.partitions_of(name)]
    for done, (name, part) in enumerate(todo, 1):
        spec = TABLES[name]
        base = rows[name] if spec.whole else pairs[part].join(rows[name], on="record", maintain_order="left")
        made = _copied(spec, base, places, story.kinds)
        if made.height:
            segment, content = encoded(name, part, 0, places.head, made)
            store.put(segment.name, content)
            segments.append(segment)
        if progress is not None:
            progress(done, len(todo))
    last = story.events[-1]
    manifest = manifest.with_segments(
        segments, position=places.head, command=(last.command_id, places.began_last)
    )
    once = [places.moved(item) for item in story.events if not is_copied(item)]
    (folder / _ONCE).write_bytes(pickle.dumps((story.genesis, once, manifest.name)))
    store.put(manifest.name, manifest.json())
    store.put(POINTER, manifest.pointer())
    return BigLedger(View(store, manifest, manifest.position), story.genesis, once)


@dataclass(frozen=True)
class Places:
    """Where each event of the told log stands in the long one: the commands of all copies one after the other, each in one piece.

    By position of the told log: `start` of the first copy of its command, `length` of the command, `within` it, and the
    microseconds until the log takes in the next command. What stands once has a `length` of 0, so every copy finds the same.
    """

    start: pl.Series
    length: pl.Series
    within: pl.Series
    gap: pl.Series
    copies: int
    head: int
    began_last: int

    @classmethod
    def of(cls, story: Story, copies: int) -> "Places":
        """Number the events of all copies."""
        columns: list[list[int]] = [[0], [0], [0], [0]]
        start, length, within, gap = columns
        head = began = 0
        for command, following in _with_next(_commands(story.events)):
            times = copies if is_copied(command[0]) else 1
            if any(is_copied(item) != is_copied(command[0]) for item in command):
                raise ValueError(f"{command[0].command_id} is about records and about something else")
            until = following[0].recorded_at if following else command[0].recorded_at
            pause = (until - command[0].recorded_at).total_seconds() * 1_000_000
            start += [head + 1] * len(command)
            length += [len(command) if times > 1 else 0] * len(command)
            within += range(len(command))
            gap += [round(pause)] * len(command)
            began = head + 1 + (times - 1) * len(command)
            head += times * len(command)
        one, two, three, four = (pl.Series(values, dtype=pl.Int64) for values in columns)
        return cls(one, two, three, four, copies, head, began)

    def position(self, of: str) -> pl.Expr:
        """The place of an event in the copy `#copy`."""
        told = pl.col(of)
        first = _looked_up(self.start, told) + _looked_up(self.within, told)
        return first + pl.col("#copy") * _looked_up(self.length, told)

    def positions(self, of: str) -> pl.Expr:
        """The places of a list of events in the copy `#copy`; there are few such lists."""

        def placed(row: Any) -> list[int]:
            return [
                int(self.start[at]) + int(self.within[at]) + row["#copy"] * int(self.length[at])
                for at in row[of]
            ]

        return pl.struct(of, "#copy").map_elements(placed, return_dtype=pl.List(pl.Int64()))

    def taken_in(self, moment: str, of: str) -> pl.Expr:
        """When the log took it in: copies of a command follow one another until the next command comes."""
        later = _looked_up(self.gap, pl.col(of)) * pl.col("#copy") // self.copies
        return (pl.col(moment).to_physical() + later).cast(MOMENT)

    def moved(self, item: Recorded) -> Recorded:
        """Put an event that stands once at its place."""
        position = int(self.start[item.position]) + int(self.within[item.position])
        return replace(item, position=position, basis=int(self.start[item.position]) - 1)


def _copied(spec: Table, base: pl.DataFrame, places: Places, kinds: Sequence[str]) -> pl.DataFrame:
    """Turn rows of the told log into rows of the copies they are paired with, in the order of segments."""
    if spec.whole:
        base = base.with_columns(pl.lit(0, pl.Int64).alias("#copy"))
    changed: list[pl.Expr] = []
    for name, dtype in spec.stored.items():
        if name in _POSITIONS:
            changed.append(places.position(name).alias(name))
        elif dtype == MOMENT and name in _TAKEN_IN:
            changed.append(places.taken_in(name, _TAKEN_IN[name]).alias(name))
        elif spec.whole:
            continue
        elif dtype == MOMENT:
            changed.append(_at(name))
        elif name in _OWN_NAMES or name in _OWN_IDS:
            changed.append(_named(name))
        elif name == "positions":
            changed.append(places.positions(name).alias(name))
        elif name == "legs":
            changed.append(_marked(pl.col(name), r':"([^"]+)"', ':"${1}\x00"').alias(name))
        elif name in _VALUES:
            changed.append(_valued(name, kinds))
    return base.with_columns(changed).select(spec.stored.names())


def copied_name(name: str, copy: int) -> str:
    """Return what a record, a touch or a piece of evidence is called in a copy; the first one keeps its name."""
    return f"{name}c{copy}" if copy else name


def copied_moment(moment: int, copy: int) -> int:
    """Return a moment of the business in a copy, in microseconds: within its ten minutes, and never later."""
    bucket, within = divmod(moment, _BUCKET)
    return (
        bucket * _BUCKET + within * (1_000 - (bucket % _BUCKETS_A_DAY * 7_919 + 613) * copy % 1_000) // 1_000
    )


def _at(name: str) -> pl.Expr:
    moment = pl.col(name).to_physical()
    bucket, within = moment // _BUCKET, moment % _BUCKET
    share = 1_000 - (bucket % _BUCKETS_A_DAY * 7_919 + 613) * pl.col("#copy") % 1_000
    return (bucket * _BUCKET + within * share // 1_000).cast(MOMENT).alias(name)


def _named(name: str) -> pl.Expr:
    suffix = (
        pl.when(pl.col("#copy") > 0).then(pl.lit("c") + pl.col("#copy").cast(pl.String)).otherwise(pl.lit(""))
    )
    return (pl.col(name) + suffix).alias(name)


def _valued(name: str, kinds: Sequence[str]) -> pl.Expr:
    """Name the records of the same copy where a value refers to records; most values do not."""
    value = pl.col(name)
    pattern = rf'"((?:{"|".join(kinds)})/[^"]+)"'
    refers = value.str.contains(pattern) & (pl.col("#copy") > 0)
    return pl.when(refers).then(_marked(value, pattern, '"${1}\x00"')).otherwise(value).alias(name)


def _marked(value: pl.Expr, pattern: str, marked: str) -> pl.Expr:
    """Name what a pattern finds as in the copy. Replacements cannot differ by row, so a mark is put in and cut out."""
    suffix = (
        pl.when(pl.col("#copy") > 0).then(pl.lit("c") + pl.col("#copy").cast(pl.String)).otherwise(pl.lit(""))
    )
    return value.str.replace_all(pattern, marked).str.split("\x00").list.join(suffix)


def _pairs(records: pl.Series, copies: int, partitions: int) -> list[pl.DataFrame]:
    """Pair each record with each copy, by the partition that copy of it is in, sorted by its name there."""
    told = records.to_list()
    found: list[list[tuple[str, str, int]]] = [[] for _ in range(partitions)]
    for copy in range(copies):
        for record in told:
            name = copied_name(record, copy)
            found[crc32(name.encode()) % partitions].append((name, record, copy))
    return [
        pl.DataFrame(sorted(pairs), schema={"#name": pl.String, "record": pl.String, "#copy": pl.Int64}, orient="row").select("record", "#copy")
        for pairs in found
    ]  # fmt: skip


def _looked_up(table: pl.Series, at: pl.Expr) -> pl.Expr:
    return at.map_batches(table.gather, return_dtype=pl.Int64, is_elementwise=True)


def _commands(events: Iterable[Recorded]) -> list[list[Recorded]]:
    found: list[list[Recorded]] = []
    for item in events:
        if found and found[-1][0].command_id == item.command_id:
            found[-1].append(item)
        else:
            found.append([item])
    return found


def _with_next(commands: list[list[Recorded]]) -> Iterable[tuple[list[Recorded], list[Recorded] | None]]:
    return zip(commands, [*commands[1:], None], strict=True)
