"""Events over HTTP: a page, all of them, or a stream that resumes; no reader misses, reorders or repeats anything."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from support.sales import ALL_RIGHTS, OPERATOR, Desk, a_submission

from commands.caller import Caller
from domain.record.commands import EditFields, OpenRecord
from infra.http.app import build
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant
from projections.errors import InvalidQuery
from read_api import feed

SSE = {"accept": "text/event-stream"}
NDJSON = {"accept": "application/x-ndjson"}


@contextmanager
def a_service(tenant: Tenant) -> Iterator[tuple[str, Any]]:
    """The service of a tenant on a port of this machine, as it runs in earnest; its URL and its application."""
    app = build(tenant, caller=Caller(tenant.name, "test", OPERATOR, rights=ALL_RIGHTS))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield url, app
        finally:
            app.state.is_stopping = True
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive(), "a stream kept the service from stopping"


@pytest.fixture(scope="module")
def served(embedded_home) -> Iterator[tuple[Desk, str]]:
    """A service on a log with a few deals."""
    own = Settings(home=embedded_home, database_url=None, tenant="feed")
    with open_tenant(own) as tenant:
        desk = Desk(tenant)
        for number in range(5):
            desk.do(OpenRecord(f"deal/dea_{number}", {"topic": str(number), "note": "secret"}))
        desk.do(EditFields("deal/dea_1", {"topic": "x"}))
        tenant.catch_up.run()
        with a_service(tenant) as (url, _):
            yield desk, url


def sse(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The messages of a stream, as a browser would read them; heartbeats move the last id on and are no messages."""
    message: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if not line:
            if "data" in message:
                yield message
            message = {}
            continue
        name, _, value = line.partition(": ")
        message[name] = value


def first(
    url: str, count: int, *, params: dict[str, Any] | None = None, **headers: str
) -> list[dict[str, str]]:
    """The first messages of a stream."""
    with httpx.stream(
        "GET", f"{url}/v1/events", params=params, headers=SSE | headers, timeout=30
    ) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        found = []
        for message in sse(response.iter_lines()):
            found.append(message)
            if len(found) == count:
                break
    return found


def test_all_events_come_as_lines(served):
    """NDJSON: one document a line, everything up to now, the same documents the pages hold."""
    desk, url = served
    response = httpx.get(f"{url}/v1/events", headers=NDJSON, timeout=30)
    assert response.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["position"] for line in lines] == list(range(1, desk.tenant.log.head() + 1))
    assert lines == httpx.get(f"{url}/v1/events?limit=1000").json()["items"]


def test_lines_are_selected_and_read_in_batches(served, monkeypatch):
    """Topic, record and position hold for every form; where one batch ends does not matter."""
    _, url = served
    monkeypatch.setattr(feed, "_BATCH", 2)
    for params in (
        {},
        {"after": 3},
        {"topic": "record.opened.v1"},
        {"record": "deals/dea_1"},
        {"topic": "record", "after": 8},
    ):
        lines = httpx.get(f"{url}/v1/events", params=params, headers=NDJSON, timeout=30).text.splitlines()
        page = httpx.get(f"{url}/v1/events", params={**params, "limit": 1000}).json()["items"]
        assert [json.loads(line) for line in lines] == page, params
        assert page


def test_a_stream_names_each_event_by_its_position_and_topic(served):
    """SSE: id, event and data; data is the document of the page."""
    _, url = served
    messages = first(url, 4, params={"after": 2})
    page = httpx.get(f"{url}/v1/events", params={"after": 2, "limit": 4}).json()["items"]
    assert [int(message["id"]) for message in messages] == [3, 4, 5, 6]
    assert [json.loads(message["data"]) for message in messages] == page
    assert [message["event"] for message in messages] == [item["topic"] for item in page]


def test_a_stream_goes_on_where_it_was_interrupted(served):
    """Last-Event-ID wins over `after`: the address is of the first connection, the id of the last event."""
    _, url = served
    (message,) = first(url, 1, params={"after": 0}, **{"last-event-id": "5"})
    assert message["id"] == "6"


def test_a_stream_waits_for_what_comes(served):
    """What is appended while somebody listens is sent to them at once, only if it was asked for."""
    desk, url = served
    head = desk.tenant.log.head()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(first, url, 1, params={"after": head, "topic": "record.fields-changed"})
        desk.do(OpenRecord("deal/dea_new", {"topic": "n"}))
        desk.do(EditFields("deal/dea_new", {"topic": "m"}))
        (message,) = waiting.result(30)
    assert int(message["id"]) == head + 2


def test_a_quiet_stream_beats_and_moves_its_id_on(served, monkeypatch):
    """A heartbeat carries the position that was looked at, so that what was filtered away is not looked at again."""
    desk, url = served
    monkeypatch.setattr(feed, "HEARTBEAT_SECONDS", 0.05)
    with httpx.stream("GET", f"{url}/v1/events?topic=subject.erased", headers=SSE, timeout=30) as response:
        lines = response.iter_lines()
        beat = next(line for line in lines if line.startswith("id: "))
    assert beat == f"id: {desk.tenant.log.head()}"


def test_a_stream_ends_by_itself_after_a_while(served, monkeypatch):
    """Its reader comes back with the last id; a right that was taken away is noticed then."""
    _, url = served
    monkeypatch.setattr(feed, "STREAM_SECONDS", 0.2)
    response = httpx.get(f"{url}/v1/events?after=1", headers=SSE, timeout=30)
    assert response.text.startswith("retry: ")
    assert "id: 2\n" in response.text


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 40, "٣"])
def test_a_last_event_id_that_is_no_position_is_refused(served, last):
    """A stream that began anywhere else would miss or repeat."""
    _, url = served
    response = httpx.get(
        f"{url}/v1/events",
        headers=[(b"accept", b"text/event-stream"), (b"last-event-id", last.encode())],
        timeout=30,
    )
    assert response.status_code == 400


def test_streams_end_when_the_service_stops(a_tenant):
    """Nobody who listens keeps the service from stopping; the connection ends cleanly."""
    desk = Desk(a_tenant("stopping"))
    everybody_listens = threading.Barrier(4)

    def listen(url: str) -> list[int]:
        found = []
        with httpx.stream("GET", f"{url}/v1/events", headers=SSE, timeout=60) as response:
            for message in sse(response.iter_lines()):
                found.append(int(message["id"]))
                if len(found) == 1:
                    everybody_listens.wait(60)
        return found

    with ThreadPoolExecutor(3) as pool:
        with a_service(desk.tenant) as (url, _):
            listening = [pool.submit(listen, url) for _ in range(3)]
            everybody_listens.wait(60)
        found = [one.result(30) for one in listening]
    assert all(positions == list(range(1, len(positions) + 1)) for positions in found)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"), ("*/*", "json"), ("application/json", "json"), ("text/event-stream", "sse"),
        ("application/x-ndjson", "ndjson"), ("text/event-stream;q=0.5, application/x-ndjson", "ndjson"),
        ("application/json;q=0.1,text/event-stream;q=0.9", "sse"), ("TEXT/Event-Stream", "sse"),
        ("text/html", "json"), ("text/event-stream;q=0", "json"), ("text/event-stream;q=x", "json"), (";;,,q=", "json"),
    ],
)  # fmt: skip
def test_a_reader_gets_the_form_it_likes_best(accept, form):
    """Accept is weighed; what is not there is as if it were not asked."""
    assert feed.form_of(accept) == form


def test_last_event_id_is_read_strictly():
    """A position in digits, or nothing."""
    assert (feed.resumed(None, 7), feed.resumed(" ", 7), feed.resumed("9", 7)) == (7, 7, 9)
    with pytest.raises(InvalidQuery):
        feed.resumed("9.0", 7)


WRITERS, EACH = 8, 30


def test_no_reader_misses_reorders_or_repeats(a_tenant):
    """P3 over HTTP: eight writers; one reader listens, one listens to a topic and is cut off again and again, one reads pages, one reads lines."""
    desk = Desk(a_tenant("readers"))
    tenant = desk.tenant
    tenant.catch_up.run()
    done = threading.Event()

    def write(writer: int) -> None:
        deal = f"deal/dea_{writer}"
        tenant.bus.submit(a_submission(OpenRecord(deal, {"topic": "0"})))
        for number in range(EACH):
            edits = [EditFields(deal, {"topic": f"{number}.{part}"}) for part in range(1 + number % 5)]
            answers = tenant.bus.submit_batch([a_submission(edit) for edit in edits])
            assert {answer.outcome for answer in answers} == {"accepted"}

    def listen(url: str) -> list[int]:
        found: list[int] = []
        with httpx.stream("GET", f"{url}/v1/events", headers=SSE, timeout=60) as response:
            for message in sse(response.iter_lines()):
                found.append(int(message["id"]))
                if done.is_set() and found[-1] >= tenant.log.head():
                    return found
        return found

    def listen_and_be_cut_off(url: str) -> list[int]:
        found: list[int] = []
        while not (done.is_set() and found and found[-1] >= last_edit()):
            headers = {"last-event-id": str(found[-1])} if found else {}
            found += [
                int(m["id"]) for m in first(url, 7, params={"topic": "record.fields-changed"}, **headers)
            ]
        return found

    def last_edit() -> int:
        return (
            max(
                e.position for e in tenant.log.after(0, 10_000) if e.event.TOPIC == "record.fields-changed.v1"
            )
            - 7
        )

    def read_pages(url: str) -> list[int]:
        found: list[int] = []
        with httpx.Client() as client:
            while not (done.is_set() and found and found[-1] >= tenant.log.head()):
                after = found[-1] if found else 0
                page = client.get(f"{url}/v1/events", params={"after": after, "limit": 9}, timeout=60).json()
                found += [item["position"] for item in page["items"]]
        return found

    def read_lines(url: str) -> list[int]:
        found: list[int] = []
        while not (done.is_set() and found and found[-1] >= tenant.log.head()):
            after = found[-1] if found else 0
            lines = httpx.get(f"{url}/v1/events", params={"after": after}, headers=NDJSON, timeout=60).text
            found += [json.loads(line)["position"] for line in lines.splitlines()]
        return found

    with a_service(tenant) as (url, _), ThreadPoolExecutor(WRITERS + 4) as pool:
        readers = [pool.submit(read, url) for read in (listen, read_pages, read_lines)]
        writers = [pool.submit(write, number) for number in range(WRITERS)]
        cut_off = pool.submit(listen_and_be_cut_off, url)
        for writer in writers:
            writer.result(120)
        desk.do(OpenRecord("deal/dea_last", {"topic": "the end"}))
        done.set()
        head = tenant.log.head()
        for reader in readers:
            assert reader.result(120) == list(range(1, head + 1))
        edits = [
            e.position for e in tenant.log.after(0, 10_000) if e.event.TOPIC == "record.fields-changed.v1"
        ]
        found = cut_off.result(120)
        assert found == edits[: len(found)]
        assert len(edits) - len(found) <= 7
        assert head > WRITERS * EACH


@pytest.mark.parametrize("headers", [{}, SSE, NDJSON], ids=["page", "stream", "lines"])
def test_whoever_is_further_than_the_log_learns_it(served, headers):
    """A follower of a log that was restored from a backup got empty pages for ever; from the head on it goes on."""
    desk, url = served
    head = desk.tenant.log.head()
    ahead = httpx.get(f"{url}/v1/events", params={"after": head + 1}, headers=headers)
    assert ahead.status_code == 400, ahead.text
    (error,) = ahead.json()["errors"]
    assert error["pointer"] == "/query/after"
    assert f"the log goes up to position {head}" in error["message"]
    if headers != SSE:
        assert httpx.get(f"{url}/v1/events", params={"after": head}, headers=headers).status_code == 200


def test_what_was_known_at_a_position_the_log_has_not_reached_is_refused(served):
    """It was answered as now, and asked again later as then: two answers to one question."""
    desk, url = served
    for path in ("deals/dea_1", "deals", "boards/deals", "deals/dea_1/history", "people"):
        answer = httpx.get(f"{url}/v1/{path}", params={"as_of": 10**22})
        assert answer.status_code == 400, (path, answer.text)
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["message"]) == (
            "/query/as_of", f"the log goes up to position {desk.tenant.log.head()} so far",
        )  # fmt: skip
