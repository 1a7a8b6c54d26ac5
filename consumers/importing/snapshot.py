"""Records told by one row each that shows how they stand now: only the moments the row knows, and values known only since the last of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from consumers.importing.cells import Reasons
from consumers.importing.records import Draft, RecordPlanner, Said, Values
from consumers.importing.sources import Row
from consumers.importing.steps import Origin, Step
from domain.record.commands import ChangeStage, EditFields, OpenRecord, RelateRecord
from domain.values import moment_text


class SnapshotPlanner(RecordPlanner):
    """Drafts the records of one kind from the rows of a CSV file."""

    def _read(self, origin: Origin, rows: Sequence[Row], reasons: Reasons) -> Draft:
        row = rows[0]
        assert self._record.key is not None
        self._cells.text(self._record.key, row, self._what("key"))
        owner, actor = self._who(row, reasons)
        values = self._values(row, self._record.fields, reasons)
        entered = list(self._entered(row, reasons))
        known_at = self._known_at(row, reasons)
        said = [] if reasons else self._said(origin, owner, actor, values, entered, known_at)
        relations, leads_further = self._relations(origin, row, actor, reasons)
        return Draft(
            origin, self._steps(origin, said), relations, frozenset([*values.leads_to, *leads_further])
        )

    def _said(
        self,
        origin: Origin,
        owner: str | None,
        actor: str,
        values: Values,
        entered: Sequence[tuple[str | None, datetime | None]],
        known_at: datetime | None,
    ) -> list[Said]:
        """Lay out the opening and the moves, with the fields at the moment they became known."""
        stream, needs = (
            self._stream(origin),
            [self._cells.ids.record(kind, key) for kind, key in values.leads_to],
        )
        (stage, opened_at), *moves = entered
        opening = OpenRecord(stream, stage=stage, owner=owner, external_id=self._external_id(origin))
        if known_at is None or (opened_at is not None and known_at <= opened_at):
            opening = replace(opening, fields=values.filled)
            edits = None
        else:
            opening = replace(opening, unknown=frozenset(values.fields))
            edits = (
                Said("fields", EditFields(stream, values.fields), known_at, actor, needs)
                if values.fields
                else None
            )
        said = [Said("open", opening, opened_at, actor, () if edits else needs)]
        carrier = max(
            (index for index, (_, at) in enumerate(moves) if edits and at == known_at), default=None
        )
        for index, (stage, at) in enumerate(moves):
            assert stage is not None
            if edits and carrier is None and at is not None and known_at is not None and at > known_at:
                said.append(edits)
                edits = None
            carries = values.fields if index == carrier else {}
            said.append(
                Said(
                    f"stage:{index + 1}",
                    ChangeStage(stream, stage, carries),
                    at,
                    actor,
                    needs if carries else (),
                )
            )
        if edits and carrier is None:
            said.append(edits)
        return said

    def _entered(self, row: Row, reasons: Reasons) -> Iterator[tuple[str | None, datetime | None]]:
        """The stages a row knows to have been entered, with their moments; one without a name for kinds without stages."""
        stages, source = self._record.stages, self._record.source
        if stages is None:
            column = self._record.opened_at
            yield (
                None,
                None
                if column is None
                else self._cells.moment(column, row, source, self._what("opened_at"), reasons),
            )
            return
        assert stages.column is not None
        text = self._cells.text(stages.column, row, self._what("stage"))
        path = stages.path.get(text or "")
        if path is None:
            message = "the stage is empty" if text is None else f"the stage {text!r} is not in the mapping"
            reasons.add(stages.column.column, message, text, stages.path)
            return
        moments = [
            (
                entry.stage,
                None
                if entry.at is None
                else self._cells.moment(entry.at, row, source, self._what(entry.stage), reasons),
            )
            for entry in path
        ]
        for (_, earlier), (stage, later) in pairwise((stage, at) for stage, at in moments if at is not None):
            if later < earlier:
                reasons.add(
                    stage,
                    f"is entered at {moment_text(later)}, before the stage it comes from ({moment_text(earlier)})",
                )
        yield from moments

    def _known_at(self, row: Row, reasons: Reasons) -> datetime | None:
        """The latest moment the row knows: the first of the columns that is filled."""
        for column in self._record.known_at:
            if self._cells.peek(column, row) is not None:
                return self._cells.moment(column, row, self._record.source, self._what("known_at"), reasons)
        return None

    def _relations(
        self, origin: Origin, row: Row, actor: str, reasons: Reasons
    ) -> tuple[list[Step], list[tuple[str, str]]]:
        steps: list[Step] = []
        leads_to: list[tuple[str, str]] = []
        stream = self._stream(origin)
        for relation, column in self._record.relations.items():
            target = self._cells.record(
                column, row, self._kind.relations[relation].to, self._what(relation), reasons
            )
            if target is not None:
                to = self._cells.ids.record(*target)
                key = self._cells.ids.step(origin, f"relate:{relation}")
                steps.append(
                    Step(origin, key, RelateRecord(stream, relation, to), None, actor, (key,), (stream, to))
                )
                leads_to.append(target)
        return steps, leads_to
