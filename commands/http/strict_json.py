"""Reads JSON so strictly that what passes means the same to every reader (RFC 8259, I-JSON of RFC 7493).

Refused are what parsers disagree about or choke on: members named twice, NaN and Infinity, numbers beyond a double or beyond 4,300 digits,
NUL characters, lone surrogates, other encodings than UTF-8, and nesting so deep that it costs a stack.
All of it takes time in proportion to the length.
"""

import json
import re
from collections.abc import Iterator

import orjson

MAX_DEPTH = 64
MAX_VALUES = 20_000
"""How many values a body may hold, as many as a playbook; commands have a thousand fields at most, and lists of a thousand."""

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


class NotStrictJson(ValueError):
    """The bytes are not JSON as it is taken here. The message says nothing of what they are."""


class TooManyValues(NotStrictJson):
    """The bytes would hold more values than any command has: looking at each of them could take a second, so nobody does."""


def check(data: bytes) -> None:
    """Make sure that bytes are one strict JSON value. Raises NotStrictJson, and TooManyValues before anything is read that is too much."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrictJson("this is not UTF-8") from None
    shape = _STRING.sub("", text)
    if _depth(shape) > MAX_DEPTH:
        raise NotStrictJson(f"this is nested deeper than {MAX_DEPTH} levels")
    if sum(map(shape.count, ",[{")) >= MAX_VALUES:
        raise TooManyValues(f"this holds more than {MAX_VALUES:,} values")
    try:
        orjson.loads(data)
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise NotStrictJson("this is not strict JSON") from None
    if "\\u0000" in text and any("\x00" in found for found in _texts(value)):
        raise NotStrictJson("a text holds a NUL character")


def _depth(shape: str) -> int:
    """How deep brackets are nested in a value without its texts; counting stops where it is too deep already."""
    deepest = depth = 0
    for bracket in shape.encode().translate(None, _NO_BRACKETS):
        if bracket in b"[{":
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > MAX_DEPTH:
                    break
        else:
            depth -= 1
    return deepest


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJson("a member is named twice")
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_without_twins)


def _texts(value: object) -> Iterator[str]:
    """All texts of a value, names of members included."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            waiting += found.keys()
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
