"""What rules mean: three-valued logic, NULL, exact decimals, money, moments and text."""

from __future__ import annotations

import decimal
import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from support.rule_trees import VOCABULARY, Facts

from commands.rule_parser import parse_rule
from domain.money import Money
from domain.rules.arithmetic import add, divide, multiply, subtract
from domain.rules.closure import compile_rule
from domain.rules.tree import evidence_types_of, facts_of, fields_of

D = Decimal
T, F, N = True, False, None
TRUTH = (True, False, None)


def judge(text, facts=None, **row):
    return compile_rule(parse_rule(text, VOCABULARY).tree)(row, facts or Facts())


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("AND", {(T, T): T, (T, N): N, (N, T): N, (N, N): N}),
        ("OR", {(F, F): F, (F, N): N, (N, F): N, (N, N): N}),
    ],
)
def test_kleene_truth_tables(operator, expected):
    """A false operand decides AND, a true one decides OR, whatever is unknown beside it."""
    otherwise = operator == "OR"
    for left, right in itertools.product(TRUTH, TRUTH):
        answer = judge(f'urgent {operator} "NULL"', urgent=left, NULL=right)
        assert answer is expected.get((left, right), otherwise), (left, right)


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("NOT urgent", (F, T, N)),
        ("urgent IS TRUE", (T, F, F)),
        ("urgent IS FALSE", (F, T, F)),
        ("urgent IS NOT TRUE", (F, T, T)),
        ("urgent IS NULL", (F, F, T)),
        ("urgent IS NOT NULL", (T, T, F)),
        ("urgent = TRUE", (T, F, N)),
        ("urgent <> TRUE", (F, T, N)),
        ("urgent IN (TRUE, FALSE)", (T, T, N)),
        ("COALESCE(urgent, FALSE)", (T, F, F)),
        ("urgent", (T, F, N)),
        ("(urgent AND urgent) IS NULL", (F, F, T)),
    ],
)
def test_one_truth_value(text, answers):
    """What each operator makes of true, of false and of unknown."""
    assert tuple(judge(text, urgent=it) for it in TRUTH) == answers


@pytest.mark.parametrize(
    "text",
    [
        "discount = 1",
        "discount <> 1",
        "discount < 1",
        "discount IN (1, 2)",
        "discount NOT IN (1, 2)",
        "discount BETWEEN 1 AND 2",
        "discount + 1 > 0",
        "-discount > 0",
        "seats * discount = 0",
        "title LIKE 'a%'",
        "title NOT LIKE '%a'",
        "LENGTH(title) = 0",
        "CONTAINS(interests, 'demo')",
        "COUNT_OF(interests) = 0",
        "DAYS_BETWEEN(due, signed) > 0",
        "amount > 5",
        "met_at > TIMESTAMP '2026-01-31T00:00:00Z'",
        "evidence('cost_sheet')",
        "touches('wechat', 7) = 0",
        "days_in_stage() > 3",
        "stage() = 'lead'",
        "COALESCE(discount, order) > 0",
    ],
)
def test_what_is_missing_is_unknown(text):
    """A missing field and an unanswered fact make a comparison unknown, also when it is turned around."""
    assert judge(text) is None
    assert judge(f"NOT ({text})") is None
    assert judge(text, **dict.fromkeys(VOCABULARY.fields)) is None


def test_between_needs_only_one_known_border_to_be_false():
    """BETWEEN is two comparisons joined by AND, and false when either is."""
    assert judge("seats BETWEEN discount AND 5", seats=D(6)) is False
    assert judge("seats BETWEEN discount AND 5", seats=D(4)) is None
    assert judge("seats BETWEEN 5 AND discount", seats=D(4)) is False
    assert judge("seats NOT BETWEEN 5 AND discount", seats=D(4)) is True
    assert judge("seats BETWEEN 4 AND 4", seats=D("4.000000")) is True


@pytest.mark.parametrize(
    ("left", "operator", "right", "result"),
    [
        ("0.000001", "*", "0.5", "0"),
        ("0.000003", "*", "0.5", "0.000002"),
        ("0.000005", "*", "0.5", "0.000002"),
        ("-0.000003", "*", "0.5", "-0.000002"),
        ("1", "/", "3", "0.333333"),
        ("2", "/", "3", "0.666667"),
        ("1", "/", "-3", "-0.333333"),
        ("0.000001", "/", "2", "0"),
        ("0.000003", "/", "2", "0.000002"),
        ("0.1", "+", "0.2", "0.3"),
        ("999999999999999.999999", "+", "0.000001", "1000000000000000"),
        ("0.000001", "/", "999999999999999.999999", "0"),
        ("999999999999999.999999", "/", "0.001", "999999999999999999.999"),
        ("999999999999999.999999", "*", "999.999999", "999999998999999999.999"),
    ],
)
def test_results_are_rounded_half_even_to_six_places(left, operator, right, result):
    """Every single operation has six decimal places and is exact before it is rounded."""
    function = {"+": add, "-": subtract, "*": multiply, "/": divide}[operator]
    assert function(D(left), D(right)) == D(result)
    if abs(D(result)) < 10**15:  # else it cannot be written in a rule
        assert judge(f"discount {operator} seats = {result}", discount=D(left), seats=D(right)) is True


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("discount / seats > 0", {"discount": D(1), "seats": D(0)}),
        ("discount / (seats - seats) > 0", {"discount": D(0), "seats": D(5)}),
        ("discount / 0 > 0", {"discount": D(1)}),
        ("amount / 0 > 5", {"amount": Money.parse("1", "CNY")}),
        ("amount / 客户预算 > 5", {"amount": Money.parse("1", "CNY"), "客户预算": Money.parse("0", "CNY")}),
        ("discount * seats > 0", {"discount": D(10) ** 9, "seats": D(10) ** 9}),
        ("discount * seats < 0", {"discount": D(10) ** 14, "seats": D(-(10**14))}),
        ("discount / seats > 0", {"discount": D(10) ** 14, "seats": D("0.000001")}),
        ("(discount * 1000 + 0) * 1000 > 0", {"discount": D("999999999999999")}),
    ],
)
def test_out_of_range_and_division_by_zero_are_unknown(text, row):
    """A result that no back end could hold, or that does not exist, is NULL and travels on as such."""
    assert judge(text, **row) is None
    assert judge(f"({text}) IS NULL", **row) is True


def test_the_range_ends_just_below_ten_to_the_eighteenth():
    """The border is looked at after rounding."""
    assert add(D("999999999999999999.999998"), D("0.000001")) == D("999999999999999999.999999")
    assert add(D("999999999999999999.999999"), D("0.000001")) is None
    assert subtract(D("-999999999999999999.999999"), D("0.000001")) is None
    assert multiply(D("999999999999999999.999999"), D("1.000000000000000000000001")) is None


def test_the_callers_decimal_context_does_not_matter():
    """Neither a tiny precision nor traps of the surrounding code change an answer, and nothing leaks out."""
    with decimal.localcontext() as context:
        context.prec = 2
        context.rounding = decimal.ROUND_UP
        context.traps[decimal.Inexact] = True
        context.clear_flags()
        rule = compile_rule(parse_rule("-(discount * seats / 3) = -41152.263333", VOCABULARY).tree)
        assert rule({"discount": D("123.45679"), "seats": D(1000)}, Facts()) is True
        assert not any(context.flags.values())


def test_money_is_compared_exactly_in_its_own_currency():
    """Rules never round to minor units; money of another currency than the field's is unknown."""
    fen = Money.parse("100.01", "CNY")
    assert judge("amount > 100", amount=fen) is True
    assert judge("amount * 0.1 = 10.001", amount=fen) is True
    assert judge("amount / 3 = 33.336667", amount=fen) is True
    assert (
        judge("amount / 客户预算 = 2", amount=Money.parse("2", "CNY"), 客户预算=Money.parse("1", "CNY"))
        is True
    )
    assert judge("amount - 客户预算 < 0", amount=fen, 客户预算=Money.parse("200", "CNY")) is True
    assert judge("amount > 100", amount=Money.parse("100.01", "USD")) is None
    assert judge("amount IS NULL", amount=Money.parse("100.01", "USD")) is True
    assert judge("amount IN (100.01, 5)", amount=fen) is True
    assert judge('"list price" = 1.005', **{"list price": Money.parse("1.005", "KWD")}) is True


def test_moments_are_compared_as_instants():
    """The offset is how a moment was written, not what it is; the hour that happens twice is two moments."""
    text = "met_at = TIMESTAMP '2026-01-31T08:00:00+08:00'"
    assert judge(text, met_at=datetime(2026, 1, 31, tzinfo=UTC)) is True
    assert judge(text, met_at=datetime(2026, 1, 30, 19, tzinfo=timezone(timedelta(hours=-5)))) is True
    berlin = ZoneInfo("Europe/Berlin")
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=it) for it in (0, 1))
    assert judge("met_at < called_at", met_at=first, called_at=second) is True
    assert judge("met_at = called_at", met_at=first, called_at=second) is False


def test_dates_are_counted_in_whole_days():
    """DAYS_BETWEEN(a, b) is b - a, negative when b is earlier."""
    assert judge("DAYS_BETWEEN(due, signed) = 2", due=date(2024, 2, 28), signed=date(2024, 3, 1)) is True
    assert judge("DAYS_BETWEEN(signed, due) = -2", due=date(2024, 2, 28), signed=date(2024, 3, 1)) is True
    assert judge("due < DATE '2026-02-01'", due=date(2026, 1, 31)) is True


@pytest.mark.parametrize(
    ("text", "row", "answer"),
    [
        ("title < 'a'", {"title": "Z"}, T),
        ("title > 'z'", {"title": "é"}, T),
        ("title = 'é'", {"title": "e\u0301"}, F),
        ("title < '𝄞'", {"title": "\uffee"}, T),
        ("LENGTH(title) = 1", {"title": "𝄞"}, T),
        ("LENGTH(title) = 0", {"title": ""}, T),
        ("title IS NULL", {"title": ""}, F),
        ("title LIKE 'A%'", {"title": "abc"}, F),
        ("title LIKE '%c'", {"title": "abc"}, T),
        ("title LIKE '%b%'", {"title": "abc"}, T),
        ("title LIKE '%ß%'", {"title": "STRASSE"}, F),
        ("title NOT LIKE '合同%'", {"title": "合同 v2"}, F),
        ("email LIKE '%@example.com'", {"email": "a@example.com"}, T),
        ("CONTAINS(interests, 'demo')", {"interests": ("price", "demo")}, T),
        ("CONTAINS(interests, 'demo')", {"interests": ()}, F),
        ("COUNT_OF(interests) = 0", {"interests": ()}, T),
        ("interests IS NULL", {"interests": ()}, F),
        ("industry = 'retail'", {"industry": "retail"}, T),
        ("industry = 'retail'", {"industry": "an option of last year"}, F),
    ],
)
def test_text_is_compared_by_code_point(text, row, answer):
    """No case folding, no normalisation, no collation: what differs is different, on every back end."""
    assert judge(text, **row) is answer


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("discount > 1", {"discount": "5"}),
        ("discount > 1", {"discount": D("NaN")}),
        ("discount > 1", {"discount": D("sNaN")}),
        ("discount > 1", {"discount": D("Infinity")}),
        ("discount > 1", {"discount": D("1E15")}),
        ("discount > 1", {"discount": D("9E+999999")}),
        ("discount < 1", {"discount": D("0.0000001")}),
        ("discount < 1", {"discount": D("-999999999999999.9999999")}),
        ("amount > 1", {"amount": D(5)}),
        ("due > DATE '2026-01-31'", {"due": datetime(2026, 2, 1, tzinfo=UTC)}),
        ("met_at > TIMESTAMP '2026-01-31T00:00Z'", {"met_at": date(2026, 2, 1)}),
        ("met_at > TIMESTAMP '2026-01-31T00:00Z'", {"met_at": datetime(2026, 2, 1)}),  # noqa: DTZ001
        (
            "met_at > TIMESTAMP '2026-01-31T00:00Z'",
            {"met_at": datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))},
        ),
        ("urgent", {"urgent": 1}),
        ("title LIKE 'a%'", {"title": 5}),
        ("COUNT_OF(interests) > 0", {"interests": "demo"}),
    ],
)
def test_a_value_of_another_type_is_unknown_not_an_accident(text, row):
    """A field may have changed its type between two playbooks; old values must not make a rule raise."""
    assert judge(text, **row) is None


def test_facts_answer_for_the_moment_that_is_asked_about():
    """Each fact is passed its own arguments."""
    facts = Facts({"cost_sheet": True}, {"wechat": 2, "any": 5}, D("2.5"), "quoted")
    assert judge("evidence('cost_sheet') AND evidence('red_stamp_scan') IS NULL", facts) is True
    assert judge("touches('wechat', 30) = 2 AND touches('any', 7) = 6", facts) is True
    assert judge("days_in_stage() * 2 = 5", facts) is True
    assert judge("stage() IN ('won', 'quoted')", facts) is True


def test_what_a_rule_depends_on():
    """Fields, facts and evidence types are read off the tree."""
    text = "amount > 5 AND evidence('cost_sheet') AND (CONTAINS(interests, 'demo') OR touches('any', 7) > amount / 客户预算)"
    tree = parse_rule(text, VOCABULARY).tree
    assert fields_of(tree) == {"amount", "interests", "客户预算"}
    assert evidence_types_of(tree) == {"cost_sheet"}
    assert {(it.name, it.arguments) for it in facts_of(tree)} == {
        ("evidence", ("cost_sheet",)),
        ("touches", ("any", 7)),
    }
