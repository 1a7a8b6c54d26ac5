"""Attempts to open or move a record: the cases and numbers of acceptance, with the requirements that were not met."""

from collections.abc import Iterator
from typing import Any

from oracle import log as told
from oracle.cases import Numbers, case_of, count
from oracle.log import Record
from oracle.reading import Case, Period, Reading, is_in, percent


def acceptance(reading: Reading, within: Period | None = None, into: list[str] | None = None) -> list[Case]:
    """Attempts to open or move a record in the period."""
    return [
        case_of(reading, record, it["position"], it["at"], step=it["after"], edge_from=it["before"], move=it["move"],
              accepted=it["accepted"], refused=not it["accepted"], overridden=it["accepted"] and bool(it["waived"]),
              unmet=[] if it["accepted"] else it["unmet"], **_would_have(reading, record, it))
        for record in reading.everything
        for it in _decided(reading, record)
        if is_in(it["at"], within) and (not into or it["after"] in into)
    ]  # fmt: skip


def _decided(reading: Reading, record: Record) -> Iterator[dict[str, Any]]:
    """What came out of each attempt; as a draft would have it, without what nobody can judge, where the reading is of a replay."""
    for it in record["decisions"]:
        verdict, asked = (reading.redecided or {}).get(it["position"], ("unchanged", []))
        if verdict == "newly_allowed":
            yield {**it, "was_accepted": False, "accepted": True, "unmet": [], "waived": []}
        elif verdict == "newly_refused" or (verdict == "unchanged" and asked):
            yield {**it, "was_accepted": it["accepted"], "accepted": False, "unmet": asked}
        elif verdict == "unchanged":
            yield {**it, "was_accepted": it["accepted"]}


def _would_have(reading: Reading, record: Record, decision: dict[str, Any]) -> dict[str, Any]:
    """Of a refused opening: who would have answered for the record, and which path it would have taken."""
    if decision["was_accepted"] or decision["before"] is not None:
        return {}
    payload, organisation = (
        decision["event"]["payload"],
        told.organisation(reading.events, decision["position"]),
    )
    owner = payload.get("owner")
    return {
        "owner": owner, "team": told.team_of(organisation, owner), "region": told.region_of(organisation, owner),
        "path": payload.get("path"),
    }  # fmt: skip


def unmet(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each requirement that was not met in a refused attempt of the period."""
    return [case | {"requirement": name} for case in acceptance(reading, within) for name in case["unmet"]]


def unmet_numbers(cases: list[Case]) -> Numbers:
    """How many."""
    return {"unmet": len(cases)}


def acceptance_numbers(cases: list[Case]) -> Numbers:
    """The share of attempts that were not refused."""
    accepted = count(cases, "accepted")
    return {
        "decisions": len(cases), "accepted": accepted, "refused": count(cases, "refused"), "overridden": count(cases, "overridden"),
        "rate_percent": percent(accepted, len(cases)),
    }  # fmt: skip
