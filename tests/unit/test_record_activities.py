"""Touches, evidence, relations and owners of a record."""

from datetime import UTC, datetime

import pytest
from support.given import (
    ACCOUNT,
    ANNA,
    BEN,
    CONTACT,
    DAY,
    NOW,
    OPPORTUNITY,
    READY,
    SHA256,
    VISIT,
    ZOE,
    a_visit_in,
    an_opportunity_in,
    an_opportunity_ready_in,
    attach,
    change_stage,
    given,
    hand_over,
    nothing_yet,
    relate,
    touch,
)

from domain.erasure import EraseSubject
from domain.events import EvidenceAttached, OwnerChanged, RecordRelated, StageChanged, SubjectErased, Touched
from domain.playbook.model import Right
from domain.record.commands import RecordTouch
from domain.refusals import GateNotMet, InvalidCommand, NotAllowed, NotFound
from domain.values import Private

A_DEAL = an_opportunity_in("needs_diagnosis")

# ── touches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_touch_is_noted_with_what_was_said():
    """What was said is about the contact it was said with, else about the customer."""
    then = Touched("tou_2", "call", Private(CONTACT, "wants a demo"), CONTACT)
    given(A_DEAL).when(touch("call", "wants a demo", CONTACT)).then(then)
    given(A_DEAL).when(touch("call", "a demo")).then(Touched("tou_2", "call", Private(ACCOUNT, "a demo")))


def test_a_touch_needs_no_words():
    given(A_DEAL).when(touch("visit")).then(Touched("tou_2", "visit"))


def test_everything_wrong_with_a_touch_is_named():
    given(A_DEAL).when(touch("cal", "a\x00", "contact/nobody")).refuses(
        InvalidCommand, problems=[("/kind", "call"), "/note", "/contact"]
    )


def test_a_kind_without_touches_knows_none():
    given(a_visit_in("planned")).when(RecordTouch(VISIT, "tou_1", "call")).refuses(
        InvalidCommand, problems=[("/kind", None)]
    )


@pytest.mark.parametrize(
    ("days_ago", "counts"), [(0, True), (29, True), (30, True), (31, False), (-1, False)]
)
def test_touches_count_for_as_many_days_as_the_rule_says(days_ago, counts):
    """What happens later does not count either: the rule is asked as of the move."""
    world = an_opportunity_ready_in("needs_diagnosis")
    world = an_opportunity_in("needs_diagnosis", **world.record.fields).with_evidence(
        "solution_deck", "cost_sheet"
    )
    decided = given(world.touched(at=NOW - days_ago * DAY)).when(change_stage("quoted"))
    if counts:
        decided.then(StageChanged("needs_diagnosis", "quoted", "forward"))
    else:
        decided.refuses(GateNotMet, unmet=["condition:was_touched"])


def test_at_an_unknown_moment_nobody_knows_how_long_ago_a_touch_was():
    given(an_opportunity_ready_in("needs_diagnosis").at(None)).when(change_stage("quoted")).refuses(
        GateNotMet, unmet=["condition:was_touched"]
    )


def test_a_touch_at_an_unknown_moment_does_not_count():
    world = (
        an_opportunity_in("needs_diagnosis", **READY)
        .with_evidence("solution_deck", "cost_sheet")
        .touched(at=None)
    )
    given(world).when(change_stage("quoted")).refuses(GateNotMet, unmet=["condition:was_touched"])


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_evidence_is_attached_by_its_digest():
    """The name of a file is free text, so it is private."""
    then = EvidenceAttached(
        "evi_2", "solution_deck", SHA256, 10, "application/pdf", Private(ACCOUNT, "Acme.pdf")
    )
    given(A_DEAL).when(attach("solution_deck", file_name="Acme.pdf")).then(then)


def test_evidence_counts_as_long_as_the_playbook_says():
    """From the day it was attached, not the day it was typed in, by the calendar of the playbook's time zone."""
    in_the_evening = datetime(2026, 1, 1, 15, 0, tzinfo=UTC)
    assert given(A_DEAL.at(in_the_evening)).when(attach("cost_sheet")).event.valid_until == "2026-01-31"
    after_midnight = datetime(2026, 1, 1, 16, 0, tzinfo=UTC)
    assert given(A_DEAL.at(after_midnight)).when(attach("cost_sheet")).event.valid_until == "2026-02-01"
    assert (
        given(A_DEAL.at(None)).when(attach("cost_sheet")).event.valid_until
        == (NOW + 30 * DAY).date().isoformat()
    )


@pytest.mark.parametrize(
    "moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)], ids=["first", "last"]
)
def test_evidence_can_be_attached_at_any_moment(moment):
    """Also at the ends of time; what would be valid beyond the calendar is valid to its last day."""
    given(A_DEAL.at(moment)).when(attach("cost_sheet"))


@pytest.mark.parametrize(("days_later", "valid"), [(0, True), (30, True), (31, False)])
def test_expired_evidence_does_not_open_a_gate(days_later, valid):
    """Valid until the end of its last day."""
    world = an_opportunity_in(
        "needs_diagnosis", **an_opportunity_ready_in("lead").record.fields
    ).with_evidence("solution_deck")
    world = world.but(given(world).when(attach("cost_sheet")).event)
    moment = NOW + days_later * DAY
    decided = given(world.touched(at=moment).at(moment)).when(change_stage("quoted"))
    if valid:
        decided.then(StageChanged("needs_diagnosis", "quoted", "forward"))
    else:
        decided.refuses(GateNotMet, unmet=["evidence:cost_sheet"])


def test_a_newer_piece_replaces_an_expired_one():
    world = an_opportunity_ready_in("needs_diagnosis")
    later = NOW + 40 * DAY
    world = world.but(given(world.at(later)).when(attach("cost_sheet")).event).touched(at=later).at(later)
    given(world).when(change_stage("quoted")).then(StageChanged("needs_diagnosis", "quoted", "forward"))


@pytest.mark.parametrize("sha256", ["", "abc", SHA256.upper(), SHA256[:-1] + "g", SHA256 + "0", "\x00" * 64])
def test_a_digest_is_64_lower_case_hexadecimal_digits(sha256):
    given(A_DEAL).when(attach("cost_sheet", sha256=sha256)).refuses(InvalidCommand, problems=["/sha256"])


def test_everything_wrong_with_evidence_is_named():
    command = attach(
        "cost_shet", file_name="a\x00", sha256="x", size_bytes=-1, media_type="a\x00", evidence=""
    )
    given(A_DEAL).when(command).refuses(
        InvalidCommand,
        problems=[
            ("/field", "cost_sheet"),
            "/file_name",
            "/sha256",
            "/size_bytes",
            "/media_type",
            "/evidence",
        ],
    )


def test_a_size_beyond_what_the_log_holds_is_refused():
    given(A_DEAL).when(attach("cost_sheet", size_bytes=2**53)).refuses(
        InvalidCommand, problems=["/size_bytes"]
    )


def test_a_field_that_is_no_evidence_takes_none():
    given(A_DEAL).when(attach("budget")).refuses(InvalidCommand, problems=["/field"])


# ── relations ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_records_are_related_by_a_relation_of_the_playbook():
    given(A_DEAL).when(relate("decided_by", CONTACT)).then(RecordRelated("decided_by", CONTACT))


def test_the_same_relation_again_is_nothing_new():
    given(A_DEAL.but(RecordRelated("decided_by", CONTACT))).when(
        relate("decided_by", CONTACT)
    ).changes_nothing()


@pytest.mark.parametrize("to", [ACCOUNT, "contact/nobody", "contact", OPPORTUNITY])
def test_a_relation_leads_to_a_record_of_its_kind(to):
    given(A_DEAL).when(relate("decided_by", to)).refuses(InvalidCommand, problems=["/to"])


def test_an_unknown_relation_is_answered_with_the_nearest_one():
    given(A_DEAL).when(relate("decidedby", "nobody")).refuses(
        InvalidCommand, problems=[("/relation", "decided_by")]
    )


# ── owners ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_is_handed_over():
    """Stage, notes and history stay."""
    then = given(A_DEAL).when(hand_over(BEN)).then(OwnerChanged(ANNA, BEN))
    after = A_DEAL.but(then.event).record
    assert (after.owner, after.stage, after.fields) == (BEN, A_DEAL.record.stage, A_DEAL.record.fields)


def test_a_record_can_be_left_without_owner():
    given(A_DEAL).when(hand_over(None)).then(OwnerChanged(ANNA, None))


def test_the_same_owner_is_nothing_new():
    given(A_DEAL).when(hand_over(ANNA)).changes_nothing()


@pytest.mark.parametrize("person", [ZOE, "person/nobody", ""])
def test_only_somebody_who_works_here_answers_for_a_record(person):
    given(A_DEAL).when(hand_over(person)).refuses(InvalidCommand, problems=["/owner"])


# ── erasure ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("subject", [CONTACT, ACCOUNT, ANNA, ZOE])
def test_people_and_records_can_be_erased(subject):
    """Also those who left."""
    given(nothing_yet().who_may(Right.erase)).when(EraseSubject(subject)).then(
        SubjectErased(subject, "request")
    )


def test_erasing_needs_the_right():
    given(nothing_yet().who_may(Right.organise, Right.waive)).when(EraseSubject(CONTACT)).refuses(
        NotAllowed, saying="erase"
    )


def test_nobody_unknown_can_be_erased():
    given(nothing_yet().who_may(Right.erase)).when(EraseSubject("contact/nobody")).refuses(NotFound)
