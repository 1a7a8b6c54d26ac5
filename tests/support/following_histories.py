"""Random histories of deals in which things follow by themselves: through the real bus of a simulated log, with the real worker of reactions and the clock of deadlines.

The worker lags behind at times, and is not done when some histories end; some of what it tries is refused, and tried again.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

from commands.submission import Answer
from consumers.reacting.asking import ReactionDesk
from consumers.reacting.worker import Reacting
from domain.erasure import EraseSubject
from domain.naming import PLAYBOOKS_STREAM, reactions_stream
from domain.organisation.commands import (
    AddPerson,
    FormTeam,
    GrantRole,
    MovePerson,
    NoteAbsence,
    RemovePerson,
    RevokeRole,
)
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import KindMappings, PublishedPlaybook
from domain.reacting.commands import RetryReaction
from domain.reacting.events import ReactionFailed
from domain.record import state as record_state
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    CorrectTouch,
    EditFields,
    OpenRecord,
    RecordTouch,
)
from domain.record.state import Record
from domain.refusals import Refusal
from domain.work.commands import (
    CancelWork,
    CompleteWork,
    DecideApproval,
    DeclineWork,
    RecallApproval,
    RequestApproval,
    RequestWork,
    RespondToWork,
)
from support.deadline_histories import Clock
from support.desk import Desk, an_empty_desk
from support.following_playbooks import mappings_to, published_versions
from support.given import NOW

SAM, SUE, MAX, VERA = (f"person/per_{name}" for name in ("sam", "sue", "max", "vera"))
PAM, LEA, LIU, FAY = (f"person/per_{name}" for name in ("pam", "lea", "liu", "fay"))
EVERYBODY = (SAM, SUE, MAX, VERA, PAM, LEA, LIU, FAY)
DEALS = ("deal/dea_1", "deal/dea_2")
STEPS = ("lead", "quoted", "quoted", "haggled", "won")
TEMPLATES = ("demo", "demo", "visit", "review", "costing")


@dataclass
class Followed:
    """A history that was played: its desk, and the worker that reads its log."""

    desk: Desk
    read: int = 0
    at: datetime = NOW
    worker: Reacting = field(init=False)

    def __post_init__(self) -> None:
        desk = ReactionDesk(self.log, self.desk.bus, lambda: self.at)
        self.worker = Reacting(desk, self.desk.vault)

    @property
    def log(self) -> Any:
        """The log it stands in."""
        return self.desk.log

    @property
    def playbooks(self) -> Playbooks:
        """Everything that was published."""
        found: Playbooks = catalogue.fold(None, self.log.stream(PLAYBOOKS_STREAM))
        return found

    def do(self, command: Any, **about: Any) -> Answer | None:
        """Carry a command out; None where it is refused."""
        given = {"occurred_at": self.at, "told_time": self.at, "reason": "because", **about}
        try:
            return self.desk.submit(command, **given)
        except Refusal:
            return None

    def publish(self, playbook: PublishedPlaybook, mappings: dict[str, KindMappings] | None = None) -> None:
        """Put a version into force."""
        assert self.do(PublishPlaybook(playbook, mappings=mappings or {})) is not None

    def work(self, most: int = 1_000) -> None:
        """Let the worker read so many events, or all there are."""
        while self.read < self.log.head() and most:
            (event,) = self.log.after(self.read, 1)
            self.worker.apply(Mock(), [event])
            self.read, most = event.position, most - 1


def a_company(played: Followed) -> None:
    """People of every role, under each other."""
    for team, above in (("office", None), ("north", "office"), ("south", "office")):
        played.do(FormTeam(team, team, team, above))
    for person, team, manager, *roles in (
        (VERA, "office", None, "boss", "finance"), (MAX, "north", VERA, "legal"), (SAM, "north", MAX), (SUE, "south", MAX),
        (PAM, "south", VERA, "presales"), (LEA, "office", VERA, "legal"), (LIU, "north", MAX, "legal"), (FAY, "office", VERA, "finance"),
    ):  # fmt: skip
        played.do(AddPerson(person, person[11:], team, manager, tuple(roles)))


def play(number: int, steps: int = 60) -> Followed:
    """Play the history of a number."""
    return _Playing(number).play(steps)


class _Playing:
    def __init__(self, number: int) -> None:
        self.rng = random.Random(number)
        self.dates = random.Random(f"dates {number}")
        self.played = Followed(an_empty_desk(told_time=NOW))
        self.clock = Clock(self.played.desk, timedelta(hours=5))
        self.published = 0
        self.made = 0

    def play(self, steps: int) -> Followed:
        played = self.played
        played.publish(published_versions()[0])
        a_company(played)
        for number, deal in enumerate(DEALS):
            amount = str(2000 * number)
            assert played.do(OpenRecord(deal, {"amount": amount}, owner=(SAM, SUE)[number])) is not None
        for step in range(steps):
            played.at += timedelta(hours=self.rng.choice((1, 2, 9)), minutes=self.rng.randrange(60))
            if step % 6 == 5:
                self.clock.run_until(played.at)
            self._step()
            if self.rng.randrange(3):
                played.work(self.rng.choice((1_000, 1_000, 2)))
        if self.rng.randrange(3):
            played.work()
        return played

    def _id(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}_{self.made}"

    def _step(self) -> None:
        deal = self.rng.choice(DEALS)
        record = record_state.fold(None, self.played.log.stream(deal))
        assert record is not None
        found = self.rng.choice(
            (self._edit, self._edit, self._edit, self._move, self._move, self._work, self._work, self._work, self._work, self._touch,
             self._touch, self._approve, self._approve, self._hand, self._organise, self._again, self._publish)
        )(record)  # fmt: skip
        if found is None:
            return
        command, about = found if isinstance(found, tuple) else (found, {})
        if not self.rng.randrange(9):
            about = {**about, "occurred_at": None}
        self.played.do(command, **about)

    def _edit(self, record: Record) -> Any:
        fields: dict[str, object] = {
            "amount": self.rng.choice(("10.00", "2000.00", "9000.00", "200000.00", None)),
            ("size", "size", "volume")[self.published]: self.rng.choice(("2", "4", "9", None)),
            "grade": self.rng.choice(("cold", "warm", None)),
            "note": self.rng.choice(("no", "call back soon", "call", None)),
        }  # fmt: skip
        chosen = self.rng.sample(sorted(fields), self.rng.choice((1, 1, 2)))
        given = {name: fields[name] for name in chosen}
        if not self.dates.randrange(3):
            days = self.dates.choice((-2, 1, 1, 5, 5, None))
            given["wanted_on"] = None if days is None else f"{self.played.at + timedelta(days=days):%Y-%m-%d}"
        edit = EditFields(record.stream, given)
        channel = "import" if not self.rng.randrange(8) else "test"
        return edit, {"channel": channel, "actor": self.rng.choice((SAM, SUE, "system/bot"))}

    def _move(self, record: Record) -> Any:
        return ChangeStage(record.stream, self.rng.choice(STEPS))

    def _work(self, record: Record) -> Any:
        waiting = [item for item in record.work.values() if item.is_open]
        if not waiting or not self.rng.randrange(4):
            who = {"review": LEA, "costing": FAY, "demo": PAM, "visit": SUE}
            template = self.rng.choice(TEMPLATES)
            return RequestWork(record.stream, self._id("wrk"), template, who[template])
        item = self.rng.choice(waiting)
        match self.rng.randrange(8):
            case 0:
                return DeclineWork(record.stream, item.id), {"actor": item.assignee}
            case 1:
                return CancelWork(record.stream, item.id), {"actor": item.requested_by}
            case 2:
                return RespondToWork(record.stream, item.id), {"actor": item.assignee}
            case _:
                form = {}
                if item.template == "demo":
                    # Not drawn: what else is played stays what it was.
                    form = ({}, {"verdict": "liked"}, {"verdict": "boring"})[item.position % 3]
                return CompleteWork(record.stream, item.id, form), {"actor": item.assignee}

    def _touch(self, record: Record) -> Any:
        match self.rng.randrange(6):
            case 0 if record.touches:
                return CorrectTouch(record.stream, record.touches[0].id, {}, withdrawn=True)
            case 1:
                return AttachEvidence(record.stream, self._id("evi"), "scan", "0" * 64, 10, "application/pdf")
            case _:
                kind = self.rng.choice(("call", "call", "visit"))
                return RecordTouch(record.stream, self._id("tou"), kind, "they said")

    def _approve(self, record: Record) -> Any:
        for approval in reversed([*record.approvals.values()]):
            for level in approval.open_levels:
                for role, person in sorted(approval.waits_for(level).items()):
                    if not self.rng.randrange(9):
                        return RecallApproval(record.stream, approval.id), {"actor": approval.requested_by}
                    decision = "rejected" if not self.rng.randrange(5) else "approved"
                    decided = DecideApproval(record.stream, approval.id, decision, level.name, role, None, "because")  # fmt: skip
                    return decided, {"actor": person}
        return RequestApproval(record.stream, self._id("apr"), "price"), {"actor": record.owner or SUE}

    def _hand(self, record: Record) -> Any:
        return ChangeOwner(record.stream, self.rng.choice((SAM, SUE, MAX)))

    def _organise(self, record: Record) -> Any:
        person = self.rng.choice(EVERYBODY)
        match self.rng.randrange(6):
            case 0:
                away = self.played.at + timedelta(hours=40)
                stand_in = self.rng.choice((None, *EVERYBODY))
                return NoteAbsence(person, self.played.at, away, stand_in, self._id("abs"))
            case 1:
                return GrantRole(person, self.rng.choice(("presales", "legal", "finance")))
            case 2:
                return RevokeRole(PAM if self.rng.randrange(2) else person, "presales")
            case 3:
                return MovePerson(person, self.rng.choice(("north", "south")), self.rng.choice((VERA, MAX)))
            case 4 if person not in (VERA, SAM, SUE):
                return RemovePerson(person)
            case _:
                return None

    def _again(self, record: Record) -> Any:
        """Somebody has what failed tried again."""
        failed = [
            recorded.event
            for recorded in self.played.log.stream(reactions_stream(record.stream))
            if isinstance(recorded.event, ReactionFailed)
        ]
        if not failed:
            return None
        last = self.rng.choice(failed)
        return RetryReaction(record.stream, last.reaction, last.cause), {"actor": VERA}

    def _publish(self, record: Record) -> Any:
        if not self.rng.randrange(3) and self.made > 8:
            return EraseSubject(record.stream), {"reason": None}
        if self.rng.randrange(2) or self.published == 2:
            return None
        self.published += 1
        return PublishPlaybook(published_versions()[self.published], mappings=mappings_to(self.published))
