"""Going back: earlier values restored, touches corrected or withdrawn, relations ended. What was there stays in the log."""

from datetime import timedelta

import pytest
from support.desk import a_desk
from support.given import ACCOUNT, ANNA, CONTACT, NOW, OPPORTUNITY

from domain.erasure import EraseSubject
from domain.events import FieldsChanged, RelationEnded, TouchCorrected
from domain.record import state as record_state
from domain.record.commands import (
    ChangeStage,
    CorrectTouch,
    EditFields,
    EndRelation,
    OpenRecord,
    RecordTouch,
    RelateRecord,
    RestoreFields,
)
from domain.refusals import InvalidCommand, NotFound
from domain.values import is_personal


@pytest.fixture
def desk():
    """A desk with an opportunity of Acme's."""
    found = a_desk()
    found.submit(OpenRecord(OPPORTUNITY, {"account": ACCOUNT, "seats": 3, "note": "as agreed"}, "lead", ANNA))
    return found


def the_record(desk):
    record = record_state.fold(None, desk.log.stream(OPPORTUNITY))
    assert record is not None
    return record


def the_note(desk):
    return desk.vault.keyring().reveal(OPPORTUNITY, "note", the_record(desk).fields["note"])


# ── restorations ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_restoration_brings_back_what_was_there_before_a_change(desk):
    """Two of three fields changed together go back; the event says which change it takes back."""
    (change,) = desk.submit(
        EditFields(OPPORTUNITY, {"seats": 5, "topic": "New line", "source": "fair"})
    ).events
    (restored,) = desk.submit(
        RestoreFields(OPPORTUNITY, change.position, frozenset({"seats", "topic"}))
    ).events
    assert restored.event == FieldsChanged(
        {"seats": {"old": "5", "new": "3"}, "topic": {"old": "New line", "new": None}},
        restores=change.position,
    )
    assert the_record(desk).fields["source"] == "fair"


def test_a_whole_change_goes_back_when_no_field_is_named(desk):
    (change,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 5, "source": "fair"})).events
    desk.submit(RestoreFields(OPPORTUNITY, change.position))
    assert (the_record(desk).fields["seats"], the_record(desk).fields["source"]) == ("3", None)


def test_a_restoration_is_refused_over_a_later_change_unless_told(desk):
    """The refusal names the later change; told so, the value goes back all the same."""
    (change,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 5})).events
    (later,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 7})).events
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(RestoreFields(OPPORTUNITY, change.position))
    (problem,) = refused.value.problems
    assert (problem.pointer, str(later.position) in problem.message) == ("/fields/seats", True)
    desk.submit(RestoreFields(OPPORTUNITY, change.position, over_later_changes=True))
    assert the_record(desk).fields["seats"] == "3"


def test_a_personal_value_is_sealed_again(desk):
    """What was sealed for one event is opened and sealed anew, never copied."""
    sealed = the_record(desk).fields["note"]
    (change,) = desk.submit(EditFields(OPPORTUNITY, {"note": "otherwise"})).events
    desk.submit(RestoreFields(OPPORTUNITY, change.position))
    assert the_note(desk) == "as agreed"
    assert is_personal(the_record(desk).fields["note"])
    assert the_record(desk).fields["note"] != sealed


def test_nobody_brings_back_what_was_erased(desk):
    (change,) = desk.submit(EditFields(OPPORTUNITY, {"note": "otherwise"})).events
    desk.submit(EraseSubject(ACCOUNT))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(RestoreFields(OPPORTUNITY, change.position))
    assert "erased" in str(refused.value)


def test_a_restoration_names_a_change_of_the_record(desk):
    (change,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 5})).events
    (touched,) = desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "call")).events
    for position in (change.position + 100, touched.position):
        with pytest.raises(NotFound):
            desk.submit(RestoreFields(OPPORTUNITY, position))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(RestoreFields(OPPORTUNITY, change.position, frozenset({"seat"})))
    assert [(p.pointer, p.suggestion) for p in refused.value.problems] == [("/fields", "seats")]


def test_restoring_twice_changes_nothing_more(desk):
    (change,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 5})).events
    desk.submit(RestoreFields(OPPORTUNITY, change.position))
    assert desk.submit(RestoreFields(OPPORTUNITY, change.position, over_later_changes=True)).events == ()


# ── touches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_corrected_touch_counts_as_it_was(desk):
    """The gate asks for a touch within thirty days: corrected to forty days ago, it does not count any more."""
    desk.submit(EditFields(OPPORTUNITY, {"source": "fair", "pains": ["cost"], "budget": 5000}))
    desk.submit(ChangeStage(OPPORTUNITY, "needs_diagnosis"))
    desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "call"))
    long_ago = (NOW - timedelta(days=40)).isoformat()
    (corrected,) = desk.submit(
        CorrectTouch(OPPORTUNITY, "tou_1", {"happened_at": long_ago, "kind": "visit"}), reason="wrong day"
    ).events
    assert isinstance(corrected.event, TouchCorrected)
    (touch,) = the_record(desk).touches
    assert (touch.id, touch.kind, touch.at) == ("tou_1", "visit", NOW - timedelta(days=40))
    (answer,) = desk.batch(ChangeStage(OPPORTUNITY, "quoted"))
    assert "condition:was_touched" in {item.id for item in answer.refusal.unmet}


def test_a_withdrawn_touch_never_happened(desk):
    desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "call"))
    desk.submit(RecordTouch(OPPORTUNITY, "tou_2", "visit"))
    desk.submit(CorrectTouch(OPPORTUNITY, "tou_1", withdrawn=True), reason="another customer")
    assert [touch.id for touch in the_record(desk).touches] == ["tou_2"]


def test_a_corrected_note_is_sealed(desk):
    desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "call", "they said yes", CONTACT))
    (corrected,) = desk.submit(
        CorrectTouch(OPPORTUNITY, "tou_1", {"note": "they said no"}), reason="typo"
    ).events
    note = corrected.event.changes["note"]
    assert is_personal(note)
    assert desk.vault.keyring().reveal(OPPORTUNITY, "note", note) == "they said no"


@pytest.mark.parametrize(
    ("correction", "reason", "pointer"),
    [
        (CorrectTouch(OPPORTUNITY, "tou_1", {"kind": "visit"}), None, "/reason"),
        (CorrectTouch(OPPORTUNITY, "tou_1", {"kind": "vist"}), "typo", "/kind"),
        (CorrectTouch(OPPORTUNITY, "tou_1", {"contact": "contact/con_9"}), "typo", "/contact"),
        (CorrectTouch(OPPORTUNITY, "tou_1", {"note": "a\x00b"}), "typo", "/note"),
        (CorrectTouch(OPPORTUNITY, "tou_1", {"happened_at": "yesterday"}), "typo", "/happened_at"),
        (CorrectTouch(OPPORTUNITY, "tou_1", {"happened_at": (NOW + timedelta(hours=1)).isoformat()}), "typo", "/happened_at"),
        (CorrectTouch(OPPORTUNITY, "tou_1", {"stage": "won"}), "typo", "/stage"),
        (CorrectTouch(OPPORTUNITY, "tou_1", {"kind": "visit"}, withdrawn=True), "typo", "/withdrawn"),
        (CorrectTouch(OPPORTUNITY, "tou_1"), "typo", ""),
    ],
)  # fmt: skip
def test_a_correction_that_makes_no_sense_is_refused(desk, correction, reason, pointer):
    desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "call"))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(correction, reason=reason)
    assert pointer in {problem.pointer for problem in refused.value.problems}


def test_only_a_touch_that_was_noted_can_be_corrected(desk):
    desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "call"))
    with pytest.raises(NotFound) as refused:
        desk.submit(CorrectTouch(OPPORTUNITY, "tou_2", withdrawn=True), reason="typo")
    assert refused.value.suggestion == "tou_1"


# ── relations ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_relation_ends(desk):
    desk.submit(RelateRecord(OPPORTUNITY, "decided_by", CONTACT))
    (ended,) = desk.submit(EndRelation(OPPORTUNITY, "decided_by", CONTACT)).events
    assert ended.event == RelationEnded("decided_by", CONTACT)
    assert the_record(desk).relations == frozenset()
    assert desk.submit(EndRelation(OPPORTUNITY, "decided_by", CONTACT)).events == ()


def test_an_unknown_relation_is_answered_with_the_nearest_one(desk):
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(EndRelation(OPPORTUNITY, "decided", CONTACT))
    assert [problem.suggestion for problem in refused.value.problems] == ["decided_by"]


def test_a_record_is_not_related_to_itself(desk):
    """A company is no part of itself, whatever a form sends."""
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(RelateRecord(ACCOUNT, "part_of", ACCOUNT))
    assert "itself" in refused.value.problems[0].message
    assert [problem.pointer for problem in refused.value.problems] == ["/to"]


def test_ending_a_relation_to_a_record_that_never_was_is_refused(desk):
    """A relation that has ended needs no ending; a record that never was is a mistake of whoever sends it."""
    assert desk.submit(EndRelation(OPPORTUNITY, "decided_by", CONTACT)).events == ()
    for to in ("contact/con_never", "account/acc_1", "contact/", "nothing"):
        with pytest.raises(NotFound):
            desk.submit(EndRelation(OPPORTUNITY, "decided_by", to))
