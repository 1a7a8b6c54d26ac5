"""Advisory locks of the kernel on files: whoever dies, however it dies, has let go."""

import os
import sys
import threading
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

if sys.platform != "win32":
    import fcntl

POLL_SECONDS = 0.02


class FileLock:
    """A hold on one file, shared or exclusive, that ends with `close` or with the process.

    The descriptor is closed on exec, and in a forked child at once,
    so no child keeps the hold of its parent alive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _opening:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor: int | None = os.open(path, flags, 0o600)
            _open_locks.add(self)

    def fileno(self) -> int:
        """The descriptor to hand to a child that shall carry the lock on; `ValueError` once closed."""
        if self._descriptor is None:
            raise ValueError(f"the lock on {self.path} is closed")
        return self._descriptor

    def share(self) -> None:
        """Hold the file together with others, waiting for an exclusive holder to leave."""
        fcntl.flock(self.fileno(), fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Hold the file alone, or learn that somebody else holds it.

        A shared hold that cannot be raised may be lost: the kernel lets go before it takes anew.
        """
        try:
            fcntl.flock(self.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait_exclusive(self, timeout_seconds: float) -> bool:
        """Hold the file alone within the time given, or return False."""
        deadline = time.monotonic() + timeout_seconds
        while not self.try_exclusive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def close(self) -> None:
        """Let go; children that were handed the descriptor keep their hold."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        _open_locks.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_held(path: Path) -> bool:
    """Whether any process holds the file at this moment."""
    with FileLock(path) as lock:
        return not lock.try_exclusive()


_opening = threading.Lock()
_open_locks: "weakref.WeakSet[FileLock]" = weakref.WeakSet()


def _let_go_in_child() -> None:
    for lock in list(_open_locks):
        lock.close()
    _opening.release()


if hasattr(os, "register_at_fork"):
    # The guard is held across the fork, so that no lock is opened but not yet known when the child is made.
    os.register_at_fork(
        before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_let_go_in_child
    )
