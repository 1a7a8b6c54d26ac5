"""Connections that do not wait for ever: a client that dawdles with its headers is let go, one that sends no HTTP is told so as a problem."""

from asyncio import TimerHandle
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from infra.http.problems import MEDIA_TYPE, Problem

DEFAULT_HEADER_SECONDS = 10.0


def patient_for(seconds: float) -> type[H11Protocol]:
    """Return the protocol of connections whose request headers must be there within so many seconds."""

    class Patience(_Impatient):
        header_seconds = seconds

    return Patience


class _Impatient(H11Protocol):
    """uvicorn waits without end for the headers of a request; a few hundred such connections would use up all there are."""

    header_seconds = DEFAULT_HEADER_SECONDS
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first headers."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take in what came; wait on only as long as headers may take."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._forget()
        elif self._deadline is None and self.timeout_keep_alive_task is None:
            # Between requests it is the keep-alive time that runs; with the first byte of the next one, this.
            self._deadline = self.loop.call_later(self.header_seconds, self._let_go)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _let_go(self) -> None:
        self._deadline = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or has headers without end."""
        del msg
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()  # an answer is under way already
            return
        response = Problem("malformed-request", headers={"Connection": "close"}).response("en")
        body = bytes(response.body)
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
