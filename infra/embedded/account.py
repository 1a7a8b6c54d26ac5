"""The system user PostgreSQL runs as: the caller, except that root steps down."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.embedded.errors import OR_ANOTHER_SERVER, EmbeddedPostgresError

if sys.platform != "win32":
    import pwd

STEP_DOWN_TO = ("postgres", "nobody")

# PostgreSQL outlives the caller, perhaps as another user: it gets none of the caller's secrets or PG* settings.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class Account:
    """A system user with its rights, as it runs PostgreSQL's programs."""

    name: str
    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        """Whether programs must be switched to this user first, which only root may do."""
        return self.uid != os.geteuid()

    def run(
        self,
        command: Sequence[str | Path],
        *,
        text_in: str | None = None,
        output: IO[bytes] | int = subprocess.PIPE,
        hand_over: Sequence[int] = (),
        detached: bool = False,
        timeout_seconds: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, far from the caller's folder, descriptors and environment.

        `hand_over` are descriptors it inherits; `detached` spares it the signals of the caller's terminal.
        """
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment.setdefault("PATH", os.defpath)
        return subprocess.run(
            [str(word) for word in command],
            input="" if text_in is None else text_in,
            stdout=output,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**environment, "LC_ALL": "C"},
            cwd="/",
            umask=0o077,
            pass_fds=tuple(hand_over),
            start_new_session=detached,
            user=self.uid if self.is_another else None,
            group=self.gid if self.is_another else None,
            extra_groups=[] if self.is_another else None,
            timeout=timeout_seconds,
            check=False,
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether this user reaches what lies in `folder`, judged by the kernel itself."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]).returncode == 0

    def write(self, path: Path, text: str, *, append: bool = False) -> None:
        """Put `text` into a file of this user, durably, and whole or not at all unless it is appended.

        The user's own shell writes: root does not follow what others may have laid into their folders.
        """
        script = 'cat >>"$1"' if append else 'cat >"$1.new" && mv -f -- "$1.new" "$1"'
        done = self.run(["/bin/sh", "-c", script, "sh", path], text_in=text)
        if done.returncode != 0:
            raise EmbeddedPostgresError(
                f"{path} could not be written as user {self.name} ({done.stdout.strip()}): "
                f"make room or choose another home, {OR_ANOTHER_SERVER}."
            )
        make_durable(path)


def make_durable(path: Path) -> None:
    """Return once the file or folder has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def account_for(data_dir: Path | None) -> Account:
    """The user to run PostgreSQL as: the owner of existing data, else the caller, else a user root steps down to.

    Raises `EmbeddedPostgresError` for root with nobody to step down to, and for data of somebody else.
    """
    me = os.geteuid()
    owner = data_dir.stat().st_uid if data_dir else None
    if me != 0:
        if owner not in (None, me):
            raise EmbeddedPostgresError(
                f"The data folder {data_dir} belongs to user {_name(owner)} and not to {_name(me)}: "
                f"run as {_name(owner)} or as root, choose another home, {OR_ANOTHER_SERVER}."
            )
        return Account(_name(me), me, os.getegid())
    if owner == 0:
        raise EmbeddedPostgresError(
            f"The data folder {data_dir} belongs to root, and PostgreSQL refuses to run as root: "
            f"give the folder to a system user with chown -R, {OR_ANOTHER_SERVER}."
        )
    for entry in pwd.getpwall():
        if entry.pw_uid == owner:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    if data_dir and owner is not None:
        return Account(str(owner), owner, data_dir.stat().st_gid)
    for name in STEP_DOWN_TO:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        f"PostgreSQL refuses to run as root, and there is no system user {' or '.join(STEP_DOWN_TO)} "
        f"to run it as: create one with useradd --system postgres, run as a normal user, {OR_ANOTHER_SERVER}."
    )


def _name(uid: int | None) -> str:
    """A user's name, or its number where the system knows none, as in many containers."""
    try:
        return pwd.getpwuid(uid if uid is not None else -1).pw_name
    except (KeyError, OverflowError):
        return str(uid)
