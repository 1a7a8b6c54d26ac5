"""A replay from end to end: what is asked is refused where it cannot be answered, split by partition, run, and merged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import polars as pl

from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from projections.ledger.running import LOOP, Runner, side_by_side
from projections.ledger.together import JUDGED, Lots, dealt_out
from projections.ledger.view import View
from projections.metrics.reading import Redecided
from projections.ports import Keys
from projections.replay.asking import INDICES, Ask, refuse_unfit
from projections.replay.gate_state import GATE_STATE, Standing
from projections.replay.impact import impact_of
from projections.replay.indices import compared_indices
from projections.replay.law import LawFigures, law_of
from projections.replay.opening import Opened
from projections.replay.partition import DECISIONS, Task, replay_partitions
from projections.replay.rulebook import Rulebook
from projections.replay.scope import reading_of
from projections.replay.subjects import impact_on, replay_subjects, subjects_of

Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Replayed:
    """The answer to a replay: the law, its impact as plain JSON, and its datasets by name. Nothing was written."""

    id: str
    ask: Ask
    position: int
    law: LawFigures
    impact: Mapping[str, Any]
    datasets: Mapping[str, pl.DataFrame] = field(repr=False)

    @property
    def decisions(self) -> pl.DataFrame:
        """One row for each decision the draft was asked about, in the order of the log."""
        return self.datasets["decisions"]


def replay(
    view: View,
    playbooks: Playbooks,
    keys: Keys,
    ask: Ask,
    *,
    runner: Runner = LOOP,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Replayed:
    """Judge the recorded decisions of a window again, each on what was recorded then, under published rules and under a draft.

    `progress` is told how many steps of how many are done: each partition whose decisions are judged is one, the indices are one, and so is
    every other subject. It is told before the first one too. Raises InvalidCommand, NotFound, Cancelled.
    """
    refuse_unfit(ask, view, playbooks)
    runner = side_by_side(runner)
    lots = dealt_out(view, JUDGED)
    steps = _Steps(progress, view.manifest.partitions, asks_indices(ask), subjects_of(playbooks, ask))
    told = partial(steps.judged, lots)
    asked = task_of(view, playbooks, keys, ask)
    task = partial(replay_partitions, task=asked, lots=lots)
    parts = list(runner.map(task, view, lots.firsts, done=told, cancelled=cancelled))
    law = law_of((part.law, part.different) for part in parts)
    gates = pl.concat([GATE_STATE.to_frame(), *(part.gate_state for part in parts)]).sort("record")
    decisions = pl.concat([part.decisions for part in parts]).sort("position")
    del parts  # what is sorted is a copy
    decisions = decisions.cast(DECISIONS)
    datasets = {"decisions": decisions, "gate_state": gates}
    identity = ask.id(view)
    indices: list[dict[str, Any]] = []
    moment = asked.standing.moment
    if asks_indices(ask):
        if ask.draft is not None and moment is not None:
            redecided = Redecided.of(identity, decisions.lazy())
            datasets["index_values"], indices = compared_indices(
                view, playbooks, ask.draft, ask.window, moment, redecided, runner=runner, cancelled=cancelled
            )
        steps.one_more()
    subjects = []
    for subject in replay_subjects(view, playbooks, keys, ask, cancelled=cancelled):
        subjects.append(subject)
        datasets |= subject.datasets
        steps.one_more()
    impact = impact_of(identity, ask, view, law, decisions, indices) | {
        "subjects": [impact_on(subject) for subject in subjects]
    }
    return Replayed(identity, ask, view.position, law, impact, datasets)


def task_of(view: View, playbooks: Playbooks, keys: Keys, ask: Ask) -> Task:
    """Work out what every partition has to know: the rules, the fields they ask, and where values are opened."""
    rulebook = Rulebook.of(playbooks, ask.draft)
    under = (
        view.scan("decisions")
        .filter(pl.col("position") > ask.window.after, pl.col("position") <= ask.window.upto)
        .select("playbook", "playbook_version", "kind")
        .unique()
        .collect()
    )
    standing = standing_of(view, playbooks, ask)
    judging_now = [(*key, kind) for kind, keys_ in standing.in_force.items() for key in keys_]
    used_keys = {*under.iter_rows(), *judging_now}
    fields: set[str] = set()
    conditions: set[str] = set()
    for playbook, version, kind in used_keys:
        reading = reading_of(rulebook, playbook, version, kind)
        if reading is None:
            continue
        judging = [rulebook.versions[playbook, version]]
        if rulebook.draft is not None and rulebook.judges(playbook):
            judging.append(rulebook.draft)
        for rules in judging:
            required, asked = _asked(rules, kind)
            for name in {*required, *asked, *ask.scope, *rules.scope}:
                fields |= reading.sources(name)
            for name in asked:
                conditions |= reading.sources(name)
    named = {(playbook, version) for playbook, version, _ in used_keys}
    used = Rulebook({key: rules for key, rules in rulebook.versions.items() if key in named}, rulebook.draft)
    opened = Opened(view, keys, conditions, ask.window)
    return Task(ask.window, ask.scope, used, frozenset(fields), opened, standing)


def standing_of(view: View, playbooks: Playbooks, ask: Ask) -> Standing:
    """Say which versions may be in force now for records of each kind of the draft, and the moment their gates are asked."""
    moment = ask.moment
    if moment is None:
        last = view.scan("events").select(pl.col("recorded_at").max()).collect().item()
        moment = last
    if ask.draft is None or moment is None:
        return Standing({}, moment)
    known = {key: rules for key, rules in playbooks.versions.items() if rules.position <= view.position}
    effective = replace(playbooks, versions=known, moment=None).at(moment).effective.get(ask.draft.name, ())
    return Standing(
        {
            kind: tuple((rules.name, rules.number) for rules in effective if kind in rules.document.kinds)
            for kind in ask.draft.document.kinds
        },
        moment,
    )


def _asked(rules: PublishedPlaybook, kind: str) -> tuple[set[str], set[str]]:
    """Name the fields the gates of a kind require, and those their conditions read."""
    found = rules.document.kinds.get(kind)
    if found is None:
        return set(), set()
    required = {name for _, _, _, gate in found.gates for name in gate.fields}
    asked = {
        name for place, rule in rules.rules.items() if place.partition("/")[0] == kind for name in rule.fields
    }
    return required, asked


def asks_indices(ask: Ask) -> bool:
    """Tell whether the indices of the draft are meant: a version for a scope changes none, they are measured as the version for everybody says."""
    return (ask.about is None or INDICES in ask.about) and ask.draft is not None and not ask.scope


class _Steps:
    """What a replay has to do, counted: who follows it sees that it goes on once every partition is judged."""

    def __init__(
        self, progress: Progress | None, partitions: int, indices: bool, subjects: Sequence[str]
    ) -> None:
        self._progress = progress
        self._partitions = partitions
        self._of = partitions + indices + len(subjects)
        self._done = 0
        self._tell()

    def judged(self, lots: Lots, done: int) -> None:
        """Partitions that were taken together are done one after the other, all of a sudden."""
        for partition in lots.beginning(lots.firsts[done - 1]):
            self._done = partition + 1
            self._tell()

    def one_more(self) -> None:
        """Say that the next step is done."""
        self._done += 1
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._of)
