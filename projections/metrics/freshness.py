"""The metric of fresh data: whether key fields of open records were updated or confirmed lately."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

import polars as pl

from projections.ledger.tables import MOMENT, TABLES
from projections.metrics.contract import (
    RECORDED,
    Count,
    Frame,
    Metric,
    Parameter,
    Share,
    called,
    clause,
)
from projections.metrics.dimensions import with_dimensions
from projections.metrics.nearest import NUMBER, SINCE, joined_before, numbered
from projections.metrics.periods import UNITS
from projections.metrics.sources import MOMENT_OF, Source, table_of

_DAY_US = 86_400 * 1_000_000
_FIELD, _PAIR, _SINCE = "#field", "#pair", "#place"


def _pairs(source: Source) -> pl.LazyFrame:
    fields = tuple(source.parameter("fields"))
    # Whose a pair is and what else it is sliced by is told of its record, of which there are fewer.
    dimensions = tuple(dict.fromkeys(_of_record(source)))
    what = ("told", fields, source.ask.moments, dimensions)
    told = source.once(what, partial(_told, source, fields, dimensions)).lazy()
    age = (pl.col("moment") - pl.col("last_at")).dt.total_microseconds()
    within = source.parameter("within_days") * _DAY_US
    return (
        told.with_columns(
            position=pl.coalesce("last_position", "#stands"),
            filled=pl.col("filled").fill_null(value=False),
            unknown=pl.col("last_position").is_not_null() & pl.col("last_at").is_null(),
        )
        .with_columns(fresh=pl.col("filled") & (age <= within).fill_null(value=False))
        .with_columns(stale=~pl.col("fresh") & ~pl.col("unknown"))
        .with_columns(judged=pl.col("fresh") | pl.col("stale"))
        .drop("#stands")
    )


def _of_record(source: Source) -> Iterator[str]:
    for name in (*source.ask.by, *source.ask.where):
        if name in ("team", "region"):
            yield "owner"
        elif name != "field" and name not in UNITS:
            yield name


def _told(source: Source, fields: Sequence[str], dimensions: Sequence[str]) -> pl.DataFrame:
    """Every pair of a record that was open at a moment asked about and a field, and when it had last been told what it holds, or that it holds."""
    stands = with_dimensions(source, source.open_at_moments(), dimensions, snapshot=True).collect()
    numbers, told = _told_of(source, fields, stands)
    named = table_of(
        {"field": list(fields), _FIELD: list(range(len(fields)))}, {"field": pl.String(), _FIELD: pl.Int64()}
    )
    pairs = (
        stands.lazy()
        .rename({"position": "#stands"})
        .join(numbers.lazy(), on="record")
        .select(_needed(source, dimensions))
        .join(named, how="cross")
        .with_columns(_pair(len(fields)), position=MOMENT_OF)
    )
    ends = sorted({at.moment for at in source.moments if at.is_over})
    placed = told.lazy().select(pl.exclude("recorded_at"), _place(ends).alias(_SINCE))
    found = joined_before(pairs, placed, _PAIR, _SINCE)
    return found.drop(NUMBER, _FIELD, _PAIR, MOMENT_OF, _SINCE, "position").collect()


def _told_of(
    source: Source, fields: Sequence[str], stands: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The numbers of records, those that are asked about among them, and what their pairs were told; what another question found out serves if it asked about them all."""
    what = ("last told", fields)
    records = source.once((*what, "of"), lambda: numbered(stands.lazy()).drop(SINCE))
    if stands.join(records, on="record", how="anti").is_empty():
        return records, source.once(what, lambda: _last_told(source, fields, records.lazy()).collect())
    records = numbered(stands.lazy()).drop(SINCE)
    return records, _last_told(source, fields, records.lazy()).collect()


def _needed(source: Source, dimensions: Sequence[str]) -> pl.Expr:
    """All columns; where cases are only counted, none that only lists of cases tell."""
    if source.kept is None:
        return pl.all()
    told = (
        {"record", "kind", "path", "move", "step"}
        - set(dimensions)
        - ({"step"} if "stage" in dimensions else set())
    )
    return pl.exclude(sorted(told))


def _pair(fields: int) -> pl.Expr:
    """Say a record and a field in one whole number: to group by texts takes several times as long."""
    return (pl.col(NUMBER) * fields + pl.col(_FIELD)).alias(_PAIR)


def _last_told(source: Source, fields: Sequence[str], numbers: pl.LazyFrame) -> pl.LazyFrame:
    """When each pair of some records was last given a value or confirmed, and whether it held one: after each telling, with the moment it was recorded at."""
    columns = ["record", "field", "position", "at", "recorded_at"]
    changes = source.changes(*fields).select(*columns, is_set=pl.col("new").is_not_null())
    places = {field: place for place, field in enumerate(fields)}
    told = (
        pl.concat([changes, _confirmations(source, fields).select(*columns, "is_set")])
        .join(numbers, on="record")
        .with_columns(pl.col("field").replace_strict(places, return_dtype=pl.Int64()).alias(_FIELD))
    )
    in_order = (_pair(len(fields)) * (source.view.position + 1) + pl.col("position")).alias("#order")
    rows = told.select(in_order, _pair(len(fields)), "recorded_at", "position", "at", "is_set")
    return _carried(rows.sort("#order"))


def _place(ends: Sequence[datetime]) -> pl.Expr:
    """Before which of some moments something was recorded first: its place among them, behind all of them their number."""
    if not ends:
        return pl.lit(0, pl.Int64())
    sought = pl.Series(ends, dtype=MOMENT)
    return pl.col("recorded_at").map_batches(
        lambda told: sought.search_sorted(told, side="right").cast(pl.Int64()),
        return_dtype=pl.Int64(),
        is_elementwise=True,
    )


def _carried(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Say after each telling what the pair was told last, and whether it holds a value; rows are sorted by pair and position."""
    row = pl.int_range(pl.len(), dtype=pl.Int64())
    begins = pl.when((pl.col(_PAIR) != pl.col(_PAIR).shift(1)).fill_null(value=True)).then(row).forward_fill()

    def last(column: str, which: pl.Expr) -> pl.Expr:
        found = pl.when(which).then(row).forward_fill()
        return pl.col(column).gather(pl.when(found >= begins).then(found))

    # Emptying a field tells nothing of it, and confirming one changes nothing.
    is_telling, is_change = pl.col("is_set").fill_null(value=True), pl.col("is_set").is_not_null()
    return rows.select(
        _PAIR,
        "recorded_at",
        last_position=last("position", is_telling),
        last_at=last("at", is_telling),
        filled=last("is_set", is_change),
    )


def _confirmations(source: Source, fields: Sequence[str]) -> pl.LazyFrame:
    names = {name: field for field in fields for name in source.reading.recorded_fields(field)}
    return source.scan_fields("confirmations", list(names)).select(
        "record", pl.col("field").replace(names), "position", "at", "recorded_at", is_set=pl.lit(None, pl.Boolean())
    )  # fmt: skip


assert "confirmations" in TABLES

FRESHNESS = Metric(
    name="freshness",
    label=called("数据鲜活度", "Freshness"),
    meaning=clause("进行中记录的关键字段，有多少在最近若干天内更新或确认过并且有值。", "How many key fields of open records were updated or confirmed in the last days, and hold a value."),
    axis=RECORDED,
    version=2,
    unit=clause("所问位置上进行中的一条记录，加上一个关键字段；指数按周期问时，为周期结束时进行中的记录（周期未结束则为现在进行中的），以当时已记录的为准：之后才告知的不算，日志开始之前没有个案", "a record that is open at the position, and one of the key fields; asked about a period by an index,"
    " a record that was open at its end (or is open now, if it is not over), as far as was recorded by then: nothing that was told later counts, and before the log began there are none"),
    running=clause("只问进行中的记录；从未填过的字段为过期", "only open records are asked; a field that was never told anything is stale"),
    denominator=clause("鲜活和过期的字段", "fresh and stale pairs"),
    nulls=clause("最后一次更新或确认的时刻未知的，为未知，不计入比率；告知的时刻在将来的，为鲜活", "a pair last updated or confirmed at an unknown moment is unknown and leaves the rate; one told of a moment to come is fresh"),
    team=clause("所问位置上的记录负责人；周期已结束的，为结束时的负责人，按其当时在组织中的位置", "of whoever answers for the record at the position; of a period that is over, of whoever answered for it at its end, as that person stood then"),
    parameters=(
        Parameter("fields", "fields", clause("关键字段；默认取该类型第一个鲜活度分项的字段及其天数", "the key fields; by default those of the kind's first freshness component, with its days")),
        Parameter("within_days", "days", clause("字段在多少天内算鲜活", "how many days a field stays fresh"), default=30),
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
