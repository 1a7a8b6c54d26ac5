"""What can be asked of a metric: the period, the slices, the parameters; what makes no sense is refused, all of it at once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

from domain.labels import Saying
from domain.refusals import Problem, said_to_both
from projections.errors import InvalidQuery, not_among, problem_of
from projections.metrics.contract import Frame, Metric, Parameter
from projections.metrics.periods import EXPECTED, UNITS, Period, period_of, unit_of
from projections.metrics.reading import Reading

DIMENSIONS: Mapping[str, str] = {
    "owner": "who answered for the record",
    "team": "the team of the owner",
    "region": "the region of the owner",
    "step": "the step the record stood in",
    "stage": "the stage of that step",
    "path": "the path of the record",
    "move": "how the record came into that step",
    "month": "the month of the case",
    "quarter": "the quarter of the case",
    "week": "the ISO week of the case",
}
"""The dimensions every metric has, beside `field:NAME`."""

AS_OF = "as_of"
"""The name of the moment a case is asked about, where a question is about several (`Ask.moments`)."""

MOVES = ("open", "forward", "skip", "back", "re-entry", "reopen")

Value: TypeAlias = str | None
"""A value of a dimension; None where there is none, which is a cell of its own."""

Where: TypeAlias = Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True)
class Ask:
    """A question to a metric: cases of which period (None: all), sliced by what, limited to what, with which parameters.

    `parameters` hold texts, whole numbers or lists of texts, as they were told; `checked` reads them.
    """

    period: Period | None = None
    by: tuple[str, ...] = ()
    where: Where = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    moments: tuple[tuple[str, datetime], ...] = ()
    """The moments cases are asked about at once, each by a name, instead of the one the answer speaks of; of metrics whose cases have AS_OF.

    A case is as it stood before a moment, as far as was recorded by then; what is not over yet is the moment the answer speaks of.
    """

    beside: tuple[str, ...] = ()
    """What else could be said where the question was asked: a parameter that is mistyped may be one of these."""

    @property
    def cells(self) -> tuple[str, ...]:
        """The columns that name a cell."""
        return (*self.by, AS_OF) if self.moments else self.by


def ask_of(
    reading: Reading,
    *,
    period: str | None = None,
    by: str | Sequence[str] = (),
    where: Iterable[str] = (),
    parameters: Mapping[str, str | Sequence[str]] | None = None,
    beside: Sequence[str] = (),
) -> Ask:
    """Read a question from texts: `2026-03`, `team,month`, `region=华东,华北` (`region=` for none), `{"from": "quoted"}`.

    Raises InvalidQuery with everything that is wrong with the texts.
    """
    problems: list[Problem] = []
    found: dict[str, tuple[Value, ...]] = {}
    for text in where:
        name, sign, told = text.partition("=")
        if not sign or not name:
            problems.append(problem_of("where", f"{text!r} is not DIMENSION=VALUE"))
            continue
        found[name] = (*found.get(name, ()), *(value or None for value in told.split(",")))
    asked: Period | None = None
    if period is not None:
        try:
            asked = period_of(period, reading.zone)
        except InvalidQuery as refused:
            problems += refused.problems
    if problems:
        raise InvalidQuery(problems)
    names = by.split(",") if isinstance(by, str) else by
    return Ask(
        asked, tuple(name for name in names if name), found, dict(parameters or {}), beside=tuple(beside)
    )


def checked(metric: Metric, reading: Reading, ask: Ask) -> Ask:
    """Return the question with its parameters read and their defaults filled in. Raises InvalidQuery with everything that makes no sense."""
    problems: list[Problem] = []
    if metric.needs_steps and not reading.has_steps():
        problems.append(problem_of("kind", f"records of the kind {reading.kind_name!r} stand in no steps"))
    variant = ask.parameters.get("variant") or _default_variant(metric)
    meant = [frame for frame in metric.frames if frame.variant in (None, variant)]
    if ask.period is not None and meant and all(frame.snapshot for frame in meant):
        problems.append(
            problem_of("period", f"{metric.name} says how it stands at a position; ask as of another one")
        )
    problems += _dimension_problems("by", ask.by, metric, reading)
    problems += [
        problem_of("by", f"{name!r} is named twice")
        for name in dict.fromkeys(ask.by)
        if ask.by.count(name) > 1
    ]
    problems += _dimension_problems("where", ask.where, metric, reading)
    for name, values in ask.where.items():
        problems += _value_problems(name, values, reading)
    parameters: dict[str, Any] = {}
    specs = {spec.name: spec for spec in metric.parameters}
    for name in ask.parameters:
        if name not in specs:
            problems.append(
                not_among(name, f"{metric.name} has no parameter {name!r}", name, [*specs, *ask.beside])
            )
    for name, spec in specs.items():
        read = _parameter(spec, ask.parameters.get(name), reading, problems)
        if read is not None:
            parameters[name] = read
    if metric.name == "freshness":
        _key_fields(parameters, ask, reading, problems)
    if metric.name == "conversion":
        _ways(parameters, reading, problems)
    asked = replace(ask, parameters=parameters)
    if not problems and not frames_for(metric, asked):
        together = ", ".join(dict.fromkeys([*ask.by, *ask.where]))
        problems.append(problem_of("by", f"no cases of {metric.name} have all of {together}"))
    if problems:
        raise InvalidQuery(problems)
    return asked


def frames_for(metric: Metric, ask: Ask) -> list[Frame]:
    """List the frames of a metric that are meant by a question that was checked, and whose cases have all the dimensions it asks for."""
    asked = {*ask.by, *ask.where} & metric.dimensions.keys()
    return [
        frame
        for frame in metric.frames
        if frame.variant in (None, ask.parameters.get("variant")) and asked <= frame.dimensions.keys()
    ]


def _default_variant(metric: Metric) -> Any:
    return next((spec.default for spec in metric.parameters if spec.name == "variant"), None)


def _ways(parameters: Mapping[str, Any], reading: Reading, problems: list[Problem]) -> None:
    """How far along the way something stands can only be asked of steps on the way, and of the won ones at its end."""
    for name in ("from", "to") if parameters.get("variant") == "snapshot" else ():
        step = parameters.get(name)
        if step is not None and reading.outcomes[step] not in ("open", "won"):
            problems.append(
                problem_of(
                    name, f"{step!r} is a {reading.outcomes[step]} step: nobody is on the way beyond it"
                )
            )


def _dimension_problems(
    parameter: str, names: Iterable[str], metric: Metric, reading: Reading
) -> list[Problem]:
    fields = [f"field:{name}" for name in reading.fields_to_slice_by()]
    known = [*DIMENSIONS, *metric.dimensions, *fields]
    problems = []
    for name in names:
        if name in known:
            continue
        if name.startswith("field:") and name[6:] in reading.kind.fields:
            told = "is personal, or holds neither one option, a yes or no, nor a person"
            problems.append(problem_of(parameter, f"the field {name[6:]!r} makes no dimension: it {told}"))
            continue
        message = f"there is no dimension {name!r}"
        problems.append(not_among(parameter, message, name, known))
    return problems


def _value_problems(name: str, values: Sequence[Value], reading: Reading) -> list[Problem]:
    problems: list[Problem] = []
    if name in UNITS:
        for value in values:
            try:
                if value is not None and unit_of(period_of(value, reading.zone)) != name:
                    problems.append(problem_of("where", f"{value!r} is no {name}"))
            except InvalidQuery:
                problems.append(problem_of("where", f"{value!r} is no {name}: {EXPECTED}"))
        return problems
    spec = reading.kind.fields.get(name[6:]) if name.startswith("field:") else None
    known: Iterable[str] | None = {
        "stage": reading.kind.stages,
        "path": reading.kind.paths,
        "move": MOVES,
    }.get(name, spec.options if spec is not None and spec.options else None)
    return [
        not_among("where", f"there is no {name} {value!r}", value, known)
        for value in values
        if known is not None and value is not None and value not in known
    ]


def _parameter(spec: Parameter, told: Any, reading: Reading, problems: list[Problem]) -> Any:
    if told is None or told in ("", (), []):
        if spec.required:
            needed = Saying(zh=f"此项必填：{spec.meaning.zh}", en=f"is needed: {spec.meaning.en}")
            problems.append(said_to_both(f"/query/{spec.name}", needed))
        return spec.default
    kind = reading.kind
    match spec.kind:
        case "days":
            is_whole = isinstance(told, int | str) and re.fullmatch(r"[0-9]{1,4}", str(told))
            if is_whole and 1 <= int(told) <= 3_650:
                return int(told)
            problems.append(problem_of(spec.name, "expected a whole number of days, from 1 to 3650"))
            return None
        case "variant":
            return _one(spec.name, told, spec.options, spec.name, problems)
        case "step":
            return _one(spec.name, told, kind.steps, "step", problems)
        case "requests":
            return _several(spec.name, told, kind.requests, "request", problems)
        case "work":
            return _several(spec.name, told, kind.work, "work template", problems)
        case "fields":
            facts = [name for name, field in kind.fields.items() if field.value_type is not None]
            return _several(spec.name, told, facts, "field", problems)


def _one(parameter: str, told: Any, known: Iterable[str], what: str, problems: list[Problem]) -> str | None:
    if isinstance(told, str) and told in known:
        return told
    problems.append(not_among(parameter, f"there is no {what} {told!r}", str(told), known))
    return None


def _several(
    parameter: str, told: Any, known: Iterable[str], what: str, problems: list[Problem]
) -> tuple[str, ...] | None:
    names = tuple(dict.fromkeys(told.split(",") if isinstance(told, str) else map(str, told)))
    found = [_one(parameter, name, known, what, problems) for name in names]
    return tuple(name for name in found if name is not None)


def _key_fields(parameters: dict[str, Any], ask: Ask, reading: Reading, problems: list[Problem]) -> None:
    """Freshness is asked of some fields: those that were told, else those the playbook's own index asks."""
    own = reading.freshness
    if "fields" not in parameters and "fields" not in ask.parameters:
        if own is None:
            problems.append(
                problem_of("fields", "is needed: no index of this kind says which fields are to be fresh")
            )
            return
        parameters["fields"] = own.fields
        if "within_days" not in ask.parameters:
            parameters["within_days"] = own.within_days
