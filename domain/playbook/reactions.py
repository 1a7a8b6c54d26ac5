"""Reactions: what happens by itself when something happened to a record, as a playbook tells it."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, StringConstraints

from domain.labels import Label
from domain.playbook.part import Name, Names, Part
from domain.playbook.working import MANAGER, MANAGERS_MANAGER, Fork, Hours

OWNER, ACTOR = "owner", "actor"
ASKED = (OWNER, ACTOR, MANAGER)
"""Who can be asked without naming a role: whose record it is, whose doing it was, and the manager of the owner."""
TOLD = (OWNER, ACTOR, MANAGER, MANAGERS_MANAGER)
"""Who can be told without naming a role."""

MOST_STEPS = 5
MOST_CAUSES = 5
"""How many reactions may cause each other in a chain before the next one is refused at run time."""

OF_FORKS = "forks."
"""What the names of the reactions begin with that forks with `starts_on` make: no name of a playbook has a dot."""

Happened: TypeAlias = Literal[
    "opened",
    "fields-changed",
    "stage-changed",
    "touched",
    "evidence-attached",
    "owner-changed",
    "work-requested",
    "work-responded",
    "work-completed",
    "work-declined",
    "work-cancelled",
    "fork-joined",
    "approval-requested",
    "approval-decided",
    "deadline-noticed",
]
"""What can set a reaction off. The list is closed."""

NARROWED_BY: Mapping[str, Names] = {
    "opened": (),
    "fields-changed": ("field",),
    "stage-changed": ("to", "move"),
    "touched": ("kind",),
    "evidence-attached": ("field",),
    "owner-changed": (),
    "work-requested": ("template",),
    "work-responded": ("template",),
    "work-completed": ("template",),
    "work-declined": ("template",),
    "work-cancelled": ("template",),
    "fork-joined": ("fork",),
    "approval-requested": ("chain",),
    "approval-decided": ("chain", "decision"),
    "deadline-noticed": ("deadline", "rung"),
}
"""By which members each of them can be narrowed."""

NARROWING = tuple(dict.fromkeys(member for members in NARROWED_BY.values() for member in members))


class Trigger(Part):
    """What sets a reaction off: `event`, narrowed by what else is given.

    `fields-changed` and `evidence-attached` by `field`; `stage-changed` by `to` (a step or stage) and `move`; `touched` by `kind` (a way of being in touch);
    `work-…` by `template`; `fork-joined` by `fork`; `approval-requested` by `chain`; `approval-decided`, which is the end of the whole chain, by `chain` and `decision`;
    `deadline-noticed` by `deadline` and `rung` (0 is the warning, 1 the due moment, 2 and above the ladder); limits of levels and items have the names they are told by, as `approvals.CHAIN.LEVEL`.
    """

    event: Happened
    field: Name | None = None
    to: Name | None = None
    move: Literal["forward", "skip", "back", "re-entry", "reopen"] | None = None
    kind: Name | None = None
    template: Name | None = None
    fork: Name | None = None
    chain: Name | None = None
    decision: Literal["approved", "rejected"] | None = None
    deadline: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    rung: Annotated[int, Field(ge=0, le=20)] | None = None

    @property
    def narrowed(self) -> Iterator[tuple[str, str | int]]:
        """The members that narrow it, with what they ask for."""
        for member in NARROWING:
            value = getattr(self, member)
            if value is not None:
                yield member, value


class FromField(Part):
    """The value another field has: of the record the reaction is about, as it stood right after what set it off."""

    from_: str = Field(alias="from")


def _written(told: object) -> object:
    """Say once what is expected, and make texts of numbers with decimals and of days: a playbook is the same wherever it is read."""
    match told:
        case bool() | int() | str() | None | FromField():
            return told
        case datetime() | date():
            return told.isoformat()
        case float() | Decimal():
            return format(Decimal(str(told)), "f")
        case list() | tuple() if all(isinstance(item, str) for item in told):
            return tuple(told)
        case {"from": str(name), **others} if not others:
            return FromField.model_validate({"from": name})
        case {"amount": int() | str() as amount, "currency": str(currency), **others} if not others:
            return {"amount": str(amount), "currency": currency}
        case _:
            raise ValueError("a value of the field is expected, or {from: another field}")


Written: TypeAlias = Annotated[
    FromField | bool | int | str | tuple[str, ...] | dict[str, str] | None, BeforeValidator(_written)
]
"""A value as it is written down for a field, or `{from: field}`; null clears the field."""


class WorkAsked(Part):
    """Work to request. The `assignee` is `owner`, `actor` (whose doing it was), `manager` (of the owner) or a role; without one the template's role finds somebody.

    Whoever holds a role is found nearest to the owner. The moment it is due is `within_hours` from then, or the day or moment a field of the record holds
    (`due: {from: FIELD}`; a day is due when it is over); where neither is given, the field is empty or its moment has passed, the limits of the template hold.
    """

    template: Name
    assignee: Name | None = None
    within_hours: Hours | None = None
    due: FromField | None = None
    priority: int = Field(default=0, ge=0, le=9)


class WorkRescheduled(Part):
    """Work to be due at another moment: all of a `template` that is open and that reactions asked for, at the day or moment a field of the record holds.

    A day is due when it is over. Where the field is empty or its moment has passed, the work stays due when it is. What people asked for is theirs to move.
    """

    template: Name
    due: FromField


class Opening(Part):
    """A record to open, of a `kind` of this playbook, with `fields`.

    `as` relates the record to the new one, `link` is the reference field of the new one that leads back. It belongs to the `owner` of the record, or to `nobody`.
    """

    kind: Name
    fields: Mapping[Name, Written] = {}
    as_: Name | None = Field(default=None, alias="as")
    link: Name | None = None
    owner: Literal["owner", "nobody"] = "owner"


class Telling(Part):
    """Who is told what: `owner`, `actor`, `manager`, `managers_manager` or roles."""

    tell: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]
    text: Label


class ReactionStep(Part):
    """One thing a reaction does; exactly one member is given.

    `alert` and `notify` put the same into inboxes; an alert says that something is wrong.
    """

    request_work: WorkAsked | None = None
    start_fork: Name | None = None
    request_approval: Name | None = None
    set_fields: Annotated[Mapping[Name, Written], Field(min_length=1)] | None = None
    open_record: Opening | None = None
    reschedule_work: WorkRescheduled | None = None
    alert: Telling | None = None
    notify: Telling | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """The members that say what it does; a step that was checked has exactly one."""
        return tuple(name for name in STEPS if getattr(self, name) is not None)

    @property
    def telling(self) -> Telling | None:
        """Who is told what, where that is what it does."""
        return self.alert or self.notify


STEPS = tuple(ReactionStep.model_fields)


class Reaction(Part):
    """What happens by itself after something happened (`on`), where the rule `when` is known to hold of the record as it stood right then.

    Its steps are taken in order. Where one fails, the rest waits until somebody tries again; no other reaction waits for it.
    """

    label: Label
    why: Label | None = None
    on: Trigger
    when: Annotated[str, StringConstraints(min_length=1, max_length=4_000)] | None = None
    then: Annotated[tuple[ReactionStep, ...], Field(max_length=MOST_STEPS)]


def reaction_place(kind: str, reaction: str) -> str:
    """Name the place of the rule of a reaction, the key under which its typed tree is published."""
    return f"{kind}/reactions/{reaction}/when"


def all_reactions(reactions: Mapping[str, Reaction], forks: Mapping[str, Fork]) -> Mapping[str, Reaction]:
    """Return the reactions of a kind by name, in order, and after them those that its forks with `starts_on` make: `forks.NAME`."""
    started = {
        OF_FORKS + name: Reaction(
            label=fork.label,
            why=fork.why,
            on=Trigger(event="stage-changed", to=fork.starts_on),
            then=(ReactionStep(start_fork=name),),
        )
        for name, fork in forks.items()
        if fork.starts_on is not None
    }
    return {**reactions, **started}
