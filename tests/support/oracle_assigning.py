"""Assignment replayed, beside what the oracle finds in the same log."""

import json
from functools import cache
from typing import Any

from oracle import assignment as oracle

from domain.playbook.catalogue import as_if_published
from domain.playbook.published import PublishedPlaybook
from projections.replay import Ask, Window
from projections.replay.assignment import replay_assignment
from projections.replay.subject import Subject
from support.leads import NO_FALLBACK, leads_playbook
from support.oracle_adapter import plain_draft, plain_events
from support.pool_histories import (
    ALL_BY_RATE,
    ANY_REGION,
    BY_PERSON,
    BY_ROLE,
    IN_TURN,
    KEY_FIRST,
    ONE_A_DAY,
    TIGHT,
    Company,
    play,
)
from support.replaying import view_of

COMPARED = ("position", "record", "name", "at", "verdict", "was", "would", "person_was", "person_would")


DRAFTS = (
    (NO_FALLBACK, *TIGHT), ONE_A_DAY, TIGHT, BY_ROLE, ANY_REGION, ALL_BY_RATE, (NO_FALLBACK, ("capacity: 60", "capacity: 1")), KEY_FIRST, BY_PERSON, IN_TURN,
)  # fmt: skip
"""What is asked about: most let fewer people in than the log did, so that records wait in the world of the draft alone."""


@cache
def compared(seed: int) -> tuple[Company, PublishedPlaybook, int]:
    """A history, the draft it is asked about, and where the window begins. Every other one keeps to one wide version, so that most is the draft's doing."""
    played = play(seed, 36) if seed % 2 else play(seed, 36, first=(NO_FALLBACK,), publishing=False)
    after = played.company.log.head() // 3 if seed % 3 == 0 else 0
    return played.company, leads_playbook(*DRAFTS[seed % len(DRAFTS)]), after


def told_of(company: Company) -> list[dict[str, Any]]:
    """The log as the oracle reads it, with what made the worker search."""
    recorded = company.log.read(1, company.log.head())
    return [
        {**plain, "cause": int(event.causation_id or 0)}
        for plain, event in zip(plain_events(recorded, company.vault), recorded, strict=True)
    ]


def assigned(
    company: Company, draft: PublishedPlaybook | None = None, *, after: int = 0, partitions: int = 3, **about: Any
) -> Subject:  # fmt: skip
    """What a replay says of the assignment of a company."""
    view, playbooks = view_of(company.log, partitions=partitions), company.playbooks
    drafted = None if draft is None else as_if_published(playbooks, draft)
    ask = Ask(Window(after, view.position), about.pop("scope", {}), drafted)
    return replay_assignment(view, playbooks, company.vault, ask, **about)


def differences(company: Company, draft: PublishedPlaybook, after: int = 0) -> list[str]:
    """What the replay and the oracle say differently: the law, and every search of the draft in its order."""
    events, window = told_of(company), (after, company.log.head())
    found = assigned(company, draft, after=after)
    law = oracle.law(events, "lead", window)
    mine = {
        "decisions": found.law.decisions,
        "reproduced": found.law.reproduced,
        "different": found.law.different,
    }
    wrong = [] if mine == law else [f"the law: {mine}, not {law}"]
    rows = found.datasets["assignment"].to_dicts()
    expected = oracle.drafted(events, "lead", plain_draft(draft), window)
    for number in range(max(len(rows), len(expected))):
        row = _compared(rows[number]) if number < len(rows) else None
        other = _expected(expected[number]) if number < len(expected) else None
        if row != other:
            wrong.append(f"search {number}: {row}, not {other}")
    return wrong


def _compared(row: dict[str, Any]) -> dict[str, Any]:
    why = row["why"] if row["verdict"] == "gone" else None
    return {name: row[name] for name in COMPARED} | {
        "left_out": why,
        "candidates": json.loads(row["candidates_would"] or "[]"),
    }


def _expected(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in COMPARED} | {
        "left_out": row["left_out"],
        "candidates": row["candidates_would"],
    }


def verdicts(found: Subject) -> dict[str, int]:
    """How many rows of each verdict there are."""
    rows = found.datasets["assignment"].group_by("verdict").len().sort("verdict")
    return dict(rows.iter_rows())
