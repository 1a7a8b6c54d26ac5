"""What is left of a message once the caller's words are out of it still says what is wrong, and what to do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.playbook.problems import known
from domain.refusals import unknown_name
from infra.http.wording import WORDS_OF_OUR_OWN, without_quotations

ROOT = Path(__file__).parents[2]
HOSTILE = "~~zq's \"zq\" \\' zq 'zq' zq\\~~"
_QUOTES_BY_ITSELF = re.compile(r"(?<![A-Za-z])'([^' ]+)'(?![A-Za-z])")
_COMPLETED = {"unknown_name", "not_among", "advised"}
"""Functions that go on with a message: they suggest the nearest name, or list those there are."""

SAY_WHAT_IS_EXPECTED = {
    "An amount is written in plain digits such as 1234.50, not ….",
    "A currency is three capital letters such as CNY, not ….",
    "An operator such as AND is missing before ….",
}
NEVER_ANSWERED = {
    # Of stored rules that were tampered with, and the text of errors whose answer is made of their data (NotFound, NotAllowed …).
    "Expected ‹wanted›, found ….",
    "Unknown node ….",
    "this needs the right …",
    "there is no ‹what› …‹hint›",
    # A half of a sentence that goes on.
    "a stage is called …",
    "… has a node …",
}


class Message(NamedTuple):
    """One message of the source: where, whether a function goes on with it, and its text with something hostile in its place."""

    place: str
    is_completed: bool
    text: str
    shape: str


def _messages() -> Iterator[Message]:
    """Every sentence of the layers that refuse which names something by its repr."""
    for path in sorted([*ROOT.glob("domain/**/*.py"), *ROOT.glob("commands/**/*.py")]):
        tree = ast.parse(path.read_text())
        for scope in ast.walk(tree):
            if not isinstance(scope, ast.FunctionDef):
                continue
            completed = _completed_in(scope)
            for found in ast.walk(scope):
                if not isinstance(found, ast.JoinedStr):
                    continue
                parts = [_part(value) for value in found.values]
                shape = "".join(shown for shown, _ in parts)
                if any(said == repr(HOSTILE) for _, said in parts) and " " in shape.strip():
                    place = f"{path.relative_to(ROOT)}:{found.lineno}"
                    text = "".join(said for _, said in parts)
                    yield Message(place, ast.dump(found) in completed, text, shape)


def _completed_in(scope: ast.AST) -> set[str]:
    """The messages in a function that are given to one that goes on with them, by themselves or under a name."""
    given_by_name: set[str] = set()
    completed: set[str] = set()
    for call in ast.walk(scope):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _COMPLETED:
            for argument in call.args:
                if isinstance(argument, ast.Name):
                    given_by_name.add(argument.id)
                completed.add(ast.dump(argument))
    for assigned in ast.walk(scope):
        if not isinstance(assigned, ast.Assign) or not isinstance(assigned.targets[0], ast.Name):
            continue
        if assigned.targets[0].id in given_by_name:
            completed.add(ast.dump(assigned.value))
    return completed


def _part(value: ast.expr) -> tuple[str, str]:
    """How a part of a sentence is shown in a shape, and what it is when somebody sends something hostile."""
    if isinstance(value, ast.Constant):
        return str(value.value), str(value.value)
    assert isinstance(value, ast.FormattedValue)
    spelled = ast.unparse(value.value)
    if value.conversion == ord("r") or spelled.startswith("short("):
        return "…", repr(HOSTILE)
    return f"‹{spelled}›", "word"


MESSAGES = sorted(set(_messages()))


def test_the_corpus_is_what_it_says():
    """Were nothing found, the tests below would say nothing."""
    assert len(MESSAGES) > 100
    assert sum(message.is_completed for message in MESSAGES) >= 10


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.place)
def test_no_message_repeats_what_was_sent(message):
    """P18: whatever quotation marks and backslashes a name holds, none of it is told."""
    assert "~~" in message.text
    left = without_quotations(message.text)
    assert "~~" not in left
    assert "zq" not in left


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.place)
def test_no_message_ends_where_the_name_was(message):
    """Somebody who reads `the kind …` knows nothing; what follows says what is wrong with it, or what to do."""
    left = without_quotations(message.text).rstrip(".")
    if message.is_completed or message.shape in SAY_WHAT_IS_EXPECTED | NEVER_ANSWERED:
        return
    assert not left.endswith("…"), (
        f"{message.place}: {message.shape!r} says nothing once the name is out of it"
    )


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.place)
def test_every_word_outside_the_quotations_stays(message):
    """However many names a sentence mentions, only they are left out."""
    spoken = re.sub("‹[^›]*›", "word", message.shape)
    assert without_quotations(message.text) == _as_told(spoken)[:300]


def _as_told(shape: str) -> str:
    """A shape as it should be answered: several names in a row are one ellipsis, words that are no name of ours are cut."""
    cut = _QUOTES_BY_ITSELF.sub(lambda found: found[0] if found[1] in WORDS_OF_OUR_OWN else "…", shape)
    return re.sub("…(?:, …)+", "…", cut)


def test_no_name_is_quoted_behind_a_letter():
    """A mark behind a letter is an apostrophe: what `repr` quotes stands behind a space or a bracket everywhere."""
    for message in MESSAGES:
        assert not re.search("[A-Za-z0-9›]…", message.shape), message


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.text(max_size=30))
def test_each_quotation_is_cut_by_itself(names, more):
    """Two names never take the words between them along, and neither leaves anything behind."""
    message = " and then ".join(f"the name {f'~~{name}~~'!r}" for name in names) + "; choose another one"
    expected = " and then ".join("the name …" for _ in names) + "; choose another one"
    assert without_quotations(message) == expected
    assert without_quotations(message, [more]) == expected


def test_what_is_published_is_named():
    """A name of a published playbook is told; the same sentence about another name is not."""
    message = "the kind 'deal' belongs to the playbook 'sales'; give it another name"
    assert without_quotations(message, ("deal", "sales")) == message
    assert (
        without_quotations(message, ("sales",))
        == "the kind … belongs to the playbook 'sales'; give it another name"
    )
    assert without_quotations("a field's value isn't 'x'", ()) == "a field's value isn't …"


def test_marks_that_are_no_quotation_of_ours_are_not_trusted():
    """Where a message was made in another way, all between its first mark and its last one is left out."""
    assert without_quotations("the word “secret 'and' more” is odd") == "the word … is odd"
    assert without_quotations("a «secret» and a 'name' here") == "a … here"


def test_an_unknown_name_is_told_with_those_there_are():
    """With the nearest one where one is near; with the names there are where none is."""
    near = unknown_name("/kind", "there is no kind 'dael'", "dael", ["deal", "order"])
    assert (near.message, near.suggestion, near.names) == ("there is no kind 'dael'", "deal", ())
    far = unknown_name("/kind", "there is no kind 'zzz'", "zzz", ["deal", "order"])
    assert far.suggestion is None
    assert without_quotations(far.message, far.names) == "there is no kind …; 'deal', 'order' can be named"
    none = unknown_name("/fork", "there is no fork 'x'", "x", [])
    assert without_quotations(none.message, none.names) == "there is no fork …; there is none to name"
    many = unknown_name("/kind", "there is no kind 'zzz'", "zzz", [f"kind_{n}" for n in range(12)])
    assert many.message.endswith("'kind_7' and 4 more can be named")
    assert len(many.names) == 8


def test_what_a_file_lacks_is_told_with_what_it_has():
    """A file is its writer's own: the command line lists the names in it, an answer over HTTP says where to look."""
    (found,) = known("zzz", ["deal", "order"], "kind", ("indices", "x", "kind"))
    assert found.message == "there is no kind 'zzz'; 'deal', 'order' can be named"
    assert without_quotations(found.message) == "there is no kind …; … can be named"
