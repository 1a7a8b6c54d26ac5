"""What somebody has to follow up and by when: work and approvals that wait for them, and deadlines of the records they own."""

from collections.abc import Mapping
from typing import Any, Literal

from domain.labels import Label
from domain.playbook.catalogue import Playbooks
from domain.values import moment_text
from projections.footing import Footing, whole_kind
from projections.inbox import known_person
from projections.lens import Visible
from projections.timers import Timers
from projections.work import Work

MAX_FOLLOW_UPS = 500
"""How many a calendar shows: the most urgent ones."""

_WORK = """
SELECT record, id, part, kind, what, template, level, done_due_at AS due_at, requested_position AS position
FROM dealtrail_read.work WHERE assignee = %s AND is_open AND done_due_at IS NOT NULL ORDER BY done_due_at, record, id, part LIMIT %s
"""
# What is about a work item or an approval stands in the table of work, with whoever has it.
_DEADLINES = """
SELECT t.record, t.deadline AS id, '' AS part, t.kind, 'deadline' AS what, t.deadline AS template, NULL AS level, t.due_at, t.armed_at AS position
FROM dealtrail_read.timers t JOIN dealtrail_read.watched_records w ON w.stream = t.record
WHERE w.owner = %s AND t.subject = '' AND t.due_at IS NOT NULL AND NOT t.is_paused
    AND t.in_force_from <= %s AND (t.in_force_until IS NULL OR t.in_force_until > %s)
ORDER BY t.due_at, t.record, t.deadline LIMIT %s
"""


def follow_ups(footing: Footing, name: str, language: Literal["zh", "en"]) -> Visible:
    """Show what somebody has to follow up, the most urgent first. Raises NotFound for a person nobody knows.

    `uid` is the same as long as it is the same thing, wherever its due moment moves; `since` is when it was recorded.
    """
    person = known_person(footing, name)
    now = footing.clock()
    with footing.snapshot(Work.name) as (connection, reached):
        rows = connection.execute(_WORK, (person, MAX_FOLLOW_UPS)).fetchall()
        rows += connection.execute(_DEADLINES, (person, now, now, MAX_FOLLOW_UPS)).fetchall()
    rows = sorted(rows, key=lambda row: (row["due_at"], row["record"], row["id"], row["part"]))
    rows = rows[:MAX_FOLLOW_UPS]
    lens, playbooks = footing.lens(), footing.playbooks()
    lens.prepare(())
    names = footing.names(lens, [row["record"] for row in rows], footing.bounded())
    since = {position: footing.recorded_at(position) for position in {int(row["position"]) for row in rows}}
    items = [
        lens.figures(
            uid="/".join((row["record"], row["what"], row["id"], row["part"], str(row["position"]))),
            what=row["what"],
            label=_label(playbooks, row)[language],
            record=row["record"],
            record_name=names.get(row["record"]),
            collection=_collection(playbooks, row["kind"]),
            due_at=moment_text(row["due_at"]),
            since=moment_text(since[int(row["position"])]),
        )
        for row in rows
    ]
    about = footing.about_now() | {"as_of_position": reached}
    return lens.page(items, next=None, person=person, person_name=lens.person(person), **about)


def wait_for(footing: Footing, position: int) -> None:
    """Wait briefly until what follow-ups are read from has reached a position. Raises BehindError."""
    footing.wait_for(position, (Work.name, Timers.name))


def _label(playbooks: Playbooks, row: Mapping[str, Any]) -> Mapping[str, str]:
    """What it is called now; where the playbook in force no longer has it, its own name."""
    named: Label | None = None
    if row["kind"] in playbooks.by_kind:
        kind = whole_kind(playbooks, row["kind"])
        parts: Mapping[str, Any] = {
            "work": kind.work,
            "approval": kind.approvals,
            "deadline": kind.deadlines,
        }[row["what"]]
        found = parts.get(row["template"])
        named = None if found is None else found.label
    return {"zh": row["template"], "en": row["template"]} if named is None else named.model_dump()


def _collection(playbooks: Playbooks, kind: str) -> str | None:
    return whole_kind(playbooks, kind).collection if kind in playbooks.by_kind else None
