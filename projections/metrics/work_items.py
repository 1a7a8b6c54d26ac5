"""Work items as cases: who asked whom, the three clocks kept apart, and the time work waited for somebody else."""

import polars as pl

from projections.ledger.table import MOMENT
from projections.metrics.sources import Source, table_of

_TEXT, _WHOLE = pl.String(), pl.Int64()

STARTS = ("accepted", "responded", "ticked", "paused", "completed")
"""What shows that somebody is at it."""
ANSWERS = ("responded", "completed", "declined")
"""What answers whoever asked."""
ENDS = ("completed", "declined", "cancelled")
KEY = ("record", "work")


def items(source: Source) -> pl.LazyFrame:
    """Return the work items, one row each, at the position of the request.

    `requester` and `responder` are whoever asked, and whoever had it when it was answered, else has it now. Of each of the three clocks there is a moment
    (`asked_at`, `triggered_at`, `answered_at`, `ended_at`; null where nobody knows) and whether it came (`triggered`, `answered`, `completed`, `declined`, `cancelled`, `open`).
    """
    event = pl.col("event")

    def first(column: str, *events: str) -> pl.Expr:
        return pl.col(column).filter(event.is_in(events)).first()

    found = (
        source.scan("work")
        .sort("position")
        .group_by(*KEY)
        .agg(
            pl.col("kind", "template", "fork", "leg").first(),
            # The moment that was named last: nothing moves it once the work is over.
            due_at=pl.col("due_at").last(),
            position=first("position", "requested"),
            asked_at=first("at", "requested"),
            requester=pl.coalesce("on_behalf_of", "actor").filter(event == "requested").first(),
            triggered=event.is_in(STARTS).any(),
            triggered_position=first("position", *STARTS),
            triggered_at=first("at", *STARTS),
            answered=event.is_in(ANSWERS).any(),
            answered_position=first("position", *ANSWERS),
            answered_at=first("at", *ANSWERS),
            answered_by=first("assignee", *ANSWERS),
            assignee=pl.col("assignee").last(),
            ended_at=first("at", *ENDS),
            **{ended: (event == ended).any() for ended in ENDS},
        )
    )
    return (
        found.join(_forks(source), on=["record", "fork"], how="left")
        .with_columns(
            open=~pl.any_horizontal(*ENDS),
            responder=pl.coalesce("answered_by", "assignee"),
            moment="asked_at",
            role=_role(source),
        )
        .with_columns(owner="responder")
        .drop("answered_by")
    )


def _forks(source: Source) -> pl.LazyFrame:
    return source.scan("forks").select("record", "fork", fork_name="name")


def _role(source: Source) -> pl.Expr:
    """The department that is asked: the role of the template, else that of the leg."""
    kind = source.reading.kind
    templates = {name: template.role for name, template in kind.work.items() if template.role is not None}
    legs = {
        f"{name}/{leg}": spec.role
        for name, fork in kind.forks.items()
        for leg, spec in fork.legs.items()
        if spec.role is not None
    }
    of_template = pl.col("template").replace_strict(templates, default=None, return_dtype=_TEXT)
    leg = pl.concat_str("fork_name", pl.lit("/"), "leg")
    return pl.coalesce(of_template, leg.replace_strict(legs, default=None, return_dtype=_TEXT))


def pauses(source: Source) -> pl.LazyFrame:
    """Return the stretches work waited for somebody else: `begins` and `ends`, and whether it `resumed` (or was over) at all."""
    marks = ("paused", "resumed", *ENDS)
    following = [pl.col(column).shift(-1).over(*KEY) for column in ("at", "position")]
    return (
        source.scan("work")
        .filter(pl.col("event").is_in(marks))
        .sort("position")
        .with_columns(ends=following[0], resumed=following[1].is_not_null())
        .filter(event="paused")
        .select(*KEY, "ends", "resumed", begins="at")
    )


def timed(
    source: Source, cases: pl.LazyFrame, name: str, begins: str, until: pl.Expr, counts: pl.Expr
) -> pl.LazyFrame:
    """Add how long something took from `begins` to `until`, for the cases it `counts` for.

    `NAME_seconds` by the clock, `NAME_business_seconds` in working time of the playbook's calendar without what was waited for others.
    `NAME_judged` and `NAME_business_judged` say whether they are known. An end told of an earlier moment took no time.
    """
    start, end = pl.col(begins), pl.col("#end")
    judged, seconds, business = f"{name}_judged", f"{name}_seconds", f"{name}_business_seconds"
    given = cases.with_columns(until.alias("#end")).with_columns(
        (counts & start.is_not_null() & end.is_not_null()).fill_null(value=False).alias(judged),
        pl.max_horizontal(start, end).alias("#end"),
    )
    waited = _waited(source, given.filter(judged), begins)
    return (
        given.join(waited, on=KEY, how="left")
        .with_columns(
            pl.when(judged).then((end - start).dt.total_seconds()).alias(seconds),
            pl.when(judged)
            .then(source.reading.business(start, end) - pl.when("#unknown").then(None).otherwise(pl.col("#waited").fill_null(0)))
            .alias(business),
        )
        .with_columns(pl.col(business).is_not_null().alias(f"{name}_business_judged"))
        .drop("#end", "#waited", "#unknown")
    )  # fmt: skip


def _waited(source: Source, cases: pl.LazyFrame, begins: str) -> pl.LazyFrame:
    """How much working time of each case was waited for others; unknown where nobody knows when a pause began or ended."""
    start, end = pl.col(begins), pl.col("#end")
    unknown = pl.col("begins").is_null() | (pl.col("resumed") & pl.col("ends").is_null())
    stretches = (
        cases.select(*KEY, begins, "#end")
        .join(pauses(source), on=KEY)
        .with_columns(
            unknown.alias("#unknown"),
            pl.col("begins").clip(start, end).alias("#from"),
            pl.when("resumed").then(pl.col("ends").clip(start, end)).otherwise(end).alias("#to"),
        )
        .with_columns(pl.max_horizontal("#from", "#to").alias("#to"))
        .with_columns(source.reading.business(pl.col("#from"), pl.col("#to")).alias("#waited"))
    )
    return stretches.group_by(*KEY).agg(
        pl.col("#waited").sum(), (pl.col("#unknown") | pl.col("#waited").is_null()).any()
    )


def limited(source: Source, cases: pl.LazyFrame) -> pl.LazyFrame:
    """Tell of work items whether they were done within their limit: the moment that was named last, else the hours of the template.

    `limit` says which of the two it is. Hours are working time where there is a calendar, in whole seconds; what nobody can tell is `unknown`.
    """
    hours = {name: template.complete_within_hours for name, template in source.reading.kind.work.items()}
    limits = table_of(
        {
            "template": [name for name, found in hours.items() if found is not None],
            "#limit_us": [int(found * 3_600_000_000) for found in hours.values() if found is not None],
        },
        {"template": _TEXT, "#limit_us": _WHOLE},
    )
    until = pl.when("completed").then("ended_at").when("open").then(source.now)
    found = timed(
        source, cases, "whole", "asked_at", until.cast(MOMENT), pl.col("completed") | pl.col("open")
    )
    took = "whole_seconds" if source.reading.working is None else "whole_business_seconds"
    past = pl.when(pl.col("due_at").is_not_null()).then(until > pl.col("due_at")).otherwise(
        pl.col(took) * 1_000_000 > pl.col("#limit_us")
    )  # fmt: skip
    return (
        found.join(limits, on="template", how="left")
        .with_columns(
            limit=pl.when(pl.col("due_at").is_not_null()).then(pl.lit("named"))
            .when(pl.col("#limit_us").is_not_null()).then(pl.lit("template")),
            dropped=pl.col("declined") | pl.col("cancelled"),
        )
        .with_columns(pl.when(pl.col("limit").is_not_null() & ~pl.col("dropped")).then(past).alias("#past"))
        .with_columns(
            unlimited=pl.col("limit").is_null() & ~pl.col("dropped"),
            unknown=pl.col("limit").is_not_null() & ~pl.col("dropped") & pl.col("#past").is_null(),
            in_time=(pl.col("completed") & ~pl.col("#past")).fill_null(value=False),
            done_late=(pl.col("completed") & pl.col("#past")).fill_null(value=False),
            overdue=(pl.col("open") & pl.col("#past")).fill_null(value=False),
            running=(pl.col("open") & ~pl.col("#past")).fill_null(value=False),
        )
        .with_columns(late=pl.col("done_late") | pl.col("overdue"))
        .with_columns(judged=pl.col("late") | pl.col("in_time"))
        .drop("#past", "#limit_us", "whole_judged", "whole_business_judged", "whole_seconds", "whole_business_seconds")
    )  # fmt: skip
