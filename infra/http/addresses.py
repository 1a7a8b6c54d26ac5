"""Refuses requests whose address or headers no route should ever see."""

import re
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.http.problems import Problem, language_of
from infra.settings import LOOPBACK_NAMES

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32_768
MAX_ADDRESS_BYTES = 16_384
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_LIVES = "/healthz"
"""Tells nothing but that the process lives, by whatever name it is asked."""


class Addresses:
    """Lets through what is percent-encoded UTF-8 without NUL, and headers of a sane number and size.

    With `loopback_only` also refuses requests that were meant for another host: a page elsewhere could have its name resolved
    to this machine, and have a browser ask in the name of whoever sits before it.
    """

    def __init__(self, app: ASGIApp, *, loopback_only: bool = False) -> None:
        self._app = app
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with what is wrong."""
        problem = self._problem(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problem.response(language_of(scope))(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = scope["headers"]
        if (
            len(headers) > MAX_HEADERS
            or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES
        ):
            return Problem("headers-too-large", headers={"Connection": "close"})
        if not _is_readable(scope.get("raw_path") or b"") or not _is_readable(scope["query_string"]):
            return Problem("malformed-request")
        if (
            self._loopback_only
            and scope["path"] != _LIVES
            and _host(Headers(scope=scope).get("host", "")) not in LOOPBACK_NAMES
        ):
            return Problem("misdirected-request")
        return None


def _is_readable(encoded: bytes) -> bool:
    if len(encoded) > MAX_ADDRESS_BYTES or _BAD_ESCAPE.search(encoded):
        return False
    decoded = unquote_to_bytes(encoded)
    if b"\x00" in decoded:
        return False
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _host(header: str) -> str:
    """The name in a Host header, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()
