"""The impact of a draft as plain JSON: what changes, by rule, by edge and by person; each number is counted from the decisions behind it."""

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from domain.labels import Label
from projections.ledger.view import View
from projections.replay.asking import Ask
from projections.replay.law import LawFigures
from projections.replay.verdicts import Verdict

CAVEAT: Final = Label(
    zh="每个决定都按当时记录的情况单独重新判断；若当时的答复不同，人们的做法也可能不同。",
    en="Each decision is judged on its own, on what was recorded then; people might have acted otherwise after another answer.",
)

_CHANGED: Final = (Verdict.newly_refused, Verdict.newly_allowed)
_NOT_THERE: Final = ("kind:", "stage:", "path:")


def impact_of(
    identity: str, ask: Ask, view: View, law: LawFigures, decisions: pl.DataFrame, indices: Sequence[Any] = ()
) -> dict[str, Any]:
    """Count what a replay found. People stand as who answers for the record, else as who tried."""
    rows = decisions.select(
        "record", "before", "after", "verdict", "requirements", "delayed_seconds", "never",
        waived=pl.col("waived").list.len() > 0, person=pl.coalesce("owner", "actor"),
    )  # fmt: skip
    differing = rows.filter(pl.col("verdict") != Verdict.unchanged)
    changed = differing.filter(pl.col("verdict").is_in(list(_CHANGED)))
    counts = dict(rows.group_by("verdict").len().iter_rows())
    return {
        "id": identity,
        "playbook": None if ask.draft is None else ask.draft.name,
        "draft": None if ask.draft is None else {"digest": ask.digest, "number": ask.number},
        "window": {"after": ask.window.after, "upto": ask.window.upto},
        "scope": {name: sorted(options) for name, options in sorted(ask.scope.items())},
        "log": {"tenant": view.manifest.tenant, "position": view.position, "clock": ask.clock},
        "caveat": CAVEAT.model_dump(),
        "law": {
            "decisions": law.decisions,
            "reproduced": law.reproduced,
            "erased": law.erased,
            "different": list(law.different),
        },
        "totals": {
            "judged": rows.height,
            **{verdict.value: int(counts.get(verdict.value, 0)) for verdict in Verdict},
            "waived": int(rows.get_column("waived").sum()),
            "records": changed.get_column("record").n_unique(),
            "people": changed.get_column("person").n_unique(),
        },
        "rules": _rules(changed),
        "edges": _edges(rows),
        "people": _people(differing),
        "not_judgeable": _not_judgeable(differing),
        "indices": list(indices),
    }


def _rules(changed: pl.DataFrame) -> list[dict[str, Any]]:
    """By requirement: a decision that two of them refuse counts for both."""
    by_rule = changed.explode("requirements").rename({"requirements": "requirement"})
    found = (
        by_rule.group_by("requirement", "verdict")
        .agg(
            decisions=pl.len(),
            records=pl.col("record").n_unique(),
            people=pl.col("person").n_unique(),
            delayed_median_seconds=_median(pl.col("delayed_seconds")),
            never=pl.col("never").sum(),
        )
        .sort("decisions", "requirement", "verdict", descending=[True, False, False])
    )
    return found.with_columns(pl.col("decisions", "records", "people", "never").cast(pl.Int64)).to_dicts()


def _median(column: pl.Expr) -> pl.Expr:
    """Nearest rank: the smallest value that at least half of the values do not exceed."""
    known = column.drop_nulls()
    return known.sort().gather((known.len() + 1) // 2 - 1, null_on_oob=True).first()


def _edges(rows: pl.DataFrame) -> list[dict[str, Any]]:
    counts = [(pl.col("verdict") == verdict).sum().cast(pl.Int64).alias(verdict) for verdict in Verdict]
    found = rows.group_by("before", "after").agg(pl.len().cast(pl.Int64).alias("judged"), *counts)
    return found.sort("before", "after", nulls_last=False).to_dicts()


def _people(differing: pl.DataFrame) -> list[dict[str, Any]]:
    shown = (*_CHANGED, Verdict.not_judgeable)
    counts = [(pl.col("verdict") == verdict).sum().cast(pl.Int64).alias(verdict) for verdict in shown]
    found = differing.group_by("person").agg(*counts).rename({"person": "owner"})
    return found.sort(pl.sum_horizontal(*shown), "owner", descending=[True, False]).to_dicts()


def _not_judgeable(differing: pl.DataFrame) -> list[dict[str, Any]]:
    found = (
        differing.filter(pl.col("verdict") == Verdict.not_judgeable)
        .explode("requirements")
        .group_by(pl.col("requirements").alias("requirement"))
        .agg(decisions=pl.len().cast(pl.Int64))
        .sort("decisions", "requirement", descending=[True, False])
    )
    return [
        {"requirement": requirement, "why": _why(requirement), "decisions": decisions}
        for requirement, decisions in found.iter_rows()
    ]


def _why(requirement: str) -> str:
    """`not_in_draft`: the attempt names what the draft does not have. `not_known_then`: nobody knew it, or no playbook asked for it."""
    return "not_in_draft" if requirement.startswith(_NOT_THERE) else "not_known_then"
