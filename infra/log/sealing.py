"""Canonical JSON, leaves and Merkle root: the part of the format that is computed outside the database."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import orjson

FORMAT = 1
SALT_BYTES = 16
MAX_INTEGER = 2**53 - 1
MAX_LEVELS = 64

_MAY_BE_FOREIGN = re.compile(rb"[0-9][.eE]|\\u0000").search
"""Finds every float and every NUL, and some harmless text besides: what it does not find need not be looked at closely."""


def canonical(value: object) -> bytes:
    """Return the canonical JSON of a value.

    Raises ValueError for what the format has no place for: floats, big integers, NUL, lone surrogates, too many levels.
    """
    _refuse_foreign(value, MAX_LEVELS)
    return _spelt(value)


def parse_canonical(state: bytes) -> dict[str, Any]:
    """Parse a payload and make sure that it is canonical, byte for byte. Raises ValueError otherwise."""
    payload = orjson.loads(state)
    if not isinstance(payload, dict):
        raise ValueError("the payload is not an object")  # noqa: TRY004 — one kind of error for whatever is not canonical
    if _MAY_BE_FOREIGN(state) or state.count(b"{") + state.count(b"[") > MAX_LEVELS:
        _refuse_foreign(payload, MAX_LEVELS)
    if _spelt(payload) != state:
        raise ValueError("the payload is not in its canonical form")
    return payload


def leaves(payload: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Cut a canonical payload into its leaves: names and values, sorted by name."""
    cut: list[tuple[bytes, bytes]] = []
    for name, value in payload.items():
        outer = "/" + _escape(name)
        if isinstance(value, dict) and value and not any(inner.startswith("$") for inner in value):
            cut += [((outer + "/" + _escape(inner)).encode(), _spelt(item)) for inner, item in value.items()]
        else:
            cut.append((outer.encode(), _spelt(value)))
    cut.sort()
    return cut


def leaf_salt(salt: bytes, name: bytes) -> bytes:
    """Derive the salt of one leaf, 32 bytes, from the salt of its event."""
    return hmac.digest(salt, name, "sha256")


def leaf(salt: bytes, name: bytes, value: bytes) -> bytes:
    """Hash one leaf: 32 bytes that tell nothing about the value without the salt."""
    return hashlib.sha256(
        b"\x00" + leaf_salt(salt, name) + len(name).to_bytes(4, "big") + name + value
    ).digest()


def root(payload: Mapping[str, Any], salt: bytes) -> bytes:
    """Return the Merkle root of a payload under the salt of its event, 32 bytes."""
    hashes = [leaf(salt, name, value) for name, value in leaves(payload)]
    return merkle_root(hashes) if hashes else leaf_salt(salt, b"")


def merkle_root(hashes: list[bytes]) -> bytes:
    """Return the root of the tree of RFC 6962 over leaf hashes; there is at least one."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + merkle_root(hashes[:split]) + merkle_root(hashes[split:])).digest()


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name


def _spelt(value: object) -> bytes:
    """Spell a value that holds nothing foreign."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"not canonical JSON: {error}") from None


def _refuse_foreign(value: object, levels: int) -> None:
    """Refuse what orjson would write although nobody could read the same value back: floats, moments, ids, NUL."""
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("not canonical JSON: NUL")
    elif isinstance(value, dict | list | tuple):
        if levels == 0:
            raise ValueError(f"not canonical JSON: more than {MAX_LEVELS} levels")
        if isinstance(value, dict):
            for name, item in value.items():
                _refuse_foreign(name, 0)
                _refuse_foreign(item, levels - 1)
        else:
            for item in value:
                _refuse_foreign(item, levels - 1)
    elif value is not None and not isinstance(value, int):
        raise ValueError(f"not canonical JSON: {type(value).__name__}")
