"""Records as they stood at any position: what the ledger says of them becomes events again, folded by the domain's own function."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from domain.envelope import Recorded
from domain.event import Event
from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    OwnerChanged,
    RecordOpened,
    StageChanged,
    TouchCorrected,
    Touched,
)
from domain.record.state import Record, evolve
from domain.values import moment_text
from domain.work.events import (
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRecalled,
    ApprovalRequested,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkForked,
    WorkRequested,
    WorkResponded,
)
from projections.ledger.view import View

Row = Mapping[str, Any]

_OF_WORK: Mapping[
    str, type[WorkResponded] | type[WorkCompleted] | type[WorkDeclined] | type[WorkCancelled]
] = {
    "responded": WorkResponded,
    "completed": WorkCompleted,
    "declined": WorkDeclined,
    "cancelled": WorkCancelled,
}


@dataclass
class _History:
    """What happened to one record, in order, and the record after some of it."""

    positions: list[int] = field(default_factory=list)
    events: list[Recorded] = field(default_factory=list)
    folded: int = 0
    record: Record | None = None

    def as_of(self, position: int) -> Record | None:
        upto = bisect_right(self.positions, position)
        if upto < self.folded:
            self.folded, self.record = 0, None
        for recorded in self.events[self.folded : upto]:
            self.record = evolve(self.record, recorded)
        self.folded = upto
        return self.record

    def at(self, position: int) -> Event | None:
        place = bisect_right(self.positions, position) - 1
        return self.events[place].event if place >= 0 and self.positions[place] == position else None


class Histories:
    """The records of one kind that are asked about, as of any position; asking forwards costs each event once."""

    def __init__(self, view: View, kind: str, records: Iterable[str], partition: int | None = None) -> None:
        self._histories: dict[str, _History] = {}
        reading = _Reading(view, kind, sorted(set(records)), partition)
        found = [
            recorded
            for told in (
                _openings,
                _edits,
                _moves,
                _handovers,
                _touches,
                _evidence,
                _forks,
                _work,
                _approvals,
            )
            for recorded in told(reading)
        ]
        # The opening comes first; what else one command did to a record stands at positions of its own.
        for recorded in sorted(found, key=lambda one: one.position):
            history = self._histories.setdefault(recorded.stream, _History())
            history.positions.append(recorded.position)
            history.events.append(recorded)

    def as_of(self, record: str, position: int) -> Record | None:
        """Return a record after everything up to a position, None where it was not opened by then."""
        history = self._histories.get(record)
        return None if history is None else history.as_of(position)

    def event(self, record: str, position: int) -> Event | None:
        """Return what happened to a record at a position, None where it is nothing a record is folded from here."""
        history = self._histories.get(record)
        return None if history is None else history.at(position)

    def values(self) -> Iterator[Any]:
        """Everything fields of these records ever held."""
        for history in self._histories.values():
            for recorded in history.events:
                match recorded.event:
                    case RecordOpened(fields=fields):
                        yield from fields.values()
                    case FieldsChanged(changes=changes):
                        yield from (change["new"] for change in changes.values() if isinstance(change, dict))
                    case _:
                        pass


@dataclass(frozen=True, slots=True)
class _Reading:
    """Which records of a kind are read, and in which partitions of the ledger they are (None: in any)."""

    view: View
    kind: str
    wanted: Sequence[str]
    partition: int | None

    def rows(self, table: str, *, keep: pl.Expr | None = None) -> list[dict[str, Any]]:
        found = self.view.scan(table, kind=self.kind, partition=self.partition)
        found = found.filter(pl.col("record").is_in(self.wanted))
        return (found if keep is None else found.filter(keep)).sort("position").collect().to_dicts()


def _recorded(row: Row, event: Event, *, position: int | None = None, at: datetime | None = None) -> Recorded:
    return Recorded(
        stream=row["record"],
        version=0,
        position=row["position"] if position is None else position,
        event=event,
        recorded_at=row.get("recorded_at") or row.get("entered_recorded_at"),  # type: ignore[arg-type]
        occurred_at=at,
        decided_at=row.get("decided_at") or row.get("recorded_at") or row.get("entered_recorded_at"),  # type: ignore[arg-type]
        basis=0,
        actor=row.get("actor") or "",
        on_behalf_of=row.get("on_behalf_of"),
        channel="",
        command_id="",
        playbook=row.get("playbook"),
        playbook_version=row.get("playbook_version"),
    )


def _openings(of: _Reading) -> Iterator[Recorded]:
    first: dict[str, dict[str, Any]] = {}
    for row in of.rows("field_changes", keep=pl.col("at_opening")):
        first.setdefault(row["record"], {})[row["field"]] = _value(row["new"])
    for row in of.rows("records"):
        opened = RecordOpened(
            fields=first.get(row["record"], {}),
            stage=row["step"],
            owner=row["owner"],
            external_id=row["external_id"],
            unknown=row["unknown"] or [],
            path=row["path"],
        )
        yield _recorded(row, opened, at=row["opened_at"])


def _edits(of: _Reading) -> Iterator[Recorded]:
    together: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in of.rows("field_changes", keep=~pl.col("at_opening")):
        together.setdefault((row["record"], row["position"]), []).append(row)
    for rows in together.values():
        changes: Any = {row["field"]: {"old": _value(row["old"]), "new": _value(row["new"])} for row in rows}
        yield _recorded(rows[0], FieldsChanged(changes), at=rows[0]["at"])


def _moves(of: _Reading) -> Iterator[Recorded]:
    for row in of.rows("visits", keep=pl.col("ordinal") > 1):
        moved = StageChanged(row["before"], row["step"], row["move"])
        yield _recorded(row, moved, at=row["entered_at"])


def _handovers(of: _Reading) -> Iterator[Recorded]:
    seen: dict[str, str | None] = {}
    for row in of.rows("owners"):
        if row["record"] in seen:
            yield _recorded(row, OwnerChanged(seen[row["record"]], row["owner"]), at=row["at"])
        seen[row["record"]] = row["owner"]


def _touches(of: _Reading) -> Iterator[Recorded]:
    rows = of.rows("touches")
    rows_of: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        rows_of.setdefault((row["record"], row["noted"]), []).append(row)
    for (_, noted), told in rows_of.items():
        for row in told:
            if row["position"] == noted:
                yield _recorded(
                    row, Touched(row["touch"], row["touch_kind"], contact=row["contact"]), at=row["at"]
                )
                continue
            changes = {
                "kind": row["touch_kind"],
                "contact": row["contact"],
                "happened_at": None if row["at"] is None else moment_text(row["at"]),
            }
            yield _recorded(row, TouchCorrected(row["touch"], changes))
        last = told[-1]
        if last["until"] is not None:
            yield _recorded(last, TouchCorrected(last["touch"], withdrawn=True), position=last["until"])


def _evidence(of: _Reading) -> Iterator[Recorded]:
    for row in of.rows("evidence"):
        attached = EvidenceAttached(
            row["evidence"], row["field"], row["sha256"], row["size_bytes"], row["media_type"],
            valid_until=None if row["valid_until"] is None else row["valid_until"].isoformat(),
        )  # fmt: skip
        yield _recorded(row, attached, at=row["at"])


def _forks(of: _Reading) -> Iterator[Recorded]:
    for row in of.rows("forks"):
        yield _recorded(
            row, WorkForked(row["fork"], row["name"], row["join"], _value(row["legs"])), at=row["at"]
        )


def _work(of: _Reading) -> Iterator[Recorded]:
    """What is asked of work is whether it is done, and what else can set something off: that it was asked for, answered, and how it ended."""
    for row in of.rows("work", keep=pl.col("event").is_in(["requested", *_OF_WORK])):
        if row["event"] == "requested":
            asked = WorkRequested(
                row["work"], row["template"], row["assignee"], asked=row["asked"], fork=row["fork"], leg=row["leg"],
            )  # fmt: skip
            yield _recorded(row, asked, at=row["at"])
        else:
            ended = _OF_WORK[row["event"]](row["work"])
            if isinstance(ended, WorkCompleted) and row["fields"] is not None:
                ended = WorkCompleted(row["work"], _value(row["fields"]))
            yield _recorded(row, ended, at=row["at"])


def _approvals(of: _Reading) -> Iterator[Recorded]:
    for row in of.rows("approvals", keep=pl.col("event") != "commented"):
        name, levels = row["approval"], _value(row["levels"])
        happened: Event
        match row["event"]:
            case "requested":
                happened = ApprovalRequested(name, row["chain"], row["order"], levels)
            case "decided":
                happened = ApprovalDecided(name, row["level"], row["role"], row["decision"], row["back_to"])
            case "migrated":
                happened = ApprovalMigrated(name, row["playbook"], row["playbook_version"], levels)
            case _:
                happened = ApprovalRecalled(name)
        yield _recorded(row, happened, at=row["at"])


def _value(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
