"""Agreement: who is asked, level by level; who may decide; what a decision makes of the whole."""

from dataclasses import replace

import pytest
from support.given import NOW, PLAYBOOKS, given, published
from support.working import (
    DEAL,
    FAY,
    HOUR,
    LEA,
    MAX,
    OTTO,
    SAM,
    SUE,
    VERA,
    a_deal,
    after,
    approval,
    ask_agreement,
    away,
    by,
    decide,
    money,
    the_working_playbook,
)

from commands.playbook_file import parse_playbook
from domain.events import PersonLeft
from domain.playbook.model import Right
from domain.refusals import InvalidCommand, NotAllowed, NotFound
from domain.values import Private
from domain.work.commands import CommentApproval, MigrateApproval, RecallApproval
from domain.work.events import (
    ApprovalCommented,
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRecalled,
    ApprovalRequested,
)

MANAGER = {"name": "manager", "approvers": {"manager": MAX}, "quorum": 1}
JOINT = {"name": "joint", "approvers": {"finance": FAY, "officer": LEA}, "quorum": 2, "within_hours": "2"}
TOP = {"name": "top", "approvers": {"vp": VERA}, "quorum": 1}


def a_discount(*people, amount="100000.00", discount="8"):
    """A deal at a special price."""
    return a_deal(*people, discount=discount, amount=money(amount))


def asked(*people, **fields):
    """A special price Sam has asked agreement for."""
    return after(a_discount(*people, **fields), ask_agreement())


# ── who is asked ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_levels_are_those_the_record_calls_for_with_a_person_for_each_role():
    """Of those equally near, the first by id: Fay before Vera, Lea before Otto."""
    given(a_discount()).when(ask_agreement()).then(
        ApprovalRequested("apr_1", "discount", "sequence", [MANAGER, JOINT])
    )
    given(a_discount(amount="500000.00")).when(ask_agreement()).then(
        ApprovalRequested("apr_1", "discount", "sequence", [MANAGER, JOINT, TOP])
    )


def test_a_level_is_never_left_out_for_want_of_data():
    """Nobody knows the amount, so the vice president is asked."""
    event = given(a_deal(discount="8")).when(ask_agreement()).event
    assert [level["name"] for level in event.levels] == ["manager", "joint", "top"]


def test_a_chain_must_be_known_to_apply():
    given(a_discount(discount="5")).when(ask_agreement()).refuses(InvalidCommand, problems=["/chain"])
    given(a_deal()).when(ask_agreement()).refuses(
        InvalidCommand, problems=["/chain"], saying=": discount is empty"
    )
    given(a_deal()).when(ask_agreement("discuont")).refuses(InvalidCommand, problems=[("/chain", "discount")])


def test_without_a_name_the_first_chain_that_applies_is_taken():
    assert given(a_discount()).when(ask_agreement(None)).event.chain == "discount"
    assert given(a_discount(discount="2")).when(ask_agreement(None)).event.chain == "terms"


def test_people_may_be_named_and_must_hold_the_role():
    event = given(a_discount()).when(ask_agreement(approvers={"joint": {"officer": OTTO}})).event
    assert event.levels[1]["approvers"] == {"finance": FAY, "officer": OTTO}
    wrong = {"joint": {"officer": FAY, "legal": LEA}, "manager": {"manager": VERA}, "tpo": {}}
    given(a_discount()).when(ask_agreement(approvers=wrong)).refuses(
        InvalidCommand,
        problems=[
            "/approvers/joint/legal",
            "/approvers/tpo",
            "/approvers/manager/manager",
            "/approvers/joint/officer",
        ],
    )


def test_nobody_is_asked_to_approve_what_they_asked_for():
    """Vera holds finance and leads everybody: she is passed over, and where only she could decide it is refused."""
    event = given(by(a_discount(), FAY)).when(ask_agreement()).event
    assert event.levels[1]["approvers"]["finance"] == VERA
    given(by(a_discount(amount="500000.00"), VERA)).when(ask_agreement()).refuses(
        InvalidCommand, problems=["/approvers/manager/manager", "/approvers/top/vp"]
    )
    given(by(a_discount(), FAY)).when(ask_agreement(approvers={"joint": {"finance": FAY}})).refuses(
        InvalidCommand, problems=["/approvers/joint/finance"]
    )


def test_one_person_decides_one_role_of_a_level():
    """Lea could be both of legal and risk; only the way that leaves everybody one role is taken."""
    text = (PLAYBOOKS / "working.yaml").read_text("utf-8")
    both = parse_playbook(
        text.replace("roles: [finance, officer], within", "roles: [officer, legal], within"), "w"
    )
    world = replace(a_discount(), books=published(both))
    event = given(world).when(ask_agreement()).event
    assert event.levels[1]["approvers"] == {"officer": OTTO, "legal": LEA}
    alone = replace(world, organisation=a_discount(away(OTTO)).organisation)
    given(alone).when(ask_agreement()).refuses(InvalidCommand, saying="one person decides one role")


def test_whoever_is_away_is_stood_in_for_but_never_by_whoever_asks():
    event = given(a_discount(away(FAY, OTTO))).when(ask_agreement()).event
    assert event.levels[1] == JOINT | {
        "approvers": {"finance": OTTO, "officer": LEA},
        "asked": {"finance": FAY},
    }
    event = given(a_discount(away(FAY, SAM))).when(ask_agreement()).event
    assert event.levels[1]["approvers"]["finance"] == VERA, "Sam asks, so somebody else of finance does it"
    given(a_discount(away(MAX, SAM))).when(ask_agreement()).refuses(
        InvalidCommand, problems=["/approvers/manager/manager"], saying="nobody approves what they asked for"
    )


def test_where_nobody_is_above_it_is_refused_naming_level_and_role():
    given(by(a_deal(), MAX)).when(ask_agreement("far")).refuses(
        InvalidCommand, problems=["/approvers/above/managers_manager"], saying=f"{MAX} has none"
    )
    assert given(a_deal()).when(ask_agreement("far")).event.levels[0]["approvers"] == {
        "managers_manager": VERA
    }


def test_the_same_is_not_asked_twice_at_a_time():
    given(asked()).when(ask_agreement(approval="apr_2")).refuses(InvalidCommand, problems=["/chain"])
    again = after(asked(), RecallApproval(DEAL, "apr_1"))
    assert given(again).when(ask_agreement(approval="apr_2")).event.approval == "apr_2"
    given(again).when(ask_agreement()).refuses(InvalidCommand, problems=["/id"])


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_levels_are_decided_in_order_and_the_last_one_ends_it():
    world = asked()
    given(by(world, FAY)).when(decide()).refuses(
        InvalidCommand, saying=f"it waits for manager/manager: {MAX}"
    )
    given(by(world, MAX)).when(decide()).then(ApprovalDecided("apr_1", "manager", "manager", "approved"))
    world = after(by(world, MAX), decide())
    world = after(by(world, LEA), decide())
    assert approval(world).state == "running"
    world = after(by(world, FAY), decide())
    assert (approval(world).state, approval(world).ended_at) == ("approved", NOW + 3 * HOUR)
    given(by(world, FAY)).when(decide()).refuses(InvalidCommand, saying="it is approved already")


def test_levels_side_by_side_are_decided_in_any_order_and_a_quorum_is_enough():
    world = after(a_deal(), ask_agreement("terms"))
    assert [level.name for level in approval(world).open_levels] == ["legal", "either"]
    world = after(by(world, FAY), decide())
    assert [level.name for level in approval(world).open_levels] == ["legal"], "one of two was enough"
    world = after(by(world, LEA), decide(level="legal"))
    assert approval(world).state == "approved"


def test_whoever_asked_never_decides_not_even_as_a_stand_in():
    """Neither the person it is for, nor the person who sent it for them, nor a program in their name."""
    world = asked()
    sick = replace(world, organisation=a_discount(away(MAX, SAM)).organisation)
    given(by(sick, SAM)).when(decide()).refuses(
        InvalidCommand, saying="nobody approves or rejects what they asked for"
    )
    sent = after(by(a_discount(), SUE, for_whom=SAM), ask_agreement())
    for who in (SAM, SUE):
        given(by(sent, who)).when(decide()).refuses(InvalidCommand, saying="nobody approves")
    given(by(sent, "system/bot", for_whom=SAM)).when(decide()).refuses(
        InvalidCommand, saying="nobody approves"
    )
    given(by(sent, "system/bot", for_whom=MAX)).when(decide()).then(
        ApprovalDecided("apr_1", "manager", "manager", "approved")
    )


def test_somebody_without_the_level_is_refused_and_a_stand_in_decides():
    world = asked()
    given(by(world, OTTO)).when(decide()).refuses(InvalidCommand, saying=f"this does not wait for {OTTO}")
    given(by(world, "system/bot")).when(decide()).refuses(
        InvalidCommand, saying="does not wait for system/bot"
    )
    sick = replace(world, organisation=a_discount(away(MAX, OTTO)).organisation)
    given(by(sick, OTTO)).when(decide()).then(ApprovalDecided("apr_1", "manager", "manager", "approved"))
    stood_in = asked(away(FAY, OTTO))
    stood_in = after(by(stood_in, MAX), decide())
    back = replace(stood_in, organisation=a_discount().organisation)
    given(by(back, FAY)).when(decide()).then(ApprovalDecided("apr_1", "joint", "finance", "approved"))


def test_a_stand_in_who_decides_a_role_already_does_not_decide_a_second_one():
    world = after(by(asked(), MAX), decide())
    world = after(by(world, LEA), decide())
    sick = replace(world, organisation=a_discount(away(FAY, LEA)).organisation)
    given(by(sick, LEA)).when(decide()).refuses(
        InvalidCommand, saying="one person decides one role of a level"
    )
    both = replace(after(by(asked(), MAX), decide()), organisation=a_discount(away(FAY, LEA)).organisation)
    given(by(both, LEA)).when(decide()).refuses(
        InvalidCommand, problems=["/role"], saying="joint/finance, joint/officer"
    )
    given(by(both, LEA)).when(decide(role="finance")).then(
        ApprovalDecided("apr_1", "joint", "finance", "approved")
    )


def test_a_rejection_says_why_and_ends_the_chain():
    world = by(asked(), MAX)
    given(world).when(decide("rejected")).refuses(InvalidCommand, problems=["/comment"])
    given(world.because("too low")).when(decide("rejected")).then(
        ApprovalDecided("apr_1", "manager", "manager", "rejected")
    )
    given(world).when(decide("rejected", comment="  ")).refuses(InvalidCommand, problems=["/comment"])
    world = after(world, decide("rejected", comment="too low"))
    assert approval(world).state == "rejected"
    assert approval(world).open_levels == ()
    given(world).when(decide()).refuses(InvalidCommand, saying="it was rejected")


def test_a_rejection_may_lead_back_to_a_level_and_what_was_decided_from_there_on_is_asked_again():
    world = after(by(asked(), MAX), decide())
    world = after(by(world, LEA), decide())
    back = decide("rejected", back_to="manager", comment="margin?")
    given(by(world, FAY)).when(back).then(
        ApprovalDecided("apr_1", "joint", "finance", "rejected", "manager", Private(DEAL, "margin?"))
    )
    world = after(by(world, FAY), back)
    assert [level.name for level in approval(world).open_levels] == ["manager"]
    assert [found.counts for found in approval(world).decisions] == [False, False, False]
    for person in (MAX, FAY, LEA):
        world = after(by(world, person), decide())
    assert approval(world).state == "approved"
    assert len(approval(world).decisions) == 6, "what was decided before stays"


def test_a_level_waits_from_the_moment_it_is_its_turn():
    world = asked()
    manager, joint = approval(world).levels
    assert approval(world).opened_at(manager) == NOW
    world = after(by(world, MAX), decide())
    assert approval(world).opened_at(joint) == NOW + HOUR
    world = after(by(world, FAY), decide("rejected", back_to="joint", comment="no"))
    assert approval(world).opened_at(joint) == NOW + 2 * HOUR


def test_a_rejection_leads_to_a_level_that_was_there_before():
    world = by(asked(), MAX)
    given(world).when(decide("rejected", back_to="joint", comment="x")).refuses(
        InvalidCommand, problems=["/back_to"]
    )
    given(world).when(decide(back_to="manager")).refuses(InvalidCommand, problems=["/back_to"])
    given(world).when(decide("aproved")).refuses(InvalidCommand, problems=[("/decision", "approved")])
    given(world).when(decide(level="joitn", role="finanse")).refuses(
        InvalidCommand, problems=[("/level", "joint"), ("/role", "finance")]
    )


# ── around it ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_comments_decide_nothing_and_are_personal():
    given(by(asked(), OTTO)).when(CommentApproval(DEAL, "apr_1", "ask Mrs Li")).then(
        ApprovalCommented("apr_1", Private(DEAL, "ask Mrs Li"))
    )
    given(asked()).when(CommentApproval(DEAL, "apr_1", " ")).refuses(InvalidCommand, problems=["/comment"])
    given(asked()).when(CommentApproval(DEAL, "apr_2", "x")).refuses(NotFound, saying="did you mean 'apr_1'")


def test_whoever_asked_takes_it_back_and_the_history_stays():
    world = after(by(asked(), MAX), decide())
    given(by(world, MAX)).when(RecallApproval(DEAL, "apr_1")).refuses(InvalidCommand, saying=f"only {SAM}")
    given(by(world, SAM)).when(RecallApproval(DEAL, "apr_1")).then(ApprovalRecalled("apr_1"))
    recalled = approval(after(by(world, SAM), RecallApproval(DEAL, "apr_1")))
    assert (recalled.state, [found.by for found in recalled.decisions]) == ("recalled", [MAX])


def test_where_whoever_asked_left_who_runs_the_organisation_takes_it_back():
    """Otherwise it would wait for ever, and nobody could ask for the same again."""
    world = asked(PersonLeft(SAM))
    given(by(world, VERA)).when(RecallApproval(DEAL, "apr_1")).refuses(InvalidCommand, saying=f"only {SAM}")
    given(by(world, VERA).who_may(Right.organise)).when(RecallApproval(DEAL, "apr_1")).then(
        ApprovalRecalled("apr_1")
    )


def test_where_an_approver_left_somebody_else_is_named_under_the_same_version():
    """Naming people used to change nothing unless a later version was in force."""
    world = by(asked(), VERA).who_may(Right.publish)
    moved = after(world, MigrateApproval(DEAL, "apr_1", {"joint": {"officer": OTTO}}))
    joint = next(level for level in approval(moved).levels if level.name == "joint")
    assert joint.approvers == {"finance": FAY, "officer": OTTO}


def test_a_program_asks_in_somebodys_name():
    """Whoever is behind it could otherwise approve what they asked for."""
    given(by(a_discount(), "system/crm")).when(ask_agreement()).refuses(
        InvalidCommand, saying="say for whom (On-Behalf-Of)"
    )


def test_nothing_is_decided_before_it_was_asked():
    world = by(asked(), MAX)
    given(replace(world, occurred_at=NOW - HOUR)).when(decide()).refuses(
        InvalidCommand, problems=["/occurred_at"]
    )


def test_one_person_who_sends_for_two_decides_one_role_of_a_level():
    """Acting on behalf of others does not make two people of one."""
    world = after(by(asked(), MAX), decide())
    world = after(by(world, SUE, for_whom=FAY), decide())
    given(by(world, SUE, for_whom=LEA)).when(decide()).refuses(
        InvalidCommand, saying="one person decides one role of a level"
    )


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def stricter():
    """A later version that asks the vice president always, and legal together with finance."""
    text = (PLAYBOOKS / "working.yaml").read_text("utf-8")
    text = text.replace("roles: [vp], when: amount >= 500000", "roles: [vp]")
    text = text.replace("roles: [finance, officer], within", "roles: [finance, legal], within")
    return parse_playbook(text, "working.yaml")


def test_what_runs_stays_on_the_version_it_began_under_until_it_is_migrated(stricter):
    world = after(by(asked(), MAX), decide())
    world = replace(world, books=published(the_working_playbook(), stricter))
    assert [level.name for level in approval(world).levels] == ["manager", "joint"]
    migrate = MigrateApproval(DEAL, "apr_1")
    given(by(world, VERA)).when(migrate).refuses(NotAllowed)
    levels = [MANAGER, JOINT | {"approvers": {"finance": FAY, "legal": LEA}}, TOP]
    given(by(world, VERA).who_may(Right.publish)).when(migrate).then(
        ApprovalMigrated("apr_1", "working", 2, levels)
    )
    moved = after(by(world, VERA).who_may(Right.publish), migrate)
    assert [level.name for level in approval(moved).open_levels] == ["joint"], (
        "the manager is not asked again"
    )
    given(moved.who_may(Right.publish)).when(migrate).changes_nothing()


def test_a_migration_to_fewer_levels_may_end_it():
    text = (PLAYBOOKS / "working.yaml").read_text("utf-8")
    joint = "          joint: {label: {zh: 会签, en: Together}, roles: [finance, officer], within_hours: 2}\n"
    assert joint in text
    world = after(by(asked(), MAX), decide())
    fewer = parse_playbook(text.replace(joint, ""), "working.yaml")
    world = replace(world, books=published(the_working_playbook(), fewer))
    moved = after(world.who_may(Right.publish), MigrateApproval(DEAL, "apr_1"))
    assert approval(moved).state == "approved"


def test_whoever_asked_never_moves_it_to_other_levels():
    """With the right to publish they could otherwise approve what they asked for by dropping a level."""
    text = (PLAYBOOKS / "working.yaml").read_text("utf-8")
    joint = "          joint: {label: {zh: 会签, en: Together}, roles: [finance, officer], within_hours: 2}\n"
    fewer = parse_playbook(text.replace(joint, ""), "working.yaml")
    world = after(by(asked(), MAX), decide())
    world = by(replace(world, books=published(the_working_playbook(), fewer)), SAM)
    given(world.who_may(Right.publish)).when(MigrateApproval(DEAL, "apr_1")).refuses(
        InvalidCommand, saying="nobody moves what they asked for"
    )


def test_a_chain_that_is_gone_is_not_migrated_to():
    text = (PLAYBOOKS / "working.yaml").read_text("utf-8")
    gone = parse_playbook(
        text.replace("      discount:\n        label: {zh: 特价", "      price:\n        label: {zh: 特价"),
        "w",
    )
    world = replace(asked(), books=published(the_working_playbook(), gone))
    given(by(world, VERA).who_may(Right.publish)).when(MigrateApproval(DEAL, "apr_1")).refuses(
        InvalidCommand, saying="has no chain discount"
    )
    given(by(world, MAX)).when(decide()).then(ApprovalDecided("apr_1", "manager", "manager", "approved"))
