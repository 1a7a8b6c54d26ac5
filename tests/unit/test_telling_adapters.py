"""Every way a message leaves: what stands on the wire, byte by byte, and what each answer means. One contract for all adapters."""

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.receivers import DRIP, HANG, a_certificate, a_mail_receiver, an_http_receiver

from consumers.telling.message import About, Message
from consumers.telling.outcomes import Fate
from consumers.telling.targets import Targets
from consumers.telling.transport import Transport
from consumers.telling.worker import dispatch

NOW = datetime(2026, 3, 5, 9, 30, 15, 250_000, tzinfo=UTC)
KEY = bytes(range(32))
SECRET = "SECdd1f6a0c"
MESSAGE = Message(
    id="5f0c1d5e-6a43-5d3a-8f0e-0d8f0e6a1b2c",
    person="person/per_1",
    position=41,
    topic="record.stage-changed.v1",
    reason="owner",
    at=datetime(2026, 3, 5, 9, 30, tzinfo=UTC),
    record="deal/dea_1",
    about=About({"zh": "商机", "en": "Deal"}, "Acme *pump* <b>\r\nBcc: x@example.com", "v1/deals/dea_1"),
    url="https://sales.example.com/",
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return a_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport(timeout_seconds=1.5)
    yield made
    made.close()


@dataclass
class Wire:
    """One adapter with a receiver of its kind: what it answers when all is well, when it is busy, when it will never do; what must arrive."""

    name: str
    listen: Callable[..., Any]
    target: Callable[[Any], dict[str, Any]]
    well: Any
    busy: Any
    refused: list[Any]
    check: Callable[[Any], None]


def body_of(receiver) -> tuple[bytes, dict[str, Any]]:
    (got,) = receiver.got
    assert got.headers["content-type"] == "application/json; charset=utf-8"
    assert got.headers["user-agent"] == "dealtrail"
    return got.body, json.loads(got.body)


MARKDOWN = (
    "**Stage changed: Deal Acme \uff0apump\uff0a \uff1cb\uff1e Bcc: x\uff20example.com**\n\nYou are the owner now\n\n"
    "[Open](https://sales.example.com/v1/deals/dea_1)\n\n`5f0c1d5e-6a43-5d3a-8f0e-0d8f0e6a1b2c`"
)
TITLE = "Stage changed: Deal Acme \uff0apump\uff0a \uff1cb\uff1e Bcc: x\uff20example.com"


def check_webhook(receiver) -> None:
    body, told = body_of(receiver)
    (got,) = receiver.got
    assert (got.path, got.headers["webhook-id"], got.headers["webhook-timestamp"]) == (
        "/in",
        MESSAGE.id,
        "1772703015",
    )
    signed = b"5f0c1d5e-6a43-5d3a-8f0e-0d8f0e6a1b2c.1772703015." + body
    digest = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    assert got.headers["webhook-signature"] == f"v1,{digest}"
    assert told == {
        "type": "record.stage-changed.v1",
        "timestamp": "2026-03-05T09:30:00.000000Z",
        "data": {
            "notification": MESSAGE.id,
            "person": "person/per_1",
            "position": 41,
            "record": "deal/dea_1",
            "reason": "owner",
            "concerns": None,
            "title": MESSAGE.title("en"),
            "link": "https://sales.example.com/v1/deals/dea_1",
        },
    }


def check_dingtalk(receiver) -> None:
    _, told = body_of(receiver)
    query = parse_qs(urlsplit(receiver.got[0].path).query, strict_parsing=True)
    digest = hmac.new(SECRET.encode(), b"1772703015250\n" + SECRET.encode(), hashlib.sha256).digest()
    assert query == {
        "access_token": ["tok"],
        "timestamp": ["1772703015250"],
        "sign": [base64.b64encode(digest).decode()],
    }
    assert not {"+", "/"} & {*urlsplit(receiver.got[0].path).query}
    assert told == {"msgtype": "markdown", "markdown": {"title": TITLE, "text": MARKDOWN}}


def check_wecom(receiver) -> None:
    _, told = body_of(receiver)
    assert receiver.got[0].path == "/in?key=tok"
    assert told == {"msgtype": "markdown", "markdown": {"content": MARKDOWN}}


def check_feishu(receiver) -> None:
    _, told = body_of(receiver)
    digest = hmac.new(b"1772703015\n" + SECRET.encode(), b"", hashlib.sha256).digest()
    assert told == {
        "timestamp": "1772703015",
        "sign": base64.b64encode(digest).decode(),
        "msg_type": "interactive",
        "card": {
            "header": {"title": {"tag": "plain_text", "content": TITLE}},
            "elements": [{"tag": "markdown", "content": MARKDOWN}],
        },
    }


def check_mail(receiver) -> None:
    (letter,) = receiver.letters
    told = message_from_bytes(letter, policy=policy.SMTP)
    assert {
        name: told[name] for name in ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted")
    } == {
        "From": "crm@example.com",
        "To": "anna@example.com",
        "Subject": "Stage changed: Deal Acme *pump* <b> Bcc: x@example.com",
        "Date": "Thu, 05 Mar 2026 09:30:15 +0000",
        "Message-ID": "<5f0c1d5e-6a43-5d3a-8f0e-0d8f0e6a1b2c@example.com>",
        "Auto-Submitted": "auto-generated",
    }
    assert told["Bcc"] is None
    assert receiver.envelopes == [("crm@example.com", "anna@example.com")]
    assert receiver.encrypted == [True]
    assert base64.b64decode(receiver.logins[0].split()[-1]) == b"\0crm\0hunter22"
    assert told.get_content().splitlines()[-2:] == ["https://sales.example.com/v1/deals/dea_1", MESSAGE.id]


def http(*answers):
    return an_http_receiver(*answers)


def robot(code: str, path: str, check, busy: int, refused: list[int], **secret: str) -> Wire:
    """A robot: it answers 200, and says in its body what it thinks."""

    def says(number: int) -> Any:
        return (200, {}, json.dumps({code: number, "errmsg": "…"}).encode())

    channel = check.__name__.removeprefix("check_")
    return Wire(
        channel,
        http,
        lambda receiver: {"channel": channel, "url": receiver.url + path, "language": "en", **secret},
        says(0),
        says(busy),
        [says(number) for number in refused],
        check,
    )


WIRES = {
    "webhook": Wire(
        "webhook",
        http,
        lambda receiver: {
            "channel": "webhook",
            "url": f"{receiver.url}/in",
            "secret": "whsec_" + base64.b64encode(KEY).decode(),
            "language": "en",
        },
        (204, {}, b""),
        (500, {}, b"oops"),
        [(status, {}, b"") for status in (400, 401, 404, 410, 422)],
        check_webhook,
    ),
    "dingtalk": robot(
        "errcode", "/in?access_token=tok", check_dingtalk, 130101, [300001, 310000], secret=SECRET
    ),
    "wecom": robot("errcode", "/in?key=tok", check_wecom, 45009, [93000]),
    "feishu": robot("code", "/in/tok", check_feishu, 11232, [9499, 19001, 19021], secret=SECRET),
}


def mail_wire(certificate, implicit: bool) -> Wire:
    context, trusted = certificate

    @contextmanager
    def listen(*answers):
        with a_mail_receiver(*answers, tls=context, implicit=implicit) as receiver:
            yield receiver

    return Wire(
        "email",
        listen,
        lambda receiver: {
            "channel": "email", "host": "127.0.0.1", "port": receiver.port, "security": "tls" if implicit else "starttls",
            "sender": "crm@example.com", "to": "anna@example.com", "username": "crm", "password": "hunter22",
            "ca_file": str(trusted), "language": "en",
        },
        "250 OK", "451 later", ["550 nobody", "553 odd"],
        check_mail,
    )  # fmt: skip


@pytest.fixture(params=[*WIRES, "starttls", "tls"])
def wire(request, certificate) -> Wire:
    return WIRES.get(request.param) or mail_wire(certificate, request.param == "tls")


def target_of(wire: Wire, receiver: Any):
    told = wire.target(receiver)
    return Targets.read(json.dumps({"there": told})).get("there", wire.name)


# ── the contract ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_message_arrives_as_its_receiver_reads_it(wire, transport):
    """Every byte that matters, the signature made again from the vendor's description; nothing in it becomes markup or a header."""
    with wire.listen(wire.well) as receiver:
        assert dispatch(transport, target_of(wire, receiver), MESSAGE, NOW).fate is Fate.sent
        wire.check(receiver)


def test_a_receiver_that_is_busy_gets_the_same_message_again(wire, transport):
    """With the same id, so that it can tell."""
    with wire.listen(wire.busy, wire.well) as receiver:
        target = target_of(wire, receiver)
        fates = [dispatch(transport, target, MESSAGE, NOW).fate for _ in range(2)]
        assert fates == [Fate.later, Fate.sent]
        bodies = [got.body for got in receiver.got] if wire.listen is http else receiver.letters
        assert len(bodies) == (
            2 if wire.listen is http else 1
        )  # a letter is refused before it is handed over
        assert len(set(bodies)) == 1
        assert MESSAGE.id.encode() in bodies[0]


def test_what_a_receiver_refuses_for_good_is_not_sent_again(wire, transport):
    """Its error is a word of ours: what the receiver said may repeat what was sent."""
    for refused in wire.refused:
        with wire.listen(refused) as receiver:
            outcome = dispatch(transport, target_of(wire, receiver), MESSAGE, NOW)
        assert outcome.fate is Fate.never, refused
        assert not {"…", "nobody", "odd"} & {*str(outcome.error).split("-")}


def test_a_receiver_that_hangs_holds_nobody_up(wire, transport):
    with wire.listen(HANG) as receiver:
        outcome = dispatch(transport, target_of(wire, receiver), MESSAGE, NOW)
    assert (outcome.fate, outcome.error) == (Fate.later, "timeout")


def test_a_receiver_that_sends_a_byte_at_a_time_holds_nobody_up(transport):
    """The whole request is bounded, not each byte of it: a slow answer used to hold a worker for hours."""
    with http(DRIP) as receiver:
        outcome = dispatch(transport, target_of(WIRES["webhook"], receiver), MESSAGE, NOW)
    assert (outcome.fate, outcome.error) == (Fate.later, "timeout")


def test_where_nobody_listens_it_is_tried_again(wire, transport):
    """Without a word of where that was: the address holds a token."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nobody = type("Nobody", (), {"url": f"http://127.0.0.1:{port}", "port": port})
    outcome = dispatch(transport, target_of(wire, nobody), MESSAGE, NOW)
    assert (outcome.fate, outcome.error) == (Fate.later, "unreachable")


@pytest.mark.parametrize("name", WIRES)
def test_a_receiver_says_how_long_to_wait(name, transport):
    """429 with Retry-After, in seconds or as a date; what cannot be read says nothing."""
    wire = WIRES[name]
    told = ("120", "Thu, 05 Mar 2026 09:32:15 GMT", "soon", "-5", "999999999")
    with http(*((429, {"retry-after": text}, b"") for text in told)) as receiver:
        waits = [dispatch(transport, target_of(wire, receiver), MESSAGE, NOW).wait for _ in told]
    almost = timedelta(seconds=119, microseconds=750_000)
    assert waits == [timedelta(minutes=2), almost, None, None, timedelta(hours=24)]


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(name, status, transport):
    """What is signed for one place is sent to no other."""
    wire = WIRES[name]
    with http((200, {}, b"{}")) as elsewhere, http((status, {"location": elsewhere.url}, b"")) as receiver:
        outcome = dispatch(transport, target_of(wire, receiver), MESSAGE, NOW)
        assert (outcome.fate, outcome.error) == (Fate.never, f"http-{status}")
        assert elsewhere.got == []


@pytest.mark.parametrize("name", ["dingtalk", "wecom", "feishu"])
@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b'{"errcode": "0"}', b'{"errcode": true}', b"x" * 200_000]
)
def test_an_answer_nobody_can_read_is_no_success(name, body, transport):
    """However long it is, no more than its beginning is read."""
    wire = WIRES[name]
    with http((200, {}, body)) as receiver:
        outcome = dispatch(transport, target_of(wire, receiver), MESSAGE, NOW)
    assert (outcome.fate, outcome.error) == (Fate.later, "answer-unreadable")


def test_a_letter_is_not_handed_to_a_server_nobody_vouches_for(certificate, transport):
    """Neither the letter nor the password goes over a connection that could be anybody's."""
    for implicit in (False, True):
        wire = mail_wire(certificate, implicit)
        with wire.listen("250 OK") as receiver:
            told = wire.target(receiver) | {"ca_file": None}
            target = Targets.read(json.dumps({"there": told})).get("there", "email")
            assert dispatch(transport, target, MESSAGE, NOW).fate is Fate.later
            assert (receiver.letters, receiver.logins) == ([], [])


@pytest.mark.parametrize(
    "to", ["a@b.c\r\nBcc: x@y.z", "a@b.c, x@y.z", "<a@b.c>", "a@@b.c", "nobody", "", "a b@c.d"]
)
def test_only_the_address_of_one_mailbox_is_written_to(to, certificate, transport):
    told = mail_wire(certificate, False).target(type("Nobody", (), {"port": 9})) | {"to": None}
    target = Targets.read(json.dumps({"there": told})).get("there", "email")
    outcome = dispatch(transport, target, MESSAGE, NOW, to)
    assert (outcome.fate, outcome.error) == (Fate.never, "no-address")
