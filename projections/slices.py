"""Which values a slice may be limited to: steps, stages, teams, regions, people and whatever a playbook names are closed sets, and a value
that was never one of them is refused.

Whatever was ever there can be asked for: steps of any version of the playbook, teams and regions people once belonged to.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from domain.naming import nearest, person_stream
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.refusals import Problem
from projections.errors import InvalidQuery, not_among, problem_of
from projections.ledger.view import View
from projections.metrics.asking import Value
from projections.metrics.called import PEOPLE, labels_of
from projections.metrics.reading import Reading

_STEPS = frozenset({"step", "edge_from", "edge_to"})
_CALLED = {
    "touch_kind": "kind of touch",
    "request": "request",
    "field": "field",
    "evidence_field": "evidence field",
    "action": "action",
    "role": "role",
    "template": "work template",
    "fork_name": "fork",
    "leg": "leg",
    "chain": "approval chain",
    "level": "level",
    "deadline": "deadline",
    "pool": "pool",
    "rule": "rule",
}
"""Dimensions whose values playbooks name, and what one of those is called."""


@dataclass(frozen=True)
class Slices:
    """The values that dimensions of closed sets can have, as of the position an answer is of."""

    view: View
    reading: Reading
    playbooks: Playbooks
    organisation: Organisation

    def refuse_unknown(self, parameter: str, told: Mapping[str, Sequence[Value]]) -> None:
        """Refuse values that no case can have: 0 cases would look like an answer. Raises InvalidQuery with the nearest ones and those there are."""
        problems = [
            problem
            for dimension, values in told.items()
            for value in values
            if value is not None and (problem := self._problem(parameter, dimension, value)) is not None
        ]
        if problems:
            raise InvalidQuery(problems)

    def _problem(self, parameter: str, dimension: str, value: str) -> Problem | None:
        if dimension in PEOPLE:
            return self._nobody(parameter, value)
        known = self._known(dimension)
        if known is None or value in known:
            return None
        if dimension in _STEPS and (now := self.reading.adopts.stages.get(value)) is not None:
            return problem_of(parameter, f"the step {value!r} counts as another one now", now)
        what = "step" if dimension in _STEPS else _CALLED.get(dimension, dimension)
        return not_among(parameter, f"there is no {what} {value!r}", value, known)

    def _nobody(self, parameter: str, value: str) -> Problem | None:
        people = self.organisation.people
        if value in people:
            return None
        named = person_stream(value)
        message = f"there is no person {value!r}; a person is named as person/per_…"
        return problem_of(parameter, message, named if named in people else nearest(value, people))

    def _known(self, dimension: str) -> Collection[str] | None:
        match dimension:
            case "team":
                return sorted({*self.organisation.teams, *self._places["team"].drop_nulls()})
            case "region":
                own = {team.region for team in self.organisation.teams.values() if team.region is not None}
                return sorted({*own, *self._places["region"].drop_nulls()})
            case "stage":
                # A step the reading playbook no longer has is a stage of its own.
                return [
                    *self.reading.kind.stages,
                    *(it for it in self._gone if it not in self.reading.kind.stages),
                ]
            case _ if dimension in _STEPS:
                return [*self.reading.kind.steps, *self._gone]
            case _ if dimension in _CALLED:
                names = dict.fromkeys(name for it in self._readings for name in labels_of(it, dimension))
                return list(names) or None  # what no playbook lists may be called anything
            case _:
                return None

    @cached_property
    def _readings(self) -> list[Reading]:
        """As records are read today, and as every version would read them."""
        documents = [version.document for version in self.playbooks.versions.values()]
        name = self.reading.kind_name
        return [self.reading, *(replace(self.reading, document=it) for it in documents if name in it.kinds)]

    @cached_property
    def _gone(self) -> list[str]:
        """Steps other versions have, which no mapping turned into one of today's."""
        ever = dict.fromkeys(step for it in self._readings[1:] for step in it.kind.steps)
        today = self.reading.kind.steps
        return [step for step in ever if step not in today and step not in self.reading.adopts.stages]

    @cached_property
    def _places(self) -> pl.DataFrame:
        """The teams and regions people ever belonged to."""
        return self.view.scan("people").select("team", "region").unique().collect()
