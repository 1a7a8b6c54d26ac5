"""What the parser accepts, what it refuses, and where it says so."""

from __future__ import annotations

import time

import pytest

from commands.rule_parser import Problem, RuleError, parse_rule
from domain.rules import nodes as t
from domain.rules.facts import FACTS
from domain.rules.lexer import MAX_CHARACTERS
from domain.rules.tree import to_text
from domain.rules.types import FieldType, ValueType, Vocabulary

V = ValueType
VOCABULARY = Vocabulary(
    fields={
        "amount": FieldType(V.money, currency="CNY"),
        "客户预算": FieldType(V.money, currency="CNY"),
        "list_price": FieldType(V.money, currency="USD"),
        "discount": FieldType(V.number),
        "seats": FieldType(V.number),
        "title": FieldType(V.text),
        "due": FieldType(V.date),
        "signed": FieldType(V.date),
        "met_at": FieldType(V.datetime),
        "urgent": FieldType(V.boolean),
        "industry": FieldType(V.choice, ("retail", "health")),
        "size": FieldType(V.choice, ("small", "large")),
        "interests": FieldType(V.choices, ("demo", "price")),
        "owner": FieldType(V.person),
        "partner": FieldType(V.reference),
        "email": FieldType(V.email),
        "order": FieldType(V.number),
        "date": FieldType(V.date),
        "in": FieldType(V.boolean),
    },
    evidence_types=("red_stamp_scan", "cost_sheet"),
    touch_kinds=("wechat", "visit"),
    work_templates=("demo", "legal_review"),
    approval_chains=("discount", "terms"),
    stages=("lead", "quoted"),
    forms={
        "demo": {"went_well": FieldType(V.boolean), "price": FieldType(V.money, currency="USD")},
        "legal_review": {
            "verdict": FieldType(V.choice, ("agreed", "changes")),
            "version": FieldType(V.number),
        },
    },
)


def parsed(text: str) -> t.Node:
    return parse_rule(text, VOCABULARY).tree


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(RuleError) as refused:
        parse_rule(text, VOCABULARY)
    return refused.value.problems


def found(text: str) -> list[tuple[int, int, str | None]]:
    return [(it.line, it.column, it.suggestion) for it in problems(text)]


# --- what is accepted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("urgent", "urgent"),
        ("amount >= 500000 AND discount > 0.10", "amount >= 500000 AND discount > 0.1"),
        ("客户预算 > -5.50 or not urgent", "客户预算 > -5.5 OR NOT urgent"),
        ("discount != 1", "discount <> 1"),
        ('"amount" > 1 AND "in" AND order > 1', 'amount > 1 AND "in" AND "order" > 1'),
        ("date > DATE '2026-01-31'", "\"date\" > DATE '2026-01-31'"),
        (
            "met_at >= TIMESTAMP '2026-01-31 08:00+08:00'",
            "met_at >= TIMESTAMP '2026-01-31T00:00:00+00:00'",
        ),
        ("seats NOT BETWEEN 1 AND 2 + 3 AND urgent", "seats NOT BETWEEN 1 AND 2 + 3 AND urgent"),
        ("seats IN (1, -2, 3.5)", "seats IN (1, -2, 3.5)"),
        ("NOT industry IN ('retail')", "industry NOT IN ('retail')"),
        ("title NOT LIKE 'a%' AND title LIKE '%b' AND title LIKE '%c%'", None),
        ("urgent IS NOT TRUE AND seats IS NOT NULL AND interests IS NULL", None),
        ("CONTAINS(interests, 'demo') AND COUNT_OF(interests) > 1", None),
        ("contains(interests, 'demo')", "CONTAINS(interests, 'demo')"),
        ("COALESCE(discount, 0) < LENGTH(title)", None),
        ("DAYS_BETWEEN(signed, DATE '2026-01-31') > 3", None),
        (
            "EVIDENCE('cost_sheet') AND touches('any', 7) >= 3",
            "evidence('cost_sheet') AND touches('any', 7) >= 3",
        ),
        ("stage() = 'lead' AND days_in_stage() > 30", None),
        ("Done('demo') and NOT approved('terms')", "done('demo') AND NOT approved('terms')"),
        ("amount - 客户预算 > 100 AND amount / 客户预算 > 0.5 AND 2 * amount < amount * 3", None),
        ("-discount * -(5) < - -seats", "-discount * -(5) < -(-seats)"),
        ("(urgent = (seats IS NULL)) IS NULL", "(urgent = (seats IS NULL)) IS NULL"),
        ("title = 'it''s ⟨ok⟩; -- no comment'", None),
        ("urgent\r\n  AND\turgent", "urgent AND urgent"),
        ("((((urgent))))", "urgent"),
        ("owner = 'p_1' AND email LIKE '%@example.com' AND partner <> 'c_1'", None),
    ],
)
def test_the_language(text, written):
    """Everything the language has, with the way it is written back."""
    tree = parsed(text)
    assert to_text(tree) == (written or text)
    assert parsed(to_text(tree)) == tree


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('urgent OR urgent AND "in"', 'urgent OR (urgent AND "in")'),
        ('NOT urgent AND "in"', '(NOT urgent) AND "in"'),
        ("NOT seats = 1 OR urgent", "(NOT (seats = 1)) OR urgent"),
        ("1 + seats * 2 - 3 > 0", "((1 + (seats * 2)) - 3) > 0"),
        ("seats - 1 - 2 = seats / 2 / 3", "((seats - 1) - 2) = ((seats / 2) / 3)"),
        ("seats -1 > 0", "(seats - 1) > 0"),
        ("seats BETWEEN 1 AND 2 AND urgent", "(seats BETWEEN 1 AND 2) AND urgent"),
        ("NOT seats IS NULL", "NOT (seats IS NULL)"),
        ("-seats * 2 > 0", "(-seats) * 2 > 0"),
    ],
)
def test_precedence_is_that_of_sql(text, same):
    """Parentheses that repeat the precedence change nothing."""
    assert parsed(text) == parsed(same)


def test_a_chain_is_one_node():
    """A AND B AND C is flat, so that long gates are not deep ones; parentheses are kept."""
    chain = parsed("urgent AND urgent AND urgent")
    assert isinstance(chain, t.And)
    assert len(chain.operands) == 3
    assert parsed("(urgent AND urgent) AND urgent") != chain


def test_a_number_beside_money_is_money():
    """The currency is the field's own, in comparisons, sums, lists and COALESCE; a factor stays a number."""
    five = t.MoneyLiteral(t.Decimal(5), "CNY")
    amount = t.Field("amount", V.money, "CNY")
    assert parsed("amount > 5") == t.Compare(">", amount, five)
    assert parsed("5 < amount") == t.Compare("<", five, amount)
    assert parsed("amount IN (5)") == t.In(amount, (five,))
    assert parsed("COALESCE(amount, 5) > 5") == t.Compare(">", t.Coalesce((amount, five)), five)
    assert parsed("amount + 5 > 5") == t.Compare(">", t.Arithmetic("+", amount, five), five)
    assert parsed("amount * 5 > 5") == t.Compare(
        ">", t.Arithmetic("*", amount, t.NumberLiteral(t.Decimal(5))), five
    )
    assert parsed("amount / amount > 5") == t.Compare(
        ">", t.Arithmetic("/", amount, amount), t.NumberLiteral(t.Decimal(5))
    )


def test_a_rule_knows_its_text_and_its_hash():
    """The text is kept as written; the hash is that of the tree, not of the text."""
    rule = parse_rule("seats>1.0", VOCABULARY)
    assert rule.text == "seats>1.0"
    assert rule.hash == parse_rule("seats > 1", VOCABULARY).hash
    assert rule.hash != parse_rule("seats > 2", VOCABULARY).hash


def test_the_catalogue_is_documented_in_both_languages():
    """Every fact can be shown to whoever writes a rule."""
    assert all(entry.docs["en"] and entry.docs["zh"] for entry in FACTS.values())


# --- what is refused: line, column, suggestion, words -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column", "suggestion", "words"),
    [
        ("", 1, 1, None, "empty"),
        (" \n ", 1, 1, None, "empty"),
        ("amuont > 1", 1, 1, "amount", "no field 'amuont'"),
        ("urgent AND\n  客户预箅 > 1", 2, 3, "客户预算", "no field '客户预箅'"),
        ("urgent\r\nAND\r\nDiscount > 1", 3, 1, "discount", "no field"),
        ('title = "Alice"', 1, 9, "'Alice'", "no field 'Alice'"),
        ("stage = 'lead'", 1, 1, "stage()", "no field 'stage'"),
        ("evidnce('cost_sheet')", 1, 1, "evidence", "no function 'evidnce'"),
        ("urgent AND LENGHT(title) > 1", 1, 12, "LENGTH", "no function"),
        ("amount = NULL", 1, 10, "amount IS NULL", "write IS NULL"),
        ("NULL <> amount", 1, 1, "amount IS NOT NULL", "write IS NOT NULL"),
        ("discount + 1 = NULL", 1, 16, "IS NULL", "write IS NULL"),
        ("COALESCE(discount, NULL) = 1", 1, 20, None, "only in IS NULL"),
        ("industry IN ('retail', NULL)", 1, 24, "IS NULL", "never found"),
        ("discount IS 5", 1, 13, "=", "follows IS"),
        ("industry = 'retial'", 1, 12, "'retail'", "no option 'retial'"),
        ("industry IN ('retail',\n 'helth')", 2, 2, "'health'", "no option"),
        ("COALESCE(industry, 'retail') = 'helath'", 1, 32, "'health'", "no option"),
        ("stage() = 'leed'", 1, 11, "'lead'", "no option"),
        ("CONTAINS(interests, 'dmo')", 1, 21, "'demo'", "no option"),
        ("interests = 'demo'", 1, 1, "CONTAINS(interests, '…')", "CONTAINS or COUNT_OF"),
        ("interests LIKE '%demo%'", 1, 1, "CONTAINS(interests, '…')", "LIKE compares text"),
        ("CONTAINS(title, 'a')", 1, 10, "LIKE '%…%'", "several choices"),
        ("CONTAINS(interests, title)", 1, 21, None, "single quotes"),
        ("COUNT_OF(title) > 1", 1, 10, None, "several choices"),
        ("industry = size", 1, 12, None, "no option in common"),
        ("evidence('red_stamp')", 1, 10, "'red_stamp_scan'", "no evidence type"),
        ("evidence(title)", 1, 10, None, "single quotes"),
        ("evidence()", 1, 1, None, "evidence takes an evidence type"),
        ("touches('wechta', 7) > 1", 1, 9, "'wechat'", "no kind of touch"),
        ("done('demmo')", 1, 6, "'demo'", "no work template 'demmo'. It is one of 'demo', 'legal_review'"),
        ("done(demo)", 1, 6, None, "A work template is written out, in single quotes"),
        ("done()", 1, 1, None, "done takes a work template"),
        ("outcome('demmo', 'verdict') = 'agreed'", 1, 9, "'demo'", "no work template 'demmo'"),
        (
            "outcome('legal_review', 'verdikt') = 'agreed'",
            1,
            25,
            "'verdict'",
            "no field that rules may read in the form of 'legal_review': 'verdikt'. It is one of 'verdict', 'version'",
        ),
        ("outcome('legal_review', 'went_well')", 1, 25, None, "the form of 'legal_review'"),
        ("outcome('legal_review', 'verdict') = 'agred'", 1, 38, "'agreed'", "no option 'agred'"),
        ("outcome('legal_review', 'verdict') > 'agreed'", 1, 1, None, "a choice has none"),
        ("outcome('legal_review', 'verdict')", 1, 1, None, "outcome is a choice"),
        ("outcome('legal_review', 'verdict') = industry", 1, 38, None, "no option in common"),
        ("outcome('demo', 'price') > amount", 1, 28, None, "money in CNY, but outcome is money in USD"),
        (
            "outcome('legal_review', verdict) = 'agreed'",
            1,
            25,
            None,
            "A field of its form is written out, in single quotes",
        ),
        ("outcome('demo')", 1, 1, None, "outcome takes a work template and a field of its form"),
        (
            "outcome('demo', 'went_well', 'boolean')",
            1,
            1,
            None,
            "outcome takes a work template and a field of its form",
        ),
        ("outcome", 1, 1, "outcome(…, …)", "no field 'outcome'"),
        ("approved('discuont')", 1, 10, "'discount'", "no chain of approval"),
        ("approved('discount', 3)", 1, 1, None, "approved takes a chain of approval"),
        ("approved", 1, 1, "approved(…)", "no field 'approved'"),
        ("touches('wechat', 0) > 1", 1, 19, None, "from 1 to 3660"),
        ("touches('wechat', 3661) > 1", 1, 19, None, "from 1 to 3660"),
        ("touches('wechat', -3) > 1", 1, 19, None, "from 1 to 3660"),
        ("touches('wechat', 1.5) > 1", 1, 19, None, "from 1 to 3660"),
        ("touches('wechat', seats) > 1", 1, 19, None, "from 1 to 3660"),
        ("stage(1) = 'lead'", 1, 1, None, "stage takes no arguments"),
        ("due > '2026-01-31'", 1, 7, "DATE '2026-01-31'", "text, but due is a date"),
        ("met_at > DATE '2026-01-31'", 1, 10, "TIMESTAMP '2026-01-31T00:00:00+00:00'", "a date with time"),
        ("due > DATE '2026-02-30'", 1, 7, None, "not in the calendar"),
        ("due > DATE '31.01.2026'", 1, 7, "DATE '2026-01-31'", "year-month-day"),
        (
            "met_at > TIMESTAMP '2026-01-31 08:00'",
            1,
            10,
            "TIMESTAMP '2026-01-31T09:00:00+08:00'",
            "offset from UTC",
        ),
        ("met_at > TIMESTAMP '0001-01-01T00:00+08:00'", 1, 10, None, "not in the calendar"),
        ("discount > '5'", 1, 12, "5", "text, but discount is a number"),
        ("title = 5", 1, 9, "'5'", "5 is a number, but title is text"),
        ("urgent = 'true'", 1, 10, "TRUE", "true or false"),
        ("owner = partner", 1, 9, None, "a reference, but owner is a person"),
        ("amount > list_price", 1, 10, None, "money in USD, but amount is money in CNY"),
        ("amount + list_price > 1", 1, 10, None, "only values of one type"),
        ("amount > discount", 1, 10, None, "only values of one type"),
        ("amount * amount > 1", 1, 10, None, "means nothing"),
        ("1 / amount > 1", 1, 5, None, "means nothing"),
        ("due - signed > 3", 1, 1, "DAYS_BETWEEN(earlier, later)", "calculates"),
        ("discount + title > 1", 1, 12, None, "calculates with numbers and money, but title is text"),
        ("-title = 'a'", 1, 2, None, "minus sign"),
        ("DAYS_BETWEEN(due, met_at) > 3", 1, 19, None, "two dates"),
        ("DAYS_BETWEEN(due) > 3", 1, 1, None, "two dates"),
        ("LENGTH(discount) > 1", 1, 8, None, "LENGTH takes text"),
        ("COALESCE(discount) > 1", 1, 1, None, "two or more"),
        ("industry < 'retail'", 1, 1, None, "a choice has none"),
        ("urgent > FALSE", 1, 1, None, "true or false has none"),
        ("owner BETWEEN 'a' AND 'b'", 1, 1, None, "BETWEEN needs values with an order"),
        ("amount", 1, 1, None, "A condition is needed"),
        ("amount + 5", 1, 1, None, "A condition is needed"),
        ("urgent AND 1", 1, 12, None, "1 is a number"),
        ("NOT title", 1, 5, None, "A condition is needed"),
        ("title IS TRUE", 1, 1, None, "A condition is needed"),
        ("title LIKE 'abc'", 1, 12, "= 'abc'", "% before it"),
        ("title LIKE 'a_c'", 1, 12, "= 'a_c'", "% before it"),
        ("title LIKE 'a_c%'", 1, 12, None, "% before it"),
        ("title LIKE 'a%c'", 1, 12, None, "% before it"),
        ("title LIKE '%'", 1, 12, None, "% before it"),
        ("title LIKE '100\\%%'", 1, 12, None, "% before it"),
        ("title LIKE email", 1, 12, None, "written out"),
        ("discount LIKE '1%'", 1, 1, None, "LIKE compares text"),
        ("discount IN seats", 1, 13, None, "list of values in parentheses"),
        ("discount IN ()", 1, 13, None, "missing inside"),
        ("discount IN (1, seats)", 1, 17, None, "literal values only"),
        ("discount > 1e5", 1, 12, None, "not a number"),
        ("discount > 0x1F", 1, 12, None, "not a number"),
        ("discount > 1_000", 1, 12, None, "not a number"),
        ("discount > .5", 1, 12, None, "not a number"),
        ("discount > 0.1234567", 1, 12, None, "at most 6 decimal places"),
        ("discount > 1000000000000000", 1, 12, None, "smaller than"),
        ("urgent = TRUE IS NULL", 1, 10, None, "parentheses"),
        ("1 < discount < 5", 1, 1, None, "parentheses"),
        ("urgent = NOT urgent", 1, 14, None, "parentheses"),
        ("(urgent", 1, 1, None, "never closed"),
        ("urgent)", 1, 7, None, "closes nothing"),
        ("()", 1, 1, None, "missing inside"),
        ("urgent, urgent", 1, 1, None, "one condition"),
        ("(urgent, urgent)", 1, 1, None, "only after IN"),
        ("LENGTH(title,) > 1", 1, 7, None, "missing inside"),
        ("urgent AND", 1, 8, None, "missing after AND"),
        ("urgent\n AND OR urgent", 2, 6, None, "missing before OR"),
        ("= 1", 1, 1, None, "missing before ="),
        ("urgent urgent", 1, 8, None, "operator such as AND is missing"),
        ("discount NOT 5", 1, 14, None, "operator such as AND is missing"),
        ("discount BETWEEN 5", 1, 18, None, "not complete"),
        ("title = 'abc", 1, 9, None, "never closed"),
        ('"" = 1', 1, 1, "''", "cannot be empty"),
        ("order BY amount", 1, 7, None, "BY is not part"),
    ],
)
def test_a_mistake_is_shown_where_it_is(text, line, column, suggestion, words):
    """The first problem names the very character, says why, and what to write where that is known."""
    first = problems(text)[0]
    assert (first.line, first.column, first.suggestion) == (line, column, suggestion), first
    assert words in first.reason


def test_all_mistakes_are_shown_at_once():
    """The author mends a rule in one go: names, options, types and NULL in one answer, in reading order."""
    text = "amuont > 1\n  AND industry = 'retial'\n  AND (discount = NULL OR title > 5)\n  AND touches('wecht', 0) > '1'"
    assert found(text) == [
        (1, 1, "amount"),
        (2, 18, "'retail'"),
        (3, 19, "discount IS NULL"),
        (3, 35, "'5'"),
        (4, 15, "'wechat'"),
        (4, 24, None),
    ]


def test_nothing_is_reported_twice():
    """What contains a mistake is not a mistake of its own."""
    assert found("NOT (nobody + 1 > 2) IS TRUE AND -nobody2 BETWEEN 1 AND 2") == [(1, 6, None), (1, 35, None)]


def test_an_error_reads_like_a_sentence():
    """The exception's own text is what a log or a terminal shows."""
    with pytest.raises(
        RuleError, match=r"line 1, column 1: There is no field 'amuont'. Did you mean amount\?"
    ):
        parsed("amuont > 1")


# --- what is hostile --------------------------------------------------------------------------------------------------

HOSTILE = {
    "100,000 characters": "a" * 100_000,
    "100,000 parentheses": "(" * 100_000,
    "parentheses to the limit of length": "(" * 2000 + "urgent" + ")" * 1990,
    "65 parentheses": "(" * 65 + "urgent" + ")" * 65,
    "open calls": "LENGTH(" * 570,
    "nested calls": "COALESCE(1," * 200 + "1" + ")" * 200 + "=1",
    "NOT without end": "NOT " * 900 + "urgent",
    "NOT between comparisons": "urgent = NOT " * 300 + "urgent",
    "minus without end": "- " * 1900 + "discount = 1",
    "a sum without end": "1+" * 1990 + "1=1",
    "groups without end": "(1)+" * 990 + "1=1",
    "comparisons without end": "urgent=" * 560 + "urgent",
    "a long list": "discount IN (" + "1," * 1900 + "1)",
    "unknown names": "amounx OR " * 390 + "urgent",
    "long unknown names": " OR ".join("amount" * 13 + str(i) for i in range(45)),
    "BETWEEN without AND": "discount BETWEEN " * 230,
    "quotes": "'" * 3999,
    "semicolons and lines": ";\n" * 1999,
    "one very long number": "discount = " + "9" * 3900,
    "one very long fraction": "discount = 0." + "9" * 3900,
    "a deep sum on the right": "(1+" * 63 + "1" + ")" * 63 + "=1 AND (" * 3,
    "line comment": "urgent -- AND FALSE",
    "double minus": "discount --1 > 0",
    "block comment": "urgent /* OR TRUE */",
    "open block comment": "urgent /* OR",
    "two statements": "urgent; DROP TABLE log",
    "a query": "SELECT 1",
    "a subquery": "discount > (SELECT max(discount) FROM deals)",
    "EXISTS": "EXISTS (SELECT 1)",
    "IN a query": "discount IN (SELECT 1)",
    "UNION": "urgent UNION urgent",
    "a window": "SUM(discount) OVER (PARTITION BY owner) > 1",
    "CASE": "CASE WHEN urgent THEN TRUE ELSE FALSE END",
    "CAST": "CAST(discount AS INT) > 1",
    "a cast with colons": "discount::int > 1",
    "a function not on the list": "UPPER(title) = 'A'",
    "a dangerous function": "pg_read_file('/etc/passwd') = 'x'",
    "a qualified name": "deals.discount > 1",
    "a star": "* > 1",
    "COUNT(*)": "COUNT(*) > 1",
    "a question mark": "discount > ?",
    "a named parameter": "discount > :limit",
    "a dollar parameter": "discount > $1",
    "an at sign": "@discount > 1",
    "a template": "{{ discount }} > 1",
    "backticks": "`discount` > 1",
    "brackets": "[discount] > 1",
    "concatenation": "title || 'a' = 'b'",
    "an array": "discount = ANY(ARRAY[1])",
    "JSON": "title ->> 'a' = 'b'",
    "bits": "discount & 1 = 1",
    "a regular expression": "title ~ '(a+)+$'",
    "ILIKE": "title ILIKE 'a%'",
    "an escape": "title LIKE 'a!%%' ESCAPE '!'",
    "IS DISTINCT FROM": "discount IS DISTINCT FROM 1",
    "an interval": "due > DATE '2026-01-01' + INTERVAL '1 day'",
    "the clock": "due > CURRENT_DATE",
    "now": "met_at > NOW()",
    "a hexadecimal string": "title = x'41'",
    "an escape string": "title = E'\\x41'",
    "a dollar string": "title = $$a$$",
    "adjacent strings": "title = 'a' 'b'",
    "a quoted function": "\"evidence\"('cost_sheet')",
    "NUL": "urgent\x00",
    "NUL in a string": "title = 'a\x00b'",
    "a newline in a string": "title = 'a\nb'",
    "a lone surrogate": "title = '\ud800'",
    "right-to-left override": "title = '\u202euser'",
    "zero width space": "urg\u200bent",
    "byte order mark": "\ufeffurgent",
    "no-break space": "urgent\u00a0AND urgent",
    "ideographic space": "urgent\u3000AND urgent",
    "full-width operator": "discount ＞ 1",
    "full-width parentheses": "（urgent）",
    "full-width digits": "discount > １",
    "Arabic digits": "discount > ٣",
    "curly quotes": "title = ‘a’",
    "a Cyrillic letter": "аmount > 1",
    "not-equal sign": "discount ≠ 1",
    "combining mark": "urgent\u0301",
    "emoji": "🔥",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused_at_once(text):
    """Whatever is not a rule is refused with a place in the text, and within 50 ms of the processor (P20)."""
    parse_rule("urgent", VOCABULARY)
    best = 1.0
    for _ in range(3):
        started = time.process_time()
        refused = problems(text)
        best = min(best, time.process_time() - started)
    lines = text.count("\n") + 1
    assert refused
    assert all(1 <= it.line <= lines and it.column >= 1 and it.reason for it in refused)
    assert best < 0.05


@pytest.mark.parametrize(
    ("text", "column", "suggestion"),
    [
        ("discount ＞ 1", 10, ">"),
        ("（urgent）", 1, "("),
        ("discount > １", 12, "1"),
        ("discount > ٣", 12, None),
        ("title = ‘a’", 9, "'"),
        ("discount ≠ 1", 10, "<>"),
        ("urgent\u3000AND urgent", 7, "a plain space"),
        ("urgent\u00a0AND urgent", 7, "a plain space"),
        ("аmount > 1", 1, "amount"),
        ("title ILIKE 'a%'", 7, "LIKE"),
        ("urgent && urgent", 8, "AND"),
        ("title = 'a\x00b'", 11, None),
    ],
)
def test_a_lookalike_is_told_apart(text, column, suggestion):
    """A character from another keyboard is named, with the plain one to type instead."""
    first = problems(text)[0]
    assert (first.column, first.suggestion) == (column, suggestion), first


def test_the_limits_are_reachable():
    """The largest allowed rules are read: 64 parentheses, 4,000 characters, a gate of 490 clauses, a depth of 64."""
    assert parsed("(" * 64 + "urgent" + ")" * 64)
    assert parsed("urgent" + " " * (MAX_CHARACTERS - 6))
    assert parsed(" OR ".join(["urgent"] * 390))
    assert parsed("(seats+" * 62 + "1" + ")" * 62 + "=1")
    assert found("(seats+" * 64 + "1" + ")" * 64 + "=1")[0][:2] == (1, 2)
    assert found("urgent" + " " * MAX_CHARACTERS) == [(1, 4001, None)]


def test_a_caller_deep_in_recursion_is_refused_not_crashed():
    """Even with the interpreter's stack nearly used up the answer is a problem, never a RecursionError."""

    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        else:
            problems("(seats+" * 62 + "1" + ")" * 62 + "=1")

    deep(800)
