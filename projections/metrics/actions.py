"""The metric of prescribed actions: what was to be done in each step, and what was."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from domain.playbook.measuring import Action, Happening
from projections.metrics.contract import (
    EFFECTIVE,
    Count,
    Frame,
    Metric,
    Records,
    Share,
    called,
    clause,
)
from projections.metrics.nearest import NUMBER, SINCE, joined_before, numbered
from projections.metrics.reading import Reading
from projections.metrics.sources import Source, table_of

_TEXT, _NUMBER, _FLAG = pl.String(), pl.Int64(), pl.Boolean()
_HOUR_US = 3_600 * 1_000_000
_PAIR = "#pair"
_STEP = "#step"


@dataclass(frozen=True, slots=True)
class _Prescribed:
    """An action as visits of a step meet it; one of the stage around a node is met on coming into the stage."""

    step: str
    name: str
    action: Action
    is_of_stage: bool


def _prescribed(reading: Reading) -> Iterator[_Prescribed]:
    for name, step in reading.kind.steps.items():
        if step.node is not None:
            for own, action in step.node.actions.items():
                yield _Prescribed(name, own, action, is_of_stage=False)
        for own, action in step.stage.actions.items():
            yield _Prescribed(name, own, action, is_of_stage=step.node is not None)


def _penetration(source: Source) -> pl.LazyFrame:
    reading = source.reading
    found = list(_prescribed(reading))
    happenings = list({found.action.done.model_dump_json(): found.action.done for found in found}.values())
    actions = table_of(
        {
            "step": [it.step for it in found],
            "action": [it.name for it in found],
            "#of_stage": [it.is_of_stage for it in found],
            "#limit": [
                None if it.action.within_hours is None else int(it.action.within_hours * _HOUR_US) for it in found
            ],
            "what": [happenings.index(it.action.done) for it in found],
        },
        {"step": _TEXT, "action": _TEXT, "#of_stage": _FLAG, "#limit": _NUMBER, "what": _NUMBER},
    )  # fmt: skip
    stages = dict(reading.stages)
    visits = (
        source.visits()
        .select(
            "record",
            "kind",
            "position",
            "step",
            "path",
            "move",
            "owner",
            "entered_at",
            "left_position",
            "before",
        )
        .collect()
        .lazy()
    )
    comes_in = (
        pl.col("before")
        .replace_strict(stages, default=None, return_dtype=_TEXT)
        .ne_missing(pl.col("step").replace(stages))
    )
    asked = (
        visits.filter(source.in_period("entered_at"))
        .select(
            "record", "kind", "position", "step", "path", "move", "owner", "entered_at",
            moment="entered_at", is_running=pl.col("left_position").is_null(), _comes_in=comes_in,
        )
        .join(actions, on="step")
        .filter(~pl.col("#of_stage") | pl.col("_comes_in"))
    )  # fmt: skip
    asked_in = {(it.step, happenings.index(it.action.done)) for it in found}
    seen = _in_visits(source, visits, happenings, asked_in)
    asked = asked.with_columns(_pair(happenings, "position")).join(seen, on=_PAIR, how="left")
    return _judged_actions(asked, source).drop(
        "_comes_in", "#of_stage", "#limit", "what", "#seen", "#vague", _PAIR
    )


def _in_visits(
    source: Source, visits: pl.LazyFrame, happenings: list[Happening], asked_in: Collection[tuple[str, int]]
) -> pl.LazyFrame:
    """What happened during which visit, both named by `_PAIR`: the earliest known moment, and whether one is unknown.

    `asked_in` says which step asks for which of the happenings; others do not matter there.
    A visit lasts from its own event to the one that ended it, both included: the move away is seen from the step it leaves, too.
    """
    steps = {name: number for number, name in enumerate(sorted({step for step, _ in asked_in}))}
    # Only what happened to records that came into a step in the period can matter, and only since then.
    among = numbered(visits.filter(source.in_period("entered_at")))
    stays = (
        visits.join(among.lazy(), on="record")
        .filter(pl.col("position") >= pl.col(SINCE))
        .select(
            NUMBER,
            "left_position",
            pl.col("step").replace_strict(steps, default=None, return_dtype=_NUMBER).alias(_STEP),
            visit="position",
        )
        .collect()
        .lazy()
    )
    events = source.among(among).happened(happenings).collect().lazy()
    parts = [joined_before(events, stays.select(NUMBER, _STEP, "visit"), NUMBER, "visit")]
    moves = [number for number, happening in enumerate(happenings) if happening.enters is not None]
    if moves:
        ends = events.filter(pl.col("what").is_in(moves))
        parts.append(ends.join(stays, left_on=[NUMBER, "position"], right_on=[NUMBER, "left_position"]))
    is_asked = (pl.col(_STEP) * len(happenings) + pl.col("what")).is_in(
        [steps[step] * len(happenings) + what for step, what in asked_in]
    )
    return (
        pl.concat([part.filter(is_asked).select(_pair(happenings, "visit"), "at") for part in parts])
        .group_by(_PAIR)
        .agg(
            pl.col("at").min().alias("done_at"),
            pl.col("at").is_null().any().alias("#vague"),
            pl.lit(value=True).alias("#seen"),
        )
    )


def _pair(happenings: Sequence[Happening], visit: str) -> pl.Expr:
    """Say a visit, by its position, and what happened in one whole number: to group and join by two columns takes longer."""
    return (pl.col(visit) * len(happenings) + pl.col("what")).alias(_PAIR)


def _judged_actions(asked: pl.LazyFrame, source: Source) -> pl.LazyFrame:
    """Tell what became of each action: done, missed, still open, or unknown for want of a moment; exactly one of them."""
    limit, entered = pl.col("#limit"), pl.col("entered_at")
    seen = pl.col("#seen").fill_null(value=False)
    in_time = (pl.col("done_at") - entered).dt.total_microseconds() <= limit
    done = seen & (limit.is_null() | in_time.fill_null(value=False))
    needs_moment = (seen & (pl.col("#vague").fill_null(value=False) | entered.is_null())) | (
        ~seen & pl.col("is_running") & entered.is_null()
    )
    may_still = limit.is_null() | ((source.now - entered).dt.total_microseconds() <= limit)
    return (
        asked.with_columns(done=done)
        .with_columns(unknown=~pl.col("done") & limit.is_not_null() & needs_moment)
        .with_columns(
            open=~pl.col("done")
            & ~pl.col("unknown")
            & pl.col("is_running")
            & may_still.fill_null(value=False)
        )
        .with_columns(due=~pl.col("open") & ~pl.col("unknown"))
        .with_columns(missed=pl.col("due") & ~pl.col("done"))
    )


PENETRATION = Metric(
    name="penetration",
    label=called("阶段渗透率", "Stage penetration"),
    meaning=clause("在周期内进入的步骤里，应做的规定动作做了多少。", "How many prescribed actions were done, of those that were due in the steps entered in the period."),
    axis=EFFECTIVE,
    unit=clause("周期内进入的一次停留，加上该步骤的一个动作；含节点的阶段，其动作在进入该阶段时计", "a visit entered in the period, and an action of its step; actions of a stage that has nodes are met on coming into the stage"),
    running=clause("停留进行中且时间未到的动作为待做；待做的还不算应做", "an action of a running visit is open as long as its time is not over; an open one is not due"),
    denominator=clause("应做的动作；对记录而言，以有应做动作的记录为分母，须全部做完才算", "due actions; for records, those with a due action, of which all are to be done"),
    nulls=clause("时限取决于未知时刻的动作为未知，不算应做", "an action whose time limit hangs on a moment nobody knows is unknown and not due"),
    frames=(
        Frame(
            "an action of a visit",
            _penetration,
            (
                Count("actions", called("规定动作", "Actions")),
                Count("due", called("应完成", "Due"), "due"),
                Count("done", called("已完成", "Done"), "done"),
                Count("missed", called("未完成", "Missed"), "missed"),
                Count("open", called("尚可完成", "Open"), "open"),
                Count("unknown", called("未知", "Unknown"), "unknown"),
                Share("rate_percent", called("渗透率（%）", "Penetration in percent"), "done", "due"),
                Records("records_due", called("有应完成动作的记录", "Records with due actions"), "due"),
                Records("records_done", called("全部完成的记录", "Records with all of them done"), "due", "done"),
                Share("records_rate_percent", called("全部完成的记录（%）", "Records with all done in percent"), "records_done", "records_due"),
            ),
            {"action": called("规定动作", "Action")},
        ),
    ),
)  # fmt: skip
