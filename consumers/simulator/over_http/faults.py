"""What goes wrong between a client and the service: which command it happens to follows from a seed and the command's key alone."""

import random
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What happens to the first attempt at a command; afterwards it is sent again, with the same key."""

    dropped = "dropped"
    """The whole request was sent; the connection breaks before the answer."""

    duplicated = "duplicated"
    """The same request is sent twice at the same time, over two connections."""

    delayed = "delayed"
    """The second half of the request comes late."""

    killed = "killed"
    """The client dies while it sends; its successor begins anew, with what the journal says was not answered."""


FAULTS = tuple(Fault)


@dataclass(frozen=True, slots=True)
class Mishap:
    """A fault, and how it goes: how many seconds pass meanwhile, and what share of the request gets out."""

    fault: Fault
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class Faults:
    """How likely a command meets a fault, and which are possible."""

    share: float = 0.0
    seed: int = 0
    kinds: tuple[Fault, ...] = FAULTS
    longest_seconds: float = 0.25

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or not self.kinds:
            raise ValueError("a share of faults lies between 0 and 1, and there is at least one kind of them")

    def of(self, key: str) -> Mishap | None:
        """Return what happens to a command, None where nothing does. The same key meets the same fate each time."""
        rng = random.Random(f"{self.seed} {key}")  # noqa: S311 — the same seed must tell the same story
        if rng.random() >= self.share:
            return None
        return Mishap(
            rng.choice(self.kinds), rng.uniform(0.01, self.longest_seconds), rng.uniform(0.05, 0.95)
        )
