"""What a draft changes, counted decision by decision: totals, and the counts by requirement, by move and by person."""

from typing import Any

from oracle.replay import Decision

VERDICTS = ("unchanged", "newly_refused", "newly_allowed", "not_judgeable")
CHANGED = ("newly_refused", "newly_allowed")


def impact(judged: list[Decision]) -> dict[str, Any]:
    """Everything an impact counts over judged decisions, each of which has its delay where it is newly refused.

    By requirement, move and person as dictionaries: in which order they are told is another matter.
    """
    changed = [it for it in judged if it["verdict"] in CHANGED]
    return {
        "totals": {
            "judged": len(judged),
            **{verdict: _with(judged, verdict) for verdict in VERDICTS},
            "waived": sum(bool(it["waived"]) for it in judged),
            "records": len({it["record"] for it in changed}),
            "people": len({person_of(it) for it in changed}),
        },
        "rules": _rules(changed),
        "edges": _edges(judged),
        "people": _people(judged),
        "not_judgeable": _unknown(judged),
    }


def person_of(decision: Decision) -> str:
    """Who a decision counts for: whoever answers for the record, else whoever tried."""
    person: str = decision["owner"] or decision["event"]["actor"]
    return person


def median_of(seconds: list[int]) -> int | None:
    """The smallest value that at least half of the values do not exceed; of none there is none."""
    return next(
        (it for it in sorted(seconds) if 2 * sum(other <= it for other in seconds) >= len(seconds)), None
    )


def _with(judged: list[Decision], verdict: str) -> int:
    return sum(it["verdict"] == verdict for it in judged)


def _rules(changed: list[Decision]) -> dict[tuple[str, str], dict[str, Any]]:
    """A decision that two requirements make the difference of counts for both."""
    found = {}
    for verdict in CHANGED:
        of_verdict = [it for it in changed if it["verdict"] == verdict]
        for name in {name for it in of_verdict for name in it["requirements"]}:
            mine = [it for it in of_verdict if name in it["requirements"]]
            late = [it["delayed_seconds"] for it in mine if it.get("delayed_seconds") is not None]
            found[name, verdict] = {
                "decisions": len(mine),
                "records": len({it["record"] for it in mine}),
                "people": len({person_of(it) for it in mine}),
                "delayed_median_seconds": median_of(late),
                "never": sum(bool(it.get("never")) for it in mine),
            }
    return found


def _edges(judged: list[Decision]) -> dict[tuple[str | None, str], dict[str, int]]:
    found = {}
    for edge in {_edge(it) for it in judged}:
        mine = [it for it in judged if _edge(it) == edge]
        found[edge] = {"judged": len(mine), **{verdict: _with(mine, verdict) for verdict in VERDICTS}}
    return found


def _edge(decision: Decision) -> tuple[str | None, str]:
    return decision["attempt"]["before"], decision["attempt"]["after"]


def _people(judged: list[Decision]) -> dict[str, dict[str, int]]:
    """Only people of whose decisions one is not as it was."""
    differing = [it for it in judged if it["verdict"] != "unchanged"]
    shown = ("newly_refused", "newly_allowed", "not_judgeable")
    return {
        person: {
            verdict: _with([it for it in differing if person_of(it) == person], verdict) for verdict in shown
        }
        for person in {person_of(it) for it in differing}
    }


def _unknown(judged: list[Decision]) -> dict[str, dict[str, Any]]:
    """Why a decision cannot be judged: the draft has no such thing, or nobody knew then."""
    unknown = [it for it in judged if it["verdict"] == "not_judgeable"]
    return {
        name: {
            "why": "not_in_draft"
            if name.partition(":")[0] in ("kind", "stage", "path")
            else "not_known_then",
            "decisions": sum(name in it["requirements"] for it in unknown),
        }
        for name in {name for it in unknown for name in it["requirements"]}
    }
