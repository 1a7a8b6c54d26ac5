"""Deadlines to read: which run, which are overdue, and who was told of which, when, and said that they know."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.business_time import microseconds_of
from domain.deadlines.limits import called
from domain.naming import nearest, split_stream
from domain.playbook.catalogue import Playbooks
from domain.refusals import NotFound
from domain.values import moment_text
from projections.cursors import Cursor
from projections.escalations import Escalations
from projections.footing import Footing
from projections.lens import Lens, Visible
from projections.lists import ITEMS
from projections.timers import Timers

_TIMERS = """
SELECT record, deadline, subject, armed_at, kind, playbook, playbook_version, starts_at, warn_at, due_at, is_paused,
    told_rung, told_repeat, next_rung, next_repeat, next_at, count(*) OVER () AS total
FROM dealtrail_read.timers
WHERE in_force_from <= %(at)s AND (in_force_until IS NULL OR in_force_until > %(at)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(record)s::text IS NULL OR record = %(record)s)
    AND (NOT %(overdue)s OR due_at <= %(at)s)
ORDER BY due_at NULLS LAST, record, deadline, subject LIMIT %(limit)s OFFSET %(skip)s
"""
_ESCALATIONS = """
SELECT position, record, kind, deadline, subject, armed_at, rung, repeat, due_at, noticed_at, told, skipped, acknowledged, playbook, playbook_version,
    count(*) OVER () AS total
FROM dealtrail_read.escalations
WHERE (%(person)s::text IS NULL OR told @> ARRAY[%(person)s]) AND (%(record)s::text IS NULL OR record = %(record)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND position <= %(position)s
    AND (NOT %(open)s OR EXISTS (SELECT FROM unnest(told) AS who WHERE NOT acknowledged ? who))
ORDER BY position DESC LIMIT %(limit)s OFFSET %(skip)s
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which deadlines or escalations are asked for, and from where on. `record` is one of a kind, by its id or its external id."""

    kind: str | None = None
    record: str | None = None
    overdue: bool = False
    person: str | None = None
    unacknowledged: bool = False
    cursor: str | None = None
    limit: int = ITEMS


def deadlines(footing: Footing, asked: Asked) -> Visible:
    """Show the deadlines that run, what is due first in front; overdue ones have been due for `late_seconds` by the clock.

    `state` is `running`, `warned`, `overdue`, `paused` (somebody waits, and time stands still) or `unknown` (the calendar ends before it is due).
    Raises NotFound, InvalidQuery.
    """
    kind, stream = _kind(footing, asked), _stream(footing, asked)
    words = ["deadlines", kind, stream, asked.overdue]
    cursor = Cursor.read(asked.cursor, words)
    at, skip = footing.clock(), 0 if cursor is None else cursor.skip
    with footing.snapshot(Timers.name) as (connection, reached):
        rows = connection.execute(
            _TIMERS,
            {
                "at": at,
                "kind": kind,
                "record": stream,
                "overdue": asked.overdue,
                "limit": asked.limit + 1,
                "skip": skip,
            },
        ).fetchall()
    page = rows[: asked.limit]
    lens, playbooks = footing.lens(), footing.playbooks()
    lens.prepare(())
    bounded = footing.bounded()
    items = [
        lens.figures(
            **_armed(row, at),
            **_words(playbooks, row),
        )
        for row in page
    ]
    return lens.page(
        items,
        next=Cursor(reached, skip + len(page)).text(words) if len(rows) > asked.limit else None,
        total=int(rows[0]["total"]) if rows else 0,
        at=moment_text(at),
        names=footing.names(lens, [row["record"] for row in page], bounded),
        **(footing.about(bounded) | {"as_of_position": reached}),
    )


def escalations(footing: Footing, asked: Asked) -> Visible:
    """Show what was told of deadlines, the latest first: to whom, at which rung, how late, and who acknowledged it. Raises NotFound, InvalidQuery."""
    kind, stream = _kind(footing, asked), _stream(footing, asked)
    person = _person(footing, asked.person)
    words = ["escalations", kind, stream, person, asked.unacknowledged]
    cursor = Cursor.read(asked.cursor, words)
    skip = 0 if cursor is None else cursor.skip
    with footing.snapshot(Escalations.name) as (connection, reached):
        position = reached if cursor is None else cursor.position
        rows = connection.execute(
            _ESCALATIONS,
            {
                "person": person,
                "record": stream,
                "kind": kind,
                "position": position,
                "open": asked.unacknowledged,
                "limit": asked.limit + 1,
                "skip": skip,
            },
        ).fetchall()
    page = rows[: asked.limit]
    lens, playbooks = footing.lens(), footing.playbooks()
    lens.prepare(())
    bounded = footing.bounded()
    return lens.page(
        [lens.figures(**_told(lens, row), **_words(playbooks, row)) for row in page],
        next=Cursor(position, skip + len(page)).text(words) if len(rows) > asked.limit else None,
        total=int(rows[0]["total"]) if rows else 0,
        names=footing.names(lens, [row["record"] for row in page], bounded),
        **(footing.about(bounded) | {"as_of_position": reached}),
    )


def _kind(footing: Footing, asked: Asked) -> str | None:
    return None if asked.kind is None else footing.kind_called(asked.kind)


def _stream(footing: Footing, asked: Asked) -> str | None:
    return None if asked.record is None else footing.named(asked.record, asked.kind, asks_for_kind=True)


def _person(footing: Footing, named: str | None) -> str | None:
    if named is None:
        return None
    person = named if named.startswith("person/") else f"person/{named}"
    people = footing.organisation().people
    if person not in people:
        raise NotFound("person", named, nearest(person, people))
    return person


def _armed(row: Any, at: datetime) -> dict[str, Any]:
    due_at, warn_at = row["due_at"], row["warn_at"]
    state = "running"
    if row["is_paused"]:
        state = "paused"
    elif due_at is None:
        state = "unknown"
    elif due_at <= at:
        state = "overdue"
    elif warn_at is not None and warn_at <= at:
        state = "warned"
    late = (microseconds_of(at) - microseconds_of(due_at)) // 1_000_000 if state == "overdue" else None
    return {
        **_common(row),
        "state": state,
        "starts_at": moment_text(row["starts_at"]),
        "warn_at": _text(warn_at),
        "due_at": _text(due_at),
        "late_seconds": late,
        "told_rung": row["told_rung"],
        "told_repeat": row["told_repeat"],
        "next_rung": row["next_rung"],
        "next_at": _text(row["next_at"]),
    }


def _told(lens: Lens, row: Any) -> dict[str, Any]:
    late = (microseconds_of(row["noticed_at"]) - microseconds_of(row["due_at"])) // 1_000_000
    return {
        **_common(row),
        "position": row["position"],
        "rung": row["rung"],
        "repeat": row["repeat"],
        "due_at": _text(row["due_at"]),
        "noticed_at": _text(row["noticed_at"]),
        "late_seconds": max(late, 0),
        "skipped": row["skipped"],
        "told": [
            {
                "person": person,
                "name": lens.person(person),
                "acknowledged_at": (row["acknowledged"].get(person) or {}).get("at"),
            }
            for person in row["told"]
        ],
    }


def _common(row: Any) -> dict[str, Any]:
    kind, record_id = split_stream(row["record"])
    return {
        "record": row["record"],
        "kind": kind,
        "id": record_id,
        "deadline": row["deadline"],
        "subject": row["subject"] or None,
        "armed_at": row["armed_at"],
        "playbook": row["playbook"],
        "playbook_version": row["playbook_version"],
    }


def _words(playbooks: Playbooks, row: Any) -> dict[str, Any]:
    """What the deadline is called and why there is it, in the version it was reckoned by."""
    version = playbooks.versions.get((row["playbook"], row["playbook_version"]))
    kind = None if version is None else version.document.kinds.get(row["kind"])
    label, why = (None if kind is None else called(kind, row["deadline"])) or (None, None)
    return {
        "label": None if label is None else label.model_dump(),
        "why": None if why is None else why.model_dump(),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment_text(moment)
