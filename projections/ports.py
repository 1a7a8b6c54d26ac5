"""What the read side needs from the outside: the log to read, and keys to reveal with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.envelope import Recorded
from domain.events import LogBegun
from domain.facts import Erased
from domain.values import Stored


class LogReader(Protocol):
    """The sealed log, as the read side sees it."""

    @property
    def genesis(self) -> LogBegun:
        """The first event of the log."""
        ...

    def now(self) -> datetime:
        """Return the database's clock reading."""
        ...

    def head(self) -> int:
        """Return the last position."""
        ...

    def position_at(self, moment: datetime) -> int:
        """Return the last position recorded by a moment, 0 when there was none."""
        ...

    def version(self, stream: str) -> int:
        """Return the version of a stream, 0 when it has no events."""
        ...

    def stream(self, stream: str) -> list[Recorded]:
        """Return all events of a stream."""
        ...

    def after(
        self, position: int, limit: int, *, topics: Sequence[str] = (), upto: int | None = None
    ) -> list[Recorded]:
        """Return up to `limit` events after a position, in the order of the log."""
        ...


class Revealer(Protocol):
    """The keys of one unit of work, to reveal with."""

    def prepare(self, subjects: Sequence[str]) -> None:
        """Fetch the keys of several subjects at once."""
        ...

    def reveal(self, stream: str, field: str, stored: Stored) -> "Stored | Erased":
        """Open a sealed value; ERASED when its key was destroyed."""
        ...


class Keys(Protocol):
    """Where keys come from."""

    def keyring(self) -> Revealer:
        """Begin a unit of work."""
        ...


class PseudonymousKeys(Keys, Protocol):
    """Keys, and the secret that makes pseudonyms: what may be found again without being held."""

    def pseudonym(self, name: str) -> bytes:
        """Derive 16 bytes from a name: the same each time, and meaningless without the log's secret."""
        ...
