"""What becomes of reactions. It stands in a stream of its own beside the record's: that something was tried changes no record."""

from dataclasses import dataclass, field
from typing import ClassVar

from domain.event import Event
from domain.values import Stored


@dataclass(frozen=True, slots=True)
class ReactionRan(Event):
    """A reaction did everything it does. `cause` is the position of the event that set it off, `positions` are those of the events that came of it."""

    TOPIC: ClassVar[str] = "reaction.ran.v1"
    record: str
    reaction: str
    cause: int
    positions: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReactionFailed(Event):
    """A step of a reaction, counted from 0, was refused, and nothing after it was done; `positions` are the events of the steps before it.

    `code` says what kind of refusal it was, or `too-deep` where reactions caused each other in too long a chain; the `message` may repeat what is personal.
    """

    TOPIC: ClassVar[str] = "reaction.failed.v1"
    record: str
    reaction: str
    cause: int
    step: int
    code: str
    message: Stored = None
    positions: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReactionRetried(Event):
    """Somebody wants a reaction that failed to be tried again, from the step that failed on."""

    TOPIC: ClassVar[str] = "reaction.retried.v1"
    record: str
    reaction: str
    cause: int


@dataclass(frozen=True, slots=True)
class ReactionAlerted(Event):
    """A step of a reaction told people something: an `alert`, or a plain notice. What it says stands in the version of the playbook the cause names."""

    TOPIC: ClassVar[str] = "reaction.alerted.v1"
    record: str
    reaction: str
    cause: int
    step: int
    told: list[str]
    alert: bool = True


REACTION_EVENTS = (ReactionRan, ReactionFailed, ReactionRetried, ReactionAlerted)
