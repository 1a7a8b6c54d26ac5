"""P28: a person who was erased is gone from every answer and every table, and the log stays whole."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from support.replaying import impact_of, replayed
from support.sales import (
    ANNA,
    BEN,
    SCAN,
    Databases,
    Desk,
    a_client,
    a_submission,
    databases,
    is_whole,
    name_of,
    stricter,
)

import infra
from domain.erasure import EraseSubject, Ground
from domain.organisation.commands import AddPerson, GrantRole
from domain.record.commands import AttachEvidence, ChangeStage, EditFields, OpenRecord, RecordTouch
from domain.refusals import GateNotMet, NotAllowed, NotFound
from infra.tenant import Tenant
from projections.as_of import Horizon

CONTACT, OTHER = "contact/con_1", "contact/con_2"
DEAL, OTHER_DEAL = "deal/dea_1", "deal/dea_2"
ABOUT_THE_CONTACT = {
    "name": "Zorblatt-Nameson",
    "old name": "Zorblatt-Formerly",
    "phone": "+99877665544",
    "email": "zorblatt@mark.example",
    "deal note": "zorblatt-rings-at-noon",
    "touch note": "zorblatt-sounded-tired",
    "file": "zorblatt-passport.pdf",
    "reason": "zorblatt-asked-for-it",
    "refused": "zorblatt-tried-too-early",
}
ABOUT_THE_PERSON = {"name": "Quillfeather-Anna", "email": "quillfeather@mark.example"}
MARKERS = [*ABOUT_THE_CONTACT.values(), *ABOUT_THE_PERSON.values()]
WHY = Ground.retention_ended


@pytest.fixture
def server(embedded_home) -> Iterator[Databases]:
    with databases(embedded_home) as found:
        yield found


@pytest.fixture
def desk(a_tenant) -> Desk:
    """A contact, a colleague and a deal about which every kind of personal value is known."""
    desk, about = Desk(a_tenant("erasing")), ABOUT_THE_CONTACT
    desk.do(AddPerson("person/per_q", ABOUT_THE_PERSON["name"], email=ABOUT_THE_PERSON["email"]))
    desk.do(
        OpenRecord(CONTACT, {"name": about["old name"], "phone": about["phone"], "email": about["email"]})
    )
    desk.do(EditFields(CONTACT, {"name": about["name"]}), reason=about["reason"])
    desk.do(OpenRecord(OTHER, {"name": "Somebody Else", "phone": "+31205550102"}))
    desk.do(
        OpenRecord(
            DEAL, {"topic": "Ten pumps", "contact": CONTACT, "note": about["deal note"]}, owner="person/per_q"
        )
    )
    desk.do(
        OpenRecord(OTHER_DEAL, {"topic": "Two pumps", "contact": OTHER, "note": "likes blue"}, owner=ANNA)
    )
    desk.do(
        RecordTouch(DEAL, "tou_1", "call", note=about["touch note"], contact=CONTACT), actor="person/per_q"
    )
    desk.do(AttachEvidence(DEAL, "evi_1", "scan", SCAN, 9, "application/pdf", about["file"]))
    with pytest.raises(GateNotMet):
        desk.do(ChangeStage(DEAL, "offer", {"note": about["refused"]}), reason=about["reason"])
    desk.tenant.catch_up.run()
    return desk


def answers(desk: Desk) -> dict[str, str]:
    """Everything that can be asked, as text: reads, HTTP and a replay, now and as of then."""
    tenant = desk.tenant
    tenant.catch_up.run()
    head, reads = tenant.log.head(), tenant.reads
    found: dict[str, Any] = {"events": reads.events(limit=1_000).data}
    for kind, name in (("contact", "con_1"), ("deal", "dea_1")):
        for as_of in (None, str(head), str(head - 1)):
            horizon = Horizon.read(as_of)
            found[f"{kind} {as_of}"] = reads.record(kind, name, horizon).data
            found[f"{kind} history {as_of}"] = reads.history(kind, name, horizon).data
        found[f"{kind} board"] = reads.board(kind).data
    with a_client(tenant) as client:
        for path in (
            "events?limit=1000",
            "contacts/con_1",
            "contacts/con_1/history",
            "deals/dea_1",
            "deals/dea_1/history?field=note",
            f"deals/dea_1?as_of={head - 1}",
            "boards/deals",
            "contacts/con_9",
        ):
            found[f"GET {path}"] = client.get(f"/v1/{path}").text
    told = replayed(tenant.log, tenant.vault, stricter())
    found["replay"] = repr(impact_of(told)) + repr(told.impact) + repr(told.datasets["decisions"].rows())
    return {
        name: json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
        for name, value in found.items()
    }


def seen_in(texts: dict[str, str], markers: list[str]) -> set[str]:
    """Which of the markers are to be read somewhere."""
    return {marker for marker in markers if any(marker in text for text in texts.values())}


def columns_with(server: Databases, name: str, markers: list[str]) -> dict[str, str]:
    """Every column of every table of dealtrail that holds a marker, whatever its type."""
    found = {}
    with psycopg.connect(server.admin(name), row_factory=dict_row) as connection:
        columns = connection.execute(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema LIKE 'dealtrail%' ORDER BY 1, 2, 3"
        ).fetchall()
        assert len({column["table_name"] for column in columns}) >= 8
        for column in columns:
            place = Identifier(column["table_schema"], column["table_name"])
            what = Identifier(column["column_name"])
            text = SQL("encode({}, 'escape')" if column["data_type"] == "bytea" else "{}::text").format(what)
            for marker in markers:
                query = SQL("SELECT count(*) AS rows FROM {} WHERE strpos({}, {}) > 0").format(
                    place, text, marker
                )
                if connection.execute(query).fetchone()["rows"]:
                    found[marker] = f"{column['table_schema']}.{column['table_name']}.{column['column_name']}"
    return found


def test_what_is_personal_is_shown_and_never_stored_in_clear(desk, server):
    """P28: before any erasure the answers show every value, and no table of any schema holds one."""
    assert seen_in(answers(desk), MARKERS) == set(MARKERS)
    assert columns_with(server, name_of(desk.tenant), MARKERS) == {}
    assert columns_with(server, name_of(desk.tenant), ["Ten pumps"]), "the search itself finds what is there"


def test_an_erased_contact_is_gone_from_every_answer(desk, server):
    """P28: name, phone, mail, notes, reasons and file names go, with what stood there before; the log stays whole."""
    answer = desk.do(EraseSubject(CONTACT, WHY))
    assert seen_in(answers(desk), MARKERS) == set(ABOUT_THE_PERSON.values())
    assert columns_with(server, name_of(desk.tenant), MARKERS) == {}
    assert is_whole(desk.tenant.url)
    shown = desk.tenant.reads.record("contact", "con_1").data
    assert sorted(shown["_erased"]) == ["email", "name", "phone"]
    assert shown["title"] is None
    assert answer.events[0].stream == "erasures"


def test_an_erased_colleague_is_gone_from_every_answer(desk, server):
    """P28: name and mail of a person go; what they did keeps their id."""
    desk.do(EraseSubject("person/per_q", WHY))
    texts = answers(desk)
    assert seen_in(texts, MARKERS) == set(ABOUT_THE_CONTACT.values())
    assert columns_with(server, name_of(desk.tenant), MARKERS) == {}
    assert is_whole(desk.tenant.url)
    shown = desk.tenant.reads.record("deal", "dea_1").data
    assert (shown["owner"], shown["owner_name"]) == ("person/per_q", None)


def test_everybody_else_stays_readable(desk):
    """P28: another subject's values are as they were."""
    before = {
        kind: desk.tenant.reads.record(kind, name).data
        for kind, name in (("contact", "con_2"), ("deal", "dea_2"))
    }
    desk.do(EraseSubject(CONTACT, WHY))
    desk.do(EraseSubject("person/per_q", WHY))
    for kind, name in (("contact", "con_2"), ("deal", "dea_2")):
        after = desk.tenant.reads.record(kind, name).data
        assert after | {"as_of_position": 0} == before[kind] | {"as_of_position": 0}
    assert before["contact"]["fields"] == {"name": "Somebody Else", "phone": "+31205550102"}
    assert before["deal"]["fields"]["note"] == "likes blue"


def test_the_audit_shows_who_erased_whom_and_why(desk):
    """P28: the erasure is an event like any other, with its actor and its ground."""
    desk.do(GrantRole(BEN, "officer"))
    desk.do(EraseSubject(CONTACT, WHY), actor=BEN, rights=frozenset())
    (event,) = desk.tenant.reads.events(topic="subject.erased.v1").data["items"]
    assert (event["actor"], event["actor_name"]) == (BEN, "Ben Okoro")
    assert event["payload"] == {"subject": CONTACT, "ground": "retention_ended"}
    assert event["reason"] is None


def test_what_is_written_afterwards_uses_the_next_generation(desk, server):
    """P28: the erased person comes back as a new one, and what was erased stays so."""
    desk.do(EraseSubject(CONTACT, WHY))
    answer = desk.do(EditFields(CONTACT, {"name": "Back Again", "phone": "+31205550199"}))
    sealed = answer.events[0].event.changes["name"]["new"]["$sealed"]
    assert (sealed["generation"], sealed["subject"]) == (2, CONTACT)
    desk.tenant.catch_up.run()
    shown = desk.tenant.reads.record("contact", "con_1").data
    assert shown["fields"] == {"name": "Back Again", "phone": "+31205550199"}
    assert shown["_erased"] == ["email"]
    (last,) = [
        row for row in desk.tenant.reads.history("contact", "con_1", field="name").data["items"] if row["new"]
    ]
    assert (last["old"], last["new"], last["_erased"]) == (None, "Back Again", ["old"])
    assert seen_in(answers(desk), list(ABOUT_THE_CONTACT.values())) == set()
    assert columns_with(server, name_of(desk.tenant), ["Back Again", "+31205550199"]) == {}
    desk.do(EraseSubject(CONTACT, WHY))
    assert seen_in(answers(desk), ["Back Again", "+31205550199"]) == set()
    assert is_whole(desk.tenant.url)
    keys = server.run(
        name_of(desk.tenant),
        f"SELECT generation, key, destroyed_at FROM dealtrail_keys.subject_keys WHERE subject = '{CONTACT}' ORDER BY 1",
    )
    assert [(row["generation"], row["key"]) for row in keys] == [(1, None), (2, None)]
    assert all(row["destroyed_at"] for row in keys)


def test_an_erasure_is_effective_in_every_process_at_once(desk):
    """P28: a process that has read the values before reads them no more."""
    with Tenant(desk.tenant.url, desk.tenant.name) as other:
        assert other.reads.record("contact", "con_1").data["fields"]["name"] == ABOUT_THE_CONTACT["name"]
        desk.do(EraseSubject(CONTACT, WHY))
        assert "name" not in other.reads.record("contact", "con_1").data["fields"]
        answer = other.bus.submit(a_submission(EditFields(CONTACT, {"name": ABOUT_THE_CONTACT["name"]})))
        assert answer.events[0].event.changes["name"]["new"]["$sealed"]["generation"] == 2


@pytest.mark.parametrize("rights", [frozenset(), frozenset({"waive", "import", "publish", "organise"})])
def test_whoever_lacks_the_right_erases_nobody(desk, rights):
    """P28: a refused erasure destroys nothing and writes nothing."""
    head = desk.tenant.log.head()
    with pytest.raises(NotAllowed):
        desk.do(EraseSubject(CONTACT, WHY), actor=ANNA, rights=rights)
    assert desk.tenant.log.head() == head
    assert desk.tenant.reads.record("contact", "con_1").data["fields"]["name"] == ABOUT_THE_CONTACT["name"]


@pytest.mark.parametrize(
    "subject", ["contact/con_9", "person/per_9", "nothing", "", "contact/", "log", "a\nb"]
)
def test_nobody_unknown_is_erased(desk, subject):
    """P28: a mistyped subject is named as missing, and nothing is written."""
    head = desk.tenant.log.head()
    with pytest.raises(NotFound):
        desk.do(EraseSubject(subject, WHY))
    assert desk.tenant.log.head() == head


def test_the_keys_go_with_the_event_and_never_without_it(desk, monkeypatch):
    """P28: an erasure that is answered twice is one event; one that is not appended destroys nothing."""
    first = desk.do(EraseSubject(OTHER, WHY), key="erase")
    assert desk.do(EraseSubject(OTHER, WHY), key="erase").events == first.events
    with psycopg.connect(desk.tenant.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT dealtrail_keys.destroy(%s)", (CONTACT,))
    assert desk.tenant.reads.record("contact", "con_1").data["fields"]["name"] == ABOUT_THE_CONTACT["name"]


def test_read_models_made_again_after_an_erasure_are_the_same(desk):
    """P28: a rebuild neither brings anything back nor loses what is left."""
    desk.do(EraseSubject(CONTACT, WHY))
    before = answers(desk)
    desk.tenant.catch_up.rebuild()
    assert answers(desk) == before


def test_the_command_line_shows_nothing_of_an_erased_person(desk, embedded_home):
    """P28: what is printed is what the lens lets through; the erased is said to be erased."""
    desk.do(EraseSubject(CONTACT, WHY))
    repository = Path(infra.__file__).parents[1]
    environment = os.environ | {
        "DEALTRAIL_HOME": str(embedded_home),
        "PYTHONPATH": str(repository),
        "COLUMNS": "300",
    }
    environment.pop("DATABASE_URL", None)
    for words in (["show", "contact", "con_1"], ["events", "--json", "--limit", "1000"]):
        command = [sys.executable, "-m", "infra.cli.main", "--tenant", desk.tenant.name, *words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        said = done.stdout + done.stderr
        assert seen_in({"said": said}, list(ABOUT_THE_CONTACT.values())) == set()
        assert ("‹erased›" in said) == (words[0] == "show")
