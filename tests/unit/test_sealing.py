"""The product seals as docs/format.md says: it reproduces every vector and refuses what is not canonical."""

import enum
import json
import math
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import independent_verifier
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra.log import sealing
from infra.log.rows import microseconds
from infra.log.verify import Witness, WitnessRefused, _header

VECTORS = json.loads((Path(__file__).parents[1] / "golden" / "format-1.json").read_text("utf-8"))
TEXTS = independent_verifier.TEXTS
SALT = bytes(range(16))
MOMENTS = ("recorded_at", "occurred_at", "decided_at")

characters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.text(characters, max_size=8)
whole = st.integers(-sealing.MAX_INTEGER, sealing.MAX_INTEGER)
values = st.recursive(
    st.none() | st.booleans() | whole | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=12,
)
payloads = st.dictionaries(texts.filter(lambda name: not name.startswith("$")), values, max_size=9)


def header_of(row: dict[str, Any]) -> bytes:
    """The header of a vector, laid out by the product."""
    return _header(
        row["notification_id"],
        row["originator_version"],
        row["basis"],
        row["recorded_at"],
        row["occurred_at"],
        row["decided_at"],
        row["playbook_version"],
        [row[name] for name in TEXTS],
    )


# The vectors


@pytest.mark.parametrize("row", VECTORS["rows"], ids=lambda row: row["covers"])
def test_a_vector_is_reproduced_by_the_product(row: dict[str, Any]) -> None:
    """P7: header, leaves, root and hash of every vector come out byte for byte."""
    state, salt = bytes.fromhex(row["state"]), bytes.fromhex(row["salt"])
    payload = sealing.parse_canonical(state)
    assert sealing.canonical(payload) == state
    assert header_of(row).hex() == row["header"]
    found = [
        (name.decode(), sealing.leaf(salt, name, value).hex()) for name, value in sealing.leaves(payload)
    ]
    assert found == [(leaf["name"], leaf["hash"]) for leaf in row["leaves"]]
    assert sealing.root(payload, salt).hex() == row["root"]
    position = row["notification_id"]
    previous = bytes.fromhex(VECTORS["rows"][position - 2]["hash"]) if position > 1 else bytes(32)
    assert sha256(previous + header_of(row) + bytes.fromhex(row["root"])).hexdigest() == row["hash"]


@pytest.mark.parametrize("case", VECTORS["not_canonical"], ids=lambda case: case["reason"])
def test_the_product_refuses_what_is_not_canonical(case: dict[str, str]) -> None:
    """A state another reader could take for something else is not a payload."""
    with pytest.raises(ValueError, match=r"\S"):
        sealing.parse_canonical(bytes.fromhex(case["state"]))


# What never becomes canonical JSON


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        1.0,
        -0.0,
        math.nan,
        math.inf,
        2**53,
        -(2**53),
        2**64 + 1,
        "\0",
        "\ud800",
        {"\0": 1},
        {"\udfff": 1},
        {1: "a"},
        {None: 1},
        b"bytes",
        Decimal("1.5"),
        datetime(2026, 1, 1, tzinfo=UTC),
        uuid.UUID(int=1),
        Colour.RED,
        {1, 2},
        object,
    ],
    ids=repr,
)
def test_what_the_format_has_no_place_for_is_refused(value: object) -> None:
    """Whatever would be read back as something else never enters a payload, at any depth."""
    for holder in (value, {"a": value}, {"a": {"b": [{"c": value}]}}):
        with pytest.raises(ValueError, match="not canonical"):
            sealing.canonical(holder)


def nested(levels: int) -> dict[str, Any]:
    """A payload of that many levels of objects."""
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return dict(value)


def test_a_payload_is_at_most_64_levels_deep() -> None:
    """Every reader can rely on the limit: what is deeper is neither written nor read."""
    assert sealing.parse_canonical(sealing.canonical(nested(64))) == nested(64)
    deeper = json.dumps(nested(65), separators=(",", ":")).encode()
    with pytest.raises(ValueError, match="64 levels"):
        sealing.parse_canonical(deeper)
    with pytest.raises(ValueError, match="64 levels"):
        sealing.canonical(nested(65))
    with pytest.raises(ValueError, match=r"\S"):
        sealing.parse_canonical(b'{"a":' + b"[" * 900 + b"]" * 900 + b"}")


# Both implementations agree


@given(payload=payloads, salt=st.binary(min_size=16, max_size=16))
@example(payload={}, salt=SALT)
@example(payload={"a": {"b": {}}, "a/b": 1, "a~1b": 2}, salt=SALT)
@example(payload={"🦊": 1, "～": {"": 0, "￿": 1}}, salt=SALT)
def test_the_root_is_the_independent_verifier_s(payload: dict[str, Any], salt: bytes) -> None:
    """Two implementations that share no code find the same spelling, leaves and root for any payload."""
    state = sealing.canonical(payload)
    assert state == independent_verifier.canonical(payload)
    assert sealing.parse_canonical(state) == payload
    assert [name for name, _ in sealing.leaves(payload)] == list(independent_verifier.leaves(state, salt))
    assert sealing.root(payload, salt) == independent_verifier.root(state, salt)


@given(state=st.one_of(st.binary(max_size=20), values.map(lambda value: json.dumps({"a": value}).encode())))
def test_both_refuse_the_same_states(state: bytes) -> None:
    """What one takes for a payload the other does too."""

    def verdict(parse: Any) -> object:
        try:
            return parse(state)
        except ValueError:
            return "refused"

    assert verdict(sealing.parse_canonical) == verdict(independent_verifier.parse)


numbers = st.integers(-(2**62), 2**62)
moments = st.datetimes(timezones=st.just(UTC)).map(microseconds)


@given(
    integers=st.tuples(numbers, numbers, numbers),
    times=st.tuples(moments, st.none() | moments, moments),
    version=st.none() | st.integers(-(2**31), 2**31 - 1),
    columns=st.lists(st.none() | texts, min_size=10, max_size=10),
)
def test_the_header_is_the_independent_verifier_s(
    integers: tuple[int, ...], times: tuple[int, ...], version: int | None, columns: list[str | None]
) -> None:
    """Any columns have one header."""
    row = dict(zip(independent_verifier.INTEGERS, integers, strict=True))
    row |= dict(zip(MOMENTS, times, strict=True)) | {"playbook_version": version}
    row |= dict(zip(TEXTS, columns, strict=True))  # type: ignore[arg-type]
    assert header_of(row) == independent_verifier.header(row)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70))
def test_the_tree_is_that_of_rfc_6962(hashes: list[bytes]) -> None:
    """Any number of leaves makes the same tree, and none of them could be swapped unseen."""
    assert sealing.merkle_root(hashes) == independent_verifier.tree(hashes)
    swapped = hashes[::-1]
    assert (sealing.merkle_root(swapped) == sealing.merkle_root(hashes)) == (swapped == hashes)


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_are_exact(moment: datetime) -> None:
    """No moment is rounded on its way into a header."""
    found = microseconds(moment)
    assert found is not None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert found == since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds


# Witnesses


def test_a_witness_survives_its_file() -> None:
    """What is written to a file is read back the same."""
    witness = Witness("main", 7, bytes(range(32)), "2026-03-02T09:00:00Z")
    assert Witness.from_json(json.loads(json.dumps(witness.to_json()))) == witness


@pytest.mark.parametrize(
    "change",
    [
        {"position": 0},
        {"position": "x"},
        {"position": None},
        {"position": True},
        {"position": 1.5},
        {"hash": "00"},
        {"hash": "zz" * 32},
        {"hash": 5},
        {"format": 2},
        {"format": None},
        {"tenant": None},
        {"tenant": 5},
    ],
    ids=repr,
)
def test_what_is_not_a_witness_is_refused(change: dict[str, Any]) -> None:
    """A witness that was cut or mistyped is never compared with."""
    with pytest.raises(WitnessRefused):
        Witness.from_json(Witness("main", 7, bytes(32)).to_json() | change)


@pytest.mark.parametrize("data", [[], "x", 5, None, {}], ids=repr)
def test_what_is_no_object_at_all_is_no_witness(data: Any) -> None:
    """Any JSON is answered with the same kind of refusal."""
    with pytest.raises(WitnessRefused):
        Witness.from_json(data)
