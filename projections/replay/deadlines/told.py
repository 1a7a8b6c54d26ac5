"""Rows of the ledger as the events they come from, as far as deadlines read them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from domain.envelope import Recorded
from domain.event import Event
from domain.events import FieldsChanged, OwnerChanged, StageChanged, TouchCorrected, Touched
from domain.values import moment_text
from domain.work import events as work

Row: TypeAlias = Mapping[str, Any]


def recorded_of(stream: str, row: Row, event: Event, channel: str = "") -> Recorded:
    """An event with what a deadline reads of its envelope; the `channel` matters where it says that this was imported."""
    # The moments of an opening and of an entry stand under names of their own.
    recorded_at = row["entered_recorded_at"] if "entered_recorded_at" in row else row["recorded_at"]
    at = next((row[name] for name in ("at", "opened_at", "entered_at") if name in row), None)
    return Recorded(
        stream=stream, version=0, position=row["position"], event=event, recorded_at=recorded_at, occurred_at=at,
        decided_at=recorded_at, basis=row["position"] - 1, actor="", channel=channel, command_id="",
    )  # fmt: skip


def value_of(text: str | None) -> Any:
    """Return a value from its canonical JSON; nothing for an empty one."""
    return None if text is None else orjson.loads(text)


def changed(rows: Sequence[Row]) -> FieldsChanged:
    """Return the event that changed some fields at once."""
    return FieldsChanged(
        {row["field"]: {"old": value_of(row["old"]), "new": value_of(row["new"])} for row in rows}
    )


def _visits(rows: Iterator[Row]) -> Iterator[tuple[Row, Event]]:
    for row in rows:
        if row["move"] != "open":
            yield row, StageChanged(row["before"], row["step"], row["move"])


def _owners(rows: Iterator[Row]) -> Iterator[tuple[Row, Event]]:
    """The first row of a record stands at its opening, and says what the opening says."""
    before: dict[str, str | None] = {}
    for row in rows:
        if row["record"] in before:
            yield row, OwnerChanged(before[row["record"]], row["owner"])
        before[row["record"]] = row["owner"]


def touches(rows: Iterator[Row], corrections: Mapping[int, Row]) -> Iterator[tuple[Row, Event]]:
    """A touch under the position it was noted at, which no other has; its corrections, and its withdrawal, which is an end without a successor."""
    known = list(rows)
    follows = {(row["noted"], row["position"]) for row in known}
    for row in known:
        name, until = str(row["noted"]), row["until"]
        if row["position"] == row["noted"]:
            yield row, Touched(name, row["touch_kind"])
        else:
            told = {
                "kind": row["touch_kind"],
                "happened_at": None if row["at"] is None else moment_text(row["at"]),
            }
            yield row, TouchCorrected(name, told)
        if until in corrections and (row["noted"], until) not in follows:
            yield corrections[until], TouchCorrected(name, withdrawn=True)


def _work(rows: Iterator[Row]) -> Iterator[tuple[Row, Event]]:
    for row in rows:
        name = row["work"]
        event: Event | None = None
        match row["event"]:
            case "requested":
                due_at = None if row["due_at"] is None else moment_text(row["due_at"])
                event = work.WorkRequested(
                    name, row["template"], row["assignee"], asked=row["asked"], fork=row["fork"], leg=row["leg"],
                    due_at=due_at, priority=row["priority"] or 0,
                )  # fmt: skip
            case "ticked":
                event = work.WorkTicked(name, row["item"])
            case "paused":
                event = work.WorkPaused(name, row["waiting_for"])
            case "reassigned":
                event = work.WorkReassigned(name, "", row["assignee"], asked=row["asked"], how=row["how"])
            case "rescheduled":
                event = work.WorkRescheduled(name, moment_text(row["due_at"]))
            case other:
                event = _OF_WORK[other](name)
        yield row, event


_OF_WORK: Mapping[str, Callable[[str], Event]] = {
    "accepted": work.WorkAccepted,
    "responded": work.WorkResponded,
    "resumed": work.WorkResumed,
    "completed": work.WorkCompleted,
    "declined": work.WorkDeclined,
    "cancelled": work.WorkCancelled,
}


def _approvals(rows: Iterator[Row]) -> Iterator[tuple[Row, Event]]:
    for row in rows:
        name = row["approval"]
        match row["event"]:
            case "requested":
                yield row, work.ApprovalRequested(name, row["chain"], row["order"], value_of(row["levels"]))
            case "decided":
                yield (
                    row,
                    work.ApprovalDecided(name, row["level"], row["role"], row["decision"], row["back_to"]),
                )
            case "recalled":
                yield row, work.ApprovalRecalled(name)
            case "migrated":
                under = (row["playbook"] or "", row["playbook_version"] or 0)
                yield row, work.ApprovalMigrated(name, *under, value_of(row["levels"]))
            case _:
                pass  # a comment decides nothing


READ: Mapping[str, Callable[[Iterator[Row]], Iterator[tuple[Row, Event]]]] = {
    "visits": _visits,
    "owners": _owners,
    "work": _work,
    "approvals": _approvals,
}
