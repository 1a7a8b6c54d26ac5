"""The metric of fresh data: whether key fields of open records were updated or confirmed lately."""

from collections.abc import Sequence
from functools import partial

import polars as pl

from projections.ledger.tables import TABLES
from projections.metrics.contract import Count, Frame, Metric, Parameter, Share, called
from projections.metrics.nearest import NUMBER, SINCE, numbered
from projections.metrics.sources import Source, table_of

_DAY_US = 86_400 * 1_000_000
_FIELD, _PAIR = "#field", "#pair"


def _pairs(source: Source) -> pl.LazyFrame:
    fields = tuple(source.parameter("fields"))
    told = source.once(("told", fields), partial(_told, source, fields)).lazy()
    age = (pl.col("moment") - pl.col("last_at")).dt.total_microseconds()
    within = source.parameter("within_days") * _DAY_US
    return (
        source.at_moments(told)
        .with_columns(
            position=pl.coalesce("last_position", "#stands"),
            filled=pl.col("filled").fill_null(value=False),
            unknown=pl.col("last_position").is_not_null() & pl.col("last_at").is_null(),
        )
        .with_columns(fresh=pl.col("filled") & (age <= within).fill_null(value=False))
        .with_columns(stale=~pl.col("fresh") & ~pl.col("unknown"))
        .with_columns(judged=pl.col("fresh") | pl.col("stale"))
        .drop("#stands")
    )


def _told(source: Source, fields: Sequence[str]) -> pl.DataFrame:
    """Every pair of an open record and a field, and when it was last told what it holds, or that it holds."""
    is_open = source.standing().filter(pl.col("outcome") == "open").collect().lazy()
    numbers = numbered(is_open).drop(SINCE).lazy()
    named = table_of(
        {"field": list(fields), _FIELD: list(range(len(fields)))}, {"field": pl.String(), _FIELD: pl.Int64()}
    )
    stands = is_open.drop("outcome", "entered_at").rename({"position": "#stands"}).join(numbers, on="record")
    return (
        stands.join(named, how="cross")
        .with_columns(_pair(len(fields)))
        .join(_last_told(source, fields, numbers), on=_PAIR, how="left")
        .drop(NUMBER, _FIELD, _PAIR)
        .collect()
    )


def _pair(fields: int) -> pl.Expr:
    """Say a record and a field in one whole number: to group by texts takes several times as long."""
    return (pl.col(NUMBER) * fields + pl.col(_FIELD)).alias(_PAIR)


def _last_told(source: Source, fields: Sequence[str], numbers: pl.LazyFrame) -> pl.LazyFrame:
    """When each pair of some records was last given a value or confirmed, and whether it holds one."""
    changes = source.changes(*fields).select(
        "record", "field", "position", "at", is_set=pl.col("new").is_not_null()
    )
    places = {field: place for place, field in enumerate(fields)}
    told = (
        pl.concat([changes, _confirmations(source, fields)])
        .join(numbers, on="record")
        .with_columns(pl.col("field").replace_strict(places, return_dtype=pl.Int64()).alias(_FIELD))
    )
    is_telling = pl.col("is_set").fill_null(value=True)
    is_change = pl.col("is_set").is_not_null()
    newest = told.select(
        _pair(len(fields)),
        "at",
        "is_set",
        _told=pl.when(is_telling).then("position"),
        _changed=pl.when(is_change).then("position"),
    )
    return newest.group_by(_PAIR).agg(
        last_position=pl.col("_told").max(),
        last_at=pl.col("at").get(pl.col("_told").arg_max(), null_on_oob=True),
        filled=pl.col("is_set").get(pl.col("_changed").arg_max(), null_on_oob=True),
    )


def _confirmations(source: Source, fields: Sequence[str]) -> pl.LazyFrame:
    names = {name: field for field in fields for name in source.reading.recorded_fields(field)}
    return source.scan_fields("confirmations", list(names)).select(
        "record", pl.col("field").replace(names), "position", "at", is_set=pl.lit(None, pl.Boolean())
    )


assert "confirmations" in TABLES

FRESHNESS = Metric(
    name="freshness",
    label=called("数据鲜活度", "Freshness"),
    meaning="How many key fields of open records were updated or confirmed in the last days, and hold a value.",
    axis="recorded",
    unit="a record that is open at the position, and one of the key fields",
    running="only open records are asked; a field that was never told anything is stale",
    denominator="fresh and stale pairs",
    nulls="a pair last updated or confirmed at an unknown moment is unknown and leaves the rate; one told of a moment to come is fresh",
    team="of whoever answers for the record at the position",
    parameters=(
        Parameter("fields", "fields", "the key fields; by default those of the kind's first freshness component, with its days"),
        Parameter("within_days", "days", "how many days a field stays fresh", default=30),
    ),
    frames=(
        Frame(
            "a key field of an open record",
            _pairs,
            (
                Count("pairs", called("字段数", "Pairs")),
                Count("fresh", called("新鲜", "Fresh"), "fresh"),
                Count("stale", called("过期", "Stale"), "stale"),
                Count("unknown", called("未知", "Unknown"), "unknown"),
                Count("judged", called("可判定", "Judged"), "judged"),
                Share("rate_percent", called("鲜活度（%）", "Freshness in percent"), "fresh", "judged"),
            ),
            {"field": called("字段", "Field")},
            snapshot=True,
        ),
    ),
)  # fmt: skip
