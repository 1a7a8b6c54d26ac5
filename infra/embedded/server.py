"""The server process of one home: started, recognised and stopped."""

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from infra.embedded.errors import OR_ANOTHER_SERVER, EmbeddedPostgresError, failed
from infra.embedded.locks import POLL_SECONDS, FileLock, is_held
from infra.embedded.making import CONFIGURATION, SUPERUSER, make_cluster
from infra.embedded.placement import SOCKET_NAME, Placement, check_socket_dir, make_socket_dir

START_UP_SECONDS = 60.0
SHUT_DOWN_SECONDS = 60.0

_LOG_TURNS_AT_BYTES = 16 * 1024 * 1024
_GIVE_UP_FINDING_SECONDS = 2.0


@dataclass(frozen=True)
class Running:
    """A server that has answered a connection."""

    socket_dir: Path
    version: str


@dataclass(frozen=True)
class PidFile:
    """What the server says of itself in postmaster.pid; a crash leaves it behind, so it proves nothing."""

    pid: int
    socket_dir: Path | None
    status: str

    @classmethod
    def read(cls, data_dir: Path) -> "PidFile | None":
        """The file as far as the server has written it, or None."""
        try:
            lines = (data_dir / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        lines += [""] * (8 - len(lines))
        return cls(pid, Path(lines[4]) if lines[4] else None, lines[7].strip())


def url(socket_dir: Path, database: str, user: str) -> str:
    """The address of a database; the port is named because PGPORT would otherwise change the socket's name."""
    return (
        f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}"
        f"?host={quote(str(socket_dir), safe='')}&port=5432"
    )


class Server:
    """PostgreSQL as placed for one home.

    PostgreSQL inherits a lock on `server.lock` when it starts and every process it makes inherits it too.
    Whether anything of it is alive is therefore the kernel's word,
    whatever a postmaster.pid left by a crash, a reused process id or a zombie may suggest.
    """

    def __init__(self, placement: Placement, report: Callable[[str], None]) -> None:
        self._placement = placement
        self._report = report
        self._last_refusal = ""
        self._made_socket_dir: Path | None = None

    def ensure(self, users: FileLock) -> Running:
        """Return the running server, making the cluster and starting PostgreSQL when needed.

        Call under the home's start lock; `users` is the caller's shared hold.
        Raises `EmbeddedPostgresError` when the server fails, or does not answer in time.
        """
        said_before: int | None = None
        deadline = time.monotonic() + START_UP_SECONDS
        while time.monotonic() < deadline:
            with FileLock(self._placement.server_lock) as lock:
                if lock.try_exclusive():
                    if said_before is not None:
                        _remove_if_empty(self._made_socket_dir)
                        raise failed(
                            "PostgreSQL did not start", self._said_since(said_before), self._placement.folder
                        )
                    make_cluster(self._placement, lock, self._report)
                    said_before = self._launch(lock)
                    deadline = time.monotonic() + START_UP_SECONDS
                    continue
            if running := self._answer():
                return running
            if self._is_stranded():
                self._stop_stranded(users)
            time.sleep(POLL_SECONDS)
        raise EmbeddedPostgresError(
            f"PostgreSQL for {self._placement.folder} has not answered for {START_UP_SECONDS:.0f} s "
            f"({self._last_refusal or 'it is still starting, or processes of a crashed one are still busy'}): "
            f"look into {self._placement.log} and start again, {OR_ANOTHER_SERVER}."
        )

    def stop(self) -> None:
        """Shut the server down fast and wait for its end, so that the next start finds everything on disk."""
        status = PidFile.read(self._placement.data_dir)
        signalled = False
        began = time.monotonic()
        while is_held(self._placement.server_lock):
            if not signalled and (pid := self._pid()):
                os.kill(pid, signal.SIGINT)
                signalled = True
            patience = SHUT_DOWN_SECONDS if signalled else _GIVE_UP_FINDING_SECONDS
            if time.monotonic() - began > patience:
                # Told to stop, it will; whoever comes next waits for its end or recovers.
                return
            time.sleep(POLL_SECONDS)
        _remove_if_empty(status.socket_dir if status else None)

    def _launch(self, lock: FileLock) -> int:
        """Start PostgreSQL as a child of nobody and return how long its log was before."""
        place, account = self._placement, self._placement.account
        socket_dir = self._made_socket_dir = self._clear_what_a_crash_left()
        account.write(place.data_dir / "dealtrail.conf", CONFIGURATION)
        version = account.run([place.programs / "postgres", "--version"]).stdout
        number = re.search(r"\d[\w.]*", version)
        self._report(f"starting PostgreSQL {number.group() if number else ''} on {place.data_dir}")
        if place.log.exists() and place.log.stat().st_size > _LOG_TURNS_AT_BYTES:
            place.log.rename(place.log.with_name("server.log.1"))
        command = [str(place.programs / "postgres"), "-D", str(place.data_dir)]
        for setting in (
            "listen_addresses=",
            "port=5432",
            f'unix_socket_directories="{socket_dir}"',
            "unix_socket_permissions=0700",
        ):
            command += ["-c", setting]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(place.log, flags, 0o600), "ab") as log:
            if account.is_another:
                os.fchown(log.fileno(), account.uid, account.gid)
            said_before = log.seek(0, os.SEEK_END)
            # The shell leaves at once, so init adopts PostgreSQL: this process need not stay to bury it.
            started = account.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *command],
                output=log.fileno(),
                hand_over=[lock.fileno()],
                detached=True,
            )
        if started.returncode != 0:
            raise failed("PostgreSQL could not be started", self._said_since(said_before), place.folder)
        return said_before

    def _clear_what_a_crash_left(self) -> Path:
        """Remove the files by which PostgreSQL would take a stranger with a reused process id for itself."""
        place = self._placement
        left = PidFile.read(place.data_dir)
        if left is not None and self._pid() is not None:
            raise EmbeddedPostgresError(
                f"Process {left.pid} is a PostgreSQL on {place.data_dir} that was started by other means: "
                f"stop it with pg_ctl stop, {OR_ANOTHER_SERVER}."
            )
        socket_dir = make_socket_dir(place, left.socket_dir if left else None)
        for path in (
            place.data_dir / "postmaster.pid",
            socket_dir / SOCKET_NAME,
            socket_dir / f"{SOCKET_NAME}.lock",
        ):
            path.unlink(missing_ok=True)
        return socket_dir

    def _answer(self) -> Running | None:
        status = PidFile.read(self._placement.data_dir)
        if status is None or status.status != "ready" or status.socket_dir is None:
            return None
        if not (status.socket_dir / SOCKET_NAME).exists():
            return None
        check_socket_dir(status.socket_dir, self._placement.account)
        try:
            address = url(status.socket_dir, "postgres", SUPERUSER)
            with psycopg.connect(address, connect_timeout=5, autocommit=True) as connection:
                version = connection.info.parameter_status("server_version")
        except psycopg.OperationalError as refusal:
            self._last_refusal = str(refusal).strip()
            return None
        return Running(status.socket_dir, version or "")

    def _is_stranded(self) -> bool:
        """Whether the server is up but its socket was removed under it, as at the end of a login session."""
        status = PidFile.read(self._placement.data_dir)
        return (
            status is not None
            and status.status == "ready"
            and status.socket_dir is not None
            and not (status.socket_dir / SOCKET_NAME).exists()
            and self._pid() is not None
        )

    def _stop_stranded(self, users: FileLock) -> None:
        if not users.try_exclusive():
            users.share()
            raise EmbeddedPostgresError(
                f"The socket of the PostgreSQL that other processes use for {self._placement.folder} was removed: "
                f"end those processes and start again, {OR_ANOTHER_SERVER}."
            )
        self.stop()
        users.share()

    def _pid(self) -> int | None:
        """The server's process id, if the process of that id is this server in the eyes of this process."""
        status = PidFile.read(self._placement.data_dir)
        if status is None or status.pid <= 1:
            return None
        try:
            words = Path(f"/proc/{status.pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            if Path("/proc/self/cmdline").exists():
                return None
            # macOS has no /proc.
            shown = self._placement.account.run(["ps", "-ww", "-o", "command=", "-p", str(status.pid)])
            return status.pid if f" -D {self._placement.data_dir} " in shown.stdout else None
        return status.pid if os.fsencode(self._placement.data_dir) in words else None

    def _said_since(self, offset: int) -> str:
        with self._placement.log.open("rb") as log:
            log.seek(offset)
            return log.read().decode("utf-8", "replace")


def _remove_if_empty(socket_dir: Path | None) -> None:
    """Tidy up behind a server that has ended; a folder that stays is found again by the next start."""
    if socket_dir is not None and socket_dir.name.startswith("dealtrail-"):
        with suppress(OSError):
            socket_dir.rmdir()
