"""The read model of what is asked of whom: work items, and the levels of approvals that wait for somebody."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from psycopg import Connection

from domain.envelope import Recorded
from domain.naming import PLAYBOOKS_STREAM, split_stream
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from domain.work.approving import Approval
from domain.work.events import WORK_EVENTS
from domain.work.json_form import (
    approval_from_json,
    approval_to_json,
    fork_from_json,
    fork_to_json,
    item_from_json,
    item_to_json,
)
from domain.work.limits import done_due_at, level_due_at, passing_of, response_due_at, response_us
from domain.work.state import Approvals, Forks, WorkItem, Works, fold_work
from projections.kinds import ReadModel
from projections.ports import LogReader

_TOPICS = frozenset(event.TOPIC for event in WORK_EVENTS)

_COLUMNS = (
    "record text, id text, part text, kind text, what text, template text, role text, assignee text, asked text, requested_by text, state text,"
    " is_open boolean, title jsonb, fork text, fork_name text, leg text, level text, priority smallint, waiting_for text, requested_at timestamptz,"
    " started_at timestamptz, first_response_at timestamptz, done_at timestamptz, response_due_at timestamptz, done_due_at timestamptz,"
    " answered_by text, response_us bigint, playbook text, playbook_version integer, requested_position bigint"
)
_NAMES = ", ".join(column.split()[0] for column in _COLUMNS.split(", "))
_KEEP = """
INSERT INTO record_work (stream, work) SELECT * FROM jsonb_to_recordset(%s::jsonb) AS n (stream text, work jsonb)
ON CONFLICT (stream) DO UPDATE SET work = excluded.work
"""
_INSERT = f"INSERT INTO work ({_NAMES}) SELECT {_NAMES} FROM jsonb_to_recordset(%s::jsonb) AS n ({_COLUMNS})"  # noqa: S608 — column names of our own

OfRecord = tuple[Works, Forks, Approvals]
"""What one record knows of its work."""


class Work(ReadModel):
    """One row a work item, and one a role of an approval level that waits for somebody; titles stay sealed.

    When something is due is counted by the calendar of the version it was made under, so that no later publication moves it.
    """

    name = "work"
    tables = ("record_work", "work")

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._known: tuple[int, Playbooks] = (-1, Playbooks())

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Fold a batch of events into the work of the records they belong to, and write the rows of those anew."""
        own = [recorded for recorded in events if recorded.event.TOPIC in _TOPICS]
        if not own:
            return
        streams = sorted({recorded.stream for recorded in own})
        kept = connection.execute(
            "SELECT stream, work FROM record_work WHERE stream = ANY(%s)", (streams,)
        ).fetchall()
        found: dict[str, OfRecord] = {row["stream"]: _from_json(row["work"]) for row in kept}
        for recorded in own:
            found[recorded.stream] = fold_work(*found.get(recorded.stream, ({}, {}, {})), recorded)
        told = [{"stream": stream, "work": _to_json(state)} for stream, state in found.items()]
        connection.execute(_KEEP, (orjson.dumps(told).decode(),))
        connection.execute("DELETE FROM work WHERE record = ANY(%s)", (streams,))
        playbooks = self._playbooks()
        rows = [row for stream, state in found.items() for row in rows_of(stream, state, playbooks)]
        connection.execute(_INSERT, (orjson.dumps(rows).decode(),))

    def _playbooks(self) -> Playbooks:
        """Every version there is. Those that came after the events add nothing to what these were made under."""
        version = self._log.version(PLAYBOOKS_STREAM)
        if version != self._known[0]:
            self._known = (version, catalogue.fold(None, self._log.stream(PLAYBOOKS_STREAM)))
        return self._known[1]


def rows_of(stream: str, state: OfRecord, playbooks: Playbooks) -> Iterator[dict[str, Any]]:
    """Return the rows of a record's work: one a work item, and one a role of an approval level that waits. Moments are datetimes; titles stay sealed."""
    work, forks, approvals = state
    for item in work.values():
        name = forks[item.fork].name if item.fork is not None and item.fork in forks else None
        yield _of_item(stream, item, name, _made_under(playbooks, item.playbook, item.number))
    for approval in approvals.values():
        yield from _of_approval(stream, approval, _made_under(playbooks, approval.playbook, approval.number))


def _made_under(playbooks: Playbooks, name: str | None, number: int | None) -> PublishedPlaybook:
    if name is None or number is None:
        raise ValueError("work is asked under a version of a playbook, and this one names none")
    return playbooks.versions[name, number]


def _of_item(stream: str, item: WorkItem, fork: str | None, playbook: PublishedPlaybook) -> dict[str, Any]:
    kind = playbook.kind(split_stream(stream)[0])
    template, time = kind.work[item.template], passing_of(playbook)
    spec = kind.forks.get(fork) if fork is not None else None
    leg = spec.legs.get(item.leg or "") if spec is not None else None
    return {
        "record": stream,
        "id": item.id,
        "part": "",
        "kind": split_stream(stream)[0],
        "what": "work",
        "template": item.template,
        "role": template.role or (leg.role if leg is not None else None),
        "assignee": item.assignee,
        "asked": item.asked,
        "requested_by": item.requested_by,
        "state": item.state,
        "is_open": item.is_open,
        "title": item.title,
        "fork": item.fork,
        "fork_name": fork,
        "leg": item.leg,
        "level": None,
        "priority": item.priority,
        "waiting_for": item.pauses[-1].waiting_for if item.state == "paused" else None,
        "requested_at": item.requested_at,
        "started_at": item.started_at,
        "first_response_at": item.first_response_at,
        "done_at": item.ended_at,
        "response_due_at": response_due_at(item, template, time),
        "done_due_at": done_due_at(item, template, time),
        "answered_by": item.answered_by,
        "response_us": response_us(item, time),
        "playbook": item.playbook,
        "playbook_version": item.number,
        "requested_position": item.position,
    }


def _of_approval(stream: str, approval: Approval, playbook: PublishedPlaybook) -> Iterator[dict[str, Any]]:
    time = passing_of(playbook)
    for level in approval.open_levels:
        due = level_due_at(approval, level, time)
        for role, person in approval.waits_for(level).items():
            yield {
                "record": stream,
                "id": approval.id,
                "part": f"{level.name}/{role}",
                "kind": split_stream(stream)[0],
                "what": "approval",
                "template": approval.chain,
                "role": role,
                "assignee": person,
                "asked": level.asked.get(role),
                "requested_by": approval.requested_by,
                "state": "requested",
                "is_open": True,
                "title": None,
                "fork": None,
                "fork_name": None,
                "leg": None,
                "level": level.name,
                "priority": 0,
                "waiting_for": None,
                "requested_at": approval.opened_at(level),
                "started_at": None,
                "first_response_at": None,
                "done_at": None,
                "response_due_at": None,
                "done_due_at": due,
                "answered_by": None,
                "response_us": None,
                "playbook": approval.playbook,
                "playbook_version": approval.number,
                "requested_position": approval.position,
            }


def _to_json(state: OfRecord) -> dict[str, Any]:
    work, forks, approvals = state
    return {
        "work": [item_to_json(item) for item in work.values()],
        "forks": [fork_to_json(fork) for fork in forks.values()],
        "approvals": [approval_to_json(approval) for approval in approvals.values()],
    }


def _from_json(data: Mapping[str, Any]) -> OfRecord:
    return (
        {told["id"]: item_from_json(told) for told in data["work"]},
        {told["id"]: fork_from_json(told) for told in data["forks"]},
        {told["id"]: approval_from_json(told) for told in data["approvals"]},
    )
