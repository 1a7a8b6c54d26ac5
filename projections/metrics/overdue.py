"""The metric of deadlines: how many of those that were armed came due before anybody did what they wait for, and what was told of them."""

import polars as pl

from domain.naming import IMPORT_CHANNEL
from domain.playbook.deadlines import ANY
from projections.ledger.table import MOMENT
from projections.metrics.contract import (
    EFFECTIVE,
    Count,
    Frame,
    Metric,
    Number,
    Share,
    called,
    clause,
)
from projections.metrics.reading import Reading
from projections.metrics.sources import Source, table_of

_TEXT, _WHOLE = pl.String(), pl.Int64()
_ARMED = {"record": _TEXT, "deadline": _TEXT, "subject": _TEXT, "armed_at": _WHOLE}
_KEY = tuple(_ARMED)


def counted(reading: Reading) -> list[str]:
    """Name the deadlines whose armings can be counted: those that begin with an entry, a work item or an approval."""
    return [
        name
        for name, deadline in reading.kind.deadlines.items()
        if deadline.on_stage is not None or deadline.on_work is not None or deadline.on_approval is not None
    ]


def _armed(source: Source) -> pl.LazyFrame:
    """Every arming that the events show, and whatever was noticed beside: a version before may have armed what this one does not."""
    begun = _begun(source, pl.concat([_on_stage(source), _on_work(source), _on_approval(source)]))
    fired = source.scan("firings").filter(pl.col("deadline").is_in(counted(source.reading)))
    return pl.concat([begun.select(_KEY), fired.select(_KEY), pl.LazyFrame(schema=_ARMED)]).unique()


def _begun(source: Source, armed: pl.LazyFrame) -> pl.LazyFrame:
    """Those whose event (`begins`) begins the deadline: from its `go_live` on; without one, an imported entry begins none."""
    deadlines = source.reading.kind.deadlines
    names = counted(source.reading)
    about = table_of(
        {
            "deadline": names,
            "go_live": [deadlines[name].go_live for name in names],
            "imports_too": [deadlines[name].on_stage is None for name in names],
        },
        {"deadline": _TEXT, "go_live": MOMENT, "imports_too": pl.Boolean()},
    )
    events = source.scan("events").select(
        "record", begins="position", imported=pl.col("channel") == IMPORT_CHANNEL, since=pl.coalesce("at", "recorded_at")
    )  # fmt: skip
    without = pl.col("imports_too") | ~pl.col("imported")
    return (
        armed.join(about, on="deadline")
        .join(events, on=["record", "begins"])
        .filter(
            pl.when(pl.col("go_live").is_null()).then(without).otherwise(pl.col("since") >= pl.col("go_live"))
        )
    )


def _on_stage(source: Source) -> pl.LazyFrame:
    """A record arms the deadline of a stage when it comes into it from elsewhere, that of a node at each entry."""
    reading = source.reading
    rows = [
        (name, step, deadline.on_stage == step and reading.stages[step] != step)
        for name, deadline in reading.kind.deadlines.items()
        for step in reading.kind.steps
        if deadline.on_stage is not None and deadline.on_stage in (step, reading.stages[step])
    ]
    names = ("deadline", "step", "anew")
    where = table_of(
        {name: [row[place] for row in rows] for place, name in enumerate(names)},
        {"deadline": _TEXT, "step": _TEXT, "anew": pl.Boolean()},
    )
    visits = (
        source.visits()
        .sort("position")
        .select("record", "position", "step", before=pl.col("step").shift(1).over("record"))
    )
    inside = where.select("deadline", before="step", inside=pl.lit(value=True))
    return (
        visits.join(where, on="step")
        .join(inside, on=["deadline", "before"], how="left")
        .filter(pl.col("anew") | pl.col("inside").is_null())
        .select("record", "deadline", subject=pl.lit(None, _TEXT), armed_at="position", begins="position")
    )  # fmt: skip


def _on_work(source: Source) -> pl.LazyFrame:
    """A request of work arms a deadline that knows how long it may take: by its own hours, by the template's, or by the moment that was named.

    Of one that goes by the moment that was named, whatever moved that last takes the place of what armed it before.
    """
    templates = source.reading.kind.work
    rows = [
        (name, template, deadline.clock == "done" and deadline.after_hours is None, hours is not None)
        for name, deadline in source.reading.kind.deadlines.items()
        for template, spec in templates.items()
        if deadline.on_work in (ANY, template)
        for hours in (
            deadline.after_hours
            or (spec.respond_within_hours if deadline.clock == "response" else spec.complete_within_hours),
        )
    ]
    names = ("deadline", "template", "by_date", "has_hours")
    schema = {"deadline": _TEXT, "template": _TEXT, "by_date": pl.Boolean(), "has_hours": pl.Boolean()}
    where = table_of({name: [row[place] for row in rows] for place, name in enumerate(names)}, schema)
    asked = (
        source.scan("work")
        .filter(pl.col("event").is_in(["requested", "rescheduled"]))
        .sort("position")
        .group_by("record", "work")
        .agg(
            pl.col("template", "due_at").last(),
            requested=pl.col("position").first(),
            named=pl.col("position").last(),
        )
    )
    dated = pl.col("by_date") & pl.col("due_at").is_not_null()
    return (
        asked.join(where, on="template")
        .filter(pl.col("has_hours") | dated)
        .with_columns(armed_at=pl.when(dated).then("named").otherwise("requested"))
        .select("record", "deadline", subject="work", armed_at="armed_at", begins="requested")
    )


def _on_approval(source: Source) -> pl.LazyFrame:
    rows = [
        (name, chain)
        for name, deadline in source.reading.kind.deadlines.items()
        for chain in source.reading.kind.approvals
        if deadline.on_approval in (ANY, chain)
    ]
    where = table_of(
        {"deadline": [name for name, _ in rows], "chain": [chain for _, chain in rows]},
        {"deadline": _TEXT, "chain": _TEXT},
    )
    asked = source.scan("approvals").filter(event="requested").select("record", "approval", "chain", armed_at="position", begins="position")  # fmt: skip
    return (
        asked.join(where, on="chain")
        .select("record", "deadline", "armed_at", "begins", subject="approval")
        .select(*_KEY, "begins")
    )


def _cases(source: Source) -> pl.LazyFrame:
    noticed, rung = pl.col("event") == "noticed", pl.col("rung")
    fired = (
        source.scan("firings")
        .group_by(_KEY)
        .agg(
            warned=(noticed & (rung == 0)).any(),
            overdue=(noticed & (rung >= 1)).any(),
            escalated=(noticed & (rung >= 2)).any(),
            acknowledged=(~noticed).any(),
        )
    )
    flags = ["warned", "overdue", "escalated", "acknowledged"]
    began = source.scan("events").select("record", armed_at="position", kind="kind", moment="at")
    return (
        _armed(source)
        .join(fired, on=_KEY, how="left", nulls_equal=True)
        .join(began, on=["record", "armed_at"], how="left")
        .with_columns(pl.col(flags).fill_null(value=False), position="armed_at")
        .filter(source.in_period("moment"))
    )


def _firings(source: Source) -> pl.LazyFrame:
    rows = source.scan("firings").filter(event="noticed")
    return (
        rows.with_columns(moment="noticed_at", told_nobody=pl.col("told").list.len() == 0)
        .filter(source.in_period("moment"))
        .with_columns(
            pl.col("rung").cast(_TEXT),
            warning=pl.col("rung") == 0,
            due=pl.col("rung") == 1,
            escalation=pl.col("rung") >= 2,
        )
    )


_SHOWN: tuple[Number, ...] = (
    Count("armed", called("已启动的期限", "Armed")),
    Count("warned", called("已预警", "Warned of"), "warned"),
    Count("overdue", called("逾期", "Overdue"), "overdue"),
    Count("escalated", called("已升级", "Escalated"), "escalated"),
    Count("acknowledged", called("已知悉", "Acknowledged"), "acknowledged"),
    Share("overdue_percent", called("逾期率（%）", "Overdue in percent"), "overdue", "armed"),
)

OVERDUE = Metric(
    name="overdue",
    version=3,
    label=called("逾期率", "Overdue share"),
    meaning=clause("启动计时的期限，有多少在有人做到它所等的事之前到期，升级到了谁那里。", "How many of the deadlines that were armed came due before anybody did what they wait for, and whom that went up to."),
    axis=EFFECTIVE,
    unit=clause("周期内由事件启动的、对阶段、工作或审批的一次期限计时；另有周期内察觉的每一次期限告知", "an arming of a deadline on a stage, on work or on an approval, by an event in the period; and beside it every telling of any deadline, noticed in the period"),
    running=clause("已启动计时但未到期的期限算已启动：请问已结束的周期", "a deadline that is armed and not due yet counts as armed: ask about a period that is over"),
    denominator=clause("比率为在到期或更高阶梯级被察觉的计时，占手册中对阶段、工作和审批的期限的全部计时。启动后时刻被改动的计时，只有此前告知过才算启动：由新的时刻取代。早于期限 go_live 的事不启动计时；未设 go_live 时，导入的进入阶段也不启动计时。对日期和沉默的期限，以及审批级和清单的时限，重新开始得太频繁，不算启动：只作为触发列出", "the rate is of armings that were noticed at the due moment or above, among all armings of deadlines on stages, work and approvals as the playbook has them."
    " What was armed for a moment that was moved counts as armed only where it was told of before: the new moment stands in its place."
    " What began before a deadline's go_live arms none, and without one neither does an imported entry into a stage."
    " Deadlines on dates and on silence, and limits of levels and checklists, begin anew too often to be counted as armed: they are told of as firings only"),
    nulls=clause("由时刻未知的事件启动的计时不属于任何周期", "an arming by an event of an unknown moment is in no period"),
    calendar=clause("每次察觉的时刻以日志的时钟为准；此处不度量时长", "the clock of the log said when each was noticed; nothing is measured here"),
    needs_steps=False,
    frames=(
        Frame("an arming of a deadline", _cases, _SHOWN, {"deadline": called("期限", "Deadline")}),
        Frame(
            "a telling: a deadline that was noticed at a rung",
            _firings,
            (
                Count("firings", called("触发", "Firings")),
                Count("warnings", called("预警", "Warnings"), "warning"),
                Count("due", called("到期", "Due"), "due"),
                Count("escalations", called("升级", "Escalations"), "escalation"),
                Count("told_nobody", called("无人可告知", "Told nobody"), "told_nobody"),
            ),
            {"deadline": called("期限", "Deadline"), "rung": called("阶梯级", "Rung")},
        ),
    ),
)  # fmt: skip
