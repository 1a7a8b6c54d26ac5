"""The terminal speaks both languages, one word for one thing: that of the glossary."""

import inspect
import re
from pathlib import Path
from string import Formatter

import pytest

from infra.cli.replay_words import say, words
from infra.cli.sentences import sentence, sentences
from infra.cli.verify_reasons import _REASONS, reason_in
from infra.cli.words import WORDS
from infra.log import sealing, verify
from projections.measured_contracts import CLAUSES, contract
from projections.metrics.registry import METRICS

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
ROW = re.compile(r"^\| ([^|]+?) \| ([^|]+?) \| ", re.MULTILINE)
CHINESE = re.compile(r"[一-鿿]")
TERMS = dict(ROW.findall(GLOSSARY.read_text("utf-8")))


def figures(said: str) -> list[tuple[str, str]]:
    return sorted((name, spec or "") for _, name, spec, _ in Formatter().parse(said) if name is not None)


@pytest.mark.parametrize("english", sorted(WORDS.keys() & TERMS.keys()))
def test_a_word_of_the_terminal_is_the_glossarys(english):
    assert WORDS[english] == TERMS[english]


@pytest.mark.parametrize("what", sorted(words()))
def test_what_is_said_of_replays_is_said_in_both_languages(what):
    """With the same figures; a term of the glossary is the glossary's word."""
    english, chinese = words()[what]
    assert CHINESE.search(chinese)
    assert not CHINESE.search(english)
    assert figures(english) == figures(chinese)
    singular = english.removesuffix("s")
    for term in {english, singular} & TERMS.keys():
        assert chinese == TERMS[term]
    assert (say(what, "en"), say(what, "zh")) == (english, chinese)


@pytest.mark.parametrize("what", sorted(sentences()))
def test_what_the_program_says_is_said_in_both_languages(what):
    """With the same figures; only what is a figure, a name or the same in both may be left without Chinese."""
    english, chinese = sentences()[what]
    assert not CHINESE.search(english)
    assert CHINESE.search(chinese) or not re.search(r"[a-z]", re.sub(r"\{[^}]*\}", "", english))
    assert {name for name, _ in figures(english)} == {name for name, _ in figures(chinese)}


def test_a_number_chooses_the_form_of_its_noun():
    """`playbook check` said "1 kinds, 1 rules"."""
    about = {"file": "a.yaml", "name": "a", "stages": 0, "fields": 1_200, "digest": "0"}
    said = sentence("is right", "en", kinds=1, rules=1, **about)
    assert said == "a.yaml: playbook 'a' is right: 1 kind, 0 stages, 1,200 fields, 1 rule, digest 0"
    assert "2 kinds, 0 stages, 1,200 fields, 3 rules" in sentence("is right", "en", kinds=2, rules=3, **about)
    assert "1 种记录、0 个阶段、1,200 个字段、1 条规则" in sentence(
        "is right", "zh", kinds=1, rules=1, **about
    )


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_contract_is_told_in_both_languages(metric):
    """Every clause, with the same names in backquotes; over HTTP and in JSON it stays English."""
    english, chinese = contract(metric), contract(metric, "zh")
    texts = [(english[name], chinese[name]) for name in CLAUSES]
    texts += [
        (spec["meaning"], said["meaning"])
        for spec, said in zip(english["parameters"], chinese["parameters"], strict=True)
    ]
    for en, zh in texts:
        assert not CHINESE.search(en)
        assert CHINESE.search(zh)
        named = [set(re.findall(r"`([a-z_]+)`", text)) for text in (en, zh)]
        assert named[0] == named[1], (en, zh)
    assert english["label"] == chinese["label"]


@pytest.mark.parametrize("reason", sorted(_REASONS))
def test_why_a_log_is_not_right_is_known_as_verify_says_it(reason):
    """A reason that is put otherwise in English would stay English in Chinese."""
    source = inspect.getsource(verify) + inspect.getsource(sealing)
    fixed = max(reason.replace("(.+)", "\0").replace(str(sealing.FORMAT), "\0").split("\0"), key=len)
    assert fixed in source
    assert CHINESE.search(reason_in(reason.replace("(.+)", "7"), "zh"))
    assert reason_in(reason, "en") == reason
