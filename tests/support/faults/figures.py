"""How much each promise is tried: the quick figures of every run, and the long ones of `make soak` side by side."""

import os
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The size of every run; PROMISES.md names the least each of them may be."""

    commands_under_kills: int
    server_kills: int
    backend_ends: int
    backend_kills: int
    postmaster_kills: int
    pauses: int
    held_open: int
    lost_replies: int
    events_under_readers: int
    held_open_seconds: float
    commands_per_writer: int
    clock_jumps: int

    @property
    def kills(self) -> int:
        """How many processes are killed while commands arrive."""
        return self.server_kills + self.backend_ends + self.backend_kills + self.postmaster_kills

    def a_quarter(self) -> "Figures":
        """The same kills and commands, a quarter of each, for what is tried again by another way in."""
        return replace(
            self,
            commands_under_kills=self.commands_under_kills // 4,
            server_kills=self.server_kills // 4 + 1,
            backend_ends=self.backend_ends // 4 + 1,
            backend_kills=self.backend_kills // 4 + 1,
            postmaster_kills=self.postmaster_kills // 4 + 1,
        )


QUICK = Figures(
    commands_under_kills=10_000,
    server_kills=5,
    backend_ends=7,
    backend_kills=3,
    postmaster_kills=5,
    pauses=2,
    held_open=1,
    lost_replies=500,
    events_under_readers=20_000,
    held_open_seconds=3.0,
    commands_per_writer=50,
    clock_jumps=12,
)
SOAK = Figures(
    commands_under_kills=200_000,
    server_kills=100,
    backend_ends=100,
    backend_kills=50,
    postmaster_kills=50,
    pauses=50,
    held_open=20,
    lost_replies=10_000,
    events_under_readers=1_000_000,
    held_open_seconds=3.0,
    commands_per_writer=1_000,
    clock_jumps=200,
)
FIGURES = SOAK if os.environ.get("DEALTRAIL_SOAK") == "1" else QUICK
