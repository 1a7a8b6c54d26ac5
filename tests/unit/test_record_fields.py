"""Editing the fields of a record."""

import pytest
from support.given import (
    ACCOUNT,
    BEN,
    CONTACT,
    OPPORTUNITY,
    OTHER_ACCOUNT,
    ZOE,
    an_opportunity_in,
    edit,
    given,
)

from domain.events import FieldsChanged, RecordOpened
from domain.refusals import InvalidCommand
from domain.values import Private


def changed(**changes):
    return FieldsChanged({name: {"old": old, "new": new} for name, (old, new) in changes.items()})


def test_a_change_holds_the_old_and_the_new_value():
    given(an_opportunity_in("lead", topic="Gates")).when(edit(topic="Doors")).then(
        changed(topic=("Gates", "Doors"))
    )


def test_a_save_of_three_fields_shows_three_changes():
    then = changed(topic=(None, "Doors"), seats=(None, "2"), is_strategic=(None, False))
    given(an_opportunity_in("lead")).when(edit(topic="Doors", seats=2, is_strategic=False)).then(then)


def test_two_edits_of_one_field_are_two_events():
    """Nothing is merged, however close together."""
    world = an_opportunity_in("lead")
    first = given(world).when(edit(topic="a")).event
    given(world.but(first)).when(edit(topic="b")).then(changed(topic=("a", "b")))


def test_null_clears_a_field():
    given(an_opportunity_in("lead", topic="Gates")).when(edit(topic=None)).then(
        changed(topic=("Gates", None))
    )


@pytest.mark.parametrize("given_again", ["Gates", None])
def test_a_value_that_is_there_already_changes_nothing(given_again):
    world = an_opportunity_in("lead", **({"topic": "Gates"} if given_again else {}))
    given(world).when(edit(topic=given_again)).changes_nothing()


@pytest.mark.parametrize(
    ("stored", "raw"),
    [
        ({"seats": "12.5"}, "12.50"),
        ({"budget": {"amount": "5.00", "currency": "CNY"}}, 5),
        ({"demo_at": "2026-01-31T00:00:00.000000Z"}, "2026-01-31T08:00:00+08:00"),
        ({"pains": ["cost", "time"]}, ["time", "cost"]),
    ],
)
def test_the_same_value_spelt_otherwise_changes_nothing(stored, raw):
    (name,) = stored
    given(an_opportunity_in("lead", **stored)).when(edit(**{name: raw})).changes_nothing()


def test_only_the_fields_that_differ_are_changed():
    given(an_opportunity_in("lead", topic="Gates", seats="1")).when(edit(topic="Gates", seats=2)).then(
        changed(seats=("1", "2"))
    )


def test_saying_that_an_unknown_field_is_empty_is_a_change():
    """Before, nobody knew; now it is known that there is nothing."""
    world = an_opportunity_in("lead").but(RecordOpened({}, "lead", unknown=["topic"]))
    then = given(world).when(edit(topic=None)).then(changed(topic=(None, None)))
    assert world.but(then.event).record.unknown == frozenset()


def test_a_personal_value_is_private_to_the_customer():
    given(an_opportunity_in("lead")).when(edit(note="call back")).then(
        changed(note=(None, Private(ACCOUNT, "call back")))
    )


def test_a_personal_value_follows_the_customer_given_with_it():
    """What is written about the new customer is sealed under the new customer's key; the old value keeps its own."""
    world = an_opportunity_in("lead", note=Private(ACCOUNT, "old"))
    then = changed(
        account=(ACCOUNT, OTHER_ACCOUNT), note=(Private(ACCOUNT, "old"), Private(OTHER_ACCOUNT, "new"))
    )
    given(world).when(edit(account=OTHER_ACCOUNT, note="new")).then(then)


def test_a_record_that_leads_to_no_customer_any_more_is_its_own_subject():
    then = changed(account=(ACCOUNT, None), note=(None, Private(OPPORTUNITY, "alone")))
    given(an_opportunity_in("lead")).when(edit(account=None, note="alone")).then(then)


def test_the_same_personal_value_changes_nothing():
    given(an_opportunity_in("lead", note=Private(ACCOUNT, "same"))).when(edit(note="same")).changes_nothing()


def test_an_erased_value_can_be_written_again():
    """What was there nobody can read, so whatever is written is a change."""
    world = an_opportunity_in("lead", note=Private(ACCOUNT, "same")).without(ACCOUNT)
    given(world).when(edit(note="same")).then(
        changed(note=(Private(ACCOUNT, "same"), Private(ACCOUNT, "same")))
    )


def test_an_empty_text_clears_a_field():
    """A gate asks for filled fields; whoever empties the box has not filled it, be the field personal or not."""
    given(an_opportunity_in("lead")).when(edit(topic="", note="", pains=None)).changes_nothing()
    world = an_opportunity_in("lead", topic="Gates", note=Private(ACCOUNT, "x"))
    then = changed(topic=("Gates", None), note=(Private(ACCOUNT, "x"), None))
    given(world).when(edit(topic="", note="")).then(then)


def test_all_invalid_values_are_named_at_once():
    """With pointers and the nearest valid names, in the order they were given."""
    given(an_opportunity_in("lead")).when(
        edit(
            topci="x",
            source="fare",
            pains=["cost", "cost"],
            budget={"amount": "1", "currency": "USD"},
            expected_on="soon",
            note="a\x00b",
            zzzz=1,
        )
    ).refuses(
        InvalidCommand,
        problems=[
            ("/fields/topci", "topic"),
            ("/fields/source", "fair"),
            "/fields/pains",
            "/fields/budget",
            "/fields/expected_on",
            "/fields/note",
            ("/fields/zzzz", None),
        ],
    )


def test_a_pointer_escapes_what_a_pointer_must():
    """RFC 6901: a name from outside can hold a slash or a tilde."""
    given(an_opportunity_in("lead")).when(edit(**{"a/b~c": 1})).refuses(
        InvalidCommand, problems=["/fields/a~1b~0c"]
    )


@pytest.mark.parametrize("pains", [[], ["cost", "quality", "time"]])
def test_a_choice_wants_as_many_options_as_the_playbook_says(pains):
    given(an_opportunity_in("lead")).when(edit(pains=pains)).refuses(
        InvalidCommand, problems=["/fields/pains"], saying="1 to 2 options"
    )


@pytest.mark.parametrize("account", ["account/acc_404", CONTACT, "acc_1", "", "account/"])
def test_a_reference_leads_to_a_record_of_its_kind(account):
    if account == "":
        given(an_opportunity_in("lead")).when(edit(account=account)).then(changed(account=(ACCOUNT, None)))
    else:
        given(an_opportunity_in("lead")).when(edit(account=account)).refuses(
            InvalidCommand, problems=["/fields/account"]
        )


def test_a_person_field_wants_somebody_who_works_here():
    given(an_opportunity_in("lead")).when(edit(presales=BEN)).then(changed(presales=(None, BEN)))
    given(an_opportunity_in("lead")).when(edit(presales=ZOE)).refuses(
        InvalidCommand, problems=["/fields/presales"]
    )
