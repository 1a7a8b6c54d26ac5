"""What happens to somebody's inbox. It stands in a stream of its own for each person; what lies in an inbox is derived from the log."""

from dataclasses import dataclass
from typing import ClassVar

from domain.event import Event
from domain.values import Stored


@dataclass(frozen=True, slots=True)
class InboxSubscribed(Event):
    """A person wants to be told of kinds of events from now on, through a channel.

    `topics` are topics, words that topics begin with, or `addressed`: whatever is addressed to the person by itself. `kind` and `record`
    narrow it to the records of a kind, or to one. `target` is the name a channel's settings go by: never an address, never a secret.
    `where` is kept free for a rule over the record. The `label` is what the person calls it.
    """

    TOPIC: ClassVar[str] = "inbox.subscribed.v1"
    subscription: str
    topics: list[str]
    channel: str
    kind: str | None = None
    record: str | None = None
    where: str | None = None
    target: str | None = None
    label: Stored = None


@dataclass(frozen=True, slots=True)
class InboxUnsubscribed(Event):
    """A subscription holds no longer."""

    TOPIC: ClassVar[str] = "inbox.unsubscribed.v1"
    subscription: str


@dataclass(frozen=True, slots=True)
class InboxRead(Event):
    """The person has read notifications; who says so and when stands in the envelope."""

    TOPIC: ClassVar[str] = "inbox.read.v1"
    notifications: list[str]


INBOX_EVENTS = (InboxSubscribed, InboxUnsubscribed, InboxRead)
