"""How Polars works here: told before it is imported, because it reads its settings then (decision 33)."""

import os
import sys

ENGINE = "POLARS_ENGINE_AFFINITY"
ALLOCATOR = "_RJEM_MALLOC_CONF"

KEEPS_FREED_MILLISECONDS = 5_000
"""For so long memory that was freed stays with the process, to be used again: giving it back and asking anew takes longer than the work on it."""


def tell_polars() -> None:
    """Ask of Polars that it works in memory, with an arena of memory for each core; what the environment says already counts more.

    Where Polars was imported before, nothing is told: it would not listen any more.
    """
    if "polars" in sys.modules:
        return
    os.environ.setdefault(ENGINE, "in-memory")
    own = f"narenas:{_cores()},dirty_decay_ms:{KEEPS_FREED_MILLISECONDS}"
    told = os.environ.get(ALLOCATOR)
    os.environ[ALLOCATOR] = f"{own},{told}" if told else own


def _cores() -> int:
    """Count the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
