"""Where a character of a text stands in the YAML file that says it: quotes, escapes, folds and indentation are in between."""

import re

import yaml

_FOLD = re.compile(r"[ \t]*\n[ \t\n]*")
_ESCAPED_BREAK = re.compile(r"\\\n[ \t]*")
_ESCAPE_LENGTH = {"x": 4, "u": 6, "U": 10}


def index_in_file(text: str, node: yaml.ScalarNode, offset: int) -> int:
    """Walk along a scalar as it is written, up to a character of what it says."""
    assert node.start_mark is not None
    assert node.end_mark is not None
    at, value = node.start_mark.index, node.value
    if node.style in ("|", ">"):
        return min(_index_in_block(text, text.index("\n", at) + 1, value, offset), node.end_mark.index)
    at += 1 if node.style in ("'", '"') else 0
    for index, character in enumerate(value[: offset + 1]):
        if node.style == '"' and (skipped := _ESCAPED_BREAK.match(text, at)):
            at = skipped.end()
        fold = _FOLD.match(text, at)
        if index == offset:
            return fold.end() if fold and not character.isspace() else at
        if node.style == '"' and text[at] == "\\":
            at += _ESCAPE_LENGTH.get(text[at + 1], 2)
        elif fold:
            at = fold.end()
        elif character != "\n":  # of several line breaks the first has taken the others along
            at += 2 if node.style == "'" and character == "'" else 1
    return at


def _index_in_block(text: str, at: int, value: str, offset: int) -> int:
    """Walk along a block scalar: its lines are indented, and a folded break is written as a line break."""

    def indentation(of: str) -> int:
        first = next((line for line in of.split("\n") if line.strip(" ")), "")
        return len(first) - len(first.lstrip(" "))

    indent = indentation(text[at:]) - indentation(value)

    def after_break(start: int) -> int:
        spaces = len(text[start : start + indent]) - len(text[start : start + indent].lstrip(" "))
        return start + spaces

    at = after_break(at)
    for index, character in enumerate(value[: offset + 1]):
        while character not in " \n" and text[at] == "\n":
            at = after_break(at + 1)
        if index == offset:
            break
        at = after_break(at + 1) if text[at] == "\n" else at + 1
    return at
