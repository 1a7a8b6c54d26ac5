"""An independent verifier of the sealed log, written from docs/format.md alone: it shares no code with the product.

python tests/independent_verifier.py postgresql://… [witness.json]
"""

import hmac
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

Row = Mapping[str, Any]
INTEGERS = ["notification_id", "originator_version", "basis"]
MOMENTS = ["recorded_at", "occurred_at", "decided_at"]
TEXTS = ["originator_id", "topic", "playbook", "actor", "on_behalf_of", "channel"]
TEXTS += ["reason", "command_id", "correlation_id", "causation_id"]  # in the order of the header
COLUMNS: dict[str, type] = dict.fromkeys([*INTEGERS, *MOMENTS, "playbook_version"], int)
COLUMNS |= dict.fromkeys(TEXTS, str) | dict.fromkeys(["state", "salt", "root", "hash"], bytes)
NULLABLE = {"occurred_at", "playbook", "playbook_version", "on_behalf_of"}
NULLABLE |= {"reason", "correlation_id", "causation_id"}
ESCAPES = {code: f"\\u{code:04x}" for code in range(1, 32)}
ESCAPES |= {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", ord('"'): '\\"', ord("\\"): "\\\\"}


class Verdict(NamedTuple):
    """How many events hold and the hash of the last of them; the first position that fails, and why."""

    events: int
    head_hash: bytes
    first_bad_position: int | None
    reason: str | None


def canonical(value: object) -> bytes:
    """The one spelling of a value; ValueError when it has none."""
    match value:
        case None:
            return b"null"
        case bool():
            return b"true" if value else b"false"
        case int() if abs(value) < 2**53:
            return b"%d" % value
        case str() if "\0" not in value:
            return f'"{value.translate(ESCAPES)}"'.encode()  # refuses lone surrogates
        case list():
            return b"[" + b",".join(map(canonical, value)) + b"]"
        case dict():
            return b"{" + b",".join(canonical(n) + b":" + canonical(value[n]) for n in sorted(value)) + b"}"
    raise ValueError(f"not a value of canonical JSON: {value!r:.60}")


def parse(state: bytes) -> dict[str, Any]:
    """The payload. What Python reads too generously (1.0, NaN, -0, a name twice) has another spelling or none."""
    payload = json.loads(state.decode("utf-8"))
    if not isinstance(payload, dict) or canonical(payload) != state:
        raise ValueError("state is not the canonical JSON of an object")
    return payload


def escaped(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def leaves(state: bytes, salt: bytes) -> dict[bytes, bytes]:
    """The hash of every leaf by its name, in the order of the names."""
    values: dict[bytes, object] = {}
    for outer, value in parse(state).items():
        if isinstance(value, dict) and value and not any(inner.startswith("$") for inner in value):
            values |= {(escaped(outer) + escaped(inner)).encode(): part for inner, part in value.items()}
        else:
            values[escaped(outer).encode()] = value

    def leaf(name: bytes) -> bytes:
        named_value = len(name).to_bytes(4, "big") + name + canonical(values[name])
        return sha256(b"\0" + hmac.digest(salt, name, "sha256") + named_value).digest()

    return {name: leaf(name) for name in sorted(values)}


def tree(hashes: list[bytes]) -> bytes:
    if len(hashes) < 2:
        return hashes[0] if hashes else b""
    k = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha256(b"\1" + tree(hashes[:k]) + tree(hashes[k:])).digest()


def root(state: bytes, salt: bytes) -> bytes:
    if len(salt) != 16:  # to HMAC, a zero byte more or less at the end is the same key
        raise ValueError("salt is not 16 bytes")
    return tree(list(leaves(state, salt).values())) or hmac.digest(salt, b"", "sha256")


def i64(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


def number(value: int | None) -> bytes:
    return b"\0" if value is None else b"\1" + i64(value)


def text(value: str | None) -> bytes:
    return i64(-1) if value is None else i64(len(value.encode())) + value.encode()


def header(row: Row) -> bytes:
    parts = [i64(row[name]) for name in INTEGERS]
    parts += [number(row[name]) for name in [*MOMENTS, "playbook_version"]]
    return b"dealtrail\1" + b"".join(parts + [text(row[name]) for name in TEXTS])


def event_hash(previous: bytes, row: Row) -> bytes:
    return sha256(previous + header(row) + row["root"]).digest()


def is_genesis(row: Row) -> bool:
    place = (row["originator_id"], row["originator_version"], row["topic"], row["basis"])
    payload = parse(row["state"])
    known = type(payload.get("format")) is int and payload["format"] == 1  # true would equal 1
    told = isinstance(payload.get("tenant"), str) and payload.get("clock") in ("database", "simulated")
    return place == ("log", 1, "log.begun.v1", 0) and known and told and "product" in payload


def faults(row: Row, position: int, version: int, earlier: int | None, previous: bytes) -> Iterator[str]:
    """What is wrong with the row that stands at this position."""
    if row["notification_id"] != position:
        yield f"position {row['notification_id']} stands where {position} should"
    for name, kind in COLUMNS.items():
        if type(row[name]) is not kind and not (row[name] is None and name in NULLABLE):
            yield f"{name} is not {kind.__name__}"
    if row["originator_version"] != version:
        yield f"version {row['originator_version']} of {row['originator_id']} stands where {version} should"
    if earlier is not None and row["recorded_at"] < earlier:
        yield "recorded_at is before the previous event's"
    if row["basis"] >= position:
        yield "basis is not before the event"
    if root(row["state"], row["salt"]) != row["root"]:
        yield "root does not follow from state and salt"
    if event_hash(previous, row) != row["hash"]:
        yield "hash does not follow from the previous hash, the header and the root"
    if position == 1 and not is_genesis(row):
        yield "position 1 is not a genesis of a known format"
    if position > 1 and row["topic"] == "log.begun.v1":
        yield "the log begins once"


def verify(rows: Iterable[Row], witness: Row | None = None) -> Verdict:
    """Go through the rows in the order given and stop at the first that fails."""
    last, expected = (1, b"") if witness is None else (witness["position"], bytes.fromhex(witness["hash"]))
    if type(last) is not int or last < 1:
        raise ValueError("a witness stands at position 1 or later")
    head, position, earlier, versions = bytes(32), 0, None, dict[str, int]()
    for position, row in enumerate(rows, 1):
        stream, version = row["originator_id"], versions.get(row["originator_id"], 0) + 1
        try:
            reason = next(faults(row, position, version, earlier, head), None)
        except (ValueError, OverflowError, RecursionError) as error:
            reason = str(error)
        if reason is None and witness is not None and position == last and row["hash"] != expected:
            reason = "hash is not the one the witness holds"
        if reason is not None:
            return Verdict(position - 1, head, position, reason)
        head, earlier, versions[stream] = row["hash"], row["recorded_at"], version
    if position < last:  # without a witness too: there is always a genesis
        return Verdict(position, head, position + 1, f"the log ends before position {last}")
    return Verdict(position, head, None, None)


def rows_from(conninfo: str, table: str = "dealtrail.events") -> Iterator[dict[str, Any]]:
    """The rows of a database in the order of their positions, as one snapshot and not all at once."""
    import psycopg  # noqa: PLC0415  (everything else needs the standard library only)
    from psycopg.sql import SQL, Identifier  # noqa: PLC0415

    finite = "when isfinite({0}) then (extract(epoch from {0}) * 1000000)::bigint "
    moment = SQL("case " + finite + "when {0} is not null then -9223372036854775808 end as {0}")
    columns = [(moment if name in MOMENTS else SQL("{}")).format(Identifier(name)) for name in COLUMNS]
    source = Identifier(*table.split("."))
    query = SQL("select {} from {} order by notification_id").format(SQL(", ").join(columns), source)
    with psycopg.connect(conninfo, client_encoding="utf8") as connection:
        cursor = connection.cursor("verifier", row_factory=psycopg.rows.dict_row)
        yield from cursor.execute(query)


def main(arguments: list[str]) -> int:
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    witness = json.loads(Path(arguments[1]).read_text("utf-8")) if len(arguments) > 1 else None
    verdict = verify(rows_from(arguments[0]), witness)
    print(f"{verdict.events} events hold, head hash {verdict.head_hash.hex()}")
    if verdict.first_bad_position is not None:
        print(f"position {verdict.first_bad_position} fails: {verdict.reason}")
    return 0 if verdict.first_bad_position is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
