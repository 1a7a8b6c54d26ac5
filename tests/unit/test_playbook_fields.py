"""Formats, forms and lookups: what a playbook asks of values, and which fields stand together on a page."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.playbook.formats import UnfitValue, refuse_unfit
from domain.playbook.model import FieldSpec, Kind, related_field

LABEL = {"zh": "名", "en": "Name"}
WHY = {"zh": "请填写手机号", "en": "A mobile number is expected"}


def a_field(kind, **about):
    return FieldSpec.model_validate({"type": kind, "label": LABEL, **about})


def fits(spec, stored):
    try:
        refuse_unfit(spec, stored)
    except UnfitValue:
        return False
    return True


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pattern", "value", "does"),
    [
        ("1[3-9][0-9]{9}", "13800138000", True),
        ("1[3-9][0-9]{9}", "138001380001", False),
        ("1[3-9][0-9]{9}", "x13800138000", False),
        ("1[3-9][0-9]{9}", "13800138000\n", False),
        ("a|bc", "bc", True),
        ("a|bc", "ac", False),
        ("华[东南]", "华东", True),
        ("华[东南]", "华北", False),
    ],
)
def test_the_whole_value_matches_its_pattern(pattern, value, does):
    assert fits(a_field("text", pattern=pattern), value) is does


def test_the_refusal_says_what_is_expected_in_both_languages():
    with pytest.raises(UnfitValue) as refused:
        refuse_unfit(a_field("phone", pattern="1[3-9][0-9]{9}", pattern_why=WHY), "12345")
    assert str(refused.value) == "A mobile number is expected (请填写手机号)"
    assert refused.value.why.zh == "请填写手机号"


def test_a_pattern_without_words_is_shown_itself():
    with pytest.raises(UnfitValue, match=r"a value of the form \[A-Z\]\+ is expected"):
        refuse_unfit(a_field("text", pattern="[A-Z]+"), "abc")


@pytest.mark.parametrize(
    ("stored", "does"), [("0.999999", False), ("1", True), ("50", True), ("50.000001", False), ("-1", False)]
)
def test_numbers_and_money_lie_between_their_bounds(stored, does):
    assert fits(a_field("number", min=1, max=50), stored) is does
    assert (
        fits(a_field("money", currency="CNY", min=1, max=50), {"amount": stored, "currency": "CNY"}) is does
    )


def test_a_bound_is_told_with_its_currency():
    with pytest.raises(UnfitValue, match=r"at least 1000\.5 CNY is expected"):
        refuse_unfit(
            a_field("money", currency="CNY", min="1000.50"), {"amount": "1000.00", "currency": "CNY"}
        )


@pytest.mark.parametrize(("text", "does"), [("一二三", True), ("一二三四", False), ("🙂🙂🙂", True)])
def test_a_text_is_measured_in_characters(text, does):
    assert fits(a_field("text", max_length=3), text) is does


@pytest.mark.parametrize("spec", [a_field("text", pattern="a", max_length=1), a_field("number", min=5)])
def test_nothing_always_fits(spec):
    """Whether something must be there is a question for gates."""
    refuse_unfit(spec, None)


@pytest.mark.parametrize("bound", [True, "one", "NaN", "Infinity", "1e15", "0.0000001", [1]])
def test_a_bound_is_a_number_a_field_could_hold(bound):
    with pytest.raises(ValidationError):
        a_field("number", min=bound)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.decimals("-999999", "999999", places=6), st.decimals("-999999", "999999", places=6))
def test_bounds_survive_their_publication_and_mean_the_same(low, value):
    """A bound is published as a decimal text, never as a float."""
    spec = a_field("number", min=low)
    published = spec.as_json()
    assert isinstance(published["min"], str)
    again = FieldSpec.model_validate(published)
    assert again == spec
    assert again.as_json() == published
    assert fits(again, str(value)) is (value >= Decimal(low))


def test_a_long_hostile_value_is_matched_in_linear_time():
    """The engine never tries again what it has read; (a|a)*b would take for ever in others."""
    assert not fits(a_field("text", pattern="(a|a|aa)*b"), "a" * 10_000)


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────

KIND = Kind.model_validate(
    {
        "label": LABEL,
        "collection": "orders",
        "prefix": "ord",
        "fields": {
            "customer": {"type": "reference", "to": "customer", "label": LABEL},
            "amount": {"type": "number", "label": LABEL},
        },
        "stages": {
            "placed": {"label": LABEL, "nodes": {"noted": {"label": LABEL}, "checked": {"label": LABEL}}},
            "paid": {"label": LABEL},
        },
        "forms": {
            "order": {"label": LABEL, "stages": ["placed"], "fields": ["customer", "customer.phone"]},
            "payment": {"label": LABEL, "stages": ["checked", "paid"], "fields": ["amount"]},
            "remark": {"label": LABEL, "fields": ["amount"]},
        },
    }
)


@pytest.mark.parametrize(
    ("step", "forms"),
    [
        ("noted", ("order", "remark")),
        ("checked", ("order", "payment", "remark")),
        ("paid", ("payment", "remark")),
        (None, ("remark",)),
        ("gone", ("remark",)),
    ],
)
def test_a_form_is_offered_in_its_stages_with_all_their_nodes(step, forms):
    assert KIND.forms_at(step) == forms


def test_a_field_of_another_kind_is_reached_through_the_reference_that_leads_there():
    assert related_field(KIND, "customer.phone") == ("customer", "customer", "phone")


@pytest.mark.parametrize(
    "name", ["customer", "amount", "customer.name", "amount.phone", "other.phone", "customer.", ".phone"]
)
def test_only_what_is_on_a_form_is_written_from_another_record(name):
    assert related_field(KIND, name) is None


def test_forms_keep_their_order_in_the_log():
    published = KIND.as_json()
    assert [form["name"] for form in published["forms"]] == ["order", "payment", "remark"]
    assert published["forms"][0]["fields"] == ["customer", "customer.phone"]
    assert Kind.model_validate(published) == KIND
