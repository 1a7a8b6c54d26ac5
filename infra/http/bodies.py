"""How much a request may bring, in which form, and how fast: decided before anything reads it.

A body of JSON is taken whole, checked, and only then passed on; files and bulk commands pass through as they arrive, counted.
"""

import re
from asyncio import timeout
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from commands.http import strict_json
from infra.http.problems import Problem, Refused, language_of

MEBIBYTE = 1_048_576
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"})
_CLOSE = {"Connection": "close"}
YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/plain")
JSON = ("application/json",)
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be sent: bytes by the form of the body, and the seconds one mebibyte may take to arrive."""

    body_bytes: int = MEBIBYTE
    bulk_bytes: int = 50 * MEBIBYTE
    evidence_bytes: int = 50 * MEBIBYTE
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Form:
    """What bodies an address takes: their media types (none means any), how large, and whether they are passed on as they arrive.

    Where mistakes are answered with their line and column, JSON is left to the reader of the file.
    """

    accepts: tuple[str, ...] = JSON
    size: Literal["body_bytes", "bulk_bytes", "evidence_bytes"] = "body_bytes"
    streamed: bool = False
    is_checked: bool = True


_FORMS = (
    (re.compile(r"/v1/bulk/?"), Form(NDJSON, "bulk_bytes", streamed=True)),
    (re.compile(r"/v1/[^/]+/[^/]+/evidence/?"), Form((), "evidence_bytes", streamed=True)),
    (re.compile(r"/v1/playbooks/(?:checks|[^/]+/drafts)/?"), Form((*JSON, *YAML), is_checked=False)),
)
_OTHERWISE = Form()


def form_of(path: str) -> Form:
    """Return what bodies an address takes: JSON, unless it is one of the few that take something else."""
    return next((form for pattern, form in _FORMS if pattern.fullmatch(path)), _OTHERWISE)


class Bodies:
    """Refuses bodies that are too large, too slow, of the wrong media type, or not strict JSON."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or answer it with what is wrong."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        form = form_of(scope["path"])
        limit: int = getattr(self._limits, form.size)
        try:
            media_type = _check_headers(Headers(scope=scope), form, limit)
            if form.streamed:
                await self._pass_through(scope, receive, send, limit)
                return
            async with timeout(self._limits.seconds):
                body = await _whole(receive, limit)
            if body is None:
                return
            _check_content(body, media_type, form)
        except TimeoutError:
            await _refuse(Problem("request-timeout", headers=_CLOSE), scope, receive, send)
            return
        except Refused as refused:
            await _refuse(refused.problem, scope, receive, send)
            return
        await self._app(scope, _replaying(body, receive), send)

    async def _pass_through(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        """Pass a body on as it arrives. Should it turn out wrong before an answer has begun, that is the answer."""
        received, waited = 0, 0.0
        refusal: Problem | None = None
        begun = False

        async def counted() -> Message:
            nonlocal received, waited, refusal
            # Only the time spent waiting for the client counts, not what is done with its bytes.
            left = self._limits.seconds * (1 + received / MEBIBYTE) - waited
            began = monotonic()
            try:
                async with timeout(left):
                    message = await receive()
            except TimeoutError:
                refusal = Problem("request-timeout", headers=_CLOSE)
                raise Refused(refusal) from None
            waited += monotonic() - began
            received += len(message.get("body", b""))
            if received > limit:
                refusal = _too_large(limit)
                raise Refused(refusal)
            return message

        async def answered(message: Message) -> None:
            nonlocal begun
            if refusal is not None and not begun:
                return  # whatever was made of the failure, the refusal is what is said
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, answered)
        except Refused:
            if begun:
                raise
        if refusal is not None and not begun:
            await _refuse(refusal, scope, receive, send)


def _check_headers(headers: Headers, form: Form, limit: int) -> str | None:
    """Return the media type, None where there is no body. Raises Refused."""
    length = headers.get("content-length")
    if length is not None:
        if not (length.isascii() and length.isdigit()):
            raise Refused(Problem("malformed-request", headers=_CLOSE))
        if len(length) > 15 or int(length) > limit:
            raise Refused(_too_large(limit))
    if (length is None or int(length) == 0) and "transfer-encoding" not in headers:
        return None
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(_unsupported(form, "Content-Encoding"))
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    media_type = media_type.strip().lower()
    if not re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}", media_type):
        raise Refused(_unsupported(form))
    if form.accepts:
        charset = re.search(r"charset=\"?([\w-]{1,40})", parameters, re.ASCII | re.IGNORECASE)
        if _essence(media_type) not in form.accepts or (
            charset and charset[1].lower() not in {"utf-8", "utf8"}
        ):
            raise Refused(_unsupported(form))
    return media_type


def _check_content(body: bytes, media_type: str | None, form: Form) -> None:
    if not body:
        return
    if media_type is None:
        raise Refused(_unsupported(form))
    if not form.is_checked or _essence(media_type) not in JSON:
        return
    try:
        strict_json.check(body)
    except strict_json.TooManyValues:
        raise Refused(_too_many_values()) from None
    except strict_json.NotStrictJson:
        raise Refused(Problem("malformed-body")) from None


def _essence(media_type: str) -> str:
    """The media type, `application/json` also for what is written in JSON by another name."""
    return JSON[0] if media_type.endswith("+json") else media_type


async def _whole(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, None when the client went away. Raises Refused as soon as it is larger than the limit."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise Refused(_too_large(limit))
        if chunk:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replaying(body: bytes, receive: Receive) -> Receive:
    """A receive that gives a body that was read already, then whatever comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _too_large(limit: int) -> Problem:
    return Problem("body-too-large", more={"limit_bytes": limit}, headers=_CLOSE)


def _too_many_values() -> Problem:
    message = f"at most {strict_json.MAX_VALUES:,} values are taken: no command has more"
    return Problem(
        "invalid-command", more={"errors": [{"pointer": "", "message": message, "suggestion": None}]}
    )


def _unsupported(form: Form, header: str = "Content-Type") -> Problem:
    return Problem(
        "unsupported-media-type",
        more={"header": header, "accepted": list(form.accepts) or ["*/*"]},
        headers=_CLOSE,
    )


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    await problem.response(language_of(scope))(scope, receive, send)
