"""A record is asked for by one name, wherever it is asked: its own id wins, and a name that several records share names none of them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.sales import MORNING, Desk, a_client
from typer.testing import CliRunner

from domain.record.commands import EditFields, OpenRecord
from infra.cli.main import app
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.errors import AmbiguousName


@pytest.fixture(scope="module")
def desk(embedded_home) -> Iterator[Desk]:
    """Deals whose ids and external ids are each other's, or the same."""
    own = Settings(home=embedded_home, database_url=None, tenant="names")
    with open_tenant(own, clock="simulated", told_time=MORNING) as tenant:
        desk = Desk(tenant)
        desk.do(OpenRecord("deal/dea_1", {"topic": "First"}, external_id="dea_2"))
        desk.do(OpenRecord("deal/dea_2", {"topic": "Second"}, external_id="dea_1"))
        desk.do(EditFields("deal/dea_2", {"topic": "Second again"}))
        desk.do(OpenRecord("deal/dea_3", {"topic": "Third"}, external_id="L-88"))
        desk.do(OpenRecord("deal/dea_4", {"topic": "Fourth"}, external_id="L-88"))
        desk.do(OpenRecord("deal/dea_5", {"topic": "Fifth"}, external_id="A/7"))
        tenant.catch_up.run()
        yield desk


@pytest.fixture(scope="module")
def client(desk) -> Iterator[Any]:
    with a_client(desk.tenant, raise_server_exceptions=False) as client:
        yield client


READERS = ("", "/history", "/timeline", "/stage-changes", "/stage-changes/offer/check", "/assignments")


@pytest.mark.parametrize("reader", [reader for reader in READERS if reader != "/assignments"])
@pytest.mark.parametrize("name", ["dea_1", "dea_2"])
def test_a_record_is_never_answered_with_one_that_has_its_id_as_external_id(client, name, reader):
    """Whoever asks by an id gets the record that a change under that address changes."""
    assert client.get(f"/v1/deals/{name}{reader}").json()["id"] == name


def test_the_events_of_a_record_are_not_those_of_another_with_its_id_as_external_id(client):
    """The same for whatever is selected by a record."""
    items = client.get("/v1/events?record=deals/dea_2").json()["items"]
    assert {item["stream"] for item in items} == {"deal/dea_2"}
    assert len(items) == 2


@pytest.mark.parametrize("reader", READERS)
def test_a_name_several_records_share_is_no_answer_by_chance(client, reader):
    """The problem lists the ids, so that one of them can be asked for."""
    response = client.get(f"/v1/deals/L-88{reader}")
    assert (response.status_code, response.json()["code"]) == (409, "ambiguous-name")
    assert (response.json()["ids"], response.json()["count"]) == (["dea_3", "dea_4"], 2)


@pytest.mark.parametrize("route", ["events", "deadlines", "escalations", "work", "reactions"])
def test_whatever_is_asked_about_a_record_refuses_a_name_that_several_share(client, route):
    """One reader for all of them."""
    assert client.get(f"/v1/{route}?record=deals/L-88").json()["code"] == "ambiguous-name"
    assert client.get(f"/v1/{route}?record=deal/dea_9").json()["code"] == "not-found"


def test_many_records_with_one_name_are_counted_and_a_few_are_named(a_tenant):
    """A list of ids stays short however many there are."""
    desk = Desk(a_tenant("crowd"))
    desk.batch(
        [OpenRecord(f"deal/dea_{number:02}", {"topic": "x"}, external_id="same") for number in range(30)]
    )
    desk.tenant.catch_up.run()
    with pytest.raises(AmbiguousName) as refused:
        desk.tenant.reads.find("deal", "same")
    assert (len(refused.value.ids), refused.value.count) == (20, 30)
    assert str(refused.value).startswith(
        "30 records of the kind 'deal' have this external id: dea_00, dea_01, "
    )


def test_an_id_wins_although_the_read_model_has_not_heard_of_it(a_tenant):
    """A record that was just opened is not hidden by an older one that has its id as external id."""
    desk = Desk(a_tenant("late"))
    desk.do(OpenRecord("deal/dea_1", {"topic": "First"}, external_id="dea_2"))
    desk.tenant.catch_up.run()
    assert desk.tenant.reads.find("deal", "dea_2") == "deal/dea_1"
    desk.do(OpenRecord("deal/dea_2", {"topic": "Second"}))
    assert desk.tenant.reads.record("deal", "dea_2").data["fields"]["topic"] == "Second"


# ── kind/id or collection/id ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("route", ["events", "deadlines", "escalations", "work", "reactions"])
@pytest.mark.parametrize("name", ["deal/dea_1", "deals/dea_1", "deals/A/7", "deal/A/7"])
def test_a_record_is_named_by_kind_or_by_collection_alike(client, route, name):
    """What one address takes, the others take too; an external id may have a slash in it."""
    assert client.get(f"/v1/{route}", params={"record": name}).status_code == 200


@pytest.mark.parametrize("route", ["deadlines", "escalations", "reactions"])
@pytest.mark.parametrize("kind", ["deal", "deals"])
@pytest.mark.parametrize("record", ["dea_1", "A/7", "deal/dea_1", "deals/A/7"])
def test_with_its_kind_a_record_is_named_by_its_name_alone(client, route, kind, record):
    """The kind may be told by its collection as well."""
    answer = client.get(f"/v1/{route}", params={"kind": kind, "record": record})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def dealtrail(embedded_home, desk, monkeypatch) -> Callable[..., Any]:
    """The program, within this process; what it prints."""
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", desk.tenant.name)

    def run(*words: str) -> Any:
        done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("verb", ["show", "history", "timeline"])
def test_the_verbs_take_a_kind_or_its_collection(dealtrail, verb):
    """And they mean the record with that id."""
    assert dealtrail(verb, "deal", "dea_2")["id"] == dealtrail(verb, "deals", "dea_2")["id"] == "dea_2"


def test_the_verbs_about_many_take_a_kind_or_its_collection(dealtrail):
    """Boards, what is stuck, and events of a record."""
    assert dealtrail("board", "deals")["records"] == dealtrail("board", "deal")["records"] == 5
    assert dealtrail("stuck", "deals")["items"] == dealtrail("stuck", "deal")["items"]
    streams = [{item["stream"] for item in dealtrail("events", "--record", f"{word}/dea_2")["items"]} for word in ("deal", "deals")]  # fmt: skip
    assert streams == [{"deal/dea_2"}] * 2
