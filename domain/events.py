"""Everything that can happen, as facts in the past tense.

Each event has a topic that never changes; `EVENTS` is the allow-list of topics the log may hold.
Payloads are plain JSON (docs/format.md); names of people and free text are `Private` here and sealed in the log.
A field that is added later needs a default, so that every event ever stored still decodes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.event import Event
from domain.inbox.events import INBOX_EVENTS
from domain.reacting.events import REACTION_EVENTS
from domain.values import Stored
from domain.work.events import WORK_EVENTS


class UnknownTopic(ValueError):
    """The log holds a topic this software does not know: it was written by a newer version."""


class MalformedPayload(ValueError):
    """A payload lacks a member its topic requires, or has one its topic does not know."""


# ── the log itself ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LogBegun(Event):
    """The log began: whose it is, in which format, by which clock (`database` or `simulated`)."""

    TOPIC: ClassVar[str] = "log.begun.v1"
    tenant: str
    format: int
    clock: str
    product: str


@dataclass(frozen=True, slots=True)
class SubjectErased(Event):
    """The keys of a data subject were destroyed, on a ground; what was personal about it can never be read again."""

    TOPIC: ClassVar[str] = "subject.erased.v1"
    subject: str
    ground: str


# ── organisation ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class TeamFormed(Event):
    """A team exists from now on. `region` is the label analyses group by; `part_of` is the team above it."""

    TOPIC: ClassVar[str] = "organisation.team-formed.v1"
    team: str
    name: str
    region: str | None = None
    part_of: str | None = None


@dataclass(frozen=True, slots=True)
class PersonJoined(Event):
    """A person (an employee) joined, in a team, with roles, under a manager. `region` is set where it is not the team's."""

    TOPIC: ClassVar[str] = "organisation.person-joined.v1"
    person: str
    name: Stored
    team: str | None = None
    manager: str | None = None
    roles: list[str] = field(default_factory=list)
    email: Stored = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class PersonMoved(Event):
    """A person changed team, manager or region; `None` means that there is none (a region: that it is the team's)."""

    TOPIC: ClassVar[str] = "organisation.person-moved.v1"
    person: str
    team: str | None
    manager: str | None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class PersonLeft(Event):
    """A person left; what they did keeps their id."""

    TOPIC: ClassVar[str] = "organisation.person-left.v1"
    person: str


@dataclass(frozen=True, slots=True)
class RoleGranted(Event):
    """A person holds a role from now on; the playbooks say which rights it carries."""

    TOPIC: ClassVar[str] = "organisation.role-granted.v1"
    person: str
    role: str


@dataclass(frozen=True, slots=True)
class RoleRevoked(Event):
    """A person no longer holds a role."""

    TOPIC: ClassVar[str] = "organisation.role-revoked.v1"
    person: str
    role: str


@dataclass(frozen=True, slots=True)
class AbsenceNoted(Event):
    """A person is away from `begins` on, until `ends` where it is known; `stand_in` takes what would be theirs meanwhile.

    An absence has begun at `begins` and is over at `ends`: both are moments, and the second does not belong to it.
    """

    TOPIC: ClassVar[str] = "organisation.absence-noted.v1"
    absence: str
    person: str
    begins: str
    ends: str | None = None
    stand_in: str | None = None


@dataclass(frozen=True, slots=True)
class AbsenceEnded(Event):
    """An absence is over from now on, or does not come about: the person is there."""

    TOPIC: ClassVar[str] = "organisation.absence-ended.v1"
    absence: str
    person: str


@dataclass(frozen=True, slots=True)
class DelegationGiven(Event):
    """Whenever a person is not there, somebody else takes what it `covers` (`work`, `approvals`), within these moments."""

    TOPIC: ClassVar[str] = "organisation.delegation-given.v1"
    delegation: str
    person: str
    to: str
    begins: str
    ends: str | None = None
    covers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DelegationEnded(Event):
    """A delegation holds no longer."""

    TOPIC: ClassVar[str] = "organisation.delegation-ended.v1"
    delegation: str
    person: str


@dataclass(frozen=True, slots=True)
class SkillsSet(Event):
    """What a person can do, all of it, in alphabetical order. Industries and languages are skills as well."""

    TOPIC: ClassVar[str] = "organisation.skills-set.v1"
    person: str
    skills: list[str]


# ── playbooks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PlaybookDrafted(Event):
    """A draft of a playbook was kept, checked and complete; nothing is in force by it. The members are those of a published one."""

    TOPIC: ClassVar[str] = "playbook.drafted.v1"
    name: str
    number: int
    document: Stored
    rules: Stored
    digest: str


@dataclass(frozen=True, slots=True)
class PlaybookPublished(Event):
    """A version of a playbook is in force from this position on, or from `effective_from` on where that is later.

    `document` is the playbook as data; `rules` lists the place of each rule with its typed tree, which is what judges;
    `digest` is the SHA-256 of the canonical JSON of the list of both, so that two logs can be compared.
    `scope` limits it to records that hold one of the options of each field named there (`region`: that of the owner);
    `mappings` says, by kind, where stages, fields and options go that earlier versions had; `draft` is the draft it was;
    `replay` is the replay that was looked at before, which was signed off for exactly this digest.
    """

    TOPIC: ClassVar[str] = "playbook.published.v1"
    name: str
    number: int
    document: Stored
    rules: Stored
    digest: str
    scope: dict[str, Stored] = field(default_factory=dict)
    effective_from: str | None = None
    mappings: dict[str, Stored] = field(default_factory=dict)
    draft: int | None = None
    replay: str | None = None


@dataclass(frozen=True, slots=True)
class ReplaySignedOff(Event):
    """Somebody looked at what a draft would have done to recorded history, and stands by it.

    `replay` is the replay's id, `digest` that of the draft it judged; `window` is `{"after", "upto"}` in positions of the log,
    `position` the position of the ledger it read; `summary` holds the figures that were looked at, as plain JSON.
    """

    TOPIC: ClassVar[str] = "playbook.replay-signed-off.v1"
    name: str
    draft: int
    digest: str
    replay: str
    window: dict[str, Stored]
    position: int
    summary: dict[str, Stored] = field(default_factory=dict)


# ── indices ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class IndexClosed(Event):
    """A period of an index was closed: its result stands from now on, whatever is recorded or published later.

    `number` is the version of the `playbook` whose index it was, for records of `kind`; `position` is that of the log the result rests on.
    `result` lists the cells as plain JSON, numbers as texts; `digest` is the SHA-256 of its canonical JSON.
    `restates` is the position of the closing this one replaces; the reason stands in the envelope.
    """

    TOPIC: ClassVar[str] = "index.closed.v1"
    index: str
    playbook: str
    number: int
    kind: str
    period: str
    position: int
    result: list[Stored]
    digest: str
    restates: int | None = None


# ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class RecordOpened(Event):
    """A record began, with its first fields, in its first stage.

    `unknown` names fields whose value at this moment is not known (the source tells it only later): neither filled nor empty.
    `override` is `{"name": …, "waived": [requirement ids]}` where requirements were waived; `path` is the one that was chosen.
    """

    TOPIC: ClassVar[str] = "record.opened.v1"
    fields: dict[str, Stored]
    stage: str | None = None
    owner: str | None = None
    external_id: str | None = None
    unknown: list[str] = field(default_factory=list)
    override: Stored = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class FieldsChanged(Event):
    """Fields of a record changed: for each its old and its new value. A save of three fields shows three changes.

    `restores` is the position of the change that this one takes back, where it is a restoration.
    """

    TOPIC: ClassVar[str] = "record.fields-changed.v1"
    changes: dict[str, Stored]
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class FieldsConfirmed(Event):
    """Somebody says that the values of fields still hold: nothing changed, but what is known of them is as new as this.

    `fields` are their names, in alphabetical order; each of them held a value.
    """

    TOPIC: ClassVar[str] = "record.fields-confirmed.v1"
    fields: list[str]


@dataclass(frozen=True, slots=True)
class StageChanged(Event):
    """A record moved: forward, skip, back, re-entry or reopen. `override` names what was waived, if anything."""

    TOPIC: ClassVar[str] = "record.stage-changed.v1"
    before: str
    after: str
    move: str
    override: Stored = None


@dataclass(frozen=True, slots=True)
class Touched(Event):
    """Somebody was in touch with the customer: how, with whom, and what was said."""

    TOPIC: ClassVar[str] = "record.touched.v1"
    touch: str
    kind: str
    note: Stored = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class TouchCorrected(Event):
    """What was noted about a touch was wrong: `changes` holds the new values (`kind`, `note`, `contact`, `happened_at`).

    A touch that is `withdrawn` never happened. What was noted before stays in the log.
    """

    TOPIC: ClassVar[str] = "record.touch-corrected.v1"
    touch: str
    changes: dict[str, Stored] = field(default_factory=dict)
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceAttached(Event):
    """A piece of evidence was attached: which field it proves, and the SHA-256 of the file. Author and time are in the envelope."""

    TOPIC: ClassVar[str] = "record.evidence-attached.v1"
    evidence: str
    field: str
    sha256: str
    size_bytes: int
    media_type: str
    file_name: Stored = None
    valid_until: str | None = None


@dataclass(frozen=True, slots=True)
class RecordRelated(Event):
    """A record is related to another one, by a relation the playbook names."""

    TOPIC: ClassVar[str] = "record.related.v1"
    relation: str
    to: str


@dataclass(frozen=True, slots=True)
class RelationEnded(Event):
    """A relation to another record ended."""

    TOPIC: ClassVar[str] = "record.relation-ended.v1"
    relation: str
    to: str


@dataclass(frozen=True, slots=True)
class GateOverridden(Event):
    """Somebody with the right waived requirements of a gate, by name and with a reason; the move follows in the same command."""

    TOPIC: ClassVar[str] = "record.gate-overridden.v1"
    name: str
    after: str
    waived: list[str]


@dataclass(frozen=True, slots=True)
class OwnerChanged(Event):
    """Somebody else answers for the record; stage, notes and history stay."""

    TOPIC: ClassVar[str] = "record.owner-changed.v1"
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class MoveRefused(Event):
    """A schema-valid attempt to open or move a record was refused by its gate: what was asked, and everything unmet.

    `record_version` is the version of the record's stream that was judged; `fields` are the edits that came with the attempt,
    `unknown` the fields of a refused opening whose value was not known, `path` and `owner` those it would have had;
    `waived` are the requirements the attempt asked to waive.
    """

    TOPIC: ClassVar[str] = "record.move-refused.v1"
    record: str
    record_version: int
    before: str | None
    after: str
    move: str
    unmet: list[str]
    fields: dict[str, Stored] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    waived: list[str] = field(default_factory=list)
    path: str | None = None
    owner: str | None = None


EVENTS: Mapping[str, type[Event]] = {
    event.TOPIC: event
    for event in (
        LogBegun, SubjectErased,
        TeamFormed, PersonJoined, PersonMoved, PersonLeft, RoleGranted, RoleRevoked,
        AbsenceNoted, AbsenceEnded, DelegationGiven, DelegationEnded, SkillsSet,
        PlaybookDrafted, PlaybookPublished, ReplaySignedOff, IndexClosed,
        RecordOpened, FieldsChanged, FieldsConfirmed, StageChanged, GateOverridden, Touched, TouchCorrected, EvidenceAttached,
        RecordRelated, RelationEnded, OwnerChanged, MoveRefused,
        PoolAssigned, PoolClaimed, PoolReturned, PoolRecycled,
        *WORK_EVENTS,
        *INBOX_EVENTS,
        *REACTION_EVENTS,
        DeadlineNoticed, DeadlineAcknowledged,
    )
}  # fmt: skip


def decode(topic: str, payload: Mapping[str, Any]) -> Event:
    """Turn a payload back into the event of its topic.

    Raises UnknownTopic for a topic outside the allow-list, MalformedPayload for a payload that is not of that topic.
    """
    event = EVENTS.get(topic)
    if event is None:
        raise UnknownTopic(
            f"the log holds {topic!r}, which this version of dealtrail does not know: upgrade dealtrail"
        )
    try:
        return event(**payload)
    except TypeError as error:
        raise MalformedPayload(f"the payload is not one of {topic!r}: {error}") from error
