"""Reactions where somebody means them to get round a rule, and where something fell away between a cause and what follows of it."""

from typing import Any

import pytest
from support.reacting import BEGIN, BOSS, DEAL, SELLER, TOLD_SOMETHING, Follows, a_reaction, reacting_playbook
from support.sales import a_submission

from domain.erasure import EraseSubject
from domain.organisation.commands import AddPerson, RemovePerson
from domain.reacting.events import ReactionFailed, ReactionRan
from domain.record.commands import RecordTouch
from domain.refusals import InvalidCommand
from domain.work.commands import DecideApproval
from projections.lists import Ask
from projections.reactions import Which, reactions

CHIEF = "person/per_chief"
ASKS = a_reaction("asks", "event: fields-changed, field: grade", "request_approval: price")
FIRST = a_reaction("first", "event: touched", "set_fields: {grade: large}")


@pytest.fixture
def follows(a_tenant):
    """A company on a simulated log; somebody is above the boss as well."""

    def make(*reactions: str) -> Follows:
        tenant = a_tenant("unfriendly", clock="simulated", told_time=BEGIN)
        company = Follows(tenant, reacting_playbook("".join(reactions)))
        company.do(AddPerson(CHIEF, "总经理", team="east"))
        return company

    return make


def why(company: Follows, reaction: str) -> str:
    """Why a reaction failed, as somebody reads it."""
    items = reactions(company.tenant.reads, Ask(), Which(reaction=reaction, failed=True)).data["items"]
    return str(items[0]["message"])


def test_nobody_decides_what_their_doing_led_to_in_two_steps(follows):
    """The boss writes down a touch; what follows of what follows asks for agreement. It is theirs, and not that of whoever owns the record."""
    company = follows(FIRST, ASKS)
    company.do(RemovePerson(CHIEF))
    company.deal(amount="5")
    company.do(RecordTouch(DEAL, "tou_1", "call"), actor=BOSS)
    company.settle()
    assert company.record().approvals == {}
    assert [type(event) for event in company.became()] == [ReactionRan, ReactionFailed]
    assert f"{BOSS} has none" in why(company, "asks"), "nobody is above whoever caused it"

    # Of the seller's own doing the boss decides, as ever; the seller never does.
    company.deal("deal/dea_2", amount="5")
    company.do(RecordTouch("deal/dea_2", "tou_2", "call"), actor=SELLER)
    company.settle()
    (approval,) = company.record("deal/dea_2").approvals.values()
    assert (approval.requested_by, dict(approval.levels[0].approvers)) == (SELLER, {"manager": BOSS})
    with pytest.raises(InvalidCommand, match="nobody approves or rejects what they asked for"):
        company.do(DecideApproval("deal/dea_2", approval.id, "approved"), actor=SELLER)
    company.do(DecideApproval("deal/dea_2", approval.id, "approved"), actor=BOSS)


def test_what_one_person_does_for_another_asks_for_no_agreement_by_itself(follows):
    """Two people stand behind it, and neither may decide: asked for by a reaction, the one who sent it would."""
    company = follows(FIRST, ASKS)
    company.deal(amount="5")
    company.do(RecordTouch(DEAL, "tou_1", "call"), actor=BOSS, on_behalf_of=SELLER)
    company.settle()
    assert company.record().approvals == {}
    assert f"{BOSS} did this for {SELLER}" in why(company, "asks")
    # A program that acts for somebody is nobody.
    company.deal("deal/dea_2", amount="5")
    company.do(RecordTouch("deal/dea_2", "tou_2", "call"), actor="system/form", on_behalf_of=SELLER)
    company.settle()
    (approval,) = company.record("deal/dea_2").approvals.values()
    assert approval.requested_by == SELLER


def test_the_transaction_of_the_worker_is_never_silent_for_longer_than_one_cause_takes(follows):
    """All it does goes through the bus: of a thousand causes at once, a silent connection would be ended, and its work begun again."""
    company = follows(a_reaction("tells", "event: touched", TOLD_SOMETHING))
    company.deal()
    touches = [
        a_submission(RecordTouch(DEAL, f"tou_{number}", "call"), actor=SELLER, told_time=company.clock)
        for number in range(7)
    ]
    company.tenant.bus.submit_batch(touches)
    seen: list[int] = []

    class Spy:
        def execute(self, *_: Any) -> None:
            seen.append(len(company.became()))

    company.tenant.reacting.apply(Spy(), company.tenant.log.read(1, company.tenant.log.head()))
    ran = [event for event in company.became() if isinstance(event, ReactionRan)]
    assert len(ran) == len(touches)
    assert [now - before for before, now in zip(seen[-7:], seen[-6:], strict=False)] == [2] * 6


def test_a_value_that_was_erased_meanwhile_fails_the_step_and_tells_nothing(follows):
    """A rule over it lets nothing run, a step that takes it fails, the others run; what is kept of the failure is readable and names no value."""
    phone = "13800138000"
    company = follows(
        a_reaction("copies", "event: touched", "set_fields: {backup: {from: phone}}"),
        a_reaction("looks", "event: touched", TOLD_SOMETHING, when=f"phone = '{phone}'"),
        a_reaction("tells", "event: touched", TOLD_SOMETHING),
    )
    company.deal(phone=phone)
    company.do(RecordTouch(DEAL, "tou_1", "call"), actor=SELLER)
    company.do(EraseSubject(DEAL))
    company.settle()
    ended = [event for event in company.became() if isinstance(event, ReactionRan | ReactionFailed)]
    assert [(type(event), event.reaction) for event in ended] == [
        (ReactionFailed, "copies"),
        (ReactionRan, "tells"),
    ]
    assert "erased" in why(company, "copies")
    assert phone not in why(company, "copies")
    assert "backup" not in company.record().fields


def test_whoever_left_before_the_worker_came_is_asked_for_nothing(follows):
    """The owner did it and has gone: what would have been asked of them, or in their name, fails with an event; whoever is above them is told."""
    company = follows(
        a_reaction("asks", "event: touched", "request_approval: price"),
        a_reaction("works", "event: touched", "request_work: {template: visit, assignee: actor}"),
        a_reaction("tells", "event: touched", TOLD_SOMETHING),
    )
    company.deal(amount="5")
    company.do(RecordTouch(DEAL, "tou_1", "call"), actor=SELLER)
    company.do(RemovePerson(SELLER))
    company.settle()
    ended = [event for event in company.became() if isinstance(event, ReactionRan | ReactionFailed)]
    assert [(type(event), event.reaction) for event in ended] == [
        (ReactionFailed, "asks"),
        (ReactionFailed, "works"),
        (ReactionRan, "tells"),
    ]
    record = company.record()
    assert (record.approvals, record.work) == ({}, {})
    told = [event.told for event in company.became() if event.TOPIC == "reaction.alerted.v1"]
    assert told == [[BOSS]]
