"""Dimensions: whose a case is and where it stood, as of the case's position. Every join goes by position in the log, never by a moment."""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from projections.metrics.asking import AS_OF, Value, Where
from projections.metrics.periods import UNITS, key_column, name_of
from projections.metrics.sources import Source, text_of

_FROM, _UNTIL, _VALUE, _RECORDED, _ENDED = "#from", "#until", "#value", "#recorded", "#ended"


def with_dimensions(
    source: Source, cases: pl.LazyFrame, wanted: Collection[str], *, snapshot: bool
) -> pl.LazyFrame:
    """Add the dimensions that are asked for and that cases do not carry themselves.

    They are those as of the case's position; of a snapshot, those as of the position of the view, or of the moment the case is asked about. Months, quarters and weeks are numbers
    (`periods.key_column`), named by `named`.
    """
    has = set(cases.collect_schema().names())
    asked = set(wanted)
    if asked & {"team", "region"} and "owner" not in has:
        asked.add("owner")
    if "stage" in asked and "step" not in has:
        asked.add("step")
    if "owner" in asked - has:
        owners = source.scan("owners").select(
            "record", _value("owner"), _from("position"), _until("until"), _recorded("recorded_at")
        )
        cases = _as_of(source, cases, owners, "record", {"owner": _VALUE}, snapshot=snapshot)
    if asked & {"team", "region"} - has:
        cases = _with_place(source, cases, snapshot=snapshot)
    if asked & {"step", "move"} - has:
        cases = _with_step(source, cases, asked & {"step", "move"} - has, snapshot=snapshot)
    if "path" in asked - has:
        cases = cases.join(source.scan("records").select("record", "path"), on="record", how="left")
    if "stage" in asked - has:
        cases = cases.with_columns(stage=pl.col("step").replace(dict(source.reading.stages)))
    for name in sorted(asked - has):
        if name.startswith("field:"):
            cases = _with_field(source, cases, name, snapshot=snapshot)
    zone = source.reading.document.time_zone
    units = [key_column(pl.col("moment"), unit, zone).alias(unit) for unit in UNITS if unit in asked - has]
    return cases.with_columns(units) if units else cases


def limited(cases: pl.LazyFrame, where: Where) -> pl.LazyFrame:
    """Keep the cases whose dimensions have one of the values asked for; None is none."""
    for name, values in where.items():
        known = [_key(name, value) for value in values if value is not None]
        kept = pl.col(name).is_in(known).fill_null(value=False)
        cases = cases.filter(kept | pl.col(name).is_null() if None in values else kept)
    return cases


def named(frame: pl.DataFrame) -> pl.DataFrame:
    """Name the months, quarters and weeks of a frame."""
    for unit in UNITS:
        if unit in frame.columns:
            keys = frame.get_column(unit).unique().drop_nulls().to_list()
            names = {key: name_of(key, unit) for key in keys}
            frame = frame.with_columns(
                pl.col(unit).replace_strict(names, default=None, return_dtype=pl.String())
            )
    return frame


def _key(name: str, value: str) -> Any:
    if name not in UNITS:
        return value
    return int(value.replace("-", "").replace("Q", "").replace("W", ""))


def cell_where(cell: Mapping[str, Value]) -> Where:
    """Say a cell as a limit."""
    return {name: (value,) for name, value in cell.items()}


def _value(column: str) -> pl.Expr:
    return pl.col(column).alias(_VALUE)


def _from(column: str) -> pl.Expr:
    return pl.col(column).alias(_FROM)


def _until(column: str) -> pl.Expr:
    return pl.col(column).alias(_UNTIL)


def _recorded(column: str) -> pl.Expr:
    return pl.col(column).alias(_RECORDED)


def _as_of(
    source: Source,
    cases: pl.LazyFrame,
    rows: pl.LazyFrame,
    key: str,
    taken: Mapping[str, str],
    *,
    snapshot: bool,
) -> pl.LazyFrame:
    """Give cases the values of the row that held as of their position. Rows of a key cover every position from its first one on."""
    columns = {name: pl.col(column) for name, column in taken.items()}
    if snapshot and source.ask.moments:
        return cases.join(_at_moments(source, rows, key, columns), on=[key, AS_OF], how="left")
    if snapshot:
        last = rows.filter(pl.col(_UNTIL).is_null()).select(key, **columns)
        return cases.join(last, on=key, how="left")
    # Before the first row there was nothing: a row of its own, so that no case is lost.
    before = (
        rows.group_by(key)
        .agg(pl.col(_FROM).min().alias(_UNTIL))
        .with_columns(pl.lit(0, pl.Int64()).alias(_FROM))
    )
    covering = pl.concat([rows.select(key, _FROM, _UNTIL, **columns), before], how="diagonal")
    holds = pl.col(_FROM).is_null() | (
        (pl.col("position") >= pl.col(_FROM))
        & (pl.col(_UNTIL).is_null() | (pl.col("position") < pl.col(_UNTIL)))
    )
    return cases.join(covering, on=key, how="left").filter(holds).drop(_FROM, _UNTIL)


def _at_moments(source: Source, rows: pl.LazyFrame, key: str, columns: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """Return the row of each key that held at each moment that is asked about; a row ends when the log took the next one in."""
    ended = pl.col(_RECORDED).shift(-1).over(key, order_by=_FROM)
    known = rows.with_columns(ended.alias(_ENDED)).collect().lazy()
    found = []
    for at in source.moments:
        holds = pl.col(_UNTIL).is_null()
        if at.is_over:
            holds = (pl.col(_RECORDED) < at.moment) & (holds | (pl.col(_ENDED) >= at.moment))
        found.append(known.filter(holds).select(key, pl.lit(at.name).alias(AS_OF), **columns))
    return pl.concat(found)


def _with_place(source: Source, cases: pl.LazyFrame, *, snapshot: bool) -> pl.LazyFrame:
    people = source.view.scan("people").select(
        "team", "region", _from("position"), _until("until"), _recorded("recorded_at"), owner="person"
    )
    return _as_of(source, cases, people, "owner", {"team": "team", "region": "region"}, snapshot=snapshot)


def _with_step(
    source: Source, cases: pl.LazyFrame, wanted: Collection[str], *, snapshot: bool
) -> pl.LazyFrame:
    visits = source.visits().select(
        "record",
        _from("position"),
        _until("left_position"),
        _recorded("entered_recorded_at"),
        **{f"#{name}": pl.col(name) for name in wanted},
    )
    return _as_of(
        source, cases, visits, "record", {name: f"#{name}" for name in sorted(wanted)}, snapshot=snapshot
    )


def _with_field(source: Source, cases: pl.LazyFrame, name: str, *, snapshot: bool) -> pl.LazyFrame:
    changes = source.changes(name.removeprefix("field:")).sort("record", "position")
    rows = changes.select(
        "record",
        _from("position"),
        pl.col("position").shift(-1).over("record").alias(_UNTIL),
        _recorded("recorded_at"),
        text_of(pl.col("new")).alias(_VALUE),
    )
    return _as_of(source, cases, rows, "record", {name: _VALUE}, snapshot=snapshot)
