"""The store of evidence: its in-memory twin, and what every store must do.

Subclass the contract in a test module whose fixture `evidence` provides an empty store.
"""

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from commands.evidence import CHUNK_BYTES, EvidenceDamaged, EvidenceMissing

STAMP = b"\x89PNG red stamp"


def sha256_of(content: bytes) -> str:
    """The key of a file."""
    return hashlib.sha256(content).hexdigest()


class MemoryEvidence:
    """Evidence in memory. Implements `commands.evidence.EvidenceStore`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, sha256: str, content: BinaryIO) -> None:
        """Keep a file."""
        if _key(sha256) in self.files:
            return
        read = content.read()
        if sha256_of(read) != sha256:
            raise EvidenceDamaged(sha256)
        self.files[sha256] = read

    def open(self, sha256: str) -> Iterator[bytes]:
        """Return the bytes of a file in chunks."""
        if _key(sha256) not in self.files:
            raise EvidenceMissing(sha256)
        return self._chunks(sha256)

    def _chunks(self, sha256: str) -> Iterator[bytes]:
        kept = self.files[sha256]
        for start in range(0, len(kept), CHUNK_BYTES):
            yield kept[start : start + CHUNK_BYTES]
        if sha256_of(kept) != sha256:
            raise EvidenceDamaged(sha256)

    def exists(self, sha256: str) -> bool:
        """Tell whether a file is there."""
        return _key(sha256) in self.files


def _key(sha256: str) -> str:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("this is no SHA-256")
    return sha256


class OnlyOnce(io.BytesIO):
    """A file that is read as a stream: in pieces, never as a whole."""

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 < size <= CHUNK_BYTES, "a large file would be held in memory"
        return super().read(size)


class EvidenceContract:
    """What every store of evidence does."""

    def test_a_file_comes_back_as_it_was(self, evidence):
        """A small file, a large one, and one without a byte."""
        for content in (STAMP, b"0123456789abcdef" * 500_000, b""):
            key = sha256_of(content)
            assert not evidence.exists(key)
            evidence.put(key, io.BytesIO(content))
            assert evidence.exists(key)
            assert b"".join(evidence.open(key)) == content

    def test_a_large_file_comes_in_chunks(self, evidence):
        """Nobody holds it as a whole."""
        content = b"0123456789abcdef" * 500_000
        evidence.put(sha256_of(content), io.BytesIO(content))
        assert max(map(len, evidence.open(sha256_of(content)))) < len(content) / 2

    def test_the_same_file_twice_is_one(self, evidence):
        """What is there is not written again, whoever brings it."""
        evidence.put(sha256_of(STAMP), io.BytesIO(STAMP))
        evidence.put(sha256_of(STAMP), io.BytesIO(STAMP))
        assert b"".join(evidence.open(sha256_of(STAMP))) == STAMP

    def test_a_file_of_another_hash_is_not_kept(self, evidence):
        """The key is the content: nothing is kept under a name that is not its own."""
        with pytest.raises(EvidenceDamaged):
            evidence.put("0" * 64, io.BytesIO(STAMP))
        assert not evidence.exists("0" * 64)

    def test_a_file_that_is_not_there(self, evidence):
        """It is said at once, before anything was sent."""
        with pytest.raises(EvidenceMissing):
            evidence.open("1" * 64)

    @pytest.mark.parametrize(
        "key", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "/x", "\x00" * 64]
    )
    def test_what_is_no_hash_is_no_key(self, evidence, key):
        """A key is never a path."""
        for ask in (evidence.exists, evidence.open, lambda it: evidence.put(it, io.BytesIO(STAMP))):
            with pytest.raises(ValueError, match="SHA-256"):
                ask(key)
