"""The contract of a metric: what a case is, what counts as what, and every number as data over the cases.

A metric is a frame of cases: one row a case, with Boolean columns that say what it counts as, and value columns.
Each number names the columns it is made of and nothing else, so the cases behind a number are the same frame filtered by the same columns:
a drill-down cannot disagree with the number it explains.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import polars as pl

from domain.labels import Label

if TYPE_CHECKING:
    from projections.metrics.sources import Source


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a contract in Chinese and English; answers as data keep the English one, names in backquotes are the same in both."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the clause in `zh` or `en`; any other language gets English."""
        return self.zh if language == "zh" else self.en


def clause(zh: str, en: str) -> Clause:
    """Say a clause in both languages."""
    return Clause(zh, en)


EFFECTIVE = clause("按发生时间", "effective")
RECORDED = clause("按记录位置", "recorded")
NO_RATES = clause("无：没有比率", "none: there are no rates")
BY_THE_CLOCK = clause("按自然时间", "by the clock")
ALSO_WORKING_TIME = clause(
    "按自然时间，另按手册日历的工作时间（日历年份之外为未知）",
    "by the clock, and in working time of the playbook's calendar (unknown outside its years)",
)
AT_THE_POSITION = clause("所问位置上的记录负责人", "of whoever answers for the record at the position")
AT_THE_CASE = clause(
    "个案所在位置上的记录负责人，其团队和大区按当时的组织",
    "of whoever answered for the record as of the case's position, as that person stood in the organisation then",
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a metric: its name, with its unit, and what it is called."""

    name: str
    label: Label


@dataclass(frozen=True, slots=True)
class Count(Number):
    """How many cases there are; with `where`, of which that column is true."""

    where: str | None = None


@dataclass(frozen=True, slots=True)
class Records(Number):
    """How many different records have a case (of which `where` is true); with `every`, only those all of whose such cases meet that too."""

    where: str | None = None
    every: str | None = None


@dataclass(frozen=True, slots=True)
class Sum(Number):
    """The sum of a column, over the cases of which `where` is true.

    Unknown where those cases hold several values of `one`, and where the kind names no field as what it is about (`of`).
    """

    column: str
    where: str
    one: str | None = None
    of: Literal["worth"] | None = None


@dataclass(frozen=True, slots=True)
class Several(Number):
    """Whether the cases of which `where` is true hold more than one value of a column."""

    column: str
    where: str


@dataclass(frozen=True, slots=True)
class Only(Number):
    """The one text the cases of which `where` is true hold in a column; unknown where they hold several, or none."""

    column: str
    where: str


@dataclass(frozen=True, slots=True)
class Share(Number):
    """One number among another, in percent. Of nothing it is unknown."""

    part: str
    whole: str


@dataclass(frozen=True, slots=True)
class Mean(Number):
    """The mean of a column over the cases another number counts. Of nothing it is unknown."""

    column: str
    judged: str


@dataclass(frozen=True, slots=True)
class Quantile(Number):
    """The smallest value that at least so many percent of the cases do not exceed (nearest rank), over the cases another number counts."""

    column: str
    percent: int
    judged: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of cases of a metric: what a case is, how the cases of one partition are found, and the numbers over them.

    `dimensions` are its own, beside those every metric has. A frame with a `variant` is meant where the parameter `variant` says so.
    A `snapshot` says how it stands at the position: its cases have the dimensions as of then, and there is no period to ask for.
    """

    case: str
    cases: "Callable[[Source], pl.LazyFrame]"
    numbers: tuple[Number, ...]
    dimensions: Mapping[str, Label] = field(default_factory=dict)
    snapshot: bool = False
    variant: str | None = None

    def number(self, name: str) -> Number:
        """Return a number by its name. Raises KeyError."""
        for number in self.numbers:
            if number.name == name:
                return number
        raise KeyError(name)


ParameterKind: TypeAlias = Literal["step", "fields", "requests", "work", "days", "variant"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something a metric has to be told: what it is, and what counts when it is not told."""

    name: str
    kind: ParameterKind
    meaning: Clause
    required: bool = False
    default: int | str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """The contract of a metric.

    `axis`: effective where cases are chosen by when they happened, recorded where it says how it stood at a position. `unit`: what a case is. `running`: what counts for what has not ended or was not answered.
    `team`: whose owner, team and region. `calendar`: how time is counted. `denominator`: what rates are among. `nulls`: what is unknown.
    The first frame is its cases; a further one explains it in more detail.
    """

    name: str
    label: Label
    meaning: Clause
    axis: Clause
    unit: Clause
    running: Clause
    denominator: Clause
    nulls: Clause
    frames: tuple[Frame, ...]
    team: Clause = AT_THE_CASE
    calendar: Clause = BY_THE_CLOCK
    parameters: tuple[Parameter, ...] = ()
    version: int = 1
    needs_steps: bool = True

    @property
    def dimensions(self) -> Mapping[str, Label]:
        """The dimensions of its own, of all frames."""
        return {name: label for frame in self.frames for name, label in frame.dimensions.items()}


def called(zh: str, en: str) -> Label:
    """Name something in both languages."""
    return Label(zh=zh, en=en)
