"""One connection to the service, HTTP/1.1 by hand: a load generator has to drop, cut and hold requests, which clients do not offer."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from consumers.simulator.over_http.requests import Request

_LONGEST_HEAD = 65_536
_RESET = struct.pack("ii", 1, 0)


class Disconnected(ConnectionError):
    """The connection ended before a whole answer came; whether the command was carried out is not known."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service answers."""

    host: str
    port: int
    is_secure: bool = False

    @classmethod
    def of(cls, url: str) -> "Address":
        """Read an address such as http://127.0.0.1:8765. Raises ValueError with what is expected."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"{url!r} is no address of a service; give one such as http://127.0.0.1:8765")
        is_secure = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if is_secure else 80), is_secure)

    @property
    def authority(self) -> str:
        """The address as the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it arrived; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Connection:
    """A connection that carries one request after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address) -> None:
        self._reader = reader
        self._writer = writer
        self._address = address
        self.is_usable = True

    @classmethod
    async def to(cls, address: Address) -> "Connection":
        """Connect. Raises Disconnected."""
        secure = ssl.create_default_context() if address.is_secure else None
        try:
            reader, writer = await asyncio.open_connection(
                address.host, address.port, ssl=secure, limit=_LONGEST_HEAD
            )
        except OSError as error:
            raise Disconnected(str(error)) from error
        return cls(reader, writer, address)

    async def exchange(
        self, request: Request, headers: Mapping[str, str], *, hold_seconds: float = 0.0
    ) -> Response:
        """Send a request and read its answer; with `hold_seconds` the second half of it comes that much later. Raises Disconnected."""
        sent = self._spelled(request, headers)
        half = len(sent) // 2 if hold_seconds else len(sent)
        try:
            await self._send(sent[:half])
            if hold_seconds:
                await asyncio.sleep(hold_seconds)
                await self._send(sent[half:])
            return await self._answer()
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            self.abort()
            raise Disconnected(str(error)) from error
        except asyncio.CancelledError:
            self.abort()
            raise

    async def send_and_vanish(
        self, request: Request, headers: Mapping[str, str], *, share: float = 1.0
    ) -> None:
        """Send a request, or only a share of its bytes, and be gone before anything is answered."""
        sent = self._spelled(request, headers)
        try:
            await self._send(sent[: max(1, int(len(sent) * share))])
        except OSError:
            pass  # gone even sooner
        finally:
            self.abort()

    def abort(self) -> None:
        """Break the connection off with a reset, as the system does for a process that was killed."""
        self.is_usable = False
        endpoint = self._writer.get_extra_info("socket")
        if endpoint is not None and endpoint.fileno() >= 0:
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._writer.transport.abort()

    async def close(self) -> None:
        """End the connection in good order."""
        self.is_usable = False
        self._writer.close()
        with suppress(OSError):  # the other side may have been first
            await self._writer.wait_closed()

    async def _send(self, piece: bytes) -> None:
        self._writer.write(piece)
        await self._writer.drain()

    def _spelled(self, request: Request, headers: Mapping[str, str]) -> bytes:
        lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {self._address.authority}"]
        told = {**headers, **request.headers, "Content-Length": str(len(request.body))}
        lines += [f"{name}: {value}" for name, value in told.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body

    async def _answer(self) -> Response:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        headers = {}
        for line in head[1:]:
            name, found, value = line.partition(":")
            if found:
                headers[name.strip().lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = await self._chunks()
        else:
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return Response(status, headers, body)

    async def _chunks(self) -> bytes:
        pieces = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            pieces.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return b"".join(pieces)
