"""Judging in columns: every question that is asked of many attempts is answered once for all of them, and the answers are
packed into whole numbers, so that attempts that are alike in all that matters become one case.

Nothing here knows what came out of a decision.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    Reading,
    WasUnknown,
)
from projections.replay.state import Held, State
from projections.rule_columns import column_name, column_of_json, compile_columns, facts_asked, fields_asked

_BITS: Final = 62
"""Answers in one whole number."""

CASE: Final = "#case"

NEEDED: Final = (
    GROUP, CODE, "fields_upto", "facts_upto", "stood_upto", "edits_of", "at", "before", "after", "unknown",
    "person", "basis",
)  # fmt: skip
"""The columns attempts are judged by; beside them `#waived`, what they asked to waive."""


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
    asked_by: dict[tuple[int, ...], list[int]] = {}
    for number, question in enumerate(questions):
        asked_by.setdefault(tuple(sorted(askers[question])), []).append(number)
    words = [pl.repeat(0, rows.height, dtype=pl.Int64, eager=True)] * (len(questions) // _BITS + 1)
    asking = rows.select(NEEDED)
    for groups, numbers in asked_by.items():
        answered = _Answered.by(asking, groups, {number: questions[number] for number in numbers}, grounds)
        words = [answered.within(number, word) for number, word in enumerate(words)]
    by = [GROUP, "#waived", *(f"#word{number}" for number in range(len(words)))]
    marked = rows.select(GROUP, "#waived").hstack(
        [word.alias(name) for word, name in zip(words, by[2:], strict=True)]
    )
    cases = marked.unique().sort(by).with_row_index(CASE)
    place = marked.join(cases, on=by, how="left", maintain_order="left").get_column(CASE)
    return Cases(
        rows.with_columns(place),
        tuple(
            (group, tuple(waived.split("\n")) if waived else (), Answers(frozenset(_yes(questions, told))))
            for group, waived, *told in cases.select(by).iter_rows()
        ),
    )


def _yes(questions: Sequence[Question], words: Sequence[int]) -> Iterator[Question]:
    for number, question in enumerate(questions):
        if words[number // _BITS] >> number % _BITS & 1:
            yield question


@dataclass(frozen=True)
class _Asking:
    """Attempts that are asked the same questions; what their fields held is looked up once, and read once for each type it is asked as."""

    rows: pl.DataFrame
    grounds: Grounds
    _held: dict[tuple[str, Reading], Held] = field(default_factory=dict)
    _columns: dict[tuple[Reading, t.Field], pl.Series] = field(default_factory=dict)

    def held(self, name: str, reading: Reading) -> Held:
        """Return what a field held, as a version reads it."""
        key = (name, reading)
        if key not in self._held:
            self._held[key] = self.grounds.state.held(name, reading, self.rows)
        return self._held[key]

    def column(self, asked: t.Field, reading: Reading) -> pl.Series:
        """Return the values a rule reads of a field."""
        key = (reading, asked)
        if key not in self._columns:
            self._columns[key] = column_of_json(asked, self.held(asked.name, reading).opened)
        return self._columns[key]


@dataclass(frozen=True)
class _Answered:
    """The attempts of some groups, by their places, and what they answer to the questions these groups ask, by number; no to all is left out."""

    place: pl.Series
    answers: Mapping[int, pl.Series]

    @classmethod
    def by(
        cls, rows: pl.DataFrame, groups: tuple[int, ...], questions: Mapping[int, Question], grounds: Grounds
    ) -> "_Answered":
        """Ask the attempts whose groups ask the same questions."""
        place = rows.get_column(GROUP).is_in(groups).arg_true()
        asking = rows if place.len() == rows.height else rows[place]
        found: dict[int, pl.Series] = {}
        attempts = _Asking(asking, grounds)
        if not asking.is_empty():
            for number, question in questions.items():
                if not _may_be(question, grounds):
                    continue
                answer = _answered(question, attempts)
                if answer.any():
                    found[number] = answer.alias(str(number))
        return cls(place, found)

    def within(self, number: int, word: pl.Series) -> pl.Series:
        """Put the answers whose place is in a word into that word."""
        own = [(asked % _BITS, answer) for asked, answer in self.answers.items() if asked // _BITS == number]
        if not own:
            return word
        packed = pl.DataFrame([answer for _, answer in own]).select(
            pl.sum_horizontal(pl.col(answer.name).cast(pl.Int64) * (1 << bit) for bit, answer in own)
        )
        told = packed.to_series()
        if told.len() < word.len():
            told = pl.repeat(0, word.len(), dtype=pl.Int64, eager=True).scatter(self.place, told)
        return word + told


def _may_be(question: Question, grounds: Grounds) -> bool:
    """Tell whether the answer may be yes for anybody at all."""
    if isinstance(question, IsErased):
        return grounds.state.may_be_erased(question.reading.sources(question.name))
    return not isinstance(question, WasUnknown) or bool(grounds.state.unknown_names)


def _answered(question: Question, asking: _Asking) -> pl.Series:
    rows, grounds = asking.rows, asking.grounds
    match question:
        case IsFilled(reading, name):
            return asking.held(name, reading).is_filled
        case IsProven(reading, name, zone, validity):
            return grounds.happened.evidence(name, reading, validity, zone, rows)
        case IsTrue():
            return _is_true(question, asking)
        case WasUnknown(reading, name):
            return grounds.state.was_unknown(name, reading, rows)
        case IsErased(reading, name):
            return asking.held(name, reading).erased
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


def _is_true(question: IsTrue, asking: _Asking) -> pl.Series:
    tree: t.Node = question.tree
    rows, grounds = asking.rows, asking.grounds
    columns = [
        asking.column(asked, question.reading)
        for asked in sorted({column_name(f): f for f in fields_asked([tree])}.values(), key=column_name)
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
