"""A reaction that fails is told to people: to whom, what they read, and what leaves the service."""

import pytest
from support.reacting import BEGIN, BOSS, DEAL, LEGAL, SELLER, Follows, a_reaction, reacting_playbook

from consumers.telling.describing import message_of
from domain.erasure import EraseSubject
from domain.inbox.commands import Subscribe
from domain.organisation.commands import AddPerson, NoteAbsence, RemovePerson
from domain.reacting.commands import RetryReaction
from domain.reacting.events import ReactionFailed, ReactionRan
from domain.record.commands import ChangeOwner, OpenRecord, RecordTouch
from projections.inbox import inbox
from projections.lists import Ask
from projections.notifying import notification_id

COLLEAGUE = "person/per_colleague"
ASKS_LEGAL = a_reaction(
    "asks_legal", "event: touched", "set_fields: {grade: large}", "request_work: {template: review}"
)


@pytest.fixture
def follows(a_tenant):
    """A company without anybody in legal."""

    def make(*reactions: str) -> Follows:
        company = Follows(
            a_tenant("failing", clock="simulated", told_time=BEGIN), reacting_playbook("".join(reactions))
        )
        company.do(RemovePerson(LEGAL))
        company.do(AddPerson(COLLEAGUE, "同事", team="east", manager=BOSS))
        return company

    return make


def touched(company, number=1, **about):
    """Somebody writes down a touch, and what follows of it has happened; return its position."""
    position = company.do(RecordTouch(DEAL, f"tou_{number}", "call"), **about).events[-1].position
    company.settle()
    return position


def failures(company, person):
    """What somebody reads of failures, oldest first."""
    items = inbox(company.tenant.reads, person.removeprefix("person/"), Ask()).data["items"]
    return [item for item in reversed(items) if item["topic"] == "reaction.failed.v1"]


def test_the_owner_reads_what_failed_why_and_how_it_is_tried_again(follows):
    """Once it was an event that nobody was told of. What they read is true: the command that is named ends it."""
    company = follows(ASKS_LEGAL)
    company.deal()
    cause = touched(company, actor=COLLEAGUE)
    (told,) = failures(company, SELLER)
    assert (told["reason"], told["record"]) == ("alert", DEAL)
    retry = f"dealtrail reactions retry deals/dea_1 asks_legal --cause {cause}"
    assert told["text"]["en"] == (
        "The reaction 'asks_legal' failed at step 1 request_work: /assignee: nobody who holds the role legal is there."
        f" When that is mended, try it again: {retry}"
    )
    assert told["concerns"] == {
        "what": "reaction", "name": "asks_legal", "label": {"zh": "联动", "en": "asks_legal"}, "code": "invalid-command",
        "error": "/assignee: nobody who holds the role legal is there",
    }  # fmt: skip
    assert told["text"]["zh"].startswith("联动“联动”在步骤 1 request_work 失败")
    assert told["text"]["zh"].endswith(f"排除原因后重试：{retry}")
    assert [failures(company, person) for person in (BOSS, COLLEAGUE)] == [[], []]
    company.do(AddPerson("person/per_law", "新法务", team="east", roles=("legal",)))
    company.do(RetryReaction(DEAL, "asks_legal", cause), actor=SELLER)
    company.settle()
    assert isinstance(company.became()[-1], ReactionRan)


def test_each_failure_is_told_once_also_after_it_was_tried_again(follows):
    company = follows(ASKS_LEGAL)
    company.deal()
    cause = touched(company, actor=SELLER)
    company.do(RetryReaction(DEAL, "asks_legal", cause), actor=SELLER)
    company.settle()
    positions = [
        recorded.position
        for recorded in company.tenant.log.stream(f"reactions/{DEAL}")
        if isinstance(recorded.event, ReactionFailed)
    ]
    told = failures(company, SELLER)
    assert [item["position"] for item in told] == positions
    assert [item["id"] for item in told] == [notification_id(position, SELLER) for position in positions]
    assert len(positions) == 2


@pytest.mark.parametrize(
    ("before", "people"),
    [
        ([ChangeOwner(DEAL, COLLEAGUE)], [COLLEAGUE]),
        ([RemovePerson(SELLER)], [BOSS]),
        ([NoteAbsence(SELLER, stand_in=COLLEAGUE)], [SELLER, COLLEAGUE]),
    ],
    ids=["the owner of then", "above an owner who has left", "who stands in as well"],
)
def test_it_reaches_somebody_who_is_there(follows, before, people):
    company = follows(ASKS_LEGAL)
    company.deal()
    for command in before:
        company.do(command)
    touched(company, actor=BOSS)
    told = [person for person in (SELLER, COLLEAGUE, BOSS) if failures(company, person)]
    assert told == people


def test_of_a_record_nobody_owns_whoever_may_organise_is_told(follows):
    company = follows(ASKS_LEGAL)
    company.do(OpenRecord(DEAL, {}), actor=COLLEAGUE)
    touched(company, actor=COLLEAGUE)
    told = [person for person in (SELLER, COLLEAGUE, BOSS) if failures(company, person)]
    assert told == [BOSS]


def test_a_message_that_leaves_says_neither_why_nor_anything_personal(follows):
    """Why it failed may repeat what somebody wrote: that stays in the inbox, and is gone there too once it was erased."""
    company = follows(ASKS_LEGAL)
    company.do(OpenRecord(DEAL, {}, owner=SELLER), actor=SELLER)
    touched(company, actor=COLLEAGUE)
    (told,) = failures(company, SELLER)
    row = {name: told[name] for name in ("position", "topic", "reason", "at", "record")} | {"person": SELLER}
    message = message_of(company.tenant.reads, row, "https://sales.example.com")
    said = message.said
    assert message.concerns is not None
    assert (message.concerns["code"], message.concerns["error"]) == ("invalid-command", None)
    assert said is not None
    assert "nobody who holds the role" not in said["en"] + said["zh"]
    assert "request_work: invalid-command" in said["en"]
    assert "dealtrail reactions retry" in said["en"]
    assert "nobody who holds the role" in told["text"]["en"]
    company.do(EraseSubject(DEAL))
    company.settle()
    (told,) = failures(company, SELLER)
    assert told["text"] == said


def test_whoever_subscribed_to_what_is_addressed_to_them_gets_it_as_a_message(follows):
    """It is addressed like everything else that is: by the subscription one has for that."""
    company = follows(ASKS_LEGAL)
    company.deal()
    company.do(Subscribe(SELLER, ("addressed",), subscription="sub_1"), actor=SELLER)
    company.do(Subscribe(COLLEAGUE, ("reaction.failed",), subscription="sub_2"), actor=COLLEAGUE)
    touched(company, actor=BOSS)
    (mine,), (theirs,) = failures(company, SELLER), failures(company, COLLEAGUE)
    assert (mine["reason"], mine["subscriptions"]) == ("alert", ["sub_1"])
    assert (theirs["reason"], theirs["subscriptions"]) == ("subscription", ["sub_2"])
