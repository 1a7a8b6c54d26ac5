"""The guides are true: what they tell a reader to type is typed here, on an empty log, and answers as they say."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    f"{name}{language}.md"
    for name in ("issue-commands-safely", "read-and-follow")
    for language in ("", ".zh-CN")
]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MARK = "----- block {} -----"
PORT = "8765"
WAITS = (
    'for _ in $(seq 300); do curl -sf "http://127.0.0.1:{port}/readyz" >/dev/null && break; sleep 0.1; done'
)


def a_free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def as_pattern(told: str) -> str:
    """What a page shows, as a pattern: `…` stands for whatever was left out, and spaces mean nothing."""
    return ".*?".join(re.escape("".join(part.split())) for part in told.split("…"))


def script_of(fences: list[tuple[str, str]], folder: Path, port: str) -> str:
    """Everything a reader types, in order, in one shell; programs of the page are saved under the name they begin with."""
    lines = ["set -u", "trap 'kill $(jobs -p) 2>/dev/null' EXIT"]
    for index, (language, text) in enumerate(fences):
        if language == "python":
            name = re.match(r"# (\w+\.py)", text)
            assert name is not None, "a program says what it is called"
            (folder / name[1]).write_text(text, "utf-8")
        if language != "sh":
            continue
        lines.append(f"echo '{MARK.format(index)}'")
        if text.startswith("dealtrail serve"):
            started = text.partition("#")[0].strip()
            lines += [f"{started} --port {port} >server.log 2>&1 &", WAITS.format(port=port)]
        else:
            lines.append(text.replace(PORT, port))
    return "\n".join(lines) + "\n"


def typed(script: str, folder: Path, environment: dict[str, str]) -> str:
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
        printed, _ = shell.communicate(timeout=180)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
    return printed


@pytest.mark.parametrize("page", PAGES)
def test_what_a_guide_tells_to_type_answers_as_it_says(page, embedded_home, a_fresh_name, tmp_path):
    """A reader who copies every block of the page, from the first to the last, sees what the page shows."""
    assert shutil.which("curl"), "the guides are written for curl"
    fences = FENCE.findall((ROOT / "docs" / page).read_text("utf-8"))
    (tmp_path / "playbooks").symlink_to(ROOT / "playbooks")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEALTRAIL_")}
    environment.pop("DATABASE_URL", None)
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DEALTRAIL_HOME": str(embedded_home),
        "DEALTRAIL_TENANT": a_fresh_name("guide"),
        "PYTHONUTF8": "1",
        "LC_ALL": "C.UTF-8",
        "no_proxy": "127.0.0.1",
    }
    port = a_free_port()
    printed = typed(script_of(fences, tmp_path, port), tmp_path, environment)
    parts = re.split(r"^----- block (\d+) -----\n", printed, flags=re.MULTILINE)
    came = {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}
    shown = 0
    for index, (language, told) in enumerate(fences):
        if language not in {"json", "text"}:
            continue
        answer = came[index - 1]
        shown += 1
        assert re.fullmatch(as_pattern(told), "".join(answer.split()), re.DOTALL), (
            f"the page shows\n{told}\nand what comes is\n{answer}"
        )
    assert shown > 5
