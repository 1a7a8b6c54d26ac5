"""Judging in columns: every question that is asked of many attempts is answered once for all of them, and the answers are
packed into whole numbers, so that attempts that are alike in all that matters become one case.

Nothing here knows what came out of a decision.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from domain.rules import nodes as t
from projections.replay.decided import GROUP
from projections.replay.happened import Happened
from projections.replay.keyed import CODE
from projections.replay.organised import Organised
from projections.replay.plans import Item, Plan
from projections.replay.questions import (
    HasNoEntry,
    HasNoMoment,
    HoldsRole,
    IsErased,
    IsFilled,
    IsPerson,
    IsProven,
    IsTrue,
    Question,
    WasUnknown,
)
from projections.replay.state import State
from projections.rule_columns import column_name, column_of_json, compile_columns, facts_asked, fields_asked

_BITS: Final = 62
"""Answers in one whole number."""

CASE: Final = "#case"

_NEEDED: Final = (
    GROUP, CODE, "record", "fields_upto", "facts_upto", "stood_upto", "edits_of", "at", "before", "after", "unknown",
    "person", "basis",
)  # fmt: skip


@dataclass(frozen=True)
class Grounds:
    """What attempts of one partition are judged on."""

    state: State
    happened: Happened
    organised: Organised


@dataclass(frozen=True)
class Answers:
    """How the questions of a plan are answered for the attempts of one case."""

    yes: frozenset[Question]

    def is_met(self, item: Item) -> bool:
        """Tell whether a requirement is met."""
        met = item.is_met if isinstance(item.is_met, bool) else item.is_met in self.yes
        return met or (item.only_if is not None and item.only_if not in self.yes)

    def rests_on_erased(self, item: Item) -> bool:
        """Tell whether it rests on values nobody can read any more."""
        return any(question in self.yes for question in item.erased)

    def is_unknown(self, item: Item) -> bool:
        """Tell whether it asks for what nobody knew, or no playbook asked for, at that time."""
        if item.same or (item.only_unmet and self.is_met(item)):
            return False
        if item.is_right:
            return any(question in self.yes for question in item.unknown)
        return item.is_unknown or any(question in self.yes for question in item.unknown)


@dataclass(frozen=True)
class Cases:
    """Attempts with the number of their case, and of each case its group, what it asked to waive, and its answers."""

    rows: pl.DataFrame
    cases: tuple[tuple[int, tuple[str, ...], Answers], ...]


def judged(rows: pl.DataFrame, plans: Sequence[Plan], grounds: Grounds) -> Cases:
    """Answer everything that is asked of attempts, and tell their cases apart; `rows` have the column `GROUP`, the place of their plan."""
    askers: dict[Question, set[int]] = {}
    for group, plan in enumerate(plans):
        for question in plan.questions:
            askers.setdefault(question, set()).add(group)
    questions = list(askers)
    asking = _Asking(rows.select(_NEEDED))
    answers: list[tuple[int, pl.Series]] = []
    for number, question in enumerate(questions):
        answer = asking.answer(question, tuple(sorted(askers[question])), grounds)
        if answer is not None:
            answers.append((number, answer.alias(str(number))))
    names = [f"#word{number}" for number in range(len(questions) // _BITS + 1)]
    words = pl.DataFrame([rows.get_column(GROUP), *(answer for _, answer in answers)]).select(
        pl.sum_horizontal(
            pl.lit(0, pl.Int64),
            *(
                pl.col(str(number)).cast(pl.Int64) * (1 << number % _BITS)
                for number, _ in answers
                if number // _BITS == word
            ),
        ).alias(name)
        for word, name in enumerate(names)
    )
    if words.height != rows.height:
        words = pl.concat([words] * rows.height) if rows.height else words.clear()
    marked = pl.concat([rows, words], how="horizontal")
    by = [GROUP, "#waived", *names]
    cases = marked.select(by).unique().sort(by).with_row_index(CASE)
    numbered = marked.join(cases, on=by, how="left", maintain_order="left").drop(names)
    return Cases(
        numbered,
        tuple(
            (group, tuple(waived.split("\n")) if waived else (), Answers(frozenset(_yes(questions, told))))
            for group, waived, *told in cases.select(by).iter_rows()
        ),
    )


def _yes(questions: Sequence[Question], words: Sequence[int]) -> Iterator[Question]:
    for number, question in enumerate(questions):
        if words[number // _BITS] >> number % _BITS & 1:
            yield question


class _Asking:
    """Attempts by the groups that ask the same: which they are is worked out once."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows
        self._by_groups: dict[tuple[int, ...], tuple[pl.Series, pl.DataFrame]] = {}

    def answer(self, question: Question, groups: tuple[int, ...], grounds: Grounds) -> pl.Series | None:
        """Answer a question for the attempts whose groups ask it; None where the answer is no for all."""
        if isinstance(question, IsErased) and not grounds.state.may_be_erased(
            question.reading.sources(question.name)
        ):
            return None
        if isinstance(question, WasUnknown) and not grounds.state.unknown_names:
            return None
        if groups not in self._by_groups:
            place = self._rows.get_column(GROUP).is_in(groups).arg_true()
            self._by_groups[groups] = (place, self._rows[place])
        place, asking = self._by_groups[groups]
        if asking.is_empty():
            return None
        answer = _answered(question, asking, grounds)
        if not answer.any():
            return None
        if asking.height == self._rows.height:
            return answer
        return pl.repeat(False, self._rows.height, eager=True).scatter(place, answer)


def _answered(question: Question, rows: pl.DataFrame, grounds: Grounds) -> pl.Series:
    match question:
        case IsFilled(reading, name):
            return grounds.state.held(name, reading, rows).is_filled
        case IsProven(reading, name, zone, validity):
            return grounds.happened.evidence(name, reading, validity, zone, rows)
        case IsTrue():
            return _is_true(question, rows, grounds)
        case WasUnknown(reading, name):
            return grounds.state.was_unknown(name, reading, rows)
        case IsErased(reading, name):
            return grounds.state.held(name, reading, rows).erased
        case HasNoMoment():
            return rows.get_column("at").is_null()
        case HasNoEntry():
            return grounds.happened.has_no_entry(rows)
        case HoldsRole(roles):
            held = grounds.organised.stood(rows.get_column("person"), rows.get_column("basis"))
            return (
                held.get_column("roles")
                .list.eval(pl.element().is_in(sorted(roles)))
                .list.any()
                .fill_null(value=False)
            )
        case IsPerson(is_so):
            known = grounds.organised.stood(rows.get_column("person"), rows.get_column("basis"))
            return known.get_column("person").is_not_null() == is_so


def _is_true(question: IsTrue, rows: pl.DataFrame, grounds: Grounds) -> pl.Series:
    tree: t.Node = question.tree
    columns = [
        column_of_json(field, grounds.state.held(field.name, question.reading, rows).opened)
        for field in sorted({column_name(f): f for f in fields_asked([tree])}.values(), key=column_name)
    ]
    asked = sorted(facts_asked([tree]), key=column_name)
    facts = [fact for fact in asked if fact.name != "approved"]
    columns += [_is_approved(fact, question, rows, grounds) for fact in asked if fact.name == "approved"]
    table = pl.DataFrame([pl.int_range(rows.height, eager=True).alias("row"), *columns])
    if facts:
        found = grounds.happened.facts(facts, question.reading, question.validity, question.zone, rows)
        table = table.with_columns(found)
    return table.with_columns(answer=compile_columns(tree)).get_column("answer").fill_null(value=False)


def _is_approved(fact: t.Fact, question: IsTrue, rows: pl.DataFrame, grounds: Grounds) -> pl.Series:
    """An approval holds as long as nothing it stands on was given another value since it was asked for."""
    chain = str(fact.arguments[0])
    since = grounds.happened.approved_since(chain, rows)
    holds = since.is_not_null()
    for name in dict(question.stands_on)[chain]:
        holds = holds & ~grounds.state.changed_since(name, question.reading, rows, since)
    return holds.alias(column_name(fact))
