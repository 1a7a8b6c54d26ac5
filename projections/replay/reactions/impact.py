"""What a draft changes about reactions: the dataset, and its figures."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from domain.labels import Label
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from projections.replay.counted import counted

REACTIONS: Final = pl.Schema(
    {
        "position": pl.Int64(),
        "record": pl.String(),
        "kind": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "name": pl.String(),
        "verdict": pl.String(),
        "was": pl.String(),
        "would": pl.String(),
        "person_was": pl.String(),
        "person_would": pl.String(),
        "why": pl.String(),
        "cause": pl.Int64(),
        "topic": pl.String(),
        "playbook": pl.String(),
        "playbook_version": pl.Int64(),
    }
)
"""One row: a reaction that an event (`cause`, of a `topic`) set off, or would have. `position` is where it was noted first that it ran or failed; null:
it only would have run, or the worker had not come to it. `was` and `would` say what its steps ask for, `person_…` whom the first of them asks or tells
first, found as of the cause.
"""


def framed(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows as the dataset: the causes in the order of the log, the reactions to each by name."""
    return pl.DataFrame(list(rows), schema=REACTIONS).sort("cause", "name")


def impact_of(
    rows: Sequence[Mapping[str, Any]], draft: PublishedPlaybook, playbooks: Playbooks
) -> dict[str, Any]:
    """Count rows: in all, by reaction, by person, and by reason."""
    return counted(rows, draft, playbooks, _label)


def _label(version: PublishedPlaybook, kind: str, name: str) -> Label | None:
    reaction = version.reactions.get(kind, {}).get(name)
    return None if reaction is None else reaction.label
