"""What can be asked of an inbox."""

from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """How somebody is told: in their inbox alone, or by a message to a target of the settings as well."""

    inbox = "inbox"
    webhook = "webhook"
    dingtalk = "dingtalk"
    wecom = "wecom"
    feishu = "feishu"
    email = "email"


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Tell a person of kinds of events from now on. Without an id one is made."""

    person: str
    topics: tuple[str, ...]
    channel: str = Channel.inbox
    kind: str | None = None
    record: str | None = None
    target: str | None = None
    label: str | None = None
    subscription: str = ""


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Take a subscription back."""

    person: str
    subscription: str


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Say that a person has read notifications; what was read already stays as it was."""

    person: str
    notifications: tuple[str, ...]


InboxCommand = Subscribe | Unsubscribe | MarkRead
