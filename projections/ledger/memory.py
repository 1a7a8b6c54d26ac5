"""What flattening has to know of what came before: little, and all of it can be read from the ledger's own rows."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from domain.organisation.state import Organisation
from projections.ledger.tables import Moment


@dataclass(slots=True)
class Noted:
    """A touch as it is known: its id, kind, moment, contact, and who noted it first."""

    touch: str
    kind: str
    at: Moment
    contact: str | None
    actor: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A work item as far as its later rows repeat it."""

    template: str
    assignee: str
    asked: str | None
    fork: str | None
    leg: str | None
    due_at: Moment
    priority: int

    def passed_on(self, assignee: str, asked: str | None) -> "Asked":
        """Return it with somebody else."""
        return replace(self, assignee=assignee, asked=asked)

    def due(self, moment: Moment) -> "Asked":
        """Return it with another moment it is due at."""
        return replace(self, due_at=moment)


@dataclass(slots=True)
class Known:
    """A record as far as later rows repeat it: its path, its owner, how often it entered each step, its touches by the position
    they were noted at, its work items, and of its approvals the chain and the order.
    """

    path: str | None = None
    owner: str | None = None
    entries: dict[str, int] = field(default_factory=dict)
    touches: dict[int, Noted] = field(default_factory=dict)
    work: dict[str, Asked] = field(default_factory=dict)
    approvals: dict[str, tuple[str, str]] = field(default_factory=dict)

    def copy(self) -> "Known":
        """Return one of its own to go on from."""
        return Known(
            self.path,
            self.owner,
            dict(self.entries),
            dict(self.touches),
            dict(self.work),
            dict(self.approvals),
        )


@dataclass(frozen=True)
class Memory:
    """What is known up to a position. `command` is the command of the event there and the position of its first event, for a command may be read in two parts."""

    position: int = 0
    command: tuple[str, int] = ("", 0)
    organisation: Organisation = field(default_factory=Organisation)
    records: Mapping[str, Known] = field(default_factory=dict)


Recall: TypeAlias = Callable[[Set[str]], Mapping[str, Known]]
"""Looks records up that are in nobody's memory: what was known of them at the position the memory has."""


def nothing_before(records: Set[str]) -> Mapping[str, Known]:
    """Recall nothing: for a log read from its first event, whose records are all in memory."""
    del records
    return {}


def remembering(memory: Memory, wanted: Iterable[str], recall: Recall) -> Memory:
    """Return a memory that also holds the wanted records."""
    missing = set(wanted) - memory.records.keys()
    if not missing:
        return memory
    found = recall(missing)
    return Memory(memory.position, memory.command, memory.organisation, {**memory.records, **found})
