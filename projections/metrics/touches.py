"""Metrics of what was done with a record at once: touches, pieces of evidence, and touches that led nowhere."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import polars as pl

from domain.labels import Label
from projections.metrics.contract import (
    EFFECTIVE,
    NO_RATES,
    Clause,
    Count,
    Frame,
    Metric,
    Parameter,
    Records,
    Share,
    called,
    clause,
)
from projections.metrics.sources import Source

_DAY_US = 24 * 3_600 * 1_000_000

_Cases: TypeAlias = Callable[[Source], pl.LazyFrame]


def _touches(source: Source) -> pl.LazyFrame:
    return source.touches().filter(source.in_period("at")).rename({"at": "moment"})


def _pieces(source: Source) -> pl.LazyFrame:
    return source.evidence().filter(source.in_period("at")).rename({"at": "moment"})


def _how_many(
    name: str,
    label: Label,
    cases: _Cases,
    number: Count,
    dimensions: Mapping[str, Label],
    *,
    meaning: Clause,
    case: str,
    unit: Clause,
    running: Clause,
    nulls: Clause,
) -> Metric:
    """Count what is made at one moment: how many there are, and on how many records."""
    return Metric(
        name=name,
        label=label,
        meaning=meaning,
        axis=EFFECTIVE,
        unit=unit,
        running=running,
        denominator=NO_RATES,
        nulls=nulls,
        needs_steps=False,
        frames=(Frame(case, cases, (number, Records("records", called("记录数", "Records"))), dimensions),),
    )


TOUCHES = _how_many(
    "touches",
    called("触达", "Touches"),
    _touches,
    Count("touches", called("触达次数", "Touches")),
    {"touch_kind": called("触达方式", "Kind of touch")},
    meaning=clause("联系了多少次。", "How often somebody was in touch."),
    case="a touch",
    unit=clause(
        "所问位置上已知、在周期内发生的一次触达：更正过的按更正算，撤销的不算",
        "a touch that is known at the position and was made in the period: corrected ones as corrected, withdrawn ones not",
    ),
    running=clause(
        "触达一经记下即完成，没有进行中的", "a touch is made when it is noted; nothing is running"
    ),
    nulls=clause("时刻未知的触达不属于任何周期", "a touch at an unknown moment is in no period"),
)

EVIDENCE = _how_many(
    "evidence",
    called("证据", "Evidence"),
    _pieces,
    Count("pieces", called("证据数", "Pieces")),
    {"evidence_field": called("证据字段", "Evidence field")},
    meaning=clause("上传了多少份证据。", "How many pieces of evidence were attached."),
    case="a piece of evidence",
    unit=clause("周期内上传的一份证据", "a piece of evidence attached in the period"),
    running=clause(
        "证据一经上传即有，没有进行中的", "a piece is there once it is attached; nothing is running"
    ),
    nulls=clause("上传时刻未知的证据不属于任何周期", "a piece attached at an unknown moment is in no period"),
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
    meaning=clause(
        "有多少次触达之后什么都没有发生：若干天内没有前进一步，没有字段变化，没有新证据。",
        "How many touches were followed by nothing: no step ahead, no field that changed, no piece of evidence within some days.",
    ),
    axis=EFFECTIVE,
    unit=clause(
        "所问位置上已知、在周期内发生的一次触达；其结果是日志中排在它之后的事，补记的排在补记之处",
        "a touch that is known at the position and was made in the period; what came of it stands after it in the log, where what was noted late stands where it was noted",
    ),
    running=clause(
        "天数未到的触达为待定，除非已有结果；待定的不判定",
        "a touch whose days are not over is open, unless it led somewhere already; open ones are not judged",
    ),
    denominator=clause(
        "有结果的触达和没有结果的触达", "touches that led somewhere and touches that led nowhere"
    ),
    nulls=clause(
        "时刻未知的触达为未知，不判定；发生时刻未知的事，不作为触达有结果的依据",
        "a touch at an unknown moment is unknown and not judged; what happened at an unknown moment is no sign that a touch led there",
    ),
    parameters=(
        Parameter(
            "within_days",
            "days",
            clause("触达之后多少天内须有后续", "how many days something has to follow a touch"),
            default=14,
        ),
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
