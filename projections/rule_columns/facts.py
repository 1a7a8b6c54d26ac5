"""The closed catalogue of facts, answered for many decisions at once from tables of what happened.

A decision sees what stands in the log up to its `basis`: every join goes by log position, never by a timestamp.
The meaning is that of the live command: see `requirements` in `domain.record.gates`.

Tables, each in any order; what no rule asks may be left out:

| table | columns |
|---|---|
| decisions | `record`, `basis` (the position that was read), `at` (the moment of the attempt), `zone`, `after` (the stage moved to) |
| evidence | `record`, `position`, `field`, `valid_until` (the last day it counts; null: for ever) |
| touches | `record`, `position`, `until`, `kind`, `touched_at` |
| visits | `record`, `position`, `stage`, `entered_at` |
| work | `record`, `position` (of the request), `template`, `done` (the position at which it was completed; null: it was not), `form` (what its form says then, as JSON; null: nothing) |
| approvals | `record`, `position` (of the request), `chain`, `approved` (the position at which all of it was approved; null: it was not) |
| changes | `record`, `position`, `field` (one that was given another value) |

Moments are Datetime("us", "UTC"), and null where nobody knows them; `zone` names the time zone of the playbook that judges.
A touch that was corrected is two rows: what was noted first, `until` the position of the correction (not included), and
what is known since; one that was withdrawn is one row with an end.
Evidence, stages and changed fields stand under the names they have in the playbook that judges.
An approval of a chain stands on the fields the rules of that chain read; `stands_on` says which these are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from domain.record.gates import day_in
from domain.rules import nodes as t
from domain.rules.facts import ANY_TOUCH
from domain.rules.outcomes import form_field
from projections.rule_columns import arithmetic
from projections.rule_columns.arithmetic import NUMBER, SCALE
from projections.rule_columns.columns import MOMENT, column_name, column_of_forms, column_type

DECISIONS: Final = pl.Schema(
    {"record": pl.String(), "basis": pl.Int64(), "at": MOMENT, "zone": pl.String(), "after": pl.String()}
)
EVIDENCE: Final = pl.Schema(
    {"record": pl.String(), "position": pl.Int64(), "field": pl.String(), "valid_until": pl.Date()}
)
TOUCHES: Final = pl.Schema(
    {
        "record": pl.String(),
        "position": pl.Int64(),
        "until": pl.Int64(),
        "kind": pl.String(),
        "touched_at": MOMENT,
    }
)
VISITS: Final = pl.Schema(
    {"record": pl.String(), "position": pl.Int64(), "stage": pl.String(), "entered_at": MOMENT}
)
WORK: Final = pl.Schema(
    {
        "record": pl.String(),
        "position": pl.Int64(),
        "template": pl.String(),
        "done": pl.Int64(),
        "form": pl.String(),
    }
)
APPROVALS: Final = pl.Schema(
    {"record": pl.String(), "position": pl.Int64(), "chain": pl.String(), "approved": pl.Int64()}
)
CHANGES: Final = pl.Schema({"record": pl.String(), "position": pl.Int64(), "field": pl.String()})

_DECISION: Final = "#decision"
_MICROSECONDS: Final = 1_000_000
_SECONDS_PER_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class FactTables:
    """What happened to records, as far as facts ask: evidence attached, touches made, stages visited, work and agreement asked for."""

    evidence: pl.DataFrame
    touches: pl.DataFrame
    visits: pl.DataFrame
    work: pl.DataFrame = field(default_factory=WORK.to_frame)
    approvals: pl.DataFrame = field(default_factory=APPROVALS.to_frame)
    changes: pl.DataFrame = field(default_factory=CHANGES.to_frame)
    stands_on: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a table of another shape. Raises ValueError."""
        _check(self.evidence, EVIDENCE, "evidence")
        _check(self.touches, TOUCHES, "touches")
        _check(self.visits, VISITS, "visits")
        _check(self.work, WORK, "work")
        _check(self.approvals, APPROVALS, "approvals")
        _check(self.changes, CHANGES, "changes")


def facts_asked(trees: Iterable[t.Node]) -> frozenset[t.Fact]:
    """List the facts that rules ask, each with its arguments."""
    return frozenset(node for tree in trees for node, _ in t.walk(tree) if isinstance(node, t.Fact))


def with_facts(decisions: pl.DataFrame, tables: FactTables, facts: Iterable[t.Fact]) -> pl.DataFrame:
    """Add to every decision a column for each fact, in the order the decisions came in.

    Raises ValueError when a table has another shape than this module says.
    """
    _check(decisions, DECISIONS, "decisions")
    asked = decisions.select(DECISIONS.names()).with_row_index(_DECISION)
    answers = [
        COLUMN_FACTS[fact.name](asked, tables, fact)
        .sort(_DECISION)
        .get_column("answer")
        .cast(column_type(fact))
        .alias(column_name(fact))
        for fact in sorted(set(facts), key=column_name)
    ]
    return decisions.with_columns(answers)


def _check(table: pl.DataFrame, schema: pl.Schema, name: str) -> None:
    found = {column: table.schema.get(column) for column in schema}
    if found != dict(schema):
        raise ValueError(f"The table {name} has the columns {dict(schema)}, not {dict(table.schema)}.")


def _as_of_basis(asked: pl.DataFrame, happened: pl.DataFrame) -> pl.DataFrame:
    """Give every decision the last row of its record up to its basis; both sides are sorted here, for Polars only hopes."""
    return asked.sort("basis").join_asof(
        happened.sort("position"),
        left_on="basis",
        right_on="position",
        by="record",
        strategy="backward",
        check_sortedness=False,
    )


def _evidence(asked: pl.DataFrame, tables: FactTables, fact: t.Fact) -> pl.DataFrame:
    """A piece counts to the end of its last day; of several, the one that counts longest decides."""
    pieces = (
        tables.evidence.filter(pl.col("field") == pl.lit(fact.arguments[0]))
        .sort("position")
        .select(
            "record",
            "position",
            longest=pl.col("valid_until").fill_null(date.max).cum_max().over("record"),
            is_for_ever=pl.col("valid_until").is_null().cast(pl.UInt8).cum_max().over("record") == 1,
        )
    )
    return still_counts(_as_of_basis(asked, pieces))


def still_counts(found: pl.DataFrame) -> pl.DataFrame:
    """Tell in `answer` whether evidence counts `at` a moment in a `zone`: to the end of the `longest` last day, or `is_for_ever`; both null: there is none."""
    # No clock is a day or more away from UTC, so the calendar of the zone matters only beside the last day.
    day, longest = pl.col("at").dt.date().to_physical(), pl.col("longest").to_physical()
    found = found.with_columns(
        answer=pl.when(pl.col("is_for_ever"))
        .then(True)
        .when(longest.is_null() | pl.col("at").is_null() | (day - 1 > longest))
        .then(False)
        .when(day + 1 <= longest)
        .then(True)
    )
    open_ones = found.filter(pl.col("answer").is_null())
    by_calendar = {
        (zone, at, longest): day_in(ZoneInfo(zone), at) <= longest
        for zone, at, longest in open_ones.select("zone", "at", "longest").unique().iter_rows()
    }
    judged = open_ones.with_columns(
        answer=pl.Series(
            [by_calendar[key] for key in open_ones.select("zone", "at", "longest").iter_rows()],
            dtype=pl.Boolean,
        )
    )
    if judged.is_empty():
        return found
    return pl.concat([found.filter(pl.col("answer").is_not_null()), judged])


def _touches(asked: pl.DataFrame, tables: FactTables, fact: t.Fact) -> pl.DataFrame:
    """Touches of the window, both of its ends included; one at an unknown moment makes their number unknown."""
    kind, days = fact.arguments
    of_kind = tables.touches if kind == ANY_TOUCH else tables.touches.filter(pl.col("kind") == pl.lit(kind))
    known = asked.join(of_kind.select("record", "position", "until", "touched_at"), on="record").filter(
        pl.col("position") <= pl.col("basis")
    )
    return touches_counted(asked, known, int(days), by=_DECISION)


def touches_counted(asked: pl.DataFrame, known: pl.DataFrame, days: int, *, by: str) -> pl.DataFrame:
    """Count in `answer` the touches of the last days. `known` are pairs of a decision and a touch noted up to its basis; `by` numbers decisions."""
    ago = pl.col("at").to_physical() - pl.col("touched_at").to_physical()
    counted = (
        known.filter(pl.col("until").is_null() | (pl.col("basis") < pl.col("until")))
        .group_by(by)
        .agg(
            is_unknown=pl.col("touched_at").is_null().any(),
            count=ago.is_between(0, days * _SECONDS_PER_DAY * _MICROSECONDS).sum(),
        )
    )
    return asked.join(counted, on=by, how="left", maintain_order="left").with_columns(
        answer=pl.when(pl.col("at").is_not_null() & pl.col("is_unknown").not_().fill_null(value=True)).then(
            pl.col("count").fill_null(0)
        )
    )


def _visit(asked: pl.DataFrame, tables: FactTables) -> pl.DataFrame:
    return _as_of_basis(asked, tables.visits.select("record", "position", "stage", "entered_at"))


def _days_in_stage(asked: pl.DataFrame, tables: FactTables, _fact: t.Fact) -> pl.DataFrame:
    """Whole seconds since the stage was entered, as days to six decimal places."""
    found = _visit(asked, tables)
    return found.with_columns(answer=days_gone_by(found.get_column("at"), found.get_column("entered_at")))


def days_gone_by(at: pl.Series, since: pl.Series) -> pl.Series:
    """Count whole seconds between moments, as days to six decimal places; unknown where a moment is."""
    elapsed = at.to_physical() - since.to_physical()
    seconds = (elapsed.abs() // _MICROSECONDS) * elapsed.sign()
    days = arithmetic.divide(
        seconds.cast(NUMBER) * pl.Series([SCALE], dtype=NUMBER),
        pl.Series([_SECONDS_PER_DAY * SCALE], dtype=NUMBER),
    )
    return arithmetic.as_decimal(days)


def _stage(asked: pl.DataFrame, tables: FactTables, _fact: t.Fact) -> pl.DataFrame:
    """A record that was in no stage yet is taken to be in the one it moves to."""
    return _visit(asked, tables).with_columns(answer=pl.coalesce("stage", "after"))


def _today(asked: pl.DataFrame, _tables: FactTables, _fact: t.Fact) -> pl.DataFrame:
    """The day of the attempt, as its zone has it."""
    days = [
        pl.DataFrame(
            {_DECISION: part.get_column(_DECISION), "answer": days_of(part.get_column("at"), str(zone))}
        )
        for (zone,), part in asked.partition_by("zone", as_dict=True).items()
    ]
    return (
        asked.join(pl.concat(days), on=_DECISION)
        if days
        else asked.with_columns(answer=pl.lit(None, pl.Date))
    )


def days_of(at: pl.Series, zone: str) -> pl.Series:
    """Name the day of each moment in a time zone, as a live command does; null where the moment is unknown."""
    there = at.unique().drop_nulls()
    calendar = ZoneInfo(zone)
    # No two zones agree on what went on before there were any, so each different moment is asked the calendar itself.
    named = pl.DataFrame(
        {"at": there, "day": pl.Series([day_in(calendar, moment) for moment in there], dtype=pl.Date)}
    )
    return at.to_frame("at").join(named, on="at", how="left", maintain_order="left").get_column("day")


def _done(asked: pl.DataFrame, tables: FactTables, fact: t.Fact) -> pl.DataFrame:
    """Of the work of a template, what was asked last says it."""
    of_template = tables.work.filter(pl.col("template") == pl.lit(fact.arguments[0]))
    found = _as_of_basis(asked, of_template.select("record", "position", "done"))
    return found.with_columns(answer=came_true("done", "basis"))


def _outcome(asked: pl.DataFrame, tables: FactTables, fact: t.Fact) -> pl.DataFrame:
    """Of the work of a template, the form of what was asked last says it, once that is done."""
    of_template = tables.work.filter(pl.col("template") == pl.lit(fact.arguments[0]))
    said = said_in_forms(fact, of_template.get_column("form")).alias("said")
    found = _as_of_basis(asked, of_template.select("record", "position", "done", said))
    return found.with_columns(answer=pl.when(came_true("done", "basis")).then("said"))


def said_in_forms(fact: t.Fact, forms: pl.Series) -> pl.Series:
    """Read what forms, each as JSON, say to a fact that asks one of their fields."""
    return column_of_forms(form_field(fact), forms).cast(column_type(fact)).alias(column_name(fact))


def _approved(asked: pl.DataFrame, tables: FactTables, fact: t.Fact) -> pl.DataFrame:
    """Of the approvals of a chain, the one asked last says it, as long as nothing it stands on has changed since it was asked."""
    chain = str(fact.arguments[0])
    of_chain = tables.approvals.filter(pl.col("chain") == pl.lit(chain))
    found = _as_of_basis(asked, of_chain.select("record", "position", "approved", asked_at="position"))
    stands_on = sorted(tables.stands_on.get(chain, ()))
    changed = tables.changes.filter(pl.col("field").is_in(stands_on)).select(
        "record", "position", changed_at="position"
    )
    found = _as_of_basis(found.drop("position"), changed)
    is_so = pl.col("changed_at").is_null() | (pl.col("changed_at") <= pl.col("asked_at"))
    return found.with_columns(answer=came_true("approved", "basis") & is_so.fill_null(value=False))


def came_true(when: str, upto: str) -> pl.Expr:
    """Tell whether something had happened by a position; what never did is null, and is no."""
    return (pl.col(when) <= pl.col(upto)).fill_null(value=False)


COLUMN_FACTS: Final[Mapping[str, Callable[[pl.DataFrame, FactTables, t.Fact], pl.DataFrame]]] = (
    MappingProxyType(
        {
            "evidence": _evidence,
            "touches": _touches,
            "days_in_stage": _days_in_stage,
            "stage": _stage,
            "today": _today,
            "done": _done,
            "outcome": _outcome,
            "approved": _approved,
        }
    )
)
"""The column back end of the catalogue: each fact of `domain.rules.facts` has its entry here."""
