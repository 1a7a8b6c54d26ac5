"""Keeps the read models up with the log while a server runs: woken by NOTIFY, by the clock at the latest."""

from threading import Event, Thread

import psycopg
import structlog

from infra.log.recorder import CHANNEL
from projections.catch_up import CatchUp

POLL_SECONDS = 1.0
MAX_BACK_OFF_SECONDS = 30.0

log = structlog.get_logger()


class Follower:
    """A supervised thread; a lost connection or a restarting database only makes it wait and try again."""

    def __init__(self, url: str, catch_up: CatchUp) -> None:
        self._url = url
        self._catch_up = catch_up
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="read-models", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following; returns when the batch under way is done."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        wait = POLL_SECONDS
        while not self._stopping.is_set():
            try:
                self._follow()
                wait = POLL_SECONDS
            except Exception as error:  # noqa: BLE001 — whatever it is, the read models must come back
                log.warning("read_models_stopped", error=str(error), retry_in_seconds=wait)
                self._stopping.wait(wait)
                wait = min(wait * 2, MAX_BACK_OFF_SECONDS)

    def _follow(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            while not self._stopping.is_set():
                self._catch_up.run()
                for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                    break
