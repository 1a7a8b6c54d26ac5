"""The programs of the guides do what the guides promise of them, when what they talk to fails."""

import json
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError

import pytest

DOCS = Path(__file__).parents[2] / "docs"
Reply = Callable[[BaseHTTPRequestHandler], None]
LANGUAGES = ["", ".zh-CN"]


def program(page: str) -> str:
    """The program of a page."""
    (found,) = re.findall(
        r"^```python\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return str(found)


def answering(status: int, body: dict[str, Any], **headers: str) -> Reply:
    """A reply as the service gives it."""

    def reply(request: BaseHTTPRequestHandler) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return reply


def hanging_up(request: BaseHTTPRequestHandler) -> None:
    """No reply: the connection breaks, and nobody knows what was done."""
    request.connection.shutdown(socket.SHUT_RDWR)


def streaming(*positions: int) -> Reply:
    """Some events, then the connection ends."""

    def reply(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        request.wfile.write(b"retry: 1000\n\n: still here\nid: 0\n\n")
        for position in positions:
            event = json.dumps({"position": position, "topic": "record.opened.v1"})
            request.wfile.write(f"id: {position}\nevent: record.opened.v1\ndata: {event}\n\n".encode())

    return reply


@contextmanager
def a_service(*replies: Reply) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A service that gives these replies, one a request, and what it was sent."""
    asked: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            asked.append(({name.lower(): text for name, text in self.headers.items()}, self.rfile.read(size)))
            replies[len(asked) - 1](self)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 — the names http.server asks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the name http.server gives it
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def waited(monkeypatch) -> list[float]:
    """How long a program would have waited; nobody does."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


@pytest.fixture
def sender(monkeypatch) -> Callable[..., Any]:
    """The program that sends commands, pointed at a service."""

    def load(language: str, url: str) -> Callable[..., Any]:
        monkeypatch.setenv("API", url)
        names: dict[str, Any] = {"__name__": "send"}
        exec(program(f"issue-commands-safely{language}.md"), names)
        return names["send"]  # type: ignore[no-any-return]

    return load


DONE = answering(201, {"position": 7})


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_may_pass_is_sent_again_with_the_same_key(language, sender, waited):
    """No answer, too much, not now, too busy: the same command, the same key, after as long as it is told."""
    passing = [
        hanging_up,
        answering(503, {"code": "overloaded"}, Retry_After="2"),
        answering(429, {"code": "rate-limited"}, Retry_After="3"),
        answering(409, {"code": "too-busy"}, Retry_After="1"),
        answering(500, {"code": "internal-error"}),
        answering(408, {"code": "request-timeout"}),
        DONE,
    ]
    with a_service(*passing) as (url, asked):
        assert sender(language, url)("/deals", {"fields": {}}, "row 1") == (201, {"position": 7})
    assert len(asked) == len(passing)
    assert {headers["idempotency-key"] for headers, _ in asked} == {"row 1"}
    assert len({body for _, body in asked}) == 1
    assert waited == [1, 2, 3, 1, 16, 30]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("status", "code"),
    [(422, "gate-not-met"), (412, "stale-version"), (409, "already-exists"), (403, "not-allowed"), (400, "malformed-body")],
)  # fmt: skip
def test_an_answer_is_taken_for_an_answer(language, status, code, sender, waited):
    """Sending the same again would change nothing."""
    with a_service(answering(status, {"code": code})) as (url, asked):
        assert sender(language, url)("/deals", {}, "row 1") == (status, {"code": code})
    assert len(asked) == 1
    assert waited == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_gets_no_answer_at_all_is_told_the_key(language, sender, waited):
    """Whether it was done is not known, and not claimed."""
    with a_service(hanging_up, hanging_up) as (url, _), pytest.raises(TimeoutError, match="row 1"):
        sender(language, url)("/deals", {}, "row 1", attempts=2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_follower_goes_on_after_the_last_event_it_handled(language, monkeypatch, tmp_path, waited, capsys):
    """Streams break and servers are away; each event is handled once."""
    replies = [streaming(1, 2), answering(503, {}), hanging_up, streaming(3), streaming(4, 5)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["follow.py", "5"])
    with a_service(*replies) as (url, asked):
        monkeypatch.setenv("API", url)
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(program(f"read-and-follow{language}.md"), names)
        names["store"].close()
    assert capsys.readouterr().out == "(5, 5)\n"
    assert [headers["last-event-id"] for headers, _ in asked] == ["0", "2", "2", "2", "3"]
    assert waited == [1] * 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_follower_whose_token_is_wrong_says_so(language, monkeypatch, tmp_path, waited):
    """It does not ask for ever."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["follow.py", "5"])
    with a_service(answering(401, {"code": "unauthorized"})) as (url, asked):
        monkeypatch.setenv("API", url)
        names: dict[str, Any] = {"__name__": "__main__"}
        with pytest.raises(HTTPError, match="401"):
            exec(program(f"read-and-follow{language}.md"), names)
        names["store"].close()
    assert len(asked) == 1
    assert waited == []
