"""What a request says beside its body: the idempotency key, the version it was made on, the digest of a file."""

import re
import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers

from commands.errors import KeyMissing, MalformedRequest, MediaTypeRefused, VersionMissing
from domain.refusals import InvalidCommand, Problem

IDEMPOTENCY_KEY = "Idempotency-Key"
ON_BEHALF_OF = "On-Behalf-Of"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 200

_TAG_EXPECTED = (
    "the version that was read is expected, the way its ETag says it: a whole number in quotation marks"
)
_VERSION_EXPECTED = (
    "the version that was read is expected: a whole number, or the ETag of the record as a text"
)
_VERSION = re.compile(r'(?:W/)?"(0|[1-9][0-9]{0,17})"')
_SHA256 = re.compile(r"(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/=]{44}):[ \t]*(?=,|;|$)")


def idempotency_key(headers: Headers) -> str:
    """Return the key of a command. Raises KeyMissing."""
    return checked_key(_only(headers, IDEMPOTENCY_KEY))


def key_or_own(headers: Headers) -> str:
    """Return the key of an edit, which may do without: If-Match keeps it from being applied twice."""
    given = _only(headers, IDEMPOTENCY_KEY)
    return f"once-{secrets.token_hex(16)}" if given is None else checked_key(given)


def _only(headers: Headers, name: str) -> str | None:
    """Return a header that is given once, or not at all: of two, nobody knows which one is meant. Raises MalformedRequest."""
    given = headers.getlist(name)
    if len(given) > 1:
        raise MalformedRequest([Problem(f"/header/{name}", "this header is given more than once; send one")])
    return given[0] if given else None


def checked_key(given: Any, *, in_line: bool = False) -> str:
    """Return a key that is one. Raises KeyMissing."""
    if not isinstance(given, str) or not 0 < len(given) <= MAX_KEY or not given.isprintable():
        raise KeyMissing(in_line=in_line)
    return given


def expected_version(headers: Mapping[str, str], *, required: bool) -> int | None:
    """Return the version a command was made on, from If-Match. Raises VersionMissing, or says what is wrong."""
    given = headers.get("if-match")
    if given is None:
        if required:
            raise VersionMissing
        return None
    version = version_of_tag(given)
    if version is None:
        raise MalformedRequest([Problem("/header/If-Match", _TAG_EXPECTED)])
    return version


def expected_version_of_line(given: object, *, required: bool) -> int | None:
    """Return the version a line of a bulk request was made on: the entity tag, or the number in it."""
    if given is None:
        if required:
            raise VersionMissing(in_line=True)
        return None
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 2**53:
        return given
    version = version_of_tag(given) if isinstance(given, str) else None
    if version is None:
        raise InvalidCommand([Problem("/if_match", _VERSION_EXPECTED)])
    return version


def version_of_tag(tag: str) -> int | None:
    """Return the version an entity tag such as `"7"` names, None when it names none."""
    found = _VERSION.fullmatch(tag.strip())
    return int(found[1]) if found else None


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a body, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def require_json(headers: Mapping[str, str]) -> None:
    """Refuse a body that does not say it is JSON. Raises MediaTypeRefused."""
    given = media_type(headers)
    if given and given != "application/json" and not given.endswith("+json"):
        raise MediaTypeRefused("application/json")


def content_digest(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 a sender states (RFC 9530), in hexadecimal; None where no digest is stated."""
    given = headers.get("content-digest")
    if given is None:
        return None
    found = _SHA256.search(given)
    try:
        raw = b64decode(found[1], validate=True) if found else b""
    except NotBase64:
        raw = b""
    if len(raw) != 32:
        message = "sha-256=:…: is expected, the digest of the file in base 64"
        raise MalformedRequest([Problem("/header/Content-Digest", message)])
    return raw.hex()
