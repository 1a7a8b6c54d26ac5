"""Which decisions a scope is about: by what the record held before the command, and where its owner stood, as of the decision."""

from typing import Any

import orjson
import polars as pl

from domain.playbook.published import OWNER_REGION, Scope
from projections.replay.judging import Grounds
from projections.replay.keyed import KEY
from projections.replay.questions import Reading
from projections.replay.rulebook import Rulebook, mappings_of


def reading_of(rulebook: Rulebook, playbook: str | None, version: int | None, kind: str) -> Reading | None:
    """Say how what was decided under a version is read: through its mappings, then through the draft's."""
    then = rulebook.versions.get((playbook or "", version or 0))
    if then is None:
        return None
    levels = [mappings_of(then, kind)]
    if rulebook.draft is not None and rulebook.judges(playbook):
        levels.append(mappings_of(rulebook.draft, kind))
    return Reading.of(*levels)


def within(rows: pl.DataFrame, scope: Scope, rulebook: Rulebook, grounds: Grounds) -> pl.DataFrame:
    """Keep the decisions on records that are in the scope as of then, as the draft reads them."""
    if not scope:
        return rows
    kept = []
    for (playbook, version, kind), group in rows.partition_by(
        ["playbook", "playbook_version", "kind"], as_dict=True, maintain_order=True
    ).items():
        reading = reading_of(rulebook, playbook, version, kind)
        if reading is None:
            continue
        kept.append(group.filter(in_scope(_before_the_command(group), scope, reading, grounds)))
    return pl.concat(kept).sort(KEY) if kept else rows.clear()


def _before_the_command(rows: pl.DataFrame) -> pl.DataFrame:
    """A publication's scope is asked of the record as it was before the command, so what a command brings along does not count.

    What is opened, or was to be, was nothing before: it is what its command says.
    """
    is_there = pl.col("before").is_not_null()
    return rows.with_columns(
        fields_upto=pl.when(is_there).then(pl.col("began") - 1).otherwise("fields_upto"),
        edits_of=pl.when(~is_there).then("edits_of"),
    )


def in_scope(rows: pl.DataFrame, scope: Scope, reading: Reading, grounds: Grounds) -> pl.Series:
    """Tell which records are in a scope, as a version reads them."""
    inside = pl.repeat(True, rows.height, eager=True)
    for name, options in sorted(scope.items()):
        inside = inside & _holds(rows, name, frozenset(options), reading, grounds)
    return inside


def _holds(
    rows: pl.DataFrame, name: str, options: frozenset[str], reading: Reading, grounds: Grounds
) -> pl.Series:
    if "." in name:
        stood = grounds.organised.stood(rows.get_column("owner"), rows.get_column("basis"))
        place = stood.get_column("region" if name == OWNER_REGION else "team")
        return place.is_in(sorted(options)).fill_null(value=False)
    held = grounds.state.held(name, reading, rows).opened
    fits = [text for text in held.unique().drop_nulls() if _values(text) & options]
    return held.is_in(fits).fill_null(value=False)


def _values(text: str) -> set[Any]:
    value = orjson.loads(text)
    return set(value) if isinstance(value, list) else {value} if isinstance(value, str) else set()
