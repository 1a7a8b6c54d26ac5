"""Signed webhooks, after the specification "Standard Webhooks" 1.0.0 (spec/standard-webhooks.md: payload structure, signature scheme, webhook headers)."""

import base64
import hashlib
import hmac
from datetime import datetime

from consumers.telling.message import Message
from consumers.telling.outcomes import HttpAnswer, Outcome, of_status
from consumers.telling.requests import JSON, HttpRequest, json_bytes
from consumers.telling.targets import Webhook
from domain.values import moment_text


def request(message: Message, target: Webhook, now: datetime) -> HttpRequest:
    """Build the request. `webhook-id` is the notification's at every attempt, `webhook-timestamp` the attempt's, in seconds."""
    body = json_bytes(
        {
            "type": message.topic,
            "timestamp": moment_text(message.at),
            "data": {
                "notification": message.id,
                "person": message.person,
                "position": message.position,
                "record": message.record,
                "reason": message.reason,
                "concerns": message.concerns,
                "title": message.title(target.language),
                "link": message.link,
            },
        }
    )
    timestamp = str(int(now.timestamp()))
    headers = {
        "content-type": JSON,
        "webhook-id": message.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(target.key, message.id, timestamp, body),
    }
    return HttpRequest(target.url.get_secret_value(), body, headers)


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Sign `id.timestamp.body`: version 1 is HMAC-SHA256, in base64."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """Any 2xx means that it arrived."""
    return of_status(answer, now)
