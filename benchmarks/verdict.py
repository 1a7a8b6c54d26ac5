"""Is every acknowledged command in the log, exactly once? Asked of the service itself, by reading all of its events."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from consumers.simulator.over_http import Address, Played

_SHOWN = 5


@dataclass
class Verdict:
    """What the log says about the answers that were given; `problems` is empty when it says the same."""

    events: int = 0
    acknowledged: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether every acknowledged command stands in the log exactly once."""
        return not self.problems


def head_of(address: Address) -> int:
    """Return the last position of the log a service has."""
    response = httpx.get(f"{_base(address)}/readyz", timeout=30)
    return int(response.json()["head"])


def _base(address: Address) -> str:
    return f"{'https' if address.is_secure else 'http'}://{address.authority}"


def events_after(address: Address, headers: Mapping[str, str], position: int) -> list[dict[str, Any]]:
    """Read every event after a position."""
    url = f"{_base(address)}/v1/events"
    told = {**headers, "Accept": "application/x-ndjson"}
    with httpx.stream("GET", url, params={"after": position}, headers=told, timeout=120) as response:
        if response.status_code != 200:
            raise RuntimeError(f"the events cannot be read: {response.status_code} {response.read()!r}")
        return [orjson.loads(line) for line in response.iter_lines() if line]


def judge(played: Sequence[Played], events: Iterable[Mapping[str, Any]], *, alone: bool) -> Verdict:
    """Compare answers with events. `alone` says that nobody else wrote meanwhile, so that no event may be unaccounted for."""
    there = {event["position"]: event for event in events}
    answered = [item for item in played if item.told.outcome != "failed"]
    verdict = Verdict(len(there), len(answered))
    taken = Counter(place.position for item in answered for place in item.told.events)
    wrong: dict[str, list[object]] = {}
    for position, times in taken.items():
        if position not in there:
            wrong.setdefault("acknowledged events are not in the log", []).append(position)
        if times > 1:
            wrong.setdefault("events were acknowledged for several commands", []).append(position)
    keys_of: dict[str, set[str]] = {}
    for item in answered:
        commands = set()
        for place in item.told.events:
            found = there.get(place.position)
            if found is None:
                continue
            commands.add(found["command_id"])
            if place.stream and (found["stream"], found["version"], found["topic"]) != (
                place.stream,
                place.version,
                place.topic,
            ):
                wrong.setdefault("events are not what was acknowledged", []).append(place.position)
        if len(commands) > 1:
            wrong.setdefault("commands have events of other commands", []).append(item.submission.key)
        for command in commands:
            keys_of.setdefault(command, set()).add(item.submission.key)
    for keys in keys_of.values():
        if len(keys) > 1:
            wrong.setdefault("commands share their events", []).append(sorted(keys))
    wrong |= _twice(there, taken, keys_of, alone=alone)
    verdict.problems = [
        f"{what}: {len(found)}, for example {found[:_SHOWN]}" for what, found in wrong.items()
    ]
    return verdict


def _twice(
    there: Mapping[int, Mapping[str, Any]],
    taken: Mapping[int, int],
    keys_of: Mapping[str, set[str]],
    *,
    alone: bool,
) -> dict[str, list[object]]:
    """Events nobody was told of: those of acknowledged commands are there twice, others only if nobody else writes."""
    wrong: dict[str, list[object]] = {}
    for position, event in there.items():
        if position in taken:
            continue
        if event["command_id"] in keys_of:
            wrong.setdefault("acknowledged commands have more events than was told", []).append(position)
        elif alone:
            wrong.setdefault("events belong to no acknowledged command", []).append(position)
    return wrong
