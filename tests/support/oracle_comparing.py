"""The product beside the oracle: the same question put to both, and every difference in words."""

import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from oracle import indices as oracle_indices
from oracle import metrics as oracle_metrics
from oracle import replay as oracle_replay
from oracle.reading import Reading as OracleReading
from oracle.reading import period as oracle_period

from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from infra.ledger import ObjectStoreLedger
from projections.ledger.ledger import Ledger
from projections.ledger.view import View
from projections.metrics.asking import Ask as MetricAsk
from projections.metrics.cells import cases, measure
from projections.metrics.indices import index_values
from projections.metrics.periods import period_of
from projections.metrics.reading import Reading
from projections.replay import Ask, Window, replay
from support.histories import playbooks_of
from support.long_histories import Tale, Told, tell
from support.measured_playbook import versions
from support.oracle_adapter import plain_draft, plain_events

ZONE = ZoneInfo("Asia/Shanghai")
DELAY = ("delayed_until_position", "delayed_until_at", "delayed_seconds", "never")


@cache
def _nowhere() -> Path:
    """A folder without a ledger: every row comes from the log."""
    return Path(tempfile.mkdtemp(prefix="no-ledger-"))


def view_of(told: Told, position: int | None = None, *, partitions: int = 1) -> View:
    """The ledger of a history, as of a position."""
    ledger = Ledger(ObjectStoreLedger.in_folder(_nowhere()), told.log, partitions=partitions)
    return ledger.at(position or told.log.head())


def draft_for(tale: Tale) -> PublishedPlaybook:
    """The draft a tale's decisions are judged by again; its indices are compared apart."""
    draft = versions()[tale.number % len(versions())]
    return replace(draft, document=draft.document.model_copy(update={"indices": {}}))


def scope_for(tale: Tale) -> Mapping[str, tuple[str, ...]]:
    """The scope of the question: mostly none."""
    among: tuple[Mapping[str, tuple[str, ...]], ...] = (
        {}, {}, {}, {"owner.team": ("north",)}, {"source": ("fair", "referral")}, {"owner.region": ("华南", "西南")},
    )  # fmt: skip
    return among[tale.number // 7 % len(among)]


def window_for(tale: Tale, head: int) -> Window:
    """The window of the question: mostly all of the log."""
    after = 0 if tale.number % 3 else head // 2
    return Window(after, head if tale.number % 5 else max(head - 7, after + 1))


def replay_differences(told: Told, tale: Tale) -> list[str]:
    """What the engine and the oracle say differently about one history."""
    head, draft, scope = told.log.head(), draft_for(tale), scope_for(tale)
    window = window_for(tale, head)
    events = plain_events(told.log, told.desk.vault)
    found = oracle_replay.decisions(events, (window.after, window.upto))
    found = oracle_replay.within(events, found, {name: list(options) for name, options in scope.items()})
    expected_law = oracle_replay.law(found)
    expected = oracle_replay.verdicts(events, found, plain_draft(draft))
    answer = replay(view_of(told), playbooks_of(told.desk), told.desk.vault, Ask(window, dict(scope), draft))
    said_law = {
        "decisions": answer.law.decisions,
        "reproduced": answer.law.reproduced,
        "erased": answer.law.erased,
        "different": list(answer.law.different),
    }
    differences = [] if said_law == expected_law else [f"law: {said_law} is {expected_law}"]
    said = {row["position"]: _verdict(row) for row in answer.decisions.to_dicts()}
    plain = plain_draft(draft)
    right = {it["position"]: _verdict(it | _delay(events, it, plain, head)) for it in expected}
    return differences + differing("decision", said, right)


def _verdict(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "verdict": row["verdict"],
        "requirements": sorted(row["requirements"]),
        "waived": sorted(row["waived"]),
        "erased": row["erased"],
        **{name: row[name] for name in DELAY if row["verdict"] == "newly_refused"},
    }


def _delay(
    events: list[dict[str, Any]], decision: dict[str, Any], draft: dict[str, Any], head: int
) -> dict[str, Any]:
    return (
        oracle_replay.delayed(events, decision, draft, head) if decision["verdict"] == "newly_refused" else {}
    )


def differing(what: str, said: Mapping[Any, Any], right: Mapping[Any, Any]) -> list[str]:
    """Each key under which two answers differ."""
    return [
        f"{what} {key}: {said.get(key, 'absent')} is {right.get(key, 'absent')}"
        for key in sorted(said.keys() | right.keys(), key=repr)
        if said.get(key, "absent") != right.get(key, "absent")
    ]


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────

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


@dataclass(frozen=True)
class Question:
    """One question to a metric, in the words of both."""

    name: str
    period: str | None
    by: tuple[str, ...]
    parameters: Mapping[str, Any]
    position: int


def questions(told: Told, tale: Tale) -> list[Question]:
    """Every metric, each asked otherwise from tale to tale."""
    chance = random.Random(tale.number ^ 0x5EED)
    head = told.log.head()
    earlier = chance.randint(12, head)
    found = []
    for name in oracle_metrics.METRICS:
        is_snapshot = name in SNAPSHOTS
        among = [*SLICES, *([] if is_snapshot else MOMENTS)]
        if name in OWN:
            among += [OWN[name], (*OWN[name][:1], "team")]
        by = chance.choice(among)
        start, end = sorted(chance.sample(range(len(STEPS)), 2))
        parameters: dict[str, Any] = {}
        if name.startswith("conversion"):
            parameters = {"from": STEPS[start], "to": STEPS[end]}
        if name == "freshness":
            parameters = {"fields": ["amount", "pains", "note"], "within_days": chance.choice([3, 15])}
        if name == "dead_touches":
            parameters = {"within_days": chance.choice([2, 14])}
        period = None if is_snapshot else chance.choice(PERIODS)
        position = head if chance.random() < 0.6 else earlier
        found.append(Question(name, period, by, parameters, position))
    return found


def metric_differences(told: Told, asked: Iterable[Question]) -> list[str]:
    """What metrics and the oracle say differently about one history: cells first, then cases."""
    differences: list[str] = []
    events = plain_events(told.log, told.desk.vault)
    readings: dict[int, OracleReading] = {}
    views: dict[int, View] = {}
    for question in asked:
        reading = readings.setdefault(question.position, oracle_reading(events, question.position))
        right_cases = oracle_cases(reading, question)
        right = oracle_cells(reading, question, right_cases)
        ask = MetricAsk(
            None if question.period is None else period_of(question.period, ZONE), question.by, {}, told_parameters(question)
        )  # fmt: skip
        name = question.name.partition("_")[0] if question.name.startswith("conversion") else question.name
        view = views.setdefault(question.position, view_of(told, question.position))
        ours = Reading.of(_playbooks_at(told, question.position), "deal", question.position, reading.now)
        cells = measure(view, ours, name, ask)
        said = {tuple(row[dimension] for dimension in question.by): row for row in cells.frame.to_dicts()}
        both = [name for row in list(right.values())[:1] for name in row if name in cells.frame.columns]
        differences += differing(f"{question} cell", _only(said, both), _only(right, both))
        first = (
            cells.metric.frames[0]
            if question.name[:10] != "conversion"
            else next(it for it in cells.metric.frames if it.variant == question.name[11:])
        )
        listed = cases(view, ours, name, ask, first.numbers[0].name)
        places = Counter((row["record"], row["position"]) for row in listed.to_dicts())
        right_places = Counter((it["record"], it["position"]) for it in right_cases)
        if question.name not in SNAPSHOTS and places != right_places:
            differences.append(
                f"{question} cases: {places - right_places} too many, {right_places - places} missing"
            )
    return differences


def told_parameters(question: Question) -> dict[str, Any]:
    """The parameters as the product is told them."""
    variant = {"variant": question.name[11:]} if question.name.startswith("conversion") else {}
    return {**question.parameters, **variant}


def oracle_reading(events: list[dict[str, Any]], position: int) -> OracleReading:
    """How the oracle reads the log as of a position."""
    return OracleReading.at(events, position, "deal")


def oracle_cases(reading: OracleReading, question: Question) -> list[dict[str, Any]]:
    """The cases the oracle finds."""
    find, _ = oracle_metrics.METRICS[question.name]
    within = None if question.period is None else oracle_period(question.period, reading.zone)
    return find(reading, within, *question.parameters.values())


def _playbooks_at(told: Told, position: int) -> Playbooks:
    return catalogue.fold(None, [it for it in told.log.stream(PLAYBOOKS_STREAM) if it.position <= position])


def oracle_cells(
    reading: OracleReading, question: Question, found: list[dict[str, Any]]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The cells the oracle counts, those of the second frame beside those of the first."""
    by = list(question.by)
    frames = [(found, oracle_metrics.METRICS[question.name][1])]
    if question.name in oracle_metrics.FURTHER:
        find, numbers = oracle_metrics.FURTHER[question.name]
        within = None if question.period is None else oracle_period(question.period, reading.zone)
        frames.append((find(reading, within), numbers))
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


def index_differences(told: Told, tale: Tale) -> list[str]:
    """What the indices and the oracle say differently about one history: values, bands, caps, and every component."""
    chance = random.Random(tale.number ^ 0x1DEA)
    head = told.log.head()
    position = head if chance.random() < 0.7 else chance.randint(12, head)
    name = chance.choice(["phi", "phi", "weekly", "weekly", "stuck_deals"])
    period = chance.choice(
        ["2026-01", "2026-02", "2026-03"] if name == "phi" else ["2026-W06", "2026-W08", "2026-W10"]
    )
    by: tuple[str, ...] = chance.choice(
        [(), ("owner",), ("team",), ("region",), ("step",), ("stage", "team")]
    )
    reading = oracle_reading(plain_events(told.log, told.desk.vault, position), position)
    ours = Reading.of(_playbooks_at(told, position), "deal", position, reading.now)
    view = view_of(told, position)
    if name == "stuck_deals":
        by = ("record",)
        answer = index_values(view, ours, name)
        right = {(record,): it for record, it in oracle_indices.stuck_values(reading, name).items()}
    else:
        answer = index_values(view, ours, name, by, [period])
        within = oracle_period(period, reading.zone)
        right = oracle_indices.index_values(reading, name, list(by), within)
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
    return differing(f"index {name} {period} by {by} at {position}", said, expected)


def _index_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("value", "band", "capped_by", "broken")}


# ── many histories ───────────────────────────────────────────────────────────────────────────────────────────────────


def tales_of(shard: str, count: int) -> list[Tale]:
    """The tales of a shard, always the same ones."""
    chance = random.Random(shard)
    return [Tale(chance.getrandbits(62), chance.randint(28, 52)) for _ in range(count)]


def assert_agree(tales: Iterable[Tale], differences: Callable[[Told, Tale], list[str]]) -> None:
    """Both say the same of every tale; of one they disagree on, the shortest beginning that shows it is told."""
    for tale in tales:
        found = differences(tell(tale), tale)
        if found:
            for steps in range(1, tale.steps):
                shorter = Tale(tale.number, steps)
                if fewer := differences(tell(shorter), shorter):
                    tale, found = shorter, fewer  # noqa: PLW2901
                    break
            raise AssertionError("\n".join([f"{tale}: the product says … the oracle says", *found]))


def some_metrics(told: Told, tale: Tale) -> list[str]:
    """Two metrics, and for every other tale an index: over many tales each of them comes up often."""
    asked = questions(told, tale)
    start = tale.number % len(asked)
    found = metric_differences(told, [asked[start], asked[(start + 7) % len(asked)]])
    return found + (index_differences(told, tale) if tale.number % 2 else [])
