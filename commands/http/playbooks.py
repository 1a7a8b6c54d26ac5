"""Routes of playbooks: check one, keep it as a draft, sign a replay of it off, put a draft into force."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson
from fastapi import APIRouter, Request, Response

from commands.errors import MediaTypeRefused
from commands.http.bodies import Body, Publication, SigningOff
from commands.http.describing import add_route
from commands.http.headers import idempotency_key, media_type
from commands.http.issuing import Counter, caller_of
from commands.playbook_file import FileProblem, FileRefused, in_text, parse_playbook
from commands.playbook_in_chinese import playbook_in_chinese
from commands.replays import Replays
from commands.submission import Submission
from domain.deadlines.limits import named_in
from domain.envelope import Recorded
from domain.playbook.commands import DraftPlaybook, PublishDraft, SignOffReplay
from domain.playbook.publish import conflicts
from domain.playbook.published import PublishedPlaybook
from domain.refusals import InvalidCommand, NotFound, Problem

YAML = ("application/yaml", "application/x-yaml", "text/yaml")
JSON = "application/json"
NAME = "playbook"
"""What a playbook that has no file is called in problems."""

_LONGEST_MESSAGE = 300
_LONGEST_NUMBER = 15
_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
CONTENT: Mapping[str, Any] = {
    "application/yaml": {"schema": {"type": "string", "description": "A playbook in YAML."}},
    JSON: {"schema": {"type": "object", "description": "The same playbook in JSON."}},
}


def read_playbook(raw: bytes, kind_of_body: str) -> PublishedPlaybook:
    """Read and check a playbook from the bytes of a body, YAML or JSON. Raises FileRefused, with line and column."""
    return parse_playbook(_text_of(raw, kind_of_body), NAME)


def _text_of(raw: bytes, kind_of_body: str) -> str:
    """Return a body as YAML. Raises FileRefused."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode(errors="replace")) + 1
        problem = FileProblem(line, column, "is not UTF-8; save the file in that encoding")
        raise FileRefused(NAME, [problem]) from None
    if kind_of_body == JSON:
        # JSON is YAML but for tabs, which it allows between tokens only, and for characters written as two surrogates.
        text = _PAIR.sub(_character, text.replace("\t", " "))
    return text


Forecast: TypeAlias = Callable[[PublishedPlaybook], Mapping[str, Any]]
"""Tells what a playbook would do to the deadlines that run, if it were published now."""


def add_playbook_routes(
    router: APIRouter, counter: Counter, replays: Replays, forecast: Forecast | None = None
) -> None:
    """Add the routes of playbooks. A check tells what the `forecast` says of deadlines, where there is one."""

    async def check_playbook(request: Request) -> Response:
        kind_of_body, raw, language = _body_type(request), await request.body(), caller_of(request).language

        def check() -> dict[str, Any]:
            try:
                text = _text_of(raw, kind_of_body)
                playbook = parse_playbook(text, NAME)
                found = in_text(text, NAME, conflicts(counter.collections.playbooks(), playbook))
            except FileRefused as refused:
                found = list(refused.problems)
            if found:
                return {"ok": False, "problems": [_problem(problem, language) for problem in found]}
            checked: dict[str, Any] = {"ok": True, "problems": []}
            if forecast is not None and any(named_in(kind) for kind in playbook.document.kinds.values()):
                checked["deadlines"] = forecast(playbook)
            return checked

        return Response(orjson.dumps(await counter.in_a_thread(check)), media_type=JSON)

    async def draft_playbook(request: Request) -> Response:
        caller, key, name = caller_of(request), idempotency_key(request.headers), request.path_params["name"]
        kind_of_body, raw = _body_type(request), await request.body()

        def submission() -> Submission:
            playbook = read_playbook(raw, kind_of_body)
            if playbook.name != name:
                raise InvalidCommand(
                    [Problem("/playbook", "the address names another playbook than the document")]
                )
            return counter.submission(caller, DraftPlaybook(playbook), Body(), key)

        return await counter.issue(submission, status=201, made=drafted)

    async def sign_off(request: Request) -> Response:
        caller, key = caller_of(request), idempotency_key(request.headers)
        name, number = request.path_params["name"], request.path_params["number"]
        body = await counter.body(request, SigningOff)

        def submission() -> Submission:
            if not (number.isascii() and number.isdecimal()) or len(number) > _LONGEST_NUMBER:
                raise NotFound("draft", number)
            command = signing_off(replays, name, int(number), body)
            return counter.submission(caller, command, body, key)

        return await counter.issue(submission, status=201)

    async def publish_draft(request: Request) -> Response:
        caller, key, name = caller_of(request), idempotency_key(request.headers), request.path_params["name"]
        body = await counter.body(request, Publication)
        command = PublishDraft(
            name=name,
            draft=body.draft,
            scope={part: tuple(options) for part, options in body.scope.items()},
            effective_from=body.effective_from,
            mappings={kind: told.mappings() for kind, told in body.mappings.items()},
            replay=body.replay,
        )
        return await counter.issue(
            lambda: counter.submission(caller, command, body, key), status=201, made=published
        )

    add_route(
        router,
        "/playbooks/checks",
        check_playbook,
        "check_playbook",
        "Check a playbook, by itself and beside those that are published; nothing is stored",
        content=CONTENT,
        answer=_CHECKED,
        is_command=False,
        tag="playbooks",
    )
    add_route(
        router,
        "/playbooks/{name}/drafts",
        draft_playbook,
        "draft_playbook",
        "Keep a playbook as the next draft of its name",
        content=CONTENT,
        status=201,
        tag="playbooks",
    )
    add_route(
        router,
        "/playbooks/{name}/drafts/{number}/sign-offs",
        sign_off,
        "sign_off_replay",
        "Stand by a replay of a draft, so that publishing it can name the replay",
        body=SigningOff,
        status=201,
        tag="playbooks",
    )
    add_route(
        router,
        "/playbooks/{name}/publications",
        publish_draft,
        "publish_playbook",
        "Put a draft into force",
        body=Publication,
        status=201,
        tag="playbooks",
    )


def signing_off(replays: Replays, name: str, draft: int, body: SigningOff) -> SignOffReplay:
    """Return the command to sign a replay off, with what is known of it. Raises NotFound for one that is not there."""
    found = replays.find(body.replay)
    if found is None or found.playbook != name:
        raise NotFound("replay", body.replay)
    if body.digest is not None and body.digest != found.digest:
        raise InvalidCommand(
            [Problem("/digest", "the replay judged another text than this: replay the draft again")]
        )
    return SignOffReplay(name, draft, found.digest, found.id, found.window, found.position, found.summary)


_CHECKED = {
    "type": "object",
    "required": ["ok", "problems"],
    "properties": {
        "ok": {"type": "boolean"},
        "deadlines": {
            "type": "object",
            "description": "Of a playbook with deadlines: how many would run if it were published now, and how many are past already and would be told at once, each at its highest rung.",
            "required": ["armed", "at_once", "by_deadline"],
            "properties": {
                "armed": {"type": "integer"},
                "at_once": {"type": "integer"},
                "by_deadline": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["kind", "deadline", "armed", "at_once"],
                        "properties": {
                            "kind": {"type": "string"},
                            "deadline": {"type": "string"},
                            "armed": {"type": "integer"},
                            "at_once": {"type": "integer"},
                        },
                    },
                },
            },
        },
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["line", "column", "message", "suggestion"],
                "properties": {
                    "line": {"type": "integer"},
                    "column": {"type": "integer"},
                    "message": {"type": "string"},
                    "suggestion": {"type": ["string", "null"]},
                },
            },
        },
    },
}


def _body_type(request: Request) -> str:
    found = media_type(request.headers)
    if found != JSON and found not in YAML:
        raise MediaTypeRefused(YAML[0], JSON)
    return found


def _problem(found: FileProblem, language: str) -> dict[str, Any]:
    told = playbook_in_chinese(found.message) if language == "zh" else found.message
    return {
        "line": found.line,
        "column": found.column,
        "message": told[:_LONGEST_MESSAGE],
        "suggestion": found.suggestion,
    }


def drafted(last: Recorded) -> Mapping[str, Any]:
    """Tell the number of a draft."""
    return {"draft": last.event.number}  # type: ignore[attr-defined]


def published(last: Recorded) -> Mapping[str, Any]:
    """Tell the number of a published version."""
    return {"playbook_version": last.event.number}  # type: ignore[attr-defined]


def _character(pair: re.Match[str]) -> str:
    high, low = int(pair[1], 16), int(pair[2], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
