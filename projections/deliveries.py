"""What leaves the inbox: one row a notification, channel and target, made by a process; and what the workers that send them do to the rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from psycopg import Connection
from psycopg.types.json import Jsonb

from domain.envelope import Recorded
from domain.naming import is_id, nearest
from domain.refusals import NotFound
from domain.values import moment_text
from projections.cursors import Cursor
from projections.errors import InvalidQuery
from projections.footing import Footing
from projections.kinds import Process
from projections.lens import Lens, Visible
from projections.lists import Ask
from projections.notifying import Notification
from projections.ports import LogReader
from projections.subscribed import DELIVERY_TABLE, told_of

INBOX = "inbox"
"""The channel that sends nothing: what is in the inbox has arrived."""

STATUSES = ("waiting", "sent", "dead")
Row: TypeAlias = Mapping[str, Any]

_NAMES = UUID("c7b0a2de-4a0e-5a0b-9d7e-31d5b8f0a644")
_INSERT = (
    "INSERT INTO deliveries (id, notification, person, position, topic, record, at, reason, channel, target, next_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp()) ON CONFLICT DO NOTHING"
)
_CLAIM = """
UPDATE dealtrail_read.deliveries SET attempts = attempts + 1, next_at = clock_timestamp() + %(lease)s
WHERE id = (SELECT id FROM dealtrail_read.deliveries WHERE status = 'waiting' AND next_at <= clock_timestamp()
    ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *, clock_timestamp() AS now
"""
# Whoever took longer than the lease has lost the row to another worker; only the one that claimed it last says what came of it.
_RECORD = """
UPDATE dealtrail_read.deliveries
SET status = %(status)s, next_at = clock_timestamp() + %(wait)s::interval, error = %(error)s, tries = tries || %(tried)s,
    ended_at = CASE WHEN %(status)s = 'waiting' THEN NULL ELSE clock_timestamp() END
WHERE id = %(id)s AND attempts = %(attempts)s AND status = 'waiting'
"""
_LIST = """
SELECT id, notification, person, position, topic, record, at, reason, channel, target, status, attempts, next_at, ended_at, error
FROM dealtrail_read.deliveries
WHERE position <= %s AND (%s::text IS NULL OR status = %s) AND (%s::text IS NULL OR person = %s) ORDER BY position DESC, id OFFSET %s LIMIT %s
"""


class Deliveries(Process):
    """Puts a row for every message that is to be sent. It never begins again: everybody would be told a second time."""

    name = "deliveries"

    def __init__(self, log: LogReader) -> None:
        self._log = log

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Add what is to be sent; the same row is never there twice."""
        rows = [
            row for told in told_of(connection, DELIVERY_TABLE, self._log, events) for row in rows_of(told)
        ]
        if rows:
            connection.cursor().executemany(_INSERT, rows)


def rows_of(told: Notification) -> list[tuple[Any, ...]]:
    """Return the messages of a notification: one for each channel and target its subscriptions name."""
    routes = {
        (subscription.channel, subscription.target): None
        for subscription in told.subscriptions
        if subscription.channel != INBOX and subscription.target is not None
    }
    return [
        (
            delivery_id(told.id, channel, str(target)), told.id, told.person, told.position, told.topic, told.record, told.at, told.reason,
            channel, target,
        )
        for channel, target in routes
    ]  # fmt: skip


def delivery_id(notification: str, channel: str, target: str) -> str:
    """Return the id of what is sent of a notification through one channel to one target."""
    return str(uuid5(_NAMES, f"{notification}\n{channel}\n{target}"))


# ── for those who send ───────────────────────────────────────────────────────────────────────────────────────────────


def claim(connection: Connection[Any], lease: timedelta) -> Row | None:
    """Take the row that is due longest, if any; nobody else takes it for the length of the lease, whatever becomes of this process.

    `now` is the clock of the database at that moment.
    """
    row: Row | None = connection.execute(_CLAIM, {"lease": lease}).fetchone()
    return row


def note(
    connection: Connection[Any], row: Row, status: str, error: str | None, wait: timedelta | None
) -> bool:
    """Say what came of an attempt; `wait` is how long until the next one. Tell whether the row was still this worker's."""
    tried = [{"at": moment_text(row["now"]), "error": error}]
    done = connection.execute(
        _RECORD,
        {
            "id": row["id"], "attempts": row["attempts"], "status": status, "error": error, "wait": wait, "tried": Jsonb(tried),
        },
    )  # fmt: skip
    return done.rowcount == 1


def seconds_to_next(connection: Connection[Any], most: float) -> float:
    """Return how long there is nothing to send, at most so many seconds."""
    row = connection.execute(
        "SELECT extract(epoch FROM min(next_at) - clock_timestamp()) AS seconds FROM dealtrail_read.deliveries WHERE status = 'waiting'"
    ).fetchone()
    seconds = None if row is None else row["seconds"]
    return most if seconds is None else min(max(float(seconds), 0.0), most)


def retry(connection: Connection[Any], delivery: str | None = None) -> int:
    """Try dead letters again from the beginning: one, or all. Return how many. Raises NotFound for an id nobody knows."""
    if delivery is not None:
        _known(connection, delivery)
    done = connection.execute(
        "UPDATE dealtrail_read.deliveries SET status = 'waiting', attempts = 0, next_at = clock_timestamp(), ended_at = NULL"
        " WHERE status = 'dead' AND (%s::uuid IS NULL OR id = %s::uuid)",
        (delivery, delivery),
    )
    return done.rowcount


def _known(connection: Connection[Any], delivery: str) -> Row:
    try:
        named = UUID(delivery)
    except ValueError:
        raise NotFound("delivery", delivery) from None
    row = connection.execute("SELECT * FROM dealtrail_read.deliveries WHERE id = %s", (named,)).fetchone()
    if row is None:
        raise NotFound("delivery", delivery)
    return row  # type: ignore[no-any-return]


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def deliveries(footing: Footing, ask: Ask, status: str | None = None, person: str | None = None) -> Visible:
    """Show what was or is to be sent, the newest first: to whom, by which channel, how often, and what went wrong.

    Raises InvalidQuery for a status there is none, and for what cannot be a person.
    """
    if status is not None and status not in STATUSES:
        raise InvalidQuery.of("status", f"one of {', '.join(STATUSES)}", nearest(status, STATUSES))
    if person is not None and not is_id(person.removeprefix("person/")):
        raise InvalidQuery.of("person", "an id is expected, as person/per_…")
    question = ["deliveries", status, person]
    cursor = Cursor.read(ask.cursor, question)
    skip = 0 if cursor is None else cursor.skip
    with footing.snapshot(Deliveries.name) as (connection, reached):
        upto = reached if cursor is None else cursor.position
        rows = connection.execute(
            _LIST, (upto, status, status, person, person, skip, ask.limit + 1)
        ).fetchall()
    page = rows[: ask.limit]
    lens = footing.lens()
    lens.prepare(())
    following = Cursor(upto, skip + len(page)).text(question) if len(rows) > len(page) else None
    items = [lens.figures(**_shown(lens, row)) for row in page]
    return lens.page(items, next=following, **(footing.about_now() | {"as_of_position": reached}))


def delivery(footing: Footing, name: str) -> Visible:
    """Show one message that was or is to be sent, with every attempt. Raises NotFound."""
    with footing.snapshot(Deliveries.name) as (connection, reached):
        row = _known(connection, name)
    lens = footing.lens()
    lens.prepare(())
    about = footing.about_now() | {"as_of_position": reached}
    return lens.figures(**_shown(lens, row), tries=row["tries"], **about)


def _shown(lens: Lens, row: Row) -> dict[str, Any]:
    def text(moment: datetime | None) -> str | None:
        return None if moment is None else moment_text(moment)

    told = {name: row[name] for name in ("person", "position", "topic", "record", "reason", "channel", "target", "status", "attempts", "error")}  # fmt: skip
    return {
        "id": str(row["id"]),
        "notification": str(row["notification"]),
        **told,
        "person_name": lens.person(row["person"]),
        "at": text(row["at"]),
        "next_at": text(row["next_at"]) if row["status"] == "waiting" else None,
        "ended_at": text(row["ended_at"]),
    }
