"""Replaying some partitions: a plain function of a view and numbers, whose results are merged by whoever asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from domain.playbook.published import Scope
from projections.ledger.together import Lots
from projections.ledger.view import Partitions, View, listed
from projections.replay.asking import Window
from projections.replay.decided import IS_CHANGE, Decided, decided, events_of, grouped, prepared
from projections.replay.delays import CHANGES, with_delays
from projections.replay.gate_state import GATE_STATE, Standing, gate_state, standing_records
from projections.replay.happened import Happened
from projections.replay.judging import Cases, Grounds, judged
from projections.replay.keyed import KEY, names_of_each
from projections.replay.opening import opened_in
from projections.replay.organised import Organised
from projections.replay.plans import Group, Plan, plan_of
from projections.replay.rulebook import Rulebook
from projections.replay.scope import within
from projections.replay.state import changes_of, state_of
from projections.replay.verdicts import LAW, Law, compared


@dataclass(frozen=True)
class Task:
    """What every partition has to know."""

    window: Window
    scope: Scope
    rulebook: Rulebook
    fields: frozenset[str]
    opened: Mapping[int, pl.DataFrame]
    standing: Standing


@dataclass(frozen=True)
class Judged:
    """The decisions of some partitions, judged: their cases, and what each group of them was asked."""

    cases: Cases
    plans: tuple[Plan, ...]
    grounds: Grounds
    events: pl.DataFrame
    """What happened to the records, sorted by record and position; `IS_CHANGE`: what may have changed the answer of a gate."""


@dataclass(frozen=True)
class Partial:
    """What some partitions add to the whole."""

    law: Mapping[str, int]
    different: tuple[int, ...]
    decisions: pl.DataFrame
    """`DECISIONS`, with categories instead of texts that occur again and again."""
    gate_state: pl.DataFrame


DECISIONS: Final = pl.Schema(
    {
        "position": pl.Int64(),
        "record": pl.String(),
        "kind": pl.String(),
        "playbook": pl.String(),
        "playbook_version": pl.Int64(),
        "before": pl.String(),
        "after": pl.String(),
        "move": pl.String(),
        "path": pl.String(),
        "owner": pl.String(),
        "actor": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "recorded_at": pl.Datetime("us", "UTC"),
        "verdict": pl.String(),
        "requirements": pl.List(pl.String()),
        "waived": pl.List(pl.String()),
        "erased": pl.Boolean(),
        "delayed_until_position": pl.Int64(),
        "delayed_until_at": pl.Datetime("us", "UTC"),
        "delayed_seconds": pl.Int64(),
        "never": pl.Boolean(),
    }
)
"""One row: a decision the draft was asked about. `requirements` are those the draft refuses it for, those that refused it where it is newly
allowed, those nobody can judge where it is not judgeable; none: accepted as it was. `delayed_…` and `never` are null where it is not newly refused."""

_REPEATED: Final = ("kind", "playbook", "before", "after", "move", "path", "owner", "actor", "verdict")
"""Few different texts in many rows: as categories they take a quarter of the memory until the parts are put together."""


def judge(
    view: View, partitions: Partitions, *, task: Task, beside: Sequence[pl.DataFrame] | None = None
) -> Judged:
    """Judge the decisions of some partitions, published and drafted. It never looks at what came out of them.

    `beside` are records of each partition that something else will be asked about, on the same grounds.
    """
    numbers = listed(partitions)
    parts = [decided(view, number, task.window) for number in numbers]
    asking = [parts] if beside is None else [parts, beside]
    names = names_of_each(
        [frame.get_column("record") for frame in frames] for frames in zip(*asking, strict=True)
    )
    events = events_of(view, numbers, names, CHANGES)
    rows = prepared(pl.concat(parts), names, events, view, numbers)
    told = changes_of(view, numbers, task.fields)
    opened = opened_in(task.opened, numbers, told, rows)
    state = state_of(view, numbers, names, rows, task.fields, told, opened)
    grounds = Grounds(state, Happened(view, numbers, state.names), Organised.of(view))
    found: Decided = grouped(within(rows, task.scope, task.rulebook, grounds))
    known: dict[Group, Plan] = task.rulebook.worked_out
    for group in found.groups:
        if group not in known:
            known[group] = plan_of(group, task.rulebook)
    plans = tuple(known[group] for group in found.groups)
    return Judged(
        judged(found.rows, plans, grounds), plans, grounds, events.select(KEY, "position", "at", IS_CHANGE)
    )


def replay_partitions(view: View, first: int, *, task: Task, lots: Lots) -> Partial:
    """Replay the lot of partitions that begins with one."""
    numbers = lots.beginning(first)
    stands = [standing_records(view, number, sorted(task.standing.in_force)) for number in numbers]
    found = judge(view, numbers, task=task, beside=stands)
    rows = compared(found.cases, found.plans, view, numbers, task.window)
    law = {str(name): int(count) for name, count in rows.group_by(LAW).len().iter_rows()}
    different = rows.filter(pl.col(LAW) == Law.different).get_column("position").sort()
    if rows.get_column("verdict").has_nulls():
        rows = rows.filter(pl.col("verdict").is_not_null())
    asked = with_delays(rows, found.plans, found.grounds, found.events)
    decisions = asked.with_columns(erased=pl.col(LAW) == Law.erased).select(DECISIONS.names())
    decisions = decisions.cast(dict.fromkeys(_REPEATED, pl.Categorical))
    on = found.grounds
    gates = GATE_STATE.to_frame()
    if task.rulebook.draft is not None:
        gates = gate_state(
            pl.concat(stands),
            view.position,
            task.standing,
            task.rulebook,
            task.scope,
            on.state,
            on.happened,
            on.organised,
        )
    return Partial(law, tuple(different), decisions, gates)
