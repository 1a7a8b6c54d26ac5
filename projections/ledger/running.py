"""Who runs the function of a partition: a loop here, some threads here, or a cluster elsewhere (`infra.cluster`). All give the same results in the same order.

A task is a function of a module, with `functools.partial` for what it has to know, so that it can be sent to another process.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Final, Protocol, TypeAlias, TypeVar

import polars as pl

from projections.ledger.view import View

T = TypeVar("T")

THREADS: Final = 2
"""As many partitions are worked on side by side, however many cores there are: memory grows with them, and Polars uses the other cores within each."""

_LOOKS_EVERY_SECONDS: Final = 0.2

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
            result = _result_of(task, view, partition)
            if done is not None:
                done(finished)
            yield result
        refuse_cancelled(cancelled)


class SideBySide:
    """Some partitions at a time, each in a thread of this process: Polars works without the lock of the interpreter.

    No further one is begun before the results of those ahead of it were asked for, so what is in memory does not grow with their number.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = threads

    def map(
        self,
        task: Task[T],
        view: View,
        partitions: Sequence[int],
        *,
        done: Callable[[int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[T]:
        """Yield the result of each partition, in the order asked for. Whoever stops asking waits for those that were begun."""
        refuse_cancelled(cancelled)
        left = iter(partitions)
        begun: deque[Future[T]] = deque()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="partition") as threads:

            def begin(many: int) -> None:
                begun.extend(threads.submit(_result_of, task, view, number) for number in islice(left, many))

            try:
                # One more than there are threads, so that none waits while the first result is looked at.
                begin(self._threads + 1)
                finished = 0
                while begun:
                    result = _awaited(begun[0], cancelled)
                    begun.popleft()
                    begin(1)
                    finished += 1
                    if done is not None:
                        done(finished)
                    yield result
                    del result
                    refuse_cancelled(cancelled)
            finally:
                for future in begun:
                    future.cancel()
        refuse_cancelled(cancelled)


def side_by_side(runner: Runner) -> Runner:
    """Return what runs several partitions at a time where a loop would run one: threads, when there is more than one core for them. A cluster stays what it is."""
    threads = min(THREADS, pl.thread_pool_size())
    return SideBySide(threads) if isinstance(runner, Loop) and threads > 1 else runner


def _result_of(task: Task[T], view: View, partition: int) -> T:
    try:
        return task(view, partition)
    except pl.exceptions.PolarsError:
        view.refuse_damaged()
        raise


def _awaited(future: Future[T], cancelled: Callable[[], bool] | None) -> T:
    while not wait([future], timeout=_LOOKS_EVERY_SECONDS).done:
        refuse_cancelled(cancelled)
    return future.result()


def refuse_cancelled(cancelled: Callable[[], bool] | None) -> None:
    """Raise Cancelled when nobody wants the work any more."""
    if cancelled is not None and cancelled():
        raise Cancelled


LOOP = Loop()
"""The runner where nothing else is said."""
