"""Files that prove something: kept by the SHA-256 of their bytes, so that a file can be neither swapped nor stored twice."""

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from commands.errors import CommandError

CHUNK_BYTES = 1_048_576


class EvidenceMissing(LookupError):
    """There is no file of this SHA-256 in the store."""


class EvidenceDamaged(RuntimeError):
    """The bytes are not those the SHA-256 names."""


class EvidenceUnavailable(CommandError):
    """The store of evidence cannot be reached; the command can be sent again with the same key."""

    code = "evidence-unavailable"


class EvidenceStore(Protocol):
    """Where files of evidence are kept. A file is there before the log names it; nothing ever takes it away."""

    def put(self, sha256: str, content: BinaryIO) -> None:
        """Keep a file, whole or not at all; one that is there already stays as it is.

        When this returns the file is durable. Raises EvidenceDamaged when the content has another SHA-256,
        EvidenceUnavailable when it cannot be kept.
        """
        ...

    def open(self, sha256: str) -> Iterator[bytes]:
        """Return the bytes of a file in chunks. Raises EvidenceMissing at once, EvidenceDamaged after the last chunk."""
        ...

    def exists(self, sha256: str) -> bool:
        """Tell whether a file is there."""
        ...
