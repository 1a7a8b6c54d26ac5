"""Where the files of a ledger are kept, as the ledger sees it; and what can be wrong with them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from projections.kinds import ProjectionError


class LedgerStore(Protocol):
    """A folder or an object store. A file is there whole or not at all, whatever happens meanwhile."""

    def put(self, name: str, content: bytes) -> None:
        """Keep a file, instead of an older one of that name. It outlives a power cut once this returns."""
        ...

    def get(self, name: str) -> bytes:
        """Return a file. Raises FileNotFoundError."""
        ...

    def path(self, name: str, size_bytes: int, sha256: str) -> Path:
        """Return where Polars can read a file on this machine. Raises LedgerDamaged when it is missing, or has another size.

        Its SHA-256 is compared when it is fetched from elsewhere, not each time it is read.
        """
        ...

    def names(self) -> Iterator[str]:
        """Name every file."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file that nobody needs; one that is gone already is no error."""
        ...


class LedgerError(ProjectionError):
    """Something is wrong with a ledger; the message says what to do."""


class LedgerDamaged(LedgerError):
    """A file of the ledger is missing, cut or edited."""


class LedgerUnavailable(LedgerError):
    """Where the ledger is kept does not answer, or has no room."""


class LedgerBusy(LedgerError):
    """Another process is writing the ledger."""


class AnotherLedger(LedgerError):
    """What is kept there belongs to another log, or to another state of this one, or was made by another version."""


class OlderLedger(AnotherLedger):
    """What is kept there is of this log, and was made by an older version: a rebuild makes it again."""
