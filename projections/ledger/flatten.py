"""Events become rows: a pure function of a batch and of the little that has to be known of what came before it.

Flattening a log in any parts equals flattening it at once, and what was flattened already adds no row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from domain.envelope import Recorded
from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    FieldsConfirmed,
    MoveRefused,
    OwnerChanged,
    PersonJoined,
    PersonLeft,
    PersonMoved,
    PlaybookPublished,
    RecordOpened,
    RecordRelated,
    RelationEnded,
    RoleGranted,
    RoleRevoked,
    StageChanged,
    TeamFormed,
    TouchCorrected,
    Touched,
)
from domain.naming import ORGANISATION_STREAM, split_stream
from domain.organisation.state import Organisation, evolve
from domain.values import Stored
from projections.ledger.flatten_work import organisation_row, row_of_work
from projections.ledger.framing import Row, canonical, framed, microseconds
from projections.ledger.memory import Known, Memory, Noted
from projections.ledger.tables import TABLES, Moment
from projections.topics import RECORD_TOPICS


@dataclass(frozen=True, slots=True)
class Flat:
    """A batch as rows, by table, without their ends; and what is known after it."""

    rows: Mapping[str, Sequence[Row]]
    after: Memory

    def frame(self, table: str) -> pl.DataFrame:
        """Return the rows of a table as columns."""
        return framed(table, self.rows[table])


def about(events: Iterable[Recorded]) -> set[str]:
    """Name the records whose earlier state a batch needs: those it is about and does not open."""
    wanted: set[str] = set()
    opened: set[str] = set()
    for recorded in events:
        event = recorded.event
        if isinstance(event, RecordOpened):
            opened.add(recorded.stream)
        elif isinstance(event, MoveRefused):
            if event.before is not None:
                wanted.add(event.record)
        elif event.TOPIC in RECORD_TOPICS:
            wanted.add(recorded.stream)
    return wanted - opened


def flatten(events: Sequence[Recorded], before: Memory) -> Flat:
    """Turn events, in the order of the log, into rows. Raises KeyError when a record they are about is not remembered."""
    flattening = _Flattening(before)
    for recorded in events:
        if recorded.position > flattening.position:
            flattening.take(recorded)
    return Flat(flattening.rows, flattening.memory())


class _Flattening:
    """One batch on its way; the memory it began with stays as it was."""

    def __init__(self, before: Memory) -> None:
        self.rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        self.position = before.position
        self._before = before.records
        self._records: dict[str, Known] = {}
        self._organisation = before.organisation
        self._command = before.command

    def memory(self) -> Memory:
        return Memory(self.position, self._command, self._organisation, {**self._before, **self._records})

    def take(self, recorded: Recorded) -> None:
        event = recorded.event
        self.position = recorded.position
        if recorded.command_id != self._command[0]:
            self._command = (recorded.command_id, recorded.position)
        if isinstance(event, MoveRefused):
            self._refused(recorded, event)
        elif event.TOPIC in RECORD_TOPICS:
            self._of_record(recorded)
        elif isinstance(event, PlaybookPublished):
            self._published(recorded, event)
        elif recorded.stream == ORGANISATION_STREAM:
            self.rows["organisation_events"].append(organisation_row(recorded))
            self._organised(recorded)
        else:
            self._of_work(recorded)

    def _known(self, record: str) -> Known:
        known = self._records.get(record)
        if known is None:
            known = self._records[record] = self._before[record].copy()
        return known

    def _note(
        self, recorded: Recorded, record: str, at: Moment, taken_in: Moment, version: int | None
    ) -> None:
        self.rows["events"].append(
            (
                record, split_stream(record)[0], recorded.position, version, recorded.event.TOPIC, self._command[1],
                at, taken_in, recorded.actor, recorded.on_behalf_of, recorded.channel, recorded.playbook,
                recorded.playbook_version,
            )
        )  # fmt: skip

    def _of_record(self, recorded: Recorded) -> None:
        event, record, position = recorded.event, recorded.stream, recorded.position
        at, taken_in = microseconds(recorded.occurred_at), microseconds(recorded.recorded_at)
        of = (record, split_stream(record)[0], position)
        self._note(recorded, record, at, taken_in, recorded.version)
        match event:
            case RecordOpened():
                self._opened(recorded, event, of, at, taken_in)
            case FieldsChanged(changes=changes, restores=restores):
                told = (at, taken_in, False, recorded.actor, recorded.channel, restores)
                self.rows["field_changes"] += [
                    (*of, name, canonical(change["old"]), canonical(change["new"]), *told)
                    for name, change in changes.items()
                    if isinstance(change, dict)
                ]
            case FieldsConfirmed(fields=fields):
                said = (at, taken_in, recorded.actor, recorded.channel)
                self.rows["confirmations"] += [(*of, name, *said) for name in fields]
            case StageChanged(before=before, after=after, move=move, override=override):
                known = self._known(record)
                self._entered(recorded, of, known, after, move, before, override, at, taken_in)
                self._accepted(recorded, of, known, before, after, move, override, at, taken_in)
            case Touched(touch=touch, kind=kind, contact=contact):
                self._known(record).touches[position] = Noted(touch, kind, at, contact, recorded.actor)
                self.rows["touches"].append(
                    (*of, position, touch, kind, at, taken_in, contact, recorded.actor, None, recorded.channel, False)
                )  # fmt: skip
            case TouchCorrected():
                self._corrected(recorded, event, of, taken_in)
            case EvidenceAttached():
                self.rows["evidence"].append(
                    (
                        *of, event.evidence, event.field, event.sha256, event.size_bytes, event.media_type,
                        None if event.valid_until is None else datetime.fromisoformat(event.valid_until).date(),
                        at, taken_in, recorded.actor, recorded.channel,
                    )
                )  # fmt: skip
            case RecordRelated(relation=relation, to=to) | RelationEnded(relation=relation, to=to):
                gone = isinstance(event, RelationEnded)
                self.rows["relations"].append(
                    (*of, relation, to, at, taken_in, recorded.actor, recorded.channel, gone)
                )
            case OwnerChanged(after=owner):
                self._known(record).owner = owner
                self.rows["owners"].append((*of, owner, at, taken_in, recorded.actor))
            case _:
                self._of_work(recorded)  # or an override, which says in its move what was waived

    def _opened(self, recorded: Recorded, event: RecordOpened, of: Row, at: Moment, taken_in: Moment) -> None:
        known = self._records[recorded.stream] = Known(event.path, event.owner)
        rules = (recorded.playbook, recorded.playbook_version)
        self.rows["records"].append(
            (
                *of, at, taken_in, event.stage, event.path, event.owner, event.external_id, sorted(event.unknown),
                recorded.actor, recorded.channel, *rules,
            )
        )  # fmt: skip
        told = (at, taken_in, True, recorded.actor, recorded.channel, None)
        self.rows["field_changes"] += [
            (*of, name, None, canonical(value), *told) for name, value in event.fields.items()
        ]
        self.rows["owners"].append((*of, event.owner, at, taken_in, recorded.actor))
        if event.stage is not None:
            self._entered(recorded, of, known, event.stage, "open", None, event.override, at, taken_in)
            self._accepted(recorded, of, known, None, event.stage, "open", event.override, at, taken_in)

    def _entered(
        self,
        recorded: Recorded,
        of: Row,
        known: Known,
        step: str,
        move: str,
        before: str | None,
        override: Stored,
        at: Moment,
        taken_in: Moment,
    ) -> None:
        known.entries[step] = known.entries.get(step, 0) + 1
        self.rows["visits"].append(
            (
                *of, sum(known.entries.values()), known.entries[step], step, at, taken_in, move, before, known.path,
                known.owner, recorded.actor, override is not None, recorded.playbook, recorded.playbook_version,
            )
        )  # fmt: skip

    def _accepted(
        self,
        recorded: Recorded,
        of: Row,
        known: Known,
        before: str | None,
        after: str,
        move: str,
        override: Stored,
        at: Moment,
        taken_in: Moment,
    ) -> None:
        waived: list[str] = []
        name = None
        if isinstance(override, dict):
            listed = override["waived"]
            waived = sorted(map(str, listed)) if isinstance(listed, list) else []
            name = str(override["name"])
        self._decided(
            recorded, of, (before, after, move), (at, taken_in), recorded.version - 1,
            waived=waived, edits=None, unknown=[], path=known.path, owner=known.owner,
        )  # fmt: skip
        self.rows["outcomes"].append((*of, True, waived, name))

    def _refused(self, recorded: Recorded, event: MoveRefused) -> None:
        at, taken_in = microseconds(recorded.occurred_at), microseconds(recorded.recorded_at)
        record = event.record
        of = (record, split_stream(record)[0], recorded.position)
        self._note(recorded, record, at, taken_in, None)
        path, owner = event.path, event.owner
        if event.before is not None:
            known = self._known(record)
            path, owner = known.path, known.owner
        self._decided(
            recorded, of, (event.before, event.after, event.move), (at, taken_in), event.record_version,
            waived=sorted(event.waived), edits=canonical(event.fields) if event.fields else None,
            unknown=sorted(event.unknown), path=path, owner=owner,
        )  # fmt: skip
        self.rows["outcomes"].append((*of, False, sorted(event.unmet), None))

    def _decided(
        self,
        recorded: Recorded,
        of: Row,
        attempt: tuple[str | None, str, str],
        moments: tuple[Moment, Moment],
        version: int,
        *,
        waived: list[str],
        edits: str | None,
        unknown: list[str],
        path: str | None,
        owner: str | None,
    ) -> None:
        self.rows["decisions"].append(
            (
                *of, self._command[1], recorded.basis, version, *moments, microseconds(recorded.decided_at), *attempt,
                recorded.reason is not None, waived, edits, unknown, path, owner, recorded.actor,
                recorded.on_behalf_of, recorded.channel, recorded.playbook, recorded.playbook_version,
            )
        )  # fmt: skip

    def _corrected(self, recorded: Recorded, event: TouchCorrected, of: Row, taken_in: Moment) -> None:
        """Correct every touch of that id, as the fold of the record does; one that was withdrawn stays withdrawn."""
        known = self._known(recorded.stream)
        for noted, touch in list(known.touches.items()):
            if touch.touch != event.touch:
                continue
            now = touch if event.withdrawn else _corrected(touch, event)
            if event.withdrawn:
                del known.touches[noted]
            else:
                known.touches[noted] = now
            self.rows["touches"].append(
                (
                    *of, noted, now.touch, now.kind, now.at, taken_in, now.contact, now.actor, recorded.actor,
                    recorded.channel, event.withdrawn,
                )
            )  # fmt: skip

    def _of_work(self, recorded: Recorded) -> None:
        found = row_of_work(recorded, self._known)
        if found is not None:
            table, row = found
            self.rows[table].append(row)

    def _published(self, recorded: Recorded, event: PlaybookPublished) -> None:
        starts = None if event.effective_from is None else datetime.fromisoformat(event.effective_from)
        self.rows["publications"].append(
            (
                event.name, recorded.position, event.number, microseconds(recorded.recorded_at),
                canonical(event.scope) if event.scope else None, microseconds(starts), event.draft, event.digest,
                event.replay, recorded.actor,
            )
        )  # fmt: skip

    def _organised(self, recorded: Recorded) -> None:
        """A row for whoever stands differently now: a team that changes its region changes that of its people."""
        event, old = recorded.event, self._organisation
        new = self._organisation = evolve(old, recorded)
        moments = (microseconds(recorded.occurred_at), microseconds(recorded.recorded_at))
        if isinstance(event, TeamFormed):
            formed = new.teams[event.team]
            self.rows["teams"].append(
                (event.team, recorded.position, *moments, formed.name, formed.region, formed.part_of)
            )
            changed = sorted(person for person, found in new.people.items() if found.team == event.team)
        elif isinstance(event, PersonJoined | PersonMoved | PersonLeft | RoleGranted | RoleRevoked):
            changed = [event.person]
        else:
            return  # who is away, stands in or can do what stands in no row of `people`
        for person in changed:
            stands = _stands(new, person)
            if stands is not None and stands != _stands(old, person):
                self.rows["people"].append((person, recorded.position, *moments, *stands))


def _stands(organisation: Organisation, person: str) -> Row | None:
    found = organisation.people.get(person)
    if found is None:
        return None
    roles = sorted(organisation.roles_of(person))
    return found.team, organisation.region_of(person), found.manager, found.active, roles


def _corrected(touch: Noted, event: TouchCorrected) -> Noted:
    """What is known of a touch after a correction, as `domain.record.state` folds it."""
    changes, at = event.changes, touch.at
    if "happened_at" in changes:
        told = changes["happened_at"]
        at = microseconds(datetime.fromisoformat(told)) if isinstance(told, str) else None
    contact = changes.get("contact", touch.contact)
    return Noted(
        touch.touch,
        str(changes.get("kind", touch.kind)),
        at,
        contact if isinstance(contact, str) else None,
        touch.actor,
    )
