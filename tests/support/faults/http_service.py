"""The HTTP service as its clients see it: `dealtrail serve` in a process of its own, and one connection per client thread."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

from support.faults.history import Acknowledged, Work
from support.faults.service import Unanswered, environment
from support.sales import ALL_RIGHTS, OPERATOR

from infra.http.trial import load_or_make_key, make_token

CLIENT = "load"
LOOPBACK = "127.0.0.1"
ANSWER_SECONDS = 20.0
TO_BE_SENT_AGAIN = frozenset({409, 429, 503})
"""Nobody knows, or nobody had the time: what a client does then is send the same again under the same key."""


class HttpService:
    """`dealtrail serve` on a database; `command_id` tells which id the bus derives from a key of this client."""

    def __init__(self, url: str, tenant: str, *, command_id: Callable[[str], str]) -> None:
        self._command_id = command_id
        self._home = Path(tempfile.mkdtemp(prefix="dealtrail-serve-"))
        token = make_token(
            load_or_make_key(self._home),
            tenant=tenant,
            audience="dealtrail",
            actor=OPERATOR,
            client=CLIENT,
            rights=ALL_RIGHTS,
        )
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            self._port = probe.getsockname()[1]
        self._environment = environment(
            DATABASE_URL=url,
            DEALTRAIL_HOME=str(self._home),
            DEALTRAIL_TENANT=tenant,
            DEALTRAIL_COMMANDS_PER_SECOND_PER_CLIENT="1000000",
            DEALTRAIL_COMMAND_BURST_PER_CLIENT="1000000",
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._mine = threading.local()
        self._log = (self._home / "serve.log").open("wb")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "infra.cli.main", "serve", "--port", str(self._port)]
        process = subprocess.Popen(
            command, stdout=self._log, stderr=self._log, env=self._environment, cwd=self._home
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert process.poll() is None, f"the server ended: {self.said()}"
            try:
                with socket.create_connection((LOOPBACK, self._port), timeout=1):
                    self._process = process
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"the server does not answer: {self.said()}")

    def said(self) -> str:
        """The last of what the server has logged."""
        return (self._home / "serve.log").read_text("utf-8", "replace")[-4_000:]

    def send(self, works: Sequence[Work]) -> list[Acknowledged]:
        """Send commands one after the other over this thread's connection. Raises Unanswered."""
        return [self._send(work) for work in works]

    def _send(self, work: Work) -> Acknowledged:
        path, body = _request(work)
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = http.client.HTTPConnection(
                LOOPBACK, self._port, timeout=ANSWER_SECONDS
            )
        try:
            headers = self._headers | {"Idempotency-Key": work.key}
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._mine.connection = None
            raise Unanswered(repr(error)) from error
        if response.status in TO_BE_SENT_AGAIN:
            raise Unanswered(answer.decode())
        assert response.status // 100 == 2, f"{work}: {response.status} {answer.decode()} {self.said()}"
        positions = tuple(event["position"] for event in json.loads(answer)["events"])
        again = response.headers.get("Idempotency-Replayed") == "true"
        return Acknowledged(work.key, self._command_id(work.key), positions, again)

    def kill(self) -> None:
        """Kill the server with signal 9."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def pause(self, seconds: float) -> None:
        """Stop the server with SIGSTOP, and let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Let the server end as an operator does, and remove what it leaves."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) in (0, 130), self.said()
        self._log.close()
        if os.environ.get("DEALTRAIL_SEED") is None:
            rmtree(self._home, ignore_errors=True)


def _request(work: Work) -> tuple[str, dict[str, Any]]:
    record = work.stream.partition("/")[2]
    match work.act:
        case "open":
            return "/v1/deals", {"id": record, "fields": {"topic": work.key}}
        case "move":
            return f"/v1/deals/{record}/stage-changes", {"to": "offer", "fields": {"amount": "250"}}
    raise ValueError(work.act)
