"""Follow-ups as an iCalendar feed (RFC 5545: 3.1 content lines, 3.3.11 text, 3.6.1 events, 3.8.4.7 UID, 3.8.7.2 DTSTAMP)."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from fastapi import Response

from projections.lens import Visible

MEDIA_TYPE = "text/calendar"
_LINE_BYTES = 75


class VisibleCalendar(Response):
    """A calendar that shows only what has passed the lens."""

    media_type = MEDIA_TYPE

    def __init__(self, content: Any, *, tenant: str, base: str | None) -> None:
        self._tenant, self._base = tenant, base
        super().__init__(content)

    def render(self, content: Any) -> bytes:
        """Return the bytes of something visible. Raises TypeError for anything else."""
        if not isinstance(content, Visible):
            raise TypeError("only what has passed the lens can be sent")
        return icalendar(content.data, self._tenant, self._base)


def icalendar(shown: Mapping[str, Any], tenant: str, base: str | None = None) -> bytes:
    """Write follow-ups as a calendar of moments. Where nothing changed it is the same, byte by byte."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//dealtrail//follow-ups//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{text('dealtrail')}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
    ]
    for item in shown["items"]:
        lines += _event(item, tenant, base)
    lines.append("END:VCALENDAR")
    return b"".join(folded(line) for line in lines)


def _event(item: Mapping[str, Any], tenant: str, base: str | None) -> Iterable[str]:
    yield "BEGIN:VEVENT"
    # An id may hold what calendars of other makers stumble over, so it is hashed.
    yield f"UID:{sha256(item['uid'].encode()).hexdigest()[:32]}@{tenant}.dealtrail"
    yield f"DTSTAMP:{moment(item['since'])}"
    yield f"DTSTART:{moment(item['due_at'])}"
    name = item["record_name"] or item["record"]
    summary = f"{item['label']} · {name}"
    yield f"SUMMARY:{text(summary)}"
    if base is not None and item["collection"] is not None:
        record_id = item["record"].partition("/")[2]
        yield f"URL:{base.rstrip('/')}/v1/{quote(item['collection'])}/{quote(record_id, safe='')}"
    yield f"CATEGORIES:{text(item['what'])}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def moment(told: str) -> str:
    """Write a moment in UTC, to the second."""
    return datetime.fromisoformat(told).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def text(value: str) -> str:
    """Write a text: what means something else is escaped, and control characters are left out."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    lines = escaped.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    return "".join(character for character in lines if unicodedata.category(character) != "Cc")


def folded(line: str) -> bytes:
    """Fold a line at 75 octets, between characters; what goes on begins with a space, and each part ends with CRLF."""
    return b"".join(part + b"\r\n" for part in _parts(line))


def _parts(line: str) -> Iterator[bytes]:
    part = b""
    for character in line:
        encoded = character.encode()
        if len(part) + len(encoded) > _LINE_BYTES:
            yield part
            part = b" "
        part += encoded
    yield part
