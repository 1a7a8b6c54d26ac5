"""Opening a record."""

import pytest
from support.given import (
    ACCOUNT,
    ANNA,
    OPPORTUNITY,
    VISIT,
    ZOE,
    an_opportunity_in,
    given,
    nothing_yet,
    open_opportunity,
    waiving,
)

from domain.events import GateOverridden, RecordOpened
from domain.playbook.model import Right
from domain.record.commands import ChangeStage, EditFields, OpenRecord, Override
from domain.refusals import AlreadyExists, GateNotMet, InvalidCommand, NotAllowed, NotFound
from domain.values import Private


def test_a_record_begins_in_the_first_stage_of_its_path():
    given(nothing_yet()).when(open_opportunity()).then(RecordOpened({}, "lead"))


def test_a_record_begins_with_its_fields_owner_and_external_id():
    command = open_opportunity({"topic": "Gates", "seats": "3.0"}, owner=ANNA, external_id="CRM-7")
    given(nothing_yet()).when(command).then(
        RecordOpened({"topic": "Gates", "seats": "3"}, "lead", ANNA, "CRM-7")
    )


def test_a_record_may_begin_later_where_the_playbook_says_so():
    command = open_opportunity({"source": "fair"}, stage="needs_diagnosis")
    given(nothing_yet()).when(command).then(RecordOpened({"source": "fair"}, "needs_diagnosis"))


def test_a_record_begins_in_no_other_stage():
    """Together with everything else the stage asks for."""
    given(nothing_yet()).when(open_opportunity(stage="won")).refuses(
        GateNotMet, unmet=["move:open", "field:budget"]
    )


def test_the_gate_of_the_first_stage_is_asked():
    given(nothing_yet()).when(open_opportunity(stage="needs_diagnosis")).refuses(
        GateNotMet, unmet=["field:source"]
    )


def test_a_kind_without_stages_has_none():
    given(nothing_yet()).when(OpenRecord("account/acc_9", {"name": "Acme"})).then(
        RecordOpened({"name": "Acme"})
    )


def test_null_is_no_value():
    given(nothing_yet()).when(open_opportunity({"topic": None})).then(RecordOpened({}, "lead"))


def test_what_is_not_known_yet_is_neither_filled_nor_empty():
    command = open_opportunity({"topic": "Gates"}, unknown=frozenset({"topic", "source", "budget"}))
    given(nothing_yet()).when(command).then(
        RecordOpened({"topic": "Gates"}, "lead", unknown=["budget", "source"])
    )


def test_a_record_is_opened_once():
    given(an_opportunity_in("lead")).when(open_opportunity()).refuses(AlreadyExists, saying="'opp_1'")


def test_personal_values_are_private_to_the_customer_the_record_leads_to():
    """Text, phone and e-mail are personal unless the playbook says otherwise."""
    command = open_opportunity(
        {"account": ACCOUNT, "note": "in a hurry", "buyer_phone": "+86 138 0013 8000", "topic": "Gates"}
    )
    expected = {
        "account": ACCOUNT,
        "note": Private(ACCOUNT, "in a hurry"),
        "buyer_phone": Private(ACCOUNT, "+8613800138000"),
        "topic": "Gates",
    }
    given(nothing_yet()).when(command).then(RecordOpened(expected, "lead"))


def test_personal_values_are_private_to_the_record_where_it_leads_nowhere():
    given(nothing_yet()).when(open_opportunity({"note": "hi!"})).then(
        RecordOpened({"note": Private(OPPORTUNITY, "hi!")}, "lead")
    )


def test_a_contact_is_its_own_subject():
    command = OpenRecord("contact/con_9", {"name": "Li Lei", "mail": "li@example.com"})
    expected = {
        "name": Private("contact/con_9", "Li Lei"),
        "mail": Private("contact/con_9", "li@example.com"),
    }
    given(nothing_yet()).when(command).then(RecordOpened(expected))


def test_everything_wrong_is_named_at_once():
    """Each problem with a pointer into the command, and the nearest valid name where there is one."""
    command = open_opportunity(
        {
            "sourcee": "fair",
            "source": "refferal",
            "budget": "1.005",
            "seats": True,
            "presales": ZOE,
            "account": "account/acc_9",
        },
        stage="leed",
        owner="person/per_nobody",
        unknown=frozenset({"bugdet"}),
    )
    given(nothing_yet()).when(command).refuses(
        InvalidCommand,
        problems=[
            "/owner",
            ("/stage", "lead"),
            ("/unknown", "budget"),
            ("/fields/sourcee", "source"),
            ("/fields/source", "referral"),
            "/fields/budget",
            "/fields/seats",
            "/fields/presales",
            "/fields/account",
        ],
    )


def test_what_is_invalid_is_said_before_what_is_unmet():
    """A gate is only asked about values that could be stored."""
    command = open_opportunity({"seats": "many"}, stage="needs_diagnosis")
    given(nothing_yet()).when(command).refuses(InvalidCommand, problems=["/fields/seats"])


def test_evidence_is_not_a_value():
    given(nothing_yet()).when(open_opportunity({"cost_sheet": "abc"})).refuses(
        InvalidCommand, problems=["/fields/cost_sheet"]
    )


@pytest.mark.parametrize(
    ("kind", "suggestion"), [("oportunity", "opportunity"), ("acount", "account"), ("zzz", None)]
)
def test_an_unknown_kind_is_answered_with_the_nearest_one(kind, suggestion):
    refused = given(nothing_yet()).when(OpenRecord(f"{kind}/x_1")).refuses(NotFound).refusal
    assert (refused.what, refused.name, refused.suggestion) == ("kind", kind, suggestion)


@pytest.mark.parametrize(
    "command", [EditFields(OPPORTUNITY, {"nonsense": 1}), ChangeStage(OPPORTUNITY, "nowhere")]
)
def test_nothing_can_be_asked_of_a_record_that_was_never_opened(command):
    refused = given(nothing_yet()).when(command).refuses(NotFound).refusal
    assert (refused.what, refused.name) == ("opportunity", "opp_1")


@pytest.mark.parametrize(
    "stream",
    [
        "opportunity/",
        "opportunity",
        "opportunity/a\nb",
        "opportunity/a\x00",
        "opportunity/\ud800",
        "opportunity/a/b",
        "opportunity/" + "x" * 300,
        "opportunity/a b",
    ],
    ids=ascii,
)
def test_an_id_that_cannot_name_a_record_is_refused(stream):
    """Streams are sealed as text and bound into ciphertexts, so they hold nothing that could be mistaken."""
    given(nothing_yet()).when(OpenRecord(stream)).refuses(InvalidCommand, problems=["/stream"])


@pytest.mark.parametrize("hostile", ["a\x00b", "a\ud800b", "x" * 1000])
def test_hostile_names_beside_the_fields_are_refused_too(hostile):
    """Nothing that the log cannot hold gets past a decision, wherever it stands."""
    command = open_opportunity(external_id=hostile)
    given(nothing_yet()).when(command).refuses(InvalidCommand, problems=["/external_id"])


def test_an_opening_can_be_waived_through_with_the_right():
    command = open_opportunity(stage="needs_diagnosis", override=waiving("field:source"))
    world = nothing_yet().because("the fair was cancelled").who_may(Right.waive)
    given(world).when(command).then(
        RecordOpened(
            {}, "needs_diagnosis", override={"name": "agreed_with_head", "waived": ["field:source"]}
        ),
        GateOverridden("agreed_with_head", "needs_diagnosis", ["field:source"]),
    )


def test_an_import_waives_whatever_is_unmet_and_says_what_it_was():
    command = open_opportunity(stage="won", override=Override("crm_export"))
    expected = {"name": "crm_export", "waived": ["move:open", "field:budget"]}
    given(nothing_yet().who_may(Right.import_data)).when(command).then(
        RecordOpened({}, "won", override=expected)
    )
    given(nothing_yet().who_may(Right.waive)).when(command).refuses(NotAllowed)


def test_a_path_where_skipping_is_allowed_still_begins_where_it_begins():
    given(nothing_yet()).when(OpenRecord(VISIT, stage="on_site")).refuses(GateNotMet, unmet=["move:open"])
