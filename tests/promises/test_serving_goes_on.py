"""P12: whoever serves from the embedded PostgreSQL starts it again when it has died; nobody has to come and do it."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from urllib.error import URLError

from support.faults.service import environment

PATIENCE_SECONDS = 60.0


def until(done: Callable[[], bool]) -> None:
    """Wait for something that is to come."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < PATIENCE_SECONDS, "it did not come"
        time.sleep(0.05)


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """`dealtrail serve --demo` on the embedded PostgreSQL of a home, until it is interrupted; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    about = environment(DEALTRAIL_HOME=str(home))
    about.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "infra.cli.main", "serve", "--demo", "--port", str(port)]
    with (home / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=about, cwd=home)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) in (0, 130), (home / "serve.log").read_text()


def is_ready(base: str) -> bool:
    """Whether the service says that it can work."""
    try:
        with urllib.request.urlopen(f"{base}/readyz", timeout=20) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def opened(base: str, record: str) -> int:
    """Open a record, and return the position of its event; a key makes it safe to be sent again."""
    request = urllib.request.Request(
        f"{base}/v1/people",
        json.dumps({"id": record, "name": "Anna"}).encode(),
        {"Content-Type": "application/json", "Idempotency-Key": f"open {record}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return int(json.loads(answer.read())["events"][0]["position"])


def postmaster_of(home: Path) -> int | None:
    """The process id of the postmaster; none while it is being started, when its file is not there or not written yet."""
    try:
        (found,) = home.rglob("postmaster.pid")
        return int(found.read_text().split()[0])
    except (ValueError, IndexError, FileNotFoundError):
        return None


def test_p12_the_embedded_database_is_started_again_under_whoever_serves() -> None:
    """P12: the postmaster is killed with signal 9; the service is ready again by itself, nothing is lost, and Ctrl-C still stops both."""
    home = Path(tempfile.mkdtemp(prefix="dealtrail-serving-"))
    home.chmod(0o755)
    try:
        with serving(home) as base:
            until(lambda: is_ready(base))
            before = opened(base, "per_anna")
            first = postmaster_of(home)
            assert first is not None
            os.kill(first, signal.SIGKILL)
            until(lambda: postmaster_of(home) not in (None, first))
            until(lambda: is_ready(base))
            assert opened(base, "per_ben") == before + 1
            assert opened(base, "per_anna") == before, "what was acknowledged before is still there"
            said = (home / "serve.log").read_text()
            assert "the embedded PostgreSQL has died" in said
        assert not list(home.rglob("postmaster.pid")), "whoever leaves last stops it"
    finally:
        rmtree(home, ignore_errors=True)
