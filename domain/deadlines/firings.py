"""What was noticed of a record's deadlines so far: how far up each ladder, who was told, and who said that they know."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.envelope import Recorded

Key: TypeAlias = tuple[str, str | None, int]
"""An armed deadline of one record: its name, its subject, and the position of the event it began with."""


@dataclass(frozen=True, slots=True)
class Told:
    """A rung that was told: to whom, and by whom it was acknowledged."""

    rung: int
    repeat: int
    position: int
    people: frozenset[str]
    acknowledged_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Firings:
    """What was told of each armed deadline of one record, oldest first, at one version of the stream of firings."""

    version: int = 0
    told: Mapping[Key, tuple[Told, ...]] = field(default_factory=dict)

    def last(self, key: Key) -> tuple[int, int] | None:
        """Return how far up its ladder a deadline is: the highest rung that was told and how often it was repeated."""
        return max(((told.rung, told.repeat) for told in self.told.get(key, ())), default=None)


def fold(firings: Firings | None, events: Iterable[Recorded]) -> Firings:
    """Fold events of the stream of firings; what fired stays fired, whatever is published later."""
    state = firings or Firings()
    for recorded in events:
        event = recorded.event
        match event:
            case DeadlineNoticed():
                key = (event.deadline, event.subject, event.armed_at)
                told = Told(event.rung, event.repeat, recorded.position, frozenset(event.told))
                state = replace(state, told={**state.told, key: (*state.told.get(key, ()), told)})
            case DeadlineAcknowledged():
                key = (event.deadline, event.subject, event.armed_at)
                who = recorded.on_behalf_of or recorded.actor
                known = tuple(
                    replace(told, acknowledged_by=told.acknowledged_by | {who})
                    if told.rung == event.rung and who in told.people
                    else told
                    for told in state.told.get(key, ())
                )
                state = replace(state, told={**state.told, key: known})
            case _:
                pass
        state = replace(state, version=recorded.version)
    return state
