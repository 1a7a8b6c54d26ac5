"""Routes of record commands: one per command and collection, all made from the table of actions."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from commands.http.actions import RECORD_ACTIONS, RecordAction
from commands.http.bodies import Body
from commands.http.describing import Endpoint, add_route
from commands.http.headers import expected_version, idempotency_key, key_or_own
from commands.http.issuing import Counter, caller_of
from commands.submission import Submission
from domain.naming import is_id, record_stream
from domain.refusals import NotFound


def add_record_routes(router: APIRouter, counter: Counter) -> None:
    """Add a route for every command of records that has a JSON body."""
    for action in RECORD_ACTIONS:
        add_route(
            router,
            "/{collection}" if action.opens else "/{collection}/{record_id}" + action.path,
            _route(counter, action),
            action.name,
            action.summary,
            body=action.body,
            method=action.method,
            status=action.status,
            by_person=action.by_person,
        )


def stream_of(counter: Counter, collection: str, record_id: str) -> str:
    """Return the stream of a record by its collection and id. Raises NotFound for what cannot be one."""
    kind = counter.collections.kind_of(collection)
    if not is_id(record_id):
        raise NotFound(kind, record_id)
    return record_stream(kind, record_id)


def stream_to_open(counter: Counter, collection: str, record_id: str | None) -> str:
    """Return the stream of a record to open; without an id, the bus makes one."""
    return record_stream(counter.collections.kind_of(collection), record_id or "")


def located(*steps: str) -> Mapping[str, str]:
    """Return the header that says where something is; names and ids may be of any script, headers may not."""
    return {"Location": "/v1/" + "/".join(quote(step, safe="") for step in steps)}


def _route(counter: Counter, action: RecordAction) -> Endpoint:
    async def issue(request: Request) -> Response:
        at = request.path_params
        caller, headers = caller_of(request), request.headers
        key = key_or_own(headers) if action.needs_version else idempotency_key(headers)
        version = expected_version(headers, required=action.needs_version)
        body, unknown = await counter.known_of_body(request, action.body)

        def submission() -> Submission:
            stream = _stream(counter, action, at, body)
            command = action.command(stream, body, action.part_of(at))
            made = counter.submission(caller, command, body, key, expected_version=version)
            counter.refuse_unknown(unknown, made)
            return made

        def location(content: Mapping[str, Any]) -> Mapping[str, str]:
            return located(at["collection"], content["id"]) if action.opens else {}

        return await counter.issue(submission, status=action.status, made=action.made, headers=location)

    return issue


def _stream(counter: Counter, action: RecordAction, at: Mapping[str, str], body: Body) -> str:
    if action.opens:
        return stream_to_open(counter, at["collection"], getattr(body, "id", None))
    return stream_of(counter, at["collection"], at["record_id"])
