"""The other departments: engineers, lawyers, controllers who are asked for their part of a deal, and do it sooner or later."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from consumers.simulator.desk import Desk
from consumers.simulator.names import person_name
from consumers.simulator.people import HEADQUARTERS, Company
from consumers.simulator.working_days import Clock, Half, later
from domain.envelope import Recorded
from domain.naming import split_stream, token
from domain.organisation.commands import AddPerson, FormTeam, GrantRole
from domain.playbook.fields import FieldKind, FieldSpec
from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook
from domain.playbook.working import WorkTemplate
from domain.rules.types import ValueType
from domain.work.commands import AcceptWork, CompleteWork, RespondToWork, TickWork
from domain.work.events import WorkRequested

Settle = Callable[[], Sequence[Recorded]]
"""Let whatever follows the log come up to it, and return what was recorded since the last time."""

DEPARTMENTS: Final = (
    ("engineering", "研发部", ("engineer", "engineer", "engineer")),
    ("legal", "法务部", ("legal", "legal")),
    ("finance", "财务部", ("finance", "finance", "risk_officer")),
)
_PRESIDENT: Final = "sales_vp"
_LIKELY_DAYS: Final = (0, 1, 1, 2, 3)
_NEVER: Final = 0.04
"""The share of requests nobody ever gets round to: that is what deadlines are for."""


@dataclass(frozen=True)
class _Task:
    """Work somebody has: on which day it is done."""

    stream: str
    work: str
    template: WorkTemplate
    who: str
    due: date


class Departments:
    """Whoever is asked for work, and what they do about it.

    They have chances of their own, so that the story they happen in stays the one the seed tells.
    """

    def __init__(
        self, desk: Desk, seed: int, company: Company, zone: ZoneInfo, playbook: PublishedPlaybook
    ) -> None:
        self._desk = desk
        self._rng = random.Random(f"departments of {seed}")  # noqa: S311 — the same seed must tell the same story
        self._company = company
        self._zone = zone
        self._playbook = playbook
        self._people: set[str] = set()
        self._asked: list[_Task] = []
        self._tasks: list[_Task] = []

    def begin(self, clock: Clock) -> None:
        """Let everybody join; the president of sales decides as its vice president."""
        roles, desk, taken = self._playbook.document.roles, self._desk, set[str]()
        president = self._company.teams[HEADQUARTERS].manager
        operations = self._company.operations.id
        if _PRESIDENT in roles:
            desk.put(clock.tick(), operations, GrantRole(president.id, _PRESIDENT), reason="销售副总裁审批")
        for team, called, members in DEPARTMENTS:
            wanted = [role for role in members if role in roles]
            if not wanted:
                continue
            desk.put(clock.tick(), operations, FormTeam(team, called, part_of=HEADQUARTERS))
            for role in wanted:
                name, latin = person_name(self._rng, taken)
                person = f"person/per_{token(self._rng.randbytes(16))}"
                self._people.add(person)
                email = f"{latin}.{team}@dealtrail.example"
                desk.put(
                    clock.tick(), operations, AddPerson(person, name, team, president.id, (role,), email)
                )

    def hear(self, recorded: Iterable[Recorded], day: date) -> None:
        """Learn what was asked of whom; each will do it some day, most of it soon."""
        for item in recorded:
            event = item.event
            if not isinstance(event, WorkRequested) or event.assignee not in self._people:
                continue
            template = self._kind(item.stream).work.get(event.template)
            if template is None or self._rng.random() < _NEVER:
                continue
            due = later(day, self._rng.choice(_LIKELY_DAYS) + 1)
            task = _Task(item.stream, event.work, template, event.assignee, due)
            self._asked.append(task)
            self._tasks.append(task)

    def act(self, day: date, half: Half) -> None:
        """Take on what was asked, in the half day after; and do what is for today."""
        asked, self._asked = self._asked, []
        for task in asked:
            clock = self._clock(day, half)
            self._desk.put(clock.tick(), task.who, AcceptWork(task.stream, task.work))
            if task.template.respond_within_hours is not None:
                note = self._rng.choice(("资料收到，开始处理", "先看规格书，有问题再问", "今天排上"))
                self._desk.put(clock.tick(), task.who, RespondToWork(task.stream, task.work, note))
        done = [task for task in self._tasks if task.due <= day and task not in asked]
        self._tasks = [task for task in self._tasks if task not in done]
        for task in done:
            self._do(task, self._clock(day, half))

    def _do(self, task: _Task, clock: Clock) -> None:
        ticked: set[str] = set()
        items = dict(task.template.checklist)
        while ready := [name for name, item in items.items() if ticked.issuperset(item.after)]:
            for name in ready:
                self._desk.put(clock.tick(), task.who, TickWork(task.stream, task.work, name))
                ticked.add(name)
                del items[name]
        fields = {
            name: self._value(name, spec, clock)
            for name, spec in task.template.fields.items()
            if name in task.template.requires or self._rng.random() < 0.5
        }
        self._desk.put(clock.tick(), task.who, CompleteWork(task.stream, task.work, fields))

    def _value(self, name: str, spec: FieldSpec, clock: Clock) -> object:
        rng = self._rng
        match spec.type:
            case FieldKind.number if name.endswith("_percent"):
                return str(rng.choice((20, 30, 40)))
            case FieldKind.number | FieldKind.money:
                return str(rng.randint(5, 90))
            case FieldKind.choice:
                options = list(spec.options)
                is_several = spec.value_type is not None and spec.value_type.type is ValueType.choices
                return [rng.choice(options)] if is_several else rng.choice(options)
            case FieldKind.date:
                return (clock.day + timedelta(days=rng.randint(10, 60))).isoformat()
            case FieldKind.boolean:
                return rng.random() < 0.5
            case _:
                return rng.choice(("电源板的EMC整改", "低温下的续航", "外壳开模周期", "与旧系统的对接"))

    def _kind(self, stream: str) -> Kind:
        return self._playbook.kind(split_stream(stream)[0])

    def _clock(self, day: date, half: Half) -> Clock:
        return Clock(self._rng, self._zone, day, half)


def following(events: Callable[[int], Sequence[Recorded]], catch_up: Callable[[], object]) -> Settle:
    """Return a way to settle: catch up, then read on from where the last reading ended. `events` reads what stands after a position."""
    reached = 0

    def settle() -> Sequence[Recorded]:
        nonlocal reached
        catch_up()
        found = events(reached)
        if found:
            reached = found[-1].position
        return found

    return settle
