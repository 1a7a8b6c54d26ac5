"""The page about the language of rules: operators, functions, facts."""

from collections.abc import Mapping
from typing import Final

from domain.rules.calls import FUNCTIONS
from domain.rules.facts import ANY_TOUCH, FACTS, MAX_DAYS
from domain.rules.nodes import MAX_NODES
from domain.rules.reader import OPERATORS
from infra.reference.wording import table

FUNCTION_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "COALESCE": ("COALESCE(a, b, …)", "The first of its values that is not NULL; all of one type."),
    "LENGTH": ("LENGTH(text)", "How many characters a text has."),
    "MATCHES": (
        "MATCHES(text, 'pattern')",
        "Whether a text holds what a pattern describes, in linear time: no look-around, no back references, no `\\d` (write `[0-9]`). `^` and `$` tie it to both ends.",
    ),
    "CONTAINS": (
        "CONTAINS(field, 'option')",
        "Whether one of the options of a field with several choices is this one.",
    ),
    "COUNT_OF": ("COUNT_OF(field)", "How many options a field with several choices holds."),
    "DAYS_BETWEEN": ("DAYS_BETWEEN(from, to)", "The days from one date to another; negative backwards."),
}
"""What the functions mean, for those who write rules; a test holds it against the functions there are."""


def rules() -> str:
    """The language of rules."""
    facts = [
        (
            f"`{fact.name}({', '.join(argument.value for argument in fact.written)})`",
            "as the field" if fact.result is None else fact.result.value,
            f"{fact.docs['en']} · {fact.docs['zh']}",
        )
        for fact in FACTS.values()
    ]
    lines = [
        "# Rules",
        "",
        f"A rule is one SQL condition over the fields of its kind, of at most {MAX_NODES} parts. Texts stand in single quotes, numbers and amounts are exact,",
        "`DATE '2026-01-31'` and `TIMESTAMP '2026-01-31T08:00:00+08:00'` are moments, and names are not case sensitive.",
        "What is empty is NULL; a comparison with NULL is UNKNOWN, and **UNKNOWN blocks a gate**. A rule never looks at a clock: facts answer for the moment of the decision.",
        "",
        "## Operators",
        "",
        ", ".join(f"`{operator}`" for operator in sorted(OPERATORS)) + ", and parentheses.",
        "",
        "## Functions",
        "",
        *table(
            ("function", "meaning"),
            ((f"`{FUNCTION_WORDS[name][0]}`", FUNCTION_WORDS[name][1]) for name in FUNCTIONS),
        ),
        "## Facts",
        "",
        f"What a rule may ask beside fields. A number of days is written out, from 1 to {MAX_DAYS:,}; '{ANY_TOUCH}' means touches of every kind.",
        "",
        *table(("fact", "result", "meaning · 含义"), facts),
    ]
    return "\n".join(lines)
