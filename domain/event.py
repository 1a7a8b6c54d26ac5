"""What every event is: a fact in the past tense with a topic that never changes, and a payload of plain JSON."""

from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, TypeAlias

from domain.values import Stored

Payload: TypeAlias = dict[str, Stored]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. Subclasses are payloads; who, when and why stand beside them in the envelope."""

    TOPIC: ClassVar[str] = ""

    def payload(self) -> Payload:
        """Return the members of the payload; a member that equals its default is left out."""
        return {
            item.name: value for item in fields(self) if (value := getattr(self, item.name)) != _default(item)
        }


def _default(item: Any) -> object:
    if item.default is not MISSING:
        return item.default
    return item.default_factory() if item.default_factory is not MISSING else MISSING
