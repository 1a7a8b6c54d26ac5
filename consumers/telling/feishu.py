"""Robots of Feishu groups, after "自定义机器人使用指南" of the Feishu open platform (open.feishu.cn: 安全设置, 签名校验, 错误码)."""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any

from consumers.telling.message import Message, cut, escaped, markdown
from consumers.telling.outcomes import HttpAnswer, Outcome, of_code
from consumers.telling.requests import JSON, HttpRequest, json_bytes
from consumers.telling.targets import Robot

MAX_BYTES = 18_000
"""A robot takes bodies of 20 KB; the rest is for what stands around the text."""

PERMANENT = frozenset({9499, 10003, 19001, 19002, 19007, 19021, 19022, 19024})
"""The request is malformed, the token is none, the robot is stopped, the signature, the address or a keyword is wrong. 11232 is the rate limit."""


def request(message: Message, target: Robot, now: datetime) -> HttpRequest:
    """Build the request: a card with a Markdown element, signed in the body with the time in seconds."""
    content: dict[str, Any] = {}
    if target.secret is not None:
        timestamp = str(int(now.timestamp()))
        content = {"timestamp": timestamp, "sign": signature(target.secret.get_secret_value(), timestamp)}
    content |= {
        "msg_type": "interactive",
        "card": {
            "header": {
                "title": {"tag": "plain_text", "content": cut(escaped(message.title(target.language)), 200)}
            },
            "elements": [{"tag": "markdown", "content": cut(markdown(message, target.language), MAX_BYTES)}],
        },
    }
    return HttpRequest(target.url.get_secret_value(), json_bytes(content), {"content-type": JSON})


def signature(secret: str, timestamp: str) -> str:
    """Sign nothing, with `timestamp`, a line break and the secret as the key: unlike DingTalk's."""
    key = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """A robot answers 200 with a `code`; 0 means that it took the message."""
    return of_code(answer, now, "code", PERMANENT)
