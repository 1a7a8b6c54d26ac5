"""A log nothing is kept in, and a vault that hides nothing: examples of commands are tried on them, with the bus that carries out real ones."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from commands.batch_states import recorded_events
from commands.ports import Append, Keyring, KnownAnswer, Outcome, ToSeal
from domain.envelope import Recorded
from domain.naming import PLAYBOOKS_STREAM
from domain.playbook.catalogue import Playbooks
from domain.values import Stored

State = TypeVar("State")


class ImaginedLog:
    """A log that begins right after some playbooks were published. Implements `commands.ports.EventLog`, for one thread."""

    is_simulated = False

    def __init__(self, playbooks: Playbooks, now: datetime) -> None:
        self._now = now
        self._begins_after = max((version.position for version in playbooks.versions.values()), default=1)
        self._states: dict[str, Any] = {PLAYBOOKS_STREAM: playbooks}
        self._streams: dict[str, list[Recorded]] = {}
        self._events: list[Recorded] = []

    def copied(self) -> "ImaginedLog":
        """Return the same log, to try something on that is not meant to have happened."""
        copy = ImaginedLog(Playbooks(), self._now)
        copy._begins_after = self._begins_after
        copy._states, copy._events = dict(self._states), list(self._events)
        copy._streams = {name: list(events) for name, events in self._streams.items()}
        return copy

    def now(self) -> datetime:
        """Return the moment everything happens at."""
        return self._now

    def state(self, stream: str, fold: Callable[[Any, Iterable[Recorded]], State | None]) -> State | None:
        """Return the folded state of a stream."""
        if stream not in self._states and stream in self._streams:
            self._states[stream] = fold(None, self._streams[stream])
        return self._states.get(stream)

    def forget(self, stream: str) -> None:
        """Drop what was folded, but for the playbooks, which are not in the log."""
        if stream != PLAYBOOKS_STREAM:
            self._states.pop(stream, None)

    def remember(self, stream: str, state: object) -> None:
        """Keep a state."""
        self._states[stream] = state

    def absent(self, streams: Sequence[str]) -> frozenset[str]:
        """Return those of the streams that have no events."""
        return frozenset(stream for stream in streams if stream not in self._streams)

    def stale(self, versions: Mapping[str, int]) -> frozenset[str]:
        """Nobody else writes here."""
        del versions
        return frozenset()

    def known_answers(self, client: str, keys: Sequence[str]) -> Mapping[str, KnownAnswer]:
        """Nothing is asked twice here."""
        del client, keys
        return {}

    def append(self, batch: Sequence[Append]) -> Sequence[Outcome]:
        """Let everything happen."""
        outcomes = []
        for append in batch:
            first = self._begins_after + len(self._events) + 1
            for recorded in recorded_events(append, first, self._now):
                events = self._streams.setdefault(recorded.stream, [])
                events.append(replace(recorded, version=len(events) + 1))
                self._events.append(events[-1])
            last = self._begins_after + len(self._events)
            outcomes.append(Outcome("appended", first, last, self._now, append.outcome, None))
        return outcomes

    def stream(self, stream: str) -> Sequence[Recorded]:
        """Return all events of a stream."""
        return list(self._streams.get(stream, ()))

    def streams(self, streams: Sequence[str]) -> Mapping[str, Sequence[Recorded]]:
        """Return all events of several streams."""
        return {stream: self.stream(stream) for stream in streams}

    def read(self, first_position: int, last_position: int) -> Sequence[Recorded]:
        """Return the events of a range of positions."""
        return self._events[first_position - self._begins_after - 1 : last_position - self._begins_after]

    def version_at(self, stream: str, position: int) -> int:
        """Return the version a stream had at a position."""
        return sum(recorded.position <= position for recorded in self._streams.get(stream, ()))


class OpenVault:
    """A vault for made-up people. Implements `commands.ports.Vault` and `commands.ports.Keyring`."""

    def keyring(self) -> Keyring:
        """Begin a unit of work."""
        return self

    def seal(self, values: Sequence[ToSeal]) -> list[Stored]:
        """Leave everything as it is."""
        return [value.value for value in values]

    def reveal(self, stream: str, field: str, stored: Stored) -> Stored:
        """Return what was never hidden."""
        del stream, field
        return stored

    def pseudonym(self, name: str) -> bytes:
        """Derive 16 bytes from a name."""
        return hashlib.sha256(name.encode()).digest()[:16]

    def body_hmac(self, body: bytes) -> bytes:
        """Tell bodies apart."""
        return hashlib.sha256(body).digest()
