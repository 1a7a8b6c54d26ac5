"""Tokens for trials: a key of this machine's own, for whoever has no issuer of tokens yet."""

import os
import secrets
import stat
import time
from collections.abc import Iterable
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from domain.naming import is_id
from domain.playbook.model import Right
from infra.http.keys import UnusableKey
from infra.http.tokens import MAX_CLIENT, TRIAL_ISSUER

FILE_NAME = "trial-token-key.pem"
KEY_ID = "trial"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class BadClaim(ValueError):
    """A token cannot be made for this; the message says what to do."""


def key_file(home: Path) -> Path:
    """Return where the trial key of a home folder is kept."""
    return home / FILE_NAME


def load_key(home: Path) -> Ed25519PrivateKey | None:
    """Return the trial key of a home folder, None where there is none. Raises UnusableKey when others could read it."""
    path = key_file(home)
    try:
        with path.open("rb") as file:
            mode, pem = os.fstat(file.fileno()).st_mode, file.read(10_000)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableKey(f"{path} cannot be read: {error.strerror}") from None
    if mode & _OTHERS:
        raise UnusableKey(
            f"{path} can be read by others; run `chmod 600 {path}`, or remove it and make new tokens"
        )
    key: object
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey(
            f"{path} is no private key of Ed25519; remove it, and `dealtrail token` makes a new one"
        )
    return key


def load_or_make_key(home: Path) -> Ed25519PrivateKey:
    """Return the trial key of a home folder; where there is none it is made, for its owner's eyes only."""
    found = load_key(home)
    if found is not None:
        return found
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    home.mkdir(parents=True, exist_ok=True)
    # Written beside and linked into place: a reader never sees half a key, and of two that are made at once one stays.
    beside = home / f".{FILE_NAME}.{secrets.token_hex(6)}"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        os.link(beside, key_file(home))
    except FileExistsError:
        pass  # another process was first
    finally:
        beside.unlink()
    found = load_key(home)
    assert found is not None
    return found


def make_token(
    key: Ed25519PrivateKey,
    *,
    tenant: str,
    audience: str,
    actor: str,
    client: str,
    rights: Iterable[Right] = (),
    delegate: bool = False,
    hours: float = 8.0,
) -> str:
    """Return a signed token for trials. Raises BadClaim for what no server would accept."""
    sort, _, name = actor.partition("/")
    if sort not in {"person", "system"} or not is_id(name):
        raise BadClaim("the actor is person/… or system/…, as person/per_anna or system/erp")
    if not 0 < len(client) <= MAX_CLIENT or not client.isprintable():
        raise BadClaim(f"the client is the name of a program, of 1 to {MAX_CLIENT} printable characters")
    granted = sorted({right.value for right in rights})
    if granted and sort != "system":
        raise BadClaim("people have the rights of their roles; --rights is for system/… only")
    now = int(time.time())
    claims = {
        "iss": TRIAL_ISSUER,
        "aud": audience,
        "iat": now,
        "nbf": now,
        "exp": now + int(hours * 3600),
        "jti": secrets.token_hex(12),
        "tenant": tenant,
        "client_id": client,
        "sub": actor,
    }
    if granted:
        claims["rights"] = granted
    if delegate:
        claims["delegate"] = True
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": KEY_ID})
