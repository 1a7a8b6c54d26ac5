"""P20: rules and playbooks cannot hang or escape: each is checked, or refused with a reason and a place, within 50 ms and 10 MB; and so is what is asked of the rules that are accepted."""

import json
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from support.hostile import costs, rules
from support.hostile.costs import MEGABYTE, Served
from support.hostile.rules import PATTERNS, REFUSED_PATTERNS, RULE, playbooks_of
from support.rule_trees import Facts
from support.sales import PLAYBOOK

from commands.rule_parser import parse_rule
from domain.money import Money
from domain.rules.closure import compile_rule
from domain.rules.problems import RuleError
from domain.values import MAX_TEXT

RULES = 2_000
SECONDS = 0.050
MOST_MORE = 10 * MEGABYTE
TIMES = 5
"""A body that took longer is sent again: what else the process does at the moment is not the rule's."""
ACCEPTED = 0.3
"""Of the generated playbooks at least so many are right: what is refused at its first word shows nothing of the rest."""

served = costs.served

HOSTILE_RULES = (
    "(" * 10_000, "not " * 10_000 + "amount", "1 + " * 10_000 + "1", "amount >= " + "9" * 10_000, "'" + "a" * 100_000 + "'", "amount / 0 >= 1", "((amount))" * 500, "-" * 5_000 + "1 >= 0",
    "topic matches '(a+)+$'", "topic matches '" + "(" * 500 + "a" + ")" * 500 + "'", "topic matches 'a{1000}{1000}{1000}'", "topic matches '(?=a)'", "topic matches '\\1'", "__import__('os').system('id')",
    "amount.__class__", "globals()", "lambda: 1", "open('/etc/passwd')", "exec('x')", "amount >= 1; amount", "amount >= 1 # x", "1 if amount else 2", "[x for x in topic]", "f'{amount}'", "amount := 1", "\u202eamount", "amount\u0000",
    "2 ** 2 ** 2 ** 2 ** 9", "'a' * 9999999999", "date('0001-01-01') - days(1) >= date('9999-12-31')", "0001-01-01T00:00:00+14:00 >= now", "9999-12-31T23:59:59-14:00 >= now", "2026-02-30 >= now",
    *(f"MATCHES(topic, '{pattern}')" for pattern in (*PATTERNS, *REFUSED_PATTERNS)),
    " OR ".join(f"MATCHES(topic, '{pattern}')" for pattern in PATTERNS), "MATCHES(topic, '" + "(" * 500 + "a" + ")" * 500 + "')", "MATCHES(topic, '" + "a?" * 99 + "')",
    " AND ".join(["amount >= 100"] * 100), "(" * 64 + "amount >= 100" + ")" * 64, "topic IN (" + ", ".join(["'a'"] * 300) + ")", "NOT " * 16 + "(amount >= 100)",
)  # fmt: skip

LONG = ("a" * MAX_TEXT, "ab" * (MAX_TEXT // 2), "x" * MAX_TEXT, "é" * MAX_TEXT, "1.1." * (MAX_TEXT // 4), "a" * (MAX_TEXT - 1) + "!", "=" * MAX_TEXT)  # fmt: skip
"""The longest texts a record can hold."""


def checked(served: Served, text: str) -> dict[str, Any]:
    """Let a playbook be checked; return what is told of it."""
    status, answer = served.post("/v1/playbooks/checks", text.encode("utf-8", "replace"), "application/yaml")
    assert status == 200, (status, answer[:500], text)
    assert len(answer) < 200_000
    told: dict[str, Any] = json.loads(answer)
    assert told["ok"] == (not told["problems"])
    assert all(found["line"] >= 1 and found["column"] >= 1 and found["message"] for found in told["problems"])
    return told


def cost(served: Served, text: str) -> tuple[float, int, dict[str, Any]]:
    """The processor seconds and the bytes of memory a playbook takes (reading, checking and answering it), and what is told of it."""
    seconds, more = float("inf"), 0
    for _ in range(TIMES):
        before, most = served.processor_seconds(), served.memory()
        served.forget_the_most()
        told = checked(served, text)
        seconds = min(seconds, served.processor_seconds() - before)
        more = served.memory("VmHWM") - most
        if seconds <= SECONDS and more <= MOST_MORE:
            break
    return seconds, more, told


@pytest.mark.parametrize("rule", HOSTILE_RULES, ids=lambda rule: repr(rule[:40]))
def test_a_hostile_rule_costs_next_to_nothing(served, rule):
    """P20: each hostile rule is checked or refused within 50 ms of processor time and 10 MB, the playbook around it included."""
    seconds, more, _ = cost(served, PLAYBOOK.replace(RULE, json.dumps(rule)))
    print(f"{seconds * 1000:.1f} ms, {more / MEGABYTE:.1f} MB more")
    assert seconds <= SECONDS
    assert more <= MOST_MORE


def test_rules_neither_hang_nor_escape(served, the_seed):
    """P20: 2,000 generated playbooks and rules: each checked, or refused with a reason and a place, within 50 ms and 10 MB."""
    refused, worst, most = 0, (0.0, ""), 0
    before, held = served.processor_seconds(), served.memory()
    for text in playbooks_of(the_seed, RULES):
        seconds, more, told = cost(served, text)
        refused += not told["ok"]
        worst, most = max(worst, (seconds, text)), max(most, more)
    mean = (served.processor_seconds() - before) / RULES
    print(
        f"{refused} of {RULES} refused; {mean * 1000:.1f} ms each, the slowest {worst[0] * 1000:.1f} ms, the most {most / MEGABYTE:.1f} MB"
    )
    assert refused > RULES / 2
    assert RULES - refused >= ACCEPTED * RULES
    assert worst[0] <= SECONDS, worst[1]
    assert most <= MOST_MORE
    assert served.memory() - held <= 2 * MOST_MORE, "what was refused is not kept"


# ── what is accepted, on the longest values ──────────────────────────────────────────────────────────────────────────


def a_row(text: str) -> dict[str, object]:
    """A deal of which every field is as long as it may be."""
    names = ("topic", "note", "title", "odd_name", "phone", "email", "owner", "partner", "contact", "industry", "segment", "heat")  # fmt: skip
    row: dict[str, object] = dict.fromkeys(names, text)
    row |= dict.fromkeys(("discount", "seats", "order"), Decimal("999999999999999.999999"))
    row |= dict.fromkeys(("budget", "price"), Money.parse("999999999999999.99", "CNY"))
    row |= {
        "amount": Money.parse("999999999999999.99", "EUR"),
        "list_price": Money.parse("999999999999.999", "KWD"),
    }
    row |= dict.fromkeys(("due", "signed"), date.max) | dict.fromkeys(("urgent", "is_null"), False)
    row |= dict.fromkeys(("met_at", "called_at"), datetime.max.replace(tzinfo=UTC))
    return row | {"interests": (text,) * 100}


def some_facts(text: str) -> Facts:
    """Facts as large as they get; what forms say is as long as a text may be."""
    said = {("demo", "score"): "999999999999999.999999", ("check_up", "discount"): "999999999999999.999999"}
    return Facts(
        touched=dict.fromkeys(("any", "call", "wechat", "visit"), 10**9),
        dwelt=Decimal("999999999.999999"),
        at_stage="lead",
        on=date.max,
        said={**said, ("check_up", "said"): text, ("check_up", "verdict"): text},
    )


def judging(rule: str) -> float:
    """The processor seconds a rule takes to be compiled and asked of the longest values, text by text; of the texts, the worst."""
    tree, worst = parse_rule(rule, rules.vocabulary()).tree, 0.0
    for text in LONG:
        row, facts = a_row(text), some_facts(text)
        seconds = float("inf")
        for _ in range(TIMES):
            before = time.process_time()
            assert compile_rule(tree)(row, facts) in (True, False, None)
            seconds = min(seconds, time.process_time() - before)
            if seconds <= SECONDS:
                break
        worst = max(worst, seconds)
    return worst


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_that_is_accepted_reads_the_longest_texts_at_once(pattern):
    """The pattern reaches the engine, alone and with what surrounds it: an engine that tries one way after the other would sit here for hours."""
    assert judging(f"MATCHES(topic, '{pattern}')") <= SECONDS
    assert judging(f"MATCHES(outcome('check_up', 'said'), '{pattern}') OR LENGTH(topic) > 5") <= SECONDS


@pytest.mark.parametrize("pattern", REFUSED_PATTERNS)
def test_a_pattern_that_could_cost_more_is_refused_where_it_stands(pattern):
    """Not for its surroundings: the problem is within the quotes."""
    before = "MATCHES(topic, '"
    with pytest.raises(RuleError) as refused:
        parse_rule(f"{before}{pattern}')", rules.vocabulary())
    (problem,) = refused.value.problems
    assert len(before) < problem.column <= len(before) + len(pattern) + 1
    assert problem.reason


def test_accepted_rules_answer_about_the_longest_values_at_once(the_seed):
    """P20: of generated rules at least three of ten are right, and each of these answers within the same bound."""
    random = Random(the_seed)
    texts = [rules.right(random) if number % 2 else rules.broken(random) for number in range(RULES // 4)]
    right = [text for text in texts if accepted(text)]
    assert len(right) >= ACCEPTED * len(texts)
    assert sum("MATCHES(" in text for text in right) > len(right) / 10, "patterns get through"
    worst = max((judging(text), text) for text in right)
    print(f"{len(right)} of {len(texts)} right; the slowest {worst[0] * 1000:.1f} ms")
    assert worst[0] <= SECONDS, worst[1]


def accepted(rule: str) -> bool:
    """Whether a rule is right."""
    try:
        parse_rule(rule, rules.vocabulary())
    except RuleError:
        return False
    return True
