"""A process that keeps the timer table and notices deadlines, for tests that kill it.

`python -m support.faults.deadline_server URL TENANT WORKERS [SKEW]` says `ready`, and ends with its input.
With SKEW, in seconds, every clock that Python offers this process is wrong by that much.
"""

import sys

from support.faults.skew import skew_python

if __name__ == "__main__" and len(sys.argv) > 4:
    skew_python(float(sys.argv[4]))

import subprocess
from typing import Self

from infra.deadline_clock import keeping_timers, noticing
from infra.tenant import Tenant
from support.faults.service import environment


class DeadlineService:
    """Such a process, as a test has it."""

    def __init__(self, url: str, tenant: str, *, workers: int = 2, skew_seconds: float = 0) -> None:
        self._words = [url, tenant, str(workers), *([str(skew_seconds)] if skew_seconds else [])]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start it, and return when it runs."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.faults.deadline_server", *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd="/",
        )
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        assert first == "ready\n", f"it did not start: {first!r}"
        return self

    def kill(self) -> None:
        """Kill it as the kernel does when memory runs out: kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    close = kill


def main(url: str, name: str, workers: int) -> None:
    """Work until the input ends."""
    with (
        Tenant(url, name, pool_size=workers + 2) as tenant,
        keeping_timers(tenant),
        noticing(tenant, workers),
    ):
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
