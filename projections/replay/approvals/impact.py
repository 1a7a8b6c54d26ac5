"""What a draft changes about approvals, counted; each number is as many rows of the dataset."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from projections.replay.subject import CHANGES, VERDICTS

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
    counts = Counter(row["verdict"] for row in rows)
    whys = Counter(row["why"] for row in rows if row["why"] is not None)
    return {
        "totals": {"judged": len(rows), **{verdict: counts[verdict] for verdict in VERDICTS}},
        "rules": _rules(rows, draft, playbooks),
        "people": _people(rows),
        "why": [
            {"why": why, "count": count}
            for why, count in sorted(whys.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _rules(
    rows: Iterable[Mapping[str, Any]], draft: PublishedPlaybook, playbooks: Playbooks
) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        counted = found.setdefault((row["kind"], row["name"]), Counter())
        counted[row["verdict"]] += 1
        counted["was"] += row["was"] is not None
        counted["would"] += row["would"] is not None
    return [
        {
            "name": name,
            "kind": kind,
            "label": _label(kind, name, draft, playbooks),
            **{count: counts[count] for count in ("was", "would", "gone", "new", "changed", "not_judgeable")},
        }
        for (kind, name), counts in sorted(
            found.items(), key=lambda item: (-sum(item[1][it] for it in CHANGES), item[0])
        )
    ]


def _label(kind: str, name: str, draft: PublishedPlaybook, playbooks: Playbooks) -> dict[str, str] | None:
    """What a chain is called: by the draft, else by the newest version that has it."""
    versions = [version for _, version in sorted(playbooks.versions.items(), reverse=True)]
    for version in [draft, *versions]:
        spec = version.document.kinds.get(kind)
        if spec is not None and name in spec.approvals:
            return {"zh": spec.approvals[name].label.zh, "en": spec.approvals[name].label.en}
    return None


def _people(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    was = Counter(row["person_was"] for row in rows if row["person_was"] is not None)
    would = Counter(row["person_would"] for row in rows if row["person_would"] is not None)
    return [
        {"person": person, "was": was[person], "would": would[person]}
        for person in sorted(was.keys() | would.keys(), key=lambda who: (-abs(would[who] - was[who]), who))
    ]
