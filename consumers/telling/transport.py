"""Sends what was built, one request at a time: no redirects, bounded time, bounded answers, and no word of it in a log."""

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any

import httpx

from consumers.telling.outcomes import MAX_ANSWER_BYTES, HttpAnswer, Outcome, later
from consumers.telling.requests import HttpRequest, Mail

TIMEOUT_SECONDS = 10.0


class NoAnswer(Exception):
    """Nobody answered; `outcome` says what is known of it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome


class Cut:
    """Cuts the connection of a request that takes longer altogether than it may, as a context around the request.

    The timeouts of a client are those of one read: a receiver that sends a byte at a time would hold a worker for hours.
    """

    def __init__(self, seconds: float) -> None:
        self.happened = False
        self._streams: list[Any] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "Cut":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, name: str, info: dict[str, Any]) -> None:
        """Hear of the connection, as httpx traces it."""
        if name in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._streams.append(info["return_value"])

    def _cut(self) -> None:
        self.happened = True
        for stream in self._streams[-1:]:
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class Transport:
    """The one place that talks to the world. Neither proxies nor credentials are taken from the environment."""

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout = timeout_seconds
        self._client = httpx.Client(
            timeout=timeout_seconds,
            # Each request has a connection of its own, which can be cut without harm to another one.
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
            headers={
                "user-agent": "dealtrail",
                "accept": "application/json",
                # A small answer must stay small: nothing is unpacked.
                "accept-encoding": "identity",
            },
        )

    def post(self, request: HttpRequest) -> HttpAnswer:
        """Send a request and return the answer, of its body no more than the beginning. Raises NoAnswer."""
        body, cut = b"", Cut(self._timeout)
        try:
            with (
                cut,
                self._client.stream(
                    "POST",
                    request.url,
                    content=request.body,
                    headers=dict(request.headers),
                    extensions={"trace": cut.trace},
                ) as answer,
            ):
                for chunk in answer.iter_raw():
                    body += chunk
                    if len(body) >= MAX_ANSWER_BYTES:
                        break
        except httpx.TimeoutException:
            raise NoAnswer(later("timeout")) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
            # The text of the error holds the URL, and the URL holds a token.
            raise NoAnswer(later("timeout" if cut.happened else "unreachable")) from None
        return HttpAnswer(answer.status_code, answer.headers.get("retry-after"), body[:MAX_ANSWER_BYTES])

    def mail(self, mail: Mail) -> None:
        """Hand a letter to its server. Raises what smtplib and sockets raise."""
        server = mail.server
        context = ssl.create_default_context(cafile=server.ca_file)
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout, context=context
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            if server.security == "starttls":
                smtp.starttls(context=context)
            if server.username is not None and server.password is not None:
                smtp.login(server.username, server.password.get_secret_value())
            smtp.send_message(mail.letter, server.sender, [mail.to])
        finally:
            # The letter was taken or refused by now; how the conversation ends changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()

    def close(self) -> None:
        """Give connections back."""
        self._client.close()
