"""The metric of requests: how long they wait for their answers."""

import polars as pl

from projections.ledger.table import MOMENT
from projections.metrics.contract import (
    ALSO_WORKING_TIME,
    EFFECTIVE,
    Count,
    Frame,
    Mean,
    Metric,
    Parameter,
    Quantile,
    Sum,
    called,
    clause,
)
from projections.metrics.nearest import NUMBER, SINCE, joined_after, numbered
from projections.metrics.sources import Source
from projections.metrics.work_items import items, timed

_TEXT = pl.String()
_GIVEN_UP = "#given_up"
_CASE = (
    "record", "kind", "position", "moment", "request", "answered_position", "answered_at", "answered", "unanswered", "unknown",
    "judged", "seconds", "business_seconds", "business_judged",
)  # fmt: skip


def _response(source: Source) -> pl.LazyFrame:
    """Requests, and beside them the work items of the templates that are to count."""
    templates = source.parameter("work") or ()
    if not templates:
        return asked_and_answered(source, ends_with_record=True)
    of_work = _of_work(source, templates)
    if not source.reading.kind.requests:
        return of_work
    return pl.concat([asked_and_answered(source, ends_with_record=True).select(_CASE), of_work])


def _of_work(source: Source, templates: tuple[str, ...]) -> pl.LazyFrame:
    """Work items as requests: a first answer answers them; one that was cancelled before asks nobody any more."""
    answered = pl.col("answered")
    cases = items(source).filter(
        pl.col("template").is_in(templates), source.in_period("moment"), answered | ~pl.col("cancelled")
    )
    until = pl.when(answered).then("answered_at").otherwise(_GIVEN_UP)
    timed_cases = timed(source, _given_up(source, cases), "response", "asked_at", until, pl.lit(value=True))
    return timed_cases.with_columns(
        request=pl.lit("work:") + pl.col("template"),
        unanswered=~answered,
        unknown=~pl.col("response_judged"),
        judged="response_judged",
        seconds="response_seconds",
        business_seconds="response_business_seconds",
        business_judged="response_business_judged",
    ).select(_CASE)


def _given_up(source: Source, requests: pl.LazyFrame) -> pl.LazyFrame:
    """Add until when each request waits that nobody `answered`: until its record ended after it, else until the moment the answer speaks of.

    A record has ended since it came into the first of the steps, one after the other, that end it and that it has not left again.
    """
    ended = ("won", "lost", "closed")
    begins = ~source.reading.ends_in(pl.col("before"), *ended).fill_null(value=False)
    first = pl.when(begins).then("position")
    ends = (
        source.visits()
        .filter(source.reading.ends_in(pl.col("step"), *ended))
        .group_by("record")
        .agg(
            first.max().alias("#ended"),
            pl.col("entered_at").get(first.arg_max(), null_on_oob=True).alias("#ended_at"),
            pl.col("left_position").is_null().any().alias("#stays"),
        )
        .filter("#stays")
        .drop("#stays")
    )
    ends_later = (pl.col("#ended") > pl.col("position")).fill_null(value=False)
    given_up = pl.when(ends_later).then("#ended_at").otherwise(source.now.cast(MOMENT))
    found = requests.join(ends, on="record", how="left", maintain_order="left")
    return found.with_columns(given_up.alias(_GIVEN_UP)).drop("#ended", "#ended_at")


def asked_and_answered(source: Source, *, ends_with_record: bool) -> pl.LazyFrame:
    """Return the requests of the kind that were asked in the period, each with its first answer.

    One that nobody answered waits until the moment the answer speaks of, or until its record ended, if that is to end it.
    """
    requests = source.reading.kind.requests
    chosen = source.parameter("requests") or tuple(requests)
    asked = (
        source.happened([requests[name].asked for name in chosen]).filter(source.in_period("at")).collect()
    )
    among = numbered(asked.lazy())
    # An answer comes after what it answers, so what lies before the first request of a record cannot be one.
    answers = (
        source.among(among)
        .happened([requests[name].answered for name in chosen])
        .rename({"position": "answered_position", "at": "answered_at"})
    )
    by_request = (pl.col(NUMBER) * len(chosen) + pl.col("what")).alias(NUMBER)
    cases = joined_after(
        asked.lazy().join(among.drop(SINCE).lazy(), on="record").with_columns(by_request),
        answers.select(by_request, "answered_position", "answered_at"),
        NUMBER,
        "answered_position",
    )
    names = dict(enumerate(chosen))
    cases = cases.with_columns(
        request=pl.col("what").replace_strict(names, default=None, return_dtype=_TEXT)
    ).drop("what", NUMBER)
    cases = cases.with_columns(answered=pl.col("answered_position").is_not_null())
    if ends_with_record:
        cases = _given_up(source, cases)
    else:
        cases = cases.with_columns(source.now.cast(MOMENT).alias(_GIVEN_UP))
    asked_at = pl.col("at")
    until = pl.when("answered").then("answered_at").otherwise(_GIVEN_UP)
    ended = pl.max_horizontal(pl.col("#until"), asked_at)
    return (
        cases.rename({"at": "moment"})
        .with_columns(at="moment")
        .with_columns(until.alias("#until"), kind=pl.lit(source.reading.kind_name), unanswered=~pl.col("answered"))
        .with_columns(unknown=asked_at.is_null() | pl.col("#until").is_null())
        .with_columns(judged=~pl.col("unknown"))
        .with_columns(
            seconds=pl.when("judged").then((ended - asked_at).dt.total_seconds()),
            business_seconds=pl.when("judged").then(source.reading.business(asked_at, ended)),
        )
        .with_columns(business_judged=pl.col("business_seconds").is_not_null())
        .drop("at", "#until", _GIVEN_UP)
    )  # fmt: skip


RESPONSE = Metric(
    name="response",
    label=called("协同响应", "Collaboration response"),
    meaning=clause("请求等了多久才有第一个答复，即同一记录上下一件作为答复的事。", "How long requests wait for their first answer: the next happening of what answers them, on the same record."),
    axis=EFFECTIVE,
    unit=clause("一个请求：周期内发生的一件 `asked`；它的答复是日志中排在它之后的第一件 `answered`，补记的排在补记之处", "a request: a happening of `asked` in the period; its answer is the first `answered` after it in the log, where what was noted late stands where it was noted"),
    running=clause("没有答复的请求按已等的时间算：等到记录结束（进入赢单、输单或已关闭的步骤，之后没有继续），否则等到所说的时刻，即所问位置的时刻，与周期无关。对已结束的记录提出的请求，等到所说的时刻", "a request without an answer counts with the time it has waited: until its record ended (came into a won, lost or closed step, and goes on in none),"
    " else until the moment the answer speaks of, which is that of the position, whatever the period. One that was asked of a record that had ended waits until that moment"),
    denominator=clause("平均值和中位数以可判定的请求为准，未答复的也在内", "means and the median are over the judged requests, unanswered ones among them"),
    nulls=clause("请求自身或其答复的时刻未知，或没有答复而记录结束的时刻未知，则该请求为未知，不计入平均值；答复的时刻早于请求的，用时为零", "a request is unknown, and leaves the means, when its own moment or that of its answer is, or without an answer that of the end of its record; an answer told of an earlier moment took no time"),
    calendar=ALSO_WORKING_TIME,
    parameters=(
        Parameter("requests", "requests", clause("该类型的哪些请求；默认全部", "which requests of the kind; by default all")),
        Parameter("work", "work", clause("哪些工作模板的工作项也算请求，记作 `work:模板`；默认没有。答复前取消的不算", "work templates whose items count as requests, too, under `work:TEMPLATE`; by default none. Cancelled before an answer they do not")),
    ),
    version=2,
    needs_steps=False,
    frames=(
        Frame(
            "a request",
            _response,
            (
                Count("requests", called("请求", "Requests")),
                Count("answered", called("已响应", "Answered"), "answered"),
                Count("unanswered", called("未响应", "Unanswered"), "unanswered"),
                Count("unknown", called("未知", "Unknown"), "unknown"),
                Count("judged", called("可判定", "Judged"), "judged"),
                Mean("mean_seconds", called("平均响应（秒）", "Mean response in seconds"), "seconds", "judged"),
                Count("business_judged", called("可按工作时间判定", "Judged in working time"), "business_judged"),
                Sum("business_sum_seconds", called("响应合计（工作秒）", "Working seconds waited in all"), "business_seconds", "business_judged"),
                Mean("business_mean_seconds", called("平均响应（工作秒）", "Mean response in working seconds"), "business_seconds", "business_judged"),
                Quantile("median_seconds", called("响应中位数（秒）", "Median response in seconds"), "seconds", 50, "judged"),
            ),
            {"request": called("请求", "Request")},
        ),
    ),
)  # fmt: skip
