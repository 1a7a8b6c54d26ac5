"""The decisions behind a number of an impact: the same rows, so a drill-down is as long as the number it explains."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

import polars as pl

from projections.errors import InvalidQuery

VERDICTS = ("unchanged", "newly_refused", "newly_allowed", "not_judgeable")
CHANGED = "changed"
"""Newly refused or newly allowed."""

By: TypeAlias = Literal["decision", "record", "owner"]
PERSON = pl.coalesce("owner", "actor")
"""Whom a decision is counted for: who answers for the record, else who tried."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Which decisions of a replay: each condition that is given must hold.

    `edge` is `before:after`, the opening being `:after`; `never` whether a newly refused move would never have been allowed in the log;
    `waived` whether somebody overrode a requirement. `owner` is whom decisions are counted for: where nobody answers for the record, who tried.
    """

    verdict: Sequence[str] = ()
    requirement: str | None = None
    owner: str | None = None
    record: str | None = None
    kind: str | None = None
    edge: str | None = None
    never: bool | None = None
    waived: bool | None = None

    @property
    def words(self) -> list[object]:
        """What a cursor is bound to."""
        return [getattr(self, item.name) for item in fields(self)]

    def of(self, decisions: pl.LazyFrame) -> pl.LazyFrame:
        """Return the decisions that are meant, in the order of the log. Raises InvalidQuery."""
        for condition in self._conditions():
            decisions = decisions.filter(condition)
        return decisions

    def _conditions(self) -> list[pl.Expr]:
        found: list[pl.Expr] = []
        if self.verdict:
            found.append(pl.col("verdict").is_in(_verdicts(self.verdict)))
        if self.requirement is not None:
            found.append(pl.col("requirements").list.contains(self.requirement))
        if self.owner is not None:
            found.append(PERSON.eq(self.owner))
        if self.record is not None:
            found.append(pl.col("record") == self.record)
        if self.kind is not None:
            found.append(pl.col("kind") == self.kind)
        if self.edge is not None:
            before, colon, after = self.edge.partition(":")
            if not colon:
                raise InvalidQuery.of("edge", "an edge is written before:after, the opening as :after")
            found += [
                pl.col("before").eq_missing(pl.lit(before or None, dtype=pl.String())),
                pl.col("after") == after,
            ]
        if self.never is not None:
            found.append(pl.col("never").fill_null(value=False) == self.never)
        if self.waived is not None:
            found.append((pl.col("waived").list.len().fill_null(0) > 0) == self.waived)
        return found


def grouped(decisions: pl.LazyFrame, by: By) -> pl.LazyFrame:
    """Return one row a record or an owner, with how many of the decisions are its; decisions themselves stay as they are."""
    if by == "decision":
        return decisions.sort("position")
    key = PERSON.alias(by) if by == "owner" else pl.col(by)
    return decisions.group_by(key).agg(decisions=pl.len()).sort(by)


def _verdicts(asked: Sequence[str]) -> list[str]:
    known = (*VERDICTS, CHANGED)
    if unknown := [verdict for verdict in asked if verdict not in known]:
        del unknown
        raise InvalidQuery.of("verdict", f"a verdict is one of {', '.join(known)}")
    found = set(asked)
    if CHANGED in found:
        found |= {"newly_refused", "newly_allowed"}
    return sorted(found - {CHANGED})
