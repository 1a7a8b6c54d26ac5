"""Small histories told in words, to be measured: who opened what, moved it, wrote it down; counted by hand in the tests."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast
from zoneinfo import ZoneInfo

import polars as pl

from commands.playbook_file import parse_playbook
from domain.envelope import Recorded
from domain.event import Event
from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    FieldsConfirmed,
    LogBegun,
    MoveRefused,
    OwnerChanged,
    PersonJoined,
    PersonMoved,
    PlaybookPublished,
    RecordOpened,
    StageChanged,
    TeamFormed,
    TouchCorrected,
    Touched,
)
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, record_stream
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.publish import digest
from domain.playbook.published import PublishedPlaybook
from domain.record.way import move_between
from domain.values import Stored
from projections.ledger.flatten import flatten
from projections.ledger.manifest import Manifest
from projections.ledger.memory import Memory
from projections.ledger.tables import TABLES
from projections.ledger.view import View, parted
from projections.metrics import cells
from projections.metrics.asking import Ask, ask_of
from projections.metrics.reading import Reading
from support.given import ANNA, BEN, SHA256

KIND = "deal"
ZONE = ZoneInfo("Asia/Shanghai")

PLAYBOOK = """
playbook: measured
label: {zh: 度量, en: Measured}
time_zone: Asia/Shanghai
calendar:
  hours: {mon: [09:00-17:00], tue: [09:00-17:00], wed: [09:00-17:00], thu: [09:00-17:00], fri: [09:00-17:00]}
  first_year: 2026
  last_year: 2026
kinds:
  deal:
    label: {zh: 商机, en: Deal}
    collection: deals
    prefix: dea
    worth: amount
    fields:
      source:
        type: choice
        label: {zh: 来源, en: Source}
        options: {fair: {zh: 展会, en: Fair}, web: {zh: 官网, en: Website}, friend: {zh: 朋友, en: Friend}}
      pains:
        type: choice
        label: {zh: 痛点, en: Pains}
        choose: {at_most: 3}
        options: {cost: {zh: 成本, en: Cost}, time: {zh: 工期, en: Time}, quality: {zh: 质量, en: Quality}}
      amount: {type: money, currency: CNY, label: {zh: 金额, en: Amount}}
      chain: {type: boolean, label: {zh: 决策链, en: Decision chain}}
      expert: {type: person, label: {zh: 专家, en: Expert}}
      note: {type: text, label: {zh: 备注, en: Note}}
      deck: {type: evidence, label: {zh: 方案, en: Deck}}
    stages:
      lead:
        label: {zh: 线索, en: Lead}
        actions:
          first_call: {label: {zh: 首次联系, en: First call}, done: {touch: any}, within_hours: 24}
          source_asked: {label: {zh: 问来源, en: Source asked}, done: {field: source, one_of: [fair, web]}}
      demo:
        label: {zh: 演示, en: Demo}
        enter: {fields: [source]}
        actions:
          visited: {label: {zh: 上门, en: Visited}, done: {touch: visit}}
        nodes:
          planned: {label: {zh: 安排, en: Planned}}
          held:
            label: {zh: 完成, en: Held}
            actions:
              deck_made: {label: {zh: 方案, en: Deck made}, done: {evidence: deck}, within_hours: 48}
      quoted:
        label: {zh: 报价, en: Quoted}
        enter: {fields: [amount], evidence: [deck]}
        actions:
          decided: {label: {zh: 决定, en: Decided}, done: {enters: won}}
      won: {label: {zh: 赢单, en: Won}, outcome: won, enter: {fields: [chain]}}
      lost: {label: {zh: 输单, en: Lost}, outcome: lost}
      parked: {label: {zh: 搁置, en: Parked}, outcome: closed}
    opens_in: [lead]
    paths:
      full: {label: {zh: 完整, en: Full}, steps: [lead, demo, quoted, won, lost, parked]}
      short: {label: {zh: 简化, en: Short}, steps: [lead, quoted, won, lost, parked]}
    moves: {skip: allowed, back: free, reopen: free}
    touches: {call: {label: {zh: 电话, en: Call}}, visit: {label: {zh: 拜访, en: Visit}}}
    requests:
      deck: {label: {zh: 方案, en: Deck}, asked: {touch: visit}, answered: {evidence: deck}}
      pains: {label: {zh: 痛点, en: Pains}, asked: {enters: planned}, answered: {field: pains, one_of: [cost]}}
indices:
  phi:
    label: {zh: 过程健康度, en: Process health}
    kind: deal
    components:
      penetration: {measure: penetration, label: {zh: 渗透, en: Penetration}}
      response: {measure: response, label: {zh: 响应, en: Response}, requests: [deck], baseline_hours: 8}
      freshness: {measure: freshness, label: {zh: 新鲜, en: Freshness}, fields: [source, amount]}
    bands:
      red: {label: {zh: 红, en: Red}}
      yellow: {label: {zh: 黄, en: Yellow}, at_least: 60}
      green: {label: {zh: 绿, en: Green}, at_least: 80}
    caps:
      undone: {label: {zh: 未做, en: Undone}, component: penetration, below: 40, at_most: 59}
  stuck:
    label: {zh: 滞留, en: Stuck}
    kind: deal
    stuck: {steps: [quoted], longer_than_days: 5}
    components:
      visits: {measure: touches, label: {zh: 拜访, en: Visits}, touches: [visit], target: 4}
      decks: {measure: evidence, label: {zh: 方案, en: Decks}, target: 2}
      accepted: {measure: acceptance, label: {zh: 通过, en: Accepted}, weight: 2}
"""


@cache
def the_measured_playbook(*changes: tuple[str, str]) -> PublishedPlaybook:
    """The playbook the histories are told under, with some of its text changed."""
    text = PLAYBOOK
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_playbook(text, "measured.yaml")


def when(text: str | datetime) -> datetime:
    """Read `2026-03-02 09:00` as a moment in Shanghai."""
    if isinstance(text, datetime):
        return text
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def yuan(amount: str, currency: str = "CNY") -> dict[str, Stored]:
    """An amount of money as the log holds it."""
    return {"amount": amount, "currency": currency}


def deal(name: str) -> str:
    """The stream of a deal."""
    return record_stream(KIND, name)


@dataclass
class Story:
    """A log on its way: `on` sets the clock, everything else happens then. Methods return the story, so that it reads as one.

    `unknown` makes what follows happen at a moment nobody knows, until the clock is set again.
    """

    events: list[Recorded] = field(default_factory=list)
    now: datetime = field(default_factory=lambda: when("2026-01-01 09:00"))
    at: datetime | None = None
    steps: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    published: int = 0
    channel: str = "test"
    """Through what everything happens from now on; `import` is history."""

    def on(self, moment: str, *, recorded: str | None = None) -> "Story":
        """Set the clock; what was told later than it happened is `recorded` then."""
        self.at, self.now = when(moment), when(recorded or moment)
        return self

    def unknown(self) -> "Story":
        """From now on nobody knows when things happened."""
        self.at = None
        return self

    def happens(self, stream: str, event: Event, **about: Any) -> "Story":
        """Append an event."""
        position = len(self.events) + 1
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        self.events.append(
            Recorded(
                stream=stream, version=version, position=position, event=event, recorded_at=self.now, occurred_at=self.at,
                decided_at=self.now, basis=position - 1, actor=about.pop("actor", ANNA), channel=self.channel,
                command_id=f"cmd_{position}", playbook="measured", playbook_version=self.published, **about,
            )
        )  # fmt: skip
        return self

    def publishes(
        self, playbook: PublishedPlaybook, mappings: Mapping[str, Any] | None = None, **about: Any
    ) -> "Story":
        """Publish a version of the playbook."""
        self.published += 1
        trees: Any = [{"place": place, "tree": tree} for place, tree in playbook.rules_json.items()]
        event = PlaybookPublished(
            playbook.name, self.published, playbook.document.as_json(), trees, digest(playbook), mappings=dict(mappings or {}), **about
        )  # fmt: skip
        return self.happens(PLAYBOOKS_STREAM, event)

    def forms(self, team: str, region: str) -> "Story":
        """Form a team."""
        return self.happens(ORGANISATION_STREAM, TeamFormed(team, team, region))

    def joins(self, person: str, team: str) -> "Story":
        """Let a person join a team."""
        return self.happens(ORGANISATION_STREAM, PersonJoined(person, None, team))

    def changes_team(self, person: str, team: str) -> "Story":
        """Let a person change to another team."""
        return self.happens(ORGANISATION_STREAM, PersonMoved(person, team, None))

    def opens(
        self, name: str, step: str = "lead", path: str = "full", owner: str | None = ANNA, **fields: Stored
    ) -> "Story":
        """Open a deal."""
        self.steps[name] = (step, path)
        return self.happens(deal(name), RecordOpened(fields, step, owner, path=path))

    def moves(self, name: str, step: str, *, waiving: Sequence[str] = ()) -> "Story":
        """Move a deal; the kind of move is told by the playbook."""
        before, path = self.steps[name]
        kind = the_measured_playbook().document.kinds[KIND]
        move = move_between(kind, before, step, path) if {before, step} <= kind.steps.keys() else "forward"
        self.steps[name] = (step, path)
        override: Any = {"name": "agreed", "waived": list(waiving)} if waiving else None
        return self.happens(deal(name), StageChanged(before, step, move, override))

    def is_refused(self, name: str, step: str, *unmet: str, **about: Any) -> "Story":
        """Try to move a deal in vain."""
        before, path = self.steps[name]
        event = MoveRefused(
            record=deal(name), record_version=self.versions[deal(name)], before=before, after=step, move="forward",
            unmet=list(unmet), path=path, **about,
        )  # fmt: skip
        return self.happens(f"refusals/{deal(name)}", event)

    def writes(self, name: str, **fields: Stored) -> "Story":
        """Give fields of a deal new values."""
        changes: dict[str, Stored] = {part: {"old": None, "new": new} for part, new in fields.items()}
        return self.happens(deal(name), FieldsChanged(changes))

    def confirms(self, name: str, *fields: str) -> "Story":
        """Say that fields of a deal still hold."""
        return self.happens(deal(name), FieldsConfirmed(list(fields)))

    def touches(self, name: str, kind: str = "call", touch: str | None = None) -> "Story":
        """Be in touch."""
        return self.happens(deal(name), Touched(touch or f"tou_{len(self.events)}", kind))

    def corrects(self, name: str, touch: str, *, withdrawn: bool = False, **changes: Stored) -> "Story":
        """Correct what was told of a touch, or take it back."""
        return self.happens(deal(name), TouchCorrected(touch, changes, withdrawn))

    def proves(self, name: str, evidence: str = "deck") -> "Story":
        """Attach a piece of evidence."""
        piece = EvidenceAttached(f"evi_{len(self.events)}", evidence, SHA256, 1, "application/pdf")
        return self.happens(deal(name), piece)

    def hands_over(self, name: str, owner: str | None) -> "Story":
        """Let somebody else answer for a deal."""
        return self.happens(deal(name), OwnerChanged(None, owner))

    # ── asked ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def head(self) -> int:
        """The last position."""
        return len(self.events)

    def upto(self, position: int) -> "Story":
        """The story as it was told up to a position."""
        return Story(self.events[:position], self.now)

    @property
    def playbooks(self) -> Playbooks:
        """Every version that was published."""
        told = [item for item in self.events if item.stream == PLAYBOOKS_STREAM]
        return catalogue.fold(None, told)

    def view(self, position: int | None = None, partitions: int = 3) -> View:
        """The ledger of the story: nothing is kept, all of it is the tail of the log."""
        upto = self.head if position is None else position
        flat = flatten(self.events[:upto], Memory())
        tail = {
            (table, number): frame
            for table in TABLES
            for number, frame in parted(table, flat.frame(table), partitions).items()
        }
        genesis = LogBegun("main", 1, "simulated", "dealtrail test")
        return View(cast("Any", None), Manifest.empty(genesis, partitions), upto, tail)

    def reading(self, position: int | None = None, *, now: str | None = None) -> Reading:
        """The reading playbook at a position; it speaks of the moment of the event there, or of `now`."""
        upto = self.head if position is None else position
        moment = when(now) if now else self.events[upto - 1].recorded_at
        return Reading.of(self.playbooks, KIND, upto, moment)

    def asks(
        self,
        name: str,
        *,
        by: str | Sequence[str] = (),
        period: str | None = None,
        where: Sequence[str] = (),
        now: str | None = None,
        position: int | None = None,
        partitions: int = 3,
        **parameters: Any,
    ) -> "Answer":
        """Measure a metric. Parameters end in an underscore where Python needs the word: `from_`."""
        reading = self.reading(position, now=now)
        told = {key.rstrip("_"): value for key, value in parameters.items()}
        ask = ask_of(reading, period=period, by=by, where=where, parameters=told)
        return Answer(self.view(position, partitions), reading, name, ask)  # fmt: skip


OPENINGS = ("lead", "planned", "quoted")
MOVES_TO = ("lead", "planned", "held", "quoted", "won", "lost", "parked")


def random_story(seed: int, length: int = 60, deals: int = 5) -> Story:
    """A story of everything that can happen, with moments nobody knows, things told late, and people who change teams; one number, one story."""
    chance = random.Random(seed)
    story, day, names = a_story(), 0, [f"d{number}" for number in range(deals)]
    for _ in range(length):
        day += chance.choice([0, 0, 0, 1, 2, 9])
        moment = when("2026-02-01 08:00") + timedelta(days=day, minutes=len(story.events) * 7)
        story.now = moment
        late = timedelta(hours=chance.choice([0, 0, 0, 1, 30, -1]))
        story.at = None if chance.random() < 0.1 else moment - late
        name = chance.choice(names)
        if name not in story.steps:
            fields: dict[str, Stored] = (
                {"source": chance.choice(["fair", "web", "friend"]), "pains": ["cost"]}
                if chance.random() < 0.6
                else {}
            )
            owner = chance.choice([ANNA, BEN, None])
            story.opens(name, chance.choice(OPENINGS), chance.choice(["full", "short"]), owner, **fields)
            continue
        match chance.randrange(16):
            case 0 | 1 | 2 | 3:
                waived = ["field:amount", "evidence:deck"] if chance.random() < 0.2 else []
                story.moves(name, chance.choice(MOVES_TO), waiving=waived)
            case 4 | 5:
                story.writes(name, source=chance.choice(["fair", "web", "friend", None]))
            case 6:
                story.writes(
                    name,
                    pains=chance.choice([["cost"], ["time", "cost"], ["time"], None]),
                    expert=chance.choice([ANNA, BEN, None]),
                )
            case 7:
                story.writes(
                    name,
                    amount=chance.choice([yuan("10.50"), yuan("300", "JPY"), None]),
                    chain=chance.choice([True, False]),
                )
            case 8:
                story.confirms(name, "source", "amount")
            case 9 | 10 | 11:
                story.touches(name, chance.choice(["call", "visit"]), f"t{chance.randrange(9)}")
            case 12:
                story.corrects(name, f"t{chance.randrange(9)}", withdrawn=chance.random() < 0.4, kind="call")
            case 13:
                story.proves(name)
            case 14:
                story.hands_over(name, chance.choice([ANNA, BEN, None]))
            case _:
                if chance.random() < 0.5:
                    story.is_refused(name, chance.choice(MOVES_TO), "field:amount", waived=["evidence:deck"])
                else:
                    story.changes_team(chance.choice([ANNA, BEN]), chance.choice(["north", "south"]))
    return story  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a metric says, and the cases behind it."""

    view: View
    reading: Reading
    name: str
    ask: Ask

    @property
    def cells(self) -> cells.Cells:
        """All cells."""
        return cells.measure(self.view, self.reading, self.name, self.ask)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All cells as plain data."""
        return self.cells.frame.to_dicts()

    @property
    def only(self) -> dict[str, Any]:
        """The only cell."""
        (row,) = self.rows
        return row

    def says(self, **numbers: Any) -> "Answer":
        """Check numbers of the only cell."""
        found = self.only
        assert {name: found[name] for name in numbers} == numbers, found
        return self

    def per(self, number: str) -> dict[Any, Any]:
        """A number by cell: by the value of the only dimension, or by those of several."""
        by = self.ask.by
        return {
            (row[by[0]] if len(by) == 1 else tuple(row[name] for name in by)): row[number]
            for row in self.rows
        }

    def cases(self, number: str, among: bool = False, **cell: str | None) -> pl.DataFrame:
        """The cases behind a number of a cell."""
        return cells.cases(self.view, self.reading, self.name, self.ask, number, cell, among=among)

    def records(self, number: str, among: bool = False, **cell: str | None) -> list[str]:
        """The names of the records behind a number of a cell, in the order of the log."""
        found = self.cases(number, among, **cell).get_column("record").to_list()
        return [record.partition("/")[2] for record in found]


def a_story(*changes: tuple[str, str]) -> Story:
    """Anna sells in the north, Ben in the south, under the measured playbook; nothing has been sold yet."""
    return (
        Story()
        .on("2026-01-01 09:00")
        .publishes(the_measured_playbook(*changes))
        .forms("north", "华北")
        .forms("south", "华南")
        .joins(ANNA, "north")
        .joins(BEN, "south")
    )
