"""The subscriptions a projection tells people by: a table of its own, so that it stands where the projection stands."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from psycopg import Connection

from domain.assigning.alerting import is_alarming, people_alerted
from domain.assigning.events import PoolAssigned
from domain.envelope import Recorded
from domain.events import OwnerChanged, PersonLeft, RecordOpened
from domain.inbox.events import InboxSubscribed, InboxUnsubscribed
from domain.inbox.topics import ADDRESSED, beginnings
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, person_stream, split_stream
from domain.organisation import state as organisation
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.reacting.events import ReactionFailed
from domain.reacting.people import people_told_of_failure
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
    surroundings = Surroundings(log)
    found: list[Notification] = []
    for recorded in events:
        words = (*beginnings(recorded.event.TOPIC), ADDRESSED) if held else ()
        meant = {(one.person, one.id): one for word in words for one in held.get(word, ())}
        found += notifications(recorded, meant.values(), surroundings.of(recorded))
    return found


class Surroundings:
    """What events stand in. Asked for one after the other in the order of the log, each stream is read and folded once, however many of its events are asked for."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._work: dict[str, WorkOfRecord] = {}
        self._governing: dict[str, tuple[list[Recorded], int, Any]] = {}

    def of(self, recorded: Recorded) -> Around:
        """Return what is known around an event; nothing where whom it tells stands in the event itself."""
        event = recorded.event
        if isinstance(event, PoolAssigned) and is_alarming(event):
            return Around(alerted=self._alerted(recorded, event))
        if isinstance(event, ReactionFailed):
            return Around(alerted=self._told_of_failure(recorded, event))
        if event.TOPIC not in NEEDS_AROUND:
            return NOTHING_AROUND
        if recorded.stream not in self._work:
            self._work[recorded.stream] = WorkOfRecord(self._log.stream(recorded.stream))
        return self._work[recorded.stream].around(recorded)

    def _alerted(self, recorded: Recorded, event: PoolAssigned) -> list[str]:
        """Who hears that nobody was found: by the pool as it was then, among the people of then."""
        playbooks, people = self._then(recorded.position)
        version = playbooks.versions.get((recorded.playbook or "", recorded.playbook_version or 0))
        name = split_stream(recorded.stream)[1]
        pool = None if version is None else version.document.pools.get(name)
        return people_alerted(
            event, pool, playbooks.at(recorded.recorded_at).roles, people, recorded.recorded_at
        )

    def _told_of_failure(self, recorded: Recorded, event: ReactionFailed) -> list[str]:
        """Who hears that a reaction failed: whoever owned the record then, among the people of then."""
        playbooks, people = self._then(recorded.position)
        owner = None
        for found in self._log.stream(event.record):
            if found.position > recorded.position:
                break
            if isinstance(found.event, RecordOpened):
                owner = found.event.owner
            elif isinstance(found.event, OwnerChanged):
                owner = found.event.after
        return people_told_of_failure(owner, recorded, people, playbooks.at(recorded.recorded_at).roles)

    def _then(self, position: int) -> tuple[Playbooks, Organisation]:
        playbooks = self._as_of(PLAYBOOKS_STREAM, catalogue.fold, position) or Playbooks()
        return playbooks, self._as_of(ORGANISATION_STREAM, organisation.fold, position) or Organisation()

    def _as_of(self, stream: str, fold: Any, position: int) -> Any:
        events, reached, state = self._governing.get(stream, (None, 0, None))
        if events is None:
            events = self._log.stream(stream)
        count = bisect_right([recorded.position for recorded in events], position)
        if count < reached:
            reached, state = 0, None
        if count > reached:
            state = fold(state, events[reached:count])
        self._governing[stream] = (events, count, state)
        return state


class WorkOfRecord:
    """The work of one record, folded as far as anybody asked; asked for an earlier event it begins anew."""

    def __init__(self, stream: Sequence[Recorded]) -> None:
        self._stream = stream
        self._begin()

    def _begin(self) -> None:
        self._folded = 0
        self._before: Any = {}
        self._state: tuple[Any, Any, Any] = ({}, {}, {})

    def around(self, recorded: Recorded) -> Around:
        """Return the approvals before an event, and the approvals and the work after it."""
        if self._folded and self._stream[self._folded - 1].version > recorded.version:
            self._begin()
        while self._folded < len(self._stream) and self._stream[self._folded].version <= recorded.version:
            self._before = self._state[2]
            self._state = fold_work(*self._state, self._stream[self._folded])
            self._folded += 1
        work, _, approvals = self._state
        return Around(self._before, approvals, work)


def around_of(stream: Sequence[Recorded], recorded: Recorded) -> Around:
    """Fold the work of a record up to an event."""
    return WorkOfRecord(stream).around(recorded)


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
