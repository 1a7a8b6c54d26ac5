"""The terminal speaks both languages, one word for one thing: that of the glossary."""

import re
from pathlib import Path
from string import Formatter

import pytest

from infra.cli.replay_words import say, words
from infra.cli.words import WORDS

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
