"""Confirmations: somebody says that values still hold. No value changes, and what is known of them is new again."""

import pytest
from support.desk import a_desk
from support.given import (
    ACCOUNT,
    ANNA,
    NOW,
    OPPORTUNITY,
    an_opportunity_in,
    an_opportunity_ready_in,
    given,
    nothing_yet,
)

from domain.erasure import EraseSubject
from domain.events import FieldsConfirmed
from domain.record import state as record_state
from domain.record.commands import ConfirmFields, EditFields, OpenRecord
from domain.refusals import InvalidCommand, NotFound


def confirm(*names):
    return ConfirmFields(OPPORTUNITY, frozenset(names))


def test_whoever_confirms_values_says_that_they_still_hold():
    """Names in alphabetical order, personal values among them, and none of the values themselves."""
    given(an_opportunity_ready_in("quoted")).when(confirm("source", "note", "budget")).then(
        FieldsConfirmed(["budget", "note", "source"])
    )


def test_the_same_again_is_another_confirmation():
    """What was known a month ago is known again today."""
    world = an_opportunity_in("lead", source="fair").but(FieldsConfirmed(["source"]))
    given(world).when(confirm("source")).then(FieldsConfirmed(["source"]))


def test_no_value_changes_and_the_version_does():
    """As a touch does: whoever edits on an older version learns that something happened, but no field of theirs is in the way."""
    before = an_opportunity_in("lead", source="fair")
    after = before.but(FieldsConfirmed(["source"]))
    assert (after.record.fields, after.record.stage) == (before.record.fields, before.record.stage)
    assert (before.record.version, after.record.version) == (1, 2)


def test_everything_wrong_is_said_at_once():
    """An unknown name with the nearest one, an empty field, and a field that holds evidence."""
    given(an_opportunity_in("lead", source="fair")).when(
        confirm("sauce", "budget", "cost_sheet", "source")
    ).refuses(
        InvalidCommand,
        problems=["/fields/budget", "/fields/cost_sheet", ("/fields", "source")],
        saying="there is nothing that could still hold",
    )


def test_nothing_is_confirmed_by_naming_nothing():
    given(an_opportunity_in("lead")).when(confirm()).refuses(InvalidCommand, problems=["/fields"])


def test_a_value_nobody_knows_cannot_be_confirmed():
    """It is neither filled nor empty: whoever learns it, tells it."""
    desk = a_desk()
    desk.submit(OpenRecord(OPPORTUNITY, {"account": ACCOUNT}, "lead", ANNA, unknown=frozenset({"seats"})))
    with pytest.raises(InvalidCommand, match="nobody knows"):
        desk.submit(confirm("seats"))


def test_what_was_erased_cannot_be_confirmed():
    desk = a_desk()
    desk.submit(OpenRecord(OPPORTUNITY, {"account": ACCOUNT, "note": "call back"}, "lead", ANNA))
    desk.submit(confirm("note"))
    desk.submit(EraseSubject(ACCOUNT))
    with pytest.raises(InvalidCommand, match="was erased"):
        desk.submit(confirm("note"))


def test_a_record_that_is_not_there_has_nothing_to_confirm():
    given(nothing_yet()).when(confirm("source")).refuses(NotFound)


def test_a_confirmation_holds_no_value_and_needs_no_version():
    """A caller may say which version was seen all the same; one that is behind is told so, by no changed field."""
    desk = a_desk()
    desk.submit(OpenRecord(OPPORTUNITY, {"account": ACCOUNT, "note": "call back"}, "lead", ANNA))
    (confirmed,) = desk.submit(confirm("account", "note"), occurred_at=None).events
    assert (confirmed.event.payload(), confirmed.version, confirmed.occurred_at) == (
        {"fields": ["account", "note"]},
        2,
        None,
    )
    desk.submit(confirm("note"), expected_version=2)
    stale = desk.bus.submit_batch([desk.submission(confirm("note"), expected_version=2)])[0]
    assert (stale.error.current, list(stale.error.changes)) == (3, [])


def test_a_confirmation_stands_under_the_name_the_rules_have_then():
    """What it is about is told by its name and its position, as every event is."""
    desk = a_desk()
    desk.submit(OpenRecord(OPPORTUNITY, {"account": ACCOUNT, "seats": 3}, "lead", ANNA))
    desk.submit(EditFields(OPPORTUNITY, {"seats": None}))
    with pytest.raises(InvalidCommand, match="is empty"):
        desk.submit(confirm("seats"))
    record = record_state.fold(None, desk.log.stream(OPPORTUNITY))
    assert record is not None
    assert (record.version, record.opened_at) == (2, NOW)
