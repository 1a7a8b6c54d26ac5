"""Public keys that tokens are signed with: given in the settings, or published by the issuer as a JWKS.

Each key knows the one algorithm it is for, so a token cannot choose: a public key is never a secret of HMAC, and `none` is no algorithm.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from time import monotonic
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import structlog
from anyio import CapacityLimiter, to_thread
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK
from jwt.exceptions import PyJWTError

LEAST_RSA_BITS = 2048
LEAST_SECRET_BYTES = 32
MOST_KEYS = 100
_MOST_JWKS_BYTES = 1_048_576
_FETCH_SECONDS = 5.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

security = structlog.get_logger(log="security")


class UnusableKey(ValueError):
    """A key or a source of keys in the settings cannot be used; the message says why and what to do, never the key."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key to check signatures with, and the only algorithm it is for."""

    algorithm: str
    material: Any = field(repr=False)


class Keys(Protocol):
    """Where keys are found."""

    async def find(self, kid: str | None) -> Key | None:
        """Return the key of an id, or the only key there is when a token names none; None when there is no such key."""
        ...


def public_key(material: object) -> Key:
    """Return a key for Ed25519, RSA of at least 2,048 bits, or P-256. Raises UnusableKey for any other."""
    match material:
        case Ed25519PublicKey():
            return Key("EdDSA", material)
        case RSAPublicKey() if material.key_size >= LEAST_RSA_BITS:
            return Key("RS256", material)
        case EllipticCurvePublicKey() if isinstance(material.curve, SECP256R1):
            return Key("ES256", material)
        case _:
            raise UnusableKey(
                f"a token key is a public key of Ed25519, RSA (at least {LEAST_RSA_BITS} bits) or P-256"
            )


def key_of_pem(pem: str) -> Key:
    """Return the key in a PEM text. Raises UnusableKey."""
    if "PRIVATE KEY" in pem:
        raise UnusableKey("this is a private key; give the server the public one only")
    try:
        material = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey("this is no public key in PEM (-----BEGIN PUBLIC KEY-----)") from None
    return public_key(material)


def key_of_secret(secret: str) -> Key:
    """Return the key that is a shared secret, for issuer and server on one host. Raises UnusableKey when it can be guessed."""
    if len(secret.encode()) < LEAST_SECRET_BYTES:
        raise UnusableKey(
            f"the token secret needs at least {LEAST_SECRET_BYTES} bytes; `openssl rand -base64 48` makes one"
        )
    return Key("HS256", secret.encode())


class FixedKeys:
    """Keys that are known when the server starts."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self._keys = dict(keys)

    async def find(self, kid: str | None) -> Key | None:
        """Return the key of an id; without an id the only key there is."""
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)


class PublishedKeys:
    """Keys an issuer publishes as a JWKS, in a file or at an URL; fetched when an unknown id is named, at most once an interval.

    A storm of unknown ids therefore never becomes a storm of fetches; when a fetch fails the keys known so far stay.
    Keys an issuer has taken back are forgotten with the first fetch after `refresh_seconds`.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        *,
        least_seconds: float = 60.0,
        refresh_seconds: float = 3600.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._fetch = fetch
        self._least_seconds = least_seconds
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._tried_at: float | None = None
        self._one_at_a_time: CapacityLimiter | None = None

    async def find(self, kid: str | None) -> Key | None:
        """Return the key of an id, asking the issuer again if it is unknown or the keys are old, and the last time is long enough ago."""
        if self._is_due(kid):
            # Whoever comes meanwhile waits for the one who asks, without holding a thread.
            self._one_at_a_time = self._one_at_a_time or CapacityLimiter(1)
            await to_thread.run_sync(self._refresh, kid, limiter=self._one_at_a_time)
        return self._keys.get(kid) if kid is not None else self._only()

    def _only(self) -> Key | None:
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    def _is_due(self, kid: str | None) -> bool:
        age = None if self._tried_at is None else self._clock() - self._tried_at
        if age is None or age >= self._refresh_seconds:
            return True
        unknown = self._only() is None if kid is None else kid not in self._keys
        return unknown and age >= self._least_seconds

    def _refresh(self, kid: str | None) -> None:
        if not self._is_due(kid):
            return  # somebody else has just asked
        self._tried_at = self._clock()
        try:
            self._keys = keys_of_jwks(self._fetch())
        except (OSError, HTTPException, UnusableKey) as error:
            # The keys known so far stay: an issuer that is away for a while must not lock everybody out.
            security.warning("keys_not_fetched", error=type(error).__name__)


def keys_of_jwks(document: bytes) -> dict[str, Key]:
    """Return the usable keys of a JWKS by their ids: keys with an id, for signatures, never secrets. Raises UnusableKey when there is none."""
    try:
        listed = json.loads(document)["keys"]
        found = [item for item in listed if isinstance(item, dict)][:MOST_KEYS]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnusableKey("this is no JWKS: an object with a list `keys` is expected") from None
    keys: dict[str, Key] = {}
    for item in found:
        kid = item.get("kid")
        if (
            not isinstance(kid, str)
            or item.get("kty") not in {"RSA", "EC", "OKP"}
            or item.get("use", "sig") != "sig"
            or "d" in item
        ):
            continue
        try:
            key = public_key(PyJWK.from_dict(item).key)
        except (PyJWTError, UnusableKey, ValueError, TypeError):
            continue
        if item.get("alg", key.algorithm) == key.algorithm:
            keys[kid] = key
    if not keys:
        raise UnusableKey(
            "the JWKS has no key that can be used: Ed25519, RSA or P-256, for signatures, each with its `kid`"
        )
    return keys


class _NoRedirects(HTTPRedirectHandler):
    """Keys come from where the settings say, and from nowhere else."""

    def redirect_request(self, *_: Any) -> Request | None:
        """Follow nothing."""
        return None


def fetching(source: str) -> Callable[[], bytes]:
    """Return what fetches a JWKS from an https URL (http on this host only) or a file. Raises UnusableKey when the source is neither."""
    parts = urlsplit(source)
    if parts.scheme in {"http", "https"}:
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise UnusableKey("keys are fetched over https; plain http is for this host only")
        opener = build_opener(_NoRedirects)

        def from_the_network() -> bytes:
            with opener.open(source, timeout=_FETCH_SECONDS) as answer:
                return bytes(answer.read(_MOST_JWKS_BYTES))

        return from_the_network
    if parts.scheme not in {"", "file"}:
        raise UnusableKey("the JWKS is an https URL or a file")
    path = Path(parts.path if parts.scheme == "file" else source)

    def from_a_file() -> bytes:
        with path.open("rb") as file:
            return file.read(_MOST_JWKS_BYTES)

    return from_a_file
