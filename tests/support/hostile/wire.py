"""A client that calls the application as a server would, without a server: any bytes anywhere, and thousands of requests a second."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

Headers = tuple[tuple[bytes, bytes], ...]

_LONGEST_STREAM = 4
"""After so many pieces of an answer that never ends by itself the client goes away."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as bytes, with what is told of it when an answer breaks a law."""

    method: str
    raw_path: bytes
    query: bytes = b""
    headers: Headers = ()
    body: bytes = b""
    canary: str = ""
    operation: str = ""
    mutations: tuple[str, ...] = ()

    def header(self, name: bytes) -> bytes | None:
        """The first header of a name."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def told(self) -> str:
        """The request as somebody would send it again."""
        headers = " ".join(f"{name!r}: {value[:200]!r}" for name, value in self.headers)
        return (
            f"{self.method} {self.raw_path[:500]!r} ?{self.query[:500]!r} [{headers}] body({len(self.body)}) {self.body[:1_500]!r}"
            f" — {self.operation} {self.mutations}"
        )


@dataclass(slots=True)
class Heard:
    """The answer to a request."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    route: str | None = None

    @property
    def media_type(self) -> str:
        """The media type without parameters."""
        return self.headers.get("content-type", "").partition(";")[0]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Wire:
    """Sends requests into an application; use it inside a running loop."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def send(self, sent: Sent) -> Heard:
        """Send a request and hear the answer. An error that escapes the application is raised."""
        heard = Heard()
        given, pieces = False, 0
        gone = asyncio.Event()
        chunks: list[bytes] = []

        async def receive() -> dict[str, Any]:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": sent.body, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal pieces
            if message["type"] == "http.response.start":
                heard.status = message["status"]
                heard.headers = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in message["headers"]
                }
                return
            chunks.append(message.get("body", b""))
            pieces += 1
            if (heard.media_type == "text/event-stream" and pieces >= _LONGEST_STREAM) or not message.get(
                "more_body"
            ):
                gone.set()

        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": sent.method, "scheme": "http",
            "path": unquote(sent.raw_path.decode("latin-1")), "raw_path": sent.raw_path, "query_string": sent.query, "root_path": "",
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "headers": [(name.lower(), value) for name, value in sent.headers],
        }  # fmt: skip
        began = time.perf_counter()
        leaving = asyncio.get_running_loop().call_later(2.0, gone.set)
        try:
            await self._app(scope, receive, send)
        finally:
            leaving.cancel()
        heard.seconds = time.perf_counter() - began
        heard.body = b"".join(chunks)
        return heard

    async def explained(self, sent: Sent, heard: Heard) -> Heard:
        """An answer with the problem that HEAD leaves out: what the same question as GET is told, where the status is the same."""
        if sent.method != "HEAD" or heard.status < 500:
            return heard
        asked = await self.send(replace(sent, method="GET"))
        return replace(heard, body=asked.body) if asked.status == heard.status else heard

    async def send_all(self, requests: Sequence[Sent], *, at_once: int) -> list[Heard]:
        """Send requests, several at once; the answers come in the order of the requests."""
        answers: list[Heard] = [Heard() for _ in requests]
        waiting = iter(range(len(requests)))

        async def work() -> None:
            for index in waiting:
                answers[index] = await self.send(requests[index])

        await asyncio.gather(*(work() for _ in range(at_once)))
        return answers
