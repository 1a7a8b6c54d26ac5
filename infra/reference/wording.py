"""How the reference says things: types in words, tables, and docstrings as they stand in the code."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

_NAMES: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    Decimal: "exact decimal",
    date: "date",
}


def doc(item: object) -> str:
    """Return what the code says something means."""
    return inspect.cleandoc(getattr(item, "__doc__", None) or "")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table, and an empty one after them."""
    return [
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows),
        "",
    ]


def _cell(cell: object) -> str:
    return str(cell).replace("\n", " ").replace("|", "\\|").strip()


def type_in_words(annotation: Any) -> str:
    """Tell a type: text, list of text, mapping of names to Stage, a model (as a link to its section) or nothing."""
    if isinstance(annotation, str):
        return f"`{annotation.replace('|', 'or')}`"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_in_words(inner[0])
    if origin is Literal:
        return " or ".join(f"`{option}`" for option in inner)
    if origin in (Union, UnionType):
        parts = [type_in_words(part) for part in inner if part is not NoneType]
        return " or ".join(parts) + (", optional" if NoneType in inner else "")
    if origin is tuple and inner[-1] is not Ellipsis:
        return f"[{', '.join(type_in_words(part) for part in inner)}]"
    if origin is tuple:
        return f"list of {type_in_words(inner[0])}"
    if origin in (Mapping, dict):
        listed = inspect.isclass(inner[0]) and issubclass(inner[0], Enum)
        return f"{type_in_words(inner[0]) if listed else 'names'}, each with {type_in_words(inner[1])}"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    if inspect.isclass(annotation) and issubclass(annotation, Enum):
        return " or ".join(f"`{option.value}`" for option in annotation)
    return _NAMES.get(annotation) or f"`{getattr(annotation, '__name__', annotation)}`"


def parts_of(
    model: type[BaseModel], known: dict[type[BaseModel], None] | None = None
) -> list[type[BaseModel]]:
    """Return a model and every model its members are made of, in the order one meets them."""
    found: dict[type[BaseModel], None] = {} if known is None else known
    if model not in found:
        found[model] = None
        for spec in model.model_fields.values():
            for inner in _models_in(spec.annotation):
                parts_of(inner, found)
    return list(found)


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def sections_of(model: type[BaseModel]) -> list[str]:
    """Return a section for a model and for each of its parts: what it means, and every member with type and default."""
    lines: list[str] = []
    for part in parts_of(model):
        rows = [
            (
                f"`{spec.alias or name}`",
                type_in_words(spec.annotation),
                "required" if spec.is_required() else f"`{_default(spec.get_default())}`",
            )
            for name, spec in part.model_fields.items()
        ]
        lines += [f"## {part.__name__}", "", doc(part), "", *table(("member", "type", "default"), rows)]
    return lines


def _default(value: object) -> str:
    if isinstance(value, BaseModel):
        return "empty"
    if value is None:
        return "none"
    return {"()": "[]"}.get(str(value), str(value))
