"""Random histories of deals with deadlines of every sort, through the real bus of a simulated log: rules, calendars and people change, the clock is prompt, late or away."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from commands.submission import NOW
from consumers.deadlines.clock import send
from domain.deadlines import watched as watching
from domain.deadlines.events import DeadlineNoticed
from domain.erasure import EraseSubject
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, firings_stream
from domain.organisation import state as organisation
from domain.organisation.commands import (
    AddPerson,
    FormTeam,
    GiveDelegation,
    GrantRole,
    MovePerson,
    NoteAbsence,
    RemovePerson,
    RevokeRole,
)
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks, as_if_published
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record.commands import ChangeOwner, ChangeStage, CorrectTouch, EditFields, OpenRecord, RecordTouch
from domain.refusals import Refusal
from domain.work.commands import (
    CancelWork,
    CompleteWork,
    DecideApproval,
    PauseWork,
    ReassignWork,
    RecallApproval,
    RequestApproval,
    RequestWork,
    RescheduleWork,
    RespondToWork,
    ResumeWork,
    TickWork,
)
from infra.deadline_clock import blames_the_row
from projections.timer_rows import epochs, rows_of
from support.deadline_playbooks import PUBLISHED, drafts, version
from support.deadlines import HOUR, MONDAY
from support.desk import Desk, an_empty_desk

ANNA, BEN, CARA, DIRK, EVE, FAY = (
    f"person/per_{name}" for name in ("anna", "ben", "cara", "dirk", "eve", "fay")
)
SELLERS = (ANNA, DIRK, FAY)
EVERYBODY = (CARA, BEN, ANNA, EVE, DIRK, FAY)
DEALS = tuple(f"deal/dea_{number}" for number in range(1, 5))

# ── the clock of the log ─────────────────────────────────────────────────────────────────────────────────────────────


class Clock:
    """The deadline clock over a log in memory: the rows of the timer table, claimed as the real one claims them, and sent to the real bus.

    It looks every `every` (None: at the very moment something is due) and not at all while it is `away`, from one moment until another.
    """

    def __init__(
        self, desk: Desk, every: timedelta | None = None, away: tuple[datetime, datetime] | None = None
    ) -> None:
        self._desk = desk
        self._every = every
        self._away = away

    def run_until(self, moment: datetime) -> None:
        """Let time go by up to a moment."""
        over: datetime | None = None
        while True:
            rows = [row for row in self._rows() if row["next_at"] is not None]
            coming = [row["next_at"] for row in rows if over is None or row["next_at"] > over]
            if not coming:
                return
            at = self._looks_at(
                max(
                    min(coming),
                    self._desk.log.read(self._desk.log.head(), self._desk.log.head())[0].recorded_at,
                )
            )
            if at is None or at > moment:
                return
            due = sorted(
                (row for row in rows if row["next_at"] <= at and self._is_in_force(row, at)),
                key=lambda row: (row["next_at"], row["record"], row["deadline"]),
            )
            answers = send(self._desk.bus, due, blames_the_row, told_time=at) if due else []
            assert all(answer.error is None for answer in answers), answers
            if not any(answer.outcome == "accepted" and not answer.replayed for answer in answers):
                over = max(at, min(coming))

    def _looks_at(self, due: datetime) -> datetime | None:
        """The first moment from when something is due on at which it looks."""
        at = due if self._every is None else MONDAY + self._every * -((due - MONDAY) // -self._every)
        if self._away is not None and self._away[0] <= at < self._away[1]:
            at = self._away[1]
        return at

    @staticmethod
    def _is_in_force(row: dict[str, Any], at: datetime) -> bool:
        begins, ends = row["in_force_from"], row["in_force_until"]
        return (begins == "-infinity" or datetime.fromisoformat(begins) <= at) and (
            ends is None or datetime.fromisoformat(ends) > at
        )

    def _rows(self) -> list[dict[str, Any]]:
        log = self._desk.log
        now = log.read(log.head(), log.head())[0].recorded_at
        within = epochs(log.state(PLAYBOOKS_STREAM, catalogue.fold) or Playbooks(), now)
        people: Organisation = log.state(ORGANISATION_STREAM, organisation.fold) or Organisation()
        found = []
        for deal in DEALS:
            seen = watching.fold(None, log.stream(deal))
            if seen is None:
                continue
            told: dict[Any, tuple[int, int]] = {}
            for recorded in log.stream(firings_stream(deal)):
                event = recorded.event
                if isinstance(event, DeadlineNoticed):
                    key = (event.deadline, event.subject, event.armed_at)
                    told[key] = max(told.get(key, (-1, 0)), (event.rung, event.repeat))
            for row in rows_of(seen, told, within, people):
                next_at = row["next_at"]
                found.append(
                    {
                        **row,
                        "rung": row["next_rung"],
                        "repeat": row["next_repeat"],
                        "next_at": None if next_at is None else datetime.fromisoformat(next_at),
                    }
                )
        return found


# ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Told:
    """A history that was told: its desk, and the versions it has in the end."""

    desk: Any

    @property
    def log(self) -> Any:
        """The log."""
        return self.desk.log

    @property
    def playbooks(self) -> Playbooks:
        """Every version that was published."""
        return catalogue.fold(None, self.log.stream(PLAYBOOKS_STREAM))

    @property
    def firings(self) -> list[DeadlineNoticed]:
        """Everything that was noticed, in the order of the log."""
        return [
            item.event
            for item in self.log.read(1, self.log.head())
            if isinstance(item.event, DeadlineNoticed)
        ]

    def draft(self, number: int) -> PublishedPlaybook:
        """A draft, as it reads records once published."""
        return as_if_published(self.playbooks, drafts()[number % len(drafts())])

    def in_force(self) -> PublishedPlaybook:
        """The newest version without a scope and without a date, as a draft."""
        known = [
            it
            for _, it in sorted(self.playbooks.versions.items())
            if not it.scope and it.effective_from is None
        ]
        return as_if_published(self.playbooks, replace(known[-1], number=0, position=0))


class Teller:
    """Tells a history: something happens at random moments, and the clock runs in between."""

    def __init__(
        self, seed: int, desk: Any, run_until: Callable[[datetime], object], *, is_settled: bool = False
    ) -> None:
        self.chance = random.Random(seed)
        self.is_settled = is_settled
        self.desk = desk
        self.run_until = run_until
        self.now = MONDAY
        self.work: list[tuple[str, str]] = []
        self.approvals: list[tuple[str, str]] = []
        self.touches: list[tuple[str, str]] = []
        self.noted = 0
        self.opened: list[str] = []

    def begin(self) -> None:
        """Publish the first version; people join."""
        for command in (
            PublishPlaybook(version()), FormTeam("north", "North", region="north"), FormTeam("south", "South", region="south"),
            AddPerson(CARA, "Cara", "north", None, ("vp",)), AddPerson(BEN, "Ben", "north", CARA), AddPerson(ANNA, "Anna", "north", BEN, ("seller",)),
            AddPerson(EVE, "Eve", "south", CARA), AddPerson(DIRK, "Dirk", "south", EVE, ("seller", "vp")), AddPerson(FAY, "Fay", "south", EVE, ("seller",)),
        ):  # fmt: skip
            assert self.do(command) == "accepted", command
        self.opening()
        self.opening()

    def tell(self, steps: int) -> None:
        """Let so many things happen, and time go on for a while after the last."""
        for _ in range(steps):
            self.now += self.chance.choice(
                [timedelta(0), timedelta(minutes=37), HOUR, 5 * HOUR, 9 * HOUR, 17 * HOUR]
            )
            self.run_until(self.now)
            self.step()
        self.now += 40 * HOUR
        self.run_until(self.now)

    def do(self, command: Any, **about: Any) -> str:
        """Carry a command out; one that is refused happened to nobody."""
        about = {"occurred_at": NOW, "told_time": self.now, "actor": "system/operator"} | about
        try:
            return self.desk.submit(command, **about).outcome
        except Refusal:
            return "refused"

    def step(self) -> None:
        """Let one thing happen."""
        weights = {
            self.opening: 4, self.moving: 4, self.editing: 4, self.touching: 5, self.owning: 2, self.asking: 5, self.working: 7, self.approving: 5,
            self.organising: 3, self.publishing: 0 if self.is_settled else 1.2, self.erasing: 0.3,
        }  # fmt: skip
        self.chance.choices(list(weights), list(weights.values()))[0]()

    def _happened(self) -> Any:
        """When it happened: mostly now, now and then before, seldom nobody knows."""
        back = self.chance.choice([None, None, None, 2 * HOUR, 20 * HOUR, 23 * HOUR])
        return NOW if back is None else self.now - back

    def deal(self) -> str:
        """One of the deals that were opened."""
        return self.chance.choice(self.opened)

    def opening(self) -> None:
        fields = {"topic": "x", "source": self.chance.choice(["fair", "web"]), "birthday": "1990-05-06"}
        fields |= self._dates()
        unknown = frozenset({"decides_on"}) - fields.keys() if self.chance.random() < 0.3 else frozenset()
        if len(self.opened) == len(DEALS):
            return
        deal = DEALS[len(self.opened)]
        command = OpenRecord(deal, fields, "lead", self.chance.choice(SELLERS), unknown=unknown)
        if self.do(command, occurred_at=self._happened()) == "accepted":
            self.opened.append(deal)

    def _dates(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.chance.random() < 0.5:
            found["decides_on"] = f"{self.now + timedelta(days=self.chance.choice([-2, 0, 1, 4])):%Y-%m-%d}"
        if self.chance.random() < 0.4:
            found["meets_at"] = (
                (self.now + timedelta(hours=self.chance.choice([-3, 7, 30]))).astimezone(UTC).isoformat()
            )
        return found

    def moving(self) -> None:
        to = self.chance.choice(["lead", "costed", "quoted", "quoted", "won", "lost"])
        self.do(
            ChangeStage(self.deal(), to, self._dates() if self.chance.random() < 0.3 else {}),
            occurred_at=self._happened(),
            reason="because",
        )

    def editing(self) -> None:
        fields = self._dates() or {"decides_on": None}
        if self.chance.random() < 0.3:
            fields["source"] = self.chance.choice(["fair", "web"])
        if self.chance.random() < 0.2:
            fields["birthday"] = self.chance.choice(["1991-07-08", "2026-03-05", None])
        self.do(EditFields(self.deal(), fields))

    def touching(self) -> None:
        if self.touches and self.chance.random() < 0.3:
            deal, touch = self.chance.choice(self.touches)
            changes: dict[str, Any] = {}
            if self.chance.random() < 0.5:
                changes["kind"] = self.chance.choice(["call", "visit"])
            if self.chance.random() < 0.6 or not changes:
                changes["happened_at"] = self.now - self.chance.choice([HOUR, 30 * HOUR])
            gone = self.chance.random() < 0.4
            self.do(
                CorrectTouch(deal, touch, {} if gone else changes, withdrawn=gone),
                reason="it was another one",
            )
            return
        self.noted += 1
        deal, touch = self.deal(), f"tou_{self.noted}"
        happened = self._happened() if self.chance.random() < 0.9 else None
        if (
            self.do(RecordTouch(deal, touch, self.chance.choice(["call", "visit"])), occurred_at=happened)
            == "accepted"
        ):
            self.touches.append((deal, touch))

    def owning(self) -> None:
        self.do(ChangeOwner(self.deal(), self.chance.choice([*SELLERS, BEN])))

    def asking(self) -> None:
        self.noted += 1
        deal = self.deal()
        if self.chance.random() < 0.5:
            name, template = f"wrk_{self.noted}", self.chance.choice(["demo", "demo", "bid"])
            due_at = self.now + self.chance.choice([4, 40]) * HOUR if self.chance.random() < 0.3 else None
            command: Any = RequestWork(deal, name, template, self.chance.choice(SELLERS), due_at=due_at)
            if self.do(command, actor=BEN, occurred_at=self._happened()) == "accepted":
                self.work.append((deal, name))
        else:
            name = f"apr_{self.noted}"
            if self.do(RequestApproval(deal, name, self.chance.choice(["discount", "beside"])), actor=self.chance.choice(SELLERS)) == "accepted":  # fmt: skip
                self.approvals.append((deal, name))

    def working(self) -> None:
        if not self.work:
            return
        deal, name = self.chance.choice(self.work)
        command = self.chance.choice(
            [
                RespondToWork(deal, name), PauseWork(deal, name, "customer"), PauseWork(deal, name, "supplier"), ResumeWork(deal, name), ResumeWork(deal, name),
                ReassignWork(deal, name, self.chance.choice(SELLERS)), TickWork(deal, name, "slides"), TickWork(deal, name, "slides"), TickWork(deal, name, "room"), CompleteWork(deal, name),
                CancelWork(deal, name), RescheduleWork(deal, name, self.now + self.chance.choice([3, 30, 60]) * HOUR),
            ]
        )  # fmt: skip
        done = self._by_whoever_may(command, occurred_at=self._happened(), reason="because")
        if done and isinstance(command, CompleteWork | CancelWork):
            self.work.remove((deal, name))

    def _by_whoever_may(self, command: Any, **about: Any) -> bool:
        """Let the first of everybody do it who may, in any order."""
        everybody = self.chance.sample(EVERYBODY, len(EVERYBODY))
        return any(self.do(command, actor=who, **about) == "accepted" for who in everybody)

    def approving(self) -> None:
        if not self.approvals:
            return
        deal, name = self.chance.choice(self.approvals)
        if self.chance.random() < 0.05:
            self._by_whoever_may(RecallApproval(deal, name))
            self.approvals.remove((deal, name))
            return
        decision = self.chance.choice(["approved", "approved", "rejected"])
        back_to = self.chance.choice([None, "head"]) if decision == "rejected" else None
        command = DecideApproval(deal, name, decision, back_to=back_to, comment="so")
        done = self._by_whoever_may(command, occurred_at=self._happened(), reason="because")
        if done and decision == "rejected" and back_to is None:
            self.approvals.remove((deal, name))

    def organising(self) -> None:
        who = self.chance.choice(EVERYBODY)
        self.noted += 1
        command = self.chance.choice(
            [
                MovePerson(who, self.chance.choice(["north", "south"]), self.chance.choice([it for it in (CARA, BEN, EVE) if it != who])),
                NoteAbsence(who, self.now, self.now + 60 * HOUR, self.chance.choice([it for it in EVERYBODY if it != who]), f"abs_{self.noted}"),
                GiveDelegation(who, self.chance.choice([it for it in EVERYBODY if it != who]), self.now, None, ("work",), f"del_{self.noted}"),
                GrantRole(who, "vp"), RevokeRole(who, "vp"), *([RemovePerson(who)] if who in (FAY, BEN) else []),
            ]
        )  # fmt: skip
        self.do(command)

    def publishing(self) -> None:
        self.do(self.chance.choice(PUBLISHED)(self.now))

    def erasing(self) -> None:
        self.do(EraseSubject(self.deal()))


CLOCKS: Sequence[tuple[timedelta | None, tuple[datetime, datetime] | None]] = (
    (None, None), (None, None), (7 * HOUR, None), (None, (MONDAY + 30 * HOUR, MONDAY + 100 * HOUR)), (26 * HOUR, None),
)  # fmt: skip
"""The clock is prompt, looks every few hours, is away for some days, or looks about once a day."""


@cache
def tell(seed: int, steps: int = 50, *, is_settled: bool = False) -> Told:
    """Tell the history of a number, always the same one; in a settled one nothing is published after the first version."""
    desk = an_empty_desk(told_time=MONDAY)
    every, away = CLOCKS[seed % len(CLOCKS)]
    teller = Teller(seed, desk, Clock(desk, every, away).run_until, is_settled=is_settled)
    teller.begin()
    teller.tell(steps)
    return Told(desk)
