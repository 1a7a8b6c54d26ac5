"""Sends what is due: claims a row, sends it, and says what came of it. At least once; whoever gets a message twice knows by its id."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from consumers.telling import dingtalk, feishu, mail, webhook, wecom
from consumers.telling.describing import address_of, message_of
from consumers.telling.message import Message
from consumers.telling.outcomes import Fate, Outcome, later, never, wait_after
from consumers.telling.requests import HttpRequest
from consumers.telling.targets import Mailbox, Robot, Targets, Webhook
from consumers.telling.transport import NoAnswer, Transport
from projections import deliveries
from projections.deliveries import Row
from projections.footing import Footing

log = structlog.get_logger()

LEASE = timedelta(minutes=2)
"""How long a row is a worker's: far longer than it takes to send. One that died leaves its row to others after this."""

MAX_ATTEMPTS = 12

_ROBOTS: dict[str, Any] = {"dingtalk": dingtalk, "wecom": wecom, "feishu": feishu}

Connect = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Sender:
    """All it takes to send: where to, by what, how often, and where the service is said to be."""

    footing: Footing
    targets: Targets
    transport: Transport
    max_attempts: int = MAX_ATTEMPTS
    public_url: str | None = None

    def send(self, row: Row) -> Outcome:
        """Send the message of a row, once. What cannot arrive is told from what may arrive later."""
        target = self.targets.get(row["target"], row["channel"])
        if target is None:
            return never("no-such-target")
        if not self.footing.organisation().is_active(row["person"]):
            return never("person-left")
        message = message_of(self.footing, row, self.public_url)
        to = None
        if isinstance(target, Mailbox) and target.to is None:
            to = address_of(self.footing, message.person)
        return dispatch(self.transport, target, message, row["now"], to)


def dispatch(
    transport: Transport,
    target: Webhook | Robot | Mailbox,
    message: Message,
    now: datetime,
    to: str | None = None,
) -> Outcome:
    """Send a message to a target, once; `to` is the person's own address, for a mail server that has no other."""
    if isinstance(target, Mailbox):
        return _letter(transport, target, message, now, target.to or to)
    adapter = webhook if isinstance(target, Webhook) else _ROBOTS[target.channel]
    request: HttpRequest = adapter.request(message, target, now)
    try:
        answer = transport.post(request)
    except NoAnswer as nobody:
        return nobody.outcome
    outcome: Outcome = adapter.judge(answer, now)
    return outcome


def _letter(
    transport: Transport, target: Mailbox, message: Message, now: datetime, to: str | None
) -> Outcome:
    if to is None:
        return never("no-address")
    try:
        letter = mail.request(message, target, now, to)
    except ValueError:
        return never("no-address")
    try:
        transport.mail(letter)
    except (OSError, ValueError) as error:  # smtplib's own errors are OSErrors, TLS's as well
        return mail.judge(error)
    return mail.judge(None)


def tell_one(connect: Connect, sender: Sender) -> str | None:
    """Send the message that is due longest, and return its new status; None when nothing is due.

    No transaction is open while it is sent, so that a receiver who takes long holds nothing.
    """
    with connect() as connection:
        row = deliveries.claim(connection, LEASE)
    if row is None:
        return None
    status, outcome = standing(row, _sent(sender, row), sender.max_attempts)
    wait = None
    if status == "waiting":
        wait = wait_after(int(row["attempts"]), str(row["id"]), outcome.wait)
    with connect() as connection:
        deliveries.note(connection, row, status, outcome.error, wait)
    return status


def _sent(sender: Sender, row: Row) -> Outcome:
    try:
        return sender.send(row)
    except Exception as error:  # noqa: BLE001 — whatever it is, the row must say so and come to an end
        log.warning("a message could not be sent", delivery=str(row["id"]), error=type(error).__name__)
        return later("failed")


def standing(row: Row, outcome: Outcome, max_attempts: int) -> tuple[str, Outcome]:
    """Return what becomes of a row after an attempt: `sent`, `waiting` for the next one, or `dead`."""
    if outcome.fate is Fate.sent:
        return "sent", outcome
    if outcome.fate is Fate.never or int(row["attempts"]) >= max_attempts:
        return "dead", outcome
    return "waiting", outcome


def tell_all(connect: Connect, sender: Sender) -> dict[str, int]:
    """Send everything that is due now; return how many rows became what."""
    counted: dict[str, int] = {}
    while (status := tell_one(connect, sender)) is not None:
        counted[status] = counted.get(status, 0) + 1
    return counted
