"""What a draft changes about deadlines, counted; each number is as many rows of the dataset."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from domain.deadlines.limits import called
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from projections.replay.subject import VERDICTS

_MOMENT: Final = pl.Datetime("us", "UTC")
_PEOPLE: Final = pl.List(pl.String())
_RUNGS: Final = pl.List(pl.Int64())

DEADLINES: Final = pl.Schema(
    {
        "position": pl.Int64(),
        "record": pl.String(),
        "kind": pl.String(),
        "at": _MOMENT,
        "name": pl.String(),
        "verdict": pl.String(),
        "was": pl.String(),
        "would": pl.String(),
        "person_was": pl.String(),
        "person_would": pl.String(),
        "why": pl.String(),
        "subject": pl.String(),
        "armed_at": pl.Int64(),
        "rung": pl.Int64(),
        "repeat": pl.Int64(),
        "due_was": _MOMENT,
        "due_would": _MOMENT,
        "noticed_would": _MOMENT,
        "told_was": _PEOPLE,
        "told_would": _PEOPLE,
        "skipped_was": _RUNGS,
        "skipped_would": _RUNGS,
        "playbook": pl.String(),
        "playbook_version": pl.Int64(),
    }
)
"""One row: a firing that was noticed (`position`), or would have been. `at` is when; `was` and `would` are the moments it was due, `told_…` everybody who is
told, `person_…` the first of them. What nobody can say of a record at all is a row without a rung.
"""

_ORDER: Final = ("at", "record", "name", "subject", "armed_at", "rung", "repeat", "position")


def framed(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows as the dataset, in the order of time; what has no moment comes last."""
    return pl.DataFrame(list(rows), schema=DEADLINES).sort(_ORDER, nulls_last=True)


def impact_of(
    rows: Sequence[Mapping[str, Any]], draft: PublishedPlaybook, playbooks: Playbooks
) -> dict[str, Any]:
    """Count rows: in all, by deadline, by whoever is told, and by reason."""
    counts = Counter(row["verdict"] for row in rows)
    return {
        "totals": {"judged": len(rows), **{verdict: counts[verdict] for verdict in VERDICTS}},
        "rules": _rules(rows, draft, playbooks),
        "people": _people(rows),
        "why": [
            {"why": why, "count": count}
            for why, count in sorted(_whys(rows).items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _whys(rows: Iterable[Mapping[str, Any]]) -> Counter[str]:
    return Counter(row["why"] for row in rows if row["why"] is not None)


def _rules(
    rows: Iterable[Mapping[str, Any]], draft: PublishedPlaybook, playbooks: Playbooks
) -> list[dict[str, Any]]:
    """One entry a deadline of a kind: `was` those that were noticed, `would` those that would have been."""
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
            found.items(), key=lambda item: (-sum(item[1][it] for it in ("gone", "new", "changed")), item[0])
        )
    ]


def _label(kind: str, name: str, draft: PublishedPlaybook, playbooks: Playbooks) -> dict[str, str] | None:
    """What a deadline is called: by the draft, else by the newest version that knows it."""
    versions = [version for _, version in sorted(playbooks.versions.items(), reverse=True)]
    for version in [draft, *versions]:
        spec = version.document.kinds.get(kind)
        words = None if spec is None else called(spec, name)
        if words is not None:
            return {"zh": words[0].zh, "en": words[0].en}
    return None


def _people(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many firings each person is told of, now and then; whoever is told second is told as well."""
    was: Counter[str] = Counter()
    would: Counter[str] = Counter()
    for row in rows:
        was.update(row["told_was"])
        would.update(row["told_would"])
    return [
        {"person": person, "was": was[person], "would": would[person]}
        for person in sorted(was.keys() | would.keys(), key=lambda who: (-abs(would[who] - was[who]), who))
    ]
