"""The vocabulary of tests of work: a deal, people who do things to it one after another, and what stands in the end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from commands.playbook_file import read_playbook
from domain.event import Event
from domain.events import (
    AbsenceNoted,
    EvidenceAttached,
    PersonJoined,
    PersonLeft,
    RecordOpened,
    TeamFormed,
)
from domain.naming import ORGANISATION_STREAM
from domain.organisation import state as organisation_state
from domain.playbook.published import PublishedPlaybook
from domain.record import state as record_state
from domain.record.decide import decide as decide_record
from domain.values import Private, Stored, moment_text
from domain.work.approving import Approval
from domain.work.commands import (
    AcceptWork,
    CompleteWork,
    DecideApproval,
    ForkWork,
    RequestApproval,
    RequestWork,
)
from domain.work.state import WorkItem
from support.given import NOW, PLAYBOOKS, SHA256, World, published, recorded

DEAL = "deal/dea_1"
SAM, SUE, MAX, VERA = "person/per_sam", "person/per_sue", "person/per_max", "person/per_vera"
EVE, EDU, LEA, FAY, OTTO, GONE = (
    "person/per_eve",
    "person/per_edu",
    "person/per_lea",
    "person/per_fay",
    "person/per_otto",
    "person/per_gone",
)
HOUR = timedelta(hours=1)


@cache
def the_working_playbook() -> PublishedPlaybook:
    """The playbook work is tried on."""
    return read_playbook(PLAYBOOKS / "working.yaml")


def company(*events: Event) -> organisation_state.Organisation:
    """Sam and Sue sell in the north under Max, who is under Vera; everybody else is somewhere else, and one has left.

    Eve is an engineer of the north, Edu one of the south; Lea does law, Fay finance, Otto risk: in head office.
    """

    def joined(person: str, team: str, manager: str | None, *roles: str) -> PersonJoined:
        return PersonJoined(person, Private(person, person[11:]), team, manager, sorted(roles))

    everybody = [
        TeamFormed("office", "Head office", "central"),
        TeamFormed("north", "North", "north", "office"),
        TeamFormed("south", "South", "south", "office"),
        joined(VERA, "office", None, "vp", "finance"),
        joined(MAX, "north", VERA, "seller"),
        joined(SAM, "north", MAX, "seller"),
        joined(SUE, "north", MAX, "seller"),
        joined(EDU, "south", VERA, "engineer"),
        joined(EVE, "north", MAX, "engineer"),
        joined(LEA, "office", VERA, "legal", "officer"),
        joined(FAY, "office", VERA, "finance"),
        joined(OTTO, "office", VERA, "officer"),
        joined(GONE, "north", MAX, "engineer"),
        PersonLeft(GONE),
        *events,
    ]
    steps = [recorded(event, ORGANISATION_STREAM, index + 1) for index, event in enumerate(everybody)]
    return organisation_state.fold(None, steps)


def away(person: str, stand_in: str | None = None, *, until: datetime | None = NOW + 48 * HOUR) -> Event:
    """The event of a person being away since yesterday."""
    begins, ends = moment_text(NOW - 24 * HOUR), None if until is None else moment_text(until)
    return AbsenceNoted(f"abs_{person[11:]}", person, begins, ends, stand_in)


def a_deal(*people: Event, **fields: Stored) -> World:
    """A deal of Sam's, asked about by Sam."""
    opened = recorded(RecordOpened(fields=fields, stage="open", owner=SAM), DEAL, 1, at=NOW - 24 * HOUR)
    return World(
        record=record_state.evolve(None, opened),
        books=published(the_working_playbook()),
        organisation=company(*people),
        actor=SAM,
    )


def money(amount: str) -> Stored:
    """An amount of money as it is stored."""
    return {"amount": amount, "currency": "CNY"}


def by(world: World, person: str, *, for_whom: str | None = None) -> World:
    """The same world, with somebody else asking."""
    return replace(world, actor=person, on_behalf_of=for_whom)


def later(world: World, hours: float) -> World:
    """The same world some hours later."""
    at = world.decided_at + timedelta(hours=hours)
    return replace(world, decided_at=at, occurred_at=at)


def after(world: World, *commands: Any, reason: str | None = "because") -> World:
    """The world after commands of whoever asks in it, each an hour after the one before."""
    for command in commands:
        record = world.record
        assert record is not None
        events = decide_record(record, command, world, has_reason=reason is not None)
        world = later(happened(world, events), 1)
    return world


def happened(world: World, events: Sequence[Event]) -> World:
    """The world after events of whoever asks in it."""
    record = world.record
    assert record is not None
    for event in events:
        assert record is not None
        placed = recorded(
            event,
            DEAL,
            record.version + 1,
            at=world.occurred_at,
            actor=world.actor,
            on_behalf_of=world.on_behalf_of,
            playbook="working",
            playbook_version=max(number for _, number in world.books.versions),
        )
        record = record_state.evolve(record, placed)
    return replace(world, record=record)


def proven(world: World, *fields: str) -> World:
    """The world with a piece attached to each evidence field."""
    pieces = [EvidenceAttached(f"evi_{name}", name, SHA256, 1, "image/png") for name in fields]
    return happened(world, pieces)


def request(template: str = "schedule", assignee: str | None = FAY, **about: Any) -> RequestWork:
    """Ask for something."""
    return RequestWork(DEAL, about.pop("work", "wrk_1"), template, assignee, **about)


def accept(work: str = "wrk_1") -> AcceptWork:
    """Take it on."""
    return AcceptWork(DEAL, work)


def complete(work: str = "wrk_1", **fields: object) -> CompleteWork:
    """Say that it is done."""
    return CompleteWork(DEAL, work, fields)


def fork(name: str = "freeze", **about: Any) -> ForkWork:
    """Start a fork."""
    return ForkWork(DEAL, about.pop("fork", "frk_1"), name, **about)


def ask_agreement(chain: str | None = "discount", **about: Any) -> RequestApproval:
    """Ask for agreement."""
    return RequestApproval(DEAL, about.pop("approval", "apr_1"), chain, **about)


def decide(decision: str = "approved", **about: Any) -> DecideApproval:
    """Approve or reject."""
    return DecideApproval(DEAL, "apr_1", decision, **about)


def item(world: World, work: str = "wrk_1") -> WorkItem:
    """A work item as it stands."""
    assert world.record is not None
    return world.record.work[work]


def approval(world: World) -> Approval:
    """The approval as it stands."""
    assert world.record is not None
    return world.record.approvals["apr_1"]
