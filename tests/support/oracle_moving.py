"""Indices under a draft beside the published ones, of many histories, and what moved them, beside what the oracle finds."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import orjson
from oracle import movers as oracle_movers
from oracle import playbooks as books
from oracle import replay as oracle_replay
from oracle.playbooks import named
from oracle.reading import Reading as OracleReading

from commands.playbook_file import parse_playbook
from domain.playbook.catalogue import as_if_published
from domain.playbook.published import PublishedPlaybook
from projections.replay import Ask, Window, replay
from support.measured_playbook import TEXT, changed, versions
from support.oracle_adapter import plain_draft
from support.oracle_comparing import differing
from support.oracle_shelf import Shelf, Volume, shelved

CAPPED = (("below: 60, at_most: 45", "below: 75, at_most: 30"), ("at_least: 50", "at_least: 40"))
OTHER_PARTS = (
    ("      freshness: {measure: freshness, label: {zh: 新鲜, en: Freshness}, fields: [amount, pains], within_days: 15}\n", "      calling: {measure: touches, label: {zh: 电话, en: Calling}, touches: [call], target: 2, weight: 0.7}\n"),
    ("target: 2, label: {zh: 拜访, en: Visits}", "target: 3, weight: 2, label: {zh: 拜访, en: Visits}"),
    ("target: 3, weight: 0.5", "target: 4, weight: 3"),
)  # fmt: skip
OTHER_INDICES = (("\n  weekly:\n", "\n  each_week:\n"), ("longer_than_days: 5", "longer_than_days: 9"))
INDICES = ("phi", "weekly", "stuck_deals")
VALUES = ("published", "draft", "delta", "published_band", "draft_band")


@cache
def drafts() -> tuple[PublishedPlaybook, ...]:
    """Drafts that weigh otherwise, cap otherwise, measure by other components, call an index otherwise, or see other actions."""
    others = (CAPPED, OTHER_PARTS, OTHER_INDICES)
    return (
        *versions(),
        *(parse_playbook(changed(TEXT, *changes), "measured.yaml") for changes in others),
    )


def mover_differences(shelf: Shelf, number: int) -> list[str]:
    """What the engine and the oracle say differently: values of both sides, reasons, and what the impact tells of them.

    Every group of histories that are asked together is asked about another draft.
    """
    found: list[str] = []
    for turn, alike in enumerate(alike_in_reading(shelf), number):
        found += _differing(alike, drafts()[turn % len(drafts())], INDICES[turn % len(INDICES)], shelf.moment)
    return found


def alike_in_reading(shelf: Shelf) -> list[Shelf]:
    """The histories of a shelf in groups that read alike at the moment of the last event of all, by the rules in force and by any draft."""
    groups: dict[str, list[Volume]] = {}
    for volume in shelf.volumes:
        general = volume.published.at(shelf.moment).for_kind("deal")
        drafted = [as_if_published(volume.published, draft).adopts for draft in drafts()]
        groups.setdefault(json.dumps([general.document_json, repr([general.adopts, drafted])]), []).append(volume)  # fmt: skip
    return [shelved(it.as_long for it in volumes) for volumes in groups.values()]


def _differing(shelf: Shelf, draft: PublishedPlaybook, name: str, moment: datetime) -> list[str]:
    """Ask both about one index, of those that only the draft has about all; and about the decisions the draft reads through all mappings."""
    ask = Ask(Window(0, shelf.head()), {}, as_if_published(shelf.volumes[-1].playbooks, draft), moment=moment)
    answer = replay(shelf.view(), shelf.playbooks, shelf.keys, ask)
    events = [event for volume in shelf.volumes for event in volume.plain if event["topic"].startswith("record.")]  # fmt: skip
    recorded = [event["recorded_at"] for event in events]
    decided = {it.place: redecided(it, draft) for it in shelf.volumes}
    said_of = {row["position"]: (row["verdict"], row["requirements"]) for row in answer.decisions.to_dicts()}
    right_of = {position: told for of_one in decided.values() for position, told in of_one.items()}
    found = differing("decision through mappings", said_of, right_of)
    sides = [
        [
            OracleReading.at(
                it.plain,
                it.end,
                "deal",
                None if side is None else plain_draft(side),
                now=moment,
                redecided=None if side is None else decided[it.place],
            )
            for it in shelf.volumes
        ]
        for side in (None, draft)
    ]
    indices = [named(side[0].playbook["document"].get("indices")) for side in sides]
    for index in {name, *(indices[1].keys() - indices[0].keys())}:
        weights = [oracle_movers.weights_of(side.get(index)) for side in indices]
        values = [oracle_movers.values_of(side, index, min(recorded), max(recorded)) for side in sides]
        right = oracle_movers.compared(values[0], values[1], weights)
        rows = answer.datasets["index_values"].to_dicts()
        said = {(it["by"], it["cell"], it["period"]): _row(it) for it in rows if it["index"] == index}
        found += differing(f"{index} of", said, right)
        found += _adding_up(said)
        told = {it["period"]: it for it in answer.impact["indices"] if it["index"] == index}
        found += differing(f"{index} in the impact,", {it: _told(row) for it, row in told.items()}, oracle_movers.told(right))  # fmt: skip
    return found


def redecided(volume: Volume, draft: PublishedPlaybook) -> dict[int, tuple[str, list[str]]]:
    """What a draft says to the decisions of a history."""
    plain, known = plain_draft(draft), books.versions(volume.plain, volume.end)
    plain["number"] = max(it["number"] for it in known if it["name"] == draft.name) + 1
    found = oracle_replay.decisions(volume.plain, (0, volume.end))
    judged = oracle_replay.verdicts(volume.plain, found, plain, [*known, plain])
    return {it["position"]: (it["verdict"], it["requirements"]) for it in judged}


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    reasons = orjson.loads(row["reasons"])
    told = {
        (it["component"], it["what"]): (
            it["before"],
            it["after"],
            None if it["effect"] is None else Decimal(it["effect"]),
        )
        for it in reasons
    }
    assert len(told) == len(reasons), "a reason is told twice"
    return {name: row[name] for name in VALUES} | {"reasons": told}


def _adding_up(rows: Mapping[Any, Mapping[str, Any]]) -> list[str]:
    """The effects of a value that is known on both sides are its difference, to the last place."""
    return [
        f"the reasons of {key} add up to something else than {row['delta']}: {row['reasons']}"
        for key, row in rows.items()
        if row["delta"] is not None
        and sum(effect for *_, effect in row["reasons"].values() if effect is not None) != row["delta"]
    ]


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    movers = [(*(next(iter(it["cell"].items()), ("whole", None))), row["period"]) for it in row["movers"]]
    return {"cells": row["cells"], "changed": row["changed"], "movers": movers}
