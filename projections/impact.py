"""The impact of a draft as somebody may see it: every decision that changes, with its record and people, through the lens."""

from typing import Any

import polars as pl

from domain.values import moment_text
from projections.lens import Lens, Visible
from projections.reads import Reads
from projections.replay import Replayed
from projections.replay.verdicts import Verdict


def show_impact(replayed: Replayed, reads: Reads) -> Visible:
    """Show a whole impact: the law, every decision that changes and every one that cannot be judged, each with its position."""
    lens = reads.lens()
    verdict = pl.col("verdict")
    changed = replayed.decisions.filter(verdict.is_in([Verdict.newly_refused, Verdict.newly_allowed]))
    unknown = replayed.decisions.filter(verdict == Verdict.not_judgeable)
    law = replayed.law
    return lens.figures(
        id=replayed.id,
        playbook=replayed.impact["playbook"],
        decisions=law.decisions,
        reproduced=law.reproduced,
        erased=law.erased,
        different=list(law.different),
        judged=replayed.impact["totals"]["judged"],
        window=replayed.impact["window"],
        changed=[_row(row, lens) for row in changed.iter_rows(named=True)],
        not_judgeable=[_row(row, lens) for row in unknown.iter_rows(named=True)],
        **reads.about_now(),
    )


def _row(row: dict[str, Any], lens: Lens) -> dict[str, Any]:
    before, after = row["before"], row["after"]
    until = row["delayed_until_at"]
    return {
        "position": row["position"],
        "record": row["record"],
        "attempt": f"opening in {after}" if before is None else f"{before} → {after}",
        "move": row["move"],
        "verdict": row["verdict"].replace("_", " "),
        "requirements": row["requirements"],
        "occurred_at": None if row["at"] is None else row["at"].isoformat(),
        "delayed_until_position": row["delayed_until_position"],
        "delayed_until_at": None if until is None else moment_text(until),
        "delayed_seconds": row["delayed_seconds"],
        "never": row["never"],
        "playbook_version": row["playbook_version"],
        "actor": row["actor"],
        "actor_name": lens.person(row["actor"]),
        "owner": row["owner"],
        "owner_name": lens.person(row["owner"]),
    }
