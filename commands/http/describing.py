"""How routes of commands describe themselves: headers, parameters, bodies and answers, in OpenAPI."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from commands.http.headers import IDEMPOTENCY_KEY, MAX_KEY, ON_BEHALF_OF, REPLAYED

Endpoint = Callable[[Request], Awaitable[Response]]

PROBLEM_TYPE = "application/problem+json"
_PARAMETER = re.compile(r"{(\w+)}")
_PLACES = {
    "collection": "A collection of the playbooks in force.",
    "record_id": "The id of the record.",
    "touch_id": "The id of the touch.",
    "work_id": "The id of the work item.",
    "approval_id": "The id of the approval.",
    "person_id": "The id of the person, without person/.",
    "pool": "The name of the pool.",
    "deadline": "The name of the deadline.",
    "reaction": "The name of the reaction; that of a fork is forks.NAME.",
    "absence_id": "The id of the absence.",
    "delegation_id": "The id of the delegation.",
    "subscription_id": "The id of the subscription.",
    "name": "The name of the playbook.",
    "number": "The number of the draft.",
}

ANSWER: Mapping[str, Any] = {
    "type": "object",
    "required": ["outcome", "position", "events"],
    "properties": {
        "outcome": {"const": "accepted"},
        "position": {
            "type": ["integer", "null"],
            "description": "Of the last event; where nothing changed, the last position of the log then. Reads take it as min_position.",
        },
        "id": {"type": "string", "description": "Of what was made."},
        "version": {
            "type": "integer",
            "description": "Of the record, also as ETag; where nothing changed, the one it has.",
        },
        "draft": {"type": "integer", "description": "The number of the draft that was kept."},
        "playbook_version": {"type": "integer", "description": "The version that was published."},
        "events": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["position", "topic", "stream", "version", "recorded_at"],
                "properties": {
                    "position": {"type": "integer"},
                    "topic": {"type": "string"},
                    "stream": {"type": "string"},
                    "version": {"type": "integer"},
                    "recorded_at": {"type": "string", "format": "date-time"},
                },
            },
        },
        "simulated": {"const": True, "description": "The log is a simulated one."},
    },
}

PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "A problem (RFC 9457). `type` leads to a page that says what to do.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; programs go by it."},
        "detail": {"type": "string"},
        "suggestion": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": {"type": "object"}},
        "unmet": {"type": "array", "items": {"type": "object"}},
        "current_version": {"type": "integer"},
        "changes": {"type": "array", "items": {"type": "object"}},
    },
}

_PROBLEMS = {
    400: "The request cannot be read, or the idempotency key is missing.",
    401: "The token is missing, or is not one of ours.",
    403: "This needs a right the caller does not have.",
    404: "There is no such thing.",
    409: "It exists already, or what the command stands on kept moving: send it again with the same key.",
    412: "The record has moved on since it was read.",
    413: "The body is too large.",
    415: "The body is of a media type that is not taken here.",
    422: "The command does not fit, a gate is not met, or the key was used for another command.",
    428: "An edit says which version it was made on.",
    429: "Too many requests: wait for as long as Retry-After says.",
    503: "Not now: wait for as long as Retry-After says, and send the command again with the same key.",
}

KEY_PARAMETER: Mapping[str, Any] = {
    "name": IDEMPOTENCY_KEY,
    "in": "header",
    "description": "Names this command: the same key and body are answered with the same bytes, however often they are sent.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
}
VERSION_PARAMETER: Mapping[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "description": "The version the command was made on, as the ETag said it.",
    "schema": {"type": "string", "pattern": '^(W/)?"[0-9]+"$'},
}
PERSON_PARAMETER: Mapping[str, Any] = {
    "name": ON_BEHALF_OF,
    "in": "header",
    "required": False,
    "description": "Whom a program acts for, as person/per_…; a person's own token needs none. It needs the claim `delegate` of its token, and then that person's rights count.",
    "schema": {"type": "string"},
}
_REPLAYED_HEADER = {
    "description": "The same command was answered before, and this is that answer.",
    "schema": {"const": "true"},
}


def add_route(
    router: APIRouter,
    path: str,
    endpoint: Endpoint,
    name: str,
    summary: str,
    *,
    body: type[BaseModel] | None = None,
    content: Mapping[str, Any] | None = None,
    query: type[BaseModel] | None = None,
    method: Literal["POST", "PATCH"] = "POST",
    status: int = 200,
    answer: Mapping[str, Any] = ANSWER,
    answer_type: str = "application/json",
    is_command: bool = True,
    by_person: bool = False,
    description: str | None = None,
    tag: str | None = None,
) -> None:
    """Add a route with all that OpenAPI says about it; the route itself reads what it is sent, so that nothing is read twice."""
    parameters = [
        {
            "name": found,
            "in": "path",
            "required": True,
            "description": _PLACES[found],
            "schema": {"type": "string"},
        }
        for found in _PARAMETER.findall(path)
    ]
    if is_command:
        parameters.append({**KEY_PARAMETER, "required": method == "POST"})
    if is_command and "{record_id}" in path:
        parameters.append({**VERSION_PARAMETER, "required": method == "PATCH"})
    parameters.append(_person_parameter(by_person=by_person))
    if query is not None:
        parameters += _query_parameters(query)
    extra: dict[str, Any] = {"parameters": parameters}
    if body is not None or content is not None:
        said = content or {"application/json": {"schema": schema_of(body)}} if body or content else {}
        extra["requestBody"] = {
            "required": bool(content) or bool(schema_of(body).get("required")),
            "content": said,
        }
    headers: dict[str, Any] = {REPLAYED: _REPLAYED_HEADER} if is_command else {}
    if is_command and "{collection}" in path:
        headers["ETag"] = {"description": "The version of the record.", "schema": {"type": "string"}}
    router.add_api_route(
        path,
        endpoint,
        methods=[method],
        status_code=status,
        response_class=Response,
        operation_id=name,
        summary=summary,
        description=description,
        tags=None if tag is None else [tag],
        responses={
            status: {
                "description": "It is done." if is_command else "The answer.",
                "headers": headers,
                "content": {answer_type: {"schema": dict(answer)}},
            },
            **{
                code: problem_response(text)
                for code, text in _PROBLEMS.items()
                if _may_answer(code, method, path)
            },
        },
        openapi_extra=extra,
    )


def _person_parameter(*, by_person: bool) -> dict[str, Any]:
    if not by_person:
        return dict(PERSON_PARAMETER)
    return {
        **PERSON_PARAMETER,
        "description": f"{PERSON_PARAMETER['description']} This is done by the person it is about.",
    }


def problem_response(text: str) -> dict[str, Any]:
    """Return how a response that is a problem is described."""
    return {"description": text, "content": {PROBLEM_TYPE: {"schema": dict(PROBLEM)}}}


def schema_of(model: type[BaseModel] | None) -> dict[str, Any]:
    """Return the schema of a body, in one piece."""
    if model is None:
        return {}
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    inner = schema.pop("$defs", {})
    tidy: dict[str, Any] = _tidy(_inlined(schema, inner))
    return tidy


def _inlined(schema: Any, inner: Mapping[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(inner[str(schema["$ref"]).rpartition("/")[2]], inner)
        return {name: _inlined(part, inner) for name, part in schema.items()}
    return [_inlined(part, inner) for part in schema] if isinstance(schema, list) else schema


def _tidy(schema: Any) -> Any:
    """Leave out what says nothing: titles made of names, and null as the default of what may be left out."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: {inner: _tidy(part) for inner, part in value.items()} if name == "properties" else _tidy(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str)) and not (name == "default" and value is None)
    }
    options = kept.get("anyOf")
    if (
        isinstance(options, list)
        and len(options) == 2
        and options[1] == {"type": "null"}
        and "type" in options[0]
    ):
        del kept["anyOf"]
        kept = {**options[0], "type": [options[0]["type"], "null"], **kept}
    return kept


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = schema_of(model)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": found.get("description", ""),
            "schema": {"type": "string"},
        }
        for name, found in schema["properties"].items()
    ]


def _may_answer(status: int, method: str, path: str) -> bool:
    if status == 428:
        return method == "PATCH"
    return status != 412 or "{record_id}" in path
