"""One person's subscriptions and read receipts, as folded from their stream."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.envelope import Recorded
from domain.inbox.events import InboxRead, InboxSubscribed, InboxUnsubscribed


@dataclass(frozen=True, slots=True)
class Inbox:
    """The subscriptions that hold, those that were ended, and the notifications that were read, at one version of the stream."""

    version: int = 0
    subscriptions: Mapping[str, InboxSubscribed] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()


def fold(inbox: Inbox | None, events: Iterable[Recorded]) -> Inbox:
    """Fold events of one person's inbox, beginning with one that nothing happened to."""
    known = inbox or Inbox()
    version, subscriptions = known.version, dict(known.subscriptions)
    ended, read = set[str](), set[str]()
    for recorded in events:
        version = recorded.version
        match recorded.event:
            case InboxSubscribed() as subscribed:
                subscriptions[subscribed.subscription] = subscribed
            case InboxUnsubscribed(subscription=subscription):
                subscriptions.pop(subscription, None)
                ended.add(subscription)
            case InboxRead(notifications=notifications):
                read.update(notifications)
            case _:
                pass
    # Receipts add up over years: where a batch has none, the set is not copied.
    return Inbox(
        version,
        subscriptions,
        known.ended | ended if ended else known.ended,
        known.read | read if read else known.read,
    )
