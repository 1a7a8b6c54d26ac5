"""The HTTP service of one tenant, as the command line and tests start it."""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from infra.http.app import build
from infra.http.connections import patient_for

__all__ = ["Server", "build"]


class Server(uvicorn.Server):
    """Serves an app at an address, and says where it is only when it answers there. A client has `header_seconds` to send its headers."""

    def __init__(
        self, app: FastAPI, host: str, port: int, header_seconds: float, announce: Callable[[], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=patient_for(header_seconds),
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        )
        self._app = app
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then announce it."""
        await super().startup(sockets)
        if self.started:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell the feeds that are open to end, then stop as usual: they would hold the server up."""
        self._app.state.is_stopping = True
        super().handle_exit(sig, frame)
