"""Turns what the product keeps into the plain JSON the oracle reads: personal values opened, or marked as erased."""

import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from domain.envelope import Recorded
from domain.facts import Erased
from domain.playbook.published import PublishedPlaybook
from domain.values import SEALED

ERASED = {"erased": True}


@cache
def nowhere() -> Path:
    """A folder without a ledger: every row comes from the log."""
    return Path(tempfile.mkdtemp(prefix="no-ledger-"))


def plain_events(events: Iterable[Recorded], keys: Any) -> list[dict[str, Any]]:
    """Events as the oracle reads them."""
    reveal = keys.keyring().reveal
    return [_plain(recorded, reveal) for recorded in events]


def plain_draft(draft: PublishedPlaybook) -> dict[str, Any]:
    """A draft as the oracle reads it."""
    return {
        "name": draft.name,
        "number": 0,
        "document": draft.document_json,
        "rules": dict(draft.rules_json),
        "mappings": {},
        "scope": {},
        "effective_from": None,
    }


def _plain(recorded: Recorded, reveal: Any) -> dict[str, Any]:
    payload = recorded.event.payload()
    stream = payload["record"] if recorded.event.TOPIC == "record.move-refused.v1" else recorded.stream
    if recorded.event.TOPIC not in ("playbook.published.v1", "playbook.drafted.v1"):
        payload = {name: _opened(value, stream, name, reveal) for name, value in payload.items()}
    return {
        "position": recorded.position,
        "stream": recorded.stream,
        "version": recorded.version,
        "topic": recorded.event.TOPIC,
        "payload": payload,
        "occurred_at": recorded.occurred_at,
        "recorded_at": recorded.recorded_at,
        "decided_at": recorded.decided_at,
        "actor": recorded.actor,
        "on_behalf_of": recorded.on_behalf_of,
        "channel": recorded.channel,
        "reason": recorded.reason is not None,
        "basis": recorded.basis,
        "command_id": recorded.command_id,
        "playbook": recorded.playbook,
        "playbook_version": recorded.playbook_version,
    }


def _opened(value: Any, stream: str, name: str, reveal: Any) -> Any:
    """A value with what is sealed in it opened. A changed field has its old and its new value under the same name."""
    if isinstance(value, dict) and SEALED in value:
        opened = reveal(stream, name, value)
        return ERASED if isinstance(opened, Erased) else opened
    if isinstance(value, dict):
        return {
            inner: _opened(it, stream, name if inner in ("old", "new") else inner, reveal)
            for inner, it in value.items()
        }
    return value
