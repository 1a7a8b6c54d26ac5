"""Histories in which people ask each other for things: work and forks, approvals, pools and deadlines, told event by event.

They extend the stories of `support.measuring`: the same deals, owners, touches and moves, with a playbook that has more to ask.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.envelope import Recorded
from domain.event import Event
from domain.events import (
    AbsenceEnded,
    AbsenceNoted,
    DelegationEnded,
    DelegationGiven,
    LogBegun,
    OwnerChanged,
    PersonJoined,
    RoleGranted,
    SkillsSet,
)
from domain.naming import ORGANISATION_STREAM, firings_stream, pools_stream, reactions_stream
from domain.playbook.published import PublishedPlaybook
from domain.reacting.events import ReactionAlerted, ReactionFailed, ReactionRan, ReactionRetried
from domain.values import SEALED, Stored, moment_text
from domain.work.events import (
    ApprovalCommented,
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRecalled,
    ApprovalRequested,
    WorkAccepted,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkForked,
    WorkPaused,
    WorkReassigned,
    WorkRequested,
    WorkRescheduled,
    WorkResponded,
    WorkResumed,
    WorkTicked,
)
from support.given import ANNA, BEN
from support.measuring import MOVES_TO, OPENINGS, Story, deal, the_measured_playbook, when

EVE, LEA, FAY = "person/per_eve", "person/per_lea", "person/per_fay"
PEOPLE = (ANNA, BEN, EVE, LEA, FAY)
ROLES = {ANNA: ["seller"], BEN: ["seller"], EVE: ["engineer"], LEA: ["legal"], FAY: ["finance"]}

ROLES_TEXT = """roles:
  seller: {label: {zh: 销售, en: Seller}}
  engineer: {label: {zh: 研发, en: Engineer}}
  legal: {label: {zh: 法务, en: Legal}}
  finance: {label: {zh: 财务, en: Finance}}
"""
WORK_TEXT = """    work:
      estimate: {label: {zh: 评估, en: Estimate}, role: engineer, respond_within_hours: 4, complete_within_hours: 16, done_by_word: true}
      terms: {label: {zh: 条款, en: Terms}, role: legal, complete_within_hours: 4, done_by_word: true}
      schedule: {label: {zh: 排款, en: Schedule}, done_by_word: true}
      listed:
        label: {zh: 清单, en: Listed}
        checklist:
          read: {label: {zh: 阅, en: Read}}
          checked: {label: {zh: 核, en: Checked}, after: [read]}
    forks:
      freeze:
        label: {zh: 冻结, en: Freeze}
        legs:
          technical: {template: estimate}
          legal: {template: terms}
          finance: {template: schedule, role: finance}
    approvals:
      discount:
        label: {zh: 特价, en: Discount}
        levels:
          sales: {label: {zh: 销售, en: Sales}, roles: [seller]}
          joint: {label: {zh: 会签, en: Joint}, roles: [legal, finance], within_hours: 2}
      terms:
        label: {zh: 条款, en: Terms}
        order: parallel
        levels:
          legal: {label: {zh: 法务, en: Legal}, roles: [legal]}
          either: {label: {zh: 其一, en: Either}, roles: [engineer, finance], quorum: 1}
    healthy:
      first_leg: {label: {zh: 首个分支, en: First leg}, fork: freeze, within_hours: 2}
      legal_done: {label: {zh: 法务, en: Legal done}, work: terms}
      taken_up: {label: {zh: 启动, en: Taken up}, work: estimate, clock: triggered, within_hours: 8}
      answered: {label: {zh: 答, en: Answered}, work: estimate, clock: response}
      deck_made: {label: {zh: 方案, en: Deck made}, request: deck, within_hours: 24}
    deadlines:
      demo_held: {label: {zh: 演示, en: Demo held}, on_stage: demo, after_hours: 40}
      held: {label: {zh: 完成, en: Held}, on_stage: held, after_hours: 8, go_live: 2026-02-10T00:00:00+08:00}
      diagnosed: {label: {zh: 诊断, en: Diagnosed}, on_stage: lead, after_hours: 16, warn_percent: 50}
      answered: {label: {zh: 响应, en: Answered}, on_work: any, clock: response}
      done: {label: {zh: 完成, en: Done}, on_work: any, go_live: 2026-02-06T08:00:00Z}
      agreed: {label: {zh: 批完, en: Agreed}, on_approval: any, after_hours: 8}
      silent: {label: {zh: 无声, en: Silent}, on_silence: any, after_hours: 48, by: clock}
"""
POOLS_TEXT = """pools:
  desk: {label: {zh: 公海, en: Desk}, kind: deal, rules: {turns: {label: {zh: 轮转, en: Turns}, candidates: {roles: [seller]}}}, claim: {per_day: 5, recycle_after_days: 9}}
"""
INDEX_TEXT = """  teamwork:
    label: {zh: 协作, en: Teamwork}
    kind: deal
    components:
      healthy: {measure: healthy, label: {zh: 健康, en: Healthy}}
      legal: {measure: healthy, label: {zh: 法务, en: Legal}, actions: [legal_done, answered], weight: 2}
      response: {measure: response, label: {zh: 响应, en: Response}, baseline_hours: 8, work: [estimate, terms]}
"""
TEMPLATES = ("estimate", "terms", "schedule", "listed")
DEADLINES = ("demo_held", "held", "diagnosed", "answered", "done", "agreed", "silent")
LEVELS: dict[str, list[Stored]] = {
    "discount": [
        {"name": "sales", "approvers": {"seller": BEN}, "quorum": 1},
        {
            "name": "joint",
            "approvers": {"legal": LEA, "finance": FAY},
            "asked": {"legal": EVE},
            "quorum": 2,
            "within_hours": "2",
        },
    ],
    "terms": [
        {"name": "legal", "approvers": {"legal": LEA}, "quorum": 1},
        {"name": "either", "approvers": {"engineer": EVE, "finance": FAY}, "quorum": 1},
    ],
}


def the_worked_playbook(*changes: tuple[str, str]) -> PublishedPlaybook:
    """The measured playbook with work, forks, approvals, deadlines and a pool."""
    return the_measured_playbook(
        ("kinds:\n", ROLES_TEXT + "kinds:\n"),
        ("    requests:\n", WORK_TEXT + "    requests:\n"),
        ("indices:\n", POOLS_TEXT + "indices:\n" + INDEX_TEXT),
        *changes,
    )


def sealed(word: str) -> Stored:
    """Free text as it stands in the log: under a key, not in the clear."""
    return {SEALED: {"subject": "deal/dea_x", "generation": 1, "value": f"~{len(word)}"}}


@dataclass
class Item:
    """A work item as the story left it."""

    record: str
    work: str
    assignee: str
    state: str = "open"
    ticked: set[str] = field(default_factory=set)


@dataclass
class Asked:
    """An approval as the story left it."""

    record: str
    approval: str
    chain: str
    is_open: bool = True
    decided: set[tuple[str, str]] = field(default_factory=set)


@dataclass
class WorkedStory(Story):
    """A story that also knows which work and which approvals are open."""

    work: dict[str, Item] = field(default_factory=dict)
    approvals: dict[str, Asked] = field(default_factory=dict)

    def happens(self, stream: str, event: Event, **about: Any) -> "WorkedStory":
        """Append an event; `command` puts it into one with others, `cause` is the position it was caused by."""
        command, cause = about.pop("command", None), about.pop("cause", None)
        super().happens(stream, event, **about)
        if command is not None or cause is not None:
            last = self.events[-1]
            self.events[-1] = replace(
                last,
                command_id=command or last.command_id,
                causation_id=None if cause is None else str(cause),
            )
        return self

    # ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def requests(
        self, name: str, work: str, template: str = "estimate", assignee: str = EVE, *, by: str = ANNA, **about: Any
    ) -> "WorkedStory":  # fmt: skip
        """Somebody asks somebody for something about a deal."""
        envelope = {key: about.pop(key) for key in ("on_behalf_of", "command") if key in about}
        self.work[work] = Item(deal(name), work, assignee)
        return self.happens(
            deal(name), WorkRequested(work, template, assignee, **about), actor=by, **envelope
        )

    def forks(
        self, name: str, fork: str, *, by: str = ANNA, join: str = "all", **about: Any
    ) -> "WorkedStory":
        """Somebody starts the fork, each leg with whoever has the role."""
        legs = {"technical": ("estimate", EVE), "legal": ("terms", LEA), "finance": ("schedule", FAY)}
        names: dict[str, Stored] = {leg: f"{fork}_{leg}" for leg in legs}
        command = f"cmd_{fork}"
        self.happens(deal(name), WorkForked(fork, "freeze", join, names), actor=by, command=command)
        for leg, (template, person) in legs.items():
            self.requests(
                name, str(names[leg]), template, person, by=by, fork=fork, leg=leg, command=command, **about
            )
        return self

    def of(self, work: str, event: Event, *, by: str | None = None, **about: Any) -> "WorkedStory":
        """Something happens to a work item, done by whoever has it unless told otherwise."""
        item = self.work[work]
        return self.happens(item.record, event, actor=by or item.assignee, **about)

    def accepts(self, work: str) -> "WorkedStory":
        """Take it on."""
        return self.of(work, WorkAccepted(work))

    def responds(self, work: str) -> "WorkedStory":
        """Give a first answer."""
        return self.of(work, WorkResponded(work, sealed("on it")))

    def ticks(self, work: str, item: str) -> "WorkedStory":
        """Tick an item off."""
        return self.of(work, WorkTicked(work, item))

    def pauses(self, work: str, waiting_for: str = "customer") -> "WorkedStory":
        """Wait for somebody else."""
        return self.of(work, WorkPaused(work, waiting_for))

    def resumes(self, work: str) -> "WorkedStory":
        """Go on."""
        return self.of(work, WorkResumed(work))

    def reassigns(self, work: str, to: str, how: str = "reassigned", asked: str | None = None) -> "WorkedStory":  # fmt: skip
        """Give it to somebody else."""
        before = self.work[work].assignee
        self.of(work, WorkReassigned(work, before, to, asked, how))
        self.work[work].assignee = to
        return self

    def reschedules(self, work: str, due: datetime, before: str | None = None) -> "WorkedStory":
        """Let it be due at another moment."""
        return self.of(work, WorkRescheduled(work, moment_text(due), before), by=ANNA)

    def completes(self, work: str, **fields: Stored) -> "WorkedStory":
        """Say that it is done."""
        self.of(work, WorkCompleted(work, fields))
        self.work[work].state = "over"
        return self

    def declines(self, work: str) -> "WorkedStory":
        """Say no."""
        self.of(work, WorkDeclined(work))
        self.work[work].state = "over"
        return self

    def cancels(self, work: str, by: str = ANNA) -> "WorkedStory":
        """Want it no more."""
        self.of(work, WorkCancelled(work), by=by)
        self.work[work].state = "over"
        return self

    # ── approvals ────────────────────────────────────────────────────────────────────────────────────────────────────

    def asks_agreement(self, name: str, approval: str, chain: str = "discount", *, by: str = ANNA) -> "WorkedStory":  # fmt: skip
        """Ask for agreement."""
        order = "parallel" if chain == "terms" else "sequence"
        self.approvals[approval] = Asked(deal(name), approval, chain)
        return self.happens(deal(name), ApprovalRequested(approval, chain, order, LEVELS[chain]), actor=by)

    def decides(
        self,
        approval: str,
        level: str,
        role: str,
        decision: str = "approved",
        *,
        by: str | None = None,
        **about: Any,
    ) -> "WorkedStory":
        """Approve or reject in a role."""
        asked = self.approvals[approval]
        found: Any = next(found for found in LEVELS[asked.chain] if isinstance(found, dict) and found["name"] == level)  # fmt: skip
        event = ApprovalDecided(approval, level, role, decision, **about)
        if decision == "rejected" and event.back_to is None:
            asked.is_open = False
        asked.decided.add((level, role))
        return self.happens(asked.record, event, actor=by or found["approvers"][role])

    def comments(self, approval: str) -> "WorkedStory":
        """Say something without deciding."""
        return self.happens(self.approvals[approval].record, ApprovalCommented(approval, sealed("hm")))

    def recalls(self, approval: str) -> "WorkedStory":
        """Take a request back."""
        self.approvals[approval].is_open = False
        return self.happens(self.approvals[approval].record, ApprovalRecalled(approval))

    def migrates(self, approval: str) -> "WorkedStory":
        """Go on under another version."""
        asked = self.approvals[approval]
        event = ApprovalMigrated(approval, "measured", self.published, LEVELS[asked.chain])
        return self.happens(asked.record, event)

    # ── pools and deadlines ──────────────────────────────────────────────────────────────────────────────────────────

    def assigns(
        self, name: str, person: str | None, *, attempt: int = 1, rule: str | None = "turns", **about: Any
    ) -> "WorkedStory":
        """The pool gives a deal to somebody, or finds nobody."""
        judged: list[Stored] = [
            {"person": other, "why": "chosen" if other == person else "lower", "open": 3} for other in (ANNA, BEN)
        ]  # fmt: skip
        event = PoolAssigned(
            deal(name), rule if person else None, attempt, person, candidates=judged, **about
        )
        command = f"cmd_pool_{len(self.events)}"
        worker = {"actor": "system/assignment", "cause": len(self.events), "command": command}
        self.happens(pools_stream("desk"), event, **worker)
        return self if person is None else self.happens(deal(name), OwnerChanged(None, person), **worker)

    def claims(self, name: str, person: str = BEN) -> "WorkedStory":
        """Take a deal from the pool."""
        command = f"cmd_pool_{len(self.events)}"
        self.happens(pools_stream("desk"), PoolClaimed(deal(name), person), actor=person, command=command)
        return self.happens(deal(name), OwnerChanged(None, person), actor=person, command=command)

    def gives_back(self, name: str, person: str = BEN, *, days: int | None = None) -> "WorkedStory":
        """Give a deal back to the pool; with `days` the pool takes it."""
        command = f"cmd_pool_{len(self.events)}"
        event: Event = PoolReturned(deal(name), person)
        if days is not None:
            event = PoolRecycled(deal(name), person, days)
        self.happens(pools_stream("desk"), event, actor=person, command=command)
        return self.happens(deal(name), OwnerChanged(person, None), actor=person, command=command)

    def notices(
        self,
        name: str,
        deadline: str,
        rung: int = 1,
        *,
        armed_at: int | None = None,
        subject: str | None = None,
        due: str | None = None,
        told: Sequence[str] = (ANNA,),
        **about: Any,
    ) -> "WorkedStory":
        """The clock notices a deadline."""
        event = DeadlineNoticed(
            deal(name), deadline, armed_at or len(self.events), rung, moment_text(when(due) if due else self.now),
            moment_text(self.now), list(told), subject, **about,
        )  # fmt: skip
        return self.happens(firings_stream(deal(name)), event, actor="system/deadlines")

    def acknowledges(self, name: str, deadline: str, armed_at: int, rung: int = 1) -> "WorkedStory":
        """Somebody says that they know."""
        return self.happens(
            firings_stream(deal(name)), DeadlineAcknowledged(deal(name), deadline, armed_at, rung)
        )

    def reacts(self, name: str, event: Event) -> "WorkedStory":
        """Something becomes of a reaction to a deal."""
        return self.happens(reactions_stream(deal(name)), event, actor="system/reactions")

    # ── the organisation ─────────────────────────────────────────────────────────────────────────────────────────────

    def company(self) -> "WorkedStory":
        """An engineer in the south, a lawyer and a controller in the north join Anna and Ben, each with a role."""
        for person, team in ((EVE, "south"), (LEA, "north"), (FAY, "north")):
            self.happens(ORGANISATION_STREAM, PersonJoined(person, sealed(person), team, None, ROLES[person]))
        for person in (ANNA, BEN):
            self.happens(ORGANISATION_STREAM, RoleGranted(person, "seller"))
        return self


def a_worked_story(*changes: tuple[str, str]) -> WorkedStory:
    """Anna sells in the north, Ben in the south; Eve, Lea and Fay do what they are asked; nothing has been asked yet."""
    story = WorkedStory()
    story.on("2026-01-01 09:00").publishes(the_worked_playbook(*changes))
    story.forms("north", "华北").forms("south", "华南").joins(ANNA, "north").joins(BEN, "south")
    return story.company()


def random_worked_story(seed: int, length: int = 120, deals: int = 4) -> WorkedStory:
    """A story of everything that can be asked, answered, decided, assigned and noticed; one number, one story."""
    chance, imports = random.Random(seed), random.Random(f"imports {seed}")
    story, hours, names = a_worked_story(), 0, [f"d{number}" for number in range(deals)]
    for _ in range(length):
        hours += chance.choice([0, 0, 1, 3, 20, 60])
        moment = when("2026-02-02 08:00") + timedelta(hours=hours, minutes=len(story.events) * 3)
        story.now = moment
        late = timedelta(minutes=chance.choice([0, 0, 0, 50, 1500, -1]))
        story.at = None if chance.random() < 0.08 else moment - late
        name = chance.choice(names)
        story.channel = "import" if imports.random() < 0.15 else "test"
        if name not in story.steps:
            story.opens(
                name, chance.choice(OPENINGS), chance.choice(["full", "short"]), chance.choice([ANNA, BEN, None])
            )  # fmt: skip
            continue
        _something(story, chance, name)
    return story


def _something(story: WorkedStory, chance: random.Random, name: str) -> None:
    number = len(story.events)
    items = [item for item in story.work.values() if item.state != "over"]
    asked = [found for found in story.approvals.values() if found.is_open]
    what = chance.choice(["ask", "ask", "fork", "agree", "pool", "due", "pool", "people", "people", "react", "sell", "sell"] + ["do"] * 9 + ["decide"] * 5)  # fmt: skip
    match what:
        case "ask":
            about: dict[str, Any] = {"priority": chance.choice([0, 0, 5])}
            if chance.random() < 0.3:
                days = timedelta(days=chance.choice([-1, 1, 3]))
                about["due_at"] = moment_text(story.now + days)
            if chance.random() < 0.3:
                about["on_behalf_of"] = BEN
            if chance.random() < 0.2:
                about["asked"] = FAY
            story.requests(name, f"wrk_{number}", chance.choice(TEMPLATES), chance.choice(PEOPLE[2:]), by=chance.choice(PEOPLE[:3]), title=sealed("t"), **about)  # fmt: skip
        case "fork":
            story.forks(
                name, f"frk_{number}", by=chance.choice(PEOPLE[:2]), join=chance.choice(["all", "any", "2"])
            )
        case "agree":
            story.asks_agreement(
                name, f"apr_{number}", chance.choice(["discount", "terms"]), by=chance.choice(PEOPLE[:2])
            )
        case "do" if items:
            _work(story, chance, chance.choice(items))
        case "decide" if asked:
            _decide(story, chance, chance.choice(asked))
        case "pool":
            _pool(story, chance, name)
        case "due":
            _due(story, chance, name)
        case "people":
            _people(story, chance)
        case "react":
            story.reacts(name, _reaction(chance, deal(name), number))
        case _:
            _sell(story, chance, name)


def _work(story: WorkedStory, chance: random.Random, item: Item) -> None:
    work = item.work
    if item.state == "paused" and chance.random() < 0.6:
        item.state = "open"
        story.resumes(work)
        return
    match chance.randrange(13):
        case 0 | 1:
            story.accepts(work)
        case 2 | 3:
            story.responds(work)
        case 4:
            story.ticks(work, chance.choice(["read", "checked"]))
        case 5 if item.state == "open":
            item.state = "paused"
            story.pauses(work, chance.choice(["customer", "supplier", "other"]))
        case 6 | 7:
            to = chance.choice([person for person in PEOPLE if person != item.assignee])
            story.reassigns(work, to, chance.choice(["reassigned", "delegated", "stands in", "returned"]), chance.choice([None, item.assignee]))  # fmt: skip
        case 8:
            story.declines(work)
        case 9:
            story.cancels(work)
        case 10:
            story.reschedules(work, story.now + timedelta(days=chance.choice([1, 3, 9])))
        case _:
            story.completes(work, remark="fine")


def _decide(story: WorkedStory, chance: random.Random, asked: Asked) -> None:
    match chance.randrange(9):
        case 0:
            story.comments(asked.approval)
        case 1:
            story.recalls(asked.approval)
        case 2:
            story.migrates(asked.approval)
        case _:
            open_ = [
                (str(level["name"]), role)
                for level in LEVELS[asked.chain]
                if isinstance(level, dict) and isinstance(level["approvers"], dict)
                for role in level["approvers"]
                if (level["name"], role) not in asked.decided
            ]
            if not open_:
                asked.is_open = False
                story.comments(asked.approval)
                return
            level, role = open_[0]
            if chance.random() < 0.75:
                story.decides(asked.approval, level, role)
            elif chance.random() < 0.5:
                first: Any = LEVELS[asked.chain][0]
                story.decides(asked.approval, level, role, "rejected", back_to=first["name"])
                asked.decided.clear()
            else:
                story.decides(asked.approval, level, role, "rejected")


def _pool(story: WorkedStory, chance: random.Random, name: str) -> None:
    match chance.randrange(5):
        case 0 | 1:
            person = chance.choice([ANNA, BEN, None])
            story.assigns(name, person, attempt=chance.choice([1, 2]), fallback=chance.random() < 0.2)
        case 2:
            story.claims(name, chance.choice([ANNA, BEN]))
        case 3:
            story.gives_back(name, chance.choice([ANNA, BEN]))
        case _:
            story.gives_back(name, chance.choice([ANNA, BEN]), days=9)


def _due(story: WorkedStory, chance: random.Random, name: str) -> None:
    deadline, armed_at = chance.choice(DEADLINES), chance.randrange(1, len(story.events) + 1)
    if chance.random() < 0.25:
        story.acknowledges(name, deadline, armed_at, chance.choice([1, 2]))
        return
    of = [item.work for item in story.work.values() if item.record == deal(name)]
    subject = chance.choice(of) if of and deadline in ("answered", "done") else None
    story.notices(
        name, deadline, chance.choice([0, 1, 1, 2, 3]), armed_at=armed_at, subject=subject,
        told=chance.choice([(ANNA,), (BEN, EVE), ()]), skipped=chance.choice([[], [0], [0, 1]]), repeat=chance.choice([0, 0, 2]),
    )  # fmt: skip


def _reaction(chance: random.Random, record: str, number: int) -> Event:
    cause = chance.randrange(1, number + 1)
    return chance.choice(
        [
            ReactionRan(record, "second_visit", cause, [number, number - 1]),
            ReactionFailed(
                record,
                "second_visit",
                cause,
                1,
                chance.choice(["refused", "too-deep"]),
                sealed("no"),
                [number],
            ),
            ReactionRetried(record, "second_visit", cause),
            ReactionAlerted(record, "warn", cause, 0, [ANNA, BEN], chance.random() < 0.5),
        ]
    )


def _people(story: WorkedStory, chance: random.Random) -> None:
    """Somebody goes away, comes back, has somebody act for them, learns something, or changes teams."""
    person, other = chance.sample(PEOPLE, 2)
    number, begins = len(story.events), moment_text(story.now)
    known = {type(item.event): item.event for item in story.events}
    away, given = known.get(AbsenceNoted), known.get(DelegationGiven)
    stream = ORGANISATION_STREAM
    match chance.randrange(6):
        case 0:
            ends = chance.choice([None, moment_text(story.now + timedelta(days=9))])
            story.happens(stream, AbsenceNoted(f"abs_{number}", person, begins, ends, other))
        case 1 if isinstance(away, AbsenceNoted):
            story.happens(stream, AbsenceEnded(away.absence, away.person))
        case 2:
            story.happens(
                stream, DelegationGiven(f"del_{number}", person, other, begins, covers=["approvals", "work"])
            )
        case 3 if isinstance(given, DelegationGiven):
            story.happens(stream, DelegationEnded(given.delegation, given.person))
        case 4:
            story.happens(stream, SkillsSet(person, ["law", "医疗"]))
        case _:
            story.changes_team(person, chance.choice(["north", "south"]))


def _sell(story: WorkedStory, chance: random.Random, name: str) -> None:
    match chance.randrange(6):
        case 0 | 1:
            story.moves(name, chance.choice(MOVES_TO))
        case 2:
            story.touches(name, chance.choice(["call", "visit"]))
        case 3:
            story.hands_over(name, chance.choice([ANNA, BEN, None]))
        case 4:
            story.writes(name, source=chance.choice(["fair", "web", None]))
        case _:
            story.proves(name)


class ToldLog:
    """A story as the log the ledger is made from."""

    def __init__(self, story: Story) -> None:
        self._events: list[Recorded] = story.events
        self.genesis = LogBegun("main", 1, "simulated", "dealtrail test")

    def head(self) -> int:
        """Return the last position."""
        return len(self._events)

    def after(
        self, position: int, limit: int, *, topics: Sequence[str] = (), upto: int | None = None
    ) -> list[Recorded]:
        """Return events after a position."""
        last = self.head() if upto is None else min(upto, self.head())
        return [item for item in self._events[position:last] if not topics or item.event.TOPIC in topics][
            :limit
        ]

    def stream(self, stream: str) -> list[Recorded]:
        """Return the events of a stream."""
        return [item for item in self._events if item.stream == stream]


A_WORKED_LOG = ToldLog(random_worked_story(20260302, 400))
"""Long enough for many small segments, with every event of work, approvals, pools, deadlines and the organisation in it."""
