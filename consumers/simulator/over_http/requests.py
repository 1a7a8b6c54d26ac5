"""Commands as requests: the address, the headers and the body each of them has over HTTP.

Everything happens when it is sent: a log with the clock of the database takes no other time for a move,
so the dates of a story stay in its fields and its order, and nothing is dated back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from commands.submission import Submission
from consumers.simulator.over_http.documents import document
from domain.erasure import EraseSubject
from domain.naming import split_stream
from domain.organisation.commands import AddPerson, FormTeam, GrantRole, MovePerson, RemovePerson, RevokeRole
from domain.playbook.commands import DraftPlaybook, PublishDraft
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    ConfirmFields,
    CorrectTouch,
    EditFields,
    EndRelation,
    OpenRecord,
    RecordTouch,
    RelateRecord,
    RestoreFields,
)

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, before anybody's token is put on it."""

    path: str
    body: bytes
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)


class Spelling:
    """Spells submissions as requests; `collections` tells by kind where its records are found."""

    def __init__(self, collections: Mapping[str, str]) -> None:
        self._collections = collections

    def request(self, submission: Submission, version: int = 0) -> Request:
        """Return the request of a submission; an edit says that it was made on a version of its record.

        Raises ValueError for what has no request: a playbook is drafted first, and only an import overrides at opening.
        """
        command, key = submission.command, {"Idempotency-Key": submission.key}
        if isinstance(command, AttachEvidence):
            about = {"id": command.evidence, "field": command.field, "file_name": command.file_name}
            given = {name: value for name, value in about.items() if value is not None}
            if submission.reason is not None:
                given["reason"] = submission.reason
            path = f"{self._record(command.stream)}/evidence?{urlencode(given)}"
            headers = key | {"Content-Type": command.media_type}
            return Request(path, document(command.evidence), headers=headers)
        if isinstance(command, EditFields):
            key |= {"If-Match": f'"{version}"'}
        path, body = self._addressed(submission)
        if submission.reason is not None and not isinstance(command, DraftPlaybook | EraseSubject):
            body["reason"] = submission.reason
        method = "PATCH" if isinstance(command, EditFields) else "POST"
        return Request(path, orjson.dumps(body), method, key | {"Content-Type": JSON})

    def _addressed(self, submission: Submission) -> tuple[str, dict[str, Any]]:
        match submission.command:
            case OpenRecord() as command:
                return self._opening(command)
            case EditFields(stream, fields):
                return self._record(stream), {"fields": dict(fields)}
            case ConfirmFields(stream, names):
                return f"{self._record(stream)}/confirmations", {"fields": sorted(names)}
            case ChangeStage(stream, to, fields, override):
                moved: dict[str, Any] = {"to": to, "fields": dict(fields)}
                if override is None:
                    return f"{self._record(stream)}/stage-changes", moved
                if override.waive is None:
                    raise ValueError("only an import waives whatever is unmet")
                moved |= {"name": override.name, "waive": sorted(override.waive)}
                return f"{self._record(stream)}/overrides", moved
            case RecordTouch(stream, touch, kind, note, contact):
                told = _given(id=touch or None, kind=kind, note=note, contact=contact)
                return f"{self._record(stream)}/touches", told
            case CorrectTouch(stream, touch, changes, withdrawn):
                path = f"{self._record(stream)}/touches/{quote(touch, safe='')}/corrections"
                return path, dict(changes) | ({"withdrawn": True} if withdrawn else {})
            case RelateRecord(stream, relation, to):
                return f"{self._record(stream)}/relations", {"relation": relation, "to": to}
            case EndRelation(stream, relation, to):
                return f"{self._record(stream)}/relations/endings", {"relation": relation, "to": to}
            case ChangeOwner(stream, owner):
                return f"{self._record(stream)}/owner-changes", {"owner": owner}
            case RestoreFields(stream, change, chosen, over_later_changes):
                restored: dict[str, Any] = {"change": change, "over_later_changes": over_later_changes}
                if chosen is not None:
                    restored["fields"] = sorted(chosen)
                return f"{self._record(stream)}/restorations", restored
            case _:
                return _elsewhere(submission)

    def _opening(self, command: OpenRecord) -> tuple[str, dict[str, Any]]:
        if command.override is not None:
            raise ValueError("only an import waives requirements at the opening of a record")
        kind, name = split_stream(command.stream)
        told = _given(
            id=name or None,
            fields=dict(command.fields),
            stage=command.stage,
            path=command.path,
            owner=command.owner,
            external_id=command.external_id,
            unknown=sorted(command.unknown) or None,
        )
        return f"/v1/{self._collections[kind]}", told

    def _record(self, stream: str) -> str:
        kind, name = split_stream(stream)
        return f"/v1/{self._collections[kind]}/{quote(name, safe='')}"


def _elsewhere(submission: Submission) -> tuple[str, dict[str, Any]]:
    match submission.command:
        case FormTeam(team, name, region, part_of):
            return "/v1/teams", _given(id=team, name=name, region=region, part_of=part_of)
        case AddPerson(person, name, team, manager, roles, email, region):
            joining = _given(
                id=split_stream(person)[1] or None,
                name=name,
                team=team,
                manager=manager,
                roles=list(roles),
                email=email,
                region=region,
            )
            return "/v1/people", joining
        case MovePerson(person, team, manager, region):
            return f"{_person(person)}/moves", {"team": team, "manager": manager, "region": region}
        case RemovePerson(person):
            return f"{_person(person)}/departures", {}
        case GrantRole(person, role):
            return f"{_person(person)}/role-grants", {"role": role}
        case RevokeRole(person, role):
            return f"{_person(person)}/role-revocations", {"role": role}
        case EraseSubject(subject, ground):
            return "/v1/erasures", {"subject": subject, "ground": ground.value}
        case DraftPlaybook(playbook):
            return f"/v1/playbooks/{playbook.name}/drafts", dict(playbook.document_json)
        case PublishDraft() as command:
            mappings = {
                kind: {
                    "stages": dict(told.stages),
                    "fields": dict(told.fields),
                    "options": {name: dict(options) for name, options in told.options.items()},
                }
                for kind, told in command.mappings.items()
            }
            starts_at = command.effective_from
            published = _given(
                draft=command.draft,
                scope={name: list(options) for name, options in command.scope.items()},
                effective_from=None if starts_at is None else starts_at.isoformat(),
                mappings=mappings,
                replay=command.replay,
            )
            return f"/v1/playbooks/{command.name}/publications", published
        case command:
            raise ValueError(f"there is no request for {type(command).__name__}")


def _person(stream: str) -> str:
    return f"/v1/people/{quote(split_stream(stream)[1], safe='')}"


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
