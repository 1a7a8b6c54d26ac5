"""Metrics whose case is a visit or a record's way through the steps: dwell, conversion, returns, rework."""

from typing import Any

import polars as pl

from projections.metrics.contract import (
    Count,
    Frame,
    Mean,
    Metric,
    Number,
    Parameter,
    Quantile,
    Share,
    called,
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
    meaning="How long records stay in steps, each stay for itself: a record that comes back stays anew.",
    axis="effective",
    unit="a visit: one stay of a record in a step, entered in the period",
    running="a visit that has not ended is counted apart; its time so far never enters the mean of the ended ones",
    denominator="means and quantiles are over the judged visits: ended, both moments known and in order",
    nulls="an ended visit with an unknown moment is unknown, one left before it was entered is disordered; both leave the mean",
    calendar="by the clock, and in working time of the playbook's calendar (unknown outside its years)",
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
    meaning="How many get from one step to another, in three variants."
    " `cohort`: of the records that entered `from` for the first time in the period, how many have come to `to` since."
    " `flow`: of the visits of `from` that ended in the period, how many led straight to `to`."
    " `snapshot`: of the records that stand at or beyond `from` on their way, how many stand at or beyond `to`.",
    axis="effective; recorded for the variant `snapshot`",
    unit="cohort: a record, at its first entry into `from`; flow: an ended visit of `from`, its moment being when it was left;"
    " snapshot: a record in an open or won step at or beyond `from`, won being the last step of every way",
    running="cohort: a record that has not come to `to` and stands in no lost or closed step is running, and among the entered ones;"
    " flow: a visit that has not ended is no case; snapshot: lost and closed records are no cases, because they stand nowhere on the way",
    denominator="all cases",
    nulls="a case at an unknown moment is in no period",
    parameters=(
        Parameter("from", "step", "the step conversion begins at", required=True),
        Parameter("to", "step", "the step it leads to", required=True),
        Parameter("variant", "variant", "which conversion is meant", default="cohort", options=("cohort", "flow", "snapshot")),
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
    meaning="How many moves go back. By `edge_from`: of the moves out of a step, the share that went back.",
    axis="effective",
    unit="a move: a visit that is not an opening, entered in the period",
    running="every move is made; nothing is running",
    denominator="all moves",
    nulls="a move at an unknown moment is in no period",
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
    meaning="How many visits do again what was done: a step entered from itself, entered again, gone back to, or opened again after the end.",
    axis="effective",
    unit="a visit, entered in the period",
    running="a running visit counts as any other: what counts is how it was entered",
    denominator="all visits; one that is rework in several ways counts once",
    nulls="a visit entered at an unknown moment is in no period",
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
