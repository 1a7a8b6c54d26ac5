"""Bodies of commands about work and approvals."""

from typing import Annotated, Literal

from pydantic import Field

from commands.http.bodies import Body, Fields, Id, Moment

Priority = Annotated[int, Field(ge=0, le=9, description="0 to 9, higher first.")]
DueAt = Annotated[
    Moment | None, Field(description="When it has to be done. Left out: the limits of the template hold.")
]
Approvers = Annotated[
    dict[str, dict[str, str]],
    Field(
        max_length=100,
        description="By level and role, who decides, as person/per_…. Of all others the nearest who holds the role is asked.",
    ),
]


class WorkRequest(Body):
    """Something that is asked of a person."""

    template: str
    assignee: str | None = Field(
        default=None,
        description="Who is asked, as person/per_…. Left out: the nearest who holds the template's role.",
    )
    title: str | None = Field(
        default=None, description="What it is about; kept with the event, and erased with the customer."
    )
    due_at: DueAt = None
    priority: Priority = 0
    fork: Id | None = Field(default=None, description="The fork whose leg is asked again.")
    leg: str | None = Field(
        default=None, description="The leg that is asked again, after it was declined or cancelled."
    )
    id: Id | None = Field(default=None, description="Left out, one is made.")


class ForkStart(Body):
    """Several things that are asked at once."""

    name: str
    assignees: dict[str, str] = Field(
        default={},
        max_length=100,
        description="By leg, who is asked, as person/per_…. Of all others the nearest who holds the role is asked.",
    )
    title: str | None = None
    due_at: DueAt = None
    priority: Priority = 0
    id: Id | None = Field(
        default=None, description="Left out, one is made; the ids of the legs are made of it."
    )


class WorkStep(Body):
    """Nothing more is to be said about it."""


class WorkResponse(Body):
    """An answer to go on with."""

    note: str | None = None


class WorkTick(Body):
    """An item of the checklist that is done."""

    item: str
    evidence: Id | None = Field(
        default=None, description="The id of the piece that shows it, attached to the record."
    )


class WorkPause(Body):
    """Whom it waits for."""

    waiting_for: Literal["customer", "supplier", "colleague", "other"]


class WorkHandOver(Body):
    """Who gets it."""

    to: str = Field(description="As person/per_….")


class WorkRescheduling(Body):
    """When it is due from now on, and why."""

    due_at: Moment = Field(
        description="When it has to be done; it lies ahead.", examples=["2026-06-30T18:00:00+08:00"]
    )
    reason: str = Field(description="Why; kept with the event, and erased with the customer.")


class WorkCompletion(Body):
    """The form, as far as the template has one."""

    fields: Fields = Field(default={})


class WorkRefusal(Body):
    """Why it will not be done, or is not wanted any more."""

    reason: str = Field(description="Why; kept with the event, and erased with the customer.")


class ApprovalRequest(Body):
    """What is to be agreed to."""

    chain: str | None = Field(default=None, description="Left out: the first that applies to the record.")
    approvers: Approvers = Field(default={})
    id: Id | None = Field(default=None, description="Left out, one is made.")


class ApprovalDecision(Body):
    """One role of a level, decided. Level and role may be left out where only one waits for whoever decides."""

    decision: Literal["approved", "rejected"]
    level: str | None = None
    role: str | None = None
    back_to: str | None = Field(
        default=None,
        description="The level a rejection leads back to: from there on it is asked again. Left out: it ends.",
    )
    comment: str | None = Field(
        default=None, description="Kept with the event, and erased with the customer. A rejection says why."
    )


class ApprovalComment(Body):
    """Something said without deciding."""

    comment: str


class ApprovalMigration(Body):
    """A running approval that goes on under the version in force."""

    approvers: Approvers = Field(default={})
