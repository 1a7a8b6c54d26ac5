"""Work and approvals end to end: asked and done over HTTP, read by whoever has it to do, late where it is late."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.given import PLAYBOOKS
from support.sales import a_client, a_submission
from typer.testing import CliRunner

from commands.playbook_file import parse_playbook
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.record import state as record_state
from domain.record.commands import OpenRecord
from domain.refusals import NotFound
from domain.values import moment_text
from domain.work.commands import (
    AcceptWork,
    CancelWork,
    CompleteWork,
    DecideApproval,
    ForkWork,
    PauseWork,
    RequestApproval,
    RequestWork,
    RescheduleWork,
    RespondToWork,
    ResumeWork,
)
from infra.cli.main import app
from projections.cursors import Cursor
from projections.errors import InvalidQuery
from projections.lists import Ask
from projections.working import Which, late_legs, list_work, response_times, work_of

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""Nine in the morning in Shanghai."""

SAM, EVE, LEA, FAY, OTTO = (f"person/per_{name}" for name in ("sam", "eve", "lea", "fay", "otto"))
DEAL = "deal/dea_1"
CALENDAR = """time_zone: Asia/Shanghai
calendar:
  hours: {mon: [09:00-18:00], tue: [09:00-18:00], wed: [09:00-18:00], thu: [09:00-18:00], fri: [09:00-18:00]}
  first_year: 2026
  last_year: 2026
"""


class Office:
    """A tenant with a simulated clock in which people work."""

    def __init__(self, tenant: Any) -> None:
        self.tenant = tenant
        text = (PLAYBOOKS / "working.yaml").read_text("utf-8").replace("time_zone: Asia/Shanghai\n", CALENDAR)
        terms = "        role: legal\n        done_by_word: true\n"
        assert terms in text
        text = text.replace(
            terms, terms + "        respond_within_hours: 2\n        complete_within_hours: 4\n"
        )
        self.at = MONDAY - timedelta(days=3)
        self.do(PublishPlaybook(parse_playbook(text, "working.yaml")))
        self.do(FormTeam("office", "Head office"))
        for person, role in (
            (SAM, "seller"),
            (EVE, "engineer"),
            (LEA, "legal"),
            (FAY, "finance"),
            (OTTO, "officer"),
        ):
            self.do(AddPerson(person, person[11:].title(), team="office", roles=(role,)))
        self.do(OpenRecord(DEAL, {"amount": "100000", "discount": "8"}))

    def do(
        self, command: Any, *, by: str = "system/operator", at: datetime | None = None, **about: Any
    ) -> Any:
        """Let somebody do something at a moment."""
        self.at = at or self.at
        about = about if by.startswith("system/") else about | {"rights": frozenset()}
        return self.tenant.bus.submit(a_submission(command, actor=by, told_time=self.at, **about)).required()

    def read(self) -> Any:
        """The answers, once the read models are there."""
        self.tenant.catch_up.run()
        return self.tenant.reads


def hours(count: float) -> datetime:
    """So many hours after Monday morning."""
    return MONDAY + timedelta(hours=count)


@pytest.fixture
def office(a_tenant):
    return Office(a_tenant(clock="simulated", told_time=MONDAY - timedelta(days=4)))


def rows(tenant):
    """What the read model keeps."""
    with tenant.pool.connection() as connection:
        found = connection.execute("SELECT * FROM dealtrail_read.work ORDER BY record, id, part").fetchall()
        states = connection.execute("SELECT * FROM dealtrail_read.record_work ORDER BY stream").fetchall()
    return [dict(row) for row in found], [dict(row) for row in states]


def some_work(office):
    """A freeze of which the legal leg is answered, and an approval whose manager level… has none: terms, side by side."""
    office.do(ForkWork(DEAL, "frk_1", "freeze", title="gateway"), by=SAM, at=hours(0))
    office.do(RequestApproval(DEAL, "apr_1", "terms"), by=SAM)
    office.do(RespondToWork(DEAL, "wrk_1_2", "tomorrow"), by=LEA, at=hours(1.5))
    office.do(PauseWork(DEAL, "wrk_1_3", "customer"), by=FAY, at=hours(2))
    office.do(DecideApproval(DEAL, "apr_1", "approved"), by=LEA, at=hours(3))


def test_what_waits_for_somebody_is_their_work_and_their_approvals(office):
    some_work(office)
    reads = office.read()
    mine = work_of(reads, "per_lea", Ask()).data
    assert (mine["person"], mine["person_name"]) == (LEA, "Lea")
    assert [(item["id"], item["state"], item["leg"]) for item in mine["items"]] == [
        ("wrk_1_2", "accepted", "legal")
    ]
    assert mine["items"][0]["title"] == "gateway"
    (waits,) = [item for item in work_of(reads, FAY, Ask()).data["items"] if item["what"] == "approval"]
    assert (waits["id"], waits["level"], waits["role"], waits["template"]) == (
        "apr_1",
        "either",
        "finance",
        "terms",
    )
    assert list_work(reads, Ask(), Which(state="paused")).data["items"][0]["waiting_for"] == "customer"
    assert list_work(reads, Ask(), Which(template="estimate")).data["items"][0]["assignee"] == EVE
    with pytest.raises(NotFound):
        list_work(reads, Ask(), Which(record="deal/dea_2"))


def test_due_moments_are_business_time_of_the_version_it_was_asked_under(office):
    """Four hours after Monday nine is one o'clock; asked at five in the afternoon, it is the next morning."""
    office.do(RequestWork(DEAL, "wrk_a", "terms", LEA), by=SAM, at=hours(0))
    office.do(RequestWork(DEAL, "wrk_b", "terms", LEA), by=SAM, at=hours(8))
    found = {item["id"]: item for item in list_work(office.read(), Ask()).data["items"]}
    assert found["wrk_a"]["done_due_at"] == "2026-03-02T05:00:00.000000Z"
    assert found["wrk_b"]["response_due_at"] == "2026-03-03T02:00:00.000000Z"
    assert found["wrk_b"]["done_due_at"] == "2026-03-03T04:00:00.000000Z"


def test_the_clocks_stand_still_while_it_waits_for_somebody_else(office):
    """Paused for two working hours, and over a night, it is due as much later; while it is paused it is not due."""
    office.do(RequestWork(DEAL, "wrk_a", "terms", LEA), by=SAM, at=hours(0))
    office.do(PauseWork(DEAL, "wrk_a", "customer"), by=LEA, at=hours(1))
    (item,) = list_work(office.read(), Ask()).data["items"]
    assert (item["done_due_at"], item["response_due_at"], item["overdue"]) == (None, None, False)
    office.do(ResumeWork(DEAL, "wrk_a"), by=LEA, at=hours(3))
    (item,) = list_work(office.read(), Ask()).data["items"]
    assert item["done_due_at"] == "2026-03-02T07:00:00.000000Z"
    office.do(PauseWork(DEAL, "wrk_a", "customer"), by=LEA, at=hours(8))
    office.do(ResumeWork(DEAL, "wrk_a"), by=LEA, at=hours(25))
    (item,) = list_work(office.read(), Ask()).data["items"]
    assert item["done_due_at"] == "2026-03-02T09:00:00.000000Z", "one hour of Monday and one of Tuesday more"


def test_what_is_moved_is_due_and_late_by_its_new_moment(office):
    """In lists and among late legs; of a leg that had the limit of its template and of one that had a moment. How long an answer took is what it was."""
    office.do(ForkWork(DEAL, "frk_1", "freeze"), by=SAM, at=hours(0))
    office.do(RequestWork(DEAL, "wrk_x", "schedule", FAY, due_at=hours(4)), by=SAM)
    office.do(RespondToWork(DEAL, "wrk_1_2", "tomorrow"), by=LEA, at=hours(1.5))
    for work in ("wrk_1_2", "wrk_x"):
        office.do(RescheduleWork(DEAL, work, hours(30)), by=SAM, at=hours(3), reason="as agreed")
    office.do(AcceptWork(DEAL, "wrk_x"), by=FAY, at=hours(6))

    def late():
        return {item["id"] for item in list_work(office.read(), Ask(), Which(overdue=True)).data["items"]}

    found = {item["id"]: item for item in list_work(office.read(), Ask()).data["items"]}
    assert {found[work]["done_due_at"] for work in ("wrk_1_2", "wrk_x")} == {moment_text(hours(30))}
    assert "wrk_1_2" not in late() | {
        leg["id"] for item in late_legs(office.read(), "role").data["items"] for leg in item["legs"]
    }
    office.do(RespondToWork(DEAL, "wrk_1_2", "still waiting"), by=LEA, at=hours(31))
    assert {"wrk_1_2", "wrk_x"} <= late()
    (legal,) = [item for item in late_legs(office.read(), "role").data["items"] if item["role"] == "legal"]
    assert legal["legs"][0]["late_hours"] == "1"
    (pair,) = [item for item in response_times(office.read()).data["items"] if item["responder"] == LEA]
    assert pair["mean_answered_hours"] == "1.5"


def test_late_legs_are_named_by_department(office):
    some_work(office)
    office.do(RequestWork(DEAL, "wrk_x", "schedule", FAY, due_at=hours(4)), by=SAM, at=hours(3.5))
    office.do(AcceptWork(DEAL, "wrk_x"), by=FAY, at=hours(6))
    reads = office.read()
    assert {item["id"] for item in list_work(reads, Ask(), Which(overdue=True)).data["items"]} == {
        "wrk_1_1",
        "wrk_1_2",
        "wrk_x",
    }
    told = late_legs(reads, "role").data
    assert told["late"] == 2, "what is no leg of a fork is late, but nobody's department waits for it"
    assert [(item["role"], item["late"], item["open"]) for item in told["items"]] == [
        ("engineer", 1, 1),
        ("legal", 1, 1),
    ]
    legal = told["items"][1]
    assert legal["label"]["zh"] == "法务"
    assert (legal["legs"][0]["leg"], legal["legs"][0]["late_hours"]) == ("legal", "2")
    (team,) = late_legs(reads, "team").data["items"]
    assert (team["team"], team["label"], team["late"], team["open"]) == ("office", "Head office", 2, 3)


def test_response_times_by_who_asked_and_who_answered(office):
    for number, answered in enumerate((1, 2, 6)):
        office.do(RequestWork(DEAL, f"wrk_{number}", "terms", LEA), by=SAM, at=hours(24 * number))
        office.do(RespondToWork(DEAL, f"wrk_{number}"), by=LEA, at=hours(24 * number + answered))
    office.do(RequestWork(DEAL, "wrk_open", "schedule", FAY), by=SAM, at=hours(72))
    office.do(RequestWork(DEAL, "wrk_gone", "schedule", FAY), by=SAM)
    office.do(CancelWork(DEAL, "wrk_gone"), by=SAM, reason="no longer", at=hours(73))
    fay, lea = response_times(office.read()).data["items"]
    assert (lea["requester"], lea["responder"], lea["asked"], lea["judged"]) == (SAM, LEA, 3, 3)
    assert (lea["mean_answered_hours"], lea["median_answered_hours"], lea["unanswered"]) == ("3", "2", [])
    assert (fay["responder"], fay["asked"], fay["judged"], fay["mean_answered_hours"]) == (FAY, 1, 0, None)
    assert fay["unanswered"] == [{"record": DEAL, "id": "wrk_open", "elapsed_hours": "1"}]
    assert (fay["unanswered_count"], fay["longest_unanswered_hours"]) == (1, "1")
    assert (lea["unanswered_count"], lea["longest_unanswered_hours"]) == (0, None)


def test_a_night_is_no_time_to_wait(office):
    """Asked at five in the afternoon and answered at ten the next morning: two hours."""
    office.do(RequestWork(DEAL, "wrk_1", "terms", LEA), by=SAM, at=hours(8))
    office.do(RespondToWork(DEAL, "wrk_1"), by=LEA, at=hours(25))
    (pair,) = response_times(office.read()).data["items"]
    assert pair["mean_answered_hours"] == "2"


def test_what_is_rebuilt_is_what_was_kept(office):
    some_work(office)
    office.do(CompleteWork(DEAL, "wrk_1_2"), by=LEA, at=hours(5))
    office.do(RequestWork(DEAL, "wrk_9", "schedule", FAY, priority=9), by=SAM)
    office.read()
    kept = rows(office.tenant)
    assert len(kept[0]) == 6, "four items, and the two roles of which one still has to decide"
    office.tenant.catch_up.rebuild(name="work")
    assert rows(office.tenant) == kept
    stream = office.tenant.log.stream(DEAL)
    folded = record_state.fold(None, stream)
    assert record_state.from_json(record_state.to_json(folded)) == folded
    with office.tenant.pool.connection() as connection:
        row = connection.execute(
            "SELECT record FROM dealtrail_read.current_records WHERE stream = %s", (DEAL,)
        ).fetchone()
    assert record_state.from_json(row["record"]) == folded


def test_pages_follow_each_other(office):
    for number in range(5):
        office.do(RequestWork(DEAL, f"wrk_{number}", "schedule", FAY, priority=number), by=SAM, at=hours(1))
    reads, seen, cursor = office.read(), [], None
    while True:
        page = list_work(reads, Ask(cursor=cursor, limit=2)).data
        seen += [item["priority"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [4, 3, 2, 1, 0]


def pages(reads, which, limit=1):
    """Every page of a list, one after the other; what happens between two of them is up to whoever iterates."""
    cursor = None
    while True:
        page = list_work(reads, Ask(cursor=cursor, limit=limit), which).data
        yield [(item["id"], item["level"], item["role"]) for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return


def test_pages_hold_still_while_work_is_done_and_asked_between_them(office):
    """What was done on an earlier page moves nothing off a later one, and what is added in front is not shown in place of something else.

    The roles of one approval were asked at one position of the log, and are told apart all the same.
    """
    some_work(office)
    for number in range(3):
        office.do(RequestWork(DEAL, f"wrk_{number}", "schedule", EVE), by=SAM, at=hours(4))
    whole = [row for page in pages(office.read(), Which(state="open"), limit=200) for row in page]
    assert len(whole) == len({*whole}) == 8
    seen, first = [], True
    for page in pages(office.tenant.reads, Which(state="open")):
        seen += page
        if first:
            office.do(CancelWork(DEAL, seen[0][0]), by=SAM, at=hours(5), reason="not wanted")
            office.do(RequestWork(DEAL, "wrk_urgent", "schedule", EVE, priority=9), by=SAM)
            office.tenant.catch_up.run()
            first = False
    assert seen == whole


@pytest.mark.parametrize(
    "after",
    [None, 7, "", "0 0 infinity 1", "0 0 never 1 " + "0" * 32, "0 0 2026-13-01T00:00:00Z 1 " + "0" * 32],
)
def test_a_cursor_that_ends_nowhere_is_no_cursor(office, after):
    """One that was taken apart and put together wrongly is refused, whatever is missing or wrong in it."""
    office.do(RequestWork(DEAL, "wrk_1", "schedule", EVE), by=SAM, at=hours(4))
    question = ["work", None, None, None, None, None]
    cursor = Cursor(1, 0, hours(4), after).text(question)
    with pytest.raises(InvalidQuery):
        list_work(office.read(), Ask(cursor=cursor))


def test_of_an_even_number_of_answers_the_median_lies_between_the_two_in_the_middle(office):
    """Answers after one, two, three and five hours: two and a half; what is not answered is listed, and in no mean."""
    for number in range(4):
        office.do(RequestWork(DEAL, f"wrk_{number}", "terms", LEA), by=SAM, at=hours(0))
    for took, number in sorted((took, number) for number, took in enumerate((3, 1, 5, 2))):
        office.do(RespondToWork(DEAL, f"wrk_{number}"), by=LEA, at=hours(took))
    office.do(RequestWork(DEAL, "wrk_9", "terms", LEA), by=SAM, at=hours(6))
    (pair,) = response_times(office.read()).data["items"]
    assert (pair["asked"], pair["judged"]) == (5, 4)
    assert (pair["mean_answered_hours"], pair["median_answered_hours"]) == ("2.75", "2.5")
    assert [found["id"] for found in pair["unanswered"]] == ["wrk_9"]


def test_over_http_a_person_does_what_they_were_asked(a_tenant):
    """Through the service itself: a program acts for people, each route answers, and the record shows its work."""
    tenant = a_tenant()
    for command in (
        PublishPlaybook(parse_playbook((PLAYBOOKS / "working.yaml").read_text("utf-8"), "working.yaml")),
        FormTeam("office", "Head office"),
        AddPerson(SAM, "Sam", team="office", roles=("seller",)),
        AddPerson(LEA, "Lea", team="office", roles=("legal",)),
        OpenRecord(DEAL, {}),
    ):
        tenant.bus.submit(a_submission(command)).required()
    with a_client(tenant) as client:

        def post(path, body, key, whom):
            headers = {"Idempotency-Key": key, "On-Behalf-Of": whom}
            return client.post(f"/v1/deals/dea_1{path}", json=body, headers=headers)

        made = post("/work", {"template": "terms", "title": "NDA"}, "k1", SAM)
        assert made.status_code == 201, made.text
        work = made.json()["id"]
        assert work.startswith("wrk_")
        assert post("/work", {"template": "terms", "title": "NDA"}, "k1", SAM).json() == made.json()
        refused = post(f"/work/{work}/completions", {}, "k2", SAM)
        assert refused.status_code == 422
        assert "only person/per_lea" in refused.json()["errors"][0]["message"]
        done = post(f"/work/{work}/completions", {}, "k3", LEA)
        assert done.status_code == 200, done.text
        position = done.json()["position"]
        mine = client.get(f"/v1/people/per_lea/work?min_position={position}").json()
        assert mine["items"] == []
        (item,) = client.get("/v1/work?state=done").json()["items"]
        assert (item["id"], item["title"], item["assignee_name"]) == (work, "NDA", "Lea")
        shown = client.get("/v1/deals/dea_1").json()
        assert (shown["work"][0]["state"], shown["work"][0]["title"]) == ("done", "NDA")
        timeline = client.get("/v1/deals/dea_1/timeline?order=recorded").json()["items"]
        assert [entry["what"] for entry in timeline] == ["opened", "work-requested", "work-completed"]
        assert client.get("/v1/work/late-legs?by=team").json()["items"] == []
        assert client.get("/v1/work/response-times").json()["items"][0]["judged"] == 1
        assert client.get("/v1/work?state=dnoe").status_code == 400
        assert client.get("/v1/people/per_lae/work").status_code == 404
        # What can match nothing was an empty list, as if there were no such work.
        by_both = [
            client.get("/v1/work", params={"assignee": named}).json()["items"] for named in (LEA, "per_lea")
        ]
        assert by_both[0] == by_both[1] != []
        assert len(client.get("/v1/work?template=terms").json()["items"]) == 1
        for wrong, near in (("assignee=per_lae", "per_lea"), ("template=term", "terms")):
            answer = client.get(f"/v1/work?{wrong}")
            assert (answer.status_code, answer.json()["suggestion"]) == (404, near), answer.text


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ["Supplement / legal", "late", "Lea"]), ("zh", ["补充条款 / legal", "已逾期", "Lea"])],
)
def test_the_command_line_says_the_same(office, embedded_home, language, said):
    """Work of everybody, of one person, late legs and answers, in both languages."""
    some_work(office)
    office.do(RequestWork(DEAL, "wrk_9", "schedule", FAY), by=SAM, at=hours(6))
    office.tenant.catch_up.run()

    def told(*words):
        told = CliRunner().invoke(
            app,
            ["-l", language, "--tenant", office.tenant.name, "--home", str(embedded_home), "work", *words],
            env={"COLUMNS": "250"},
        )
        assert told.exit_code == 0, told.output
        return told.stdout

    for words in ([], ["per_lea"], ["late"], ["late", "--by", "team"], ["--overdue"]):
        assert all(word in told(*words) for word in said), words
    assert json.loads(told("per_lea", "--json"))["person_name"] == "Lea"
    assert "1.5" in told("times")
