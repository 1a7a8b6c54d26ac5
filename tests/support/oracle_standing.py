"""Where records stand now and what they lack, of many histories, beside what the oracle finds in each of them by its own events.

Histories are asked together when the same versions are in force in them at the moment that is asked about, and read alike.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from oracle import gate_state as oracle_gate_state

from commands.playbook_file import parse_playbook
from domain.playbook.published import PublishedPlaybook
from projections.replay import Ask, Window
from projections.replay import replay as replayed
from support.measured_playbook import NAME, TEXT, changed, smaller, versions
from support.oracle_adapter import plain_draft
from support.oracle_comparing import SCOPES, differing
from support.oracle_shelf import Shelf, Volume, shelved

WITHOUT_SHORT = ((TEXT[TEXT.index("      short: {") : TEXT.index("    moves:")], ""),)
NOTHING_WON = (("label: {zh: 赢单, en: Won}, outcome: won", "label: {zh: 赢单, en: Won}, outcome: closed"),)
STATE = ("kind", "owner", "step", "next_step", "unmet", "unmet_published")


@cache
def drafts() -> tuple[PublishedPlaybook, ...]:
    """Drafts that ask otherwise, and drafts that do not have a stage, a path or an end that records stand in, are on or go to."""
    taking_away = [parse_playbook(changed(TEXT, *it), "measured.yaml") for it in (WITHOUT_SHORT, NOTHING_WON)]
    return tuple(
        replace(it, document=it.document.model_copy(update={"indices": {}}))
        for it in (*versions(), smaller(), *taking_away)
    )


def gate_state_differences(shelf: Shelf, number: int) -> list[str]:
    """What the engine and the oracle say differently: which records are open, where they go next, and what they lack under both.

    Every group of histories that are asked together is asked about another draft.
    """
    return [
        it
        for turn, alike in enumerate(alike_now(shelf), number)
        for it in _differing(alike, drafts()[turn % len(drafts())], SCOPES[turn % len(SCOPES)], shelf.moment)
    ]


def alike_now(shelf: Shelf) -> list[Shelf]:
    """The histories of a shelf in groups in which the same versions are in force at the moment of the last event of all."""
    groups: dict[str, list[Volume]] = {}
    for volume in shelf.volumes:
        effective = volume.published.at(shelf.moment).effective[NAME]
        told = [[it.document_json, repr(it.adopts), dict(it.scope)] for it in effective]
        groups.setdefault(json.dumps(told), []).append(volume)
    return [shelved(it.as_long for it in volumes) for volumes in groups.values()]


def _differing(
    shelf: Shelf, draft: PublishedPlaybook, scope: Mapping[str, tuple[str, ...]], moment: datetime
) -> list[str]:
    fields = draft.document.kinds["deal"].fields
    known = {name: it for name, it in scope.items() if "." in name or name in fields}
    # Where records stand is the same whichever decisions are asked about: the fewest.
    ask = Ask(Window(shelf.head() - 1, shelf.head()), known, draft, moment=moment, about=frozenset())
    answer = replayed(shelf.view(), shelf.playbooks, shelf.keys, ask)
    rows = answer.datasets["gate_state"].to_dicts()
    said = {row["record"]: {name: row[name] for name in STATE} for row in rows}
    assert len(said) == len(rows), "a record is told twice"
    right: dict[str, dict[str, Any]] = {}
    for volume in shelf.volumes:
        right |= oracle_gate_state.gate_state(
            volume.plain, plain_draft(draft), {name: list(it) for name, it in known.items()}, moment
        )
    return differing("state of", said, right)
