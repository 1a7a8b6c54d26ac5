"""Cut the text of a rule into lexemes; whatever the rule language does not know is refused here.

Every rule goes through this narrow gate first: only names, strings, numbers and some twenty symbols and words come
out, in linear time, so that nothing behind it ever meets a comment, a second statement or an odd character.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Container
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from domain.rules.problems import Problem
from domain.rules.syntax import Position

MAX_CHARACTERS: Final = 4000

KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "IN", "IS", "NULL", "TRUE", "FALSE", "BETWEEN", "LIKE"})
"""The reserved words of the rule language; a field of such a name is written in double quotes."""

_SQL = """
    ALL ALTER ANY AS ASC AT BEGIN BY CASE CAST COLLATE COMMIT CONVERT CREATE CROSS CURRENT_DATE CURRENT_TIMESTAMP
    DECLARE DELETE DESC DISTINCT DIV DROP ELSE END ESCAPE EXCEPT EXEC EXECUTE EXISTS FETCH FILTER FROM FULL GLOB GRANT
    GROUP HAVING ILIKE INNER INSERT INTERSECT INTERVAL INTO ISNULL JOIN LATERAL LEFT LIMIT MERGE MOD NATURAL NOTNULL
    OFFSET ON ORDER OUTER OVER PARTITION PRAGMA QUALIFY REGEXP RETURNING REVOKE RIGHT RLIKE ROW ROWS SELECT SET SIMILAR
    SOME TABLE THEN TRUNCATE TRY_CAST UNION UNNEST UPDATE USING VALUES WHEN WHERE WINDOW WITH XOR
"""
FOREIGN_WORDS: Final = frozenset(_SQL.split())
"""Words of SQL that are not part of the rule language: refused by name unless they name a field."""

_WORD = r"[^\W\d]\w*"
_LEXEMES = re.compile(
    rf"""(?P<space>[ \t\r\n]+)
    |(?P<comment>--[^\r\n]*|/\*(?s:.*?)(?:\*/|\Z))
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<open>['"])
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\w*)
    |(?P<word>{_WORD})
    |(?P<symbol><>|!=|<=|>=|[=<>+\-*/(),])
    |(?P<strange>[^\w\s'"=<>+\-*/(),]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_PLAIN_NAME = re.compile(_WORD)
_LOOKALIKES = {"‘": "'", "’": "'", "“": '"', "”": '"', "≥": ">=", "≤": "<=", "≠": "<>", "≧": ">=", "≦": "<="}
_INVISIBLE_BUT_FINE = "\u200c\u200d"
_SUGGESTIONS = {"&&": "AND", "!": "NOT", "`": 'double quotes, as in "name"'}

LexemeKind: TypeAlias = Literal["name", "quoted", "text", "number", "DATE", "TIMESTAMP", "keyword", "symbol"]


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A lexeme is the smallest piece of a rule that means something."""

    kind: LexemeKind
    value: str
    offset: int


class Ruler:
    """A ruler turns an offset into a line and a column."""

    def __init__(self, text: str) -> None:
        """Find where the lines of the text start; `\\n`, `\\r` and `\\r\\n` all end a line."""
        self._starts = [0, *(found.end() for found in _NEWLINE.finditer(text))]

    def at(self, offset: int) -> Position:
        """Tell the position of a character."""
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)


def quote_name(name: str) -> str:
    """Write a name so that the lexer reads it back: bare where that is possible, in double quotes elsewhere."""
    bare = _PLAIN_NAME.fullmatch(name) and name.upper() not in KEYWORDS | FOREIGN_WORDS | {
        "DATE",
        "TIMESTAMP",
    }
    return name if bare else '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Write a string literal."""
    return "'" + text.replace("'", "''") + "'"


def cut(text: str, fields: Container[str], problems: list[Problem]) -> list[Lexeme]:
    """Cut a rule into lexemes, adding what is not part of the language to `problems`.

    A word of SQL that the rule language lacks is taken for a name only when it is in `fields`.
    """
    return _Cutter(text, fields, problems).cut()


class _Cutter:
    def __init__(self, text: str, fields: Container[str], problems: list[Problem]) -> None:
        self.text, self.fields, self.problems = text, fields, problems
        self.ruler = Ruler(text)
        self.lexemes: list[Lexeme] = []

    def cut(self) -> list[Lexeme]:
        for found in _LEXEMES.finditer(self.text):
            kind, value, offset = found.lastgroup, found.group(), found.start()
            match kind:
                case "space":
                    continue
                case "text" | "quoted":
                    self._delimited(kind == "text", value, offset)
                case "number":
                    self._number(value, offset)
                case "word":
                    self._word(value, offset)
                case "symbol":
                    self._add("symbol", "<>" if value == "!=" else value, offset)
                case "comment":
                    self._refuse(offset, "A rule has no comments; say it in the description of the rule.")
                case "open":
                    self._refuse(offset, f"The quote {value} is never closed.")
                    break
                case _:
                    self._strange(value, offset)
        return self.lexemes

    def _add(self, kind: LexemeKind, value: str, offset: int) -> None:
        self.lexemes.append(Lexeme(kind, value, offset))

    def _refuse(self, offset: int, reason: str, suggestion: str | None = None) -> None:
        at = self.ruler.at(offset)
        self.problems.append(Problem(at.line, at.column, reason, suggestion))

    def _delimited(self, is_text: bool, raw: str, offset: int) -> None:
        for index, character in enumerate(raw):
            category = unicodedata.category(character)
            hidden = category in {"Cc", "Cs", "Zl", "Zp"} or (
                category == "Cf" and character not in _INVISIBLE_BUT_FINE
            )
            if hidden:
                self._refuse(offset + index, f"The invisible character {_named(character)} is not allowed.")
        mark = raw[0]
        value = raw[1:-1].replace(mark * 2, mark)
        last = self.lexemes[-1] if self.lexemes else None
        if not is_text:
            if not value:
                self._refuse(offset, "A name cannot be empty; a string stands in single quotes.", "''")
            self._add("quoted", value, offset)
        elif last and last.kind == "name" and last.value.upper() == "DATE":
            self.lexemes[-1] = Lexeme("DATE", value, last.offset)
        elif last and last.kind == "name" and last.value.upper() == "TIMESTAMP":
            self.lexemes[-1] = Lexeme("TIMESTAMP", value, last.offset)
        else:
            self._add("text", value, offset)

    def _number(self, value: str, offset: int) -> None:
        if not _NUMBER.fullmatch(value):
            self._refuse(
                offset, f"{value[:40]!r} is not a number; numbers are plain digits such as 1200 or 0.25."
            )
        self._add("number", value, offset)

    def _word(self, value: str, offset: int) -> None:
        upper = value.upper()
        if upper in KEYWORDS:
            self._add("keyword", upper, offset)
            return
        if upper in FOREIGN_WORDS and value not in self.fields:
            hint = {"ILIKE": "LIKE", "XOR": "<>", "ISNULL": "IS NULL", "NOTNULL": "IS NOT NULL"}.get(upper)
            self._refuse(offset, f"{upper} is not part of the rule language.", hint)
        self._add("name", value, offset)

    def _strange(self, value: str, offset: int) -> None:
        first = value[0]
        if ";" in value:
            self._refuse(
                offset + value.index(";"),
                "A rule is one expression; there is nothing to separate with a semicolon.",
            )
        elif first in "?:@$#{}":
            self._refuse(
                offset, f"Parameters and placeholders such as {first!r} are not part of the rule language."
            )
        elif unicodedata.category(first)[0] in "CZ" or not first.isascii():
            plain = _LOOKALIKES.get(first) or unicodedata.normalize("NFKC", first)
            fine = plain.isascii() and plain.isprintable()
            hint = (plain.strip() or "a plain space") if fine else None
            self._refuse(offset, f"The character {_named(first)} is not part of the rule language.", hint)
        else:
            self._refuse(offset, f"{value[:8]!r} is not part of the rule language.", _SUGGESTIONS.get(value))


def _named(character: str) -> str:
    code = f"U+{ord(character):04X}"
    shown = f"{character!r} " if character.isprintable() else ""
    name = unicodedata.name(character, "")
    return f"{shown}({code} {name})" if name else f"{shown}({code})"
