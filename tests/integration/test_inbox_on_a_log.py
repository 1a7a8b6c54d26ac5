"""What people are told, end to end: from an event to the inbox, to a receiver on this machine, and back as read."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.receivers import a_certificate, a_mail_receiver, an_http_receiver
from support.sales import ALL_RIGHTS, ANNA, BEN, MORNING, OPERATOR, PLAYBOOK, Desk, a_client, a_key, playbook

import infra
from commands.caller import Caller
from consumers.telling.targets import Targets, TargetsRefused
from consumers.telling.transport import Transport
from consumers.telling.worker import Sender, tell_all, tell_one
from domain.inbox.commands import MarkRead, Subscribe, Unsubscribe
from domain.naming import split_stream
from domain.organisation.commands import AddPerson, RemovePerson
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import ChangeOwner, EditFields, OpenRecord
from domain.refusals import NotAllowed, NotFound
from domain.work.commands import CompleteWork, RequestWork
from infra.asgi import build
from infra.settings import Settings
from infra.telling import telling
from projections import deliveries
from projections.inbox import inbox, refuse_others, subscriptions
from projections.kinds import NeverRebuilt
from projections.lists import Ask

REPOSITORY = Path(infra.__file__).parents[1]
DEAL = "deal/dea_told"
WEBHOOK = "whsec_" + base64.b64encode(b"k" * 32).decode()
FINE = (200, {}, b'{"errcode": 0}')


@pytest.fixture
def desk(a_tenant) -> Desk:
    return Desk(a_tenant("inbox"))


def caught_up(desk: Desk) -> Any:
    desk.tenant.catch_up.run()
    return desk.tenant.reads


def told(desk: Desk, person: str, unread: bool | None = None) -> list[tuple[str, str, bool]]:
    """What somebody was told of, the newest first."""
    shown = inbox(caught_up(desk), person, Ask(), unread).data["items"]
    return [(row["topic"], row["reason"], row["read_at"] is not None) for row in shown]


def ids(desk: Desk, person: str) -> list[str]:
    return [row["id"] for row in inbox(caught_up(desk), person, Ask()).data["items"]]


def test_whoever_gets_a_record_is_told_and_says_that_they_read_it(desk):
    """Read receipts are events; the count of what is unread goes down."""
    desk.do(OpenRecord(DEAL, {}, owner=ANNA))
    desk.do(ChangeOwner(DEAL, BEN))
    assert told(desk, ANNA) == [("record.opened.v1", "owner", False)]
    assert told(desk, BEN) == [("record.owner-changed.v1", "owner", False)]
    desk.do(MarkRead(ANNA, tuple(ids(desk, ANNA))), actor=ANNA, rights=frozenset())
    assert told(desk, ANNA) == [("record.opened.v1", "owner", True)]
    assert told(desk, ANNA, unread=True) == []
    shown = inbox(desk.tenant.reads, ANNA, Ask()).data
    assert (shown["unread"], shown["names"]) == (0, {})
    desk.do(MarkRead(BEN, tuple(ids(desk, ANNA))))
    assert told(desk, BEN, unread=True) == [("record.owner-changed.v1", "owner", False)]


def test_a_subscription_holds_from_its_event_to_its_end(desk):
    """What happened before and after is not told, and neither is what the person did themself."""
    desk.do(OpenRecord(DEAL, {"amount": "200"}))
    made = desk.do(Subscribe(ANNA, ("record.fields-changed",), kind="deal", label="所有商机"))
    subscription = made.events[-1].event.subscription
    desk.do(EditFields(DEAL, {"amount": "300"}))
    desk.do(EditFields(DEAL, {"amount": "400"}), actor=ANNA, rights=frozenset())
    events = caught_up(desk).events(topic="inbox.subscribed").data["items"]
    assert [event["payload"]["label"] for event in events] == ["所有商机"]
    shown = subscriptions(caught_up(desk), ANNA).data["items"]
    assert [(item["id"], item["label"], item["kind"]) for item in shown] == [
        (subscription, "所有商机", "deal")
    ]
    desk.do(Unsubscribe(ANNA, subscription))
    desk.do(EditFields(DEAL, {"amount": "500"}))
    assert told(desk, ANNA) == [("record.fields-changed.v1", "subscription", False)]
    assert subscriptions(desk.tenant.reads, ANNA).data["items"] == []


def test_the_inbox_can_be_made_again(desk):
    """Rebuild equals live, row by row."""
    desk.do(Subscribe(BEN, ("record", "deadline"), subscription="sub_all"))
    desk.do(OpenRecord(DEAL, {"amount": "200"}, owner=ANNA))
    desk.do(EditFields(DEAL, {"amount": "300"}))
    desk.do(MarkRead(BEN, tuple(ids(desk, BEN))))
    desk.do(RemovePerson(BEN))
    desk.do(EditFields(DEAL, {"amount": "400"}))
    caught_up(desk)
    before = rows(desk, "inbox"), rows(desk, "inbox_subscriptions")
    assert len(before[0]) == 3
    desk.tenant.catch_up.rebuild(name="inbox")
    assert (rows(desk, "inbox"), rows(desk, "inbox_subscriptions")) == before


def rows(desk: Desk, table: str) -> list[Any]:
    with psycopg.connect(desk.tenant.url) as connection:
        return connection.execute(f"SELECT to_jsonb(t) FROM dealtrail_read.{table} t ORDER BY 1").fetchall()


def test_what_is_sent_is_never_begun_again(desk):
    """Everybody would be told a second time."""
    caught_up(desk)
    with pytest.raises(NeverRebuilt):
        desk.tenant.catch_up.rebuild(name="deliveries")


# ── deliveries ───────────────────────────────────────────────────────────────────────────────────────────────────────


def a_sender(desk: Desk, **targets: dict[str, Any]) -> Sender:
    return Sender(
        desk.tenant.reads,
        Targets.read(json.dumps(targets)),
        Transport(timeout_seconds=5),
        max_attempts=3,
        public_url="https://sales.example.com",
    )


def statuses(desk: Desk) -> list[tuple[str, str, int, str | None]]:
    shown = deliveries.deliveries(desk.tenant.reads, Ask()).data["items"]
    return sorted((row["target"], row["status"], row["attempts"], row["error"]) for row in shown)


def all_due(desk: Desk) -> None:
    """Let the time to wait be over."""
    with psycopg.connect(desk.tenant.url, autocommit=True) as connection:
        connection.execute(
            "UPDATE dealtrail_read.deliveries SET next_at = clock_timestamp() WHERE status = 'waiting'"
        )


def connect(desk: Desk) -> Any:
    return desk.tenant.pool.connection


def a_robot(url: str) -> dict[str, Any]:
    return {"channel": "dingtalk", "url": url, "language": "zh"}


def test_a_message_arrives_once_for_each_target(desk):
    """However many subscriptions name it; the same id reaches the inbox and every target. What a customer is called stays here."""
    for target, channel in (("group", "dingtalk"), ("group", "dingtalk"), ("crm", "webhook")):
        desk.do(Subscribe(ANNA, ("addressed", "record"), channel, target=target))
    desk.do(OpenRecord(DEAL, {}, owner=ANNA))
    with an_http_receiver(FINE) as receiver:
        sender = a_sender(
            desk,
            group=a_robot(receiver.url),
            crm={"channel": "webhook", "url": receiver.url, "secret": WEBHOOK, "language": "en"},
        )
        caught_up(desk)
        assert tell_all(connect(desk), sender) == {"sent": 2}
        assert tell_all(connect(desk), sender) == {}
        bodies = [json.loads(got.body) for got in receiver.got]
    (notification,) = ids(desk, ANNA)
    assert all(notification in json.dumps(body) for body in bodies)
    assert statuses(desk) == [("crm", "sent", 1, None), ("group", "sent", 1, None)]
    links = [body["data"]["link"] for body in bodies if "data" in body]
    assert links == [f"https://sales.example.com/v1/deals/{split_stream(DEAL)[1]}"]


def test_what_is_personal_stays_here(desk):
    """A group may read what is sent to one person: a name that nobody else may know is left out, and the link leads to it."""
    desk.do(Subscribe(ANNA, ("addressed",), "dingtalk", target="group"))
    desk.do(OpenRecord("contact/con_1", {"name": "Li Lei"}, owner=ANNA))
    desk.do(OpenRecord("customer/cus_1", {"name": "Acme"}, owner=ANNA))
    caught_up(desk)
    with an_http_receiver(FINE) as receiver:
        assert tell_all(connect(desk), a_sender(desk, group=a_robot(receiver.url))) == {"sent": 2}
        said = [json.loads(got.body)["markdown"]["title"] for got in receiver.got]
        assert not any(b"Li Lei" in got.body for got in receiver.got)
    assert sorted(said) == ["新建\uff1a客户 Acme", "新建\uff1a联系人 con_1"]


def test_a_failed_message_is_tried_again_and_at_last_kept_as_a_dead_letter(desk):
    """Each attempt stands in it; a retry begins anew."""
    desk.do(Subscribe(ANNA, ("addressed",), "dingtalk", target="group"))
    desk.do(OpenRecord(DEAL, {}, owner=ANNA))
    caught_up(desk)
    with an_http_receiver(
        (500, {}, b"no"), (429, {"retry-after": "7200"}, b""), (503, {}, b""), FINE
    ) as receiver:
        sender = a_sender(desk, group=a_robot(receiver.url))
        assert tell_all(connect(desk), sender) == {"waiting": 1}
        assert statuses(desk) == [("group", "waiting", 1, "http-500")]
        all_due(desk)
        assert tell_all(connect(desk), sender) == {"waiting": 1}
        (row,) = deliveries.deliveries(desk.tenant.reads, Ask(), "waiting").data["items"]
        wait = datetime.fromisoformat(row["next_at"]) - datetime.now(UTC)
        assert 7_000 < wait.total_seconds() <= 7_200
        all_due(desk)
        assert tell_all(connect(desk), sender) == {"dead": 1}
        shown = deliveries.delivery(desk.tenant.reads, row["id"]).data
        assert [attempt["error"] for attempt in shown["tries"]] == ["http-500", "http-429", "http-503"]
        with desk.tenant.pool.connection() as connection:
            assert deliveries.retry(connection, row["id"]) == 1
            assert deliveries.retry(connection) == 0
            with pytest.raises(NotFound):
                deliveries.retry(connection, "00000000-0000-0000-0000-000000000000")
        assert tell_all(connect(desk), sender) == {"sent": 1}
    assert len({got.body for got in receiver.got}) == 1
    assert statuses(desk) == [("group", "sent", 1, None)]


def test_what_can_never_arrive_is_a_dead_letter_at_once(desk):
    """A target the settings do not have; a robot whose token is none; somebody who left; somebody without an address."""
    for target, channel in (("gone", "wecom"), ("group", "dingtalk"), ("mail", "email")):
        desk.do(Subscribe(ANNA, ("addressed",), channel, target=target))
    desk.do(Subscribe(BEN, ("record",), "dingtalk", target="group"))
    desk.do(OpenRecord(DEAL, {}, owner=ANNA))
    caught_up(desk)
    desk.do(RemovePerson(BEN))
    with an_http_receiver((200, {}, b'{"errcode": 300001}')) as receiver:
        mail = {"channel": "email", "host": "127.0.0.1", "sender": "crm@example.com"}
        assert tell_all(connect(desk), a_sender(desk, group=a_robot(receiver.url), mail=mail)) == {"dead": 4}
        assert len(receiver.got) == 1
    assert statuses(desk) == [
        ("gone", "dead", 1, "no-such-target"),
        ("group", "dead", 1, "errcode-300001"),
        ("group", "dead", 1, "person-left"),
        ("mail", "dead", 1, "no-address"),
    ]


def test_a_letter_goes_to_the_persons_own_address(desk, tmp_path):
    """Which is opened for that moment only, and stands in no row."""
    desk.do(AddPerson("person/per_carl", "Carl", roles=("seller",), email="carl@example.com"))
    desk.do(Subscribe("person/per_carl", ("addressed",), "email", target="mail"))
    desk.do(OpenRecord(DEAL, {}, owner="person/per_carl"))
    caught_up(desk)
    context, trusted = a_certificate(tmp_path)
    with a_mail_receiver("250 OK", tls=context) as receiver:
        mail = {
            "channel": "email", "host": "127.0.0.1", "port": receiver.port, "sender": "crm@example.com", "ca_file": str(trusted),
        }  # fmt: skip
        assert tell_all(connect(desk), a_sender(desk, mail=mail)) == {"sent": 1}
        assert receiver.envelopes == [("crm@example.com", "carl@example.com")]
    assert "carl@example.com" not in json.dumps(rows(desk, "deliveries"))


def test_several_workers_send_each_message_once(desk):
    """Rows are claimed by one at a time, whoever is faster."""
    desk.do(Subscribe(ANNA, ("record",), "dingtalk", target="group"))
    desk.batch([OpenRecord(f"deal/dea_{number}", {}) for number in range(30)])
    caught_up(desk)
    with an_http_receiver(FINE) as receiver:
        sender = a_sender(desk, group=a_robot(receiver.url))
        threads = [threading.Thread(target=tell_all, args=(connect(desk), sender)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(receiver.got) == 30
        assert len({got.body for got in receiver.got}) == 30
    assert {row[1] for row in statuses(desk)} == {"sent"}


def test_a_message_of_a_worker_that_died_is_sent_by_another_and_marked_once(desk):
    """At least once: when the lease is over the row is free, and only who claimed it last says what came of it."""
    desk.do(Subscribe(ANNA, ("addressed",), "dingtalk", target="group"))
    desk.do(OpenRecord(DEAL, {}, owner=ANNA))
    caught_up(desk)
    with desk.tenant.pool.connection() as connection:
        lost = deliveries.claim(connection, deliveries.timedelta(0))
    with an_http_receiver(FINE) as receiver:
        assert tell_one(connect(desk), a_sender(desk, group=a_robot(receiver.url))) == "sent"
    with desk.tenant.pool.connection() as connection:
        assert not deliveries.note(connection, lost, "dead", "timeout", None)
    assert statuses(desk) == [("group", "sent", 2, None)]


def test_an_error_nobody_expected_is_noted_and_comes_to_an_end(desk, monkeypatch):
    """It used to leave the row as it was, without a word, to be tried every two minutes for ever."""
    desk.do(Subscribe(ANNA, ("addressed",), "dingtalk", target="group"))
    desk.do(OpenRecord(DEAL, {}, owner=ANNA))
    caught_up(desk)
    with an_http_receiver(FINE) as receiver:
        sender = replace(a_sender(desk, group=a_robot(receiver.url)), max_attempts=1)
        monkeypatch.setattr(type(sender), "send", lambda *_: 1 / 0)
        assert tell_one(connect(desk), sender) == "dead"
    assert statuses(desk) == [("group", "dead", 1, "failed")]


def test_the_process_acts_once_whatever_it_handles_again(desk):
    """A batch whose transaction was lost is handled again: the rows are the same ones."""
    desk.do(Subscribe(ANNA, ("record",), "dingtalk", target="group"))
    desk.do(OpenRecord(DEAL, {}, owner=ANNA))
    caught_up(desk)
    before = [row[0]["id"] for row in rows(desk, "deliveries")]
    told_again = deliveries.Deliveries(desk.tenant.log)
    with desk.tenant.pool.connection() as connection, connection.transaction():
        connection.execute("SET LOCAL search_path TO dealtrail_read")
        connection.execute("DELETE FROM delivery_subscriptions")
        told_again.apply(connection, desk.tenant.log.after(0, 100))
    assert [row[0]["id"] for row in rows(desk, "deliveries")] == before


def test_a_running_service_sends_by_itself(desk):
    """From the command to the receiver, by supervised threads; targets that cannot be used are said before anybody is served."""
    desk.do(Subscribe(ANNA, ("addressed",), "dingtalk", target="group"))
    with an_http_receiver(FINE) as receiver:
        settings = Settings(targets=json.dumps({"group": a_robot(receiver.url)}), delivery_workers=2)
        caller = Caller(desk.tenant.name, "test", OPERATOR, rights=ALL_RIGHTS)
        app = build(desk.tenant, settings, caller=caller)
        with type(a_client(desk.tenant))(app) as client:
            desk.do(OpenRecord(DEAL, {}, owner=ANNA))
            until = time.monotonic() + 20
            while (
                time.monotonic() < until
                and not client.get("/v1/inbox/deliveries?status=sent").json()["items"]
            ):
                time.sleep(0.05)
        assert len(receiver.got) == 1
    with pytest.raises(TargetsRefused):
        build(desk.tenant, Settings(targets='{"group": {"channel": "fax"}}'), caller=caller)


def test_of_a_simulated_log_nothing_is_sent(a_tenant):
    """What happens there concerns nobody; the inbox is filled all the same."""
    simulated = Desk(a_tenant("told", clock="simulated", told_time=MORNING))
    simulated.do(Subscribe(ANNA, ("addressed",), "dingtalk", target="group"))
    simulated.do(OpenRecord(DEAL, {}, owner=ANNA))
    caught_up(simulated)
    with telling(simulated.tenant, Settings(targets=None)):
        assert statuses(simulated) == [("group", "waiting", 0, None)]
        assert not [one for one in threading.enumerate() if one.name.startswith("deliveries ")]
    assert len(ids(simulated, ANNA)) == 1


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_inbox_over_http(desk):
    """Pages hold still while more arrives; receipts are commands with a key; the answer waits for a position."""
    desk.do(Subscribe(ANNA, ("record.opened",)))
    desk.batch([OpenRecord(f"deal/dea_{number}", {}) for number in range(3)])
    with a_client(desk.tenant) as client:
        position = desk.tenant.log.head()
        first = client.get(f"/v1/people/per_anna/inbox?limit=2&min_position={position}").json()
        desk.do(OpenRecord("deal/dea_late", {}))
        rest = client.get("/v1/people/per_anna/inbox", params={"limit": 2, "cursor": first["next"]}).json()
        records = [item["record"] for item in first["items"] + rest["items"]]
        assert records == ["deal/dea_2", "deal/dea_1", "deal/dea_0"]
        assert (first["unread"], rest["next"]) == (3, None)
        body = {"notifications": [item["id"] for item in first["items"]]}
        key = {"Idempotency-Key": a_key()}
        answers = [client.post("/v1/people/per_anna/inbox/reads", json=body, headers=key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].content == answers[1].content
        after = {"min_position": answers[0].json()["position"], "unread": True}
        unread = client.get("/v1/people/per_anna/inbox", params=after).json()
        assert [item["record"] for item in unread["items"]] == ["deal/dea_late", "deal/dea_0"]


def test_an_inbox_is_read_by_its_person_and_by_who_may_organise(desk):
    """Deliveries by the latter only."""
    caught_up(desk)
    paths = [
        "/v1/people/per_anna/inbox",
        "/v1/people/per_anna/subscriptions",
        "/v1/inbox/deliveries",
        "/v1/people/per_anna/calendar.ics",
    ]
    asked = {
        "anna": Caller(desk.tenant.name, "app", ANNA),
        "ben": Caller(desk.tenant.name, "app", BEN),
        "for anna": Caller(desk.tenant.name, "app", "system/app", on_behalf_of=ANNA, rights=frozenset()),
        "a program": Caller(desk.tenant.name, "app", "system/app"),
        "the operator": Caller(desk.tenant.name, "app", OPERATOR, rights=ALL_RIGHTS),
    }
    with a_client(desk.tenant) as client:
        found = {}
        for name, caller in asked.items():
            app = build(desk.tenant, caller=caller)
            with type(client)(app) as own:
                found[name] = [own.get(path).status_code for path in paths]
    assert found == {
        "anna": [200, 200, 403, 200],
        "ben": [403, 403, 403, 403],
        "for anna": [200, 200, 403, 200],
        "a program": [403, 403, 403, 403],
        "the operator": [200, 200, 200, 200],
    }
    with pytest.raises(NotAllowed):
        refuse_others(desk.tenant.reads, ANNA, BEN)


def test_dead_letters_are_listed(desk):
    """By their status; a word that is none is named."""
    desk.do(Subscribe(ANNA, ("addressed",), "wecom", target="gone"))
    desk.do(OpenRecord(DEAL, {}, owner=ANNA))
    caught_up(desk)
    tell_all(connect(desk), a_sender(desk))
    with a_client(desk.tenant) as client:
        (row,) = client.get("/v1/inbox/deliveries?status=dead").json()["items"]
        assert (row["person"], row["target"], row["error"]) == (ANNA, "gone", "no-such-target")
        assert client.get(f"/v1/inbox/deliveries/{row['id']}").json()["tries"][0]["error"] == "no-such-target"
        assert client.get("/v1/inbox/deliveries?status=sent").json()["items"] == []
        assert client.get("/v1/inbox/deliveries?status=daed").json()["errors"][0]["suggestion"] == "dead"
        assert client.get("/v1/inbox/deliveries/nothing").status_code == 404


# ── the calendar ─────────────────────────────────────────────────────────────────────────────────────────────────────

WAITING = PLAYBOOK.replace(
    "    stages:\n",
    "    deadlines:\n      quote: {on_stage: lead, after_hours: 24, label: {zh: 报价, en: Quote}, ladder: [{tell: [owner]}]}\n"
    "    work:\n      demo: {label: {zh: 演示, en: Demo}, done_by_word: true, complete_within_hours: 4}\n    stages:\n",
    1,
)


def test_a_calendar_shows_what_waits_for_somebody(desk):
    """Work asked of them and deadlines of the records they own, until it is done; the same bytes while nothing changes."""
    desk.do(PublishPlaybook(playbook(WAITING)))
    desk.do(OpenRecord(DEAL, {"topic": "Pump"}, owner=ANNA))
    desk.do(RequestWork(DEAL, "wrk_1", "demo", BEN))
    desk.tenant.catch_up.run()
    with a_client(desk.tenant) as client:
        after = {"min_position": desk.tenant.log.head()}
        anna, ben = (
            client.get(f"/v1/people/per_{name}/calendar.ics", params=after) for name in ("anna", "ben")
        )
        assert anna.headers["content-type"] == "text/calendar; charset=utf-8"
        assert [line for line in anna.text.splitlines() if line.startswith("SUMMARY")] == [
            "SUMMARY:Quote · Pump"
        ]
        assert [line for line in ben.text.splitlines() if line.startswith("SUMMARY")] == [
            "SUMMARY:Demo · Pump"
        ]
        assert client.get("/v1/people/per_ben/calendar.ics").content == ben.content
        desk.do(CompleteWork(DEAL, "wrk_1"), actor=BEN, rights=frozenset())
        after = {"min_position": desk.tenant.log.head()}
        done = client.get("/v1/people/per_ben/calendar.ics", params=after)
        assert "BEGIN:VEVENT" not in done.text


# ── on the command line ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def dealtrail(desk, embedded_home):
    """The program on the log of the desk, in a language."""
    environment = os.environ | {"DEALTRAIL_HOME": str(embedded_home), "PYTHONPATH": str(REPOSITORY)}
    environment.pop("DATABASE_URL", None)

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "infra.cli.main", "--tenant", desk.tenant.name, *words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_program_shows_an_inbox_and_what_left_it(desk, dealtrail):
    """In both languages, as a table and as JSON; a dead letter is tried again."""
    desk.do(Subscribe(ANNA, ("addressed",), "wecom", target="gone"))
    desk.do(OpenRecord("customer/cus_1", {"name": "Acme"}, owner=ANNA))
    caught_up(desk)
    tell_all(connect(desk), a_sender(desk))
    chinese = dealtrail("-l", "zh", "inbox", "per_anna")
    assert "新建" in chinese
    assert "您现在是负责人" in chinese
    english = dealtrail("-l", "en", "inbox", "per_anna", "--unread")
    assert "Acme" in english
    assert "You are the owner now" in english
    (row,) = json.loads(dealtrail("deliveries", "list", "--status", "dead", "--json"))["items"]
    assert "no-such-target" in dealtrail("-l", "en", "deliveries", "show", row["id"])
    assert dealtrail("-l", "en", "deliveries", "retry").startswith("1 ")
    assert statuses(desk) == [("gone", "waiting", 0, "no-such-target")]
