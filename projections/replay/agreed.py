"""What was asked of people and came to its end: work by template and approvals by chain, each request with the position at which it was met.

Approvals are folded by the very functions the record folds them by.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import orjson
import polars as pl

from domain.work.approving import Approval, after_decision, levels_of
from domain.work.events import ApprovalDecided

FINISHED: Final = pl.Schema(
    {
        "record": pl.String(),
        "position": pl.Int64(),
        "template": pl.String(),
        "done": pl.Int64(),
        "form": pl.String(),
    }
)
AGREED: Final = pl.Schema(
    {"record": pl.String(), "position": pl.Int64(), "chain": pl.String(), "approved": pl.Int64()}
)
_WORK: Final = ("record", "position", "work", "event", "template", "fields")
_APPROVALS: Final = (
    "record", "position", "approval", "event", "chain", "order", "levels", "level", "role", "decision", "back_to",
)  # fmt: skip


def finished(work: pl.LazyFrame) -> pl.DataFrame:
    """One row for each work item: where it was requested, the position at which it was completed (null: it was not), and what its form says then."""
    told = work.filter(pl.col("event").is_in(["requested", "completed"])).select(_WORK).collect()
    done = told.filter(event="completed").select("record", "work", done="position", form="fields")
    asked = told.filter(event="requested").select("record", "position", "work", "template")
    return asked.join(done, on=["record", "work"], how="left", maintain_order="left").select(FINISHED.names())


def agreed(approvals: pl.LazyFrame) -> pl.DataFrame:
    """One row for each approval: where it was requested, and the position from which all of it is approved; null: it was not."""
    told = approvals.select(_APPROVALS).sort("record", "position").collect()
    rows = []
    for (record, _), events in told.partition_by(
        ["record", "approval"], as_dict=True, maintain_order=True
    ).items():
        rows.append((record, *_followed(events.iter_rows(named=True))))
    return pl.DataFrame(rows, schema=AGREED, orient="row")


def _followed(events: Iterable[dict[str, Any]]) -> tuple[int, str, int | None]:
    """Follow one approval to the position it was approved at."""
    approval: Approval | None = None
    for row in events:
        if row["event"] == "requested":
            approval = requested(row)
            continue
        assert approval is not None, "an approval begins with its request"
        approval = _after(approval, row)
        if approval.state == "approved":
            return approval.position, approval.chain, int(row["position"])
    assert approval is not None
    return approval.position, approval.chain, None


def requested(row: dict[str, Any]) -> Approval:
    """The approval a request in the ledger begins; nobody asks here who requested it, or when."""
    return Approval(
        id=row["approval"],
        chain=row["chain"],
        order=row["order"],
        levels=levels_of(orjson.loads(row["levels"])),
        requested_by="",
        actor="",
        requested_at=None,
        position=row["position"],
    )


def _after(approval: Approval, row: dict[str, Any]) -> Approval:
    match row["event"]:
        case "decided":
            said = ApprovalDecided(approval.id, row["level"], row["role"], row["decision"], row["back_to"])
            return after_decision(approval, said, "", None)
        case "recalled":
            return replace(approval, state="recalled")
        case "migrated":
            return replace(approval, levels=levels_of(orjson.loads(row["levels"]))).judged(None)
        case _:
            return approval
