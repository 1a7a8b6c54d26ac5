"""Long random histories of a measured playbook, told through the command bus on an in-memory log.

A history is made of one number and a length: drawn step by step, histories would be variations of a few. What a step does
is chosen by what has happened so far, so that every kind of decision occurs, accepted and refused.
"""

import copy
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from domain.erasure import EraseSubject
from domain.events import (
    FieldsChanged,
    FieldsConfirmed,
    MoveRefused,
    OwnerChanged,
    PersonLeft,
    PersonMoved,
    PlaybookDrafted,
    PlaybookPublished,
    RecordOpened,
    StageChanged,
    SubjectErased,
    TouchCorrected,
    Touched,
)
from domain.organisation.commands import AddPerson, FormTeam, GrantRole, MovePerson, RemovePerson, RevokeRole
from domain.playbook.commands import DraftPlaybook, PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record import state as record_state
from domain.record.adoption import adopted
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    ConfirmFields,
    CorrectTouch,
    EditFields,
    OpenRecord,
    Override,
    RecordTouch,
)
from domain.record.state import Record
from support.desk import Desk, an_empty_desk
from support.histories import playbooks_of
from support.history_playbooks import mappings_to
from support.measured_playbook import smaller, versions
from support.memory import MemoryLog, MemoryVault

BEGINNING = datetime(2026, 1, 28, 1, 0, tzinfo=UTC)
ANNA, BEN, CARL, DORA = (f"person/per_{name}" for name in ("anna", "ben", "carl", "dora"))
PEOPLE = (ANNA, BEN, CARL, DORA)
CUSTOMERS = ("customer/cus_1", "customer/cus_2")
OPERATOR = "system/operator"
HELPFUL: dict[str, Any] = {
    "source": "fair",
    "channel": "fair",
    "amount": "5000",
    "pains": ["price"],
    "note": "an urgent order",
    "discount": "0.1",
    "cost": "1000",
    "referrer": "Li",
}
VALUES: dict[str, tuple[Any, ...]] = {
    "source": ("fair", "referral", "website", None),
    "channel": ("fair", "referral", None),
    "amount": ("500", "1500", "5000.50", "5000.50", None),
    "cost": ("400", "1200", "4000", None),
    "pains": (["price"], ["quality", "time"], ["price", "quality"], ["quality"], None),
    "note": ("no", "they call back", "urgent", "", None),
    "discount": ("0.1", "0.25", "0", None),
    "strategic": (True, False, None),
    "topic": ("Gates", "Doors", None),
    "referrer": ("Li", None),
}
PAUSES = tuple(
    timedelta(minutes=minutes)
    for minutes in (0, 3, 17, 50, 130, 400, 760, 1_440, 1_900, 4_300, 8_640)
)  # fmt: skip
ALL_IDS = (
    "move:open", "move:skip", "move:reason", "move:path", "field:source", "field:channel", "field:amount", "field:pains",
    "field:presales", "field:discount", "field:referrer", "field:cost", "field:topic", "evidence:deck", "evidence:cost_sheet",
    "evidence:plan", "condition:touched", "condition:calm", "condition:noted", "condition:worth_it", "condition:says_why", "condition:margin",
)  # fmt: skip
KINDS_OF_MOVE = ("open", "forward", "skip", "back", "re-entry", "reopen")


@dataclass(frozen=True)
class Tale:
    """A history that can be told: a number, and how many things happen in it."""

    number: int
    steps: int


def tales(fewest: int = 28, most: int = 52) -> st.SearchStrategy[Tale]:
    """Tales of histories; a shorter one is the beginning of a longer one, so that failures shrink."""
    return st.builds(Tale, st.integers(0, 2**63 - 1), st.integers(fewest, most))


@dataclass
class Told:
    """A history as it was told."""

    desk: Desk
    chance: random.Random
    now: datetime = BEGINNING
    present: set[str] = field(default_factory=lambda: set(PEOPLE))
    ids: Any = field(default_factory=lambda: itertools.count(1))
    """Who works here."""

    @property
    def log(self) -> Any:
        """The log the history left."""
        return self.desk.log

    def record(self, stream: str) -> Record | None:
        """A record as the version in force reads it."""
        record = record_state.fold(None, self.log.stream(stream))
        if record is None:
            return None
        playbook = self.playbook()
        return adopted(record, playbook)

    def playbook(self) -> PublishedPlaybook:
        """The playbook in force where no scope says otherwise."""
        return playbooks_of(self.desk).at(self.now).for_kind("deal")

    def deals(self) -> list[str]:
        """The deals there are, oldest first."""
        return [stream for stream in self.log._contents.streams if stream.startswith("deal/")]

    def submit(self, command: Any, **about: Any) -> Any:
        """Submit one command at the moment of the tale; whatever the domain refuses is part of the tale."""
        rights = {} if about.get("actor", OPERATOR) == OPERATOR else {"rights": frozenset()}
        is_way = isinstance(command, OpenRecord | ChangeStage)
        moment = self._moment_of_a_move(command.override) if is_way else self._moment()
        given = {"occurred_at": moment, "told_time": self.now, **rights, **about}
        (answer,) = self.desk.bus.submit_batch([self.desk.submission(command, **given)])
        assert answer.outcome != "failed", answer.error
        return answer

    def _moment(self) -> datetime | None:
        chance = self.chance.random()
        if chance < 0.05:
            return None
        if chance < 0.13:
            return self.now - self.chance.choice(PAUSES[2:])
        return self.now

    def _moment_of_a_move(self, override: Override | None) -> datetime | None:
        """Only what is taken in from elsewhere is dated back further than a day, or not at all."""
        chance = self.chance.random()
        if override is not None and override.waive is None:
            return None if chance < 0.5 else self.now - self.chance.choice(PAUSES)
        return self.now if chance < 0.85 else self.now - self.chance.choice(PAUSES[2:8])

    def somebody(self) -> str:
        """Somebody who works here."""
        return self.chance.choice(sorted(self.present))


@cache
def _foundation(number: int) -> tuple[MemoryLog, MemoryVault]:
    desk = an_empty_desk(told_time=BEGINNING)
    commands = [
        PublishPlaybook(versions()[number]),
        FormTeam("north", "North", "华北"),
        FormTeam("south", "South", "华南"),
        AddPerson(BEN, "Ben", "north", None, ("head",)),
        AddPerson(ANNA, "Anna", "north", BEN, ("seller",)),
        AddPerson(CARL, "Carl", "south", BEN, ("lead_seller",)),
        AddPerson(DORA, "Dora", "south", CARL, ("seller",), region="西南"),
        *(OpenRecord(stream, {"name": stream[-5:]}) for stream in CUSTOMERS),
    ]
    for command in commands:
        (answer,) = desk.bus.submit_batch(
            [desk.submission(command, told_time=BEGINNING, occurred_at=BEGINNING)]
        )
        assert answer.outcome == "accepted", answer
    return desk.log, desk.vault


def _founded(number: int) -> Desk:
    """A desk on a copy of a log in which the playbook, the people and the customers are in place."""
    log, vault = _foundation(number)
    own_vault = MemoryVault()
    own_vault.generations = copy.deepcopy(vault.generations)
    own = MemoryLog(own_vault, clock=lambda: BEGINNING)
    own._contents.events = list(log._contents.events)
    own._contents.streams = {name: list(events) for name, events in log._contents.streams.items()}
    own._contents.commands = dict(log._contents.commands)
    return Desk(own, own_vault, name="tale")


def tell(tale: Tale) -> Told:
    """Tell a tale."""
    chance = random.Random(tale.number)
    told = Told(_founded(chance.choice([0, 0, 0, 1, 2, 3])), chance)
    for _ in range(tale.steps):
        told.now += chance.choice(PAUSES)
        step = chance.random()
        if step < 0.11 or not told.deals():
            _open(told)
        elif step < 0.16:
            _stay_off_the_path(told)
        elif step < 0.70:
            _move(told)
        else:
            chance.choice(_ELSE)(told)
    return told


# ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _some(told: Told, values: dict[str, tuple[Any, ...]], share: float) -> dict[str, Any]:
    fields = told.playbook().kind("deal").fields
    values = {**values, "presales": (*sorted(told.present), None)}
    return {
        name: told.chance.choice(choices)
        for name, choices in values.items()
        if name in fields and told.chance.random() < share
    }


def _helpful(told: Told) -> dict[str, Any]:
    fields = told.playbook().kind("deal").fields
    somebody = {"presales": min(told.present)}
    return {name: value for name, value in (HELPFUL | somebody).items() if name in fields}


def _open(told: Told) -> None:
    chance = told.chance
    playbook = told.playbook()
    path = chance.choice([None, "full", "full", "short"])
    well = chance.random() < 0.45
    kind = playbook.kind("deal")
    good = kind.opening_steps(path or "full")
    stage = chance.choice(good) if well else chance.choice([*kind.steps, *good])
    fields = _some(told, VALUES, 0.3) | {"customer": chance.choice(CUSTOMERS)}
    unknown = frozenset[str]()
    if well:
        fields |= _helpful(told)
    elif chance.random() < 0.3:
        unknown = frozenset({"amount", "pains"} - fields.keys())
    override: Override | None = None
    about: dict[str, Any] = {"actor": told.somebody()}
    if chance.random() < 0.12:
        override, about = Override("import"), {"channel": "import"}
    stream = f"deal/dea_{1 + len(told.deals())}"
    owner = chance.choice([*sorted(told.present), None])
    told.submit(OpenRecord(stream, fields, stage, owner, None, unknown, override, path), **about)


def _move(told: Told) -> None:
    chance = told.chance
    record = _one_that_moves(told)
    stream = record.stream
    assert record.stage is not None
    kind = told.playbook().kind("deal")
    steps = kind.steps_of(record.path)
    way = list(kind.way(record.path))
    ends = [name for name, step in steps.items() if step.outcome != "open"]
    is_ended = record.stage not in way
    well = chance.random() < (0.39 if is_ended else 0.5)
    helped: dict[str, Any] = {}
    if is_ended:
        targets = [chance.choice(way), chance.choice(way), chance.choice([*ends, record.stage])]
    else:
        at = way.index(record.stage)
        following = [*way[at + 1 : at + 2], *(["won"] if at + 1 == len(way) else [])] or ends
        targets = [
            *following * 3, *following * 2, chance.choice(ends), chance.choice([*way[at + 2 :], "won"]), chance.choice([*way[at + 2 :], "won"]),
            chance.choice([*way[at + 2 :], "won"]), chance.choice([*way[at + 2 :], "won"]), record.stage, *way[:at][-2:] * 4,
        ]  # fmt: skip
    to = chance.choice(targets)
    is_back = not is_ended and to in way and way.index(to) < way.index(record.stage)
    well = well and not (is_back and chance.random() < 0.4)
    about: dict[str, Any] = {"actor": told.somebody()}
    if well:
        helped = _helpful(told)
        about["reason"] = "as agreed"
        if chance.random() < 0.85:
            _prepared(told, stream)
    elif chance.random() < (0.08 if is_ended or is_back else 0.4):
        about["reason"] = "let us try"
    override: Override | None = None
    if chance.random() < 0.55 and to in steps:
        about["actor"] = chance.choice(sorted(told.present & {BEN, CARL}) or [told.somebody()])
    if chance.random() < 0.10:
        ids = [name for name in ALL_IDS if chance.random() < 0.85]
        override, about = (
            Override("agreed", frozenset(ids)),
            {"actor": BEN if BEN in told.present else OPERATOR, "reason": "as agreed"},
        )
    elif chance.random() < 0.05:
        override, about = Override("import"), {"channel": "import"}
    elif chance.random() < 0.07:
        about["on_behalf_of"] = told.somebody()
    if not well and chance.random() < 0.25:
        helped = _some(told, VALUES, 0.4)
    told.submit(ChangeStage(stream, to, helped, override), **about)


def _stay_off_the_path(told: Told) -> None:
    """A re-entry asks for nothing but the path: into a step that is not on it, as only what was taken in from elsewhere stands in one."""
    kind = told.playbook().kind("deal")
    there = [record for record in map(told.record, told.deals()) if record is not None]
    off = [record for record in there if record.stage not in (None, *kind.steps_of(record.path))]
    if off:
        stream, stage = (record := told.chance.choice(off)).stream, str(record.stage)
    else:
        elsewhere = sorted(set(kind.steps) - set(kind.steps_of("short")))
        stream, stage = f"deal/dea_{1 + len(told.deals())}", told.chance.choice(elsewhere)
        fields = _some(told, VALUES, 0.5) | {"customer": told.chance.choice(CUSTOMERS)}
        told.submit(
            OpenRecord(
                stream, fields, stage, told.somebody(), None, frozenset(), Override("import"), "short"
            ),
            channel="import",
        )
    told.submit(ChangeStage(stream, stage, {}), actor=told.somebody())


def _one_that_moves(told: Told) -> Record:
    """Some record; often one that has ended, because only such are reopened."""
    records = [record for record in map(told.record, told.deals()) if record is not None]
    steps = told.playbook().kind("deal").steps
    ended = [record for record in records if record.stage and steps[record.stage].outcome != "open"]
    return told.chance.choice(ended if ended and told.chance.random() < 0.29 else records)


def _prepared(told: Told, stream: str) -> None:
    """What gates ask for beside fields: a touch and evidence."""
    wanted = told.playbook().kind("deal").evidence_fields
    name = told.chance.choice(sorted(wanted))
    told.submit(_evidence(told, stream, name), actor=told.somebody())
    if told.chance.random() < 0.4:
        told.submit(RecordTouch(stream, f"tou_{next(told.ids)}", "visit", None, None), actor=told.somebody())


# ── everything else ──────────────────────────────────────────────────────────────────────────────────────────────────


def _evidence(told: Told, stream: str, name: str) -> AttachEvidence:
    return AttachEvidence(stream, f"evi_{next(told.ids)}", name, "0" * 64, 10, "application/pdf", None)


def _edit(told: Told) -> None:
    told.submit(
        EditFields(told.chance.choice(told.deals()), _some(told, VALUES, 0.25)), actor=told.somebody()
    )


def _touch(told: Told) -> None:
    kind = told.chance.choice(("call", "visit"))
    told.submit(
        RecordTouch(told.chance.choice(told.deals()), f"tou_{next(told.ids)}", kind, "they said", None),
        actor=told.somebody(),
    )


def _correct(told: Told) -> None:
    stream = told.chance.choice(told.deals())
    record = told.record(stream)
    assert record is not None
    if not record.touches:
        return _touch(told)
    touch = told.chance.choice([touch.id for touch in record.touches])
    happened = told.now - told.chance.choice(PAUSES)
    changes: dict[str, object] = told.chance.choice(
        [{"kind": "visit"}, {"kind": "call"}, {"happened_at": happened.isoformat()}, {"happened_at": None}, {}, {}]
    )  # fmt: skip
    told.submit(CorrectTouch(stream, touch, changes, not changes), actor=told.somebody(), reason="a slip")
    return None


def _attach(told: Told) -> None:
    name = told.chance.choice(sorted(told.playbook().kind("deal").evidence_fields))
    told.submit(_evidence(told, told.chance.choice(told.deals()), name), actor=told.somebody())


def _confirm(told: Told) -> None:
    stream = told.chance.choice(told.deals())
    record = told.record(stream)
    assert record is not None
    held = [name for name, value in record.fields.items() if value not in (None, "", [])]
    names = frozenset(name for name in held if told.chance.random() < 0.5)
    if names:
        told.submit(ConfirmFields(stream, names), actor=told.somebody())


def _hand_over(told: Told) -> None:
    owner = told.chance.choice([*sorted(told.present), None])
    told.submit(ChangeOwner(told.chance.choice(told.deals()), owner), actor=told.somebody())


def _move_person(told: Told) -> None:
    person = told.chance.choice(sorted(told.present))
    team, region = told.chance.choice([("north", None), ("south", None), ("south", "华东"), (None, None)])
    told.submit(MovePerson(person, team, None, region))


def _leave(told: Told) -> None:
    if len(told.present) > 2:
        person = told.chance.choice(sorted(told.present))
        told.present.discard(person)
        told.submit(RemovePerson(person))


def _role(told: Told) -> None:
    person = told.somebody()
    role = told.chance.choice(("lead_seller", "head", "seller"))
    told.submit((GrantRole if told.chance.random() < 0.6 else RevokeRole)(person, role))


def _publish(told: Told) -> None:
    chance = told.chance
    new = smaller() if chance.random() < 0.45 else chance.choice(versions())
    playbooks = playbooks_of(told.desk)
    scope: dict[str, tuple[str, ...]] = {}
    if chance.random() < 0.2:
        scope = chance.choice(
            [{"owner.team": ("north",)}, {"owner.region": ("华南",)}, {"pains": ("price",)}]
        )
    begins = told.now + timedelta(hours=30) if chance.random() < 0.15 else None
    told.submit(
        PublishPlaybook(
            new,
            mappings=mappings_to(new, playbooks, chance.randrange(100)),
            scope=scope,
            effective_from=begins,
        )
    )


def _draft(told: Told) -> None:
    told.submit(DraftPlaybook(told.chance.choice(versions())))


def _erase(told: Told) -> None:
    told.submit(EraseSubject(told.chance.choice(CUSTOMERS)))


_ELSE: tuple[Callable[[Told], object], ...] = (
    *[_edit] * 8, *[_touch] * 8, *[_correct] * 5, *[_attach] * 5, *[_confirm] * 5, *[_hand_over] * 4, *[_move_person] * 3,
    _leave, _role, _role, *[_publish] * 2, _draft, _erase,
)  # fmt: skip


# ── the census ───────────────────────────────────────────────────────────────────────────────────────────────────────


def decisions_of(log: Any) -> Counter[tuple[str, str]]:
    """How many decisions of each kind came out each way: ("skip", "refused")."""
    found: Counter[tuple[str, str]] = Counter()
    for recorded in log.after(0, 100_000):
        match recorded.event:
            case MoveRefused(move=move):
                found[(move, "refused")] += 1
            case RecordOpened(stage=stage) if stage is not None:
                found[("open", "accepted")] += 1
            case StageChanged(move=move):
                found[(move, "accepted")] += 1
            case _:
                pass
    return found


def classes_of(log: Any) -> set[str]:
    """What occurs in a history."""
    found: set[str] = set()
    for recorded in log.after(0, 100_000):
        event = recorded.event
        match event:
            case StageChanged(move=move, override=override):
                found |= {"override"} if override is not None else set()
                found |= {move}
                found |= {"unknown moment"} if recorded.occurred_at is None else set()
            case PersonLeft() | PersonMoved():
                found |= {"absence"}
            case PlaybookPublished(number=number, mappings=mappings):
                found |= {"version change"} if number > 1 else set()
                found |= {"mapping"} if mappings else set()
            case SubjectErased():
                found.add("erasure")
            case TouchCorrected(withdrawn=withdrawn):
                found.add("withdrawn touch" if withdrawn else "corrected touch")
            case MoveRefused():
                found.add("refusal")
            case FieldsConfirmed() | FieldsChanged() | OwnerChanged() | PlaybookDrafted() | Touched():
                found.add(type(event).__name__)
            case _:
                pass
    return found
