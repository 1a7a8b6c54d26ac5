"""The metric of healthy actions: what was to follow in time wherever it was asked for, and whether it did."""

from dataclasses import replace
from decimal import Decimal

import polars as pl

from domain.playbook.check_healthy import limit_of
from domain.playbook.healthy import HealthyAction
from projections.ledger.table import MOMENT
from projections.metrics.contract import (
    EFFECTIVE,
    Count,
    Frame,
    Metric,
    Share,
    called,
    clause,
)
from projections.metrics.requests import asked_and_answered
from projections.metrics.sources import Source
from projections.metrics.work_items import items, timed

_CASE = ("record", "kind", "position", "moment", "action", "done", "open", "known", "took_seconds")
_SCHEMA = pl.Schema(
    {
        "record": pl.String(), "kind": pl.String(), "position": pl.Int64(), "moment": MOMENT, "action": pl.String(),
        "done": pl.Boolean(), "open": pl.Boolean(), "known": pl.Boolean(), "took_seconds": pl.Int64(),
    }
)  # fmt: skip
_CLOCKS = {"triggered": "triggered", "response": "answered", "done": "completed"}
_ENDED_AT = {"triggered": "triggered_at", "response": "answered_at", "done": "ended_at"}


def _cases(source: Source) -> pl.LazyFrame:
    kind = source.reading.kind
    found = [_judged(_of(source, name, action), limit_of(kind, action)) for name, action in kind.healthy.items()]  # fmt: skip
    empty = _judged(pl.LazyFrame(schema=_SCHEMA), None)
    return pl.concat([*found, empty])


def _of(source: Source, name: str, action: HealthyAction) -> pl.LazyFrame:
    if action.fork is not None:
        cases = _first_legs(source, action.fork)
    elif action.work is not None:
        cases = _work(source, action.work, action.clock)
    else:
        cases = _requests(source, str(action.request))
    took = "took_seconds" if source.reading.working is None else "took_business_seconds"
    return cases.select(
        *_CASE[:4], pl.lit(name).alias("action"), "done", "open",
        pl.col(took).is_not_null().alias("known"), pl.col(took).alias("took_seconds"),
    )  # fmt: skip


def _work(source: Source, template: str, clock: str) -> pl.LazyFrame:
    """After work was asked for: somebody is at it, answers, or has done it."""
    done = pl.col(_CLOCKS[clock])
    cases = (
        items(source)
        .filter(pl.col("template") == template, source.in_period("moment"))
        .with_columns(waits=~done & pl.col("open"), reached=done)
    )
    until = pl.when("reached").then(_ENDED_AT[clock]).otherwise(source.now.cast(MOMENT))
    found = timed(source, cases, "took", "asked_at", until, pl.col("reached") | pl.col("waits"))
    return found.with_columns(done="reached", open="waits")


def _first_legs(source: Source, fork: str) -> pl.LazyFrame:
    """After a fork began: somebody is at one of its legs, whichever is first."""
    begun = (
        source.scan("forks")
        .filter(name=fork)
        .select("record", "kind", "position", "fork", asked_at="at", moment="at")
        .filter(source.in_period("moment"))
    )
    legs = (
        items(source)
        .filter(pl.col("fork").is_not_null())
        .sort("triggered_position", nulls_last=True)
        .group_by("record", "fork")
        .agg(
            reached=pl.col("triggered").any(),
            waits=pl.col("open").any(),
            first_at=pl.col("triggered_at").first(),
        )
    )
    cases = begun.join(legs, on=["record", "fork"], how="left").with_columns(
        pl.col("reached", "waits").fill_null(value=False)
    )
    cases = cases.with_columns(
        work=pl.lit(None, pl.String()), waits=pl.col("waits") & ~pl.col("reached")
    )  # no leg is paused before somebody is at it
    until = pl.when("reached").then("first_at").otherwise(source.now.cast(MOMENT))
    found = timed(source, cases, "took", "asked_at", until, pl.col("reached") | pl.col("waits"))
    return found.with_columns(done="reached", open="waits")


def _requests(source: Source, request: str) -> pl.LazyFrame:
    """After a request: its answer. A request that was never answered waits, also where its record ended: it is late once its hours are over."""
    asking = replace(source, ask=replace(source.ask, parameters={"requests": (request,)}))
    found = asked_and_answered(asking, ends_with_record=False)
    return found.with_columns(
        done="answered", open="unanswered", took_seconds="seconds", took_business_seconds="business_seconds"
    )


def _judged(cases: pl.LazyFrame, hours: Decimal | None) -> pl.LazyFrame:
    limit_us = pl.lit(None if hours is None else int(hours * 3_600_000_000), pl.Int64())
    past = pl.col("took_seconds") * 1_000_000 > limit_us
    counts = pl.col("done") | pl.col("open")
    return cases.with_columns(
        healthy=(pl.col("done") & pl.col("known") & ~past).fill_null(value=False),
        late=(counts & pl.col("known") & past).fill_null(value=False),
        running=(pl.col("open") & pl.col("known") & ~past).fill_null(value=False),
        dropped=~counts,
        unknown=counts & ~pl.col("known"),
    ).with_columns(judged=pl.col("healthy") | pl.col("late"))


HEALTHY_ACTIONS = Metric(
    name="healthy_actions",
    label=called("健康动作", "Healthy actions"),
    meaning=clause(
        "该及时跟上的有多少跟上了：并行任务的第一个分支已着手，工作已答复或完成，请求已答复，各在其小时数之内。",
        "How much of what is to follow in time did: the first leg of a fork is under way, work is answered or done, a request is answered, each within its hours.",
    ),
    axis=EFFECTIVE,
    unit=clause(
        "周期内的一个健康动作时机：开始的一次并行任务、请求的一项工作、一个请求",
        "an occasion of a healthy action, in the period: a fork that began, work that was asked for, a request",
    ),
    running=clause(
        "尚未跟上但还有时间的为进行中，尚未判定；没有时间的已算迟到。在此之前谢绝或取消的不算",
        "what has not followed and still has time is running and not judged yet; what has no time left is late already."
        " What was declined or cancelled before is dropped",
    ),
    denominator=clause(
        "比率为健康的时机占健康和迟到的时机", "the rate is of healthy occasions among healthy and late ones"
    ),
    nulls=clause(
        "开始或做到的时刻未知的，以及日历年份之外的时机为未知，不计入比率；做到的时刻早于时机的，用时为零",
        "an occasion is unknown, and leaves the rate, when the moment it began or was met at is, and outside the years of the calendar; a moment before the occasion took no time",
    ),
    calendar=clause(
        "按手册日历的工作时间，扣除工作的暂停，以整秒计；没有日历时按自然时间",
        "in working time of the playbook's calendar, without pauses of the work, in whole seconds; by the clock where there is none",
    ),
    needs_steps=False,
    frames=(
        Frame(
            "an occasion of a healthy action",
            _cases,
            (
                Count("cases", called("应做", "Occasions")),
                Count("healthy", called("及时", "Healthy"), "healthy"),
                Count("late", called("迟", "Late"), "late"),
                Count("running", called("进行中", "Running"), "running"),
                Count("dropped", called("拒绝或取消", "Dropped"), "dropped"),
                Count("unknown", called("未知", "Unknown"), "unknown"),
                Count("judged", called("可判定", "Judged"), "judged"),
                Share("rate_percent", called("健康率（%）", "Healthy in percent"), "healthy", "judged"),
            ),
            {"action": called("健康动作", "Healthy action")},
        ),
    ),
)
