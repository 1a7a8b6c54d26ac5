"""The one error of the embedded PostgreSQL, and the one place where the system's own errors become it."""

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OR_ANOTHER_SERVER = "or set DATABASE_URL to a PostgreSQL 15+ server"

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot serve a home; the message is a sentence that says what to do next."""


def disk_full(where: Path) -> EmbeddedPostgresError:
    """There is no room left for the database: the one failure whose remedy is always the same."""
    return EmbeddedPostgresError(
        f"The disk that holds {where} is full: free some space, {OR_ANOTHER_SERVER}."
    )


def failed(what: str, output: str, where: Path) -> EmbeddedPostgresError:
    """One of PostgreSQL's programs gave up; `output` is what it said, and its last lines tell the reason."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return disk_full(where)
    said = "\n".join(f"    {line}" for line in output.strip().splitlines()[-12:]) or "    (it said nothing)"
    return EmbeddedPostgresError(
        f"{what}. Its last words were:\n{said}\nRemove the cause they name and start again, {OR_ANOTHER_SERVER}."
    )


@contextmanager
def explained(home: Path) -> Iterator[None]:
    """Translate what the operating system refuses while `home` is served into `EmbeddedPostgresError`."""
    try:
        yield
    except OSError as refusal:
        if refusal.errno in _NO_ROOM:
            raise disk_full(home) from refusal
        if refusal.errno in _NOT_ALLOWED:
            raise EmbeddedPostgresError(
                f"The database in {home} cannot be written or read by this user ({refusal}): "
                f"run as the user who owns it, choose another home, {OR_ANOTHER_SERVER}."
            ) from refusal
        raise EmbeddedPostgresError(
            f"The system refused a step of serving the database in {home} ({refusal}): "
            f"choose another home on a local disk, {OR_ANOTHER_SERVER}."
        ) from refusal
    except subprocess.SubprocessError as refusal:
        raise EmbeddedPostgresError(
            f"A program of PostgreSQL could not be run for {home} ({refusal}): "
            f"start again with more time or more rights, {OR_ANOTHER_SERVER}."
        ) from refusal
