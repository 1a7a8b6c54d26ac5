"""Figures of a run: percentiles, rates, and the machine they were measured on."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from consumers.simulator.over_http import Played


@dataclass(frozen=True)
class Machine:
    """Where figures come from; without this line they mean nothing."""

    cores: int
    python: str
    postgresql: str
    system: str

    @classmethod
    def here(cls, postgresql: str) -> "Machine":
        """Describe the machine this runs on; `postgresql` is the version of the server."""
        return cls(os.cpu_count() or 1, platform.python_version(), postgresql, platform.system())

    def __str__(self) -> str:
        return f"{self.cores} cores, Python {self.python}, PostgreSQL {self.postgresql}, {self.system}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed (nearest rank); 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    rank = max(1, -(-len(ordered) * round(share * 1_000) // 1_000))
    return ordered[rank - 1]


@dataclass
class LoadFigures:
    """What came of a load: answers by outcome, latency from the planned moment in milliseconds, and how often something was sent again."""

    commands: int = 0
    accepted: int = 0
    refused: int = 0
    replayed: int = 0
    failed: int = 0
    retries: int = 0
    seconds: float = 0.0
    commands_per_second: float = 0.0
    latency_ms: dict[str, float] = field(default_factory=dict)
    service_ms: dict[str, float] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, played: Sequence[Played]) -> "LoadFigures":
        """Count and measure what was played."""
        outcomes = [item.told.outcome for item in played]
        seconds = max((item.answered_at for item in played), default=0.0)
        faults: dict[str, int] = {}
        for item in played:
            if item.fault is not None:
                faults[item.fault.value] = faults.get(item.fault.value, 0) + 1
        return cls(
            commands=len(played),
            accepted=outcomes.count("accepted"),
            refused=outcomes.count("refused"),
            replayed=sum(item.told.replayed for item in played),
            failed=outcomes.count("failed"),
            retries=sum(item.attempts - 1 for item in played),
            seconds=round(seconds, 3),
            commands_per_second=round(len(played) / seconds, 1) if seconds else 0.0,
            latency_ms=_spread([item.latency for item in played]),
            service_ms=_spread([item.service_time for item in played]),
            faults=dict(sorted(faults.items())),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return asdict(self)


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(seconds, share) * 1_000, 2) for name, share in shares.items()}
