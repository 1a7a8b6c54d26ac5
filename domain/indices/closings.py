"""The closings of one index, as folded from its stream."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.envelope import Recorded
from domain.events import IndexClosed


@dataclass(frozen=True, slots=True)
class Closing:
    """One closing of a period, at a position of the log; `rests_on` is the position its result was computed at."""

    position: int
    period: str
    playbook: str
    number: int
    rests_on: int
    digest: str
    restates: int | None = None


@dataclass(frozen=True, slots=True)
class Closings:
    """All closings of an index by period, oldest first, at one version of its stream. The last one of a period stands."""

    version: int = 0
    by_period: Mapping[str, tuple[Closing, ...]] = field(default_factory=dict)

    def standing(self, period: str) -> Closing | None:
        """Return the closing that stands for a period, None where it was never closed."""
        return self.by_period[period][-1] if period in self.by_period else None


def fold(closings: Closings | None, events: Iterable[Recorded]) -> Closings:
    """Fold closings of one index."""
    state = closings or Closings()
    for recorded in events:
        event = recorded.event
        if isinstance(event, IndexClosed):
            closing = Closing(
                recorded.position,
                event.period,
                event.playbook,
                event.number,
                event.position,
                event.digest,
                event.restates,
            )
            earlier = state.by_period.get(event.period, ())
            state = Closings(recorded.version, {**state.by_period, event.period: (*earlier, closing)})
    return state
