"""Replays over HTTP: started, seen, opened down to the decisions behind every number, handed out, cancelled, and read as lists."""

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from support.replays import CAVEAT, ByHand
from support.sales import ANNA, BEN, Desk, TestClient, stricter

from commands.caller import Caller
from domain.erasure import EraseSubject
from domain.playbook.commands import DraftPlaybook
from domain.playbook.model import Right
from domain.record.commands import OpenRecord
from infra.http.app import build
from infra.replays import ReplayJobs
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.lists import MAX_ITEMS

DEALS = [f"deal/dea_{number}" for number in range(10)]
START = "/v1/playbooks/desk/drafts/1/replays"
NUMBERS = ("newly_refused", "newly_allowed", "not_judgeable")


@pytest.fixture(scope="module")
def settings(embedded_home, a_fresh_name) -> Settings:
    return Settings(
        _env_file=None,
        home=embedded_home,
        database_url=None,
        tenant=a_fresh_name("replays"),
        command_burst_per_client=100_000,
    )


@pytest.fixture(scope="module")
def desk(settings) -> Iterator[Desk]:
    """Ten deals, and a stricter draft."""
    with open_tenant(settings) as tenant:
        desk = Desk(tenant)
        owners = [ANNA, BEN, None]
        for number, deal in enumerate(DEALS):
            desk.do(OpenRecord(deal, {"topic": f"Pumps {number}", "amount": "250"}, owner=owners[number % 3]))
        desk.do(DraftPlaybook(stricter()))
        tenant.catch_up.run()
        yield desk


@pytest.fixture(scope="module")
def engine() -> ByHand:
    return ByHand(DEALS)


@pytest.fixture(scope="module")
def replays(desk, settings, engine) -> ReplayJobs:
    return ReplayJobs(desk.tenant, settings, engine)


@pytest.fixture(scope="module")
def client(desk, settings, replays) -> Iterator[TestClient]:
    caller = Caller(settings.tenant, "test", "system/operator", rights=frozenset(Right))
    with TestClient(build(desk.tenant, settings, caller=caller, replays=replays)) as client:
        yield client


def ended(client: TestClient, replay: str) -> dict[str, Any]:
    """A replay once it is not under way any more."""
    for _ in range(600):
        told: dict[str, Any] = client.get(f"/v1/replays/{replay}").json()
        if told["state"] not in ("queued", "running"):
            return told
        time.sleep(0.02)
    raise AssertionError(told)


@pytest.fixture(scope="module")
def done(client) -> dict[str, Any]:
    """A replay of everything, done."""
    answer = client.post(START, json={})
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert answer.headers["Location"] == f"/v1/replays/{told['id']}"
    found = ended(client, told["id"])
    assert found["state"] == "done", found
    return found


def every_item(client: TestClient, path: str, **asked: Any) -> list[dict[str, Any]]:
    """The items of a list, read in small pages; as many as it says there are."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        answer = client.get(path, params={"limit": 3, **asked, **more})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            assert len(found) == page["total"]
            return found


def behind(client: TestClient, done: dict[str, Any], **asked: Any) -> int:
    return len(every_item(client, f"/v1/replays/{done['id']}/decisions", **asked))


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_replay_tells_its_impact_in_words(client, done):
    impact = done["impact"]
    assert impact["caveat"] == CAVEAT
    assert done["progress"] == {"done": 5, "of": 5, "seconds": done["progress"]["seconds"], "eta_seconds": 0}
    labels = {row["requirement"]: row["label"] for row in impact["rules"]}
    assert labels == {
        "condition:worth_it": {"zh": "金额不低于100", "en": "Worth at least 100"},
        "field:amount": {"zh": "金额", "en": "Amount"},
    }
    assert {row["owner"]: row["owner_name"] for row in impact["people"]} == {
        ANNA: "Anna Quist",
        BEN: "Ben Okoro",
    }
    assert impact["edges"][0]["before_label"] == {"zh": "线索", "en": "Lead"}
    assert impact["indices"][0]["movers"][0]["cell"]["owner_name"] == "Anna Quist"


def test_the_same_question_is_the_same_replay(client, done, engine):
    """Whoever asks again joins what is there; nothing is replayed twice unless it is asked for."""
    runs = engine.runs
    answer = client.post(START, json={"position": done["position"]})
    assert answer.status_code == 202
    assert answer.json()["id"] == done["id"]
    assert answer.json()["state"] == "done"
    assert engine.runs == runs
    again = client.post(START, json={"position": done["position"], "again": True}).json()
    assert again["id"] == done["id"]
    assert ended(client, again["id"])["impact"] == done["impact"]
    assert engine.runs == runs + 1


def test_replays_are_listed(client, done):
    other = client.post(START, json={"upto": done["position"] - 1, "position": done["position"]}).json()
    assert other["id"] != done["id"]
    ended(client, other["id"])
    page = client.get("/v1/replays", params={"limit": 1}).json()
    assert len(page["items"]) == 1
    following = client.get("/v1/replays", params={"limit": MAX_ITEMS, "cursor": page["next"]}).json()
    ids = [item["id"] for item in page["items"] + following["items"]]
    assert {done["id"], other["id"]} <= set(ids)
    assert len(set(ids)) == len(ids)
    assert client.get("/v1/replays", params={"playbook": "other"}).json()["items"] == []


def test_the_beginning_of_an_id_is_enough(client, done):
    assert client.get(f"/v1/replays/{done['id'][:12]}").json()["id"] == done["id"]


# ── a drill-down is as long as its number ────────────────────────────────────────────────────────────────────────────


def test_every_total_opens_to_as_many_decisions(client, done):
    totals = done["impact"]["totals"]
    assert behind(client, done) == totals["judged"] == 20
    for name in ("unchanged", *NUMBERS):
        assert behind(client, done, verdict=name) == totals[name] > 0
    assert behind(client, done, waived=True) == totals["waived"] == 1
    assert behind(client, done, verdict="changed", by="record") == totals["records"]
    assert behind(client, done, verdict="changed", by="owner") == totals["people"]


def test_every_number_of_a_rule_opens_to_as_many_rows(client, done):
    assert len(done["impact"]["rules"]) == 3
    for row in done["impact"]["rules"]:
        asked = {"verdict": row["verdict"], "requirement": row["requirement"]}
        assert behind(client, done, **asked) == row["decisions"]
        assert behind(client, done, **asked, by="record") == row["records"]
        assert behind(client, done, **asked, by="owner") == row["people"]
        assert behind(client, done, **asked, never=True) == row["never"]
    for row in done["impact"]["not_judgeable"]:
        asked = {"verdict": "not_judgeable", "requirement": row["requirement"]}
        assert behind(client, done, **asked) == row["decisions"]


def test_every_number_of_a_step_and_of_a_person_opens_to_as_many_decisions(client, done):
    for row in done["impact"]["edges"]:
        edge = f"{row['before'] or ''}:{row['after']}"
        for verdict in NUMBERS:
            assert behind(client, done, edge=edge, verdict=verdict) == row[verdict]
    people = done["impact"]["people"]
    assert {row["owner"] for row in people} == {ANNA, BEN}
    for row in people:
        for verdict in NUMBERS:
            assert behind(client, done, owner=row["owner"], verdict=verdict) == row[verdict]


def test_a_decision_is_shown_with_names_and_labels(client, done):
    [item] = every_item(client, f"/v1/replays/{done['id']}/decisions", record=DEALS[0], verdict="changed")
    assert (item["owner"], item["owner_name"], item["record_name"]) == (ANNA, "Anna Quist", "Pumps 0")
    assert item["labels"]["condition:worth_it"]["en"] == "Worth at least 100"
    assert item["delayed_seconds"] == 3_600
    assert item["after_label"]["en"] == "Offer"


# ── datasets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dataset", ["decisions", "gate_state", "index_values"])
def test_a_dataset_says_the_same_in_every_form(client, done, dataset):
    path = f"/v1/replays/{done['id']}/datasets/{dataset}"
    parquet = client.get(path)
    frame = pl.read_parquet(io.BytesIO(parquet.content))
    assert frame.height == done["datasets"][dataset] > 0
    lines = client.get(path, params={"format": "json"}).text.splitlines()
    assert [list(json.loads(line)) for line in lines] == [frame.columns] * frame.height
    rows = list(csv.DictReader(io.StringIO(client.get(path, params={"format": "csv"}).text)))
    assert len(rows) == frame.height
    first = frame.columns[0]
    assert [row[first] for row in rows] == [str(value) for value in frame[first]]


def test_a_dataset_there_is_not_is_named_with_the_nearest(client, done):
    answer = client.get(f"/v1/replays/{done['id']}/datasets/decision")
    assert (answer.status_code, answer.json()["suggestion"]) == (404, "decisions")


def test_analysts_read_the_datasets_in_sql(client, done, desk):
    """The schema `analytics` holds the same rows, and who may read it reads nothing else."""
    with desk.tenant.pool.connection() as connection:
        for dataset, rows in done["datasets"].items():
            found = connection.execute(
                f"SELECT count(*) AS rows FROM dealtrail_read.replay_{dataset} WHERE replay = %s",
                (done["id"],),
            ).fetchone()
            assert found["rows"] == rows
        refused = connection.execute(
            "SELECT count(*) AS rows FROM dealtrail_read.replay_decisions WHERE replay = %s AND verdict = 'newly_refused' AND 'field:amount' = ANY (requirements)",
            (done["id"],),
        ).fetchone()
        assert refused["rows"] == behind(client, done, verdict="newly_refused", requirement="field:amount")
        rights = connection.execute(
            "SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'v') AND n.nspname IN ('analytics', 'dealtrail', 'dealtrail_read', 'dealtrail_keys')"
            " AND has_table_privilege('dealtrail_analyst', c.oid, 'SELECT') AND has_schema_privilege('dealtrail_analyst', n.oid, 'USAGE')"
        ).fetchall()
    assert {row["name"] for row in rights} == {
        "analytics.replays", "analytics.replay_decisions", "analytics.replay_gate_state", "analytics.replay_index_values",
        "analytics.replay_deadlines", "analytics.replay_approvals", "analytics.replay_assignment", "analytics.replay_reactions",
    }  # fmt: skip


# ── lists as the draft would have them ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/v1/deals", "/v1/deals/stuck"])
def test_lists_are_read_as_replayed(client, done, desk, path):
    """The same items and filters, of the replay's position, each with what its draft asks next."""
    desk.do(OpenRecord(f"deal/dea_later_{path.count('/')}", {"topic": "Later"}, owner=ANNA))
    desk.tenant.catch_up.run()
    filters = {"owner": ANNA, "limit": 2}
    live = client.get(path, params={**filters, "as_of": done["position"]}).json()
    page = client.get(path, params={**filters, "replay": done["id"]}).json()
    assert (page["replay"], page["caveat"]) == (done["id"], CAVEAT)
    assert page["as_of_position"] == done["position"]
    assert page["requirement_labels"]["condition:worth_it"]["en"] == "Worth at least 100"
    gate = {"next_step": "offer", "unmet": ["condition:worth_it"], "unmet_published": []}
    for item in page["items"]:
        assert item.pop("gate") == gate
    drop = ("next", "replay", "caveat", "requirement_labels")
    assert {k: v for k, v in page.items() if k not in drop} == {
        k: v for k, v in live.items() if k not in drop
    }
    following = client.get(path, params={**filters, "replay": done["id"], "cursor": page["next"]}).json()
    assert len(following["items"]) == 2
    assert following["items"][0]["id"] not in [item["id"] for item in page["items"]]


def test_a_replay_has_a_position_of_its_own(client, done):
    answer = client.get("/v1/deals", params={"replay": done["id"], "as_of": "3"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/query/replay"


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"since": "2026-01-01", "after": 3}, "/since"),
        ({"until": "2001-01-01"}, "/until"),
        ({"after": 10_000_000}, "/after"),
        ({"position": 10_000_000}, "/position"),
        ({"upto": 5, "after": 5}, "/upto"),
        ({"last_days": 0}, "/last_days"),
        ({"since": "yesterday"}, "/since"),
        ({"since": 5}, "/since"),
        ({"sicne": "2026-01-01"}, "/sicne"),
    ],
)
def test_a_window_that_cannot_be_is_refused(client, body, pointer):
    answer = client.post(START, json=body)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_no_index_is_asked_through_a_replay_for_a_scope(client):
    """Indices are measured as the version for everybody says; through the draft they would be of what nobody is ever measured by."""
    told = client.post(START, json={"scope": {"heat": ["hot"]}}).json()
    assert ended(client, told["id"])["state"] == "done"
    answer = client.get("/v1/indices/phi", params={"replay": told["id"]})
    assert answer.status_code == 400, answer.text
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/query/replay"
    assert "for a scope" in error["message"]


@pytest.mark.parametrize("options", ["a", ["a"], None, 5])
def test_a_scope_there_is_none_of_is_refused_however_its_options_are_written(client, options):
    """The field is what is wrong, and those there are are named; nothing of it is kept."""
    before = client.get("/v1/replays").json()["items"]
    answer = client.post(START, json={"scope": {"nosuch": options}})
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/scope/nosuch"
    assert "there is no choice field" in error["message"]
    assert "'heat'" in error["message"]
    near = client.post(START, json={"scope": {"heet": options}}).json()["errors"]
    assert [item["suggestion"] for item in near] == ["heat"]
    assert client.get("/v1/replays").json()["items"] == before
    listed = client.post(START, json={"scope": {"heat": "hot"}})
    assert listed.status_code == 422
    assert "a list is expected" in listed.text


@pytest.mark.parametrize(
    ("scope", "near"),
    [({"heat": ["hott"]}, "hot"), ({"owner.team": ["nort"]}, "north"), ({"owner.region": ["火星"]}, None)],
)
def test_an_option_of_a_scope_there_is_none_of_is_refused(client, scope, near):
    """A replay of nothing was kept, and looked like one that changes nothing."""
    before = client.get("/v1/replays").json()["items"]
    answer = client.post(START, json={"scope": scope})
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert (error["pointer"], error.get("suggestion")) == (f"/scope/{next(iter(scope))}", near)
    assert client.get("/v1/replays").json()["items"] == before


@pytest.mark.parametrize(
    "path", ["/v1/playbooks/desk/drafts/2/replays", "/v1/playbooks/desk/drafts/01/replays", "/v1/playbooks/nope/drafts/1/replays"]
)  # fmt: skip
def test_a_draft_that_was_never_kept_cannot_be_replayed(client, path):
    assert client.post(path, json={}).status_code == 404


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize("replay", ["0" * 64, "nothing", "..%2f..%2fetc"])
def test_a_replay_nobody_asked_for_is_not_found(client, method, replay):
    assert getattr(client, method)(f"/v1/replays/{replay}").status_code == 404


@pytest.mark.parametrize(
    "asked", [{"verdict": "refused"}, {"edge": "lead"}, {"by": "team"}, {"cursor": "x"}, {"never": "maybe"}]
)
def test_a_condition_that_cannot_be_is_refused(client, done, asked):
    answer = client.get(f"/v1/replays/{done['id']}/decisions", params=asked)
    assert answer.status_code == 400, answer.text


def test_what_is_not_done_has_no_decisions(client, done, engine):
    engine.may_go_on.clear()
    try:
        engine.began.clear()
        asked = {"upto": done["position"] - 2, "position": done["position"]}
        told = client.post(START, json=asked).json()
        assert engine.began.wait(10)
        for path in ("decisions", "datasets/decisions", "report"):
            answer = client.get(f"/v1/replays/{told['id']}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (409, "replay-not-done")
        assert client.post(START, json=asked).json()["id"] == told["id"]
        assert client.delete(f"/v1/replays/{told['id']}").status_code == 202
        assert ended(client, told["id"])["state"] == "cancelled"
    finally:
        engine.may_go_on.set()


def test_a_replay_that_is_done_is_signed_off_with_what_it_said(client, done, desk):
    """The sign-off carries the window, the position, the totals and the law; a replay nobody asked for is not found."""
    path = "/v1/playbooks/desk/drafts/1/sign-offs"
    answer = client.post(path, json={"replay": done["id"]}, headers={"Idempotency-Key": "sign-1"})
    assert answer.status_code == 201, answer.text
    event = desk.tenant.log.read(answer.json()["position"], answer.json()["position"])[0].event
    assert (event.replay, event.window, event.position) == (done["id"], done["window"], done["position"])
    assert event.summary["totals"] == done["impact"]["totals"]
    refused = client.post(path, json={"replay": "0" * 64}, headers={"Idempotency-Key": "sign-2"})
    assert refused.status_code == 404


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("lang", "word"), [("zh", "新增拒绝"), ("en", "newly refused")])
def test_the_report_is_a_page_under_its_policy(client, done, lang, word):
    answer = client.get(f"/v1/replays/{done['id']}/report", params={"lang": lang})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert word in answer.text
    assert "Anna Quist" in answer.text
    assert re.search(r'<html lang="(zh-CN|en)">', answer.text)


def test_a_person_who_was_erased_is_named_nowhere(client, done, desk):
    """Last: what was kept holds ids alone, so it tells nothing of who was erased since."""
    desk.do(EraseSubject(BEN))
    desk.tenant.catch_up.run()
    shown = client.get(f"/v1/replays/{done['id']}").text
    rows = client.get(f"/v1/replays/{done['id']}/decisions", params={"owner": BEN}).text
    page = client.get(f"/v1/replays/{done['id']}/report").text
    assert "Ben Okoro" not in shown + rows + page
    assert BEN in rows
