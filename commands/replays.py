"""What the write side needs to know of replays: a port that the composition root fills."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class SignedReplay:
    """A finished replay as far as signing it off tells of it.

    `digest` is that of the draft it judged, `window` how much of the log it went over (`after`, `upto`),
    `position` the position it read the log at, `summary` the figures to be looked at, as plain JSON: numbers with decimals are texts.
    """

    id: str
    playbook: str
    digest: str
    window: Mapping[str, int]
    position: int
    summary: Mapping[str, Any] = field(default_factory=dict)


class Replays(Protocol):
    """Where replays are found."""

    def find(self, replay: str) -> SignedReplay | None:
        """Return a finished replay, None where there is none of that id."""
        ...


class NoReplays:
    """Where none is kept."""

    def find(self, replay: str) -> SignedReplay | None:
        """Find nothing."""
        del replay
        return None
