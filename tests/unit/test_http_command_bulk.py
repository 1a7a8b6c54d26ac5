"""Many commands in one request: each line is answered by itself, in order, as the single command would have been."""

import json

import pytest
from support.commands_over_http import Http, HttpDesk, an_app, is_refused
from support.desk import a_desk
from support.given import ACCOUNT

from commands.http.bulk import MAX_LINE_BYTES, MAX_LINES, TOGETHER

NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
def desk():
    return a_desk()


@pytest.fixture
def http(desk):
    return Http(an_app(HttpDesk(desk.bus, desk.log), max_bulk_bytes=3_000_000))


def a_line(key, command="open", collection="opportunities", **members):
    return {"key": key, "command": command, "collection": collection, **members}


def sent(http, *lines, end=b"\n"):
    """Send lines, raw ones among them; returns the results."""
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines) + end
    response = http.post("/bulk", content=raw, headers=NDJSON, key=None)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    assert not response.content or response.content.endswith(b"\n")
    return [json.loads(line) for line in response.content.splitlines()]


def test_every_command_has_its_line(http, desk):
    """In order, each on what the ones before made of the record."""
    deal = {"id": "opp_8"}
    lines = [
        a_line("1", id="opp_8", fields={"account": ACCOUNT, "topic": "Gates"}),
        a_line("2", "edit", **deal, if_match=1, fields={"topic": "Doors"}),
        a_line("3", "touch", **deal, touch="tou_8", kind="call", note="a slip"),
        a_line("4", "correct_touch", **deal, touch="tou_8", note="no slip", reason="it was one"),
        a_line("5", "change_owner", **deal, owner="person/per_anna"),
        a_line("6", "change_stage", **deal, to="needs_diagnosis", fields={"source": "fair"}),
        a_line(
            "7",
            "override",
            **deal,
            to="quoted",
            waive=[
                "field:pains",
                "field:budget",
                "evidence:solution_deck",
                "evidence:cost_sheet",
                "condition:worth_it",
            ],
            name="agreed",
            reason="so",
            if_match='"7"',
        ),
    ]
    results = sent(http, *lines)
    assert [result["line"] for result in results] == list(range(1, 8))
    assert [result["status"] for result in results] == [201, 200, 201, 200, 200, 200, 200], results
    assert [result["version"] for result in results] == [1, 2, 3, 4, 5, 7, 9]
    assert desk.log.stream("opportunity/opp_8")[-1].event.after == "quoted"


def test_a_line_is_answered_as_the_single_command(http):
    """The same members, for what is done and for what is refused."""
    lines = [
        a_line("1", id="opp_8", fields={"topic": "Gates"}),
        a_line("2", "touch", id="opp_8", kind="call"),
        a_line("3", "change_stage", id="opp_8", to="needs_diagnosis"),
        a_line("4", "touch", id="opp_8", kind="cal"),
        a_line("5", "edit", id="opp_8", fields={"topic": "x"}),
        a_line("6", "edit", id="opp_8", if_match=9, fields={"topic": "x"}),
        a_line("7", id="opp_8"),
    ]
    results = sent(http, *lines)
    deal = "/opportunities/opp_8"
    singles = [
        http.post("/opportunities", {"id": "opp_8", "fields": {"topic": "Gates"}}, key="1"),
        http.post(f"{deal}/touches", {"kind": "call"}, key="2"),
        http.post(f"{deal}/stage-changes", {"to": "needs_diagnosis"}, key="3"),
        http.post(f"{deal}/touches", {"kind": "cal"}, key="4"),
        http.patch(deal, {"fields": {"topic": "x"}}, key="5"),
        http.patch(deal, {"fields": {"topic": "x"}}, key="6", version=9),
        http.post("/opportunities", {"id": "opp_8"}, key="7"),
    ]
    for number, (result, single) in enumerate(zip(results, singles, strict=True), start=1):
        if single.status_code == 428:  # a line has no headers: what is missing is a member of it
            assert "`if_match`" in result.pop("detail")
            assert result == {
                "line": number,
                **{name: told for name, told in single.json().items() if name != "detail"},
            }
            continue
        assert result == {"line": number, "status": single.status_code, **single.json()}
    assert [single.status_code for single in singles] == [201, 201, 422, 422, 428, 412, 409]


def test_a_bad_line_stops_no_other(http, desk):
    """What cannot be read, what is unknown and what is missing gets its own problem."""
    good = [a_line(f"good-{number}", fields={"topic": str(number)}) for number in range(3)]
    results = sent(
        http,
        good[0],
        b"{not json",
        b"",
        b"   ",
        b"[1]",
        a_line(None),
        a_line("k" * 201),
        a_line("a", "opne"),
        {"key": "b", "command": "open"},
        a_line("c", "touch", kind="call"),
        a_line("d", collection="oportunities"),
        a_line("e", "edit", id="opp_none", if_match="7", fields={}),
        a_line("f", actor="person/per_ben"),
        b'{"key": "g", "key": "h", "command": "open", "collection": "opportunities"}',
        b'{"key": "g", "command": "open", "collection": "opportunities", "fields": {"topic": "a\\u0000b"}}',
        b'{"key": "g", "command": "open", "collection": "opportunities", "fields": '
        + b'{"a":' * 70
        + b"1"
        + b"}" * 71,
        b'{"key": "g", "command": "open", "collection": "opportunities", "fields": {"budget": 1.5}}',
        b"\xff\xfe",
        b'{"key": "' + b"x" * MAX_LINE_BYTES + b'"}',
        good[1],
        good[2],
        end=b"",
    )
    told = [(result["line"], result["status"], result.get("code")) for result in results]
    assert told == [
        (1, 201, None),
        (2, 400, "malformed-body"),
        (5, 422, "invalid-command"),
        (6, 400, "idempotency-key-missing"),
        (7, 400, "idempotency-key-missing"),
        (8, 422, "invalid-command"),
        (9, 422, "invalid-command"),
        (10, 422, "invalid-command"),
        (11, 404, "not-found"),
        (12, 422, "invalid-command"),
        (13, 422, "invalid-command"),
        (14, 400, "malformed-body"),
        (15, 400, "malformed-body"),
        (16, 400, "malformed-body"),
        (17, 422, "invalid-command"),
        (18, 400, "malformed-body"),
        (19, 413, "body-too-large"),
        (20, 201, None),
        (21, 201, None),
    ]
    by_line = {result["line"]: result for result in results}
    assert by_line[8]["errors"][0]["suggestion"] == "open"
    assert [by_line[line]["errors"][0]["pointer"] for line in (9, 10, 12, 13, 17)] == [
        "/collection",
        "/id",
        "/if_match",
        "/actor",
        "/fields/budget",
    ]


def test_sending_everything_again_does_nothing_twice(http, desk):
    """A connection that broke costs nothing: the same keys get the same answers."""
    lines = [a_line(str(number), fields={"topic": str(number)}) for number in range(TOGETHER + 20)]
    first = sent(http, *lines)
    head = desk.log.head()
    again = sent(http, *lines)
    assert desk.log.head() == head
    assert again == [{**result, "replayed": True} for result in first]
    assert {result["line"] for result in first} == set(range(1, TOGETHER + 21))


def test_the_same_key_twice_in_one_request(http):
    """The second line is the first one again, or another command under its key."""
    same, other = a_line("k", fields={"topic": "1"}), a_line("k", fields={"topic": "2"})
    results = sent(http, same, same, other)
    assert [result["status"] for result in results] == [201, 201, 422]
    assert results[1]["replayed"] is True
    assert results[2]["code"] == "idempotency-key-reused"


def test_what_breaks_one_line_is_the_answer_of_that_line(http, desk, monkeypatch):
    """Should the log fail on one command, the others are carried out all the same."""
    real = desk.bus.submit_batch

    def failing(submissions):
        if any(item.key == "2" for item in submissions):
            raise RuntimeError("the disk is on fire")
        return real(submissions)

    monkeypatch.setattr(desk.bus, "submit_batch", failing)
    results = sent(http, *(a_line(str(number)) for number in range(4)))
    assert [result["status"] for result in results] == [201, 201, 500, 201]
    assert "fire" not in json.dumps(results)


def test_when_nothing_works_not_every_line_is_tried(http, desk, monkeypatch):
    """A database that is away is asked a few times, not once a line."""
    tried = []

    def failing(submissions):
        tried.append(len(submissions))
        raise RuntimeError("away")

    monkeypatch.setattr(desk.bus, "submit_batch", failing)
    results = sent(http, *(a_line(str(number)) for number in range(50)))
    assert [result["status"] for result in results] == [500] * 50
    assert tried == [50, 1, 1]


def test_too_many_lines_are_refused_before_the_first_is_carried_out(http, desk):
    before = desk.log.head()
    raw = json.dumps(a_line("k")).encode() + b"\n" + b"\n" * MAX_LINES
    is_refused(http.post("/bulk", content=raw, headers=NDJSON, key=None), 413, "body-too-large")
    large = json.dumps(a_line("k")).encode() + b"\n" + b" " * 3_000_000
    is_refused(http.post("/bulk", content=large, headers=NDJSON, key=None), 413, "body-too-large")
    assert desk.log.head() == before


def test_a_bulk_request_is_ndjson(http):
    response = http.post("/bulk", content=b"[]", headers={"content-type": "application/json"}, key=None)
    is_refused(response, 415, "unsupported-media-type")


def test_nothing_is_answered_with_nothing(http):
    assert sent(http, b"") == []
    assert sent(http, b"", end=b"") == []


@pytest.mark.parametrize("key", [None, "", 7, "k" * 201, ["k"]])
def test_a_line_without_a_key_is_told_of_the_member(http, key):
    """A line has no headers: what it lacks, or has of another type, is its member `key`."""
    (result,) = sent(http, a_line(key))
    assert (result["status"], result["code"]) == (400, "idempotency-key-missing")
    assert "`key`" in result["detail"]
    assert "header" not in (result["title"] + result["detail"]).lower()


def test_a_line_without_a_version_is_told_of_the_member(http):
    """The same of the version an edit was made on, missing or of another type."""
    missing, odd = sent(
        http,
        a_line("1", "edit", id="opp_8", fields={"topic": "x"}),
        a_line("2", "edit", id="opp_8", if_match=[7], fields={"topic": "x"}),
    )
    assert (missing["status"], missing["code"]) == (428, "if-match-missing")
    assert "`if_match`" in missing["detail"]
    assert "header" not in (missing["title"] + missing["detail"]).lower()
    assert odd["errors"][0]["pointer"] == "/if_match"
    assert "whole number" in odd["errors"][0]["message"]


def test_a_refusal_that_is_sent_again_says_so(http):
    """A gate's refusal stands in the log as an answer does; the second time it is the one that was given."""
    lines = [
        a_line("1", id="opp_8", fields={"topic": "Gates"}),
        a_line("2", "change_stage", id="opp_8", to="needs_diagnosis"),
    ]
    first, again = sent(http, *lines), sent(http, *lines)
    assert first[1]["code"] == "gate-not-met"
    assert "replayed" not in first[1]
    assert again == [{**result, "replayed": True} for result in first]


def test_a_record_that_is_not_there_is_no_stale_version(http):
    """Whoever names a version of a record that never was is told that it is not there, by a line and by itself."""
    (result,) = sent(http, a_line("1", "edit", id="opp_none", if_match=7, fields={"topic": "x"}))
    single = http.patch("/opportunities/opp_none", {"fields": {"topic": "x"}}, version=7)
    assert (result["status"], result["code"]) == (404, "not-found")
    is_refused(single, 404, "not-found")
    is_refused(http.post("/opportunities/opp_none/touches", {"kind": "call"}, version=3), 404, "not-found")
