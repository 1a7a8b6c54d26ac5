"""What a record waits for people to do: work and levels of approvals that are open, who has them, since when and until when."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from domain.playbook.catalogue import Playbooks
from domain.record.state import Record
from domain.values import moment_text
from projections.lens import Lens, Visible
from projections.work import rows_of

_MOMENTS = ("requested_at", "started_at", "first_response_at", "done_at", "response_due_at", "done_due_at")
_NEVER = datetime.max.replace(tzinfo=UTC)


def titles_of(records: Iterable[Record]) -> Iterable[object]:
    """Return the titles of the work of records, for a lens to prepare."""
    return [{"title": item.title} for record in records for item in record.work.values()]


def waits_of(lens: Lens, playbooks: Playbooks, record: Record, at: datetime) -> list[dict[str, Any]]:
    """Show what a record waits for at a moment: the legs of forks and other work that is open, and each role of a level that has not decided.

    What is urgent comes first, then what is due first. Due moments are counted by the calendar of the version it was asked under.
    """
    waiting = [
        row
        for row in rows_of(record.stream, (record.work, record.forks, record.approvals), playbooks)
        if row["is_open"]
    ]
    waiting.sort(
        key=lambda row: (-row["priority"], _next_due(row) or _NEVER, row["requested_position"], row["part"])
    )
    return [shown(lens, playbooks, row | {"overdue": _is_overdue(row, at)}).data for row in waiting]


def _next_due(row: Mapping[str, Any]) -> datetime | None:
    """When it is due next: the answer, until there is one, or the work itself, whichever comes first."""
    answer = row["response_due_at"] if row["first_response_at"] is None else None
    return min((moment for moment in (answer, row["done_due_at"]) if moment is not None), default=None)


def _is_overdue(row: Mapping[str, Any], at: datetime) -> bool:
    """Tell whether something was due before a moment. What waits for somebody else is not late."""
    due = _next_due(row)
    return row["state"] != "paused" and due is not None and due < at


def shown(lens: Lens, playbooks: Playbooks, row: Mapping[str, Any]) -> Visible:
    """Show a row of work, or of a role of an approval that waits: the same wherever work is listed."""
    version = playbooks.versions.get((row["playbook"], row["playbook_version"]))
    kind = version.document.kinds.get(row["kind"]) if version is not None else None
    parts: Mapping[str, Any] = (
        {} if kind is None else (kind.work if row["what"] == "work" else kind.approvals)
    )
    label = parts[row["template"]].label.model_dump() if row["template"] in parts else None
    return lens.figures(
        what=row["what"],
        record=row["record"],
        kind=row["kind"],
        id=row["id"],
        template=row["template"],
        template_label=label,
        title=None if row["title"] is None else lens.opened(row["record"], "title", row["title"]),
        role=row["role"],
        assignee=row["assignee"],
        assignee_name=lens.person(row["assignee"]),
        asked=row["asked"],
        asked_name=lens.person(row["asked"]),
        requested_by=row["requested_by"],
        requested_by_name=lens.person(row["requested_by"]),
        state=row["state"],
        waiting_for=row["waiting_for"],
        priority=row["priority"],
        fork=row["fork"],
        fork_name=row["fork_name"],
        leg=row["leg"],
        level=row["level"],
        **{name: None if row[name] is None else moment_text(row[name]) for name in _MOMENTS},
        overdue=bool(row["overdue"]),
        playbook=row["playbook"],
        playbook_version=row["playbook_version"],
    )
