"""Quick entry end to end, on the shipped playbook: a tap over HTTP, many in one request, on the command line, and in the timeline."""

import json
from pathlib import Path

import pytest
from support.sales import a_client, a_submission
from typer.testing import CliRunner

from commands.playbook_file import parse_playbook, read_playbook
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import AttachEvidence, OpenRecord
from infra.cli.main import app

PLAYBOOK = Path(__file__).parents[2] / "playbooks" / "smart_hardware.yaml"
WANG = "person/per_wang"
TENDER = {"preset": "tender_received", "fields": {"expected_sign_on": "2026-09-30"}}


@pytest.fixture
def tenant(a_tenant):
    tenant = a_tenant()
    for command in (
        PublishPlaybook(read_playbook(PLAYBOOK)),
        FormTeam("east", "East", region="华东"),
        AddPerson(WANG, "王芳", team="east", roles=("sales",)),
        OpenRecord("customer/cus_1", {"name": "Meridian"}),
        OpenRecord("opportunity/opp_1", {"customer": "customer/cus_1", "source": "referral"}, owner=WANG),
    ):
        tenant.bus.submit(a_submission(command)).required()
    return tenant


def topics(answer):
    return [event["topic"].split(".")[1] for event in answer["events"]]


def test_a_tap_over_http_is_answered_with_all_its_events(tenant):
    """Attach the tender, tap once; sent again, it is the same tap. The timeline shows its events side by side, as one command."""
    with a_client(tenant) as client:

        def post(path, body, key):
            headers = {"Idempotency-Key": key, "On-Behalf-Of": WANG}
            return client.post(f"/v1/opportunities/opp_1{path}", json=body, headers=headers)

        missing = post("/progress", {"preset": "tender_received"}, "k0")
        assert missing.status_code == 422, missing.text
        assert missing.json()["code"] == "invalid-command"
        assert [error["pointer"] for error in missing.json()["errors"]] == [
            "/fields/expected_sign_on",
            "/evidence/tender_documents",
        ]
        attached = client.post(
            "/v1/opportunities/opp_1/evidence?field=tender_documents",
            content=b"the tender",
            headers={"Idempotency-Key": "e1", "Content-Type": "application/pdf"},
        )
        assert attached.status_code == 201, attached.text
        tender = TENDER | {"evidence": {"tender_documents": attached.json()["id"]}}
        done = post("/progress", tender, "k1")
        assert done.status_code == 200, done.text
        assert topics(done.json()) == ["touched", "fields-changed"]
        again = post("/progress", tender, "k1")
        assert (again.content, again.headers["Idempotency-Replayed"]) == (done.content, "true")
        position = done.json()["position"]
        shown = client.get(f"/v1/opportunities/opp_1?min_position={position}").json()
        assert shown["fields"]["budget_confirmed"] is True
        assert shown["fields"]["expected_sign_on"] == "2026-09-30"
        entries = client.get("/v1/opportunities/opp_1/timeline").json()["items"]
        assert [entry["what"] for entry in entries] == ["opened", "evidence", "touch", "field", "field"]
        touch, *fields = entries[2:]
        assert {entry["command_id"] for entry in fields} == {touch["command_id"]}
        assert {entry["on_behalf_of"] for entry in entries[2:]} == {WANG}
        presets = client.get("/v1/schemas/opportunity").json()["progress"]
        assert [preset["label"]["zh"] for preset in presets] == [
            "客户确认POC时间",
            "收到招标文件",
            "技术方案通过初审",
        ]


def test_many_taps_in_one_request_each_by_itself(tenant):
    """The second one lacks what the preset asks for, and stops no other."""
    reviewed = {"preset": "first_review_passed", "note": "评分第一", "fields": {"next_step": "周五终审答辩"}}
    about = {"command": "progress", "collection": "opportunities", "id": "opp_1"}
    lines = [
        {"key": "1", **about, "touch": "tou_7", **reviewed},
        {"key": "2", **about, "preset": "poc_time_confirmed"},
        {"key": "3", **about, "preset": "poc_time_confirmed", "fields": {"poc_started_on": "2026-05-11"}},
    ]
    with a_client(tenant) as client:
        told = client.post(
            "/v1/bulk",
            content="".join(f"{json.dumps(line)}\n" for line in lines),
            headers={"Content-Type": "application/x-ndjson"},
        )
        answers = [json.loads(line) for line in told.text.splitlines()]
    assert [answer["status"] for answer in answers] == [200, 422, 200], told.text
    assert answers[1]["errors"][0]["pointer"] == "/fields/poc_started_on"
    touches = [it.event.touch for it in tenant.log.stream("opportunity/opp_1") if hasattr(it.event, "touch")]
    assert touches[0] == "tou_7"
    assert len(touches) == 2


def test_the_command_line_shows_presets_and_notes_one(tenant, embedded_home):
    def run(*words, language="en"):
        at = ["-l", language, "--tenant", tenant.name, "--home", str(embedded_home)]
        return CliRunner().invoke(app, [*at, "progress", *words], env={"COLUMNS": "250"})

    shown = run("opportunities/opp_1", language="zh")
    assert shown.exit_code == 0, shown.output
    assert all(label in shown.stdout for label in ("客户确认POC时间", "收到招标文件", "POC开始日期", "备注"))
    done = run(
        "opportunity/opp_1", "poc_time_confirmed", "--field", "poc_started_on=2026-05-11", "--for", WANG
    )
    assert done.exit_code == 0, done.output
    assert [line.split()[1] for line in done.stdout.splitlines() if "record." in line] == [
        "record.touched.v1",
        "record.fields-changed.v1",
    ]
    *_, touched, changed = tenant.log.stream("opportunity/opp_1")
    assert (touched.on_behalf_of, changed.event.changes["poc_started_on"]["new"]) == (WANG, "2026-05-11")
    reviewed = ("opportunity/opp_1", "first_review_passed", "--field", "next_step=终审", "--note", "第一名")
    told = json.loads(run(*reviewed, "--json").stdout)
    assert topics(told) == ["touched", "fields-changed"]
    wrong = run("opportunity/opp_1", "poc_time_confirmed", "--field", "poc_started_on")
    assert wrong.exit_code == 2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_command_line_says_what_the_gate_of_a_tap_lacks(a_tenant, embedded_home, language):
    """A promise that is past already: the tap is refused with the condition, its words and why, and nothing of it happens."""
    tenant = a_tenant()
    text = (PLAYBOOK.parent / "medical_distribution.yaml").read_text("utf-8")
    for command in (
        PublishPlaybook(parse_playbook(text, "medical_distribution.yaml")),
        OpenRecord("customer/cus_1", {"name": "First People's"}),
        OpenRecord(
            "commitment/com_1",
            {
                "promise": "两台",
                "customer": "customer/cus_1",
                "department": "warehouse",
                "due_on": "2020-01-01",
            },
        ),
        AttachEvidence("commitment/com_1", "evi_1", "new_date_agreed", "5c" * 32, 9, "application/pdf"),
    ):
        tenant.bus.submit(a_submission(command)).required()
    before = tenant.log.stream("commitment/com_1")
    told = CliRunner().invoke(
        app,
        ["-l", language, "--tenant", tenant.name, "--home", str(embedded_home), "progress", "commitments/com_1",
         "moved_by_agreement", "--field", "due_on=2020-02-01", "--field", "moved_reason=capacity",
         "--evidence", "new_date_agreed=evi_1"],
        env={"COLUMNS": "250"},
    )  # fmt: skip
    assert told.exit_code == 1, told.output
    shown = told.output + told.stderr
    for item in ("condition:date_ahead_or_known", "condition:new_date_ahead"):
        assert item in shown
    assert {"en": "The new date lies ahead", "zh": "新日期未过"}[language] in shown
    assert tenant.log.stream("commitment/com_1") == before
