"""What a replay found beside gates, as somebody may see it: firings, approvals, assignments and reactions that would have been otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import polars as pl

from domain.naming import nearest
from domain.refusals import NotFound
from domain.values import moment_text
from projections.as_of import Horizon
from projections.cursors import Cursor
from projections.errors import InvalidQuery
from projections.footing import Footing
from projections.lens import Visible
from projections.lists import Ask
from projections.replay.subject import CHANGES, VERDICTS
from projections.replay_answers import words_of
from projections.replay_jobs import Replays, result_of


@dataclass(frozen=True, slots=True)
class SubjectCases:
    """Which rows of a subject: each condition that is given must hold.

    `name` is the deadline, the chain, the pool or the reaction; `person` whoever it was or would have been.
    """

    verdict: tuple[str, ...] = ()
    name: str | None = None
    person: str | None = None
    record: str | None = None
    why: str | None = None

    @property
    def words(self) -> list[object]:
        """What a cursor is bound to."""
        return [getattr(self, item.name) for item in fields(self)]

    def of(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows that are meant, as they stand in the dataset. Raises InvalidQuery."""
        if self.verdict:
            rows = rows.filter(pl.col("verdict").is_in(_verdicts(self.verdict)))
        if self.person is not None:
            one = pl.lit(self.person)
            found = pl.col("person_was").eq_missing(one) | pl.col("person_would").eq_missing(one)
            # Of a deadline several may be told; the columns of one person name the first of them.
            for several in {"told_was", "told_would"} & set(rows.collect_schema().names()):
                found |= pl.col(several).list.contains(self.person)
            rows = rows.filter(found)
        for column in ("name", "record", "why"):
            wanted = getattr(self, column)
            if wanted is not None:
                rows = rows.filter(pl.col(column) == wanted)
        return rows


def subject_cases(
    footing: Footing, replays: Replays, name: str, subject: str, ask: Ask, cases: SubjectCases
) -> Visible:
    """Show the rows behind a number of a subject. Raises NotFound, NotDone, InvalidQuery."""
    job, kept = result_of(replays, name)
    known = [told["name"] for told in replays.store.impact(kept).get("subjects", ())]
    if subject not in known:
        raise NotFound("subject of this replay", subject, nearest(subject, known))
    question = ["subject", job.id, subject, *cases.words]
    cursor = Cursor.read(ask.cursor, question)
    skip = cursor.skip if cursor is not None else 0
    words, bounded = words_of(footing, replays, job), Horizon(position=job.position)
    rows = cases.of(replays.store.scan(kept, subject))
    total = rows.select(pl.len()).collect().item()
    page = rows.slice(skip, ask.limit).collect().to_dicts()
    people = {row[who] for row in page for who in ("person_was", "person_would") if row[who]}
    names = footing.names(words.lens, [*people, *(row["record"] for row in page)], bounded)
    items = [words.lens.figures(**_shown(row, names)) for row in page]
    following = Cursor(job.position, skip + len(page)).text(question) if skip + len(page) < total else None
    return words.lens.page(
        items, next=following, total=total, replay=job.id, subject=subject, **footing.about(bounded)
    )


def _shown(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        **{name: _plain(value) for name, value in row.items()},
        "record_name": names.get(row["record"]),
        "person_was_name": names.get(row["person_was"] or ""),
        "person_would_name": names.get(row["person_would"] or ""),
    }


def _plain(value: Any) -> Any:
    return moment_text(value) if isinstance(value, datetime) else value


def _verdicts(asked: tuple[str, ...]) -> list[str]:
    known = (*VERDICTS, "differs")
    if set(asked) - set(known):
        raise InvalidQuery.of("verdict", f"a verdict is one of {', '.join(known)}")
    found = set(asked) | (set(CHANGES) if "differs" in asked else set())
    return sorted(found - {"differs"})
