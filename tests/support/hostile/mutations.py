"""Mutations of valid requests: one seed and one number always make the same request of the same example."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any
from urllib.parse import quote, quote_from_bytes

from support.hostile import payloads
from support.hostile.examples import Plain, address
from support.hostile.wire import Sent

METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "FOO",
    "get",
    "PROPFIND",
)
MEDIA_TYPES = (
    "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/json; charset=utf-8", "application/{c}+json",
    "application/merge-patch+json", "", "json", "{c}", "*/*", "application/yaml", "application/x-ndjson", "text/html; {c}", "image/svg+xml", "application/json, application/json", "application/pdf", "a/" + "b" * 300,
)  # fmt: skip
TAGS = (
    '"1"',
    'W/"1"',
    "1",
    "*",
    '"0"',
    '"-1"',
    '"01"',
    '"99999999999999999999"',
    '""',
    '"{c}"',
    '"1", "2"',
    "W/1",
    '"1',
    "'1'",
    '"9223372036854775807"',
    '"٣"',
    " ",
    'W/W/"1"',
    '"1e3"',
)
LANGUAGES = (
    "zh",
    "en;q=0.1,zh;q=0.9",
    "zh;q=NaN",
    "zh;q=1e999",
    "{c}",
    "*",
    "," * 500,
    "zh-" * 200,
    "en;q=-1",
    "zh;q=",
    ";;;",
    "zh;q=0.5;{c}",
    "ｚｈ",
)
ACCEPTS = (
    "*/*",
    "text/html",
    "application/json;q=0",
    "text/event-stream",
    "application/x-ndjson",
    "{c}",
    "text/event-stream;q=nan",
    "application/x-ndjson;q=inf",
    "application/json;q=1e400",
    ",,,",
    "a/b;" * 200,
)
EVENT_IDS = (
    "0",
    "3",
    "-1",
    "{c}",
    "9" * 18,
    "9" * 19,
    "9" * 60,
    "1.5",
    "٣",
    " 1 ",
    "",
    "0x1",
    "9223372036854775807",
)
DIGESTS = (
    "sha-256=:{c}:",
    "sha-256=:" + "A" * 43 + "=:",
    "sha-256=" + "A" * 44,
    "md5=:AAAA:",
    "sha-256=:====:",
    "{c}",
    "sha-256=:" + "A" * 44 + ":",
    "sha-256=:" + "A" * 43 + "é:",
    ",,,",
)
MISCELLANEOUS = ("X-Forwarded-For", "X-Forwarded-Host", "X-HTTP-Method-Override", "X-Original-URL", "Forwarded", "Cookie", "Origin", "Referer", "User-Agent", "Range", "If-None-Match", "If-Modified-Since",
    "traceparent", "tracestate", "Transfer-Encoding", "Content-Encoding", "Expect", "Upgrade", "Content-Length", "Host", "On-Behalf-Of", "Authorization", "Prefer", "X-Actor", "X-Tenant")  # fmt: skip
OPERATORS = (
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "in",
    "is_null",
    "contains",
    "like",
    "regex",
    "",
    "eq.eq",
    "{c}",
)
FILTERED = (
    "topic",
    "amount",
    "note",
    "heat",
    "scan",
    "contact",
    "stage",
    "owner",
    "team",
    "region",
    "id",
    "version",
    "touches",
    "last_touch_at",
    "opened_at",
    "external_id",
    "stage_entered_at",
    "fields.amount",
    "fields",
    "fields.",
    "$stage",
    "{c}",
    "phone",
    "name",
)
NEVER_IN_A_BODY = (
    "actor",
    "position",
    "tenant",
    "client",
    "channel",
    "recorded_at",
    "rights",
    "version",
    "decided_at",
    "basis",
    "on_behalf_of",
    "stream",
    "command",
    "expected_version",
    "told_time",
)
"""Members that only the token and the log tell (P27)."""
OFTEN_IN_A_BODY = (
    "occurred_at",
    "reason",
    "correlation_id",
    "causation_id",
    "happened_at",
    "effective_from",
    "id",
    "owner",
    "external_id",
    "unknown",
    "stage",
    "path",
    "contact",
    "email",
    "region",
    "part_of",
    "manager",
    "withdrawn",
)
"""Members many commands take, which their examples leave out."""


class Mutator:
    """Makes requests out of examples."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def random(self, number: int) -> Random:
        """The randomness of one request."""
        return Random(f"{self._seed}/{number}")

    def canary(self, number: int) -> str:
        """A word that is nowhere but in one request."""
        return f"zq{self._seed % 65_536:x}q{number:x}zq"

    def plainly(self, plain: Plain, number: int) -> Sent:
        """The example itself, under a key of its own."""
        return _Making(self.random(number), self.canary(number), plain).sent()

    def mutated(self, plain: Plain, number: int) -> Sent:
        """A request made of the example by one to three mutations."""
        random = self.random(number)
        making = _Making(random, self.canary(number), plain)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            making.mutate()
        return making.sent()


class _Making:
    """One request while it is being made."""

    def __init__(self, random: Random, canary: str, plain: Plain) -> None:
        self.random = random
        self.canary = canary
        self.plain = plain
        self.method = plain.method
        self.path = address(plain).encode()
        self.query = list(plain.query)
        self.raw_query: bytes | None = None
        self.headers: list[tuple[str, bytes]] = [
            (name, value.encode()) for name, value in plain.headers.items()
        ]
        self.names: list[str] = []
        self.body = b""
        if plain.content is not None:
            self._set("Content-Type", plain.media_type or "application/json")
            if plain.media_type == "application/x-ndjson":
                plain = self.plain = replace(plain, content=self._with_fresh_keys(plain.content))
            self.body = (
                plain.content.encode()
                if isinstance(plain.content, str)
                else json.dumps(plain.content).encode()
            )
        if plain.is_command:
            self._set("Idempotency-Key", f"k-{canary}")

    def _with_fresh_keys(self, lines: str) -> str:
        found = [json.loads(line) for line in lines.splitlines()]
        return "".join(
            json.dumps(line | {"key": f"k-{self.canary}-{index}"}) + "\n" for index, line in enumerate(found)
        )

    # ── the request as it stands ─────────────────────────────────────────────────────────────────────────────────────

    def sent(self) -> Sent:
        if self.raw_query is None:
            self.raw_query = "&".join(
                f"{quote(name, safe='.$')}={quote(value, safe='')}" for name, value in self.query
            ).encode()
        if self.body and not any(
            name.lower() in ("content-length", "transfer-encoding") for name, _ in self.headers
        ):
            self.headers.append(("Content-Length", str(len(self.body)).encode()))
        headers = tuple((name.encode(), value) for name, value in self.headers)
        return Sent(
            self.method,
            self.path,
            self.raw_query,
            headers,
            self.body,
            self.canary,
            self.plain.operation,
            tuple(self.names),
        )

    def _set(self, name: str, value: str | bytes) -> None:
        raw = value if isinstance(value, bytes) else value.encode()
        raw = raw.replace(b"\r", b"").replace(b"\n", b"").replace(b"\x00", b"")
        self.headers = [(key, old) for key, old in self.headers if key.lower() != name.lower()] + [
            (name, raw)
        ]

    def _text(self) -> str:
        return payloads.text(self.random, self.canary)

    def _token(self) -> str:
        return payloads.token(self.random, self.canary)

    def _one_of(self, options: Sequence[str]) -> str:
        return self.random.choice(options).replace("{c}", self.canary)

    # ── mutations ────────────────────────────────────────────────────────────────────────────────────────────────────

    def mutate(self) -> None:
        """Change something."""
        ways: list[Callable[[], None]] = [self.in_headers, self.in_the_query, self.in_the_path]
        if self.plain.content is not None:
            ways += [self.in_the_body] * 9
        if self.plain.method == "GET":
            ways += [self.in_the_query] * 4 + [self.in_the_path] * 2
        if self.random.random() < 0.03:
            ways = [self.another_method]
        way = self.random.choice(ways)
        self.names.append(way.__name__)
        way()

    def another_method(self) -> None:
        self.method = self.random.choice(METHODS)

    def in_the_path(self) -> None:
        parts = self.path.split(b"/")
        segment = self._hostile_segment()
        own = [index for index, part in enumerate(self.plain.template.split("/")) if part.startswith("{")]
        pick = self.random.random()
        if pick < 0.6 and own and max(own) < len(parts):
            parts[self.random.choice(own)] = segment
        elif pick < 0.75 and len(parts) > 2:
            parts[self.random.randrange(1, len(parts))] = segment
        elif pick < 0.85:
            parts.append(segment)
        else:
            tricks: tuple[bytes, ...] = (
                self.path + b"/", b"/" + self.path, self.path.replace(b"/v1/", b"/v1//", 1), self.path.replace(b"/v1/", b"/v1/./", 1), self.path.replace(b"/v1/", b"/v1/x/../", 1), self.path.upper(),
                self.path.replace(b"/v1/", b"/v1%2f", 1), self.path + b"%20", self.path + b";a=b", self.path + b"%00", self.path + b"?", self.path.replace(b"/v1/", b"/V1/", 1), b"*", self.path + b"/" * 200, b"/" + segment,
                self.path.replace(b"/v1/", b"/v2/", 1), b"http://" + segment + self.path, self.path + b"#" + segment, b"/v1/" + segment, b"/problems/" + segment, b"/docs/" + segment, b"/v1/unknown_things/" + segment,
            )  # fmt: skip
            self.path = self.random.choice(tricks)
            return
        self.path = b"/".join(parts)

    def _hostile_segment(self) -> bytes:
        if self.random.random() < 0.15:
            return quote_from_bytes(
                self.random.choice(payloads.BYTES) + self.canary.encode(), safe=""
            ).encode()
        text = self._text()[:4_000]
        return quote(
            text, safe=self.random.choice(("", "", "/", "/:@!$&'()*+,;=-._~", "%")), errors="replace"
        ).encode()

    def in_the_query(self) -> None:
        pick = self.random.random()
        if pick < 0.45 and self.query:
            index = self.random.randrange(len(self.query))
            self.query[index] = (self.query[index][0], self._text()[:5_000])
        elif pick < 0.75:
            name = self.random.choice(FILTERED).replace("{c}", self.canary)
            operator = self._one_of(OPERATORS)
            value = (
                self._text()[:2_000]
                if self.random.random() < 0.6
                else self._one_of(payloads.NUMBERS + payloads.MOMENTS + ("true", "lead", "250", "warm"))
            )
            self.query.append((f"{name}.{operator}" if self.random.random() < 0.7 else name, value))
        elif pick < 0.85:
            known = (
                "as_of",
                "effective_at",
                "min_position",
                "limit",
                "cursor",
                "sort",
                "fields",
                "field",
                "order",
                "topic",
                "record",
                "after",
                "from",
                "to",
                "reason",
                "longer_than_days",
                "stage",
                "team",
                "active",
                "id",
                "occurred_at",
            )
            self.query.append((self.random.choice(known), self._text()[:5_000]))
        elif pick < 0.92:
            self.query += [
                (
                    self._one_of(("stage", "{c}", "as_of", "limit", "amount.gte")),
                    self._one_of(payloads.NUMBERS),
                )
            ] * self.random.choice((2, 30, 300))
        else:
            raw = (
                b"%", b"%zz=%1", b"a=%00", b"a=%ff%fe", b"&&&&", b"=", b"as_of", b"as_of=", b"as_of=%ed%a0%80", b"limit=1&limit=2", b"limit[]=1", b"limit=%31", b";limit=1", b"a=b;c=d", b"\xff\xfe=" + self.canary.encode(),
                b"as_of=%uD800", b"sort=" + b"-" * 400, b"sort=" + b",".join([b"stage"] * 60), b"fields=" + b"," * 1_000, b"x=" + b"y" * 17_000, b"cursor=" + b"=" * 50, b"cursor=eyJwIjogMSwgInMiOiAxfQ", b"cursor=W10", b"cursor=bnVsbA",
            )  # fmt: skip
            self.raw_query = self.random.choice(raw)

    def in_headers(self) -> None:
        choose = self.random.choice
        match self.random.randrange(10):
            case 0:
                self._set("If-Match", self._one_of(TAGS))
            case 1:
                self._set(
                    "Idempotency-Key",
                    choose(
                        (
                            "",
                            self._text()[:300],
                            self.canary * 40,
                            "k" * 201,
                            "\x01" + self.canary,
                            self.canary + " x",
                        )
                    ).encode("utf-8", "replace"),
                )
            case 2:
                self._set("Accept-Language", self._one_of(LANGUAGES))
            case 3:
                self._set("Accept", self._one_of(ACCEPTS))
            case 4:
                self._set("Last-Event-ID", self._one_of(EVENT_IDS))
            case 5:
                self._set("Content-Digest", self._one_of(DIGESTS))
            case 6 | 7:
                self._set("Content-Type", self._one_of(MEDIA_TYPES))
            case 8:
                name = choose(MISCELLANEOUS)
                self._set(name, self._text()[:3_000].encode("utf-8", "replace"))
            case _:
                self.headers += [
                    (
                        choose(
                            (
                                "X-A",
                                "Accept",
                                "If-Match",
                                "Idempotency-Key",
                                "Content-Type",
                                "Content-Length",
                                "Last-Event-ID",
                            )
                        ),
                        self._one_of((*TAGS, "{c}")).encode(),
                    )
                ] * choose((1, 2, 120))

    def in_the_body(self) -> None:
        if self.random.random() < 0.15:
            self._bytes_of_the_body()
        elif self.plain.media_type == "application/x-ndjson":
            self._lines()
        elif isinstance(self.plain.content, str):
            self._document()
        else:
            self.body = self._mutated_json(self.plain.content)

    def _bytes_of_the_body(self) -> None:
        body, random = self.body, self.random
        at = random.randrange(len(body) + 1)
        splice = random.choice(payloads.BYTES)
        self.body = random.choice(
            (
                body[:at], body[at:], body[:at] + splice + body[at:], b"\xef\xbb\xbf" + body, body + body, b"", b" " * 1_000 + body, body.decode("utf-8", "replace").encode("utf-16"), b"[" + body + b"]", b"null", b"[]", b'"' + self.canary.encode() + b'"',
                body + b"\x00", b"[" * 100_000, b'{"a":' * 5_000, body.replace(b'"', b"'"), body.replace(b":", b"=", 1), self.canary.encode() * 3, body.replace(b"}", b',"' + self.canary.encode() + b'":1}', 1), body[:at] + body[at:][::-1], b"-", b"1", b"true",
                b"\r\n".join(body.split(b" ")), b"{}", b'{"fields":{}}', body.decode("utf-8", "replace").encode("utf-7", "replace"),
            )
        )  # fmt: skip

    def _lines(self) -> None:
        random = self.random
        lines = [line for line in self.plain.content.splitlines() if line]
        index = random.randrange(len(lines))
        match random.randrange(7):
            case 0:
                lines.insert(
                    index,
                    self._one_of(
                        ("", "   ", "{}", "[]", "null", "{c}", '"{c}"', "{", "\ufeff{}", '{"key":"{c}"}')
                    ),
                )
            case 1:
                lines *= random.choice((2, 20))
            case 2:
                lines[index] = lines[index][: random.randrange(len(lines[index]))]
            case _:
                line = json.loads(lines[index])
                lines[index] = self._mutated_json(line).decode("utf-8", "surrogatepass").replace("\n", "\\n")
        self.body = random.choice(("\n", "\n", "\r\n", "\n\n")).join(lines).encode("utf-8", "replace")

    def _document(self) -> None:
        lines = self.plain.content.split("\n")
        index = self.random.randrange(len(lines))
        indent = " " * (len(lines[index]) - len(lines[index].lstrip()))
        match self.random.randrange(5):
            case 0:
                lines.insert(index, indent + self._one_of(payloads.YAML))
            case 1:
                name, colon, _ = lines[index].partition(":")
                lines[index] = (
                    f"{name}{colon} {self._one_of(payloads.YAML) if self.random.random() < 0.3 else self._text()[:500]}"
                )
            case 2:
                del lines[index]
            case 3:
                lines[index] = lines[index].replace(lines[index].strip()[:5] or "x", self.canary)
            case _:
                lines.append(self._one_of(payloads.YAML))
        self.body = "\n".join(lines).encode("utf-8", "replace")

    def _mutated_json(self, value: Any) -> bytes:
        """JSON of a value with one thing in it changed: a value, a name, or another member."""
        places = list(_places(value))
        place = self.random.choice(places)
        pick = self.random.random()
        change: tuple[str, str]
        if pick < 0.55:
            change = ("value", self._token() if self.random.random() < 0.5 else self._literal(self._text()))
        elif pick < 0.65:
            change = ("name", self._literal(self._text()))
        elif pick < 0.71:
            change = ("more", f"{self._literal(self.random.choice(NEVER_IN_A_BODY))}: {self._token()}")
        elif pick < 0.8:
            member = self.random.choice(OFTEN_IN_A_BODY)
            text = self._one_of(payloads.MOMENTS) if "_at" in member or "_from" in member else self._text()
            change = (
                "more",
                f"{json.dumps(member)}: {self._literal(text) if self.random.random() < 0.8 else self._token()}",
            )
        elif pick < 0.86:
            change = ("more", f"{self._literal(self._text())}: {self._literal(self._text())}")
        elif pick < 0.92:
            change = ("twice", "")
        else:
            change = ("none", "")
        return _spelled(value, (), place, change).encode("utf-8", "surrogatepass")

    def _literal(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self.random.random() < 0.5)


Place = tuple[str | int, ...]


def _places(value: Any, at: Place = ()) -> Any:
    """Every place in a JSON value; members more than once, so that deep ones are met as often."""
    yield at
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _places(item, (*at, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*at, index))


def _spelled(value: Any, at: Place, place: Place, change: tuple[str, str]) -> str:
    """JSON of a value, changed at one place; what stands there instead need not be JSON."""
    here, (what, told) = at == place, change
    if here and what == "value":
        return told
    if isinstance(value, dict):
        members = []
        for name, item in value.items():
            below = (*at, name)
            if below == place and what == "none":
                continue
            key = told if below == place and what == "name" else json.dumps(name)
            member = f"{key}: {_spelled(item, below, place, change)}"
            members += [member] * (2 if below == place and what == "twice" else 1)
        if what == "more" and (here or place[:-1] == at):
            members.append(told)
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return (
            "["
            + ", ".join(_spelled(item, (*at, index), place, change) for index, item in enumerate(value))
            + "]"
        )
    return json.dumps(value)
