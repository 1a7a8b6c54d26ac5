"""Requests as they arrive: addresses, headers and methods that lead nowhere, how many are taken, and the id and the line each of them gets."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support import edge
from support.edge import CALLER, MARKER, Sender, a_token, bearing, keyed, lines, problem, settings
from support.sales import Desk, TestClient, a_client

from infra.asgi import build
from infra.http import trial
from infra.http.acceptance import accepted_tokens

client, desk, home, written = edge.client, edge.desk, edge.home, edge.written


# Where they lead


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


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/deals", "GET, HEAD, POST"),
        ("/v1/deals/dea_1", "GET, HEAD, PATCH"),
        ("/v1/deals/dea_1/stage-changes", "GET, HEAD, POST"),
        ("/v1/boards/deals", "GET, HEAD"),
        ("/v1/events", "GET, HEAD"),
        ("/v1/people", "GET, HEAD, POST"),
        ("/healthz", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_there_is_answered_with_those_that_are(a_tenant, path, allowed):
    """`Allow` lists all of them (RFC 9110, 15.5.6), whichever route knew the path first."""
    desk = Desk(a_tenant("allows"))
    with a_client(desk.tenant) as client:
        answer = client.delete(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.json()["code"] == "method-not-allowed"


# How many are taken


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


# What each of them gets


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
