"""Clients that send the same command twice, and the check that the second answer is the first one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsourcing.persistence import PersistenceError

from commands.submission import Submission
from domain.refusals import GateNotMet
from infra.tenant import Tenant
from support.faults.history import Row, by_command
from support.sales import a_submission

ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Told:
    """What a client was told: where the events are, or what is missing, or what went wrong."""

    outcome: str
    positions: tuple[int, ...] = ()
    command_id: str | None = None
    unmet: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentTwice:
    """A command with one event to make, and both answers to it."""

    key: str
    first: Told
    again: Told


def ask(tenant: Tenant, submission: Submission) -> Told:
    """Send a command as a client does who is not told what became of it: again, under the same key."""
    why = "nothing was asked"
    for _ in range(ATTEMPTS):
        try:
            answer = tenant.bus.submit(submission)
        except GateNotMet as refusal:
            return Told("refused", unmet=tuple(item.id for item in refusal.unmet))
        except PersistenceError as error:
            # A constraint that is violated is an answer; a connection that is lost is none.
            if type(error).__name__ == "IntegrityError":
                return Told(f"failed: {error}")
            why = repr(error)
            continue
        except Exception as error:  # noqa: BLE001 — whatever the client is told is compared
            return Told(f"failed: {error!r}")
        events = answer.events
        return Told(
            answer.outcome,
            tuple(event.position for event in events),
            events[0].command_id if events else None,
        )
    return Told(f"never answered: {why}")


def send_twice(tenant: Tenant, command: Any, key: str) -> SentTwice:
    """Send a command until it is answered, and then once more."""
    submission = a_submission(command, key)
    return SentTwice(key, ask(tenant, submission), ask(tenant, submission))


def wrong_answers(sent: Sequence[SentTwice], log: Sequence[Row]) -> list[str]:
    """P2: commands that were not answered, not answered alike, or whose events are not there exactly once.

    Every command makes one event: a change, or the refused attempt.
    """
    found, at, wrong = by_command(log), {row.position: row for row in log}, []
    for one in sent:
        if one.first.outcome not in ("accepted", "refused"):
            wrong.append(f"{one.key}: {one.first}")
        elif one.first != one.again:
            wrong.append(f"{one.key} was answered {one.first}, then {one.again}")
        elif one.first.outcome == "accepted":
            events = found.get(one.first.command_id or "", [])
            if len(events) != 1 or [event.position for event in events] != list(one.first.positions):
                wrong.append(f"{one.key} was told {one.first.positions} and has {events}")
            elif at[one.first.positions[0]].command_id != one.first.command_id:
                wrong.append(f"{one.key} was told somebody else's position")
    return wrong
