"""Closing a period of an index: a result that was computed becomes an event, under the version of the rules it was computed by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from commands.bus import CommandBus
from commands.caller import Caller
from commands.submission import Answer, Submission
from domain.indices.commands import CloseIndex
from domain.values import Stored, moment_text


@dataclass(frozen=True, slots=True)
class IndexResult:
    """The cells of an index for one period, as they were computed at a `position` of the log under a version (`number`) of a playbook.

    A cell maps names to values: texts, truth values, whole numbers, decimals, dates, moments, lists and mappings of them, and None for unknown.
    """

    playbook: str
    number: int
    position: int
    cells: Sequence[Mapping[str, Any]]


def close_period(
    bus: CommandBus,
    caller: Caller,
    index: str,
    period: str,
    computed: IndexResult,
    restates: int | None = None,
    reason: str | None = None,
    *,
    key: str | None = None,
    channel: str = "system",
    told_time: datetime | None = None,
) -> Answer:
    """Freeze what was computed for a period. Raises the refusal where the period is closed already, or is not over.

    Without a `key` the closing of a period is one and the same command however often it is sent with the same result.
    """
    command = CloseIndex(
        index=index,
        playbook=computed.playbook,
        number=computed.number,
        period=period,
        position=computed.position,
        result=[{name: frozen(value) for name, value in cell.items()} for cell in computed.cells],
        restates=restates,
    )
    return bus.submit(
        Submission(
            command=command,
            client=caller.client,
            key=key or f"close {index} {period} {computed.position} {restates or ''}",
            actor=caller.actor,
            channel=channel,
            rights=caller.rights,
            on_behalf_of=caller.on_behalf_of,
            reason=reason,
            told_time=told_time,
        )
    )


def frozen(value: object) -> Stored:
    """Return a value as a closing keeps it: numbers, days and moments are texts. Raises TypeError for what is not exact."""
    match value:
        case None | bool() | str():
            return value
        case int() | Decimal():
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        case datetime():
            return moment_text(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {str(name): frozen(item) for name, item in value.items()}
        case Sequence():
            return [frozen(item) for item in value]
        case _:
            raise TypeError(f"a closing keeps no {type(value).__name__}")
