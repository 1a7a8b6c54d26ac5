"""The read API answers what it documents, and whatever else it is asked it answers with a problem, never with an error of its own."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from support.sales import ANNA, MORNING, Desk, a_client, stricter

from domain.playbook.commands import PublishPlaybook
from domain.record.commands import ChangeStage, EditFields, OpenRecord
from infra.http.catalogue import CATALOGUE
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.lens import Visible
from read_api.app import VisibleResponse, build_router

MARKER = "zorblatt"


@pytest.fixture(scope="module")
def desk(embedded_home) -> Iterator[Desk]:
    """A simulated log with three deals."""
    own = Settings(home=embedded_home, database_url=None, tenant="http")
    with open_tenant(own, clock="simulated", told_time=MORNING) as tenant:
        desk = Desk(tenant)
        desk.do(OpenRecord("deal/dea_1", {"topic": "Pumps", "amount": "250"}, owner=ANNA, external_id="X/1"))
        desk.do(ChangeStage("deal/dea_1", "offer"), reason="they rang")
        desk.do(EditFields("deal/dea_1", {"topic": "Ten pumps"}))
        desk.do(OpenRecord("deal/dea_2", {"topic": "Valves"}, external_id="X2"))
        desk.do(PublishPlaybook(stricter()))
        tenant.catch_up.run()
        yield desk


@pytest.fixture(scope="module")
def client(desk) -> Iterator[Any]:
    with a_client(desk.tenant, raise_server_exceptions=False) as client:
        yield client


def assert_problem(response: Any, status: int, code: str, *, echo: str | None = None) -> dict[str, Any]:
    """A problem detail, which never echoes what was asked."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    data = response.json()
    assert (data["status"], data["code"], data["type"]) == (status, code, f"/problems/{code}")
    assert data["title"]
    if echo is not None:
        assert echo not in response.text
    return data


# What it answers


def test_a_record_comes_with_its_version(client):
    """The version is the ETag, and the answer says that the log is simulated."""
    response = client.get("/v1/deals/dea_1")
    data = response.json()
    assert response.status_code == 200
    assert response.headers["etag"] == '"3"'
    assert response.headers["content-type"] == "application/json"
    assert (data["version"], data["stage"], data["fields"]["topic"]) == (4, "offer", "Ten pumps") or data[
        "version"
    ] == 3
    assert data["stage_label"] == {"zh": "报价", "en": "Offer"}
    assert (data["owner"], data["owner_name"]) == (ANNA, "Anna Quist")
    assert data["simulated"] is True
    assert client.get("/v1/deals/X2").json()["id"] == "dea_2"


def test_a_record_of_then(client, desk):
    """as_of takes a position and a moment, effective_at a moment."""
    opening = desk.tenant.log.stream("deal/dea_1")[0]
    for as_of in (str(opening.position), opening.recorded_at.isoformat()):
        response = client.get("/v1/deals/dea_1", params={"as_of": as_of})
        assert (response.json()["stage"], response.headers["etag"]) == ("lead", '"1"')
    response = client.get("/v1/deals/dea_1", params={"effective_at": opening.recorded_at.isoformat()})
    assert response.json()["fields"]["topic"] == "Pumps"
    assert response.json()["effective_at"]
    before = client.get("/v1/deals/dea_1", params={"as_of": str(opening.position - 1)})
    assert_problem(before, 404, "not-found")


def test_the_history_of_a_record(client, desk):
    """Every change, or those of one field, or those known by then."""
    items = client.get("/v1/deals/dea_1/history").json()["items"]
    assert [item["new"] for item in items if item["field"] == "topic"] == ["Pumps", "Ten pumps"]
    only = client.get("/v1/deals/dea_1/history?field=stage").json()["items"]
    assert [(item["old"], item["new"], item["reason"]) for item in only] == [
        (None, "lead", None),
        ("lead", "offer", "they rang"),
    ]
    first = desk.tenant.log.stream("deal/dea_1")[0].position
    assert {i["position"] for i in client.get(f"/v1/deals/dea_1/history?as_of={first}").json()["items"]} == {
        first
    }


def test_a_board_now_and_then(client, desk):
    """How many records stand where, now and as of then."""
    assert [s["records"] for s in client.get("/v1/boards/deals").json()["stages"]] == [1, 1, 0, 0]
    first = desk.tenant.log.stream("deal/dea_1")[0].position
    then = client.get("/v1/boards/deals", params={"as_of": first}).json()
    assert [s["records"] for s in then["stages"]] == [1, 0, 0, 0]
    assert client.get("/v1/boards/deals?effective_at=2020-01-01").json()["records"] == 0


def test_events_lead_from_page_to_page(client, desk):
    """`next` is the cursor of the following page, and null at the end."""
    found, after = [], 0
    while after is not None:
        page = client.get("/v1/events", params={"after": after, "limit": 3}).json()
        found += [item["position"] for item in page["items"]]
        after = page["next"]
    assert found == list(range(1, desk.tenant.log.head() + 1))


def test_events_of_a_topic_and_of_a_record(client):
    """A topic, the word topics begin with, or a record as collection and id."""
    items = client.get("/v1/events?topic=record.stage-changed.v1").json()["items"]
    assert [item["payload"]["after"] for item in items] == ["offer"]
    assert {item["topic"] for item in client.get("/v1/events?topic=playbook").json()["items"]} == {
        "playbook.published.v1"
    }
    assert {i["stream"] for i in client.get("/v1/events?record=deals/dea_1").json()["items"]} == {
        "deal/dea_1"
    }
    assert {i["stream"] for i in client.get("/v1/events?record=deals/X/1").json()["items"]} == {"deal/dea_1"}


def test_a_list_is_filtered_sorted_and_read_page_by_page(client, desk):
    """Filters by name and operator, an order, a choice of fields; `next` leads on."""
    assert [item["id"] for item in client.get("/v1/deals?stage=offer").json()["items"]] == ["dea_1"]
    assert [item["id"] for item in client.get("/v1/deals?owner.is_null=true").json()["items"]] == ["dea_2"]
    page = client.get("/v1/deals?sort=-topic&limit=1&fields=topic").json()
    assert page["items"] == [{"id": "dea_2", "version": 1, "fields": {"topic": "Valves"}}]
    rest = client.get(
        "/v1/deals", params={"sort": "-topic", "limit": 1, "fields": "topic", "cursor": page["next"]}
    ).json()
    assert ([item["id"] for item in rest["items"]], rest["next"]) == (["dea_1"], None)
    assert rest["as_of_position"] == page["as_of_position"]
    assert page["simulated"] is True
    first = desk.tenant.log.stream("deal/dea_1")[0].position
    assert [item["stage"] for item in client.get(f"/v1/deals?as_of={first}").json()["items"]] == ["lead"]


@pytest.mark.parametrize(
    ("query", "pointer", "suggestion"),
    [
        ("topik=x", "/query/topik", "topic"),
        ("amount.gte=zorblatt", "/query/amount.gte", None),
        ("heat=hott", "/query/heat", "hot"),
        ("note=zorblatt", "/query/note", None),
        ("sort=-note", "/query/sort", None),
        ("fields=topik", "/query/fields", "topic"),
        ("cursor=zorblatt", "/query/cursor", None),
    ],
)
def test_a_question_nobody_can_answer_is_explained(client, query, pointer, suggestion):
    """The parameter is pointed at, and the nearest there is is suggested; what was sent is not repeated."""
    data = assert_problem(client.get(f"/v1/deals?{query}"), 400, "invalid-request", echo=MARKER)
    (error,) = data["errors"]
    assert (error["pointer"], error.get("suggestion")) == (pointer, suggestion)


def test_an_answer_that_would_be_too_old_is_put_off(client, desk):
    """`min_position` that is not there yet: come again, and when."""
    response = client.get(f"/v1/deals?min_position={desk.tenant.log.head() + 1}")
    assert_problem(response, 503, "behind")
    assert int(response.headers["retry-after"]) >= 1
    assert client.get(f"/v1/deals?min_position={desk.tenant.log.head()}").status_code == 200


def test_what_a_move_lacks_what_is_stuck_and_what_happened(client):
    """The read-only twins, each under the record or the collection it is about."""
    checked = client.get("/v1/deals/dea_2/stage-changes/offer/check").json()
    assert checked["allowed"] is False
    assert [item["id"] for item in checked["unmet"]] == ["field:amount", "condition:worth_it"]
    assert {item["to"] for item in client.get("/v1/deals/dea_2/stage-changes").json()["items"]} == {
        "offer",
        "won",
        "lost",
    }
    stuck = client.get("/v1/deals/stuck?stage=offer").json()
    assert [(item["id"], item["owner_name"]) for item in stuck["items"]] == [("dea_1", "Anna Quist")]
    happened = client.get("/v1/deals/dea_1/timeline?order=recorded").json()["items"]
    assert [item["what"] for item in happened] == ["opened", "stage", "field"]


def test_rules_and_people_have_names_of_their_own(client):
    """Fixed names come before collections."""
    assert [item["name"] for item in client.get("/v1/playbooks").json()["items"]] == ["desk"]
    assert client.get("/v1/playbooks/desk").json()["versions"][0]["version"] == 2
    assert client.get("/v1/playbooks/desk/versions/1").json()["rules"][0]["rule"] == "amount >= 100"
    assert client.get("/v1/schemas/deal").json()["schema"]["properties"]["heat"]["enum"]
    assert [item["id"] for item in client.get("/v1/people").json()["items"]] == ["per_anna", "per_ben"]
    assert client.get("/v1/people/per_anna").json()["name"] == "Anna Quist"
    assert [item["id"] for item in client.get("/v1/teams").json()["items"]] == ["north", "south"]
    assert len(client.get("/v1/organisation").json()["people"]) == 2
    assert client.get("/v1/organisation/difference?from=2").json()["joined"][0]["name"] == "Anna Quist"


def test_it_says_how_it_is(client, desk):
    """The process lives; the database answers, and the read models are there."""
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert (ready["status"], ready["clock"], ready["tenant"]) == ("ok", "simulated", desk.tenant.name)
    assert ready["head"] == desk.tenant.log.head()


def test_what_is_written_while_it_serves_is_answered(a_tenant):
    """The read models follow the log while the service runs; no restart, no command of their own."""
    fresh = Desk(a_tenant("following"))
    with a_client(fresh.tenant) as client:
        fresh.do(OpenRecord("deal/dea_7", {"topic": "x"}))
        for _ in range(100):
            if client.get("/v1/deals/dea_7").status_code == 200:
                break
        assert client.get("/v1/deals/dea_7").json()["fields"] == {"topic": "x"}
        assert "simulated" not in client.get("/v1/deals/dea_7").json()


def test_only_what_passed_the_lens_is_sent():
    """P24: neither an answer nor a value can be made past the lens."""
    with pytest.raises(TypeError, match="lens"):
        VisibleResponse({"name": "x"})
    with pytest.raises(TypeError, match="lens"):
        Visible({"name": "x"}, object())


# What it cannot answer


@pytest.mark.parametrize(
    ("path", "detail", "suggestion"),
    [
        (f"/v1/{MARKER}/dea_1", "collection", None),
        ("/v1/dals/dea_1", "collection", "deals"),
        ("/v1/deal/dea_1", "collection", "deals"),
        ("/v1/boards/dells", "collection", "deals"),
        ("/v1/deals/dea_11", "deal", "dea_1"),
        ("/v1/deals/dea_11/history", "deal", "dea_1"),
        ("/v1/deals/dea_1/history?field=topi", "field", "topic"),
        (f"/v1/deals/dea_1/history?field={MARKER}", "field", None),
        ("/v1/events?topic=record.stage-change.v1", "topic", "record.stage-changed.v1"),
        (f"/v1/events?topic={MARKER}", "topic", None),
        ("/v1/events?record=dela/dea_1", "collection", "deals"),
        (f"/v1/events?record={MARKER}", "collection", None),
    ],
)
def test_what_is_unknown_is_named_with_the_nearest_there_is(client, path, detail, suggestion):
    """A mistyped name gets its nearest neighbour, and is not repeated."""
    data = assert_problem(client.get(path), 404, "not-found", echo=MARKER)
    assert detail in data["detail"]
    if suggestion is not None:
        assert data["suggestion"] == suggestion


@pytest.mark.parametrize(
    "query", ["as_of=yesterday", "as_of=2026-13-01", "effective_at=12", f"as_of={MARKER}", "as_of="]
)
@pytest.mark.parametrize("path", ["/v1/deals/dea_1", "/v1/deals/dea_1/history", "/v1/boards/deals"])
def test_a_moment_that_cannot_be_read_is_explained(client, path, query):
    """The answer says how moments are written, not what was sent."""
    data = assert_problem(client.get(f"{path}?{query}"), 400, "bad-moment", echo=MARKER)
    assert "2026-01-31" in data["detail"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("after=-1", "/query/after"),
        ("after=9223372036854775808", "/query/after"),
        (f"after={MARKER}", "/query/after"),
        ("after=1.5", "/query/after"),
        ("limit=0", "/query/limit"),
        ("limit=1001", "/query/limit"),
        (f"limit={'9' * 5_000}", "/query/limit"),
        (f"topic={MARKER * 100}", "/query/topic"),
        (f"record={MARKER * 100}", "/query/record"),
    ],
)
def test_a_parameter_that_is_wrong_is_pointed_at(client, query, pointer):
    """The answer points at the parameter and does not repeat its value."""
    data = assert_problem(client.get(f"/v1/events?{query}"), 400, "invalid-request", echo=MARKER)
    assert [error["pointer"] for error in data["errors"]] == [pointer]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/{MARKER}",
        "/v1",
        "/v2/deals/dea_1",
        "/v1/deals/dea_1/history/x",
        "/v1/deals/dea_1/stage-changes/offer/checks",
    ],
)
def test_an_unknown_path_is_a_problem(client, path):
    """No page of the framework's own."""
    assert_problem(client.get(path), 404, "not-found", echo=MARKER)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/deals/dea_1/history",
        "/v1/deals/dea_1/timeline",
        "/v1/deals/dea_1/stage-changes/offer/check",
        "/v1/playbooks/desk/versions/1",
    ],
)
def test_what_is_read_is_not_written(client, method, path):
    """Any other method is refused, and told which ones there are."""
    response = getattr(client, method)(path)
    assert_problem(response, 405, "method-not-allowed")
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize(
    ("language", "title", "told"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "找不到该对象", "zh"),
        ("ZH", "找不到该对象", "zh"),
        ("en", "There is no such thing", "en"),
        ("fr", "There is no such thing", "en"),
        ("", "There is no such thing", "en"),
    ],
)
def test_a_problem_is_told_in_the_language_of_the_caller(client, language, title, told):
    """Chinese for whoever accepts it first, else English; the code is the same."""
    response = client.get("/v1/deals/nobody", headers={"accept-language": language})
    assert assert_problem(response, 404, "not-found")["title"] == title
    assert response.headers["content-language"] == told


def test_every_problem_has_a_title_in_both_languages():
    """No reader gets a code only."""
    assert all(entry.title.en and entry.title.zh for entry in CATALOGUE.values())


# Hostile input

NASTY = [
    "%00", "%ff%fe", "%ed%a0%80", "%c0%80", "..%2f..", "%2e%2e", "'", "%27%3b--", "%25", "_", "%5c", "%0a", "%F0%9F%A6%8A",
    "%3Cscript%3E", "9" * 400, "-1", "1e309", "NaN", "null", "a" * 4_000, "%7B%7B7*7%7D%7D", "$stage", "%E2%80%AE", "~", "dea_1%00",
]  # fmt: skip


@pytest.mark.parametrize("nasty", NASTY, ids=lambda text: text[:20])
def test_hostile_names_are_answered_like_any_other(client, nasty):
    """P18, P26: whatever stands in a path or a parameter, the answer is one of ours and below 500."""
    paths = [
        f"/v1/{nasty}/dea_1",
        f"/v1/deals/{nasty}",
        f"/v1/deals/{nasty}/history",
        f"/v1/deals/dea_1/history?field={nasty}",
        f"/v1/boards/{nasty}",
        f"/v1/events?topic={nasty}",
        f"/v1/events?record={nasty}",
        f"/v1/events?record=deals/{nasty}",
        f"/v1/events?after={nasty}&limit={nasty}",
        f"/v1/deals/dea_1?as_of={nasty}",
        f"/v1/deals/dea_1?fields={nasty}&min_position={nasty}",
        f"/v1/{nasty}",
        f"/v1/deals?{nasty}={nasty}",
        f"/v1/deals?stage={nasty}&amount.gte={nasty}&topic={nasty}&owner={nasty}&id={nasty}&fields.heat.in={nasty}",
        f"/v1/deals?topic={nasty}",
        f"/v1/deals?owner={nasty}&external_id.ne={nasty}",
        f"/v1/deals?sort={nasty}&fields={nasty}&cursor={nasty}",
        f"/v1/deals?cursor={nasty}",
        f"/v1/deals/stuck?longer_than_days={nasty}&owner={nasty}",
        f"/v1/deals/stuck?cursor={nasty}&as_of={nasty}",
        f"/v1/deals/{nasty}/timeline?order={nasty}",
        f"/v1/deals/{nasty}/stage-changes/{nasty}/check?reason={nasty}",
        f"/v1/deals/dea_1/stage-changes/{nasty}/check",
        f"/v1/deals/dea_1/evidence/{nasty}",
        f"/v1/schemas/{nasty}",
        f"/v1/playbooks/{nasty}",
        f"/v1/playbooks/{nasty}/versions/1",
        f"/v1/playbooks/{nasty}/drafts/1",
        f"/v1/playbooks/desk/versions/{nasty}",
        f"/v1/people/{nasty}",
        f"/v1/people?team={nasty}&role={nasty}&cursor={nasty}",
        f"/v1/organisation/difference?from={nasty}&to={nasty}",
        f"/v1/boards/deals?as_of={nasty}&effective_at={nasty}",
    ]
    for path in paths:
        response = client.get(path, headers={"accept-language": nasty[:50]})
        assert response.status_code < 500, (path, response.text)
        assert response.headers["content-type"].startswith(("application/problem+json", "application/json"))
        json.loads(response.content)


def mutated(chance: random.Random, path: str) -> str:
    """The path with a few of its characters changed, dropped, doubled or followed by something nasty."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(path))
        path = chance.choice(
            [
                path[:at] + path[at + 1 :],
                path[:at] + chance.choice("/?&=%.:+-~ \t\"'\\<>[]{}|^`é\x7f") + path[at:],
                path[:at] + chance.choice(NASTY)[:300] + path[at:],
                path[:at] + path[at : at + 9] * 2 + path[at:],
                path[:at] + f"%{chance.randrange(256):02x}" + path[at + 1 :],
            ]
        )
    return "/" + path.lstrip("/")


def test_no_request_is_ever_answered_with_an_error_of_ours(client, desk):
    """P18: two thousand mutated requests over all routes, none of them 5xx, none echoed."""
    seeds = [
        "/v1/deals/dea_1?as_of=9&effective_at=2026-03-02",
        "/v1/deals/dea_1/history?field=topic&as_of=2026-03-02T09:00:00+08:00",
        "/v1/boards/deals?as_of=2026-03-02T09:00:00Z",
        "/v1/events?after=3&limit=10&topic=record.opened.v1&record=deals/dea_1",
        "/readyz?x=1",
        "/v1/deals?stage=offer&amount.gte=100&sort=-amount,opened_at&fields=stage,amount&limit=5",
        "/v1/deals?heat.ne=hot&owner=person/per_anna&opened_at.lt=2026-03-03&fields.topic=Pumps",
        "/v1/deals/stuck?longer_than_days=0.5&team=north&stage=lead",
        "/v1/deals/dea_1/timeline?order=recorded&limit=2&as_of=9",
        "/v1/deals/dea_1/stage-changes/offer/check?reason=true",
        "/v1/schemas/deal?as_of=9",
        "/v1/playbooks/desk/versions/1",
        "/v1/organisation/difference?from=3&to=2026-03-02",
        "/v1/people/per_anna?as_of=8",
        "/openapi.json",
    ]
    seed = 20_260_302
    chance = random.Random(seed)
    statuses: dict[int, int] = {}
    for number in range(2_000):
        path = mutated(chance, seeds[number % len(seeds)])
        try:
            request = client.build_request("GET", path)
        except Exception:  # noqa: BLE001 — no client could send it
            continue
        response = client.send(request)
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
        assert response.status_code < 500, (seed, number, path, response.text)
    assert sum(statuses.values()) > 1_500, statuses
    assert statuses.get(404, 0) > 100
    assert desk.tenant.log.head() == desk.tenant.log.head()


def test_an_error_of_ours_tells_nothing(desk, monkeypatch):
    """P18: should something break, the caller gets a problem without a word of what it was."""
    with a_client(desk.tenant, raise_server_exceptions=False) as client:
        monkeypatch.setattr(desk.tenant.reads, "board", lambda *_: 1 / 0)
        data = assert_problem(client.get("/v1/boards/deals"), 500, "internal-error", echo="division")
        assert "ZeroDivisionError" not in json.dumps(data)


# The description


def test_every_operation_has_a_name_of_its_own(client):
    """Clients are generated from these names; two pairs of reads once shared one."""
    described = client.get("/openapi.json").json()
    names = Counter(
        operation["operationId"] for item in described["paths"].values() for operation in item.values()
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_every_read_is_described(client):
    """For each collection of the playbooks in force: a summary, parameters in words, what is answered, and what goes wrong."""
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.")
    routes = [route for route in build_router(client.app, object()).routes if isinstance(route, APIRoute)]
    assert len(routes) >= 20
    ids = set()
    for route in routes:
        for collection in ("deals", "customers", "contacts"):
            own = route.path.startswith("/{collection}")
            path = "/v1" + (route.path.replace("{collection}", collection) if own else route.path)
            operation = described["paths"][path]["get"]
            if own:
                assert operation["operationId"] not in ids, path
            ids.add(operation["operationId"])
            assert operation["summary"], path
            assert operation["responses"]["200"]["content"], path
            assert "422" not in operation["responses"], "what FastAPI would answer is not what is answered"
            for code in ("400", "404", "503"):
                answer = operation["responses"][code]
                shared = described["components"]["responses"].get(answer.get("$ref", "").rpartition("/")[2])
                assert "application/problem+json" in (shared or answer)["content"], path
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    assert parameter.get("description"), (path, parameter["name"])
