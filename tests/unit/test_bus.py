"""The command bus: what is decided, what is decided again, and what is answered."""

import json
from datetime import timedelta

import pytest
from support.desk import Desk, a_desk, an_empty_desk
from support.given import (
    ACCOUNT,
    ANNA,
    BEN,
    CONTACT,
    NOW,
    OPPORTUNITY,
    OTHER_ACCOUNT,
    ZOE,
    change_stage,
    edit,
    hand_over,
    open_opportunity,
    relate,
    the_playbook,
    touch,
    waiving,
)

from commands.errors import KeyReused, TooBusy
from domain.erasure import EraseSubject
from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    MoveRefused,
    RecordOpened,
    StageChanged,
    SubjectErased,
)
from domain.facts import ERASED
from domain.naming import ORGANISATION_STREAM
from domain.organisation.commands import AddPerson, FormTeam, GrantRole, RemovePerson, RevokeRole
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from domain.record import state as record_state
from domain.record.commands import AttachEvidence, ChangeStage, EditFields, OpenRecord, RecordTouch
from domain.refusals import AlreadyExists, GateNotMet, InvalidCommand, NotAllowed, NotFound
from domain.values import SEALED

OTHER = "opportunity/opp_2"


@pytest.fixture
def desk() -> Desk:
    """A desk with an opportunity in its first stage."""
    desk = a_desk()
    desk.submit(open_opportunity({"account": ACCOUNT, "topic": "Gates"}, owner=ANNA))
    return desk


def the_deal(desk, stream=OPPORTUNITY):
    """The record as the log has it, whatever is cached."""
    return record_state.fold(None, desk.log.stream(stream))


def outcomes(answers):
    return [answer.outcome for answer in answers]


# ── what an event carries ────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_carries_who_when_why_and_under_which_rules(desk):
    answer = desk.submit(
        edit(topic="Doors"),
        actor=ANNA,
        on_behalf_of=BEN,
        reason="as agreed",
        correlation_id="cor_1",
        causation_id="evt_1",
        occurred_at=None,
    )
    (event,) = answer.events
    assert (event.actor, event.on_behalf_of, event.channel, event.occurred_at) == (ANNA, BEN, "test", None)
    assert (event.decided_at, event.playbook, event.playbook_version) == (NOW, "projects", 1)
    assert (event.correlation_id, event.causation_id) == ("cor_1", "evt_1")
    assert event.basis == event.position - 1
    assert event.command_id.startswith("cmd_")
    assert desk.log.read(event.position, event.position) == [event], "the answer is what the log holds"


def test_all_events_of_one_command_carry_the_same_command(desk):
    answer = desk.submit(change_stage("needs_diagnosis", source="fair"))
    assert [type(recorded.event) for recorded in answer.events] == [FieldsChanged, StageChanged]
    assert len({(recorded.command_id, recorded.basis) for recorded in answer.events}) == 1


def test_reasons_are_sealed_for_the_subject_of_the_record(desk):
    """A reason is free text about a customer, also the reason of an opening and of a refusal."""
    opened = desk.submit(OpenRecord(OTHER, {"account": ACCOUNT}), reason="they called")
    edited = desk.submit(edit(topic="x"), reason="they called")
    with pytest.raises(GateNotMet):
        desk.submit(change_stage("needs_diagnosis"), reason="they called")
    refused = desk.log.read(desk.log.head(), desk.log.head())
    for recorded in (*opened.events, *edited.events, *refused):
        sealed = json.loads(recorded.reason)
        assert sealed[SEALED]["subject"] == ACCOUNT
        assert desk.vault.keyring().reveal(recorded.stream, "", sealed) == "they called"


def test_nothing_personal_reaches_the_log_unsealed(desk):
    desk.submit(edit(note="secret", buyer_phone="+8613800138000"))
    desk.submit(touch("call", "secret"))
    desk.submit(AddPerson("person/per_new", "secret", email="secret@example.com"))
    with pytest.raises(GateNotMet):
        desk.submit(change_stage("needs_diagnosis", note="secret"), reason="secret")
    for recorded in desk.log.after(0, 1000):
        assert "secret" not in json.dumps(recorded.event.payload())
        assert "secret" not in (recorded.reason or "")


def test_the_attempted_edits_of_a_refusal_are_bound_to_their_record(desk):
    """So that replay can judge them where they were meant for."""
    with pytest.raises(GateNotMet):
        desk.submit(change_stage("needs_diagnosis", note="hello"))
    refused = desk.log.after(0, 1000)[-1].event
    assert desk.vault.keyring().reveal(OPPORTUNITY, "note", refused.fields["note"]) == "hello"


def test_an_unclean_reason_is_refused_and_fails_nobody_else(desk):
    answers = desk.batch(
        desk.submission(edit(topic="a"), reason="\x00"),
        desk.submission(edit(seats=2), reason="\ud800"),
        edit(topic="b"),
    )
    assert outcomes(answers) == ["refused", "refused", "accepted"]
    assert isinstance(answers[0].refusal, InvalidCommand)


# ── the same command again ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_command_again_gets_the_same_answer(desk):
    first = desk.submit(edit(topic="a"), key="k")
    desk.submit(edit(topic="b"))
    again = desk.submit(edit(topic="a"), key="k")
    assert again.replayed
    assert not first.replayed
    assert again.events == first.events
    assert the_deal(desk).fields["topic"] == "b"


def test_a_refusal_is_rendered_again_equal(desk):
    """With labels and why-texts, in the words of the version it was decided under."""
    desk.submit(change_stage("needs_diagnosis", source="fair"))
    command = change_stage("quoted")
    with pytest.raises(GateNotMet) as first:
        desk.submit(command, key="k")
    head = desk.log.head()
    with pytest.raises(GateNotMet) as again:
        desk.another().submit(command, key="k", client="desk")
    assert (again.value.to_stage, again.value.unmet) == (first.value.to_stage, first.value.unmet)
    assert str(again.value) == str(first.value)
    assert desk.log.head() == head


def test_move_requirements_are_rendered_again_equal(desk):
    for command in (change_stage("won"), OpenRecord(OTHER, stage="won")):
        refusals = []
        for _ in range(2):
            with pytest.raises(GateNotMet) as refused:
                desk.submit(command, key=repr(command))
            refusals.append(refused.value)
        assert refusals[0].unmet == refusals[1].unmet


def test_a_key_is_used_once(desk):
    desk.submit(edit(topic="a"), key="k")
    head = desk.log.head()
    for other in (
        desk.submission(edit(topic="b"), key="k"),
        desk.submission(edit(topic="a"), key="k", reason="x"),
    ):
        with pytest.raises(KeyReused) as reused:
            desk.bus.submit(other)
        assert reused.value.key == "k"
    assert desk.log.head() == head


def test_two_clients_may_use_the_same_key(desk):
    desk.submit(edit(topic="a"), key="k")
    assert not desk.submit(edit(topic="b"), key="k", client="somebody else").replayed


def test_the_same_command_twice_in_one_batch_is_answered_the_same(desk):
    """Whatever the second one would be decided to be: refused, empty or a re-entry."""
    for number, command in enumerate(
        [OpenRecord(OTHER), edit(topic="z"), touch(), change_stage("needs_diagnosis", source="fair")]
    ):
        before = desk.log.head()
        first, second = desk.batch(*[desk.submission(command, key=f"twice-{number}")] * 2)
        assert (first.outcome, second.outcome) == ("accepted", "accepted")
        assert second.replayed
        assert second.events == first.events
        assert desk.log.head() == before + len(first.events)


def test_a_key_reused_within_a_batch_is_found(desk):
    answers = desk.batch(
        desk.submission(edit(topic="a"), key="k"), desk.submission(edit(topic="b"), key="k"), edit(seats=1)
    )
    assert outcomes(answers) == ["accepted", "failed", "accepted"]
    assert isinstance(answers[1].error, KeyReused)


def test_a_command_answered_by_another_process_meanwhile_is_replayed(desk):
    """The log finds the key under its lock although nobody knew it before."""
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(edit(topic="a"), key="k", client="desk"))
    answer = desk.submit(edit(topic="a"), key="k")
    assert answer.replayed
    assert len(desk.log.stream(OPPORTUNITY)) == 2


def test_a_key_taken_by_another_process_meanwhile_is_found(desk):
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(edit(topic="b"), key="k", client="desk"))
    with pytest.raises(KeyReused):
        desk.submit(edit(topic="a"), key="k")


# ── what moved ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_that_moved_is_decided_again_on_what_it_is_now(desk):
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(edit(topic="Doors")))
    (event,) = desk.submit(edit(topic="Fences")).events
    assert event.event.changes == {"topic": {"old": "Doors", "new": "Fences"}}
    assert event.version == 3


def test_a_change_that_happened_meanwhile_is_no_change_any_more(desk):
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(edit(topic="Doors")))
    assert desk.submit(edit(topic="Doors")).events == ()


def test_a_new_playbook_is_decided_under(desk):
    """A publication between decision and append: nobody passes under the old rules."""
    stricter = the_playbook().document.model_copy(deep=True)
    kinds = dict(stricter.kinds)
    stages = dict(kinds["opportunity"].stages)
    gate = stages["needs_diagnosis"].enter
    stages["needs_diagnosis"] = stages["needs_diagnosis"].model_copy(
        update={"enter": gate.model_copy(update={"fields": ("source", "budget")})}
    )
    kinds["opportunity"] = kinds["opportunity"].model_copy(update={"stages": stages})
    draft = type(the_playbook())(stricter.model_copy(update={"kinds": kinds}), 0, the_playbook().rules)
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(PublishPlaybook(draft)))
    with pytest.raises(GateNotMet) as refused:
        desk.submit(change_stage("needs_diagnosis", source="fair"))
    assert [item.id for item in refused.value.unmet] == ["field:budget"]
    assert desk.log.after(0, 1000)[-1].playbook_version == 2


def test_a_right_lost_meanwhile_is_lost(desk):
    desk.submit(edit(source="fair"))
    desk.log.meanwhile(lambda: desk.another().submit(RevokeRole(BEN, "head_of_sales")))
    with pytest.raises(NotAllowed):
        desk.submit(
            change_stage("won", override=waiving("move:skip", "field:budget")),
            actor=BEN,
            rights=frozenset(),
            reason="x",
        )
    assert the_deal(desk).stage == "lead"


def test_an_owner_who_left_meanwhile_is_refused(desk):
    desk.log.meanwhile(lambda: desk.another().submit(RemovePerson(BEN)))
    with pytest.raises(InvalidCommand):
        desk.submit(hand_over(BEN))


def test_a_record_opened_meanwhile_is_not_opened_twice(desk):
    desk.log.meanwhile(lambda: desk.another().submit(OpenRecord(OTHER, {"topic": "theirs"})))
    with pytest.raises(AlreadyExists):
        desk.submit(OpenRecord(OTHER, {"topic": "ours"}))
    assert the_deal(desk, OTHER).fields == {"topic": "theirs"}


def test_a_refusal_is_recorded_against_what_was_judged(desk):
    """What was missing arrives between decision and append: the refusal is decided again, and becomes a move."""
    desk.log.meanwhile(lambda: desk.another().submit(edit(source="fair")))
    answer = desk.submit(change_stage("needs_diagnosis"))
    assert [type(recorded.event) for recorded in answer.events] == [StageChanged]
    assert desk.log.stream("refusals/opportunity/opp_1") == []


def test_what_keeps_moving_is_given_up_after_five_attempts(desk):
    """Nothing was changed, and the same key can be sent again."""
    other = desk.another()
    desk.log.meanwhile(*[lambda number=number: other.submit(edit(topic=str(number))) for number in range(5)])
    with pytest.raises(TooBusy) as busy:
        desk.submit(edit(topic="mine"), key="k")
    assert (busy.value.stream, busy.value.attempts) == (OPPORTUNITY, 5)
    assert the_deal(desk).fields["topic"] == "4"
    assert not desk.submit(edit(topic="mine"), key="k").replayed
    assert the_deal(desk).fields["topic"] == "mine"


def test_four_moves_are_lived_with(desk):
    other = desk.another()
    desk.log.meanwhile(*[lambda number=number: other.submit(edit(topic=str(number))) for number in range(4)])
    assert desk.submit(edit(topic="mine")).outcome == "accepted"


# ── stale caches ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stale_cache_never_yields_a_final_refusal(desk):
    """The answer is the one for what is in the log, not for what was cached."""
    desk.submit(edit(topic="cached"))
    other = desk.another()
    other.submit(AddPerson("person/per_new", "New"))
    assert desk.submit(hand_over("person/per_new")).outcome == "accepted"
    other.submit(GrantRole(ANNA, "head_of_sales"))
    answer = desk.submit(
        change_stage("needs_diagnosis", override=waiving("field:source")),
        actor=ANNA,
        rights=frozenset(),
        reason="agreed",
    )
    assert answer.outcome == "accepted"


def test_a_stale_cache_never_says_that_nothing_changes(desk):
    """An edit that changes nothing here changes something there."""
    desk.submit(edit(topic="mine"))
    desk.another().submit(edit(topic="theirs"))
    (event,) = desk.submit(edit(topic="mine")).events
    assert event.event.changes == {"topic": {"old": "theirs", "new": "mine"}}


def test_a_kind_published_elsewhere_is_known():
    desk = an_empty_desk()
    with pytest.raises(NotFound):
        desk.submit(OpenRecord(ACCOUNT))
    desk.another().submit(PublishPlaybook(the_playbook()))
    assert desk.submit(OpenRecord(ACCOUNT)).outcome == "accepted"


def test_a_record_opened_elsewhere_is_found(desk):
    with pytest.raises(NotFound):
        desk.submit(EditFields(OTHER, {"topic": "x"}))
    desk.another().submit(OpenRecord(OTHER))
    assert desk.submit(EditFields(OTHER, {"topic": "x"})).outcome == "accepted"


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_move_is_kept_as_evidence(desk):
    """In a stream of its own, so that the version callers hold does not change."""
    version = the_deal(desk).version
    with pytest.raises(GateNotMet):
        desk.submit(change_stage("needs_diagnosis", topic="Doors"))
    (refused,) = desk.log.stream("refusals/opportunity/opp_1")
    expected = MoveRefused(
        OPPORTUNITY, version, "lead", "needs_diagnosis", "forward", ["field:source"], {"topic": "Doors"}
    )
    assert refused.event == expected
    assert the_deal(desk).version == version
    assert the_deal(desk).fields["topic"] == "Gates"


def test_a_refused_opening_is_kept_by_kind_and_day(desk):
    for number in (1, 2):
        with pytest.raises(GateNotMet):
            desk.submit(
                OpenRecord(OTHER, {"seats": number}, stage="needs_diagnosis", unknown=frozenset({"budget"}))
            )
    stream = desk.log.stream("refusals/opportunity/2026-03-02")
    expected = MoveRefused(
        OTHER, 0, None, "needs_diagnosis", "open", ["field:source"], {"seats": "2"}, ["budget"]
    )
    assert [recorded.version for recorded in stream] == [1, 2]
    assert stream[1].event == expected


def test_what_an_override_would_have_waived_is_kept(desk):
    desk.submit(change_stage("needs_diagnosis", source="fair"))
    with pytest.raises(GateNotMet):
        desk.submit(change_stage("quoted", override=waiving("field:pains", "field:topic")), reason="x")
    refused = desk.log.after(0, 1000)[-1].event
    assert refused.waived == ["field:pains"]
    assert "field:pains" not in refused.unmet


@pytest.mark.parametrize(
    ("command", "about"),
    [
        (edit(nonsense=1), {}),
        (open_opportunity(), {}),
        (EditFields(OTHER, {}), {}),
        (change_stage("nowhere"), {}),
        (
            change_stage("won", override=waiving("move:skip", "field:budget")),
            {"rights": frozenset(), "reason": "x"},
        ),
        (FormTeam("south", "South"), {"rights": frozenset()}),
        (PublishPlaybook(the_playbook()), {"rights": frozenset()}),
        (EraseSubject("contact/nobody"), {}),
        (relate("decided_by", ACCOUNT), {}),
    ],
)
def test_only_gates_leave_refusals_behind(desk, command, about):
    """What does not fit the playbook, or was not allowed, leaves no trace and takes no key."""
    head = desk.log.head()
    answer = desk.bus.submit_batch([desk.submission(command, key="k", **about)])[0]
    assert answer.outcome == "refused"
    assert answer.events == ()
    assert desk.log.head() == head
    assert desk.log.known_answers("desk", ["k"]) == {}


@pytest.mark.parametrize(
    "stream",
    [
        "organisation",
        "playbooks",
        "log",
        "erasures",
        "refusals/opportunity/opp_1",
        "person/per_anna",
        "",
        "/",
        "nonsense",
    ],
)
def test_no_other_stream_is_taken_for_a_record(desk, stream):
    """Neither to write to nor to lead to; and nobody's answer is spoilt by the attempt."""
    with pytest.raises(GateNotMet):
        desk.submit(change_stage("needs_diagnosis"))
    commands = [
        OpenRecord(stream),
        EditFields(stream, {"topic": "x"}),
        ChangeStage(stream, "lead"),
        RecordTouch(stream, "tou_1", "call"),
        touch("call", contact=stream),
        edit(account=stream or "x"),
        relate("decided_by", stream),
    ]
    if stream != "person/per_anna":
        commands.append(EraseSubject(stream))
    head = desk.log.head()
    fresh = desk.another()
    for each in (desk, fresh):
        answers = each.batch(*commands)
        assert set(outcomes(answers)) == {"refused"}, answers
    assert desk.log.head() == head


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_later_commands_of_a_batch_see_earlier_ones(desk):
    answers = desk.batch(
        AddPerson("person/per_new", "New"),
        OpenRecord("account/acc_new", {"name": "New"}),
        OpenRecord(OTHER, {"account": "account/acc_new", "note": "first"}, owner="person/per_new"),
        EditFields(OTHER, {"note": "second"}),
        EditFields(OTHER, {"note": "second"}),
        ChangeStage(OTHER, "needs_diagnosis", {"source": "fair"}),
        ChangeStage(OTHER, "needs_diagnosis"),
    )
    assert outcomes(answers) == ["accepted"] * 7
    assert [len(answer.events) for answer in answers] == [1, 1, 1, 1, 0, 2, 1]
    record = the_deal(desk, OTHER)
    assert (record.version, record.stage, record.entries) == (
        5,
        "needs_diagnosis",
        {"lead": 1, "needs_diagnosis": 2},
    )
    assert desk.vault.keyring().reveal(OTHER, "note", record.fields["note"]) == "second"
    assert record.fields["note"][SEALED]["subject"] == "account/acc_new"


def test_after_a_batch_the_cache_is_what_the_log_holds(desk):
    desk.batch(edit(topic="a"), edit(note="n"), hand_over(BEN))
    assert desk.log.state(OPPORTUNITY, record_state.fold) == the_deal(desk)


def test_one_that_fails_never_affects_its_neighbours(desk):
    answers = desk.batch(
        edit(topic="a"),
        edit(nonsense=1),
        change_stage("won"),
        edit(seats=2),
        open_opportunity(),
        EditFields(OTHER, {}),
    )
    assert outcomes(answers) == ["accepted", "refused", "refused", "accepted", "refused", "refused"]
    record = the_deal(desk)
    assert (record.fields["topic"], record.fields["seats"], record.stage) == ("a", "2", "lead")
    assert the_deal(desk).version == 3


@pytest.mark.parametrize("hostile", ["\x00", "\ud800"])
def test_what_the_log_cannot_hold_fails_nobody_else(desk, hostile):
    """Refused one by one, before the batch is appended."""
    commands = [
        edit(topic=f"a{hostile}"),
        edit(**{f"a{hostile}": 1}),
        OpenRecord(OTHER, external_id=f"a{hostile}"),
        OpenRecord(f"opportunity/a{hostile}"),
        touch("call", f"a{hostile}"),
        touch("call", contact=f"contact/a{hostile}"),
        RecordTouch(OPPORTUNITY, f"a{hostile}", "call"),
        AttachEvidence(OPPORTUNITY, f"a{hostile}", "cost_sheet", "0" * 64, 1, f"a{hostile}", f"a{hostile}"),
        change_stage("won", override=waiving("move:skip", "field:budget", name=f"a{hostile}")),
        FormTeam(f"a{hostile}", "A"),
        FormTeam("a", f"A{hostile}"),
        FormTeam("a", "A", f"a{hostile}"),
        AddPerson(f"person/a{hostile}", "A"),
        AddPerson("person/a", f"A{hostile}"),
        AddPerson("person/a", "A", email=f"a{hostile}@example.com"),
        GrantRole(ANNA, f"a{hostile}"),
        EraseSubject(f"contact/a{hostile}"),
    ]
    submissions = [
        desk.submission(command, reason=None if isinstance(command, EraseSubject) else "because")
        for command in commands
    ]
    answers = desk.bus.submit_batch([*submissions, desk.submission(edit(topic="fine"))])
    assert [answer.refusal and type(answer.refusal).__name__ for answer in answers[:-1]] == [
        "InvalidCommand"
    ] * 16 + ["NotFound"]
    assert answers[-1].outcome == "accepted"


def test_one_that_moved_is_decided_again_while_its_neighbours_stand(desk):
    desk.submit(OpenRecord(OTHER))
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(edit(topic="theirs")))
    first, second = desk.batch(edit(topic="mine"), EditFields(OTHER, {"topic": "other"}))
    assert (first.outcome, second.outcome) == ("accepted", "accepted")
    assert second.events[0].position < first.events[0].position


def test_a_command_never_leads_to_what_was_not_opened_after_all(desk):
    """The account of the same batch loses its owner, and is not opened; then the opportunity of it is not either."""
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(RemovePerson(BEN)))
    account = OpenRecord("account/acc_new", {"name": "New"}, owner=BEN)
    first, second = desk.batch(account, OpenRecord(OTHER, {"account": "account/acc_new"}))
    assert desk.log.stream("account/acc_new") == []
    assert (first.outcome, second.outcome) == ("refused", "refused")
    assert isinstance(second.refusal, InvalidCommand)
    assert desk.log.stream(OTHER) == []


def test_a_refusal_never_rests_on_what_did_not_happen_after_all(desk):
    """The first command would end the deal, which would refuse the second; but it is refused itself in the end."""
    desk.submit(edit(loss_reason="price"))
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(RemovePerson(BEN)))
    hire_out = RevokeRole(BEN, "head_of_sales")
    as_ben = desk.submission(AddPerson("person/per_x", "X", manager=BEN))
    first, second, third = desk.batch(GrantRole(BEN, "operator"), hire_out, as_ben)
    assert outcomes([first, second, third]) == ["refused", "refused", "refused"]


def test_nothing_changes_is_not_final_when_the_change_before_it_was_lost(desk):
    """Twice the same value: the first is lost to a conflict and then refused, so the second must not be called unchanged."""
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(RemovePerson(BEN)))
    first, second = desk.batch(edit(topic="x", presales=BEN), edit(topic="x"))
    assert (first.outcome, second.outcome) == ("refused", "accepted")
    assert the_deal(desk).fields["topic"] == "x"
    assert len(second.events) == 1


def test_answers_come_in_the_order_of_the_commands(desk):
    answers = desk.batch(*[edit(topic=str(number)) for number in range(20)])
    assert [answer.events[0].event.changes["topic"]["new"] for answer in answers] == [
        str(number) for number in range(20)
    ]


def test_an_empty_batch_has_no_answers(desk):
    assert desk.batch() == []


# ── erasure ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_erasing_makes_everything_personal_unreadable(desk):
    desk.submit(edit(note="secret", topic="open"))
    (event,) = desk.submit(EraseSubject(ACCOUNT)).events
    assert (event.stream, event.event) == ("erasures", SubjectErased(ACCOUNT, "request"))
    note = the_deal(desk).fields["note"]
    assert desk.vault.keyring().reveal(OPPORTUNITY, "note", note) is ERASED


def test_what_is_written_after_an_erasure_in_the_same_batch_can_be_read(desk):
    """It uses the next key; the same words again are a change, because nobody can read the old ones."""
    desk.submit(edit(note="same"))
    answers = desk.batch(EraseSubject(ACCOUNT), edit(note="same"))
    assert outcomes(answers) == ["accepted", "accepted"]
    assert desk.vault.keyring().reveal(OPPORTUNITY, "note", the_deal(desk).fields["note"]) == "same"


def test_what_was_written_before_an_erasure_in_the_same_batch_is_erased_too(desk):
    desk.batch(edit(note="secret"), EraseSubject(ACCOUNT), EraseSubject(CONTACT))
    assert desk.vault.keyring().reveal(OPPORTUNITY, "note", the_deal(desk).fields["note"]) is ERASED


def test_what_is_sealed_while_somebody_is_erased_is_sealed_again(desk):
    """The key it was sealed under is gone by the time it is appended: decided again, it uses the next one."""
    desk.submit(edit(note="before"))
    desk.log.meanwhile(lambda: desk.another().submit(EraseSubject(ACCOUNT)))
    desk.submit(edit(note="after"))
    assert desk.vault.keyring().reveal(OPPORTUNITY, "note", the_deal(desk).fields["note"]) == "after"


def test_an_erasure_takes_no_free_text(desk):
    """It could name the person again, and could never be erased itself."""
    with pytest.raises(InvalidCommand, match="/reason"):
        desk.submit(EraseSubject(ACCOUNT), reason="Li Lei asked for it")


def test_a_decision_that_read_something_personal_stands_on_nobody_being_erased(desk):
    """The edit compares with the old note; by the time it is appended nobody can read that any more."""
    desk.submit(edit(note="same"))
    desk.log.meanwhile(lambda: desk.another().submit(EraseSubject(ACCOUNT)))
    assert len(desk.submit(edit(note="same")).events) == 1


# ── where commands come from ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("actor", ["person/nobody", ZOE, "anna", "system/", "robot/r2"])
def test_only_people_who_work_here_and_the_system_act(desk, actor):
    """Zoe has left. Nothing is written, not even a refusal."""
    head = desk.log.head()
    with pytest.raises(InvalidCommand, match="/actor"):
        desk.submit(edit(topic="x"), actor=actor)
    assert desk.log.head() == head


def test_what_has_not_happened_yet_is_refused(desk):
    """A caller's clock may be ahead by minutes, not by more."""
    desk.submit(edit(topic="x"), occurred_at=NOW + timedelta(minutes=4))
    with pytest.raises(InvalidCommand, match="not happened yet"):
        desk.submit(edit(topic="y"), occurred_at=NOW + timedelta(minutes=6))


@pytest.mark.parametrize("occurred_at", [None, NOW - timedelta(hours=25)])
def test_a_gate_is_not_passed_by_telling_another_time(desk, occurred_at):
    """Only an import dates a move further back than a day; a touch may be noted later."""
    move = change_stage("needs_diagnosis", source="fair")
    with pytest.raises(InvalidCommand, match="/occurred_at"):
        desk.submit(move, actor=ANNA, rights=frozenset(), occurred_at=occurred_at)
    desk.submit(touch(), actor=ANNA, rights=frozenset(), occurred_at=occurred_at)
    desk.submit(move, actor=ANNA, rights=frozenset({Right.import_data}), occurred_at=occurred_at)


# ── commands that change nothing ─────────────────────────────────────────────────────────────────────────────────────


def test_a_command_that_changes_nothing_keeps_its_key(desk):
    """Sent again after the record has moved on, it is answered the same and changes nothing still."""
    desk.submit(edit(topic="mine"))
    head = desk.log.head()
    first = desk.submit(edit(topic="mine"), key="again")
    assert (first.outcome, first.events, desk.log.head()) == ("accepted", (), head)
    desk.submit(edit(topic="theirs"))
    second = desk.submit(edit(topic="mine"), key="again")
    assert (second.outcome, second.events, second.replayed) == ("accepted", (), True)
    assert the_deal(desk).fields["topic"] == "theirs"


def test_one_can_ask_what_was_answered_without_deciding(desk):
    done = desk.submission(edit(topic="mine"), key="done")
    desk.bus.submit(done)
    head = desk.log.head()
    answers = desk.bus.answered_before([desk.submission(edit(topic="other"), key="new"), done])
    assert (answers[0], answers[1].replayed, desk.log.head()) == (None, True, head)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_simulated_log_is_told_the_time_of_every_command():
    desk = a_desk(told_time=NOW)
    with pytest.raises(ValueError, match="needs the time"):
        desk.submit(open_opportunity(), told_time=None)
    (event,) = desk.submit(open_opportunity()).events
    assert (event.recorded_at, event.decided_at) == (NOW, NOW)


def test_one_organisation_stream_serves_everybody(desk):
    """A guard: teams, people and roles have one order."""
    assert [recorded.version for recorded in desk.log.stream(ORGANISATION_STREAM)] == [1, 2, 3, 4, 5]


def test_evidence_in_a_batch_opens_the_gate_behind_it(desk):
    desk.submit(change_stage("needs_diagnosis", source="fair", pains=["cost"], budget="5000"))
    pieces = [
        AttachEvidence(OPPORTUNITY, f"evi_{n}", n, "0" * 64, 1, "application/pdf")
        for n in ("solution_deck", "cost_sheet")
    ]
    answers = desk.batch(*pieces, touch(), change_stage("quoted"))
    assert outcomes(answers) == ["accepted"] * 4
    assert [type(answer.events[0].event) for answer in answers[:2]] == [EvidenceAttached] * 2


def test_an_opening_is_an_event_of_its_own_stream(desk):
    (event,) = desk.submit(OpenRecord(OTHER, {"account": OTHER_ACCOUNT})).events
    assert (event.stream, event.version, event.event) == (
        OTHER,
        1,
        RecordOpened({"account": OTHER_ACCOUNT}, "lead"),
    )
