"""Records told by the events of a trace: the first activity opens the record, every further one is a move, also into the same stage."""

from collections.abc import Sequence
from datetime import datetime

from consumers.importing.cells import Reasons
from consumers.importing.language import Column
from consumers.importing.records import Draft, RecordPlanner, Said
from consumers.importing.sources import Row
from consumers.importing.steps import Origin
from domain.record.commands import ChangeStage, OpenRecord


class TracePlanner(RecordPlanner):
    """Drafts the records of one kind from the traces of an event log. A trace with one event that is wrong is refused as a whole."""

    def _read(self, origin: Origin, rows: Sequence[Row], reasons: Reasons) -> Draft:
        stream = self._stream(origin)
        said: list[Said] = []
        texts: dict[str, str] = {}
        leads_to: list[tuple[str, str]] = []
        for at, stage, row in self._happened(rows, reasons):
            here = reasons.of(row)
            owner, actor = self._who(row, here)
            values = self._values(row, self._changed(row, texts), here)
            needs = [self._cells.ids.record(kind, key) for kind, key in values.leads_to]
            leads_to += values.leads_to
            if not said:
                opening = OpenRecord(stream, values.filled, stage, owner, self._external_id(origin))
                said.append(Said("open", opening, at, actor, needs))
            else:
                said.append(
                    Said(
                        f"event:{len(said) + 1}", ChangeStage(stream, stage, values.fields), at, actor, needs
                    )
                )
        return Draft(origin, self._steps(origin, said), leads_to=frozenset(leads_to))

    def _happened(self, rows: Sequence[Row], reasons: Reasons) -> list[tuple[datetime, str, Row]]:
        """The events of a trace in the order of their moments, ties as they stand in the file."""
        assert self._source.xes is not None
        assert self._record.stages is not None
        activities = self._record.stages.activities
        timestamp = Column(column=self._source.xes.timestamp)
        happened: list[tuple[datetime, str, Row]] = []
        for row in rows:
            here = reasons.of(row)
            activity = row.values.get(self._source.xes.activity, "")
            stage = activities.get(activity)
            if stage is None:
                here.add(
                    self._source.xes.activity,
                    f"the activity {activity!r} is not in the mapping",
                    activity,
                    activities,
                )
            if not row.values.get(timestamp.column):
                here.add(timestamp.column, "the event has no moment")
            at = self._cells.moment(timestamp, row, self._record.source, self._what("moment"), here)
            if stage is not None and at is not None:
                happened.append((at, stage, row))
        return sorted(happened, key=lambda event: event[0])

    def _changed(self, row: Row, texts: dict[str, str]) -> dict[str, Column]:
        """The fields whose text differs from the one before; an attribute that is not there says nothing. Remembers the texts."""
        changed: dict[str, Column] = {}
        for name, column in self._record.fields.items():
            text = row.values.get(column.column)
            if text is not None and texts.get(name) != text:
                texts[name] = text
                changed[name] = column
        return changed
