"""Metrics and indices of many histories at once, beside what the oracle finds in each of them by its own events.

Histories are asked together when they read alike: through the same document, with names that went to the same places.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from oracle import indices as oracle_indices
from oracle import metrics as oracle_metrics
from oracle.reading import Case
from oracle.reading import Reading as OracleReading
from oracle.reading import period as oracle_period

from projections.ledger.view import View
from projections.metrics.asking import Ask
from projections.metrics.cells import cases, measure
from projections.metrics.indices import index_values
from projections.metrics.periods import period_of
from projections.metrics.reading import Reading
from projections.metrics.registry import metric_of
from support.oracle_comparing import Differences, differing
from support.oracle_shelf import Shelf, Volume, shelved

ZONE = ZoneInfo("Asia/Shanghai")
PERIODS = (None, None, "2026-02", "2026-03", "2026-Q1", "2026-W07", "2026-W09", "2026-W11")
SLICES: tuple[tuple[str, ...], ...] = (
    (), ("owner",), ("team",), ("region",), ("step",), ("stage",), ("path", "team"), ("field:strategic",), ("field:presales", "step"),
)  # fmt: skip
MOMENTS: tuple[tuple[str, ...], ...] = (("month",), ("week", "owner"), ("quarter", "team"))
OWN: Mapping[str, tuple[str, ...]] = {
    "stage_distribution": ("outcome",),
    "return_rate": ("edge_from", "edge_to"),
    "freshness": ("field",),
    "penetration": ("action",),
    "response": ("request",),
    "dead_touches": ("touch_kind",),
    "touches": ("touch_kind",),
    "evidence": ("evidence_field",),
    "contradictions": ("requirement",),
    "acceptance": ("edge_from",),
}
SNAPSHOTS = ("stage_distribution", "conversion_snapshot", "freshness", "contradictions")
STEPS = ("lead", "diagnosis", "costing", "quoted", "contract", "won")
INDICES = ("phi", "weekly", "stuck_deals")
AT_ONCE = 5


@dataclass(frozen=True)
class Question:
    """One question to a metric, in the words of both."""

    name: str
    period: str | None
    by: tuple[str, ...]
    parameters: Mapping[str, Any]

    @property
    def is_snapshot(self) -> bool:
        """Whether its cases are as of the end, and not events."""
        return self.name in SNAPSHOTS

    @property
    def metric(self) -> str:
        """The metric; conversion has three variants."""
        return "conversion" if self.name.startswith("conversion") else self.name

    @property
    def told(self) -> dict[str, Any]:
        """The parameters as the product is told them."""
        variant = {"variant": self.name[11:]} if self.metric == "conversion" else {}
        return {**self.parameters, **variant}


def question(name: str, chance: random.Random) -> Question:
    """A question to a metric, each time another one."""
    is_snapshot = name in SNAPSHOTS
    among = [*SLICES, *([] if is_snapshot else MOMENTS)]
    if name in OWN:
        among += [OWN[name], (*OWN[name][:1], "team")]
    start, end = sorted(chance.sample(range(len(STEPS)), 2))
    parameters: dict[str, Any] = {}
    if name.startswith("conversion"):
        parameters = {"from": STEPS[start], "to": STEPS[end]}
    if name == "freshness":
        parameters = {"fields": ["amount", "pains", "note"], "within_days": chance.choice([3, 15])}
    if name == "dead_touches":
        parameters = {"within_days": chance.choice([2, 14])}
    return Question(name, None if is_snapshot else chance.choice(PERIODS), chance.choice(among), parameters)


@dataclass(frozen=True)
class Readers:
    """Histories that read alike, with what both ask: the product all of them at once, the oracle one by one."""

    shelf: Shelf
    view: View
    ours: Reading
    theirs: tuple[OracleReading, ...]

    @classmethod
    def of(cls, shelf: Shelf) -> "Readers":
        """Prepare both; they speak of the moment of the last event of all."""
        version, now = shelf.volumes[0].general, shelf.moment
        theirs = tuple(OracleReading.at(it.plain, it.end, "deal", now=now) for it in shelf.volumes)
        return cls(shelf, shelf.view(), Reading.of_draft(version, "deal", shelf.head(), now), theirs)


def readers_of(shelf: Shelf, chance: random.Random) -> list[Readers]:
    """The histories of a shelf, some of them only their beginning, in groups that read alike."""
    alike: dict[str, list[Volume]] = {}
    for volume in shelf.volumes:
        head = volume.told.log.head()
        upto = head if chance.random() < 0.6 else chance.randint(12, head)
        cut = Volume.of(volume.history, volume.place, volume.start, upto)
        version = cut.general
        adopts = version.adopts.get("deal")
        alike.setdefault(json.dumps([version.document_json, repr(adopts)]), []).append(cut)
    return [Readers.of(shelved(it.as_long for it in volumes)) for volumes in alike.values()]


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def asking(*names: str) -> Differences:
    """Compare these metrics only."""

    def differences(shelf: Shelf, number: int) -> list[str]:
        chance = random.Random(number)
        return [
            it
            for readers in readers_of(shelf, chance)
            for name in names
            for it in metric_differences(readers, question(name, chance))
        ]

    return differences


def metric_and_index_differences(shelf: Shelf, number: int) -> list[str]:
    """Some metrics and an index for each group of histories, others for the next: over many groups each comes up often."""
    chance = random.Random(number)
    among = list(oracle_metrics.METRICS)
    found: list[str] = []
    for turn, readers in enumerate(readers_of(shelf, chance), number):
        start = turn * AT_ONCE % len(among)
        for name in (among + among)[start : start + AT_ONCE]:
            found += metric_differences(readers, question(name, chance))
        found += one_index(readers, INDICES[turn % len(INDICES)], chance)
    return found


def metric_differences(readers: Readers, asked: Question) -> list[str]:
    """What a metric and the oracle say differently: its cells, and the cases behind its numbers, of both its frames."""
    frames = [oracle_metrics.METRICS[asked.name]]
    if asked.name in oracle_metrics.FURTHER:
        frames.append(oracle_metrics.FURTHER[asked.name])
    parameters = [list(asked.parameters.values()), []]
    found = [
        [case for reading in readers.theirs for case in find(reading, _within(reading, asked.period), *about)]
        for (find, _), about in zip(frames, parameters, strict=False)
    ]
    period = None if asked.period is None else period_of(asked.period, ZONE)
    ask = Ask(period, asked.by, {}, asked.told)
    right = _cells(asked, [(some, numbers) for some, (_, numbers) in zip(found, frames, strict=True)])
    cells = measure(readers.view, readers.ours, asked.metric, ask)
    said = {tuple(row[it] for it in asked.by): row for row in cells.frame.to_dicts()}
    both = [name for row in list(right.values())[:1] for name in row if name in cells.frame.columns]
    differences = differing(f"{asked} cell", _only(said, both), _only(right, both))
    variants = [
        it for it in metric_of(asked.metric).frames if it.variant in (None, asked.told.get("variant"))
    ]
    for frame, right_cases in zip(variants, found, strict=True):
        listed = cases(readers.view, readers.ours, asked.metric, ask, frame.numbers[0].name)
        places = _places(asked, listed.to_dicts())
        right_places = _places(asked, right_cases)
        if places != right_places:
            differences.append(
                f"{asked} cases: {places - right_places} too many, {right_places - places} missing"
            )
    return differences


def _within(reading: OracleReading, period: str | None) -> Any:
    return None if period is None else oracle_period(period, reading.zone)


def _places(asked: Question, found: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, int | None]]:
    return Counter((it["record"], None if asked.is_snapshot else it["position"]) for it in found)


def _cells(
    asked: Question, frames: Sequence[tuple[list[Case], Any]]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The cells the oracle counts, those of the second frame beside those of the first."""
    by = list(asked.by)
    sliced = [(oracle_metrics.cells(some, by), numbers) for some, numbers in frames]
    keys = {key for some, _ in sliced for key in some} | ({()} if not by else set())
    return {
        key: {name: it for some, numbers in sliced for name, it in numbers(some.get(key, [])).items()}
        for key in keys
    }


def _only(rows: Mapping[Any, Mapping[str, Any]], names: list[str]) -> dict[Any, dict[str, Any]]:
    return {key: {name: row[name] for name in names} for key, row in rows.items()}


# ── indices ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PARTS = ("score", "measured", "judged", "weight_percent")


def index_differences(shelf: Shelf, number: int) -> list[str]:
    """What the indices and the oracle say differently: values, bands, caps, and every component; another index for each group."""
    chance = random.Random(number)
    return [
        it
        for turn, readers in enumerate(readers_of(shelf, chance))
        for it in one_index(readers, INDICES[(number + turn) % len(INDICES)], chance)
    ]


def one_index(readers: Readers, name: str, chance: random.Random) -> list[str]:
    """What one index and the oracle say differently."""
    months, weeks = ["2026-01", "2026-02", "2026-03"], ["2026-W06", "2026-W08", "2026-W10"]
    period = chance.choice(months if name == "phi" else weeks)
    by: tuple[str, ...] = chance.choice(
        [(), ("owner",), ("team",), ("region",), ("step",), ("stage", "team")]
    )
    if name == "stuck_deals":
        by = ("record",)
        answer = index_values(readers.view, readers.ours, name)
        right = {
            (record,): it
            for reading in readers.theirs
            for record, it in oracle_indices.stuck_values(reading, name).items()
        }
    else:
        answer = index_values(readers.view, readers.ours, name, by, [period])
        right = oracle_indices.index_values(
            readers.theirs, name, list(by), oracle_period(period, readers.theirs[0].zone)
        )
    said = {
        tuple(row[it] for it in by): _index_row(row) | {"components": {}} for row in answer.values.to_dicts()
    }
    for row in answer.components.to_dicts():
        said[tuple(row[it] for it in by)]["components"][row["component"]] = {it: row[it] for it in PARTS}
    expected = {
        key: _index_row(it)
        | {"components": {part: {x: about[x] for x in PARTS} for part, about in it["components"].items()}}
        for key, it in right.items()
    }
    if not by and not expected:
        said = {key: row for key, row in said.items() if row["value"] is not None}
    return differing(f"index {name} {period} by {by}", said, expected)


def _index_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("value", "band", "capped_by", "broken")}
