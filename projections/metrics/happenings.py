"""Metrics of what is to be seen in the events of a record: prescribed actions, requests and answers, touches, pieces of evidence."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from domain.playbook.measuring import Action, Happening
from projections.metrics.contract import (
    Count,
    Frame,
    Mean,
    Metric,
    Parameter,
    Quantile,
    Records,
    Share,
    Sum,
    called,
)
from projections.metrics.nearest import NUMBER, joined_after, joined_before, numbered
from projections.metrics.reading import Reading
from projections.metrics.sources import Source, table_of

_TEXT, _NUMBER, _FLAG = pl.String(), pl.Int64(), pl.Boolean()
_HOUR_US = 3_600 * 1_000_000
_DAY_US = 24 * _HOUR_US


# ── prescribed actions ───────────────────────────────────────────────────────────────────────────────────────────────


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
    asked = asked.join(_in_visits(source, visits, happenings), on=["position", "what"], how="left")
    return _judged_actions(asked, source).drop("_comes_in", "#of_stage", "#limit", "what", "#seen", "#vague")


def _in_visits(source: Source, visits: pl.LazyFrame, happenings: list[Happening]) -> pl.LazyFrame:
    """What happened during which visit, named by the visit's position: the earliest known moment, and whether one is unknown.

    A visit lasts from its own event to the one that ended it, both included: the move away is seen from the step it leaves, too.
    """
    # Only what happened to records that came into a step in the period can matter.
    among = numbered(visits.filter(source.in_period("entered_at")))
    stays = (
        visits.join(among.lazy(), on="record")
        .select(NUMBER, "left_position", visit="position")
        .collect()
        .lazy()
    )
    events = source.among(among).happened(happenings).collect().lazy()
    during = joined_before(events, stays.select(NUMBER, "visit"), NUMBER, "visit")
    parts = [during.filter(pl.col("visit").is_not_null())]
    moves = [number for number, happening in enumerate(happenings) if happening.enters is not None]
    if moves:
        ends = events.filter(pl.col("what").is_in(moves))
        parts.append(ends.join(stays, left_on=[NUMBER, "position"], right_on=[NUMBER, "left_position"]))
    return (
        pl.concat([part.select("visit", "what", "at") for part in parts])
        .group_by(position="visit", what="what")
        .agg(
            pl.col("at").min().alias("done_at"),
            pl.col("at").is_null().any().alias("#vague"),
            pl.lit(value=True).alias("#seen"),
        )
    )


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
    meaning="How many prescribed actions were done, of those that were due in the steps entered in the period.",
    axis="effective",
    unit="a visit entered in the period, and an action of its step; actions of a stage that has nodes are met on coming into the stage",
    running="an action of a running visit is open as long as its time is not over; an open one is not due",
    denominator="due actions; for records, those with a due action, of which all are to be done",
    nulls="an action whose time limit hangs on a moment nobody knows is unknown and not due",
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


# ── requests and answers ─────────────────────────────────────────────────────────────────────────────────────────────


def _response(source: Source) -> pl.LazyFrame:
    requests = source.reading.kind.requests
    chosen = source.parameter("requests") or tuple(requests)
    asked = (
        source.happened([requests[name].asked for name in chosen]).filter(source.in_period("at")).collect()
    )
    among = numbered(asked.lazy())
    answers = (
        source.among(among)
        .happened([requests[name].answered for name in chosen])
        .rename({"position": "answered_position", "at": "answered_at"})
    )
    by_request = (pl.col(NUMBER) * len(chosen) + pl.col("what")).alias(NUMBER)
    cases = joined_after(
        asked.lazy().join(among.lazy(), on="record").with_columns(by_request),
        answers.select(by_request, "answered_position", "answered_at"),
        NUMBER,
        "answered_position",
    )
    names = dict(enumerate(chosen))
    cases = cases.with_columns(
        request=pl.col("what").replace_strict(names, default=None, return_dtype=_TEXT)
    ).drop("what", NUMBER)
    asked_at = pl.col("at")
    until = pl.when("answered").then("answered_at").otherwise(source.now)
    ended = pl.max_horizontal(pl.col("#until"), asked_at)
    return (
        cases.rename({"at": "moment"})
        .with_columns(answered=pl.col("answered_position").is_not_null(), at="moment")
        .with_columns(until.alias("#until"), kind=pl.lit(source.reading.kind_name), unanswered=~pl.col("answered"))
        .with_columns(unknown=asked_at.is_null() | pl.col("#until").is_null())
        .with_columns(judged=~pl.col("unknown"))
        .with_columns(
            seconds=pl.when("judged").then((ended - asked_at).dt.total_seconds()),
            business_seconds=pl.when("judged").then(source.reading.business(asked_at, ended)),
        )
        .with_columns(business_judged=pl.col("business_seconds").is_not_null())
        .drop("at", "#until")
    )  # fmt: skip


RESPONSE = Metric(
    name="response",
    label=called("协同响应", "Collaboration response"),
    meaning="How long requests wait for their first answer: the next happening of what answers them, on the same record.",
    axis="effective",
    unit="a request: a happening of `asked` in the period",
    running="a request without an answer counts with the time that has passed by the moment the answer speaks of",
    denominator="means and the median are over the judged requests, unanswered ones among them",
    nulls="a request is unknown, and leaves the means, when its own moment or that of its answer is; an answer told of an earlier moment took no time",
    calendar="by the clock, and in working time of the playbook's calendar (unknown outside its years)",
    parameters=(Parameter("requests", "requests", "which requests of the kind; by default all"),),
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


# ── touches and pieces of evidence ───────────────────────────────────────────────────────────────────────────────────


def _touches(source: Source) -> pl.LazyFrame:
    return source.touches().filter(source.in_period("at")).rename({"at": "moment"})


TOUCHES = Metric(
    name="touches",
    label=called("触达", "Touches"),
    meaning="How often somebody was in touch.",
    axis="effective",
    unit="a touch that is known at the position and was made in the period: corrected ones as corrected, withdrawn ones not",
    running="a touch is made when it is noted; nothing is running",
    denominator="none: there are no rates",
    nulls="a touch at an unknown moment is in no period",
    needs_steps=False,
    frames=(
        Frame(
            "a touch",
            _touches,
            (
                Count("touches", called("触达次数", "Touches")),
                Records("records", called("记录数", "Records")),
            ),
            {"touch_kind": called("触达方式", "Kind of touch")},
        ),
    ),
)


def _pieces(source: Source) -> pl.LazyFrame:
    return source.evidence().filter(source.in_period("at")).rename({"at": "moment"})


EVIDENCE = Metric(
    name="evidence",
    label=called("证据", "Evidence"),
    meaning="How many pieces of evidence were attached.",
    axis="effective",
    unit="a piece of evidence attached in the period",
    running="a piece is there once it is attached; nothing is running",
    denominator="none: there are no rates",
    nulls="a piece attached at an unknown moment is in no period",
    needs_steps=False,
    frames=(
        Frame(
            "a piece of evidence",
            _pieces,
            (
                Count("pieces", called("证据数", "Pieces")),
                Records("records", called("记录数", "Records")),
            ),
            {"evidence_field": called("证据字段", "Evidence field")},
        ),
    ),
)


def _dead_touches(source: Source) -> pl.LazyFrame:
    within = source.parameter("within_days") * _DAY_US
    touches = _touches(source)
    after = (pl.col("#at") - pl.col("moment")).dt.total_microseconds()
    led = (
        touches.select("record", "position", "moment")
        .join(_progress(source), on="record")
        .filter(pl.col("#position") > pl.col("position"), after.is_between(0, within))
        .select("record", "position")
        .unique()
        .with_columns(led_somewhere=pl.lit(value=True))
    )
    age = (source.now - pl.col("moment")).dt.total_microseconds()
    return (
        touches.join(led, on=["record", "position"], how="left")
        .with_columns(
            led_somewhere=pl.col("led_somewhere").fill_null(value=False), unknown=pl.col("moment").is_null()
        )
        .with_columns(
            open=~pl.col("led_somewhere") & ~pl.col("unknown") & (age < within).fill_null(value=False)
        )
        .with_columns(
            led_nowhere=~pl.col("led_somewhere") & ~pl.col("unknown") & ~pl.col("open"),
        )
        .with_columns(judged=pl.col("led_somewhere") | pl.col("led_nowhere"))
    )


def _progress(source: Source) -> pl.LazyFrame:
    """What a touch can lead to: a step ahead that gives nothing up, a field that changes, a piece of evidence."""
    ahead = source.visits().filter(
        pl.col("move").is_in(["forward", "skip"]), source.reading.ends_in(pl.col("step"), "open", "won")
    )
    moved = ahead.select("record", "position", at="entered_at")
    changed = source.scan("field_changes").filter(~pl.col("at_opening")).select("record", "position", "at")
    proven = source.scan("evidence").select("record", "position", "at")
    return pl.concat([moved, changed, proven]).select(
        "record", pl.col("position").alias("#position"), pl.col("at").alias("#at")
    )


DEAD_TOUCHES = Metric(
    name="dead_touches",
    label=called("无果触达", "Touches that led nowhere"),
    meaning="How many touches were followed by nothing: no step ahead, no field that changed, no piece of evidence within some days.",
    axis="effective",
    unit="a touch that is known at the position and was made in the period",
    running="a touch whose days are not over is open, unless it led somewhere already; open ones are not judged",
    denominator="touches that led somewhere and touches that led nowhere",
    nulls="a touch at an unknown moment is unknown and not judged; what happened at an unknown moment is no sign that a touch led there",
    parameters=(
        Parameter("within_days", "days", "how many days something has to follow a touch", default=14),
    ),
    needs_steps=False,
    frames=(
        Frame(
            "a touch",
            _dead_touches,
            (
                Count("touches", called("触达次数", "Touches")),
                Count("led_somewhere", called("有进展", "Led somewhere"), "led_somewhere"),
                Count("led_nowhere", called("无进展", "Led nowhere"), "led_nowhere"),
                Count("open", called("待观察", "Open"), "open"),
                Count("unknown", called("未知", "Unknown"), "unknown"),
                Count("judged", called("可判定", "Judged"), "judged"),
                Share(
                    "rate_percent",
                    called("无果率（%）", "Touches that led nowhere in percent"),
                    "led_nowhere",
                    "judged",
                ),
            ),
            {"touch_kind": called("触达方式", "Kind of touch")},
        ),
    ),
)
