"""Guide pages as a reader follows them: every block is typed into one shell, and what the page shows is what comes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MARK = "----- block {} -----"
PORT = "8765"
ELSEWHERE = re.compile(r"\s+# (?:in a second terminal|在另一个终端里运行)\s*$")
WAITS_FOR_THE_SERVER = (
    'for _ in $(seq 600); do curl -sf "http://127.0.0.1:{port}/readyz" >/dev/null && break; sleep 0.1; done'
)
WAITS_FOR_A_FILE = "for _ in $(seq 600); do test -s {file} && break; sleep 0.1; done"


def a_free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def is_shown(told: str, came: str) -> bool:
    """Whether what came is what a page shows: `…` stands for whatever was left out, and spaces mean nothing."""
    first, *others = ("".join(part.split()) for part in told.split("…"))
    rest = "".join(came.split())
    if not others:
        return rest == first
    *middle, last = others
    if not rest.startswith(first):
        return False
    rest = rest[len(first) :]
    for part in middle:
        at = rest.find(part)
        if at < 0:
            return False
        rest = rest[at + len(part) :]
    return rest.endswith(last)


def script_of(fences: Sequence[tuple[str, str]], folder: Path, port: str, done: str | None = None) -> str:
    """Everything a reader types, in order, in one shell; programs of the page are saved under the name they begin with.

    What a reader runs in a second terminal runs beside it. Lines that begin with `done` were done before.
    """
    lines = ["set -u", "trap 'kill $(jobs -p) 2>/dev/null' EXIT"]
    for index, (language, text) in enumerate(fences):
        if language == "python":
            name = re.match(r"# (\w+\.py)", text)
            assert name is not None, "a program says what it is called"
            (folder / name[1]).write_text(text, "utf-8")
        if language != "sh":
            continue
        lines.append(f"echo '{MARK.format(index)}'")
        typed_lines = [line for line in text.splitlines() if done is None or not line.startswith(done)]
        beside = ELSEWHERE.search(text)
        if beside is None:
            lines.append("\n".join(typed_lines).replace(PORT, port))
            continue
        started = text[: beside.start()].strip()
        if started.startswith("dealtrail serve"):
            lines += [f"{started} --port {port} >server.log 2>&1 &", WAITS_FOR_THE_SERVER.format(port=port)]
        else:
            written = started.rpartition(">")[2].strip()
            lines += [f"{started} 2>/dev/null &", WAITS_FOR_A_FILE.format(file=written)]
    return "\n".join(lines) + "\n"


def typed(script: str, folder: Path, environment: dict[str, str], seconds: int) -> str:
    """Type it, and return what is printed. Nothing of it outlives the test."""
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = shell.communicate(timeout=seconds)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
    return printed


def a_readers_environment(programs: Path | None = None, **settings: str) -> dict[str, str]:
    """The environment of somebody who has just installed dealtrail, with these settings and no others.

    Programs are found in the folder of that name first, then where they were installed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEALTRAIL_")}
    environment.pop("DATABASE_URL", None)
    installed = str(Path(sys.executable).parent)
    return environment | {
        "PATH": os.pathsep.join([*([str(programs)] if programs else []), installed, os.environ["PATH"]]),
        "PYTHONUTF8": "1",
        "LC_ALL": "C.UTF-8",
        "no_proxy": "127.0.0.1",
        **settings,
    }


def follow(
    page: str, folder: Path, environment: dict[str, str], *, done: str | None = None, seconds: int = 180
) -> int:
    """Copy every block of a page, from the first to the last; everything the page shows must come. Return how often it shows something."""
    assert shutil.which("curl"), "the guides are written for curl"
    fences = FENCE.findall((ROOT / "docs" / page).read_text("utf-8"))
    (folder / "playbooks").symlink_to(ROOT / "playbooks")
    printed = typed(script_of(fences, folder, a_free_port(), done), folder, environment, seconds)
    parts = re.split(r"^----- block (\d+) -----\n", printed, flags=re.MULTILINE)
    came = {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}
    shown = 0
    for index, (language, told) in enumerate(fences):
        if language not in {"json", "text"}:
            continue
        shown += 1
        answer = came[index - 1]
        assert is_shown(told, answer), f"{page} shows\n{told}\nand what comes is\n{answer}"
    return shown
