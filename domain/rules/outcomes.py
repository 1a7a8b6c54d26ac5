"""Outcomes: what the form of finished work says, as far as rules ask.

The fact `outcome('template', 'field')` is answered by a form, so its type is that of a field of the form.
The checker puts the type in as a third argument, as a field of the record carries its own: the tree says all by itself how it is read.
"""

from __future__ import annotations

from typing import Final

from domain.rules.nodes import Fact, Field
from domain.rules.types import FieldType, ValueType

OUTCOME: Final = "outcome"
"""The name of the fact."""


def is_outcome(fact: Fact) -> bool:
    """Tell whether a fact is answered by a form."""
    return fact.name == OUTCOME


def spelled_type(type_: FieldType) -> str:
    """Spell a type as an argument: `choice`, `money CNY`."""
    return f"{type_.type.value} {type_.currency}" if type_.currency else type_.type.value


def type_spelled(text: str) -> FieldType:
    """Read a type back. Raises ValueError; no rule reads several choices of a form."""
    name, _, currency = text.partition(" ")
    found = FieldType(ValueType(name), currency=currency or None)
    if found.type is ValueType.choices or spelled_type(found) != text:
        raise ValueError(f"{text!r} is not the type of an outcome")
    return found


def form_field(fact: Fact) -> Field:
    """Return the field of the form an outcome reads, as a field of its own, with the type the checker gave it."""
    _, name, told = map(str, fact.arguments)
    type_ = type_spelled(told)
    return Field(name, type_.type, type_.currency)
