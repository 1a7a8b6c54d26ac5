"""A service of one's own to measure: `dealtrail serve` in a process of its own, on a database that is given."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumers.simulator.over_http import Address
from consumers.simulator.over_http.badges import TokenEach
from domain.playbook.model import Right
from infra.http.trial import load_or_make_key, make_token

CLIENT = "simulator"
LOOPBACK = "127.0.0.1"
_STARTS_WITHIN_SECONDS = 60.0
_NO_LIMIT = "1000000"


def tokens_of(home: Path, tenant: str, audience: str = "dealtrail") -> TokenEach:
    """Return tokens for whoever acts, signed with the trial key of a home folder; it is made where there is none."""
    key = load_or_make_key(home)

    def make(actor: str, rights: frozenset[Right]) -> str:
        return make_token(key, tenant=tenant, audience=audience, actor=actor, client=CLIENT, rights=rights)

    return TokenEach(make)


@contextmanager
def a_service(database_url: str, tenant: str) -> Iterator[tuple[Address, TokenEach]]:
    """Serve a tenant's database until the end of the block; yields where, and the tokens it accepts.

    The rate limit per client is lifted, because all the load comes from one client; everything else is as delivered.
    """
    with tempfile.TemporaryDirectory(prefix="dealtrail-bench-") as folder:
        home = Path(folder)
        badges = tokens_of(home, tenant)
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port = probe.getsockname()[1]
        known = {name: value for name, value in os.environ.items() if not name.startswith("DEALTRAIL_")}
        environment = known | {
            "DATABASE_URL": database_url,
            "DEALTRAIL_HOME": str(home),
            "DEALTRAIL_TENANT": tenant,
            "DEALTRAIL_COMMANDS_PER_SECOND_PER_CLIENT": _NO_LIMIT,
            "DEALTRAIL_COMMAND_BURST_PER_CLIENT": _NO_LIMIT,
        }
        said = home / "serve.log"
        with said.open("wb") as log:
            command = [sys.executable, "-m", "infra.cli.main", "serve", "--port", str(port)]
            server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=home)
            try:
                _wait_for(server, port, said)
                yield Address(LOOPBACK, port), badges
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(30)


def _wait_for(server: subprocess.Popen[bytes], port: int, said: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the service does not answer: {said.read_text('utf-8', 'replace')[-4_000:]}")
