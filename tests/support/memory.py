"""In-memory twins of the sealed log and of the vault; they pass the same contract tests as the real ones."""

import hashlib
import hmac
import itertools
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from eventsourcing.persistence import IntegrityError

from commands.ports import Append, KnownAnswer, NewEvent, Outcome, ToSeal
from domain.envelope import Origin, Recorded
from domain.events import LogBegun, SubjectErased, decode
from domain.facts import ERASED, Erased
from domain.naming import LOG_STREAM
from domain.values import SEALED, Stored
from infra.log.sealing import FORMAT, canonical


class CannotAppend(RuntimeError):
    """A batch the log cannot hold at all; nothing of it was written."""


@dataclass
class _Contents:
    """What every process that has the log open sees."""

    events: list[Recorded] = field(default_factory=list)
    streams: dict[str, list[Recorded]] = field(default_factory=dict)
    commands: dict[tuple[str, str], KnownAnswer] = field(default_factory=dict)


class MemoryLog:
    """The log of one tenant, with the outcomes of `dealtrail.append`.

    Implements `commands.ports.EventLog` and `projections.ports.LogReader`.
    `clock` is what the database's clock reads; a simulated log has none, its time is told by whoever appends.
    """

    def __init__(
        self, vault: "MemoryVault | None" = None, *, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._contents = _Contents()
        self._cache: dict[str, Any] = {}
        self._moved: set[str] = set()
        self._vault = vault
        self._clock = clock or (lambda: datetime.now(UTC))
        self._meanwhile: list[Callable[[], object]] = []

    @classmethod
    def begun(
        cls,
        vault: "MemoryVault | None" = None,
        *,
        clock: Callable[[], datetime] | None = None,
        simulated: bool = False,
        told_time: datetime | None = None,
    ) -> "MemoryLog":
        """Return a log with its genesis event."""
        log = cls(vault, clock=clock)
        genesis = LogBegun("main", FORMAT, "simulated" if simulated else "database", "dealtrail test")
        decided_at = told_time or log.now()
        origin = Origin(
            actor="system/operator", channel="system", occurred_at=decided_at, command_id="cmd_genesis"
        )
        event = NewEvent(LOG_STREAM, 1, genesis, genesis.payload())
        log.append(
            [
                Append(
                    events=[event],
                    expectations=[],
                    origin=origin,
                    decided_at=decided_at,
                    basis=0,
                    told_time=told_time,
                )
            ]
        )
        return log

    def another_process(self) -> "MemoryLog":
        """Open the same log again: the same contents, a cache of its own."""
        other = MemoryLog(self._vault, clock=self._clock)
        other._contents = self._contents
        return other

    def meanwhile(self, *changes: Callable[[], object]) -> None:
        """Let something happen just before each of the next appends, as another process would."""
        self._meanwhile += changes

    @property
    def genesis(self) -> LogBegun:
        """The first event of the log."""
        first = self._contents.events[0].event
        assert isinstance(first, LogBegun)
        return first

    @property
    def is_simulated(self) -> bool:
        """Whether the time of this log is told by whoever appends."""
        return self.genesis.clock == "simulated"

    def now(self) -> datetime:
        """Return the clock reading."""
        return self._clock()

    def head(self) -> int:
        """Return the last position, 0 in an empty log."""
        return len(self._contents.events)

    def state(self, stream: str, fold: Callable[[Any, Iterable[Recorded]], Any]) -> Any:
        """Return the folded state of a stream, from the cache where it is there, with what came after if it has moved."""
        known = self._cache.get(stream)
        if known is None or stream in self._moved:
            self._moved.discard(stream)
            events = self._contents.streams.get(_text(stream), [])
            if not events:
                return None
            self._cache[stream] = fold(known, events[known.version if known else 0 :])
        return self._cache[stream]

    def forget(self, stream: str) -> None:
        """Take note that a stream has moved."""
        if stream in self._cache:
            self._moved.add(stream)

    def remember(self, stream: str, state: object) -> None:
        """Put a state into the cache."""
        self._cache[stream] = state

    def absent(self, streams: Sequence[str]) -> frozenset[str]:
        """Return those of the streams that have no events."""
        return frozenset(stream for stream in streams if not self.version(_text(stream)))

    def stale(self, versions: Mapping[str, int]) -> frozenset[str]:
        """Return those of the streams that are further than the given version."""
        return frozenset(
            stream for stream, version in versions.items() if self.version(_text(stream)) > version
        )

    def known_answers(self, client: str, keys: Sequence[str]) -> Mapping[str, KnownAnswer]:
        """Return what was answered before, for those of the keys that were used."""
        known = self._contents.commands
        return {key: known[(client, key)] for key in keys if (client, key) in known}

    def version_at(self, stream: str, position: int) -> int:
        """Return the version a stream had at a position, 0 when it had no events yet."""
        return sum(found.position <= position for found in self._contents.streams.get(stream, ()))

    def version(self, stream: str) -> int:
        """Return the version of a stream, 0 when it has no events."""
        return len(self._contents.streams.get(stream, ()))

    def streams(self, streams: Sequence[str]) -> Mapping[str, Sequence[Recorded]]:
        """Return all events of several streams."""
        return {stream: self.stream(stream) for stream in streams}

    def read(self, first_position: int, last_position: int) -> list[Recorded]:
        """Return the events of a range of positions, both ends included."""
        return self._contents.events[max(first_position - 1, 0) : last_position]

    def stream(self, stream: str) -> list[Recorded]:
        """Return all events of a stream."""
        return list(self._contents.streams.get(stream, ()))

    def after(
        self, position: int, limit: int, *, topics: Sequence[str] = (), upto: int | None = None
    ) -> list[Recorded]:
        """Return up to `limit` events after a position, in the order of the log."""
        found = (
            recorded
            for recorded in self._contents.events[position:]
            if (not topics or recorded.event.TOPIC in topics) and (upto is None or recorded.position <= upto)
        )
        return list(itertools.islice(found, limit))

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """Append a batch in one transaction, each command with its own outcome."""
        if self._meanwhile:
            changes, self._meanwhile = self._meanwhile, []
            changes.pop(0)()
            self._meanwhile = changes + self._meanwhile
        before = self._contents
        draft = _Contents(
            list(before.events),
            {name: list(events) for name, events in before.streams.items()},
            dict(before.commands),
        )
        erased: list[str] = []
        outcomes, lost = [], set[str]()
        for append in batch:
            outcomes.append(self._append(append, draft, erased, lost))
            if outcomes[-1].result != "appended":
                # What comes later in the batch may stand on what was not appended, whatever version the stream has.
                lost |= {new.stream for new in append.events}
        before.events[:], before.streams, before.commands = draft.events, draft.streams, draft.commands
        for subject in erased:
            if self._vault is not None:
                self._vault.destroy(subject)
        return outcomes

    def _append(self, append: Append, draft: _Contents, erased: list[str], lost: set[str]) -> Outcome:
        if append.key is not None and (prior := draft.commands.get((append.client or "", append.key))):
            if prior.body_hmac != append.body_hmac:
                return Outcome("mismatch", None, None, None, None, None)
            return Outcome("replayed", prior.first_position, prior.last_position, None, prior.outcome, None)
        for expected in append.expectations:
            if expected.stream in lost or len(draft.streams.get(expected.stream, ())) != expected.version:
                return Outcome(
                    "conflict" if expected.own else "moved", None, None, None, None, expected.stream
                )
        recorded_at = self._moment(append, draft)
        first = len(draft.events) + 1
        for new in append.events:
            recorded = self._recorded(new, append, draft, recorded_at, first)
            draft.events.append(recorded)
            draft.streams.setdefault(new.stream, []).append(recorded)
            if isinstance(recorded.event, SubjectErased):
                erased.append(recorded.event.subject)
        # Where nothing changed, an empty range: it says at which position.
        last = len(draft.events)
        if append.key is not None:
            draft.commands[(append.client or "", append.key)] = KnownAnswer(
                append.body_hmac, append.outcome, first, last
            )
        return Outcome("appended", first, last, recorded_at, append.outcome, None)

    def _moment(self, append: Append, draft: _Contents) -> datetime:
        """The moment of recording: told or read from the clock, and never before the last one."""
        if draft.events:
            genesis: Any = draft.events[0].event
        else:
            genesis = append.events[0].event
            if not isinstance(genesis, LogBegun):
                raise CannotAppend("the log has not begun: its first event must be log.begun.v1")
        if (genesis.clock == "simulated") != (append.told_time is not None):
            raise CannotAppend(
                "this log has a simulated clock"
                if append.told_time is None
                else "this log has the clock of the database"
            )
        moment = append.told_time or self._clock()
        return max(moment, draft.events[-1].recorded_at) if draft.events else moment

    @staticmethod
    def _recorded(
        new: NewEvent, append: Append, draft: _Contents, recorded_at: datetime, first: int
    ) -> Recorded:
        following = len(draft.streams.get(new.stream, ())) + 1
        if new.version not in (None, following):
            raise IntegrityError(
                f"stream {new.stream} has version {new.version}, the next one is {following}"
            )
        if draft.events and isinstance(new.event, LogBegun):
            raise CannotAppend("the log has begun already")
        origin = append.origin
        return Recorded(
            stream=new.stream,
            version=following,
            position=len(draft.events) + 1,
            event=decode(new.event.TOPIC, json.loads(canonical(new.payload))),
            recorded_at=recorded_at,
            occurred_at=origin.occurred_at,
            decided_at=append.decided_at,
            basis=append.basis if append.basis is not None else first - 1,
            actor=origin.actor,
            channel=origin.channel,
            command_id=origin.command_id,
            playbook=append.playbook,
            playbook_version=append.playbook_version,
            on_behalf_of=origin.on_behalf_of,
            reason=new.reason,
            correlation_id=origin.correlation_id,
            causation_id=origin.causation_id,
        )


def _text(stream: str) -> str:
    """Refuse what a database cannot even be asked about."""
    if "\x00" in stream:
        raise ValueError("text fields cannot contain NUL")
    stream.encode()
    return stream


class MovedValue(AssertionError):
    """A sealed value was opened at another place than the one it was sealed for."""


class MemoryVault:
    """The vault, with a sealing anybody can undo: it shows who needs which key, and protects nothing."""

    def __init__(self) -> None:
        self.generations: dict[str, list[bool]] = {}

    def keyring(self) -> "MemoryKeyring":
        """Begin a unit of work."""
        return MemoryKeyring(self)

    def pseudonym(self, name: str) -> bytes:
        """Derive 16 bytes from a natural key."""
        return hmac.digest(b"pseudonyms", name.encode(), "sha256")[:16]

    def body_hmac(self, body: bytes) -> bytes:
        """Return what two repeated commands are compared by."""
        return hashlib.sha256(body).digest()

    def destroy(self, subject: str) -> None:
        """Destroy every living key of a subject."""
        self.generations[subject] = [False for _ in self.generations.get(subject, ())]

    def living(self, subject: str) -> int:
        """Return the generation to write with; it is made where there is none."""
        generations = self.generations.setdefault(subject, [])
        if not any(generations):
            generations.append(True)
        return len(generations)


class MemoryKeyring:
    """The keys of one unit of work: what was fetched once is used to its end, as in the real one."""

    _nonces = itertools.count(1)

    def __init__(self, vault: MemoryVault) -> None:
        self._vault = vault
        self._to_write: dict[str, int] = {}
        self._to_read: dict[tuple[str, int], bool] = {}

    def seal(self, values: Sequence[ToSeal]) -> list[Stored]:
        """Seal personal values; the same value twice does not look the same."""
        return [self._seal(value) for value in values]

    def _seal(self, value: ToSeal) -> Stored:
        generation = self._to_write.setdefault(value.subject, self._vault.living(value.subject))
        text = canonical([next(self._nonces), f"{value.stream}\n{value.field}", value.value])
        return {
            SEALED: {"subject": value.subject, "generation": generation, "value": b64encode(text).decode()}
        }

    def prepare(self, subjects: Sequence[str]) -> None:
        """Fetch the keys of subjects."""
        for subject in subjects:
            for index, lives in enumerate(self._vault.generations.get(subject, ())):
                self._to_read[(subject, index + 1)] = lives

    def reveal(self, stream: str, field: str, stored: Stored) -> Stored | Erased:
        """Open a sealed value; ERASED when its key was destroyed. Raises MovedValue where it does not belong."""
        if not (isinstance(stored, dict) and SEALED in stored):
            return stored
        sealed: Any = stored[SEALED]
        subject, generation = sealed["subject"], sealed["generation"]
        if self._to_write.get(subject) != generation:
            if (subject, generation) not in self._to_read:
                self.prepare([subject])
            if not self._to_read.get((subject, generation)):
                return ERASED
        _, place, value = json.loads(b64decode(sealed["value"]))
        if place != f"{stream}\n{field}":
            raise MovedValue(f"sealed for {place!r}, opened at {stream!r} {field!r}")
        return value
