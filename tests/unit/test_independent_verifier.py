"""The independent verifier reproduces the vectors and finds every kind of tampering a sealed log can show."""

import hmac
import json
import struct
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "golden"))

import make_format_vectors
from independent_verifier import COLUMNS, canonical, event_hash, header, leaves, parse, root, verify

VECTORS = json.loads(make_format_vectors.FILE.read_text("utf-8"))
Row = dict[str, Any]


def log() -> list[Row]:
    """The rows of the vectors as a database would hand them over."""
    return [
        {name: bytes.fromhex(row[name]) if COLUMNS[name] is bytes else row[name] for name in COLUMNS}
        for row in VECTORS["rows"]
    ]


def rehashed(rows: list[Row], start: int) -> list[Row]:
    """What a forger with the format in hand does: everything from this position on, sealed again."""
    previous = rows[start - 2]["hash"] if start > 1 else bytes(32)
    for row in rows[start - 1 :]:
        row["root"] = root(row["state"], row["salt"])
        row["hash"] = previous = event_hash(previous, row)
    return rows


def witness(position: int) -> dict[str, Any]:
    return {"position": position, "hash": VECTORS["rows"][position - 1]["hash"]}


def flipped(value: Any) -> Any:
    """The value with its lowest bit turned over; where nothing stood, something."""
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    return value ^ 1 if value is not None else 0


# The vectors


@pytest.mark.parametrize("row", VECTORS["rows"], ids=lambda row: row["covers"])
def test_a_vector_is_reproduced(row: Row) -> None:
    """Header, leaves, root and hash of every vector follow from its columns."""
    position, state, salt = row["notification_id"], bytes.fromhex(row["state"]), bytes.fromhex(row["salt"])
    previous = VECTORS["rows"][position - 2]["hash"] if position > 1 else "00" * 32
    assert header(row).hex() == row["header"]
    assert [(name.decode(), leaf.hex()) for name, leaf in leaves(state, salt).items()] == [
        (leaf["name"], leaf["hash"]) for leaf in row["leaves"]
    ]
    assert root(state, salt).hex() == row["root"]
    assert event_hash(bytes.fromhex(previous), log()[position - 1]).hex() == row["hash"]


def test_the_vectors_are_one_log_that_holds() -> None:
    """The vectors chain from the genesis to the last, and the last is its own witness."""
    verdict = verify(log(), witness(len(log())))
    assert verdict == (len(log()), log()[-1]["hash"], None, None)


def test_the_file_of_vectors_is_what_its_script_makes() -> None:
    """Nobody edits the vectors by hand."""
    assert make_format_vectors.vectors() == VECTORS


@pytest.mark.parametrize("case", VECTORS["not_canonical"], ids=lambda case: case["reason"])
def test_what_is_not_canonical_is_refused(case: dict[str, str]) -> None:
    """A state that any reader could take for something else is not a payload, however well it is hashed."""
    with pytest.raises(ValueError, match=r"\S"):
        parse(bytes.fromhex(case["state"]))


def test_one_event_spelt_out_by_hand() -> None:
    """The layout of the page, written down once more without the functions under test."""
    row, salt = log()[2], log()[2]["salt"]

    def text(value: str) -> bytes:
        return struct.pack(">q", len(value.encode())) + value.encode()

    head = b"dealtrail\x01" + struct.pack(">qqq", 3, 2, 1)
    head += struct.pack(">BqBqBq", 1, -14_182_939_999_998, 1, -1, 1, 999_999) + struct.pack(">Bq", 1, 7)
    head += b"".join(
        map(text, ["opportunity/opp_1", "record.changed.v1", "crm", "person/per_1", "person/per_2"])
    )
    head += b"".join(map(text, ["http", row["reason"], "cmd_3", "cor_1", "evt_1"]))
    leaf_salt = hmac.new(salt, b"/stage", "sha256").digest()
    leaf = sha256(b"\x00" + leaf_salt + b"\x00\x00\x00\x06/stage" + b'"qualified"').digest()
    assert header(row) == head
    assert row["root"] == leaf
    assert row["hash"] == sha256(log()[1]["hash"] + head + leaf).digest()


def test_five_leaves_spelt_out_by_hand() -> None:
    """Of five leaves the first four make a tree of their own."""
    one, two, three, four, five = (bytes.fromhex(leaf["hash"]) for leaf in VECTORS["rows"][6]["leaves"])

    def node(left: bytes, right: bytes) -> bytes:
        return sha256(b"\x01" + left + right).digest()

    assert log()[6]["root"] == node(node(node(one, two), node(three, four)), five)


# Tampering


@pytest.mark.parametrize("column", COLUMNS)
def test_a_flipped_bit_is_found_at_its_position(column: str) -> None:
    """In whatever column of whatever event; what was null is replaced by something."""
    for number, row in enumerate(log()):
        rows = log()
        empty = "" if COLUMNS[column] is str else 0
        rows[number][column] = flipped(row[column]) if row[column] is not None else empty
        verdict = verify(rows)
        assert verdict[:3] == (number, log()[number - 1]["hash"] if number else bytes(32), number + 1)


def test_the_salt_of_an_empty_payload_is_sealed() -> None:
    """An empty payload has no leaves, and still its root follows from its salt."""
    rows = log()
    assert rows[1]["state"] == b"{}"
    rows[1]["salt"] = flipped(rows[1]["salt"])
    assert verify(rows).first_bad_position == 2


def test_every_bit_of_a_state_is_sealed() -> None:
    """Not only the last one."""
    state = log()[2]["state"]
    for bit in range(len(state) * 8):
        rows = log()
        rows[2]["state"] = bytes(
            byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(state)
        )
        assert verify(rows).first_bad_position == 3


@pytest.mark.parametrize("column", COLUMNS)
def test_null_is_found(column: str) -> None:
    """Where null may not stand it is refused even when the forger hashed it."""
    rows = log()
    rows[2][column] = None
    assert verify(rows).first_bad_position == 3


@pytest.mark.parametrize("column", ["recorded_at", "decided_at", "topic", "actor", "channel", "command_id"])
def test_a_rehashed_null_is_found_where_none_may_stand(column: str) -> None:
    """The hash can hold a null that the table of columns does not allow."""
    rows = log()
    rows[-1][column] = None
    assert verify(rehashed(rows, len(rows))).first_bad_position == len(rows)


def test_a_salt_that_grows_by_a_zero_byte_is_found() -> None:
    """To HMAC it is the same key, so the leaves do not tell."""
    rows = log()
    rows[2]["salt"] += b"\x00"
    assert verify(rows).first_bad_position == 3


def test_two_rows_that_changed_places_are_found_at_the_first() -> None:
    """The log stops being itself where the later row stands too early."""
    rows = log()
    rows[4], rows[7] = rows[7], rows[4]
    assert verify(rows).first_bad_position == 5


def test_two_rows_that_changed_places_and_positions_are_found_at_the_first() -> None:
    """Giving each the position of the other helps nobody."""
    rows = log()
    rows[4], rows[5] = rows[5] | {"notification_id": 5}, rows[4] | {"notification_id": 6}
    assert verify(rows).first_bad_position == 5


@pytest.mark.parametrize("position", [1, 2, 9])
def test_a_dropped_row_is_found_where_it_stood(position: int) -> None:
    """The position that is missing is named, not the one after it."""
    rows = log()
    del rows[position - 1]
    verdict = verify(rows)
    assert verdict.first_bad_position == position
    assert verdict.reason == f"position {position + 1} stands where {position} should"


def test_an_inserted_copy_is_found_behind_the_original() -> None:
    """The same position stands twice; the second time is one too many."""
    rows = log()
    rows.insert(5, dict(rows[4]))
    assert verify(rows).first_bad_position == 6


def test_an_inserted_copy_with_a_position_of_its_own_is_found() -> None:
    """Renumbering everything behind it does not help."""
    rows = log()
    rows.insert(5, dict(rows[4]))
    rows = [row | {"notification_id": number} for number, row in enumerate(rows, 1)]
    assert verify(rows).first_bad_position == 6


def test_a_cut_tail_is_found_only_with_a_witness() -> None:
    """From inside, a log that ends earlier looks like a log that ended earlier."""
    rows = log()[:10]
    assert verify(rows) == (10, rows[-1]["hash"], None, None)
    assert verify(rows, witness(10)).first_bad_position is None
    assert verify(rows, witness(16))[:3] == (10, rows[-1]["hash"], 11)


def test_a_rehashed_tail_is_found_only_with_a_witness() -> None:
    """Whoever rewrites the tail and hashes it again is found out at the witness, not before and not behind it."""
    rows = log()
    rows[7]["actor"] = "person/per_forger"
    rows = rehashed(rows, 8)
    assert verify(rows).first_bad_position is None
    assert verify(rows, witness(7)).first_bad_position is None
    assert verify(rows, witness(8)).first_bad_position == 8
    assert verify(rows, witness(16))[:3] == (15, rows[14]["hash"], 16)


def test_a_fault_before_the_witness_is_named_first() -> None:
    """The first position that fails is the answer."""
    rows = log()[:10]
    rows[3]["topic"] = "record.замечание.v2"
    assert verify(rows, witness(16)).first_bad_position == 4


def test_an_emptied_log_is_found() -> None:
    """There is no log without a genesis."""
    assert verify([])[:3] == (0, bytes(32), 1)
    assert verify([], witness(5))[:3] == (0, bytes(32), 1)


@pytest.mark.parametrize("position", [0, -1, True, 3.0, "3", None])
def test_a_witness_that_could_never_be_met_is_refused(position: Any) -> None:
    """A witness that witnesses nothing must not look like one that was heard."""
    with pytest.raises(ValueError, match="witness"):
        verify(log(), {"position": position, "hash": "00" * 32})


# Rules that hold even when every hash is right


@pytest.mark.parametrize(
    ("position", "columns"),
    [
        (1, {"topic": "log.begun.v2"}),
        (1, {"originator_id": "organisation"}),
        (1, {"basis": -1}),
        (1, {"state": b'{"clock":"database","format":2,"product":"x","tenant":"x"}'}),
        (1, {"state": b'{"clock":"database","format":true,"product":"x","tenant":"x"}'}),
        (1, {"state": b'{"clock":"sundial","format":1,"product":"x","tenant":"x"}'}),
        (1, {"state": b'{"clock":"database","format":1,"product":"x"}'}),
        (1, {"state": b'{"clock":"database","format":1,"tenant":"x"}'}),
        (5, {"notification_id": 6}),
        (5, {"originator_version": 4}),
        (5, {"originator_id": "opportunity/opp_new"}),
        (5, {"recorded_at": -14_182_939_999_999}),
        (5, {"basis": 5}),
        (5, {"state": b'{"a": 1}'}),
        (5, {"salt": bytes(15)}),
        (5, {"basis": -(2**63) - 1}),
        (5, {"occurred_at": 2**63}),
        (5, {"actor": "\ud800"}),
        (5, {"state": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"}),
    ],
    ids=lambda value: str(value)[:70],
)
def test_a_broken_rule_is_found_although_the_log_was_hashed_again(position: int, columns: Row) -> None:
    """The forger seals what can be sealed; the rules of the log are checked all the same."""
    rows = log()
    rows[position - 1] |= columns
    with suppress(ValueError, OverflowError, RecursionError):  # what even a forger cannot seal
        rehashed(rows, position)
    assert verify(rows).first_bad_position == position


# Canonical JSON

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
names = st.text("a/~$01", max_size=4) | texts
values = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
payloads = st.dictionaries(names, values, max_size=5)


@given(payloads)
def test_canonical_json_is_what_python_writes_sorted_and_without_white_space(payload: dict[str, Any]) -> None:
    """For payloads without floats the two agree byte for byte, and what was written is read back."""
    written = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert canonical(parse(written)) == written
    assert parse(written) == payload


@given(payloads, st.binary(min_size=16, max_size=16))
def test_every_value_of_a_payload_is_in_exactly_one_leaf(payload: dict[str, Any], salt: bytes) -> None:
    """The names of the leaves never collide and their number is the number of parts."""
    parts = [
        len(value) if isinstance(value, dict) and value and not any(name[:1] == "$" for name in value) else 1
        for value in payload.values()
    ]
    assert len(leaves(canonical(payload), salt)) == sum(parts)
