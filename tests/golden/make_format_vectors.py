"""Makes format-1.json, the vectors of docs/format.md, with nothing but the independent verifier.

python tests/golden/make_format_vectors.py
"""

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from independent_verifier import canonical, event_hash, header, leaves, root, verify

FILE = Path(__file__).with_name("format-1.json")
MOON = -14_182_940_000_000  # 1969-07-20T20:17:40Z
LARGEST = 2**53 - 1
SEALED = {
    "$sealed": {
        "generation": 1,
        "subject": "contact/con_1",
        "value": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    }
}
SEALED_TEXT = canonical(SEALED).decode()
SEALED_CHINESE = canonical({"$sealed": SEALED["$sealed"] | {"subject": "客户/王芳 🦊"}}).decode()

# What it covers, the payload, and the columns that differ from DEFAULTS. Positions and versions are counted.
EVENTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "genesis; recorded_at before 1970",
        {"tenant": "示例公司", "format": 1, "clock": "simulated", "product": "dealtrail 0.1.0"},
        {"originator_id": "log", "topic": "log.begun.v1", "recorded_at": MOON, "basis": 0},
    ),
    ("every nullable column null; empty payload", {}, {"recorded_at": MOON + 1, "occurred_at": None}),
    (
        "every column set; one leaf; moments with microseconds on both sides of 1970",
        {"stage": "qualified"},
        {
            "recorded_at": MOON + 2,
            "occurred_at": -1,
            "decided_at": 999_999,
            "playbook": "crm",
            "playbook_version": 7,
            "actor": "person/per_1",
            "on_behalf_of": "person/per_2",
            "channel": "http",
            "reason": SEALED_TEXT,
            "command_id": "cmd_3",
            "correlation_id": "cor_1",
            "causation_id": "evt_1",
        },
    ),
    (
        "non-ASCII text in payload, names, reason, actor and stream; nothing is normalised; two leaves",
        {"公司": "北京 🦊 \U0010ffff", "café": "cafe\u0301 \ufeff \u2028 \u007f \u0080"},
        {
            "originator_id": "playbook/销售",
            "actor": "person/王芳 🦊",
            "reason": SEALED_CHINESE,
            "topic": "record.замечание.v1",
        },
    ),
    (
        "every control character and escape, in values, a name and a column; / and ~ stand for themselves; three leaves",
        {"all": "".join(map(chr, range(1, 128))), 'tab\t"quote"\\': "\\u0041 \\n / ~", "none": ""},
        {"actor": 'system/tab\tquote"backslash\\line\n\x01\x1f', "occurred_at": 1_700_000_000_123_456},
    ),
    (
        "/ and ~ in names, outer and inner, and names that would collide if they were not escaped; eight leaves",
        {"a/b": 1, "a~b": 2, "a~1b": 3, "a": {"b": 4, "b/c": 5, "~": 6}, "/": 7, "~0": 8},
        {},
    ),
    (
        "leaves sort by whole names: /a! is before /a/b although a is before a!; five leaves",
        {"a": {"b": 1, "a": 2}, "a!": 3, "a0": 4, "A": 5},
        {"basis": 3},
    ),
    (
        "names sort by code points: U+FF5E is before U+1F98A although UTF-16 says otherwise; three leaves",
        {"🦊": 1, "～": 2, "": {"": 3}},
        {},
    ),
    (
        "an array is one leaf, an object of objects is cut at its second level only; five leaves",
        {
            "deep": {"b": {"c": {"d": {"e": [{"f": {}}]}}}, "a": {"z": 1, "y": {"x": 2}}},
            "list": [{"b": 1, "a": [[], {}]}, [], [1, [2, [3]]], None, True, False, "x"],
            "last": {"only": {"$ref": "x"}, "other": []},
        },
        {},
    ),
    (
        "empty object and empty array as members are leaves themselves; five leaves",
        {"object": {}, "array": [], "nested": {"object": {}, "array": []}, "null": None},
        {},
    ),
    (
        "an object with any name beginning with $ is one leaf, also a $ in the middle; a member may be named so; five leaves",
        {
            "name": SEALED,
            "mixed": {"$unit": "EUR", "amount": "12.50"},
            "cut": {"a$": 1},
            "$top": {"inner": 2},
            "$": {"$": 3},
        },
        {"originator_id": "contact/con_1"},
    ),
    (
        "negative and extreme integers, true and false are not numbers; eight leaves",
        {
            "a": LARGEST,
            "b": -LARGEST,
            "c": -1,
            "d": 0,
            "e": 2**31,
            "f": -(2**31) - 1,
            "g": True,
            "h": False,
        },
        {"playbook": "crm", "playbook_version": -(2**31), "originator_id": "playbook/crm"},
    ),
    (
        "the earliest and the latest moment most calendars know; the largest playbook_version",
        {"amount": "-0.00", "currency": "EUR"},
        {
            "occurred_at": -62_135_596_800_000_000,
            "decided_at": 253_402_300_799_999_999,
            "playbook": "crm",
            "playbook_version": 2**31 - 1,
            "originator_id": "playbook/crm",
        },
    ),
    (
        "empty text is not null; zero is not null; the moment zero is not null",
        {"text": ""},
        {
            "recorded_at": 0,
            "occurred_at": 0,
            "decided_at": 0,
            "playbook": "",
            "playbook_version": 0,
            "on_behalf_of": "",
            "correlation_id": "",
            "causation_id": "",
        },
    ),
    (
        "recorded_at may stand still; basis is the event just before",
        {"contact": {"name": SEALED, "role": "buyer"}, "note": SEALED},
        {"recorded_at": 0, "occurred_at": None, "basis": 14},
    ),
    (
        "seventeen leaves; a value longer than one block of the hash",
        {f"field_{number}": "长" * number for number in range(16)} | {"long": "x" * 1000},
        {"recorded_at": 1_767_225_599_999_999, "originator_id": "opportunity/" + "o" * 300},
    ),
]
DEFAULTS: dict[str, Any] = {
    "originator_id": "opportunity/opp_1",
    "topic": "record.changed.v1",
    "recorded_at": MOON + 2,
    "occurred_at": 1_000_000,
    "decided_at": MOON,
    "basis": 1,
    "playbook": None,
    "playbook_version": None,
    "actor": "system/import",
    "on_behalf_of": None,
    "channel": "import",
    "reason": None,
    "command_id": "cmd_1",
    "correlation_id": None,
    "causation_id": None,
}

NOT_CANONICAL: list[tuple[bytes, str]] = [
    (b"", "nothing is not JSON"),
    (b"[]", "the payload is an object, not an array"),
    (b'"a"', "the payload is an object, not a string"),
    (b"null", "the payload is an object, not null"),
    (b'{"a": 1}', "white space"),
    (b'{"a":1}\n', "white space at the end"),
    (b'{"a":1,}', "a comma too many"),
    (b'{"a":1}{}', "something after the object"),
    (b"{'a':1}", "single quotes"),
    (b'{"b":1,"a":2}', "names out of order"),
    (b'{"x":[{"b":1,"a":2}]}', "names out of order deep inside"),
    ('{"🦊":1,"～":2}'.encode(), "names in the order of UTF-16 units instead of code points"),
    (b'{"a":1,"a":1}', "a name twice"),
    (b'{"x":{"a":1,"a":2}}', "a name twice deep inside"),
    (b'{"a":1,"\\u0061":2}', "a name twice, once escaped"),
    (b'{"a":1.5}', "a number with a fraction"),
    (b'{"a":1.0}', "a number with a fraction of zero"),
    (b'{"a":1e2}', "a number with an exponent"),
    (b'{"a":1E400}', "a number beyond every float"),
    (b'{"a":-0}', "zero has no sign"),
    (b'{"a":01}', "a leading zero"),
    (b'{"a":+1}', "a plus sign"),
    (b'{"a":NaN}', "not a number"),
    (b'{"a":Infinity}', "infinity"),
    (b'{"a":-Infinity}', "minus infinity"),
    (b'{"a":9007199254740992}', "an integer above 2^53-1"),
    (b'{"a":-9007199254740992}', "an integer below -(2^53-1)"),
    (b'{"a":18446744073709551617}', "an integer that is 1 modulo 2^64"),
    (b'{"a":1' + b"0" * 5000 + b"}", "an integer of 5001 digits"),
    (b'{"a":"\\u0000"}', "NUL in a string"),
    (b'{"\\u0000":1}', "NUL in a name"),
    (b'{"a":"\0"}', "NUL as it stands"),
    (b'{"a":"\t"}', "a control character that is not escaped"),
    (b'{"a":"\\u0009"}', "tab is \\t"),
    (b'{"a":"\\u001F"}', "upper-case hexadecimal"),
    (b'{"a":"\\u0041"}', "an escape that is not needed"),
    (b'{"a":"\\u007f"}', "U+007F stands for itself"),
    (b'{"a":"\\/"}', "a solidus stands for itself"),
    (b'{"a":"\\u4e2d"}', "a Chinese character stands for itself"),
    (b'{"a":"\\ud83e\\udd8a"}', "an emoji stands for itself"),
    (b'{"a":"\\ud800"}', "a lone surrogate, escaped"),
    (b'{"\\udfff":1}', "a lone surrogate in a name, escaped"),
    (b'{"a":"\xed\xa0\x80"}', "a lone surrogate in UTF-8"),
    (b'{"a":"\xed\xa0\xbe\xed\xb6\x8a"}', "a surrogate pair in UTF-8"),
    (b'{"a":"\xc1\x81"}', "overlong UTF-8"),
    (b'{"a":"\xc0\x80"}', "NUL in overlong UTF-8"),
    (b'{"a":"\xff"}', "not UTF-8"),
    (b'{"a":"\xf4\x90\x80\x80"}', "beyond U+10FFFF"),
    (b'\xef\xbb\xbf{"a":1}', "a byte order mark"),
    ('{"a":1}'.encode("utf-16"), "UTF-16"),
]


def rows() -> Iterator[dict[str, Any]]:
    previous, versions = bytes(32), dict[str, int]()
    for position, (covers, payload, columns) in enumerate(EVENTS, 1):
        row: dict[str, Any] = {"notification_id": position} | DEFAULTS | columns
        versions[row["originator_id"]] = versions.get(row["originator_id"], 0) + 1
        row["originator_version"] = versions[row["originator_id"]]
        row["state"] = canonical(payload)
        row["salt"] = sha256(b"salt of vector %d" % position).digest()[:16]
        row["root"] = root(row["state"], row["salt"])
        row["hash"] = previous = event_hash(previous, row)
        row["header"] = header(row)
        found = leaves(row["state"], row["salt"])
        row["leaves"] = [{"name": name.decode(), "hash": leaf.hex()} for name, leaf in found.items()]
        yield {"covers": covers} | row


def vectors() -> dict[str, Any]:
    """The content of the file: rows that must be reproduced and states that must be refused."""
    good = list(rows())
    assert verify(good).first_bad_position is None
    plain = [{k: v.hex() if isinstance(v, bytes) else v for k, v in row.items()} for row in good]
    refused = [{"state": state.hex(), "reason": reason} for state, reason in NOT_CANONICAL]
    return {"format": 1, "rows": plain, "not_canonical": refused}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n", "utf-8")
