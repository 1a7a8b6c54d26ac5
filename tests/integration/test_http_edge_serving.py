"""Real connections and the real program: who dawdles is let go, and a server starts with keys or the word demo."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from support import edge
from support.edge import CALLER, MARKER, bearing, keyed, settings

import infra
from infra.asgi import build
from infra.http import trial
from infra.http.connections import patient_for

desk, home = edge.desk, edge.home
REPOSITORY = Path(infra.__file__).parents[1]


# Connections


@pytest.fixture(scope="module")
def port(desk, home) -> Iterator[int]:
    """A server on a real port that waits a fifth of a second for headers."""
    app = build(desk.tenant, settings(home), caller=CALLER)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=patient_for(0.2),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(30)


@pytest.mark.parametrize("begun", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n"])
def test_who_never_ends_the_headers_is_let_go(port, begun):
    """P19: a connection that says nothing, or never finishes saying it, is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(begun)
        assert connection.recv(1_000) == b""


def test_who_dawdles_with_the_next_request_is_let_go(port):
    """P19: the same on a connection that was used before."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in connection.recv(10_000)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        rest = b""
        while piece := connection.recv(10_000):
            rest += piece
        assert b"HTTP/1.1 200" not in rest


def test_a_slow_answer_is_not_a_slow_question(port, desk, monkeypatch):
    """Whose headers are there is waited for: the time for headers does not cut an answer short."""
    record = desk.tenant.reads.record

    def slow(*about: Any, **more: Any) -> Any:
        time.sleep(0.5)
        return record(*about, **more)

    monkeypatch.setattr(desk.tenant.reads, "record", slow)
    assert httpx.get(f"http://127.0.0.1:{port}/v1/deals/dea_1", timeout=30).status_code == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"zorblatt\r\n\r\n",
        b"GET / HTTP/1.1 zorblatt\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70_000,
    ],
)
def test_what_is_no_http_is_answered_with_a_problem(port, garbage):
    """P18: 400 as a problem, and the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(garbage)
        answer = b""
        try:
            while piece := connection.recv(10_000):
                answer += piece
        except ConnectionResetError:
            pass
    assert b"application/problem+json" in answer
    assert b'"code":"malformed-request"' in answer
    assert b"zorblatt" not in answer


# The program


@pytest.fixture
def environment(tmp_path, embedded_home) -> dict[str, str]:
    """A clean environment with a home folder that leads to the session's server."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "DEALTRAIL_HOME": str(embedded_home),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUTF8": "1",
        "LANG": "en_GB.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "250",
    }


def dealtrail(
    environment: dict[str, str], folder: Path, *words: str, **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run the program."""
    command = [sys.executable, "-m", "infra.cli.main", *words]
    done = subprocess.run(
        command, env=environment | more, cwd=folder, capture_output=True, text=True, timeout=90, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_serving_wants_keys_or_the_word_demo(environment, tmp_path):
    """Without either it refuses to start and says what to do; a demo never listens to others."""
    where = {"DEALTRAIL_HOME": str(tmp_path / "home")}
    refused = dealtrail(environment, tmp_path, "serve", "--port", str(a_free_port()), **where)
    assert refused.returncode == 2
    told = re.sub(r"[\s│]+", " ", refused.stderr)
    for word in ("dealtrail token", "DEALTRAIL_TOKEN_ISSUER", "--demo"):
        assert word in told
    assert not (tmp_path / "home").exists()
    outside = dealtrail(
        environment, tmp_path, "serve", "--demo", "--host", "0.0.0.0", "--port", str(a_free_port()), **where
    )
    assert outside.returncode == 2
    weak = {"DEALTRAIL_TOKEN_SECRET": MARKER, "DEALTRAIL_TOKEN_ISSUER": "x"}
    bad = dealtrail(environment, tmp_path, "serve", "--port", str(a_free_port()), **where, **weak)
    assert bad.returncode == 1
    assert "32 bytes" in bad.stderr
    assert MARKER not in bad.stderr


def test_a_token_is_printed_alone_and_made_only_for_trials(environment, tmp_path):
    """The output is the token, so that a shell can take it; where an issuer is configured there are no tokens of our own."""
    where = {"DEALTRAIL_HOME": str(tmp_path / "home")}
    words = [
        "token",
        "--actor",
        "system/erp",
        "--client",
        "erp",
        "--rights",
        "import",
        "--rights",
        "waive",
        "--hours",
        "2",
        "--delegate",
    ]
    made = dealtrail(environment, tmp_path, *words, **where)
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", made.stdout)
    key = tmp_path / "home" / trial.FILE_NAME
    assert key.stat().st_mode & 0o777 == 0o600
    assert str(key) in made.stderr
    wrong = dealtrail(environment, tmp_path, "token", "--actor", "anna", "--client", "x", **where)
    assert wrong.returncode == 2
    elsewhere = dealtrail(
        environment,
        tmp_path,
        *words,
        **where,
        DEALTRAIL_TOKEN_SECRET="x" * 40,
        DEALTRAIL_TOKEN_ISSUER="login",
    )
    assert elsewhere.returncode == 2
    assert not elsewhere.stdout


def test_a_trial_from_the_token_to_the_answer(environment, tmp_path, embedded_home, desk):
    """What a newcomer does: make a token, start the server, open a record; the log says who, and never the token."""
    tenant = {"DEALTRAIL_TENANT": desk.tenant.name}
    try:
        token = dealtrail(
            environment, tmp_path, "token", "--actor", "system/trial", "--client", "trial", **tenant
        ).stdout.strip()
        port = a_free_port()
        command = [sys.executable, "-m", "infra.cli.main", "serve", "--port", str(port), "--log", "json"]
        with subprocess.Popen(
            command,
            env=environment | tenant,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            try:
                announced = server.stdout.readline()
                base = f"http://127.0.0.1:{port}"
                assert base in announced, server.stderr.read() if server.poll() is not None else announced
                assert httpx.get(f"{base}/v1/deals/dea_1").status_code == 401
                headers = bearing(token, **keyed())
                done = httpx.post(f"{base}/v1/deals", json={"fields": {"topic": "Trial"}}, headers=headers)
                assert done.status_code == 201, done.text
                assert "server" not in done.headers
            finally:
                server.terminate()
            _, told = server.communicate(timeout=60)
    finally:
        trial.key_file(embedded_home).unlink(missing_ok=True)
    assert "accepts tokens for trials" in told
    requests = [
        json.loads(line) for line in told.splitlines() if line.startswith("{") and '"request"' in line
    ]
    assert [(line["status"], line["client"]) for line in requests] == [(401, None), (201, "trial")]
    assert token.rpartition(".")[2] not in told
