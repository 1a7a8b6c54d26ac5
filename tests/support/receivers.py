"""Receivers of messages on this machine: servers that answer as they are told to, and keep every byte they get."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HANG = "hang"
"""Instead of an answer: nothing, for longer than anybody waits."""
DRIP = "drip"
"""Instead of an answer: a byte of its headers now and then, for as long as somebody listens."""


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpReceiver:
    """Answers each request with the next answer it was given, and then always with the last one."""

    url: str = ""
    answers: list[Any] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)

    def next(self) -> Any:
        """The answer whose turn it is."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def an_http_receiver(*answers: Any) -> Iterator[HttpReceiver]:
    """Listen for requests; an answer is `(status, headers, body)` or HANG."""
    receiver = HttpReceiver(answers=list(answers))
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.got.append(Got(self.path, headers, body))
            answer = receiver.next()
            if answer == HANG:
                stop.wait(20)
                self.close_connection = True
                return
            if answer == DRIP:
                self.close_connection = True
                with suppress(OSError):
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
                    while not stop.wait(0.05):
                        self.wfile.write(b"s")
                return
            status, told, content = answer
            self.send_response(status)
            for name, value in {**told, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(content)

        do_GET = do_POST  # noqa: N815 — the library's name

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


# ── mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class MailReceiver:
    """A mail server: what it answers to a letter, the letters it took, and whether the conversation was encrypted by then."""

    port: int = 0
    answers: list[str] = field(default_factory=list)
    letters: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    def next(self) -> str:
        """The answer whose turn it is."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def a_mail_receiver(*answers: str, tls: ssl.SSLContext, implicit: bool = False) -> Iterator[MailReceiver]:
    """Listen for letters, with STARTTLS or with TLS from the first byte; an answer is the line a recipient is answered with, or HANG."""
    receiver = MailReceiver(answers=list(answers) or ["250 OK"])
    listener = socket.create_server(("127.0.0.1", 0))
    receiver.port = listener.getsockname()[1]
    stop = threading.Event()

    def converse(raw: socket.socket) -> None:
        raw.settimeout(20)
        with suppress(OSError):
            connection: socket.socket = tls.wrap_socket(raw, server_side=True) if implicit else raw
            lines = connection.makefile("rb")
            sender = recipient = ""
            connection.sendall(b"220 here\r\n")
            while line := lines.readline():
                text = line.decode().strip()
                verb = text.partition(" ")[0].upper()
                match verb:
                    case "EHLO" | "HELO":
                        encrypted = isinstance(connection, ssl.SSLSocket)
                        offered = ["AUTH PLAIN"] if encrypted else ["STARTTLS"]
                        words = ["here", *offered, "8BITMIME"]
                        lines_told = [f"250-{word}\r\n" for word in words[:-1]] + [f"250 {words[-1]}\r\n"]
                        connection.sendall("".join(lines_told).encode())
                    case "STARTTLS":
                        connection.sendall(b"220 go on\r\n")
                        connection = tls.wrap_socket(connection, server_side=True)
                        lines = connection.makefile("rb")
                    case "AUTH":
                        receiver.logins.append(text)
                        connection.sendall(b"235 OK\r\n")
                    case "MAIL":
                        sender = text.partition(":")[2].split()[0].strip("<>")
                        connection.sendall(b"250 OK\r\n")
                    case "RCPT":
                        recipient = text.partition(":")[2].strip("<>")
                        answer = receiver.next()
                        if answer == HANG:
                            stop.wait(20)
                            return
                        connection.sendall(f"{answer}\r\n".encode())
                    case "DATA":
                        connection.sendall(b"354 go on\r\n")
                        letter = b""
                        while (part := lines.readline()) not in (b".\r\n", b""):
                            letter += part[1:] if part.startswith(b"..") else part
                        receiver.letters.append(letter)
                        receiver.envelopes.append((sender, recipient))
                        receiver.encrypted.append(isinstance(connection, ssl.SSLSocket))
                        connection.sendall(b"250 taken\r\n")
                    case "QUIT":
                        connection.sendall(b"221 bye\r\n")
                        return
                    case _:
                        connection.sendall(b"250 OK\r\n")

    def accept() -> None:
        while not stop.is_set():
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(raw,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield receiver
    finally:
        stop.set()
        listener.close()
        time.sleep(0)


def a_certificate(folder: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A certificate for this machine that nobody has signed: the context of a server that shows it, and the file to trust it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dealtrail tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "certificate.pem", folder / "key.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
