"""What somebody asks to be told of and says they have read: decisions about an inbox."""

import pytest
from support.desk import a_desk
from support.given import ACCOUNT, ANNA, BEN, NOW, OTHER_ACCOUNT, ZOE, recorded

from domain.inbox.commands import MarkRead, Subscribe, Unsubscribe
from domain.inbox.decide import MAX_SUBSCRIPTIONS
from domain.inbox.events import InboxRead, InboxSubscribed, InboxUnsubscribed
from domain.inbox.state import Inbox, fold
from domain.inbox.topics import beginnings, known_words
from domain.naming import inbox_stream
from domain.refusals import AlreadyExists, InvalidCommand, NotAllowed, NotFound
from projections.notifying import notification_id

FIRST, SECOND = notification_id(1, ANNA), notification_id(2, ANNA)


@pytest.fixture
def desk():
    return a_desk()


def problems_of(desk, command, **about):
    """Every problem a command is refused for, by its place."""
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(command, **about)
    return {problem.pointer: problem.suggestion for problem in refused.value.problems}


def events_of(desk, person=ANNA):
    return [item.event for item in desk.log.stream(inbox_stream(person))]


def test_a_subscription_stands_in_the_stream_of_its_person(desk):
    """With its topics once each and in order; what it is called is personal, and sealed."""
    told = ("record.stage-changed", "addressed", "addressed")
    desk.submit(Subscribe(ANNA, told, "dingtalk", record=ACCOUNT, target="sales", label="Acme"))
    (event,) = events_of(desk)
    assert (event.topics, event.channel, event.target) == (
        ["addressed", "record.stage-changed"],
        "dingtalk",
        "sales",
    )
    assert event.subscription.startswith("sub_")
    assert event.label["$sealed"]["subject"] == ANNA


def test_a_command_that_is_sent_again_subscribes_once(desk):
    first, again = (desk.submit(Subscribe(ANNA, ("record",)), key="once") for _ in range(2))
    assert again.replayed
    assert first.events == again.events
    assert len(events_of(desk)) == 1


def test_everything_wrong_with_a_subscription_is_named_at_once(desk):
    """Topics nobody knows with the nearest; a channel without its target; a record that is not there; a kind that is none."""
    command = Subscribe(
        ANNA,
        ("record.stage-chnaged.v1", "record", "rec"),
        "dingtlk",
        "opportunty",
        "account/acc_404",
        label=" ",
    )
    found = problems_of(desk, command)
    assert found == {
        "/topics/0": "record.stage-changed.v1",
        "/topics/2": "record",
        "/channel": "dingtalk",
        "/kind": "opportunity",
        "/record": None,
        "/label": None,
    }


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (Subscribe(ANNA, ()), "/topics"),
        (Subscribe(ANNA, ("record",), "webhook"), "/target"),
        (Subscribe(ANNA, ("record",), "webhook", target="https://example.com/x"), "/target"),
        (Subscribe(ANNA, ("record",), "inbox", target="crm"), "/target"),
        (Subscribe(ANNA, ("record",), kind="opportunity", record=ACCOUNT), "/kind"),
        (Subscribe(ANNA, ("inbox.read",)), "/topics/0"),
        (Subscribe(ANNA, ("record",) * 51), "/topics"),
        (MarkRead(ANNA, ()), "/notifications"),
        (MarkRead(ANNA, (FIRST, FIRST.upper())), "/notifications/1"),
        (MarkRead(ANNA, tuple(notification_id(n, ANNA) for n in range(1_001))), "/notifications"),
    ],
)
def test_what_cannot_be_told_or_read_is_refused(desk, command, place):
    """Addresses are never targets; nobody is told of what others read."""
    assert list(problems_of(desk, command)) == [place]


def test_reading_twice_is_reading_once(desk):
    """Only what was not read before is an event; where everything was, nothing happens."""
    desk.submit(MarkRead(ANNA, (FIRST,)))
    desk.submit(MarkRead(ANNA, (FIRST, SECOND, SECOND)))
    desk.submit(MarkRead(ANNA, (SECOND, FIRST)))
    assert events_of(desk) == [InboxRead([FIRST]), InboxRead([SECOND])]


def test_a_subscription_is_taken_back_once_and_its_id_is_spent(desk):
    desk.submit(Subscribe(ANNA, ("record",), subscription="sub_1"))
    for _ in range(2):
        desk.submit(Unsubscribe(ANNA, "sub_1"))
    assert events_of(desk)[1:] == [InboxUnsubscribed("sub_1")]
    with pytest.raises(AlreadyExists):
        desk.submit(Subscribe(ANNA, ("record",), subscription="sub_1"))
    with pytest.raises(NotFound):
        desk.submit(Unsubscribe(ANNA, "sub_2"))


@pytest.mark.parametrize(
    "command", [Subscribe(ANNA, ("record",)), Unsubscribe(ANNA, "sub_1"), MarkRead(ANNA, (FIRST,))]
)
def test_an_inbox_is_the_persons_own(desk, command):
    """Whoever else asks needs the right to organise."""
    with pytest.raises(NotAllowed):
        desk.submit(command, actor="system/crm", rights=frozenset())


def test_a_program_acts_for_the_person_themself(desk):
    answer = desk.submit(
        Subscribe(ANNA, ("record",)), actor="system/crm", on_behalf_of=ANNA, rights=frozenset()
    )
    assert answer.outcome == "accepted"


def test_who_left_is_told_nothing_more(desk):
    with pytest.raises(NotFound):
        desk.submit(Subscribe(ZOE, ("record",)))
    with pytest.raises(NotFound):
        desk.submit(Subscribe("person/a b", ("record",)))


def test_nobody_has_subscriptions_without_end(desk):
    answers = desk.batch(
        *(Subscribe(BEN, ("record",), record=OTHER_ACCOUNT) for _ in range(MAX_SUBSCRIPTIONS + 1))
    )
    assert [answer.outcome for answer in answers] == ["accepted"] * MAX_SUBSCRIPTIONS + ["refused"]


def test_folding_in_two_steps_equals_folding_at_once():
    """Receipts and subscriptions alike, whichever way the stream is cut."""
    events = [
        InboxSubscribed("sub_1", ["record"], "inbox"),
        InboxRead([FIRST]),
        InboxUnsubscribed("sub_1"),
        InboxSubscribed("sub_2", ["addressed"], "inbox"),
        InboxRead([SECOND]),
    ]
    stream = [recorded(event, inbox_stream(ANNA), number, at=NOW) for number, event in enumerate(events, 1)]
    whole = fold(None, stream)
    assert whole == Inbox(5, {"sub_2": events[3]}, frozenset({"sub_1"}), frozenset({FIRST, SECOND}))
    for cut in range(len(stream) + 1):
        assert fold(fold(None, stream[:cut]), stream[cut:]) == whole


def test_topics_are_meant_by_their_beginnings():
    """Up to a point, so that a word never means another topic that happens to begin with the same letters."""
    assert beginnings("record.stage-changed.v1") == (
        "record",
        "record.stage-changed",
        "record.stage-changed.v1",
    )
    assert {"addressed", "record", "deadline.noticed"} <= known_words()
    assert not any(word.startswith("inbox") for word in known_words())
