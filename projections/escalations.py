"""The read model of what was told of deadlines: when, at which rung, to whom, and who acknowledged it."""

from collections.abc import Sequence
from typing import Any

import orjson
from psycopg import Connection

from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.envelope import Recorded
from domain.naming import split_stream
from domain.values import moment_text
from projections.kinds import ReadModel

_INSERT = """
INSERT INTO escalations (position, record, kind, deadline, subject, armed_at, rung, repeat, due_at, noticed_at, told, skipped, acknowledged, playbook, playbook_version)
VALUES (%(position)s, %(record)s, %(kind)s, %(deadline)s, %(subject)s, %(armed_at)s, %(rung)s, %(repeat)s, %(due_at)s, %(noticed_at)s,
    %(told)s, %(skipped)s, '{}', %(playbook)s, %(playbook_version)s)
"""
# A rung that was repeated is acknowledged as a whole: whoever knows of it knows of every telling.
_ACKNOWLEDGE = """
UPDATE escalations SET acknowledged = acknowledged || %(said)s::jsonb
WHERE record = %(record)s AND deadline = %(deadline)s AND subject = %(subject)s AND armed_at = %(armed_at)s AND rung = %(rung)s
    AND %(person)s = ANY (told) AND position < %(position)s
"""


class Escalations(ReadModel):
    """One row a rung that was told."""

    name = "escalations"
    tables = ("escalations",)

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Add what was noticed, and mark what was acknowledged."""
        noticed: list[dict[str, Any]] = []
        for recorded in events:
            event = recorded.event
            if isinstance(event, DeadlineNoticed):
                noticed.append(_row(recorded, event))
            elif isinstance(event, DeadlineAcknowledged):
                _insert(connection, noticed)
                noticed = []
                person = recorded.on_behalf_of or recorded.actor
                said = {person: {"at": moment_text(recorded.recorded_at), "position": recorded.position}}
                about = event.payload() | {"subject": event.subject or "", "person": person}
                connection.execute(
                    _ACKNOWLEDGE,
                    {**about, "position": recorded.position, "said": orjson.dumps(said).decode()},
                )
        _insert(connection, noticed)


def _insert(connection: Connection[Any], rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)


def _row(recorded: Recorded, event: DeadlineNoticed) -> dict[str, Any]:
    return {
        "position": recorded.position,
        "record": event.record,
        "kind": split_stream(event.record)[0],
        "deadline": event.deadline,
        "subject": event.subject or "",
        "armed_at": event.armed_at,
        "rung": event.rung,
        "repeat": event.repeat,
        "due_at": event.due_at,
        "noticed_at": event.noticed_at,
        "told": event.told,
        "skipped": event.skipped,
        "playbook": recorded.playbook,
        "playbook_version": recorded.playbook_version,
    }
