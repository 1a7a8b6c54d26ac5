"""Commands over HTTP on a real log: the walk through the description, duplicates at the same time, files that stay."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.commands_over_http import Http, HttpDesk, an_app, is_done, is_refused
from support.evidence import STAMP, sha256_of
from support.sales import Desk, a_submission, is_whole
from support.walking import walked

from commands.http.openapi import expand
from commands.playbook_file import read_playbook
from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.commands import PublishPlaybook
from infra.evidence import ObjectStoreEvidence

SMART_HARDWARE = Path(__file__).parents[2] / "playbooks/smart_hardware.yaml"


@pytest.fixture
def tenant(a_tenant):
    return a_tenant("commands")


@pytest.fixture
def http(tenant, tmp_path):
    Desk(tenant)
    evidence = ObjectStoreEvidence.in_folder(tmp_path / "evidence")
    return Http(an_app(HttpDesk(tenant.bus, tenant.log, evidence)))


def test_a_walk_through_the_description_issues_every_command(a_tenant, tmp_path):
    """Done when 4: on a fresh log with the shipped playbook, every example of the document works as it stands."""
    tenant = a_tenant("walk")
    tenant.bus.submit(a_submission(PublishPlaybook(read_playbook(SMART_HARDWARE))))
    evidence = ObjectStoreEvidence.in_folder(tmp_path / "evidence")
    http = Http(an_app(HttpDesk(tenant.bus, tenant.log, evidence)))
    playbooks = tenant.log.state(PLAYBOOKS_STREAM, catalogue.fold)
    document = expand(http.app.openapi(), playbooks)
    head = tenant.log.head()
    assert walked(http.client, document, tenant.log) > 30
    events = tenant.log.head() - head
    assert walked(http.client, document, tenant.log) > 30, "and once more: the same keys, the same answers"
    assert tenant.log.head() == head + events
    assert is_whole(tenant.url)


def test_an_answer_is_the_same_bytes_as_long_as_the_log_lives(http, tenant):
    """What was answered at once and what is answered from the log are one function of the same events."""
    sent = [
        lambda: http.post("/deals", {"fields": {"topic": "Pumps"}}, key="1"),
        lambda: http.post(
            "/contacts", {"id": "con_1", "fields": {"name": "Li Lei"}, "reason": "a visit"}, key="2"
        ),
        lambda: http.post("/deals", {"id": "dea_1", "fields": {"amount": "250"}}, key="3"),
        lambda: http.patch("/deals/dea_1", {"fields": {"topic": "x", "note": "n"}}, key="4", version=1),
        lambda: http.post("/deals/dea_1/stage-changes", {"to": "offer", "fields": {"topic": "y"}}, key="5"),
        lambda: http.post("/deals/dea_1/stage-changes", {"to": "won"}, key="6"),
        lambda: http.patch("/deals/dea_1", {"fields": {"topic": "y"}}, key="7", version=4),
        lambda: http.post("/people", {"name": "Uma"}, key="8"),
        lambda: http.post("/erasures", {"subject": "contact/con_1", "ground": "request"}, key="9"),
    ]
    first = [send() for send in sent]
    assert [response.status_code for response in first] == [201, 201, 201, 200, 200, 422, 200, 201, 201]
    head = tenant.log.head()
    again = [send() for send in sent]
    assert [response.content for response in again] == [response.content for response in first]
    assert all(response.headers["idempotency-replayed"] == "true" for response in again)
    assert [response.headers.get("location") for response in again] == [
        r.headers.get("location") for r in first
    ]
    assert tenant.log.head() == head


def test_duplicates_at_the_same_time_are_one(http, tenant):
    """Sixteen threads, four keys: each command is carried out once, and each is answered with one answer."""
    is_done(http.post("/deals", {"id": "dea_1"}), 201)

    def send(number):
        return http.post("/deals/dea_1/touches", {"kind": "call", "note": "ring"}, key=f"k{number % 4}")

    with ThreadPoolExecutor(16) as threads:
        sent = list(threads.map(send, range(32)))
    assert {response.status_code for response in sent} == {201}
    assert len({response.content for response in sent}) == 4
    assert sum("idempotency-replayed" in response.headers for response in sent) == 28
    assert len(tenant.log.stream("deal/dea_1")) == 5
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: http.post("/deals", {}, key="o"), range(8)))
    assert len({response.content for response in opened}) == 1


def test_of_many_edits_of_one_version_one_is_made(http):
    """If-Match: the others are told what they have not seen."""
    is_done(http.post("/deals", {"id": "dea_1"}), 201)
    with ThreadPoolExecutor(8) as threads:
        sent = list(
            threads.map(
                lambda number: http.patch("/deals/dea_1", {"fields": {"topic": str(number)}}, version=1),
                range(8),
            )
        )
    statuses = sorted(response.status_code for response in sent)
    assert statuses == [200] + [412] * 7
    stale = next(response for response in sent if response.status_code == 412)
    problem = is_refused(stale, 412, "stale-version")
    assert (problem["current_version"], [change["field"] for change in problem["changes"]]) == (2, ["topic"])


def test_a_file_stays_where_its_hash_says(http, tmp_path):
    """In a folder, under its SHA-256, once however often it comes."""
    is_done(http.post("/deals", {"id": "dea_1", "fields": {"amount": "250"}}), 201)
    for number in range(3):
        sent = {"content": STAMP, "headers": {"content-type": "image/png"}}
        is_done(http.post(f"/deals/dea_1/evidence?field=scan&file_name={number}.png", **sent), 201)
    assert [path.name for path in (tmp_path / "evidence").iterdir()] == [sha256_of(STAMP)]
    is_done(http.post("/deals/dea_1/stage-changes", {"to": "offer"}))
    is_done(http.post("/deals/dea_1/stage-changes", {"to": "won"}))


def test_a_thousand_lines_at_once(http, tenant):
    """Openings and edits, each on the record the line before made; sent again, nothing happens twice."""
    lines = []
    for number in range(500):
        about = {"collection": "deals", "id": f"dea_{number}"}
        lines.append(
            {"key": f"o{number}", "command": "open", **about, "fields": {"topic": "a", "note": "private"}}
        )
        lines.append(
            {"key": f"e{number}", "command": "edit", **about, "if_match": 1, "fields": {"topic": "b"}}
        )
    raw = b"\n".join(json.dumps(line).encode() for line in lines)
    send = lambda: http.post("/bulk", content=raw, headers={"content-type": "application/x-ndjson"}, key=None)  # noqa: E731
    results = [json.loads(line) for line in send().content.splitlines()]
    assert [result["line"] for result in results] == list(range(1, 1_001))
    assert [result["status"] for result in results] == [201, 200] * 500
    head = tenant.log.head()
    again = [json.loads(line) for line in send().content.splitlines()]
    assert again == [{**result, "replayed": True} for result in results]
    assert tenant.log.head() == head
