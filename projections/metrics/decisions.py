"""The metric of decisions: how many attempts to open or move a record were accepted, and what refused ones lacked."""

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


def _decisions(source: Source) -> pl.LazyFrame:
    step = source.reading.step
    outcomes = source.scan("outcomes").select("position", "accepted", "unmet", "override")
    redecided = source.reading.redecided
    return (
        source.scan("decisions")
        .filter(source.in_period("at"))
        .select(
            "record", "kind", "position", "move", "path", "owner", "actor", moment="at",
            step=step(pl.col("after")), edge_from=step(pl.col("before")),
        )
        .join(outcomes if redecided is None else redecided.over(outcomes), on="position")
        .with_columns(
            refused=~pl.col("accepted"), overridden=pl.col("accepted") & pl.col("override").is_not_null()
        )
    )  # fmt: skip


def _lacking(source: Source) -> pl.LazyFrame:
    refused = _decisions(source).filter("refused").drop("accepted", "refused", "overridden", "override")
    return refused.rename({"unmet": "requirement"}).explode("requirement").filter(
        pl.col("requirement").is_not_null()
    ).with_columns(requirement=source.reading.requirement(pl.col("requirement")))  # fmt: skip


ACCEPTANCE = Metric(
    name="acceptance",
    label=called("通过率", "Acceptance"),
    meaning=clause(
        "新建记录或变更阶段的尝试，有多少被接受。",
        "How many attempts to open or move a record were accepted.",
    ),
    axis=EFFECTIVE,
    unit=clause(
        "周期内对一次尝试的一个决定；其步骤为要进入的步骤",
        "a decision on an attempt in the period; its step is the one that was to be entered",
    ),
    running=clause("决定一经做出即完成，没有进行中的", "every decision is made; nothing is running"),
    denominator=clause(
        "全部决定；经豁免而接受的算接受，另外单独计数。以回放为准时按草案的判定计，草案无法判定的不计",
        "all decisions; an accepted one with an override counts as accepted, and apart. As of a replay they are those of its draft, without what nobody can judge",
    ),
    nulls=clause("时刻未知的决定不属于任何周期", "a decision at an unknown moment is in no period"),
    team=clause(
        "当时或本应负责该记录的人，按其当时在组织中的位置",
        "of whoever answered for the record, or would have, as that person stood in the organisation then",
    ),
    frames=(
        Frame(
            "a decision",
            _decisions,
            (
                Count("decisions", called("决定", "Decisions")),
                Count("accepted", called("通过", "Accepted"), "accepted"),
                Count("refused", called("拒绝", "Refused"), "refused"),
                Count("overridden", called("豁免通过", "Overridden"), "overridden"),
                Share(
                    "rate_percent", called("通过率（%）", "Acceptance in percent"), "accepted", "decisions"
                ),
            ),
            {"edge_from": called("从阶段", "From step")},
        ),
        Frame(
            "a requirement that a refused attempt did not meet",
            _lacking,
            (Count("unmet", called("未满足的要求", "Unmet requirements")),),
            {"edge_from": called("从阶段", "From step"), "requirement": called("要求", "Requirement")},
        ),
    ),
)
