"""Values: what each type takes, how it is spelt in the log, and everything it refuses."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.money import Money
from domain.rules.types import FieldType, ValueType
from domain.values import (
    DECIMAL_PLACES,
    MAX_NUMBER,
    MAX_TEXT,
    Private,
    ValueRefused,
    is_personal,
    load,
    moment_text,
    store,
)

OPTIONS = ("cost", "quality", "time")
TYPES = {
    "choice": FieldType(ValueType.choice, options=OPTIONS),
    "choices": FieldType(ValueType.choices, options=OPTIONS),
    "money": FieldType(ValueType.money, currency="CNY"),
    "yen": FieldType(ValueType.money, currency="JPY"),
    "dinar": FieldType(ValueType.money, currency="KWD"),
}


def a(name):
    return TYPES.get(name) or FieldType(ValueType(name))


SHANGHAI = timezone(timedelta(hours=8))

ACCEPTED = [
    ("text", "", ""),
    ("text", " as written ", " as written "),
    ("text", "中文 🙂 \n\t", "中文 🙂 \n\t"),
    ("text", "x" * MAX_TEXT, "x" * MAX_TEXT),
    ("number", 0, "0"),
    ("number", "-0", "0"),
    ("number", "-0.000", "0"),
    ("number", 7, "7"),
    ("number", " 12.50 ", "12.5"),
    ("number", "+3", "3"),
    ("number", "1e3", "1000"),
    ("number", "100", "100"),
    ("number", "0.000001", "0.000001"),
    ("number", "1.0000000000", "1"),
    ("number", Decimal("2.50"), "2.5"),
    ("number", 10**15 - 1, "999999999999999"),
    ("number", "-999999999999999.999999", "-999999999999999.999999"),
    ("money", "1234.5", {"amount": "1234.50", "currency": "CNY"}),
    ("money", 7, {"amount": "7.00", "currency": "CNY"}),
    ("money", Decimal("0.10"), {"amount": "0.10", "currency": "CNY"}),
    ("money", "-0.00", {"amount": "0.00", "currency": "CNY"}),
    ("money", {"amount": "5", "currency": "CNY"}, {"amount": "5.00", "currency": "CNY"}),
    ("yen", "500", {"amount": "500", "currency": "JPY"}),
    ("dinar", "1.234", {"amount": "1.234", "currency": "KWD"}),
    ("date", "2026-02-28", "2026-02-28"),
    ("date", date(1, 1, 1), "0001-01-01"),
    ("date", "2024-02-29", "2024-02-29"),
    ("datetime", "2026-01-31T08:00:00+08:00", "2026-01-31T00:00:00.000000Z"),
    ("datetime", "2026-01-31T08:00:00.123456Z", "2026-01-31T08:00:00.123456Z"),
    ("datetime", datetime(2026, 1, 31, 8, tzinfo=SHANGHAI), "2026-01-31T00:00:00.000000Z"),
    ("datetime", "0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
    ("boolean", True, True),
    ("boolean", False, False),
    ("choice", "cost", "cost"),
    ("choices", [], []),
    ("choices", ["time", "cost"], ["cost", "time"]),
    ("choices", ("quality",), ["quality"]),
    ("person", "person/per_1", "person/per_1"),
    ("reference", "account/acc_1", "account/acc_1"),
    ("phone", "+86 138 0013 8000", "+8613800138000"),
    ("phone", "(0755) 1234-5678", "075512345678"),
    ("email", "name@example.com", "name@example.com"),
    ("email", "名@例子.中国", "名@例子.中国"),
]

REFUSED = [
    *[(name, raw) for name in ("text", "number", "money", "date", "datetime", "boolean", "choice", "choices", "person", "reference", "phone", "email")
      for raw in (1.5, float("nan"), float("inf"), object, b"bytes", {"a": 1})],
    *[(name, raw) for name in ("text", "person", "reference", "phone", "email", "date", "datetime")
      for raw in ("a\x00b", "a\ud800b", 7, True, ["x"])],
    ("text", "x" * (MAX_TEXT + 1)),
    ("reference", "x" * 201),
    ("person", "x" * 201),
    ("number", True),
    ("number", False),
    ("number", ""),
    ("number", "twelve"),
    ("number", "NaN"),
    ("number", "sNaN"),
    ("number", "Infinity"),
    ("number", "-inf"),
    ("number", Decimal("NaN")),
    ("number", Decimal("sNaN")),
    ("number", "1e999"),
    ("number", "1e9999999999"),
    ("number", "-1e9999999999"),
    ("number", "1e-7"),
    ("number", "1e-999"),
    ("number", "1e-99999999999"),
    ("number", Decimal("1e-99999999")),
    ("number", "1.0000001"),
    ("number", "1." + "0" * 27 + "1"),
    ("number", 10**15),
    ("number", -(10**15)),
    ("number", "1000000000000000"),
    ("number", "0x10"),
    ("number", "1_000"),
    ("number", "1,000"),
    ("number", "１２"),
    ("number", "1\x00"),
    ("number", "1 2"),
    ("money", True),
    ("money", ""),
    ("money", "1.005"),
    ("money", "1e3"),
    ("money", "NaN"),
    ("money", "1_000"),
    ("money", "１２"),
    ("money", 10**15),
    ("money", Decimal("sNaN")),
    ("money", {"amount": "5", "currency": "USD"}),
    ("money", {"amount": "5"}),
    ("money", {"currency": "CNY"}),
    ("money", {"amount": None, "currency": "CNY"}),
    ("money", {"amount": 5.0, "currency": "CNY"}),
    ("money", {"amount": "5", "currency": "CNY", "more": 1}),
    ("money", {"amount": "5", "currency": ["CNY"]}),
    ("yen", "1.5"),
    ("dinar", "1.2345"),
    ("date", "2026-02-30"),
    ("date", "2026-2-3"),
    ("date", "20260203"),
    ("date", "2026-W05-1"),
    ("date", "03.02.2026"),
    ("date", "2026-02-03T00:00:00"),
    ("date", datetime(2026, 2, 3, tzinfo=UTC)),
    ("date", ""),
    ("datetime", "2026-01-31T08:00:00"),
    ("datetime", "2026-01-31"),
    ("datetime", datetime(2026, 1, 31)),  # noqa: DTZ001 — the missing offset is what is refused
    ("datetime", "0001-01-01T00:00:00+08:00"),
    ("datetime", "9999-12-31T23:59:59-08:00"),
    ("datetime", "tomorrow"),
    ("boolean", 1),
    ("boolean", 0),
    ("boolean", "true"),
    ("choice", "Cost"),
    ("choice", ""),
    ("choice", ["cost"]),
    ("choices", "cost"),
    ("choices", ["cost", "cost"]),
    ("choices", ["cost", "money"]),
    ("choices", [["cost"]]),
    ("choices", {"cost"}),
    ("phone", "1234"),
    ("phone", "1" * 21),
    ("phone", "+"),
    ("phone", "++8613800138000"),
    ("phone", "138x00138000"),
    ("phone", "１３８００１３８０００"),
    ("phone", ""),
    ("email", "name"),
    ("email", "@example.com"),
    ("email", "name@"),
    ("email", "name@host"),
    ("email", "a@b@example.com"),
    ("email", "na me@example.com"),
    ("email", "name@.example.com"),
    ("email", "name@example.com."),
    ("email", "x" * 250 + "@example.com"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "raw", "stored"), ACCEPTED, ids=lambda item: repr(item)[:40])
def test_a_value_that_fits_is_spelt_in_the_one_way_of_the_log(name, raw, stored):
    """Typed and exact: never formatted, never a float."""
    found = store(a(name), raw)
    assert found == stored
    assert type(found) is type(stored)


@pytest.mark.parametrize(("name", "raw"), REFUSED, ids=lambda item: ascii(item)[:40])
def test_a_value_that_does_not_fit_is_refused(name, raw):
    """Whatever is sent in, the answer is a sentence and never an accident."""
    with pytest.raises(ValueRefused) as refused:
        store(a(name), raw)
    assert str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(("raw", "suggestion"), [("cots", "cost"), ("Quality", "quality"), ("banana", None)])
def test_a_wrong_option_is_answered_with_the_nearest_one(raw, suggestion):
    for field, value in ((a("choice"), raw), (a("choices"), ["time", raw])):
        with pytest.raises(ValueRefused) as refused:
            store(field, value)
        assert refused.value.suggestion == suggestion


@pytest.mark.parametrize(
    ("at_least", "at_most", "count", "fits"),
    [
        (0, None, 0, True),
        (0, None, 3, True),
        (1, 2, 0, False),
        (1, 2, 1, True),
        (1, 2, 2, True),
        (1, 2, 3, False),
        (3, 3, 2, False),
        (3, 3, 3, True),
    ],
)
def test_as_many_options_as_the_playbook_says(at_least, at_most, count, fits):
    """The refusal says how many are expected and how many came."""
    chosen = list(OPTIONS[:count])
    if fits:
        assert store(a("choices"), chosen, at_least=at_least, at_most=at_most) == chosen
    else:
        expected = f"exactly {at_most}" if at_least == at_most else f"{at_least} to {at_most}"
        with pytest.raises(ValueRefused, match=f"{expected} options are expected, {count} are given"):
            store(a("choices"), chosen, at_least=at_least, at_most=at_most)


@pytest.mark.parametrize(
    ("name", "stored", "loaded"),
    [
        ("number", "12.5", Decimal("12.5")),
        ("money", {"amount": "5.00", "currency": "CNY"}, Money(Decimal(5), "CNY")),
        ("date", "2026-02-03", date(2026, 2, 3)),
        ("datetime", "0999-01-01T00:00:00.000000Z", datetime(999, 1, 1, tzinfo=UTC)),
        ("choices", ["cost", "time"], ("cost", "time")),
        ("boolean", False, False),
        ("text", "", ""),
    ],
)
def test_rules_compute_with_what_was_stored(name, stored, loaded):
    assert load(a(name), stored) == loaded


@pytest.mark.parametrize("name", [*ValueType, "yen"])
def test_null_stays_null(name):
    assert load(a(name), None) is None


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*ValueType, "yen", "dinar"]), st.one_of(
    st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.none(), st.decimals(), st.dates(), st.datetimes(),
    st.datetimes(timezones=st.timezones()), st.lists(st.text(max_size=5), max_size=3), st.dictionaries(st.text(max_size=8), st.integers(), max_size=2),
    st.from_regex(r"[-+]?[0-9]{1,18}(\.[0-9]{1,9})?(e[-+]?[0-9]{1,9})?", fullmatch=True), st.sampled_from(OPTIONS),
))  # fmt: skip
def test_anything_is_either_stored_exactly_or_refused(name, raw):
    """Storing what is stored again changes nothing, so a value read from one log can be written to another."""
    field = a(str(name))
    try:
        stored = store(field, raw)
    except ValueRefused:
        return
    assert store(field, stored) == stored
    load(field, stored)


@given(st.decimals(min_value=-MAX_NUMBER + 1, max_value=MAX_NUMBER - 1, places=DECIMAL_PLACES))
def test_numbers_are_kept_to_the_last_digit(number):
    assert load(a("number"), store(a("number"), number)) == number


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.timezones()))  # noqa: DTZ001 — the zones come beside
def test_moments_are_kept_to_the_microsecond(moment):
    text = moment_text(moment)
    assert len(text) == len("2026-01-31T00:00:00.000000Z")
    assert datetime.fromisoformat(text) == moment.astimezone(UTC)


def test_a_private_value_does_not_show_itself():
    """Not in a log line, not in a traceback."""
    assert "secret" not in repr(Private("contact/con_1", "secret"))
    assert is_personal(Private("contact/con_1", "secret"))
    assert is_personal({"$sealed": {}})
    assert not is_personal({"amount": "1"})
