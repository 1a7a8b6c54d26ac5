"""Bodies are read strictly: what passes the edge means the same to everybody behind it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.http.strict_json import MAX_DEPTH, NotStrictJson, check

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_every_plain_value_is_taken(value, ascii_only):
    """What is JSON without any trick passes, however it is written."""
    check(json.dumps(value, ensure_ascii=ascii_only).encode())


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": NaN}', b"Infinity", b"-Infinity", b"1e999", b"-1e999", b'{"a": 1, "a": 2}', b'[{"a": {"b": 1, "c": 2, "b": 3}}]', b'{"a": 1, "\\u0061": 2}',
        b'"\\u0000"', b'{"\\u0000": 1}', b'[["x\\u0000y"]]', b'"\\ud800"', b'"\\udc00\\ud800"', b'{"\\udfff": 1}', b'"\xed\xa0\x80"', b'"\xff"',
        b'"\xc0\x80"', b"\xef\xbb\xbf{}", '{"a": 1}'.encode("utf-16"), b"[1,]", b"{'a': 1}", b"", b" ", b"{", b'"', b'"\\', b'"\\"', b"[" * 100, b"]" * 100,
        b"1" * 4_301, b"-" + b"1" * 5_000, b'"a\nb"', b"01", b"1 2", b"// x\n1", b"{}\x00", b"nul", b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65,
    ],
    ids=lambda text: str(text[:24]),
)  # fmt: skip
def test_what_parsers_disagree_about_is_refused(text):
    """P18, P19: NaN and Infinity, twins, NUL, lone surrogates, other encodings, endless numbers, deep nesting, and what is no JSON."""
    with pytest.raises(NotStrictJson) as refused:
        check(text)
    assert not text.strip() or text[:12].decode("latin-1") not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b'"' + b"[{" * 500 + b'"',
        rb'{"a\"[[[[": "\\"}',
        rb'"\\u0000"',
        rb'"\ud83d\ude00"',
        b"9" * 300,
        b"1e308",
        b"[0, -0.0, 1E5, 1.5e-300]",
    ],
    ids=lambda text: str(text[:24]),
)
def test_what_only_looks_dangerous_is_taken(text):
    """Brackets within texts are no nesting, an escaped backslash is no escape, a pair of surrogates is a character."""
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        b'"' + b'\\"' * 500_000,
        b'"' * 999_999,
        b"[" * 1_000_000,
        b"\\" * 1_000_000,
        b'["' + b"\\\\" * 400_000 + b'\\u0000"]',
        b"1" * 1_000_000,
    ],
    ids=["open text", "quotation marks", "brackets", "backslashes", "escapes", "digits"],
)
def test_a_megabyte_of_one_character_is_refused_in_one_pass(text):
    """P19: nothing here goes back over what it has read; a quadratic pass over a megabyte would not end within the test run."""
    with pytest.raises(NotStrictJson):
        check(text)
