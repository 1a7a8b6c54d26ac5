"""A plan of faults: everything that is left to chance comes from one seed, so that the same seed replays it."""

import os
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

EARLY = 12
"""How many appends even the shortest run has."""


class Kind(StrEnum):
    """What can go wrong."""

    KILL_SERVER = "kill -9 of the server process"
    END_BACKEND = "pg_terminate_backend of a backend"
    KILL_BACKEND = "kill -9 of a backend"
    KILL_POSTMASTER = "kill -9 of the postmaster"
    PAUSE_SERVER = "the server process is stopped for a while"
    HOLD_OPEN = "a writer holds its transaction open"
    JUMP_CLOCK = "the clock of the database jumps"


class Reply(StrEnum):
    """What becomes of one append on the wire."""

    ARRIVES = "the reply arrives"
    LOST = "the reply to COMMIT is lost"
    CUT = "the connection is cut before the server hears"
    LATE = "the reply is late"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, due once so many commands are acknowledged; `chance` (0 ≤ chance < 1) settles whatever is left to choose."""

    due: int
    kind: Kind
    chance: float


class FaultPlan:
    """Faults drawn from a seed. Every part of a plan has a random source of its own, so that parts do not disturb each other."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @classmethod
    def of_this_run(cls) -> "FaultPlan":
        """The plan of DEALTRAIL_SEED, or one nobody has tried before."""
        told = os.environ.get("DEALTRAIL_SEED")
        return cls(int(told) if told else secrets.randbelow(2**31))

    def __str__(self) -> str:
        return f"fault plan of seed {self.seed}; DEALTRAIL_SEED={self.seed} replays it"

    def chances(self, part: str) -> random.Random:
        """The random source of one part of the plan."""
        return random.Random(f"{self.seed} {part}")

    def faults(self, counts: Mapping[Kind, int], over: int) -> list[Fault]:
        """Spread faults over a run of so many commands, none in its first and last twentieth."""
        chances = self.chances("faults")
        kinds = [kind for kind, count in sorted(counts.items()) for _ in range(count)]
        chances.shuffle(kinds)
        due = sorted(chances.randrange(over // 20, over - over // 20) for _ in kinds)
        return [Fault(at, kind, chances.random()) for at, kind in zip(due, kinds, strict=True)]

    def replies(
        self, part: str, *, lost: float = 0.5, cut: float = 0.1, late: float = 0.05, lost_early: int = 0
    ) -> "Replies":
        """The fates of appends on the wire, one after the other; the rest arrive.

        `lost_early` of the first EARLY are lost whatever the chances are, so that a short run with few losses has some all the same.
        """
        fates = [Reply.LOST, Reply.CUT, Reply.LATE, Reply.ARRIVES]
        chances = self.chances(part)
        early = frozenset(chances.sample(range(EARLY), lost_early))
        return Replies(chances, fates, [lost, cut, late, 1 - lost - cut - late], early)


@dataclass(slots=True)
class Replies:
    """An endless series of fates."""

    chances: random.Random
    fates: list[Reply]
    weights: list[float]
    early: frozenset[int]
    """Which ones are lost in any case, counted from 0."""
    number: int = 0

    def __call__(self) -> Reply:
        number, self.number = self.number, self.number + 1
        drawn = self.chances.choices(self.fates, self.weights)[0]
        return Reply.LOST if number in self.early else drawn
