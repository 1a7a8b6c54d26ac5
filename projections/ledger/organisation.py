"""The organisation as of any position, folded from the ledger alone by the fold of the domain."""

from collections.abc import Sequence

import orjson
import polars as pl

from domain.envelope import Recorded
from domain.events import decode
from domain.naming import ORGANISATION_STREAM
from domain.organisation.state import Organisation, fold
from projections.ledger.view import View


def organisation_events(view: View, upto: int | None = None) -> Sequence[Recorded]:
    """Return the events of the organisation up to a position, the view's own by default, as far as folding needs them."""
    rows = view.scan("organisation_events").sort("position")
    if upto is not None:
        rows = rows.filter(pl.col("position") <= upto)
    return [
        Recorded(
            stream=ORGANISATION_STREAM,
            version=row["version"],
            position=row["position"],
            event=decode(row["topic"], orjson.loads(row["payload"])),
            recorded_at=row["recorded_at"],
            occurred_at=row["at"],
            decided_at=row["decided_at"],
            basis=row["position"] - 1,
            actor=row["actor"],
            channel="",
            command_id="",
        )
        for row in rows.collect().iter_rows(named=True)
    ]


def organisation_at(view: View, upto: int | None = None) -> Organisation:
    """Fold who works where, who is away and who stands in, as of a position, the view's own by default."""
    return fold(None, organisation_events(view, upto))
