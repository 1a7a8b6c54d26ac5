"""Reactions over HTTP and on the command line: what ran, what failed, and trying again what failed."""

import json

import pytest
from support.reacting import BEGIN, DEAL, LEGAL, SELLER, Follows, a_reaction, reacting_playbook
from support.sales import ALL_RIGHTS, OPERATOR, TestClient
from typer.testing import CliRunner

from commands.caller import Caller
from domain.organisation.commands import AddPerson, RemovePerson
from domain.record.commands import EditFields
from infra.asgi import build
from infra.cli.main import app
from infra.settings import Settings

ASKS_LEGAL = a_reaction(
    "asks_legal",
    "event: fields-changed, field: size",
    "notify: {tell: [owner], text: {zh: 请法务, en: Ask legal}}",
    "request_work: {template: review}",
)


@pytest.fixture
def failed(a_tenant):
    """A company without anybody in legal, where a deal was changed; and the position of the change."""

    def make(name: str, clock: str = "database"):
        told = {"told_time": BEGIN} if clock == "simulated" else {}
        company = Follows(a_tenant(name, clock=clock, **told), reacting_playbook(ASKS_LEGAL))
        company.do(RemovePerson(LEGAL))
        company.deal()
        cause = company.do(EditFields(DEAL, {"size": "2"}), actor=SELLER).events[-1].position
        company.settle()
        return company, cause

    return make


def test_over_http_what_failed_is_listed_and_tried_again(failed):
    """The list says what set it off, at which step it failed and why; the retry is a command as any other."""
    company, cause = failed("http")
    service = build(
        company.tenant, Settings(_env_file=None), caller=Caller("tests", "test", OPERATOR, rights=ALL_RIGHTS)
    )
    http = TestClient(service)  # without its lifespan nothing follows the log but what the test lets follow
    (shown,) = http.get("/v1/reactions?failed=true").json()["items"]
    assert (shown["reaction"], shown["cause"]["position"], shown["step"], shown["does"], shown["code"]) == (
        "asks_legal", cause, 1, "request_work", "invalid-command",
    )  # fmt: skip
    assert shown["cause"]["topic"] == "record.fields-changed.v1"
    assert "nobody who holds the role legal is there" in shown["message"]
    path = "/v1/deals/dea_1/reactions/asks_legal/retries"
    company.do(AddPerson("person/per_law", "新法务", team="east", roles=("legal",)))
    answers = [http.post(path, json={"cause": cause}, headers={"Idempotency-Key": "again"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert [event["topic"] for event in answers[0].json()["events"]] == ["reaction.retried.v1"]
    company.settle()
    items = http.get("/v1/reactions?reaction=asks_legal&record=deal/dea_1").json()["items"]
    assert [item["what"] for item in items] == ["ran", "retried", "failed", "alerted"]
    assert items[2]["settled_position"] == items[1]["position"]
    assert items[3]["text"] == {"zh": "请法务", "en": "Ask legal"}
    assert http.get("/v1/reactions?failed=true").json()["items"] == []
    assert len(http.get(f"/v1/reactions?cause={cause}&kind=deal&limit=3").json()["items"]) == 3
    then = http.get(f"/v1/reactions?failed=true&as_of={items[2]['position']}").json()["items"]
    assert [item["settled_position"] for item in then] == [None]


def test_over_http_what_cannot_be_tried_again_is_refused_by_name(failed):
    company, cause = failed("refused")
    service = build(
        company.tenant, Settings(_env_file=None), caller=Caller("tests", "test", OPERATOR, rights=ALL_RIGHTS)
    )
    http = TestClient(service)

    def retry(reaction: str, body: object, key: str):
        return http.post(
            f"/v1/deals/dea_1/reactions/{reaction}/retries", json=body, headers={"Idempotency-Key": key}
        )

    near = retry("asks_lega", {"cause": cause}, "1")
    assert (near.status_code, near.json()["suggestion"]) == (404, "asks_legal")
    assert retry("asks_legal", {"cause": 3}, "2").status_code == 404
    assert retry("asks_legal", {}, "3").status_code == 422
    unknown = http.get("/v1/reactions?reaction=asks_lega")
    assert (unknown.status_code, unknown.json()["suggestion"]) == (404, "asks_legal")
    assert http.get("/v1/reactions?record=dea_1").status_code == 400


def test_on_the_command_line_what_failed_is_tried_again_at_once(failed, embedded_home):
    """Without a cause it is the last failure; nobody has to wait for a service that may not run."""
    company, cause = failed("cli", "simulated")
    company.do(AddPerson("person/per_law", "新法务", team="east", roles=("legal",)))

    def run(*arguments: str):
        environment = {"DEALTRAIL_HOME": str(embedded_home), "DEALTRAIL_TENANT": company.tenant.name}
        return CliRunner().invoke(app, ["reactions", *arguments], env=environment)

    listed = run("list", "--failed", "--json")
    assert listed.exit_code == 0, listed.output
    (item,) = json.loads(listed.stdout)["items"]
    assert item["cause"]["position"] == cause
    retried = run("retry", "deals/dea_1", "asks_legal")
    assert retried.exit_code == 0, retried.output
    assert "ran" in retried.output
    assert json.loads(run("list", "--failed", "--json").stdout)["items"] == []
    again = run("retry", "deal/dea_1", "asks_legal")
    assert again.exit_code != 0
