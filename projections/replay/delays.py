"""A move the draft newly refuses: when, on what was recorded later, would its gate have been met? "Delayed by", or "never".

The record is taken to stand still where it stood: its step, and since when, are those of the move. Everything else is as it was
recorded later, each time something about the record changed; what depends on time is asked at the moment of that change, so a gate
that time alone would have met is found met at the next change: no sooner, and never where nothing changed any more.
Who tried, with which reason, and what they asked to waive stay what they were. The gate is put to what is on record after the change
and can still be read, whichever version asked for it: a gate that hangs on a value erased since, or on time at a change whose moment
nobody knows, is not met.
"""

from dataclasses import replace
from typing import Final

import polars as pl

from domain.events import EvidenceAttached, FieldsChanged, TouchCorrected, Touched
from domain.work.events import (
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRequested,
    WorkCompleted,
    WorkRequested,
)
from projections.replay.decided import IS_CHANGE
from projections.replay.judging import CASE, NEEDED, Grounds, judged
from projections.replay.keyed import CODE, KEY, SPAN, first_after
from projections.replay.plans import Plan
from projections.replay.verdicts import Verdict, is_met_by

CHANGES: Final = tuple(
    event.TOPIC
    for event in (
        FieldsChanged, Touched, TouchCorrected, EvidenceAttached, WorkRequested, WorkCompleted, ApprovalRequested, ApprovalDecided,
        ApprovalMigrated,
    )
)  # fmt: skip
"""What may change what a gate says of a record, beside its step."""

_AT_ONCE: Final = 50_000
_MICROSECONDS: Final = 1_000_000

_DELAYED: Final = {
    "refused": pl.Int64(),
    "delayed_until_position": pl.Int64(),
    "delayed_until_at": pl.Datetime("us", "UTC"),
}


def with_delays(
    rows: pl.DataFrame, plans: tuple[Plan, ...], grounds: Grounds, later: pl.DataFrame
) -> pl.DataFrame:
    """Add to every newly refused move when its gate would have been met: the position and moment of the change, how much later, or never.

    `later` are events of the records, sorted by record and position, of which `IS_CHANGE` tells whether they are among `CHANGES`.
    """
    is_refused = pl.col("verdict") == Verdict.newly_refused
    refused = rows.filter(is_refused)
    found = [pl.DataFrame(schema=_DELAYED)]
    if not refused.is_empty():
        drafted = [replace(plan, published=None) for plan in plans]
        found += [_first_met(part, later, drafted, grounds) for part in refused.iter_slices(_AT_ONCE)]
    elapsed = pl.col("delayed_until_at").to_physical() - pl.col("at").to_physical()
    delayed = rows.select("position").join(
        pl.concat(found), left_on="position", right_on="refused", how="left", maintain_order="left"
    )
    return rows.with_columns(delayed.drop("position").get_columns()).with_columns(
        # What happened before the move and was noted after it would have held nothing up, had it been noted when it happened.
        delayed_seconds=elapsed.floordiv(_MICROSECONDS).clip(0),
        never=pl.when(is_refused).then(pl.col("delayed_until_position").is_null()),
    )


def _first_met(
    refused: pl.DataFrame, later: pl.DataFrame, plans: list[Plan], grounds: Grounds
) -> pl.DataFrame:
    ends = refused.select((pl.col(CODE) + 1) * SPAN - 1).to_series()
    numbered = refused.select("position", "imported", "#waived", *NEEDED).with_columns(
        pl.int_ranges(
            first_after(later, refused.get_column(KEY)), first_after(later, ends), eager=True
        ).alias("#change")
    )
    candidates = numbered.explode("#change").drop_nulls("#change")
    is_change = later.get_column(IS_CHANGE).gather(candidates.get_column("#change"))
    candidates = candidates.filter(is_change)
    if candidates.is_empty():
        return pl.DataFrame(schema=_DELAYED)
    change = candidates.get_column("#change")
    position = later.get_column("position").gather(change)
    rows = candidates.select(
        pl.exclude("#change", "at", "fields_upto", "facts_upto", "edits_of"),
        at=later.get_column("at").gather(change),
        fields_upto=position,
        facts_upto=position,
        edits_of=pl.lit(None, pl.Int64),
    )
    cases = judged(rows, plans, grounds)
    passes = [
        (number, imported)
        for number, (group, waived, answers) in enumerate(cases.cases)
        for imported in (False, True)
        if is_met_by(plans[group], answers, frozenset(waived), imported=imported)
    ]
    passing = pl.DataFrame(passes, schema={CASE: pl.UInt32(), "imported": pl.Boolean()}, orient="row")
    return (
        cases.rows.join(passing, on=[CASE, "imported"], how="semi", maintain_order="left")
        .unique(subset="position", keep="first", maintain_order=True)
        .select(refused="position", delayed_until_position="fields_upto", delayed_until_at="at")
    )
