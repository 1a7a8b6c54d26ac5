"""Hostile rules in the rule language: trees of its own grammar with leaves chosen to be costly, and such texts with something broken in them.

They are about the deal of `ASKED`, which has a field of every type, work with forms, and chains of approval.
"""

import json
from collections.abc import Iterator
from functools import cache
from random import Random

from domain.playbook.check import vocabulary_of
from domain.rules.lexer import quote_text
from domain.rules.text_form import to_text
from domain.rules.types import Vocabulary
from support.hostile import payloads
from support.rule_trees import Grammar
from support.sales import PLAYBOOK, playbook

RULE = "amount >= 100"
"""The rule of the playbook that others take the place of."""

_ONE = "{zh: 项, en: One}"
_FIELDS = f"""
      discount: {{type: number, label: {_ONE}}}
      seats: {{type: number, label: {_ONE}}}
      order: {{type: number, label: {_ONE}}}
      budget: {{type: money, currency: CNY, label: {_ONE}}}
      price: {{type: money, currency: CNY, label: {_ONE}}}
      list_price: {{type: money, currency: KWD, label: {_ONE}}}
      title: {{type: text, personal: false, label: {_ONE}}}
      odd_name: {{type: text, label: {_ONE}}}
      due: {{type: date, label: {_ONE}}}
      signed: {{type: date, label: {_ONE}}}
      met_at: {{type: datetime, label: {_ONE}}}
      called_at: {{type: datetime, label: {_ONE}}}
      urgent: {{type: boolean, label: {_ONE}}}
      is_null: {{type: boolean, label: {_ONE}}}
      industry: {{type: choice, label: {_ONE}, options: {{retail: {_ONE}, health: {_ONE}, 智能硬件: {_ONE}}}}}
      segment: {{type: choice, label: {_ONE}, options: {{retail: {_ONE}, o_clock: {_ONE}}}}}
      interests: {{type: choice, choose: {{at_most: 3}}, label: {_ONE}, options: {{demo: {_ONE}, price: {_ONE}, 比价: {_ONE}}}}}
      owner: {{type: person, label: {_ONE}}}
      partner: {{type: reference, to: contact, label: {_ONE}}}
      phone: {{type: phone, label: {_ONE}}}
      email: {{type: email, label: {_ONE}}}
      red_stamp_scan: {{type: evidence, label: {_ONE}}}
      cost_sheet: {{type: evidence, label: {_ONE}}}
"""
_WORK = f"""
    work:
      demo:
        label: {_ONE}
        done_by_word: true
        fields:
          score: {{type: number, label: {_ONE}}}
          price: {{type: money, currency: CNY, label: {_ONE}}}
          list_price: {{type: money, currency: KWD, label: {_ONE}}}
          held_on: {{type: date, label: {_ONE}}}
          held_at: {{type: datetime, label: {_ONE}}}
          went_well: {{type: boolean, label: {_ONE}}}
          held_by: {{type: person, label: {_ONE}}}
      check_up:
        label: {_ONE}
        done_by_word: true
        fields:
          said: {{type: text, personal: false, label: {_ONE}}}
          verdict: {{type: choice, label: {_ONE}, options: {{retail: {_ONE}, health: {_ONE}}}}}
          discount: {{type: number, label: {_ONE}}}
    approvals:
      discount: {{label: {_ONE}, levels: {{only: {{label: {_ONE}, roles: [officer]}}}}}}
      terms: {{label: {_ONE}, levels: {{only: {{label: {_ONE}, roles: [officer]}}}}}}
    relations:"""
_CALL = "      call: {label: {zh: 电话, en: Call}}"
_WAYS = f"{_CALL}\n      wechat: {{label: {_ONE}}}\n      visit: {{label: {_ONE}}}"
_LEAD = "      lead: {label: {zh: 线索, en: Lead}}"

ASKED = (
    PLAYBOOK.replace("      scan: {type: evidence", _FIELDS.lstrip("\n") + "      scan: {type: evidence")
    .replace("\n    relations:", _WORK)
    .replace(_CALL, _WAYS)
    .replace(_LEAD, f"{_LEAD}\n      quoted: {{label: {_ONE}}}")
)
"""The playbook of the sales desk, with whatever the grammar of rules speaks of."""

_PLAIN = {
    '"odd ""name"""': "odd_name",
    '"list price"': "list_price",
    "'list price'": "'list_price'",
    '"NULL"': "is_null",
    "客户预算": "budget",
    "'o''clock check'": "'check_up'",
    "'o''clock'": "'o_clock'",
    "'what''s said'": "'said'",
}
"""The grammar has names as odd as a rule can quote; those of a playbook are plainer."""

PATTERNS = (
    "(a+)+$", "(a|aa)+$", "(a|a?)+b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y", "(.*)*=.*", "a?a?a?a?a?a?a?a?a?a?aaaaaaaaaa$", "(?:a{1,9}){1,9}$",
    "((((((((((a+)+)+)+)+)+)+)+)+)+)$", "[^a]*[^b]*[^c]*[^d]*$", ".{40}b$", "(é|e|ee)*z$", "^(?:[0-9]{1,3}[.]){3}[0-9]{1,3}$", "a.*b.*c.*d.*e.*f$",
)  # fmt: skip
"""Patterns of the language over which an engine that tries one way after the other would sit for hours."""

REFUSED_PATTERNS = (
    "(" * 60 + "a" + ")" * 60, "a{1000}{1000}{1000}", "(?=a)", "\\1", "(?<=a)b", "(?i)a", "\\d+", "[", "(", "a{99999999}", "*", "a**", "(?P<n>a)", ".{200}.", "(a{100}){100}",
)  # fmt: skip
"""Patterns that are not in it: each is refused where it stands."""


@cache
def vocabulary() -> Vocabulary:
    """What the rules of the deal may speak of."""
    return vocabulary_of(playbook(ASKED).kind("deal"))


def with_rule(rule: str) -> str:
    """The playbook with another rule, written so that YAML reads it as it is: in JSON's escapes, what is beyond 16 bits would be two halves."""
    is_plain = all(ord(character) < 0x10000 for character in rule)
    return ASKED.replace(RULE, json.dumps(rule, ensure_ascii=is_plain))


def playbooks_of(seed: int, number: int) -> Iterator[str]:
    """Playbooks whose rule is hostile: as the grammar has it, with something broken in it, or nonsense; or of which another line is."""
    random = Random(seed)
    lines = PLAYBOOK.split("\n")
    for _ in range(number):
        pick = random.random()
        if pick < 0.45:
            yield with_rule(right(random))
        elif pick < 0.8:
            yield with_rule(broken(random))
        elif pick < 0.9:
            rule = random.choice(payloads.TEXTS).replace("{c}", "x")
            yield PLAYBOOK.replace(RULE, json.dumps(rule))
        else:
            at = random.randrange(len(lines))
            indent = " " * (len(lines[at]) - len(lines[at].lstrip()))
            line = indent + random.choice(payloads.YAML).replace("{c}", "x")
            yield "\n".join([*lines[:at], line, *lines[at:]])


def right(random: Random) -> str:
    """A rule that is in the language, mostly: some of the grammar, and a part that costs as much as a part may."""
    written = to_text(Grammar(random.choice).condition(random.choice((1, 2, 3))))
    for odd, plain in _PLAIN.items():
        written = written.replace(odd, plain)
    parts = [f"({written})", *(_costly(random) for _ in range(random.choice((0, 0, 1))))]
    random.shuffle(parts)
    return random.choice((" AND ", " OR ")).join(parts)


def broken(random: Random) -> str:
    """Such a rule with something left out, said twice, put in or exchanged."""
    text = right(random)
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(text) + 1)
        upto = min(len(text), at + random.choice((1, 1, 3, 20)))
        match random.randrange(4):
            case 0:
                text = text[:at] + text[upto:]
            case 1:
                text = text[:upto] + text[at:]
            case 2:
                text = text[:at] + random.choice(_TOKENS) + text[at:]
            case _:
                text = text[:at] + random.choice(payloads.TEXTS).replace("{c}", "x")[:200] + text[upto:]
    return text


_TOKENS = (
    "(", ")", "((((", "'", '"', ",", " AND ", " OR ", " NOT ", " NOT NOT ", " - - ", "--", "/*", ";", " IN ()", " IN (", " IS ", " NULL ", " BETWEEN ", " LIKE '%%'", "0", "9" * 60, "1e9", ".", "..",
    "DATE '2026-02-30'", "TIMESTAMP '9999-12-31T23:59:59-14:00'", "outcome('demo', ", "touches('any', 99999)", "\u202e", "\u0000", "$", "@", "||", "::int", "CASE WHEN ", "(SELECT 1)",
)  # fmt: skip


def _costly(random: Random) -> str:
    """A part of a rule that is right, and as dear as its kind gets."""
    text = random.choice(("title", "topic", "odd_name", "phone", "outcome('check_up', 'said')"))
    number = random.choice(("discount", "seats", "outcome('demo', 'score')"))
    literals = [quote_text(it.replace("{c}", "x")[:200]) for it in payloads.TEXTS if it and "\x00" not in it]
    match random.randrange(9):
        case 0 | 1 | 2:
            return f"MATCHES({text}, {quote_text(random.choice(PATTERNS))})"
        case 3:
            return f"{text} IN ({', '.join(random.choices(literals, k=random.choice((1, 20, 60))))})"
        case 4:
            chain = random.choice((" * ", " + ", " - ", " / ")).join([number] * random.choice((2, 10, 20)))
            return f"{chain} < {'9' * 15}.999999"
        case 5:
            return "(" * 40 + f"{text} LIKE '%{'a' * 150}%'" + ")" * 40
        case 6:
            return "NOT " * 15 + f"({text} = {random.choice(literals)})"
        case 7:
            return f"LENGTH(COALESCE({', '.join([text] * 30)}, '')) > {random.choice((0, 9_999))}"
        case _:
            return f"touches('any', 3660) + touches('call', 1) >= {number} / 0.000001"
