"""Metrics whose case is a visit or a record's way through the steps: dwell, conversion, returns, rework."""

from typing import Any

import polars as pl

from projections.metrics.contract import (
    ALSO_WORKING_TIME,
    EFFECTIVE,
    Count,
    Frame,
    Mean,
    Metric,
    Number,
    Parameter,
    Quantile,
    Share,
    called,
    clause,
)
from projections.metrics.sources import Source, table_of
from projections.metrics.ways import reaches


def _dwell(source: Source) -> pl.LazyFrame:
    entered, left = pl.col("entered_at"), pl.col("left_at")
    visits = source.visits().filter(source.in_period("entered_at"))
    known = entered.is_not_null() & left.is_not_null()
    flagged = visits.select(
        "record", "kind", "position", "step", "path", "move", "owner", "entered_at", "left_at",
        moment=entered,
        running=pl.col("left_position").is_null(),
        ended=pl.col("left_position").is_not_null(),
    ).with_columns(
        judged=pl.col("ended") & known & (left >= entered).fill_null(value=False),
        unknown=pl.col("ended") & ~known,
        disordered=pl.col("ended") & known & (left < entered).fill_null(value=False),
        running_judged=pl.col("running") & (entered <= source.now).fill_null(value=False),
    )  # fmt: skip
    timed = flagged.with_columns(
        seconds=pl.when("judged").then((left - entered).dt.total_seconds()),
        running_seconds=pl.when("running_judged").then((source.now - entered).dt.total_seconds()),
        business_seconds=pl.when("judged").then(source.reading.business(entered, left)),
    )
    return timed.with_columns(business_judged=pl.col("business_seconds").is_not_null())


DWELL = Metric(
    name="dwell",
    label=called("停留时间", "Dwell"),
    meaning=clause("记录在各步骤停留多久，每次停留单独算：回到同一步骤就是新的一次停留。", "How long records stay in steps, each stay for itself: a record that comes back stays anew."),
    axis=EFFECTIVE,
    unit=clause("一次停留：记录在某个步骤的一次停留，在周期内进入", "a visit: one stay of a record in a step, entered in the period"),
    running=clause("尚未结束的停留单独计数，它到目前为止的时长从不计入已结束停留的平均值", "a visit that has not ended is counted apart; its time so far never enters the mean of the ended ones"),
    denominator=clause("平均值和分位数以可判定的停留为准：已结束，进入和离开的时刻都已知且先后正确", "means and quantiles are over the judged visits: ended, both moments known and in order"),
    nulls=clause("已结束但有时刻未知的停留为未知，离开早于进入的为时间颠倒；两者都不计入平均值", "an ended visit with an unknown moment is unknown, one left before it was entered is disordered; both leave the mean"),
    calendar=ALSO_WORKING_TIME,
    frames=(
        Frame(
            "a visit",
            _dwell,
            (
                Count("visits", called("停留次数", "Visits")),
                Count("running", called("进行中", "Running"), "running"),
                Count("ended", called("已结束", "Ended"), "ended"),
                Count("judged", called("可判定", "Judged"), "judged"),
                Count("unknown", called("未知", "Unknown"), "unknown"),
                Count("disordered", called("时间颠倒", "Disordered"), "disordered"),
                Mean("mean_seconds", called("平均停留（秒）", "Mean dwell in seconds"), "seconds", "judged"),
                Quantile("median_seconds", called("停留中位数（秒）", "Median dwell in seconds"), "seconds", 50, "judged"),
                Quantile("p90_seconds", called("停留九十分位（秒）", "90th percentile of dwell in seconds"), "seconds", 90, "judged"),
                Count("business_judged", called("可按工作时间判定", "Judged in working time"), "business_judged"),
                Mean("business_mean_seconds", called("平均停留（工作秒）", "Mean dwell in working seconds"), "business_seconds", "business_judged"),
                Quantile("business_median_seconds", called("停留中位数（工作秒）", "Median dwell in working seconds"), "business_seconds", 50, "business_judged"),
                Count("running_judged", called("进行中可判定", "Running, with a known entry"), "running_judged"),
                Mean("running_mean_seconds", called("进行中平均已停留（秒）", "Mean time so far of running visits in seconds"), "running_seconds", "running_judged"),
            ),
        ),
    ),
)  # fmt: skip


def _cohort(source: Source) -> pl.LazyFrame:
    begin, end = source.parameter("from"), source.parameter("to")
    visits = source.visits()
    entries = visits.filter(pl.col("step") == begin)
    first = entries.filter(pl.col("position") == pl.col("position").min().over("record"))
    last_end = (
        visits.filter(pl.col("step") == end).group_by("record").agg(pl.col("position").max().alias("#end"))
    )
    cohort = (
        first.filter(source.in_period("entered_at"))
        .select("record", "kind", "position", "step", "path", "move", "owner", moment="entered_at")
        .join(last_end, on="record", how="left")
        .join(source.standing().select("record", stands_in="step", outcome="outcome"), on="record", how="left")
        .with_columns(reached=(pl.col("#end") > pl.col("position")).fill_null(value=False))
        .drop("#end")
    )  # fmt: skip
    lost = ~pl.col("reached") & pl.col("outcome").is_in(["lost", "closed"])
    return cohort.with_columns(lost=lost, running=~pl.col("reached") & ~lost)


def _flow(source: Source) -> pl.LazyFrame:
    return (
        source.visits()
        .filter(
            pl.col("step") == source.parameter("from"),
            pl.col("left_position").is_not_null(),
            source.in_period("left_at"),
        )
        .select(
            "record", "kind", "position", "step", "path", "move", "owner", "next_step",
            moment="left_at",
            moved_on=(pl.col("next_step") == source.parameter("to")).fill_null(value=False),
        )
    )  # fmt: skip


def _along(source: Source) -> pl.LazyFrame:
    """Which records stand at or beyond a step: by a table of the paths, because each path has its own order."""
    begin, end = source.parameter("from"), source.parameter("to")
    kind = source.reading.kind
    rows = [
        (path, step, reaches(kind, path, step, begin), reaches(kind, path, step, end))
        for path in (None, *kind.paths)
        for step, outcome in source.reading.outcomes.items()
        if outcome in ("open", "won")
    ]
    reached = table_of(
        {
            name: [row[place] for row in rows]
            for place, name in enumerate(("path", "step", "#from", "beyond"))
        },
        {"path": pl.String(), "step": pl.String(), "#from": pl.Boolean(), "beyond": pl.Boolean()},
    )
    return (
        source.standing()
        .join(reached, on=["path", "step"], nulls_equal=True)
        .filter("#from")
        .drop("#from")
        .with_columns(moment=source.now)
    )


def _conversion(variant: str, case: str, *numbers: Number, cases: Any) -> Frame:
    return Frame(case, cases, numbers, snapshot=variant == "snapshot", variant=variant)


CONVERSION = Metric(
    name="conversion",
    label=called("转化", "Conversion"),
    meaning=clause("从一个步骤走到另一个步骤的有多少，分三种。`cohort`：周期内首次进入 `from` 的记录，此后有多少到了 `to`。`flow`：周期内结束的 `from` 停留，有多少直接去了 `to`。`snapshot`：在路径上处于 `from` 或更后的记录，有多少处于 `to` 或更后。", "How many get from one step to another, in three variants."
    " `cohort`: of the records that entered `from` for the first time in the period, how many have come to `to` since."
    " `flow`: of the visits of `from` that ended in the period, how many led straight to `to`."
    " `snapshot`: of the records that stand at or beyond `from` on their way, how many stand at or beyond `to`."),
    axis=clause("按发生时间；`snapshot` 按记录位置", "effective; recorded for the variant `snapshot`"),
    unit=clause("cohort：一条记录，以首次进入 `from` 为准；flow：一次已结束的 `from` 停留，时刻为离开之时；snapshot：处于 `from` 或更后、停在进行中或赢单步骤的一条记录，赢单是每条路径的最后一步", "cohort: a record, at its first entry into `from`; flow: an ended visit of `from`, its moment being when it was left;"
    " snapshot: a record in an open or won step at or beyond `from`, won being the last step of every way"),
    running=clause("cohort：尚未到达 `to`、也不在输单或已关闭步骤的记录为进行中，计入进入的记录；flow：尚未结束的停留不是个案；snapshot：输单和已关闭的记录不是个案，因为它们不在路径上", "cohort: a record that has not come to `to` and stands in no lost or closed step is running, and among the entered ones;"
    " flow: a visit that has not ended is no case; snapshot: lost and closed records are no cases, because they stand nowhere on the way"),
    denominator=clause("全部个案", "all cases"),
    nulls=clause("时刻未知的个案不属于任何周期", "a case at an unknown moment is in no period"),
    parameters=(
        Parameter("from", "step", clause("转化从哪个步骤算起", "the step conversion begins at"), required=True),
        Parameter("to", "step", clause("转化到哪个步骤", "the step it leads to"), required=True),
        Parameter("variant", "variant", clause("问的是哪一种转化", "which conversion is meant"), default="cohort", options=("cohort", "flow", "snapshot")),
    ),
    frames=(
        _conversion(
            "cohort",
            "a record that entered `from` for the first time",
            Count("entered", called("进入", "Entered")),
            Count("reached", called("到达", "Reached"), "reached"),
            Count("lost", called("流失", "Lost"), "lost"),
            Count("running", called("进行中", "Running"), "running"),
            Share("rate_percent", called("转化率（%）", "Conversion in percent"), "reached", "entered"),
            cases=_cohort,
        ),
        _conversion(
            "flow",
            "an ended visit of `from`",
            Count("left", called("离开", "Left")),
            Count("moved_on", called("进入下一步", "Moved on"), "moved_on"),
            Share("rate_percent", called("转化率（%）", "Conversion in percent"), "moved_on", "left"),
            cases=_flow,
        ),
        _conversion(
            "snapshot",
            "a record at or beyond `from`",
            Count("at_or_beyond", called("已到起点", "At or beyond the first step")),
            Count("beyond", called("已到终点", "At or beyond the second step"), "beyond"),
            Share("rate_percent", called("转化率（%）", "Conversion in percent"), "beyond", "at_or_beyond"),
            cases=_along,
        ),
    ),
)  # fmt: skip


def _moves(source: Source) -> pl.LazyFrame:
    visits = source.visits().filter(pl.col("move") != "open", source.in_period("entered_at"))
    return visits.select(
        "record", "kind", "position", "step", "path", "move", "owner",
        moment="entered_at", edge_from="before", edge_to="step", returned=pl.col("move") == "back",
    )  # fmt: skip


RETURN_RATE = Metric(
    name="return_rate",
    label=called("退回率", "Return rate"),
    meaning=clause(
        "有多少次变更是退回。按 `edge_from` 切分：离开某步骤的变更中退回的占比。",
        "How many moves go back. By `edge_from`: of the moves out of a step, the share that went back.",
    ),
    axis=EFFECTIVE,
    unit=clause(
        "一次变更：周期内进入的、不是新建的停留",
        "a move: a visit that is not an opening, entered in the period",
    ),
    running=clause("变更一经做出即完成，没有进行中的", "every move is made; nothing is running"),
    denominator=clause("全部变更", "all moves"),
    nulls=clause("时刻未知的变更不属于任何周期", "a move at an unknown moment is in no period"),
    frames=(
        Frame(
            "a move",
            _moves,
            (
                Count("moves", called("移动", "Moves")),
                Count("returns", called("退回", "Returns"), "returned"),
                Share("rate_percent", called("退回率（%）", "Return rate in percent"), "returns", "moves"),
            ),
            {"edge_from": called("从阶段", "From step"), "edge_to": called("到阶段", "To step")},
        ),
    ),
)


def _rework(source: Source) -> pl.LazyFrame:
    visits = source.visits().filter(source.in_period("entered_at"))
    flagged = visits.select(
        "record", "kind", "position", "step", "path", "move", "owner", "entry",
        moment="entered_at",
        self_loop=pl.col("move") == "re-entry",
        backtrack=pl.col("move") == "back",
        reopened=pl.col("move") == "reopen",
    ).with_columns(repetition=(pl.col("entry") > 1) & ~pl.col("self_loop"))  # fmt: skip
    return flagged.with_columns(rework=pl.any_horizontal("self_loop", "repetition", "backtrack", "reopened"))


REWORK = Metric(
    name="rework",
    label=called("返工", "Rework"),
    meaning=clause(
        "有多少次停留是把做过的再做一遍：从本步骤再进入本步骤、再次进入、退回，或结束后重新打开。",
        "How many visits do again what was done: a step entered from itself, entered again, gone back to, or opened again after the end.",
    ),
    axis=EFFECTIVE,
    unit=clause("周期内进入的一次停留", "a visit, entered in the period"),
    running=clause(
        "进行中的停留与其他停留一样计数：看的是怎样进入的",
        "a running visit counts as any other: what counts is how it was entered",
    ),
    denominator=clause(
        "全部停留；同时属于几种返工的只算一次", "all visits; one that is rework in several ways counts once"
    ),
    nulls=clause("进入时刻未知的停留不属于任何周期", "a visit entered at an unknown moment is in no period"),
    frames=(
        Frame(
            "a visit",
            _rework,
            (
                Count("visits", called("停留次数", "Visits")),
                Count("self_loops", called("原地重复", "Self-loops"), "self_loop"),
                Count("repetitions", called("再次进入", "Repetitions"), "repetition"),
                Count("backtracks", called("退回", "Backtracks"), "backtrack"),
                Count("reopenings", called("重新打开", "Reopenings"), "reopened"),
                Count("rework", called("返工次数", "Visits that are rework"), "rework"),
                Share("rework_percent", called("返工率（%）", "Rework in percent"), "rework", "visits"),
            ),
        ),
    ),
)
