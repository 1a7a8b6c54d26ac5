"""The HTTP service as it stands at the edge: fixtures of one tenant with one deal, tokens for it, and what every answer must be.

A module takes the fixtures it needs by naming them: `desk, home = edge.desk, edge.home`. A fixture needs those it is made of
to be named as well, and one of a module's scope is that module's own: each module has a fresh log.
"""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from commands.caller import Caller
from domain.record.commands import OpenRecord
from infra.asgi import build
from infra.http import trial
from infra.http.acceptance import accepted_tokens
from infra.http.logs import LogStyle, configure
from infra.settings import Settings
from infra.tenant import open_tenant
from support.sales import ALL_RIGHTS, ANNA, OPERATOR, Desk, TestClient

MARKER = "zorblatt"
"""What a test sends where it must not come back."""
CALLER = Caller("edge", "test", OPERATOR, rights=ALL_RIGHTS)
"""Somebody who may do everything."""
JSON = {"Content-Type": "application/json"}
"""The header of a body that says what it is."""


@pytest.fixture(scope="module")
def desk(embedded_home: Path, a_fresh_name: Callable[[str], str]) -> Iterator[Desk]:
    """A log with one deal."""
    own = Settings(_env_file=None, home=embedded_home, database_url=None, tenant=a_fresh_name("edge"))
    with open_tenant(own) as tenant:
        desk = Desk(tenant)
        desk.do(OpenRecord("deal/dea_1", {"topic": "Pumps", "amount": "250"}, owner=ANNA))
        tenant.catch_up.run()
        yield desk


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Where the trial key is, and evidence."""
    return Path(tmp_path_factory.mktemp("home"))


def settings(home: Path, **other: Any) -> Settings:
    """Settings of a server for the tests, whatever the environment says."""
    return Settings(_env_file=None, home=home, tenant="edge", database_url=None, **other)


@pytest.fixture(scope="module")
def client(desk, home) -> Iterator[TestClient]:
    """Somebody who may do everything."""
    unhurried = settings(home, command_burst_per_client=1_000_000)
    with TestClient(build(desk.tenant, unhurried, caller=CALLER)) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(desk, home) -> Iterator[TestClient]:
    """A server that wants tokens."""
    trial.load_or_make_key(home)
    accepted = accepted_tokens(settings(home))
    assert accepted is not None
    with TestClient(build(desk.tenant, settings(home), tokens=accepted.tokens)) as client:
        yield client


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """The log of the server, as JSON lines."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    out = io.StringIO()
    configure(LogStyle.json, out)
    yield out
    structlog.reset_defaults()
    root.handlers = before
    root.setLevel(level)


def lines(written: io.StringIO, event: str | None = None) -> list[dict[str, Any]]:
    """The events in a log."""
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    return [line for line in found if event is None or line["event"] == event]


def a_token(home: Path, **about: Any) -> str:
    """A token of the trial key."""
    key = trial.load_or_make_key(home)
    wanted = {
        "tenant": "edge",
        "audience": "dealtrail",
        "actor": "system/erp",
        "client": "erp",
        "rights": ALL_RIGHTS,
    } | about
    return trial.make_token(key, **wanted)


def bearing(token: str, **headers: str) -> dict[str, str]:
    """The headers of a request with a token."""
    return {"Authorization": f"Bearer {token}", **headers}


_keys = iter(range(1_000_000))


def keyed(**headers: str) -> dict[str, str]:
    """The headers of a command with a key nobody has used."""
    return {"Idempotency-Key": f"edge-{next(_keys)}", **headers}


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """A problem, with everything a problem has and nothing of what was sent."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-request-id"]
    data: dict[str, Any] = response.json()
    assert (data["status"], data["code"], data["type"]) == (status, code, f"/problems/{code}")
    assert data["title"]
    assert data["detail"]
    assert MARKER not in response.text
    return data


class Sender:
    """Sends a request piece by piece straight into the application, and counts how much of it was taken."""

    def __init__(self, pieces: Iterator[bytes], *, then_waits: bool = False) -> None:
        self._pieces = pieces
        self._then_waits = then_waits
        self.taken = 0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def receive(self) -> dict[str, Any]:
        """Hand over the next piece; at the end say so, or let the application wait for ever."""
        piece = next(self._pieces, None)
        if piece is None:
            if self._then_waits:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": b"", "more_body": False}
        self.taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(self, message: Any) -> None:
        """Keep what is answered."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")

    def ask(
        self,
        app: Any,
        method: str,
        path: str,
        headers: dict[str, str],
        *,
        raw_path: bytes | None = None,
        query: bytes = b"",
    ) -> "Sender":
        """Send a request, and return when it has been answered."""
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
            "raw_path": path.encode() if raw_path is None else raw_path, "query_string": query, "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        }  # fmt: skip
        asyncio.run(app(scope, self.receive, self.send))
        return self

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """The problem that was answered, which repeats nothing of what was sent."""
        assert self.status == status, self.body
        data: dict[str, Any] = json.loads(self.body)
        assert data["code"] == code
        assert MARKER not in self.body.decode()
        return data
