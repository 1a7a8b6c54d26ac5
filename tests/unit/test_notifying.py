"""Who is told of what: a function of the log, whichever way it is cut."""

from dataclasses import replace

import pytest
from hypothesis import given as every
from hypothesis import strategies as st
from support.given import ANNA, BEN, NOW, OPPORTUNITY, ZOE, recorded

from domain.deadlines.events import DeadlineNoticed
from domain.events import FieldsChanged, OwnerChanged, RecordOpened, StageChanged
from domain.inbox.topics import known_words
from domain.work.events import (
    ApprovalDecided,
    ApprovalRecalled,
    ApprovalRequested,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkReassigned,
    WorkRequested,
    WorkRescheduled,
)
from projections.notifying import (
    NEEDS_AROUND,
    NOTHING_AROUND,
    Subscription,
    addressed,
    matches,
    notification_id,
    notifications,
)
from projections.subscribed import Surroundings, around_of

CARL, DORA = "person/per_carl", "person/per_dora"
MOVED = StageChanged("lead", "offer", "forward")


def happened(event, actor=BEN, *, stream=OPPORTUNITY, position=10, **about):
    """An event of a record, done by Ben."""
    return replace(recorded(event, stream, position, at=NOW, position=position), actor=actor, **about)


def told(event, *subscriptions, **about):
    """Who is told of it, with the reason."""
    return {one.person: one.reason for one in notifications(happened(event, **about), subscriptions)}


def level(name, **approvers):
    return {"name": name, "approvers": approvers, "quorum": len(approvers)}


LEVELS = [level("first", sales=ANNA, legal=CARL), level("second", finance=DORA)]


@pytest.mark.parametrize(
    ("event", "people"),
    [
        (OwnerChanged(None, ANNA), {ANNA: "owner"}),
        (OwnerChanged(ANNA, None), {}),
        (RecordOpened({}, owner=ANNA), {ANNA: "owner"}),
        (WorkRequested("wrk_1", "demo", ANNA), {ANNA: "work"}),
        (WorkReassigned("wrk_1", ANNA, CARL), {ANNA: "work", CARL: "work"}),
        (ApprovalRequested("apr_1", "discount", "sequence", LEVELS), {ANNA: "approval", CARL: "approval"}),
        (
            ApprovalRequested("apr_1", "discount", "parallel", LEVELS),
            {ANNA: "approval", CARL: "approval", DORA: "approval"},
        ),
        (MOVED, {}),
    ],
)
def test_an_event_tells_whom_it_addresses(event, people):
    """Without anybody having subscribed."""
    assert told(event) == people


def test_a_deadline_tells_whoever_its_ladder_names():
    noticed = DeadlineNoticed(OPPORTUNITY, "late", 3, 1, "x", "y", [ANNA, CARL])
    (first, second) = notifications(
        happened(noticed, actor="system/deadlines", stream=f"deadlines/{OPPORTUNITY}"), ()
    )
    assert [(one.person, one.reason, one.record) for one in (first, second)] == [
        (ANNA, "deadline", OPPORTUNITY),
        (CARL, "deadline", OPPORTUNITY),
    ]


def a_stream(*events, requester=BEN):
    """Events of one record, each with who did it."""
    return [
        replace(recorded(event, OPPORTUNITY, number, at=NOW, position=number), actor=who)
        for number, (event, who) in enumerate(events, 1)
    ]


def told_at_the_end(stream):
    last = stream[-1]
    return {one.person: one.reason for one in notifications(last, (), around_of(stream, last))}


def decided(level_name, role, decision="approved", back_to=None):
    return ApprovalDecided("apr_1", level_name, role, decision, back_to)


def test_the_next_level_is_told_when_its_turn_comes_and_the_requester_when_it_is_over():
    """Nobody twice, and nobody before."""
    asked = (ApprovalRequested("apr_1", "discount", "sequence", LEVELS), BEN)
    steps = [
        (decided("first", "sales"), ANNA, {}),
        (decided("first", "legal"), CARL, {DORA: "approval"}),
        (decided("second", "finance"), DORA, {BEN: "approval"}),
    ]
    events = [asked]
    for event, who, people in steps:
        events.append((event, who))
        assert told_at_the_end(a_stream(*events)) == people


def test_a_rejection_tells_the_requester_or_asks_a_level_again():
    asked = (ApprovalRequested("apr_1", "discount", "sequence", LEVELS), BEN)
    first = [(decided("first", "sales"), ANNA), (decided("first", "legal"), CARL)]
    over = a_stream(asked, *first, (decided("second", "finance", "rejected"), DORA))
    assert told_at_the_end(over) == {BEN: "approval"}
    back = a_stream(asked, *first, (decided("second", "finance", "rejected", "first"), DORA))
    assert told_at_the_end(back) == {ANNA: "approval", CARL: "approval"}


def test_whoever_was_asked_so_far_is_told_that_an_approval_was_recalled():
    """Who has decided and who still had to; the level that never had its turn hears nothing of what it was never asked."""
    asked = (ApprovalRequested("apr_1", "discount", "sequence", LEVELS), BEN)
    recalled = (ApprovalRecalled("apr_1"), BEN)
    assert told_at_the_end(a_stream(asked, recalled)) == {ANNA: "approval", CARL: "approval"}
    first = (decided("first", "sales"), ANNA)
    assert told_at_the_end(a_stream(asked, first, recalled)) == {ANNA: "approval", CARL: "approval"}
    second = (decided("first", "legal"), CARL)
    everybody = {ANNA: "approval", CARL: "approval", DORA: "approval"}
    assert told_at_the_end(a_stream(asked, first, second, recalled)) == everybody
    by_the_operator = (ApprovalRecalled("apr_1"), "system/operator")
    assert told_at_the_end(a_stream(asked, by_the_operator)) == {ANNA: "approval", CARL: "approval"}


def test_whoever_work_was_taken_from_is_told_and_whoever_gave_it_away_is_not():
    """Who delegates knows of it; who had it when their manager gave it to somebody else does not."""
    handed = WorkReassigned("wrk_1", ANNA, CARL)
    assert told(handed, actor=ANNA) == {CARL: "work"}
    assert told(handed, actor=DORA) == {ANNA: "work", CARL: "work"}


def test_what_stands_around_events_is_the_same_whether_they_are_asked_one_by_one_or_in_a_row():
    """A batch of one record folds its stream once, and says of each event what folding it up to there says; also of one asked again, earlier."""
    stream = a_stream(
        (ApprovalRequested("apr_1", "discount", "sequence", LEVELS), BEN),
        (decided("first", "sales"), ANNA),
        (WorkRequested("wrk_1", "demo", ANNA), BEN),
        (decided("first", "legal"), CARL),
        (WorkCompleted("wrk_1"), ANNA),
        (decided("second", "finance", "rejected", "first"), DORA),
        (ApprovalRecalled("apr_1"), BEN),
    )
    read = []

    class Log:
        def stream(self, name):
            read.append(name)
            return stream

    surroundings = Surroundings(Log())
    for recorded_event in [*stream, *reversed(stream)]:
        around = surroundings.of(recorded_event)
        if recorded_event.event.TOPIC in NEEDS_AROUND:
            assert around == around_of(stream, recorded_event)
        else:
            assert around == NOTHING_AROUND
    assert read == [OPPORTUNITY]


@pytest.mark.parametrize(
    ("event", "who", "people"),
    [
        (WorkCompleted("wrk_1"), ANNA, {BEN: "work"}),
        (WorkDeclined("wrk_1"), ANNA, {BEN: "work"}),
        (WorkCancelled("wrk_1"), BEN, {ANNA: "work"}),
        (WorkCompleted("wrk_2"), ANNA, {}),
        (WorkRescheduled("wrk_1", "2026-03-09T10:00:00.000000Z"), BEN, {ANNA: "work"}),
        (WorkRescheduled("wrk_1", "2026-03-09T10:00:00.000000Z"), CARL, {ANNA: "work", BEN: "work"}),
    ],
)
def test_who_asked_for_work_is_told_what_became_of_it(event, who, people):
    """And who was to do it, when it is no longer wanted; both of them, when somebody else lets it be due at another moment."""
    assert told_at_the_end(a_stream((WorkRequested("wrk_1", "demo", ANNA), BEN), (event, who))) == people


def test_nobody_is_told_of_what_they_did_themself():
    """Nor of what a program did for them."""
    everything = [Subscription(person, "sub_1", ("record",)) for person in (ANNA, BEN, CARL)]
    assert [*told(OwnerChanged(None, ANNA), *everything, actor=ANNA)] == [BEN, CARL]
    assert [*told(MOVED, *everything, actor="system/crm", on_behalf_of=ANNA)] == [BEN, CARL]


def test_imported_history_tells_nobody():
    assert told(OwnerChanged(None, ANNA), Subscription(ANNA, "sub_1", ("record",)), channel="import") == {}


@pytest.mark.parametrize(
    ("about", "is_told"),
    [
        ({"topics": ("record",)}, True),
        ({"topics": ("record.stage-changed",)}, True),
        ({"topics": ("record.stage-changed.v1",)}, True),
        ({"topics": ("record.stage",)}, False),
        ({"topics": ("addressed",)}, False),
        ({"topics": ("record",), "kind": "opportunity"}, True),
        ({"topics": ("record",), "kind": "visit"}, False),
        ({"topics": ("record",), "record": OPPORTUNITY}, True),
        ({"topics": ("record",), "record": "opportunity/opp_2"}, False),
        ({"topics": ("record",), "after": 9}, True),
        ({"topics": ("record",), "after": 10}, False),
        ({"topics": ("record",), "before": 11}, True),
        ({"topics": ("record",), "before": 10}, False),
    ],
)
def test_a_subscription_means_topics_of_records_while_it_holds(about, is_told):
    """From after its own event to before the one that ends it."""
    assert (ANNA in told(MOVED, Subscription(ANNA, "sub_1", **about))) is is_told


def test_what_is_addressed_can_be_subscribed_to():
    """So that it leaves the inbox; the reason stays the same, and it is one notification."""
    subscription = Subscription(ANNA, "sub_1", ("addressed",), "dingtalk", target="sales")
    (one,) = notifications(happened(OwnerChanged(None, ANNA)), [subscription])
    assert (one.reason, one.subscriptions) == ("owner", (subscription,))
    assert one.id == notification_id(10, ANNA) != notification_id(10, BEN)


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

PEOPLE = st.sampled_from([ANNA, BEN, CARL, DORA, ZOE])
SUBSCRIPTIONS = st.builds(
    Subscription,
    PEOPLE,
    st.sampled_from(["sub_1", "sub_2", "sub_3"]),
    st.lists(st.sampled_from(sorted(known_words())), min_size=1, max_size=3).map(tuple),
    kind=st.sampled_from([None, "opportunity", "visit"]),
    record=st.sampled_from([None, OPPORTUNITY, "visit/vis_1"]),
    after=st.integers(0, 30),
    before=st.one_of(st.none(), st.integers(1, 40)),
)
EVENTS = st.builds(
    happened,
    st.one_of(
        st.builds(OwnerChanged, PEOPLE, PEOPLE),
        st.builds(WorkRequested, st.just("wrk_1"), st.just("demo"), PEOPLE),
        st.just(MOVED),
        st.just(FieldsChanged({"amount": {"old": None, "new": "1"}})),
    ),
    actor=PEOPLE,
    stream=st.sampled_from([OPPORTUNITY, "visit/vis_1"]),
    position=st.integers(1, 40),
)


@every(EVENTS, st.lists(SUBSCRIPTIONS, max_size=12), st.randoms())
def test_who_is_told_does_not_depend_on_the_order_of_subscriptions(event, subscriptions, shuffled):
    """Each at most once, never the actor, and exactly those addressed or matched."""
    found = notifications(event, subscriptions)
    again = [*subscriptions]
    shuffled.shuffle(again)
    assert {one.id for one in notifications(event, again)} == {one.id for one in found}
    people = [one.person for one in found]
    assert people == sorted(set(people))
    reasons = addressed(event)
    wanted = {*reasons} | {
        one.person for one in subscriptions if matches(one, event, is_addressed=one.person in reasons)
    }
    assert {*people} == wanted - {event.actor}


@every(EVENTS, st.lists(SUBSCRIPTIONS, max_size=8), SUBSCRIPTIONS)
def test_one_subscription_more_takes_no_notification_away(event, subscriptions, one_more):
    before = {one.id for one in notifications(event, subscriptions)}
    assert before <= {one.id for one in notifications(event, [*subscriptions, one_more])}
