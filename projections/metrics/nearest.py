"""Which row of the same record lies nearest in the log: before a position, or after it.

Record and position are put into one whole number, so that one search in a sorted column answers for all: an as-of join by a text takes five times as long.
"""

from collections.abc import Sequence

import polars as pl

_CODE = "#code"


def joined_before(asked: pl.LazyFrame, rows: pl.LazyFrame, by: Sequence[str], on: str) -> pl.LazyFrame:
    """Give each row of `asked` the last of `rows` with the same `by` whose position, in column `on`, is not greater; null where there is none."""
    return _joined(asked, rows, by, on, after=False)


def joined_after(asked: pl.LazyFrame, rows: pl.LazyFrame, by: Sequence[str], on: str) -> pl.LazyFrame:
    """Give each row of `asked` the first of `rows` with the same `by` whose position, in column `on`, is greater; null where there is none."""
    return _joined(asked, rows, by, on, after=True)


def _joined(
    asked: pl.LazyFrame, rows: pl.LazyFrame, by: Sequence[str], on: str, *, after: bool
) -> pl.LazyFrame:
    left, right = pl.collect_all([asked, rows])
    codes = right.select(by).unique().with_row_index(_CODE)
    width = 1 + max(_highest(left, "position"), _highest(right, on))
    if codes.height * width >= 2**63:
        raise OverflowError(
            f"{codes.height:,} records and positions up to {width:,} are too many for one partition"
        )
    right_code = right.join(codes, on=list(by), maintain_order="left").get_column(_CODE).cast(pl.Int64())
    left_code = (
        left.join(codes, on=list(by), how="left", maintain_order="left").get_column(_CODE).cast(pl.Int64())
    )
    right_place = right_code * width + right.get_column(on)
    order = right_place.arg_sort()
    places = right_place.gather(order)
    sought = (left_code * width + left.get_column("position")).fill_null(-1)
    found = places.search_sorted(sought, side="right").cast(pl.Int64()) - (0 if after else 1)
    index = order.gather(_where((found >= 0) & (found < len(places)), found))
    is_same = (right_code.gather(index) == left_code).fill_null(value=False)
    return left.hstack(right.drop(by)[_where(is_same, index)]).lazy()


def _where(is_meant: pl.Series, values: pl.Series) -> pl.Series:
    return values.zip_with(is_meant, pl.Series([None], dtype=values.dtype).new_from_index(0, len(values)))


def _highest(frame: pl.DataFrame, column: str) -> int:
    highest = frame.get_column(column).max()
    return highest if isinstance(highest, int) else 0
