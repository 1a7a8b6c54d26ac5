"""Where cases come from: the ledger's rows of one partition, under the names the reading playbook has for them."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from domain.playbook.measuring import Happening
from projections.ledger.tables import MOMENT
from projections.ledger.view import View
from projections.metrics.asking import AS_OF, Ask
from projections.metrics.kept import Kept, scanned
from projections.metrics.nearest import NUMBER, SINCE
from projections.metrics.reading import Reading

MOMENT_OF = "#moment"
"""Which of the moments asked about a case is of: its place among them."""

_STOOD = ("entered_recorded_at", "left_recorded_at")


@dataclass(frozen=True, slots=True)
class At:
    """A moment cases are asked about, by its name; `place` counts the moments that are over, and those that are not share the last one.

    The log never goes back in time, so what was recorded before a moment is the log up to a position.
    """

    name: str
    moment: datetime
    is_over: bool
    place: int


@dataclass(frozen=True)
class Source:
    """Some partitions of a view, read for one question that was checked."""

    view: View
    partitions: Sequence[int]
    reading: Reading
    ask: Ask
    kept: Kept | None = None
    """Where rows are kept that other questions need, too; without it each question reads what it needs and no more."""
    records: pl.DataFrame | None = None
    """The records that matter to what happened, by number (`nearest.numbered`); None: all."""

    def among(self, records: pl.DataFrame) -> "Source":
        """Return the same, looking at what happened to some records only."""
        return replace(self, records=records)

    def scan(self, table: str) -> pl.LazyFrame:
        """Return the rows of the kind, as they were recorded."""
        if self.kept is not None and table in ("visits", "owners", "touches"):
            return self.kept.of(table)
        return scanned(self.view, self.partitions, table, self.reading.kind_name)

    def scan_fields(self, table: str, fields: Collection[str]) -> pl.LazyFrame:
        """Return the rows of changes or confirmations that are about some fields, by the names they were recorded under."""
        is_kept = self.kept is not None and self.reading.measured_fields.issuperset(fields)
        rows = self.kept.of(table) if self.kept and is_kept else self.scan(table)
        return rows.filter(pl.col("field").is_in(list(fields)))

    def once(self, what: Hashable, find: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """Return what other questions to the same rows find, too; `what` names it and all it depends on beside the rows."""
        return find() if self.kept is None else self.kept.once(what, find)

    def parameter(self, name: str) -> Any:
        """Return a parameter; None where it was not told and has no default."""
        return self.ask.parameters.get(name)

    def in_period(self, moment: str) -> pl.Expr:
        """Tell which rows belong to the period asked for; without one all do, those at an unknown moment too."""
        period = self.ask.period
        return pl.lit(value=True) if period is None else period.holds(pl.col(moment))

    @property
    def now(self) -> pl.Expr:
        """The moment the answer speaks of."""
        return pl.lit(self.reading.now)

    @property
    def moments(self) -> list[At]:
        """The moments that are asked about, the earliest first; none: it is the one the answer speaks of."""
        now = self.reading.now
        over = sorted({end for _, end in self.ask.moments if end <= now})
        found = [
            At(name, min(end, now), end <= now, over.index(end) if end <= now else len(over))
            for name, end in self.ask.moments
        ]
        return sorted(found, key=lambda at: at.place)

    def open_at_moments(self) -> pl.LazyFrame:
        """Return the open records as they stood at each moment that is asked about: `record`, `kind`, `position` of the visit, `path`, `move`, `step`.

        `moment` is the moment, MOMENT_OF its place, and AS_OF its name, where the question names some.
        """
        reading = self.reading
        columns = ["record", "kind", "position", "path", "move", "step"]
        visits = self.scan("visits").with_columns(step=reading.step(pl.col("step")))
        is_open, stays = reading.ends_in(pl.col("step"), "open"), pl.col("left_position").is_null()
        place = pl.lit(0, pl.Int64()).alias(MOMENT_OF)
        if not self.ask.moments:
            return visits.filter(is_open, stays).select(*columns, place, moment=self.now)
        times = _STOOD if any(at.is_over for at in self.moments) else ()
        stood = visits.filter(is_open).select(*columns, "left_position", *times).collect().lazy()
        entered, left = (pl.col(column) for column in _STOOD)
        found = []
        for at in self.moments:
            is_there = (entered < at.moment) & (stays | (left >= at.moment)) if at.is_over else stays
            place = pl.lit(at.place, pl.Int64()).alias(MOMENT_OF)
            about = {AS_OF: pl.lit(at.name), "moment": pl.lit(at.moment, MOMENT)}
            found.append(stood.filter(is_there).select(*columns, place, **about))
        return pl.concat(found)

    def visits(self) -> pl.LazyFrame:
        """Return the visits; `entry` counts those of the step as it is named now."""
        reading, rows = self.reading, self.scan("visits")
        if not reading.adopts.stages:
            return rows
        renamed = rows.with_columns(
            step=reading.step(pl.col("step")),
            before=reading.step(pl.col("before")),
            next_step=reading.step(pl.col("next_step")),
        )
        return renamed.with_columns(
            entry=pl.col("position").rank("ordinal").over("record", "step").cast(pl.Int64)
        )

    def standing(self) -> pl.LazyFrame:
        """Return where each record stands: `record`, `kind`, `position` and `entered_at` of the visit, `step`, `path`, `outcome`."""
        step = self.reading.step(pl.col("step"))
        return (
            self.scan("visits")
            .filter(pl.col("left_position").is_null())
            .select("record", "kind", "position", "entered_at", "path", step=step)
            .with_columns(outcome=self.reading.outcome(pl.col("step")))
        )

    def touches(self) -> pl.LazyFrame:
        """Return the touches as they are known, each at the position it was first noted at; what only lists of cases tell is not kept."""
        told = [] if self.kept is not None else ["touch", "contact", "actor"]
        return (
            self.scan("touches")
            .filter(pl.col("until").is_null())
            .select("record", "kind", "touch_kind", "at", *told, position="noted")
        )

    def evidence(self) -> pl.LazyFrame:
        """Return the pieces of evidence, under the names their fields have now."""
        field = self.reading.evidence_field(pl.col("field"))
        return self.scan("evidence").select(
            "record", "kind", "position", "at", "evidence", "actor", evidence_field=field
        )

    def changes(self, *fields: str) -> pl.LazyFrame:
        """Return how fields changed: `record`, `field`, `position`, `at`, `recorded_at`, `at_opening` and the value `new`, as JSON text with the options of now.

        Where several recorded fields have become one and changed at once, its own name counts, else the first of the others.
        """
        reading = self.reading
        recorded = {
            name: (field, rank)
            for field in fields
            for rank, name in enumerate(reading.recorded_fields(field))
        }
        rows = self.scan_fields("field_changes", list(recorded))
        value = pl.col("new")
        for name in recorded:
            if name in reading.adopts.options:
                value = pl.when(pl.col("field") == name).then(reading.value(name, value)).otherwise(value)
        found = rows.select("record", "field", "position", "at", "recorded_at", "at_opening", new=value)
        if len(recorded) == len(fields):
            return found
        ranks = {name: rank for name, (_, rank) in recorded.items()}
        names = {name: field for name, (field, _) in recorded.items()}
        key = ["record", "position", "field"]
        return (
            found.with_columns(
                pl.col("field").replace(names),
                _rank=pl.col("field").replace_strict(ranks, return_dtype=pl.Int32()),
            )
            .sort(*key, "_rank")
            .unique(key, keep="first", maintain_order=True)
            .drop("_rank")
        )

    def values(self, field: str) -> pl.LazyFrame:
        """Return the value a field has: `record`, `position` of its last change, and `new`."""
        return last_of(self.changes(field).select("record", "position", "new"), "record")

    def happened(self, happenings: Sequence[Happening]) -> pl.LazyFrame:
        """Return when each of some things happened: `record`, `position`, `at`, in `what` its number among them.

        Of a source of some records (`among`), NUMBER stands instead of `record`, and what happened before SINCE is left out.
        Every table is read once, whatever is asked of it.
        """
        among = self.records

        def of_them(rows: pl.LazyFrame) -> pl.LazyFrame:
            if among is None:
                return rows
            return rows.join(among.lazy(), on="record").filter(pl.col("position") >= pl.col(SINCE))

        numbered = list(enumerate(happenings))
        by_kind = [(what.touch, number) for number, what in numbered if what.touch not in (None, "any")]
        any_kind = [number for number, what in numbered if what.touch == "any"]
        pieces = [(what.evidence, number) for number, what in numbered if what.evidence is not None]
        entries = [(what.enters, number) for number, what in numbered if what.enters is not None]
        changed = [(what.field, number) for number, what in numbered if what.field is not None]
        parts: list[pl.LazyFrame] = []
        touches = of_them(self.touches().select("record", "position", "at", "touch_kind"))
        if by_kind:
            parts.append(_tagged(touches, "touch_kind", by_kind))
        parts += [touches.with_columns(what=pl.lit(number, pl.Int64())) for number in any_kind]
        if pieces:
            parts.append(_tagged(of_them(self.evidence()), "evidence_field", pieces))
        if entries:
            visits = self.visits().select("record", "position", "step", at="entered_at")
            parts.append(_tagged(of_them(visits), "step", entries))
        if changed:
            fields = dict.fromkeys(str(field) for field, _ in changed)
            filled = of_them(self.changes(*fields).filter(pl.col("new").is_not_null()))
            tagged = _tagged(filled, "field", changed)
            limited = {
                number: what.one_of for number, what in numbered if what.field is not None and what.one_of
            }
            for number, options in limited.items():
                tagged = tagged.filter((pl.col("what") != number) | _is_one_of(pl.col("new"), options))
            parts.append(tagged)
        whose = {"record": pl.String()} if among is None else {NUMBER: pl.Int64()}
        schema = {**whose, "position": pl.Int64(), "at": MOMENT, "what": pl.Int64()}
        return pl.concat([*(part.select(list(schema)) for part in parts), pl.LazyFrame(schema=schema)])


def _tagged(rows: pl.LazyFrame, column: str, named: Sequence[tuple[str | None, int]]) -> pl.LazyFrame:
    """Number rows by what they are of; those that are of nothing asked for are left out."""
    names = [name for name, _ in named]
    wanted = table_of(
        {column: names, "what": [number for _, number in named]}, {column: pl.String(), "what": pl.Int64()}
    )
    return rows.filter(pl.col(column).is_in(list(dict.fromkeys(names)))).join(wanted, on=column)


def last_of(rows: pl.LazyFrame, *key: str) -> pl.LazyFrame:
    """Keep the row with the highest position of each key; no two rows of a key share a position."""
    latest = pl.col("position") == pl.col("position").max().over(*key)
    return rows.filter(latest)


def table_of(columns: Mapping[str, list[Any]], schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Put what the playbook says into a small table to join with."""
    return pl.DataFrame(dict(columns), schema=dict(schema)).lazy()


def text_of(value: pl.Expr) -> pl.Expr:
    """Read JSON texts as what they hold: the option or person of a text, `true` or `false`."""
    return value.str.json_path_match("$")


def _is_one_of(value: pl.Expr, options: tuple[str, ...]) -> pl.Expr:
    """Tell whether a value is one of some options, or a list that holds one. Options are names, which JSON never escapes."""
    spelled = [f'"{option}"' for option in options]
    among = pl.any_horizontal(value.str.contains(text, literal=True) for text in spelled)
    return value.is_in(spelled) | (value.str.starts_with("[") & among)
