"""What happened to the records of one partition as far as facts ask: evidence, touches, visits, and the organisation.

Rows that ask have `record`, `CODE`, `facts_upto` (the last position that counts), `stood_upto` (the same for the step the
record stood in), `at`, `before`, `after`.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from domain.record.gates import valid_until
from domain.rules import nodes as t
from domain.rules.facts import ANY_TOUCH
from projections.ledger.view import Partitions, View
from projections.replay.agreed import agreed, finished
from projections.replay.keyed import CODE, KEY, SPAN, first_after, keyed, last_upto, wanted
from projections.replay.questions import Reading, Validity
from projections.rule_columns.columns import column_name, column_type
from projections.rule_columns.facts import came_true, days_gone_by, days_of, said_in_forms, still_counts

_BY_THE_MINUTE: Final = datetime(1980, 1, 1, tzinfo=UTC)
"""Since then, no time zone changes its clock within a minute."""


_LAST: Final = "#last"
_DAY: Final = 86_400 * 1_000_000
"""In microseconds."""
_FIRST_DAY: Final = (date.min - date(1970, 1, 1)).days
_FOR_EVER: Final = (date.max - date.min).days + 1
_DAYS: Final = 2**23
"""More days than there are: record and day make one number, which only grows from record to record."""


def _last_day() -> pl.Expr:
    """Count the last day a piece counts from the first there is; one that counts for ever counts a day longer than any other."""
    day = pl.col("valid_until").to_physical().cast(pl.Int64()) - _FIRST_DAY
    return day.fill_null(_FOR_EVER).alias(_LAST)


class Happened:
    """Evidence, touches and visits of the records that are looked at, each read when it is first asked for."""

    def __init__(self, view: View, partition: Partitions, names: pl.DataFrame) -> None:
        self._view = view
        self._partition = partition
        self._names = names
        self._tables: dict[str, pl.DataFrame] = {}
        self._prepared: dict[object, pl.DataFrame] = {}

    def evidence(
        self, field: str, reading: Reading, validity: Validity, zone: str, rows: pl.DataFrame
    ) -> pl.Series:
        """Tell whether a valid piece of evidence was attached."""
        pieces = self._pieces(field, reading, validity, zone)
        found = rows.select(pl.int_range(pl.len()).alias("#row"), "at", zone=pl.lit(zone)).hstack(
            last_upto(pieces, wanted(rows, "facts_upto"), "longest", "is_for_ever")
        )
        answered = still_counts(found)
        in_order = answered.get_column("#row").is_sorted()
        return (answered if in_order else answered.sort("#row")).get_column("answer")

    def facts(
        self, asked: Iterable[t.Fact], reading: Reading, validity: Validity, zone: str, rows: pl.DataFrame
    ) -> pl.DataFrame:
        """Answer facts, one column each."""
        return pl.DataFrame(
            [
                self._fact(fact, reading, validity, zone, rows)
                .cast(column_type(fact))
                .alias(column_name(fact))
                for fact in asked
            ]
        )

    def _fact(
        self, fact: t.Fact, reading: Reading, validity: Validity, zone: str, rows: pl.DataFrame
    ) -> pl.Series:
        match fact.name, fact.arguments:
            case "evidence", (str(field),):
                return self.evidence(field, reading, validity, zone, rows)
            case "touches", (str(kind), int(days)):
                return self._touches(kind, days, rows)
            case "days_in_stage", ():
                return days_gone_by(rows.get_column("at"), self._entered_at(rows))
            case "stage", ():
                step = rows.select(pl.coalesce("before", "after")).to_series()
                there = step.unique().drop_nulls().to_list()
                now = [reading.step(name) for name in there]
                return step.replace_strict(there, now, return_dtype=pl.String)
            case "today", ():
                return days_of(rows.get_column("at"), zone)
            case "done", (str(template),):
                return self._done(template, rows)
            case "outcome", (str(template), str(), str()):
                return self._outcome(fact, template, rows)
            case _:
                raise ValueError(f"There is no fact {fact.name} with the arguments {fact.arguments}.")

    def has_no_entry(self, rows: pl.DataFrame) -> pl.Series:
        """Tell where nobody knows when the record came into the step it stood in."""
        return self._entered_at(rows).is_null()

    def _entered_at(self, rows: pl.DataFrame) -> pl.Series:
        visits = self._table("visits", "entered_at")
        return last_upto(visits, wanted(rows, "stood_upto"), "entered_at").get_column("entered_at")

    def _done(self, template: str, rows: pl.DataFrame) -> pl.Series:
        """Of the work of a template, what was asked last says it."""
        items = self._requests("work", finished, "template", template)
        told = rows.select("facts_upto").hstack(last_upto(items, wanted(rows, "facts_upto"), "done"))
        return told.select(came_true("done", "facts_upto")).to_series()

    def _outcome(self, fact: t.Fact, template: str, rows: pl.DataFrame) -> pl.Series:
        """Of the work of a template, the form of what was asked last says it, once that is done; each form is read once for each type it is asked as."""
        items = self._requests("work", finished, "template", template)
        key = ("work", column_name(fact))
        if key not in self._prepared:
            said = said_in_forms(fact, items.get_column("form")).alias("said")
            self._prepared[key] = items.select(KEY, "done").with_columns(said)
        last = last_upto(self._prepared[key], wanted(rows, "facts_upto"), "done", "said")
        told = rows.select("facts_upto").hstack(last)
        return told.select(pl.when(came_true("done", "facts_upto")).then("said")).to_series()

    def approved_since(self, chain: str, rows: pl.DataFrame) -> pl.Series:
        """Return since which position the approval of a chain that was asked last is asked for; null where it was not given."""
        asked = self._requests("approvals", agreed, "chain", chain)
        last = last_upto(asked, wanted(rows, "facts_upto"), "position", "approved")
        told = rows.select("facts_upto").hstack(last)
        return told.select(pl.when(came_true("approved", "facts_upto")).then("position")).to_series()

    def _requests(
        self, table: str, read: Callable[[pl.LazyFrame], pl.DataFrame], of: str, name: str
    ) -> pl.DataFrame:
        """The requests of a template or of a chain, each with the position at which it was met."""
        if table not in self._prepared:
            rows = read(self._view.scan(table, partition=self._partition))
            self._prepared[table] = keyed(rows, self._names, bare=True)
        if (table, name) not in self._prepared:
            self._prepared[table, name] = self._prepared[table].filter(pl.col(of) == name)
        return self._prepared[table, name]

    def _touches(self, kind: str, days: int, rows: pl.DataFrame) -> pl.Series:
        """Pair each row with the touches of its record up to its basis: they stand in one run of the sorted table, and pairs are counted by runs."""
        touches = self._table("touches", "until", "touch_kind", "at")
        if kind != ANY_TOUCH:
            if ("touches", kind) not in self._prepared:
                self._prepared["touches", kind] = touches.filter(pl.col("touch_kind") == kind)
            touches = self._prepared["touches", kind]
        first = first_after(touches, rows.select(pl.col(CODE) * SPAN).to_series())
        behind = first_after(touches, wanted(rows, "facts_upto"))
        pairs = (
            rows.select(pl.col("at").to_physical(), "facts_upto")
            .with_columns(pl.int_ranges(first, behind, eager=True).alias("#touch"))
            .filter(behind > first)
            .explode("#touch")
        )
        place = pairs.get_column("#touch")
        until, touched_at = (touches.get_column(name).gather(place) for name in ("until", "at"))
        is_known = until.is_null() | (pairs.get_column("facts_upto") < until)
        ago = pairs.get_column("at") - touched_at.to_physical()
        ends = (behind - first).cum_sum()
        of_run = partial(_counted_by_run, ends - (behind - first), ends)
        count = of_run(is_known & ago.is_between(0, days * _DAY))
        knows = rows.get_column("at").is_not_null()
        if touched_at.has_nulls():
            knows = knows & (of_run(is_known & touched_at.is_null()) == 0)
        return pl.select(pl.when(knows).then(count)).to_series()

    def _pieces(self, field: str, reading: Reading, validity: Validity, zone: str) -> pl.DataFrame:
        """The evidence of one field, as a version names it: of all pieces so far, the one that counts longest."""
        key = (reading, validity, zone if validity else "")
        if key not in self._prepared:
            self._prepared[key] = self._read(reading, validity, zone)
        if (field, key) not in self._prepared:
            self._prepared[field, key] = (
                self._prepared[key]
                .filter(pl.col("field") == field)
                .select(KEY, (_last_day() + pl.col(CODE) * _DAYS).cum_max() - pl.col(CODE) * _DAYS)
                .select(
                    KEY,
                    longest=(pl.min_horizontal(_LAST, _FOR_EVER - 1) + _FIRST_DAY)
                    .cast(pl.Int32())
                    .cast(pl.Date()),
                    is_for_ever=pl.col(_LAST) == _FOR_EVER,
                )
            )
        return self._prepared[field, key]

    def _read(self, reading: Reading, validity: Validity, zone: str) -> pl.DataFrame:
        pieces = self._table("evidence", "field", "valid_until", "at")
        for number, told in enumerate(reading.levels):
            if told.fields:
                olds, news = list(told.fields), pl.Series(list(told.fields.values()), dtype=pl.String)
                pieces = pieces.with_columns(pl.col("field").replace(olds, news)).drop_nulls("field")
            if number == 0:
                for field, days in validity:
                    pieces = _counted_anew(pieces, field, days, ZoneInfo(zone))
        return pieces

    def _table(self, name: str, *columns: str) -> pl.DataFrame:
        if name not in self._tables:
            rows = self._view.scan(name, partition=self._partition).select("record", "position", *columns)
            self._tables[name] = keyed(rows.collect(), self._names, bare=True)
        return self._tables[name]


def _counted_by_run(begins: pl.Series, ends: pl.Series, flags: pl.Series) -> pl.Series:
    """Count what is so in each run of rows that follow one another, from a place up to, and not including, another."""
    so_far = pl.concat(
        [pl.Series([0], dtype=pl.Int64), flags.fill_null(value=False).cast(pl.Int64).cum_sum()]
    )
    return so_far.gather(ends) - so_far.gather(begins)


def _counted_anew(pieces: pl.DataFrame, field: str, days: int | None, zone: ZoneInfo) -> pl.DataFrame:
    """Give the pieces of a field whose moment is known another last day."""
    is_it = (pl.col("field") == field) & pl.col("at").is_not_null()
    minute = (
        pl.when(pl.col("at") >= pl.lit(_BY_THE_MINUTE)).then(pl.col("at").dt.truncate("1m")).otherwise("at")
    )
    with_minute = pieces.with_columns(pl.when(is_it).then(minute).alias("#minute"))
    moments = with_minute.get_column("#minute").unique().drop_nulls()
    if moments.is_empty():
        return pieces
    last: list[date | None] = []
    for moment in moments:
        text = valid_until(moment, days, zone)
        last.append(None if text is None else date.fromisoformat(text))
    there = pl.DataFrame({"#minute": moments, "#last": pl.Series(last, dtype=pl.Date)})
    return (
        with_minute.join(there, on="#minute", how="left", maintain_order="left")
        .with_columns(valid_until=pl.when(is_it).then("#last").otherwise("valid_until"))
        .drop("#minute", "#last")
    )
