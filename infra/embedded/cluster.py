"""A PostgreSQL server that lives as long as somebody uses it."""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.embedded.errors import OR_ANOTHER_SERVER, EmbeddedPostgresError, explained
from infra.embedded.locks import FileLock
from infra.embedded.making import SUPERUSER
from infra.embedded.placement import Placement, existing_data, place, refuse_another_major
from infra.embedded.server import Running, Server, url

# Long enough for another process to make the cluster on a slow disk and to start it.
TURN_SECONDS = 420.0


class EmbeddedPostgres:
    """A PostgreSQL 18 server private to one home folder, shared by every process that uses it.

    Obtain one with `attach`, let go with `detach` or by leaving a `with` block.
    The server listens on a unix socket that only its own user (and root) can reach, never on TCP,
    and commits durably.
    It stops when its last user has detached or ended; if that one was killed, the next user takes the server over.
    """

    SUPERUSER = SUPERUSER
    """The role that owns the cluster: connect as it to make roles and databases."""

    def __init__(self, use: "_Use") -> None:
        self._use: _Use | None = use
        self._process = os.getpid()
        self.server_version: str = use.running.version
        """The version the server gives, such as "18.6"."""
        self.socket_dir: Path = use.running.socket_dir
        """The folder of the unix socket, mode 0700."""
        self.data_dir: Path = use.placement.data_dir
        """The data folder, in the home unless root's home cannot be entered by the server's user."""

    @classmethod
    def attach(cls, home: Path, *, report: Callable[[str], None] | None = None) -> "EmbeddedPostgres":
        """Become a user of the server of `home`, making its cluster and starting it when needed.

        `report` receives a short sentence before each step that takes time.
        Raises `EmbeddedPostgresError`, with a sentence that says what to do next:
        on Windows, without the wheel, for root without a user to step down to,
        for an unwritable home or a full disk, for data of another major version or owner,
        and when the server does not start or does not answer within 60 seconds.
        """
        _refuse_windows()
        with explained(home), _uses.turn:
            resolved = home.resolve()
            refuse_another_major(resolved / "postgres")
            use = _uses.by_home.get(resolved) or _Use(resolved)
            use.join(report or _say_nothing)
            _uses.by_home[resolved] = use
            return cls(use)

    @classmethod
    def has_data(cls, home: Path) -> bool:
        """Whether a home has a cluster already; nothing is made or started to find out.

        Raises `EmbeddedPostgresError` as `attach` does: on Windows, for a home that cannot be read, for data that is no cluster.
        """
        _refuse_windows()
        with explained(home):
            return existing_data(home.resolve() / "postgres") is not None

    def url(self, database: str, user: str) -> str:
        """The libpq address of `database` for `user`, both percent-encoded as needed."""
        return url(self.socket_dir, database, user)

    def detach(self) -> None:
        """Stop being a user; the last user stops the server and returns when it has ended.

        Does nothing when repeated, and nothing in a forked child: the server is its parent's.
        Runs by itself when the interpreter exits.
        """
        use, self._use = self._use, None
        if use is not None and self._process == os.getpid():
            with explained(use.home), _uses.turn:
                use.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.detach()


class _Use:
    """This process's one hold on the server of one home, counted over all its handles."""

    placement: Placement
    running: Running

    def __init__(self, home: Path) -> None:
        self.home = home
        self._folder = home / "postgres"
        self._count = 0
        self._users: FileLock | None = None

    def join(self, report: Callable[[str], None]) -> None:
        """Count one more handle, once the server answers."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self._folder / "start.lock") as start:
            if not start.try_exclusive():
                report("waiting for another process that starts or stops PostgreSQL")
                if not start.wait_exclusive(TURN_SECONDS):
                    raise EmbeddedPostgresError(
                        f"Another process has kept {self._folder / 'start.lock'} for {TURN_SECONDS:.0f} s: "
                        f"end it and start again, {OR_ANOTHER_SERVER}."
                    )
            self.placement = place(self._folder)
            if self._users is None:
                self._users = FileLock(self._folder / "users.lock")
                self._users.share()
            try:
                self.running = Server(self.placement, report).ensure(self._users)
            except BaseException:
                if self._count == 0:
                    self._let_go()
                raise
            self._count += 1

    def leave(self) -> None:
        """Count one handle less, and with the last one let the server go."""
        self._count -= 1
        if self._count > 0:
            return
        _uses.by_home.pop(self.home, None)
        try:
            with FileLock(self._folder / "start.lock") as start:
                if start.wait_exclusive(TURN_SECONDS):
                    self._let_go()
        except FileNotFoundError:
            # The home was removed: PostgreSQL notices within a minute and ends by itself.
            return
        finally:
            if self._users is not None:
                self._users.close()

    def leave_for_good(self) -> None:
        """Let go whatever the count, because the interpreter exits."""
        self._count = min(self._count, 1)
        self.leave()

    def _let_go(self) -> None:
        """Give up the shared hold and stop the server if nobody else has one; call under the start lock."""
        users, self._users = self._users, None
        if users is None:
            return
        try:
            if users.try_exclusive():
                Server(self.placement, _say_nothing).stop()
        finally:
            users.close()


class _Uses:
    """The homes this process uses. A forked child begins with none, for it is a user only once it attaches."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start without homes; in a forked child also without the turn another thread may have had."""
        self.turn = threading.RLock()
        self.by_home: dict[Path, _Use] = {}

    def leave_all(self) -> None:
        """Let every home go before the interpreter ends."""
        with self.turn:
            for use in list(self.by_home.values()):
                use.leave_for_good()


def _refuse_windows() -> None:
    if sys.platform == "win32":
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL does not run on Windows: set DATABASE_URL to a PostgreSQL 15+ server."
        )


def _say_nothing(_: str) -> None:
    """Drop the sentence: nobody asked for it."""


_uses = _Uses()
atexit.register(_uses.leave_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_uses.begin)
