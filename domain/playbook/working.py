"""What a playbook says of work: templates of what is asked of a person, forks of parallel legs, chains of approval."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from domain.labels import Label
from domain.playbook.fields import FieldSpec
from domain.playbook.part import Name, Names, Part
from domain.rules.types import FieldType, ValueType

Hours = Annotated[Decimal, Field(gt=0, le=100_000, decimal_places=6, allow_inf_nan=False)]
"""How many hours: business time where the playbook has a calendar, by the clock where it has none."""

MANAGER = "manager"
MANAGERS_MANAGER = "managers_manager"
MOST_LEGS = 50
OF_THE_REQUESTER = (MANAGER, MANAGERS_MANAGER)
"""Words that stand among the roles of a level and mean whoever is above the person who asks."""


class ChecklistItem(Part):
    """One thing to tick off. `after` lists what must be ticked before; `role` is who ticks it where it is not whoever holds the item.

    `within_hours` counts from the request, or from when the last of those before it was ticked; it is a deadline of its own. Ticking an item with `evidence` names a piece attached to that evidence field;
    one of `compliance` is a duty that audits ask for. An item that is not `required` may be left open when the work is done.
    """

    label: Label
    why: Label | None = None
    after: Names = ()
    role: Name | None = None
    within_hours: Hours | None = None
    compliance: bool = False
    evidence: Name | None = None
    required: bool = True


class WorkTemplate(Part):
    """Something one person can ask of another about a record of this kind: its form, its proof, its checklist, its limits.

    Whoever holds the work must hold `role`. `fields` are the form; those in `requires` must be filled, and a valid piece of each evidence
    field of the kind in `evidence` attached, before the work is done. Where nothing of that shows it, `done_by_word` says that
    the word of whoever did it is enough.
    """

    label: Label
    why: Label | None = None
    role: Name | None = None
    respond_within_hours: Hours | None = None
    complete_within_hours: Hours | None = None
    fields: Mapping[Name, FieldSpec] = {}
    requires: Names = ()
    evidence: Names = ()
    checklist: Annotated[Mapping[Name, ChecklistItem], Field(max_length=100)] = {}
    done_by_word: bool = False

    @property
    def read_by_rules(self) -> Mapping[str, FieldType]:
        """The fields of the form rules may read: nobody opens what is personal to judge a gate by it, and several choices are no one answer."""
        types = {name: spec.value_type for name, spec in self.fields.items() if not spec.is_personal}
        return {
            name: found
            for name, found in types.items()
            if found is not None and found.type is not ValueType.choices
        }


class Leg(Part):
    """One leg of a fork: the template of its work, and who gets it: a role, or else the template's."""

    template: Name
    role: Name | None = None


def _a_join(told: object) -> object:
    """Say once what is expected: of the two kinds of join, each would complain for itself."""
    if told in ("all", "any") or (type(told) is int and 1 <= told <= MOST_LEGS):
        return told
    raise ValueError("'all', 'any', or how many legs must be done")


Join: TypeAlias = Annotated[Literal["all", "any"] | int, BeforeValidator(_a_join)]


class Fork(Part):
    """Work that begins at once for several people. It joins again when `all` legs are done, or `any`, or so many of them.

    `starts_on` is the step whose entry starts it.
    """

    label: Label
    why: Label | None = None
    legs: Mapping[Name, Leg] = Field(min_length=1, max_length=MOST_LEGS)
    join: Join = "all"
    starts_on: Name | None = None

    @property
    def needed(self) -> int:
        """How many legs must be done."""
        return {"all": len(self.legs), "any": 1}.get(str(self.join)) or int(self.join)


class ApprovalLevel(Part):
    """One level of a chain: each of `roles` decides, and `quorum` of them must approve (default: all).

    Where it has a rule (`when`), the level is asked unless the rule is known not to hold: a level is never left out for want of data.
    `within_hours` counts from when the level is asked; it is a deadline of its own.
    """

    label: Label
    roles: Names = Field(min_length=1, max_length=20)
    quorum: int | None = Field(default=None, ge=1, le=20)
    when: str | None = None
    within_hours: Hours | None = None


class ApprovalChain(Part):
    """Who has to agree, level by level in order, or all levels at the same time (`parallel`).

    Where it has a rule (`when`), the chain applies to records of which the rule is known to hold.
    """

    label: Label
    why: Label | None = None
    when: str | None = None
    order: Literal["sequence", "parallel"] = "sequence"
    levels: Mapping[Name, ApprovalLevel] = Field(min_length=1, max_length=20)


def chain_place(kind: str, chain: str, level: str | None = None) -> str:
    """Name the place of the rule of a chain or of one of its levels, the key under which its typed tree is published."""
    middle = f"{kind}/approvals/{chain}"
    return f"{middle}/when" if level is None else f"{middle}/{level}/when"
