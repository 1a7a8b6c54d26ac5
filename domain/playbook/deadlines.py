"""Deadlines as a playbook tells them: what they wait for, how long, and who is told when nothing came."""

from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, Field

from domain.labels import Label
from domain.playbook.measuring import Positive
from domain.playbook.part import Name, Names, Part

NotNegative = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6, allow_inf_nan=False)]

OWNER, ASSIGNEE, MANAGER, MANAGERS_MANAGER = "owner", "assignee", "manager", "managers_manager"
PLACES = (OWNER, ASSIGNEE, MANAGER, MANAGERS_MANAGER)
"""Whom a rung can tell without naming a role: whose record it is, whose work, and the two above them."""

ANY = "any"

Waits: TypeAlias = Literal["on_stage", "on_silence", "on_work", "on_approval", "on_date"]
WAITS: tuple[Waits, ...] = ("on_stage", "on_silence", "on_work", "on_approval", "on_date")


class Rung(Part):
    """A step of a ladder: who is told, and how long after the due moment; the first rung is the due moment itself.

    `tell` names `owner`, `assignee`, `manager`, `managers_manager` or roles. It is told again every `repeat_hours`, `repeats` times,
    but no longer than until the next rung.
    """

    tell: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]
    after_hours: NotNegative = Decimal(0)
    repeat_hours: Positive | None = None
    repeats: int = Field(default=0, ge=0, le=1_000)


class Deadline(Part):
    """How long something may take, and who is told when it takes longer. Exactly one of the members `on_…` says what it waits for.

    `on_stage`: that the record leaves a step or stage. `on_silence`: a touch of that kind (`any`: of whatever kind), where it is given only in these
    `stages`; every touch and every move begins it anew. `on_work`, `on_approval`: that work of this template, an approval of this chain (`any`) is
    answered (`clock: response`) or done. `on_date`: the day or moment in a field.

    `after_hours` are working hours where the playbook has a calendar, unless it says `by: clock`; without them the limits of the work template hold,
    and a date is due when it is over. `warn_percent` warns when so much of the time has passed. Without a `ladder` the owner (of work: the assignee) is told
    when it is due. What began before `go_live` has no deadline. Without a `go_live` imported history has none either, but for a day or moment
    that was still to come when it was imported: what happens after the import is watched.
    """

    label: Label
    why: Label | None = None
    on_stage: Name | None = None
    on_silence: Name | None = None
    stages: Names = ()
    on_work: Name | None = None
    on_approval: Name | None = None
    clock: Literal["response", "done"] = "done"
    on_date: Name | None = None
    after_hours: NotNegative | None = None
    by: Literal["clock", "calendar"] | None = None
    warn_percent: int | None = Field(default=None, ge=1, le=99)
    ladder: Annotated[tuple[Rung, ...], Field(max_length=20)] = ()
    go_live: AwareDatetime | None = None

    @property
    def waits(self) -> tuple[Waits, ...]:
        """The members that say what it waits for; a deadline that was checked has exactly one."""
        return tuple(name for name in WAITS if getattr(self, name) is not None)

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The ladder from the due moment on; without one, whoever has to act is told."""
        whose = ASSIGNEE if self.on_work is not None or self.on_approval is not None else OWNER
        return self.ladder or (Rung(tell=(whose,)),)
