"""Evidence in an object store: a local folder, S3, Google Cloud Storage or Azure, through one library."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from commands.evidence import CHUNK_BYTES, EvidenceDamaged, EvidenceMissing, EvidenceUnavailable

_KEY = re.compile(r"[0-9a-f]{64}")


class ObjectStoreEvidence:
    """Files of evidence as objects whose key is their SHA-256. Implements the port `commands.evidence.EvidenceStore`."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    @classmethod
    def in_folder(cls, folder: Path) -> "ObjectStoreEvidence":
        """Keep files in a folder of this machine; it is made where there is none."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(LocalStore(folder), folder)

    @classmethod
    def at(cls, url: str) -> "ObjectStoreEvidence":
        """Keep files where a URL says: `file:///srv/evidence`, `s3://bucket/prefix`, `gs://bucket`, `az://container`.

        Credentials come from the environment, as each provider's own tools read them.
        """
        if url.startswith("file://"):
            return cls.in_folder(Path(url.removeprefix("file://")))
        return cls(from_url(url))

    def put(self, sha256: str, content: BinaryIO) -> None:
        """Keep a file under its SHA-256, whole or not at all."""
        key = _key(sha256)
        try:
            if not self.exists(key):
                obstore.put(self._store, key, _verified(iter(lambda: content.read(CHUNK_BYTES), b""), key))
            # Also where it was there: whoever brought it first may not have come this far yet.
            self._make_durable(key)
        except (BaseError, OSError) as error:
            raise EvidenceUnavailable("the evidence cannot be kept at the moment") from error

    def open(self, sha256: str) -> Iterator[bytes]:
        """Return the bytes of a file in chunks; what does not have its SHA-256 any more is found at the end."""
        key = _key(sha256)
        try:
            found = obstore.get(self._store, key)
        except FileNotFoundError:
            raise EvidenceMissing(key) from None
        except (BaseError, OSError) as error:
            raise EvidenceUnavailable("the evidence cannot be read at the moment") from error
        return _verified(_pieces(map(bytes, found.stream(min_chunk_size=CHUNK_BYTES))), key)

    def exists(self, sha256: str) -> bool:
        """Tell whether a file is there."""
        try:
            obstore.head(self._store, _key(sha256))
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise EvidenceUnavailable("the evidence cannot be looked up at the moment") from error
        return True

    def _make_durable(self, key: str) -> None:
        """A local folder is written by the operating system at its leisure; the log must not name what a power cut takes."""
        if self._folder is None:
            return
        for path in (self._folder / key, self._folder):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _key(sha256: str) -> str:
    if not _KEY.fullmatch(sha256):
        raise ValueError("a SHA-256 in 64 lower-case hexadecimal digits is expected")
    return sha256


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Some stores hand out a file in chunks as large as they like."""
    for chunk in chunks:
        for start in range(0, len(chunk), CHUNK_BYTES):
            yield chunk[start : start + CHUNK_BYTES]


def _verified(chunks: Iterator[bytes], sha256: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise EvidenceDamaged(f"the bytes kept as {sha256} have another SHA-256")
