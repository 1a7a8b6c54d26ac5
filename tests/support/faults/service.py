"""A service under test as its clients see it: it answers, or it does not, and then nobody knows what became of the command.

`BusService` is the command bus in a process of its own. Whatever else can `send`, `start`, `kill`, `pause` and `close`
takes its place: the load, the faults and the checks are the same.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import infra
from support.faults.history import Acknowledged, History, Work

REPOSITORY = Path(infra.__file__).parents[1]
PATIENCE_SECONDS = 90.0
PAUSE_SECONDS = 0.02


class Unanswered(Exception):
    """No acknowledgement came. The command may have been carried out or not; it is sent again under the same key.

    `heard` are the answers that came before the others did not: they are acknowledgements like any other.
    """

    def __init__(self, why: str, heard: Sequence[Acknowledged] = ()) -> None:
        super().__init__(why)
        self.heard = heard


class Service(Protocol):
    """What a client can do with a service, and what can be done to it."""

    def send(self, works: Sequence[Work]) -> list[Acknowledged]:
        """Send commands and wait for the answers. Raises Unanswered."""
        ...

    def start(self) -> None:
        """Start it, and return when it answers."""
        ...

    def kill(self) -> None:
        """Kill it as the kernel does when memory runs out: kill -9."""
        ...

    def pause(self, seconds: float) -> None:
        """Stop it for a while, with everything it holds."""
        ...

    def close(self) -> None:
        """End it."""
        ...


def environment(**more: str) -> dict[str, str]:
    """The environment of a process of the tests: ours, and the way to the sources."""
    path = os.pathsep.join([str(REPOSITORY / "tests"), str(REPOSITORY)])
    return os.environ | {"PYTHONPATH": path} | more


class BusService:
    """The command bus in a process of its own."""

    def __init__(self, url: str, tenant: str, *, threads: int = 8, skew_seconds: float = 0) -> None:
        self._words = [url, tenant, str(threads), *([str(skew_seconds)] if skew_seconds else [])]
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}

    def start(self) -> None:
        """Start the process and wait until it has opened the log."""
        process = subprocess.Popen(
            [sys.executable, "-m", "support.faults.bus_server", *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd="/",
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith('{"ready"'), f"the server did not start: {first!r}"
        with self._lock:
            self._process, self._waiting = process, {}
        threading.Thread(target=self._hear, args=(process, self._waiting), daemon=True).start()

    def send(self, works: Sequence[Work]) -> list[Acknowledged]:
        """Send commands to be carried out together. Raises Unanswered."""
        mine: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        number = next(self._numbers)
        request = {"id": number, "works": [[w.key, w.act, w.stream, w.events] for w in works]}
        with self._lock:
            process, waiting = self._process, self._waiting
            if process is None or process.stdin is None:
                raise Unanswered("it is not running")
            waiting[number] = mine
            try:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
            except (OSError, ValueError) as error:
                raise Unanswered("it is gone") from error
        try:
            while True:
                with suppress(queue.Empty):
                    answer = mine.get(timeout=0.5)
                    break
                if process.poll() is not None and process is not self._process:
                    raise Unanswered("it was killed")
        finally:
            waiting.pop(number, None)
        if answer is None or "passing" in answer:
            raise Unanswered(str(answer))
        assert "wrong" not in answer, answer["wrong"]
        return [
            Acknowledged(key, command, tuple(positions), again)
            for key, command, positions, again in answer["acknowledged"]
        ]

    def kill(self) -> None:
        """Kill the process with signal 9; whoever waits for an answer hears nothing."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def pause(self, seconds: float) -> None:
        """Stop the process with SIGSTOP, and let it go on."""
        process = self._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Let the process end by itself."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(30) == 0

    @staticmethod
    def _hear(
        process: "subprocess.Popen[str]", waiting: dict[int, "queue.SimpleQueue[dict[str, Any] | None]"]
    ) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                # What a killed process had not finished to say was not said.
                if line.endswith("\n"):
                    answer = json.loads(line)
                    if (asked := waiting.get(answer["id"])) is not None:
                        asked.put(answer)
        for asked in list(waiting.values()):
            asked.put(None)


def insist(service: Service, works: Sequence[Work], history: History) -> None:
    """Send commands, under the same keys, until they are acknowledged."""
    history.sending(works)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            history.heard(service.send(works))
        except Unanswered as unanswered:
            history.heard(unanswered.heard)
            history.went_unanswered()
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"not acknowledged within {PATIENCE_SECONDS} s: {works[0]}"
                ) from unanswered
            time.sleep(PAUSE_SECONDS)
        else:
            return


def load(
    service: Service,
    history: History,
    clients: Sequence[Iterable[Sequence[Work]]],
    *,
    meanwhile: Callable[[threading.Event], object] = threading.Event.wait,
) -> None:
    """Let every client send its batches, one after the other, all clients at once; `meanwhile` is told when that is over."""
    failed, over = threading.Event(), threading.Event()

    def run(batches: Iterable[Sequence[Work]]) -> None:
        try:
            for batch in batches:
                if failed.is_set():
                    return
                insist(service, batch, history)
        except BaseException:
            failed.set()
            raise

    def beside() -> None:
        try:
            meanwhile(over)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(len(clients) + 1) as pool:
        beside_it = pool.submit(beside)
        running = [pool.submit(run, batches) for batches in clients]
        try:
            for future in running:
                future.result()
        finally:
            over.set()
        beside_it.result()
