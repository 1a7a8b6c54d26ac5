"""What a caller may rely on: the version it has seen, the ids made for it, whose rights count, and forms that span records."""

import json
from datetime import timedelta

import pytest
from support.desk import Desk, a_desk
from support.given import ACCOUNT, ANNA, BEN, NOW, OPPORTUNITY, OTHER_ACCOUNT, PLAYBOOKS, ZOE

from commands.errors import KeyReused, StaleVersion
from commands.playbook_file import parse_playbook
from domain.events import FieldsChanged, PersonJoined
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from domain.record import state as record_state
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    EditFields,
    OpenRecord,
    Override,
    RecordTouch,
)
from domain.refusals import InvalidCommand, NotAllowed


@pytest.fixture
def desk():
    """A desk with an opportunity of Acme's."""
    found = a_desk()
    found.submit(OpenRecord(OPPORTUNITY, {"account": ACCOUNT}, "lead", ANNA))
    return found


# ── the version a caller has seen ────────────────────────────────────────────────────────────────────────────────────


def test_a_command_on_the_version_one_has_seen_is_done(desk):
    assert desk.submit(EditFields(OPPORTUNITY, {"seats": 5}), expected_version=1).events[0].version == 2


def test_a_stale_version_is_answered_with_what_was_not_seen(desk):
    """Two people read version 1; the second one is told what the first one changed, and nothing of theirs is lost."""
    desk.submit(EditFields(OPPORTUNITY, {"seats": 5, "topic": "New"}))
    desk.submit(ChangeOwner(OPPORTUNITY, BEN))
    with pytest.raises(StaleVersion) as refused:
        desk.submit(EditFields(OPPORTUNITY, {"seats": 7}), expected_version=1)
    assert (refused.value.expected, refused.value.current) == (1, 3)
    assert [(change.field, change.version) for change in refused.value.changes] == [
        ("seats", 2),
        ("topic", 2),
        ("owner", 3),
    ]


def test_a_stale_version_is_not_kept_under_the_key(desk):
    """Sent again with the version that is there now, the command is done: a precondition that failed is no outcome."""
    desk.submit(EditFields(OPPORTUNITY, {"seats": 5}))
    command = EditFields(OPPORTUNITY, {"seats": 7})
    with pytest.raises(StaleVersion):
        desk.submit(command, key="k", expected_version=1)
    assert desk.submit(command, key="k", expected_version=2).events[0].version == 3


def test_a_repeated_command_is_answered_although_its_version_is_stale_by_now(desk):
    """The reply was lost: the same key gets the same answer, not a complaint about the version its own success made."""
    command = EditFields(OPPORTUNITY, {"seats": 5})
    first = desk.submit(command, key="k", expected_version=1)
    again = desk.submit(command, key="k", expected_version=1)
    assert (again.replayed, again.events) == (True, first.events)


def test_a_version_moved_by_another_process_meanwhile_is_stale(desk):
    """Between the decision and the append the record moves: the command is never decided again on what nobody has seen."""
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(EditFields(OPPORTUNITY, {"seats": 9})))
    with pytest.raises(StaleVersion) as refused:
        desk.submit(EditFields(OPPORTUNITY, {"seats": 5}), expected_version=1)
    assert refused.value.current == 2
    assert len(desk.log.stream(OPPORTUNITY)) == 2


def test_a_version_this_process_has_not_seen_yet_is_not_stale(desk):
    """Another process wrote version 2, and the caller read it there: this one looks again before it complains."""
    desk.submit(EditFields(OPPORTUNITY, {"topic": "warm the cache"}))
    desk.another().submit(EditFields(OPPORTUNITY, {"seats": 5}))
    assert desk.submit(EditFields(OPPORTUNITY, {"seats": 7}), expected_version=3).events[0].version == 4


def test_what_moved_beside_the_record_is_decided_again(desk):
    """Somebody joins meanwhile: the organisation has moved, the record has not, and the caller's version still holds."""
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(FormTeam("south", "South")))
    assert desk.submit(ChangeOwner(OPPORTUNITY, BEN), expected_version=1).events[0].version == 2


# ── ids that are made ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_id_is_made_where_none_is_given(desk):
    opened = desk.submit(OpenRecord("opportunity/", {"topic": "New"}), key="k").events[0]
    kind, _, made = opened.stream.partition("/")
    assert (kind, made[:4], len(made)) == ("opportunity", "opp_", 30)
    joined = desk.submit(AddPerson("", "Mei", "north")).events[0].event
    assert isinstance(joined, PersonJoined)
    assert joined.person.startswith("person/per_")
    assert desk.submit(RecordTouch(opened.stream, "", "call")).events[0].event.touch.startswith("tou_")
    piece = AttachEvidence(opened.stream, "", "cost_sheet", "0" * 64, 1, "application/pdf")
    assert desk.submit(piece).events[0].event.evidence.startswith("evi_")


def test_the_same_key_makes_one_record(desk):
    """Sent again a day later, the opening is answered with the record it made; another key makes another one."""
    command = OpenRecord("opportunity/", {"topic": "New"})
    first = desk.submit(command, key="k")
    desk.log._clock = lambda: NOW + timedelta(days=1)
    assert desk.submit(command, key="k").events == first.events
    assert desk.submit(command, key="k2").events[0].stream != first.events[0].stream
    with pytest.raises(KeyReused):
        desk.submit(OpenRecord("opportunity/", {"topic": "Other"}), key="k")


def test_made_ids_sort_by_time(desk):
    streams = []
    for minutes in range(5):
        desk.log._clock = lambda minutes=minutes: NOW + timedelta(minutes=minutes)
        streams.append(desk.submit(OpenRecord("opportunity/", {})).events[0].stream)
    assert streams == sorted(streams)


# ── acting for somebody else ─────────────────────────────────────────────────────────────────────────────────────────


def test_who_acts_for_somebody_has_no_more_rights_than_they_have(desk):
    """A service with every right waives nothing on behalf of a seller; on behalf of the head of sales it may."""
    service = Desk(desk.log, desk.vault, actor="system/bot", name="bot")
    with pytest.raises(NotAllowed):
        service.submit(FormTeam("south", "South"), on_behalf_of=ANNA)
    assert service.submit(FormTeam("south", "South")).events
    with pytest.raises(InvalidCommand) as refused:
        service.submit(EditFields(OPPORTUNITY, {"seats": 5}), on_behalf_of=ZOE)
    assert [problem.pointer for problem in refused.value.problems] == ["/on_behalf_of"]


# ── a field of one kind on another kind's form ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def forms(desk):
    """The same desk, with an intake form that asks for the account's hotline beside the opportunity's own fields."""
    text = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
    form = "    forms:\n      intake: {label: {zh: 录入, en: Intake}, fields: [seats, account, account.hotline]}\n"
    text = text.replace(
        "    opens_in: [lead, needs_diagnosis]\n", form + "    opens_in: [lead, needs_diagnosis]\n"
    )
    desk.submit(PublishPlaybook(parse_playbook(text, "projects.yaml")))
    return desk


def the_account(desk, stream=ACCOUNT):
    record = record_state.fold(None, desk.log.stream(stream))
    return desk.vault.keyring().reveal(stream, "hotline", record.fields.get("hotline"))


def test_a_form_edits_the_record_its_reference_leads_to(forms):
    """One command, one append, two streams: the opportunity's seats and the account's hotline."""
    answer = forms.submit(
        EditFields(OPPORTUNITY, {"seats": 5, "account.hotline": "+86 10 5555 0000"}), reason="they called"
    )
    assert [event.stream for event in answer.events] == [OPPORTUNITY, ACCOUNT]
    assert the_account(forms) == "+861055550000"
    reasons = {
        forms.vault.keyring().reveal(event.stream, "", json.loads(event.reason)) for event in answer.events
    }
    assert reasons == {"they called"}


def test_a_form_can_open_one_record_and_fill_in_another(forms):
    opening = OpenRecord("opportunity/opp_9", {"account": OTHER_ACCOUNT, "account.hotline": "021 5555 0000"})
    assert len(forms.submit(opening).events) == 2
    assert the_account(forms, OTHER_ACCOUNT) == "02155550000"


def test_all_of_a_form_is_done_or_nothing(forms):
    """A bad value in the other record refuses the whole command, at the place it has in the form."""
    before = forms.log.head()
    with pytest.raises(InvalidCommand) as refused:
        forms.submit(EditFields(OPPORTUNITY, {"seats": 5, "account.hotline": "call me"}))
    assert [problem.pointer for problem in refused.value.problems] == ["/fields/account.hotline"]
    assert forms.log.head() == before


def test_a_form_without_the_other_record_says_so(forms):
    forms.submit(OpenRecord("opportunity/opp_9", {}))
    with pytest.raises(InvalidCommand) as refused:
        forms.submit(EditFields("opportunity/opp_9", {"account.hotline": "021 5555 0000"}))
    assert [problem.pointer for problem in refused.value.problems] == ["/fields/account.hotline"]


def test_only_what_is_on_a_form_is_written_from_another_record(forms):
    """A service cannot reach through a reference to a field no form carries."""
    with pytest.raises(InvalidCommand) as refused:
        forms.submit(EditFields(OPPORTUNITY, {"account.name": "Acme Ltd"}))
    assert [problem.pointer for problem in refused.value.problems] == ["/fields/account.name"]


def test_a_form_is_decided_again_when_the_other_record_moves(forms):
    """Another process edits the account meanwhile: its change is not lost, and neither is ours."""
    other = forms.another()
    forms.log.meanwhile(lambda: other.submit(EditFields(ACCOUNT, {"name": "Acme Ltd"})))
    answer = forms.submit(EditFields(OPPORTUNITY, {"seats": 5, "account.hotline": "021 5555 0000"}))
    assert answer.events[0].event == FieldsChanged({"seats": {"old": None, "new": "5"}})
    assert record_state.fold(None, forms.log.stream(ACCOUNT)).fields["name"] == "Acme Ltd"
    assert the_account(forms) == "02155550000"


def test_a_form_in_a_batch_sees_what_the_batch_did_to_the_other_record(forms):
    first = EditFields(OPPORTUNITY, {"account.hotline": "021 5555 0000"})
    second = EditFields(ACCOUNT, {"hotline": "021 5555 0001"})
    third = EditFields(OPPORTUNITY, {"account.hotline": "021 5555 0001"})
    answers = forms.batch(first, second, third)
    assert [len(answer.events) for answer in answers] == [1, 1, 0]


# ── skipping as a right ──────────────────────────────────────────────────────────────────────────────────────────────


def a_playbook_that_lets_some_skip():
    text = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
    text = text.replace(
        "moves: {skip: allowed, back: free, reopen: free}",
        "moves: {skip: with_right, back: free, reopen: free}",
    )
    return parse_playbook(text.replace("rights: [waive]", "rights: [waive, skip]"), "projects.yaml")


def test_a_waiver_does_not_stand_in_for_the_right_to_skip():
    """Where a playbook makes skipping a right, whoever may waive but not skip is refused all the same, and nothing is kept of it."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_playbook_that_lets_some_skip()))
    desk.submit(OpenRecord("visit/vis_1", {}))
    waiving = Override("agreed", frozenset({"move:skip", "move:reason"}))
    head = desk.log.head()
    with pytest.raises(NotAllowed, match="skip"):
        desk.submit(
            ChangeStage("visit/vis_1", "on_site", override=waiving),
            rights=frozenset({Right.waive}),
            reason="in a hurry",
        )
    assert desk.log.head() == head


def test_skipping_is_a_right_that_needs_a_reason():
    """Anna may not skip; Ben may, and says why."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_playbook_that_lets_some_skip()))
    desk.submit(OpenRecord("visit/vis_1", {}))
    skip = ChangeStage("visit/vis_1", "on_site")
    with pytest.raises(NotAllowed):
        desk.submit(skip, actor=ANNA, rights=frozenset(), reason="in a hurry")
    (answer,) = desk.bus.submit_batch([desk.submission(skip, actor=BEN, rights=frozenset())])
    assert [item.id for item in answer.refusal.unmet] == ["move:reason"]
    (skipped,) = desk.submit(skip, actor=BEN, rights=frozenset(), reason="in a hurry").events
    assert skipped.event.move == "skip"
