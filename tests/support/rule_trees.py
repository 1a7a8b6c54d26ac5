"""Random rules, rows and facts, for whoever must give the same answer as the closure.

One grammar, two ways to draw from it: with Hypothesis (`conditions()`, `rows()`, `facts()`: failures shrink), or with
a `random.Random` for very many cases (`Grammar(rng.choice)`).
Every tree is one the checker could have produced for `VOCABULARY`, so that it survives being written and parsed.
Values are drawn from small sets on purpose: comparisons must often be equal, unknown or on a border.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from domain.money import Money
from domain.rules import nodes as t
from domain.rules.arithmetic import (
    LITERAL_LIMIT,
    RESULT_LIMIT,
    add,
    canonical,
    divide,
    fits,
    multiply,
    number_text,
    subtract,
)
from domain.rules.facts import ANY_TOUCH
from domain.rules.outcomes import spelled_type, type_spelled
from domain.rules.types import FieldType, ValueType, Vocabulary
from domain.values import Stored, is_personal, load, moment_text, money_object

V = ValueType
STAGES = ("lead", "quoted", "won")
OPTIONS = {
    "industry": ("retail", "health", "智能硬件"),
    "segment": ("retail", "o'clock"),
    "interests": ("demo", "price", "比价"),
}
VOCABULARY = Vocabulary(
    fields={
        "discount": FieldType(V.number),
        "seats": FieldType(V.number),
        "order": FieldType(V.number),
        "amount": FieldType(V.money, currency="CNY"),
        "客户预算": FieldType(V.money, currency="CNY"),
        "list price": FieldType(V.money, currency="KWD"),
        "title": FieldType(V.text),
        'odd "name"': FieldType(V.text),
        "due": FieldType(V.date),
        "signed": FieldType(V.date),
        "met_at": FieldType(V.datetime),
        "called_at": FieldType(V.datetime),
        "urgent": FieldType(V.boolean),
        "NULL": FieldType(V.boolean),
        "industry": FieldType(V.choice, OPTIONS["industry"]),
        "segment": FieldType(V.choice, OPTIONS["segment"]),
        "interests": FieldType(V.choices, OPTIONS["interests"]),
        "owner": FieldType(V.person),
        "partner": FieldType(V.reference),
        "phone": FieldType(V.phone),
        "email": FieldType(V.email),
    },
    evidence_types=("red_stamp_scan", "cost_sheet"),
    touch_kinds=("wechat", "visit"),
    stages=STAGES,
    work_templates=("demo", "o'clock check"),
    approval_chains=("discount", "terms"),
    forms={
        "demo": {
            "score": FieldType(V.number),
            "price": FieldType(V.money, currency="CNY"),
            "list price": FieldType(V.money, currency="KWD"),
            "held_on": FieldType(V.date),
            "held_at": FieldType(V.datetime),
            "went_well": FieldType(V.boolean),
            "held_by": FieldType(V.person),
        },
        "o'clock check": {
            "what's said": FieldType(V.text),
            "verdict": FieldType(V.choice, OPTIONS["industry"]),
            "discount": FieldType(V.number),
        },
    },
)

NUMBERS = [
    Decimal(it)
    for it in (
        "0",
        "1",
        "-1",
        "2",
        "3",
        "7",
        "0.1",
        "0.333333",
        "-2.5",
        "0.000001",
        "-0.000001",
        "0.5",
        "0.000003",
        "0.000005",
        "1000000",
        "1000000000",
        "1000.000001",
        "0.0625",
        "0.00098",
    )
] + [Decimal("999999999999999.999999"), Decimal("-999999999999999.999999")]
TEXTS = ["", "a", "ab", "ABC", "合同 v2", "o'clock", "𝄞", "ﬀ", "100%", "z\u0301"]
EXPRESSIONS = ["b$", "^[A-Z]+$", "[0-9]", "合|v", "^.$", "^$", "o'[^ ]", "(?:a|ab)(?:b|$)", "^p_1[0]?$", "%"]
PATTERNS = ["a", "b", "B", "'", "合", "𝄞", " v"]
IDS = ["p_1", "p_2", "p_10"]
AMOUNTS = ["0", "1", "-1", "0.5", "2.5", "1000000", "999999999999999"]
DAYS = [date(2026, 1, 31), date(2026, 2, 1), date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31)]
MOMENTS = [
    datetime(2026, 1, 31, 8, 0, tzinfo=UTC),
    datetime(2026, 1, 31, 8, 0, 0, 1, tzinfo=UTC),
    datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]
MISFITS: list[Stored] = [
    5,
    -3,
    True,
    "TRUE",
    "abc",
    "1e3",
    " 7 ",
    "+7",
    "007.50",
    "1_000",
    "٣",
    "NaN",
    "Infinity",
    "1e400",
    "1e-400",
    "0.0000005",
    "1.0000000",
    "1000000000000000",
    "-999999999999999.9999995",
    "20260131",
    "2026-W05-6",
    "2026-02-30",
    "0000-01-01",
    "2026-01-31T08:00:00",
    "2026-01-31T09:00:00+01:00",
    "2026-01-31T08:00:00.000001Z",
    "2026-01-31T08:00:60.000000Z",
    "0001-01-01T00:00:00.000000+01:00",
    "9999-12-31T23:59:59.999999Z",
    [],
    ["demo", 5],
    ["demo", "demo"],
    {},
    {"$sealed": "x", "amount": "5", "currency": "CNY"},
    {"$sealed": "y", "amount": "1", "currency": "CNY"},
    {"$sealed": "z", "amount": "-0.5", "currency": "CNY"},
    {"amount": "5", "currency": "CNY"},
    {"amount": 5, "currency": "CNY", "more": None},
    {"amount": "5.005", "currency": "CNY"},
    {"amount": "1.50", "currency": "KWD"},
    {"amount": "1e2", "currency": "CNY"},
    {"amount": "1000000000000000", "currency": "CNY"},
    {"amount": "5", "currency": "USD"},
    {"currency": "CNY"},
]
"""Stored values that some field cannot read, or reads though they are not in the log's own spelling."""

CALCULATE = {"+": add, "-": subtract, "*": multiply, "/": divide}
STEP = Decimal("0.000001")
COMPARISONS = ["=", "<>", "<", "<=", ">", ">="]
ORDERED_KINDS = ("number", "CNY", "KWD", "text", "date", "datetime")
KINDS = (*ORDERED_KINDS, "industry", "stage", "person", "reference", "phone", "email")
FIELDS = {
    "number": ("discount", "seats", "order"),
    "CNY": ("amount", "客户预算"),
    "KWD": ("list price",),
    "text": ("title", 'odd "name"'),
    "date": ("due", "signed"),
    "datetime": ("met_at", "called_at"),
    "industry": ("industry", "segment"),
    "person": ("owner",),
    "reference": ("partner",),
    "phone": ("phone",),
    "email": ("email",),
}
OUTCOMES = {
    "number": (("demo", "score"), ("o'clock check", "discount")),
    "CNY": (("demo", "price"),),
    "KWD": (("demo", "list price"),),
    "text": (("o'clock check", "what's said"),),
    "date": (("demo", "held_on"),),
    "datetime": (("demo", "held_at"),),
    "industry": (("o'clock check", "verdict"),),
    "person": (("demo", "held_by"),),
}
"""What forms say, by kind of value; a form may have a field of the same name as the record."""


@dataclass
class Facts:
    """Facts that were decided beforehand."""

    evidences: Mapping[str, bool | None] = field(default_factory=dict)
    touched: Mapping[str, int | None] = field(default_factory=dict)
    dwelt: Decimal | None = None
    at_stage: str | None = None
    on: date | None = None
    finished: Mapping[str, bool | None] = field(default_factory=dict)
    agreed: Mapping[str, bool | None] = field(default_factory=dict)
    said: Mapping[tuple[str, str], Stored] = field(default_factory=dict)

    def evidence(self, evidence_type: str, /) -> bool | None:
        return self.evidences.get(evidence_type)

    def touches(self, kind: str, days: int, /) -> int | None:
        found = self.touched.get(kind)
        return None if found is None else found + days % 2

    def days_in_stage(self) -> Decimal | None:
        return self.dwelt

    def stage(self) -> str | None:
        return self.at_stage

    def today(self) -> date | None:
        return self.on

    def done(self, template: str, /) -> bool | None:
        return self.finished.get(template)

    def outcome(self, template: str, name: str, answer_type: str, /) -> object:
        return opened(type_spelled(answer_type), self.said.get((template, name)))

    def approved(self, chain: str, /) -> bool | None:
        return self.agreed.get(chain)


class Grammar:
    """Draw trees, rows and facts; `pick` chooses one of a sequence."""

    def __init__(self, pick: Callable[[Sequence[Any]], Any]) -> None:
        self.pick = pick

    def condition(self, depth: int = 3) -> t.Node:
        """Draw a whole rule: true, false or unknown."""
        if depth <= 0 or self.pick(range(4)) == 0:
            match self.pick(range(10)):
                case 0 | 1:
                    return self._leaf()
                case 2 | 3:
                    return self._calculation()
                case _:
                    return self._comparison(max(depth - 1, 0))
        several = [self.condition(depth - 1) for _ in range(self.pick((2, 2, 3)))]
        match self.pick(("and", "and", "or", "or", "not", "is", "null", "=", "coalesce", "in")):
            case "and":
                return t.And(tuple(several))
            case "or":
                return t.Or(tuple(several))
            case "not":
                return t.Not(several[0])
            case "is":
                return t.IsTruth(several[0], self.pick((True, False)))
            case "null":
                return t.IsNull(several[0])
            case "=":
                return t.Compare(self.pick(("=", "<>")), several[0], several[1])
            case "coalesce":
                return t.Coalesce(tuple(several))
            case _:
                return t.In(
                    several[0], tuple(t.BooleanLiteral(it) for it in self.pick(((True,), (False, True))))
                )

    def _leaf(self) -> t.Node:
        match self.pick(("field", "fact", "contains", "literal", "null", "matches")):
            case "field":
                return _field(self.pick(("urgent", "NULL")))
            case "fact" if self.pick(range(4)) == 0:
                return _outcome("demo", "went_well")
            case "fact":
                name, known = self.pick(
                    (
                        ("evidence", VOCABULARY.evidence_types),
                        ("done", VOCABULARY.work_templates),
                        ("approved", VOCABULARY.approval_chains),
                    )
                )
                return t.Fact(name, (self.pick(known),))
            case "contains":
                return t.Contains(_field("interests"), self.pick(OPTIONS["interests"]))
            case "literal":
                return t.BooleanLiteral(self.pick((True, False)))
            case "matches":
                written = self.value(self.pick(("text", "phone", "email")), 1)
                return t.Matches(written, self.pick(EXPRESSIONS))
            case _:
                return t.IsNull(_field("interests"))

    def _comparison(self, depth: int) -> t.Node:
        kind = self.pick(KINDS)
        value = self.value(kind, depth)
        ordered = kind in ORDERED_KINDS
        match self.pick(("compare", "compare", "reverse", "in", "null", "between", "like")):
            case "reverse":
                return t.Compare(
                    self.pick(COMPARISONS if ordered else ("=", "<>")), self.literal(kind), value
                )
            case "in":
                return t.In(value, tuple(self.literal(kind) for _ in range(self.pick((1, 2, 3)))))
            case "null":
                return t.IsNull(value)
            case "between" if ordered:
                return t.Between(value, self.either(kind, depth), self.either(kind, depth))
            case "like" if kind in {"text", "phone", "email"}:
                return t.Like(value, self.pick(("prefix", "suffix", "contains")), self.pick(PATTERNS))
            case _:
                return t.Compare(
                    self.pick(COMPARISONS if ordered else ("=", "<>")), value, self.either(kind, depth)
                )

    def _calculation(self) -> t.Node:
        """Draw a calculation, and compare it with what comes out for some row, or hardly misses it."""
        calculated, result = self._exactly(2)
        if result is None or not -LITERAL_LIMIT < result < LITERAL_LIMIT or self.pick(range(6)) == 0:
            return t.IsNull(calculated)
        near = add(result, self.pick((Decimal(0), Decimal(0), STEP, -STEP)))
        assert near is not None
        wanted = canonical(near if fits(near) else result)
        return t.Compare(self.pick(COMPARISONS), calculated, t.NumberLiteral(wanted))

    def _exactly(self, depth: int) -> tuple[t.Node, Decimal | None]:
        """Draw a calculation of literals and fields, and what comes out where every field has the value drawn for it."""
        if depth <= 0:
            value = self.pick(NUMBERS)
            if self.pick(range(4)) == 0:
                return _field(self.pick(FIELDS["number"])), value
            return t.NumberLiteral(canonical(value)), value
        operator = self.pick(("+", "-", "*", "*", "/", "/"))
        left, first = self._exactly(depth - self.pick((1, 1, 2)))
        right, second = self._exactly(depth - self.pick((1, 2, 2)))
        if operator in "*/" and first and self.pick(range(3)) == 0:
            # The other operand that takes the result to the very end of the range.
            bordering = divide(RESULT_LIMIT, first) if operator == "*" else divide(first, RESULT_LIMIT - 1)
            if bordering is not None and fits(bordering):
                right, second = t.NumberLiteral(canonical(bordering)), bordering
        known = first is not None and second is not None
        return t.Arithmetic(operator, left, right), CALCULATE[operator](first, second) if known else None

    def either(self, kind: str, depth: int) -> t.Node:
        """Draw a literal or something that is none."""
        return self.literal(kind) if self.pick((True, False)) else self.value(kind, depth)

    def value(self, kind: str, depth: int) -> t.Node:
        """Draw a value of a kind that is not a mere literal."""
        numeric = kind in {"number", "CNY", "KWD"}
        if depth <= 0 or self.pick(range(3 if numeric else 2)) == 0:
            if kind == "stage":
                return t.Fact("stage")
            if kind == "date" and self.pick((True, False, False)):
                return t.Fact("today")
            if kind in OUTCOMES and self.pick(range(4)) == 0:
                return _outcome(*self.pick(OUTCOMES[kind]))
            return _field(self.pick(FIELDS[kind]))
        inner = self.value(kind, depth - 1)
        if not numeric or self.pick(range(6)) == 0:
            return t.Coalesce((inner, self.either(kind, depth - 1)))
        if kind == "number" and self.pick(range(3)) == 0:
            return self._counted(depth - 1)
        match self.pick(("+", "-", "*", "/", "reverse", "negate")):
            case "negate":
                return t.Negate(inner)
            case "reverse":
                return t.Arithmetic(self.pick(("+", "-")), self.either(kind, depth - 1), inner)
            case "*" | "/" as operator:
                number = self.either("number", depth - 1)
                if operator == "*" and self.pick((True, False)):
                    return t.Arithmetic("*", number, inner)
                return t.Arithmetic(operator, inner, number)
            case operator:
                return t.Arithmetic(operator, inner, self.either(kind, depth - 1))

    def _counted(self, depth: int) -> t.Node:
        match self.pick(("length", "count", "days", "dwell", "touches", "any", "ratio", "literal")):
            case "length":
                return t.Length(self.value(self.pick(("text", "phone", "email")), depth))
            case "count":
                return t.CountOf(_field("interests"))
            case "days":
                return t.DaysBetween(self.either("date", depth), self.either("date", depth))
            case "dwell":
                return t.Fact("days_in_stage")
            case "touches":
                return t.Fact("touches", (self.pick(VOCABULARY.touch_kinds), self.pick((1, 30))))
            case "any":
                return t.Fact("touches", (ANY_TOUCH, self.pick((7, 3660))))
            case "ratio":
                money = self.pick(("CNY", "KWD"))
                return t.Arithmetic("/", self.value(money, depth), self.value(money, depth))
            case _:
                return t.Negate(self.literal("number"))

    def literal(self, kind: str) -> t.LiteralNode:
        """Draw a literal that fits beside a value of this kind."""
        match kind:
            case "number":
                return t.NumberLiteral(self.pick(NUMBERS))
            case "CNY" | "KWD":
                return t.MoneyLiteral(self.pick(NUMBERS), kind)
            case "date":
                return t.DateLiteral(self.pick(DAYS))
            case "datetime":
                return t.DatetimeLiteral(self.pick(MOMENTS))
            case "industry":
                return t.TextLiteral("retail", V.choice)  # the option that both fields have
            case "stage":
                return t.TextLiteral(self.pick(STAGES), V.choice)
            case "text":
                return t.TextLiteral(self.pick(TEXTS), V.text)
            case _:
                return t.TextLiteral(self.pick(IDS), V(kind))

    def row(self) -> dict[str, object]:
        """Draw the fields of a record: some missing, some NULL, some money in another currency."""
        row: dict[str, object] = {}
        for name, type_ in VOCABULARY.fields.items():
            match self.pick(range(8)):
                case 0:
                    pass
                case 1:
                    row[name] = None
                case _:
                    row[name] = self._stored(type_)
        return row

    def _stored(self, type_: FieldType) -> object:
        match type_.type:
            case V.number:
                return self.pick(NUMBERS)
            case V.money:
                currency = str(type_.currency) if self.pick(range(10)) else "USD"
                return Money.parse(self.pick(AMOUNTS), currency)
            case V.date:
                return self.pick(DAYS)
            case V.datetime:
                return self.pick(MOMENTS)
            case V.boolean:
                return self.pick((True, False))
            case V.choice:
                return self.pick(type_.options)
            case V.choices:
                return tuple(it for it in type_.options if self.pick((True, False)))
            case V.text:
                return self.pick(TEXTS)
            case _:
                return self.pick(IDS)

    def stored_row(self) -> dict[str, Stored]:
        """Draw a row as it stands in the log, where now and then a value does not fit the field of today."""
        row: dict[str, Stored] = {name: stored(value) for name, value in self.row().items()}
        for name in VOCABULARY.fields:
            if self.pick(range(25)) == 0:
                row[name] = self.pick(MISFITS)
        return row

    def _said(self, type_: FieldType) -> Stored:
        match self.pick(range(12)):
            case 0 | 1:
                return None
            case 2:
                return self.pick(MISFITS)
            case _:
                return stored(self._stored(type_))

    def facts(self) -> Facts:
        """Draw facts, each of which may be unknown."""
        kinds = (ANY_TOUCH, *VOCABULARY.touch_kinds)
        return Facts(
            evidences={it: self.pick((True, False, None)) for it in VOCABULARY.evidence_types},
            touched={it: self.pick((None, 0, 1, 3)) for it in kinds},
            dwelt=self.pick((None, Decimal(0), Decimal("2.5"), Decimal(31))),
            at_stage=self.pick((None, *STAGES)),
            on=self.pick((None, *DAYS)),
            finished={it: self.pick((True, False, None)) for it in VOCABULARY.work_templates},
            agreed={it: self.pick((True, False, None)) for it in VOCABULARY.approval_chains},
            said={
                (template, name): self._said(type_)
                for template, form in VOCABULARY.forms.items()
                for name, type_ in form.items()
            },
        )


def stored(value: object) -> Stored:
    """Spell a run-time value as the log does."""
    match value:
        case Decimal():
            return number_text(value)
        case Money():
            return money_object(value)
        case datetime():
            return moment_text(value)
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
        case None | bool() | str():
            return value
    raise AssertionError(value)


def loaded(row: Mapping[str, Stored]) -> dict[str, object]:
    """Load a stored row as a live command does: what does not fit its field of today, or is sealed, is NULL."""
    values: dict[str, object] = {}
    for name, value in row.items():
        values[name] = opened(VOCABULARY.fields[name], value)
    return values


def opened(type_: FieldType, value: Stored) -> object:
    """Load one value as a live command does."""
    try:
        return None if is_personal(value) else load(type_, value)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError):
        return None


def _field(name: str) -> t.Field:
    found = VOCABULARY.fields[name]
    return t.Field(name, found.type, found.currency)


def _outcome(template: str, name: str) -> t.Fact:
    return t.Fact("outcome", (template, name, spelled_type(VOCABULARY.forms[template][name])))


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> t.Node:
    """Draw a rule with Hypothesis."""
    return Grammar(lambda options: draw(st.sampled_from(options))).condition(depth)


def rows() -> st.SearchStrategy[dict[str, object]]:
    """Draw a record's fields with Hypothesis."""
    return st.integers(0, 10_000).map(lambda seed: Grammar(random.Random(seed).choice).row())


def facts() -> st.SearchStrategy[Facts]:
    """Draw facts with Hypothesis."""
    return st.integers(0, 10_000).map(lambda seed: Grammar(random.Random(seed).choice).facts())
