"""Random histories of a sales organisation, played through the command bus on an in-memory log."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from hypothesis import strategies as st

from commands.errors import StaleVersion
from commands.submission import Answer, Submission
from domain.erasure import EraseSubject
from domain.events import (
    FieldsChanged,
    FieldsConfirmed,
    MoveRefused,
    PlaybookPublished,
    RecordOpened,
    RelationEnded,
    StageChanged,
    SubjectErased,
    TouchCorrected,
)
from domain.naming import PLAYBOOKS_STREAM
from domain.organisation.commands import MovePerson
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook
from domain.playbook.publish import digest
from domain.playbook.published import PublishedPlaybook
from domain.record import state as record_state
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    ConfirmFields,
    CorrectTouch,
    EditFields,
    EndRelation,
    OpenRecord,
    Override,
    RecordTouch,
    RelateRecord,
    RestoreFields,
)
from domain.record.state import Record
from support.desk import Desk, a_desk
from support.given import ACCOUNT, ANNA, BEN, CONTACT, NOW, OTHER_ACCOUNT, ZOE, waiving
from support.history_playbooks import mappings_to, taking_away, versions

STREAMS = ("opportunity/opp_1", "opportunity/opp_2", "visit/vis_1", "delivery/del_1")
STAGES = ("lead", "needs_diagnosis", "quoted", "negotiation", "won", "lost")
VISIT_STAGES = ("planned", "travelling", "on_site", "reported")
DELIVERY_STAGES = ("survey", "design", "assembly", "handover", "done", "dropped")
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
    "account.hotline": ("+86 10 5555 0000", "021 5555 0000", None),
    "channel": ("fair", None),
    "why_lost": ("late", None),
}
OTHER_VALUES: dict[str, dict[str, Sequence[object]]] = {
    "visit": {"result": ("fine", None)},
    "delivery": {"size": ("small", "large", "huge", None), "drawing": ("AB-1", None)},
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
    "move:open", "move:skip", "move:reason", "move:path", "field:size", "field:drawing", "condition:not_huge", "field:source", "field:pains", "field:budget", "field:loss_reason", "field:seats", "field:result",
    "evidence:solution_deck", "evidence:cost_sheet", "condition:was_touched", "condition:worth_it", "condition:note_says_why",
    "condition:stayed", "condition:just_begun",
)  # fmt: skip


ACTIONS = (
    "advance", "advance", "advance", "advance", "move", "move", "back", "back", "end", "edit", "edit", "edit", "clear", "touch", "attach", "attach",
    "owner", "relate", "waive", "waive", "waive some", "waive some", "waive some", "waive some", "import", "open", "open", "publish", "erase", "again",
    "touch", "touch", "touch", "correct", "correct", "correct", "correct", "end relation", "end relation", "end relation", "end relation", "restore", "restore", "draft", "publish draft", "publish draft", "publish", "move person", "unnamed",
)  # fmt: skip
SCOPES: Sequence[dict[str, tuple[str, ...]]] = (
    {}, {"source": ("fair",)}, {"source": ("fair", "website")}, {"pains": ("cost", "quality")}, {"owner.team": ("north",)}, {"owner.region": ("华东",)},
    {"source": ("referral",), "owner.region": ("华北",)}, {"size": ("large",)},
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
    has_seen: int | None
    """How many versions of the record whoever acts is behind; None: they do not say."""
    acts_for: str | None
    takes_away: bool


def histories(most: int = 30, *, taking_away: bool = False) -> st.SearchStrategy[list[Step]]:
    """Random histories, each made of one number: drawn step by step they would be variations of a few.

    With `taking_away` among the versions that are published are those that take something away, with mappings.
    """
    return st.builds(_steps, st.integers(0, 2**64 - 1), st.integers(12, most), st.just(taking_away))


def _steps(number: int, count: int, taking_away: bool) -> list[Step]:
    chance = random.Random(number)
    return [
        Step(
            action=chance.choice(ACTIONS),
            which=chance.choice([0, 0, 0, 0, 1, 2, 3]),
            what=chance.randrange(2**14),
            how=chance.randrange(1000),
            days=chance.choice([0, 0, 0, 1, 5, 20]),
            moment_is_known=chance.random() < 0.9,
            elsewhere=chance.random() < 0.3,
            has_seen=chance.choice([0, 0, 1, 3]) if chance.random() < 0.12 else None,
            acts_for=chance.choice([BEN, ANNA, ZOE]) if chance.random() < 0.06 else None,
            takes_away=taking_away and chance.random() < 0.7,
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
    def playbooks(self) -> Playbooks:
        """All playbooks at the end."""
        return catalogue.fold(None, self.log.stream(PLAYBOOKS_STREAM))

    @property
    def log(self) -> Any:
        """The log the history left."""
        return self.desk.log

    @property
    def records(self) -> dict[str, Record]:
        """Every record of the kinds the histories are about, folded from its stream."""
        kinds = {stream.partition("/")[0] for stream in STREAMS}
        streams = dict.fromkeys(recorded.stream for recorded in self.log.after(0, 10_000))
        folded = {
            stream: record_state.fold(None, self.log.stream(stream))
            for stream in streams
            if stream.partition("/")[0] in kinds
        }
        return {stream: record for stream, record in folded.items() if record is not None}

    def classes(self) -> Counter[str]:
        """What occurs in this history, for the census."""
        found: Counter[str] = Counter()
        number, scoped = 0, set[int]()
        found["stale version"] = sum(isinstance(answer.error, StaleVersion) for answer in self.answers)
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
                    found["moved under a later version"] += number > 2
                    found["moved within a scope"] += recorded.playbook_version in scoped
                case FieldsChanged(restores=restores):
                    found["edit"] += 1
                    found["restoration"] += restores is not None
                    found["form"] += recorded.stream in {ACCOUNT, OTHER_ACCOUNT}
                case FieldsConfirmed():
                    found["confirmation"] += 1
                case PlaybookPublished(
                    scope=scope, effective_from=effective_from, mappings=mappings, draft=draft
                ):
                    number = recorded.event.number
                    scoped |= {number} if scope else set()
                    found["another version"] += number > 2
                    found["scope"] += bool(scope)
                    found["date"] += effective_from is not None
                    found["mappings"] += bool(mappings)
                    found["published draft"] += draft is not None
                case TouchCorrected(withdrawn=withdrawn):
                    found["withdrawn touch" if withdrawn else "corrected touch"] += 1
                case RelationEnded():
                    found["ended relation"] += 1
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
    beginning = desk.submission(PublishPlaybook(versions()[0]), told_time=moment)
    for step in [None, *steps]:
        if step is None:
            who, submission = desk, beginning
        else:
            moment += timedelta(days=step.days, minutes=7)
            who = other if step.elsewhere else desk
            submission = submission_of(step, desk, who, moment)
        for _ in range(2 if twice else 1):
            (answer,) = who.bus.submit_batch([submission])
            assert answer.outcome != "failed" or isinstance(answer.error, StaleVersion), answer.error
            played.submissions.append(submission)
            played.answers.append(answer)
            played.heads.append(desk.log.head())
    return played


def submission_of(step: Step, desk: Desk, who: Desk, moment: datetime) -> Submission:
    """Say what a step means for the log as it is now, submitted by one of its processes."""
    command, about = _command(step, desk, moment)
    about = {"occurred_at": moment if step.moment_is_known else None, "told_time": moment, **about}
    if step.has_seen is not None and getattr(command, "stream", "/").strip("/") in STREAMS:
        about["expected_version"] = max(desk.log.version(command.stream) - step.has_seen, 0)
    return who.submission(command, on_behalf_of=step.acts_for, **about)


_FOLDED: WeakKeyDictionary[Any, Playbooks] = WeakKeyDictionary()


def playbooks_of(desk: Desk) -> Playbooks:
    """All playbooks as the log has them now, whatever a process of it has cached."""
    known = _FOLDED.get(desk.log)
    events = desk.log.stream(PLAYBOOKS_STREAM)
    _FOLDED[desk.log] = catalogue.fold(known, events[known.version if known else 0 :])
    return _FOLDED[desk.log]


def _command(step: Step, desk: Desk, moment: datetime) -> tuple[Any, dict[str, Any]]:
    """Say what a step means for the record as it is now."""
    stream = STREAMS[step.which % len(STREAMS)]
    kind = stream.partition("/")[0]
    record = record_state.fold(None, desk.log.stream(stream))
    stages = {"visit": VISIT_STAGES, "delivery": DELIVERY_STAGES}.get(kind, STAGES)
    if step.action in {"publish", "draft", "publish draft"}:
        return _publication(step, desk, moment)
    if step.action == "move person":
        team, region = ((None, "华东"), ("north", None), (None, None))[step.what % 3]
        return MovePerson(ANNA, team, BEN, region), {}
    if record is None and step.action != "erase":
        return _opening(step, stream)
    at = stages.index(record.stage) if record is not None and record.stage else 0
    forward = stages[min(at + 1, len(stages) - 1)]
    helpful: dict[str, object] = {
        "visit": {"result": "fine"},
        "delivery": {"size": "large", "drawing": "AB-1"},
    }.get(kind) or dict(HELPFUL)
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
        case "unnamed":
            return _opening(step, f"{kind}/")
        case "erase":
            return EraseSubject((ACCOUNT, CONTACT, OTHER_ACCOUNT, STREAMS[0])[step.what % 4]), {}
        case _:
            assert record is not None
            return _activity(step, stream, record, desk)


def _publication(step: Step, desk: Desk, moment: datetime) -> tuple[Any, dict[str, Any]]:
    among = taking_away() if step.takes_away else versions()
    new = among[step.what % len(among)]
    drafts = {recorded.event.number: recorded.event.digest for recorded in desk.log.stream("drafts/projects")}
    if step.action == "draft" or (step.action == "publish draft" and not drafts and step.how % 5):
        return DraftPlaybook(new), {}
    playbooks = playbooks_of(desk)
    how: dict[str, Any] = {
        "scope": SCOPES[step.how % len(SCOPES)],
        "effective_from": moment + timedelta(hours=(1, 30, 100)[step.how % 3])
        if step.what % 4 == 0
        else None,
    }
    if step.action == "publish draft":
        number = 1 + step.what % (len(drafts) + (step.how % 5 == 0 or not drafts))
        kept = [version for version, known in _digests() if known == drafts.get(number)]
        told = mappings_to(kept[0], playbooks, step.how) if kept else {}
        return PublishDraft("projects", number, mappings=told, **how), {"reason": "agreed"}
    told = mappings_to(new, playbooks, step.how) if step.how % 10 else {}
    return PublishPlaybook(new, mappings=told, **how), {}


@cache
def _digests() -> list[tuple[PublishedPlaybook, str]]:
    return [(version, digest(version)) for version in (*versions(), *taking_away())]


def _activity(step: Step, stream: str, record: Record, desk: Desk) -> tuple[Any, dict[str, Any]]:
    values = OTHER_VALUES.get(record.kind, VALUES)
    version = playbooks_of(desk).for_kind(record.kind)
    chosen = {
        name: choices[(step.how + index) % len(choices)]
        for index, (name, choices) in enumerate(values.items())
        if (step.what >> index) & 1
        and (step.how % 7 == 0 or name.partition(".")[0] in version.kind(record.kind).fields)
    }
    if step.action == "correct" and not record.touches and step.what % 5:
        step = replace(step, action="touch")
    match step.action:
        case "edit" if step.how % 4 == 0:
            filled = [name for name, value in record.fields.items() if value is not None]
            known = filled[step.what % 3 :][:2] if step.what % 5 else list(chosen)
            return ConfirmFields(stream, frozenset(known)), {}
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
        case "correct":
            known = [touch.id for touch in record.touches] or ["tou_none"]
            changes = ({"kind": "visit"}, {"note": "they said no"}, {"contact": None, "note": "nobody"},
                       {"happened_at": "2026-02-01T08:00:00+08:00"}, {"kind": "fax"}, {}, {}, {}, {})[step.how % 9]  # fmt: skip
            touch = known[step.what % len(known)]
            return CorrectTouch(stream, touch, changes, not changes), {
                "reason": "typo"
            } if step.what % 7 else {}
        case "end relation":
            there = record.relations or step.what % 5 == 0
            return (EndRelation if there else RelateRecord)(stream, "decided_by", CONTACT), {}
        case "restore":
            made = [
                recorded.position
                for recorded in desk.log.stream(stream)
                if step.how % 9 == 0 or isinstance(recorded.event, FieldsChanged)
            ]
            position = made[step.what % len(made)] if made else 1
            names = frozenset(list(chosen)[:1]) if step.how % 4 == 0 else None
            return RestoreFields(stream, position, names, step.how % 3 != 0), {"reason": "a mistake"}
        case _:
            return RelateRecord(stream, "decided_by", CONTACT), {}


def _opening(step: Step, stream: str) -> tuple[Any, dict[str, Any]]:
    kind = stream.partition("/")[0]
    if kind == "visit":
        return OpenRecord(stream, stage=VISIT_STAGES[step.what % 2]), {}
    values = OTHER_VALUES.get(kind, VALUES)
    newer = {"channel", "why_lost"} if step.how % 7 else set()
    fields = {
        name: choices[step.how % len(choices)]
        for index, (name, choices) in enumerate(values.items())
        if (step.what >> index) & 1 and name not in newer
    }
    override = (None, None, Override("import"), waiving(*EVERYTHING))[step.how % 4]
    owner = (ANNA, None)[step.how % 2]
    if kind == "delivery":
        path = (None, "full", "short", "long")[step.what % 4 if step.what % 5 == 0 else step.what % 3]
        stage = (None, "survey", "design", "handover")[step.how % 4]
        return OpenRecord(stream, fields, stage, owner, override=override, path=path), {"reason": "sold"}
    stage = (None, "lead", "needs_diagnosis", "quoted")[step.what % 4]
    unknown = frozenset({"seats", "loss_reason"} - fields.keys()) if step.how % 2 else frozenset[str]()
    return OpenRecord(stream, fields, stage, owner, f"CRM-{step.what}", unknown, override), {
        "reason": "they called"
    }
