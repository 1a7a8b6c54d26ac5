"""What a step of a reaction asks for: the very command somebody would issue, or people who are told something.

Nothing is decided here: a command goes the way of every other one, and is refused where that one would be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from domain.envelope import Recorded
from domain.facts import Erased
from domain.naming import REACTIONS_CHANNEL
from domain.organisation.above import above
from domain.organisation.state import Organisation
from domain.playbook.published import PublishedPlaybook
from domain.playbook.reactions import FromField, Opening, ReactionStep, WorkAsked, Written
from domain.reacting.people import meant, people_told, who_did
from domain.record.commands import EditFields, OpenRecord
from domain.record.gates import Reveal
from domain.record.state import Record
from domain.refusals import InvalidCommand, Problem
from domain.work.approving import requesters_of
from domain.work.commands import ForkWork, RequestApproval, RequestWork, RescheduleAsked
from domain.work.limits import over_at, passing_of

_MICROSECONDS_PER_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a step looks at: the record as it stood right after the cause, as the version of the cause reads it; the cause; that version.

    Who is asked is a question of the moment it is asked: `owner` and `people` are those of then, `at` is when. `made` is what ids are made of.
    """

    record: Record
    cause: Recorded
    playbook: PublishedPlaybook
    owner: str | None
    people: Organisation
    at: datetime
    reveal: Reveal
    made: str = ""

    def an_id(self, prefix: str) -> str:
        """Return the id of something new; empty where nothing is made."""
        return f"{prefix}_{self.made}" if self.made else ""

    def person(self, word: str) -> str | None:
        """Return who a word of the playbook means."""
        return meant(word, self.owner, self.cause, self.people, self.at)


@dataclass(frozen=True, slots=True)
class Told:
    """People who are told something; with `alert` it says that something is wrong."""

    people: tuple[str, ...]
    alert: bool


Asked: TypeAlias = RequestWork | RescheduleAsked | ForkWork | RequestApproval | EditFields | OpenRecord | Told


def requester_of(line: Sequence[Recorded], record: Record) -> str | None:
    """Return for whom a reaction asks for agreement: the person whose doing led to it, else the owner of the record then. They never decide it.

    `line` is what set it off, and what led to that, the last of it first. Raises InvalidCommand where one person did it for another: an
    approval that is asked for by a reaction knows one of them, and the other would decide what they asked for. In whose name reactions in
    between asked for something hides neither of them.
    """
    named = None
    for event in line:
        if event.channel == REACTIONS_CHANNEL:
            named = named or who_did(event)
            continue
        people = requesters_of(event.on_behalf_of or event.actor, event.actor)
        who = who_did(event)
        if who is not None and people - {who}:
            message = f"{event.actor} did this for {who}; neither may decide about it, so one of them asks for agreement"
            raise InvalidCommand([Problem("/on_behalf_of", message)])
        if who is not None:
            return who
    return named or record.owner


def begun_for(line: Sequence[Recorded], owner: str | None, people: Organisation) -> str | None:
    """Return for whom a reaction begins work: whoever did what the line began with (or for whom it was done), else the owner of the record.

    Whoever has left asks for nothing: then it is the owner, or the first above the owner who works here. None where there is nobody of these.
    """
    who = who_did(line[-1])
    if who is not None and people.is_active(who):
        return who
    if owner is None or people.is_active(owner):
        return owner
    return next(above(owner, people), None)


def asked_for(step: ReactionStep, around: Circumstances) -> Asked:
    """Return what a step asks for. Raises InvalidCommand where it cannot be said: nobody to ask, a value nobody can read."""
    stream = around.record.stream
    if step.request_work is not None:
        return _work(step.request_work, around)
    if step.reschedule_work is not None:
        moved = step.reschedule_work
        return RescheduleAsked(stream, moved.template, _by_date(moved.due.from_, around))
    if step.start_fork is not None:
        return ForkWork(stream, around.an_id("frk"), step.start_fork, _legs(step.start_fork, around))
    if step.request_approval is not None:
        return RequestApproval(stream, around.an_id("apr"), step.request_approval)
    if step.set_fields is not None:
        return EditFields(stream, _values(step.set_fields, around))
    if step.open_record is not None:
        return _record(step.open_record, around)
    telling = step.telling
    assert telling is not None  # a step that was checked does exactly one thing
    told = people_told(telling.tell, around.owner, around.cause, around.people, around.at)
    return Told(tuple(told), alert=step.alert is not None)


def _work(asked: WorkAsked, around: Circumstances) -> RequestWork:
    template = around.playbook.kind(around.record.kind).work[asked.template]
    word = asked.assignee or template.role
    assert word is not None  # the playbook was checked
    person = around.person(word)
    if person is None:
        raise InvalidCommand([Problem("/assignee", _nobody(word, around))])
    return RequestWork(
        stream=around.record.stream,
        work=around.an_id("wrk"),
        template=asked.template,
        assignee=person,
        due_at=_due_at(asked, around),
        priority=asked.priority,
    )


def _due_at(asked: WorkAsked, around: Circumstances) -> datetime | None:
    if asked.due is not None:
        return _by_date(asked.due.from_, around)
    if asked.within_hours is None:
        return None
    duration = timedelta(microseconds=int(asked.within_hours * _MICROSECONDS_PER_HOUR))
    due_at = passing_of(around.playbook).moment_after(around.at, duration)
    if due_at is None:
        raise InvalidCommand([Problem("/due_at", "the calendar of the playbook does not reach so far")])
    return due_at


def _by_date(field: str, around: Circumstances) -> datetime | None:
    """When the day or moment in a field is over; None where it is empty, unknown or over already: nothing is asked for by a moment that has passed."""
    value = around.record.fields.get(field)
    due_at = over_at(value, around.playbook) if isinstance(value, str) else None
    return due_at if due_at is not None and due_at > around.at else None


def _legs(fork: str, around: Circumstances) -> Mapping[str, str]:
    """The people nearest to the owner; for a leg nobody is found for, the command itself says why."""
    kind = around.playbook.kind(around.record.kind)
    found = {}
    for name, leg in kind.forks[fork].legs.items():
        role = kind.work[leg.template].role or leg.role
        person = None if role is None else around.person(role)
        if person is not None:
            found[name] = person
    return found


def _values(values: Mapping[str, Written], around: Circumstances) -> dict[str, object]:
    """Values as somebody would give them. Raises InvalidCommand where one is taken from a field nobody can read."""
    found: dict[str, object] = {}
    problems = []
    for name, value in values.items():
        if not isinstance(value, FromField):
            found[name] = list(value) if isinstance(value, tuple) else value
            continue
        source, record = value.from_, around.record
        told = around.reveal(record.stream, source, record.fields.get(source))
        if isinstance(told, Erased):
            problems.append(Problem(f"/fields/{name}", f"what the field {source!r} held was erased"))
        elif source in record.unknown:
            problems.append(Problem(f"/fields/{name}", f"nobody knew what the field {source!r} holds"))
        else:
            found[name] = told
    if problems:
        raise InvalidCommand(problems)
    return found


def _record(opening: Opening, around: Circumstances) -> OpenRecord:
    fields = _values(opening.fields, around)
    if opening.link is not None:
        fields[opening.link] = around.record.stream
    new = around.an_id(around.playbook.kind(opening.kind).prefix)
    return OpenRecord(
        stream=f"{opening.kind}/{new}",
        # What there is nothing of is left out: an opening clears nothing.
        fields={name: value for name, value in fields.items() if value is not None},
        owner=around.owner if opening.owner == "owner" else None,
    )


def _nobody(word: str, around: Circumstances) -> str:
    match word:
        case "owner" | "manager" if around.owner is None:
            return "nobody owns the record"
        case "manager":
            return f"nobody who works here is above {around.owner}"
        case "actor":
            return f"{around.cause.actor} did this, which is nobody who could be asked"
        case _:
            return f"nobody who holds the role {word} is there"
