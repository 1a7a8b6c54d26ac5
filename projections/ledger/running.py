"""Who runs the function of a partition: a loop here, or a cluster elsewhere (`infra.cluster`). Both give the same results in the same order.

A task is a function of a module, with `functools.partial` for what it has to know, so that it can be sent to another process.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias, TypeVar

import polars as pl

from projections.ledger.view import View

T = TypeVar("T")

Task: TypeAlias = Callable[[View, int], T]
"""What is done with one partition of a view; it depends on nothing else, so doing it twice gives the same."""


class Cancelled(Exception):
    """Whoever asked for the work wants it no more; nothing of it is kept."""


class Runner(Protocol):
    """Runs a task for every partition asked for."""

    def map(
        self,
        task: Task[T],
        view: View,
        partitions: Sequence[int],
        *,
        done: Callable[[int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[T]:
        """Yield the result of each partition, in the order asked for.

        `done` is told how many partitions are finished so far. Raises Cancelled soon after `cancelled` says so, and what a task raises.
        """
        ...


class Loop:
    """One partition after the other, in this process; a result is made when it is asked for, so one at a time is in memory."""

    def map(
        self,
        task: Task[T],
        view: View,
        partitions: Sequence[int],
        *,
        done: Callable[[int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[T]:
        """Yield the result of each partition, in the order asked for."""
        for finished, partition in enumerate(partitions, 1):
            refuse_cancelled(cancelled)
            try:
                result = task(view, partition)
            except pl.exceptions.PolarsError:
                view.refuse_damaged(partition)
                raise
            if done is not None:
                done(finished)
            yield result
        refuse_cancelled(cancelled)


def refuse_cancelled(cancelled: Callable[[], bool] | None) -> None:
    """Raise Cancelled when nobody wants the work any more."""
    if cancelled is not None and cancelled():
        raise Cancelled


LOOP = Loop()
"""The runner where nothing else is said."""
