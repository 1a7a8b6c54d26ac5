"""The read model of inboxes: who was told of what, what they asked to be told of, and what they have read."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from domain.envelope import Recorded
from domain.inbox.events import InboxRead
from domain.inbox.topics import ADDRESSED
from domain.naming import nearest, person_stream, split_stream
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Right
from domain.reacting.events import ReactionFailed
from domain.refusals import NotAllowed, NotFound
from domain.values import moment_text
from projections.concerns import Concerns
from projections.cursors import Cursor
from projections.footing import Footing
from projections.kinds import ReadModel
from projections.lens import Lens, Visible
from projections.lists import Ask, incomplete
from projections.notifying import Notification
from projections.ports import LogReader
from projections.reactions import failures_at, text_told
from projections.subscribed import INBOX_TABLE, told_of

_INSERT = (
    "INSERT INTO inbox (person, position, id, topic, record, at, reason, subscriptions) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (person, position) DO NOTHING"
)
_READ = "UPDATE inbox SET read_at = %s, read_position = %s WHERE person = %s AND id = ANY(%s::uuid[]) AND read_at IS NULL"


class Inboxes(ReadModel):
    """One row a notification, and one a subscription."""

    name = "inbox"
    version = 3  # reactions that fail are told of, and what they ask of somebody in their own name
    tables = ("inbox", INBOX_TABLE)

    def __init__(self, log: LogReader) -> None:
        self._log = log

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Add what people are told of, and mark what they have read."""
        rows = [_row(told) for told in told_of(connection, INBOX_TABLE, self._log, events)]
        if rows:
            connection.cursor().executemany(_INSERT, rows)
        for recorded in events:
            if isinstance(recorded.event, InboxRead):
                person = person_stream(split_stream(recorded.stream)[1])
                connection.execute(
                    _READ, (recorded.recorded_at, recorded.position, person, recorded.event.notifications)
                )


def _row(told: Notification) -> tuple[Any, ...]:
    return (
        told.person, told.position, told.id, told.topic, told.record, told.at, told.reason,
        [subscription.id for subscription in told.subscriptions],
    )  # fmt: skip


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def refuse_others(
    footing: Footing, person: str | None, who: str, held: frozenset[Right] = frozenset()
) -> None:
    """Refuse whoever is neither the person it is about nor somebody who may organise; `held` are rights of the caller's own."""
    if who == person or Right.organise in held:
        return
    if not holds(footing.organisation(), footing.playbooks(), who, Right.organise):
        raise NotAllowed(Right.organise)


def holds(people: Organisation, playbooks: Playbooks, who: str, right: Right) -> bool:
    """Tell whether somebody has a right by one of their roles."""
    held = people.roles_of(who)
    return any(right in role.rights for name, role in playbooks.roles.items() if name in held)


def known_person(footing: Footing, name: str) -> str:
    """Return a person by their id. Raises NotFound, with the nearest id."""
    person = person_stream(name.removeprefix("person/"))
    people = footing.organisation().people
    if person not in people:
        raise NotFound("person", name, nearest(name, [known.removeprefix("person/") for known in people]))
    return person


def inbox(footing: Footing, name: str, ask: Ask, unread: bool | None = None) -> Visible:
    """Show what a person was told of, the newest first. Pages are of the position of the first one; what was read meanwhile says so.

    `concerns` tells items of one topic apart: which deadline at which rung and when it is due, which work, which levels of which approval.
    Raises NotFound for a person nobody knows.
    """
    person = known_person(footing, name)
    question = ["inbox", person, unread]
    cursor = Cursor.read(ask.cursor, question)
    with footing.snapshot(Inboxes.name) as (connection, reached):
        upto = reached if cursor is None else cursor.position
        # A page goes on below a position, not after a number of rows: those that were read meanwhile would move the pages.
        below = upto + 1 if cursor is None else cursor.skip
        rows = connection.execute(
            "SELECT id, position, topic, record, at, reason, subscriptions, read_at FROM dealtrail_read.inbox"
            " WHERE person = %s AND position < %s AND (%s::boolean IS NULL OR (read_at IS NULL) = %s) ORDER BY position DESC LIMIT %s",
            (person, below, unread, unread, ask.limit + 1),
        ).fetchall()
        counted = connection.execute(
            "SELECT count(*) AS unread FROM dealtrail_read.inbox WHERE person = %s AND read_at IS NULL",
            (person,),
        ).fetchone()
    page = rows[: ask.limit]
    lens = footing.lens()
    failures = [row["position"] for row in page if row["topic"] == ReactionFailed.TOPIC]
    lens.prepare(failures_at(footing, failures))
    concerns = Concerns(footing, lens).at(int(row["position"]) for row in page)
    bounded = footing.bounded()
    names = footing.names(lens, [row["record"] for row in page], bounded)
    more = Cursor(upto, page[-1]["position"]).text(question) if len(rows) > len(page) else None
    assert counted is not None
    return lens.page(
        [
            lens.figures(
                **_shown(row), text=_text(footing, lens, row), concerns=concerns[int(row["position"])]
            )
            for row in page
        ],
        next=more,
        person=person,
        person_name=lens.person(person),
        unread=int(counted["unread"]),
        names=names,
        **incomplete(footing.parked(Inboxes.name)),
        **(footing.about(bounded) | {"as_of_position": reached}),
    )


def _text(footing: Footing, lens: Lens, row: Any) -> dict[str, str] | None:
    """What the playbook has the person told, where a reaction told them something; where one failed, why, and how it is tried again."""
    told = text_told(footing, row["topic"], row["position"], lens)
    return None if told is None else dict(told)


def _shown(row: Any) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "position": row["position"],
        "topic": row["topic"],
        "record": row["record"],
        "at": moment_text(row["at"]),
        "reason": row["reason"],
        "subscriptions": row["subscriptions"],
        "read_at": None if row["read_at"] is None else moment_text(row["read_at"]),
    }


def subscriptions(footing: Footing, name: str) -> Visible:
    """Show what a person asks to be told of now. Raises NotFound for a person nobody knows."""
    person = known_person(footing, name)
    with footing.snapshot(Inboxes.name) as (connection, reached):
        rows = connection.execute(
            "SELECT subscription, topics, channel, kind, record, target, label, after_position FROM dealtrail_read.inbox_subscriptions"
            " WHERE person = %s AND before_position IS NULL ORDER BY after_position",
            (person,),
        ).fetchall()
    lens = footing.lens()
    lens.prepare([{"label": row["label"]} for row in rows])
    items = [lens.figures(**_subscription(lens, person, row)) for row in rows]
    about = footing.about_now() | {"as_of_position": reached}
    return lens.page(items, next=None, person=person, addressed=ADDRESSED, **about)


def _subscription(lens: Lens, person: str, row: Any) -> dict[str, Any]:
    return {
        "id": row["subscription"],
        "topics": row["topics"],
        "kind": row["kind"],
        "record": row["record"],
        "channel": row["channel"],
        "target": row["target"],
        "label": lens.opened(f"inboxes/{person.removeprefix('person/')}", "label", row["label"]),
        "since_position": row["after_position"],
    }
