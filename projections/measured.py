"""Metrics and indices as somebody may see them: contracts, cells with what they are called, and the cases behind every number.

Every answer says which position of the log it is of, the moment it speaks of, and the versions of the contract and the playbook.
With a replay it is of that replay's position, read through its draft: the same questions, other rules.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from domain.naming import nearest
from domain.playbook.catalogue import as_if_published
from domain.playbook.measuring import Index
from domain.refusals import InvalidCommand, NotFound, Problem
from domain.rules.arithmetic import number_text
from domain.values import moment_text
from projections.as_of import Horizon
from projections.cursors import Cursor
from projections.errors import InvalidQuery
from projections.footing import NOW, Footing
from projections.ledger.running import LOOP, Runner
from projections.ledger.view import View
from projections.lens import Lens, Visible
from projections.lists import ITEMS
from projections.lists import Ask as Page
from projections.measured_contracts import contract, described, numbers_of
from projections.metrics.asking import DIMENSIONS, Ask, Value, ask_of
from projections.metrics.called import PEOPLE, labels_of
from projections.metrics.cells import cases, measure
from projections.metrics.contract import Metric
from projections.metrics.correlating import SIDES, Side, correlation
from projections.metrics.indices import (
    IndexValues,
    index_cases,
    index_of,
    index_slices,
    index_values,
    reading_for,
)
from projections.metrics.periods import UNITS, latest, period_of, unit_of
from projections.metrics.reading import Reading, Redecided
from projections.metrics.registry import METRICS, metric_of
from projections.replay_jobs import Replays, result_of
from projections.slices import Slices

MAX_PERIODS = 60


@dataclass(frozen=True)
class Question:
    """What is asked of a metric or an index, in words: texts as they come from an address or a command line.

    `by` names dimensions with commas between them, `where` holds texts such as `region=华东,华北`, `periods` names of periods.
    """

    kind: str | None = None
    by: str = ""
    periods: tuple[str, ...] = ()
    last: int | None = None
    where: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    horizon: Horizon = NOW
    replay: str | None = None
    beside: tuple[str, ...] = ()
    """What else could be said where the question was asked: a mistyped parameter may be one of these."""

    @property
    def words(self) -> list[Any]:
        """The question as plain data, for cursors."""
        return [self.kind, self.by, self.periods, self.last, self.where, sorted(self.parameters.items()), self.replay]  # fmt: skip


@dataclass(frozen=True)
class Beside:
    """The other metric of a correlation: the number that is compared, the kind it is of (None: the same one), and the metric's own parameters."""

    metric: str
    number: str
    kind: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Stand:
    """What an answer stands on: the ledger, how it is read, and the replay it is of."""

    view: View
    reading: Reading
    horizon: Horizon
    replay: str | None

    @property
    def about(self) -> dict[str, Any]:
        told = {
            "now": moment_text(self.reading.now),
            "playbook": self.reading.document.playbook,
            "playbook_version": self.reading.number or None,
            "kind": self.reading.kind_name,
        }
        return told if self.replay is None else {**told, "replay": self.replay}


@dataclass(frozen=True)
class Frozen:
    """What an index came to in a period: the cells, and the version of the playbook whose index it is."""

    playbook: str
    playbook_version: int
    cells: Sequence[Mapping[str, Any]]


MEASURED_IN = {
    "penetration": "percent",
    "freshness": "percent",
    "acceptance": "percent",
    "healthy": "percent",
    "response": "business_seconds",
    "touches": "count",
    "evidence": "count",
}
"""In what a component is `measured`, by its measure: percent, seconds of business time, or how many."""


class Measures:
    """Metrics and indices over the ledger of one tenant, through the lens."""

    def __init__(
        self,
        footing: Footing,
        view: Callable[[int | None], View],
        replays: Replays | None = None,
        runner: Runner = LOOP,
    ) -> None:
        self._footing = footing
        self._view = view
        self._replays = replays
        self._runner = runner

    # ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def contracts(self) -> Visible:
        """Show every metric with its contract."""
        items = [contract(metric) for metric in METRICS.values()]
        return self._footing.lens().figures(items=items, next=None, dimensions=dict(DIMENSIONS))

    def contract(self, name: str) -> Visible:
        """Show the contract of one metric. Raises NotFound."""
        return self._footing.lens().figures(**contract(metric_of(name)))

    def metric(self, name: str, question: Question) -> Visible:
        """Show the numbers of a metric by cell. Raises NotFound, InvalidQuery."""
        stand, metric, ask = self._asked(name, question)
        cells = measure(stand.view, stand.reading, name, ask, self._runner)
        lens = self._lens(stand)
        rows = _in_order(cells.frame.rows(named=True), ask.by, stand.reading)
        items = [
            {
                "cell": {dimension: row[dimension] for dimension in ask.by},
                **{number: _plain(value) for number, value in row.items() if number not in ask.by},
            }
            for row in rows
        ]
        return lens.figures(
            metric=name,
            label=metric.label.model_dump(),
            version=metric.version,
            period=_told_period(cells.ask),
            by=list(ask.by),
            parameters=_plain(dict(cells.ask.parameters)),
            items=items,
            names=self._names(lens, stand.reading, rows, ask.by),
            numbers={number.name: number.label.model_dump() for number in numbers_of(metric)},
            **stand.about,
            **self._footing.about(stand.horizon),
        )

    def correlation(self, name: str, number: str, question: Question, beside: Beside) -> Visible:
        """Show whether two numbers go together over the cells of the question: r, the interval it lies in, and the numbers of every cell.

        Raises NotFound, InvalidQuery.
        """
        stand, metric, ask = self._asked(name, question)
        # Whatever is written meanwhile, both numbers are of one position; a replay has its own.
        of_other = replace(
            question,
            kind=beside.kind or question.kind,
            parameters=beside.parameters,
            horizon=stand.horizon if question.replay is None else question.horizon,
        )
        theirs, other, their_ask = self._asked(beside.metric, of_other)
        sides = [
            Side(metric.name, number, ask, stand.reading),
            Side(other.name, beside.number, their_ask, theirs.reading),
        ]
        found = correlation(stand.view, *sides, runner=self._runner)
        lens = self._lens(stand)
        rows = _in_order(found.cells.rows(named=True), ask.by, stand.reading)
        return lens.figures(
            metric=name,
            number=number,
            **{"with": other.name, "with_number": beside.number, "with_kind": theirs.reading.kind_name},
            by=list(ask.by),
            **_plain(asdict(found.correlation)),
            items=[
                {
                    "cell": {dimension: row[dimension] for dimension in ask.by},
                    **{side: _plain(row[side]) for side in SIDES},
                }
                for row in rows
            ],
            names=self._names(lens, stand.reading, rows, ask.by),
            **stand.about,
            **self._footing.about(stand.horizon),
        )

    def metric_table(self, name: str, question: Question) -> pl.DataFrame:
        """Return the cells of a metric as a table; people and records stand under their ids."""
        stand, _, ask = self._asked(name, question)
        return measure(stand.view, stand.reading, name, ask, self._runner).frame

    def metric_cases(
        self, name: str, number: str, cell: Sequence[str], question: Question, page: Page, *, among: bool
    ) -> Visible:
        """Show the cases behind a number of a cell: as many as the number says. Raises NotFound, InvalidQuery."""
        cursor, question = _resumed(question, page, ["metric", name, number, list(cell), among])
        stand, _, ask = self._asked(name, question)
        chosen = cell_of(cell)
        self._refuse_unknown(
            stand, "cell", {name: (value,) for name, value in chosen.items() if name in ask.by}
        )
        found = cases(stand.view, stand.reading, name, ask, number, chosen, among=among, runner=self._runner)
        told = ["metric", name, number, list(cell), among]
        return self._page(
            stand, found, cursor, page, [*told, *question.words], metric=name, number=number, cell=chosen
        )

    # ── indices ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def indices(self, horizon: Horizon = NOW) -> Visible:
        """Show the indices of the playbooks in force."""
        bounded = self._footing.bounded(horizon)
        in_force = self._footing.playbooks(bounded).in_force
        items = [
            {"playbook": playbook, "playbook_version": version.number, **described(name, index)}
            for playbook, version in sorted(in_force.items())
            for name, index in version.document.indices.items()
        ]
        return self._footing.lens(bounded).figures(items=items, next=None, **self._footing.about(bounded))

    def index(self, name: str, question: Question) -> Visible:
        """Show the values of an index by cell and period, each with its components. Raises NotFound, InvalidQuery."""
        stand, index = self._index(name, question)
        by = tuple(part for part in question.by.split(",") if part)
        found = index_values(
            stand.view, stand.reading, name, by, self._periods(stand, index, question),
            where=ask_of(stand.reading, where=question.where).where, runner=self._runner,
        )  # fmt: skip
        lens = self._lens(stand)
        items = [_with_units(item) for item in _index_items(found)]
        rows = found.values.rows(named=True)
        about_cell = _about_cell(found)
        told = described(name, index)
        return lens.figures(
            **told,
            by=list(by),
            items=items,
            names=self._names(lens, stand.reading, rows, about_cell, horizon=stand.horizon),
            **{key: value for key, value in stand.about.items() if key not in told},
            **self._footing.about(stand.horizon),
        )

    def index_table(self, name: str, question: Question) -> pl.DataFrame:
        """Return the values of an index as a table, a column for the score of each component; ids as they are."""
        stand, index = self._index(name, question)
        by = tuple(part for part in question.by.split(",") if part)
        found = index_values(
            stand.view, stand.reading, name, by, self._periods(stand, index, question),
            where=ask_of(stand.reading, where=question.where).where, runner=self._runner,
        )  # fmt: skip
        about_cell = _about_cell(found)
        table = found.values
        for part in index.components:
            scores = found.components.filter(pl.col("component") == part).select(
                *about_cell,
                *(pl.col(column).alias(f"{part}_{column}") for column in ("score", "measured", "judged")),
            )
            table = table.join(scores, on=about_cell, how="left", nulls_equal=True, maintain_order="left")
        return table

    def index_cases(
        self,
        name: str,
        component: str,
        cell: Sequence[str],
        question: Question,
        page: Page,
        *,
        among: bool,
    ) -> Visible:
        """Show the cases behind a component of a value. Raises NotFound, InvalidQuery."""
        told = ["index", name, component, list(cell), among]
        cursor, question = _resumed(question, page, told)
        stand, index = self._index(name, question)
        periods = self._periods(stand, index, question)
        if len(periods) > 1:
            raise InvalidQuery.of("period", "ask for the cases of one period at a time")
        chosen = cell_of(cell)
        self._refuse_unknown(stand, "cell", {name: (value,) for name, value in chosen.items()})
        by = tuple(part for part in question.by.split(",") if part) or tuple(
            dimension for dimension in chosen if dimension != "record"
        )
        found = index_cases(
            stand.view, stand.reading, name, component, chosen, periods[0] if periods else None,
            by=by, where=ask_of(stand.reading, where=question.where).where, among=among, runner=self._runner,
        )  # fmt: skip
        return self._page(
            stand, found, cursor, page, [*told, *question.words], index=name, component=component, cell=chosen
        )

    def frozen(self, name: str, period: str, position: int) -> "Frozen":
        """Compute what an index came to in a period, as of a position: for all records, and by region, team and owner.

        Raises NotFound, InvalidQuery; InvalidCommand for a period that is over and has no data, or was not over yet at the position.
        """
        asked = Question(periods=(period,), horizon=Horizon(position=position))
        stand, index = self._index(name, asked)
        if index.stuck is None and self._ended_before_the_log(stand, period):
            raise InvalidCommand([Problem("/period", f"there is nothing to close: {self._log_began()}")])
        is_over = index.stuck is None and self._refuse_half_a_period(period, stand, position)
        sliced = index_slices(stand.view, stand.reading, name, CLOSED_BY, [period], runner=self._runner)
        if is_over and sliced[0].values.get_column("value").null_count():
            raise InvalidCommand([Problem("/period", f"there is nothing to close: {period} has no data")])
        cells = [item for found in sliced for item in _index_items(found)]
        return Frozen(stand.reading.document.playbook, stand.reading.number, cells)

    def _refuse_half_a_period(self, period: str, stand: _Stand, position: int) -> bool:
        """Tell whether a period is over by now. Raises InvalidCommand where it is, and was not yet at the position: what came after would be missing."""
        end = period_of(period, stand.reading.zone).end
        if end > self._footing.clock():
            return False
        if position < (whole := self._footing.log.position_at(end)):
            told = (
                f"{period} was not over yet at this position; close it as of position {whole} or a later one"
            )
            raise InvalidCommand([Problem("/position", told)])
        return True

    # ── what answers stand on ────────────────────────────────────────────────────────────────────────────────────────

    def _asked(self, name: str, question: Question) -> tuple[_Stand, Metric, Ask]:
        metric = metric_of(name)
        stand = self._stand(question, lambda position, now: self._reading(question.kind, position, now))
        if len(question.periods) > 1:
            raise InvalidQuery.of("period", "a metric is of one period; slice it by month, quarter or week")
        ask = ask_of(
            stand.reading,
            period=question.periods[0] if question.periods else None,
            by=question.by,
            where=question.where,
            parameters=question.parameters,
            beside=question.beside,
        )
        self._refuse_without_data(stand, question.periods)
        self._refuse_unknown(stand, "where", ask.where)
        return stand, metric, ask

    def _index(self, name: str, question: Question) -> tuple[_Stand, Index]:
        def reading(position: int, now: datetime) -> Reading:
            return reading_for(self._footing.playbooks(Horizon(position=position)), name, position, now)

        stand = self._stand(question, reading, index=name)
        index = index_of(stand.reading, name)
        self._refuse_unknown(stand, "where", ask_of(stand.reading, where=question.where).where)
        return stand, index

    def _stand(
        self, question: Question, reading: Callable[[int, datetime], Reading], index: str | None = None
    ) -> _Stand:
        if question.horizon.effective_at is not None:
            raise InvalidQuery.of("effective_at", "ask for a period; what was known then is as_of")
        if question.replay is None:
            bounded = self._footing.bounded(question.horizon)
            position = bounded.position or 0
            self._refuse_before_any_playbook(position)
            return _Stand(self._view(position), reading(position, self._now(position)), bounded, None)
        if not question.horizon.is_now:
            raise InvalidQuery.of("replay", "a replay is of a position of its own; leave as_of out")
        if self._replays is None:
            raise NotFound("replay", question.replay)
        job, kept = result_of(self._replays, question.replay)
        known = self._footing.playbooks(Horizon(position=job.position))
        draft = as_if_published(known, self._replays.store.draft(kept))
        if index is not None:
            if job.scope:
                raise InvalidQuery.of(
                    "replay",
                    "this replay is for a scope, which changes no index: indices are measured as the version for everybody says",
                )
            if index not in draft.document.indices:
                raise NotFound("index", index, nearest(index, draft.document.indices))
            kind = draft.document.indices[index].kind
        else:
            kind = self._kind(question.kind, draft.document.kinds)
        redecided = Redecided.of(job.id, self._replays.store.scan(kept, "decisions"))
        drafted = Reading.of_draft(draft, kind, job.position, self._now(job.position), redecided)
        return _Stand(self._view(job.position), drafted, Horizon(position=job.position), job.id)

    def _refuse_before_any_playbook(self, position: int) -> None:
        """Refuse a position at which nothing could be read, for no playbook says what records are. Raises InvalidQuery."""
        first = min((each.position for each in self._footing.playbooks().versions.values()), default=0)
        if position < first:
            raise InvalidQuery.of(
                "as_of",
                f"no playbook was published by position {position}; the first one was at position {first}",
            )

    def _reading(self, kind: str | None, position: int, now: datetime) -> Reading:
        playbooks = self._footing.playbooks(Horizon(position=position))
        known = {name: version.document.kinds[name] for name, version in playbooks.by_kind.items()}
        return Reading.of(playbooks, self._kind(kind, known), position, now)

    @staticmethod
    def _kind(asked: str | None, known: Mapping[str, Any]) -> str:
        """Read a kind or its collection; without one, the only kind whose records stand in steps."""
        if asked is None:
            with_steps = [name for name, kind in known.items() if kind.stages]
            if len(with_steps) == 1:
                return with_steps[0]
            raise InvalidQuery.of("kind", f"is needed: one of {', '.join(with_steps or known)}")
        by_collection = {kind.collection: name for name, kind in known.items()}
        found = asked if asked in known else by_collection.get(asked)
        if found is None:
            raise NotFound("kind", asked, nearest(asked, [*known, *by_collection]))
        return found

    def _now(self, position: int) -> datetime:
        return self._footing.recorded_at(position)

    def _periods(self, stand: _Stand, index: Index, question: Question) -> list[str]:
        if question.last is None:
            self._refuse_without_data(stand, question.periods)
            return list(question.periods)
        if question.periods:
            raise InvalidQuery.of("last", "name the periods, or ask for the last ones, not both")
        if not 1 <= question.last <= MAX_PERIODS:
            raise InvalidQuery.of("last", f"expected a number from 1 to {MAX_PERIODS}")
        return latest(index.period.value, stand.reading.now, stand.reading.zone, question.last)

    def _refuse_unknown(self, stand: _Stand, parameter: str, told: Mapping[str, Sequence[Value]]) -> None:
        """Refuse values of dimensions no case can have, months nobody knows anything of among them. Raises InvalidQuery."""
        known = self._footing.playbooks(Horizon(position=stand.reading.position))
        organisation = self._footing.organisation(stand.horizon)
        Slices(stand.view, stand.reading, known, organisation).refuse_unknown(parameter, told)
        named = [
            value
            for unit in UNITS
            for value in told.get(unit, ())
            if value is not None and _is_a(unit, value, stand.reading)
        ]
        self._refuse_without_data(stand, named, parameter)

    def _refuse_without_data(self, stand: _Stand, periods: Sequence[str], parameter: str = "period") -> None:
        """Refuse periods of which nothing can be known: no number is not 0. Raises InvalidQuery."""
        zone, now = stand.reading.zone, stand.reading.now
        if ahead := [name for name in periods if period_of(name, zone).start > now]:
            raise InvalidQuery.of(parameter, f"{', '.join(ahead)} has not begun as of {stand.about['now']}")
        if ended := [name for name in periods if self._ended_before_the_log(stand, name)]:
            raise InvalidQuery.of(parameter, f"{', '.join(ended)} has no data: {self._log_began()}")

    def _ended_before_the_log(self, stand: _Stand, period: str) -> bool:
        """Tell whether a period was over before anything was recorded, and nothing that was recorded since tells of it."""
        end = period_of(period, stand.reading.zone).end
        if end > self._now(1):
            return False
        earliest = stand.view.scan("events").select(pl.col("at").min()).collect().item()
        return earliest is None or end <= earliest

    def _log_began(self) -> str:
        return f"the log began later, at {self._now(1):%Y-%m-%d %H:%M} UTC"

    # ── what they are called ─────────────────────────────────────────────────────────────────────────────────────────

    def _lens(self, stand: _Stand) -> Lens:
        lens = self._footing.lens(stand.horizon)
        lens.prepare(())
        return lens

    def _names(
        self,
        lens: Lens,
        reading: Reading,
        rows: Iterable[Mapping[str, Any]],
        dimensions: Sequence[str],
        horizon: Horizon | None = None,
    ) -> dict[str, dict[str, Any]]:
        """Return what the values of each dimension are called: people and teams by name, steps and options in both languages."""
        values = {name: {row[name] for row in rows} - {None} for name in dimensions}
        teams = self._footing.organisation(horizon or NOW).teams
        found: dict[str, dict[str, Any]] = {}
        for name, told in values.items():
            labelled = self._called(lens, reading, name, sorted(map(str, told)), teams, horizon)
            if labelled:
                found[name] = labelled
        return found

    def _called(
        self,
        lens: Lens,
        reading: Reading,
        dimension: str,
        values: Sequence[str],
        teams: Mapping[str, Any],
        horizon: Horizon | None,
    ) -> dict[str, Any]:
        match dimension:
            case _ if dimension in PEOPLE or _holds_a_person(reading, dimension):
                return {person: name for person in values if (name := lens.person(person)) is not None}
            case "team":
                return {team: teams[team].name for team in values if team in teams}
            case "record":
                return self._footing.names(lens, values, horizon or NOW)
        labels = labels_of(reading, dimension)
        return {value: labels[value].model_dump() for value in values if value in labels}

    def _page(
        self,
        stand: _Stand,
        found: pl.DataFrame,
        cursor: Cursor | None,
        page: Page,
        question: list[Any],
        **about: Any,
    ) -> Visible:
        skip = cursor.skip if cursor is not None else 0
        rows = found.slice(skip, page.limit).rows(named=True)
        lens = self._lens(stand)
        records = [row["record"] for row in rows]
        people = [value for row in rows for value in row.values() if isinstance(value, str)]
        names = self._footing.names(lens, [*records, *people], stand.horizon)
        position = stand.horizon.position or 0
        more = found.height > skip + len(rows)
        following = Cursor(position, skip + len(rows)).text(question) if more else None
        items = [
            {
                **{name: _plain(value) for name, value in row.items() if not name.startswith("_")},
                "record_name": names.get(row["record"]),
            }
            for row in rows
        ]
        return lens.figures(
            **about,
            total=found.height,
            items=items,
            names={value: name for value, name in names.items() if value not in records},
            next=following,
            **stand.about,
            **self._footing.about(stand.horizon),
        )


CLOSED_BY: tuple[tuple[str, ...], ...] = ((), ("region",), ("team",), ("owner",))
"""The slices a closing freezes."""

_VALUE = ("value", "band", "capped_by", "broken")


def _in_order(
    rows: Sequence[Mapping[str, Any]], by: Sequence[str], reading: Reading
) -> list[Mapping[str, Any]]:
    """Put cells in the order the playbook gives steps, stages and options; everything else by its value, none last."""
    kind = reading.kind
    steps = {name: place for place, name in enumerate(kind.steps)}
    stages = {name: place for place, name in enumerate(kind.stages)}
    places: dict[str, Mapping[str, int]] = {
        "step": steps,
        "edge_from": steps,
        "edge_to": steps,
        "stage": stages,
    }
    for dimension in by:
        spec = kind.fields.get(dimension.removeprefix("field:")) if dimension.startswith("field:") else None
        if spec is not None and spec.options:
            places[dimension] = {name: place for place, name in enumerate(spec.options)}

    def key(row: Mapping[str, Any]) -> list[tuple[bool, int, str]]:
        return [
            (row[name] is None, places.get(name, {}).get(row[name], len(steps)), str(row[name]))
            for name in by
        ]

    return sorted(rows, key=key)


def _holds_a_person(reading: Reading, dimension: str) -> bool:
    spec = reading.kind.fields.get(dimension.removeprefix("field:"))
    return dimension.startswith("field:") and spec is not None and spec.type.value == "person"


def _about_cell(found: IndexValues) -> list[str]:
    """The columns that say which cell a value is of."""
    return [column for column in found.values.columns if column not in _VALUE]


def _with_units(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value of an index whose components say in what they were measured. What is closed for good stays as it was written."""
    parts = {
        name: {**part, "unit": MEASURED_IN[part["measure"]]} for name, part in item["components"].items()
    }
    return {**item, "components": parts}


def _index_items(found: IndexValues) -> list[dict[str, Any]]:
    """Return the values of an index as plain data, each with its components."""
    about_cell = _about_cell(found)
    parts: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in found.components.rows(named=True):
        part = {name: _plain(value) for name, value in row.items() if name not in about_cell}
        parts.setdefault(tuple(row[column] for column in about_cell), {})[part.pop("component")] = part
    return [
        {
            "cell": {column: _plain(row[column]) for column in about_cell},
            **{column: _plain(row[column]) for column in _VALUE},
            "components": parts.get(tuple(row[column] for column in about_cell), {}),
        }
        for row in found.values.rows(named=True)
    ]


def cell_of(told: Sequence[str]) -> dict[str, Value]:
    """Read a cell: `owner=person/per_1` (`owner=` for none). Raises InvalidQuery."""
    found: dict[str, Value] = {}
    for text in told:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise InvalidQuery.of("cell", f"{text!r} is not DIMENSION=VALUE")
        found[name] = value or None
    return found


def _is_a(unit: str, value: str, reading: Reading) -> bool:
    """Tell whether a text is a month, quarter or week; what is none is refused where all that is wrong with a question is told."""
    try:
        return unit_of(period_of(value, reading.zone)) == unit
    except InvalidQuery:
        return False


def _resumed(question: Question, page: Page, told: list[Any]) -> tuple[Cursor | None, Question]:
    """Read a cursor; the pages of one question are all of the position of the first."""
    cursor = Cursor.read(page.cursor, [*told, *question.words])
    if cursor is None or question.replay is not None:
        return cursor, question
    return cursor, replace(question, horizon=Horizon(position=cursor.position))


def _told_period(ask: Ask) -> dict[str, str] | None:
    if ask.period is None:
        return None
    start, end = moment_text(ask.period.start), moment_text(ask.period.end)
    return {"name": ask.period.name, "start": start, "end": end}


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return number_text(value)
        case datetime():
            return moment_text(value)
        case date():
            return value.isoformat()
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case _:
            return value


__all__ = ["ITEMS", "Beside", "Measures", "Question", "cell_of"]
