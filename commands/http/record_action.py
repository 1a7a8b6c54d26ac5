"""What one command of records is over HTTP: its name, its path, its body, and what its answer says it made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from commands.http import bodies
from commands.http.bodies import Body
from domain.envelope import Recorded
from domain.record.commands import RecordCommand


@dataclass(frozen=True, slots=True)
class RecordAction:
    """One command of records: `name` in bulk requests, `path` after the record's own, and how its body becomes the command.

    `part` names what of the record the path leads to (a touch, a work item). An action that makes something answers 201, with its id;
    `makes` is the member of a bulk line that gives that id, where `id` is the record's. `by_person`: only the person it is about does it,
    so a program says for whom.
    """

    name: str
    summary: str
    body: type[Body]
    command: Callable[[str, Any, str], RecordCommand]
    path: str = ""
    method: Literal["POST", "PATCH"] = "POST"
    part: str | None = None
    made: Callable[[Recorded], Mapping[str, Any]] | None = None
    makes: str | None = None
    by_person: bool = False

    @property
    def opens(self) -> bool:
        """Whether the record is opened by it, so that there is no id in the path."""
        return self.body is bodies.Opening

    @property
    def needs_version(self) -> bool:
        """Whether it is refused unless it says on which version it was made."""
        return self.method == "PATCH"

    @property
    def status(self) -> int:
        """The status of an accepted command."""
        return 200 if self.made is None else 201

    def part_of(self, path: Mapping[str, str]) -> str:
        """Return the id of the part that the parameters of a path lead to; nothing for an action on the whole record."""
        return "" if self.part is None else path.get(f"{self.part}_id", "")


def id_of(member: str) -> Callable[[Recorded], Mapping[str, Any]]:
    """Tell the id that stands in a member of the event, without the kind it may stand behind."""
    return lambda last: {"id": str(getattr(last.event, member)).rpartition("/")[2]}
