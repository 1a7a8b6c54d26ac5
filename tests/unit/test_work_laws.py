"""Laws of work, over whatever people do in whatever order: no history breaks them."""

from dataclasses import replace

from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st
from support.given import NOW
from support.working import (
    DEAL,
    EDU,
    EVE,
    FAY,
    HOUR,
    LEA,
    MAX,
    OTTO,
    SAM,
    SUE,
    VERA,
    a_deal,
    by,
    happened,
    later,
    money,
)

from domain.record import state as record_state
from domain.record.decide import decide as decide_record
from domain.refusals import Refusal
from domain.work.approving import requesters_of
from domain.work.commands import (
    AcceptWork,
    CancelWork,
    CompleteWork,
    DecideApproval,
    DeclineWork,
    ForkWork,
    PauseWork,
    ReassignWork,
    RecallApproval,
    RequestApproval,
    RequestWork,
    RescheduleWork,
    RespondToWork,
    ResumeWork,
)
from domain.work.events import ApprovalDecided
from domain.work.state import joined

PEOPLE = (SAM, SUE, MAX, VERA, EVE, EDU, LEA, FAY, OTTO)
WORK = ("wrk_1", "wrk_f_1", "wrk_f_2", "wrk_f_3")
_of_work = st.sampled_from(WORK)
_people = st.sampled_from(PEOPLE)

COMMANDS = st.one_of(
    st.builds(
        RequestWork, st.just(DEAL), _of_work, st.sampled_from(["schedule", "terms"]), st.none() | _people
    ),
    st.builds(ForkWork, st.just(DEAL), st.just("frk_f"), st.sampled_from(["freeze", "either", "most"])),
    *(
        st.builds(kind, st.just(DEAL), _of_work)
        for kind in (AcceptWork, RespondToWork, ResumeWork, CompleteWork, DeclineWork, CancelWork)
    ),
    st.builds(PauseWork, st.just(DEAL), _of_work, st.just("customer")),
    st.builds(ReassignWork, st.just(DEAL), _of_work, _people),
    st.builds(RescheduleWork, st.just(DEAL), _of_work, st.sampled_from([NOW + 20 * HOUR, NOW + 90 * HOUR])),
)
AGREEMENT = st.one_of(
    st.builds(
        RequestApproval,
        st.just(DEAL),
        st.sampled_from(["apr_1", "apr_2"]),
        st.sampled_from(["discount", "terms", "far"]),
    ),
    st.builds(
        DecideApproval,
        st.just(DEAL),
        st.sampled_from(["apr_1", "apr_2"]),
        st.sampled_from(["approved", "approved", "rejected"]),
        back_to=st.none() | st.sampled_from(["manager", "joint", "legal", "either"]),
        comment=st.just("because"),
    ),
    st.builds(RecallApproval, st.just(DEAL), st.sampled_from(["apr_1", "apr_2"])),
)


def played(steps):
    """A deal after people did things, an hour after each other; what is refused did not happen. The events with the world before and after."""
    world = a_deal(discount="8", amount=money("600000.00"))
    made = []
    for who, on_behalf_of, command in steps:
        world = later(by(world, who, for_whom=on_behalf_of), 1)
        try:
            events = decide_record(world.record, command, world, has_reason=True)
        except Refusal:
            continue
        before = world.record
        world = happened(world, events)
        made += [(before, event, world) for event in events]
    return world, made


def steps(commands, length):
    """What some people do, some of them for somebody else."""
    return st.lists(st.tuples(_people, st.none() | _people, commands), max_size=length)


@settings(max_examples=150)
@over(steps(st.one_of(COMMANDS, AGREEMENT), 25))
def test_what_was_folded_is_written_and_read_back(done):
    """A record with its work goes through JSON unchanged, wherever one stops; so folding in two steps equals folding at once."""
    world, _ = played(done)
    told = record_state.to_json(world.record)
    read = record_state.from_json(told)
    assert record_state.to_json(read) == told
    assert read.work.keys() == world.record.work.keys()
    assert read.approvals == world.record.approvals
    assert read.forks == world.record.forks


@settings(max_examples=150)
@over(steps(COMMANDS, 30))
def test_a_join_is_met_exactly_when_enough_legs_are_done_whatever_the_order(done):
    world, _ = played(done)
    for fork in world.record.forks.values():
        count = sum(world.record.work[work].state == "done" for work in fork.legs.values())
        needed = {"all": len(fork.legs), "any": 1}.get(fork.join) or int(fork.join)
        assert (joined(fork, world.record.work) == "met") == (count >= needed)
        gone = sum(world.record.work[work].state in ("declined", "cancelled") for work in fork.legs.values())
        assert (joined(fork, world.record.work) == "broken") == (len(fork.legs) - gone < needed)


@settings(max_examples=150)
@over(steps(COMMANDS, 30))
def test_work_is_always_with_a_named_person_and_ends_at_most_once(done):
    world, made = played(done)
    for item in world.record.work.values():
        assert item.assignee in PEOPLE
        assert (item.ended_at is None) == item.is_open
        ends = [
            event
            for _, event, _ in made
            if getattr(event, "work", None) == item.id
            and type(event).__name__ in ("WorkCompleted", "WorkDeclined", "WorkCancelled")
        ]
        assert len(ends) == (0 if item.is_open else 1)
        moments = [item.requested_at, item.started_at, item.ended_at]
        assert [at for at in moments if at] == sorted(at for at in moments if at)


@settings(max_examples=200)
@over(steps(AGREEMENT, 30))
def test_nobody_ever_approves_what_they_asked_for_and_nobody_decides_two_roles_of_a_level(done):
    _, made = played(done)
    for before, event, world in made:
        if not isinstance(event, ApprovalDecided):
            continue
        approval = before.approvals[event.approval]
        deciding = requesters_of(world.on_behalf_of or world.actor, world.actor)
        assert not deciding & approval.requesters
        level = next(level for level in approval.levels if level.name == event.level)
        held = [found.by for found in world.record.approvals[event.approval].counted(level).values()]
        assert len(held) == len(set(held))
        assert approval.state == "running", "what has ended is not decided"


@settings(max_examples=200)
@over(steps(AGREEMENT, 30))
def test_a_chain_ends_exactly_once_and_is_approved_exactly_when_every_level_is_met(done):
    world, made = played(done)
    for approval in world.record.approvals.values():
        assert (approval.ended_at is None) == (approval.state == "running")
        if approval.state == "approved":
            assert all(approval.is_met(level) for level in approval.levels)
        if approval.state == "running":
            assert approval.open_levels
        states = [
            after.record.approvals[approval.id].state
            for _, _, after in made
            if approval.id in after.record.approvals
        ]
        changes = [state for state, before in zip(states[1:], states, strict=False) if state != before]
        assert len(changes) <= 1


@settings(max_examples=100)
@over(steps(AGREEMENT, 30), st.integers(0, 29))
def test_a_recall_keeps_every_decision(done, at):
    """Whatever was decided before is there after, also under a later request."""
    until, _ = played(done[:at])
    world, _ = played(done)
    for name, approval in until.record.approvals.items():
        kept = world.record.approvals[name].decisions[: len(approval.decisions)]
        assert [replace(found, counts=True) for found in kept] == [
            replace(found, counts=True) for found in approval.decisions
        ]
