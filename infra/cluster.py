"""A cluster that carries out the function of each partition: dask.distributed calls the very same function as the loop does.

What travels to a worker is the task with what it was given, where the ledger is, and the rows behind its segments. Personal
values are sealed in all of it; a key travels only where a task was given one. Workers open the files themselves, with their own credentials.
"""

import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from projections.kinds import ProjectionError
from projections.ledger.running import LOOP, Runner, Task, refuse_cancelled
from projections.ledger.view import View

T = TypeVar("T")

RETRIES = 2
"""How often a partition is tried again when its worker raises; one whose worker dies is always given to another."""

_ASKED_EVERY_SECONDS = 0.2
_ANSWERS_WITHIN_SECONDS = 10


class ClusterError(ProjectionError):
    """The cluster did not do what it was asked; the message says what to do."""


class DaskRunner:
    """Runs a task for every partition on the workers of a scheduler. Implements the port `projections.ledger.running.Runner`.

    Results stay with the workers until they are asked for; one that is lost with its worker is computed again.
    """

    def __init__(self, client: Any, *, retries: int = RETRIES) -> None:
        self._client = client
        self._retries = retries

    def map(
        self,
        task: Task[T],
        view: View,
        partitions: Sequence[int],
        *,
        done: Callable[[int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[T]:
        """Yield the result of each partition, in the order asked for, as soon as it and those before it are there."""
        refuse_cancelled(cancelled)
        if not partitions:
            return
        self._wait_for_a_worker()
        given, futures = self._submitted(task, view, partitions)
        told = 0

        def look() -> None:
            nonlocal told
            refuse_cancelled(cancelled)
            finished = asked + sum(future.status == "finished" for future in futures[asked:])
            if done is not None and finished > told:
                done(finished)
            told = max(told, finished)

        asked = 0
        try:
            for asked, future in enumerate(futures):
                result: T = self._result(future, partitions[asked], look)
                look()
                future.release()
                yield result
            refuse_cancelled(cancelled)
        finally:
            # Also when nobody asks any further: what is not needed is not computed.
            self._client.cancel([future for future in futures if not future.done()])
            for future in (given, *futures):
                future.release()

    def _submitted(self, task: Task[T], view: View, partitions: Sequence[int]) -> tuple[Any, list[Any]]:
        """Hand the work over. Task and view are the result of a task of their own, so they travel once, and are there again when that worker dies."""
        with warnings.catch_warnings():
            # The tail of the log may be large; it travels once, which is what the warning advises.
            warnings.filterwarnings("ignore", message="Sending large graph")
            sent = pickle.dumps((task, view))
            given = self._client.submit(_given, sent, pure=False, retries=self._retries)
            futures = self._client.map(
                _carried_out,
                partitions,
                given=given,
                pure=False,
                retries=self._retries,
                key=f"partition-{given.key}",
            )
        return given, futures

    def _result(self, future: Any, partition: int, look: Callable[[], None]) -> Any:
        dask = _distributed()
        while True:
            try:
                return future.result(timeout=_ASKED_EVERY_SECONDS)
            except TimeoutError:
                if future.status == "error":
                    raise
                look()
            except dask.KilledWorker as error:
                raise ClusterError(
                    f"every worker that was given partition {partition} died; give workers more memory, or use more partitions (`dealtrail ledger rebuild`)"
                ) from error
            except dask.CancelledError as error:
                raise ClusterError(
                    f"the scheduler {self._client.scheduler_info()['address']} went away, or forgot the work"
                ) from error
            except ModuleNotFoundError as error:
                raise ClusterError(
                    f"a worker has no module {error.name!r}: scheduler and workers need the same version of dealtrail[cluster] as whoever asks"
                ) from error

    def _wait_for_a_worker(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=_ANSWERS_WITHIN_SECONDS)
        except TimeoutError:
            address = self._client.scheduler_info()["address"]
            raise ClusterError(
                f"the scheduler {address} has no workers; start some with `dask worker {address}`"
            ) from None


@contextmanager
def runner(scheduler: str | None) -> Iterator[Runner]:
    """Give the loop, or the workers of a scheduler (`tcp://host:8786`, `tls://…`) until the end of the block. Raises ClusterError."""
    if scheduler is None:
        yield LOOP
        return
    dask = _distributed()
    try:
        client = dask.Client(scheduler, timeout=_ANSWERS_WITHIN_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no scheduler answers at {scheduler}") from error
    with client:
        yield DaskRunner(client)


@cache
def _distributed() -> Any:
    """Import dask.distributed when a scheduler is named, and not before: it is an extra, and takes a second."""
    try:
        return import_module("distributed")
    except ModuleNotFoundError as error:
        raise ClusterError("a scheduler needs `pip install 'dealtrail[cluster]'`") from error


def _given(sent: bytes) -> bytes:
    """Hold a task and its view on the cluster as they were sent, so that neither the scheduler nor a transfer opens them."""
    return sent


def _carried_out(partition: int, given: bytes) -> Any:
    """Do the task of one partition in a worker. What cannot be opened there raises as the work of the worker, with its words."""
    task, view = pickle.loads(given)  # noqa: S301 — sent by whoever may run anything on this worker
    return task(view, partition)
