"""What an error may say of what it was sent: where and what, never the sender's own words.

A message of the domain quotes names as the command line shows them ("a deal has no field 'xyz'"). An answer that leaves the process
may end up in logs, pages and other people's screens, so the words of the caller stay out of it.
"""

import re
from collections.abc import Iterable
from typing import Final

from infra.http.catalogue import Words
from infra.http.in_chinese import in_chinese
from infra.http.language import Language

LONGEST_POINTER = 200
_LONGEST_MESSAGE = 300
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z|[0-9]{1,7}\Z", re.ASCII)
_QUOTES = "'\"‘’“”«»`"
_UNNAMED = "?"

WORDS_OF_OUR_OWN: Final = frozenset(
    {
        "actions", "addressed", "all", "amount", "any", "approvals", "asks", "assignee", "best_win_rate", "by: clock", "calendar", "choose",
        "currency", "days_off", "deadlines", "done_by_word", "done_by_word: true", "enters", "evidence", "evidence-attached", "field", "fields", "fork", "forks", "healthy",
        "next", "offsets", "on", "one_of", "open", "options", "pattern", "pattern_why", "period", "person", "pool", "reactions",
        "region_of", "request", "requests", "role", "self", "stages", "to", "touch", "touches", "valid_days", "when", "won", "work",
    }
)  # fmt: skip
"""Words that messages quote as they stand in the program: members of playbooks, mostly. Whoever sends one is told nothing new."""


_QUOTATION = re.compile(r"""(?<![^\W_])(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)
"""What `repr` makes of a text: it begins behind no letter, and ends with the first mark of its own that no backslash stands before."""
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_CUT = "…"
_SEVERAL_CUT = re.compile(f"{_CUT}(?:, {_CUT})+")


def without_quotations(message: str, names: Iterable[str] = ()) -> str:
    """Return a message without what it quotes: each quotation becomes an ellipsis, and all words around it stay.

    Quotations stay that hold nothing but one of `names`, which are published, or a word of the program itself.
    Whatever a caller sends is quoted by `repr` where a message mentions it, so that its own quotation marks end nothing. Where that
    is not how the message was made, all from its first quotation mark to the last one becomes an ellipsis.
    """
    told = frozenset(names) | WORDS_OF_OUR_OWN
    pieces: list[str] = []
    kept: list[str] = []
    at = 0
    for found in _QUOTATION.finditer(message):
        is_told = found[0][1:-1] in told
        pieces.append(message[at : found.start()])
        kept.append(found[0] if is_told else _CUT)
        at = found.end()
    pieces.append(message[at:])
    if any(mark in _APOSTROPHE.sub("", "".join(pieces)) for mark in _QUOTES):
        marks = [index for index, character in enumerate(message) if character in _QUOTES]
        message = f"{message[: marks[0]]}{_CUT}{message[marks[-1] + 1 :]}"
    else:
        message = "".join(piece + name for piece, name in zip(pieces, [*kept, ""], strict=True))
    return cut(_SEVERAL_CUT.sub(_CUT, message))


def cut(message: str) -> str:
    """Return a message no longer than an answer tells one."""
    return message[:_LONGEST_MESSAGE]


def pointer_of(parts: Iterable[object]) -> str:
    """Return a JSON pointer; a part that is no plain name or index, so may be anything, is shown as `?`."""
    pointer = ""
    for part in parts:
        text = str(part)
        following = f"/{text if _NAME.match(text) else _UNNAMED}"
        if len(pointer) + len(following) > LONGEST_POINTER:
            return pointer
        pointer += following
    return pointer


def plain_pointer(pointer: str) -> str:
    """Return a JSON pointer of the domain, its names made harmless like those of `pointer_of`."""
    return pointer_of(pointer.split("/")[1:])


_SENTENCES = {
    "missing": Words("this is required", "此项必填"),
    "extra_forbidden": Words("there is no such member", "没有此成员"),
    "string_type": Words("a text is expected", "应为文本"),
    "string_too_short": Words("the text is too short", "文本过短"),
    "string_too_long": Words("the text is too long", "文本过长"),
    "string_pattern_mismatch": Words("the text does not have the form it should have", "文本格式不符"),
    "bool_type": Words("true or false is expected", "应为 true 或 false"),
    "bool_parsing": Words("true or false is expected", "应为 true 或 false"),
    "int_type": Words("a whole number is expected", "应为整数"),
    "int_parsing": Words("a whole number is expected", "应为整数"),
    "int_parsing_size": Words("the number is out of range", "数字超出范围"),
    "int_from_float": Words("a whole number is expected", "应为整数"),
    "dict_type": Words("an object is expected", "应为对象"),
    "model_type": Words("an object is expected", "应为对象"),
    "model_attributes_type": Words("an object is expected", "应为对象"),
    "list_type": Words("a list is expected", "应为列表"),
    "too_long": Words("there are too many items", "项目过多"),
    "too_short": Words("there are too few items", "项目过少"),
    "none_required": Words("null is expected", "应为 null"),
    "datetime_type": Words("a moment is expected, as 2026-01-31T08:00:00+08:00", "应为时间，如 2026-01-31T08:00:00+08:00"),
    "datetime_parsing": Words("a moment is expected, as 2026-01-31T08:00:00+08:00", "应为时间，如 2026-01-31T08:00:00+08:00"),
    "datetime_from_date_parsing": Words("a moment is expected, as 2026-01-31T08:00:00+08:00", "应为时间，如 2026-01-31T08:00:00+08:00"),
    "timezone_aware": Words("the moment needs its offset, as 2026-01-31T08:00:00+08:00", "时间须带时区偏移，如 2026-01-31T08:00:00+08:00"),
    "date_parsing": Words("a date is expected, as 2026-01-31", "应为日期，如 2026-01-31"),
    "date_from_datetime_parsing": Words("a date is expected, as 2026-01-31", "应为日期，如 2026-01-31"),
    "json_invalid": Words("this is not JSON", "不是有效的 JSON"),
}  # fmt: skip
_FROM_THE_SCHEMA = {
    "literal_error", "enum", "greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of", "finite_number",
    "float_type", "float_parsing", "decimal_type", "decimal_parsing", "uuid_parsing", "bytes_type", "set_type", "frozen_set_type", "tuple_type",
}  # fmt: skip
"""Types of pydantic's errors whose message is made of the model alone."""
_NOT_VALID = Words("this is not valid", "此项无效")


def sentence_for(kind: str, message: str, language: Language) -> str:
    """Return what is wrong with one value, by the type of pydantic's error; its own message only where that never repeats the value."""
    known = _SENTENCES.get(kind)
    if known is not None:
        return known.told(language)
    if kind in _FROM_THE_SCHEMA:
        spoken = message if language == "en" else in_chinese(message)
        if language == "en" or spoken != message:
            return spoken[:_LONGEST_MESSAGE]
    return _NOT_VALID.told(language)
