"""Sealing what is personal in a batch, before any of it reaches the log."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from commands.deciding import Decided
from commands.ports import Append, Expectation, Keyring, NewEvent, ToSeal
from domain.erasure import Erasures
from domain.events import MoveRefused
from domain.naming import ERASURES_STREAM
from domain.values import Private, Stored

REASON = ""
"""The field name reasons are bound to; no field of a playbook has an empty name."""


def seal(
    appends: Sequence[Append], decisions: Sequence[Decided], keyring: Keyring, erasures: Erasures
) -> list[Append]:
    """Seal every personal value of a batch, reasons included, with one look at the keys.

    Whatever seals something expects that nobody is erased before it is appended: its key could be the one that was destroyed.
    """
    nobody_erased = Expectation(ERASURES_STREAM, erasures.version, own=False)
    wanted: list[ToSeal] = []

    def collect(stream: str, field: str, value: object) -> None:
        if isinstance(value, Private):
            wanted.append(ToSeal(stream, field, value.subject, value.value))
        elif isinstance(value, dict):
            for item in value.values():
                collect(stream, field, item)

    seals: list[bool] = []
    for append, decision in zip(appends, decisions, strict=True):
        before = len(wanted)
        for event in append.events:
            for field, value in _placed(event.payload):
                collect(_home(event), field, value)
        if append.origin.reason is not None:
            # A sealed value is bound to the stream it stands in, and the events of a command may stand in several.
            streams = dict.fromkeys(event.stream for event in append.events)
            wanted += [
                ToSeal(stream, REASON, decision.reason_subject, append.origin.reason) for stream in streams
            ]
        seals.append(len(wanted) > before)
    tokens = iter(keyring.seal(wanted) if wanted else [])

    def replaced(value: Any) -> Any:
        if isinstance(value, Private):
            return next(tokens)
        return {name: replaced(item) for name, item in value.items()} if isinstance(value, dict) else value

    sealed = []
    for append, seals_something in zip(appends, seals, strict=True):
        events = [
            replace(event, payload={name: replaced(value) for name, value in event.payload.items()})
            for event in append.events
        ]
        if append.origin.reason is not None:
            reasons = {
                stream: _text(next(tokens)) for stream in dict.fromkeys(event.stream for event in events)
            }
            events = [replace(event, reason=reasons[event.stream]) for event in events]
        expected = nobody_erased in append.expectations
        expectations = (
            [*append.expectations, nobody_erased] if seals_something and not expected else append.expectations
        )
        sealed.append(replace(append, events=events, expectations=expectations))
    return sealed


def _text(sealed: Stored) -> str:
    return json.dumps(sealed, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _home(event: NewEvent) -> str:
    """The stream personal values of an event are bound to: a refused edit belongs to its record."""
    return event.event.record if isinstance(event.event, MoveRefused) else event.stream


def _placed(payload: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Walk a payload and name the field each value belongs to: the inner name where there is one."""
    for name, value in payload.items():
        if isinstance(value, dict):
            yield from value.items()
        else:
            yield name, value
