"""The subscriptions a projection tells people by: a table of its own, so that it stands where the projection stands."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from psycopg import Connection

from domain.envelope import Recorded
from domain.events import PersonLeft
from domain.inbox.events import InboxSubscribed, InboxUnsubscribed
from domain.inbox.topics import ADDRESSED, beginnings
from domain.naming import person_stream, split_stream
from domain.work.state import fold_work
from projections.notifying import (
    NEEDS_AROUND,
    NOTHING_AROUND,
    Around,
    Notification,
    Subscription,
    notifications,
)
from projections.ports import LogReader

INBOX_TABLE = "inbox_subscriptions"
DELIVERY_TABLE = "delivery_subscriptions"
_TABLES = (INBOX_TABLE, DELIVERY_TABLE)
_COLUMNS = (
    "person, subscription, topics, channel, kind, record, target, label, after_position, before_position"
)
# One of a few names of ours stands in each statement; whatever comes from an event is a parameter.
_BEGIN = {
    table: f"INSERT INTO {table} ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, NULL)"  # noqa: S608
    for table in _TABLES
}
_END = {
    table: f"UPDATE {table} SET before_position = %(position)s WHERE person = %(person)s AND before_position IS NULL"  # noqa: S608
    " AND (%(subscription)s::text IS NULL OR subscription = %(subscription)s)"
    for table in _TABLES
}
_HELD = {
    table: f"SELECT {_COLUMNS} FROM {table} WHERE topics && %s AND after_position < %s AND (before_position IS NULL OR before_position > %s)"  # noqa: S608
    for table in _TABLES
}


def told_of(
    connection: Connection[Any], table: str, log: LogReader, events: Sequence[Recorded]
) -> list[Notification]:
    """Bring the table of subscriptions to the end of a batch, and return everything that somebody is told of within it."""
    for recorded in events:
        _keep(connection, table, recorded)
    held = _held(connection, table, events)
    seen: dict[str, list[Recorded]] = {}
    found: list[Notification] = []
    for recorded in events:
        words = (*beginnings(recorded.event.TOPIC), ADDRESSED) if held else ()
        meant = {(one.person, one.id): one for word in words for one in held.get(word, ())}
        around = NOTHING_AROUND
        if recorded.event.TOPIC in NEEDS_AROUND:
            if recorded.stream not in seen:
                seen[recorded.stream] = log.stream(recorded.stream)
            around = around_of(seen[recorded.stream], recorded)
        found += notifications(recorded, meant.values(), around)
    return found


def around_of(stream: Iterable[Recorded], recorded: Recorded) -> Around:
    """Fold the work of a record up to an event."""
    work: Any = {}
    forks: Any = {}
    approvals: Any = {}
    before = approvals
    for earlier in stream:
        if earlier.version > recorded.version:
            break
        before = approvals
        work, forks, approvals = fold_work(work, forks, approvals, earlier)
    return Around(before, approvals, work)


def _keep(connection: Connection[Any], table: str, recorded: Recorded) -> None:
    """A subscription holds after the event that made it, and before the one that ended it or that its person left with."""
    person = person_stream(split_stream(recorded.stream)[1])
    match recorded.event:
        case InboxSubscribed() as event:
            connection.execute(
                _BEGIN[table],
                (
                    person, event.subscription, event.topics, event.channel, event.kind, event.record, event.target,
                    _json(event.label), recorded.position,
                ),
            )  # fmt: skip
        case InboxUnsubscribed(subscription=subscription):
            about = {"position": recorded.position, "person": person, "subscription": subscription}
            connection.execute(_END[table], about)
        case PersonLeft(person=left):
            about = {"position": recorded.position, "person": left, "subscription": None}
            connection.execute(_END[table], about)
        case _:
            pass


def _held(
    connection: Connection[Any], table: str, events: Sequence[Recorded]
) -> Mapping[str, list[Subscription]]:
    """The subscriptions that held at some time within a batch and name one of its topics, by each word they name."""
    if not events:
        return {}
    topics = {recorded.event.TOPIC for recorded in events}
    words = sorted({word for topic in topics for word in beginnings(topic)} | {ADDRESSED})
    rows = connection.execute(_HELD[table], (words, events[-1].position, events[0].position)).fetchall()
    held: dict[str, list[Subscription]] = {}
    for row in rows:
        for word in row["topics"]:
            held.setdefault(word, []).append(subscription_of(row))
    return held


def subscription_of(row: Mapping[str, Any]) -> Subscription:
    """Return a row as a subscription."""
    return Subscription(
        person=row["person"],
        id=row["subscription"],
        topics=tuple(row["topics"]),
        channel=row["channel"],
        kind=row["kind"],
        record=row["record"],
        target=row["target"],
        after=int(row["after_position"]),
        before=row["before_position"],
    )


def _json(stored: Any) -> str | None:
    return None if stored is None else orjson.dumps(stored).decode()
