"""The impact of a draft as somebody may see it: every decision that changes, with its record and people, through the lens."""

from typing import Any

from projections.lens import Lens, Visible
from projections.reads import Reads
from projections.replay import Impact, Judged


def show_impact(impact: Impact, playbook: str, reads: Reads) -> Visible:
    """Show a whole impact: the law, every decision that changes and every one that cannot be judged, each with its position."""
    lens = reads.lens()
    return lens.figures(
        playbook=playbook,
        decisions=impact.decisions,
        reproduced=impact.reproduced,
        erased=impact.erased,
        different=impact.different,
        judged=impact.judged,
        first_position=impact.first_position,
        last_position=impact.last_position,
        changed=[_row(item, lens) for item in impact.changed],
        not_judgeable=[_row(item, lens) for item in impact.not_judgeable],
        **reads.about_now(),
    )


def _row(judged: Judged, lens: Lens) -> dict[str, Any]:
    decision = judged.decision
    attempt = decision.attempt
    return {
        "position": decision.position,
        "record": attempt.record.stream,
        "external_id": attempt.record.external_id,
        "attempt": f"opening in {attempt.after}"
        if attempt.move == "open"
        else f"{attempt.before} → {attempt.after}",
        "move": attempt.move,
        "verdict": judged.verdict,
        "requirements": list(judged.requirements),
        "occurred_at": None if decision.occurred_at is None else decision.occurred_at.isoformat(),
        "playbook_version": decision.playbook.number,
        "actor": decision.actor,
        "actor_name": lens.person(decision.actor),
        "owner": decision.owner,
        "owner_name": lens.person(decision.owner),
    }
