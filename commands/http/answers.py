"""Answers of commands, made by one function: the same command is answered with the same bytes, however often it is sent."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import orjson
from fastapi import Response

from commands.errors import AnsweredRefusal
from commands.http.headers import REPLAYED
from commands.submission import Answer, Command
from domain.envelope import Recorded
from domain.record.commands import RecordCommand
from domain.refusals import GateNotMet
from domain.values import moment_text

Made: TypeAlias = Callable[[Recorded], Mapping[str, Any]]
"""What an answer says besides its events, read from the last of them: ids that were made, for example."""


def accepted(answer: Answer) -> Answer:
    """Return the answer of an accepted command. Raises its refusal or error; a refusal that stands in the log says where."""
    if isinstance(answer.refusal, GateNotMet) and answer.events:
        raise AnsweredRefusal(
            answer.refusal, answer.events[-1].position, replayed=answer.replayed
        ) from answer.refusal
    return answer.required()


def content_of(answer: Answer, command: Command, *, made: Made | None, is_simulated: bool) -> dict[str, Any]:
    """Return an answer as plain JSON. It holds nothing but what the log holds, so that a replay is told the same.

    A command that changed nothing has no events; its position is the one it was looked at, and its version that of the record there.
    `version` is that of the record, also where the command wrote to a related record as well.
    """
    own = _own_events(answer, command)
    content: dict[str, Any] = {
        "outcome": "accepted",
        "position": answer.events[-1].position if answer.events else answer.looked_at,
    }
    if own and made is not None:
        content |= made(own[-1])
    if own and isinstance(command, RecordCommand):
        content["version"] = own[-1].version
    elif answer.version is not None:
        content["version"] = answer.version
    content["events"] = [
        {
            "position": event.position,
            "topic": event.event.TOPIC,
            "stream": event.stream,
            "version": event.version,
            "recorded_at": moment_text(event.recorded_at),
        }
        for event in answer.events
    ]
    if is_simulated:
        content["simulated"] = True
    return content


def response_of(
    content: Mapping[str, Any], status: int, *, replayed: bool, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response that carries an answer."""
    told = dict(headers or {})
    if "version" in content:
        told["ETag"] = f'"{content["version"]}"'
    if replayed:
        told[REPLAYED] = "true"
    return Response(orjson.dumps(content), status, told, "application/json")


def _own_events(answer: Answer, command: Command) -> Sequence[Recorded]:
    """The events in the stream the command is about; of a record whose id was made, all but its kind is in the events."""
    if not isinstance(command, RecordCommand):
        return answer.events
    return [
        event
        for event in answer.events
        if event.stream == command.stream
        or (command.stream.endswith("/") and event.stream.startswith(command.stream))
    ]
