"""The metric of assignment: to whom pools gave records, and how often nobody was found."""

import polars as pl

from projections.metrics.contract import (
    EFFECTIVE,
    Count,
    Frame,
    Metric,
    Share,
    called,
    clause,
)
from projections.metrics.sources import Source


def _assignments(source: Source) -> pl.LazyFrame:
    found, fallback = pl.col("person").is_not_null(), pl.col("fallback")
    decided = pl.col("event") == "assigned"
    return (
        source.scan("assignments")
        .with_columns(moment="at")
        .filter(source.in_period("moment"))
        .with_columns(
            decided=decided,
            assigned=decided & found,
            by_fallback=decided & found & fallback,
            passed_on=decided & ~found & fallback,
            nobody=decided & ~found & ~fallback,
            owner="person",
            what="event",
            **{event: pl.col("event") == event for event in ("claimed", "returned", "recycled")},
        )
        .drop("candidates")
    )


ASSIGNMENTS = Metric(
    name="assignments",
    label=called("分配", "Assignments"),
    meaning=clause(
        "线索池把记录分给了谁，谁领取、退回了多少，有多少次无人可分。",
        "To whom pools gave records, who took and gave back how many, and how often nobody was found.",
    ),
    axis=EFFECTIVE,
    unit=clause(
        "周期内线索池对一条记录的一个决定，或一条被领取、退回或回收的记录",
        "a decision of a pool about a record, or a record that was claimed, returned or recycled, in the period",
    ),
    running=clause(
        "决定一经做出即完成；无人可分、之后再次决定的记录是另一个个案",
        "every decision is over when it is made; a record that nobody was found for and that is decided on again is another case",
    ),
    denominator=clause(
        "比率为无人可分、又没有转给其他池的决定，占全部决定",
        "the rate is of decisions that found nobody and passed the record to no other pool, among all decisions",
    ),
    nulls=clause(
        "分到的人即决定的人员；无人自成一格",
        "whoever was found is the person of the decision; nobody is a cell of its own",
    ),
    team=clause(
        "分到、领取或曾负责该记录的人，按其当时在组织中的位置",
        "of whoever got the record, took it or had it, as that person stood in the organisation then",
    ),
    needs_steps=False,
    frames=(
        Frame(
            "what a pool decided",
            _assignments,
            (
                Count("cases", called("事件", "Cases")),
                Count("decided", called("决定", "Decisions"), "decided"),
                Count("assigned", called("已分配", "Assigned"), "assigned"),
                Count("by_fallback", called("兜底分配", "Given to the fallback"), "by_fallback"),
                Count("passed_on", called("转其他线索池", "Passed to another pool"), "passed_on"),
                Count("nobody", called("无人可分", "Nobody found"), "nobody"),
                Count("claimed", called("领取", "Claimed"), "claimed"),
                Count("returned", called("退回", "Returned"), "returned"),
                Count("recycled", called("回收", "Recycled"), "recycled"),
                Share(
                    "nobody_percent",
                    called("无人可分（%）", "Nobody found in percent"),
                    "nobody",
                    "decided",
                ),
            ),
            {
                "person": called("人员", "Person"),
                "pool": called("线索池", "Pool"),
                "rule": called("规则", "Rule"),
                "what": called("动作", "What was done"),
            },
        ),
    ),
)
