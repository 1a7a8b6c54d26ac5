"""A playbook as its author writes it: kinds, fields, stages, gates, roles, every name in both languages."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.labels import Label
from domain.rules.types import FieldType, ValueType

Name = Annotated[str, StringConstraints(pattern=re.compile(r"^[^\W\d]\w{0,62}\Z"))]
"""A name inside a playbook: letters of any script, digits and underscores, not beginning with a digit, at most 63 characters."""

Names = tuple[Name, ...]


class Part(BaseModel):
    """Anything in a playbook: unknown members are refused, and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _named_lists_are_mappings(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: _mapping(value) if _is_named_list(value) else value for name, value in given.items()}

    def as_json(self) -> dict[str, Any]:
        """Return the part as plain JSON for the log, without members that equal their default.

        Canonical JSON sorts the members of objects, but the order of stages, fields and options means something:
        a mapping becomes a list of objects that carry their `name`.
        """
        return {
            name: _as_json(value)
            for name, spec in type(self).model_fields.items()
            if (value := getattr(self, name)) != spec.get_default()
        }


def _as_json(value: object) -> Any:
    if isinstance(value, Part):
        return value.as_json()
    if isinstance(value, Label):
        return value.model_dump()
    if isinstance(value, Mapping):
        return [{"name": name, **_as_json(item)} for name, item in value.items()]
    if isinstance(value, tuple):
        return [_as_json(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def _is_named_list(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "name" in item for item in value)
    )


def _mapping(named: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        item["name"]: {member: value for member, value in item.items() if member != "name"} for item in named
    }


class FieldKind(StrEnum):
    """What a field holds."""

    text = "text"
    number = "number"
    money = "money"
    date = "date"
    datetime = "datetime"
    boolean = "boolean"
    choice = "choice"
    person = "person"
    reference = "reference"
    phone = "phone"
    email = "email"
    evidence = "evidence"


PERSONAL_BY_DEFAULT = frozenset({FieldKind.text, FieldKind.phone, FieldKind.email})
"""Free text and addresses are personal of the record's subject unless the playbook says otherwise."""


class Choose(Part):
    """How many options of a choice belong together: exactly one by default; `{at_least: 3, at_most: 3}` is exactly three."""

    at_least: int = Field(default=0, ge=0, le=100)
    at_most: int = Field(ge=1, le=100)


class FieldSpec(Part):
    """A typed field of a record kind.

    `personal` overrides the default (text, phone and e-mail are personal); `to` is the kind a reference leads to;
    `valid_days` is how long a piece of evidence counts.
    """

    type: FieldKind
    label: Label
    why: Label | None = None
    hint: Label | None = None
    personal: bool | None = None
    options: Mapping[Name, Label] = {}
    choose: Choose | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    to: Name | None = None
    valid_days: int | None = Field(default=None, ge=1, le=36_500)

    @property
    def is_personal(self) -> bool:
        """Whether values of this field are sealed under the key of the record's subject."""
        return self.type in PERSONAL_BY_DEFAULT if self.personal is None else self.personal

    @property
    def value_type(self) -> FieldType | None:
        """The type rules see; evidence has none, rules ask `evidence('…')` instead."""
        match self.type:
            case FieldKind.evidence:
                return None
            case FieldKind.choice:
                several = self.choose is not None and (self.choose.at_most > 1 or self.choose.at_least > 1)
                kind = ValueType.choices if several else ValueType.choice
                return FieldType(kind, options=tuple(self.options))
            case FieldKind.money:
                # Money without a currency is a problem of its own; its rules are read all the same.
                return FieldType(ValueType.money, currency=self.currency or "XXX")
            case _:
                return FieldType(ValueType(self.type.value))


class Condition(Part):
    """A rule a gate asks: an SQL expression that must be true. UNKNOWN blocks."""

    rule: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
    label: Label
    why: Label | None = None


class Gate(Part):
    """What must be there before a record may pass: filled fields, valid evidence, true conditions."""

    fields: Names = ()
    evidence: Names = ()
    conditions: Mapping[Name, Condition] = {}
    why: Label | None = None


class Stage(Part):
    """A stage of the path. `outcome` other than `open` ends the path; such a stage is left only by reopening."""

    label: Label
    why: Label | None = None
    outcome: Literal["open", "won", "lost", "closed"] = "open"
    enter: Gate = Gate()
    leave: Gate = Gate()


class Moves(Part):
    """Which moves besides the next step a path knows. Skipping stages is refused unless the playbook says otherwise."""

    skip: Literal["refused", "allowed"] = "refused"
    back: Literal["with_reason", "free"] = "with_reason"
    reopen: Literal["with_reason", "free"] = "with_reason"


class Relation(Part):
    """A named relation from records of this kind to records of another."""

    label: Label
    to: Name


class Touch(Part):
    """A way of being in touch, such as a visit or a call."""

    label: Label


class Kind(Part):
    """A kind of record: what it is called, what it holds, and the path it takes.

    `subject` is whose personal data the record carries: `self`, or a reference field that leads there.
    `title` is the field people know a record by, `worth` the money field that boards add up. `opens_in` lists the stages a record may begin in (default: the first).
    """

    label: Label
    collection: Name
    prefix: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,6}$")]
    why: Label | None = None
    title: Name | None = None
    worth: Name | None = None
    subject: Name = "self"
    fields: Mapping[Name, FieldSpec] = {}
    stages: Mapping[Name, Stage] = {}
    opens_in: Names = ()
    moves: Moves = Moves()
    touches: Mapping[Name, Touch] = {}
    relations: Mapping[Name, Relation] = {}

    @property
    def opening_stages(self) -> tuple[str, ...]:
        """The stages a record may begin in."""
        return self.opens_in or tuple(self.stages)[:1]

    @property
    def steps(self) -> Mapping[str, Stage]:
        """Every stage or node a record can stand in, by name."""
        return self.stages

    def way(self, path: str | None = None) -> tuple[str, ...]:
        """The open steps of a path, in order."""
        del path
        return self.open_stages

    @property
    def open_stages(self) -> tuple[str, ...]:
        """The stages on the way, in their order, without the ones that end the path."""
        return tuple(name for name, stage in self.stages.items() if stage.outcome == "open")

    @property
    def evidence_fields(self) -> tuple[str, ...]:
        """The fields that hold evidence."""
        return tuple(name for name, field in self.fields.items() if field.type is FieldKind.evidence)


class Right(StrEnum):
    """What a role may do beyond working on records. The list is closed."""

    import_data = "import"
    waive = "waive"
    publish = "publish"
    organise = "organise"
    erase = "erase"


class Role(Part):
    """A role people hold, and the rights it carries."""

    label: Label
    rights: tuple[Right, ...] = ()


class Playbook(Part):
    """A versioned agreement on how a team sells."""

    playbook: Name
    label: Label
    why: Label | None = None
    time_zone: str = "UTC"
    roles: Mapping[Name, Role] = {}
    kinds: Mapping[Name, Kind] = Field(min_length=1)
