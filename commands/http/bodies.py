"""Bodies of commands as they are sent. Members nobody knows are refused; so is whatever the token or the log tells."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from commands.http.reading import moment
from domain.naming import is_id
from domain.playbook.published import KindMappings


def _id(text: str) -> str:
    if not is_id(text):
        raise PydanticCustomError("id", "an id is expected: printable, without spaces and slashes")
    return text


Id = Annotated[str, AfterValidator(_id)]
Names = Annotated[list[str], Field(max_length=1_000)]
Moment = Annotated[datetime, BeforeValidator(moment, json_schema_input_type=str)]
Fields = Annotated[
    dict[str, Any],
    Field(
        max_length=1_000,
        description="Values by field. Numbers and amounts are whole numbers or decimal texts, never JSON numbers with a point; null clears a field.",
    ),
]


class Body(BaseModel):
    """What every command may say about itself."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    occurred_at: Moment | None = Field(
        default=None,
        description="When it happened. Left out: now. null: nobody knows.",
        examples=["2026-01-31T08:00:00+08:00"],
    )
    reason: str | None = Field(
        default=None, description="Why; kept with the event, and erased with the customer."
    )
    correlation_id: Id | None = Field(default=None, description="What all commands of one process share.")
    causation_id: Id | None = Field(default=None, description="What made the caller issue this command.")


class Opening(Body):
    """A record to open."""

    id: Id | None = Field(
        default=None, description="Left out, one is made: sortable, and the same for the same key."
    )
    fields: Fields = {}
    stage: str | None = Field(default=None, description="Left out: the first the path may begin in.")
    path: str | None = Field(default=None, description="Which of the kind's paths, where it has several.")
    owner: str | None = Field(default=None, description="Who answers for it, as person/per_….")
    external_id: str | None = Field(default=None, description="Its id in the system it comes from.")
    unknown: Names = Field(
        default=[], description="Fields whose value is not known at this moment: neither filled nor empty."
    )


class Edit(Body):
    """Fields to give new values."""

    fields: Fields


class Confirmation(Body):
    """Fields whose values still hold."""

    fields: Annotated[Names, Field(min_length=1, description="Each of them holds a value.")]


class StageChange(Body):
    """A stage to move to, with edits that belong to the move."""

    to: str
    fields: Fields = {}


class OverriddenChange(Body):
    """A stage to move to although requirements are not met."""

    to: str
    waive: Annotated[
        list[str],
        Field(
            min_length=1, max_length=1_000, description="Ids of the requirements, as a refusal names them."
        ),
    ]
    name: str = Field(description="What the agreement is called, for example the meeting that agreed.")
    fields: Fields = {}
    reason: str = Field(description="Why; whoever waives requirements says so.")


class TouchNote(Body):
    """How somebody was in touch, and what came of it."""

    kind: str
    note: str | None = None
    contact: str | None = Field(default=None, description="With whom, as kind/id of a record.")
    id: Id | None = Field(default=None, description="Left out, one is made.")


class TouchCorrection(Body):
    """What was noted wrongly; members that are left out stay as they are."""

    kind: str | None = None
    note: str | None = None
    contact: str | None = None
    happened_at: Moment | None = None
    withdrawn: bool = Field(default=False, description="The touch never happened.")
    reason: str = Field(description="Why; both versions stay in the log.")


class EvidenceAbout(Body):
    """What is said about a file of evidence, as parameters: the body is the file."""

    field: str = Field(description="The evidence field it is for.")
    file_name: str | None = Field(default=None, description="What the file is called.")
    id: Id | None = Field(default=None, description="Left out, one is made.")


class RelationTo(Body):
    """A relation, and the record it leads to."""

    relation: str
    to: str = Field(description="The other record, as kind/id.")


class ProgressNote(Body):
    """What came of today, said by a preset of the playbook: a touch, fields and a move in one."""

    preset: str
    fields: Annotated[Fields, Field(description="The fields the preset asks for, by name.")] = {}
    note: str | None = Field(default=None, description="What came of it; stands with the touch.")
    contact: str | None = Field(default=None, description="With whom, as kind/id of a record.")
    evidence: dict[str, Id] = Field(
        default={},
        max_length=100,
        description="The pieces the preset asks for, by evidence field: ids of files that are attached already.",
    )
    id: Id | None = Field(default=None, description="Of the touch. Left out, one is made.")


class NewOwner(Body):
    """Who answers for a record from now on."""

    owner: str | None = Field(description="As person/per_…; null: nobody.")


class Restoration(Body):
    """A change whose effect on fields is taken back."""

    change: Annotated[
        int, Field(ge=1, lt=2**63, description="The position of the change, as the history tells it.")
    ]
    fields: Names | None = Field(default=None, description="Left out: every field that was changed there.")
    over_later_changes: bool = Field(default=False, description="Also where a field was changed again since.")


class NewPerson(Body):
    """Somebody who joins. Names never become ids."""

    id: Id | None = Field(default=None, description="Left out, one is made.")
    name: str
    team: str | None = None
    manager: str | None = Field(default=None, description="As person/per_….")
    roles: Names = []
    email: str | None = None
    region: str | None = Field(default=None, description="Where it is not the team's.")


class Move(Body):
    """Where a person works from now on; both are told, so that none is lost by being left out."""

    team: str | None
    manager: str | None = Field(description="As person/per_….")
    region: str | None = Field(default=None, description="Where it is not the team's.")


class Departure(Body):
    """That a person leaves."""


class RoleOf(Body):
    """A role that is granted or revoked."""

    role: str


class NewAbsence(Body):
    """A time in which somebody is away."""

    begins: Moment | None = Field(default=None, description="Left out: from now on.")
    ends: Moment | None = Field(default=None, description="Left out: nobody knows until when.")
    stand_in: str | None = Field(
        default=None, description="Who takes what would be theirs meanwhile, as person/per_…."
    )
    id: Id | None = Field(default=None, description="Left out, one is made.")


class NewDelegation(Body):
    """Somebody who takes what would be a person's whenever that person is not there."""

    to: str = Field(description="Who takes it, as person/per_….")
    begins: Moment | None = Field(default=None, description="Left out: from now on.")
    ends: Moment | None = Field(default=None, description="Left out: until it is taken back.")
    covers: Names = Field(default=["approvals", "work"], description="What it is about: approvals, work.")
    id: Id | None = Field(default=None, description="Left out, one is made.")


class Ending(Body):
    """An absence or a delegation holds no longer."""


class Skills(Body):
    """What somebody can do."""

    skills: Annotated[
        Names, Field(description="All of it, not what is new; industries and languages as well.")
    ]


class NewTeam(Body):
    """A team to form."""

    id: Id
    name: str
    region: str | None = None
    part_of: str | None = Field(default=None, description="The team above it.")


class MappingOfKind(BaseModel):
    """Where goes what a draft takes away from a kind."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    stages: dict[str, str] = {}
    fields: dict[str, str | None] = {}
    options: dict[str, dict[str, str | None]] = {}

    def mappings(self) -> KindMappings:
        """Return them as the domain knows them."""
        return KindMappings(self.stages, self.fields, self.options)


class Publication(Body):
    """A draft to put into force."""

    draft: Annotated[int, Field(ge=1, lt=2**53)]
    scope: dict[str, Names] = Field(
        default={},
        max_length=1_000,
        description="For which records: a choice field, owner.region or owner.team, and what counts.",
    )
    effective_from: Moment | None = Field(default=None, description="Left out: from the next position on.")
    mappings: dict[str, MappingOfKind] = Field(
        default={},
        max_length=1_000,
        description="By kind: where the stages, fields and options go that the draft takes away.",
    )
    replay: Id | None = Field(
        default=None, description="The replay that was looked at before; it must be signed off."
    )


class SigningOff(Body):
    """A replay of the draft somebody stands by."""

    replay: Id = Field(description="The id of the replay, which must have finished.")
    digest: str | None = Field(
        default=None,
        description="The digest of the draft as it was seen; refused where the replay judged another text.",
    )


class Erasure(Body):
    """Who is erased, and on which ground."""

    subject: str = Field(description="person/per_…, or kind/id of a record such as a contact.")
    ground: str = Field(description="request, retention_ended, consent_withdrawn or collected_unlawfully.")
