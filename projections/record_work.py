"""The work of one record, as its view shows it: items with their forms, forks with their joins, approvals with every decision."""

from collections.abc import Iterator
from typing import Any

from domain.record.state import Record
from domain.work.json_form import approval_to_json, fork_to_json, item_to_json
from domain.work.state import WorkItem, joined
from projections.lens import Lens


def work_shown(lens: Lens, record: Record) -> dict[str, Any]:
    """Return what a record's view says of its work; nothing where nothing was asked. Values that were erased are null."""
    found: dict[str, Any] = {}
    lens.prepare([*_personal(record)])
    if record.work:
        found["work"] = [_item(lens, record, item) for item in record.work.values()]
    if record.forks:
        found["forks"] = [
            fork_to_json(fork) | {"joined": joined(fork, record.work)} for fork in record.forks.values()
        ]
    if record.approvals:
        found["approvals"] = [
            approval_to_json(approval) | {"open_levels": [level.name for level in approval.open_levels]}
            for approval in record.approvals.values()
        ]
    return found


def _item(lens: Lens, record: Record, item: WorkItem) -> dict[str, Any]:
    told = item_to_json(item) | {
        "assignee_name": lens.person(item.assignee),
        "requested_by_name": lens.person(item.requested_by),
    }
    if item.title is not None:
        told["title"] = lens.opened(record.stream, "title", item.title)
    if item.fields:
        told["fields"] = {
            name: lens.opened(record.stream, name, value) for name, value in item.fields.items()
        }
    return told


def _personal(record: Record) -> Iterator[object]:
    for item in record.work.values():
        yield {"title": item.title, **item.fields}
