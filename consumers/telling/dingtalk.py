"""Robots of DingTalk groups, after "自定义机器人接入" and "自定义机器人安全设置" of the DingTalk open platform (open.dingtalk.com)."""

import base64
import hashlib
import hmac
from datetime import datetime
from urllib.parse import urlencode

from consumers.telling.message import Message, cut, escaped, markdown
from consumers.telling.outcomes import HttpAnswer, Outcome, of_code
from consumers.telling.requests import JSON, HttpRequest, json_bytes
from consumers.telling.targets import Robot

MAX_BYTES = 19_000
"""A robot takes messages of 20,000 bytes; the rest is for what stands around the text."""

PERMANENT = frozenset(
    {40035, 300001, 300005, 310000, 400013, 400101, 400102, 400105, 400106, 430101, 430102, 430103, 430104}
)
"""The token is none, the robot is stopped, the signature or a keyword is wrong, the content is not taken. 130101 and 410100 are rate limits."""


def request(message: Message, target: Robot, now: datetime) -> HttpRequest:
    """Build the request: a Markdown message, signed in the query with the time in milliseconds."""
    url = target.url.get_secret_value()
    if target.secret is not None:
        timestamp = str(int(now.timestamp() * 1000))
        signed = {"timestamp": timestamp, "sign": signature(target.secret.get_secret_value(), timestamp)}
        url = f"{url}{'&' if '?' in url else '?'}{urlencode(signed)}"
    content = {
        "msgtype": "markdown",
        "markdown": {
            "title": cut(escaped(message.title(target.language)), 200),
            "text": cut(markdown(message, target.language), MAX_BYTES),
        },
    }
    return HttpRequest(url, json_bytes(content), {"content-type": JSON})


def signature(secret: str, timestamp: str) -> str:
    """Sign `timestamp`, a line break and the secret with the secret itself; base64, percent-encoded where it is put into the query."""
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """A robot answers 200 with an `errcode`; 0 means that it took the message."""
    return of_code(answer, now, "errcode", PERMANENT)
