"""What can go wrong with a command on its way to and from the log, besides the domain's refusals."""


from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class CommandError(Exception):
    """The root of the write side's own errors. Nothing was changed."""

    code = "command-error"


class KeyReused(CommandError):
    """The idempotency key was used before for another command."""

    code = "idempotency-key-reused"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} was used before for another command; use a new key for a new command"
        )
        self.key = key


class TooBusy(CommandError):
    """What the decision stands on kept moving; the command can be sent again with the same key."""

    code = "too-busy"

    def __init__(self, stream: str, attempts: int) -> None:
        super().__init__(
            f"{stream!r} moved during each of {attempts} attempts; send the command again with the same key"
        )
        self.stream = stream
        self.attempts = attempts


@dataclass(frozen=True, slots=True)
class LaterChange:
    """A change of one field (or of the stage or owner) that whoever issued a command had not seen."""

    field: str
    version: int
    position: int
    recorded_at: datetime
    actor: str


class StaleVersion(CommandError):
    """The record has moved on since the caller read it; `changes` are what the caller has not seen."""

    code = "stale-version"

    def __init__(self, expected: int, current: int, changes: Sequence[LaterChange] = ()) -> None:
        super().__init__(
            f"the record is at version {current}, not {expected}; read it again, and send the command with the new version"
        )
        self.expected = expected
        self.current = current
        self.changes = tuple(changes)
