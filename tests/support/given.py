"""The vocabulary of tests: `given(a state of the world).when(a command).then(events)`, or `.refuses(…)`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from commands.playbook_file import read_playbook
from domain import erasure
from domain.envelope import Recorded
from domain.erasure import EraseSubject
from domain.event import Event
from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    OwnerChanged,
    PersonJoined,
    PersonLeft,
    PlaybookPublished,
    RecordOpened,
    RoleGranted,
    StageChanged,
    TeamFormed,
    Touched,
)
from domain.facts import ERASED, Erased, Standing
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM
from domain.organisation import decide as organisation_decisions
from domain.organisation import state as organisation_state
from domain.organisation.commands import (
    AddPerson,
    EndAbsence,
    EndDelegation,
    FormTeam,
    GiveDelegation,
    GrantRole,
    MovePerson,
    NoteAbsence,
    RemovePerson,
    RevokeRole,
    SetSkills,
)
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Joining, Right, Role
from domain.playbook.publish import digest, publish
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook
from domain.record import state as record_state
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    EditFields,
    OpenRecord,
    Override,
    RecordTouch,
    RelateRecord,
)
from domain.record.decide import decide as decide_record
from domain.record.state import Record
from domain.refusals import GateNotMet, InvalidCommand, Refusal
from domain.values import SEALED, Private, Stored

PLAYBOOKS = Path(__file__).parents[1] / "unit" / "playbooks"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)

OPPORTUNITY = "opportunity/opp_1"
VISIT = "visit/vis_1"
ACCOUNT = "account/acc_1"
OTHER_ACCOUNT = "account/acc_2"
CONTACT = "contact/con_1"
ANNA, BEN, ZOE = "person/per_anna", "person/per_ben", "person/per_zoe"
SHA256 = "0123456789abcdef" * 4


@cache
def the_playbook() -> PublishedPlaybook:
    """The playbook tests try things on, read from its file."""
    return read_playbook(PLAYBOOKS / "projects.yaml")


def published(*drafts: PublishedPlaybook) -> Playbooks:
    """Playbooks in force, one after the other."""
    state = Playbooks()
    for draft in drafts:
        before = state.in_force.get(draft.name)
        number = before.number + 1 if before else 1
        trees: Any = [{"place": place, "tree": tree} for place, tree in draft.rules_json.items()]
        document = draft.document.as_json()
        event = PlaybookPublished(draft.name, number, document, trees, digest(draft))
        state = catalogue.fold(state, [recorded(event, PLAYBOOKS_STREAM, state.version + 1)])
    return state


@cache
def _in_force() -> Playbooks:
    return published(the_playbook())


def recorded(
    event: Event,
    stream: str,
    version: int,
    *,
    at: datetime | None = NOW,
    position: int | None = None,
    **about: Any,
) -> Recorded:
    """An event as it stands in the log."""
    place = position or version
    return Recorded(
        stream=stream,
        version=version,
        position=place,
        event=event,
        recorded_at=at or NOW,
        occurred_at=at,
        decided_at=at or NOW,
        basis=place - 1,
        actor=about.pop("actor", ANNA),
        channel="test",
        command_id=about.pop("command_id", f"cmd_{place}"),
        **about,
    )


# ── the world of a decision ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class World:
    """Everything a decision can know. Implements the port `domain.facts.Facts`; nothing in it changes."""

    record: Record | None = None
    books: Playbooks = field(default_factory=_in_force)
    organisation: Organisation = field(default_factory=Organisation)
    others: frozenset[str] = frozenset({ACCOUNT, OTHER_ACCOUNT, CONTACT})
    rights: frozenset[Right] = frozenset()
    erased: frozenset[str] = frozenset()
    decided_at: datetime = NOW
    occurred_at: datetime | None = NOW
    reason: str | None = None
    actor: str = "system/test"
    on_behalf_of: str | None = None
    past: tuple[Recorded, ...] = ()
    standing: Mapping[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)

    @property
    def roles(self) -> Mapping[str, Role]:
        """The roles of all playbooks in force."""
        return self.books.roles

    @property
    def joining(self) -> Sequence[Joining]:
        """What the playbooks in force ask to be known of whoever works here."""
        return [book.document.organisation.joining for book in self.books.in_force.values()]

    def playbook_for(
        self, kind: str, fields: Mapping[str, Stored] | None = None, owner: str | None = None
    ) -> PublishedPlaybook:
        """Return the playbook in force for a record of a kind."""
        person = self.organisation.people.get(owner or "")
        region = self.organisation.region_of(owner or "")
        place = {OWNER_REGION: region, OWNER_TEAM: person.team if person else None}
        return self.books.at(self.decided_at).for_record(kind, fields or {}, place)

    def playbook_version(self, name: str, number: int) -> PublishedPlaybook:
        """Return one published version of a playbook."""
        return self.books.versions[name, number]

    def people(self) -> Organisation:
        """Return who works where, and who is away."""
        return self.organisation

    def stand_in(self, person: str, covers: str) -> str | None:
        """Return who takes what would be a person's now."""
        return self.organisation.stand_in_for(person, self.decided_at, covers)

    def history(self, stream: str) -> Sequence[Recorded]:
        """Return what happened to the record."""
        assert self.record is None or stream == self.record.stream
        return self.past

    def standing_on(self, kind: str, what: str, name: str) -> Standing:
        """Tell which records stand on a part of a playbook."""
        found = self.standing.get((kind, what, name), ())
        return Standing(len(found), found)

    def may(self, right: Right) -> bool:
        """Tell whether whoever acts holds a right."""
        return right in self.rights

    def is_active_person(self, person: str) -> bool:
        """Tell whether a person works here now."""
        return self.organisation.is_active(person)

    def is_known_person(self, person: str) -> bool:
        """Tell whether a person ever worked here."""
        return person in self.organisation.people

    def exists(self, stream: str) -> bool:
        """Tell whether a record was ever opened."""
        return stream in self.others or (self.record is not None and stream == self.record.stream)

    def reveal(self, stream: str, field: str, stored: Stored) -> Stored | Erased:
        """Open a personal value unless its subject was erased."""
        if isinstance(stored, Private):
            return ERASED if stored.subject in self.erased else stored.value
        assert not (isinstance(stored, dict) and SEALED in stored), "these tests have nothing sealed"
        return stored

    # States of the world read as sentences: an_opportunity_in("quoted").known_since(…).by_somebody_who_may(…)

    def but(self, *events: Event, at: datetime | None = NOW) -> "World":
        """The same, after something more happened to the record."""
        record = self.record
        for event in events:
            version = record.version + 1 if record else 1
            stream = record.stream if record else OPPORTUNITY
            record = record_state.evolve(record, recorded(event, stream, version, at=at))
        return replace(self, record=record)

    def with_fields(self, **fields: Stored) -> "World":
        """The same, with other fields."""
        assert self.record is not None
        return self.but(
            FieldsChanged(
                {name: {"old": self.record.fields.get(name), "new": new} for name, new in fields.items()}
            )
        )

    def with_evidence(self, *names: str, valid_until: str | None = None) -> "World":
        """The same, with evidence attached."""
        pieces = [
            EvidenceAttached(f"evi_{name}", name, SHA256, 1, "application/pdf", None, valid_until)
            for name in names
        ]
        return self.but(*pieces)

    def touched(self, kind: str = "call", *, at: datetime | None = NOW) -> "World":
        """The same, after somebody was in touch."""
        return self.but(Touched("tou_1", kind), at=at)

    def who_may(self, *rights: Right) -> "World":
        """The same, asked by somebody who holds rights."""
        return replace(self, rights=frozenset(rights))

    def asked_by(self, actor: str) -> "World":
        """The same, asked by a certain person, who holds no rights."""
        return replace(self, actor=actor, rights=frozenset())

    def at(self, occurred_at: datetime | None) -> "World":
        """The same, about something that happened at another moment; None is a moment nobody knows."""
        return replace(self, occurred_at=occurred_at)

    def because(self, reason: str) -> "World":
        """The same, with a reason given."""
        return replace(self, reason=reason)

    def without(self, subject: str) -> "World":
        """The same, after a subject was erased."""
        return replace(self, erased=self.erased | {subject})


def an_organisation(*events: Event) -> World:
    """Anna sells in the north, Ben leads her, Zoe has left; asked by whoever may organise."""
    everybody = [
        TeamFormed("north", "North", "华北"),
        PersonJoined(BEN, Private(BEN, "Ben"), "north", None, ["head_of_sales"]),
        PersonJoined(ANNA, Private(ANNA, "Anna"), "north", BEN, ["seller"]),
        PersonJoined(ZOE, Private(ZOE, "Zoe"), "north", BEN),
        PersonLeft(ZOE),
        RoleGranted(BEN, "seller"),
        *events,
    ]
    folded = organisation_state.fold(
        None, [recorded(event, ORGANISATION_STREAM, index + 1) for index, event in enumerate(everybody)]
    )
    return World(organisation=folded, rights=frozenset({Right.organise}))


@cache
def _organisation() -> Organisation:
    return an_organisation().organisation


def nothing_yet() -> World:
    """No record yet; people, accounts and a contact are there."""
    return World(organisation=_organisation())


READY: Mapping[str, Stored] = {
    "account": ACCOUNT,
    "source": "fair",
    "pains": ["cost"],
    "budget": {"amount": "5000.00", "currency": "CNY"},
    "note": Private(ACCOUNT, "they need it by May"),
    "loss_reason": "price",
}
"""Fields that meet every gate of the path."""


def an_opportunity_in(stage: str, **fields: Stored) -> World:
    """An opportunity of Acme's, owned by Anna, that entered its stage ten days ago, with nothing else known but `fields`."""
    opened = RecordOpened(fields={"account": ACCOUNT, **fields}, stage=stage, owner=ANNA)
    return nothing_yet().but(opened, at=NOW - 10 * DAY)


def an_opportunity_ready_in(stage: str) -> World:
    """An opportunity in a stage with everything any gate asks for."""
    return an_opportunity_in(stage, **READY).with_evidence("solution_deck", "cost_sheet").touched()


def a_visit_in(stage: str, **fields: Stored) -> World:
    """A visit; its path may be skipped and walked back freely."""
    world = nothing_yet()
    opened = recorded(RecordOpened(fields=fields, stage=stage), VISIT, 1, at=NOW - 10 * DAY)
    return replace(world, record=record_state.evolve(None, opened))


def moved_on(*stages: str) -> list[Event]:
    """The events of having walked through stages."""
    return [StageChanged(before, after, "forward") for before, after in pairwise(stages)]


def handed_over(after: str | None, before: str | None = ANNA) -> Event:
    """The event of a new owner."""
    return OwnerChanged(before, after)


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def open_opportunity(fields: Mapping[str, object] | None = None, **about: Any) -> OpenRecord:
    """Open an opportunity."""
    return OpenRecord(OPPORTUNITY, fields or {}, **about)


def edit(**fields: object) -> EditFields:
    """Give fields new values."""
    return EditFields(OPPORTUNITY, fields)


def change_stage(to: str, *, override: Override | None = None, **fields: object) -> ChangeStage:
    """Move the opportunity."""
    return ChangeStage(OPPORTUNITY, to, fields, override)


def waiving(*ids: str, name: str = "agreed_with_head") -> Override:
    """An override that waives requirements by their ids."""
    return Override(name, frozenset(ids))


def touch(kind: str = "call", note: str | None = None, contact: str | None = None) -> RecordTouch:
    """Note a touch."""
    return RecordTouch(OPPORTUNITY, "tou_2", kind, note, contact)


def attach(name: str, **about: Any) -> AttachEvidence:
    """Attach evidence."""
    given_about = {
        "evidence": "evi_2",
        "sha256": SHA256,
        "size_bytes": 10,
        "media_type": "application/pdf",
        **about,
    }
    return AttachEvidence(stream=OPPORTUNITY, field=name, **given_about)


def relate(relation: str, to: str) -> RelateRecord:
    """Relate the opportunity to another record."""
    return RelateRecord(OPPORTUNITY, relation, to)


def hand_over(owner: str | None) -> ChangeOwner:
    """Let somebody else answer for the opportunity."""
    return ChangeOwner(OPPORTUNITY, owner)


# ── given, when, then ────────────────────────────────────────────────────────────────────────────────────────────────


def given(world: World) -> "Given":
    """Begin a sentence with a state of the world."""
    return Given(world)


@dataclass(frozen=True)
class Given:
    """A state of the world, waiting for a command."""

    world: World

    def when(self, command: Any) -> "When":
        """Decide a command, as the bus would."""
        world = self.world
        try:
            match command:
                case FormTeam() | AddPerson() | MovePerson() | RemovePerson() | GrantRole() | RevokeRole():
                    events = organisation_decisions.decide(world.organisation, command, world)
                case NoteAbsence() | EndAbsence() | GiveDelegation() | EndDelegation() | SetSkills():
                    events = organisation_decisions.decide(world.organisation, command, world, world.actor)
                case PublishPlaybook():
                    events = publish(world.books, command, world)
                case EraseSubject():
                    events = erasure.erase(command, world)
                case _:
                    events = decide_record(world.record, command, world, has_reason=bool(world.reason))
        except Refusal as refusal:
            return When(world, (), refusal)
        return When(world, tuple(events), None)


@dataclass(frozen=True)
class When:
    """What came of a command."""

    world: World
    events: tuple[Event, ...]
    refusal: Refusal | None

    def then(self, *events: Event) -> "When":
        """Exactly these events happen."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert list(self.events) == list(events)
        return self

    def changes_nothing(self) -> "When":
        """The command is accepted, and nothing happens."""
        return self.then()

    def refuses(
        self,
        kind: type[Refusal],
        *,
        unmet: Sequence[str] | None = None,
        problems: Iterable[str | tuple[str, str | None]] | None = None,
        saying: str | None = None,
    ) -> "When":
        """The command is refused: every unmet requirement in order, or every problem by its pointer, some with the suggestion."""
        assert self.refusal is not None, f"accepted: {self.events}"
        assert isinstance(self.refusal, kind), repr(self.refusal)
        if unmet is not None:
            assert isinstance(self.refusal, GateNotMet)
            assert [item.id for item in self.refusal.unmet] == list(unmet)
        if problems is not None:
            assert isinstance(self.refusal, InvalidCommand)
            for found, expected in zip(self.refusal.problems, problems, strict=True):
                assert expected == (
                    found.pointer if isinstance(expected, str) else (found.pointer, found.suggestion)
                ), str(found)
        if saying is not None:
            assert saying in str(self.refusal)
        return self

    @property
    def event(self) -> Any:
        """The only event that happened."""
        assert self.refusal is None, f"refused: {self.refusal}"
        (only,) = self.events
        return only
