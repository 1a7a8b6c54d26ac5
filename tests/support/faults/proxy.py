"""A proxy between clients and PostgreSQL that can lose a reply after the server has committed.

It speaks just enough of the wire protocol to know an append from a read, and a finished transaction from one under way:
a message is a type byte, a length of four bytes that counts itself, and the rest; only the very first one has no type.
"""

import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import Self

from support.faults.plan import Reply

SOCKET = ".s.PGSQL.5432"
APPEND = b"dealtrail.append"
LATE_SECONDS = 0.05


class Proxy:
    """Listens on a unix socket in a folder of its own, `folder`, and forwards to the socket in another.

    Connect with `host=<folder>`. `fate` is asked once for every append; `met` counts its answers that took effect.
    """

    def __init__(self, server_folder: Path, fate: Callable[[], Reply]) -> None:
        self._server = str(server_folder / SOCKET)
        self._fate = fate
        self._asking = threading.Lock()
        self.met: Counter[Reply] = Counter()
        self.folder = Path(tempfile.mkdtemp(prefix="dealtrail-proxy-"))
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.folder / SOCKET))
        self._listening.listen(128)
        self._open: set[_Conversation] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def fate(self) -> Reply:
        """Ask what becomes of the next append; the series of answers is that of the plan, whoever asks."""
        with self._asking:
            return self._fate()

    def count(self, fate: Reply) -> None:
        """Note that a fate took effect."""
        with self._asking:
            self.met[fate] += 1

    def cut_all(self) -> None:
        """Cut every connection at once."""
        for conversation in list(self._open):
            conversation.cut()

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._listening.close()
        self.cut_all()
        rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self._server)
                except OSError:
                    client.close()
                    continue
                self._open.add(_Conversation(self, client, server, self._open.discard))


class _Conversation:
    """One connection: a thread for each direction."""

    def __init__(
        self,
        proxy: Proxy,
        client: socket.socket,
        server: socket.socket,
        ended: Callable[["_Conversation"], None],
    ) -> None:
        self._proxy, self._client, self._server, self._ended = proxy, client, server, ended
        self._fate: Reply | None = None
        """The fate of the append under way, from its request to the reply of its transaction."""
        for work in (self._towards_server, self._towards_client):
            threading.Thread(target=self._until_it_ends, args=(work,), daemon=True).start()

    def cut(self) -> None:
        """End the connection at both ends, as a network that is gone."""
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _until_it_ends(self, work: Callable[[], None]) -> None:
        with suppress(OSError, EOFError):
            work()
        self.cut()
        self._ended(self)

    def _towards_server(self) -> None:
        requests = _Messages(self._client)
        self._server.sendall(requests.untyped())
        appending: set[bytes] = set()
        while True:
            kind, body, whole = requests.next()
            if self._is_append(kind, body, appending) and self._fate is None:
                fate = self._proxy.fate()
                if fate is Reply.CUT:
                    self._proxy.count(fate)
                    return
                self._fate = fate
            self._server.sendall(whole)

    @staticmethod
    def _is_append(kind: bytes, body: bytes, appending: set[bytes]) -> bool:
        """Tell whether a request executes an append: as text, or as a statement prepared under a name before."""
        match kind:
            case b"Q":
                return APPEND in body
            case b"P":
                name, _, query = body.partition(b"\0")
                (appending.add if APPEND in query else appending.discard)(name)
            case b"B":
                _portal, name, *_ = body.split(b"\0", 2)
                return name in appending
        return False

    def _towards_client(self) -> None:
        replies = _Messages(self._server)
        held, failed = b"", False
        while True:
            kind, body, whole = replies.next()
            fate = self._fate
            if fate is None or fate is Reply.ARRIVES:
                self._client.sendall(whole)
                if fate is not None and kind == b"Z" and body == b"I":
                    self._fate = None
                continue
            # Within a transaction the append's own reply is let through; only the one that ends it is COMMIT's.
            held += whole
            failed = failed or kind == b"E"
            if kind != b"Z":
                continue
            if body == b"I":
                if not failed:
                    self._proxy.count(fate)
                    if fate is Reply.LOST:
                        return
                    time.sleep(LATE_SECONDS)
                self._fate = None
            self._client.sendall(held)
            held, failed = b"", False


class _Messages:
    """The messages that arrive on a socket."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._received = bytearray()

    def untyped(self) -> bytes:
        """The first message of a connection: a length and the rest."""
        length = self._take(4)
        return length + self._take(int.from_bytes(length, "big") - 4)

    def next(self) -> tuple[bytes, bytes, bytes]:
        """The next message: its type, its body, and all of it."""
        head = self._take(5)
        body = self._take(int.from_bytes(head[1:], "big") - 4)
        return head[:1], body, head + body

    def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            more = self._source.recv(65_536)
            if not more:
                raise EOFError
            self._received += more
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken
