"""The types a rule can talk about, and the vocabulary of one playbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ValueType(StrEnum):
    """A value type says what a field holds and therefore what a rule may ask of it.

    At run time: text, choice, person, reference, phone and email are `str`; number is `Decimal`; money is
    `domain.money.Money`; date is `date`; datetime is an aware `datetime`; boolean is `bool`; choices is
    `tuple[str, ...]`. NULL is `None`.
    """

    text = "text"
    number = "number"
    money = "money"
    date = "date"
    datetime = "datetime"
    boolean = "boolean"
    choice = "choice"
    choices = "choices"
    person = "person"
    reference = "reference"
    phone = "phone"
    email = "email"


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field type is a value type with what narrows it: the options of a choice, the currency of money."""

    type: ValueType
    options: tuple[str, ...] = ()
    currency: str | None = None

    def __post_init__(self) -> None:
        if (self.type is ValueType.money) != (self.currency is not None):
            raise ValueError("A money field has exactly one currency, and no other field has one.")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A vocabulary is every name that the rules of one playbook may use."""

    fields: Mapping[str, FieldType]
    evidence_types: tuple[str, ...] = ()
    touch_kinds: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    work_templates: tuple[str, ...] = ()
    approval_chains: tuple[str, ...] = ()
    forms: Mapping[str, Mapping[str, FieldType]] = field(default_factory=dict)
    """The fields of the form of each work template, as far as rules may read them."""


ORDERED = frozenset({ValueType.text, ValueType.number, ValueType.money, ValueType.date, ValueType.datetime})
"""The types that `<` and BETWEEN understand."""

WRITTEN = frozenset({ValueType.text, ValueType.phone, ValueType.email})
"""The types that are written text: LIKE and LENGTH work on them."""

LABELS = frozenset(WRITTEN | {ValueType.choice, ValueType.person, ValueType.reference})
"""The types whose literals are strings in single quotes."""
