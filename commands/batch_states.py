"""States of streams while a batch is decided: what earlier commands decided is seen by later ones."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from commands.ports import Append, EventLog, Outcome
from domain.envelope import Recorded
from domain.events import decode

Fold: TypeAlias = Callable[[Any, Iterable[Recorded]], Any]


class BatchStates:
    """States of streams as a batch goes on: what earlier commands decided is seen by later ones."""

    def __init__(self, log: EventLog, absent: frozenset[str]) -> None:
        self._log = log
        self._absent = absent
        self._ahead: dict[str, Any] = {}
        self._base: dict[str, Any] = {}
        self._folds: dict[str, Fold] = {}
        self._events: dict[str, list[Recorded]] = {}
        self._lost: set[str] = set()

    def get(self, stream: str, fold: Fold) -> Any:
        """Return the state of a stream, with what this batch has decided so far."""
        if stream in self._absent and stream not in self._ahead:
            return None
        return self._ahead[stream] if stream in self._ahead else self._log.state(stream, fold)

    def is_pending(self, stream: str) -> bool:
        """Tell whether a state holds what this batch decided and the log does not have yet."""
        return stream in self._ahead

    def were_lost(self, streams: Iterable[str]) -> bool:
        """Tell whether one of the states turned out not to be what the log holds."""
        return not self._lost.isdisjoint(streams)

    def advance(self, append: Append, fold_of: Callable[[str], Fold | None]) -> None:
        """Fold a decision that is not appended yet, in every stream it writes to."""
        by_stream: dict[str, list[Recorded]] = {}
        for recorded in recorded_events(append, 0, append.decided_at):
            by_stream.setdefault(recorded.stream, []).append(recorded)
        for stream, events in by_stream.items():
            fold = fold_of(stream)
            if fold is None:
                continue
            if stream not in self._ahead:
                self._base[stream] = self.get(stream, fold)
                self._folds[stream] = fold
            self._ahead[stream] = fold(self._ahead.get(stream, self._base[stream]), events)

    def appended(self, append: Append, outcome: Outcome) -> tuple[Recorded, ...]:
        """Take note of what the log says; returns the events as they stand in it."""
        if not append.events:
            return ()
        assert outcome.first_position is not None
        assert outcome.recorded_at is not None
        if any(new.version is None for new in append.events):
            # Only the log knows which version such an event got; nothing is folded from these streams.
            assert outcome.last_position is not None
            return tuple(self._log.read(outcome.first_position, outcome.last_position))
        # What is kept and answered is what stands in the log: sealed, never the plain values of the decision.
        as_sealed = [replace(new, event=decode(new.event.TOPIC, new.payload)) for new in append.events]
        events = recorded_events(
            replace(append, events=as_sealed), outcome.first_position, outcome.recorded_at
        )
        for recorded in events:
            self._events.setdefault(recorded.stream, []).append(recorded)
        return events

    def lost(self, append: Append) -> None:
        """Take note that the log did not append: what was folded ahead is wrong."""
        self._lost.update(new.stream for new in append.events)

    def put_back(self, *streams: str | None) -> None:
        """Take note that a command on these streams is decided again later: what stands on them has to wait for it."""
        self._lost.update(stream for stream in streams if stream is not None)

    def settle(self) -> None:
        """Put the states into the cache, or drop those that went another way."""
        for stream, fold in self._folds.items():
            if stream in self._lost:
                self._log.forget(stream)
            else:
                self._log.remember(stream, fold(self._base[stream], self._events.get(stream, ())))


def recorded_events(append: Append, first_position: int, recorded_at: datetime) -> tuple[Recorded, ...]:
    """Return the events of an append as they stand in the log from a position on."""
    origin = append.origin
    return tuple(
        Recorded(
            stream=new.stream,
            version=new.version or 0,
            position=first_position + offset,
            event=new.event,
            recorded_at=recorded_at,
            occurred_at=origin.occurred_at,
            decided_at=append.decided_at,
            basis=append.basis if append.basis is not None else first_position - 1,
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
        for offset, new in enumerate(append.events)
    )
