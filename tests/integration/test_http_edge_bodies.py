"""What may be sent as the body of a request: its shape, its kind, its size and its pace."""

import tracemalloc

import pytest
from support import edge
from support.edge import CALLER, JSON, MARKER, Sender, keyed, problem, settings

from infra.asgi import build

client, desk, home = edge.client, edge.desk, edge.home
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
