"""Finding one's way in a model by the location of a problem: the place in the document, and the members there may be."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Place = tuple[str, ...]


def place_in_document(model: type[BaseModel], location: Sequence[str]) -> Place:
    """Turn the location of a problem into the place in the document.

    Where a part is one of several models, the location names which one; the document says that by a member of the part.
    """
    return _follow(model, location)[0]


def members_at(model: type[BaseModel], location: Sequence[str]) -> list[str]:
    """Return the members a mapping at a location may have, as far as the model tells."""
    models = _models(_follow(model, location)[1])
    return (
        [name for name in _members(models[0]) if all(name in _members(other) for other in models)]
        if models
        else []
    )


def tags_at(model: type[BaseModel], location: Sequence[str]) -> list[str]:
    """Return the names of the several models a part at a location may be."""
    return list(_by_tag(_models(_follow(model, location)[1])))


def _follow(model: type[BaseModel], location: Sequence[str]) -> tuple[Place, Any]:
    """Walk from a model along a location; return the place in the document and the type that stands there."""
    place: list[str] = []
    current: Any = model
    for step in location:
        models = _models(current)
        by_tag = _by_tag(models) if len(models) > 1 else {}
        if step in by_tag:
            current = by_tag[step]
            continue
        place.append(step)
        if len(models) == 1:
            spec = _members(models[0]).get(step)
            current = spec.annotation if spec else None
        else:
            current = _item(current)
    return tuple(place), current


def _members(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The members of a model under the names they have in the document."""
    return {spec.alias or name: spec for name, spec in model.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models a value of a type may be, those inside its items not among them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        inner = inner[:1]
    elif _holds_items(annotation):
        return []
    return [model for part in inner for model in _models(part)]


def _item(annotation: Any) -> Any:
    """The type of the items of a list, or of the values of a mapping."""
    inner = get_args(annotation)
    if not _holds_items(annotation):
        return next((found for part in inner if (found := _item(part)) is not None), None)
    return inner[1] if issubclass(get_origin(annotation), Mapping) else inner[0]


def _holds_items(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping | Sequence) and bool(get_args(annotation))


def _by_tag(models: Sequence[type[BaseModel]]) -> dict[str, type[BaseModel]]:
    """Several models by the one word that only each of them has."""
    return {
        str(get_args(spec.annotation)[0]): model
        for model in models
        for spec in model.model_fields.values()
        if get_origin(spec.annotation) is Literal and len(get_args(spec.annotation)) == 1
    }
