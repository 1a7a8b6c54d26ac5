"""Keys of data subjects, and the sealing of personal values (AES-256-GCM, docs/format.md)."""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg_pool import ConnectionPool

from commands.ports import ToSeal
from domain.facts import ERASED, Erased
from domain.values import SEALED, Stored
from infra.log.sealing import canonical

_NONCE_BYTES = 12
_KEY_BYTES = 32


class PostgresVault:
    """The vault in the schema `dealtrail_keys`. Implements the port `commands.ports.Vault`."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool
        with pool.connection() as connection:
            rows = connection.execute("SELECT name, secret FROM dealtrail_keys.log_secrets").fetchall()
        self._secrets = {row["name"]: bytes(row["secret"]) for row in rows}

    def keyring(self) -> "PostgresKeyring":
        """Begin a unit of work; keys are never kept longer, so that an erasure is effective everywhere at once."""
        return PostgresKeyring(self._pool)

    def pseudonym(self, name: str) -> bytes:
        """Derive 16 bytes from a natural key: the same each time, and meaningless without the log's secret."""
        return hmac.digest(self._secrets["pseudonyms"], name.encode(), "sha256")[:16]

    def body_hmac(self, body: bytes) -> bytes:
        """Return the HMAC two repeated commands are compared by."""
        return hmac.digest(self._secrets["bodies"], body, "sha256")


class PostgresKeyring:
    """The keys of one unit of work. Implements the port `commands.ports.Keyring`."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool
        self._keys: dict[tuple[str, int], AESGCM | None] = {}
        self._living: dict[str, tuple[int, AESGCM]] = {}

    def seal(self, values: Sequence[ToSeal]) -> list[Stored]:
        """Seal personal values, each under the living key of its subject; keys that are missing are made."""
        missing = sorted({value.subject for value in values} - self._living.keys())
        if missing:
            candidates = [secrets.token_bytes(_KEY_BYTES) for _ in missing]
            with self._pool.connection() as connection:
                rows = connection.execute(
                    "SELECT subject, generation, key FROM dealtrail_keys.keys_for_writing(%s::text[], %s::bytea[])",
                    (missing, candidates),
                ).fetchall()
            for row in rows:
                self._living[row["subject"]] = (row["generation"], AESGCM(bytes(row["key"])))
        return [self._seal(value) for value in values]

    def _seal(self, value: ToSeal) -> Stored:
        generation, key = self._living[value.subject]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        ciphertext = key.encrypt(nonce, canonical(value.value), _bound(value.stream, value.field))
        return {
            SEALED: {
                "subject": value.subject,
                "generation": generation,
                "value": b64encode(nonce + ciphertext).decode(),
            }
        }

    def prepare(self, subjects: Sequence[str]) -> None:
        """Fetch the keys of subjects whose values will be revealed, in one round trip."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT subject, generation, key FROM dealtrail_keys.subject_keys WHERE subject = ANY(%s)",
                (list(subjects),),
            ).fetchall()
        for row in rows:
            self._keys[(row["subject"], row["generation"])] = (
                AESGCM(bytes(row["key"])) if row["key"] is not None else None
            )

    def reveal(self, stream: str, field: str, stored: Stored) -> Stored | Erased:
        """Open a sealed value; ERASED when its key was destroyed. Other values are returned as they are."""
        if not (isinstance(stored, dict) and SEALED in stored):
            return stored
        sealed: Any = stored[SEALED]
        subject, generation = str(sealed["subject"]), int(sealed["generation"])
        living = self._living.get(subject)
        key = living[1] if living is not None and living[0] == generation else self._key(subject, generation)
        if key is None:
            return ERASED
        raw = b64decode(sealed["value"])
        try:
            opened: Stored = orjson.loads(
                key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(stream, field))
            )
        except InvalidTag:
            raise TamperedValue(stream, field) from None
        return opened

    def _key(self, subject: str, generation: int) -> AESGCM | None:
        if (subject, generation) not in self._keys:
            self.prepare([subject])
        if (subject, generation) not in self._keys:
            raise MissingKey(subject, generation)
        return self._keys[(subject, generation)]


class MissingKey(RuntimeError):
    """A key is not there at all: it was not destroyed by an erasure, which leaves a trace, but lost."""

    def __init__(self, subject: str, generation: int) -> None:
        super().__init__(
            f"the key of {subject!r} (generation {generation}) is missing although nobody erased it; restore the schema dealtrail_keys from its backup"
        )


class TamperedValue(RuntimeError):
    """A sealed value does not open with its own key: it was changed or moved. `dealtrail verify` finds where."""

    def __init__(self, stream: str, field: str) -> None:
        super().__init__(
            f"the sealed value of {field!r} in {stream!r} does not open with its key; run `dealtrail verify`"
        )


def _bound(stream: str, field: str) -> bytes:
    return f"{stream}\n{field}".encode()
