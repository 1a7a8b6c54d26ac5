"""The way a record takes: stages, the nodes inside them, the gates between them, and the paths that choose among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from domain.labels import Label
from domain.playbook.measuring import Action
from domain.playbook.part import Name, Names, Part

Outcome: TypeAlias = Literal["open", "won", "lost", "closed"]


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


class Node(Part):
    """A step inside a stage, with gates of its own. It never ends the path: only a stage does.

    `actions` are prescribed to whoever comes into this node.
    """

    label: Label
    why: Label | None = None
    enter: Gate = Gate()
    leave: Gate = Gate()
    actions: Mapping[Name, Action] = {}


class Stage(Part):
    """A stage of the path. `outcome` other than `open` ends the path; such a stage is left only by reopening.

    A record stands in one of the `nodes` of a stage that has some. Whoever comes into such a stage passes its entering gate
    and then that of the node; whoever leaves it passes the node's leaving gate and then that of the stage.
    `actions` are prescribed to whoever comes into the stage; where it has nodes, once for the stage and not for each of them.
    """

    label: Label
    why: Label | None = None
    outcome: Outcome = "open"
    enter: Gate = Gate()
    leave: Gate = Gate()
    actions: Mapping[Name, Action] = {}
    nodes: Mapping[Name, Node] = {}


@dataclass(frozen=True, slots=True)
class Step:
    """Where a record can stand: a stage, or a node of the stage it is `part_of` (a stage is part of itself)."""

    name: str
    part_of: str
    stage: Stage
    node: Node | None = None

    @property
    def label(self) -> Label:
        """What people call the step."""
        return self.stage.label if self.node is None else self.node.label

    @property
    def why(self) -> Label | None:
        """Why there is this step."""
        return self.stage.why if self.node is None else self.node.why

    @property
    def outcome(self) -> Outcome:
        """How the path ends here; `open` where it goes on."""
        return self.stage.outcome

    @property
    def enter(self) -> Gate:
        """The step's own entering gate; that of its stage comes before it."""
        return self.stage.enter if self.node is None else self.node.enter

    @property
    def leave(self) -> Gate:
        """The step's own leaving gate; that of its stage comes after it."""
        return self.stage.leave if self.node is None else self.node.leave


class Path(Part):
    """One of several ways through the stages of a kind: `steps` are names of stages in order, each with all its nodes, the ends among them.

    `opens_in` lists the steps a record may begin in (default: those of the kind that lie on this path, else its first step).
    """

    label: Label
    why: Label | None = None
    steps: Names = Field(min_length=1)
    opens_in: Names = ()


class Moves(Part):
    """Which moves besides the next step a path knows.

    `skip`: `refused` by default; `with_right` asks whoever skips for the right and for a reason; `allowed` asks nothing, for kinds
    whose order is only a habit, such as a history that is imported as it was.
    """

    skip: Literal["refused", "with_right", "allowed"] = "refused"
    back: Literal["with_reason", "free"] = "with_reason"
    reopen: Literal["with_reason", "free"] = "with_reason"
