"""Many commands in one request: a line each, answered by a line each, in order; a line that fails never stops another.

The request is taken in whole before the first line is carried out, so that a sender that reads nothing while it writes never waits for us while
we wait for it. It is kept in a file, not in memory.
"""

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from itertools import islice
from typing import IO, Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from commands.caller import Caller
from commands.errors import AnsweredRefusal, MediaTypeRefused, TooLarge
from commands.evidence import CHUNK_BYTES
from commands.http.actions import BY_NAME, RecordAction
from commands.http.answers import accepted, content_of
from commands.http.describing import ANSWER, add_route
from commands.http.headers import checked_key, expected_version_of_line, media_type
from commands.http.issuing import Counter, caller_of
from commands.http.reading import read_known, read_strictly
from commands.http.records import stream_of, stream_to_open
from commands.submission import Answer, Submission
from domain.naming import nearest
from domain.refusals import InvalidCommand, Problem

NDJSON = "application/x-ndjson"
ACCEPTED: Final = (NDJSON, "application/ndjson", "application/jsonl")
MAX_LINES = 10_000
MAX_LINE_BYTES = 1_000_000
TOGETHER = 100
"""How many lines are submitted together: their events are appended in one transaction."""

_FAILED_IN_A_ROW = 2


@dataclass(slots=True)
class _Line:
    """One line on its way: the command it became, or what went wrong, and in the end its answer."""

    number: int
    action: RecordAction | None = None
    submission: Submission | None = None
    error: Exception | None = None
    answer: Answer | None = None


def add_bulk_route(router: APIRouter, counter: Counter, *, max_bytes: int) -> None:
    """Add the route for many commands at once."""

    async def bulk(request: Request) -> Response:
        caller = caller_of(request)
        if media_type(request.headers) not in ACCEPTED:
            raise MediaTypeRefused(NDJSON)
        file = tempfile.TemporaryFile()  # noqa: SIM115 — it lives as long as the answer is on its way
        try:
            await _receive(request, counter, file, max_bytes)
        except BaseException:
            file.close()
            raise
        return StreamingResponse(_answers(request, counter, caller, file), media_type=NDJSON)

    add_route(
        router,
        "/bulk",
        bulk,
        "bulk",
        "Many commands of records, a line each",
        content={NDJSON: {"schema": {"type": "string", "description": "A JSON object a line."}}},
        answer={
            "type": "object",
            "description": "A line of the answer: that of the command by itself, or its problem.",
            "required": ["line", "status"],
            "properties": {
                "line": {"type": "integer", "description": "Counted from 1, blank lines included."},
                "status": {"type": "integer"},
                "replayed": {"const": True},
                **ANSWER["properties"],
            },
        },
        answer_type=NDJSON,
        is_command=False,
        tag="bulk",
        description=f"At most {MAX_LINES:,} lines of at most {MAX_LINE_BYTES:,} bytes, {max_bytes:,} bytes in all. A line holds `key`, `command`"
        f" ({', '.join(BY_NAME)}), `collection`, `id` (of the record; left out, `open` makes one), `if_match` (which `edit` needs), `touch` (the id of"
        " the touch, for `touch`, `correct_touch` and `progress`), `work`, `fork` and `approval` (the ids of those, for the commands about them) and the members of the command's own body. Lines are carried out in order, each by itself:"
        " one that fails stops no other. Should the connection break, send everything again with the same keys: nothing is done twice.",
    )


async def _receive(request: Request, counter: Counter, file: IO[bytes], max_bytes: int) -> None:
    """Take the request in; one that is too large is refused before any of it is carried out."""
    size = lines = 0
    last = b"\n"
    waiting = bytearray()
    async for piece in request.stream():
        size += len(piece)
        lines += piece.count(b"\n")
        last = piece[-1:] or last
        if size > max_bytes:
            raise TooLarge(limit_bytes=max_bytes)
        if lines + (last != b"\n") > MAX_LINES:
            raise TooLarge(limit_lines=MAX_LINES)
        waiting += piece
        if len(waiting) >= CHUNK_BYTES:
            taken, waiting = bytes(waiting), bytearray()
            await counter.in_a_thread(lambda taken=taken: file.write(taken))  # type: ignore[misc]
    rest = bytes(waiting)
    await counter.in_a_thread(lambda: file.write(rest))
    file.seek(0)


async def _answers(
    request: Request, counter: Counter, caller: Caller, file: IO[bytes]
) -> AsyncIterator[bytes]:
    """Carry out some lines at a time and answer them; whoever goes away meanwhile has had answers to all that were sent back."""
    with file:
        numbered = enumerate(_lines(file), start=1)
        while True:
            lines = await counter.in_a_thread(
                lambda: _carry_out(counter, caller, list(islice(numbered, TOGETHER)))
            )
            if lines is None:
                return
            is_simulated = counter.desk.log.is_simulated
            yield b"".join([await _told(request, line, is_simulated) for line in lines])


def _carry_out(counter: Counter, caller: Caller, raw: Sequence[tuple[int, bytes]]) -> list[_Line] | None:
    """Carry out some lines together; None where none is left."""
    if not raw:
        return None
    lines = [_read(counter, caller, number, text) for number, text in raw if text.strip()]
    ready = [line for line in lines if line.submission is not None]
    try:
        for line, answer in zip(ready, counter.desk.bus.submit_batch(_submissions(ready)), strict=True):
            line.answer = answer
    except Exception:  # noqa: BLE001 — what one line did to the others is found out one by one
        _carry_out_alone(counter, ready)
    return lines


def _carry_out_alone(counter: Counter, lines: Sequence[_Line]) -> None:
    """Give each line its own error; when nothing works, the rest is not tried: it can all be sent again."""
    in_a_row = 0
    error: Exception | None = None
    for line in lines:
        if error is not None and in_a_row == _FAILED_IN_A_ROW:
            line.error = error
            continue
        try:
            (line.answer,) = counter.desk.bus.submit_batch(_submissions([line]))
            in_a_row = 0
        except Exception as failed:  # noqa: BLE001 — it becomes the answer of this line
            line.error = error = failed
            in_a_row += 1


def _submissions(lines: Sequence[_Line]) -> list[Submission]:
    return [line.submission for line in lines if line.submission is not None]


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Read line by line; of one that is too long only so much is held that one can tell."""
    while line := file.readline(MAX_LINE_BYTES + 2):
        yield line
        while line and not line.endswith(b"\n"):
            line = file.readline(CHUNK_BYTES)


def _read(counter: Counter, caller: Caller, number: int, raw: bytes) -> _Line:
    try:
        action, submission = _command(counter, caller, _object(raw))
    except Exception as error:  # noqa: BLE001 — it becomes the answer of this line
        return _Line(number, error=error)
    return _Line(number, action, submission)


def _object(raw: bytes) -> dict[str, Any]:
    if len(raw.rstrip(b"\r\n")) > MAX_LINE_BYTES:
        raise TooLarge(limit_bytes=MAX_LINE_BYTES)
    data = read_strictly(raw)
    if not isinstance(data, dict):
        raise InvalidCommand([Problem("", "an object is expected")])
    return data


def _command(counter: Counter, caller: Caller, line: dict[str, Any]) -> tuple[RecordAction, Submission]:
    key = checked_key(line.pop("key", None), in_line=True)
    name, collection = _text(line, "command"), _text(line, "collection")
    action = BY_NAME.get(name)
    if action is None:
        raise InvalidCommand([Problem("/command", "there is no such command", nearest(name, BY_NAME))])
    version = expected_version_of_line(line.pop("if_match", None), required=action.needs_version)
    record_id = "" if action.opens else _text(line, "id")
    part = _text(line, action.part) if action.part is not None else ""
    if action.makes is not None and action.makes in line:
        line["id"] = line.pop(action.makes)
    body, unknown = read_known(action.body, line)
    stream = (
        stream_to_open(counter, collection, getattr(body, "id", None))
        if action.opens
        else stream_of(counter, collection, record_id)
    )
    command = action.command(stream, body, part)
    submission = counter.submission(caller, command, body, key, expected_version=version)
    counter.refuse_unknown(unknown, submission)
    return action, submission


def _text(line: dict[str, Any], member: str) -> str:
    found = line.pop(member, None)
    if not isinstance(found, str):
        raise InvalidCommand(
            [Problem(f"/{member}", "this member is missing" if found is None else "a text is expected")]
        )
    return found


async def _told(request: Request, line: _Line, is_simulated: bool) -> bytes:
    error = line.error
    if error is None:
        assert line.action is not None
        assert line.answer is not None
        assert line.submission is not None
        try:
            answer = accepted(line.answer)
        except Exception as refused:  # noqa: BLE001 — it becomes the answer of this line
            error = refused
        else:
            content = content_of(
                answer, line.submission.command, made=line.action.made, is_simulated=is_simulated
            )
            told = {"line": line.number, "status": line.action.status, **content}
            return orjson.dumps(told | ({"replayed": True} if answer.replayed else {})) + b"\n"
    problem = orjson.loads(await _as_the_application_answers(request, error))
    was_told = isinstance(error, AnsweredRefusal) and error.replayed
    replayed = {"replayed": True} if was_told else {}
    return orjson.dumps({"line": line.number, **problem, **replayed}) + b"\n"


async def _as_the_application_answers(request: Request, error: Exception) -> bytes:
    """Return the body an error is answered with by itself. Raises the error where the application has no answer to it."""
    handlers = request.app.exception_handlers
    for kind in type(error).__mro__:
        if kind in handlers:
            response = handlers[kind](request, error)
            return bytes((await response if isawaitable(response) else response).body)
    raise error
