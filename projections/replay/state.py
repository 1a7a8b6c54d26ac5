"""What was recorded of the records of one partition, as far as rules ask, and how it stood at any position.

Values stay the JSON text of the log. What a version reads under another name or option is read so here, by its mappings,
as `domain.record.adoption` reads one record.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import polars as pl

from domain.playbook.published import KindMappings
from domain.values import SEALED
from projections.ledger.view import Partitions, View
from projections.replay.keyed import CODE, THERE, keyed, last_upto, wanted
from projections.replay.questions import Reading

IS_SEALED: Final = '{"' + SEALED + '"'
_EMPTY: Final = ('""', "[]")

OPENED: Final = pl.Schema({"position": pl.Int64(), "field": pl.String(), "opened": pl.String()})
"""Personal values that were opened: where they stand in the log, and their JSON; null: erased."""


@dataclass(frozen=True)
class Held:
    """What decisions find in a field: whether it was ever told (cleared is told), what stands in the log, that opened, whether it was erased."""

    told: pl.Series
    stored: pl.Series
    opened: pl.Series
    erased: pl.Series

    @property
    def is_filled(self) -> pl.Series:
        """Whether there is something; sealed or erased, it is there all the same."""
        stored = pl.lit(self.stored)
        filled = stored.is_not_null() & ~stored.is_in(list(_EMPTY))
        return pl.select(filled.fill_null(value=False)).to_series()


class State:
    """The recorded state of the records that are looked at. `rows` that ask have the columns `CODE`, `fields_upto` and `edits_of`."""

    def __init__(
        self,
        names: pl.DataFrame,
        changes: Mapping[str, pl.DataFrame],
        edits: Mapping[str, pl.DataFrame],
        unknown_names: Collection[str],
    ) -> None:
        self.names = names
        self.unknown_names = frozenset(unknown_names)
        self._changes = changes
        self._edits = edits
        self._erased = {
            name
            for tables in (changes, edits)
            for name, table in tables.items()
            if "erased" in table.columns and table.get_column("erased").any()
        }

    def held(self, name: str, reading: Reading, rows: pl.DataFrame) -> Held:
        """Return what a field held, as a version reads it."""
        return self._held(name, reading.levels, rows)

    def was_unknown(self, name: str, reading: Reading, rows: pl.DataFrame) -> pl.Series:
        """Tell whether it was said at the opening that nobody knows the value, and no value was told since."""
        return self._unknown(name, reading.levels, rows)

    def changed_since(self, name: str, reading: Reading, rows: pl.DataFrame, since: pl.Series) -> pl.Series:
        """Tell whether a field, as a version reads it, was given another value after a position; null positions were not."""
        return self._changed(name, reading.levels, rows, since)

    def may_be_erased(self, fields: Collection[str]) -> bool:
        """Tell whether anything these fields ever held was erased."""
        return not self._erased.isdisjoint(fields)

    def _held(self, name: str, levels: tuple[KindMappings, ...], rows: pl.DataFrame) -> Held:
        if not levels:
            return self._recorded(name, rows)
        told, below = levels[-1], levels[:-1]
        found = self._adopted(name, told, below, rows)
        return found if below else self._with_edits(name, found, rows)

    def _adopted(
        self, name: str, told: KindMappings, below: tuple[KindMappings, ...], rows: pl.DataFrame
    ) -> Held:
        olds = [old for old in sorted(told.fields) if told.fields[old] == name]
        own = _nothing(rows) if name in told.fields else _mapped(self._held(name, below, rows), told, name)
        if not olds:
            return own
        others = [_mapped(self._held(old, below, rows), told, old) for old in olds]
        columns = {
            f"{part}{number}": getattr(held, part)
            for number, held in enumerate([own, *others])
            for part in ("told", "stored", "opened", "erased")
        }

        def chosen(part: str) -> pl.Expr:
            answer: Any = pl.when(pl.col("told0")).then(pl.col(f"{part}0"))
            for number in range(1, len(others) + 1):
                answer = answer.when(pl.col(f"stored{number}").is_not_null()).then(pl.col(f"{part}{number}"))
            chosen_one: pl.Expr = answer.otherwise(pl.lit(value=False) if part == "erased" else None)
            return chosen_one.alias(part)

        parts = pl.DataFrame(columns).select(
            pl.any_horizontal(f"told{number}" for number in range(len(others) + 1)).alias("told"),
            chosen("stored"),
            chosen("opened"),
            chosen("erased"),
        )
        return _of(parts)

    def _recorded(self, name: str, rows: pl.DataFrame) -> Held:
        table = self._changes.get(name)
        if table is None or table.is_empty():
            return _nothing(rows)
        keys = wanted(rows, "fields_upto")
        if "opened" not in table.columns:
            found = last_upto(table, keys, "new")
            stored = found.get_column("new")
            return Held(found.get_column(THERE), stored, stored, pl.repeat(False, rows.height, eager=True))
        found = last_upto(table, keys, "new", "opened", "erased")
        return Held(
            found.get_column(THERE),
            found.get_column("new"),
            found.get_column("opened"),
            found.get_column("erased").fill_null(value=False),
        )

    def _with_edits(self, name: str, found: Held, rows: pl.DataFrame) -> Held:
        """A refused attempt brought edits along, under the names of the version that judged it."""
        edits = self._edits.get(name)
        if edits is None:
            return found
        both = rows.select("edits_of").join(
            edits, left_on="edits_of", right_on="position", how="left", maintain_order="left"
        )
        came = both.get_column("came").fill_null(value=False)
        if not came.any():
            return found
        return Held(
            found.told | came,
            both.get_column("new").zip_with(came, found.stored),
            both.get_column("opened").zip_with(came, found.opened),
            both.get_column("erased").fill_null(value=False).zip_with(came, found.erased),
        )

    def _unknown(self, name: str, levels: tuple[KindMappings, ...], rows: pl.DataFrame) -> pl.Series:
        nobody = pl.repeat(False, rows.height, eager=True)
        if not self.unknown_names:
            return nobody
        if not levels:
            if name not in self.unknown_names:
                return nobody
            listed = rows.get_column("unknown").list.contains(name).fill_null(value=False)
            return listed & ~self._recorded(name, rows).told
        told, below = levels[-1], levels[:-1]
        olds = [old for old in sorted(told.fields) if told.fields[old] == name]
        sources = olds if name in told.fields else [name, *olds]
        for source in sources:
            nobody = nobody | self._unknown(source, below, rows)
        return nobody & ~self._held(name, levels, rows).told if nobody.any() else nobody

    def _changed(
        self, name: str, levels: tuple[KindMappings, ...], rows: pl.DataFrame, since: pl.Series
    ) -> pl.Series:
        if not levels:
            table = self._changes.get(name)
            if table is None or table.is_empty():
                return pl.repeat(False, rows.height, eager=True)
            last = last_upto(table, wanted(rows, "fields_upto"), "position").get_column("position")
            return (last > since).fill_null(value=False)
        told, below = levels[-1], levels[:-1]
        olds = [old for old in sorted(told.fields) if told.fields[old] == name]
        changed = pl.repeat(False, rows.height, eager=True)
        for source in olds if name in told.fields else [name, *olds]:
            changed = changed | self._changed(source, below, rows, since)
        edits = None if below else self._edits.get(name)
        if edits is not None:
            came = rows.get_column("edits_of").is_in(edits.get_column("position").implode())
            changed = changed | (came.fill_null(value=False) & since.is_not_null())
        return changed


def changes_of(view: View, partition: Partitions, fields: Collection[str]) -> pl.DataFrame:
    """Read what fields were told to hold, and where."""
    return (
        view.scan("field_changes", partition=partition)
        .filter(pl.col("field").is_in(sorted(fields)))
        .select("record", "position", "field", "new")
        .collect()
    )


def state_of(
    view: View,
    partition: Partitions,
    names: pl.DataFrame,
    decisions: pl.DataFrame,
    fields: Collection[str],
    changes: pl.DataFrame,
    opened: pl.DataFrame,
) -> State:
    """Say what the fields of records held, at any position (`changes_of`), and what edits refused attempts brought along."""
    by_field = {
        str(field): table
        for (field,), table in keyed(changes, names, bare=True)
        .select("field", CODE, "#key", "position", "new")
        .partition_by("field", as_dict=True, maintain_order=True)
        .items()
    }
    edits = edits_of(decisions, fields)
    opened_by = {
        str(field): table.drop("field")
        for (field,), table in opened.partition_by("field", as_dict=True).items()
    }
    unknown = (
        view.scan("records", partition=partition)
        .select(pl.col("unknown").explode().drop_nulls().unique())
        .collect()
        .to_series()
    )
    told_unknown = [unknown, decisions.get_column("unknown").explode().drop_nulls().unique()]
    return State(
        names,
        {name: _opened(table, opened_by.get(name)) for name, table in by_field.items()},
        {
            str(field): _opened(table.drop("field"), opened_by.get(str(field)), always=True).with_columns(
                came=pl.lit(value=True)
            )
            for (field,), table in edits.partition_by("field", as_dict=True).items()
        },
        {name for column in told_unknown for name in column},
    )


def edits_of(decisions: pl.DataFrame, fields: Collection[str] | None = None) -> pl.DataFrame:
    """Take the edits refused attempts brought along apart: one row a field."""
    told = decisions.select("position", "edits").drop_nulls("edits")
    # Who is refused often tries again with the same: each different text is read once.
    apart = [
        (text, name, None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode())
        for text in told.get_column("edits").unique()
        for name, value in orjson.loads(text).items()
        if fields is None or name in fields
    ]
    schema = {"edits": pl.String(), "field": pl.String(), "new": pl.String()}
    read = pl.DataFrame(apart, schema=schema, orient="row")
    return told.join(read, on="edits", maintain_order="left_right").drop("edits")


def _opened(table: pl.DataFrame, opened: pl.DataFrame | None, *, always: bool = False) -> pl.DataFrame:
    """Put opened values beside sealed ones; what is sealed and was not opened is nothing a rule can read."""
    sealed = pl.col("new").str.starts_with(IS_SEALED).fill_null(value=False)
    if not always and not table.select(sealed.any()).item():
        return table
    if opened is None:
        opened = OPENED.to_frame().drop("field")
    beside = table.join(
        opened.with_columns(was_opened=pl.lit(value=True)), on="position", how="left", maintain_order="left"
    )
    return beside.with_columns(
        opened=pl.when(sealed).then("opened").otherwise("new"),
        erased=sealed & pl.col("was_opened").fill_null(value=False) & pl.col("opened").is_null(),
    ).drop("was_opened")


def _nothing(rows: pl.DataFrame) -> Held:
    none = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    no = pl.repeat(False, rows.height, eager=True)
    return Held(no, none, none, no)


def _of(parts: pl.DataFrame) -> Held:
    return Held(*(parts.get_column(name) for name in ("told", "stored", "opened", "erased")))


def _mapped(held: Held, told: KindMappings, name: str) -> Held:
    """Read options that are gone as the ones they were mapped to."""
    if name not in told.options:
        return held
    spelled = {
        text: _spelled(told, name, text)
        for column in (held.stored, held.opened)
        for text in column.unique().drop_nulls()
        if not text.startswith(IS_SEALED)
    }
    changed = {old: new for old, new in spelled.items() if old != new}
    if not changed:
        return held
    olds, news = list(changed), pl.Series(list(changed.values()), dtype=pl.String)
    return Held(held.told, held.stored.replace(olds, news), held.opened.replace(olds, news), held.erased)


def _spelled(told: KindMappings, name: str, text: str) -> str | None:
    value = told.value(name, orjson.loads(text))
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
