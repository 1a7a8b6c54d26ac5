"""Generated histories of a company that assigns leads: people join, leave and are away, leads come, are claimed, returned, won and lost.

They go through the real bus onto a simulated log in memory, with the real worker and the real clock of the pools; what these read of the
read models is folded from the log instead. The worker lags behind at times, so that its searches stand on more than their cause.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any
from unittest.mock import patch

from commands.bus import CommandBus
from consumers.assigning.asking import PoolDesk
from consumers.assigning.clock import PoolClock
from consumers.assigning.worker import Assigning
from domain.assigning.commands import ClaimRecord, ReturnRecord
from domain.assigning.recorded_names import RecordedField
from domain.naming import PLAYBOOKS_STREAM
from domain.organisation.commands import (
    AddPerson,
    EndAbsence,
    FormTeam,
    GrantRole,
    MovePerson,
    NoteAbsence,
    RemovePerson,
    RevokeRole,
    SetSkills,
)
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record import state as record_state
from domain.record.commands import ChangeOwner, ChangeStage, EditFields, OpenRecord, RecordTouch
from domain.record.state import Record
from domain.refusals import Refusal
from domain.values import moment_text
from support.desk import ALL_RIGHTS, NoJitter
from support.leads import BEGIN, HEAD, NO_FALLBACK, PUBLIC, leads_playbook
from support.memory import MemoryLog, MemoryVault
from support.sales import a_submission

SELLERS = [f"person/per_{name}" for name in ("ann", "bob", "cat", "dan", "eve", "fay")]
REGIONS, INDUSTRIES = ("华东", "华东", "华东", "华南", "西部"), ("医疗", "医疗", "电力")
"""As often as they come: enough for people to be full, and some that nobody is for."""

TIGHT = (("capacity: 60", "capacity: 2"), ("per_day: 20", "per_day: 2"), ("recycle_after_days: 15", "recycle_after_days: 2"))  # fmt: skip
BY_ROLE = (NO_FALLBACK, ("    claim:\n      per_day: 10\n      recycle_after_days: 15\n", "    fallback: {role: hq_sales}\n    claim:\n      per_day: 3\n      recycle_after_days: 2\n"))  # fmt: skip
BY_PERSON = (NO_FALLBACK, ("    claim:\n      per_day: 10\n      recycle_after_days: 15\n", f"    fallback: {{person: {HEAD}}}\n    claim:\n      per_day: 10\n      recycle_after_days: 15\n"))  # fmt: skip
ANY_REGION = (
    ("region_of: region, skills_of: [industry]", "skills_of: [industry]"),
    (
        "region_of: region}\n        strategy: least_open",
        "teams: [east, south, hq]}\n        strategy: least_open",
    ),
)
IN_TURN = (("strategy: least_open", "strategy: round_robin"),)
ALL_BY_RATE = (("strategy: least_open", "strategy: best_win_rate\n        of_last: 2"),)
ONE_A_DAY = (NO_FALLBACK, ("per_day: 20", "per_day: 1"))
KEY_FIRST = (("when: grade = 'key'", "when: grade = 'key' OR touches('any', 3) >= 1"),)

VERSIONS: Sequence[tuple[tuple[str, str], ...]] = (
    (), TIGHT, (NO_FALLBACK,), BY_ROLE, BY_PERSON, ANY_REGION, (NO_FALLBACK, *TIGHT), IN_TURN, ALL_BY_RATE, ONE_A_DAY, KEY_FIRST,
)  # fmt: skip


@cache
def versions() -> tuple[PublishedPlaybook, ...]:
    """Every version a history may publish, and drafts ask about."""
    return tuple(leads_playbook(*changes) for changes in VERSIONS)


@dataclass
class Folded:
    """Counts from the log itself, event by event. Implements `domain.assigning.counting.Counting`."""

    log: MemoryLog

    def records(self, kind: str, as_of: int) -> list[Record]:
        """The records of a kind as they stood at a position."""
        found: dict[str, Record] = {}
        for event in self.log.read(1, as_of):
            if event.stream.startswith(f"{kind}/"):
                found[event.stream] = record_state.evolve(found.get(event.stream), event)
        return list(found.values())

    def open_records(self, kind: str, steps: tuple[str, ...], as_of: int) -> Mapping[str, int]:
        """How many open records each person owned."""
        return Counter(
            record.owner
            for record in self.records(kind, as_of)
            if record.owner is not None and (record.stage is None or record.stage in steps)
        )

    def last_closed(
        self, kind: str, steps: tuple[str, ...], field: RecordedField, value: str, last: int, as_of: int
    ) -> Mapping[str, tuple[str, ...]]:
        """The steps of the last so many that each person closed, newest first."""
        found: dict[str, list[Record]] = {}
        for record in self.records(kind, as_of):
            if (
                record.owner is not None
                and record.stage in steps
                and record.fields.get(field.names[0]) == value
            ):
                found.setdefault(record.owner, []).append(record)
        return {
            owner: tuple(
                str(record.stage)
                for record in sorted(
                    sorted(records, key=lambda record: record.stream),
                    key=lambda record: moment_text(record.stage_entered_at or BEGIN),
                    reverse=True,
                )[:last]
            )
            for owner, records in found.items()
        }


class Company:
    """A company at work: commands go in, the worker and the clock of its pools run when they are let."""

    def __init__(self) -> None:
        self.vault = MemoryVault()
        self.clock = BEGIN
        self.log = MemoryLog.begun(self.vault, simulated=True, told_time=BEGIN, clock=lambda: self.clock)
        self.bus = CommandBus(self.log, self.vault, jitter=NoJitter(), counting=Folded(self.log))
        self.desk = PoolDesk(self.log, self.bus, lambda: self.clock)
        self.worker = Assigning(self.desk, self.vault)
        self.pool_clock = PoolClock(self.desk, self._connected)
        self.read = 0
        self._keys = count(1)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        yield None

    @property
    def playbooks(self) -> Playbooks:
        """Everything that was published."""
        found: Playbooks = catalogue.fold(None, self.log.stream(PLAYBOOKS_STREAM))
        return found

    def do(self, command: Any, **about: Any) -> bool:
        """Carry a command out; tell whether it was accepted."""
        given = {"told_time": self.clock, "rights": ALL_RIGHTS, **about}
        try:
            return self.bus.submit(a_submission(command, f"key-{next(self._keys)}", **given)).outcome == "accepted"  # fmt: skip
        except Refusal:
            return False

    def owner(self, stream: str) -> str | None:
        """Who owns a lead."""
        record = record_state.fold(None, self.log.stream(stream))
        assert record is not None
        return record.owner

    def work(self) -> None:
        """Let the worker read everything there is."""
        with self._standing_in():
            while self.read < self.log.head():
                (event,) = self.log.after(self.read, 1)
                self.worker.apply(None, [event])  # type: ignore[arg-type]
                self.read = event.position

    def tick(self) -> None:
        """Let the clock of the pools look at what time has done."""
        with self._standing_in():
            self.pool_clock.tick()

    @contextmanager
    def _standing_in(self) -> Iterator[None]:
        """Answer from the log what is read of the read models."""
        worker, clock = "consumers.assigning.worker", "consumers.assigning.clock"
        with (
            patch(f"{worker}.position_of", lambda _connection, _name: self.log.head()),
            patch(f"{worker}.record_at", self._record_at),
            patch(f"{worker}.ownerless_at", self._ownerless_at),
            patch(f"{clock}.position_of", lambda _connection, _name: self.read),
            patch(f"{clock}.untouched", self._untouched),
        ):
            yield

    def _record_at(self, _connection: Any, stream: str, position: int) -> Record | None:
        events = [event for event in self.log.stream(stream) if event.position <= position]
        record = record_state.fold(None, events)
        return None if record is None else replace(record, touches=())

    def _ownerless_at(self, _connection: Any, streams: Sequence[str], position: int) -> list[Record]:
        found = [self._record_at(None, stream, position) for stream in streams]
        return [record for record in found if record is not None and record.owner is None]

    def _untouched(self, _connection: Any, kind: str, since: datetime, ended: Any) -> list[tuple[str, int]]:
        return sorted(
            (record.stream, record.position)
            for record in Folded(self.log).records(kind, self.log.head())
            if record.owner is not None and record.stage not in ended
            and not any(touch.at is not None and touch.at > since for touch in record.touches)
        )  # fmt: skip


class Kept(Company):
    """The same on a log that is kept: its read models, its counts and its workers are those of the tenant."""

    def __init__(self, tenant: Any) -> None:
        self.tenant, self.clock = tenant, BEGIN
        tenant.told_time = lambda: self.clock
        self.log, self.vault, self.bus = tenant.log, tenant.vault, tenant.bus
        self.desk = PoolDesk(self.log, self.bus, lambda: self.clock)
        self._keys = count(1)

    def work(self) -> None:
        """Let the workers read until nothing moves any more."""
        head = -1
        while head != self.log.head():
            head = self.log.head()
            self.tenant.catch_up.run()

    def tick(self) -> None:
        """Let the clock of the pools look at what time has done."""
        self.tenant.pool_clock.tick()


@dataclass
class Played:
    """A history that was played: the company, and where its window may begin."""

    company: Company
    seed: int
    classes: Counter[str] = field(default_factory=Counter)


def play(
    seed: int,
    steps: int = 60,
    *,
    first: tuple[tuple[str, str], ...] | None = None,
    publishing: bool = True,
    company: Company | None = None,
) -> Played:
    """Play a history: the same seed, the same history. It begins with a version (default: one of those that are narrow), and others follow where it is `publishing`."""
    rng, company = random.Random(seed), company or Company()
    begins = rng.choice((TIGHT, TIGHT, (NO_FALLBACK, *TIGHT), ONE_A_DAY)) if first is None else first
    company.do(PublishPlaybook(leads_playbook(*begins)))
    for team, region in (("east", "华东"), ("south", "华南"), ("hq", "总部")):
        company.do(FormTeam(team, team, region=region))
    company.do(FormTeam("inner", "inner", region=None, part_of="east"))
    for person in SELLERS[:4]:
        company.do(AddPerson(person, person, team=rng.choice(("east", "east", "south")), roles=("sales",)))
        company.do(SetSkills(person, _some_skills(rng)))
    company.do(AddPerson(HEAD, "head", team="hq", roles=("hq_sales",)))
    played, leads = Played(company, seed), list[str]()
    weights = [weight for weight, _ in _HAPPENS.values()]
    for _ in range(steps):
        name = rng.choices(list(_HAPPENS), weights)[0]
        happens = _days if name == "publish" and not publishing else _HAPPENS[name][1]
        company.clock += timedelta(minutes=rng.choice((0, 1, 1, 7, 90)))
        if happens(rng, company, leads):
            played.classes[name] += 1
        if rng.random() < 0.75:
            company.work()
    company.work()
    return played


# ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────────

Happens = Callable[[random.Random, Company, list[str]], bool]


def _some_skills(rng: random.Random) -> tuple[str, ...]:
    return rng.choice((("医疗",), ("医疗", "电力"), ("医疗", "电力"), ("电力",)))


def _lead(rng: random.Random, company: Company, leads: list[str]) -> bool:
    stream = f"lead/lea_{len(leads) + 1}"
    fields = {
        "region": rng.choice((*REGIONS, None)), "industry": rng.choice((*INDUSTRIES, *INDUSTRIES, None)),
        "grade": rng.choice(("key", "normal", None)), "contact_name": rng.choice(("Li", "Nobody", None)),
    }  # fmt: skip
    owner = rng.choice(SELLERS[:4]) if rng.random() < 0.1 else None
    given = {name: value for name, value in fields.items() if value is not None}
    if not company.do(OpenRecord(stream, given, owner=owner), actor="system/website"):
        return False
    leads.append(stream)
    return True


def _leads(rng: random.Random, company: Company, leads: list[str]) -> bool:
    return sum(_lead(rng, company, leads) for _ in range(rng.randint(2, 4))) > 1


def _edit(rng: random.Random, company: Company, leads: list[str]) -> bool:
    changes = {"region": rng.choice((*REGIONS, None)), "industry": rng.choice(INDUSTRIES)}
    return bool(leads) and company.do(EditFields(rng.choice(leads), changes))


def _end(rng: random.Random, company: Company, leads: list[str]) -> bool:
    if not leads:
        return False
    stream, to = rng.choice(leads), rng.choice(("won", "won", "lost", "assigned"))
    override = {"lost_reason": "price", "needs": "much"} if to != "assigned" else {}
    company.do(RecordTouch(stream, "", "call"))
    return company.do(ChangeStage(stream, to, {**override, **({"expected_amount": "5 CNY"} if to == "won" else {})}), reason="so it is")  # fmt: skip


def _touch(rng: random.Random, company: Company, leads: list[str]) -> bool:
    return bool(leads) and company.do(RecordTouch(rng.choice(leads), "", rng.choice(("call", "visit"))))


def _by_hand(rng: random.Random, company: Company, leads: list[str]) -> bool:
    return bool(leads) and company.do(ChangeOwner(rng.choice(leads), rng.choice((*SELLERS[:4], None))))


def _claim(rng: random.Random, company: Company, leads: list[str]) -> bool:
    free = [stream for stream in leads if company.owner(stream) is None]
    return bool(free) and company.do(ClaimRecord(PUBLIC, rng.choice(free)), actor=rng.choice(SELLERS[:4]))


def _return(rng: random.Random, company: Company, leads: list[str]) -> bool:
    owned = [stream for stream in leads if company.owner(stream) is not None]
    return bool(owned) and company.do(ReturnRecord(PUBLIC, rng.choice(owned)))


def _away(rng: random.Random, company: Company, leads: list[str]) -> bool:
    begins = company.clock + timedelta(hours=rng.choice((0, 0, 5)))
    ends = rng.choice((None, begins + timedelta(hours=rng.choice((3, 20, 50)))))
    person, name = rng.choice((*SELLERS, HEAD)), f"abs_{company.log.head()}"
    return company.do(NoteAbsence(person, begins, ends, absence=name))


def _back(rng: random.Random, company: Company, leads: list[str]) -> bool:
    people = company.desk.people()
    here = [found for found in people.absences.values() if found.ends is None or found.ends > company.clock]
    if not here:
        return False
    found = rng.choice(sorted(here, key=lambda absence: absence.id))
    return company.do(EndAbsence(found.person, found.id))


def _join(rng: random.Random, company: Company, leads: list[str]) -> bool:
    person = rng.choice(SELLERS)
    team, own = rng.choice((("east", None), ("south", None), ("inner", None), (None, "西部"), (None, None)))
    if not company.do(AddPerson(person, person, team=team, roles=("sales",), region=own)):
        return False
    return company.do(SetSkills(person, _some_skills(rng)))


def _leave(rng: random.Random, company: Company, leads: list[str]) -> bool:
    return company.do(RemovePerson(rng.choice(SELLERS)))


def _move(rng: random.Random, company: Company, leads: list[str]) -> bool:
    return company.do(MovePerson(rng.choice(SELLERS), rng.choice(("east", "south", "inner")), None))


def _role(rng: random.Random, company: Company, leads: list[str]) -> bool:
    kind = rng.choice((GrantRole, RevokeRole))
    return company.do(kind(rng.choice(SELLERS), rng.choice(("sales", "hq_sales"))))


def _skills(rng: random.Random, company: Company, leads: list[str]) -> bool:
    return company.do(SetSkills(rng.choice(SELLERS), _some_skills(rng)))


def _publish(rng: random.Random, company: Company, leads: list[str]) -> bool:
    return company.do(PublishPlaybook(rng.choice(versions())))


def _days(rng: random.Random, company: Company, leads: list[str]) -> bool:
    company.work()
    company.clock += timedelta(hours=rng.choice((2, 11, 26, 60)))
    company.tick()
    return True


_HAPPENS: Mapping[str, tuple[int, Happens]] = {
    "lead": (14, _lead), "leads": (8, _leads), "edit": (5, _edit), "end": (8, _end), "touch": (2, _touch), "by hand": (6, _by_hand),
    "claim": (5, _claim), "return": (8, _return), "away": (5, _away), "back": (3, _back), "join": (3, _join), "leave": (2, _leave),
    "move": (2, _move), "role": (2, _role), "skills": (2, _skills), "publish": (4, _publish), "days": (7, _days),
}  # fmt: skip
