"""Commands over HTTP: who issues them, which version they stand on, and the same answer however often they are sent."""

import re
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from support.commands_over_http import OPERATOR, Http, HttpDesk, an_app, is_done, is_refused, pointers
from support.desk import Desk, a_desk
from support.evidence import sha256_of
from support.given import ACCOUNT, ANNA, BEN, NOW, ZOE

from commands.caller import Caller
from domain.events import EvidenceAttached, FieldsChanged, RecordOpened

DEAL = "/opportunities/opp_7"


@pytest.fixture
def desk() -> Desk:
    return a_desk()


@pytest.fixture
def store(desk) -> HttpDesk:
    return HttpDesk(desk.bus, desk.log)


@pytest.fixture
def http(store) -> Http:
    return Http(an_app(store, max_evidence_bytes=5_000, max_bulk_bytes=100_000))


@pytest.fixture
def deal(http) -> Http:
    """An opportunity of Acme's in its first stage."""
    is_done(
        http.post("/opportunities", {"id": "opp_7", "fields": {"account": ACCOUNT, "topic": "Gates"}}), 201
    )
    return http


def last(desk, count=1):
    return desk.log.read(desk.log.head() - count + 1, desk.log.head())


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_carries_the_position_and_the_events(deal, desk):
    response = deal.post(f"{DEAL}/touches", {"kind": "call", "note": "they called"})
    answer = is_done(response, 201)
    (event,) = last(desk)
    assert answer["position"] == event.position
    assert answer["version"] == 2
    assert answer["id"] == event.event.touch
    assert answer["events"] == [
        {
            "position": event.position,
            "topic": "record.touched.v1",
            "stream": "opportunity/opp_7",
            "version": 2,
            "recorded_at": "2026-03-02T09:00:00.000000Z",
        }
    ]
    assert response.headers["etag"] == '"2"'
    assert "they called" not in response.text, "payloads are for reads, which have the lens"


def test_what_is_opened_says_where_it_is(http, desk):
    response = http.post("/opportunities", {"fields": {"topic": "Gates"}})
    made = is_done(response, 201)["id"]
    assert made.startswith("opp_")
    assert response.headers["location"] == f"/v1/opportunities/{made}"
    assert last(desk)[0].stream == f"opportunity/{made}"


def test_a_simulated_log_says_so():
    desk = a_desk(told_time=NOW)
    http = Http(an_app(HttpDesk(desk.bus, desk.log, clock=NOW)))
    assert is_done(http.post("/opportunities", {"fields": {}}), 201)["simulated"] is True


# ── who issues it ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_acts_is_told_by_the_token(deal, desk):
    deal.as_caller(Caller("main", "bot", ANNA))
    body = {
        "fields": {"topic": "Doors"},
        "correlation_id": "cor_1",
        "causation_id": "evt_1",
        "reason": "as agreed",
    }
    is_done(deal.patch(DEAL, body, version=1))
    (event,) = last(desk)
    assert (event.actor, event.channel, event.on_behalf_of) == (ANNA, "http", None)
    assert (event.correlation_id, event.causation_id) == ("cor_1", "evt_1")
    assert event.reason


def test_a_service_acts_for_somebody_with_their_rights(deal, desk):
    deal.as_caller(Caller("main", "bot", "system/bot", on_behalf_of=ANNA))
    is_done(deal.patch(DEAL, {"fields": {"topic": "Doors"}}, version=1))
    assert (last(desk)[0].actor, last(desk)[0].on_behalf_of) == ("system/bot", ANNA)


@pytest.mark.parametrize(
    "member",
    [
        "actor",
        "tenant",
        "client",
        "channel",
        "rights",
        "on_behalf_of",
        "position",
        "version",
        "recorded_at",
        "basis",
    ],
)
def test_nobody_assigns_what_the_token_and_the_log_tell(deal, desk, member):
    """P27: who acts, for whom, where and when it is recorded is never taken from a body."""
    before = desk.log.head()
    for response in (
        deal.post("/opportunities", {"fields": {}, member: "person/per_ben"}),
        deal.patch(DEAL, {"fields": {"topic": "x"}, member: "person/per_ben"}, version=1),
        deal.post("/people", {"name": "Eve", member: "x"}),
        deal.post("/erasures", {"subject": ACCOUNT, "ground": "request", member: "x"}),
    ):
        assert pointers(is_refused(response, 422, "invalid-command")) == [f"/{member}"]
    assert desk.log.head() == before


def test_rights_count(deal):
    """What the token does not grant and no role carries is refused."""
    deal.as_caller(Caller("main", "bot", ANNA))
    assert is_refused(deal.post("/people", {"name": "Eve"}), 403, "not-allowed")["right"] == "organise"
    is_refused(deal.post("/erasures", {"subject": ACCOUNT, "ground": "request"}), 403, "not-allowed")


# ── the same key ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_command_is_answered_with_the_same_bytes(deal, desk):
    """P2: nothing is applied twice."""
    sent = [deal.post(f"{DEAL}/touches", {"kind": "call"}, key="one") for _ in range(3)]
    assert len({response.content for response in sent}) == 1
    assert len({response.headers["etag"] for response in sent}) == 1
    assert [response.headers.get("idempotency-replayed") for response in sent] == [None, "true", "true"]
    assert [response.status_code for response in sent] == [201, 201, 201]
    assert len(desk.log.stream("opportunity/opp_7")) == 2


def test_an_id_that_was_made_is_the_same_when_sent_again(http):
    first, again = (http.post("/opportunities", {"fields": {}}, key="one") for _ in range(2))
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]


def test_a_refusal_is_answered_again_as_it_was(deal, desk):
    """Also after what was missing is there: the answer to that command was a refusal."""
    first = deal.post(f"{DEAL}/stage-changes", {"to": "needs_diagnosis"}, key="one")
    problem = is_refused(first, 422, "gate-not-met")
    assert [item["id"] for item in problem["unmet"]] == ["field:source"]
    assert (problem["unmet"][0]["label"], problem["unmet"][0]["field"]) == ("Source", "source")
    assert problem["position"] == desk.log.head()
    assert first.headers.get("idempotency-replayed") is None
    is_done(deal.patch(DEAL, {"fields": {"source": "fair"}}, version=1))
    again = deal.post(f"{DEAL}/stage-changes", {"to": "needs_diagnosis"}, key="one")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


def test_a_refusal_is_told_in_the_language_of_the_caller(deal):
    deal.as_caller(Caller("main", "crm", "system/operator", language="zh"))
    problem = is_refused(deal.post(f"{DEAL}/stage-changes", {"to": "needs_diagnosis"}), 422, "gate-not-met")
    assert problem["unmet"][0]["label"] == "来源"


def test_a_key_is_for_one_command(deal):
    is_done(deal.post(f"{DEAL}/touches", {"kind": "call"}, key="one"), 201)
    is_refused(deal.post(f"{DEAL}/touches", {"kind": "visit"}, key="one"), 422, "idempotency-key-reused")
    is_refused(deal.post(f"{DEAL}/owner-changes", {"owner": ANNA}, key="one"), 422, "idempotency-key-reused")
    deal.as_caller(Caller("main", "another", "system/operator"))
    is_done(deal.post(f"{DEAL}/touches", {"kind": "visit"}, key="one"), 201)


@pytest.mark.parametrize(
    "path",
    ["/opportunities", f"{DEAL}/touches", "/people", "/teams", "/erasures", "/playbooks/x/publications"],
)
@pytest.mark.parametrize("key", [None, "k" * 201, "tab\there", "\x7f"])
def test_a_command_needs_a_key(deal, desk, path, key):
    before = desk.log.head()
    is_refused(deal.post(path, {}, key=key), 400, "idempotency-key-missing")
    assert desk.log.head() == before


def test_duplicates_at_the_same_time_are_one(deal, desk):
    """A concurrent duplicate waits, and is answered as the first was."""
    with ThreadPoolExecutor(8) as threads:
        sent = list(
            threads.map(lambda _: deal.post(f"{DEAL}/touches", {"kind": "call"}, key="one"), range(8))
        )
    assert len({response.content for response in sent}) == 1
    assert (
        sorted(response.headers.get("idempotency-replayed", "") for response in sent) == [""] + ["true"] * 7
    )
    assert len(desk.log.stream("opportunity/opp_7")) == 2


# ── the version ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_edit_says_which_version_it_was_made_on(deal):
    is_refused(deal.patch(DEAL, {"fields": {"topic": "x"}}), 428, "if-match-missing")
    assert is_done(deal.patch(DEAL, {"fields": {"topic": "x"}}, version='W/"1"', key=None))["version"] == 2


def test_an_edit_on_an_old_version_names_what_was_not_seen(deal):
    """412: the version there is, and the fields that changed meanwhile."""
    is_done(deal.patch(DEAL, {"fields": {"topic": "Doors"}}, version=1))
    problem = is_refused(deal.patch(DEAL, {"fields": {"topic": "Lifts"}}, version=1), 412, "stale-version")
    assert problem["current_version"] == 2
    assert [(change["field"], change["version"]) for change in problem["changes"]] == [("topic", 2)]


@pytest.mark.parametrize("path", ["touches", "stage-changes", "owner-changes"])
def test_any_command_may_say_it(deal, path):
    bodies = {
        "touches": {"kind": "call"},
        "stage-changes": {"to": "lost", "fields": {"loss_reason": "price"}},
        "owner-changes": {"owner": ANNA},
    }
    is_done(deal.patch(DEAL, {"fields": {"topic": "Doors"}}, version=1))
    is_refused(deal.post(f"{DEAL}/{path}", bodies[path], version=1), 412, "stale-version")
    assert deal.post(f"{DEAL}/{path}", bodies[path], version=2).status_code < 300


@pytest.mark.parametrize(
    "tag", ["7", "*", '"x"', '"1", "2"', '"-1"', '"01"', "", '"9999999999999999999"', '"１"']
)
def test_a_version_that_cannot_be_read_is_explained(deal, tag):
    headers = {"If-Match": tag.encode("utf-8")}
    response = deal.client.patch("/v1" + DEAL, json={"fields": {}}, headers=headers)
    assert pointers(is_refused(response, 400, "invalid-request")) == ["/header/If-Match"]


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_wrong_is_said_at_once(deal, desk):
    before = desk.log.head()
    body = {
        "fields": {"budget": 1.5, "note": {"a": [1, 2.0]}},
        "reson": "x",
        "occurred_at": "yesterday",
        "correlation_id": "a b",
    }
    problem = is_refused(deal.patch(DEAL, body, version=1), 422, "invalid-command")
    found = {error["pointer"]: error for error in problem["errors"]}
    assert set(found) == {"/fields/budget", "/fields/note/a/1", "/reson", "/occurred_at", "/correlation_id"}
    assert found["/reson"]["suggestion"] == "reason"
    assert desk.log.head() == before


@pytest.mark.parametrize("number", ["1.0", "1e3", "-0.0", "123456789.12", "1e999"])
def test_a_number_with_a_point_is_refused_before_it_loses_digits(deal, number):
    """Money and numbers are whole numbers or texts: 0.1 is not a number a computer has."""
    raw = f'{{"fields": {{"budget": {number}}}}}'
    response = deal.send("PATCH", DEAL, version=1, content=raw, headers={"content-type": "application/json"})
    assert response.status_code in {400, 422}
    if response.status_code == 422:
        assert pointers(response.json()) == ["/fields/budget"]


def test_numbers_come_as_whole_numbers_or_texts(deal, desk):
    is_done(deal.patch(DEAL, {"fields": {"budget": 5000}}, version=1))
    is_done(deal.patch(DEAL, {"fields": {"budget": "5000.50"}}, version=2))
    is_done(deal.patch(DEAL, {"fields": {"budget": {"amount": "5000.75", "currency": "CNY"}}}, version=3))
    news = [event.event.changes["budget"]["new"]["amount"] for event in last(desk, 3)]
    assert news == ["5000.00", "5000.50", "5000.75"]


@pytest.mark.parametrize(
    "raw", [b"{", b"[1", b"\xff", b'{"a":NaN}', b"", b"nul", b'{"a":"\\ud800"}', b"[" * 1000]
)
def test_what_is_not_json_is_said_to_be_so(deal, raw):
    response = deal.send("POST", "/opportunities", content=raw, headers={"content-type": "application/json"})
    if raw == b"":
        is_done(response, 201)
    else:
        is_refused(response, 400, "malformed-body")


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null", b"true"])
def test_a_body_is_an_object(deal, raw):
    response = deal.send("POST", "/opportunities", content=raw, headers={"content-type": "application/json"})
    assert pointers(is_refused(response, 422, "invalid-command")) == [""]


def test_another_media_type_is_refused(deal):
    for name in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        response = deal.send("POST", "/opportunities", content=b"{}", headers={"content-type": name})
        is_refused(response, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-31",
        "2026-01-31T08:00:00",
        "1700000000",
        1700000000,
        "2026-13-01T00:00:00Z",
        "2026-01-31 08:00:00Z",
        True,
        "",
    ],
)
def test_a_moment_has_its_offset(deal, moment):
    problem = is_refused(
        deal.post(f"{DEAL}/touches", {"kind": "call", "occurred_at": moment}), 422, "invalid-command"
    )
    assert pointers(problem) == ["/occurred_at"]


def test_when_it_happened_is_now_or_then_or_unknown(deal, desk):
    is_done(deal.post(f"{DEAL}/touches", {"kind": "call"}), 201)
    is_done(deal.post(f"{DEAL}/touches", {"kind": "call", "occurred_at": "2026-03-01T17:00:00+08:00"}), 201)
    is_done(deal.post(f"{DEAL}/touches", {"kind": "call", "occurred_at": None}), 201)
    moments = [event.occurred_at for event in last(desk, 3)]
    assert moments[0] == desk.log.now()
    assert moments[1].isoformat() == "2026-03-01T17:00:00+08:00"
    assert moments[2] is None


# ── every command ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_from_its_opening_to_its_loss(http, desk):
    """One after another, as a salesperson's tool would send them."""
    body = {
        "id": "opp_8",
        "fields": {"account": ACCOUNT, "topic": "Gates"},
        "owner": ANNA,
        "external_id": "X-8",
    }
    is_done(http.post("/opportunities", body), 201)
    deal = "/opportunities/opp_8"
    edited = is_done(http.patch(deal, {"fields": {"topic": "Doors"}}, version=1))
    is_done(http.post(f"{deal}/touches", {"kind": "call", "note": "a slip", "id": "tou_8"}), 201)
    correction = {"note": "no slip", "reason": "it was one"}
    is_done(http.post(f"{deal}/touches/tou_8/corrections", correction))
    is_done(http.post(f"{deal}/owner-changes", {"owner": BEN}))
    is_done(http.post(f"{deal}/owner-changes", {"owner": None}))
    is_done(http.post(f"{deal}/stage-changes", {"to": "needs_diagnosis", "fields": {"source": "fair"}}))
    override = {
        "to": "quoted",
        "waive": [
            "field:pains",
            "field:budget",
            "evidence:solution_deck",
            "evidence:cost_sheet",
            "condition:worth_it",
        ],
    }
    is_done(http.post(f"{deal}/overrides", {**override, "name": "agreed", "reason": "the head said so"}))
    is_done(http.post(f"{deal}/restorations", {"change": edited["position"]}))
    is_done(http.post(f"{deal}/touches/tou_8/corrections", {"withdrawn": True, "reason": "nobody called"}))
    topics = [event.event.TOPIC for event in desk.log.stream("opportunity/opp_8")]
    assert topics == [
        "record.opened.v1",
        "record.fields-changed.v1",
        "record.touched.v1",
        "record.touch-corrected.v1",
        "record.owner-changed.v1",
        "record.owner-changed.v1",
        "record.fields-changed.v1",
        "record.stage-changed.v1",
        "record.gate-overridden.v1",
        "record.stage-changed.v1",
        "record.fields-changed.v1",
        "record.touch-corrected.v1",
    ]


def test_an_override_says_what_and_why(deal):
    whole = {"to": "quoted", "waive": ["field:budget"], "name": "agreed", "reason": "so"}
    for member in whole:
        short = {name: value for name, value in whole.items() if name != member}
        assert pointers(is_refused(deal.post(f"{DEAL}/overrides", short), 422, "invalid-command")) == [
            f"/{member}"
        ]
    assert pointers(
        is_refused(deal.post(f"{DEAL}/overrides", {**whole, "waive": []}), 422, "invalid-command")
    ) == ["/waive"]


def test_people_join_move_and_leave(http, desk):
    is_done(http.post("/teams", {"id": "south", "name": "South", "region": "华南", "part_of": "north"}), 201)
    joined = {
        "id": "per_eve",
        "name": "Eve",
        "team": "south",
        "manager": BEN,
        "roles": ["seller"],
        "email": "eve@example.com",
    }
    assert is_done(http.post("/people", joined), 201)["id"] == "per_eve"
    made = is_done(http.post("/people", {"name": "Uma"}), 201)["id"]
    assert made.startswith("per_")
    is_done(http.post("/people/per_eve/moves", {"team": "north", "manager": None}))
    is_done(http.post("/people/per_eve/role-revocations", {"role": "seller"}))
    is_done(http.post("/people/per_eve/role-grants", {"role": "seller"}))
    is_done(http.post("/people/per_eve/departures", {}))
    is_done(http.post("/erasures", {"subject": "person/per_eve", "ground": "request"}), 201)
    assert [event.event.TOPIC for event in last(desk, 8)] == [
        "organisation.team-formed.v1",
        "organisation.person-joined.v1",
        "organisation.person-joined.v1",
        "organisation.person-moved.v1",
        "organisation.role-revoked.v1",
        "organisation.role-granted.v1",
        "organisation.person-left.v1",
        "subject.erased.v1",
    ]


def test_a_move_tells_team_and_manager(http):
    """Neither is lost by being left out."""
    problem = is_refused(http.post("/people/per_anna/moves", {"team": "north"}), 422, "invalid-command")
    assert pointers(problem) == ["/manager"]


def test_the_ground_of_an_erasure_is_one_of_the_list(http):
    problem = is_refused(
        http.post("/erasures", {"subject": ACCOUNT, "ground": "requst"}), 422, "invalid-command"
    )
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["suggestion"]) == ("/ground", "request")


# ── what is not there ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_unknown_is_named_with_the_nearest_there_is(deal):
    assert is_refused(deal.post("/oportunities", {}), 404, "not-found")["suggestion"] == "opportunities"
    is_refused(deal.post("/opportunity", {}), 404, "not-found")
    is_refused(deal.post("/opportunities/opp_none/touches", {"kind": "call"}), 404, "not-found")
    is_refused(deal.post("/opportunities/%20/touches", {"kind": "call"}), 404, "not-found")
    is_refused(deal.post("/opportunities", {"id": "opp_7"}), 409, "already-exists")


def test_a_collection_another_process_has_just_published_is_known(desk, store, http):
    """What one process has read may be old; before it says that there is no such thing, it looks again."""
    elsewhere = desk.another()
    is_refused(http.post("/trips", {}), 404, "not-found")
    text = "playbook: travel\nlabel: {zh: 出差, en: Travel}\nkinds:\n  trip:\n    label: {zh: 出差, en: Trip}\n    collection: trips\n    prefix: tri\n"
    there = Http(an_app(HttpDesk(elsewhere.bus, elsewhere.log)))
    yaml = {"content": text, "headers": {"content-type": "application/yaml"}}
    is_done(there.post("/playbooks/travel/drafts", **yaml), 201)
    is_done(there.post("/playbooks/travel/publications", {"draft": 1}), 201)
    is_done(http.post("/trips", {}), 201)


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────────────

PDF = {"content-type": "application/pdf"}
FILE = b"%PDF-1.7 " + b"x" * 3_000


def attach(http, content=FILE, query="field=cost_sheet&file_name=a.pdf", headers=PDF, **more):
    return http.post(f"{DEAL}/evidence?{query}", content=content, headers=headers, **more)


def test_a_file_is_kept_before_the_log_names_it(deal, desk, store):
    response = attach(deal)
    answer = is_done(response, 201)
    event = last(desk)[0].event
    assert isinstance(event, EvidenceAttached)
    assert (event.sha256, event.size_bytes, event.media_type) == (
        sha256_of(FILE),
        len(FILE),
        "application/pdf",
    )
    assert b"".join(store.evidence.open(event.sha256)) == FILE
    assert response.headers["location"] == f"/v1{DEAL}/evidence/{answer['id']}"


def test_the_same_file_again_is_the_same_command(deal, desk, store):
    first, again = attach(deal, key="one"), attach(deal, key="one")
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    is_refused(attach(deal, FILE + b"!", key="one"), 422, "idempotency-key-reused")


def test_a_store_that_is_away_leaves_nothing_in_the_log(deal, desk, store, monkeypatch):
    """A missing file would be worse than a missing event."""
    before = desk.log.head()
    monkeypatch.setattr(store.evidence, "put", lambda *_: (_ for _ in ()).throw(RuntimeError("away")))
    assert attach(deal).status_code == 500
    assert desk.log.head() == before


def test_a_stated_digest_is_compared(deal, desk):
    """RFC 9530: what arrived is what was sent, or it is refused with what to do."""
    right = "sha-256=:" + b64encode(bytes.fromhex(sha256_of(FILE))).decode() + ":"
    is_done(attach(deal, headers={**PDF, "content-digest": right}), 201)
    is_done(attach(deal, headers={**PDF, "content-digest": f"md5=:AAAA:, {right}"}), 201)
    before = desk.log.head()
    problem = is_refused(
        attach(deal, FILE + b"!", headers={**PDF, "content-digest": right}), 400, "invalid-request"
    )
    assert pointers(problem) == ["/header/Content-Digest"]
    for wrong in ("sha-256=x", "md5=:AAAA:", "", right[:-2]):
        is_refused(attach(deal, headers={**PDF, "content-digest": wrong}), 400, "invalid-request")
    assert desk.log.head() == before


@pytest.mark.parametrize(
    "media_type", ["", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "pdf", "a/b/c"]
)
def test_evidence_says_what_it_is(deal, media_type):
    """A form around the file would be another file."""
    is_refused(attach(deal, headers={"content-type": media_type}), 415, "unsupported-media-type")


@pytest.mark.parametrize("size", [5_001, 60_000])
@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_file_that_is_too_large_is_refused(deal, store, size, is_streamed):
    content = iter([b"x" * 1_000] * (size // 1_000 + 1)) if is_streamed else b"x" * size
    is_refused(attach(deal, content), 413, "body-too-large")
    assert not store.evidence.files


def test_an_empty_file_proves_nothing(deal):
    is_refused(attach(deal, b""), 422, "invalid-command")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "/field"),
        ("field=cost_shet", "/field"),
        ("field=cost_sheet&actor=x", "/actor"),
        ("field=cost_sheet&sha256=00", "/sha256"),
    ],
)
def test_what_is_said_about_a_file_is_checked(deal, query, pointer):
    assert pointers(is_refused(attach(deal, query=query), 422, "invalid-command")) == [pointer]


def test_a_file_for_a_record_that_is_not_there(http, store):
    is_refused(http.post("/deals/x/evidence?field=y", content=FILE, headers=PDF), 404, "not-found")
    assert not store.evidence.files


# ── playbooks ────────────────────────────────────────────────────────────────────────────────────────────────────────

GOOD = """\
playbook: travel
label: {zh: 出差, en: Travel}
kinds:
  trip:
    label: {zh: 出差, en: Trip}
    collection: trips
    prefix: tri
    fields:
      days: {type: number, label: {zh: 天数, en: Days}}
"""
BAD = GOOD.replace("type: number", "type: numbr")
YAML = {"content-type": "application/yaml"}


def test_a_check_tells_what_is_wrong_and_stores_nothing(http, desk):
    before = desk.log.head()
    check = "/playbooks/checks"
    assert http.post(check, content=GOOD, headers=YAML, key=None).json() == {"ok": True, "problems": []}
    found = http.post(check, content=BAD, headers=YAML, key=None).json()
    assert found["ok"] is False
    (problem,) = found["problems"]
    assert (problem["line"], problem["column"], problem["suggestion"]) == (9, 20, "number")
    assert http.post(check, content=b"\xff", headers=YAML, key=None).json()["problems"][0]["column"] == 1
    is_refused(
        http.post(check, content=GOOD, headers={"content-type": "text/csv"}, key=None),
        415,
        "unsupported-media-type",
    )
    assert desk.log.head() == before


def test_a_playbook_may_come_as_json(http):
    """With tabs, and with characters beyond the first 65,536 escaped: JSON is not quite YAML."""
    text = '{\n\t"playbook": "travel",\n\t"label": {"zh": "\\u51fa\\u5dee", "en": "Travel \\ud83d\\ude80"},\n\t"kinds": {"trip":\t{"label": {"zh": "a", "en": "b"}, "collection": "trips", "prefix": "tri"}}\n}'
    response = http.post(
        "/playbooks/checks", content=text, headers={"content-type": "application/json"}, key=None
    )
    assert response.json() == {"ok": True, "problems": []}


def test_a_draft_is_kept_and_put_into_force(http, desk):
    sent = {"content": GOOD, "headers": YAML}
    assert is_done(http.post("/playbooks/travel/drafts", **sent), 201)["draft"] == 1
    assert is_done(http.post("/playbooks/travel/drafts", **sent), 201)["draft"] == 2
    is_refused(http.post("/trips", {}), 404, "not-found")
    done = is_done(http.post("/playbooks/travel/publications", {"draft": 2, "reason": "we travel"}), 201)
    assert done["playbook_version"] == 1
    is_done(http.post("/trips", {"fields": {"days": "2.5"}}), 201)
    assert isinstance(last(desk)[0].event, RecordOpened)


def test_a_draft_with_mistakes_is_refused_with_their_places(http, desk):
    before = desk.log.head()
    problem = is_refused(
        http.post("/playbooks/travel/drafts", content=BAD, headers=YAML), 422, "playbook-refused"
    )
    assert [(found["line"], found["column"]) for found in problem["errors"]] == [(9, 20)]
    wrong = http.post("/playbooks/another/drafts", content=GOOD, headers=YAML)
    assert pointers(is_refused(wrong, 422, "invalid-command")) == ["/playbook"]
    assert desk.log.head() == before


def test_only_who_may_publish_drafts_and_publishes(http):
    is_done(http.post("/playbooks/travel/drafts", content=GOOD, headers=YAML), 201)
    http.as_caller(Caller("main", "crm", ANNA))
    is_refused(http.post("/playbooks/travel/drafts", content=GOOD, headers=YAML), 403, "not-allowed")
    is_refused(http.post("/playbooks/travel/publications", {"draft": 1}), 403, "not-allowed")
    http.as_caller(OPERATOR)
    is_refused(http.post("/playbooks/travel/publications", {"draft": 2}), 404, "not-found")


def test_a_publication_is_checked(http):
    body = {
        "draft": "1",
        "mappings": {"trip": {"stage": {}}},
        "scope": {"days": "x"},
        "effective_from": "soon",
    }
    problem = is_refused(http.post("/playbooks/travel/publications", body), 422, "invalid-command")
    assert set(pointers(problem)) == {"/draft", "/mappings/trip/stage", "/scope/days", "/effective_from"}


def test_edits_are_only_of_the_record(deal, desk):
    """The events of an edit stand in the record's stream."""
    is_done(deal.patch(DEAL, {"fields": {"topic": "Doors"}}, version=1))
    assert isinstance(last(desk)[0].event, FieldsChanged)


def test_a_check_tells_what_belongs_to_another_playbook(http, desk):
    """A playbook that could never be published is not right, whoever checks it; with the line, and what to do."""
    before = desk.log.head()
    theirs = GOOD.replace("trip:", "account:", 1)
    assert theirs != GOOD
    found = http.post("/playbooks/checks", content=theirs, headers=YAML, key=None).json()
    assert found["ok"] is False
    (problem,) = [problem for problem in found["problems"] if "belongs to the playbook" in problem["message"]]
    assert "another name" in problem["message"]
    assert theirs.splitlines()[problem["line"] - 1].strip().startswith(("account", "label"))
    assert desk.log.head() == before


def test_a_publication_that_is_refused_says_why(http):
    """The names of published playbooks are told in full, each problem with what to do; nothing ends in the middle of a sentence."""
    theirs = GOOD.replace("trip:", "account:", 1)
    is_done(http.post("/playbooks/travel/drafts", content=theirs, headers=YAML), 201)
    errors = http.post("/playbooks/travel/publications", {"draft": 1, "scope": {"zzzz": ["x"]}}).json()[
        "errors"
    ]
    told = {error["pointer"]: error["message"] for error in errors}
    assert told["/kinds/account"].startswith("the kind 'account' belongs to the playbook 'projects'; give")
    assert "without a scope" in told["/scope"]
    assert "'owner.region' or 'owner.team'; there is no choice field …" in told["/scope/zzzz"]
    assert not any(message.rstrip(".").endswith("…") for message in told.values())


def test_an_unknown_member_hides_no_other_mistake(deal, desk):
    """Everything wrong is told at once, of an opening, an edit and a touch; and nothing is done."""
    before = desk.log.head()
    opening = deal.post("/opportunities", {"fields": {"topc": "x", "budget": "dear"}, "foo": 1})
    assert pointers(is_refused(opening, 422, "invalid-command")) == ["/foo", "/fields/topc", "/fields/budget"]
    edit = deal.patch(DEAL, {"fields": {"topc": "x"}, "foo": 1}, version=1)
    assert pointers(is_refused(edit, 422, "invalid-command")) == ["/foo", "/fields/topc"]
    touch = deal.post(f"{DEAL}/touches", {"kind": "cal", "foo": 1})
    assert pointers(is_refused(touch, 422, "invalid-command")) == ["/foo", "/kind"]
    alone = deal.post(f"{DEAL}/touches", {"kind": "call", "foo": 1})
    assert pointers(is_refused(alone, 422, "invalid-command")) == ["/foo"]
    assert desk.log.head() == before


def test_mistakes_are_told_in_chinese(deal):
    """What any form may meet is said in the language that is wanted; the nearest valid name is the same in both."""
    deal.as_caller(replace(OPERATOR, language="zh"))
    fields = {"topc": "x", "budget": "dear", "source": "fare", "seats": True, "zzzzzz": 1}
    told = deal.patch(DEAL, {"fields": fields}, version=1).json()
    found = {error["pointer"]: error["message"] for error in told["errors"]}
    assert found["/fields/topc"] == "opportunity 没有此字段"
    assert found["/fields/source"] == "不是该字段的选项"
    assert found["/fields/zzzzzz"].startswith("opportunity 没有此字段；可选：'")
    assert not any(re.search("[a-z]{3} [a-z]{3}", message) for message in found.values()), found
    missing = deal.post(f"{DEAL}/touches", {}).json()["errors"][0]
    assert (missing["pointer"], missing["message"]) == ("/kind", "缺少此成员")


@pytest.mark.parametrize("actor", ["person/per_nobody", "robot/r2"])
def test_a_token_of_nobody_who_works_here_is_no_mistake_of_the_body(deal, desk, actor):
    """403 with what to do, and nothing is pointed at: the body has no member `actor`."""
    before = desk.log.head()
    deal.as_caller(replace(OPERATOR, actor=actor, rights=frozenset()))
    problem = is_refused(deal.post(f"{DEAL}/touches", {"kind": "call"}), 403, "unknown-actor")
    assert "errors" not in problem
    assert "POST /v1/people" in problem["detail"]
    assert desk.log.head() == before


@pytest.mark.parametrize("whom", [ZOE, "person/per_nobody"])
def test_whom_nobody_knows_nothing_is_done_for(deal, desk, whom):
    """The same 403 as for a token of nobody who works here; what is pointed at is the header, as the body has no such member."""
    before = desk.log.head()
    deal.as_caller(replace(OPERATOR, on_behalf_of=whom, rights=frozenset()))
    problem = is_refused(deal.post(f"{DEAL}/touches", {"kind": "call"}), 403, "unknown-actor")
    assert pointers(problem) == ["/header/On-Behalf-Of"]
    assert "On-Behalf-Of" in problem["detail"]
    assert desk.log.head() == before


@pytest.mark.parametrize("name", ["", "x" * 1000])
def test_what_an_override_is_wrongly_called_is_pointed_at_in_its_body(deal, name):
    """It pointed at `/override/name`, and a body has no `override`."""
    body = {"to": "quoted", "waive": ["move:skip"], "name": name, "reason": "so"}
    assert pointers(is_refused(deal.post(f"{DEAL}/overrides", body), 422, "invalid-command")) == ["/name"]


@pytest.mark.parametrize("keys", [("one", "two"), ("one", "one")])
def test_two_idempotency_keys_are_none(deal, desk, keys):
    """Nobody knows which of the two is meant, so neither is taken; of an edit, which may do without, as well."""
    before = desk.log.head()
    headers = [("Idempotency-Key", key) for key in keys]
    sent = {"headers": headers, "json": {"kind": "call"}}
    answer = deal.client.post(f"/v1{DEAL}/touches", **sent)
    assert pointers(is_refused(answer, 400, "invalid-request")) == ["/header/Idempotency-Key"]
    edit = {"headers": [*headers, ("If-Match", '"1"')], "json": {"fields": {"topic": "x"}}}
    is_refused(deal.client.patch(f"/v1{DEAL}", **edit), 400, "invalid-request")
    assert desk.log.head() == before


def test_a_command_that_changes_nothing_is_accepted_without_events(deal, desk):
    """As the guide says: no events; the version is the one the record has, also as ETag, and the position the one the log had."""
    head = desk.log.head()
    answer = deal.patch(DEAL, {"fields": {"topic": "Gates"}}, version=1)
    assert is_done(answer) == {"outcome": "accepted", "position": head, "version": 1, "events": []}
    assert (answer.headers["ETag"], desk.log.head()) == ('"1"', head)


def test_what_changed_nothing_is_answered_the_same_after_the_record_has_moved_on(deal, desk):
    """The version is of the moment it was looked at, so that a repetition has the same bytes; asked anew it is the version of now."""
    same = {"fields": {"topic": "Gates"}}
    first = deal.patch(DEAL, same, version=1, key="same")
    is_done(deal.post(f"{DEAL}/touches", {"kind": "call"}), 201)
    again = deal.patch(DEAL, same, version=1, key="same")
    assert (again.content, again.headers["ETag"]) == (first.content, '"1"')
    assert again.headers["Idempotency-Replayed"] == "true"
    anew = is_done(deal.patch(DEAL, same, version=2))
    assert (anew["version"], anew["position"], anew["events"]) == (2, desk.log.head(), [])


def test_whatever_changes_nothing_has_the_version_of_its_record(deal, desk):
    """Not edits alone; also as a line of a bulk request."""
    owner = {"owner": ANNA}
    done = is_done(deal.post(f"{DEAL}/owner-changes", owner))
    for answer in (
        deal.post(f"{DEAL}/owner-changes", owner),
        deal.patch(DEAL, {"fields": {}}, version=done["version"]),
    ):
        assert (is_done(answer)["version"], is_done(answer)["position"]) == (
            done["version"],
            done["position"],
        )
