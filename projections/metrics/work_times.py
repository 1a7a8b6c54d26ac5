"""Metrics of what people ask each other for: how long they wait, and whether it is done in time."""

import polars as pl

from projections.ledger.table import MOMENT
from projections.metrics.contract import (
    EFFECTIVE,
    Count,
    Frame,
    Mean,
    Metric,
    Number,
    Quantile,
    Share,
    called,
    clause,
)
from projections.metrics.sources import Source
from projections.metrics.work_items import items, limited, timed

_OF_WORK = {
    "requester": called("请求人", "Requester"),
    "responder": called("响应人", "Responder"),
    "template": called("工作模板", "Work template"),
    "role": called("部门（角色）", "Department (role)"),
    "fork_name": called("并行任务", "Fork"),
    "leg": called("分支", "Leg"),
}
_WHOSE = clause(
    "答复的人，没有则为经办人，按请求时在组织中的位置",
    "of whoever answered it, else has it, as that person stood in the organisation when it was asked",
)


def _times(source: Source) -> pl.LazyFrame:
    cases = items(source).filter(source.in_period("moment"))
    now, started, answered, done = (
        source.now.cast(MOMENT),
        pl.col("triggered"),
        pl.col("answered"),
        pl.col("completed"),
    )
    cases = timed(
        source,
        cases,
        "triggered",
        "asked_at",
        pl.when(started).then("triggered_at").otherwise(now),
        started | pl.col("open"),
    )
    cases = timed(
        source,
        cases,
        "response",
        "asked_at",
        pl.when(answered).then("answered_at").otherwise(now),
        answered | pl.col("open"),
    )
    cases = timed(
        source,
        cases,
        "done",
        "triggered_at",
        pl.when(done).then("ended_at").otherwise(now),
        started & (done | pl.col("open")),
    )
    return cases.with_columns(
        unanswered=~pl.col("answered") & pl.col("open"),
        unknown=~pl.col("response_judged") & (pl.col("answered") | pl.col("open")),
    )  # fmt: skip


def _clock(name: str, zh: str, en: str) -> tuple[Number, ...]:
    judged, business = f"{name}_judged", f"{name}_business_judged"
    seconds, working = f"{name}_seconds", f"{name}_business_seconds"
    return (
        Count(judged, called(f"{zh}：可判定", f"{en}: judged"), judged),
        Mean(f"{name}_mean_seconds", called(f"{zh}：平均（秒）", f"{en}: mean in seconds"), seconds, judged),
        Quantile(f"{name}_median_seconds", called(f"{zh}：中位数（秒）", f"{en}: median in seconds"), seconds, 50, judged),
        Count(business, called(f"{zh}：可按工作时间判定", f"{en}: judged in working time"), business),
        Mean(f"{name}_business_mean_seconds", called(f"{zh}：平均（工作秒）", f"{en}: mean in working seconds"), working, business),
        Quantile(f"{name}_business_median_seconds", called(f"{zh}：中位数（工作秒）", f"{en}: median in working seconds"), working, 50, business),
    )  # fmt: skip


WORK_TIMES = Metric(
    name="work_times",
    label=called("协作用时", "Times of work"),
    meaning=clause(
        "人们互相等了多久，按请求人和答复人分，三个时钟分开计：从请求到有人着手（triggered），到第一个答复（response），再从有人着手到完成（done）。",
        "How long people wait for each other, by who asked and who answered, on three clocks kept apart:"
        " from the request until somebody was at it (triggered), until the first answer (response), and from then on that somebody was at it until it was done (done).",
    ),
    axis=EFFECTIVE,
    unit=clause("周期内请求的一个工作项", "a work item requested in the period"),
    running=clause(
        "尚未完成的，按到所说时刻已过的时间算，计入每个仍在走的时钟：未着手、未答复、已着手未完成。谢绝或取消的，退出从未停下的时钟；谢绝也是答复",
        "what is still open counts with the time that has passed by the moment the answer speaks of, on each clock that runs:"
        " not triggered, not answered, triggered and not done. What was declined or cancelled leaves the clocks it never stopped;"
        " a refusal is an answer",
    ),
    denominator=clause(
        "平均值和中位数以各时钟可判定的工作项为准，进行中的也在内",
        "means and medians are over the judged items of their own clock, running ones among them",
    ),
    nulls=clause(
        "某时钟的起止时刻未知的工作项退出该时钟；日历年份之外、或暂停的起止无人知道的，工作时间未知。告知的结束早于开始的，用时为零",
        "an item leaves a clock when the moment it begins or ends at is unknown; working time is unknown outside the years of the calendar and where nobody knows when a pause began or ended."
        " An end told of an earlier moment took no time",
    ),
    team=_WHOSE,
    calendar=clause(
        "按自然时间，另按手册日历的工作时间，扣除暂停等待他人的时间",
        "by the clock, and in working time of the playbook's calendar without the time it was paused, waiting for somebody else",
    ),
    needs_steps=False,
    frames=(
        Frame(
            "a work item",
            _times,
            (
                Count("requests", called("工作项", "Work items")),
                Count("triggered", called("已启动", "Triggered"), "triggered"),
                Count("answered", called("已响应", "Answered"), "answered"),
                Count("unanswered", called("未响应", "Unanswered"), "unanswered"),
                Count("completed", called("已完成", "Completed"), "completed"),
                Count("declined", called("已拒绝", "Declined"), "declined"),
                Count("cancelled", called("已取消", "Cancelled"), "cancelled"),
                Count("open", called("未结束", "Open"), "open"),
                Count("unknown", called("响应未知", "Response unknown"), "unknown"),
                *_clock("triggered", "启动", "Triggered"),
                *_clock("response", "首次响应", "First response"),
                *_clock("done", "完成", "Done"),
            ),
            _OF_WORK,
        ),
    ),
)


def _limited(source: Source) -> pl.LazyFrame:
    return limited(source, items(source).filter(source.in_period("moment")))


def _legs(source: Source) -> pl.LazyFrame:
    cases = items(source).filter(pl.col("fork").is_not_null(), source.in_period("moment"))
    return limited(source, cases)


_KEPT = (
    Count("in_time", called("按时完成", "Done in time"), "in_time"),
    Count("done_late", called("迟完成", "Done late"), "done_late"),
    Count("overdue", called("逾期未完成", "Overdue"), "overdue"),
    Count("late", called("迟", "Late"), "late"),
    Count("judged", called("可判定", "Judged"), "judged"),
    Count("running", called("进行中", "Running"), "running"),
    Count("dropped", called("拒绝或取消", "Declined or cancelled"), "dropped"),
    Count("unlimited", called("无时限", "Without a limit"), "unlimited"),
    Count("unknown", called("未知", "Unknown"), "unknown"),
)
_LIMITS = clause(
    "请求时指定的时刻，或完成之前最后改期的时刻，暂停不使它推移；否则按手册中模板的小时数，有日历时按工作时间，扣除暂停，以整秒计",
    "the moment that was named, by the request or by whoever moved it last before the work was over, which no pause moves; else the hours of the template as the playbook has them,"
    " in working time where there is a calendar, without pauses, in whole seconds",
)
_RUNNING = clause(
    "超过时限仍未完成的已算迟到；时限内未完成的为进行中，尚未判定",
    "open work that is past its limit is late already; open work within it is running and not judged yet",
)
_UNKNOWN = clause(
    "时限无法比较的工作为未知：请求、结束或暂停的时刻未知；没有时限、谢绝和取消的工作不判定",
    "work whose limit cannot be compared is unknown: the moment of the request or of the end is, or of a pause; work without a limit, declined and cancelled work is not judged",
)

LATE_LEGS = Metric(
    name="late_legs",
    version=2,
    label=called("迟到的分支", "Late legs"),
    meaning=clause(
        "并行任务中哪些分支拖了后腿，按部门：完成得晚，或超过时限仍未完成。",
        "Which legs of parallel work hold the others up, by department: done late, or open past their limit.",
    ),
    axis=EFFECTIVE,
    unit=clause("周期内请求的、并行任务的一个分支", "a leg of a fork, requested in the period"),
    running=_RUNNING,
    denominator=clause(
        "比率为可判定分支中迟到的占比：按时完成、迟完成或逾期",
        "the rate is of late legs among judged ones: done in time, done late, or overdue",
    ),
    nulls=_UNKNOWN,
    team=_WHOSE,
    calendar=_LIMITS,
    needs_steps=False,
    frames=(
        Frame(
            "a leg of a fork",
            _legs,
            (
                Count("legs", called("分支", "Legs")),
                *_KEPT,
                Share("late_percent", called("迟到率（%）", "Late in percent"), "late", "judged"),
            ),
            {**_OF_WORK, "limit": called("时限来源", "What limits it")},
        ),
    ),
)

ON_TIME = Metric(
    name="on_time",
    version=2,
    label=called("承诺按时率", "Promises kept"),
    meaning=clause(
        "所请求的是否在到期前完成，按人员和团队。",
        "Whether what was asked was done before it was due, by person and team.",
    ),
    axis=EFFECTIVE,
    unit=clause(
        "周期内请求的一个工作项；`limit=named` 只算自带日期的",
        "a work item requested in the period; `limit=named` limits it to those with a date of their own",
    ),
    running=_RUNNING,
    denominator=clause(
        "比率为可判定工作项中按时完成的占比：按时完成、迟完成或逾期",
        "the rate is of items done in time among judged ones: done in time, done late, or overdue",
    ),
    nulls=_UNKNOWN,
    team=_WHOSE,
    calendar=_LIMITS,
    needs_steps=False,
    frames=(
        Frame(
            "a work item",
            _limited,
            (
                Count("items", called("工作项", "Work items")),
                *_KEPT,
                Share("kept_percent", called("按时率（%）", "Kept in percent"), "in_time", "judged"),
            ),
            {**_OF_WORK, "limit": called("时限来源", "What limits it")},
        ),
    ),
)
