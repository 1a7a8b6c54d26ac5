"""Random histories of agreement, played through the command bus on a simulated log: who asks, who is asked, who is away, and what changed meanwhile."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from commands.submission import Answer, Submission
from domain.erasure import EraseSubject
from domain.naming import ORGANISATION_STREAM
from domain.organisation import state as organisation_state
from domain.organisation.commands import (
    AddPerson,
    EndAbsence,
    FormTeam,
    GiveDelegation,
    GrantRole,
    MovePerson,
    NoteAbsence,
    RemovePerson,
    RevokeRole,
)
from domain.playbook.commands import PublishPlaybook
from domain.record import state as record_state
from domain.record.commands import (
    AttachEvidence,
    ChangeStage,
    CorrectTouch,
    EditFields,
    OpenRecord,
    Override,
    RecordTouch,
)
from domain.record.state import Record
from domain.work.commands import (
    CancelWork,
    CommentApproval,
    CompleteWork,
    DecideApproval,
    DeclineWork,
    MigrateApproval,
    RecallApproval,
    RequestApproval,
    RequestWork,
)
from support.agreeing_playbooks import mappings_to, published_versions
from support.desk import Desk, an_empty_desk
from support.given import NOW

SAM, SUE, MAX, VERA, WEN = (f"person/per_{name}" for name in ("sam", "sue", "max", "vera", "wen"))
LEA, LIU, FAY, FEI, OTTO = (f"person/per_{name}" for name in ("lea", "liu", "fay", "fei", "otto"))
EVERYBODY = (SAM, SUE, MAX, VERA, WEN, LEA, LIU, FAY, FEI, OTTO)
DEALS = ("deal/dea_1", "deal/dea_2")
STAGES = ("lead", "offer", "talks", "won", "lost")
CHAINS = ("discount", "terms", "far")
ROLES = ("legal", "finance", "officer", "vp")
NAMED = {"joint": {"finance": FEI}, "legal": {"legal": LIU}, "either": {"officer": MAX}, "top": {"vp": WEN}}
NOBODY_KNOWS = 12
"""Of so many commands, one happened at a moment nobody knows."""


@dataclass
class Agreed:
    """A history that was played: its desk, and how often what happened."""

    desk: Desk
    answers: list[Answer] = field(default_factory=list)
    published: int = 0

    @property
    def log(self) -> Any:
        """The log it stands in."""
        return self.desk.log

    def happened(self) -> Counter[str]:
        """How often each topic stands in the log."""
        return Counter(recorded.event.TOPIC for recorded in self.log.after(0, 1_000_000))


def play(number: int, steps: int = 90) -> Agreed:
    """Play the history of a number."""
    return _Playing(number).play(steps)


class _Playing:
    def __init__(self, number: int) -> None:
        self.rng = random.Random(number)
        self.desk = an_empty_desk(told_time=NOW)
        self.played = Agreed(self.desk)
        self.at = NOW
        self.made = 0
        self.forms = random.Random(f"forms {number}")

    def play(self, steps: int) -> Agreed:
        self._begin()
        waiting: list[Submission] = []
        for _ in range(steps):
            if not waiting:
                self.at += timedelta(hours=self.rng.choice((1, 1, 5, 30)), minutes=self.rng.randrange(60))
            found = self._step()
            if found is None:
                continue
            waiting.append(self._submission(found[0], **found[1]))
            # Commands that arrive together are decided on the same state of the log, and appended one after the other.
            if self.rng.randrange(6) or len(waiting) == 3:
                self._submit(waiting)
                waiting = []
        self._submit(waiting)
        return self.played

    def _begin(self) -> None:
        self._submit([self._submission(command) for command in self._beginning()])
        assert all(answer.outcome == "accepted" for answer in self.played.answers), self.played.answers

    def _beginning(self) -> list[Any]:
        def joins(person: str, team: str, manager: str | None, *roles: str) -> AddPerson:
            return AddPerson(person, person[11:], team, manager, roles)

        return [
            PublishPlaybook(published_versions()[0]),
            FormTeam("office", "Head office", "central"),
            FormTeam("north", "North", "north", "office"),
            FormTeam("south", "South", "south", "office"),
            joins(VERA, "office", None, "vp", "finance"),
            joins(WEN, "office", VERA, "vp"),
            joins(MAX, "north", VERA, "seller", "officer"),
            joins(SAM, "north", MAX, "seller"),
            joins(SUE, "south", MAX, "seller", "legal"),
            joins(LEA, "office", VERA, "legal"),
            joins(LIU, "north", MAX, "legal"),
            joins(FAY, "office", VERA, "finance", "officer"),
            joins(FEI, "south", WEN, "finance"),
            joins(OTTO, "office", VERA, "officer"),
            *(OpenRecord(deal, {"discount": str(8 - 4 * number)}, "lead", (SAM, SUE)[number]) for number, deal in enumerate(DEALS)),
        ]  # fmt: skip

    def _submission(self, command: Any, **about: Any) -> Submission:
        happened_at = None if not self.rng.randrange(NOBODY_KNOWS) else self.at
        if isinstance(command, OpenRecord | EditFields | ChangeStage | RecordTouch):
            about.setdefault("occurred_at", happened_at)
        return self.desk.submission(
            command, **{"occurred_at": self.at, "told_time": self.at, "reason": "because", **about}
        )

    def _submit(self, waiting: list[Submission]) -> None:
        if waiting:
            answers = self.desk.bus.submit_batch(waiting)
            for answer in answers:
                assert answer.outcome != "failed", answer.error
            self.played.answers += answers

    def _id(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}_{self.made}"

    def _step(self) -> tuple[Any, ...] | None:
        deal = self.rng.choice(DEALS)
        record = record_state.fold(None, self.desk.log.stream(deal))
        assert record is not None
        found = self.rng.choice(
            (self._edit, self._edit, self._move, self._move, self._move, self._move, self._about_work, self._about_work, self._about_work,
             self._ask, self._ask, self._ask, self._decide, self._decide, self._decide, self._decide, self._decide, self._end,
             self._organise, self._organise, self._touch, self._publish)
        )(record)  # fmt: skip
        if found is None:
            return None
        command, about = found if isinstance(found, tuple) else (found, {})
        return command, about

    def _person(self) -> str:
        return self.rng.choice(EVERYBODY)

    def _acting(self, person: str) -> dict[str, Any]:
        """A person acts, or a program or a colleague for them."""
        match self.rng.randrange(6):
            case 0:
                return {"actor": "system/bot", "on_behalf_of": person}
            case 1:
                return {"actor": self._person(), "on_behalf_of": person, "rights": frozenset()}
            case _:
                return {"actor": person, "rights": frozenset()}

    def _edit(self, record: Record) -> Any:
        fields: dict[str, object] = {
            "amount": self.rng.choice(("10.00", "1000.00", "400000.00", "700000.00", None)),
            ("discount", "discount", "rebate")[self.played.published]: self.rng.choice(("2", "4", "6", "9", None)),
            "region": self.rng.choice(("north", "south", None)),
            "note": self.rng.choice(("no", "call back soon", "later", None)),
        }  # fmt: skip
        chosen = self.rng.sample(sorted(fields), self.rng.choice((1, 1, 2)))
        return EditFields(record.stream, {name: fields[name] for name in chosen})

    def _move(self, record: Record) -> Any:
        to = self.rng.choice((*STAGES, "offer", "offer", "talks"))
        edits = self._edit(record).fields if self.rng.randrange(4) == 0 else {}
        override = None
        if self.rng.randrange(8) == 0:
            override = Override("boss_said_so", frozenset({"condition:agreed", "condition:estimated"}))
        return ChangeStage(record.stream, to, edits, override)

    def _about_work(self, record: Record) -> Any:
        waiting = [item for item in record.work.values() if item.is_open]
        if not waiting or self.rng.randrange(4) == 0:
            template = self.rng.choice(("estimate", "schedule"))
            asked = RequestWork(record.stream, self._id("wrk"), template, self.rng.choice((SAM, LEA, OTTO)))
            return asked, self._acting(SUE)
        item = self.rng.choice(waiting)
        ending = self.rng.choice((CompleteWork, CompleteWork, CompleteWork, DeclineWork, CancelWork))
        who = SUE if ending is CancelWork else item.assignee
        if ending is CompleteWork:
            form = self._form() if item.template == "estimate" else {}
            return CompleteWork(record.stream, item.id, form), {"actor": who, "rights": frozenset()}
        return ending(record.stream, item.id), {"actor": who, "rights": frozenset()}

    def _form(self) -> dict[str, object]:
        """What whoever estimated it wrote down; some of it is left out."""
        form = {
            "verdict": self.forms.choice(("possible", "refused", "refused")),
            "hours": self.forms.choice(("0.1", "10", "5000")),
            "remark": self.forms.choice(("ok", "not before autumn")),
        }
        return {name: value for name, value in form.items() if self.forms.randrange(4)}

    def _ask(self, record: Record) -> Any:
        chain = self.rng.choice((None, *CHAINS, *CHAINS))
        named = {}
        if self.rng.randrange(3) == 0:
            levels = published_versions()[0].kind("deal").approvals[chain or "discount"].levels
            named = {level: NAMED[level] for level in levels if level in NAMED and self.rng.randrange(2)}
        who = record.owner if self.rng.randrange(2) else self._person()
        assert who is not None
        return RequestApproval(record.stream, self._id("apr"), chain, named), self._acting(who)

    def _decide(self, record: Record) -> Any:
        for approval in reversed([*record.approvals.values()]):
            for level in approval.open_levels:
                for role, person in sorted(approval.waits_for(level).items()):
                    back_to, decision = None, "approved"
                    if self.rng.randrange(7) == 0:
                        decision = "rejected"
                        back_to = self.rng.choice((None, approval.levels[0].name))
                    decided = DecideApproval(
                        record.stream, approval.id, decision, level.name, role, back_to, "because"
                    )
                    return decided, {"actor": person, "rights": frozenset()}
        return None

    def _end(self, record: Record) -> Any:
        running = [approval for approval in record.approvals.values() if approval.state == "running"]
        if not running:
            return None
        asked = self.rng.choice(running)
        match self.rng.randrange(3):
            case 0:
                return RecallApproval(record.stream, asked.id), {"actor": asked.requested_by}
            case 1:
                return CommentApproval(record.stream, asked.id, "hm"), {"actor": VERA}
            case _:
                return MigrateApproval(record.stream, asked.id), {}

    def _organise(self, record: Record) -> Any:
        people = organisation_state.fold(None, self.desk.log.stream(ORGANISATION_STREAM))
        person, other = self.rng.sample(EVERYBODY, 2)
        match self.rng.choice(
            ("away", "away", "away", "back", "back", "delegate", "grant", "revoke", "move", "leave")
        ):
            case "away":
                ends = self.rng.choice((None, self.at + timedelta(hours=40)))
                stand_in = self.rng.choice((None, other, other))
                return NoteAbsence(person, self.at, ends, stand_in, self._id("abs"))
            case "back":
                away = [it for it in people.absences.values() if it.ends is None]
                return EndAbsence(away[0].person, away[0].id) if away else None
            case "delegate":
                covers = self.rng.choice((("approvals",), ("work",), ("approvals", "work")))
                return GiveDelegation(person, other, self.at, None, covers, self._id("dlg"))
            case "grant":
                return GrantRole(person, self.rng.choice(ROLES))
            case "revoke":
                return RevokeRole(person, self.rng.choice(ROLES))
            case "move":
                return MovePerson(
                    person, self.rng.choice(("north", "south", None)), self.rng.choice((VERA, WEN, None))
                )
            case _:
                return RemovePerson(person) if self.rng.randrange(4) == 0 else None

    def _touch(self, record: Record) -> Any:
        match self.rng.randrange(4):
            case 0 if record.touches:
                return CorrectTouch(record.stream, record.touches[0].id, {}, withdrawn=True)
            case 1:
                return AttachEvidence(record.stream, self._id("evi"), "spec", "0" * 64, 10, "application/pdf")
            case _:
                return RecordTouch(record.stream, self._id("tou"), "call", "they said")

    def _publish(self, record: Record) -> Any:
        if self.rng.randrange(4) == 0 and self.made > 10:
            return EraseSubject(record.stream), {"reason": None}
        if self.rng.randrange(2) or self.played.published == 2:
            return None
        self.played.published += 1
        number = self.played.published
        return PublishPlaybook(published_versions()[number], mappings=mappings_to(number))
