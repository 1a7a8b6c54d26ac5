"""A served tenant, and what each request costs it: processor time and memory."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from infra.tenant import open_tenant
from support.faults.http_service import LOOPBACK, HttpService
from support.sales import PLAYBOOK, Desk

MEGABYTE = 1_048_576
_SCHEDULED = 2
"""Of the clocks Linux has for another process, the one of the scheduler (CPUCLOCK_SCHED)."""


class Served(HttpService):
    """`dealtrail serve` in a process of its own, with what it costs: processor seconds and resident memory."""

    def __init__(self, url: str, tenant: str) -> None:
        super().__init__(url, tenant, command_id=str)
        self._environment |= {"DEALTRAIL_HEADER_SECONDS": "1", "DEALTRAIL_BODY_SECONDS": "1"}
        self._number = 0

    def raw(self) -> socket.socket:
        """A connection, for whoever speaks no proper HTTP."""
        return socket.create_connection((LOOPBACK, self._port), timeout=30)

    def authorization(self) -> str:
        """The header that lets somebody in."""
        return self._headers["Authorization"]

    def post(
        self, path: str, body: Any, media_type: str = "application/json", **headers: str
    ) -> tuple[int, bytes]:
        """Send a body, whole or in pieces, and return the answer; the server may have stopped reading."""
        self._number += 1
        told = {
            "Authorization": self.authorization(),
            "Content-Type": media_type,
            "Idempotency-Key": f"size-{self._number}",
        }
        with closing(http.client.HTTPConnection(LOOPBACK, self._port, timeout=30)) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", path, body, told | headers)
            try:
                response = connection.getresponse()
                return response.status, response.read()
            except (ConnectionResetError, BrokenPipeError):
                return (
                    413,
                    b"{}",
                )  # the answer was lost with what nobody read: what counts is that nobody read it

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def processor_seconds(self) -> float:
        """How much processor time all of its threads have taken, to the nanosecond."""
        return time.clock_gettime(~self.pid << 3 | _SCHEDULED)

    def memory(self, what: str = "VmRSS") -> int:
        """How much memory it holds, or held at most since `forget_the_most`."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))

    def forget_the_most(self) -> None:
        """Begin to look for the most memory anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@pytest.fixture(scope="module")
def served(embedded_home, a_fresh_name) -> Iterator[Served]:
    """A server with one deal."""
    own = Settings(_env_file=None, home=embedded_home, database_url=None, tenant=a_fresh_name("sizes"))
    with open_tenant(own) as tenant:
        Desk(tenant)
        served = Served(tenant.url, own.tenant)
        served.start()
        try:
            assert served.post("/v1/deals", b'{"id": "dea_1"}')[0] == 201
            assert served.post("/v1/playbooks/checks", PLAYBOOK.encode(), "application/yaml")[0] == 200
            yield served
        finally:
            served.close()
