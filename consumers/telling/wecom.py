"""Robots of WeCom groups, after "群机器人配置说明" (developer.work.weixin.qq.com, document 91770) and "全局错误码" (document 90313)."""

from datetime import datetime

from consumers.telling.message import Message, cut, markdown
from consumers.telling.outcomes import HttpAnswer, Outcome, of_code
from consumers.telling.requests import JSON, HttpRequest, json_bytes
from consumers.telling.targets import Robot

MAX_BYTES = 4_096
"""A Markdown message has at most so many bytes of UTF-8."""

PERMANENT = frozenset({40001, 40008, 40013, 40014, 40058, 45002, 48002, 60011, 93000, 93004, 93008, 93017})
"""The URL is none, the robot was removed, the message is not taken. 45009 is the rate limit, -1 says that the server is busy."""


def request(message: Message, target: Robot, now: datetime) -> HttpRequest:
    """Build the request: a Markdown message. The key stands in the URL, and nothing is signed."""
    del now
    content = {
        "msgtype": "markdown",
        "markdown": {"content": cut(markdown(message, target.language), MAX_BYTES)},
    }
    return HttpRequest(target.url.get_secret_value(), json_bytes(content), {"content-type": JSON})


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """A robot answers 200 with an `errcode`; 0 means that it took the message."""
    return of_code(answer, now, "errcode", PERMANENT)
