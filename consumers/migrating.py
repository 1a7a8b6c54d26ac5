"""Moves running approvals to the version in force, one after the other; asked what would become of them, it writes nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from commands.bus import CommandBus
from commands.submission import Submission
from domain.event import Event
from domain.playbook.model import Right
from domain.refusals import Refusal
from domain.work.approving import Level, levels_of
from domain.work.commands import MigrateApproval
from domain.work.events import ApprovalMigrated
from projections.migrating import Movable

ACTOR = "system/migration"
CLIENT = "migration"

_NAMES = UUID("b3e8a2f4-7d51-5c0a-9b0e-41c6f7a9d2e8")
"""The space of names in which the keys of migrations are made."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one approval: its levels now, or why it stays where it began. `by_others`: somebody else had moved it already."""

    item: Movable
    event: ApprovalMigrated | None = None
    refusal: Refusal | None = None

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels it has now, where it was moved."""
        return () if self.event is None else levels_of(self.event.levels)

    @property
    def by_others(self) -> bool:
        """Whether there was nothing left to do."""
        return self.event is None and self.refusal is None


class Migrations:
    """Decides and carries out migrations. `told_time` is what a simulated log is told, and returns None for any other."""

    def __init__(self, bus: CommandBus, told_time: Callable[[], datetime | None]) -> None:
        self._bus = bus
        self._told_time = told_time

    def preview(self, command: MigrateApproval) -> Sequence[Event]:
        """Decide a migration as if it were asked for now; nothing is written. Raises its Refusal."""
        return self._bus.preview(self._submission(command, actor=ACTOR, reason=None, key="preview"))

    def move(
        self, items: Sequence[Movable], *, actor: str = ACTOR, reason: str | None = None
    ) -> Iterator[Moved]:
        """Move approvals one by one; each is moved as a whole or stays as it is, and none stops the others.

        Asked again after it was interrupted, what was moved stays moved.
        """
        for item in items:
            about = (item.record, item.version, item.approval.id, item.current.name, item.current.number, actor, reason or "")  # fmt: skip
            key = str(uuid5(_NAMES, "\n".join(map(str, about))))
            try:
                answer = self._bus.submit(self._submission(item.command, actor=actor, reason=reason, key=key))
            except Refusal as refusal:
                yield Moved(item, refusal=refusal)
                continue
            events = (recorded.event for recorded in answer.events)
            yield Moved(item, next((event for event in events if isinstance(event, ApprovalMigrated)), None))

    def _submission(
        self, command: MigrateApproval, *, actor: str, reason: str | None, key: str
    ) -> Submission:
        return Submission(
            command=command,
            client=CLIENT,
            key=key,
            actor=actor,
            channel="migration",
            rights=frozenset({Right.publish}),
            reason=reason,
            told_time=self._told_time(),
        )
