"""Decisions about deadlines: that one has come to a rung, and that somebody knows of it."""

from datetime import datetime

from domain.deadlines.arming import arm
from domain.deadlines.commands import AcknowledgeDeadline, NoticeDeadline
from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.deadlines.firings import Firings, Told
from domain.deadlines.telling import people_told
from domain.deadlines.watched import Watched
from domain.event import Event
from domain.naming import nearest
from domain.organisation.state import Organisation
from domain.playbook.published import PublishedPlaybook
from domain.refusals import InvalidCommand, NotFound, Problem, Refusal
from domain.values import moment_text


class NotDue(Refusal):
    """There is nothing to notice: the deadline stopped, was armed anew, was told already, or its moment has yet to come.

    It is no event and is kept under no key: what is not due now may be due later, also at the same rung.
    """

    code = "not-due"


def notice(
    watched: Watched,
    firings: Firings,
    command: NoticeDeadline,
    playbook: PublishedPlaybook,
    organisation: Organisation,
    decided_at: datetime,
) -> list[Event]:
    """Notice a deadline at the highest rung whose moment has come. Raises NotDue when it is not, or no longer, as the command has it."""
    key = (command.deadline, command.subject, command.armed_at)
    armed = next((found for found in arm(watched, playbook) if found.key == key), None)
    if armed is None:
        raise NotDue(f"the deadline {command.deadline!r} is not armed since position {command.armed_at}")
    told = firings.last(key)
    if told is not None and told >= (command.rung, command.repeat):
        raise NotDue(f"the deadline {command.deadline!r} was told at rung {told[0]} already")
    past = armed.past(decided_at, told)
    if not past or past[-1].place < (command.rung, command.repeat):
        raise NotDue(f"the moment of rung {command.rung} of {command.deadline!r} has yet to come")
    reached = past[-1]
    assert armed.due_at is not None  # there are no alarms without it
    people = people_told(armed.rule, command.subject, reached.rung, watched, organisation, decided_at)
    return [
        DeadlineNoticed(
            record=watched.stream,
            deadline=command.deadline,
            subject=command.subject,
            armed_at=command.armed_at,
            rung=reached.rung,
            repeat=reached.repeat,
            due_at=moment_text(armed.due_at),
            noticed_at=moment_text(decided_at),
            told=people,
            skipped=sorted({alarm.rung for alarm in past} - {reached.rung}),
        )
    ]


def acknowledge(
    firings: Firings, command: AcknowledgeDeadline, kind_has: tuple[str, ...], who: str
) -> list[Event]:
    """Say that somebody knows of a deadline they were told of; saying it twice is nothing new.

    Raises NotFound where nothing of that name was told, and InvalidCommand when it was told to others only.
    """
    found = [
        (key, told)
        for key, tellings in firings.told.items()
        for told in tellings
        if key[0] == command.deadline
        and command.subject in (None, key[1])
        and command.armed_at in (None, key[2])
        and command.rung in (None, told.rung)
    ]
    if not found:
        known = sorted({key[0] for key in firings.told})
        raise NotFound(
            "deadline that was told of", command.deadline, nearest(command.deadline, known or kind_has)
        )
    mine = [(key, told) for key, told in found if who in told.people]
    if not mine:
        raise InvalidCommand([Problem("", "only somebody who was told of a deadline acknowledges it")])
    key, told = max(mine, key=_when)
    if who in told.acknowledged_by:
        return []
    deadline, subject, armed_at = key
    return [DeadlineAcknowledged(command.record, deadline, armed_at, told.rung, subject)]


def _when(item: tuple[tuple[str, str | None, int], Told]) -> int:
    return item[1].position
