"""What can happen in a pool. Each is followed, in the same command, by the change of owner in the record's own stream."""

from dataclasses import dataclass, field
from typing import ClassVar

from domain.event import Event
from domain.values import Stored


@dataclass(frozen=True, slots=True)
class PoolAssigned(Event):
    """A record was given to somebody, or nobody was found (`person` None) and it stays open.

    `rule` is the rule that found them, None where none did. `attempt` counts how often somebody was looked for.
    `fallback` marks what no rule found anybody for: given to whom the pool names for it, or, without a person, to another pool.
    `candidates` lists everybody who was judged, by which rule, `why` they were chosen or passed over, and the numbers they were judged by.
    """

    TOPIC: ClassVar[str] = "pool.assigned.v1"
    record: str
    rule: str | None
    attempt: int
    person: str | None = None
    fallback: bool = False
    candidates: list[Stored] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PoolClaimed(Event):
    """A person took a record from the pool."""

    TOPIC: ClassVar[str] = "pool.claimed.v1"
    record: str
    person: str


@dataclass(frozen=True, slots=True)
class PoolReturned(Event):
    """A record went back into the pool; `person` had it."""

    TOPIC: ClassVar[str] = "pool.returned.v1"
    record: str
    person: str


@dataclass(frozen=True, slots=True)
class PoolRecycled(Event):
    """Nobody was in touch for so many `days`, so the record went back into the pool; `person` had it."""

    TOPIC: ClassVar[str] = "pool.recycled.v1"
    record: str
    person: str
    days: int
