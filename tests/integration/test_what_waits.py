"""Whom a stuck record waits for, and what somebody would leave behind: work, late legs and approvals stand in both, as they are in lists of work."""

import json
from datetime import timedelta

import pytest
from support.sales import ANNA, BEN, MORNING, Desk
from test_work import DEAL, EVE, FAY, LEA, MONDAY, OTTO, SAM, Office, hours, some_work
from typer.testing import CliRunner

from domain.organisation.commands import MovePerson, RemovePerson
from domain.record.commands import ChangeOwner, ChangeStage, OpenRecord
from domain.refusals import NotFound
from domain.work.commands import CompleteWork, DecideApproval, RequestWork, ResumeWork
from infra.cli.main import app
from projections.as_of import Horizon
from projections.leaving import left_behind
from projections.lists import Ask
from projections.stuck import stuck
from projections.working import Which, list_work


@pytest.fixture
def office(a_tenant):
    return Office(a_tenant(clock="simulated", told_time=MONDAY - timedelta(days=4)))


def waits(office, **about):
    """Whom the deal waits for, as the list of what is stuck says."""
    (deal,) = stuck(office.read(), "deal", Ask(**about)).data["items"]
    return deal["waits_for"]


def test_a_stuck_record_names_whom_it_waits_for_and_what_is_late(office):
    """Each open leg with its person, since when, until when and whether it is late; each role of an approval that has not decided."""
    some_work(office)
    office.do(RequestWork(DEAL, "wrk_9", "schedule", FAY, due_at=hours(20)), by=SAM, at=hours(6))
    found = {(item["id"], item["role"]): item for item in waits(office)}
    assert {name: (item["assignee"], item["overdue"]) for name, item in found.items()} == {
        ("wrk_1_1", "engineer"): (EVE, True),
        ("wrk_1_2", "legal"): (LEA, True),
        ("wrk_1_3", "finance"): (FAY, False),
        ("wrk_9", None): (FAY, False),
        ("apr_1", "finance"): (FAY, False),
        ("apr_1", "officer"): (OTTO, False),
    }, "what is paused is not late, and whoever has decided is not waited for"
    legal = found["wrk_1_2", "legal"]
    assert (legal["leg"], legal["assignee_name"], legal["requested_at"], legal["done_due_at"]) == (
        "legal", "Lea", "2026-03-02T01:00:00.000000Z", "2026-03-02T05:00:00.000000Z",
    )  # fmt: skip


def test_whom_a_stuck_record_waits_for_is_what_the_list_of_work_says(office):
    """The same items with the same members, by priority and due moment, as work is done: what is late here is late there."""
    some_work(office)
    for hour, command, by in (
        (5, ResumeWork(DEAL, "wrk_1_3"), FAY),
        (6, RequestWork(DEAL, "wrk_8", "schedule", FAY, due_at=hours(7), priority=3), SAM),
        (8, DecideApproval(DEAL, "apr_1", "approved"), FAY),
        (9, CompleteWork(DEAL, "wrk_8"), FAY),
    ):
        office.do(command, by=by, at=hours(hour))
        reads = office.read()
        listed = list_work(reads, Ask(), Which(record=DEAL, state="open")).data["items"]
        assert [item["id"] for item in waits(office)] == [item["id"] for item in listed]
        assert sorted(waits(office), key=str) == sorted(listed, key=str)


def test_whom_it_waited_for_then_is_asked_as_of_then(office):
    """Knowledge of work is not lost with what came after: a version that is over keeps none, so it is folded from the log."""
    some_work(office)
    then = office.tenant.log.head()
    told = waits(office)
    office.do(CompleteWork(DEAL, "wrk_1_2"), by=LEA, at=hours(4))
    assert "wrk_1_2" not in {item["id"] for item in waits(office)}
    assert waits(office, horizon=Horizon(position=then)) == told


def test_what_somebody_would_leave_behind_is_told_before_they_go(office):
    """Records they own, work and approvals that wait for them, who reports to them; after they left, what is theirs still."""
    some_work(office)
    office.do(ChangeOwner(DEAL, FAY))
    office.do(MovePerson(OTTO, "office", FAY))
    told = left_behind(office.read(), "per_fay").data
    (deals,) = told["records"]
    assert (told["person"], told["person_name"], told["active"], told["reports"]) == (
        FAY,
        "Fay",
        True,
        [OTTO],
    )
    assert (deals["collection"], deals["open"], [item["id"] for item in deals["items"]]) == (
        "deals",
        1,
        ["dea_1"],
    )
    assert (told["work"]["open"], [item["id"] for item in told["work"]["items"]]) == (1, ["wrk_1_3"])
    assert (told["approvals"]["open"], [item["role"] for item in told["approvals"]["items"]]) == (
        1,
        ["finance"],
    )
    office.do(RemovePerson(FAY))
    gone = left_behind(office.read(), FAY).data
    assert not gone["active"]
    assert [gone[part] for part in ("records", "work", "approvals", "reports")] == [
        told[part] for part in ("records", "work", "approvals", "reports")
    ], "nothing of it moves by itself"


def test_each_part_of_what_is_left_behind_is_counted_whole(office):
    """However few items are shown; and work takes no room from approvals."""
    some_work(office)
    for number in range(3):
        office.do(RequestWork(DEAL, f"wrk_7{number}", "schedule", FAY, priority=1), by=SAM, at=hours(6))
    told = left_behind(office.read(), FAY, 2).data
    assert [item["id"] for item in told["work"]["items"]] == ["wrk_70", "wrk_71"]
    assert (told["work"]["open"], told["approvals"]["open"], len(told["approvals"]["items"])) == (4, 1, 1)


def test_what_has_ended_is_not_left_behind_and_what_never_ends_is(a_tenant):
    """A lost deal is nobody's to go on with; a customer, which has no stages, always is."""
    desk = Desk(a_tenant("leaving", clock="simulated", told_time=MORNING))
    desk.do(OpenRecord("customer/cus_1", {"name": "Acme"}, owner=ANNA))
    for number in (1, 2):
        desk.do(OpenRecord(f"deal/dea_{number}", {"topic": "Pumps"}, owner=ANNA))
    desk.do(ChangeStage("deal/dea_1", "lost"))
    desk.tenant.catch_up.run()
    told = left_behind(desk.tenant.reads, "per_anna").data["records"]
    assert [(kind["kind"], kind["open"], [item["id"] for item in kind["items"]]) for kind in told] == [
        ("customer", 1, ["cus_1"]),
        ("deal", 1, ["dea_2"]),
    ]
    assert told[0]["items"][0] | {"title": "Acme", "stage": None, "stage_label": None} == told[0]["items"][0]
    assert left_behind(desk.tenant.reads, BEN).data["records"] == []
    with pytest.raises(NotFound) as error:
        left_behind(desk.tenant.reads, "per_ana")
    assert error.value.suggestion == "per_anna"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["waits for", "Supplement / legal: Lea, due 2026-03-02 05:00 (late)", "Terms / either: Fay"]),
        ("zh", ["等待", "补充条款 / legal: Lea, 到期 2026-03-02 05:00 (已逾期)", "条款审批 / either: Fay"]),
    ],
)
def test_the_command_line_says_whom_it_waits_for_and_what_is_left_behind(
    office, embedded_home, language, said
):
    some_work(office)
    office.do(ChangeOwner(DEAL, LEA))
    office.do(CompleteWork(DEAL, "wrk_1_3"), by=FAY, at=hours(6))
    office.tenant.catch_up.run()

    def told(*words):
        shell = ["-l", language, "--tenant", office.tenant.name, "--home", str(embedded_home)]
        done = CliRunner().invoke(app, [*shell, *words], env={"COLUMNS": "400"})
        assert done.exit_code == 0, done.output
        return done.stdout

    shown = " ".join(told("stuck", "deals").split())
    assert all(words in shown for words in said), shown
    leaving = told("organisation", "leaving", "per_lea")
    for words in {
        "en": ["Deal: 1", "open work: 1", "approvals to decide: 0", "(late)"],
        "zh": ["商机: 1", "未完成的工作: 1"],
    }[language]:
        assert words in leaving, leaving
    answer = json.loads(told("organisation", "leaving", "person/per_lea", "--json"))
    assert answer == left_behind(office.tenant.reads, LEA).data
