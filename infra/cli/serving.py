"""The verb that serves the reads over HTTP."""

import socket
from collections.abc import Callable
from typing import Annotated

import typer
import uvicorn

from infra.asgi import build
from infra.cli.session import Session, session_of
from infra.tenant import Tenant

LOOPBACK = "127.0.0.1"


class PortInUse(RuntimeError):
    """Another program listens on the port."""


def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port to listen on.")] = 8765,
) -> None:
    """Serve the reads over HTTP, on this machine only: there are no tokens yet, so nobody else may connect."""
    session = session_of(context)
    ensure_free(port)
    with session.tenant() as tenant:
        run(session, tenant, port)


def run(session: Session, tenant: Tenant, port: int) -> None:
    """Serve until interrupted."""

    def announce() -> None:
        base = f"http://{LOOPBACK}:{port}"
        session.out.print(f"{base}/v1  ·  OpenAPI: {base}/openapi.json", style="bold")
        session.say("anybody on this machine can read everything: there are no tokens yet. Ctrl-C stops.")

    _Server(uvicorn.Config(build(tenant), host=LOOPBACK, port=port, log_level="warning"), announce).run()


class _Server(uvicorn.Server):
    """Says where it is only when it answers there."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then announce it."""
        await super().startup(sockets)
        if self.started:
            self._announce()


def ensure_free(port: int) -> None:
    """Make sure that nobody listens on a port. Raises PortInUse with what to do."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            raise PortInUse(f"port {port} is in use by another program; choose one with --port") from None
