"""Random histories of a sales organisation, played through the command bus on an in-memory log."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from commands.playbook_file import parse_playbook
from commands.submission import Answer
from domain.erasure import EraseSubject
from domain.events import (
    FieldsChanged,
    MoveRefused,
    PlaybookPublished,
    RecordOpened,
    StageChanged,
    SubjectErased,
)
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record import state as record_state
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    EditFields,
    OpenRecord,
    Override,
    RecordTouch,
    RelateRecord,
)
from domain.record.state import Record
from support.desk import Desk, a_desk
from support.given import ACCOUNT, ANNA, BEN, CONTACT, NOW, OTHER_ACCOUNT, PLAYBOOKS, waiving

STREAMS = ("opportunity/opp_1", "opportunity/opp_2", "visit/vis_1")
STAGES = ("lead", "needs_diagnosis", "quoted", "negotiation", "won", "lost")
VISIT_STAGES = ("planned", "travelling", "on_site", "reported")
VALUES: dict[str, Sequence[object]] = {
    "note": ("call back soon", "no", "", None),
    "source": ("fair", "referral", None),
    "pains": (["cost"], ["time", "quality"], None),
    "budget": ("999.99", "5000", "1500", None),
    "is_strategic": (True, False, None),
    "account": (ACCOUNT, OTHER_ACCOUNT, None),
    "seats": (1, "2.50", None),
    "loss_reason": ("price", None),
    "buyer_phone": ("+86 138 0013 8000", None),
    "topic": ("Gates", "Doors", ""),
    "presales": (ANNA, BEN, None),
}
HELPFUL: dict[str, object] = {
    "account": ACCOUNT,
    "source": "fair",
    "pains": ["cost"],
    "budget": "5000",
    "note": "in a hurry",
    "loss_reason": "price",
}
EVERYTHING = (
    "move:open", "move:skip", "move:reason", "field:source", "field:pains", "field:budget", "field:loss_reason", "field:seats", "field:result",
    "evidence:solution_deck", "evidence:cost_sheet", "condition:was_touched", "condition:worth_it", "condition:note_says_why",
    "condition:stayed", "condition:just_begun",
)  # fmt: skip


@cache
def versions() -> tuple[PublishedPlaybook, ...]:
    """Versions of the playbook: as it is, stricter, and with rules about time and about erased notes."""
    text = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
    stricter = text.replace(
        "fields: [budget]\n          evidence", "fields: [budget, seats]\n          evidence"
    ).replace(">= 1000", ">= 2000")
    timed = text.replace(
        "        label: {zh: 线索, en: Lead}\n",
        "        label: {zh: 线索, en: Lead}\n"
        "        enter:\n          conditions:\n"
        "            just_begun: {rule: days_in_stage() IS NULL OR days_in_stage() > 1, label: {zh: 新, en: New}}\n"
        "        leave:\n          conditions:\n"
        "            stayed: {rule: days_in_stage() >= 1 OR length(note) > 3, label: {zh: 停留, en: Stayed}}\n",
    )
    odd = text.replace(
        "rule: length(note) >= 3", "rule: note IS NULL OR stage() = 'quoted' AND touches('visit', 90) = 0"
    )
    assert len({text, stricter, timed, odd}) == 4
    return tuple(parse_playbook(version, "projects.yaml") for version in (text, stricter, timed, odd))


ACTIONS = (
    "advance", "advance", "advance", "advance", "move", "move", "back", "back", "end", "edit", "edit", "edit", "clear", "touch", "attach", "attach",
    "owner", "relate", "waive", "waive", "waive some", "waive some", "import", "open", "open", "publish", "erase", "again",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One thing somebody does, in numbers; what they mean depends on what has happened before."""

    action: str
    which: int
    what: int
    how: int
    days: int
    moment_is_known: bool
    elsewhere: bool


def histories(most: int = 30) -> st.SearchStrategy[list[Step]]:
    """Random histories, each made of one number: drawn step by step they would be variations of a few."""
    return st.builds(_steps, st.integers(0, 2**64 - 1), st.integers(12, most))


def _steps(number: int, count: int) -> list[Step]:
    chance = random.Random(number)
    return [
        Step(
            action=chance.choice(ACTIONS),
            which=chance.randrange(6),
            what=chance.randrange(1000),
            how=chance.randrange(1000),
            days=chance.choice([0, 0, 0, 1, 5, 20]),
            moment_is_known=chance.random() < 0.9,
            elsewhere=chance.random() < 0.3,
        )
        for _ in range(count)
    ]


@dataclass
class Played:
    """A history as it was played: the desk, and the submissions with their answers."""

    desk: Desk
    submissions: list[Any] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)

    @property
    def log(self) -> Any:
        """The log the history left."""
        return self.desk.log

    @property
    def records(self) -> dict[str, Record]:
        """Every record, folded from its stream."""
        folded = {stream: record_state.fold(None, self.log.stream(stream)) for stream in STREAMS}
        return {stream: record for stream, record in folded.items() if record is not None}

    def classes(self) -> Counter[str]:
        """What occurs in this history, for the census."""
        found: Counter[str] = Counter()
        number = 0
        for recorded in self.log.after(0, 10_000):
            match recorded.event:
                case MoveRefused(before=before, waived=waived):
                    found["refused opening" if before is None else "refused move"] += 1
                    found["insufficient override"] += bool(waived)
                case RecordOpened(unknown=unknown, override=override, stage=stage):
                    found["unknown fields"] += bool(unknown)
                    found["overridden opening"] += override is not None
                    found["opening of a path"] += stage is not None
                case StageChanged(move=move, override=override):
                    found[move] += 1
                    found["overridden move"] += override is not None
                    found["unknown moment"] += recorded.occurred_at is None
                    found["moved under a later version"] += number > 1
                case FieldsChanged():
                    found["edit"] += 1
                case PlaybookPublished():
                    number += 1
                    found["another version"] += number > 1
                case SubjectErased():
                    found["erasure"] += 1
                case _:
                    pass
        return +found


def play(steps: Sequence[Step], *, twice: bool = False) -> Played:
    """Play a history: two processes submit, each with a cache of its own. `twice` sends every command again at once."""
    desk = a_desk(told_time=NOW)
    other = desk.another("other")
    played = Played(desk)
    moment = NOW
    for step in steps:
        moment += timedelta(days=step.days, minutes=7)
        command, about = _command(step, desk)
        about = {"occurred_at": moment if step.moment_is_known else None, "told_time": moment, **about}
        who = other if step.elsewhere else desk
        submission = who.submission(command, **about)
        for _ in range(2 if twice else 1):
            (answer,) = who.bus.submit_batch([submission])
            assert answer.outcome != "failed", answer.error
            played.submissions.append(submission)
            played.answers.append(answer)
            played.heads.append(desk.log.head())
    return played


def _command(step: Step, desk: Desk) -> tuple[Any, dict[str, Any]]:
    """Say what a step means for the record as it is now."""
    stream = STREAMS[step.which % 3]
    record = record_state.fold(None, desk.log.stream(stream))
    stages = VISIT_STAGES if stream.startswith("visit") else STAGES
    if record is None and step.action not in {"publish", "erase"}:
        return _opening(step, stream)
    at = stages.index(record.stage) if record is not None and record.stage else 0
    forward = stages[min(at + 1, len(stages) - 1)]
    helpful = {"result": "fine"} if stream.startswith("visit") else dict(HELPFUL)
    anywhere = stages[step.what % len(stages)]
    reason = {"reason": "because"}
    match step.action:
        case "advance":
            return ChangeStage(stream, forward, helpful), reason if step.how % 2 else {}
        case "move":
            return ChangeStage(stream, anywhere), reason if step.how % 2 else {}
        case "back":
            return ChangeStage(stream, stages[step.what % (at + 1)]), reason if step.how % 4 else {}
        case "end":
            return ChangeStage(stream, stages[-1 - step.what % 2], helpful), reason
        case "again":
            return ChangeStage(stream, stages[at]), {}
        case "waive":
            return ChangeStage(stream, anywhere, override=waiving(*EVERYTHING)), reason
        case "waive some":
            ids = ("move:skip", "move:reason", "field:budget", "field:pains", "evidence:cost_sheet")
            return ChangeStage(stream, anywhere, override=waiving(*ids)), reason
        case "import":
            return ChangeStage(stream, anywhere, override=Override("import")), {}
        case "open":
            return _opening(step, f"{stream}{step.what % 3}")
        case "publish":
            return PublishPlaybook(versions()[step.what % len(versions())]), {}
        case "erase":
            return EraseSubject((ACCOUNT, CONTACT, OTHER_ACCOUNT, STREAMS[0])[step.what % 4]), {}
        case _:
            return _activity(step, stream)


def _activity(step: Step, stream: str) -> tuple[Any, dict[str, Any]]:
    names = ("result",) if stream.startswith("visit") else tuple(VALUES)
    chosen = {name: VALUES.get(name, ("fine", None))[(step.how + index) % len(VALUES.get(name, ("fine", None)))]
              for index, name in enumerate(names) if (step.what >> index) & 1}  # fmt: skip
    match step.action:
        case "edit":
            return EditFields(stream, chosen), {"reason": "tidying up"} if step.how % 3 == 0 else {}
        case "clear":
            return EditFields(stream, dict.fromkeys(chosen)), {}
        case "touch":
            return RecordTouch(
                stream, f"tou_{step.what}", ("call", "visit")[step.how % 2], "they said", CONTACT
            ), {}
        case "attach":
            name = ("solution_deck", "cost_sheet")[step.how % 2]
            return AttachEvidence(
                stream, f"evi_{step.what}", name, "0" * 64, step.how, "application/pdf", "offer.pdf"
            ), {}
        case "owner":
            return ChangeOwner(stream, (ANNA, BEN, None)[step.how % 3]), {}
        case _:
            return RelateRecord(stream, "decided_by", CONTACT), {}


def _opening(step: Step, stream: str) -> tuple[Any, dict[str, Any]]:
    if stream.startswith("visit"):
        return OpenRecord(stream, stage=VISIT_STAGES[step.what % 2]), {}
    fields = {
        name: values[step.how % len(values)]
        for index, (name, values) in enumerate(VALUES.items())
        if (step.what >> index) & 1
    }
    override = (None, None, Override("import"), waiving(*EVERYTHING))[step.how % 4]
    stage = (None, "lead", "needs_diagnosis", "quoted")[step.what % 4]
    unknown = frozenset({"seats", "loss_reason"} - fields.keys()) if step.how % 2 else frozenset[str]()
    return OpenRecord(
        stream, fields, stage, (ANNA, None)[step.how % 2], f"CRM-{step.what}", unknown, override
    ), {"reason": "they called"}
