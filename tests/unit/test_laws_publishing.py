"""What publishing must not get wrong: twice the same, what comes back with another meaning, and what mappings lead to."""

from datetime import timedelta

import pytest
from support.desk import a_desk, an_empty_desk
from support.given import ACCOUNT, ANNA, BEN, NOW, OPPORTUNITY, PLAYBOOKS

from commands.errors import KeyReused
from commands.playbook_file import parse_playbook
from domain.naming import PLAYBOOKS_STREAM
from domain.organisation.commands import MovePerson
from domain.playbook import catalogue
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import KindMappings
from domain.record import state as record_state
from domain.record.adoption import adopted
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    EditFields,
    OpenRecord,
    RestoreFields,
)
from domain.refusals import InvalidCommand
from domain.values import SEALED
from infra.cli import playbooks as cli

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
HIGHER = (">= 1000", ">= 2000")
NO_NEGOTIATION = (TEXT[TEXT.index("      negotiation:\n") : TEXT.index("      won:\n")], "")
SEATS = "      seats: {type: number, label: {zh: 数量, en: Seats}}\n"
DESKS = (SEATS, SEATS.replace("seats", "desks"))
NO_WEBSITE = ("          website: {zh: 官网, en: Website}\n", "")
NO_TIME = ("          time: {zh: 工期, en: Time}\n", "")
ORIGIN = (("      source:\n", "      origin:\n"), ("fields: [source]", "fields: [origin]"))


def a_draft(*changes):
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_playbook(text, "projects.yaml")


def playbooks_of(desk):
    return catalogue.fold(None, desk.log.stream(PLAYBOOKS_STREAM))


def told(**mappings):
    return {"opportunity": KindMappings(**mappings)}


def seen(desk, stream=OPPORTUNITY):
    """The record as the version in force reads it."""
    record = record_state.fold(None, desk.log.stream(stream))
    return adopted(record, playbooks_of(desk).for_record(record.kind, record.fields, {}))


def pointers(refused):
    return [problem.pointer for problem in refused.value.problems]


@pytest.fixture
def desk():
    """A desk with an opportunity from a website, of three seats."""
    found = a_desk()
    found.submit(OpenRecord(OPPORTUNITY, {"account": ACCOUNT, "source": "website", "seats": 3}, "lead", ANNA))
    return found


# ── twice the same ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_for_one_way_of_publishing():
    """The same file for other records, or from another moment, is another command: it is not answered as if it were done."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(HIGHER), scope={"source": ("fair",)}), key="k")
    for other in ({}, {"scope": {"source": ("referral",)}}, {"effective_from": NOW + timedelta(days=1)}):
        with pytest.raises(KeyReused):
            desk.submit(PublishPlaybook(a_draft(HIGHER), **other), key="k")


def test_the_same_publication_for_a_moment_to_come_is_nothing_new():
    """Neither while it waits nor, without the moment, once it has begun; to put it into force earlier is something new."""
    desk = a_desk()
    later = PublishPlaybook(a_draft(HIGHER), effective_from=NOW + timedelta(days=1))
    assert len(desk.submit(later).events) == 1
    assert desk.submit(later).events == ()
    desk.log._clock = lambda: NOW + timedelta(days=2)
    assert desk.submit(PublishPlaybook(a_draft(HIGHER))).events == ()


def test_what_waits_can_be_put_into_force_at_once():
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(HIGHER), effective_from=NOW + timedelta(days=1)))
    (published,) = desk.submit(PublishPlaybook(a_draft(HIGHER))).events
    assert published.event.number == 3


def test_the_same_scope_in_another_order_is_the_same_scope():
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(HIGHER), scope={"source": ("fair", "referral")}))
    assert desk.submit(PublishPlaybook(a_draft(HIGHER), scope={"source": ("referral", "fair")})).events == ()


def test_the_same_playbook_with_another_mapping_is_something_new(desk):
    """Whoever corrects a mapping is not told that it was done already."""
    smaller = a_draft(NO_WEBSITE)
    desk.submit(PublishPlaybook(smaller, mappings=told(options={"source": {"website": "fair"}})))
    assert desk.submit(PublishPlaybook(smaller)).events == ()
    desk.submit(PublishPlaybook(smaller, mappings=told(options={"source": {"website": "referral"}})))
    assert seen(desk).fields["source"] == "referral"


def test_a_moment_needs_its_offset():
    with pytest.raises(InvalidCommand) as refused:
        a_desk().submit(PublishPlaybook(a_draft(HIGHER), effective_from=NOW.replace(tzinfo=None)))
    assert pointers(refused) == ["/effective_from"]


# ── what waits ───────────────────────────────────────────────────────────────────────────────────────────────────────

OTHER = """
playbook: service
label: {zh: 服务, en: Service}
kinds:
  ticket: {label: {zh: 工单, en: Ticket}, collection: tickets, prefix: tic}
"""


def test_a_kind_belongs_to_a_playbook_that_waits():
    """When its moment came, two playbooks would have had the kind."""
    desk = an_empty_desk()
    desk.submit(PublishPlaybook(parse_playbook(OTHER, "o"), effective_from=NOW + timedelta(days=1)))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(PublishPlaybook(parse_playbook(OTHER.replace("service", "helpdesk"), "o")))
    assert pointers(refused) == ["/kinds/ticket"]


def test_a_version_waits_behind_a_newer_one_with_a_scope():
    """It will take effect for all others, so it is listed; behind a newer one for all it never will."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(HIGHER), effective_from=NOW + timedelta(days=9)))
    desk.submit(PublishPlaybook(a_draft((">= 1000", ">= 3000")), scope={"source": ("fair",)}))
    assert [version.number for version in playbooks_of(desk).at(NOW).waiting] == [2]
    desk.submit(PublishPlaybook(a_draft((">= 1000", ">= 4000")), effective_from=NOW + timedelta(days=5)))
    assert [version.number for version in playbooks_of(desk).at(NOW).waiting] == [4]


def test_what_is_in_force_is_worked_out_once_between_two_changes():
    """A decision asks many times, and each decision has a moment of its own."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(HIGHER), effective_from=NOW + timedelta(days=9)))
    playbooks = playbooks_of(desk)
    assert playbooks.at(NOW) is playbooks.at(NOW + timedelta(days=8))
    assert playbooks.at(NOW + timedelta(days=9)).in_force["projects"].number == 2


# ── what comes back ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_field_that_comes_back_holds_what_it_held(desk):
    """Taken away, it cannot come back as something else: records still hold the old values under its name."""
    desk.submit(PublishPlaybook(a_draft((SEATS, "")), mappings=told(fields={"seats": None})))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(PublishPlaybook(a_draft(("seats: {type: number", "seats: {type: text"))))
    assert pointers(refused) == ["/kinds/opportunity/fields/seats/type"]


def test_a_stage_that_comes_back_ends_no_path_it_did_not_end():
    """Else every record that stands there would be lost, without anybody having lost it."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(NO_NEGOTIATION), mappings=told(stages={"negotiation": "quoted"})))
    lost = "      negotiation:\n        label: {zh: 谈判, en: Negotiation}\n        outcome: lost\n"
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(PublishPlaybook(a_draft((NO_NEGOTIATION[0], lost))))
    assert pointers(refused) == ["/kinds/opportunity/stages/negotiation/outcome"]


# ── where mappings lead ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("to", ["won", "lost"])
def test_no_record_is_won_or_lost_by_a_mapping(to):
    """The outcome of a stage never changes, and a mapping would change it for every record that stands there."""
    with pytest.raises(InvalidCommand) as refused:
        a_desk().submit(PublishPlaybook(a_draft(NO_NEGOTIATION), mappings=told(stages={"negotiation": to})))
    assert pointers(refused) == ["/mappings/opportunity/stages/negotiation"]


def test_a_field_that_was_mapped_can_be_cleared(desk):
    """Cleared under its new name it is empty, and stays so: the value under the old name does not shine through."""
    desk.submit(PublishPlaybook(a_draft(DESKS), mappings=told(fields={"seats": "desks"})))
    assert seen(desk).fields["desks"] == "3"
    assert len(desk.submit(EditFields(OPPORTUNITY, {"desks": None})).events) == 1
    assert seen(desk).fields["desks"] is None
    assert desk.submit(EditFields(OPPORTUNITY, {"desks": None})).events == ()


def test_what_one_of_two_fields_held_is_known_although_nobody_knew_the_other():
    """Two fields become one: the unknown one no longer makes the known one unknown, edit after edit."""
    desk = a_desk()
    desk.submit(OpenRecord(OPPORTUNITY, {"budget": 5000}, unknown=frozenset({"seats"})))
    desk.submit(PublishPlaybook(a_draft(DESKS), mappings=told(fields={"seats": "desks"})))
    assert seen(desk).unknown == {"desks"}
    desk.submit(EditFields(OPPORTUNITY, {"desks": 4}))
    assert seen(desk).unknown == frozenset()
    assert desk.submit(EditFields(OPPORTUNITY, {"desks": 4})).events == ()


def test_evidence_of_a_field_that_leads_nowhere_is_not_there(desk):
    desk.submit(AttachEvidence(OPPORTUNITY, "evi_1", "solution_deck", "0" * 64, 1, "application/pdf"))
    without = a_draft(
        ("      solution_deck: {type: evidence, label: {zh: 方案, en: Solution deck}}\n", ""),
        ("evidence: [solution_deck, cost_sheet]", "evidence: [cost_sheet]"),
    )
    desk.submit(PublishPlaybook(without, mappings=told(fields={"solution_deck": None})))
    assert seen(desk).evidence == ()


def test_a_choice_that_becomes_another_one_says_where_its_options_go(desk):
    """Else a record would hold an option nobody can choose."""
    other = a_draft(*ORIGIN, NO_WEBSITE)
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(PublishPlaybook(other, mappings=told(fields={"source": "origin"})))
    assert pointers(refused) == ["/mappings/opportunity/fields/source"]
    how = told(fields={"source": "origin"}, options={"source": {"website": "referral"}})
    desk.submit(PublishPlaybook(other, mappings=how))
    assert seen(desk).fields["origin"] == "referral"


def test_options_are_followed_through_a_field_that_is_called_otherwise(desk):
    """First the option goes, then the field gets another name: the record reads as both mappings say."""
    desk.submit(
        PublishPlaybook(a_draft(NO_WEBSITE), mappings=told(options={"source": {"website": "referral"}}))
    )
    desk.submit(PublishPlaybook(a_draft(NO_WEBSITE, *ORIGIN), mappings=told(fields={"source": "origin"})))
    assert seen(desk).fields["origin"] == "referral"


def test_options_of_a_personal_choice_stay():
    """Nobody can rewrite what is sealed; so the mapping would say something that never happens."""
    personal = (
        "        type: choice\n        label: {zh: 来源",
        "        type: choice\n        personal: true\n        label: {zh: 来源",
    )
    desk = an_empty_desk()
    desk.submit(PublishPlaybook(a_draft(personal)))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(
            PublishPlaybook(
                a_draft(personal, NO_WEBSITE), mappings=told(options={"source": {"website": "fair"}})
            )
        )
    assert pointers(refused) == ["/mappings/opportunity/options/source"]


def test_every_process_reads_two_fields_that_became_one_the_same():
    """The log sorts its members; the process that published must not read its own mapping in another order."""
    desk = a_desk()
    fields = "      area: {type: number, label: {zh: 面积, en: Area}}\n"
    desk.submit(PublishPlaybook(a_draft((SEATS, SEATS + fields))))
    desk.submit(OpenRecord(OPPORTUNITY, {"seats": 3, "area": 70}, "lead", ANNA))
    desk.submit(PublishPlaybook(a_draft(DESKS), mappings=told(fields={"seats": "desks", "area": "desks"})))
    answers = [
        who.submit(EditFields(OPPORTUNITY, {"desks": 70})).events for who in (desk, desk.another("other"))
    ]
    assert answers == [(), ()]


# ── which version ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_scope_is_judged_as_its_version_reads_the_record(desk):
    """The website counts as a referral now, so what came from there is within the scope of referrals; all of a decision is under one version."""
    desk.submit(
        PublishPlaybook(a_draft(NO_WEBSITE), mappings=told(options={"source": {"website": "referral"}}))
    )
    strict = (
        "        enter:\n          fields: [source]",
        "        enter:\n          fields: [source, is_strategic]",
    )
    desk.submit(PublishPlaybook(a_draft(NO_WEBSITE, strict), scope={"source": ("referral",)}))
    (refused,) = desk.batch(ChangeStage(OPPORTUNITY, "needs_diagnosis"))
    assert [item.id for item in refused.refusal.unmet] == ["field:is_strategic"]
    assert refused.events[0].playbook_version == 3


def test_a_version_that_reads_a_record_into_another_scope_still_decides(desk):
    """The older version calls a website a referral; the newer one, for referrals, knows websites and does not mean this one."""
    desk.submit(
        PublishPlaybook(a_draft(NO_WEBSITE), mappings=told(options={"source": {"website": "referral"}}))
    )
    desk.submit(PublishPlaybook(a_draft(HIGHER), scope={"source": ("referral",)}))
    (moved,) = desk.submit(ChangeStage(OPPORTUNITY, "needs_diagnosis")).events
    (edited,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 4})).events
    assert (moved.playbook_version, edited.playbook_version) == (2, 2)


def test_a_new_record_is_within_a_scope_by_all_it_chooses():
    """Several options of a choice count from the first command on."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(HIGHER), scope={"pains": ("cost",)}))
    (opened,) = desk.submit(OpenRecord(OPPORTUNITY, {"pains": ["time", "cost"]})).events
    assert opened.playbook_version == 2


def test_a_new_record_is_asked_by_the_forms_of_its_own_version():
    """A form of a version with a scope writes to the account when a record within it is opened."""
    forms = "    forms:\n      call: {label: {zh: 通话, en: Call}, fields: [account.hotline]}\n"
    desk = a_desk()
    desk.submit(
        PublishPlaybook(a_draft(("    opens_in:", forms + "    opens_in:")), scope={"source": ("fair",)})
    )
    fields = {"account": ACCOUNT, "account.hotline": "021 5555 0000"}
    assert len(desk.submit(OpenRecord(OPPORTUNITY, {**fields, "source": "fair"})).events) == 2
    with pytest.raises(InvalidCommand):
        desk.submit(OpenRecord("opportunity/opp_2", {**fields, "source": "referral"}))


def test_a_record_goes_with_its_owner_into_the_scope_of_another_region(desk):
    """Also when it is the owner who moves: nothing happens to the record, and the next decision is under the other version."""
    desk.submit(PublishPlaybook(a_draft(HIGHER), scope={"owner.region": ("华东",)}))
    (first,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 4})).events
    desk.submit(MovePerson(ANNA, "north", BEN, "华东"))
    (second,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 5})).events
    (handed,) = desk.submit(ChangeOwner(OPPORTUNITY, BEN)).events
    (last,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 6})).events
    assert [event.playbook_version for event in (first, second, handed, last)] == [1, 2, 2, 1]


# ── going back over a mapping ────────────────────────────────────────────────────────────────────────────────────────


def test_a_restoration_reads_what_was_there_as_the_version_does(desk):
    """An option that is gone goes back to where it was mapped, a field that was renamed under its new name."""
    (change,) = desk.submit(EditFields(OPPORTUNITY, {"source": "fair", "seats": 5})).events
    how = told(fields={"seats": "desks"}, options={"source": {"website": "referral"}})
    desk.submit(PublishPlaybook(a_draft(DESKS, NO_WEBSITE), mappings=how))
    desk.submit(RestoreFields(OPPORTUNITY, change.position))
    assert (seen(desk).fields["source"], seen(desk).fields["desks"]) == ("referral", "3")


def test_a_restoration_sees_later_changes_under_the_new_name(desk):
    (change,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 5})).events
    desk.submit(PublishPlaybook(a_draft(DESKS), mappings=told(fields={"seats": "desks"})))
    desk.submit(EditFields(OPPORTUNITY, {"desks": 7}))
    for name in ("seats", "desks"):
        with pytest.raises(InvalidCommand) as refused:
            desk.submit(RestoreFields(OPPORTUNITY, change.position, frozenset({name})))
        assert pointers(refused) == ["/fields/desks"]


def test_a_reason_is_sealed_for_whom_the_record_is_about_under_another_name():
    """The reference that leads to the subject got another name: who is erased there takes the reasons with them."""
    renamed = (
        ("      account: {type: reference", "      client: {type: reference"),
        ("    subject: account\n", "    subject: client\n"),
    )
    desk = a_desk()
    desk.submit(OpenRecord(OPPORTUNITY, {"account": ACCOUNT}))
    desk.submit(PublishPlaybook(a_draft(*renamed), mappings=told(fields={"account": "client"})))
    (edited,) = desk.submit(EditFields(OPPORTUNITY, {"seats": 4}), reason="they called").events
    assert f'"subject":"{ACCOUNT}"' in edited.reason
    assert SEALED in edited.reason


# ── the command line ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_field_named_twice_on_the_command_line_counts_twice():
    """The second --scope of a field adds its options; it does not silently replace the first."""
    assert cli._scope(["source=fair", "source=referral"]) == {"source": ("fair", "referral")}
