"""Plain JSON as the log can hold it, and its one canonical text (docs/format.md)."""

import hashlib
import json

_MAX_INTEGER = 2**53 - 1
_MAX_LEVELS = 60


def is_plain(value: object, levels: int = _MAX_LEVELS) -> bool:
    """Tell whether a value is JSON that the log can hold: no float, no larger integer, no NUL, no lone surrogate, not too deep."""
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return -_MAX_INTEGER <= value <= _MAX_INTEGER
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
    if levels and isinstance(value, list):
        return all(is_plain(item, levels - 1) for item in value)
    if levels and isinstance(value, dict):
        return all(
            isinstance(name, str)
            and is_plain(name)
            and not name.startswith("$")
            and is_plain(item, levels - 1)
            for name, item in value.items()
        )
    return False


def digest_of(value: object) -> str:
    """Return the SHA-256, in hexadecimal, of the canonical JSON of a plain value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
