"""What fields are called and typed in files for other programs, which know strings, times, whole numbers, floats and booleans, and nothing else.

Values leave as texts that are spelled as their type asks, so a decimal stays the decimal it is. An amount of money is two attributes:
`FIELD` is the amount, `FIELD.currency` its currency. Several options are one text, with commas between. A date is the moment it begins in UTC.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any, Final, Literal, TypeAlias

import orjson

from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.fields import FieldKind
from domain.values import SEALED
from projections.ports import LogReader

AttributeType: TypeAlias = Literal["string", "time", "integer", "float", "boolean"]
"""The types OCEL 2.0 knows; XES knows the same, under names of its own."""

CURRENCY: Final = ".currency"
_TYPES: Final[Mapping[FieldKind | None, AttributeType]] = {
    FieldKind.number: "float",
    FieldKind.money: "float",
    FieldKind.date: "time",
    FieldKind.datetime: "time",
    FieldKind.boolean: "boolean",
}
_POINTING: Final = frozenset({FieldKind.reference, FieldKind.person})
_MIDNIGHT: Final = "T00:00:00.000000Z"


class FieldTypes:
    """What the fields of each kind hold, in every version of the playbooks that was published by then.

    A field that was two different things in two versions, or that no version has, is a text.
    """

    def __init__(self, playbooks: Playbooks) -> None:
        self._held: dict[tuple[str, str], set[FieldKind]] = {}
        for version in playbooks.versions.values():
            for kind, spec in version.document.kinds.items():
                for name, field in spec.fields.items():
                    self._held.setdefault((kind, name), set()).add(field.type)

    @classmethod
    def upto(cls, log: LogReader, position: int) -> "FieldTypes":
        """Return what was published up to a position."""
        published = (item for item in log.stream(PLAYBOOKS_STREAM) if item.position <= position)
        return cls(catalogue.fold(None, published))

    def of(self, kind: str, field: str) -> FieldKind | None:
        """Return what a field holds; None where that is not one thing, or nobody knows."""
        held = self._held.get((kind, field), set())
        return next(iter(held)) if len(held) == 1 else None

    @property
    def pointing(self) -> list[tuple[str, str]]:
        """The fields, by kind and name, that lead to another record or to a person."""
        return sorted(pair for pair, held in self._held.items() if held & _POINTING)


def declared(name: str, held: FieldKind | None) -> list[tuple[str, AttributeType]]:
    """Return the attributes of a field, with their types."""
    more: list[tuple[str, AttributeType]] = [(name + CURRENCY, "string")] if held is FieldKind.money else []
    return [(name, _TYPES.get(held, "string")), *more]


def spelled(name: str, held: FieldKind | None, stored: str | None) -> list[tuple[str, AttributeType, str]]:
    """Return the attributes of a field with the texts of their values; empty texts for an emptied field, nothing for a sealed one."""
    if is_sealed(stored):
        return []
    types = declared(name, held)
    if stored is None:
        return [(attribute, of, "") for attribute, of in types]
    value: Any = orjson.loads(stored)
    if held is FieldKind.money:
        parts = [str(value["amount"]), str(value["currency"])]
    elif held is FieldKind.date:
        parts = [f"{value}{_MIDNIGHT}"]
    else:
        parts = [_text(value)]
    return [(attribute, of, part) for (attribute, of), part in zip(types, parts, strict=True)]


def merged(
    told: Iterable[tuple[str, AttributeType]],
) -> list[dict[str, str]]:
    """Return a declaration that holds for all that is told: what is told with two types is a string."""
    types: dict[str, AttributeType] = {}
    for name, of in told:
        types[name] = of if types.get(name, of) == of else "string"
    return [{"name": name, "type": of} for name, of in types.items()]


def is_sealed(stored: str | None) -> bool:
    """Tell whether a value is personal."""
    return stored is not None and stored.startswith(f'{{"{SEALED}"')


def plain(stored: str | None) -> str | None:
    """Return a value as people read it: texts as they are, options with commas between, amounts with their currency; nothing for an empty or a sealed one."""
    return None if stored is None or is_sealed(stored) else _text(orjson.loads(stored))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict) and value.keys() == _MONEY:
        return f"{value['amount']} {value['currency']}"
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


_MONEY: Final[Set[str]] = frozenset({"amount", "currency"})
