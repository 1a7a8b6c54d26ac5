"""Which records are stuck: those that have stood in a step for too long."""

from collections.abc import Sequence

import polars as pl

from domain.playbook.measuring import Stuck
from projections.ledger.together import Lots
from projections.ledger.view import View
from projections.metrics.asking import Ask, Where
from projections.metrics.dimensions import limited, with_dimensions
from projections.metrics.reading import Reading
from projections.metrics.sources import Source


def stuck_on(
    view: View,
    first: int,
    *,
    reading: Reading,
    stuck: Stuck,
    wanted: Sequence[str],
    where: Where,
    lots: Lots,
) -> pl.DataFrame:
    """Return the records, of the lot of partitions that begins with one, that have stood in one of the steps for too long; an unknown entry is no proof of that."""
    source = Source(view, lots.beginning(first), reading, Ask())
    longest = int(stuck.longer_than_days * 86_400 * 1_000_000)
    stood = (source.now - pl.col("entered_at")).dt.total_microseconds()
    rows = source.standing().filter(pl.col("step").is_in(list(stuck.steps)), stood > longest)
    rows = rows.with_columns(moment=source.now)
    rows = with_dimensions(source, rows, {"owner", *wanted, *where}, snapshot=True)
    return limited(rows, where).select(
        *dict.fromkeys(["record", *wanted, "owner", "step", "entered_at", "position"])
    ).collect()  # fmt: skip
