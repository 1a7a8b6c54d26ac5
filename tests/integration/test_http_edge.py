"""The edge of the HTTP service as a user, a careless program and an attacker meet it."""

import asyncio
import base64
import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import structlog
import uvicorn
from eventsourcing.persistence import OperationalError
from support.sales import ALL_RIGHTS, ANNA, OPERATOR, Desk, TestClient, a_client

import infra
from commands.caller import Caller
from domain.record.commands import OpenRecord
from infra import database
from infra.asgi import build
from infra.http import trial
from infra.http.acceptance import accepted_tokens
from infra.http.catalogue import CATALOGUE
from infra.http.connections import patient_for
from infra.http.health import Readiness
from infra.http.logs import LogStyle, configure
from infra.http.pages.docs import FILES
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.standing import BACKING_OFF, RUNNING, Standing

REPOSITORY = Path(infra.__file__).parents[1]
MARKER = "zorblatt"
CALLER = Caller("edge", "test", OPERATOR, rights=ALL_RIGHTS)


@pytest.fixture(scope="module")
def desk(embedded_home) -> Iterator[Desk]:
    """A log with one deal."""
    own = Settings(_env_file=None, home=embedded_home, database_url=None, tenant="edge")
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


# Who calls


def test_a_token_tells_who_issues_a_command(guarded, home, desk):
    """P25: client, actor and on whose behalf stand in the event as the token says."""
    done = guarded.post(
        "/v1/deals", json={"fields": {"topic": "x"}}, headers=bearing(a_token(home), **keyed())
    )
    assert done.status_code == 201, done.text
    (event,) = desk.tenant.log.read(done.json()["position"], done.json()["position"])
    assert (event.actor, event.on_behalf_of, event.channel) == ("system/erp", None, "http")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/deals/dea_1",
        "/v1/events",
        "/v1/nowhere/at/all",
        "/nowhere",
        "/v1/deals?x=1",
        "/docs2",
        "/problemsx",
        "//docs/../v1/events",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "FOO"])
def test_without_a_token_nobody_gets_anywhere(guarded, path, method):
    """P23, P25: 401 for every method and address that is not public, before anything else is looked at."""
    response = guarded.request(method, path, content=b"{" * 10 if method in {"POST", "PATCH"} else None)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="dealtrail"'
    if method != "HEAD":
        problem(response, 401, "unauthorized")


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/problems",
        "/problems/gate-not-met",
        *(f"/docs/{name}" for name in FILES),
    ],
)
def test_public_pages_need_no_token(guarded, path):
    """What tells nothing of records or people answers everybody."""
    assert guarded.get(path).status_code == 200


def forged(home: Path) -> dict[str, str]:
    """Headers of everybody who should not get in."""
    good = a_token(home)
    head, body, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"trial"}').rstrip(b"=").decode()
    other = base64.urlsafe_b64encode(b'{"alg":"EdDSA","kid":"other"}').rstrip(b"=").decode()
    return {
        "alg none": f"Bearer {none}.{body}.",
        "alg none, signed": f"Bearer {none}.{body}.{signature}",
        "unknown kid": f"Bearer {other}.{body}.{signature}",
        "changed": f"Bearer {head}.{body[:-2]}AA.{signature}",
        "unsigned": f"Bearer {head}.{body}.",
        "wrong audience": f"Bearer {a_token(home, audience='other')}",
        "expired": f"Bearer {a_token(home, hours=-2)}",
        "malformed": f"Bearer {MARKER}",
        "too long": f"Bearer {MARKER * 2_000}",
        "another scheme": f"Basic {MARKER}",
        "nothing": "Bearer ",
        "no scheme": good,
    }


def test_tokens_that_are_not_good_are_401_and_logged_without_them(guarded, home, written):
    """P25, P29: always the same answer; why is for the security log, with the address, never the token."""
    answers = set()
    for what, header in forged(home).items():
        response = guarded.get("/v1/deals/dea_1", headers={"Authorization": header})
        problem(response, 401, "unauthorized")
        assert response.headers["www-authenticate"] == 'Bearer realm="dealtrail", error="invalid_token"', what
        answers.add(response.content)
    assert len(answers) == 1, "nothing tells an attacker how near they were"
    refused = lines(written, "token_refused")
    assert len(refused) == len(forged(home))
    assert all(
        line["log"] == "security" and line["client_address"] and line["request_id"] for line in refused
    )
    assert {"algorithm", "unknown_key", "signature", "audience", "expired", "malformed", "too_long"} <= {
        line["reason"] for line in refused
    }
    for header in forged(home).values():
        for part in header.split(" ")[-1].split("."):
            assert len(part) < 8 or part not in written.getvalue()


def test_two_tokens_are_none(guarded, home):
    """P25: which of them was meant would be a guess."""
    good = a_token(home)
    headers = [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
    problem(guarded.get("/v1/deals/dea_1", headers=headers), 401, "unauthorized")


def test_a_token_for_another_tenant_says_what_to_do(guarded, home):
    """P23: 401, and where the token belongs; nothing of this tenant."""
    response = guarded.get("/v1/deals/dea_1", headers=bearing(a_token(home, tenant="other")))
    assert "tenant" in problem(response, 401, "wrong-tenant")["detail"]
    assert "edge" not in response.text


def test_only_who_may_delegate_acts_for_somebody_else(guarded, home, desk, written):
    """P27: On-Behalf-Of counts with the claim `delegate` only; then the service's own rights count for nothing."""
    plain, delegate = a_token(home), a_token(home, delegate=True)
    body = {"fields": {"topic": "x"}}
    refused = guarded.post(
        "/v1/deals", json=body, headers=bearing(plain, **keyed(), **{"On-Behalf-Of": ANNA})
    )
    problem(refused, 403, "delegation-refused")
    assert lines(written, "delegation_refused")[0]["client"] == "erp"
    done = guarded.post(
        "/v1/deals", json=body, headers=bearing(delegate, **keyed(), **{"On-Behalf-Of": ANNA})
    )
    assert done.status_code == 201, done.text
    (event,) = desk.tenant.log.read(done.json()["position"], done.json()["position"])
    assert (event.actor, event.on_behalf_of) == ("system/erp", ANNA)
    for nobody in (MARKER, "system/erp", "person/", "person/a b", ""):
        response = guarded.get("/v1/deals/dea_1", headers=bearing(delegate, **{"On-Behalf-Of": nobody}))
        assert problem(response, 400, "invalid-request")["errors"][0]["pointer"] == "/header/on-behalf-of"


def test_who_lacks_a_right_is_told_which_and_logged(guarded, home, written):
    """403 names the right; the attempt stands in the security log, not in the log of the company."""
    powerless = bearing(a_token(home, rights=()), **keyed())
    response = guarded.post("/v1/teams", json={"id": "east", "name": "East"}, headers=powerless)
    assert problem(response, 403, "not-allowed")["right"] == "organise"
    (line,) = lines(written, "not_allowed")
    assert (line["log"], line["client"], line["actor"], line["right"]) == (
        "security",
        "erp",
        "system/erp",
        "organise",
    )


def test_a_server_without_keys_and_caller_lets_nobody_in(desk, home):
    """What was forgotten is not what is allowed."""
    with TestClient(build(desk.tenant, settings(home))) as client:
        problem(client.get("/v1/deals/dea_1"), 401, "unauthorized")
        problem(client.get("/v1/deals/dea_1", headers=bearing(a_token(home))), 401, "unauthorized")
        assert client.get("/healthz").status_code == 200


def test_the_demo_says_so_and_answers_this_machine_only(desk, home):
    """Without tokens it is a demo in every answer, and a page elsewhere cannot reach it by a name of its own."""
    app = build(desk.tenant, settings(home), caller=CALLER, is_demo=True)
    with TestClient(app, base_url="http://localhost:8765") as client:
        for path in ("/v1/deals/dea_1", "/readyz", "/docs", "/nowhere"):
            assert client.get(path).headers["x-dealtrail-mode"].startswith("demo")
        assert client.get("/readyz").json()["demo"] is True
        for host in ("evil.example.com", "127.0.0.1.evil.example.com", "", "localhost.evil", "10.0.0.1:8765"):
            problem(client.get("/v1/deals/dea_1", headers={"Host": host}), 421, "misdirected-request")
        for host in ("127.0.0.1:1", "LOCALHOST", "[::1]:8765"):
            assert client.get("/v1/deals/dea_1", headers={"Host": host}).status_code == 200


# What may be sent

HOSTILE = {
    "NaN": b'{"fields": {"topic": NaN}}', "infinity": b'{"a": -Infinity}', "overflow": b'{"a": 1e999}', "digits": b'{"a": ' + b"9" * 4_400 + b"}",
    "nul": b'{"fields": {"topic": "\\u0000zorblatt"}}', "raw nul": b'{"a": "\x00"}', "lone surrogate": b'{"fields": {"topic": "\\ud800"}}',
    "twins": b'{"fields": {"topic": "a", "topic": "b"}}', "not utf-8": b'{"a": "\xff\xfe"}', "utf-16": '{"a": 1}'.encode("utf-16"), "deep": b"[" * 65 + b"]" * 65,
    "deeper": b'{"a":' * 100_000, "cut": b'{"fields": {"topic": "zorb', "no json": b"zorblatt", "two values": b"{} {}", "bom": b"\xef\xbb\xbf{}",
}  # fmt: skip
WRITES = [
    ("POST", "/v1/deals"), ("PATCH", "/v1/deals/dea_1"), ("POST", "/v1/deals/dea_1/stage-changes"), ("POST", "/v1/deals/dea_1/overrides"),
    ("POST", "/v1/deals/dea_1/touches"), ("POST", "/v1/deals/dea_1/relations"), ("POST", "/v1/deals/dea_1/owner-changes"),
    ("POST", "/v1/deals/dea_1/restorations"), ("POST", "/v1/people"), ("POST", "/v1/people/per_anna/moves"), ("POST", "/v1/teams"), ("POST", "/v1/erasures"),
]  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_bodies_are_refused_on_every_route(client, desk, what):
    """P18: what would break a parser or the database is 400 at the edge, everywhere, and nothing is written."""
    head = desk.tenant.log.head()
    for method, path in WRITES:
        headers = keyed(**{"Content-Type": "application/json", "If-Match": '"1"'})
        problem(client.request(method, path, content=HOSTILE[what], headers=headers), 400, "malformed-body")
    assert desk.tenant.log.head() == head


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"x"',
        b"1",
        b"null",
        b"true",
        b"{}",
        b'{"zorblatt": 1}',
        b'{"fields": []}',
        b'{"fields": {"topic": {"a": [1]}}}',
    ],
)
def test_bodies_of_the_wrong_shape_are_422(client, desk, body):
    """JSON that is no such command names where it is wrong; on no route it is an error of ours."""
    head = desk.tenant.log.head()
    for method, path in WRITES[1:]:
        headers = keyed(**{"Content-Type": "application/json", "If-Match": '"1"'})
        response = client.request(method, path, content=body, headers=headers)
        assert response.status_code in {404, 412, 422}, (path, response.text)
        assert MARKER not in response.text or "/zorblatt" in response.text
    assert desk.tenant.log.head() == head


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application",
        "json",
        "application/json; charset=utf-16",
        "x" * 300,
    ],
)
def test_bodies_say_what_they_are(client, media_type):
    """415 where the media type is missing or another one; a form of a page elsewhere never is a command."""
    headers = keyed() | ({} if media_type is None else {"Content-Type": media_type})
    data = problem(
        client.post("/v1/deals", content=b'{"fields": {}}', headers=headers), 415, "unsupported-media-type"
    )
    assert data["accepted"] == ["application/json"]


def test_compressed_bodies_are_not_taken(client):
    """A few kilobytes may be gigabytes."""
    headers = keyed(**{"Content-Type": "application/json", "Content-Encoding": "gzip"})
    problem(client.post("/v1/deals", content=b"x", headers=headers), 415, "unsupported-media-type")


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
        piece = next(self._pieces, None)
        if piece is None:
            if self._then_waits:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": b"", "more_body": False}
        self.taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(self, message: Any) -> None:
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
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
            "raw_path": path.encode() if raw_path is None else raw_path, "query_string": query, "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        }  # fmt: skip
        asyncio.run(app(scope, self.receive, self.send))
        return self

    def problem(self, status: int, code: str) -> dict[str, Any]:
        assert self.status == status, self.body
        data: dict[str, Any] = json.loads(self.body)
        assert data["code"] == code
        assert MARKER not in self.body.decode()
        return data


JSON = {"Content-Type": "application/json"}


def test_a_body_that_says_it_is_too_large_is_not_read(desk, home):
    """P19: 413 by Content-Length alone, of commands, files and bulk requests."""
    app = build(desk.tenant, settings(home, max_evidence_bytes=5_000, max_bulk_bytes=4_000), caller=CALLER)
    for path, limit, media_type in (
        ("/v1/deals", 1_048_576, "application/json"),
        ("/v1/deals/dea_1/evidence", 5_000, "application/pdf"),
        ("/v1/bulk", 4_000, "application/x-ndjson"),
    ):
        headers = {"Content-Type": media_type, "Content-Length": str(limit + 1), "Idempotency-Key": "k"}
        sender = Sender(iter([b"x"] * 100)).ask(app, "POST", path, headers)
        assert sender.problem(413, "body-too-large")["limit_bytes"] == limit
        assert sender.taken == 0
        assert sender.headers["connection"] == "close"


@pytest.mark.parametrize("length", ["-1", "1e3", "", "0x10", "\xb3", "9" * 400])
def test_a_length_that_is_none_is_refused(desk, home, length):
    """P18: neither an error of ours nor a way around the limit."""
    app = build(desk.tenant, settings(home), caller=CALLER)
    sender = Sender(iter([b"{}"])).ask(app, "POST", "/v1/deals", {**JSON, "Content-Length": length})
    assert sender.status in {400, 413}, sender.body


def test_ten_megabytes_cost_next_to_nothing(desk, home):
    """P19: counted while they arrive, refused after the first one; memory grows by far less than 20 MB."""
    app = build(desk.tenant, settings(home), caller=CALLER)
    headers = {**JSON, "Transfer-Encoding": "chunked", "Idempotency-Key": "k"}
    Sender(iter([b"{}"])).ask(app, "POST", "/v1/deals", headers)  # what is made once is made
    tracemalloc.start()
    try:
        sender = Sender(b"x" * 65_536 for _ in range(160)).ask(app, "POST", "/v1/deals", headers)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    sender.problem(413, "body-too-large")
    assert sender.taken <= 1_048_576 + 65_536
    assert most < 20_000_000


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"0," * 500_000 + b"0]",
        b"[" + b"{}," * 349_000 + b"{}]",
        b'{"a": "' + b"\\u0041" * 170_000 + b'"}',
    ],
    ids=["list", "objects", "text"],
)
def test_a_megabyte_of_small_things_stays_small(desk, home, text):
    """P19: a list of half a million elements is refused for what it is, within 100 MB, and not echoed."""
    app = build(desk.tenant, settings(home), caller=CALLER)
    tracemalloc.start()
    try:
        sender = Sender(iter([text])).ask(
            app, "POST", "/v1/deals", {**JSON, "Content-Length": str(len(text)), "Idempotency-Key": "k"}
        )
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sender.status == 422
    assert len(sender.body) < 20_000
    assert most < 100_000_000


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/v1/deals", "application/json"),
        ("/v1/deals/dea_1/evidence", "application/pdf"),
        ("/v1/bulk", "application/x-ndjson"),
    ],
)
def test_who_sends_too_slowly_is_let_go(desk, home, path, media_type):
    """P19: a body that stops arriving is 408, and holds nobody up."""
    app = build(desk.tenant, settings(home, body_seconds=0.05), caller=CALLER)
    headers = {"Content-Type": media_type, "Transfer-Encoding": "chunked", "Idempotency-Key": "k"}
    query = b"field=scan" if "evidence" in path else b""
    sender = Sender(iter([b"{"]), then_waits=True).ask(app, "POST", path, headers, query=query)
    sender.problem(408, "request-timeout")
    assert sender.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("raw_path", "query"),
    [(b"/v1/deals/%00", b""), (b"/v1/deals/%ff", b""), (b"/v1/deals/%zz", b""), (b"/v1/deals/%", b""), (b"/v1/deals/%ed%a0%80", b""), (b"/v1/deals/dea_1", b"as_of=%00"),
     (b"/v1/deals/dea_1", b"x=%c0%80"), (b"/v1/deals/dea_1", b"x=%1"), (b"/v1/deals/\xff", b""), (b"/v1/deals/dea_1", b"x=" + b"y" * 20_000)],
)  # fmt: skip
def test_addresses_that_cannot_be_read_are_refused(desk, home, raw_path, query):
    """P18: NUL, broken escapes and what is no UTF-8 are 400 before any route sees them."""
    app = build(desk.tenant, settings(home), caller=CALLER)
    Sender(iter([])).ask(app, "GET", "/v1/deals/x", {}, raw_path=raw_path, query=query).problem(
        400, "malformed-request"
    )


@pytest.mark.parametrize(
    "headers", [{f"x-{number}": "1" for number in range(101)}, {"x-long": "y" * 33_000}], ids=["many", "long"]
)
def test_headers_have_a_limit(desk, home, headers):
    """P19: 431 for too many or too long ones."""
    app = build(desk.tenant, settings(home), caller=CALLER)
    Sender(iter([])).ask(app, "GET", "/v1/deals/dea_1", headers).problem(431, "headers-too-large")


def test_nobody_is_sent_elsewhere(client):
    """A redirect would repeat the address, with a host the caller chose."""
    for path in (f"/v1/deals/{MARKER}/", "/v1/deals/", "/docs/", "/problems/", "/healthz/"):
        response = client.get(path, headers={"Host": f"{MARKER}.example.com"}, follow_redirects=False)
        problem(response, 404, "not-found")
        assert "location" not in response.headers


# How much may be sent


def test_a_client_has_its_share_of_commands(desk, home):
    """P17: beyond it 429 and when to come back, before anything is decided; reads and other clients go on."""
    trial.load_or_make_key(home)
    limited = settings(home, commands_per_second_per_client=0.01, command_burst_per_client=2)
    accepted = accepted_tokens(limited)
    head = desk.tenant.log.head()
    with TestClient(build(desk.tenant, limited, tokens=accepted.tokens)) as client:
        greedy, modest = a_token(home, client="greedy"), a_token(home, client="modest")

        def send(token: str) -> Any:
            return client.post("/v1/deals", json={"fields": {}}, headers=bearing(token, **keyed()))

        assert [send(greedy).status_code for _ in range(2)] == [201, 201]
        refused = send(greedy)
        problem(refused, 429, "rate-limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 100
        assert desk.tenant.log.head() == head + 2
        assert send(modest).status_code == 201
        assert client.get("/v1/deals/dea_1", headers=bearing(greedy)).status_code == 200


def test_what_is_more_than_can_be_done_is_refused_at_once(desk, home, monkeypatch):
    """P17: with every place taken, commands get 503 and when to come back; reads are answered meanwhile, and places come back."""
    app = build(desk.tenant, settings(home, commands_in_flight=2), caller=CALLER)
    going_on, may_end = threading.Semaphore(0), threading.Event()
    submit = desk.tenant.bus.submit_batch

    def slow(submissions: Any) -> Any:
        going_on.release()
        assert may_end.wait(30)
        return submit(submissions)

    with TestClient(app) as client, ThreadPoolExecutor(2) as others:

        def send() -> Any:
            return client.post("/v1/deals", json={"fields": {}}, headers=keyed())

        monkeypatch.setattr(desk.tenant.bus, "submit_batch", slow)
        waiting = [others.submit(send) for _ in range(2)]
        for _ in waiting:
            assert going_on.acquire(timeout=30)
        try:
            refused = send()
            problem(refused, 503, "overloaded")
            assert refused.headers["retry-after"] == "1"
            assert client.get("/v1/deals/dea_1").status_code == 200
        finally:
            may_end.set()
        assert [answer.result().status_code for answer in waiting] == [201, 201]
        assert send().status_code == 201


# What goes wrong


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError(f"connection to {MARKER} failed"),
        OperationalError(MARKER),
        psycopg.errors.AdminShutdown(MARKER),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_database_that_is_away_is_503(client, desk, monkeypatch, written, error):
    """P17: reads and commands say when to come back; the log of the server knows, and neither tells where the database is."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(desk.tenant.reads, "record", fail)
    monkeypatch.setattr(desk.tenant.bus, "submit_batch", fail)
    for response in (
        client.get("/v1/deals/dea_1"),
        client.post("/v1/deals", json={"fields": {}}, headers=keyed()),
    ):
        problem(response, 503, "database-unavailable")
        assert int(response.headers["retry-after"]) >= 1
    assert len(lines(written, "database_unavailable")) == 2
    assert not lines(written, "unhandled_error")
    assert MARKER not in written.getvalue()


def test_an_error_of_ours_is_found_by_its_request_id(client, desk, monkeypatch, written):
    """P18, P29: 500 tells nothing but the id; the log has the place under that id, and not what the error says."""

    def fail(*_: Any, **__: Any) -> Any:
        raise ValueError(f"cannot handle {MARKER}")

    monkeypatch.setattr(desk.tenant.reads, "record", fail)
    response = client.get("/v1/deals/dea_1", headers={"X-Request-Id": "look-me-up"})
    problem(response, 500, "internal-error")
    assert response.headers["x-request-id"] == "look-me-up"
    (line,) = lines(written, "unhandled_error")
    assert (line["request_id"], line["error"]) == ("look-me-up", "ValueError")
    assert any("fail" in place for place in line["where"])
    assert MARKER not in written.getvalue()


def test_every_request_has_an_id_and_one_line(client, written):
    """The id of the caller when it is a plain one; who, what and how long, never the values of a query."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    response = client.get(
        f"/v1/deals/dea_1?as_of=2026-01-01&x={MARKER}",
        headers={"X-Request-Id": "abc-1", "traceparent": trace},
    )
    assert response.headers["x-request-id"] == "abc-1"
    made = client.get(f"/v1/deals/{MARKER}", headers={"X-Request-Id": "two words"}).headers["x-request-id"]
    assert made.startswith("req_")
    first, second = lines(written, "request")
    assert (first["request_id"], first["trace_id"]) == ("abc-1", "4bf92f3577b34da6a3ce929d0e0e4736")
    assert (first["method"], first["route"], first["client"]) == (
        "GET",
        "/v1/{collection}/{record_id}",
        "test",
    )
    assert first["status"] == response.status_code
    assert first["duration_ms"] >= 0
    assert (second["request_id"], second["status"]) == (made, 404)
    assert MARKER not in written.getvalue()


PLACES = (
    "body",
    "member",
    "key",
    "header",
    "path",
    "query",
    "language",
    "id",
    "media type",
    "agent",
    "method",
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "canary", [MARKER, "13800138000", "<script>zorblatt</script>", "'zorblatt\"", "张三丰zorblatt"]
)
def test_nothing_that_was_sent_comes_back_or_is_logged(client, written, place, canary):
    """P18, P29: wherever a marker is put, no error answer and no log line has it."""
    ascii_canary = canary.encode("ascii", "ignore").decode()
    headers = keyed(**{"If-Match": '"1"', "Content-Type": "application/json"})
    body: Any = {"fields": {"topic": "x"}}
    path, query, method = "/v1/deals", {}, "POST"
    match place:
        case "body":
            body = {
                "fields": {"amount": canary, "heat": canary, "contact": canary},
                "owner": canary,
                "stage": canary,
            }
        case "member":
            body = {"fields": {f"{canary}!": canary}, f"{canary}?": canary, "id": f"a b{canary}"}
        case "key":
            body, headers["Idempotency-Key"] = {"fields": 1}, ascii_canary
        case "header":
            headers["If-Match"] = headers["Authorization"] = headers["Content-Digest"] = headers[
                "X-Other"
            ] = ascii_canary
        case "path":
            path = f"/v1/deals/{canary}/stage-changes"
        case "query":
            method, query = "GET", {"as_of": canary, canary: canary, "limit": canary, "cursor": canary}
        case "language":
            headers["Accept-Language"], body = ascii_canary, {}
        case "id":
            headers["X-Request-Id"], body = f"{ascii_canary} x", []
        case "media type":
            headers["Content-Type"] = ascii_canary
        case "agent":
            headers["User-Agent"] = headers["Referer"] = headers["Cookie"] = ascii_canary
            body = []
        case "method":
            method = re.sub("[^a-z]", "", ascii_canary) or "ZORBLATT"
    response = client.request(method, path, params=query, headers=headers, content=json.dumps(body).encode())
    assert response.status_code >= 400 or place in {"header", "language"}, response.text
    for marker in {canary, MARKER, ascii_canary}:
        assert marker not in response.text
        assert marker not in written.getvalue()


# What it says of itself


class Followers:
    """What follows the log, saying what the test wants it to."""

    def __init__(self, *standings: Standing) -> None:
        self.standings = list(standings)

    def status(self) -> list[Standing]:
        return self.standings


def a_standing(**about: Any) -> Standing:
    return Standing(
        **(
            {
                "name": "current_records",
                "type": "read model",
                "version": 1,
                "state": RUNNING,
                "events_behind": 0,
            }
            | about
        )
    )


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        ({"events_behind": 101}, "101 events behind"),
        ({"state": BACKING_OFF, "why": MARKER}, "backing off"),
        ({"events_behind": None}, "nobody knows"),
    ],
)
def test_it_is_not_ready_while_its_read_models_are_not(desk, standing, reason):
    """A load balancer is told, with the reason and without the words of an error."""
    readiness = Readiness(desk.tenant, max_events_behind=100, is_demo=False)
    readiness.followers = Followers(a_standing(**standing))
    (told,) = asyncio.run(readiness.look())["reasons"]
    assert reason in told
    assert MARKER not in told


def test_it_is_looked_at_once_a_second_at_most(desk):
    """Anybody may ask, so asking costs nothing; what is new is seen after a second."""
    now = [0.0]
    readiness = Readiness(desk.tenant, max_events_behind=100, is_demo=False, clock=lambda: now[0])
    readiness.followers = followers = Followers(a_standing())
    assert asyncio.run(readiness.look())["reasons"] == []
    followers.standings = [a_standing(events_behind=500)]
    assert asyncio.run(readiness.look())["reasons"] == []
    now[0] += 1
    assert asyncio.run(readiness.look())["reasons"] != []


@pytest.mark.parametrize(
    "error",
    [database.DatabaseUnusable(f"{MARKER} lacks the migrations 0009"), psycopg.OperationalError(MARKER)],
    ids=["migrations", "away"],
)
def test_it_is_not_ready_without_its_database(desk, home, monkeypatch, written, error):
    """503 with a reason that names no host; a database that lacks migrations counts as away."""

    def fail(_: str) -> None:
        raise error

    with TestClient(build(desk.tenant, settings(home), caller=CALLER)) as client:
        monkeypatch.setattr(database, "check_usable", fail)
        response = client.get("/readyz")
        data = problem(response, 503, "not-ready")
        assert "database" in data["reasons"][0]
        assert response.headers["retry-after"]
        assert client.get("/healthz").status_code == 200
    assert lines(written, "not_ready")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_problem_has_a_page(client, language):
    """The type of a problem leads to what it means and what to do, in both languages, and the list names them all."""
    listed = client.get("/problems", headers={"Accept-Language": language})
    assert listed.headers["content-language"] == language
    for code, entry in CATALOGUE.items():
        assert f"/problems/{code}" in listed.text
        page = client.get(f"/problems/{code}", headers={"Accept-Language": language})
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "script" not in page.headers["content-security-policy"]
        assert entry.title.told(language) in page.text
        assert entry.what_to_do.zh.split("`")[0] in page.text
        assert page.text.index(entry.title.told(language)) < page.text.index(
            entry.title.en if language == "zh" else entry.title.zh
        )
    problem(client.get(f"/problems/{MARKER}"), 404, "not-found")


def test_the_reference_works_without_the_internet(client):
    """The page loads nothing from elsewhere, runs no script of its own text, and everything it names is here."""
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 5
    for path in named:
        assert path.startswith("/")
        assert client.get(path).status_code == 200, path
    assert not re.search(r"<script>|\son\w+=|javascript:", page.text)
    assert b"http" not in client.get("/docs/start.js").content
    assert b"SwaggerUIBundle" in client.get("/docs/swagger-ui-bundle.js").content
    assert b"url(http" not in client.get("/docs/swagger-ui.css").content
    for name in ("LICENSE", "../app.py", "..%2fapp.py", "VERSION.md", MARKER):
        assert client.get(f"/docs/{name}").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/v1/deals/dea_1", "/v1/nowhere", "/healthz", "/openapi.json", "/docs", "/problems", "/docs/start.js"],
)
def test_answers_carry_the_headers_that_keep_them_safe(client, path):
    """No sniffing, no referrer, no framing; what is no page for everybody is not kept."""
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert ("no-store" in headers["cache-control"]) == (not path.startswith(("/docs", "/problems")))
    assert "server" not in headers


def test_the_description_says_who_may_ask(client):
    """Everything wants a token, but for what load balancers ask."""
    document = client.get("/openapi.json").json()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert scheme["scheme"] == "bearer"
    assert document["security"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert (operation.get("security") == []) == (path in {"/healthz", "/readyz"})


# Connections


@pytest.fixture(scope="module")
def port(desk, home) -> Iterator[int]:
    """A server on a real port that waits a fifth of a second for headers."""
    app = build(desk.tenant, settings(home), caller=CALLER)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=patient_for(0.2),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(30)


@pytest.mark.parametrize("begun", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n"])
def test_who_never_ends_the_headers_is_let_go(port, begun):
    """P19: a connection that says nothing, or never finishes saying it, is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(begun)
        assert connection.recv(1_000) == b""


def test_who_dawdles_with_the_next_request_is_let_go(port):
    """P19: the same on a connection that was used before."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in connection.recv(10_000)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        rest = b""
        while piece := connection.recv(10_000):
            rest += piece
        assert b"HTTP/1.1 200" not in rest


def test_a_slow_answer_is_not_a_slow_question(port, desk, monkeypatch):
    """Whose headers are there is waited for: the time for headers does not cut an answer short."""
    record = desk.tenant.reads.record

    def slow(*about: Any, **more: Any) -> Any:
        time.sleep(0.5)
        return record(*about, **more)

    monkeypatch.setattr(desk.tenant.reads, "record", slow)
    assert httpx.get(f"http://127.0.0.1:{port}/v1/deals/dea_1", timeout=30).status_code == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"zorblatt\r\n\r\n",
        b"GET / HTTP/1.1 zorblatt\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70_000,
    ],
)
def test_what_is_no_http_is_answered_with_a_problem(port, garbage):
    """P18: 400 as a problem, and the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(garbage)
        answer = b""
        try:
            while piece := connection.recv(10_000):
                answer += piece
        except ConnectionResetError:
            pass
    assert b"application/problem+json" in answer
    assert b'"code":"malformed-request"' in answer
    assert b"zorblatt" not in answer


# The program


@pytest.fixture
def environment(tmp_path, embedded_home) -> dict[str, str]:
    """A clean environment with a home folder that leads to the session's server."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "DEALTRAIL_HOME": str(embedded_home),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUTF8": "1",
        "LANG": "en_GB.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "250",
    }


def dealtrail(
    environment: dict[str, str], folder: Path, *words: str, **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run the program."""
    command = [sys.executable, "-m", "infra.cli.main", *words]
    done = subprocess.run(
        command, env=environment | more, cwd=folder, capture_output=True, text=True, timeout=90, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_serving_wants_keys_or_the_word_demo(environment, tmp_path):
    """Without either it refuses to start and says what to do; a demo never listens to others."""
    where = {"DEALTRAIL_HOME": str(tmp_path / "home")}
    refused = dealtrail(environment, tmp_path, "serve", "--port", str(a_free_port()), **where)
    assert refused.returncode == 2
    told = re.sub(r"[\s│]+", " ", refused.stderr)
    for word in ("dealtrail token", "DEALTRAIL_TOKEN_ISSUER", "--demo"):
        assert word in told
    assert not (tmp_path / "home").exists()
    outside = dealtrail(
        environment, tmp_path, "serve", "--demo", "--host", "0.0.0.0", "--port", str(a_free_port()), **where
    )
    assert outside.returncode == 2
    weak = {"DEALTRAIL_TOKEN_SECRET": MARKER, "DEALTRAIL_TOKEN_ISSUER": "x"}
    bad = dealtrail(environment, tmp_path, "serve", "--port", str(a_free_port()), **where, **weak)
    assert bad.returncode == 1
    assert "32 bytes" in bad.stderr
    assert MARKER not in bad.stderr


def test_a_token_is_printed_alone_and_made_only_for_trials(environment, tmp_path):
    """The output is the token, so that a shell can take it; where an issuer is configured there are no tokens of our own."""
    where = {"DEALTRAIL_HOME": str(tmp_path / "home")}
    words = [
        "token",
        "--actor",
        "system/erp",
        "--client",
        "erp",
        "--rights",
        "import",
        "--rights",
        "waive",
        "--hours",
        "2",
        "--delegate",
    ]
    made = dealtrail(environment, tmp_path, *words, **where)
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", made.stdout)
    key = tmp_path / "home" / trial.FILE_NAME
    assert key.stat().st_mode & 0o777 == 0o600
    assert str(key) in made.stderr
    wrong = dealtrail(environment, tmp_path, "token", "--actor", "anna", "--client", "x", **where)
    assert wrong.returncode == 2
    elsewhere = dealtrail(
        environment,
        tmp_path,
        *words,
        **where,
        DEALTRAIL_TOKEN_SECRET="x" * 40,
        DEALTRAIL_TOKEN_ISSUER="login",
    )
    assert elsewhere.returncode == 2
    assert not elsewhere.stdout


def test_a_trial_from_the_token_to_the_answer(environment, tmp_path, embedded_home):
    """What a newcomer does: make a token, start the server, open a record; the log says who, and never the token."""
    tenant = {"DEALTRAIL_TENANT": "edge"}
    try:
        token = dealtrail(
            environment, tmp_path, "token", "--actor", "system/trial", "--client", "trial", **tenant
        ).stdout.strip()
        port = a_free_port()
        command = [sys.executable, "-m", "infra.cli.main", "serve", "--port", str(port), "--log", "json"]
        with subprocess.Popen(
            command,
            env=environment | tenant,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            try:
                announced = server.stdout.readline()
                base = f"http://127.0.0.1:{port}"
                assert base in announced, server.stderr.read() if server.poll() is not None else announced
                assert httpx.get(f"{base}/v1/deals/dea_1").status_code == 401
                headers = bearing(token, **keyed())
                done = httpx.post(f"{base}/v1/deals", json={"fields": {"topic": "Trial"}}, headers=headers)
                assert done.status_code == 201, done.text
                assert "server" not in done.headers
            finally:
                server.terminate()
            _, told = server.communicate(timeout=60)
    finally:
        trial.key_file(embedded_home).unlink(missing_ok=True)
    assert "accepts tokens for trials" in told
    requests = [
        json.loads(line) for line in told.splitlines() if line.startswith("{") and '"request"' in line
    ]
    assert [(line["status"], line["client"]) for line in requests] == [(401, None), (201, "trial")]
    assert token.rpartition(".")[2] not in told


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/deals", "GET, POST"),
        ("/v1/deals/dea_1", "GET, PATCH"),
        ("/v1/deals/dea_1/stage-changes", "GET, POST"),
        ("/v1/boards/deals", "GET"),
        ("/v1/events", "GET"),
        ("/v1/people", "GET, POST"),
        ("/healthz", "GET"),
    ],
)
def test_a_method_that_is_not_there_is_answered_with_those_that_are(a_tenant, path, allowed):
    """`Allow` lists all of them (RFC 9110, 15.5.6), whichever route knew the path first."""
    desk = Desk(a_tenant("allows"))
    with a_client(desk.tenant) as client:
        answer = client.delete(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.json()["code"] == "method-not-allowed"
