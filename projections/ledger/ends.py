"""How rows end: by the next row of the same key, within a part of the log or in a later one.

Parts are written once and never changed. A row whose successor stands in the same part is kept with its end; the last row
of a key in a part stays open there, and is ended by the first row of that key in a later part when it is read.
So an answer as of an earlier position only has to cut rows off and open again what ended later.
"""

from collections.abc import Sequence

import polars as pl

from projections.ledger.tables import GONE, Table


def sorted_rows(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Sort rows as segments are: by the record, then by position; rows of one event stay in their order."""
    return rows.sort(*table.order, maintain_order=True)


def ended(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Give sorted rows of one part of the log their ends, as far as they lie in it."""
    ends = [pl.col(source).shift(-1).over(*table.key).alias(end) for end, source in table.ends.items()]
    return rows.with_columns(ends).select(table.stored.names())


def cut(table: Table, rows: pl.LazyFrame, position: int) -> pl.LazyFrame:
    """Return what was known at a position: later rows are not there, and what ended later is open."""
    known = rows.filter(pl.col("position") <= position)
    if not table.ends:
        return known
    end = _end(table)
    open_again = pl.col(end) > position
    return known.with_columns(
        pl.when(open_again).then(None).otherwise(pl.col(column)).alias(column) for column in table.ends
    )


def joined(table: Table, parts: Sequence[pl.LazyFrame]) -> list[pl.LazyFrame]:
    """End what is open in one part and goes on in a later one; the parts stand in the order of the log, each sorted."""
    if not table.ends or len(parts) < 2:
        return list(parts)
    firsts = [
        part.unique(subset=table.key, keep="first", maintain_order=True).select(
            *table.key, **{f"#{end}": pl.col(source) for end, source in table.ends.items()}
        )
        for part in parts[1:]
    ]
    done = [parts[-1]]
    later = firsts[-1]
    for index in range(len(parts) - 2, -1, -1):
        done.append(_ended_by(table, parts[index], later, list(table.ends)))
        if index:
            later = pl.concat([firsts[index - 1], later]).unique(
                subset=table.key, keep="first", maintain_order=True
            )
    return done[::-1]


def shown(table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Leave out what is only the end of the row before it."""
    if table.may_be_gone:
        rows = rows.filter(~pl.col(GONE))
    return rows.select(table.schema.names())


def _ended_by(table: Table, part: pl.LazyFrame, later: pl.LazyFrame, ends: list[str]) -> pl.LazyFrame:
    is_open = pl.col(_end(table)).is_null()
    first, *others = table.key
    # Only what is open looks for its end: a null finds nothing, and costs next to nothing.
    asking = part.with_columns(pl.when(is_open).then(pl.col(first)).alias("#asks"))
    found = asking.join(
        later, left_on=["#asks", *others], right_on=list(table.key), how="left", maintain_order="left"
    )
    return found.with_columns(
        pl.when(is_open).then(pl.col(f"#{end}")).otherwise(pl.col(end)).alias(end) for end in ends
    ).select(table.stored.names())


def _end(table: Table) -> str:
    """The end that is never null once there is one."""
    return next(end for end, source in table.ends.items() if source == "position")
