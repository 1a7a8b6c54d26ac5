"""What happens to deadlines. It stands in a stream of its own beside the record's: that time went by changes no record."""

from dataclasses import dataclass, field
from typing import ClassVar

from domain.event import Event


@dataclass(frozen=True, slots=True)
class DeadlineNoticed(Event):
    """A deadline of a record came to a rung: 0 is the warning, 1 the due moment, 2 and above the ladder.

    `armed_at` is the position of the event that armed it, `subject` the work or approval it is about, if any. `due_at` is when it was due,
    `noticed_at` when the clock of the log was read; `told` are the people who were told, `repeat` counts how often before at this rung.
    `skipped` are lower rungs that were past as well and are not told one by one.
    """

    TOPIC: ClassVar[str] = "deadline.noticed.v1"
    record: str
    deadline: str
    armed_at: int
    rung: int
    due_at: str
    noticed_at: str
    told: list[str]
    subject: str | None = None
    repeat: int = 0
    skipped: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeadlineAcknowledged(Event):
    """Somebody who was told of a deadline says that they know; who and when stand in the envelope."""

    TOPIC: ClassVar[str] = "deadline.acknowledged.v1"
    record: str
    deadline: str
    armed_at: int
    rung: int
    subject: str | None = None
