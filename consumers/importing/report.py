"""What an import did, as data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


class ImportRefused(ValueError):
    """Nothing was imported; `problems` names everything that stands in the way."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("nothing was imported:\n" + "\n".join(f"  {problem}" for problem in problems))


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not imported, or not to its end: where it stands, its natural key where it has one, and every reason."""

    source: str
    file: str
    place: str
    key: str
    reasons: Sequence[str]


@dataclass(slots=True)
class KindCount:
    """What became of the records of one kind. Re-entries are moves too."""

    opened: int = 0
    moves: int = 0
    re_entries: int = 0
    field_edits: int = 0
    relations: int = 0


@dataclass(slots=True)
class Report:
    """What an import did. Only what this run added is counted; `replayed` are commands that an earlier run had carried out.

    `rows_read` counts by source, `repairs` by rule and `waived` by requirement id; positions are those of the first and the last new event.
    """

    mapping: str
    playbook: str
    gate_policy: str
    rows_read: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, KindCount] = field(default_factory=dict)
    people: int = 0
    teams: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    waived: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRow] = field(default_factory=list)
    commands: int = 0
    replayed: int = 0
    events: int = 0
    first_position: int | None = None
    last_position: int | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the whole report as plain JSON; nothing is cut."""
        return {
            "mapping": self.mapping,
            "playbook": self.playbook,
            "gate_policy": self.gate_policy,
            "rows_read": dict(self.rows_read),
            "kinds": {
                name: {
                    "opened": count.opened,
                    "moves": count.moves,
                    "re_entries": count.re_entries,
                    "field_edits": count.field_edits,
                    "relations": count.relations,
                }
                for name, count in self.kinds.items()
            },
            "people": self.people,
            "teams": self.teams,
            "repairs": dict(self.repairs.most_common()),
            "waived": dict(self.waived.most_common()),
            "refused": [
                {
                    "source": row.source,
                    "file": row.file,
                    "place": row.place,
                    "key": row.key,
                    "reasons": list(row.reasons),
                }
                for row in self.refused
            ],
            "commands": self.commands,
            "replayed": self.replayed,
            "events": self.events,
            "first_position": self.first_position,
            "last_position": self.last_position,
            "seconds": round(self.seconds, 3),
        }
