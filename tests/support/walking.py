"""Walks through a description of the service: sends every example as somebody would who knows nothing but the document."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from commands.ports import Append, NewEvent
from domain.envelope import Origin
from domain.events import decode


@dataclass(frozen=True)
class Request:
    """One example of the document."""

    operation: str
    name: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: Any
    media_type: str
    expected: dict[int, Any]
    happens_first: dict[str, Any] | None = None


def requests_of(document: dict[str, Any]) -> Iterator[Request]:
    """The examples of commands, in the order of the document."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                for name, example in content.get("examples", {}).items():
                    found = _request(path, method, operation, media_type, name, example["value"])
                    yield replace(found, happens_first=example.get("x-happens-first"))


def _request(
    path: str, method: str, operation: dict[str, Any], media_type: str, name: str, value: Any
) -> Request:
    told: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}}
    for parameter in operation["parameters"]:
        example = parameter.get("examples", {}).get(name)
        if example is not None:
            told[parameter["in"]][parameter["name"]] = example["value"]
        else:
            assert not parameter["required"], f"{path} {name}: {parameter['name']} has no example"
    for member, given in told["path"].items():
        path = path.replace(f"{{{member}}}", quote(str(given), safe=""))
    expected = {
        int(status): content["examples"][name]["value"]
        for status, response in operation["responses"].items()
        for content in response.get("content", {}).values()
        if name in content.get("examples", {}) and status.startswith("2")
    }
    return Request(
        operation["operationId"],
        name,
        method,
        path,
        told["query"],
        told["header"],
        value,
        media_type,
        expected,
    )


def noticed(log: Any, happened: dict[str, Any], key: str) -> None:
    """Let happen in a log what an example says the service notices; once for each key."""
    event, now = decode(happened["topic"], happened["payload"]), datetime.now(UTC)
    noticing = Append(
        events=[NewEvent(happened["stream"], None, event, happened["payload"])],
        expectations=[],
        origin=Origin(actor="system/service", channel="test", occurred_at=now),
        decided_at=now,
        client="walk",
        key=key,
    )
    (outcome,) = log.append([noticing])
    assert outcome.result in ("appended", "replayed"), outcome


def walked(client: Any, document: dict[str, Any], log: Any) -> int:
    """Send every example, and compare each answer with that of the document but for the moments. Returns how many there were.

    What nobody can ask for, that time went by or something failed, happens in the log just before, as the document says it.
    """
    count = 0
    for request in requests_of(document):
        if request.happens_first is not None:
            noticed(log, request.happens_first, f"{request.operation} {request.name}")
        sent: dict[str, Any] = (
            {"json": request.content}
            if request.media_type == "application/json"
            else {"content": request.content}
        )
        response = client.request(
            request.method.upper(),
            request.path,
            params=request.query,
            headers={**request.headers, "content-type": request.media_type},
            **sent,
        )
        assert response.status_code in request.expected, (request, response.text)
        expected = request.expected[response.status_code]
        if isinstance(expected, dict):
            assert without_moments(response.json()) == without_moments(expected), request
        count += 1
    return count


def without_moments(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer but for when it was."""
    events = [
        {name: value for name, value in event.items() if name != "recorded_at"}
        for event in answer.get("events", ())
    ]
    return {**answer, "events": events}
