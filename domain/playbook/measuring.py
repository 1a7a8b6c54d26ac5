"""What a playbook measures: prescribed actions, requests and their answers, and the indices made of them."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field

from domain.labels import Label
from domain.playbook.part import Name, Names, Part

Share = Annotated[Decimal, Field(ge=0, le=100, decimal_places=6, allow_inf_nan=False)]
"""A percentage, or a score: from 0 to 100."""

Positive = Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=6, allow_inf_nan=False)]


class Happening(Part):
    """Something that can be seen in the events of a record. Exactly one of `touch`, `evidence`, `field` and `enters` is given.

    `touch`: somebody was in touch in that way (`any`: in whatever way). `evidence`: a piece was attached to that field.
    `field`: the field got a value; with `one_of`, one of these options. `enters`: the record came into that step.
    """

    touch: Name | None = None
    evidence: Name | None = None
    field: Name | None = None
    one_of: Names = ()
    enters: Name | None = None


class Action(Part):
    """A prescribed action of a stage or node: something to be seen in the events of whoever stands there.

    It is done when `done` happens from the entry into the step until the record leaves it, and no later than `within_hours`
    (by the clock) after the entry where that is given. `role` says whose action it is.
    """

    label: Label
    why: Label | None = None
    done: Happening
    within_hours: Positive | None = None
    role: Name | None = None


class Request(Part):
    """Something one side asks and the other answers: the first `answered` after `asked` is the response."""

    label: Label
    why: Label | None = None
    asked: Happening
    answered: Happening


class _Weighted(BaseModel):
    """What every component of an index has. Each kind of component says how its measure becomes a score from 0 to 100."""

    label: Label
    why: Label | None = None
    weight: Positive = Decimal(1)


class Penetration(_Weighted, Part):
    """Stage penetration: done ÷ due prescribed actions of the steps entered in the period, in percent.

    `counted`: `actions` is the share of actions, `records` that of records with all of their due actions done.
    Below `broken_below` percent the cell is marked broken; its score stays what it is.
    """

    measure: Literal["penetration"]
    counted: Literal["actions", "records"] = "actions"
    broken_below: Share | None = Decimal(60)


class Response(_Weighted, Part):
    """Collaboration response: 100 while the average first response, in business time, is within the baseline.

    Above it `points` are taken off for each `step_percent` over: for each full one, for each started one, or continuously. Not below 0.
    `requests` limits it to some of the kind's requests (default: all). Work items of the templates in `work` count as requests, too.
    """

    measure: Literal["response"]
    requests: Names = ()
    work: Names = ()
    baseline_hours: Positive = Decimal(48)
    points: Positive = Decimal(5)
    step_percent: Positive = Decimal(10)
    step: Literal["full", "started", "continuous"] = "full"


class Freshness(_Weighted, Part):
    """Data freshness: the share of pairs of an open record and a key field that were updated or confirmed in the last `within_days`.

    From `full_at_percent` on it scores 100, below it in proportion.
    """

    measure: Literal["freshness"]
    fields: Names = Field(min_length=1)
    within_days: int = Field(default=30, ge=1, le=3_650)
    full_at_percent: Annotated[Decimal, Field(gt=0, le=100, decimal_places=6, allow_inf_nan=False)] = Decimal(
        85
    )


class Touching(_Weighted, Part):
    """How often people were in touch: `target` touches score 100, fewer in proportion.

    They are those of the period; in an index of stuck records, those of the record's owner in the last `within_days`.
    `touches` limits it to some ways of being in touch (default: all).
    """

    measure: Literal["touches"]
    touches: Names = ()
    within_days: int = Field(default=30, ge=1, le=3_650)
    target: Positive


class Proving(_Weighted, Part):
    """How many pieces of evidence were attached: `target` pieces score 100, fewer in proportion.

    They are those of the period; in an index of stuck records, those of the record's owner in the last `within_days`.
    `evidence` limits it to some evidence fields (default: all).
    """

    measure: Literal["evidence"]
    evidence: Names = ()
    within_days: int = Field(default=30, ge=1, le=3_650)
    target: Positive


class Acceptance(_Weighted, Part):
    """The share of attempts to open or move a record that were not refused, in percent.

    They are those of the period; in an index of stuck records, those of the record's owner in the last `within_days`.
    `into` limits it to attempts to enter some steps (default: all).
    """

    measure: Literal["acceptance"]
    into: Names = ()
    within_days: int = Field(default=30, ge=1, le=3_650)


class Healthy(_Weighted, Part):
    """Healthy actions: the share of what was to follow in time that did, in percent. `actions` limits it to some of the kind's (default: all)."""

    measure: Literal["healthy"]
    actions: Names = ()


Component: TypeAlias = Annotated[
    Penetration | Response | Freshness | Touching | Proving | Acceptance | Healthy,
    Field(discriminator="measure"),
]


class Period(StrEnum):
    """How long one value of an index covers."""

    week = "week"
    month = "month"
    quarter = "quarter"


class Stuck(Part):
    """Which records an index of single records is about: those that have stood in one of the steps for longer than so many days.

    Its components are measured over what the owner of the record did lately: touches, evidence, acceptance and freshness can be.
    """

    steps: Names = Field(min_length=1)
    longer_than_days: Annotated[Decimal, Field(ge=0, le=3_650, decimal_places=6, allow_inf_nan=False)]


class Band(Part):
    """A band of values: from `at_least` up to the next higher band."""

    label: Label
    at_least: Share = Decimal(0)


class Cap(Part):
    """A limit to the whole: while the score of `component` is below `below`, the index is at most `at_most`."""

    label: Label
    component: Name
    below: Share
    at_most: Share


class Index(Part):
    """A named index: the weighted mean of its components' scores, 0 to 100.

    A component without data is unknown and leaves the mean; without any the index is unknown. It is never 0 for want of data.
    Without `stuck` it has a value for any slice of the kind's records (person, team, region, step) and each `period`;
    with `stuck` one for each record that is stuck, its components being those of the record's owner.
    """

    label: Label
    why: Label | None = None
    kind: Name
    period: Period = Period.month
    stuck: Stuck | None = None
    components: Mapping[Name, Component] = Field(min_length=1)
    bands: Mapping[Name, Band] = {}
    caps: Mapping[Name, Cap] = {}
