"""A request on its way out, before anything sends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import orjson

from consumers.telling.targets import Mailbox

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST: where to, with which headers, and the very bytes that are signed."""

    url: str = field(repr=False)
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter, and the server that takes it."""

    letter: EmailMessage = field(repr=False)
    server: Mailbox = field(repr=False)
    to: str = field(repr=False)


def json_bytes(content: Any) -> bytes:
    """Return content as the JSON that is sent."""
    return orjson.dumps(content)
