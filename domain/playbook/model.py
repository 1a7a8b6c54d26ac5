"""A playbook as its author writes it: kinds, fields, stages, gates, roles, every name in both languages."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.labels import Label
from domain.playbook.deadlines import Deadline
from domain.playbook.fields import PERSONAL_BY_DEFAULT, Choose, FieldKind, FieldSpec, Lookup
from domain.playbook.healthy import HealthyAction
from domain.playbook.measuring import Action, Index, Request
from domain.playbook.part import Name, Names, Part
from domain.playbook.pools import Pool
from domain.playbook.quick_entry import Preset
from domain.playbook.reactions import Reaction
from domain.playbook.stages import Condition, Gate, Moves, Node, Path, Stage, Step
from domain.playbook.working import ApprovalChain, Fork, WorkTemplate
from domain.playbook.working_time import WorkingTime

__all__ = [
    "PERSONAL_BY_DEFAULT",
    "Choose",
    "Condition",
    "FieldKind",
    "FieldSpec",
    "Form",
    "Gate",
    "Joining",
    "JoiningFact",
    "Kind",
    "Lookup",
    "Moves",
    "Name",
    "Names",
    "Node",
    "OrganisationRules",
    "Part",
    "Path",
    "Playbook",
    "Publishing",
    "Relation",
    "Right",
    "Role",
    "Stage",
    "Step",
    "Touch",
    "related_field",
]

FormEntry = Annotated[str, StringConstraints(pattern=re.compile(r"^[^\W\d]\w{0,62}(\.[^\W\d]\w{0,62})?\Z"))]
"""A field of the kind itself, or after a dot a field of the record that a reference field leads to: `customer.referrer_phone`."""


class Form(Part):
    """Which fields belong together when somebody writes them down, and in which `stages` they are asked (default: in all).

    A stage stands for all its nodes. A field of another kind is written to the record that the reference leads to.
    """

    label: Label
    why: Label | None = None
    stages: Names = ()
    fields: tuple[FormEntry, ...] = Field(min_length=1)


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
    `title` is the field people know a record by, `worth` the money field that boards add up. `opens_in` lists the steps a record may begin in (default: the first).
    Without `paths` there is one way: all stages in order.
    `requests` are what one side asks here and the other answers.
    `work` are the templates of what can be asked of a person, `forks` start several of them at once, `approvals` are the chains of those who must agree.
    `deadlines` say how long something may take, and who is told when it takes longer. `progress` are the presets of quick entry.
    `reactions` happen by themselves after something happened. `healthy` are the actions that are to follow in time.
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
    paths: Mapping[Name, Path] = {}
    moves: Moves = Moves()
    forms: Mapping[Name, Form] = {}
    touches: Mapping[Name, Touch] = {}
    relations: Mapping[Name, Relation] = {}
    requests: Mapping[Name, Request] = {}
    work: Mapping[Name, WorkTemplate] = {}
    forks: Mapping[Name, Fork] = {}
    approvals: Mapping[Name, ApprovalChain] = {}
    deadlines: Mapping[Name, Deadline] = {}
    progress: Mapping[Name, Preset] = {}
    reactions: Mapping[Name, Reaction] = {}
    healthy: Mapping[Name, HealthyAction] = {}

    @property
    def steps(self) -> Mapping[str, Step]:
        """Every stage or node a record can stand in, by name, in order: a stage that has nodes gives way to them."""
        return {
            step.name: step
            for name, stage in self.stages.items()
            for step in (
                [Step(inner, name, stage, node) for inner, node in stage.nodes.items()]
                or [Step(name, name, stage)]
            )
        }

    def steps_of(self, path: str | None = None) -> Mapping[str, Step]:
        """The steps of a path in its order, the ends among them; without a path, every step of the kind.

        Raises KeyError for a path the kind does not have.
        """
        if path is None:
            return self.steps
        steps = self.steps.values()
        return {
            step.name: step for stage in self.paths[path].steps for step in steps if step.part_of == stage
        }

    def way(self, path: str | None = None) -> tuple[str, ...]:
        """The open steps of a path, in order. Raises KeyError for a path the kind does not have."""
        return tuple(name for name, step in self.steps_of(path).items() if step.outcome == "open")

    def opening_steps(self, path: str | None = None) -> tuple[str, ...]:
        """The steps a record may begin in on a path: what the path says, else what the kind says, else the first one."""
        on_path = tuple(self.steps_of(path))
        own = self.paths[path].opens_in if path is not None else ()
        return own or tuple(name for name in self.opens_in if name in on_path) or on_path[:1]

    @property
    def opening_stages(self) -> tuple[str, ...]:
        """The steps a record may begin in where there is one path only."""
        return self.opening_steps()

    @property
    def open_stages(self) -> tuple[str, ...]:
        """The stages on the way, in their order, without the ones that end the path."""
        return tuple(name for name, stage in self.stages.items() if stage.outcome == "open")

    @property
    def gates(self) -> Iterator[tuple[tuple[str, ...], str, str, Gate]]:
        """Every gate: the names that lead to its stage or node in the document, that one's name, the side, and the gate itself."""
        for stage_name, stage in self.stages.items():
            own: list[tuple[tuple[str, ...], str, Stage | Node]] = [
                (("stages", stage_name), stage_name, stage)
            ]
            own += [(("stages", stage_name, "nodes", name), name, node) for name, node in stage.nodes.items()]
            for place, name, part in own:
                yield place, name, "enter", part.enter
                yield place, name, "leave", part.leave

    @property
    def prescribed(self) -> Iterator[tuple[tuple[str, ...], str, str, Action]]:
        """Every prescribed action: the names that lead to its stage or node in the document, that one's name, the action's name and the action."""
        for stage_name, stage in self.stages.items():
            for name, action in stage.actions.items():
                yield ("stages", stage_name), stage_name, name, action
            for node_name, node in stage.nodes.items():
                for name, action in node.actions.items():
                    yield ("stages", stage_name, "nodes", node_name), node_name, name, action

    def forms_at(self, step: str | None) -> tuple[str, ...]:
        """The forms that are offered where a record stands."""
        stage = self.steps[step].part_of if step is not None and step in self.steps else None
        return tuple(
            name for name, form in self.forms.items() if not form.stages or {step, stage} & set(form.stages)
        )

    @property
    def evidence_fields(self) -> tuple[str, ...]:
        """The fields that hold evidence."""
        return tuple(name for name, field in self.fields.items() if field.type is FieldKind.evidence)


def related_field(kind: Kind, name: str) -> tuple[str, str, str] | None:
    """Read `customer.referrer_phone`: the reference field, the kind it leads to, and the field there.

    None unless one of the kind's forms carries it: only what is on a form is written from another kind's record.
    """
    reference, dot, field = name.partition(".")
    if not dot or not any(name in form.fields for form in kind.forms.values()):
        return None
    spec = kind.fields.get(reference)
    return (reference, spec.to, field) if spec is not None and spec.to is not None else None


class Right(StrEnum):
    """What a role may do beyond working on records. The list is closed."""

    import_data = "import"
    waive = "waive"
    skip = "skip"
    publish = "publish"
    organise = "organise"
    erase = "erase"


class Role(Part):
    """A role people hold, and the rights it carries."""

    label: Label
    rights: tuple[Right, ...] = ()


class JoiningFact(StrEnum):
    """What can be asked to be known of whoever joins or moves. The list is closed."""

    team = "team"
    region = "region"
    manager = "manager"
    email = "email"
    role = "role"


class Joining(Part):
    """What must be known of a person who works here. The region is their own, or else that of their team.

    `labels` say it in the words of this organisation, for example 大区 or 战区.
    """

    requires: tuple[JoiningFact, ...] = ()
    labels: Mapping[Name, Label] = {}
    why: Label | None = None


class OrganisationRules(Part):
    """What a playbook asks of the organisation."""

    joining: Joining = Joining()


class Publishing(Part):
    """What has to come before the next version is published. `needs_replay`: a replay of it that somebody signed off."""

    needs_replay: bool = False


class Playbook(Part):
    """A versioned agreement on how a team sells.

    `calendar` is the working time business time is counted by, in `time_zone`; `indices` are what the team is measured by.
    `pools` are where records without an owner wait for one.
    """

    playbook: Name
    label: Label
    why: Label | None = None
    time_zone: str = "UTC"
    calendar: WorkingTime | None = None
    organisation: OrganisationRules = OrganisationRules()
    publishing: Publishing = Publishing()
    roles: Mapping[Name, Role] = {}
    kinds: Mapping[Name, Kind] = Field(min_length=1)
    indices: Mapping[Name, Index] = {}
    pools: Mapping[Name, Pool] = {}
