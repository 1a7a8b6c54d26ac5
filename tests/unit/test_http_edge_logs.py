"""P29: what is written to the log holds no secrets, even where somebody puts them there."""

import io
import json
import logging

import pytest
import structlog
from starlette.datastructures import Headers

from infra.http.logs import LogStyle, configure
from infra.http.requests import request_id_of, trace_of

SECRET = "hunter2-zorblatt"


@pytest.fixture(params=list(LogStyle))
def written(request):
    """What the log of a server says, in either style."""
    root = logging.getLogger()
    before = root.handlers, root.level
    out = io.StringIO()
    configure(request.param, out)
    yield out
    structlog.reset_defaults()
    root.handlers, level = before
    root.setLevel(level)


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://dealtrail_app:{SECRET}@db.example.com:5432/dealtrail",
        f"cannot connect: host=db user=x password={SECRET} dbname=y",
        f"Authorization: Bearer {SECRET}",
        f"bearer  {SECRET}.x.y",
        f"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ{SECRET}.{SECRET}",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}",
    ],
    ids=lambda text: text[:18],
)
def test_secrets_are_masked(written, text):
    """In messages, in values, in lists, in objects, and in what libraries log."""
    structlog.get_logger().warning("something", text=text, listed=[text], error=ValueError(text))
    structlog.get_logger().warning(text)
    logging.getLogger("a.library").warning("trouble: %s", text)
    assert written.getvalue().count("***") >= 5
    assert SECRET not in written.getvalue()


def test_an_exception_of_a_library_is_named_but_not_quoted(written):
    """Its text may hold anything."""
    try:
        int(SECRET)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    assert "ValueError" in written.getvalue()
    assert SECRET not in written.getvalue()


def test_json_is_one_line_an_event():
    """A value with line breaks never looks like another event."""
    out = io.StringIO()
    configure(LogStyle.json, out)
    try:
        structlog.get_logger(log="access").info("request", client='a\n{"event": "forged"}')
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers = []
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["event"] == "request"


@pytest.mark.parametrize("given", ["abc", "a" * 100, "!~", "6f1c-42/x:y"])
def test_a_plain_request_id_is_kept(given):
    """Up to 100 printable characters without spaces."""
    assert request_id_of(Headers({"x-request-id": given})) == given


@pytest.mark.parametrize("given", ["", "a" * 101, "a b", "a\tb", "a\x7f", "é", "a\nb"])
def test_any_other_request_id_is_replaced(given):
    """What could break a line or fill the log is not taken over; each request gets another id."""
    headers = Headers(raw=[(b"x-request-id", given.encode("latin-1"))])
    assert request_id_of(headers) != request_id_of(headers)
    assert request_id_of(headers).startswith("req_")


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("given", "is_valid"),
    [
        (f"00-{TRACE}-{SPAN}-01", True), (f"01-{TRACE}-{SPAN}-01-more", True), (f"00-{TRACE}-{SPAN}-01-more", False), (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False), (f"00-{TRACE}-{'0' * 16}-01", False), (f"00-{TRACE.upper()}-{SPAN}-01", False), ("", False), ("x", False),
    ],
)  # fmt: skip
def test_the_trace_a_request_belongs_to(given, is_valid):
    """W3C Trace Context; what is not valid is as if it were not there."""
    assert trace_of(Headers({"traceparent": given})) == (
        {"trace_id": TRACE, "parent_span_id": SPAN} if is_valid else {}
    )
