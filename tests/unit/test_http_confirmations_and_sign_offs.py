"""Confirmations and sign-offs over HTTP: what is sent, what is answered, and what is refused where."""

import json
from datetime import UTC, datetime

import pytest
from support.commands_over_http import OPERATOR, Http, HttpDesk, an_app, is_done, is_refused, pointers
from support.desk import a_desk
from support.given import ACCOUNT, PLAYBOOKS

from commands.caller import Caller
from commands.playbook_file import parse_playbook
from commands.replays import SignedReplay
from domain.events import FieldsConfirmed, ReplaySignedOff
from domain.naming import drafts_stream
from domain.playbook.commands import DraftPlaybook
from domain.playbook.model import Right

DEAL = "/opportunities/opp_7"
TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
DRAFT = parse_playbook(TEXT.replace(">= 1000", ">= 2000"), "projects.yaml")
OTHER = parse_playbook(TEXT.replace(">= 1000", ">= 3000"), "projects.yaml")
SIGN_OFFS = "/playbooks/projects/drafts/1/sign-offs"


class Kept:
    """Replays that have finished."""

    def __init__(self, *replays):
        self._replays = {replay.id: replay for replay in replays}

    def find(self, replay):
        return self._replays.get(replay)


def a_replay(replay="rep_1", playbook="projects", of=DRAFT):
    return SignedReplay(replay, playbook, of.digest, {"after": 0, "upto": 7}, 7, {"newly_refused": 3})


@pytest.fixture
def desk():
    """A desk with an opportunity, and a draft of its playbook."""
    desk = a_desk()
    desk.submit(DraftPlaybook(DRAFT))
    return desk


@pytest.fixture
def http(desk):
    replays = Kept(a_replay(), a_replay("rep_other", of=OTHER), a_replay("rep_else", playbook="service"))
    http = Http(an_app(HttpDesk(desk.bus, desk.log), replays=replays))
    fields = {"account": ACCOUNT, "topic": "Gates", "source": "fair"}
    is_done(http.post("/opportunities", {"id": "opp_7", "fields": fields}), 201)
    return http


# ── confirmations ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_values_are_confirmed_by_name(http, desk):
    """No version is asked for; the record's moves on, and when it was said may be told."""
    response = http.post(
        f"{DEAL}/confirmations",
        {
            "fields": ["topic", "source", "topic"],
            "occurred_at": "2026-03-01T09:00:00+08:00",
            "reason": "by phone",
        },
    )
    answer = is_done(response)
    assert (answer["version"], response.headers["etag"]) == (2, '"2"')
    (confirmed,) = desk.log.read(answer["position"], answer["position"])
    assert confirmed.event == FieldsConfirmed(["source", "topic"])
    assert confirmed.occurred_at == datetime(2026, 3, 1, 1, tzinfo=UTC)


def test_a_confirmation_may_stand_on_a_version(http):
    is_done(http.post(f"{DEAL}/confirmations", {"fields": ["topic"]}, version=1))
    is_refused(http.post(f"{DEAL}/confirmations", {"fields": ["topic"]}, version=1), 412, "stale-version")


def test_what_cannot_be_confirmed_is_named(http):
    problem = is_refused(
        http.post(f"{DEAL}/confirmations", {"fields": ["budget", "topics"]}), 422, "invalid-command"
    )
    assert pointers(problem) == ["/fields/budget", "/fields"]
    assert problem["errors"][1]["suggestion"] == "topic"


@pytest.mark.parametrize("body", [{}, {"fields": []}, {"fields": "topic"}, {"fields": {"topic": "x"}}])
def test_a_confirmation_is_a_list_of_names(http, body):
    response = http.post(f"{DEAL}/confirmations", body)
    assert response.status_code in {400, 422}
    assert pointers(response.json()) == ["/fields"]


def test_many_are_confirmed_in_one_request(http, desk):
    line = {
        "key": "1",
        "command": "confirm",
        "collection": "opportunities",
        "id": "opp_7",
        "fields": ["topic"],
    }
    response = http.post(
        "/bulk",
        content=json.dumps(line).encode() + b"\n",
        headers={"content-type": "application/x-ndjson"},
        key=None,
    )
    assert json.loads(response.content)["status"] == 200
    assert desk.log.stream("opportunity/opp_7")[-1].event == FieldsConfirmed(["topic"])


# ── sign-offs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_replay_is_signed_off_by_its_id(http, desk):
    """What it judged, over how much of the log, with which figures is told by the replay, never by the caller."""
    body = {"replay": "rep_1", "digest": DRAFT.digest, "reason": "all three are right"}
    first = http.post(SIGN_OFFS, body, key="sign 1")
    is_done(first, 201)
    assert desk.log.stream(drafts_stream("projects"))[-1].event == ReplaySignedOff(
        "projects", 1, DRAFT.digest, "rep_1", {"after": 0, "upto": 7}, 7, {"newly_refused": 3}
    )
    again = http.post(SIGN_OFFS, body, key="sign 1")
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")


def test_publishing_names_the_replay(http, desk):
    """Refused until it was signed off, and says so."""
    publication = {"draft": 1, "replay": "rep_1"}
    problem = is_refused(http.post("/playbooks/projects/publications", publication), 422, "invalid-command")
    assert pointers(problem) == ["/replay"]
    is_done(http.post(SIGN_OFFS, {"replay": "rep_1"}), 201)
    is_done(http.post("/playbooks/projects/publications", publication), 201)
    assert desk.log.stream("playbooks")[-1].event.replay == "rep_1"


@pytest.mark.parametrize("replay", ["rep_9", "rep_else"])
def test_a_replay_that_is_not_there_cannot_be_signed_off(http, replay):
    """Neither can one of another playbook."""
    is_refused(http.post(SIGN_OFFS, {"replay": replay}), 404, "not-found")


def test_a_replay_of_another_text_is_refused(http):
    problem = is_refused(http.post(SIGN_OFFS, {"replay": "rep_other"}), 422, "invalid-command")
    assert pointers(problem) == ["/digest"]
    seen = {"replay": "rep_1", "digest": OTHER.digest}
    assert pointers(is_refused(http.post(SIGN_OFFS, seen), 422, "invalid-command")) == ["/digest"]


@pytest.mark.parametrize("draft", ["7", "0", "x", "-1", "9" * 40, "１"])
def test_a_draft_that_was_never_kept_cannot_be_signed_off(http, draft):
    is_refused(
        http.post(f"/playbooks/projects/drafts/{draft}/sign-offs", {"replay": "rep_1"}), 404, "not-found"
    )


def test_who_may_not_publish_signs_nothing_off(http):
    seller = Caller("main", "crm", "system/operator", rights=OPERATOR.rights - {Right.publish})
    is_refused(http.as_caller(seller).post(SIGN_OFFS, {"replay": "rep_1"}), 403, "not-allowed")


def test_where_no_replay_is_kept_none_is_found(desk):
    http = Http(an_app(HttpDesk(desk.bus, desk.log), replays=None))
    is_refused(http.post(SIGN_OFFS, {"replay": "rep_1"}), 404, "not-found")
