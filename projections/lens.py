"""The lens: the one place where what is in the log becomes what somebody sees.

Only a `Visible` can be printed or sent. One role may see everything for now; what a role may not see will be left out here.
Personal values are shown here and nowhere else (gates and replay open them to judge); what was erased is absent and named in `_erased`.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, final

import orjson

from domain.envelope import Recorded
from domain.events import MoveRefused
from domain.facts import Erased
from domain.labels import Label
from domain.naming import split_stream
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind
from domain.playbook.published import NOTHING_MAPPED
from domain.record.state import Record
from domain.values import SEALED, Stored, is_personal, moment_text
from projections.field_history import OWNER, STAGE, Change
from projections.mapped import Mapped
from projections.ports import Revealer

_MADE_BY_THE_LENS = object()
_NAMES = {STAGE: "stage", OWNER: "owner"}


@final
@dataclass(frozen=True, slots=True)
class Visible:
    """Data that has passed the lens: plain JSON, nothing sealed in it."""

    data: dict[str, Any]
    key: object

    def __post_init__(self) -> None:
        if self.key is not _MADE_BY_THE_LENS:
            raise TypeError("only the lens makes something visible")

    def json(self) -> bytes:
        """Return the data as JSON, in UTF-8."""
        return orjson.dumps(self.data)


class Lens:
    """Shows records, events and changes to one viewer, as of one moment."""

    def __init__(self, keys: Revealer, playbooks: Playbooks, organisation: Organisation) -> None:
        self._keys = keys
        self._playbooks = playbooks
        self._organisation = organisation

    def prepare(self, values: Iterable[object]) -> None:
        """Fetch the keys of everything that is about to be shown in one round trip."""
        subjects: set[str] = set()
        for value in values:
            _collect_subjects(value, subjects)
        subjects |= {
            subject for person in self._organisation.people.values() for subject in _subjects(person.name)
        }
        if subjects:
            self._keys.prepare(sorted(subjects))

    def record(self, record: Record, **about: object) -> Visible:
        """Show a record: fields by name, stage and owner with their labels."""
        kind = self._kind(record.kind)
        fields, erased = self._fields(record)
        stage = kind.steps.get(record.stage or "") if kind else None
        return self._visible(
            kind=record.kind,
            id=record.id,
            external_id=record.external_id,
            version=record.version,
            title=self.title(record),
            stage=record.stage,
            stage_label=stage.label.model_dump() if stage else None,
            path=record.path,
            stage_entered_at=_moment(record.stage_entered_at),
            opened_at=_moment(record.opened_at),
            owner=record.owner,
            owner_name=self.person(record.owner),
            fields=fields,
            labels={name: spec.label.model_dump() for name, spec in kind.fields.items()} if kind else {},
            options={name: self._options(kind, name) for name in fields if self._options(kind, name)},
            evidence=[
                {
                    "id": piece.id,
                    "field": piece.field,
                    "sha256": piece.sha256,
                    "attached_at": _moment(piece.attached_at),
                    "valid_until": piece.valid_until,
                }
                for piece in record.evidence
            ],
            touches=len(record.touches),
            relations=[{"relation": relation, "to": to} for relation, to in sorted(record.relations)],
            entries=dict(record.entries),
            _unknown=sorted(record.unknown),
            _erased=erased,
            **about,
        )

    def row(self, record: Record, chosen: Set[str] | None = None, **about: object) -> Visible:
        """Show a record as one of many, without what it is called in; `chosen` limits it to attributes and to fields (`fields.NAME`)."""
        fields, erased = self._fields(record, chosen)
        told: dict[str, Any] = {
            "id": record.id,
            "external_id": record.external_id,
            "version": record.version,
            "title": self.title(record),
            "stage": record.stage,
            "path": record.path,
            "stage_entered_at": _moment(record.stage_entered_at),
            "opened_at": _moment(record.opened_at),
            "owner": record.owner,
            "owner_name": self.person(record.owner),
            **about,
        }
        unknown = sorted(record.unknown)
        if chosen is not None:
            wanted = {"id", "version", *chosen} | ({"owner_name"} if "owner" in chosen else set())
            told = {name: value for name, value in told.items() if name in wanted}
            unknown = [name for name in unknown if f"fields.{name}" in chosen]
        return self._visible(**told, fields=fields, _unknown=unknown, _erased=erased)

    def only(self, shown: Visible, chosen: Set[str]) -> Visible:
        """Show of a record only what was chosen, and what every answer carries."""
        fields = {name for name in shown.data["labels"] if f"fields.{name}" in chosen}
        dropped = {
            "title",
            "external_id",
            "stage",
            "stage_label",
            "stage_entered_at",
            "opened_at",
            "path",
            "touches",
        }
        dropped |= {"owner", "owner_name", "evidence", "relations", "entries"}
        kept = {name: value for name, value in shown.data.items() if name not in dropped - chosen}
        for name in ("fields", "labels", "options", "lookups"):
            if name in kept:
                kept[name] = {field: value for field, value in kept[name].items() if field in fields}
        told = str([kept["fields"], kept.get("owner"), kept.get("relations")])
        kept["names"] = {target: name for target, name in kept.get("names", {}).items() if target in told}
        for name in ("_unknown", "_erased"):
            kept[name] = [field for field in kept.get(name, ()) if field in fields]
        return self._visible(**kept)

    def _fields(self, record: Record, chosen: Set[str] | None = None) -> tuple[dict[str, Any], list[str]]:
        """The fields that are filled, opened; and the names of those nobody can read any more."""
        fields: dict[str, Any] = {}
        erased: list[str] = []
        for name, stored in record.fields.items():
            if chosen is not None and f"fields.{name}" not in chosen:
                continue
            shown = self._value(record.stream, name, stored)
            if isinstance(shown, Erased):
                erased.append(name)
            elif shown is not None:
                fields[name] = shown
        return fields, erased

    def open_to_judge(self, stream: str, field: str, stored: Stored) -> Stored | Erased:
        """Open a value for a rule to judge. What is opened here is never shown: a rule answers with true, false or unknown."""
        return self._keys.reveal(stream, field, stored)

    def event(self, recorded: Recorded) -> Visible:
        """Show an event with its envelope; sealed values are revealed, erased ones are null and named in `_erased`."""
        erased: list[str] = []
        # Where a value is bound to when it is sealed: a refused edit belongs to its record.
        home = _home(recorded)
        payload = {
            name: self._payload(home, name, value, erased) for name, value in recorded.event.payload().items()
        }
        return self._visible(
            position=recorded.position,
            stream=recorded.stream,
            version=recorded.version,
            topic=recorded.event.TOPIC,
            payload=payload,
            recorded_at=_moment(recorded.recorded_at),
            occurred_at=_moment(recorded.occurred_at),
            decided_at=_moment(recorded.decided_at),
            basis=recorded.basis,
            playbook=recorded.playbook,
            playbook_version=recorded.playbook_version,
            actor=recorded.actor,
            actor_name=self.person(recorded.actor),
            on_behalf_of=recorded.on_behalf_of,
            channel=recorded.channel,
            reason=self._reason(recorded),
            command_id=recorded.command_id,
            correlation_id=recorded.correlation_id,
            causation_id=recorded.causation_id,
            _erased=erased,
        )

    def change(self, recorded: Recorded, change: Change) -> Visible:
        """Show one change of one field: who, when, why, from what, to what, under which rule, in the words of that rule's version."""
        field, old, new = change
        kind = self.worded(recorded, field)
        before, after = self._value(recorded.stream, field, old), self._value(recorded.stream, field, new)
        return self._visible(
            position=recorded.position,
            recorded_at=_moment(recorded.recorded_at),
            occurred_at=_moment(recorded.occurred_at),
            field=_NAMES.get(field, field),
            label=_label(kind, field),
            options=self._options(kind, field),
            old=None if isinstance(before, Erased) else before,
            new=None if isinstance(after, Erased) else after,
            **self._who(recorded),
            playbook=recorded.playbook,
            playbook_version=recorded.playbook_version,
            command_id=recorded.command_id,
            correlation_id=recorded.correlation_id,
            causation_id=recorded.causation_id,
            _erased=[side for side, value in (("old", before), ("new", after)) if isinstance(value, Erased)],
        )

    def mapped(self, mapped: Mapped) -> Visible:
        """Show where a publication mapped a value of a record: like a change, with what each of the two versions calls it.

        `field` is what it is called since, where it is called anything. What is personal is never mapped, so nothing here is sealed.
        """
        before, now = mapped.before, mapped.now
        sides = [
            {
                "playbook_version": version.number,
                "field": None if reading is None else _NAMES.get(reading.field, reading.field),
                "label": None if reading is None else _label(version.kind(mapped.kind), reading.field),
            }
            for version, reading in ((mapped.old_version, before), (mapped.version, now))
        ]
        options: dict[str, Any] = {}
        for version, reading in ((mapped.old_version, before), (mapped.version, now)):
            if reading is not None:
                options |= self._options(version.kind(mapped.kind), reading.field)
        shown = sides[1] if now is not None else sides[0]
        return self._visible(
            position=mapped.cause.position,
            recorded_at=_moment(mapped.cause.recorded_at),
            occurred_at=_moment(mapped.at),
            field=shown["field"],
            label=shown["label"],
            options=options,
            old=None if before is None else before.value,
            new=None if now is None else now.value,
            **self._who(mapped.cause),
            playbook=mapped.version.name,
            playbook_version=mapped.version.number,
            command_id=mapped.cause.command_id,
            correlation_id=mapped.cause.correlation_id,
            causation_id=mapped.cause.causation_id,
            mapped={"from": sides[0], "to": sides[1]},
        )

    def worded(self, recorded: Recorded, field: str | None = None) -> Kind | None:
        """Return the kind of a record as the version of the playbook has it that an event names, so in the words of its time.

        Where an event names none, or one without that field, the version in force; else the newest that has the field.
        """
        name, _ = split_stream(_home(recorded))
        named = self._playbooks.versions.get((recorded.playbook or "", recorded.playbook_version or 0))
        found = None if named is None else named.document.kinds.get(name)
        if found is not None and (field is None or field in _NAMES or field in found.fields):
            return found
        in_force = self._kind(name)
        if field is None or field in _NAMES or (in_force is not None and field in in_force.fields):
            return in_force
        kinds = (
            version.document.kinds[name]
            for _, version in sorted(self._playbooks.versions.items(), reverse=True)
            if name in version.document.kinds
        )
        return next((kind for kind in kinds if field in kind.fields), in_force)

    def _who(self, recorded: Recorded) -> dict[str, Any]:
        return {
            "actor": recorded.actor,
            "actor_name": self.person(recorded.actor),
            "on_behalf_of": recorded.on_behalf_of,
            "channel": recorded.channel,
            "reason": self._reason(recorded),
        }

    @staticmethod
    def _options(kind: Kind | None, field: str) -> dict[str, Any]:
        """The labels of what a field may hold: options of a choice, or the stages."""
        if kind is None:
            return {}
        labelled = (
            kind.steps if field == STAGE else kind.fields[field].options if field in kind.fields else {}
        )
        return {
            name: (item if isinstance(item, Label) else item.label).model_dump()
            for name, item in labelled.items()
        }

    def page(self, items: Sequence[Visible], **about: object) -> Visible:
        """Show a list of what has passed the lens already."""
        return self._visible(items=[item.data for item in items], **about)

    def figures(self, **figures: object) -> Visible:
        """Show counts and sums that hold nothing personal."""
        return self._visible(**figures)

    def person(self, person: str | None) -> str | None:
        """Return the name of a person, or None where there is no name to show."""
        found = self._organisation.people.get(person or "")
        if found is None or person is None:
            return None
        name = self._keys.reveal("organisation", "name", found.name)
        return None if isinstance(name, Erased) else str(name)

    def team(self, team: str) -> str | None:
        """Return what a team is called, or None where nobody knows it."""
        found = self._organisation.teams.get(team)
        return None if found is None else found.name

    def role(self, name: str) -> dict[str, str] | None:
        """Return what a role is called, or None where no playbook in force has it."""
        found = self._playbooks.roles.get(name)
        return None if found is None else found.label.model_dump()

    def opened(self, stream: str, field: str, stored: Stored) -> Stored:
        """Show one value of a stream; None where nobody can read it any more."""
        shown: Stored | Erased = self._value(stream, field, stored)
        return None if isinstance(shown, Erased) else shown

    def title(self, record: Record) -> str | None:
        """Return what people call a record: its title field, else the id it had where it came from."""
        kind = self._kind(record.kind)
        if kind is None or kind.title is None:
            return record.external_id
        fields = record.fields
        if kind.title not in fields:  # it may have had another name when it was filled
            fields = self._playbooks.by_kind[record.kind].adopts.get(record.kind, NOTHING_MAPPED).read(fields)
        shown = self._value(record.stream, kind.title, fields.get(kind.title))
        return record.external_id if shown is None or isinstance(shown, Erased) else str(shown)

    def _value(self, stream: str, field: str, stored: Stored) -> Any:
        return self._keys.reveal(stream, field, stored)

    def _payload(self, stream: str, name: str, value: Any, erased: list[str]) -> Any:
        if isinstance(value, dict) and not is_personal(value):
            return {inner: self._payload_item(stream, inner, item, erased) for inner, item in value.items()}
        return self._payload_item(stream, name, value, erased)

    def _payload_item(self, stream: str, field: str, value: Any, erased: list[str]) -> Any:
        if isinstance(value, dict) and not is_personal(value):
            return {side: self._payload_item(stream, field, item, erased) for side, item in value.items()}
        shown = self._value(stream, field, value)
        if isinstance(shown, Erased):
            erased.append(field)
            return None
        return shown

    def _reason(self, recorded: Recorded) -> str | None:
        if recorded.reason is None:
            return None
        shown = self._value(recorded.stream, "", orjson.loads(recorded.reason))
        return None if isinstance(shown, Erased) else str(shown)

    def _kind(self, name: str) -> Kind | None:
        playbook = self._playbooks.by_kind.get(name)
        return playbook.document.kinds[name] if playbook else None

    @staticmethod
    def _visible(**data: Any) -> Visible:
        return Visible(
            {name: value for name, value in data.items() if not (name.startswith("_") and value == [])},
            _MADE_BY_THE_LENS,
        )


def _home(recorded: Recorded) -> str:
    """The stream of the record an event is about: a refused attempt belongs to its record."""
    event = recorded.event
    return event.record if isinstance(event, MoveRefused) else recorded.stream


def _label(kind: Kind | None, field: str) -> dict[str, str] | None:
    spec = None if kind is None else kind.fields.get(field)
    return None if spec is None else spec.label.model_dump()


def _collect_subjects(value: object, into: set[str]) -> None:
    if isinstance(value, Recorded):
        _collect_subjects(value.event.payload(), into)
        if value.reason is not None:
            _collect_subjects(orjson.loads(value.reason), into)
    elif isinstance(value, Mapping):
        sealed = value.get(SEALED)
        if isinstance(sealed, dict):
            into.add(str(sealed["subject"]))
        else:
            for item in value.values():
                _collect_subjects(item, into)


def _subjects(stored: Stored) -> list[str]:
    found: set[str] = set()
    _collect_subjects(stored, found)
    return sorted(found)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment_text(moment)
