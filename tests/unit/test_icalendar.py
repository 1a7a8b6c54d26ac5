"""A calendar every program can read: RFC 5545, to the octet."""

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given as every
from hypothesis import strategies as st

from read_api.icalendar import VisibleCalendar, folded, icalendar, moment, text

ITEM = {
    "uid": "deal/dea_1/work/wrk_1//12",
    "what": "work",
    "label": "演示; demo, one\\two",
    "record": "deal/dea_1",
    "record_name": "Acme\r\nEND:VEVENT",
    "collection": "deals",
    "due_at": "2026-03-05T17:30:00.000000+08:00",
    "since": "2026-03-01T01:02:03.000004Z",
}


def lines_of(calendar: bytes) -> list[str]:
    """The content lines, unfolded as a reader does it."""
    assert calendar.endswith(b"\r\n")
    return calendar.replace(b"\r\n ", b"").decode().split("\r\n")[:-1]


def unescaped(value: str) -> str:
    """A text as a reader reads it."""
    read, escape = "", False
    for character in value:
        if escape:
            read += "\n" if character in "nN" else character
        elif character != "\\":
            read += character
        escape = character == "\\" and not escape
    return read


def test_an_event_stands_in_the_feed_as_a_reader_expects_it():
    """Moments in UTC, a line for each property, and no name of a customer that could end it."""
    assert lines_of(icalendar({"items": [ITEM]}, "main", "https://sales.example.com/")) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//dealtrail//follow-ups//EN",
        "CALSCALE:GREGORIAN",
        "X-WR-CALNAME:dealtrail",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        "BEGIN:VEVENT",
        f"UID:{hashlib.sha256(ITEM['uid'].encode()).hexdigest()[:32]}@main.dealtrail",
        "DTSTAMP:20260301T010203Z",
        "DTSTART:20260305T093000Z",
        "SUMMARY:演示\\; demo\\, one\\\\two · Acme\\nEND:VEVENT",
        "URL:https://sales.example.com/v1/deals/dea_1",
        "CATEGORIES:work",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def test_an_event_keeps_its_name_when_it_moves():
    """The UID is that of the thing, whatever its due moment; another thing has another one."""

    def uid(**about):
        return next(
            line
            for line in lines_of(icalendar({"items": [{**ITEM, **about}]}, "main"))
            if line.startswith("UID")
        )

    assert uid() == uid(due_at="2026-04-01T00:00:00.000000Z", record_name="Acme Ltd.")
    assert uid() != uid(uid="deal/dea_1/work/wrk_2//12")


def test_only_what_has_passed_the_lens_becomes_a_calendar():
    with pytest.raises(TypeError):
        VisibleCalendar({"items": []}, tenant="main", base=None)


@every(st.text(max_size=400))
def test_lines_are_folded_at_75_octets_between_characters(value):
    """Every part is at most 75 octets and whole UTF-8; unfolded it is the line again."""
    line = f"SUMMARY:{text(value)}"
    parts = folded(line).split(b"\r\n")
    assert parts.pop() == b""
    assert all(len(part) <= 75 and part.decode() is not None for part in parts)
    assert folded(line).replace(b"\r\n ", b"") == line.encode() + b"\r\n"


@every(st.text(alphabet="a\\;,\n 商\x07", max_size=60))
def test_what_is_escaped_reads_as_it_was(value):
    """But for what no reader takes: control characters."""
    assert unescaped(text(value)) == value.replace("\x07", "")


@every(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 — Hypothesis adds the zone
def test_moments_are_whole_seconds_in_utc(at):
    assert moment(at.isoformat()) == at.strftime("%Y%m%dT%H%M%SZ")
