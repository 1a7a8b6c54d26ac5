"""Letters, after RFC 5322 (headers, Message-ID) and RFC 3834 (what a program sends says so)."""

import smtplib
import ssl
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from consumers.telling.message import Message
from consumers.telling.outcomes import SENT, Outcome, later, never
from consumers.telling.requests import Mail
from consumers.telling.targets import Mailbox, is_address

_SUBJECT = 200


def request(message: Message, target: Mailbox, now: datetime, to: str) -> Mail:
    """Build the letter. Its Message-ID is the notification's at every attempt; no text of a record can become a header.

    Raises ValueError where `to` is no address of one mailbox.
    """
    if not is_address(to):
        raise ValueError("this is no e-mail address")
    language = target.language
    letter = EmailMessage()
    letter["From"] = _mailbox(target.sender)
    letter["To"] = _mailbox(to)
    letter["Subject"] = " ".join(
        "".join(c if c.isprintable() else " " for c in message.title(language)).split()
    )[:_SUBJECT]
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{message.id}@{target.sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter["Content-Language"] = language
    lines = [message.title(language), message.why(language), message.link, message.id]
    letter.set_content("\n".join(line for line in lines if line is not None) + "\n")
    return Mail(letter, target, to)


def _mailbox(address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(username=local, domain=domain)


def judge(error: Exception | None) -> Outcome:
    """Judge what the server said: 5xx is for good, 4xx and whatever breaks on the way is tried again."""
    match error:
        case None:
            return SENT
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            codes = [code for code, _ in refused.values()]
            code = max(codes, default=450)
            return never(f"smtp-{code}") if codes and min(codes) >= 500 else later(f"smtp-{code}")
        case smtplib.SMTPNotSupportedError():
            return never("smtp-not-supported")
        case smtplib.SMTPResponseException(smtp_code=code):
            return never(f"smtp-{code}") if 500 <= code < 600 else later(f"smtp-{code}")
        case ssl.SSLCertVerificationError():
            return later("certificate")
        # What smtplib says of a server that falls silent is that it went away.
        case TimeoutError() | smtplib.SMTPServerDisconnected(__context__=TimeoutError()):
            return later("timeout")
        case _:
            return later("unreachable")
