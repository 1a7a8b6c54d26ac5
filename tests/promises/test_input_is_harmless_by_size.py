"""P19: what is too large, too deep, too many or too slow is refused, and costs next to nothing."""

import socket
import time
from collections.abc import Iterator

import pytest
from support.hostile import costs
from support.hostile.costs import MEGABYTE

MOST_MORE = 20 * MEGABYTE
served = costs.served


def in_pieces(size: int) -> Iterator[bytes]:
    """A body of which nobody says how long it is."""
    for _ in range(size // 65_536):
        yield b"x" * 65_536


MILLION = b'{"fields": {"topic": [' + b"0," * 999_999 + b"0]}}"
TOO_MUCH = {
    "10 MB": ("/v1/deals", b"x" * 10 * MEGABYTE, {413}),
    "a million elements": ("/v1/deals", MILLION, {413}),
    "a million elements, in a list": ("/v1/deals/dea_1/touches", b"[" + b"0," * 999_999 + b"0]", {413}),
    "100 deep": ("/v1/deals", b'{"fields": {"topic": ' + b"[" * 100 + b"]" * 100 + b"}}", {400}),
    "100 objects deep": ("/v1/deals", b'{"a":' * 100 + b"1" + b"}" * 100, {400}),
    "a million deep": ("/v1/deals", b"[" * 1_000_000, {400}),
    "half a million whole numbers in a field": (
        "/v1/deals",
        b'{"fields": {"topic": [' + b"0," * 520_000 + b"0]}}",
        {422},
    ),
    "half a million whole numbers, in a list": ("/v1/deals", b"[" + b"0," * 520_000 + b"0]", {422}),
    "half a million whole numbers where names are listed": (
        "/v1/deals",
        b'{"unknown": [' + b"0," * 520_000 + b"0]}",
        {422},
    ),
    "349,000 objects in a field": (
        "/v1/deals",
        b'{"fields": {"topic": [' + b"{}," * 349_000 + b"{}]}}",
        {422},
    ),
    "349,000 texts in a field": ("/v1/deals", b'{"fields": {"topic": [' + b'"",' * 349_000 + b'""]}}', {422}),
    "100,000 members": (
        "/v1/deals",
        b"{" + b",".join(b'"%x":1' % number for number in range(100_000)) + b"}",
        {422},
    ),
    "100,000 fields": (
        "/v1/deals",
        b'{"fields": {' + b",".join(b'"%x":1' % number for number in range(100_000)) + b"}}",
        {422},
    ),
    "as many whole numbers as are looked at": (
        "/v1/deals",
        b'{"fields": {"topic": [' + b"0," * 19_990 + b"0]}}",
        {422},
    ),
    "a text of a megabyte": ("/v1/deals", b'{"fields": {"topic": "' + b"x" * 1_048_000 + b'"}}', {422}),
    "a text of escapes": ("/v1/deals", b'{"fields": {"topic": "' + b"\\u0041" * 170_000 + b'"}}', {422}),
    "a line of a bulk request": ("/v1/bulk", b'{"key": "' + b"k" * 2 * MEGABYTE, {200}),
    "10 MB of lines": ("/v1/bulk", b"{}\n" * 3_500_000, {413}),
    "a playbook of 10 MB": ("/v1/playbooks/checks", b"a: 1\n" * 2 * MEGABYTE, {413}),
}
MEDIA_TYPES = {"/v1/bulk": "application/x-ndjson", "/v1/playbooks/checks": "application/yaml"}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much_is_refused_and_costs_next_to_nothing(served, what):
    """P19: a 4xx within a second of processor time, and at most 20 MB more memory even while it is refused."""
    path, body, expected = TOO_MUCH[what]
    served.post("/v1/deals", b"{")
    assert len(body) < MEGABYTE or 422 not in expected, "what is legal fits"
    before, most = served.processor_seconds(), served.memory()
    served.forget_the_most()
    status, answer = served.post(path, body, MEDIA_TYPES.get(path, "application/json"))
    assert status in expected, answer[:500]
    assert len(answer) < 20_000
    more = served.memory("VmHWM") - most
    print(f"{what}: {status}, {served.processor_seconds() - before:.2f} s, {more / MEGABYTE:.1f} MB more")
    assert served.processor_seconds() - before <= 1
    assert more <= MOST_MORE


def test_bodies_of_unknown_length_are_counted(served):
    """P19: 10 MB in pieces, nobody saying so, stop being read after the first."""
    most = served.memory()
    served.forget_the_most()
    assert served.post("/v1/deals", in_pieces(10 * MEGABYTE))[0] == 413
    assert served.memory("VmHWM") - most <= MOST_MORE


def test_headers_without_end_are_refused(served):
    """P19: too many, too long, and never ending."""
    for head in (
        b"".join(b"X-%d: 1\r\n" % number for number in range(5_000)),
        b"X-A: " + b"a" * 200_000 + b"\r\n",
        b"Idempotency-Key: " + b"k" * 60_000 + b"\r\n",
    ):
        with served.raw() as connection:
            connection.sendall(b"GET /v1/deals HTTP/1.1\r\nHost: x\r\n" + head)
            answer = heard(connection)
        assert b" 400 " in answer[:20] or b" 431 " in answer[:20], answer[:300]
        assert b"application/problem+json" in answer
        assert b"aaaaaaaa" not in answer


def heard(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    answer = b""
    try:
        while piece := connection.recv(65_536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def test_fifty_slow_clients_hold_up_nobody(served):
    """P19: clients that send a byte now and then are let go; meanwhile everybody else is answered."""
    head = f"POST /v1/deals HTTP/1.1\r\nHost: x\r\nAuthorization: {served.authorization()}\r\nContent-Type: application/json\r\nIdempotency-Key: slow\r\nContent-Length: 100\r\n\r\n"
    slow = [served.raw() for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(head.encode() + b"{")
        assert served.post("/v1/deals", b'{"fields": {"topic": "meanwhile"}}')[0] == 201
        time.sleep(0.3)
        for connection in slow:
            connection.sendall(b'"')
        answers = [heard(connection) for connection in slow]
    finally:
        for connection in slow:
            connection.close()
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers), answers[0][:300]
    assert served.post("/v1/deals", b'{"fields": {"topic": "afterwards"}}')[0] == 201
