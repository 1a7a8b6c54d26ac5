"""What the bus must not get wrong: order within a batch, history within a batch, and who waits for whom."""

from threading import Event, Thread

import pytest
from eventsourcing.persistence import OperationalError
from support.desk import a_desk, an_empty_desk
from support.given import ACCOUNT, ANNA, CONTACT, OPPORTUNITY, ZOE, change_stage, the_playbook, waiving
from support.replaying import the_law
from support.sales import an_append, opened

from commands.errors import StaleVersion
from domain.erasure import EraseSubject
from domain.facts import ERASED
from domain.organisation.commands import AddPerson
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import (
    ChangeOwner,
    CorrectTouch,
    EditFields,
    OpenRecord,
    RecordTouch,
    RestoreFields,
)
from domain.refusals import InvalidCommand, NotAllowed
from infra.log.group_commit import GroupCommit

MEI = "person/per_mei"


@pytest.fixture
def desk():
    """A desk with an opportunity of Acme's."""
    found = a_desk()
    found.submit(OpenRecord(OPPORTUNITY, {"account": ACCOUNT, "seats": 3}, "lead", ANNA))
    return found


# ── order within a batch ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_comes_after_a_command_that_is_decided_again_waits_for_it():
    """Mei joined in another process, which this one learns only when it looks again: the edit is not told that there is no record."""
    desk = a_desk()
    desk.submit(OpenRecord("opportunity/opp_9", owner=ANNA))
    desk.another().submit(AddPerson(MEI, "Mei", "north"))
    opening, edit = OpenRecord(OPPORTUNITY, owner=MEI), EditFields(OPPORTUNITY, {"seats": 5})
    answers = desk.batch(opening, edit, EditFields("opportunity/opp_9", {"seats": 7}))
    assert [answer.outcome for answer in answers] == ["accepted"] * 3
    assert [event.event.TOPIC for event in desk.log.stream(OPPORTUNITY)] == [
        "record.opened.v1",
        "record.fields-changed.v1",
    ]


def test_edits_of_one_record_keep_their_order_when_the_first_is_decided_again(desk):
    """Handed to Mei, then back to Anna: not to Anna, who has it already, and then to Mei."""
    desk.another().submit(AddPerson(MEI, "Mei", "north"))
    first, second = desk.batch(ChangeOwner(OPPORTUNITY, MEI), ChangeOwner(OPPORTUNITY, ANNA))
    assert [(a.events[0].event.before, a.events[0].event.after) for a in (first, second)] == [
        (ANNA, MEI),
        (MEI, ANNA),
    ]


def test_what_stands_on_a_command_that_waits_waits_as_well():
    """A chain of references: none of them is answered before the first one is."""
    desk = a_desk()
    desk.another().submit(AddPerson(MEI, "Mei", "north"))
    commands = [
        OpenRecord("account/acc_9", {"name": "New"}, owner=MEI),
        OpenRecord(OPPORTUNITY, {"account": "account/acc_9"}),
        EditFields(OPPORTUNITY, {"seats": 5}),
    ]
    assert [answer.outcome for answer in desk.batch(*commands)] == ["accepted"] * 3


# ── history within a batch ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_restoration_sees_what_its_batch_did_before(desk):
    """The later change is not lost because it came in the same batch; nor is it when it came through a form of another record."""
    (change,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 5})).events
    later, restoration = desk.batch(
        EditFields(OPPORTUNITY, {"seats": 7}), RestoreFields(OPPORTUNITY, change.position)
    )
    assert isinstance(restoration.refusal, InvalidCommand)
    assert str(later.events[0].position) in str(restoration.refusal)


def test_a_stale_version_within_a_batch_names_what_the_batch_did(desk):
    """Two lines of one file edit what both have read at version 1: the second is told of the first."""
    lines = [desk.submission(EditFields(OPPORTUNITY, {"seats": n}), expected_version=1) for n in (5, 7)]
    first, second = desk.bus.submit_batch(lines)
    assert isinstance(second.error, StaleVersion)
    assert [(c.field, c.position) for c in second.error.changes] == [("seats", first.events[0].position)]


# ── ids ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ids_are_made_by_the_playbook_the_same_batch_published():
    desk = an_empty_desk()
    _, answer = desk.batch(PublishPlaybook(the_playbook()), OpenRecord("opportunity/"))
    assert answer.events[0].stream.startswith("opportunity/opp_")


def test_records_without_an_id_in_one_batch_are_two_unless_the_key_is_one():
    desk = a_desk()
    commands = [
        desk.submission(OpenRecord("opportunity/", {"topic": "New"}), key=key) for key in ("a", "b", "a")
    ]
    first, second, again = desk.bus.submit_batch(commands)
    assert first.events[0].stream != second.events[0].stream
    assert (again.replayed, again.events) == (True, first.events)


def test_an_id_made_again_after_a_conflict_makes_one_record():
    """Another process moves the playbooks between decision and append: the record is decided again and opened once."""
    desk = a_desk()
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(AddPerson(MEI, "Mei", "north")))
    desk.submit(OpenRecord("opportunity/", owner=ANNA))
    opened_now = {e.stream for e in desk.log.after(0, 1000) if e.stream.startswith("opportunity/")}
    assert len(opened_now) == 1


# ── whose it is ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_corrected_note_goes_with_whom_the_touch_was_with(desk):
    """The contact is erased: what was noted about them first, and what was noted instead, are gone both."""
    desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "call", "they said yes", CONTACT))
    (corrected,) = desk.submit(
        CorrectTouch(OPPORTUNITY, "tou_1", {"note": "they said no"}), reason="typo"
    ).events
    desk.submit(EraseSubject(CONTACT))
    note = corrected.event.changes["note"]
    assert desk.vault.keyring().reveal(OPPORTUNITY, "note", note) is ERASED


def test_a_corrected_contact_is_the_one_later_corrections_are_about(desk):
    desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "call"))
    desk.submit(CorrectTouch(OPPORTUNITY, "tou_1", {"contact": CONTACT}), reason="who it was")
    (corrected,) = desk.submit(CorrectTouch(OPPORTUNITY, "tou_1", {"note": "no"}), reason="typo").events
    assert f"'subject': '{CONTACT}'" in str(corrected.event.changes["note"])


def test_two_touches_of_a_record_have_two_ids(desk):
    """Else whoever withdraws the one withdraws the other with it."""
    desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "call"))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(RecordTouch(OPPORTUNITY, "tou_1", "visit"))
    assert [problem.pointer for problem in refused.value.problems] == ["/touch"]


@pytest.mark.parametrize("acts_for", [ZOE, "person/per_nobody"])
def test_nobody_acts_for_somebody_who_does_not_work_here(desk, acts_for):
    """Whatever rights they had; and a part of the system that acts for another one has no right at all."""
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(EditFields(OPPORTUNITY, {"seats": 4}), on_behalf_of=acts_for)
    assert [problem.pointer for problem in refused.value.problems] == ["/on_behalf_of"]
    with pytest.raises(NotAllowed):
        desk.submit(PublishPlaybook(the_playbook()), on_behalf_of="system/operator")


# ── replay ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_waived_move_on_erased_words_is_counted_as_erased():
    """What was waived then beside what hung on the words is still waived: it is no difference."""
    desk = a_desk()
    fields = {"account": ACCOUNT, "source": "fair", "note": "in a hurry"}
    desk.submit(OpenRecord(OPPORTUNITY, fields, "needs_diagnosis"))
    desk.submit(
        change_stage("negotiation", override=waiving("move:skip", "field:pains", "condition:was_touched")),
        reason="because",
    )
    desk.submit(EraseSubject(ACCOUNT))
    impact = the_law(desk.log, desk.vault)
    assert (impact.different, impact.reproduced, impact.erased) == ([], 1, 1)


# ── group commit ─────────────────────────────────────────────────────────────────────────────────────────────────────


class BrokenOff:
    """A log whose second append ends the thread it runs in, once somebody waits behind it."""

    def __init__(self):
        self.under_way, self.go_on, self.appends = Event(), Event(), 0

    def append(self, batch):
        self.appends += 1
        self.under_way.set()
        self.go_on.wait(10)
        if self.appends == 2:
            raise KeyboardInterrupt
        return [object() for _ in batch]


def test_whoever_waits_behind_an_append_that_is_broken_off_is_told():
    """Two batches are appended together, and the thread that does it is ended: the other one learns that it has no answer."""
    log = BrokenOff()
    group, ended = GroupCommit(log), []

    def caller(number):
        try:
            ended.append(group.append([an_append(opened(f"deal/dea_{number}"), key=f"k{number}")]))
        except BaseException as error:  # noqa: BLE001 — what ends a thread is what is tried here
            ended.append(error)

    threads = [Thread(target=caller, args=(number,)) for number in range(3)]
    threads[0].start()
    log.under_way.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(group._waiting) < 2:
        Event().wait(0.001)
    log.go_on.set()
    for thread in threads:
        thread.join(10)
    assert sorted(type(item).__name__ for item in ended) == ["KeyboardInterrupt", "OperationalError", "list"]
    assert isinstance(next(item for item in ended if isinstance(item, OperationalError)), OperationalError)


class Counting:
    """A log that notes how many commands each append brings; the first one waits until it may go on."""

    def __init__(self):
        self.groups, self.go_on = [], Event()

    def append(self, batch):
        self.go_on.wait(10)
        self.groups.append(len(batch))
        Event().wait(0.01)
        return list(batch)


def test_whoever_was_answered_together_goes_together_again():
    """The first to come back does not go alone while the others have to wait for a whole append: it waits for them."""
    log, callers, rounds = Counting(), 6, 5
    group = GroupCommit(log, patience=100)

    def caller(number):
        for step in range(rounds):
            append = an_append(opened(f"deal/dea_{number}_{step}"), key=f"k{number}_{step}")
            assert group.append([append]) == [append]

    threads = [Thread(target=caller, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    while len(group._waiting) < callers - 1:
        Event().wait(0.001)
    log.go_on.set()
    for thread in threads:
        thread.join(30)
    assert sum(log.groups) == callers * rounds
    assert log.groups[0] == 1
    assert min(log.groups[1:4]) >= callers - 1


def test_a_caller_that_was_answered_alone_waits_for_nobody():
    """However patient the log is: one caller after the other is one append after the other."""
    log = Counting()
    log.go_on.set()
    group = GroupCommit(log, patience=1e9)
    for number in range(20):
        group.append([an_append(opened(f"deal/dea_{number}"), key=f"k{number}")])
    assert log.groups == [1] * 20
