"""An event together with all the log knows about it."""

from dataclasses import dataclass
from datetime import datetime

from domain.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a command came from, and therefore what every event it causes says about its origin.

    `occurred_at` None means that the moment is unknown, never that it is now.
    `reason` is free text, so it is sealed before it reaches the log.
    """

    actor: str
    channel: str
    occurred_at: datetime | None
    on_behalf_of: str | None = None
    reason: str | None = None
    command_id: str = ""
    correlation_id: str | None = None
    causation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One event as it stands in the log: the payload, its place, its moments and its origin.

    `position` is its place in the whole log, `version` its place in its stream; `basis` is the position its decision was made on.
    `reason` holds the sealed value as it stands in the log.
    """

    stream: str
    version: int
    position: int
    event: Event
    recorded_at: datetime
    occurred_at: datetime | None
    decided_at: datetime
    basis: int
    actor: str
    channel: str
    command_id: str
    playbook: str | None = None
    playbook_version: int | None = None
    on_behalf_of: str | None = None
    reason: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None

    @property
    def originator_id(self) -> str:
        """The stream, under the name the event store library uses."""
        return self.stream

    @property
    def originator_version(self) -> int:
        """The version, under the name the event store library uses."""
        return self.version
