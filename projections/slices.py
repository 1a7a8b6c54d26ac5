"""Which values a slice may be limited to: steps, stages, teams, regions, people and whatever a playbook names are closed sets, and a value
that was never one of them is refused.

Whatever was ever there can be asked for: steps of any version of the playbook, teams and regions people once belonged to.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from domain.naming import nearest, person_stream
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind
from domain.refusals import Problem
from projections.errors import InvalidQuery, not_among, problem_of
from projections.ledger.view import View
from projections.metrics.asking import Value
from projections.metrics.called import PEOPLE
from projections.metrics.reading import Reading

_STEPS = frozenset({"step", "edge_from", "edge_to"})
_NAMED = {
    "touch_kind": ("kind of touch", "touches"),
    "request": ("request", "requests", "work"),
    "field": ("field", "fields"),
    "evidence_field": ("evidence field", "fields"),
    "template": ("work template", "work"),
    "fork_name": ("fork", "forks"),
    "chain": ("approval chain", "approvals"),
    "deadline": ("deadline", "deadlines"),
}
"""Dimensions whose values a kind of record names: what one is called, and the parts of the kind that name them."""


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
        what = "step" if dimension in _STEPS else _NAMED.get(dimension, (dimension,))[0]
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
            case _ if dimension in _NAMED:
                return list(
                    dict.fromkeys(
                        name
                        for part in _NAMED[dimension][1:]
                        for kind in self._kinds
                        for name in getattr(kind, part)
                    )
                )
            case _:
                return None

    @cached_property
    def _kinds(self) -> list[Kind]:
        """The kind of record as it is read today, and as every version has it."""
        name = self.reading.kind_name
        versions = [version.document.kinds.get(name) for version in self.playbooks.versions.values()]
        return [self.reading.kind, *(kind for kind in versions if kind is not None)]

    @cached_property
    def _gone(self) -> list[str]:
        """Steps other versions have, which no mapping turned into one of today's."""
        ever = dict.fromkeys(step for kind in self._kinds[1:] for step in kind.steps)
        today = self.reading.kind.steps
        return [step for step in ever if step not in today and step not in self.reading.adopts.stages]

    @cached_property
    def _places(self) -> pl.DataFrame:
        """The teams and regions people ever belonged to."""
        return self.view.scan("people").select("team", "region").unique().collect()
