"""Money: exact, in one currency, written one way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.money import Money, minor_digits


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.5", "CNY", "1234.50"),
        ("-0", "CNY", "0.00"),
        (5, "USD", "5.00"),
        (Decimal("1E+3"), "EUR", "1000.00"),
        ("1.500", "CNY", "1.50"),
        ("5", "JPY", "5"),
        ("1.005", "KWD", "1.005"),
        ("999999999999999.99", "CNY", "999999999999999.99"),
    ],
)
def test_money_is_written_with_exactly_the_digits_of_its_currency(amount, currency, text):
    """Equal money has equal text, however it was given."""
    money = Money.parse(amount, currency)
    assert money.text == text
    assert str(money) == f"{text} {currency}"
    assert Money.parse(money.text, currency) == money
    assert hash(Money.parse(money.text, currency)) == hash(money)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("1.005", "CNY", "CNY amounts have at most 2 decimals, and 1.005 has more"),
        ("1.5", "JPY", "JPY amounts have no decimals"),
        (Decimal("NaN"), "CNY", "finite"),
        (Decimal("Infinity"), "CNY", "finite"),
        ("NaN", "CNY", "plain digits"),
        ("1e3", "CNY", "plain digits"),
        ("1,000", "CNY", "plain digits"),
        ("１", "CNY", "plain digits"),
        ("", "CNY", "plain digits"),
        ("1000000000000000", "CNY", "smaller than 1,000,000,000,000,000"),
        (10**4000, "CNY", "smaller than"),
        (Decimal("1E-999999"), "CNY", "1E-999999 has more"),
        (Decimal("1E+999999"), "CNY", "smaller than"),
        (1.5, "CNY", "not float"),
        (True, "CNY", "not bool"),
        ("1", "cny", "three capital letters"),
        ("1", "RMB¥", "three capital letters"),
    ],
)
def test_what_is_not_money_is_refused_in_a_sentence(amount, currency, words):
    """Nothing is rounded or guessed."""
    with pytest.raises(ValueError, match=words):
        Money.parse(amount, currency)


def test_constructing_money_checks_it_too():
    """There is no way around the check."""
    assert Money(Decimal(5), "CNY").text == "5.00"
    with pytest.raises(ValueError, match="at most 2 decimals"):
        Money(Decimal("0.001"), "CNY")


def test_currencies_have_their_own_digits():
    """ISO 4217 says how many."""
    assert [minor_digits(it) for it in ("CNY", "JPY", "KWD", "USD")] == [2, 0, 3, 2]
