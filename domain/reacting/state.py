"""What became of the reactions to one record, folded from their stream."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from domain.envelope import Recorded
from domain.reacting.events import ReactionAlerted, ReactionFailed, ReactionRan, ReactionRetried

Key: TypeAlias = tuple[str, int]
"""A reaction, and the position of the event that set it off."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a reaction last: it `ran`, it `failed` at a step, or somebody wants it tried again from there (`retried`).

    `attempt` counts how often it was tried, `positions` are the events that came of it so far.
    """

    what: Literal["ran", "failed", "retried"]
    attempt: int
    step: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reacted:
    """What became of each reaction to a record, and which steps told somebody something, at one version of their stream."""

    version: int = 0
    outcomes: Mapping[Key, Outcome] = field(default_factory=dict)
    told: frozenset[tuple[str, int, int]] = frozenset()

    def of(self, reaction: str, cause: int) -> Outcome | None:
        """Return what became of a reaction to an event; None: nothing yet."""
        return self.outcomes.get((reaction, cause))


def fold(reacted: Reacted | None, events: Iterable[Recorded]) -> Reacted:
    """Fold events of the stream of reactions, beginning with none."""
    known = reacted or Reacted()
    version, outcomes, told = known.version, dict(known.outcomes), set(known.told)
    for recorded in events:
        version, event = recorded.version, recorded.event
        if isinstance(event, ReactionRan | ReactionFailed | ReactionRetried):
            key = (event.reaction, event.cause)
            before = outcomes.get(key, Outcome("retried", 0, 0, ()))
        match event:
            case ReactionRan():
                outcomes[key] = Outcome("ran", max(before.attempt, 1), before.step, tuple(event.positions))
            case ReactionFailed():
                outcomes[key] = Outcome("failed", max(before.attempt, 1), event.step, tuple(event.positions))
            case ReactionRetried():
                outcomes[key] = Outcome("retried", before.attempt + 1, before.step, before.positions)
            case ReactionAlerted():
                told.add((event.reaction, event.cause, event.step))
            case _:
                pass
    return Reacted(version, outcomes, frozenset(told) if len(told) > len(known.told) else known.told)
