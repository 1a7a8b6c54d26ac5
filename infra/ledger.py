"""Where the ledger is kept: a local folder, S3, Google Cloud Storage or Azure, through one library; and who may write it."""

import atexit
import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from shutil import rmtree
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url
from psycopg_pool import ConnectionPool

from infra.settings import Settings
from projections.ledger.store import LedgerBusy, LedgerDamaged, LedgerUnavailable

_REACHABLE = (
    "whoever reads the ledger needs it at the same path, or in an object store (DEALTRAIL_LEDGER_URL)"
)

_WRITING = int.from_bytes(hashlib.sha256(b"dealtrail ledger").digest()[:7], "big")


class ObjectStoreLedger:
    """Files of a ledger as objects. Implements the port `projections.ledger.store.LedgerStore`.

    Files of a folder are read where they are; those of an object store are fetched once, into `cache`.
    Sent to another process, it is a place and no contents: the folder or the URL, opened there with that process's own credentials.
    """

    def __init__(
        self,
        store: ObjectStore,
        folder: Path | None = None,
        cache: Path | None = None,
        url: str | None = None,
    ) -> None:
        if folder is None and cache is None:
            raise ValueError("a ledger in an object store needs a folder to read it from")
        self._store = store
        self._folder = folder
        self._cache = cache
        self._url = url
        self._durable: set[Path] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._folder is not None:
            # A relative folder would be another one for a process that was started elsewhere.
            return _in_folder_there, (self._folder.absolute(),)
        if self._url is None:
            raise TypeError("this ledger has no URL by which another process could open it")
        assert self._cache is not None
        return _at_there, (self._url, self._cache.absolute())

    @classmethod
    def in_folder(cls, folder: Path) -> "ObjectStoreLedger":
        """Keep files in a folder of this machine; it is made where there is none."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(LocalStore(folder), folder)

    @classmethod
    def at(cls, url: str, cache: Path) -> "ObjectStoreLedger":
        """Keep files where a URL says: `file:///srv/ledger`, `s3://bucket/prefix`, `gs://bucket`, `az://container`.

        Credentials come from the environment, as each provider's own tools read them.
        """
        if url.startswith("file://"):
            return cls.in_folder(Path(url.removeprefix("file://")))
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(from_url(url), cache=cache, url=url)

    def put(self, name: str, content: bytes) -> None:
        """Keep a file, whole or not at all: it is written beside its place and moved there."""
        try:
            obstore.put(self._store, name, content)
            self._make_durable(name)
        except (BaseError, OSError) as error:
            raise LedgerUnavailable(f"the ledger cannot be written: {name}") from error

    def get(self, name: str) -> bytes:
        """Return a file."""
        try:
            return bytes(obstore.get(self._store, name).bytes())
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise LedgerUnavailable(f"the ledger cannot be read: {name}") from error

    def path(self, name: str, size_bytes: int, sha256: str) -> Path:
        """Return where a file can be read on this machine."""
        if self._folder is None:
            return self._fetched(name, size_bytes, sha256)
        path = self._folder / name
        try:
            found = path.stat().st_size
        except FileNotFoundError:
            raise _damaged(name, "is missing") from None
        if found != size_bytes:
            raise _damaged(name, f"has {found:,} bytes, not {size_bytes:,}")
        return path

    def names(self) -> Iterator[str]:
        """Name every file."""
        try:
            for page in obstore.list(self._store):
                yield from (str(found["path"]) for found in page)
        except (BaseError, OSError) as error:
            raise LedgerUnavailable("the files of the ledger cannot be listed") from error

    def delete(self, name: str) -> None:
        """Remove a file that nobody needs."""
        if self._cache is not None:
            (self._cache / name).unlink(missing_ok=True)
        try:
            obstore.delete(self._store, name)
        except FileNotFoundError:
            pass
        except (BaseError, OSError) as error:
            raise LedgerUnavailable(f"a file of the ledger cannot be removed: {name}") from error

    def _fetched(self, name: str, size_bytes: int, sha256: str) -> Path:
        assert self._cache is not None
        path = self._cache / name
        if path.exists() and path.stat().st_size == size_bytes:
            return path
        try:
            content = self.get(name)
        except FileNotFoundError:
            raise _damaged(name, "is missing") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise _damaged(name, "is not what was written")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Two readers may fetch it at once; each moves a whole file into place.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            part.write(content)
        Path(part.name).replace(path)
        return path

    def _make_durable(self, name: str) -> None:
        """A local folder is written by the operating system at its leisure; a manifest must not name what a power cut takes."""
        if self._folder is None:
            return
        path = self._folder / name
        _sync(path)
        _sync(path.parent)
        # A folder that is new is an entry of the one above it.
        while (path := path.parent) not in self._durable and path != self._folder:
            _sync(path.parent)
            self._durable.add(path)


def _in_folder_there(folder: Path) -> ObjectStoreLedger:
    """Open a folder in the process it was sent to; nothing is made where it is not."""
    if not folder.is_dir():
        raise LedgerUnavailable(f"{platform.node()} has no folder {folder}; {_REACHABLE}")
    return ObjectStoreLedger(LocalStore(folder), folder)


def _at_there(url: str, cache: Path) -> ObjectStoreLedger:
    """Open a URL in the process it was sent to; files are fetched into the same cache where that can be made, else into one of its own."""
    try:
        return ObjectStoreLedger.at(url, cache)
    except OSError:
        return ObjectStoreLedger.at(url, _own_cache())


@lru_cache(maxsize=1)
def _own_cache() -> Path:
    """A folder for fetched files that lives as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="dealtrail-ledger-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return folder


def _damaged(name: str, what: str) -> LedgerDamaged:
    return LedgerDamaged(f"{name} {what}; `dealtrail ledger verify` makes it again")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def ledger_store(settings: Settings) -> ObjectStoreLedger:
    """Return where the ledger of the tenant is kept, as the settings say; by default in a folder beside the embedded PostgreSQL."""
    home = settings.home / "ledger" / settings.tenant
    if settings.ledger_url is None:
        return ObjectStoreLedger.in_folder(home)
    return ObjectStoreLedger.at(settings.ledger_url, cache=settings.home / "ledger-cache" / settings.tenant)


@contextmanager
def writing(pool: ConnectionPool[Any]) -> Iterator[None]:
    """Be the only one who writes the ledger of this log. Raises LedgerBusy when somebody else does."""
    with pool.connection() as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s) AS free", (_WRITING,)).fetchone()
        assert row is not None
        if not row["free"]:
            raise LedgerBusy("another process is writing the ledger; what it has written so far can be read")
        try:
            yield
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_WRITING,))
