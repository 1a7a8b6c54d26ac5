"""What can be asked of a pool."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AssignRecord:
    """Find an owner for a record. Only the worker of the pool asks this.

    `as_of` is the position of the event that made it ask: who owned how many records is counted as of then, so that
    the answer is one of the log and not of how fast the worker is.
    """

    pool: str
    record: str
    attempt: int
    as_of: int


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """Take a record from the pool, for whoever asks."""

    pool: str
    record: str


@dataclass(frozen=True, slots=True)
class ReturnRecord:
    """Put a record back into the pool. Whoever owns it may, and whoever may organise."""

    pool: str
    record: str


@dataclass(frozen=True, slots=True)
class RecycleRecord:
    """Put a record back into the pool if nobody was in touch for as long as the pool allows. Only the clock of the pools asks this."""

    pool: str
    record: str


PoolCommand = AssignRecord | ClaimRecord | ReturnRecord | RecycleRecord
