"""What came out of decisions beside what the rules say: the law, and what a draft would have answered otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import polars as pl

from domain.events import GateOverridden
from projections.ledger.view import Partitions, View
from projections.replay.asking import Window
from projections.replay.judging import CASE, Answers, Cases
from projections.replay.plans import Plan


class Verdict(StrEnum):
    """How a draft answers a recorded decision."""

    unchanged = "unchanged"
    newly_refused = "newly_refused"
    newly_allowed = "newly_allowed"
    not_judgeable = "not_judgeable"


class Law(StrEnum):
    """Whether the rules a decision was made under say again what came out of it; `erased`: it hangs on values nobody can read any more."""

    reproduced = "reproduced"
    erased = "erased"
    different = "different"


@dataclass(frozen=True)
class Outcome:
    """What came out of a recorded decision: accepted (then `unmet` was waived), or refused for what was unmet."""

    accepted: bool
    unmet: frozenset[str]


LAW: Final = "law"
_SAYS: Final = {"law": pl.String(), "verdict": pl.String(), "requirements": pl.List(pl.String())}


def compared(
    cases: Cases, plans: Sequence[Plan], view: View, partition: Partitions, window: Window
) -> pl.DataFrame:
    """Put what came out of decisions beside what the rules said to them: `law`, `verdict` (null: the draft was not asked), `requirements`."""
    came = (
        view.scan("outcomes", partition=partition)
        .filter(pl.col("position") > window.after, pl.col("position") <= window.upto)
        .select("position", "accepted", pl.col("unmet").list.join("\n"))
        .collect()
    )
    by = [CASE, "on_basis", "accepted", "unmet", "imported"]
    asked = (
        cases.rows.select(CASE, "on_basis", "position")
        .join(came, on="position", how="left", maintain_order="left")
        .with_columns(imported=_imported(cases.rows, plans, view, partition) & pl.col("accepted"))
        .select(by)
    )
    kinds = asked.unique().sort(by)
    said = [
        _said(
            cases,
            plans,
            int(number),
            bool(on_basis),
            Outcome(bool(accepted), _ids(unmet)),
            imported=bool(imported),
        )
        for number, on_basis, accepted, unmet, imported in kinds.iter_rows()
    ]
    answers = pl.DataFrame(said, schema=_SAYS, orient="row")
    found = asked.join(
        pl.concat([kinds, answers], how="horizontal"),
        on=by,
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return cases.rows.with_columns(found.drop(CASE, "on_basis").get_columns())


def _ids(joined: str | None) -> frozenset[str]:
    return frozenset(joined.split("\n")) if joined else frozenset()


def _imported(rows: pl.DataFrame, plans: Sequence[Plan], view: View, partition: Partitions) -> pl.Series:
    """Tell where requirements were waived because what happened elsewhere was taken in as it was: no override was made by name."""
    nothing = pl.repeat(False, rows.height, eager=True).alias("imported")
    if not any(item.is_right for plan in plans for item in plan.drafted or ()):
        return nothing
    overridden = (
        view.scan("events", partition=partition)
        .filter(pl.col("topic") == GateOverridden.TOPIC)
        .select("record", "began", by_name=pl.lit(value=True))
        .unique()
        .collect()
    )
    found = rows.select("record", "began", "waives").join(
        overridden, on=["record", "began"], how="left", maintain_order="left"
    )
    return found.select(pl.col("waives") & pl.col("by_name").is_null()).to_series().alias("imported")


def _said(
    cases: Cases, plans: Sequence[Plan], number: int, on_basis: bool, outcome: Outcome, *, imported: bool
) -> tuple[Any, ...]:
    group, waived, answers = cases.cases[number]
    plan = plans[group]
    asked_to_waive = frozenset(waived)
    law = Law.different
    if plan.published is not None and on_basis:
        law = _law(plan, answers, asked_to_waive, outcome)
    if plan.drafted is None and not plan.gone:
        return law.value, None, []
    verdict, requirements = _verdict(plan, answers, asked_to_waive, outcome, imported=imported)
    return law.value, verdict.value, requirements


def _law(plan: Plan, answers: Answers, waived: frozenset[str], outcome: Outcome) -> Law:
    asked = plan.published or ()
    missing = frozenset(item.id for item in asked if not answers.is_met(item))
    if _answer(missing, waived) == outcome:
        return Law.reproduced
    hanging = frozenset(item.id for item in asked if answers.rests_on_erased(item))
    as_then = (missing - hanging) | (outcome.unmet & hanging)
    return Law.erased if hanging and _answer(as_then, waived) == outcome else Law.different


def _answer(missing: frozenset[str], waived: frozenset[str]) -> Outcome:
    """What rules say to a decision by what is missing: accepted when all of it is waived."""
    left = missing - waived
    return Outcome(not left, left or missing)


def _verdict(
    plan: Plan, answers: Answers, waived: frozenset[str], outcome: Outcome, *, imported: bool
) -> tuple[Verdict, list[str]]:
    if plan.gone:
        return Verdict.not_judgeable, list(plan.gone)
    refusing, unknown = refused_by(plan, answers, waived, outcome.unmet, imported=imported)
    if refusing:
        return Verdict.newly_refused if outcome.accepted else Verdict.unchanged, refusing
    if unknown:
        return Verdict.not_judgeable, unknown
    if outcome.accepted:
        return Verdict.unchanged, []
    return Verdict.newly_allowed, sorted(outcome.unmet)


def refused_by(
    plan: Plan, answers: Answers, waived: frozenset[str], unmet: frozenset[str], *, imported: bool
) -> tuple[list[str], list[str]]:
    """Name the requirements of the draft that refuse an attempt, and those nobody can judge, in the order they are asked."""
    refusing, unknown = [], []
    for item in plan.drafted or ():
        if item.id in waived or (item.is_right and imported):
            continue
        if answers.is_unknown(item):
            unknown.append(item.id)
        elif item.same and answers.rests_on_erased(item):
            # Nobody can judge it again, and the same rule on the same words would have said the same.
            if item.id in unmet:
                refusing.append(item.id)
        elif not answers.is_met(item):
            refusing.append(item.id)
    return refusing, unknown


def is_met_by(plan: Plan, answers: Answers, waived: frozenset[str], *, imported: bool) -> bool:
    """Tell whether an attempt meets all the draft asks, by what is on record and can be read; of rights nobody can judge it has none."""
    return all(
        answers.is_met(item) and not (item.is_right and answers.is_unknown(item))
        for item in plan.drafted or ()
        if item.id not in waived and not (item.is_right and imported)
    )
