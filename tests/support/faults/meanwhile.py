"""What another process does between a decision and its append, and what many do at once."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from infra.tenant import Tenant


def elsewhere(tenant: Tenant) -> Tenant:
    """The same log, opened by another process with caches of its own."""
    return Tenant(tenant.url, tenant.name)


@contextmanager
def meanwhile(tenant: Tenant, *changes: Callable[[], object]) -> Iterator[list[Any]]:
    """Let another process act just before each of the next appends; yields what every append was answered."""
    waiting, answered, append = list(changes), [], tenant.log.append

    def hooked(batch: Sequence[Any]) -> Any:
        if waiting:
            waiting.pop(0)()
        outcomes = append(batch)
        answered.extend(outcome.result for outcome in outcomes)
        return outcomes

    tenant.log.append = hooked  # type: ignore[method-assign]
    try:
        yield answered
    finally:
        del tenant.log.append  # type: ignore[attr-defined]


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Let so many threads begin at the same moment; return what each of them got, or raised."""
    start = threading.Barrier(count)

    def run(index: int) -> Any:
        start.wait(10)
        try:
            return work(index)
        except Exception as error:  # noqa: BLE001 — what each of them met is looked at by the test
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
