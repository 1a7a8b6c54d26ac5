"""Typed fields of records: what they hold, what they are checked against, and where their values are looked up."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.labels import Label
from domain.playbook.part import Name, Names, Part
from domain.rules.types import FieldType, ValueType


class FieldKind(StrEnum):
    """What a field holds."""

    text = "text"
    number = "number"
    money = "money"
    date = "date"
    datetime = "datetime"
    boolean = "boolean"
    choice = "choice"
    person = "person"
    reference = "reference"
    phone = "phone"
    email = "email"
    evidence = "evidence"


PERSONAL_BY_DEFAULT = frozenset({FieldKind.text, FieldKind.phone, FieldKind.email})
"""Free text and addresses are personal of the record's subject unless the playbook says otherwise."""

MAX_PATTERN = 190
"""The most characters of a field's pattern: those of a rule, less what makes it ask for the whole value."""

Bound = Annotated[Decimal, Field(gt=-(10**15), lt=10**15, decimal_places=6, allow_inf_nan=False)]
"""A bound of numbers and money, in the range a number field has."""


class Choose(Part):
    """How many options of a choice belong together: exactly one by default; `{at_least: 3, at_most: 3}` is exactly three."""

    at_least: int = Field(default=0, ge=0, le=100)
    at_most: int = Field(ge=1, le=100)


class Lookup(Part):
    """Where the value of a field is looked up: among records of `kind` by their field `by`; `show` are the fields shown beside it."""

    kind: Name
    by: Name
    show: Names = Field(min_length=1, max_length=10)


class FieldSpec(Part):
    """A typed field of a record kind.

    `personal` overrides the default (text, phone and e-mail are personal); `to` is the kind a reference leads to;
    `valid_days` is how long a piece of evidence counts.
    `pattern` (domain/rules/patterns.py; the whole value must match, as it is stored: a phone number without spaces), `min`, `max` and
    `max_length` are asked of values that are given from now on; what is stored stays valid. `pattern_why` says in words what is expected.
    """

    type: FieldKind
    label: Label
    why: Label | None = None
    hint: Label | None = None
    personal: bool | None = None
    options: Mapping[Name, Label] = {}
    choose: Choose | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    to: Name | None = None
    valid_days: int | None = Field(default=None, ge=1, le=36_500)
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATTERN)] | None = None
    pattern_why: Label | None = None
    min: Bound | None = None
    max: Bound | None = None
    max_length: int | None = Field(default=None, ge=1, le=10_000)
    lookup: Lookup | None = None

    @property
    def is_personal(self) -> bool:
        """Whether values of this field are sealed under the key of the record's subject."""
        return self.type in PERSONAL_BY_DEFAULT if self.personal is None else self.personal

    @property
    def value_type(self) -> FieldType | None:
        """The type rules see; evidence has none, rules ask `evidence('…')` instead."""
        match self.type:
            case FieldKind.evidence:
                return None
            case FieldKind.choice:
                several = self.choose is not None and (self.choose.at_most > 1 or self.choose.at_least > 1)
                kind = ValueType.choices if several else ValueType.choice
                return FieldType(kind, options=tuple(self.options))
            case FieldKind.money:
                # Money without a currency is a problem of its own; its rules are read all the same.
                return FieldType(ValueType.money, currency=self.currency or "XXX")
            case _:
                return FieldType(ValueType(self.type.value))
