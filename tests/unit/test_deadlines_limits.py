"""Limits of levels and checklist items are deadlines of their own: armed when their turn comes, over with it, told to who answers and then to their manager."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.deadlines import (
    ANNA,
    BEN,
    CARA,
    DAY,
    DEAL,
    DIRK,
    EVE,
    HOUR,
    MONDAY,
    TEXT,
    a_deal,
    armed,
    the_playbook,
    the_team,
    told,
    with_deadlines,
)

from domain.deadlines import watched as watching
from domain.deadlines.commands import NoticeDeadline
from domain.deadlines.decide import NotDue, notice
from domain.deadlines.firings import Firings, fold
from domain.deadlines.limits import called, named_in
from domain.deadlines.telling import people_told
from domain.events import StageChanged
from domain.work.events import (
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRecalled,
    ApprovalRequested,
    WorkCompleted,
    WorkPaused,
    WorkReassigned,
    WorkRequested,
    WorkResumed,
    WorkTicked,
)
from domain.work.state import fold_work

HEAD, LAW = "approvals.discount.head", "approvals.discount.law"
CHECKLIST = (
    "work: {demo: {label: {zh: 演示, en: Demo}, checklist: {"
    "book: {label: {zh: 订, en: Book}, within_hours: 2}, "
    "ship: {label: {zh: 寄, en: Ship}, within_hours: 3, after: [book]}, "
    "sign: {label: {zh: 签, en: Sign}, within_hours: 4, after: [book, ship], role: vp}, "
    "tidy: {label: {zh: 收, en: Tidy}, required: false}}}}"
)


def with_limits():
    """The playbook without deadlines of its own, whose demo has a checklist with limits."""
    head = TEXT[: TEXT.index("    deadlines:\n")]
    begins = head.index("    work:\n")
    return the_playbook(f"{head[:begins]}    {CHECKLIST}\n{head[head.index('    approvals:') :]}")


def level(name, within="9", **approvers):
    return {"name": name, "approvers": approvers or {"a": BEN}, "quorum": len(approvers) or 1} | (
        {} if within is None else {"within_hours": within}
    )


def request(*levels, order="sequence"):
    return ApprovalRequested("apr_1", "discount", order, list(levels))


def agreed(of, role="a", **more):
    return ApprovalDecided("apr_1", of, role, "approved", **more)


def limits(*happened):
    return armed(a_deal(*happened), with_deadlines())


# ── levels ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_limit_of_the_first_level_runs_from_the_request_in_working_hours():
    """Nine hours are the whole of Monday; the level after it waits for nobody yet, and nothing runs for it."""
    found = limits(request(level("head"), level("law")))
    assert [*found] == [f"{HEAD}/apr_1"]
    head = found[f"{HEAD}/apr_1"]
    assert (head.subject, head.armed_at, head.starts_at) == ("apr_1", 20, MONDAY)
    assert head.due_at == MONDAY + 9 * HOUR
    assert [(alarm.rung, alarm.at) for alarm in head.alarms] == [
        (1, MONDAY + 9 * HOUR),
        (2, MONDAY + DAY + 9 * HOUR),  # as much time again, which is Tuesday
    ]


def test_the_limit_of_the_next_level_is_armed_by_the_decision_that_lets_it_begin():
    decided = (agreed("head"), MONDAY + 3 * HOUR)
    found = limits(request(level("head"), level("law", "2")), decided)
    assert [*found] == [f"{LAW}/apr_1"]
    law = found[f"{LAW}/apr_1"]
    assert (law.armed_at, law.starts_at, law.due_at) == (30, MONDAY + 3 * HOUR, MONDAY + 5 * HOUR)


def test_levels_side_by_side_all_run_from_the_request_and_each_ends_with_its_own_decision():
    parallel = request(level("head"), level("law"), level("top", None), order="parallel")
    assert [*limits(parallel)] == [f"{HEAD}/apr_1", f"{LAW}/apr_1"]
    assert [*limits(parallel, agreed("head"))] == [f"{LAW}/apr_1"]


@pytest.mark.parametrize(
    "end",
    [ApprovalRecalled("apr_1"), ApprovalDecided("apr_1", "head", "a", "rejected"), agreed("head")],
    ids=["recalled", "rejected", "decided"],
)
def test_a_limit_ends_with_the_decision_the_rejection_and_the_recall(end):
    assert limits(request(level("head")), end) == {}


def test_a_level_that_is_asked_again_is_armed_anew():
    """Whoever has to decide once more has the whole time once more; the firing of the first round is not theirs."""
    back = (ApprovalDecided("apr_1", "law", "a", "rejected", back_to="head"), MONDAY + 2 * HOUR)
    found = limits(request(level("head"), level("law")), agreed("head"), back)
    assert [(key, item.armed_at, item.starts_at) for key, item in found.items()] == [
        (f"{HEAD}/apr_1", 40, MONDAY + 2 * HOUR)
    ]


def test_a_migration_leaves_what_waits_and_arms_what_it_adds():
    """A level that waited goes on as it began, with the hours it has now; one that comes in front waits from then on."""
    moved = ApprovalMigrated("apr_1", "watched", 2, [level("head", "1"), level("law")])
    found = limits(request(level("head"), level("law")), (moved, MONDAY + HOUR))
    assert [(item.armed_at, item.due_at) for item in found.values()] == [(20, MONDAY + HOUR)]
    moved = ApprovalMigrated("apr_1", "watched", 2, [level("top", "1"), level("head")])
    found = limits(request(level("head")), (moved, MONDAY + HOUR))
    assert [(key, item.armed_at, item.starts_at) for key, item in found.items()] == [
        ("approvals.discount.top/apr_1", 30, MONDAY + HOUR)
    ]


def test_levels_without_a_limit_have_no_deadline():
    assert limits(request(level("head", None))) == {}


def test_a_level_keeps_its_limit_when_the_playbook_has_lost_its_chain():
    """A running approval keeps the levels of its event; what they are called is gone with the chain, and its name is told instead."""
    head = TEXT[: TEXT.index("    approvals:\n")]
    playbook = the_playbook(head)
    found = armed(a_deal(request(level("head"))), playbook)
    assert [*found] == [f"{HEAD}/apr_1"]
    assert called(playbook.kind("deal"), HEAD) is None


def test_the_limit_is_told_to_who_has_to_decide_at_that_level_and_then_to_their_manager():
    """In parallel others are waited for as well, and hear nothing of it; whoever agreed already hears nothing either."""
    deal = a_deal(
        request(level("head", a=ANNA, b=BEN), level("law", c=DIRK), order="parallel"), agreed("head", "b")
    )
    rule = armed(deal, with_deadlines())[f"{HEAD}/apr_1"].rule
    assert people_told(rule, "apr_1", 1, deal, the_team(), MONDAY + DAY) == [ANNA]
    assert people_told(rule, "apr_1", 2, deal, the_team(), MONDAY + DAY) == [BEN]


def test_an_approval_that_runs_since_levels_kept_their_limits_reads_back_as_it_was_kept():
    deal = a_deal(request(level("head", "1.5"), level("law")), agreed("head"), WorkRequested("wrk_1", "demo", DIRK), WorkTicked("wrk_1", "book"))  # fmt: skip
    assert watching.from_json(watching.to_json(deal)) == deal


@st.composite
def chains(draw):
    found = []
    for name in ("one", "two", "three", "four")[: draw(st.integers(1, 4))]:
        roles = ["a", "b", "c"][: draw(st.integers(1, 3))]
        within = draw(st.sampled_from([None, "1", "9"]))
        told = {"name": name, "approvers": {role: f"person/per_{name}_{role}" for role in roles}, "quorum": draw(st.integers(1, len(roles)))}  # fmt: skip
        found.append(told if within is None else told | {"within_hours": within})
    return found


@settings(deadline=None, derandomize=True, max_examples=150)
@given(order=st.sampled_from(["sequence", "parallel"]), levels=chains(), data=st.data())
def test_limits_run_for_the_levels_the_record_says_wait_and_since_when_it_says(order, levels, data):
    """Whatever is decided, in whatever order, however often it is led back, and also where decisions are noted late."""
    deal, approvals, version, at = a_deal(), {}, 1, MONDAY

    def happens(event, late=0):
        nonlocal deal, approvals, version
        version += 1
        (found,) = told((event, at), since=version)
        found = replace(found, occurred_at=at - late * HOUR, stream=DEAL)
        deal = watching.evolve(deal, found)
        approvals = fold_work({}, {}, approvals, found)[2]

    happens(request(*levels, order=order))
    for _ in range(data.draw(st.integers(0, 14))):
        approval = approvals["apr_1"]
        waiting = {
            f"approvals.discount.{found.name}/apr_1": approval.opened_at(found)
            for found in approval.open_levels
            if found.within_hours is not None
        }
        running = armed(deal, with_deadlines())
        assert {name: item.starts_at for name, item in running.items()} == waiting
        if approval.state != "running":
            break
        at += 2 * HOUR
        of = data.draw(st.sampled_from(approval.open_levels))
        role = data.draw(st.sampled_from(sorted(approval.waits_for(of))))
        names = [found.name for found in approval.levels]
        back_to = data.draw(st.sampled_from(names[: names.index(of.name) + 1]))
        decision = data.draw(
            st.sampled_from(
                [
                    *[agreed(of.name, role)] * 4,
                    *[ApprovalDecided("apr_1", of.name, role, "rejected", back_to=back_to)] * 2,
                ]
            )
        )
        happens(decision, data.draw(st.integers(0, 1)))


# ── checklists ───────────────────────────────────────────────────────────────────────────────────────────────────────

ASKED = WorkRequested("wrk_1", "demo", DIRK)


def items(*happened):
    return {
        name.removeprefix("work.demo.").removesuffix("/wrk_1"): (item.armed_at, item.due_at)
        for name, item in armed(a_deal(*happened), with_limits()).items()
    }


def test_the_limit_of_an_item_runs_from_the_request_unless_others_come_before_it():
    assert items(ASKED) == {"book": (20, MONDAY + 2 * HOUR)}


def test_an_item_is_armed_when_the_last_of_those_before_it_is_ticked():
    booked = (WorkTicked("wrk_1", "book"), MONDAY + HOUR)
    assert items(ASKED, booked) == {"ship": (30, MONDAY + 4 * HOUR)}
    shipped = (WorkTicked("wrk_1", "ship"), MONDAY + 2 * HOUR)
    assert items(ASKED, booked, shipped) == {"sign": (40, MONDAY + 6 * HOUR)}


def test_nothing_runs_for_items_of_work_that_is_over():
    assert items(ASKED, WorkCompleted("wrk_1")) == {}


def test_while_work_waits_for_somebody_else_the_limits_of_its_items_stand_still():
    paused = (WorkPaused("wrk_1", "customer"), MONDAY + HOUR)
    (standing,) = armed(a_deal(ASKED, paused), with_limits()).values()
    assert (standing.is_paused, standing.due_at) == (True, None)
    resumed = (WorkResumed("wrk_1"), MONDAY + 4 * HOUR)
    assert items(ASKED, paused, resumed) == {"book": (20, MONDAY + 5 * HOUR)}


def test_an_item_stays_due_when_its_work_goes_to_somebody_else():
    """The one who has it now is told."""
    deal = a_deal(ASKED, WorkReassigned("wrk_1", DIRK, ANNA))
    (found,) = armed(deal, with_limits()).values()
    assert found.armed_at == 20
    assert people_told(found.rule, "wrk_1", 1, deal, the_team(), MONDAY + DAY) == [ANNA]
    assert people_told(found.rule, "wrk_1", 2, deal, the_team(), MONDAY + DAY) == [BEN]


def test_an_item_of_a_role_is_told_to_whoever_holds_it_nearest_to_who_has_the_work():
    """Anna may not sign; the vice president above her does, not the one of the south. Dirk, who is one, signs himself."""
    ticks = (WorkTicked("wrk_1", "book"), WorkTicked("wrk_1", "ship"))
    for assignee, signs, above in ((ANNA, CARA, None), (DIRK, DIRK, EVE)):
        deal = a_deal(WorkRequested("wrk_1", "demo", assignee), *ticks)
        (found,) = armed(deal, with_limits()).values()
        assert people_told(found.rule, "wrk_1", 1, deal, the_team(), MONDAY + DAY) == [signs]
        assert people_told(found.rule, "wrk_1", 2, deal, the_team(), MONDAY + DAY) == [*filter(None, [above])]


# ── firing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def fires(deal, rung, at, firings=None):
    command = NoticeDeadline(DEAL, HEAD, 20, rung, subject="apr_1")
    return notice(deal, firings or Firings(), command, with_deadlines(), the_team(), at)


def test_a_limit_is_noticed_once_a_rung_like_every_deadline():
    deal = a_deal(request(level("head", a=ANNA)))
    with pytest.raises(NotDue):
        fires(deal, 1, MONDAY + 8 * HOUR)
    (due,) = fires(deal, 1, MONDAY + 9 * HOUR)
    assert (due.deadline, due.subject, due.armed_at, due.told) == (HEAD, "apr_1", 20, [ANNA])
    said = fold(None, told(due, since=1))
    with pytest.raises(NotDue):
        fires(deal, 1, MONDAY + 10 * HOUR, said)
    (above,) = fires(deal, 2, MONDAY + DAY + 9 * HOUR, said)
    assert (above.rung, above.told, above.skipped) == (2, [BEN], [])


def test_a_limit_that_stopped_is_not_noticed():
    with pytest.raises(NotDue):
        fires(a_deal(request(level("head")), agreed("head")), 1, MONDAY + 9 * HOUR)


def test_what_happens_to_the_record_otherwise_moves_no_limit():
    before = limits(request(level("head")))
    after = limits(request(level("head")), (StageChanged("lead", "offer", "advance"), MONDAY + HOUR))
    assert {key: item.due_at for key, item in before.items()} == {
        key: item.due_at for key, item in after.items()
    }


# ── what they are called ─────────────────────────────────────────────────────────────────────────────────────────────


def test_limits_are_called_by_what_they_belong_to():
    kind = with_limits().kind("deal")
    assert named_in(kind) == ("work.demo.book", "work.demo.ship", "work.demo.sign")
    label, why = called(kind, "work.demo.book")
    assert (label.zh, label.en, why) == ("演示：订", "Demo: Book", None)
    label, _ = called(kind, HEAD)
    assert (label.zh, label.en) == ("折扣：主管", "Discount: Head")
    assert called(kind, "work.demo.nothing") is None
    assert called(kind, "nothing") is None


def test_the_hours_of_a_level_are_exact():
    """A third of an hour to the sixth decimal place is no more and no less."""
    found = limits(request(level("head", "0.333333")))[f"{HEAD}/apr_1"]
    assert (found.due_at - MONDAY).total_seconds() * 1_000_000 == int(Decimal("0.333333") * 3_600_000_000)
