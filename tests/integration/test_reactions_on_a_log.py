"""Reactions on a real log: one thing follows another, a failing one stops nobody, each happens once, and chains come to an end."""

from datetime import timedelta

import pytest
from support.reacting import (
    BEGIN,
    BOSS,
    DEAL,
    FINANCE,
    LEGAL,
    PRESALES,
    REACTIONS,
    SELLER,
    Follows,
    a_reaction,
    reacting_playbook,
)

from domain.events import FieldsChanged, RecordOpened, RecordRelated
from domain.organisation.commands import AddPerson, RemovePerson
from domain.playbook.model import Right
from domain.reacting.commands import RetryReaction, TakeStep
from domain.reacting.events import ReactionAlerted, ReactionFailed, ReactionRan, ReactionRetried
from domain.record.commands import ChangeOwner, ChangeStage, EditFields, OpenRecord, RecordTouch
from domain.refusals import InvalidCommand, NotAllowed, NotFound
from domain.values import moment_text
from domain.work.commands import RequestWork
from domain.work.events import ApprovalRequested, WorkForked, WorkRequested, WorkRescheduled
from infra.deadline_clock import let_time_pass
from projections.catch_up import CatchUp
from projections.inbox import inbox
from projections.lists import Ask
from projections.reactions import Which, reactions


@pytest.fixture
def follows(a_tenant):
    """A company on a simulated log, with the playbook given or the plain one."""

    def make(*reactions: str, **about) -> Follows:
        published = reacting_playbook("".join(reactions) or REACTIONS, **about)
        return Follows(a_tenant("follows", clock="simulated", told_time=BEGIN), published)

    return make


def test_when_work_is_done_the_next_work_is_asked(follows):
    """The owner is asked for the visit by nobody but the playbook, and the log says what caused it."""
    company = follows()
    company.deal()
    done = company.a_demo_is_done()
    company.settle()
    (asked,) = company.caused()
    assert isinstance(asked.event, WorkRequested)
    assert (asked.event.template, asked.event.assignee, asked.event.priority) == ("visit", SELLER, 3)
    assert asked.event.due_at is not None
    assert (asked.actor, asked.channel) == ("system/reactions", "reaction")
    assert (asked.causation_id, asked.correlation_id) == (str(done.position), done.command_id)
    assert company.became() == [ReactionRan(DEAL, "second_visit", done.position, [asked.position])]


@pytest.mark.parametrize(
    ("wanted_on", "due_at"),
    [("2026-03-05", "2026-03-06T00:00:00.000000Z"), ("2026-02-20", None), (None, None)],
    ids=["a day to come", "a day that has passed", "no day"],
)
def test_work_is_due_when_the_day_of_a_field_is_over(follows, wanted_on, due_at):
    """At midnight in the zone of the playbook, here UTC; nothing is asked for by a moment that has passed, and is asked for all the same."""
    company = follows(
        a_reaction("asked", "event: touched, kind: visit", "request_work: {template: demo, due: {from: wanted_on}}")
    )  # fmt: skip
    company.deal(**({} if wanted_on is None else {"wanted_on": wanted_on}))
    company.do(RecordTouch(DEAL, "tou_1", "visit"), actor=SELLER)
    company.settle()
    (item,) = company.record().work.values()
    assert (item.template, item.due_at) == ("demo", due_at)
    assert [type(event) for event in company.became()] == [ReactionRan]


@pytest.mark.parametrize(
    ("moved_to", "due_at"),
    [("2026-03-09", "2026-03-10T00:00:00.000000Z"), ("2026-02-20", "2026-03-06T00:00:00.000000Z"), (None, "2026-03-06T00:00:00.000000Z")],
    ids=["a day to come", "a day that has passed", "no day"],
)  # fmt: skip
def test_work_that_reactions_asked_for_moves_with_its_day(follows, moved_to, due_at):
    """Caused by the edit, as an event of its own; what a person asked for stays as they asked, and a day that is over moves nothing and fails nothing."""
    company = follows(
        a_reaction("asked", "event: touched, kind: visit", "request_work: {template: demo, due: {from: wanted_on}}"),
        a_reaction("moved", "event: fields-changed, field: wanted_on", "reschedule_work: {template: demo, due: {from: wanted_on}}"),
    )  # fmt: skip
    company.deal(wanted_on="2026-03-05")
    company.do(RecordTouch(DEAL, "tou_1", "visit"), actor=SELLER)
    company.do(RequestWork(DEAL, "wrk_own", "demo", due_at=BEGIN + timedelta(days=9)), actor=SELLER)
    company.settle()
    edit = company.do(EditFields(DEAL, {"wanted_on": moved_to}), actor=SELLER).events[-1]
    company.settle()
    found = {item.actor: item.due_at for item in company.record().work.values()}
    assert found == {"system/reactions": due_at, SELLER: moment_text(BEGIN + timedelta(days=9))}
    moves = [it for it in company.caused() if isinstance(it.event, WorkRescheduled)]
    assert [it.causation_id for it in moves] == ([str(edit.position)] if moved_to == "2026-03-09" else [])
    positions = [it.position for it in moves]
    assert company.became()[-1] == ReactionRan(DEAL, "moved", edit.position, positions)


def test_every_kind_of_step_does_what_it_says(follows):
    """Work, a fork, an approval, fields, a record, an alert and a notice: all by the commands anybody else would issue."""
    company = follows(
        a_reaction(
            "all_at_once",
            "event: touched, kind: visit",
            "request_work: {template: demo}",
            "start_fork: closing",
            "request_approval: price",
            "set_fields: {grade: large, backup: {from: phone}, size: 0.5}",
            "open_record: {kind: contract, fields: {topic: 合同, amount: {from: amount}}, as: leads_to, link: deal}",
        ),
        a_reaction(
            "all_told",
            "event: touched, kind: visit",
            "alert: {tell: [owner, manager, legal], text: {zh: 急, en: Urgent}}",
            "notify: {tell: [actor], text: {zh: 知悉, en: To know}}",
        ),
    )
    company.deal(amount="500", phone="13800138000")
    cause = company.do(RecordTouch(DEAL, "tou_1", "visit"), actor=SELLER).events[-1]
    company.settle()
    record = company.record()
    assert {item.template: item.assignee for item in record.work.values()} == {
        "demo": PRESALES, "review": LEGAL, "costing": FINANCE,
    }  # fmt: skip
    (approval,) = record.approvals.values()
    assert (approval.requested_by, approval.levels[0].approvers) == (SELLER, {"manager": BOSS})
    assert (record.fields["grade"], record.fields["size"]) == ("large", "0.5")
    sealed = company.tenant.vault.keyring().reveal(DEAL, "backup", record.fields["backup"])
    assert sealed == "13800138000"
    ((relation, contract),) = record.relations
    opened = company.record(contract)
    assert relation == "leads_to"
    assert (opened.owner, opened.fields["deal"]) == (SELLER, DEAL)
    assert opened.fields["amount"] == {"amount": "500.00", "currency": "CNY"}
    ran = {event.reaction: event for event in company.became() if isinstance(event, ReactionRan)}
    assert set(ran) == {"all_at_once", "all_told"}
    told = [event for event in company.became() if isinstance(event, ReactionAlerted)]
    assert [(event.step, event.told, event.alert) for event in told] == [
        (0, [SELLER, BOSS, LEGAL], True),
        (1, [SELLER], False),
    ]
    kinds = [type(company.tenant.log.read(at, at)[0].event) for at in ran["all_at_once"].positions]
    assert kinds == [
        WorkRequested, WorkForked, WorkRequested, WorkRequested, ApprovalRequested, FieldsChanged,
        RecordOpened, RecordRelated,
    ]  # fmt: skip
    assert {event.causation_id for event in company.caused()} == {str(cause.position)}


def test_a_fork_starts_when_the_record_comes_into_its_step(follows):
    """`starts_on` is a reaction the playbook makes itself: each leg goes to the nearest who holds its role, however the record comes there."""
    company = follows(starts="offer")
    company.deal()
    company.do(ChangeStage(DEAL, "quoted"), actor=SELLER)
    company.do(ChangeStage(DEAL, "haggled"), actor=SELLER)
    company.settle()
    (fork,) = company.record().forks.values()
    assert fork.name == "closing"
    (ran,) = company.became()
    assert ran.reaction == "forks.closing"


def test_defect_8_a_failing_reaction_is_an_event_and_stops_nobody(follows):
    """Defect 8 of peers: a broken automation failed in silence and took the others with it. Here it is an event, with its error, and the others run."""
    company = follows(
        a_reaction("before", "event: fields-changed, field: size", "set_fields: {grade: large}"),
        a_reaction(
            "broken",
            "event: fields-changed, field: size",
            "notify: {tell: [owner], text: {zh: 一, en: First}}",
            "request_work: {template: review}",
            "notify: {tell: [owner], text: {zh: 三, en: Never}}",
        ),
        a_reaction(
            "after", "event: fields-changed, field: size", "request_work: {template: visit, assignee: owner}"
        ),
    )
    company.do(RemovePerson(LEGAL))
    company.deal()
    company.deal("deal/dea_2")
    cause = company.do(EditFields(DEAL, {"size": "2"}), actor=SELLER).events[-1]
    other = company.do(EditFields("deal/dea_2", {"size": "3"}), actor=SELLER).events[-1]
    company.settle()
    (failed,) = [event for event in company.became() if isinstance(event, ReactionFailed)]
    assert (failed.reaction, failed.cause, failed.step, failed.code) == (
        "broken", cause.position, 1, "invalid-command",
    )  # fmt: skip
    ran = [event.reaction for event in company.became() if isinstance(event, ReactionRan)]
    assert ran == ["before", "after"]
    assert [event.step for event in company.became() if isinstance(event, ReactionAlerted)] == [0]
    assert [event.reaction for event in company.became("deal/dea_2") if isinstance(event, ReactionRan)] == ran
    shown = reactions(company.tenant.reads, Ask(), Which(failed=True)).data["items"]
    assert {item["cause"]["position"] for item in shown} == {cause.position, other.position}
    assert "nobody who holds the role legal is there" in shown[0]["message"]
    assert (shown[0]["does"], shown[0]["settled_position"]) == ("request_work", None)


def test_what_failed_is_tried_again_from_the_step_that_failed_on(follows):
    """What was done before is not done twice; whoever asks for it stands in the log, and what ran is never tried again."""
    company = follows(
        a_reaction(
            "broken",
            "event: fields-changed, field: size",
            "notify: {tell: [owner], text: {zh: 一, en: First}}",
            "request_work: {template: review}",
            "request_work: {template: visit, assignee: owner}",
        ),
    )
    company.do(RemovePerson(LEGAL))
    company.deal()
    cause = company.do(EditFields(DEAL, {"size": "2"}), actor=SELLER).events[-1].position
    company.settle()
    company.do(RetryReaction(DEAL, "broken", cause), actor=BOSS)
    company.settle()
    what = [type(event) for event in company.became()]
    assert what == [ReactionAlerted, ReactionFailed, ReactionRetried, ReactionFailed]
    company.do(AddPerson("person/per_law", "新法务", team="east", roles=("legal",)))
    company.do(RetryReaction(DEAL, "broken", cause), actor=BOSS)
    company.do(RetryReaction(DEAL, "broken", cause), actor=BOSS)  # nobody has come to it yet
    company.settle()
    what = [type(event) for event in company.became()]
    assert what == [
        ReactionAlerted,
        ReactionFailed,
        *[ReactionRetried, ReactionFailed],
        *[ReactionRetried, ReactionRan],
    ]
    assert [event.event.template for event in company.caused()] == ["review", "visit"]
    alerted = company.tenant.log.stream(f"reactions/{DEAL}")[0].position
    assert company.became()[-1].positions == [alerted, *(event.position for event in company.caused())]
    assert reactions(company.tenant.reads, Ask(), Which(failed=True)).data["items"] == []
    with pytest.raises(InvalidCommand, match="it ran"):
        company.do(RetryReaction(DEAL, "broken", cause), actor=BOSS)
    with pytest.raises(NotFound, match="did you mean 'broken'"):
        company.do(RetryReaction(DEAL, "brokn", cause), actor=BOSS)
    with pytest.raises(NotFound):
        company.do(RetryReaction(DEAL, "broken", 3), actor=BOSS)


def test_not_everybody_has_what_failed_tried_again(follows):
    """The record's owner, whoever leads them, and who runs the organisation or the rules; a colleague and a program without rights do not."""
    company = follows(
        a_reaction("broken", "event: fields-changed, field: size", "request_work: {template: review}"),
    )
    company.do(RemovePerson(LEGAL))
    company.deal()
    cause = company.do(EditFields(DEAL, {"size": "2"}), actor=SELLER).events[-1].position
    company.settle()
    retry, nothing = RetryReaction(DEAL, "broken", cause), frozenset[Right]()
    for actor in (PRESALES, "system/bot"):
        with pytest.raises(NotAllowed, match="organise"):
            company.do(retry, actor=actor, rights=nothing)
    for rights, actor in ((nothing, SELLER), (nothing, BOSS), ({Right.publish}, "system/bot")):
        assert company.do(retry, actor=actor, rights=frozenset(rights)).events, actor
        company.settle()
    company.do(ChangeOwner(DEAL, None))
    with pytest.raises(NotAllowed):
        company.do(retry, actor=SELLER, rights=nothing)
    assert company.do(retry, actor="system/bot", rights=frozenset({Right.organise})).events


def test_a_record_that_its_gate_refuses_can_be_opened_later(follows):
    """A gate's refusal is kept under its key for good: whoever tries again asks under a key of their own."""
    company = follows(
        a_reaction(
            "signs",
            "event: touched",
            "open_record: {kind: contract, fields: {amount: {from: amount}}, link: deal}",
        ),
        gate=", enter: {fields: [amount]}",
    )
    company.deal()
    cause = company.do(RecordTouch(DEAL, "tou_1", "call"), actor=SELLER).events[-1].position
    company.settle()
    (failed,) = company.became()
    assert (failed.code, failed.step) == ("gate-not-met", 0)
    company.publish(
        reacting_playbook(
            a_reaction(
                "signs",
                "event: touched",
                "open_record: {kind: contract, fields: {amount: {from: amount}}, link: deal}",
            )
        )
    )
    company.do(RetryReaction(DEAL, "signs", cause), actor=BOSS)
    company.settle()
    assert [type(event) for event in company.became()] == [ReactionFailed, ReactionRetried, ReactionRan]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("place", ["after_apply", "before_commit", "after_commit"])
def test_each_runs_once_for_each_cause_although_the_worker_is_killed_in_between(follows, place):
    """It had acted, and its cursor had not moved: the next worker asks again, and the log knows the answer."""
    company = follows(
        REACTIONS,
        a_reaction("tells", "event: work-completed", "notify: {tell: [owner], text: {zh: 完成, en: Done}}"),
    )
    causes = []
    for number in range(3):
        company.deal(f"deal/dea_{number}")
        causes.append(company.a_demo_is_done(f"deal/dea_{number}", f"wrk_demo_{number}").position)

    def die(reached: str) -> None:
        if reached == place:
            raise Killed

    for _ in range(2):
        dying = CatchUp(company.tenant.pool, company.tenant.log, [company.tenant.reacting], failpoint=die)
        with pytest.raises(Killed):
            dying.run()
    company.settle()
    for number, cause in enumerate(causes):
        stream = f"deal/dea_{number}"
        assert [event.event.TOPIC for event in company.caused(stream)] == ["record.work-requested.v1"]
        ran = [event for event in company.became(stream) if isinstance(event, ReactionRan)]
        assert [(event.reaction, event.cause) for event in ran] == [("second_visit", cause), ("tells", cause)]
        assert sum(isinstance(event, ReactionAlerted) for event in company.became(stream)) == 1


@pytest.mark.parametrize("after", range(1, 7))
def test_a_worker_that_dies_between_two_commands_leaves_nothing_half_done(follows, monkeypatch, after):
    """Killed after any of its commands, the next worker does the rest and nothing twice."""
    company = follows(
        a_reaction(
            "steps",
            "event: touched",
            "request_work: {template: visit, assignee: owner}",
            "open_record: {kind: contract, link: deal}",
            "notify: {tell: [owner], text: {zh: 完成, en: Done}}",
        ),
        a_reaction("more", "event: touched", "set_fields: {grade: large}"),
    )
    company.deal()
    company.do(RecordTouch(DEAL, "tou_1", "call"), actor=SELLER)
    submit, seen = company.tenant.bus.submit, []

    def submit_and_die(submission):
        answer = submit(submission)
        seen.append(submission)
        if len(seen) == after:
            raise Killed
        return answer

    monkeypatch.setattr(company.tenant.bus, "submit", submit_and_die)
    with pytest.raises(Killed):
        company.tenant.catch_up.run()
    monkeypatch.undo()
    company.settle()
    assert len(seen) == after
    topics = [event.event.TOPIC for event in company.caused()]
    assert topics == ["record.work-requested.v1", "record.fields-changed.v1"]
    assert [type(event) for event in company.became()] == [ReactionAlerted, ReactionRan, ReactionRan]
    contracts = [
        event.stream
        for event in company.tenant.log.read(1, company.tenant.log.head())
        if event.stream.startswith("contract/")
    ]
    assert len(contracts) == 1
    assert len(company.became()[1].positions) == 3


def test_a_chain_of_reactions_comes_to_an_end(follows):
    """No version is a circle in itself, but two that take turns make one: after five reactions the sixth fails, and says so."""
    visit_after_demo = a_reaction(
        "then_visit",
        "event: work-requested, template: demo",
        "request_work: {template: visit, assignee: owner}",
    )
    demo_after_visit = a_reaction(
        "then_demo", "event: work-requested, template: visit", "request_work: {template: demo}"
    )
    company = follows(visit_after_demo)
    company.deal()
    company.do(RequestWork(DEAL, "wrk_first", "demo"), actor=SELLER)
    for turn in range(12):
        # What is asked for is decided under the version that goes on from there.
        company.publish(reacting_playbook((demo_after_visit, visit_after_demo)[turn % 2]))
        CatchUp(company.tenant.pool, company.tenant.log, [company.tenant.reacting]).run()
    company.settle()
    assert [event.event.template for event in company.caused()] == ["visit", "demo", "visit", "demo", "visit"]
    *ran, failed = company.became()
    assert {type(event) for event in ran} == {ReactionRan}
    assert isinstance(failed, ReactionFailed)
    assert (failed.code, failed.reaction, failed.cause) == (
        "too-deep",
        "then_demo",
        company.caused()[-1].position,
    )


def test_a_rule_is_judged_on_the_record_as_it_stood_right_after_the_cause(follows):
    """By the time the worker comes the amount is another one: that is nothing to what happened before."""
    rule = a_reaction(
        "large",
        "event: touched",
        "set_fields: {grade: large}",
        when="amount >= 100 AND touches('call', 7) = 1",
    )
    company = follows(rule)
    company.deal(amount="500")
    company.do(RecordTouch(DEAL, "tou_1", "call"), actor=SELLER)
    company.do(EditFields(DEAL, {"amount": "5"}), actor=SELLER)
    company.do(RecordTouch(DEAL, "tou_2", "call"), actor=SELLER)
    company.deal("deal/dea_unknown")
    company.do(RecordTouch("deal/dea_unknown", "tou_3", "call"), actor=SELLER)
    company.settle()
    assert [event.event.changes["grade"]["new"] for event in company.caused()] == ["large"]
    assert len(company.became()) == 1
    assert company.became("deal/dea_unknown") == []


def test_a_deadline_that_was_noticed_sets_reactions_off(follows):
    """What time does reaches the record's work by the same way."""
    company = follows(
        a_reaction(
            "wakes",
            "event: deadline-noticed, deadline: quiet, rung: 1",
            "request_work: {template: visit, assignee: owner}",
        )
    )
    company.deal()
    company.settle()
    let_time_pass(company.tenant, company.clock + timedelta(hours=30))
    company.settle()
    assert [event.event.TOPIC for event in company.caused()] == ["record.work-requested.v1"]


def test_what_is_imported_sets_nothing_off(follows):
    """It happened before: nobody is asked today for what somebody did last year."""
    company = follows(
        a_reaction("opens", "event: opened", "request_work: {template: visit, assignee: owner}")
    )
    company.do(OpenRecord(DEAL, {}, owner=SELLER), channel="import")
    company.settle()
    assert company.caused() == company.became() == []


def test_alerts_reach_the_inbox_with_what_they_say(follows):
    """Whoever is told finds the text of the playbook in their inbox, whatever the playbook says by then."""
    company = follows(
        a_reaction(
            "gone", "event: owner-changed", "alert: {tell: [manager], text: {zh: 换人了, en: Handed over}}"
        )
    )
    company.deal()
    company.do(ChangeOwner(DEAL, PRESALES), actor=SELLER)
    company.do(ChangeOwner(DEAL, SELLER), actor=SELLER)
    company.publish(reacting_playbook())
    company.settle()
    alerted = [event for event in company.became() if isinstance(event, ReactionAlerted)]
    assert [event.told for event in alerted] == [[BOSS], [BOSS]]
    shown = [
        item
        for item in inbox(company.tenant.reads, "per_boss", Ask()).data["items"]
        if item["reason"] == "alert"
    ]
    assert [item["text"] for item in shown] == [{"zh": "换人了", "en": "Handed over"}] * 2
    assert {item["record"] for item in shown} == {DEAL}


def test_only_a_part_of_the_system_takes_steps(follows):
    """Nobody does by the hand of a reaction what they might not do themselves."""
    company = follows()
    company.deal()
    done = company.a_demo_is_done()
    with pytest.raises(NotAllowed):
        company.do(TakeStep(DEAL, "second_visit", done.position, 0), actor=SELLER)
