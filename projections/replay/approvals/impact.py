"""What a draft changes about approvals: the dataset, and its figures."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from domain.labels import Label
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from projections.replay.counted import counted

APPROVALS: Final = pl.Schema(
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
        "approval": pl.String(),
        "request": pl.Int64(),
        "level": pl.String(),
        "role": pl.String(),
        "requested_by": pl.String(),
        "playbook": pl.String(),
        "playbook_version": pl.Int64(),
    }
)
"""One row: a role of a level that was asked (`position`), or would have been, in an approval that was requested (`request`); `name` is the chain.

`was` and `would` say who was asked, how many of the level must agree, in which order and within which time.
"""


def framed(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows as the dataset: the requests in the order of the log, the roles of each as they were asked."""
    found = pl.DataFrame(list(rows), schema=APPROVALS)
    return found.sort("request", maintain_order=True)


def impact_of(
    rows: Sequence[Mapping[str, Any]], draft: PublishedPlaybook, playbooks: Playbooks
) -> dict[str, Any]:
    """Count rows: in all, by chain, by person, and by reason."""
    return counted(rows, draft, playbooks, _label)


def _label(version: PublishedPlaybook, kind: str, name: str) -> Label | None:
    spec = version.document.kinds.get(kind)
    return None if spec is None or name not in spec.approvals else spec.approvals[name].label
