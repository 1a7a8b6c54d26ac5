"""What a newcomer sees: `make demo` runs the console script `dealtrail demo`."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of its own that the database's user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="dealtrail-demo-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def a_free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_demo_tells_the_whole_story_and_serves_it(home: Path) -> None:
    """A year becomes sealed events, a board, a history, an as-of view, a refusal, a verdict and a replay; the printed URLs answer."""
    command = [
        sys.executable,
        "-m",
        "infra.cli.main",
        "--home",
        str(home),
        "--language",
        "en",
        "demo",
        "--port",
        str(a_free_port()),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
        "PYTHONUNBUFFERED": "1"
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        told = ""
        while line := demo.stdout.readline():
            told += line
            if "/openapi.json" in line:
                break
        urls = re.findall(r"curl -s '([^']+)'", told)
        answers = [httpx.get(url, timeout=30) for url in urls] if demo.poll() is None else []
        demo.terminate()
        try:
            _, complaints = demo.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            demo.kill()
            raise
    assert len(urls) == 3, told + complaints
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert all(answer.json()["simulated"] for answer in answers)
    assert "Traceback" not in complaints

    events = re.search(r"([\d,]+) events in", told)
    assert events is not None
    assert int(events[1].replace(",", "")) >= 20_000
    assert "42 people sold for 365 days" in told
    for chapter in (
        "the board",
        "one deal's history",
        "as it was known three months ago",
        "a refused move",
        "move:skip",
        "events hold",
        "newly refused",
        "event positions",
    ):
        assert chapter in told, chapter
    law = re.search(r"reproduces ([\d,]+) of ([\d,]+) recorded decisions under the published rules", told)
    assert law is not None
    assert law[1] == law[2]
    changed = re.search(r"changes ([\d,]+) of ([\d,]+) decisions", told)
    assert changed is not None
    assert changed[1] != "0"
