"""A command an import will submit: where it comes from, the ids it uses, and what must be there before it."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from commands.ports import Vault
from commands.submission import Command
from consumers.importing.report import RefusedRow
from domain.naming import person_stream, record_stream, token
from domain.playbook.published import PublishedPlaybook

_UNKNOWN = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Origin:
    """The row (or trace) a command comes from, and the natural key of what it tells of."""

    kind: str
    source: str
    file: str
    place: str
    key: str

    def refused(self, reasons: Sequence[str]) -> RefusedRow:
        """Return the row as one that was refused."""
        return RefusedRow(self.source, self.file, self.place, self.key, tuple(reasons))


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a row. `makes` and `needs` are names of things (streams, teams, other steps) that must be there in this order."""

    origin: Origin
    key: str
    command: Command
    occurred_at: datetime | None
    actor: str
    makes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class Ids:
    """Ids made of natural keys: the same each time, and meaningless without the log's secret. A name never becomes an id."""

    def __init__(self, mapping: str, playbook: PublishedPlaybook, vault: Vault) -> None:
        self._mapping = mapping
        self._prefixes = {name: kind.prefix for name, kind in playbook.document.kinds.items()}
        self._vault = vault
        self._known: dict[tuple[str, str], str] = {}

    def record(self, kind: str, key: str) -> str:
        """Return the stream of a record."""
        return record_stream(kind, f"{self._prefixes[kind]}_{self._token(kind, key)}")

    def person(self, key: str) -> str:
        """Return the id of a person."""
        return person_stream(f"per_{self._token('person', key)}")

    def team(self, key: str) -> str:
        """Return the id of a team."""
        return f"team_{self._token('team', key)}"

    def step(self, origin: Origin, name: str) -> str:
        """Return the idempotency key of one step of a row."""
        return token(
            self._vault.pseudonym(f"{self._mapping}/{origin.source}/{origin.key}/{origin.kind}:{name}")
        )

    def _token(self, what: str, key: str) -> str:
        known = self._known.get((what, key))
        if known is None:
            known = self._known[what, key] = token(self._vault.pseudonym(f"{self._mapping}/{what}/{key}"))
        return known


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Put steps into the order of their moments: unknown ones first, ties as given, and nothing before what it needs.

    What needs something later than itself comes right after it. Steps that need each other come last, as given.
    """
    makers = {name: index for index, step in enumerate(steps) for name in step.makes}
    waiting_for = [
        {makers[name] for name in step.needs if name in makers} - {index} for index, step in enumerate(steps)
    ]
    needed_by: dict[int, list[int]] = {}
    for index, needs in enumerate(waiting_for):
        for need in needs:
            needed_by.setdefault(need, []).append(index)

    def rank(index: int) -> tuple[datetime, int]:
        return (steps[index].occurred_at or _UNKNOWN, index)

    ready = [rank(index) for index, needs in enumerate(waiting_for) if not needs]
    heapq.heapify(ready)
    ordered: list[int] = []
    while ready:
        _, index = heapq.heappop(ready)
        ordered.append(index)
        for later in needed_by.get(index, ()):
            waiting_for[later].discard(index)
            if not waiting_for[later]:
                heapq.heappush(ready, rank(later))
    placed = set(ordered)
    return [
        steps[index] for index in [*ordered, *(index for index in range(len(steps)) if index not in placed)]
    ]
