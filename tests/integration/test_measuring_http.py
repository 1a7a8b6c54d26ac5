"""Metrics and indices over HTTP and on the command line: numbers, the cases behind them, closings, tables, and questions that make no sense."""

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from support.sales import ALL_RIGHTS, ANNA, BEN, MORNING, OPERATOR, PLAYBOOK, Desk, TestClient, playbook
from support.slicing import slices_refused
from typer.testing import CliRunner

from commands.caller import Caller
from domain.playbook.commands import DraftPlaybook, PublishPlaybook
from domain.record.commands import ChangeStage, EditFields, OpenRecord, RecordTouch
from infra.cli.main import app
from infra.http.app import build
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.measured import Measures

INDICES = """
indices:
  phi:
    label: {zh: 过程健康度, en: Process health}
    kind: deal
    components:
      fresh: {label: {zh: 新鲜度, en: Freshness}, measure: freshness, fields: [amount, heat], weight: WEIGHT}
      calls: {label: {zh: 电话, en: Calls}, measure: touches, touches: [call], target: 4}
    bands:
      red: {label: {zh: 红, en: Red}}
      green: {label: {zh: 绿, en: Green}, at_least: 80}
"""


def measured(weight: str) -> Any:
    return playbook(PLAYBOOK + INDICES.replace("WEIGHT", weight))


def renamed() -> Any:
    """The playbook, with another name for the stage of offers."""
    return playbook((PLAYBOOK + INDICES.replace("WEIGHT", "1")).replace("      offer:", "      quote:"))


@pytest.fixture(scope="module")
def settings(embedded_home, a_fresh_name) -> Settings:
    return Settings(_env_file=None, home=embedded_home, database_url=None, tenant=a_fresh_name("measuring"))


@pytest.fixture(scope="module")
def desk(settings) -> Iterator[Desk]:
    """March: Anna opens three deals and Ben one; two are moved on, one is called twice; a draft weighs freshness three times as much."""
    with open_tenant(settings, clock="simulated", told_time=MORNING) as tenant:
        desk = Desk(tenant)
        desk.do(PublishPlaybook(measured("1")))
        for number, owner in enumerate([ANNA, ANNA, ANNA, BEN]):
            fields = {"topic": f"Pumps {number}", "heat": "warm"} | ({"amount": "250"} if number else {})
            desk.do(OpenRecord(f"deal/dea_{number}", fields, owner=owner))
            desk.clock += timedelta(hours=1)
        for touch in ("tou_1", "tou_2"):
            desk.do(RecordTouch("deal/dea_1", touch, "call"))
        desk.clock += timedelta(days=2)
        for number in (1, 3):
            desk.do(EditFields(f"deal/dea_{number}", {"heat": "hot"}))
            desk.do(ChangeStage(f"deal/dea_{number}", "offer"))
        desk.clock += timedelta(days=40)
        desk.do(DraftPlaybook(measured("3")))
        desk.do(DraftPlaybook(renamed()))
        tenant.catch_up.run()
        yield desk


@pytest.fixture(scope="module")
def client(desk, settings) -> Iterator[TestClient]:
    caller = Caller(desk.tenant.name, "test", OPERATOR, rights=ALL_RIGHTS)
    with TestClient(build(desk.tenant, settings, caller=caller)) as client:
        yield client


@pytest.fixture(scope="module")
def replay(client) -> str:
    """The draft, replayed over everything."""
    return replayed(client, 1)


def replayed(client: TestClient, draft: int, **body: Any) -> str:
    """Replay a draft, and wait until it is done."""
    asked = client.post(f"/v1/playbooks/desk/drafts/{draft}/replays", json=body)
    assert asked.status_code == 202, asked.text
    found = asked.json()["id"]
    until = time.monotonic() + 60
    while (state := get(client, f"replays/{found}")["state"]) != "done":
        assert state in {"queued", "running"}
        assert time.monotonic() < until
        time.sleep(0.05)
    return str(found)


def get(client: TestClient, path: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def by_cell(answer: dict[str, Any], dimension: str) -> dict[Any, dict[str, Any]]:
    return {item["cell"][dimension]: item for item in answer["items"]}


def test_every_metric_says_what_it_means(client):
    """Each with its contract: what a case is, the denominator, what is unknown, its dimensions and numbers, in both languages."""
    items = get(client, "metrics")["items"]
    assert [item["name"] for item in items] == [
        "stage_distribution", "dwell", "conversion", "return_rate", "rework", "conformance", "freshness",
        "penetration", "response", "dead_touches", "contradictions", "touches", "evidence", "acceptance",
        "work_times", "late_legs", "on_time", "approval_times", "overdue", "assignments", "healthy_actions",
    ]  # fmt: skip
    for item in items:
        assert all(item[member] for member in ("meaning", "axis", "unit", "denominator", "nulls", "numbers"))
        assert all(
            label["zh"] and label["en"] for label in (item["label"], *(n["label"] for n in item["numbers"]))
        )


def test_numbers_by_slice_are_called_by_their_names(client, desk):
    """Steps in the order of the playbook, with their labels; the answer says what it is of."""
    answer = get(client, "metrics/stage_distribution", kind="deals", by="step")
    assert [(item["cell"]["step"], item["records"]) for item in answer["items"]] == [
        ("lead", 2),
        ("offer", 2),
    ]
    assert answer["names"]["step"]["offer"]["zh"]
    assert (answer["as_of_position"], answer["playbook"], answer["playbook_version"]) == (
        desk.tenant.log.head(), "desk", 2,
    )  # fmt: skip
    owners = by_cell(get(client, "metrics/stage_distribution", kind="deal", by="owner"), "owner")
    assert {owner: item["records"] for owner, item in owners.items()} == {ANNA: 3, BEN: 1}
    assert (
        by_cell(
            get(client, "metrics/stage_distribution", kind="deal", by="owner", where="step=offer"), "owner"
        )[ANNA]["records"]
        == 1
    )


def test_two_numbers_are_compared_over_the_cells_of_a_slice(client):
    """Two owners are too few for a correlation: it is unknown, never 0, and the numbers of each stand beside it as the metrics say them."""
    asked = {"number": "visits", "with": "conversion", "with_number": "entered", "with_from": "lead", "with_to": "offer"}  # fmt: skip
    answer = get(client, "metrics/dwell/correlation", kind="deals", by="owner", **asked)
    assert (answer["n"], answer["left_out"]) == (2, 0)
    assert [answer[name] for name in ("r", "low", "high")] == [None] * 3
    visits = by_cell(get(client, "metrics/dwell", kind="deal", by="owner"), "owner")
    entered = by_cell(get(client, "metrics/conversion", **{"kind": "deal", "by": "owner", "from": "lead", "to": "offer"}), "owner")  # fmt: skip
    assert {item["cell"]["owner"]: (item["x"], item["y"]) for item in answer["items"]} == {
        owner: (visits[owner]["visits"], entered[owner]["entered"]) for owner in (ANNA, BEN)
    }
    assert answer["names"]["owner"][ANNA]


@pytest.mark.parametrize(
    ("wrong", "pointer", "suggestion"),
    [
        ({"number": "visit"}, "/query/number", "visits"),
        ({"with_number": "enterd"}, "/query/with_number", "entered"),
        ({"with_from": "leed"}, "/query/with_from", "lead"),
        ({"with_kind": "deel"}, None, "deal"),
        ({"with": "conversions"}, None, "conversion"),
        ({"by": ""}, "/query/by", None),
    ],
)
def test_what_is_wrong_with_either_side_is_called_as_it_was_asked_for(client, wrong, pointer, suggestion):
    asked = {
        "kind": "deals", "by": "owner", "number": "visits", "with": "conversion", "with_number": "entered",
        "with_from": "lead", "with_to": "offer", **wrong,
    }  # fmt: skip
    answer = client.get("/v1/metrics/dwell/correlation", params=asked)
    problem = answer.json()
    if pointer is None:
        assert (answer.status_code, problem["suggestion"]) == (404, suggestion)
    else:
        assert answer.status_code == 400
        assert (pointer, suggestion) in [(it["pointer"], it.get("suggestion")) for it in problem["errors"]]


def test_a_drill_down_is_as_long_as_its_number(client):
    """Page by page, each case with its record and the position of its event."""
    number = by_cell(get(client, "metrics/dwell", kind="deal", by="step", period="2026-03"), "step")["lead"][
        "visits"
    ]
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(
            client, "metrics/dwell/cases", kind="deal", number="visits", cell="step=lead", period="2026-03",
            limit=3, **cursor,
        )  # fmt: skip
        assert page["total"] == number == 4
        seen += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert sorted(item["record"] for item in seen) == [f"deal/dea_{n}" for n in range(4)]
    assert all(item["position"] and item["record_name"].startswith("Pumps") for item in seen)


def test_as_of_an_earlier_position_is_what_was_known_then(client):
    """Before anything was moved on, nothing had left."""
    moved = get(client, "events", topic="record.stage-changed.v1")["items"][0]["position"]
    now, then = (
        get(client, "metrics/dwell", kind="deal", **about)["items"][0]["ended"]
        for about in ({}, {"as_of": moved - 1})
    )
    assert (now, then) == (2, 0)


def test_an_index_with_its_components_and_the_cases_behind_them(client):
    """Calls: 2 of 4 in March; freshness at the end of March: amounts and heats told within 30 days."""
    march = by_cell(get(client, "indices/phi", by="owner", period="2026-03"), "owner")[ANNA]
    calls, fresh = march["components"]["calls"], march["components"]["fresh"]
    assert {name: part["unit"] for name, part in march["components"].items()} == {
        "calls": "count",
        "fresh": "percent",
    }
    assert (calls["score"], calls["judged"]) == ("50", 2)
    assert fresh["judged"] == 6
    behind = get(client, "indices/phi/cases", component="calls", cell=f"owner={ANNA}", period="2026-03")
    assert behind["total"] == 2
    assert {item["record"] for item in behind["items"]} == {"deal/dea_1"}
    several = get(client, "indices/phi", last=2)
    assert [item["cell"]["period"] for item in several["items"]] == ["2026-03", "2026-04"]


def test_a_replayed_index_answers_the_same_question(client, replay):
    """The draft weighs freshness three times as much: same route, same cells, same scores, another value."""
    question = {"by": "owner", "period": "2026-03"}
    live, drafted = (
        by_cell(get(client, "indices/phi", **question, **more), "owner")[ANNA]
        for more in ({}, {"replay": replay})
    )
    scores = [{part: told["score"] for part, told in item["components"].items()} for item in (live, drafted)]
    assert scores[0] == scores[1]
    weights = [item["components"]["fresh"]["weight_percent"] for item in (live, drafted)]
    assert weights == ["50", "75"]
    assert live["value"] != drafted["value"]
    assert get(client, "metrics/dwell", kind="deal", replay=replay)["replay"] == replay


def test_a_draft_that_renames_a_stage_is_replayed_through_its_mapping(client, replay):
    """With the mapping moves into `offer` are moves into `quote`, in the replay as in its metrics; without it nobody can judge them."""
    told = {"deal": {"stages": {"offer": "quote"}}}
    mapped, unmapped = replayed(client, 2, mappings=told), replayed(client, 2)
    assert len({replay, mapped, unmapped}) == 3
    totals = [get(client, f"replays/{one}")["impact"]["totals"] for one in (mapped, unmapped)]
    assert [(it["not_judgeable"], it["newly_refused"]) for it in totals] == [(0, 0), (2, 0)]
    steps = by_cell(get(client, "metrics/stage_distribution", kind="deal", by="step", replay=mapped), "step")
    assert {step: item["records"] for step, item in steps.items()} == {"lead": 2, "quote": 2}
    # A step that was mapped can be no case's any more; one nothing was made of keeps the name it was recorded under.
    about = {"kind": "deal", "where": "step=offer"}
    error = refused(client, "metrics/dwell", **about, replay=mapped)
    assert (error["message"], error["suggestion"]) == ("the step … counts as another one now", "quote")
    (offers,) = get(client, "metrics/dwell", **about, replay=unmapped)["items"]
    assert offers["visits"] == 2


def test_tables_for_other_programs(client):
    """CSV and Parquet hold the same rows, with ids."""
    asked = {"kind": "deal", "by": "owner"}
    csv = client.get("/v1/metrics/dwell", params={**asked, "format": "csv"})
    parquet = client.get("/v1/metrics/dwell", params={**asked, "format": "parquet"})
    assert csv.headers["content-type"].startswith("text/csv")
    rows = pl.read_parquet(io.BytesIO(parquet.content))
    assert rows["owner"].to_list() == [ANNA, BEN]
    assert pl.read_csv(csv.content)["visits"].to_list() == rows["visits"].to_list()


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("metrics/dwel", {"kind": "deal"}, 404, "dwell"),
        ("metrics/dwell", {"kind": "dael"}, 404, "deal"),
        ("metrics/dwell", {"kind": "deal", "by": "ownr"}, 400, "owner"),
        ("metrics/dwell", {"kind": "deal", "period": "March"}, 400, "2026-03"),
        ("metrics/dwell", {"kind": "deal", "from": "lead"}, 400, "no parameter"),
        ("metrics/dwell", {"kind": "deal", "perod": "2026-03"}, 400, '"suggestion":"period"'),
        ("metrics/conversion", {"kind": "deal"}, 400, "is needed"),
        ("metrics/stage_distribution", {"kind": "deal", "period": "2026-03"}, 400, "another one"),
        ("metrics/dwell/cases", {"kind": "deal", "number": "visit"}, 400, "visits"),
        ("metrics/dwell", {"kind": "deal", "effective_at": "2026-03-03"}, 400, "period"),
        ("indices/pih", {}, 404, "phi"),
        ("indices/phi", {"period": "2026-W12"}, 400, "month"),
        ("indices/phi", {"replay": "0" * 64}, 404, "replay"),
        ("indices/phi/cases", {"component": "fresch"}, 404, "fresh"),
    ],
)  # fmt: skip
def test_questions_that_make_no_sense_are_refused_with_what_would(client, path, query, status, words):
    """With a problem that names the parameter, and the nearest name where there is one."""
    answer = client.get(f"/v1/{path}", params=query)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.text


def close(client: TestClient, key: str, **body: Any) -> Any:
    return client.post("/v1/indices/phi/closings", json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("metrics/dwell", "last"),
        ("metrics/dwell", "component"),
        ("metrics/dwell", "cell"),
        ("metrics/dwell", "among"),
        ("metrics/dwell", "cursor"),
        ("metrics/dwell", "with_kind"),
        ("metrics/dwell/cases", "format"),
        ("metrics/dwell/cases", "last"),
        ("metrics/dwell/correlation", "format"),
        ("metrics/dwell/correlation", "last"),
        ("indices/phi", "kind"),
        ("indices/phi", "cell"),
        ("indices/phi/cases", "format"),
        ("indices/phi/cases", "last"),
    ],
)
def test_a_parameter_of_another_page_is_not_swallowed(client, path, parameter):
    """`format=csv` where there is no table, `last` where there is one period only: refused, and not ignored in silence."""
    needed = {"kind": "deals", "number": "ended", "with": "dwell", "with_number": "ended", "by": "owner"}
    if path.startswith("indices"):
        needed = {"component": "fresh"} if path.endswith("cases") else {}
    elif path == "metrics/dwell":
        needed = {"kind": "deals"}
    elif path.endswith("cases"):
        needed = {"kind": "deals", "number": "ended"}
    plain = client.get(f"/v1/{path}", params=needed)
    assert plain.status_code == 200, plain.text
    answer = client.get(f"/v1/{path}", params={**needed, parameter: "1"})
    assert answer.status_code == 400, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/query/{parameter}"]


def test_a_closed_period_stands_until_it_is_restated(client, desk):
    """Closed as of the position that was looked at; sent again it is the same answer; another closing needs to say what it replaces, and why."""
    position = get(client, "indices/phi", period="2026-03")["as_of_position"]
    first = close(client, "march", period="2026-03", position=position)
    assert first.status_code == 201, first.text
    again = close(client, "march", period="2026-03", position=position)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    assert close(client, "other", period="2026-03", position=position).status_code == 422
    stands = get(client, "indices/phi/closings/2026-03")
    whole = next(item for item in stands["cells"] if item["cell"] == {"period": "2026-03"})
    assert whole["value"] == get(client, "indices/phi", period="2026-03", as_of=position)["items"][0]["value"]
    restated = close(
        client, "restated", period="2026-03", position=position, restates=first.json()["position"], reason="a call was noted late"
    )  # fmt: skip
    assert restated.status_code == 201, restated.text
    (item,) = get(client, "indices/phi/closings")["items"]
    assert (item["period"], item["restated"], item["reason"]) == ("2026-03", 1, "a call was noted late")
    assert close(client, "ahead", period="2026-03", position=10**9).status_code == 422
    assert close(client, "open", period="2026-04", position=position).status_code == 422


def test_a_period_is_closed_as_of_a_position_at_which_it_was_over(client, desk):
    """Half a month was frozen for good, as of a position in the middle of it."""
    head = get(client, "indices/phi", period="2026-03")["as_of_position"]
    answer = close(client, "half", period="2026-03", position=7)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/position"
    whole = int(error["message"].split(" position ")[-1].split()[0])
    assert 7 < whole <= head
    assert close(client, "almost", period="2026-03", position=whole - 1).status_code == 422
    standing = client.get("/v1/indices/phi/closings/2026-03")
    again = (
        {"restates": standing.json()["position"], "reason": "a call was noted late"}
        if standing.status_code == 200
        else {}
    )
    assert close(client, "whole", period="2026-03", position=whole, **again).status_code == 201


def test_a_period_before_the_log_began_is_refused_and_never_invented(client):
    """Asked for, opened, or closed by name: with the moment the log began. Among the last months it is unknown, and no cell of it is there."""
    began = "the log began later, at 2026-03-02 09:00 UTC"
    for path, query in (("indices/phi", {}), ("indices/phi/cases", {"component": "fresh"})):
        answer = client.get(f"/v1/{path}", params={**query, "period": "1990-01"})
        assert answer.status_code == 400, answer.text
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["message"]) == ("/query/period", f"1990-01 has no data: {began}")
    position = get(client, "indices/phi")["as_of_position"]
    for period in ("1990-01", "2026-02"):
        answer = close(client, f"early {period}", period=period, position=position)
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["message"]) == ("/period", f"there is nothing to close: {began}")
    months = get(client, "indices/phi", last="3")["items"]
    assert [(item["cell"]["period"], item["value"] is None) for item in months] == [
        ("2026-02", True), ("2026-03", False), ("2026-04", False),
    ]  # fmt: skip
    assert {part["judged"] for part in months[0]["components"].values()} == {0}
    by_owner = get(client, "indices/phi", last="3", by="owner")["items"]
    assert {item["cell"]["period"] for item in by_owner} == {"2026-03", "2026-04"}


def test_a_past_month_is_what_was_answered_as_of_its_end(client):
    """Freshness of March, asked in April, is the freshness metric as of the last position of March: as many pairs, as many of them fresh."""
    (march,) = get(client, "indices/phi", period="2026-03")["items"]
    then = get(client, "indices/phi", as_of="2026-03-31T15:59:59.999999Z")
    asked = {"kind": "deal", "fields": "amount,heat", "as_of": str(then["as_of_position"])}
    (right,) = get(client, "metrics/freshness", **asked)["items"]
    found = march["components"]["fresh"]
    assert found["judged"] == right["judged"] == 8
    assert get(client, "indices/phi/cases", component="fresh", period="2026-03")["total"] == right["fresh"]


@pytest.fixture
def dealtrail(settings, desk, monkeypatch) -> Callable[..., str]:
    monkeypatch.setenv("DEALTRAIL_HOME", str(settings.home))
    monkeypatch.setenv("DEALTRAIL_TENANT", settings.tenant)

    def run(*words: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, list(words), catch_exceptions=False, env={"COLUMNS": "160"})
        assert done.exit_code == status, done.output
        return done.stdout

    return run


def test_the_same_on_the_command_line(dealtrail, client, tmp_path):
    """The same numbers as over HTTP; figures in units people read; a table into a file."""
    over_http = get(client, "metrics/dwell", kind="deal", by="step")["items"]
    told = json.loads(dealtrail("metric", "show", "dwell", "--kind", "deal", "--by", "step", "--json"))[
        "items"
    ]
    assert told == over_http
    assert "2 d" in dealtrail("metric", "show", "dwell", "--kind", "deal", "--by", "step")
    assert "denominator" in dealtrail("metric", "explain", "conversion")
    assert "4 of 4 cases" in dealtrail(
        "metric", "cases", "dwell", "--kind", "deal", "--number", "visits", "--cell", "step=lead"
    )
    assert "Process health" in dealtrail("-l", "en", "index", "list")
    assert "Red" in dealtrail("-l", "en", "index", "show", "phi", "--by", "owner", "--period", "2026-03")
    out = tmp_path / "phi.parquet"
    dealtrail("index", "show", "phi", "--by", "owner", "--out", str(out))
    assert "fresh_score" in pl.read_parquet(out).columns
    assert "a call was noted late" in dealtrail("index", "closings", "phi")
    assert "Anna" in dealtrail("index", "closings", "phi", "2026-03")


def test_a_correlation_on_the_command_line(dealtrail):
    """Too few cells are said to be too few."""
    asked = (
        "--number",
        "visits",
        "--with",
        "conversion",
        "--with-number",
        "entered",
        "--with-set",
        "from=lead",
    )
    told = dealtrail("metric", "correlation", "dwell", *asked, "--with-set", "to=offer", "--kind", "deal", "--by", "owner")  # fmt: skip
    assert "r is unknown over 2 cells: it takes 10" in told


def test_both_numbers_of_a_correlation_are_of_one_position(client, desk, monkeypatch):
    """Somebody writes while the first metric is asked; the second one was asked as of the later position then."""
    positions: list[int] = []
    real = Measures._reading

    def somebody_writes(self: Measures, kind: str | None, position: int, now: Any) -> Any:
        positions.append(position)
        desk.do(RecordTouch("deal/dea_2", f"tou_meanwhile_{len(positions)}", "call"))
        desk.tenant.catch_up.run()
        return real(self, kind, position, now)

    monkeypatch.setattr(Measures, "_reading", somebody_writes)
    answer = get(client, "metrics/touches/correlation", **{"kind": "deal", "by": "owner", "number": "touches", "with": "touches", "with_number": "touches"})  # fmt: skip
    assert positions == [answer["as_of_position"]] * 2
    assert [item["x"] for item in answer["items"]] == [item["y"] for item in answer["items"]]


@pytest.mark.parametrize("path", ["metrics/dwell", "metrics/touches", "metrics/dwell/cases"])
@pytest.mark.parametrize(
    ("period", "why"), [("1990-01", "has no data: the log began later"), ("2199-01", "has not begun as of")]
)
def test_a_metric_of_a_period_nobody_knows_anything_of_is_refused_and_not_0(client, path, period, why):
    """It answered 0 visits in 1990, and in a year that has not begun."""
    about = {"kind": "deal", "period": period} | ({"number": "visits"} if path.endswith("cases") else {})
    answer = client.get(f"/v1/{path}", params=about)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/query/period"
    assert error["message"].startswith(f"{period} {why}")


def refused(client: TestClient, path: str, language: str = "en", **query: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/{path}", params=query, headers={"Accept-Language": language})
    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    return dict(error)


@pytest.mark.parametrize(
    ("dimension", "wrong", "suggestion", "listed"),
    [
        ("step", "ofer", "offer", "there is no step …; 'lead', 'offer', 'won', 'lost' can be named"),
        ("step", "zzz", None, "there is no step …; 'lead', 'offer', 'won', 'lost' can be named"),
        ("stage", "leed", "lead", "there is no stage …; 'lead', 'offer', 'won', 'lost' can be named"),
        ("team", "nroth", "north", "there is no team …; 'north', 'south' can be named"),
        ("region", "zzz", None, "there is no region …; "),
        ("owner", "per_anna", ANNA, "there is no person …; a person is named as person/per_…"),
    ],
)
def test_a_slice_no_case_can_lie_in_is_refused_and_not_0(client, dimension, wrong, suggestion, listed):
    """A mistyped step, team or region answered 0, as if there had been nothing. So did the cell of a drill-down."""
    for path, query, pointer in (
        ("metrics/dwell", {"kind": "deal", "where": f"{dimension}={wrong}"}, "where"),
        ("indices/phi", {"where": f"{dimension}={wrong}"}, "where"),
        (
            "metrics/dwell/cases",
            {"kind": "deal", "number": "visits", "by": dimension, "cell": f"{dimension}={wrong}"},
            "cell",
        ),
        ("indices/phi/cases", {"component": "fresh", "cell": f"{dimension}={wrong}"}, "cell"),
    ):
        error = refused(client, path, **query)
        assert (error["pointer"], error["suggestion"]) == (f"/query/{pointer}", suggestion)
        assert error["message"].startswith(listed)
        assert refused(client, path, "zh", **query)["message"].startswith("没有此")


@pytest.mark.parametrize(
    ("metric", "dimension", "wrong", "suggestion"),
    [("touches", "touch_kind", "cal", "call"), ("evidence", "evidence_field", "scna", "scan"), ("freshness", "field", "amuont", "amount")],
)  # fmt: skip
def test_a_name_no_playbook_has_is_refused_and_not_0(client, metric, dimension, wrong, suggestion):
    """A mistyped kind of touch answered 0 touches, and so did the cell of a drill-down."""
    for path, query, pointer in (
        (f"metrics/{metric}", {"where": f"{dimension}={wrong}"}, "where"),
        (f"metrics/{metric}/cases", {"number": "records", "cell": f"{dimension}={wrong}"}, "cell"),
    ):
        error = refused(client, path, kind="deal", **query)
        assert (error["pointer"], error["suggestion"]) == (f"/query/{pointer}", suggestion)
        in_chinese = refused(client, path, "zh", kind="deal", **query)["message"]
        assert in_chinese.startswith("没有此")
        assert not re.search("[a-z]{3}", in_chinese.split("；")[0])
    right = {"kind": "deal", "where": f"{dimension}={suggestion}"}
    assert client.get(f"/v1/metrics/{metric}", params=right).status_code == 200


def test_every_slice_that_was_shown_can_be_asked_for(client):
    """Whatever a cell is called can be limited to, in the same words; what nobody is in is 0, where it could be."""
    assert slices_refused(client, "deal") == []
    for dimension in ("step", "stage", "team", "region", "owner"):
        for cell, item in by_cell(get(client, "metrics/dwell", kind="deal", by=dimension), dimension).items():
            limit = f"{dimension}={cell or ''}"
            (found,) = get(client, "metrics/dwell", kind="deal", where=limit)["items"]
            assert found["visits"] == item["visits"] > 0
    (nobody,) = get(client, "metrics/dwell", kind="deal", where="step=lost")["items"]
    assert nobody["visits"] == 0


def test_a_month_nobody_knows_anything_of_is_no_slice_either(client):
    """`where=month=1990-01` answered 0, although `period=1990-01` is refused."""
    for month, why in (("1990-01", "has no data: the log began later"), ("2199-01", "has not begun as of")):
        error = refused(client, "metrics/dwell", kind="deal", where=f"month={month}")
        assert error["pointer"] == "/query/where"
        assert f"{month} {why}" in error["message"]


def test_what_there_is_no_such_number_or_dimension_of_lists_those_there_are(client):
    """They were refused without a word about what could be asked instead."""
    colour = refused(client, "metrics/dwell", kind="deal", by="colour")["message"]
    assert colour.startswith("there is no dimension …; 'owner', 'team', 'region', 'step', 'stage', 'path', ")
    assert colour.endswith("can be named")
    number = refused(client, "metrics/dwell/cases", kind="deal", number="nope")["message"]
    assert number.startswith("there is no number …; 'visits', 'running', 'ended', ")
    assert refused(client, "metrics/dwell", "zh", kind="deal", by="colour")["message"].startswith(
        "没有此维度；可选：'owner'"
    )
