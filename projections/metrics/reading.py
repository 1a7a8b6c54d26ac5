"""How a metric reads the log: the playbook that was in force, the names it has for what was recorded, and the moment that is spoken of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from domain.business_time import BusinessTime
from domain.playbook.catalogue import Playbooks
from domain.playbook.measuring import Freshness
from domain.playbook.model import FieldKind, Kind, Playbook
from domain.playbook.published import NOTHING_MAPPED, KindMappings, PublishedPlaybook
from projections.business_time import business_seconds

UNKNOWN = "unknown"
"""The outcome of a step the reading playbook does not know, even after its mappings."""


@dataclass(frozen=True)
class Redecided:
    """What a draft decides of recorded attempts, known by its replay: `position`, `accepted` (null: nobody can judge it) and `unmet` where it is not what was."""

    replay: str
    outcomes: pl.LazyFrame = field(compare=False, repr=False)

    @classmethod
    def of(cls, replay: str, decisions: pl.LazyFrame) -> "Redecided":
        """Read what the decisions of a replay say: refused for its requirements, accepted without any."""
        verdict, asked = pl.col("verdict"), pl.col("requirements")
        is_allowed, is_unknown = verdict == "newly_allowed", verdict == "not_judgeable"
        otherwise = decisions.filter((verdict != "unchanged") | (asked.list.len() > 0))
        accepted = pl.when(is_unknown).then(None).otherwise(is_allowed)
        nothing = pl.lit([], dtype=pl.List(pl.String()))
        unmet = pl.when(is_allowed).then(nothing).otherwise(asked)
        return cls(replay, otherwise.select("position", accepted=accepted, unmet=unmet))

    def over(self, outcomes: pl.LazyFrame) -> pl.LazyFrame:
        """Put what the draft decides in the place of what came out; without what nobody can judge."""
        told = self.outcomes.rename({"accepted": "accepts", "unmet": "lacks"}).with_columns(
            is_told=pl.lit(value=True)
        )
        is_told = pl.col("is_told").is_not_null()
        return (
            outcomes.join(told, on="position", how="left")
            .with_columns(
                accepted=pl.when(is_told).then("accepts").otherwise("accepted"),
                unmet=pl.when(is_told).then("lacks").otherwise("unmet"),
            )
            .filter(pl.col("accepted").is_not_null())
            .drop("accepts", "lacks", "is_told")
        )


@dataclass(frozen=True)
class Reading:
    """The playbook through which records of one kind are read, as of `position`; `now` is the moment the answer speaks of.

    As of a replay decisions are `redecided` as its draft decides them. Plain data, so that it can be sent to another process: the rules of
    the playbook's gates are no part of it.
    """

    document: Playbook
    number: int
    kind_name: str
    adopts: KindMappings
    position: int
    now: datetime
    redecided: Redecided | None = None

    @classmethod
    def of(cls, playbooks: Playbooks, kind: str, view_position: int, now: datetime) -> "Reading":
        """Read through the general version in force at a position, at a moment. Raises NotFound, with the nearest kind."""
        then = {key: known for key, known in playbooks.versions.items() if known.position <= view_position}
        version = replace(playbooks, versions=then, moment=None).at(now).for_kind(kind)
        return cls.of_draft(version, kind, view_position, now)

    @classmethod
    def of_draft(
        cls,
        draft: PublishedPlaybook,
        kind: str,
        view_position: int,
        now: datetime,
        redecided: Redecided | None = None,
    ) -> "Reading":
        """Read through a draft, or through one version. Raises NotFound, with the nearest kind."""
        draft.kind(kind)
        adopts = draft.adopts.get(kind, NOTHING_MAPPED)
        return cls(draft.document, draft.number, kind, adopts, view_position, now, redecided)

    @cached_property
    def measured_fields(self) -> frozenset[str]:
        """The fields metrics of the kind look at again and again: those of actions and requests, and those that are to be fresh; as recorded."""
        kind = self.kind
        actions = [action for step in kind.steps.values() for action in step.stage.actions.values()]
        actions += [
            action for step in kind.steps.values() if step.node for action in step.node.actions.values()
        ]
        happenings = [action.done for action in actions]
        happenings += [part for it in kind.requests.values() for part in (it.asked, it.answered)]
        fields = {happening.field for happening in happenings if happening.field is not None}
        for index in self.document.indices.values():
            if index.kind == self.kind_name:
                fresh = [it for it in index.components.values() if isinstance(it, Freshness)]
                fields |= {name for component in fresh for name in component.fields}
        return frozenset(name for field in fields for name in self.recorded_fields(field))

    def at(self, now: datetime) -> "Reading":
        """Return the same, speaking of another moment."""
        return replace(self, now=now)

    @cached_property
    def kind(self) -> Kind:
        """The kind of record."""
        return self.document.kinds[self.kind_name]

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone in which periods begin and end."""
        return ZoneInfo(self.document.time_zone)

    @cached_property
    def working(self) -> BusinessTime | None:
        """When people work; None where the playbook has no calendar."""
        return None if self.document.calendar is None else BusinessTime.of(self.document.calendar)

    @cached_property
    def outcomes(self) -> Mapping[str, str]:
        """How the path ends at each step; `open` where it goes on."""
        return {name: step.outcome for name, step in self.kind.steps.items()}

    @cached_property
    def stages(self) -> Mapping[str, str]:
        """The stage each step is part of."""
        return {name: step.part_of for name, step in self.kind.steps.items()}

    @cached_property
    def freshness(self) -> Freshness | None:
        """The kind's first freshness component, in the order of the playbook's indices."""
        for index in self.document.indices.values():
            if index.kind == self.kind_name:
                for component in index.components.values():
                    if isinstance(component, Freshness):
                        return component
        return None

    def step(self, recorded: pl.Expr) -> pl.Expr:
        """Return recorded names of steps under the names they have now."""
        return recorded.replace(dict(self.adopts.stages)) if self.adopts.stages else recorded

    def outcome(self, step: pl.Expr) -> pl.Expr:
        """Tell how the path ends at steps."""
        return step.replace_strict(dict(self.outcomes), default=UNKNOWN, return_dtype=pl.String())

    def ends_in(self, step: pl.Expr, *outcomes: str) -> pl.Expr:
        """Tell whether steps have one of these outcomes."""
        return step.is_in([name for name, outcome in self.outcomes.items() if outcome in outcomes])

    def recorded_fields(self, field: str) -> list[str]:
        """List the names under which a field stands in the log: its own first, then those that became it."""
        return [field, *sorted(old for old, now in self.adopts.fields.items() if now == field)]

    def evidence_field(self, recorded: pl.Expr) -> pl.Expr:
        """Return recorded names of evidence fields under the names they have now; one that is gone stays as it was."""
        moved = {old: now for old, now in self.adopts.fields.items() if now is not None}
        return recorded.replace(moved) if moved else recorded

    def value(self, recorded_field: str, values: pl.Expr) -> pl.Expr:
        """Return recorded values of a field, as JSON text, with the options they count as now."""
        if recorded_field not in self.adopts.options:
            return values

        def adopted(told: pl.Series) -> pl.Series:
            found = {text: self._adopted(recorded_field, text) for text in told.unique().drop_nulls()}
            return told.replace_strict(found, default=None, return_dtype=pl.String())

        return values.map_batches(adopted, return_dtype=pl.String())

    def _adopted(self, field: str, text: str) -> str | None:
        value: Any = self.adopts.value(field, json.loads(text))
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def requirement(self, recorded: pl.Expr) -> pl.Expr:
        """Return recorded ids of requirements under the names their fields have now."""
        moved = {
            f"{what}:{old}": f"{what}:{now}"
            for old, now in self.adopts.fields.items()
            if now is not None
            for what in ("field", "evidence")
        }
        return recorded.replace(moved) if moved else recorded

    def business(self, start: pl.Expr, end: pl.Expr) -> pl.Expr:
        """Count working time between moments in whole seconds; unknown without a calendar, or outside its years."""
        working = self.working
        if working is None:
            return pl.lit(None, pl.Int64())

        def worked(pairs: pl.Series) -> pl.Series:
            return business_seconds(pairs.struct.field("start"), pairs.struct.field("end"), working)

        pairs = pl.struct(start=start, end=end)
        return pairs.map_batches(worked, return_dtype=pl.Int64(), is_elementwise=True)

    def has_steps(self) -> bool:
        """Tell whether records of the kind stand anywhere."""
        return bool(self.kind.stages)

    def fields_to_slice_by(self) -> list[str]:
        """List the fields whose values can make a dimension: one option, yes or no, or a person, and nobody's personal data."""
        return [
            name
            for name, spec in self.kind.fields.items()
            if not spec.is_personal
            and (
                spec.type in (FieldKind.boolean, FieldKind.person)
                or (spec.value_type is not None and spec.value_type.type.value == "choice")
            )
        ]
