"""Patterns in rules: a small part of the regular expressions of Rust, in which every engine and every year agrees.

A pattern is searched anywhere in a text; `^` and `$` are the text's two ends.
It has literal characters, `.` (anything but a line feed), classes such as `[A-Z0-9]` and `[^ ]`, groups, `|`, the
repetitions `? * + {n} {n,} {n,m}`, and a backslash before a character that would mean something.
What is left out cannot be matched in linear time (look-around, back references), has no say in a yes or no (names,
lazy repetition), or hangs on the Unicode tables of one release of one library (`\\d`, `\\w`, `\\b`, `\\p`, ignoring case).

The engine is Rust's `regex`, here and in the column store; Python's `re` takes exponential time and is never used.
`work_of` bounds what a pattern costs before any engine sees it: compiling it, and every byte it reads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from pydantic_core import SchemaValidator, core_schema

MAX_PATTERN: Final = 200
"""The most characters of a pattern."""

MAX_WORK: Final = 200
"""The most places in which the patterns of one rule, repetitions written out, can be at once."""

_MAX_NESTING: Final = 20
_SPECIAL: Final = frozenset(r"\.+*?()|[]{}^$-&~/#%")
_LAST_ASCII: Final = "\x7f"
_TABLES: Final = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[A-Za-z0-9_]",
    "W": "[^A-Za-z0-9_]",
    "s": "[ ]",
    "S": "[^ ]",
    "A": "^",
    "z": "$",
}


class PatternRefused(ValueError):
    """A pattern cannot stand in a rule; `offset` is the character where it stops being one."""

    def __init__(self, offset: int, reason: str, suggestion: str | None = None) -> None:
        """Say where, why, and what could be written instead."""
        super().__init__(reason)
        self.offset = offset
        self.reason = reason
        self.suggestion = suggestion


@lru_cache(maxsize=1024)
def work_of(pattern: str) -> int:
    """Read a pattern and tell in how many places at once its search can be. Raises `PatternRefused`."""
    if not pattern:
        raise PatternRefused(0, "An empty pattern is found everywhere; ask IS NOT NULL instead.")
    if len(pattern) > MAX_PATTERN:
        raise PatternRefused(MAX_PATTERN, f"A pattern has at most {MAX_PATTERN} characters.")
    work = _Reading(pattern).whole()
    if work > MAX_WORK:
        raise PatternRefused(
            0, f"The pattern is too large: its repetitions mean {work:,} places, {MAX_WORK} are the limit."
        )
    return work


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Compile a pattern to a function that tells whether a text holds it anywhere, in linear time."""
    work_of(pattern)
    schema = core_schema.str_schema(strict=True, pattern=pattern, regex_engine="rust-regex")
    return SchemaValidator(schema).isinstance_python


class _Reading:
    """One reading of a pattern, left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._next = pattern, 0

    def whole(self) -> int:
        work = self._alternatives(0)
        if self._next < len(self._pattern):
            raise PatternRefused(self._next, "This parenthesis closes nothing; write \\) for a parenthesis.")
        return work

    def _peek(self) -> str:
        return self._pattern[self._next : self._next + 1]

    def _alternatives(self, nesting: int) -> int:
        work = self._sequence(nesting)
        while self._peek() == "|":
            self._next += 1
            work += 1 + self._sequence(nesting)
        return work

    def _sequence(self, nesting: int) -> int:
        work = 0
        while (character := self._peek()) and character not in "|)":
            at = self._next
            one = self._atom(character, nesting)
            work += self._repeated(one, is_repeatable=character not in "^$", at=at)
        return work

    def _atom(self, character: str, nesting: int) -> int:
        at = self._next
        self._next += 1
        match character:
            case "(":
                return self._group(at, nesting + 1)
            case "[":
                return self._class(at)
            case "\\":
                return len(self._escaped(at))
            case "." | "^" | "$":
                return 4 if character == "." else 1
            case "*" | "+" | "?" | "{":
                raise PatternRefused(
                    at, f"There is nothing before {character} to repeat; write \\{character} for itself."
                )
            case "]" | "}":
                raise PatternRefused(at, f"{character} closes nothing; write \\{character} for itself.")
            case _:
                return len(self._encoded(character, at))

    def _encoded(self, character: str, at: int) -> bytes:
        try:
            return character.encode()
        except UnicodeEncodeError:
            raise PatternRefused(at, "Half a character (a lone surrogate) is in no text.") from None

    def _escaped(self, at: int) -> str:
        character = self._peek()
        self._next += 1
        if character in _SPECIAL and character:
            return character
        if character.isdigit() and character != "0":
            raise PatternRefused(at, "A pattern cannot refer back to what a group found.")
        if character in _TABLES and character:
            raise PatternRefused(
                at, f"\\{character} means different characters to different engines.", _TABLES[character]
            )
        raise PatternRefused(at, "A backslash stands only before a character that would mean something.")

    def _group(self, at: int, nesting: int) -> int:
        if nesting > _MAX_NESTING:
            raise PatternRefused(at, f"Groups are nested at most {_MAX_NESTING} deep.")
        if self._peek() == "?":
            following = self._pattern[self._next + 1 : self._next + 3]
            if not following.startswith(":"):
                raise PatternRefused(at, _group_reason(following), "(?:")
            self._next += 2
        work = self._alternatives(nesting)
        if self._peek() != ")":
            raise PatternRefused(at, "This parenthesis is never closed; write \\( for a parenthesis.")
        self._next += 1
        return 1 + work

    def _class(self, opened: int) -> int:
        is_negated = self._peek() == "^"
        self._next += is_negated
        first, ranges, is_wide = self._next, 0, is_negated
        while True:
            at, character = self._next, self._peek()
            if not character:
                raise PatternRefused(opened, "This class is never closed; write \\[ for a bracket.")
            if character == "]":
                if at == first:
                    raise PatternRefused(at, "A class holds a character or more; write \\] for a bracket.")
                self._next += 1
                return 1 + (3 + 2 * ranges if is_wide else 0)
            if character == "-" and at != first and self._pattern[at + 1 : at + 2] != "]":
                raise PatternRefused(at, "A - between characters makes a range; write \\- for itself.")
            low = high = self._member(at)
            if self._peek() == "-" and self._pattern[self._next + 1 : self._next + 2] not in ("]", ""):
                self._next += 1
                high = self._member(self._next)
                if high < low:
                    raise PatternRefused(at, "This range runs backwards.")
            if high > _LAST_ASCII:
                is_wide = True
                ranges += 1

    def _member(self, at: int) -> str:
        character = self._peek()
        self._next += 1
        if character == "\\":
            return self._escaped(at)
        twice = self._pattern[at - 1 : at] == character or self._peek() == character
        if character == "[" or (character in "&~-" and twice):
            raise PatternRefused(at, f"A class holds no other class; write \\{character} for itself.")
        self._encoded(character, at)
        return character

    def _repeated(self, one: int, *, is_repeatable: bool, at: int) -> int:
        sign = self._peek()
        if not sign or sign not in "*+?{":
            return one
        if not is_repeatable:
            raise PatternRefused(self._next, f"{self._pattern[at]} is a place and cannot be repeated.")
        counted = self._count() if sign == "{" else 1
        if sign != "{":
            self._next += 1
        following = self._peek()
        if following and following in "*+?{":
            raise PatternRefused(
                self._next,
                "One repetition follows another; a lazy one means nothing here, put a group around the rest.",
            )
        return one * counted + 1

    def _count(self) -> int:
        opened = self._next
        closed = self._pattern.find("}", opened)
        low, _, high = self._pattern[opened + 1 : max(closed, opened + 1)].partition(",")
        if closed < 0 or not _is_count(low) or not (high == "" or _is_count(high)):
            raise PatternRefused(opened, "A repetition is written {2}, {2,} or {2,5}; write \\{ for a brace.")
        self._next = closed + 1
        if high and int(high) < int(low):
            raise PatternRefused(opened, "This repetition runs backwards.")
        if int(high or low) > MAX_WORK:
            raise PatternRefused(opened, f"A pattern repeats a part at most {MAX_WORK} times.")
        return max(int(high or low), 1)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9


def _group_reason(following: str) -> str:
    if following[:1] in ("=", "!") or following in ("<=", "<!"):
        return "A pattern cannot look around; every part of it is found in its place."
    if following[:1] in ("P", "<", "'"):
        return "Groups have no names; nobody could ask for them."
    return "A pattern has no flags; write [Aa] where the case does not matter."
