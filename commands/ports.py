"""What the command bus needs from the outside: a log and a vault. The composition root provides both."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from domain.envelope import Origin, Recorded
from domain.event import Event
from domain.facts import Erased, Standing
from domain.values import Stored

State = TypeVar("State")
Result: TypeAlias = Literal["appended", "replayed", "mismatch", "conflict", "moved"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """A stream and the version it had when the decision read it; `own` marks a stream the decision writes to."""

    stream: str
    version: int
    own: bool


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event about to be appended. `version` None means the next one, whatever it is; `reason` is sealed already."""

    stream: str
    version: int | None
    event: Event
    payload: dict[str, Any]
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """One decided command: its events, what it read, and the idempotency key its outcome is kept under.

    A command that changes nothing has no events; its key and its read set count all the same.

    `told_time` is the time of a simulated log and None in any other. `basis` None means the position just before the
    first event, where the append verifies the read set.
    """

    events: Sequence[NewEvent]
    expectations: Sequence[Expectation]
    origin: Origin
    decided_at: datetime
    outcome: Literal["accepted", "refused"] = "accepted"
    client: str | None = None
    key: str | None = None
    body_hmac: bytes = b""
    basis: int | None = None
    playbook: str | None = None
    playbook_version: int | None = None
    told_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the log says to one command of a batch."""

    result: Result
    first_position: int | None
    last_position: int | None
    recorded_at: datetime | None
    stored_outcome: Literal["accepted", "refused"] | None
    moved_stream: str | None


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """What was answered to an idempotency key before."""

    body_hmac: bytes
    outcome: Literal["accepted", "refused"]
    first_position: int | None
    last_position: int | None

    @property
    def positions(self) -> range:
        """The positions of its events; a command that changed nothing has none, and `last_position` says what it was looked at."""
        if self.first_position is None or self.last_position is None:
            return range(0)
        return range(self.first_position, self.last_position + 1)


class StandingRecords(Protocol):
    """Finds the records that stand on a part of a playbook, to name them when it would be taken away."""

    def __call__(self, kind: str, what: str, name: str, /) -> Standing:
        """Return how many records stand on a `stage`, hold a `field` or an `option` (field/option), and the first of them."""
        ...


class EventLog(Protocol):
    """The sealed log, as the write side sees it."""

    @property
    def is_simulated(self) -> bool:
        """Whether the time of this log is told by whoever appends."""
        ...

    def now(self) -> datetime:
        """Return the database's clock reading."""
        ...

    def state(self, stream: str, fold: Callable[[Any, Iterable[Recorded]], State | None]) -> State | None:
        """Return the folded state of a stream, from the cache where it is there; the append verifies its version."""
        ...

    def forget(self, stream: str) -> None:
        """Take note that a stream has moved: the state that is cached is caught up when somebody asks for it."""
        ...

    def remember(self, stream: str, state: object) -> None:
        """Put the state after an append into the cache."""
        ...

    def absent(self, streams: Sequence[str]) -> frozenset[str]:
        """Return those of the streams that have no events, in one round trip."""
        ...

    def stale(self, versions: Mapping[str, int]) -> frozenset[str]:
        """Return those of the streams that are further than the given version: a refusal must not rest on them."""
        ...

    def known_answers(self, client: str, keys: Sequence[str]) -> Mapping[str, KnownAnswer]:
        """Return what was answered before, for those of the keys that were used."""
        ...

    def append(self, batch: Sequence[Append]) -> Sequence[Outcome]:
        """Append a batch in one transaction, each command with its own outcome, in order."""
        ...

    def stream(self, stream: str) -> Sequence[Recorded]:
        """Return all events of a stream."""
        ...

    def streams(self, streams: Sequence[str]) -> Mapping[str, Sequence[Recorded]]:
        """Return all events of several streams, in one round trip; a stream without events has none."""
        ...

    def read(self, first_position: int, last_position: int) -> Sequence[Recorded]:
        """Return the events of a range of positions, both ends included."""
        ...

    def version_at(self, stream: str, position: int) -> int:
        """Return the version a stream had at a position, 0 when it had no events yet."""
        ...


@dataclass(frozen=True, slots=True)
class ToSeal:
    """A personal value, and where it will stand: both are bound into the ciphertext."""

    stream: str
    field: str
    subject: str
    value: Stored


class Keyring(Protocol):
    """The keys of one unit of work; keys that are needed again are fetched once."""

    def seal(self, values: Sequence[ToSeal]) -> list[Stored]:
        """Seal personal values, each under the living key of its subject."""
        ...

    def reveal(self, stream: str, field: str, stored: Stored) -> "Stored | Erased":
        """Open a sealed value; ERASED when its key was destroyed. Other values are returned as they are."""
        ...


class Vault(Protocol):
    """Keys of data subjects and secrets of the log."""

    def keyring(self) -> Keyring:
        """Begin a unit of work."""
        ...

    def pseudonym(self, name: str) -> bytes:
        """Derive 16 bytes from a natural key: the same each time, and meaningless without the log's secret."""
        ...

    def body_hmac(self, body: bytes) -> bytes:
        """Return the HMAC two repeated commands are compared by."""
        ...
