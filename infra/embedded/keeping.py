"""Starts an embedded server again when it has died under somebody who serves from it."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.embedded.cluster import EmbeddedPostgres
from infra.embedded.errors import EmbeddedPostgresError
from infra.embedded.locks import is_held
from infra.embedded.placement import place

LOOK_SECONDS = 1.0
REST_SECONDS = 10.0
"""How long it rests after a start that failed: whatever is in the way, a full disk for one, is seldom gone within a second."""


class Keeping:
    """Watches the server of a home from a thread of its own, as a supervisor watches an installed one; use it as a context.

    Whoever keeps it must be a user of the server, so that starting it again leaves it with somebody to stop it.
    `report` is told that it died, and why it cannot be started when it cannot.
    """

    def __init__(self, home: Path, report: Callable[[str], None]) -> None:
        self._home = home
        self._report = report
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="postgres-keeping", daemon=True)

    def _watch(self) -> None:
        lock = place(self._home.resolve() / "postgres").server_lock
        rest = LOOK_SECONDS
        while not self._over.wait(rest):
            rest = LOOK_SECONDS
            if is_held(lock):
                continue
            self._report("the embedded PostgreSQL has died; it is started again")
            try:
                EmbeddedPostgres.attach(self._home, report=self._report).detach()
            except EmbeddedPostgresError as error:
                self._report(str(error))
                rest = REST_SECONDS

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
