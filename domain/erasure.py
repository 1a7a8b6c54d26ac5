"""Erasing a person: the keys go, the log stays whole."""

from dataclasses import dataclass

from domain.events import Event, SubjectErased
from domain.facts import Facts
from domain.playbook.model import Right
from domain.refusals import NotAllowed, NotFound


@dataclass(frozen=True, slots=True)
class EraseSubject:
    """Make everything personal about a subject (a person, or a record such as a contact) unreadable for ever."""

    subject: str


def erase(command: EraseSubject, facts: Facts) -> list[Event]:
    """Decide an erasure; the log destroys the keys in the transaction of the event."""
    if not facts.may(Right.erase):
        raise NotAllowed(Right.erase)
    known = facts.is_known_person(command.subject) or facts.exists(command.subject)
    if not known:
        raise NotFound("person or record", command.subject)
    return [SubjectErased(command.subject)]
