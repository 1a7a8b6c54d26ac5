"""Between events and rows: the mapper, and the header columns a row carries beside the library's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from eventsourcing.persistence import Mapper, StoredEvent

from domain.envelope import Recorded
from domain.events import decode

HEADER_COLUMNS = (
    "recorded_at", "occurred_at", "decided_at", "basis", "playbook", "playbook_version",
    "actor", "on_behalf_of", "channel", "reason", "command_id", "correlation_id", "causation_id",
)  # fmt: skip
EVENT_COLUMNS = ("originator_id", "originator_version", "topic", "state", "notification_id", *HEADER_COLUMNS)


@dataclass(frozen=True)
class LogRow(StoredEvent):
    """A stored event with the header columns of the log beside the library's own."""

    position: int
    header: Mapping[str, Any]


class LogMapper(Mapper[str]):
    """Turns rows into events by the allow-list of topics, never by a code path found in the data."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """Refuse: events enter the log through the command bus, which seals what is personal first."""
        del domain_event
        raise TypeError("events are appended through the command bus")

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Turn a row of the log into an event with its envelope."""
        assert isinstance(stored_event, LogRow)
        return to_recorded(stored_event)


def to_recorded(row: LogRow) -> Recorded:
    """Decode a row. Raises UnknownTopic or MalformedPayload."""
    return Recorded(
        stream=str(row.originator_id),
        version=row.originator_version,
        position=row.position,
        event=decode(row.topic, orjson.loads(row.state)),
        **row.header,
    )


def to_row(columns: Mapping[str, Any]) -> LogRow:
    """Take a database row apart into a LogRow."""
    return LogRow(
        originator_id=columns["originator_id"],
        originator_version=columns["originator_version"],
        topic=columns["topic"],
        state=bytes(columns["state"]),
        position=columns["notification_id"],
        header={name: columns[name] for name in HEADER_COLUMNS},
    )


def microseconds(moment: datetime | None) -> int | None:
    """Return a moment as microseconds since 1970-01-01T00:00:00Z, exactly."""
    if moment is None:
        return None
    from_epoch = moment - _EPOCH
    return (from_epoch.days * 86_400 + from_epoch.seconds) * 1_000_000 + from_epoch.microseconds


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
