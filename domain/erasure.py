"""Erasing a person: the keys go, the log stays whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.envelope import Recorded
from domain.event import Event
from domain.events import SubjectErased
from domain.facts import Facts
from domain.playbook.model import Right
from domain.refusals import NotAllowed, NotFound


class Ground(StrEnum):
    """Why somebody is erased. The list is closed, because free text could name the person again."""

    request = "request"
    retention_ended = "retention_ended"
    consent_withdrawn = "consent_withdrawn"
    collected_unlawfully = "collected_unlawfully"


@dataclass(frozen=True, slots=True)
class EraseSubject:
    """Make everything personal about a subject (a person, or a record such as a contact) unreadable for ever."""

    subject: str
    ground: Ground = Ground.request


@dataclass(frozen=True, slots=True)
class Erasures:
    """How many erasures there have been. What is sealed under a key stands on nobody having been erased meanwhile."""

    version: int = 0


def fold(erasures: Erasures | None, events: Iterable[Recorded]) -> Erasures:
    """Fold erasures; only how many there were matters."""
    state = erasures or Erasures()
    for recorded in events:
        state = Erasures(recorded.version)
    return state


def erase(command: EraseSubject, facts: Facts) -> list[Event]:
    """Decide an erasure; the log destroys the keys in the transaction of the event."""
    if not facts.may(Right.erase):
        raise NotAllowed(Right.erase)
    known = facts.is_known_person(command.subject) or facts.exists(command.subject)
    if not known:
        raise NotFound("person or record", command.subject)
    return [SubjectErased(command.subject, command.ground.value)]
