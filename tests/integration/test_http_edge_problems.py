"""What goes wrong is answered with a problem that tells what to do, and repeats nothing of what was sent."""

import json
import re
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import OperationalError
from support import edge
from support.edge import MARKER, keyed, lines, problem

client, desk, home, written = edge.client, edge.desk, edge.home, edge.written


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
