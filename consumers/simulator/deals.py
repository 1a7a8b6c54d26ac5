"""A deal as the people who work on it remember it: a light model beside the log, which alone decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from consumers.simulator.customers import Contact, Customer
from consumers.simulator.people import Employee
from domain.playbook.model import Gate, Kind

OPPORTUNITY = "opportunity"
LOST = "lost"


@dataclass(frozen=True)
class NotedTouch:
    """A touch as it was written down: by whom, on which day, and what was said."""

    id: str
    by: Employee
    day: date
    note: str | None


@dataclass
class Deal:
    """One deal: what is filled in, attached and done as far as its owner knows, and what is to be done next.

    `todo` holds requirement ids still to be worked off before the next stage, `carried` the fields to be written down with it.
    `due` is the day somebody turns to the deal again, `turned_to` the last one somebody did, `ready_on` the day its stage has had its time.
    `losing` is why it will be lost, `to_waive` what a manager was asked to let pass.
    """

    stream: str
    number: str
    customer: Customer
    owner: Employee
    product: str
    amount: int
    stage: str
    opened_at: datetime
    due: date
    ready_on: date
    fit: float
    fields: dict[str, object] = field(default_factory=dict)
    evidence: set[str] = field(default_factory=set)
    touches: list[tuple[str, datetime]] = field(default_factory=list)
    last_touch: NotedTouch | None = None
    todo: list[str] = field(default_factory=list)
    carried: dict[str, object] = field(default_factory=dict)
    to_waive: frozenset[str] = frozenset()
    contact: Contact | None = None
    follows: str | None = None
    presales: Employee | None = None
    pain: str = ""
    turned_to: date | None = None
    is_stuck: bool = False
    is_over: bool = False
    is_warned: bool = False
    owes_reason: bool = False
    losing: str | None = None
    moved_back: int = 0
    reopened: int = 0

    def touched(self, kind: str, days: int, now: datetime) -> int:
        """Count the touches of a kind, or of `any`, in the last days."""
        since = now - timedelta(days=days)
        return sum(kind in ("any", made) and since <= at <= now for made, at in self.touches)

    def known(self, name: str) -> object:
        """Return what is filled in, or is about to be."""
        return self.carried.get(name, self.fields.get(name))

    def add(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Take note of fields; returns those that are new or different, which alone are worth a command."""
        news = {name: value for name, value in fields.items() if self.fields.get(name) != value}
        self.fields |= news
        return news


@dataclass(frozen=True)
class Path:
    """The way deals go, as the playbook in force describes it."""

    kind: Kind

    def next_stage(self, stage: str) -> str:
        """Return the stage after an open one; after the last open one comes the won one."""
        way = self.kind.open_stages
        index = way.index(stage)
        if index + 1 < len(way):
            return way[index + 1]
        return next(name for name, spec in self.kind.stages.items() if spec.outcome == "won")

    def is_won(self, stage: str) -> bool:
        """Tell whether a stage is the good end."""
        return self.kind.stages[stage].outcome == "won"

    def position(self, stage: str) -> int:
        """Return how far along a stage is; the ends count as farthest."""
        way = self.kind.open_stages
        return way.index(stage) if stage in way else len(way)

    def before(self, stage: str) -> tuple[str, ...]:
        """Return the open stages before one."""
        return self.kind.open_stages[: self.position(stage)]

    def groundwork(self, deal: Deal) -> list[str]:
        """Return the ids of what the next step asks for and the deal does not have yet."""
        stages = self.kind.stages
        asked = [*_ids(stages[deal.stage].leave), *_ids(stages[self.next_stage(deal.stage)].enter)]
        return [item for item in dict.fromkeys(asked) if not _is_there(deal, item)]


def _ids(gate: Gate) -> list[str]:
    return [
        *(f"field:{name}" for name in gate.fields),
        *(f"evidence:{name}" for name in gate.evidence),
        *(f"condition:{name}" for name in gate.conditions),
    ]


def _is_there(deal: Deal, requirement: str) -> bool:
    what, _, name = requirement.partition(":")
    if what == "field":
        return deal.fields.get(name) not in (None, "", [])
    return what == "evidence" and name in deal.evidence
