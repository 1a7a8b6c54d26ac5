"""Limits that fire, pools that find nobody, approvals that are recalled and work that is taken away: each reaches an inbox, on a real log."""

from datetime import timedelta

import pytest
from support.deadlines import ANNA, BEN, CARA, DEAL, HOUR, MONDAY, TEXT, the_playbook
from support.leads import HEAD, LI, NO_FALLBACK, WANG, ZHAO, Leads, leads_playbook
from support.projecting import query
from support.sales import a_submission

from domain.assigning.events import PoolAssigned
from domain.inbox.commands import Subscribe
from domain.naming import pools_stream
from domain.organisation.commands import AddPerson, FormTeam, NoteAbsence, SetSkills
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import OpenRecord
from domain.work.commands import (
    DecideApproval,
    ReassignWork,
    RecallApproval,
    RequestApproval,
    RequestWork,
    TickWork,
)
from infra.deadline_clock import let_time_pass
from projections.deadline_answers import Asked, deadlines, escalations
from projections.inbox import inbox
from projections.lists import Ask
from projections.timer_forecast import forecast

CHECKLIST = """\
    work:
      demo:
        label: {zh: 演示, en: Demo}
        checklist:
          book: {label: {zh: 订, en: Book}, within_hours: 2}
          ship: {label: {zh: 寄, en: Ship}, within_hours: 3, after: [book]}
    approvals:
      discount:
        label: {zh: 折扣, en: Discount}
        levels:
          head: {label: {zh: 主管, en: Head}, roles: [manager], within_hours: 4}
          above: {label: {zh: 上上级, en: Above}, roles: [managers_manager], within_hours: 2}
"""


def limited(text=CHECKLIST):
    """A playbook that has no deadlines of its own, only limits."""
    head = TEXT[: TEXT.index("    work:\n")]
    return the_playbook(head + text)


class Team:
    """A simulated log in which time goes as it is told: Anna sells under Ben, Ben under Cara."""

    def __init__(self, tenant, playbook=None):
        self.tenant, self.clock = tenant, MONDAY
        self.do(PublishPlaybook(playbook or limited()))
        self.do(FormTeam("north", "North", region="north"))
        for person, name, manager in ((CARA, "Cara", None), (BEN, "Ben", CARA), (ANNA, "Anna", BEN)):
            self.do(AddPerson(person, name, team="north", manager=manager))
        self.do(OpenRecord(DEAL, {"topic": "x"}, stage="lead", owner=ANNA))

    def do(self, command, by="system/operator", at=None, **about):
        self.clock = max(self.clock, at or self.clock)
        about = about if by.startswith("system/") else about | {"rights": frozenset()}
        return self.tenant.bus.submit(
            a_submission(command, actor=by, told_time=self.clock, **about)
        ).required()

    def until(self, hours):
        self.clock = MONDAY + hours * HOUR
        return let_time_pass(self.tenant, self.clock)

    def told(self, person):
        """The topics somebody was told of, oldest first, each with the reason."""
        self.tenant.catch_up.run()
        found = inbox(self.tenant.reads, person, Ask()).data["items"]
        return [(row["topic"].split(".")[1], row["reason"]) for row in reversed(found)]

    def escalated(self):
        self.tenant.catch_up.run()
        found = escalations(self.tenant.reads, Asked()).data["items"]
        return [
            (row["deadline"], row["rung"], [who["person"] for who in row["told"]], row["due_at"][11:16])
            for row in reversed(found)
        ]


@pytest.fixture
def team(a_tenant):
    return Team(a_tenant("limits", clock="simulated", told_time=MONDAY))


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_level_is_late_and_climbs_to_the_manager_of_who_has_to_decide_though_nobody_writes(team):
    """Ben has four hours, then Cara hears of it; once he has agreed, Cara has two hours of her own, and nobody above her."""
    team.do(RequestApproval(DEAL, "apr_1", "discount"), by=ANNA)
    team.until(9)
    assert team.escalated() == [
        ("approvals.discount.head", 1, [BEN], "05:00"),
        ("approvals.discount.head", 2, [CARA], "05:00"),
    ]
    team.do(DecideApproval(DEAL, "apr_1", "approved"), by=BEN, at=MONDAY + timedelta(days=1))
    team.until(24 + 9)
    assert team.escalated()[2:] == [
        ("approvals.discount.above", 1, [CARA], "03:00"),
        ("approvals.discount.above", 2, [], "03:00"),
    ]
    assert ("noticed", "deadline") in team.told(BEN)


def test_a_checklist_item_is_late_by_itself(team):
    """The one after it has its time from when this one is ticked, and no sooner."""
    team.do(RequestWork(DEAL, "wrk_1", "demo", BEN), by=ANNA)
    team.until(3)
    assert team.escalated() == [("work.demo.book", 1, [BEN], "03:00")]
    team.do(TickWork(DEAL, "wrk_1", "book"), by=BEN)
    team.until(8)
    assert team.escalated()[1:] == [("work.demo.ship", 1, [BEN], "07:00")]
    team.tenant.catch_up.run()
    (running,) = deadlines(team.tenant.reads, Asked()).data["items"]
    assert (running["deadline"], running["label"]["en"], running["subject"]) == (
        "work.demo.ship",
        "Demo: Ship",
        "wrk_1",
    )
    assert (running["state"], running["told_rung"], running["next_rung"]) == ("overdue", 1, 2)


def test_limits_that_a_publication_brings_are_counted_first_and_fire_once(a_tenant):
    """Work that was asked under a version without limits has those of the version in force now, as every limit of work."""
    team = Team(a_tenant("limits", clock="simulated", told_time=MONDAY), limited(CHECKLIST.replace(", within_hours: 2}", "}").replace(", within_hours: 3", "").replace(", within_hours: 4", "")))  # fmt: skip
    team.do(RequestWork(DEAL, "wrk_1", "demo", BEN), by=ANNA)
    team.until(3)
    team.do(OpenRecord("deal/dea_2", {"topic": "y"}, stage="lead", owner=ANNA))
    team.tenant.catch_up.run()
    assert query(team.tenant, "SELECT count(*) AS n FROM dealtrail_read.watched_kinds") == [(0,)]
    found = forecast(team.tenant.reads, limited()).as_json()
    assert (found["armed"], found["at_once"]) == (1, 1)
    assert [row["deadline"] for row in found["by_deadline"]] == [
        "approvals.discount.head", "approvals.discount.above", "work.demo.book", "work.demo.ship",
    ]  # fmt: skip
    team.do(PublishPlaybook(limited()))
    done = team.until(3.5)
    assert (done.told, team.escalated()) == (1, [("work.demo.book", 1, [BEN], "03:00")])


def test_the_timer_table_made_again_is_the_one_that_was_kept(team):
    team.do(RequestApproval(DEAL, "apr_1", "discount"), by=ANNA)
    team.do(RequestWork(DEAL, "wrk_1", "demo", BEN), by=ANNA)
    team.until(3)
    team.do(TickWork(DEAL, "wrk_1", "book"), by=BEN)
    team.tenant.catch_up.run()
    rows = "SELECT deadline, subject, armed_at, starts_at, due_at, told_rung, next_rung, next_at FROM dealtrail_read.timers ORDER BY deadline"
    kept = query(team.tenant, rows)
    assert [row[0] for row in kept] == ["approvals.discount.head", "work.demo.ship"]
    watched = query(team.tenant, "SELECT * FROM dealtrail_read.watched_records ORDER BY stream")
    team.tenant.catch_up.rebuild(name="timers")
    assert query(team.tenant, rows) == kept
    assert query(team.tenant, "SELECT * FROM dealtrail_read.watched_records ORDER BY stream") == watched


# ── recalls and hand-overs ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_recall_and_a_hand_over_reach_those_they_take_something_from(team):
    team.do(RequestApproval(DEAL, "apr_1", "discount"), by=ANNA)
    team.do(RecallApproval(DEAL, "apr_1"), by=ANNA)
    assert team.told(BEN) == [("approval-requested", "approval"), ("approval-recalled", "approval")]
    assert team.told(CARA) == [], "the level above had not been asked yet"
    team.do(RequestWork(DEAL, "wrk_1", "demo", BEN), by=ANNA)
    team.do(ReassignWork(DEAL, "wrk_1", CARA), by=ANNA)
    assert team.told(BEN)[-1] == ("work-reassigned", "work")
    assert team.told(CARA) == [("work-reassigned", "work")]


# ── pools ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def company(tenant, *changes):
    """A company whose leads nobody takes over; Hq leads everybody."""
    leads = Leads(tenant, published=leads_playbook(NO_FALLBACK, *changes))
    leads.join("person/per_qian", "钱", manager=HEAD)
    leads.do(SetSkills("person/per_qian", ("医疗",)))
    return leads


def told(leads, person):
    leads.tenant.catch_up.run()
    return [(row["topic"], row["record"]) for row in inbox(leads.tenant.reads, person, Ask()).data["items"] if row["reason"] == "pool"]  # fmt: skip


def everybody_leaves(leads):
    for number, person in enumerate((LI, WANG, ZHAO, "person/per_qian")):
        leads.do(NoteAbsence(person, leads.clock - HOUR, absence=f"abs_{number}"))


def test_when_a_pool_finds_nobody_the_managers_of_whoever_was_passed_over_hear_of_it_once(a_tenant):
    """The event is as it was; however often it is tried in vain, it is said once."""
    leads = company(a_tenant("nobody", clock="simulated", told_time=MONDAY - timedelta(days=60)))
    everybody_leaves(leads)
    stream = leads.lead("one")
    leads.settle()
    found = leads.tenant.log.stream(pools_stream("public_pool"))
    (assigned,) = (item.event for item in found if isinstance(item.event, PoolAssigned))
    assert (assigned.person, assigned.fallback) == (None, False)
    assert told(leads, HEAD) == [("pool.assigned.v1", stream)]
    leads.do(SetSkills(LI, ("医疗", "电力")))
    leads.settle()
    assert told(leads, HEAD) == [("pool.assigned.v1", stream)]


def test_a_pool_tells_whom_it_names_and_whoever_subscribed_to_what_is_addressed_to_them(a_tenant):
    leads = company(
        a_tenant("nobody", clock="simulated", told_time=MONDAY - timedelta(days=60)),
        ("    claim:", "    alert: [sales]\n    claim:"),
    )
    leads.do(Subscribe(LI, ("addressed",), subscription="sub_1"))
    everybody_leaves(leads)
    stream = leads.lead("one")
    leads.settle()
    assert told(leads, HEAD) == []
    assert told(leads, WANG) == [("pool.assigned.v1", stream)]
    (row,) = [row for row in inbox(leads.tenant.reads, LI, Ask()).data["items"] if row["reason"] == "pool"]
    assert row["subscriptions"] == ["sub_1"]
