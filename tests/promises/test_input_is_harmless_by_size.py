"""P19, P20: what is too large, too deep, too many or too slow is refused, and costs next to nothing."""

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.faults.http_service import LOOPBACK, HttpService
from support.hostile import payloads
from support.sales import PLAYBOOK, Desk

from infra.settings import Settings
from infra.tenant import open_tenant

MEGABYTE = 1_048_576
MOST_MORE = 20 * MEGABYTE
RULES = 2_000


class Served(HttpService):
    """`dealtrail serve` in a process of its own, with what it costs: processor seconds and resident memory."""

    def __init__(self, url: str, tenant: str) -> None:
        super().__init__(url, tenant, command_id=str)
        self._environment |= {"DEALTRAIL_HEADER_SECONDS": "1", "DEALTRAIL_BODY_SECONDS": "1"}
        self._number = 0

    def raw(self) -> socket.socket:
        """A connection, for whoever speaks no proper HTTP."""
        return socket.create_connection((LOOPBACK, self._port), timeout=30)

    def authorization(self) -> str:
        """The header that lets somebody in."""
        return self._headers["Authorization"]

    def post(
        self, path: str, body: Any, media_type: str = "application/json", **headers: str
    ) -> tuple[int, bytes]:
        """Send a body, whole or in pieces, and return the answer; the server may have stopped reading."""
        self._number += 1
        told = {
            "Authorization": self.authorization(),
            "Content-Type": media_type,
            "Idempotency-Key": f"size-{self._number}",
        }
        with closing(http.client.HTTPConnection(LOOPBACK, self._port, timeout=30)) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", path, body, told | headers)
            try:
                response = connection.getresponse()
                return response.status, response.read()
            except (ConnectionResetError, BrokenPipeError):
                return (
                    413,
                    b"{}",
                )  # the answer was lost with what nobody read: what counts is that nobody read it

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def processor_seconds(self) -> float:
        """How much processor time it has taken."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, what: str = "VmRSS") -> int:
        """How much memory it holds, or held at most since `forget_the_most`."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))

    def forget_the_most(self) -> None:
        """Begin to look for the most memory anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@pytest.fixture(scope="module")
def served(embedded_home, a_fresh_name) -> Iterator[Served]:
    """A server with one deal."""
    own = Settings(_env_file=None, home=embedded_home, database_url=None, tenant=a_fresh_name("sizes"))
    with open_tenant(own) as tenant:
        Desk(tenant)
        served = Served(tenant.url, own.tenant)
        served.start()
        try:
            assert served.post("/v1/deals", b'{"id": "dea_1"}')[0] == 201
            assert served.post("/v1/playbooks/checks", PLAYBOOK.encode(), "application/yaml")[0] == 200
            yield served
        finally:
            served.close()


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


# Rules and playbooks


def playbooks_of(seed: int) -> Iterator[str]:
    """Playbooks whose rule, or whose every other line, is hostile."""
    random = Random(seed)
    lines = PLAYBOOK.split("\n")
    names = ("amount", "topic", "heat", "contact", "note", "scan", "nothing")
    parts = (
        "and",
        "or",
        "not",
        "(",
        ")",
        "+",
        "-",
        "*",
        "/",
        ">=",
        "<",
        "=",
        "in",
        "[",
        "]",
        ",",
        "'x'",
        "0",
        "9" * 60,
        "1e9",
        "days",
        "is",
        "empty",
        "filled",
        "count",
        "now",
        "'",
        '"',
        "%",
        "**",
        "..",
        "if",
        "else",
        "matches",
    )
    for _ in range(RULES):
        pick = random.random()
        if pick < 0.6:
            rule = " ".join(
                random.choice(random.choice((names, parts))) for _ in range(random.choice((1, 3, 8, 30, 200)))
            )
            yield PLAYBOOK.replace("amount >= 100", json.dumps(rule))
        elif pick < 0.8:
            rule = random.choice(payloads.TEXTS).replace("{c}", "x")
            yield PLAYBOOK.replace("amount >= 100", json.dumps(rule))
        else:
            at = random.randrange(len(lines))
            indent = " " * (len(lines[at]) - len(lines[at].lstrip()))
            yield "\n".join(
                [*lines[:at], indent + random.choice(payloads.YAML).replace("{c}", "x"), *lines[at:]]
            )


HOSTILE_RULES = (
    "(" * 10_000, "not " * 10_000 + "amount", "1 + " * 10_000 + "1", "amount >= " + "9" * 10_000, "'" + "a" * 100_000 + "'", "amount / 0 >= 1", "((amount))" * 500, "-" * 5_000 + "1 >= 0",
    "topic matches '(a+)+$'", "topic matches '" + "(" * 500 + "a" + ")" * 500 + "'", "topic matches 'a{1000}{1000}{1000}'", "topic matches '(?=a)'", "topic matches '\\1'", "__import__('os').system('id')",
    "amount.__class__", "globals()", "lambda: 1", "open('/etc/passwd')", "exec('x')", "amount >= 1; amount", "amount >= 1 # x", "1 if amount else 2", "[x for x in topic]", "f'{amount}'", "amount := 1", "\u202eamount", "amount\u0000",
    "2 ** 2 ** 2 ** 2 ** 9", "'a' * 9999999999", "date('0001-01-01') - days(1) >= date('9999-12-31')", "0001-01-01T00:00:00+14:00 >= now", "9999-12-31T23:59:59-14:00 >= now", "2026-02-30 >= now",
)  # fmt: skip


def test_rules_neither_hang_nor_escape(served, the_seed):
    """P20: 2,000 generated playbooks and rules, and the hostile ones: checked or refused with a reason and a place, in bounded time."""
    hostile = (PLAYBOOK.replace("amount >= 100", json.dumps(rule)) for rule in HOSTILE_RULES)
    refused = 0
    worst = (0.0, "")
    before, most = served.processor_seconds(), served.memory()
    for text in (*hostile, *playbooks_of(the_seed)):
        began = served.processor_seconds()
        status, answer = served.post(
            "/v1/playbooks/checks", text.encode("utf-8", "replace"), "application/yaml"
        )
        assert status == 200, (status, answer[:500], text)
        told = json.loads(answer)
        assert told["ok"] == (not told["problems"])
        assert all(
            found["line"] >= 1 and found["column"] >= 1 and found["message"] for found in told["problems"]
        )
        assert len(answer) < 200_000
        refused += not told["ok"]
        worst = max(worst, (served.processor_seconds() - began, repr(told["problems"][:1])[:200]))
    count = RULES + len(HOSTILE_RULES)
    print(
        f"{refused} of {count} refused; {(served.processor_seconds() - before) / count * 1000:.0f} ms each, the slowest {worst}"
    )
    assert refused > count / 2
    assert worst[0] <= 2
    assert served.memory() - most <= 3 * MOST_MORE, "what was refused is not kept"
