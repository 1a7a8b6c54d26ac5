"""What a draft changes about a subject, counted from the rows of its dataset: each number is as many of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from domain.labels import Label
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from projections.replay.subject import CHANGES, VERDICTS

Labelled: TypeAlias = Callable[[PublishedPlaybook, str, str], Label | None]
"""What a version calls something of a kind by its name; None where it has no such thing."""


def counted(
    rows: Sequence[Mapping[str, Any]], draft: PublishedPlaybook, playbooks: Playbooks, label: Labelled
) -> dict[str, Any]:
    """Count rows: in all, by what they are about, by person, and by reason. A name is called as the draft does, else as the newest version that has it."""
    versions = [draft, *(version for _, version in sorted(playbooks.versions.items(), reverse=True))]
    counts = Counter(row["verdict"] for row in rows)
    whys = Counter(row["why"] for row in rows if row["why"] is not None)
    return {
        "totals": {"judged": len(rows), **{verdict: counts[verdict] for verdict in VERDICTS}},
        "rules": _rules(rows, versions, label),
        "people": _people(rows),
        "why": [
            {"why": why, "count": count}
            for why, count in sorted(whys.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _rules(
    rows: Iterable[Mapping[str, Any]], versions: Sequence[PublishedPlaybook], label: Labelled
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
            "label": _called(kind, name, versions, label),
            **{count: counts[count] for count in ("was", "would", "gone", "new", "changed", "not_judgeable")},
        }
        for (kind, name), counts in sorted(
            found.items(), key=lambda item: (-sum(item[1][it] for it in CHANGES), item[0])
        )
    ]


def _called(
    kind: str, name: str, versions: Iterable[PublishedPlaybook], label: Labelled
) -> dict[str, str] | None:
    found = next((told for version in versions if (told := label(version, kind, name)) is not None), None)
    return None if found is None else {"zh": found.zh, "en": found.en}


def _people(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    was = Counter(row["person_was"] for row in rows if row["person_was"] is not None)
    would = Counter(row["person_would"] for row in rows if row["person_would"] is not None)
    return [
        {"person": person, "was": was[person], "would": would[person]}
        for person in sorted(was.keys() | would.keys(), key=lambda who: (-abs(would[who] - was[who]), who))
    ]
