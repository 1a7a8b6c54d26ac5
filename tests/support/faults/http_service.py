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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

from infra.http.trial import load_or_make_key, make_token
from support.faults.history import Acknowledged, Work
from support.faults.service import Unanswered, environment
from support.sales import ALL_RIGHTS, OPERATOR

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
        """Send one command to its own address, several as a bulk request. Raises Unanswered."""
        if len(works) == 1:
            return [self._send_one(works[0])]
        return self._send_bulk(works)

    def _send_one(self, work: Work) -> Acknowledged:
        path, body = _request(work)
        with self._exchange(path, json.dumps(body), {"Idempotency-Key": work.key}) as response:
            answer = response.read()
        if response.status in TO_BE_SENT_AGAIN:
            raise Unanswered(answer.decode())
        assert response.status // 100 == 2, f"{work}: {response.status} {answer.decode()} {self.said()}"
        again = response.headers.get("Idempotency-Replayed") == "true"
        return self._acknowledged(work, json.loads(answer), again=again)

    def _send_bulk(self, works: Sequence[Work]) -> list[Acknowledged]:
        lines = "".join(json.dumps(_line(work)) + "\n" for work in works)
        heard: list[Acknowledged] = []
        try:
            with self._exchange("/v1/bulk", lines, {"Content-Type": "application/x-ndjson"}) as response:
                self._hear(response, works, heard)
        except Unanswered as unanswered:
            raise Unanswered(str(unanswered), heard) from unanswered
        if len(heard) < len(works):
            raise Unanswered("some lines were not carried out, or not answered", heard)
        return heard

    def _hear(
        self, response: http.client.HTTPResponse, works: Sequence[Work], heard: list[Acknowledged]
    ) -> None:
        """Take the lines of a bulk answer as they come: each is an acknowledgement, whatever becomes of the next."""
        if response.status in TO_BE_SENT_AGAIN:
            raise Unanswered(response.read().decode())
        assert response.status == 200, f"{response.status} {response.read()!r} {self.said()}"
        for raw in response:
            if not raw.endswith(b"\n"):
                raise Unanswered("the answer was cut")
            answer = json.loads(raw)
            work = works[answer["line"] - 1]
            if answer["status"] not in TO_BE_SENT_AGAIN:
                assert answer["status"] // 100 == 2, f"{work}: {answer} {self.said()}"
                heard.append(self._acknowledged(work, answer, again=answer.get("replayed", False)))

    @contextmanager
    def _exchange(
        self, path: str, body: str, headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        """One request and its response over this thread's connection; whatever happens to the connection is Unanswered."""
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = http.client.HTTPConnection(
                LOOPBACK, self._port, timeout=ANSWER_SECONDS
            )
        try:
            connection.request("POST", path, body.encode(), self._headers | headers)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self._mine.connection = None
            connection.close()
            raise Unanswered(repr(error)) from error
        except BaseException:
            self._mine.connection = None
            connection.close()
            raise

    def _acknowledged(self, work: Work, answer: Mapping[str, Any], *, again: bool) -> Acknowledged:
        positions = tuple(event["position"] for event in answer["events"])
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


def _line(work: Work) -> dict[str, Any]:
    """A command as a line of a bulk request."""
    _, body = _request(work)
    record = work.stream.partition("/")[2]
    command = {"open": "open", "move": "change_stage"}[work.act]
    return {"key": work.key, "command": command, "collection": "deals", "id": record} | body


def _request(work: Work) -> tuple[str, dict[str, Any]]:
    record = work.stream.partition("/")[2]
    match work.act:
        case "open":
            return "/v1/deals", {"id": record, "fields": {"topic": work.key}}
        case "move":
            return f"/v1/deals/{record}/stage-changes", {"to": "offer", "fields": {"amount": "250"}}
        case "touch":
            return f"/v1/deals/{record}/touches", {"id": f"tou_{work.key}", "kind": "call"}
    raise ValueError(work.act)
