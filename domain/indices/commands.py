"""What can be asked of indices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CloseIndex:
    """Close a period of an index: the result stands from now on.

    `playbook` and `number` name the version whose index it is; `position` is that of the log the result rests on, `result` its cells as plain
    JSON, numbers as texts. `restates` is the position of the closing this one replaces: what was closed is changed in no other way.
    """

    index: str
    playbook: str
    number: int
    period: str
    position: int
    result: Sequence[Mapping[str, Any]]
    restates: int | None = None
