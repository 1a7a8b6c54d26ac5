"""The description of the service: a path per collection, schemas of fields, and examples that work as they stand."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from support.commands_over_http import Http, HttpDesk, an_app
from support.desk import an_empty_desk
from support.given import the_playbook
from support.sales import playbook as the_desk_playbook
from support.walking import requests_of, walked

from commands.http.actions import RECORD_ACTIONS
from commands.http.example_problems import example_problems
from commands.http.openapi import expand
from commands.http.organisation import ORGANISATION_ACTIONS
from commands.playbook_file import parse_playbook, read_playbook
from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.commands import PublishPlaybook
from infra.http.catalogue import CATALOGUE
from infra.http.problems import described

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(ROOT.glob("playbooks/**/*.yaml"))


def problem_of(error):
    return json.loads(described(error, "en").response("en").body)


def an_http(*playbooks):
    """A fresh log with nothing but playbooks in it."""
    desk = an_empty_desk()
    for published in playbooks:
        desk.submit(PublishPlaybook(published))
    return Http(an_app(HttpDesk(desk.bus, desk.log))), desk


def the_description(http, desk):
    playbooks = desk.log.state(PLAYBOOKS_STREAM, catalogue.fold) or Playbooks()
    return expand(http.app.openapi(), playbooks, problem_of)


@pytest.fixture(scope="module")
def smart_hardware():
    return read_playbook(ROOT / "playbooks/smart_hardware.yaml")


@pytest.fixture(scope="module")
def description(smart_hardware):
    return the_description(*an_http(smart_hardware))


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolved(document, reference):
    found = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def references(part):
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


# ── the examples work ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_command_can_be_issued_from_its_example(smart_hardware):
    """From the document alone, in its order, on a fresh log: each is answered as the document says."""
    http, desk = an_http(smart_hardware)
    document = the_description(http, desk)
    walked(http.client, document, desk.log)
    issued = {request.operation for request in requests_of(document)}
    assert issued == {operation["operationId"] for _, _, operation in operations(document)}
    stages = [
        event.event.after
        for event in desk.log.stream("opportunity/opp_example")
        if hasattr(event.event, "after") and event.event.TOPIC == "record.stage-changed.v1"
    ]
    assert stages == ["needs_diagnosis", "project_confirmed"]


@pytest.mark.parametrize(
    "file", [file for file in SHIPPED if ".mapping." not in file.name], ids=lambda file: file.name
)
def test_the_examples_of_every_shipped_playbook_work(file):
    """And every command has one."""
    published = read_playbook(file)
    http, desk = an_http(published)
    document = the_description(http, desk)
    walked(http.client, document, desk.log)
    without = {found["operationId"] for _, _, found in operations(document)}
    without -= {request.operation for request in requests_of(document)}
    assert not without


@pytest.mark.parametrize("published", [the_playbook(), the_desk_playbook()], ids=lambda it: it.name)
def test_the_examples_of_other_playbooks_work(published):
    http, desk = an_http(published)
    walked(http.client, the_description(http, desk), desk.log)


def test_the_examples_follow_what_a_playbook_asks_for():
    """Bounds and choices are kept; a field nobody can think of a value for is left out; names may be of any script."""
    text = """
playbook: 学校
label: {zh: 学校, en: School}
kinds:
  学员:
    label: {zh: 学员, en: Pupil}
    collection: 学员们
    prefix: stu
    fields:
      编号: {type: text, personal: false, pattern: '[A-Z]{3}-[0-9]{7}', label: {zh: 编号, en: Number}}
      年龄: {type: number, min: 18, max: 99, label: {zh: 年龄, en: Age}}
      费用: {type: money, currency: JPY, max: 5000, label: {zh: 费用, en: Fee}}
      科目:
        type: choice
        choose: {at_least: 2, at_most: 3}
        label: {zh: 科目, en: Subjects}
        options: {a: {zh: 甲, en: A}, b: {zh: 乙, en: B}, c: {zh: 丙, en: C}}
    stages:
      报名: {label: {zh: 报名, en: Enrolled}, enter: {fields: [年龄, 科目]}}
      毕业: {label: {zh: 毕业, en: Graduated}, outcome: won}
"""
    http, desk = an_http(parse_playbook(text, "school.yaml"))
    document = the_description(http, desk)
    walked(http.client, document, desk.log)
    opening = document["paths"]["/v1/学员们"]["post"]["requestBody"]["content"]["application/json"]
    assert opening["examples"]["example"]["value"]["fields"]["年龄"] == "18"
    assert "编号" not in opening["examples"]["example"]["value"]["fields"]


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_collection_has_its_own_paths(description):
    """Under the words of the playbook; what a kind does not know is not offered."""
    paths = set(description["paths"])
    for action in RECORD_ACTIONS:
        rest = action.path if action.opens else "/{record_id}" + action.path
        assert f"/v1/opportunities{rest}" in paths
    assert "/v1/customers/{record_id}/touches" not in paths, "customers are not touched"
    assert "/v1/customers/{record_id}/stage-changes" not in paths, "customers have no stages"
    assert not any("{collection}" in path for path in paths)


def test_every_operation_has_a_name_of_its_own(description):
    ids = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(ids) == len(set(ids))
    assert {
        "open_opportunity",
        "edit_customer",
        "change_stage_opportunity",
        "attach_evidence_opportunity",
        "bulk",
    } <= set(ids)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in ids)


def test_every_operation_says_what_it_needs_and_what_it_answers(description):
    """OpenAPI 3.1: path parameters are declared, references lead somewhere, commands name their headers, problems have a page."""
    assert description["openapi"].startswith("3.1")
    assert all(resolved(description, reference) for reference in references(description))
    tags = {tag["name"] for tag in description["tags"]}
    for path, method, operation in operations(description):
        declared = {(found["in"], found["name"]): found for found in operation.get("parameters", ())}
        assert len(declared) == len(operation.get("parameters", ())), path
        asked = set(re.findall(r"{(\w+)}", path))
        assert {name for place, name in declared if place == "path"} == asked
        assert all(declared[("path", name)]["required"] is True for name in asked)
        assert operation["summary"]
        if "/v1/opportunities" in path:
            assert operation["tags"] == ["opportunities"]
            assert "opportunities" in tags
        if operation["operationId"] not in {"bulk", "check_playbook"}:
            assert declared[("header", "Idempotency-Key")]["required"] is (method == "post")
        if method == "patch":
            assert declared[("header", "If-Match")]["required"] is True
        assert declared[("header", "On-Behalf-Of")]["required"] is False, path
        done = [status for status in operation["responses"] if status.startswith("2")]
        assert len(done) == 1
        assert {"400", "401", "403", "404", "413", "415", "422", "429", "503"} <= set(operation["responses"])
        for parameter in declared.values():
            assert ("schema" in parameter) != ("content" in parameter)
            assert not ("example" in parameter and "examples" in parameter)
    assert description["components"]["securitySchemes"]
    assert description["security"]


def test_names_of_components_are_those_openapi_allows(description):
    names = [name for part in description["components"].values() for name in part]
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in names)


def test_a_field_says_what_may_be_sent(description):
    """Types, formats, options, money and who it is about, with labels in both languages."""
    fields = description["components"]["schemas"]["opportunity_fields"]["properties"]
    assert fields["source"]["enum"] == ["exhibition", "referral", "inbound", "partner", "outbound", None]
    assert "展会 / Exhibition" in fields["source"]["description"]
    assert (fields["pains"]["minItems"], fields["pains"]["maxItems"]) == (3, 3)
    assert fields["amount"]["anyOf"][0]["properties"]["currency"] == {"const": "CNY"}
    assert fields["expected_sign_on"]["format"] == "date"
    assert fields["main_contact"]["pattern"] == "^contact/"
    assert fields["pain_record"]["x-personal"] is True
    assert "x-personal" not in fields["project_name"]
    assert "red_stamp_scan" not in fields, "evidence is attached, not edited"
    body = description["paths"]["/v1/opportunities/{record_id}/stage-changes"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert schema["properties"]["to"]["enum"][0] == "lead_assigned"
    assert schema["additionalProperties"] is False


def test_there_is_an_example_of_every_problem_commands_are_answered_with(description):
    examples = description["components"]["examples"]
    assert set(examples) == {problem_of(error)["code"] for error in example_problems()}
    assert set(examples) <= set(CATALOGUE)
    for code, example in examples.items():
        assert example["value"]["status"] == CATALOGUE[code].status
    shown = description["components"]["responses"]["problem-422"]["content"]["application/problem+json"][
        "examples"
    ]
    assert {"gate-not-met", "invalid-command", "idempotency-key-reused", "playbook-refused"} <= set(shown)


def test_every_command_has_an_operation(description):
    ids = {operation["operationId"] for _, _, operation in operations(description)}
    assert {action.name for action in ORGANISATION_ACTIONS} <= ids
    assert {f"{action.name}_opportunity" for action in RECORD_ACTIONS} <= ids


def test_without_a_playbook_it_is_described_in_general():
    """Somebody who has just begun sees which commands there are."""
    http, desk = an_http()
    document = the_description(http, desk)
    assert "/v1/{collection}/{record_id}/stage-changes" in document["paths"]
    assert all(resolved(document, reference) for reference in references(document))


def test_routes_of_others_are_expanded_too(smart_hardware):
    """Whatever begins with a collection is one path per collection; its other parts stay as they are."""
    document = {
        "openapi": "3.1.0",
        "paths": {
            "/healthz": {"get": {"operationId": "healthz_healthz_get", "responses": {}}},
            "/v1/{collection}/{record_id}/history": {
                "get": {
                    "operationId": "history_v1__collection___record_id__history_get",
                    "summary": "Every change of a record",
                    "parameters": [
                        {"in": "path", "name": "collection", "required": True, "schema": {"type": "string"}},
                        {"in": "path", "name": "record_id", "required": True, "schema": {"type": "string"}},
                    ],
                    "responses": {"200": {"description": "The answer."}},
                }
            },
        },
    }
    kept = json.dumps(document)
    playbooks = Playbooks(1, {("smart_hardware", 1): replace(smart_hardware, number=1, position=2)})
    found = expand(document, playbooks)
    assert set(found["paths"]) == {
        "/healthz",
        "/v1/customers/{record_id}/history",
        "/v1/contacts/{record_id}/history",
        "/v1/opportunities/{record_id}/history",
    }
    operation = found["paths"]["/v1/contacts/{record_id}/history"]["get"]
    assert operation["operationId"] == "history_contact"
    assert [parameter["name"] for parameter in operation["parameters"]] == ["record_id"]
    assert json.dumps(document) == kept, "the document that was given is left alone"
