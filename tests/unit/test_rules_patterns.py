"""Patterns in rules: what may be written, what two engines make of it, and what a hostile one costs."""

from __future__ import annotations

import random
import re
import time
import tracemalloc

import polars as pl
import pytest
from support.rule_trees import VOCABULARY, Facts

from commands.rule_parser import RuleError, parse_rule
from domain.rules.closure import compile_rule
from domain.rules.patterns import MAX_PATTERN, MAX_WORK, PatternRefused, matcher, work_of
from domain.rules.tree import TreeFormatError, from_json, to_json, to_text
from projections.rule_columns import columns_of, compile_columns, fields_asked


def both(pattern: str, *texts: str | None) -> list[bool | None]:
    """What the closure and the columns say; they must say the same."""
    tree = parse_rule(f"MATCHES(title, '{pattern.replace(chr(39), chr(39) * 2)}')", VOCABULARY).tree
    rule, stored = compile_rule(tree), [{"title": text} for text in texts]
    answers = [rule(row, Facts()) for row in stored]
    assert (
        columns_of(fields_asked([tree]), stored).select(compile_columns(tree)).to_series().to_list()
        == answers
    )
    return answers


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("v[0-9]+", ["合同 v2", "v10 beta"], ["合同", "V2", "v"]),
        ("^[A-Z]{2}-[0-9]{4,6}$", ["HW-2026", "HW-202601"], ["HW-202", "xHW-2026", "HW-2026\n", "ＨＷ-2026"]),
        ("红章|盖章", ["已盖章", "红章"], ["红 章", ""]),
        ("^[一-龥]{2,4}$", ["合同", "智能硬件"], ["合", "合同a", "智能硬件项目组"]),
        ("^.$", ["𝄞", "a", " "], ["", "\n", "z\u0301"]),
        ("a.c", ["abc", "a\rc"], ["a\nc", "ac"]),
        ("[^a-z]", ["aB", "\n", "é"], ["abc", ""]),
        ("(?:ab)+$", ["abab", "xab"], ["aba"]),
        ("(a|)b?c{2}d*", ["cc", "abccdd"], ["c"]),
        ("^$", [""], ["a", "\n"]),
        ("o'clock|100\\%|\\(x\\)", ["o'clock", "100%", "(x)"], ["oclock"]),
        ("[-\\]\\\\^]", ["-", "]", "\\", "^"], ["["]),
        ("[a-]+b", ["-b", "a-b"], ["b"]),
        ("(a+)+$", ["aaa", "ba"], ["ab"]),
        ("ß", ["Straße"], ["STRASSE", "ẞ"]),
    ],
)
def test_a_pattern_is_found_anywhere_in_a_text(pattern, yes, no):
    """Unanchored, by code point, with its case; the ends of the text are no ends of lines. NULL stays unknown."""
    assert both(pattern, *yes) == [True] * len(yes)
    assert both(pattern, *no) == [False] * len(no)
    assert both(pattern, None) == [None]
    for text in (*yes, *no):
        assert bool(re.search(pattern.replace("$", r"\Z"), text)) is (text in yes)


@pytest.mark.parametrize(
    ("pattern", "offset", "words"),
    [
        ("", 0, "empty"),
        ("a" * (MAX_PATTERN + 1), MAX_PATTERN, "at most 200 characters"),
        ("ab(?=c)", 2, "look around"),
        ("(?!c)", 0, "look around"),
        ("(?<=c)d", 0, "look around"),
        ("(?<!c)d", 0, "look around"),
        ("(?P<name>a)", 0, "no names"),
        ("(?<name>a)", 0, "no names"),
        ("(?i)abc", 0, "no flags"),
        ("a(?-u:b)", 1, "no flags"),
        ("(?", 0, "no flags"),
        ("(a)\\1", 3, "refer back"),
        ("x\\d", 1, "different engines"),
        ("\\w", 0, "different engines"),
        ("[\\s]", 1, "different engines"),
        ("\\bword", 0, "backslash"),
        ("\\pL", 0, "backslash"),
        ("[\\p{Han}]", 1, "backslash"),
        ("\\x41", 0, "backslash"),
        ("\\n", 0, "backslash"),
        ("a\\", 1, "backslash"),
        ("*a", 0, "nothing before"),
        ("a|+", 2, "nothing before"),
        ("(?:*)", 3, "nothing before"),
        ("{2}", 0, "nothing before"),
        ("^*", 1, "cannot be repeated"),
        ("a+?", 2, "follows another"),
        ("a**", 2, "follows another"),
        ("a{2}{3}", 4, "follows another"),
        ("a{", 1, "is written {2}"),
        ("a{,3}", 1, "is written {2}"),
        ("a{x}", 1, "is written {2}"),
        ("a{٣}", 1, "is written {2}"),
        ("a{1 }", 1, "is written {2}"),
        ("a{5,2}", 1, "backwards"),
        ("a{9999999999}", 1, "is written {2}"),
        ("a{1000}{1000}", 1, "at most 200 times"),
        ("(a{100}){100}", 0, "too large"),
        ("((((a{9}){9}){9}){9}){9}", 0, "too large"),
        ("[^a]{100}", 0, "too large"),
        ("[一-龥]{200}", 0, "too large"),
        ("(?:(?:(?:){200}){200}){200}", 0, "too large"),
        ("a(b", 1, "never closed"),
        ("a)b", 1, "closes nothing"),
        ("a]b", 1, "closes nothing"),
        ("a}b", 1, "closes nothing"),
        ("[ab", 0, "never closed"),
        ("[]", 1, "a character or more"),
        ("[^]", 2, "a character or more"),
        ("[z-a]", 1, "backwards"),
        ("[a[b]]", 2, "no other class"),
        ("[a&&b]", 2, "no other class"),
        ("[a--b]", 3, "no other class"),
        ("[a~~b]", 2, "no other class"),
        ("[[:alpha:]]", 1, "no other class"),
        ("[a-z-9]", 4, "makes a range"),
        ("[!--]", 3, "no other class"),
        ("(" * 60 + "a" + ")" * 60, 20, "nested"),
        ("a\ud800", 1, "surrogate"),
        ("[\udfff]", 1, "surrogate"),
    ],
)
def test_a_pattern_that_means_nothing_certain_is_refused_where_it_stands(pattern, offset, words):
    """What is not linear, not needed for a yes or no, or up to one library's tables of today, is no pattern."""
    with pytest.raises(PatternRefused, match=re.escape(words)) as refused:
        work_of(pattern)
    assert refused.value.offset == offset


@pytest.mark.parametrize(
    ("text", "line", "column", "suggestion", "words"),
    [
        ("urgent AND\n MATCHES(title, 'it''s \\d')", 2, 24, "[0-9]", "different engines"),
        ("MATCHES(title, '(?i)a')", 1, 17, "(?:", "no flags"),
        ("MATCHES(title, email)", 1, 16, None, "single quotes"),
        ("MATCHES(title)", 1, 1, None, "a text and a pattern"),
        ("MATCHES(discount, 'a')", 1, 9, None, "takes text, but discount is a number"),
        ("MATCHES(industry, 'a')", 1, 9, None, "takes text"),
        ("MATCHES(nobody, '[')", 1, 9, None, "no field"),
        ("MATCHS(title, 'a')", 1, 1, "MATCHES", "no function"),
        ("MATCHES(title, 'a{150}') OR MATCHES(email, 'b{150}')", 1, 1, None, "at most 200 places together"),
    ],
)
def test_a_mistake_in_a_pattern_is_shown_where_it_is(text, line, column, suggestion, words):
    """Line and column are those of the character in the rule, quotes counted as they are written."""
    with pytest.raises(RuleError) as refused:
        parse_rule(text, VOCABULARY)
    first = refused.value.problems[0]
    assert (first.line, first.column, first.suggestion) == (line, column, suggestion), first
    assert words in first.reason


def test_a_pattern_is_written_and_stored_as_it_is():
    """The readable and the stored form lose nothing; a stored pattern that could not have been published is refused."""
    tree = parse_rule(
        "matches(email, '^o''[^@]+@(?:a|b)\\.cn$') OR MATCHES(COALESCE(title, '-'), '合')", VOCABULARY
    ).tree
    text = to_text(tree)
    assert text == "MATCHES(email, '^o''[^@]+@(?:a|b)\\.cn$') OR MATCHES(COALESCE(title, '-'), '合')"
    assert parse_rule(text, VOCABULARY).tree == tree == from_json(to_json(tree))
    stored = to_json(tree)["operands"][0]
    assert stored["node"] == "matches"
    for pattern in ("", "(?=a)", "a{1000}{1000}", None, 5):
        with pytest.raises(TreeFormatError):
            from_json({**stored, "pattern": pattern})


def drawn(rng: random.Random, depth: int = 3) -> str:
    """A random pattern, mostly of what patterns may hold."""
    atoms = [
        "a",
        "b",
        "合",
        "𝄞",
        ".",
        "^",
        "$",
        "[ab]",
        "[^a]",
        "[a-c合-同]",
        "\\.",
        "\\-",
        " ",
        "",
        "-",
        "[-a]",
        "é",
    ]
    strange = ["\\d", "(?i)", "a+?", "[", "{", "*", "]", "(?=a)", "\\1", "[a&&b]", "a{2}{2}", "\\b"]
    if depth == 0:
        return rng.choice(strange) if rng.random() < 0.03 else rng.choice(atoms)
    match rng.randrange(6):
        case 0:
            return f"{drawn(rng, depth - 1)}|{drawn(rng, depth - 1)}"
        case 1:
            return (
                f"(?:{drawn(rng, depth - 1)}){rng.choice(('', '*', '+', '?', '{2}', '{0,2}', '{1,}', '{0}'))}"
            )
        case 2:
            return f"({drawn(rng, depth - 1)}){rng.choice(('', '*', '+', '?', '{3}'))}"
        case _:
            return drawn(rng, depth - 1) + drawn(rng, depth - 1)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_three_engines_agree_on_thousands_of_patterns():
    """Whatever is not refused compiles in both engines, and means to them what it means to Python's."""
    rng = random.Random(20260131)
    texts = [
        "",
        *("".join(rng.choice("aabb合𝄞.\n -é") for _ in range(rng.randrange(1, 9))) for _ in range(60)),
    ]
    column = pl.DataFrame({"text": texts})
    judged = refused = 0
    for _ in range(1500):
        pattern = drawn(rng)
        try:
            work_of(pattern)
        except PatternRefused:
            refused += 1
            continue
        one = list(map(matcher(pattern), texts))
        assert column.select(pl.col("text").str.contains(pattern)).to_series().to_list() == one, pattern
        python = re.compile(pattern.replace("\\$", "[$]").replace("$", r"\Z"))
        assert [bool(python.search(text)) for text in texts] == one, pattern
        judged += 1
    assert judged > 1000
    assert refused > 50


# The largest patterns there are, and texts on which they are slowest: every place is possible nearly everywhere.
HOSTILE = [
    "(a+)+$",
    "(a|a)*b",
    "(?:(?:a*)*)*b",
    "[ab]*a[ab]{190}c",
    "(?:a|b)*a(?:a|b){48}c",
    ".*a.{47}c",
    "(?:.?){28}a{20}c",
    "(?:a?){49}a{48}$",
    "[^c]*a[^c]{45}c",
    "[一-龥ab]*a[一-龥ab]{29}c",
    "[" + "".join(chr(0x4E00 + 7 * it) for it in range(97)) + "]c",
    "合" * 66 + "c",
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_hostile_pattern_is_harmless(pattern):
    """Published, compiled and searched in the longest text there is within 50 ms of the processor and 10 MB (P20)."""
    assert work_of(pattern) <= MAX_WORK
    rng = random.Random(1)
    long = (
        "".join(rng.choice("ab") for _ in range(10_000)),
        "".join(rng.choice("a一b") for _ in range(10_000)),
    )
    parse_rule("MATCHES(title, 'warm')", VOCABULARY)
    for text in (*long, "a" * 10_000):
        best = 1.0
        for _ in range(3):
            work_of.cache_clear()
            matcher.cache_clear()
            started = time.process_time()
            rule = compile_rule(parse_rule(f"MATCHES(title, '{pattern}')", VOCABULARY).tree)
            rule({"title": text}, Facts())
            best = min(best, time.process_time() - started)
        assert best < 0.05
    assert both(pattern, *long)


@pytest.mark.parametrize(
    "pattern", ["a{1000}{1000}", "\\w{200}", "\\p{L}{100}", "((((((a{9}){9}){9}){9}){9}){9}){9}", "[" * 200]
)
def test_a_pattern_too_large_is_refused_before_any_engine_sees_it(pattern):
    """Refusing costs less than compiling would: no engine, no memory."""
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(RuleError):
        parse_rule(f"MATCHES(title, '{pattern}')", VOCABULARY)
    spent, (_, most) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 0.05
    assert most < 10 * 2**20
