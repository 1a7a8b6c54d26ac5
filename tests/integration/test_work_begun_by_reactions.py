"""Work that reactions and forks begin: in whose name, who hears of it, who takes it back, and who still decides nothing."""

import pytest
from support.reacting import (
    BEGIN,
    BOSS,
    DEAL,
    FINANCE,
    LEGAL,
    PRESALES,
    SELLER,
    Follows,
    a_reaction,
    reacting_playbook,
)

from consumers.reacting.asking import ReactionDesk
from consumers.reacting.worker import Reacting
from domain.organisation.commands import AddPerson, RemovePerson
from domain.reacting.events import ReactionRan
from domain.record.commands import ChangeOwner, ChangeStage, OpenRecord, RecordTouch
from domain.refusals import InvalidCommand
from domain.values import moment_text
from domain.work.commands import CancelWork, CompleteWork, ReassignWork, RequestWork, RescheduleWork
from infra.deadline_clock import let_time_pass
from projections.catch_up import CatchUp
from projections.inbox import inbox
from projections.lists import Ask
from projections.working import response_times

ASKED = a_reaction("asked", "event: touched", "request_work: {template: demo}")
ASKS_OWNER = a_reaction("asked", "event: touched", "request_work: {template: visit, assignee: owner}")
COLLEAGUE = "person/per_colleague"


@pytest.fixture
def follows(a_tenant):
    """A company on a simulated log, with a colleague who owns nothing."""

    def make(*reactions: str, **about) -> Follows:
        published = reacting_playbook("".join(reactions), **about)
        company = Follows(a_tenant("begun", clock="simulated", told_time=BEGIN), published)
        company.do(AddPerson(COLLEAGUE, "同事", team="east", manager=BOSS))
        return company

    return make


def the_item(company, stream=DEAL):
    (item,) = company.record(stream).work.values()
    return item


def touched(company, **about):
    """Somebody writes down a touch, and what follows of it has happened."""
    company.do(RecordTouch(DEAL, "tou_1", "call"), **about)
    company.settle()


# ── in whose name ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("about", "whose"),
    [
        ({"actor": COLLEAGUE}, COLLEAGUE),
        ({"actor": BOSS, "on_behalf_of": COLLEAGUE}, COLLEAGUE),
        ({"actor": "system/form", "on_behalf_of": COLLEAGUE}, COLLEAGUE),
        ({"actor": "system/form"}, SELLER),
    ],
    ids=["whoever acted", "for whom it was done", "for whom a program did it", "nobody: the owner"],
)
def test_a_person_asks_for_what_a_reaction_begins(follows, about, whose):
    """Once nobody did: requests and response times named `system/reactions`. Who issued it stays what it is."""
    company = follows(ASKED)
    company.deal()
    touched(company, **about)
    (asked,) = company.caused()
    assert (asked.actor, asked.on_behalf_of) == ("system/reactions", whose)
    assert (the_item(company).requested_by, the_item(company).assignee) == (whose, PRESALES)
    (pair,) = response_times(company.tenant.reads).data["items"]
    assert (pair["requester"], pair["responder"]) == (whose, PRESALES)


def test_every_leg_of_a_fork_that_starts_by_itself_is_asked_for_by_a_person(follows):
    company = follows(
        a_reaction("none", "event: owner-changed", "set_fields: {grade: large}"), starts="offer"
    )
    company.deal()
    company.do(ChangeStage(DEAL, "quoted"), actor=COLLEAGUE)
    company.settle()
    asked = {item.assignee: item.requested_by for item in company.record().work.values()}
    assert asked == {LEGAL: COLLEAGUE, FINANCE: COLLEAGUE}


def test_a_record_that_comes_into_the_step_again_while_its_fork_runs_asks_nobody_twice(follows):
    """Everybody was asked a second time; and the reaction has run, with nothing to do. Once the fork has joined, it starts again."""
    company = follows(
        a_reaction("none", "event: owner-changed", "set_fields: {grade: large}"), starts="offer"
    )
    company.deal()
    for step in ("quoted", "lead", "quoted"):
        company.do(ChangeStage(DEAL, step), actor=SELLER, reason="because")
        company.settle()
    assert len(company.record().forks) == 1
    assert [type(event) for event in company.became()] == [ReactionRan, ReactionRan]
    for item in company.record().work.values():
        company.do(CompleteWork(DEAL, item.id), actor=item.assignee)
    for step in ("lead", "quoted"):
        company.do(ChangeStage(DEAL, step), actor=SELLER, reason="because")
        company.settle()
    assert len(company.record().forks) == 2


def test_what_follows_of_what_follows_is_asked_for_by_whoever_began_the_line(follows):
    company = follows(
        a_reaction("first", "event: touched", "set_fields: {grade: large}"),
        a_reaction("second", "event: fields-changed, field: grade", "request_work: {template: demo}"),
    )
    company.deal()
    touched(company, actor=COLLEAGUE)
    assert the_item(company).requested_by == COLLEAGUE


def test_what_time_begins_is_asked_for_by_the_owner(follows):
    company = follows(
        a_reaction(
            "wakes", "event: deadline-noticed, deadline: quiet, rung: 1", "request_work: {template: demo}"
        )
    )
    company.deal()
    company.settle()
    let_time_pass(company.tenant, company.clock.replace(day=4))
    company.settle()
    assert the_item(company).requested_by == SELLER


def test_whoever_has_left_asks_for_nothing(follows):
    """The owner does instead, or the first above the owner who works here; where there is nobody of these, nobody is named."""
    company = follows(ASKED)
    streams = ("deal/dea_1", "deal/dea_2", "deal/dea_3")
    company.deal(streams[0])
    company.do(OpenRecord(streams[1], {}, owner=COLLEAGUE), actor=COLLEAGUE)
    company.do(OpenRecord(streams[2], {}), actor=COLLEAGUE)
    for number, stream in enumerate(streams):
        company.do(RecordTouch(stream, f"tou_{number}", "call"), actor=COLLEAGUE)
    company.do(RemovePerson(COLLEAGUE))
    company.settle()
    found = [the_item(company, stream).requested_by for stream in streams]
    assert found == [SELLER, BOSS, "system/reactions"]


# ── nothing twice ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_step_is_taken_once_although_whoever_it_was_for_left_after_a_crash(follows):
    """The worker died after it had asked; the next one would ask in the owner's name, and finds that it was asked."""
    company = follows(ASKED)
    company.deal()
    company.do(RecordTouch(DEAL, "tou_1", "call"), actor=COLLEAGUE)

    class Killed(BaseException):
        pass

    class Dying(ReactionDesk):
        def note(self, *_):
            raise Killed

    tenant = company.tenant
    dying = Reacting(Dying(tenant.log, tenant.bus, tenant.told_time), tenant.vault)
    with pytest.raises(Killed):
        CatchUp(tenant.pool, tenant.log, [dying]).run()
    company.do(RemovePerson(COLLEAGUE))
    company.settle()
    assert the_item(company).requested_by == COLLEAGUE
    (ran,) = company.became()
    assert isinstance(ran, ReactionRan)
    assert len(ran.positions) == 1


# ── who hears of it ──────────────────────────────────────────────────────────────────────────────────────────────────


def told(company, person):
    """Of which events a person is told, oldest first."""
    items = inbox(company.tenant.reads, person, Ask()).data["items"]
    return [item["topic"] for item in reversed(items) if item["reason"] == "work"]


def test_whoever_a_reaction_asks_is_told_although_it_asks_in_their_own_name(follows):
    """A person is not told of what they did: they did the visit, and never asked themselves for anything."""
    company = follows(ASKS_OWNER)
    company.deal()
    touched(company, actor=SELLER)
    assert (the_item(company).requested_by, the_item(company).assignee) == (SELLER, SELLER)
    assert told(company, "per_seller") == ["record.work-requested.v1"]


def test_in_whose_name_it_was_asked_hears_that_it_is_done(follows):
    company = follows(ASKED)
    company.deal()
    touched(company, actor=COLLEAGUE)
    company.do(CompleteWork(DEAL, the_item(company).id), actor=PRESALES)
    company.settle()
    assert told(company, "per_colleague") == ["record.work-completed.v1"]
    assert told(company, "per_presales") == ["record.work-requested.v1"]


# ── who may do what ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", [COLLEAGUE, SELLER, BOSS], ids=["in whose name", "owner", "manager"])
def test_work_that_a_reaction_began_is_taken_back(follows, who):
    """By whom it was asked for, by the owner of the record, and by the manager of whoever has it; nobody could, as its requester."""
    company = follows(ASKED)
    company.do(AddPerson("person/per_showing", "演示员", team="east", manager=BOSS, roles=("presales",)))
    company.do(RemovePerson(PRESALES))
    company.deal()
    touched(company, actor=COLLEAGUE)
    item = the_item(company)
    with pytest.raises(
        InvalidCommand,
        match="only the owner of the record, person/per_colleague, for whom it was begun, or the",
    ):
        company.do(CancelWork(DEAL, item.id), actor=LEGAL, reason="no")
    with pytest.raises(InvalidCommand, match="says why"):
        company.do(CancelWork(DEAL, item.id), actor=who)
    company.do(CancelWork(DEAL, item.id), actor=who, reason="the customer has seen it")
    assert the_item(company).state == "cancelled"


def test_the_owner_takes_back_nothing_that_a_person_asked_for(follows):
    company = follows(ASKED)
    company.deal()
    company.do(RequestWork(DEAL, "wrk_own", "review"), actor=COLLEAGUE)
    with pytest.raises(InvalidCommand, match=f"only {COLLEAGUE}, who asked for it, or the manager"):
        company.do(CancelWork(DEAL, "wrk_own"), actor=SELLER, reason="no")


def test_it_is_the_owner_of_now_who_takes_it_back(follows):
    company = follows(ASKED)
    company.deal()
    touched(company, actor="system/form")
    company.do(ChangeOwner(DEAL, COLLEAGUE), actor=SELLER)
    company.do(CancelWork(DEAL, the_item(company).id), actor=COLLEAGUE, reason="no")
    assert the_item(company).state == "cancelled"


def test_nobody_moves_the_day_of_their_own_work_because_a_reaction_began_it_in_their_name(follows):
    """A date is not kept by moving it, nor by passing the work on first: it stays theirs. Their manager moves it."""
    company = follows(ASKS_OWNER)
    company.deal()
    touched(company, actor=SELLER)
    work, day = the_item(company).id, company.clock.replace(day=9)
    for has_it in (SELLER, COLLEAGUE):
        company.do(ReassignWork(DEAL, work, has_it), actor=SELLER)
        assert the_item(company).assignee == has_it
        with pytest.raises(
            InvalidCommand, match=f"only the manager of {the_item(company).assignee}, who has it, may move"
        ):
            company.do(RescheduleWork(DEAL, work, day), actor=SELLER, reason="no time")
    assert the_item(company).asked == SELLER
    with pytest.raises(
        InvalidCommand, match=f"only {COLLEAGUE}, who has it, or the manager of {COLLEAGUE} may give"
    ):
        company.do(ReassignWork(DEAL, work, PRESALES), actor=SELLER)
    company.do(RescheduleWork(DEAL, work, day), actor=BOSS, reason="the customer is away")
    assert the_item(company).due_at == moment_text(day)


# ── who decides nothing ──────────────────────────────────────────────────────────────────────────────────────────────

CHAIN = (
    ASKED,
    a_reaction("agreed", "event: work-requested, template: demo", "request_approval: price"),
)
"""Work in between: the request for agreement follows of a request in somebody's name."""


def test_work_in_between_hides_nobody_who_brought_an_approval_about(follows):
    """One person did it for another, a reaction asked for work in the name of one of them, and what followed of that asked for agreement:
    the other would have decided what they had brought about themself."""
    company = follows(*CHAIN)
    company.deal(amount="5")
    touched(company, actor=BOSS, on_behalf_of=SELLER)
    assert company.record().approvals == {}
    assert [event.code for event in company.became() if not isinstance(event, ReactionRan)] == [
        "invalid-command"
    ]


def test_work_in_between_leaves_an_approval_to_whoever_began_the_line(follows):
    """Whoever did it asks, and not the owner."""
    company = follows(*CHAIN)
    company.deal(amount="5")
    touched(company, actor=COLLEAGUE)
    (approval,) = company.record().approvals.values()
    assert (approval.requested_by, dict(approval.levels[0].approvers)) == (COLLEAGUE, {"manager": BOSS})


def test_what_an_owner_did_not_do_is_asked_for_in_the_owners_name_with_work_in_between(follows):
    company = follows(
        a_reaction(
            "wakes", "event: deadline-noticed, deadline: quiet, rung: 1", "request_work: {template: demo}"
        ),
        CHAIN[1],
    )
    company.deal(amount="5")
    company.settle()
    let_time_pass(company.tenant, company.clock.replace(day=4))
    company.settle()
    (approval,) = company.record().approvals.values()
    assert approval.requested_by == SELLER
