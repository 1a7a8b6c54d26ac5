"""A question is answered as it was meant or not at all: what nobody knows, what is said twice and what is the wrong way round is refused."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from support.sales import ANNA, HOUR, MORNING, Desk, a_client
from typer.testing import CliRunner

from domain.organisation.commands import MovePerson
from domain.record.commands import OpenRecord
from infra.cli.main import app
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.errors import InvalidQuery

UNKNOWN = "as_off"


@pytest.fixture(scope="module")
def desk(embedded_home) -> Iterator[Desk]:
    """A simulated log with a deal and somebody who moved."""
    own = Settings(home=embedded_home, database_url=None, tenant="questions")
    with open_tenant(own, clock="simulated", told_time=MORNING) as tenant:
        desk = Desk(tenant)
        desk.do(OpenRecord("deal/dea_1", {"topic": "Pumps"}, owner=ANNA))
        desk.do(MovePerson(ANNA, "south", None))
        tenant.catch_up.run()
        yield desk


@pytest.fixture(scope="module")
def client(desk) -> Iterator[Any]:
    with a_client(desk.tenant, raise_server_exceptions=False) as client:
        yield client


def refused(response: Any, code: str = "invalid-request") -> dict[str, Any]:
    """The only thing that is wrong with a question."""
    assert (response.status_code, response.json()["code"]) == (400, code), response.text
    (error,) = response.json()["errors"]
    return error


# ── names nobody knows ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "pointer", "suggestion"),
    [
        ("/v1/deals/dea_1?as_off=3", "as_off", "as_of"),
        ("/v1/deals/dea_1/history?feild=topic", "feild", "field"),
        ("/v1/deals/dea_1/timeline?ordre=recorded", "ordre", "order"),
        ("/v1/deals/dea_1/stage-changes/offer/check?as_of=3", "as_of", ...),
        ("/v1/events?as_of=3", "as_of", None),
        ("/v1/events?topics=record", "topics", "topic"),
        ("/v1/people?name=Anna", "name", ...),
        ("/v1/organisation/difference?from=1&too=3", "too", "to"),
        ("/v1/organisation/difference?form=1", "form", "from"),
        ("/v1/deals/stuck?longer_than=5", "longer_than", "longer_than_days"),
        ("/v1/boards/deals?as-of=3", "as-of", "as_of"),
        ("/v1/work?asignee=person/per_1", "asignee", "assignee"),
        ("/v1/deadlines?overdeu=true", "overdeu", "overdue"),
        ("/v1/indices/phi?last_periods=2", "last_periods", ...),
        ("/v1/indices/phi?from=lead", "from", ...),
        ("/v1/metrics?last=2", "last", None),
        ("/v1/playbooks/desk/versions/1?as_of=3", "as_of", None),
    ],
)
def test_a_mistyped_parameter_is_never_ignored_in_silence(client, address, pointer, suggestion):
    """Else the answer would be of another question: today's values for those of then."""
    error = refused(client.get(address))
    assert error["pointer"] == f"/query/{pointer}"
    if suggestion is not ...:  # of some nobody cares what looks like them
        assert error["suggestion"] == suggestion


def test_a_refused_parameter_comes_with_those_there_are(client):
    """The sentence lists them, so that nobody has to look them up."""
    error = refused(client.get(f"/v1/people?{UNKNOWN}=3"))
    assert (
        error["message"]
        == "there is no such parameter here; there are active, as_of, cursor, limit, min_position, role, team"
    )
    error = refused(client.get(f"/v1/metrics?{UNKNOWN}=3"))
    assert error["message"] == "there is no such parameter here; this address takes no parameters"


@pytest.mark.parametrize(
    "address",
    [
        "/v1/events?limit=1&limit=2",
        "/v1/deals?limit=1&limit=2",
        "/v1/deals?sort=topic&sort=id",
        "/v1/deals/dea_1?as_of=3&as_of=4",
        "/v1/metrics/dwell?kind=deal&kind=customer",
        "/v1/metrics/conversion?kind=deal&from=lead&from=offer",
        "/v1/people?team=north&team=south",
    ],
)
def test_what_means_one_thing_is_not_given_twice(client, address):
    """Neither the first nor the last of two is taken by chance."""
    name = re.search(r"[?&](\w+)=[^&]*&\1=", address)
    assert name is not None
    error = refused(client.get(address))
    assert (error["pointer"], error["message"]) == (
        f"/query/{name[1]}", "this parameter means one thing; give it once",
    )  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "/v1/deals?stage=lead&stage=offer",
        "/v1/deals/stuck?stage=lead&stage=offer",
        "/v1/deals?as_of=3&limit=1&amount.gte=100",
    ],
)
def test_what_may_be_several_is_given_as_often_as_one_likes(client, address):
    """Filters of a list, and parameters that say so."""
    assert client.get(address).status_code in (200, 404)


def test_every_address_that_reads_refuses_what_it_does_not_know(client):
    """All of the description: but for lists and metrics, whose other parameters they judge themselves, with the same code."""
    document = client.get("/openapi.json").json()
    asked = 0
    for path, item in document["paths"].items():
        if "get" not in item or not path.startswith("/v1/"):
            continue
        address = re.sub(r"\{\w+\}", "1", path.replace("{record_id}", "dea_1"))
        wanted = {
            p["name"]: "1" for p in item["get"].get("parameters", ()) if p["in"] == "query" and p["required"]
        }
        response = client.get(address, params={**wanted, UNKNOWN: "x"})
        assert response.status_code in (400, 404), (path, response.text)
        if "{metric}" not in path:
            assert f"/query/{UNKNOWN}" in response.text, (path, response.text)
        asked += 1
    assert asked > 40


def _meant(known: dict[str, str], name: re.Match[str]) -> str:
    return known.get(name[1], "1")


@pytest.mark.parametrize(
    ("as_of", "why"),
    [("999999999999", "the log goes up to position"), ("2199-01-01", "this moment has not come: ")],
)
def test_no_address_tells_what_was_known_at_a_time_that_has_not_come(client, as_of, why):
    """It was answered as now, and asked again later as then: two answers to one question. All of the description."""
    document = client.get("/openapi.json").json()
    asked = set()
    for path, item in document["paths"].items():
        parameters = item.get("get", {}).get("parameters", ())
        if not any(it["in"] == "query" and it["name"] == "as_of" for it in parameters):
            continue
        known = {"collection": "deals", "record_id": "dea_1", "metric": "touches", "person": "per_anna"}
        address = re.sub(r"\{(\w+)\}", partial(_meant, known), path)
        examples = {
            "kind": "deal",
            "number": "touches",
            "with": "touches",
            "with_number": "touches",
            "by": "owner",
            "field": "topic",
        }
        wanted = {
            it["name"]: examples[it["name"]]
            for it in parameters
            if it["in"] == "query" and it["name"] in examples
        }
        response = client.get(address, params={**wanted, "as_of": as_of})
        if response.status_code == 404:  # an index or a pool this playbook has none of
            continue
        asked.add(path)
        assert response.status_code == 400, (path, response.text)
        assert any(
            it["pointer"] == "/query/as_of" and it["message"].startswith(why)
            for it in response.json()["errors"]
        ), (path, response.text)
    assert len(asked) > 12


def test_what_was_known_by_the_last_moment_of_the_clock_is_answered(client, desk):
    """Up to now one may ask; a microsecond later nobody knows yet. The terminal says so as well."""
    now = desk.tenant.reads.clock()
    later = now + timedelta(microseconds=1)
    assert client.get("/v1/deals/dea_1", params={"as_of": now.isoformat()}).status_code == 200
    error = refused(client.get("/v1/deals/dea_1", params={"as_of": later.isoformat()}))
    assert error["message"].startswith("this moment has not come: the clock of the log says 2026-03-02T")
    told = client.get(
        "/v1/deals/dea_1", params={"as_of": later.isoformat()}, headers={"Accept-Language": "zh"}
    )
    assert told.json()["errors"][0]["message"].startswith("此时刻尚未到来：日志的时钟为 2026-03-02T")


def test_a_board_of_a_position_the_log_has_not_reached_is_refused_on_a_terminal(
    desk, embedded_home, monkeypatch
):
    """`board --as-of 999999999999` was the board of now."""
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", desk.tenant.name)
    for as_of, why in (("999999999999", "goes up to position"), ("2199-01-01", "has not come")):
        with pytest.raises(InvalidQuery, match=why):
            CliRunner().invoke(app, ["board", "deal", "--as-of", as_of], catch_exceptions=False)


def test_a_mistyped_parameter_of_a_list_comes_with_those_there_are(client):
    """`?lim=3` was called no field, and nothing was said of `limit`."""
    error = refused(client.get("/v1/deals?lim=3"))
    assert (error["pointer"], error["suggestion"]) == ("/query/lim", "limit")
    start = "there is no such field or parameter; 'as_of', 'cursor', 'effective_at', 'fields', 'limit', 'min_position', 'replay', 'sort', 'id', "
    assert error["message"].startswith(start)
    assert error["message"].endswith("can be named")
    told = client.get("/v1/deals?lim=3", headers={"Accept-Language": "zh"}).json()["errors"][0]
    assert told["message"].startswith("没有此字段或参数；可选：'as_of'")
    assert refused(client.get("/v1/deals?sort=topicc"))["suggestion"] == "topic"


def test_a_person_is_filtered_by_in_both_spellings_and_nobody_is_refused(client):
    """`owner=per_anna` found nothing, as if Anna owned nothing; so did any other word."""
    by_both = [
        client.get("/v1/deals", params={"owner": owner}).json()["items"] for owner in (ANNA, "per_anna")
    ]
    assert by_both[0] == by_both[1] != []
    error = refused(client.get("/v1/deals?owner=per_ana"))
    assert (error["pointer"], error["suggestion"]) == ("/query/owner", "per_anna")
    assert error["message"] == "there is no person of this id; a person is named as person/per_…"
    assert refused(client.get("/v1/deals?owner.ne=customer/cus_1"))["pointer"] == "/query/owner.ne"


def test_whoever_is_named_without_what_they_are_is_told_the_form(client, desk):
    """`{"owner": "per_anna"}` was told that Anna does not work here."""
    version = client.get("/v1/deals/dea_1").json()["version"]
    refusal = client.post(
        "/v1/deals/dea_1/owner-changes",
        json={"owner": "per_anna"},
        headers={"Idempotency-Key": "form", "If-Match": f'"{version}"'},
    )
    assert refusal.status_code == 422, refusal.text
    (error,) = refusal.json()["errors"]
    assert error == {"pointer": "/owner", "message": "a person is expected, as person/…", "suggestion": ANNA}


def test_a_flood_of_names_is_answered_briefly(client):
    """A few of them are enough to say that the question is wrong."""
    query = "&".join(f"x{number}=1" for number in range(2_000))
    assert len(client.get(f"/v1/people?{query}").json()["errors"]) == 20


# ── moments ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "pointer"),
    [
        ("/v1/deals/dea_1?as_of=yesterday", "/query/as_of"),
        ("/v1/deals/dea_1?effective_at=yesterday", "/query/effective_at"),
        ("/v1/deals/dea_1?as_of=2026-01-01&effective_at=2026-01-01T08:00:00", "/query/effective_at"),
        ("/v1/organisation/difference?from=yesterday", "/query/from"),
        ("/v1/organisation/difference?from=1&to=0001-01-01T00:00:00%2B08:00", "/query/to"),
    ],
)
def test_a_moment_that_cannot_be_read_is_pointed_at(client, address, pointer):
    """Of two moments one knows which; what was sent is not repeated."""
    error = refused(client.get(address), "bad-moment")
    assert error["pointer"] == pointer
    assert error["message"]
    assert "yesterday" not in error["message"]


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("8", "2"),
        ("9000", "8000"),
        ("8", MORNING.isoformat()),
        ("2099-01-01", "2026-01-01"),
        ("2099-01-02", "2099-01-01"),
        ((MORNING + 9 * HOUR).isoformat(), "1"),
    ],
)
def test_a_difference_from_later_to_earlier_is_not_called_nothing(client, desk, begin, end):
    """It says which parameter is wrong; and so does the program."""
    error = refused(client.get("/v1/organisation/difference", params={"from": begin, "to": end}))
    assert (error["pointer"], error["suggestion"]) == ("/query/from", None)


def test_the_program_refuses_a_difference_the_wrong_way_round_too(desk, embedded_home, monkeypatch):
    """The same words as over HTTP; from a moment to itself nothing changed."""
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", desk.tenant.name)
    run: Callable[..., Any] = CliRunner().invoke
    with pytest.raises(InvalidQuery, match="later than"):
        run(app, ["organisation", "difference", "--from", "8", "--to", "2"], catch_exceptions=False)
    same = run(
        app, ["organisation", "difference", "--from", "8", "--to", "8", "--json"], catch_exceptions=False
    )
    assert json.loads(same.stdout)["events"] == []


# ── HEAD ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    [
        "/v1/deals/dea_1",
        "/v1/deals",
        "/v1/events",
        "/v1/deals/dea_9",
        "/v1/people?x=1",
        "/healthz",
        "/openapi.json",
    ],
)
def test_head_tells_what_get_would_without_the_body(client, address):
    """Status and headers are the same, the id of the request apart."""
    read, told = client.get(address), client.head(address)
    varying = {"x-request-id"}
    assert told.status_code == read.status_code
    assert {name: told.headers[name] for name in told.headers if name not in varying} == {
        name: read.headers[name] for name in read.headers if name not in varying
    }
    assert told.content == b""
    assert read.content


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
def test_head_of_a_stream_ends_with_its_headers(client, accept):
    """A stream of events has no end; nobody waits for it here."""
    told = client.head("/v1/events", headers={"accept": accept})
    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["content-type"].startswith(accept)


def test_head_is_allowed_where_get_is(client):
    """And nowhere else."""
    assert client.put("/v1/deals/dea_1").headers["allow"].split(", ") == ["GET", "HEAD", "PATCH"]
    response = client.head("/v1/deals/dea_1/touches")
    assert (response.status_code, response.content) == (405, b"")
