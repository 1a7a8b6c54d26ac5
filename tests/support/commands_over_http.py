"""Commands over HTTP as a caller sees them: an application of nothing but the routes of commands, and requests as sentences."""

import itertools
import warnings
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from commands.caller import Caller
from commands.errors import CommandError
from commands.http import build_router
from commands.http.walk import ExampleReplay
from commands.playbook_file import FileRefused
from domain.playbook.model import Right
from domain.refusals import Refusal
from infra.http.problems import described
from support.evidence import MemoryEvidence

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

OPERATOR = Caller(
    tenant="main", client="crm", actor="system/operator", rights=frozenset(Right), language="en"
)

_keys = itertools.count(1)


@dataclass
class HttpDesk:
    """What the routes need of a tenant, with evidence in memory. Implements `commands.http.Desk`."""

    bus: Any
    log: Any
    evidence: Any = field(default_factory=MemoryEvidence)
    clock: datetime | None = None

    def told_time(self) -> datetime | None:
        """The time of a simulated log."""
        return self.clock


def an_app(desk: Any, caller: Caller = OPERATOR, **limits: Any) -> FastAPI:
    """The routes of commands, with errors rendered as the service renders them; `app.state.caller` may be changed."""
    app = FastAPI()
    app.state.caller = caller
    app.include_router(build_router(desk, **{"replays": ExampleReplay(), **limits}), prefix="/v1")

    async def known(request: Request, call_next: Any) -> Any:
        caller, whom = app.state.caller, request.headers.get("on-behalf-of")
        # As the doorkeeper does it: who acts for somebody has that person's rights and no others.
        spoken = caller if whom is None else replace(caller, on_behalf_of=whom, rights=frozenset())
        request.state.caller = spoken
        return await call_next(request)

    async def answered(request: Request, error: Exception) -> Any:
        language = app.state.caller.language
        return described(error, language).response(language)

    app.middleware("http")(known)
    for kind in (Refusal, CommandError, FileRefused, RequestValidationError, HTTPException, RuntimeError):
        app.add_exception_handler(kind, answered)
    return app


class Http:
    """Sends commands, each with a key nobody has used unless one is given."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.client = TestClient(app, raise_server_exceptions=False)

    def as_caller(self, caller: Caller) -> "Http":
        """Let somebody else send the commands from now on."""
        self.app.state.caller = caller
        return self

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        version: Any = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Any:
        """Send a request; `key` None sends none, `version` becomes If-Match."""
        told = dict(headers or {})
        if key is not None:
            told["Idempotency-Key"] = key or f"key-{next(_keys)}"
        if version is not None:
            told["If-Match"] = f'"{version}"' if isinstance(version, int) else version
        sent = {"json": body} if body is not None else {}
        return self.client.request(method, f"/v1{path}", headers=told, **sent, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """Send a POST."""
        return self.send("POST", path, body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> Any:
        """Send a PATCH."""
        return self.send("PATCH", path, body, **more)


def is_done(response: Any, status: int = 200) -> dict[str, Any]:
    """The answer of an accepted command."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    answer: dict[str, Any] = response.json()
    assert answer["outcome"] == "accepted"
    return answer


def is_refused(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem a command was answered with."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code, problem
    return problem


def pointers(problem: dict[str, Any]) -> list[str]:
    """Where something is wrong."""
    return [error["pointer"] for error in problem["errors"]]
