"""The answer in rows and figures: each search beside what the draft would have found, who gains and who loses, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
import polars as pl

from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from domain.values import Stored
from projections.replay.assignment.drafted import Row
from projections.replay.assignment.told import Deed
from projections.replay.subject import VERDICTS

NAME: Final = "assignment"

_MOMENT = pl.Datetime("us", "UTC")
ASSIGNMENT: Final = pl.Schema(
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
        "nobody_was": pl.Boolean(),
        "nobody_would": pl.Boolean(),
        "rule_was": pl.String(),
        "rule_would": pl.String(),
        "pool_would": pl.String(),
        "because": pl.String(),
        "owned_by": pl.String(),
        "chosen": pl.String(),
        "passed_over": pl.String(),
        "candidates_was": pl.String(),
        "candidates_would": pl.String(),
        "unknown": pl.List(pl.String()),
    }
)
"""One row: a search for an owner that was made (`position`), or only would be (no position). `name` is the pool.

`was` and `would` say who got the record, `nobody`, or the pool it was passed on to (`pool …`); they are null where there was or would be no
search. `chosen` is what the chosen person was judged by under the draft, `passed_over` what whoever got it was judged by there, each the
JSON of a candidate; `candidates_…` list everybody. What is not judgeable stays as recorded, and `unknown` names the fields it hangs on.
`why` says of a change why whoever got the record would not (as a candidate is passed over), `was …` why whoever would get it did not,
`passed on`, or why there would be a search or none. `owned_by` is whose the record would be already.
"""


def rows_of(found: Iterable[Row], kind: str, playbooks: Playbooks) -> list[dict[str, Any]]:
    """Put searches into the shape of the dataset."""
    return [_row(row, kind, playbooks) for row in found]


def framed(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Turn rows into columns, in the order in which searches are made."""
    return pl.DataFrame(rows, schema=ASSIGNMENT, orient="row")


def _row(row: Row, kind: str, playbooks: Playbooks) -> dict[str, Any]:
    deed, found = row.was, row.found
    told = None if deed is None else deed.outcome
    is_judged = not row.unknown
    was = None if deed is None else _said(told.person if told else None, _passed_to(deed, playbooks))
    would, person_would, rule_would = None, None, None
    if not is_judged and told is not None:
        would, person_would, rule_would = was, told.person, told.rule
    elif found is not None:
        would, person_would, rule_would = _said(found.person, row.passed_to), found.person, found.rule
    person_was = told.person if told is not None else None
    before = list(told.candidates) if told is not None else []
    after: list[Stored] = found.candidates if found is not None else []
    verdict = _verdict(row, was, would)
    return {
        "position": None if deed is None else deed.position,
        "record": row.record,
        "kind": kind,
        "at": row.at,
        "name": deed.pool if deed is not None else row.pool,
        "verdict": verdict,
        "was": was,
        "would": would,
        "person_was": person_was,
        "person_would": person_would,
        "why": _why(row, verdict, person_was, person_would),
        "nobody_was": was == NOBODY,
        "nobody_would": would == NOBODY,
        "rule_was": told.rule if told is not None else None,
        "rule_would": rule_would,
        "pool_would": row.pool if is_judged else (deed.pool if deed is not None else None),
        "because": row.because if found is not None else None,
        "owned_by": row.owned_by,
        "chosen": _text(_candidate(after, person_would)),
        "passed_over": _text(_candidate(after, person_was)) if person_was != person_would else None,
        "candidates_was": _text(before),
        "candidates_would": _text(after),
        "unknown": [*row.unknown],
    }


NOBODY: Final = "nobody"


def _said(person: str | None, passed_to: str | None) -> str:
    return person or (NOBODY if passed_to is None else f"pool {passed_to}")


def _passed_to(deed: Deed, playbooks: Playbooks) -> str | None:
    """The pool a recorded search passed the record on to, as the version it names has it."""
    if deed.outcome is None or not deed.outcome.is_passed_on:
        return None
    version = playbooks.versions.get((deed.playbook or "", deed.playbook_version or 0))
    pool = None if version is None else version.document.pools.get(deed.pool)
    return None if pool is None or pool.fallback is None else pool.fallback.pool


def _verdict(row: Row, was: str | None, would: str | None) -> str:
    if row.unknown:
        return "not_judgeable"
    if row.was is None:
        return "new"
    if row.found is None:
        return "gone"
    return "unchanged" if was == would else "changed"


def _why(row: Row, verdict: str, person_was: str | None, person_would: str | None) -> str | None:
    match verdict:
        case "not_judgeable":
            return "erased" if row.unknown == ("erased",) else "not known then"
        case "gone":
            return row.left_out
        case "new":
            return row.because
        case "changed":
            pass
        case _:
            return None
    assert row.was is not None
    assert row.was.outcome is not None
    assert row.found is not None
    if person_was is not None:
        return _reason(row.found.candidates, person_was)
    if row.passed_to is not None:
        return "passed on"
    if person_would is None:
        return "not passed on"
    return "fallback" if row.found.fallback else f"was {_reason(row.was.outcome.candidates, person_would)}"


def _reason(candidates: Sequence[Stored], person: str) -> str:
    found = _candidate(candidates, person)
    return "not a candidate" if found is None else str(found["why"])


def _candidate(candidates: Sequence[Stored], person: str | None) -> dict[str, Any] | None:
    """How somebody was judged last; by several rules, the last one that looked at them says it."""
    for told in reversed(candidates):
        if isinstance(told, dict) and told.get("person") == person:
            return told
    return None


def _text(told: object) -> str | None:
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode() if told else None


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def impact_of(
    rows: Sequence[Mapping[str, Any]], draft: PublishedPlaybook, playbooks: Playbooks
) -> dict[str, Any]:
    """Count rows: in all, by pool, by person (None: nobody), and by reason. Each figure is a number of rows of the dataset."""
    counts = Counter(row["verdict"] for row in rows)
    whys = Counter(row["why"] for row in rows if row["why"] is not None)
    return {
        "totals": {"judged": len(rows), **{verdict: counts[verdict] for verdict in VERDICTS}},
        "rules": _by_pool(rows, draft, playbooks),
        "people": _people(rows),
        "why": [
            {"why": why, "count": count}
            for why, count in sorted(whys.items(), key=lambda item: (-item[1], item[0]))
        ],
        "nobody": {
            "was": sum(row["nobody_was"] for row in rows),
            "would": sum(row["nobody_would"] for row in rows),
        },
    }


def _by_pool(
    rows: Sequence[Mapping[str, Any]], draft: PublishedPlaybook, playbooks: Playbooks
) -> list[dict[str, Any]]:
    labels = _labels(draft, playbooks)
    found = []
    for name in sorted({row["name"] for row in rows}):
        mine = [row for row in rows if row["name"] == name]
        verdicts = Counter(row["verdict"] for row in mine)
        found.append(
            {
                "name": name,
                "label": labels.get(name),
                "was": sum(row["was"] is not None for row in mine),
                "would": sum(row["would"] is not None for row in mine),
                **{verdict: verdicts[verdict] for verdict in ("gone", "new", "changed", "not_judgeable")},
            }
        )
    return found


def _labels(draft: PublishedPlaybook, playbooks: Playbooks) -> dict[str, Any]:
    versions = [version for _, version in sorted(playbooks.versions.items()) if version.name == draft.name]
    return {
        name: pool.label.model_dump()
        for version in (*versions, draft)
        for name, pool in version.document.pools.items()
    }


def _people(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many searches each person was found by, and would be; nobody is one of them, where somebody or nobody is all there is to find."""
    was = Counter(row["person_was"] for row in rows if row["person_was"] or row["nobody_was"])
    would = Counter(row["person_would"] for row in rows if row["person_would"] or row["nobody_would"])
    people = [{"person": person, "was": was[person], "would": would[person]} for person in {*was, *would}]
    return sorted(
        people, key=lambda row: (-abs(row["would"] - row["was"]), row["person"] is None, row["person"] or "")
    )
