"""Metrics whose case is a record: where records stand, whether they kept to the required way, and steps claimed without proof."""

import polars as pl

from domain.money import MINOR_DIGITS
from domain.playbook.model import Kind
from projections.metrics.contract import (
    AT_THE_POSITION,
    EFFECTIVE,
    NO_RATES,
    RECORDED,
    Count,
    Frame,
    Metric,
    Only,
    Records,
    Several,
    Share,
    Sum,
    called,
    clause,
)
from projections.metrics.reading import Reading
from projections.metrics.sources import Source, table_of
from projections.metrics.ways import skipped, up_to

_TEXT, _FLAG = pl.String(), pl.Boolean()
_MONEY = r'^\{"amount":"(?<amount>-?[0-9]{1,15}(?:\.[0-9]{1,3})?)","currency":"(?<currency>[A-Z]{3})"\}$'


def _distribution(source: Source) -> pl.LazyFrame:
    standing = source.standing().with_columns(moment=source.now)
    worth = source.reading.kind.worth
    if worth is None:
        nothing = {"worth_minor": pl.lit(None, pl.Int64()), "currency": pl.lit(None, _TEXT)}
        return standing.with_columns(has_worth=pl.lit(value=False), **nothing)
    values = source.values(worth).select("record", _read=pl.col("new").str.extract_groups(_MONEY))
    return (
        standing.join(values, on="record", how="left")
        .unnest("_read")
        .with_columns(worth_minor=_minor(pl.col("amount"), pl.col("currency")))
        .with_columns(has_worth=pl.col("worth_minor").is_not_null())
        .drop("amount")
    )


def _minor(amount: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Count an amount in the minor units of its currency: the digits as they stand, with zeros for decimals left out."""
    digits = currency.replace_strict(MINOR_DIGITS, default=2, return_dtype=pl.Int64())
    decimals = amount.str.extract(r"\.([0-9]+)$").fill_null("")
    whole = amount.str.extract(r"^(-?[0-9]+)")
    padded = decimals.str.pad_end(3, "0").str.slice(0, digits)
    is_exact = decimals.str.len_chars().cast(pl.Int64()) <= digits
    return pl.when(is_exact).then((whole + padded).cast(pl.Int64(), strict=False))


STAGE_DISTRIBUTION = Metric(
    name="stage_distribution",
    label=called("阶段分布", "Stage distribution"),
    meaning=clause("有多少条记录停在哪里，值多少钱。", "How many records stand where, and what they are worth."),
    axis=RECORDED,
    unit=clause("在所问位置上停在某个步骤的一条记录", "a record that stands in a step at the position"),
    running=clause("每条记录都算在它所在之处，已结束的算在最后的步骤；手册不认识的步骤，其结果为 `unknown`", "every record counts where it stands, ended ones in their last step; a step the playbook does not know has the outcome `unknown`"),
    denominator=NO_RATES,
    nulls=clause("含有两种货币的单元，金额未知，货币也未知，由 `mixed_currencies` 说明；`worth_records` 说明有多少条的金额可以读出", "the worth of a cell with two currencies is unknown, and so is its currency: `mixed_currencies` says so; `worth_records` says how many have a worth that can be read"),
    team=AT_THE_POSITION,
    frames=(
        Frame(
            "a record",
            _distribution,
            (
                Count("records", called("记录数", "Records")),
                Sum("worth_minor", called("金额（最小单位）", "Worth in minor units"), "worth_minor", "has_worth", one="currency", of="worth"),
                Only("worth_currency", called("金额的货币", "Currency of the worth"), "currency", "has_worth"),
                Count("worth_records", called("有金额的记录", "Records with a worth"), "has_worth"),
                Several("mixed_currencies", called("多种货币", "Several currencies"), "currency", "has_worth"),
            ),
            {"outcome": called("结果", "Outcome")},
            snapshot=True,
        ),
    ),
)  # fmt: skip


def _required_way(source: Source) -> pl.LazyFrame:
    """What goes against the required way, one row each: at which visit, and what."""
    kind = source.reading.kind
    visits = source.visits().select(
        "record", "position", "step", "before", "move", "overridden", path=_path(kind)
    )
    first = visits.filter(pl.col("position") == pl.col("position").min().over("record"))
    late = _not_in(first, kind, "opened_late")
    off_path = _not_in(visits, kind, "off_path")
    by_move = [
        _violation(visits.filter(pl.col("move") == move), name)
        for move, name in (("back", "back"), ("re-entry", "repeated"), ("reopen", "reopened"))
    ]
    overridden = _violation(visits.filter("overridden"), "overridden")
    return pl.concat([late, off_path, *by_move, overridden, _skipped(source, visits)])


def _path(kind: Kind) -> pl.Expr:
    """The path of a visit; one that is gone is the kind's own way."""
    return pl.when(pl.col("path").is_in(list(kind.paths))).then(pl.col("path"))


def _violation(visits: pl.LazyFrame, name: str) -> pl.LazyFrame:
    return visits.select("record", "position", violation=pl.lit(name))


def _not_in(visits: pl.LazyFrame, kind: Kind, name: str) -> pl.LazyFrame:
    steps = kind.opening_steps if name == "opened_late" else lambda path: tuple(kind.steps_of(path))
    rows = [(path, step) for path in (None, *kind.paths) for step in steps(path)]
    allowed = table_of(
        {"path": [path for path, _ in rows], "step": [step for _, step in rows]},
        {"path": _TEXT, "step": _TEXT},
    )
    return _violation(visits.join(allowed, on=["path", "step"], how="anti", nulls_equal=True), name)


def _skipped(source: Source, visits: pl.LazyFrame) -> pl.LazyFrame:
    """Skipping passes over the steps between; one the record has been in before was not left out."""
    kind = source.reading.kind
    rows = [
        (path, before, after, between)
        for path in (None, *kind.paths)
        for before in kind.steps
        for after in kind.steps
        for between in skipped(kind, path, before, after)
    ]
    names = ("path", "before", "step", "#between")
    passed_over = table_of(
        {name: [row[place] for row in rows] for place, name in enumerate(names)}, dict.fromkeys(names, _TEXT)
    )
    first_entries = visits.group_by("record", pl.col("step").alias("#between")).agg(
        pl.col("position").min().alias("#entered")
    )
    return (
        visits.filter(pl.col("move") == "skip")
        .join(passed_over, on=["path", "before", "step"], nulls_equal=True)
        .join(first_entries, on=["record", "#between"], how="left")
        .filter(pl.col("#entered").is_null() | (pl.col("#entered") >= pl.col("position")))
        .select("record", "position", violation=pl.lit("skipped:") + pl.col("#between"))
    )


def _opened(source: Source) -> pl.LazyFrame:
    records = source.scan("records").filter(source.in_period("opened_at"))
    return records.select("record", "kind", "position", "path", moment="opened_at")


def _conformance(source: Source) -> pl.LazyFrame:
    found = _required_way(source).group_by("record").agg(violations=pl.col("violation").unique().sort())
    ended = pl.col("outcome").is_in(["won", "lost", "closed"]).fill_null(value=False)
    flagged = (
        _opened(source)
        .join(found, on="record", how="left")
        .join(source.standing().select("record", "outcome"), on="record", how="left")
        .with_columns(violating=pl.col("violations").is_not_null())
        .with_columns(
            running=~pl.col("violating") & (pl.col("outcome") == "open").fill_null(value=False),
            conforming=~pl.col("violating") & ended,
        )
    )
    return flagged.with_columns(judged=pl.col("conforming") | pl.col("violating"))


def _violations(source: Source) -> pl.LazyFrame:
    opened = _opened(source).select("record", "kind", "path", "moment")
    return opened.join(_required_way(source), on="record")


CONFORMANCE = Metric(
    name="conformance",
    label=called("流程符合度", "Conformance"),
    meaning=clause(
        "有多少条记录走了规定的路：从起点新建，经过路径上每个进行中的步骤，没有遗漏，没有退回，没有豁免。",
        "How many records kept to the required way: opened where a record begins, every open step of the path, none left out, no way back, nothing waived.",
    ),
    axis=EFFECTIVE,
    unit=clause("周期内新建的一条记录", "a record opened in the period"),
    running=clause(
        "没有违规的进行中记录为进行中，尚未判定；有违规的已算违规。输单或已关闭的记录，只要走过的路符合就算符合",
        "an open record without a violation is running and not judged yet; with a violation it is violating already."
        " A lost or closed record conforms if its way so far did",
    ),
    denominator=clause("比率以符合和违规的记录为分母", "rates are among conforming and violating records"),
    nulls=clause(
        "新建时刻未知的记录不属于任何周期；手册不认识其步骤的记录算偏离路径",
        "a record opened at an unknown moment is in no period; a record whose step the playbook does not know is off its path",
    ),
    frames=(
        Frame(
            "a record",
            _conformance,
            (
                Count("records", called("记录数", "Records")),
                Count("violating", called("违反", "Violating"), "violating"),
                Count("running", called("进行中", "Running"), "running"),
                Count("conforming", called("符合", "Conforming"), "conforming"),
                Count("judged", called("可判定", "Judged"), "judged"),
                Share(
                    "rate_percent", called("符合率（%）", "Conformance in percent"), "conforming", "judged"
                ),
            ),
        ),
        Frame(
            "a violation: what a visit did against the required way",
            _violations,
            (Count("violations", called("违反次数", "Violations")),),
            {"violation": called("违反原因", "Violation")},
        ),
    ),
)


def _contradictions(source: Source) -> pl.LazyFrame:
    reading = source.reading
    kind = reading.kind
    standing = source.standing().with_columns(path=_path(kind), moment=source.now)
    claimed = standing.join(_claims(reading), on=["path", "step"], nulls_equal=True)
    shown = pl.concat([_proven(source), _filled(source)])
    waived = _waived(source)
    return (
        claimed.join(shown.with_columns(_shown=pl.lit(value=True)), on=["record", "requirement"], how="left")
        .join(waived.with_columns(_waived=pl.lit(value=True)), on=["record", "requirement"], how="left")
        .with_columns(unmet=pl.col("_shown").is_null())
        .with_columns(waived=pl.col("unmet") & pl.col("_waived").is_not_null())
        .with_columns(contradictory=pl.col("unmet") & ~pl.col("waived"))
        .drop("_shown", "_waived")
    )


def _claims(reading: Reading) -> pl.LazyFrame:
    """What standing in a step claims: the fields and evidence every entering gate of the way so far asked for."""
    kind = reading.kind
    rows = [
        (path, step, requirement)
        for path in (None, *kind.paths)
        for step, outcome in reading.outcomes.items()
        if outcome in ("open", "won")
        for requirement in dict.fromkeys(
            f"{what}:{name}"
            for passed in up_to(kind, path, step)
            for gate in (kind.steps[passed].stage.enter, kind.steps[passed].enter)
            for what, names in (("field", gate.fields), ("evidence", gate.evidence))
            for name in names
        )
    ]
    names = ("path", "step", "requirement")
    return table_of(
        {name: [row[place] for row in rows] for place, name in enumerate(names)}, dict.fromkeys(names, _TEXT)
    )


def _asked_fields(kind: Kind) -> list[str]:
    gates = [part.enter for step in kind.steps.values() for part in (step.stage, step)]
    return list(dict.fromkeys(name for gate in gates for name in gate.fields))


def _filled(source: Source) -> pl.LazyFrame:
    """The fields that hold a value, as requirements that are met."""
    found = [
        source.values(name)
        .filter(pl.col("new").is_not_null())
        .select("record", requirement=pl.lit(f"field:{name}"))
        for name in _asked_fields(source.reading.kind)
    ]
    return pl.concat([*found, pl.LazyFrame(schema={"record": _TEXT, "requirement": _TEXT})])


def _proven(source: Source) -> pl.LazyFrame:
    """The evidence that was ever attached, as requirements that are met."""
    pieces = source.evidence().select("record", requirement=pl.lit("evidence:") + pl.col("evidence_field"))
    return pieces.unique()


def _waived(source: Source) -> pl.LazyFrame:
    """What accepted decisions waived; asking in vain waives nothing."""
    accepted = source.scan("outcomes").filter("accepted").select("position")
    decisions = source.scan("decisions").filter(pl.col("waived").list.len() > 0)
    asked = decisions.select("record", "position", requirement="waived").explode("requirement")
    named = asked.join(accepted, on="position", how="semi").select(
        "record", requirement=source.reading.requirement(pl.col("requirement"))
    )
    return named.unique()


CONTRADICTIONS = Metric(
    name="contradictions",
    label=called("无证据的阶段", "Contradictions"),
    meaning=clause("哪些记录停在某个步骤，却缺少走到那里所要求的：字段为空，或证据从未上传。", "Which records stand in a step without what the way there asks for: a field that is empty, evidence that was never attached."),
    axis=RECORDED,
    unit=clause("停在进行中或赢单步骤的一条记录，加上到此为止路径上的进入关口所要求的一个字段或一份证据（赢单：整条路径）", "a record in an open or won step, and a field or piece of evidence that an entering gate on its way so far requires (won: of the whole way)"),
    running=clause("进行中的记录只问走到所在之处的路；输单和已关闭的不作任何主张", "open records are asked for the way up to where they stand; lost and closed ones claim nothing"),
    denominator=clause("比率以有所要求的记录为分母", "rates are of the records of whom something is required"),
    nulls=clause("封存的值算已填写；手册不认识的步骤没有要求", "a sealed value fills its field; a step the playbook does not know requires nothing"),
    team=AT_THE_POSITION,
    frames=(
        Frame(
            "a requirement of a record",
            _contradictions,
            (
                Count("requirements", called("要求", "Requirements")),
                Count("contradictory", called("无证据", "Contradictory"), "contradictory"),
                Count("waived", called("已豁免", "Waived"), "waived"),
                Records("records", called("记录数", "Records")),
                Records("records_contradictory", called("无证据的记录", "Contradictory records"), "contradictory"),
                Share("rate_percent", called("无证据的记录（%）", "Contradictory records in percent"), "records_contradictory", "records"),
            ),
            {"requirement": called("要求", "Requirement")},
            snapshot=True,
        ),
    ),
)  # fmt: skip
