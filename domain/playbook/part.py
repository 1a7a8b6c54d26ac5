"""What every part of a playbook has in common: strict members, names, and the one JSON form it is published in."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from domain.labels import Label
from domain.rules.arithmetic import number_text

NAME = r"^[^\W\d]\w{0,62}\Z"

Name = Annotated[str, StringConstraints(pattern=re.compile(NAME))]
"""A name inside a playbook: letters of any script, digits and underscores, not beginning with a digit, at most 63 characters."""

Names = tuple[Name, ...]


class Part(BaseModel):
    """Anything in a playbook: unknown members are refused, and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _named_lists_are_mappings(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: _mapping(value) if _is_named_list(value) else value for name, value in given.items()}

    def as_json(self) -> dict[str, Any]:
        """Return the part as plain JSON for the log, without members that equal their default.

        Canonical JSON sorts the members of objects, but the order of stages, fields and options means something:
        a mapping becomes a list of objects that carry their `name`. Numbers that may have decimals are texts.
        """
        return {
            spec.alias or name: _as_json(value)
            for name, spec in type(self).model_fields.items()
            if (value := getattr(self, name)) != spec.get_default()
        }


def _as_json(value: object) -> Any:
    if isinstance(value, Part):
        return value.as_json()
    if isinstance(value, Label):
        return value.model_dump()
    if isinstance(value, Mapping):
        items = {str(name): _as_json(item) for name, item in value.items()}
        if not all(isinstance(item, dict) for item in items.values()):
            return items  # lists by name, whose order means nothing
        return [{"name": name, **item} for name, item in items.items()]
    if isinstance(value, tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value


def _is_named_list(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "name" in item for item in value)
    )


def _mapping(named: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        item["name"]: {member: value for member, value in item.items() if member != "name"} for item in named
    }
