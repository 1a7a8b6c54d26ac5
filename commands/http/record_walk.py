"""The part of the walk that belongs to one kind: a record from its opening to the restoration of an edit."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from commands.http import actions
from commands.http.bodies import Body
from commands.http.deadlines import Acknowledgement
from commands.http.example_values import EXAMPLE_FILE, PERSON, example_id, example_value, other_value
from commands.http.imagination import Example, Imagination
from commands.http.reactions import Retry
from commands.http.reading import read_body
from commands.http.work_walk import WorkWalk
from domain.deadlines.events import DeadlineNoticed
from domain.deadlines.limits import named_in
from domain.naming import firings_stream, reactions_stream, record_stream
from domain.playbook.model import FieldKind, Kind
from domain.playbook.reactions import all_reactions
from domain.reacting.events import ReactionFailed
from domain.record import state as record_state
from domain.record.commands import AttachEvidence
from domain.refusals import GateNotMet, InvalidCommand, Refusal
from domain.values import moment_text

_TOUCH, _EVIDENCE = "tou_example", "evi_example"


class RecordWalk:
    """Tries every command of records on the example of a kind."""

    def __init__(self, imagined: Imagination) -> None:
        self._imagined = imagined

    def of(self, name: str, kind: Kind) -> Iterator[Example]:
        """Walk with a kind's example."""
        record_id = example_id(kind)
        opened = self.opened(
            name, kind, record_id, "example", f"{kind.label.en} with what its first step asks for"
        )
        if opened is None:
            return
        self._imagined.there[name] = record_stream(name, record_id)
        related = self._related(kind)
        if related is not None and related[1] == self._imagined.there[name]:
            other = self.opened(name, kind, f"{record_id}_2", "another", "Another one, to be related to")
            related = (related[0], f"{self._imagined.there[name]}_2") if other is not None else None
            yield from _those(opened, other)
        else:
            yield opened
        edit = self.edited(name, kind, record_id, opened.body["fields"])
        yield from _those(edit, self._confirmed(name, record_id, [*opened.body["fields"]]))
        yield from self._touches(name, kind, record_id)
        yield from self._evidence(name, kind, record_id)
        yield from WorkWalk(self._imagined, name, kind, record_id).steps()
        if related is not None:
            body = {"relation": related[0], "to": related[1]}
            yield from _those(
                self._imagined.issue(actions.RELATE, name, record_id, body, "example", "To another record"),
                self._imagined.issue(actions.END_RELATION, name, record_id, body, "example", "It ends again"),
            )
        owner = {"owner": f"person/{PERSON}"}
        yield from _those(
            self._imagined.issue(actions.CHANGE_OWNER, name, record_id, owner, "example", "To somebody else")
            or self._imagined.issue(
                actions.CHANGE_OWNER, name, record_id, {"owner": None}, "example", "To nobody"
            )
        )
        yield from self._progress(name, kind, record_id)
        yield from _those(
            self._moved(name, kind, record_id),
            self._overridden(name, kind, record_id),
        )
        if edit is not None:
            body = {"change": edit.answer["position"], "reason": "it was a mistake"}
            summary = (
                "The position is that of the edit above, on a fresh log; the history tells it on any other"
            )
            yield from _those(
                self._imagined.issue(actions.RESTORE, name, record_id, body, "example", summary)
            )
        yield from self._followed(name, kind, record_id, opened.answer["position"])

    def _followed(self, name: str, kind: Kind, record_id: str, since: int) -> Iterator[Example]:
        """Answer what the service noticed by itself: a deadline somebody was told of, a reaction that failed. Both since the record was opened."""
        stream, path = record_stream(name, record_id), {"record_id": record_id}
        deadline = next(iter(named_in(kind)), None)
        if deadline is not None:
            whom, at = f"person/{PERSON}", moment_text(self._imagined.log.now())
            noticed = DeadlineNoticed(stream, deadline, since, 1, due_at=at, noticed_at=at, told=[whom])
            first = self._imagined.happens(firings_stream(stream), noticed)
            known = Acknowledgement(rung=1)
            yield Example(
                "acknowledge_deadline",
                name,
                "example",
                "By somebody who was told of it when it was due; time has to go by first",
                {"rung": 1},
                200,
                self._imagined.carry_out(known.of(stream, deadline), known, None, on_behalf_of=whom),
                path=path | {"deadline": deadline},
                on_behalf_of=whom,
                happens_first=first,
            )
        reaction = next(iter(all_reactions(kind.reactions, kind.forks)), None)
        if reaction is not None:
            failed = ReactionFailed(stream, reaction, since, 0, GateNotMet.code)
            first = self._imagined.happens(reactions_stream(stream), failed)
            again = Retry(cause=since)
            yield Example(
                "retry_reaction",
                name,
                "example",
                "What failed at its first step, by the position of what set it off; something has to fail first",
                {"cause": since},
                200,
                self._imagined.carry_out(again.of(stream, reaction), again, None),
                path=path | {"reaction": reaction},
                happens_first=first,
            )

    def opened(self, name: str, kind: Kind, record_id: str, example: str, summary: str) -> Example | None:
        """Open a record with what its first step asks for; None when no values can be thought of."""
        path = next(iter(kind.paths), None)
        step = next(iter(kind.opening_steps(path)), None)
        asked = list(_asked(kind, step)) if step is not None else []
        more = [kind.title, kind.worth, *kind.fields]
        wanted = dict.fromkeys([*asked, *[found for found in more if found is not None]])
        fields = self._values(kind, list(wanted)[: max(len(asked), 3) + 1])
        body: dict[str, Any] = {"id": record_id, "fields": fields}
        if path is not None:
            body["path"] = path
        for _ in range(len(fields) + 1):
            done = self._imagined.issue(actions.OPEN, name, record_id, body, example, summary)
            if done is not None or not self._drop_refused(name, record_id, body):
                return done
        return None

    def _drop_refused(self, name: str, record_id: str, body: dict[str, Any]) -> bool:
        """Leave out the fields whose values the playbook refuses, for a pattern for example; whether there were any."""
        read = read_body(actions.OPEN.body, body)
        try:
            command = actions.OPEN.command(record_stream(name, record_id), read, "")
            self._imagined.carry_out(command, read, None, log=self._imagined.log.copied())
        except InvalidCommand as refused:
            names = [problem.pointer.removeprefix("/fields/") for problem in refused.problems]
            wrong = [name for name in names if name in body["fields"]]
            for member in wrong:
                del body["fields"][member]
            return bool(wrong)
        except Refusal:
            return False
        return False

    def edited(self, name: str, kind: Kind, record_id: str, has: Mapping[str, Any]) -> Example | None:
        """Edit one field of a record that was just opened with the values it has; None when there is nothing to edit."""
        for member, spec in kind.fields.items():
            value = other_value(spec) if member in has else example_value(spec, self._imagined.there)
            if value is None or spec.type in {FieldKind.reference, FieldKind.person}:
                continue
            body = {"fields": {member: value}}
            done = self._imagined.issue(
                actions.EDIT, name, record_id, body, "example", "One field; all others stay", version=1
            )
            if done is not None and done.answer["events"]:
                return done
        return None

    def _confirmed(self, name: str, record_id: str, filled: Sequence[str]) -> Example | None:
        """Confirm a field that was filled at the opening; None when there is none."""
        if not filled:
            return None
        body, summary = {"fields": list(filled[:2])}, "What was told at the opening still holds"
        return self._imagined.issue(actions.CONFIRM, name, record_id, body, "example", summary)

    def _touches(self, name: str, kind: Kind, record_id: str) -> Iterator[Example]:
        if not kind.touches:
            return
        note = {"id": _TOUCH, "kind": next(iter(kind.touches)), "note": "他们想看演示"}
        yield from _those(
            self._imagined.issue(actions.TOUCH, name, record_id, note, "example", "With a note")
        )
        correction = {"note": "他们想看两次演示", "reason": "a slip of the pen"}
        path = {"touch_id": _TOUCH}
        yield from _those(
            self._imagined.issue(
                actions.CORRECT_TOUCH, name, record_id, correction, "example", "Another note", path=path
            )
        )

    def _evidence(self, name: str, kind: Kind, record_id: str) -> Iterator[Example]:
        """A file for the first field that holds one, and for each that work or a preset asks for later."""
        wanted = {field for preset in kind.progress.values() for field in preset.evidence}
        wanted |= {field for template in kind.work.values() for field in template.evidence}
        items = [item for template in kind.work.values() for item in template.checklist.values()]
        wanted |= {item.evidence for item in items if item.evidence is not None}
        for number, field in enumerate(kind.evidence_fields):
            if number == 0:
                yield from self._attached(name, record_id, field, _EVIDENCE, "example")
            elif field in wanted:
                yield from self._attached(name, record_id, field, f"{_EVIDENCE}_{number + 1}", field)

    def _attached(
        self, name: str, record_id: str, field: str, evidence: str, called: str
    ) -> Iterator[Example]:
        query = {"field": field, "file_name": "example.txt", "id": evidence}
        raw = EXAMPLE_FILE.encode()
        command = AttachEvidence(
            record_stream(name, record_id),
            evidence,
            field,
            hashlib.sha256(raw).hexdigest(),
            len(raw),
            "text/plain",
            query["file_name"],
        )
        try:
            self._imagined.carry_out(command, Body(), None, log=self._imagined.log.copied())
        except Refusal:
            return
        answer = self._imagined.carry_out(command, Body(), actions.id_of("evidence"))
        yield Example(
            "attach_evidence",
            name,
            called,
            "The file itself",
            EXAMPLE_FILE,
            201,
            answer,
            path={"record_id": record_id},
            query=query,
            media_type="text/plain",
        )

    def _progress(self, name: str, kind: Kind, record_id: str) -> Iterator[Example]:
        """Each preset that what could be thought of is enough for; one that ends the record only where no other is."""
        called = "example"
        going_on = {preset: spec for preset, spec in kind.progress.items() if not _ends(kind, spec.to)}
        for preset, spec in {**going_on, **kind.progress}.items():
            if called != "example" and preset not in going_on:
                return
            at = self._record_at(name, record_id)
            pieces = {piece.field: piece.id for piece in at.evidence} if at is not None else {}
            given = {
                "fields": self._values(kind, spec.asks),
                "note": "客户说下周定" if spec.note_asked else None,
                "evidence": {field: pieces[field] for field in spec.evidence if field in pieces},
            }
            body = {"preset": preset, **{member: value for member, value in given.items() if value}}
            done = self._imagined.issue(actions.PROGRESS, name, record_id, body, called, spec.label.en)
            if done is not None:
                yield done
                called = f"{preset}_as_well"

    def _related(self, kind: Kind) -> tuple[str, str] | None:
        """A relation of the kind and a record it may lead to."""
        for relation, spec in kind.relations.items():
            if spec.to in self._imagined.there:
                return relation, self._imagined.there[spec.to]
        return None

    def _moved(self, name: str, kind: Kind, record_id: str) -> Example | None:
        """The next step where its gate can be met, else the first other move that passes."""
        at = self._record_at(name, record_id)
        if at is None or at.stage is None:
            return None
        for step in _onwards(kind, at.path, at.stage):
            missing = [
                asked for asked in _asked(kind, step, at.stage) if at.fields.get(asked) in (None, "", [])
            ]
            body = {"to": step, "fields": self._values(kind, missing)}
            done = self._imagined.issue(
                actions.CHANGE_STAGE, name, record_id, body, "example", "With what its gate asks for"
            )
            if done is not None:
                return done
        return None

    def _overridden(self, name: str, kind: Kind, record_id: str) -> Example | None:
        at = self._record_at(name, record_id)
        if at is None or at.stage is None:
            return None
        for step in _onwards(kind, at.path, at.stage):
            waive = self._unmet(name, record_id, step)
            body = {
                "to": step,
                "waive": waive or ["move:skip"],
                "name": "agreed with the head of sales",
                "reason": "the customer starts early",
            }
            done = self._imagined.issue(
                actions.OVERRIDE, name, record_id, body, "example", "Everything that is missing is waived"
            )
            if done is not None:
                return done
        return None

    def _unmet(self, name: str, record_id: str, to: str) -> list[str]:
        body = read_body(actions.CHANGE_STAGE.body, {"to": to})
        try:
            command = actions.CHANGE_STAGE.command(record_stream(name, record_id), body, "")
            self._imagined.carry_out(command, body, None, log=self._imagined.log.copied())
        except GateNotMet as refused:
            return [item.id for item in refused.unmet]
        except Refusal:
            return []
        return []

    def _record_at(self, name: str, record_id: str) -> record_state.Record | None:
        return self._imagined.log.state(record_stream(name, record_id), record_state.fold)

    def _values(self, kind: Kind, names: Sequence[str]) -> dict[str, Any]:
        found = {
            name: example_value(kind.fields[name], self._imagined.there)
            for name in names
            if name in kind.fields
        }
        return {name: value for name, value in found.items() if value is not None}


def _asked(kind: Kind, step: str, before: str | None = None) -> Iterator[str]:
    """The fields that the gates on the way into a step ask for."""
    into = kind.steps[step]
    yield from into.stage.enter.fields
    yield from into.enter.fields
    if before is not None and before in kind.steps:
        yield from kind.steps[before].leave.fields
        yield from kind.steps[before].stage.leave.fields


def _ends(kind: Kind, step: str | None) -> bool:
    return step is not None and kind.steps[step].outcome != "open"


def _onwards(kind: Kind, path: str | None, at: str) -> Sequence[str]:
    """The steps one could try to move to: the next one, then the ends, then whatever there is."""
    steps = kind.steps_of(path)
    way = kind.way(path)
    following = way[way.index(at) + 1 :] if at in way else way
    ends = [name for name, step in steps.items() if step.outcome != "open"]
    return [name for name in dict.fromkeys([*following[:1], *ends, *following, *way]) if name != at]


def _those(*examples: Example | None) -> Iterator[Example]:
    return (example for example in examples if example is not None)
