"""Which reactions an event sets off: judged on the record right after it, under the version of the playbook it names."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.given import NOW, recorded
from support.reacting import (
    BOSS,
    DEAL,
    LEGAL,
    PRESALES,
    SELLER,
    TOLD_SOMETHING,
    a_reaction,
    reacting_playbook,
)

from domain.deadlines.events import DeadlineNoticed
from domain.envelope import Recorded
from domain.event import Event
from domain.events import EvidenceAttached, FieldsChanged, OwnerChanged, RecordOpened, StageChanged, Touched
from domain.naming import firings_stream
from domain.reacting.events import ReactionAlerted, ReactionFailed, ReactionRan, ReactionRetried
from domain.reacting.setting_off import may_set_off, set_off
from domain.reacting.state import Outcome, fold
from domain.record import state as record_state
from domain.work.events import (
    ApprovalDecided,
    ApprovalRequested,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkForked,
    WorkRequested,
    WorkResponded,
)

OPENED = RecordOpened({"amount": {"amount": "500.00", "currency": "CNY"}}, stage="lead", owner=SELLER)
LEGS = (
    WorkForked("frk_1", "closing", "2", {"law": "wrk_1", "money": "wrk_2"}),
    WorkRequested("wrk_1", "review", LEGAL, fork="frk_1", leg="law"),
    WorkRequested("wrk_2", "costing", LEGAL, fork="frk_1", leg="money"),
)
ASKED = ApprovalRequested(
    "apr_1",
    "price",
    "sequence",
    [
        {"name": "above", "approvers": {"manager": BOSS}, "quorum": 1},
        {"name": "money", "approvers": {"finance": LEGAL}, "quorum": 1},
    ],
)


def history(*events: Event) -> list[Recorded]:
    """A deal is opened, and things happen to it."""
    return [
        replace(
            recorded(event, DEAL, number, at=NOW, position=number * 10),
            playbook="follows",
            playbook_version=1,
        )
        for number, event in enumerate((OPENED, *events), start=1)
    ]


def names(on: str, *events: Event, when: str | None = None, cause: Recorded | None = None) -> list[str]:
    """The reactions that the last of these events sets off, where there is one for `on` and one for nothing that happens here."""
    published = reacting_playbook(
        a_reaction("it", on, TOLD_SOMETHING, when=when)
        + a_reaction("other", "event: touched, kind: visit", TOLD_SOMETHING)
    )
    happened = history(*events)
    record = record_state.fold(None, happened)
    assert record is not None
    found = set_off(cause or happened[-1], record, published, lambda stream, field, stored: stored)
    return [reaction.name for reaction in found]


@pytest.mark.parametrize(
    ("on", "events"),
    [
        ("event: opened", ()),
        ("event: stage-changed, to: lead", ()),
        ("event: fields-changed", (FieldsChanged({"size": {"old": None, "new": "1"}}),)),
        ("event: fields-changed, field: size", (FieldsChanged({"size": {"old": None, "new": "1"}, "grade": {"old": None, "new": "small"}}),)),
        ("event: stage-changed", (StageChanged("lead", "quoted", "forward"),)),
        ("event: stage-changed, to: offer", (StageChanged("lead", "quoted", "forward"),)),
        ("event: stage-changed, to: quoted, move: forward", (StageChanged("lead", "quoted", "forward"),)),
        ("event: touched, kind: call", (Touched("tou_1", "call"),)),
        ("event: evidence-attached, field: scan", (EvidenceAttached("evi_1", "scan", "5c" * 32, 1, "text/plain"),)),
        ("event: owner-changed", (OwnerChanged(SELLER, BOSS),)),
        ("event: work-requested, template: demo", (WorkRequested("wrk_1", "demo", PRESALES),)),
        ("event: work-responded, template: demo", (WorkRequested("wrk_1", "demo", PRESALES), WorkResponded("wrk_1"))),
        ("event: work-completed, template: demo", (WorkRequested("wrk_1", "demo", PRESALES), WorkCompleted("wrk_1"))),
        ("event: work-declined, template: demo", (WorkRequested("wrk_1", "demo", PRESALES), WorkDeclined("wrk_1"))),
        ("event: work-cancelled, template: demo", (WorkRequested("wrk_1", "demo", PRESALES), WorkCancelled("wrk_1"))),
        ("event: fork-joined, fork: closing", (*LEGS, WorkCompleted("wrk_2"), WorkCompleted("wrk_1"))),
        ("event: approval-requested, chain: price", (ASKED,)),
        ("event: approval-decided, chain: price, decision: rejected", (ASKED, ApprovalDecided("apr_1", "above", "manager", "rejected"))),
        ("event: approval-decided, decision: approved", (ASKED, ApprovalDecided("apr_1", "above", "manager", "approved"), ApprovalDecided("apr_1", "money", "finance", "approved"))),
    ],
)  # fmt: skip
def test_what_happens_sets_off_what_waits_for_it(on, events):
    assert names(on, *events) == ["it"]


@pytest.mark.parametrize(
    ("on", "events"),
    [
        ("event: stage-changed", ()),
        ("event: fields-changed, field: grade", (FieldsChanged({"size": {"old": None, "new": "1"}}),)),
        ("event: stage-changed, to: offer", (StageChanged("lead", "quoted", "forward"), StageChanged("quoted", "haggled", "forward"))),
        ("event: stage-changed, move: back", (StageChanged("lead", "quoted", "forward"),)),
        ("event: work-completed, template: visit", (WorkRequested("wrk_1", "demo", PRESALES), WorkCompleted("wrk_1"))),
        ("event: fork-joined", (*LEGS, WorkCompleted("wrk_2"))),
        ("event: fork-joined", (WorkRequested("wrk_1", "demo", PRESALES), WorkCompleted("wrk_1"))),
        ("event: approval-decided", (ASKED, ApprovalDecided("apr_1", "above", "manager", "approved"))),
        ("event: approval-decided, decision: approved", (ASKED, ApprovalDecided("apr_1", "above", "manager", "rejected"))),
    ],
)  # fmt: skip
def test_what_is_narrowed_waits_for_just_that(on, events):
    assert names(on, *events) == []


def test_a_deadline_that_was_noticed_is_about_its_record():
    """It stands in a stream of its own, and at its own rung."""
    noticed = DeadlineNoticed(
        DEAL, "quiet", 10, 1, "2026-03-03T09:00:00.000000Z", "2026-03-03T09:00:01.000000Z", [SELLER]
    )
    cause = replace(
        recorded(noticed, firings_stream(DEAL), 1, position=50), playbook="follows", playbook_version=1
    )
    assert names("event: deadline-noticed, deadline: quiet, rung: 1", cause=cause) == ["it"]
    assert names("event: deadline-noticed, rung: 0", cause=cause) == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("amount >= 500", ["it"]), ("amount > 500", []), ("size > 1", []), ("stage() = 'lead' AND touches('call', 7) = 1", ["it"])],
)  # fmt: skip
def test_only_a_rule_that_is_known_to_hold_lets_it_run(rule, expected):
    """What nobody knows is no reason to act."""
    assert names("event: touched, kind: call", Touched("tou_1", "call"), when=rule) == expected


def test_what_is_imported_happened_before():
    cause = replace(history()[-1], channel="import")
    assert names("event: opened", cause=cause) == []


def test_reactions_come_in_the_order_of_the_playbook_and_those_of_forks_last():
    published = reacting_playbook(
        a_reaction("second", "event: stage-changed", TOLD_SOMETHING)
        + a_reaction("first", "event: stage-changed, to: offer", TOLD_SOMETHING),
        starts="quoted",
    )
    happened = history(StageChanged("lead", "quoted", "forward"))
    record = record_state.fold(None, happened)
    assert record is not None
    found = set_off(happened[-1], record, published, lambda stream, field, stored: stored)
    assert [reaction.name for reaction in found] == ["second", "first", "forks.closing"]


def test_most_events_are_passed_over_without_a_look_at_the_record():
    published = reacting_playbook(a_reaction("it", "event: touched", TOLD_SOMETHING))
    opened, touched = history(Touched("tou_1", "call"))
    assert (may_set_off(opened, published), may_set_off(touched, published)) == (False, True)


def became(*events: Event):
    """What the stream of reactions folds into."""
    return fold(
        None, [recorded(event, f"reactions/{DEAL}", number) for number, event in enumerate(events, 1)]
    )


def test_what_became_of_a_reaction_is_what_became_of_it_last():
    """How often it was tried, from which step it goes on, and what came of it so far."""
    failed = ReactionFailed(DEAL, "it", 10, 1, "invalid-command", None, [11])
    retried = ReactionRetried(DEAL, "it", 10)
    assert became().of("it", 10) is None
    assert became(failed).of("it", 10) == Outcome("failed", 1, 1, (11,))
    assert became(failed, retried).of("it", 10) == Outcome("retried", 2, 1, (11,))
    assert became(failed, retried, failed, retried).of("it", 10) == Outcome("retried", 3, 1, (11,))
    ran = became(failed, retried, ReactionRan(DEAL, "it", 10, [11, 15]))
    assert (ran.of("it", 10), ran.of("it", 12), ran.of("other", 10)) == (
        Outcome("ran", 2, 1, (11, 15)),
        None,
        None,
    )
    assert became(ReactionAlerted(DEAL, "it", 10, 0, [SELLER])).told == {("it", 10, 0)}


@pytest.mark.parametrize("cut", range(5))
def test_folding_in_two_steps_equals_folding_at_once(cut):
    events: Sequence[Event] = (
        ReactionFailed(DEAL, "it", 10, 1, "too-deep"),
        ReactionRetried(DEAL, "it", 10),
        ReactionAlerted(DEAL, "it", 10, 1, []),
        ReactionRan(DEAL, "it", 10, []),
    )
    whole = [recorded(event, f"reactions/{DEAL}", number) for number, event in enumerate(events, 1)]
    assert fold(fold(None, whole[:cut]), whole[cut:]) == fold(None, whole)
