"""Facts from tables of what happened equal the facts of the live command."""

from __future__ import annotations

import inspect
import json
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from support.given import recorded
from support.rule_trees import VOCABULARY, Grammar

from commands.rule_parser import parse_rule
from domain.envelope import Recorded
from domain.event import Event
from domain.events import FieldsChanged, RecordOpened
from domain.record.gates import Attempt, _MomentFacts, valid_until
from domain.record.state import AttachedEvidence, Record, TouchMade, fold
from domain.rules import nodes as t
from domain.rules.closure import compile_rule
from domain.rules.facts import FACTS, RuleFacts
from domain.rules.outcomes import is_outcome, spelled_type
from domain.values import Stored
from domain.work.events import (
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRecalled,
    ApprovalRequested,
    WorkCancelled,
    WorkCompleted,
    WorkDeclined,
    WorkRequested,
)
from projections.rule_columns import FactTables, column_name, columns_of, fields_asked, judged, with_facts
from projections.rule_columns.facts import (
    APPROVALS,
    CHANGES,
    COLUMN_FACTS,
    DECISIONS,
    EVIDENCE,
    TOUCHES,
    VISITS,
    WORK,
)

ASKED = [
    *(t.Fact("evidence", (it,)) for it in ("red_stamp_scan", "cost_sheet")),
    *(t.Fact("touches", (kind, days)) for kind in ("any", "wechat", "visit") for days in (1, 7, 3660)),
    t.Fact("days_in_stage"),
    t.Fact("stage"),
    t.Fact("today"),
    *(t.Fact("done", (it,)) for it in VOCABULARY.work_templates),
    *(t.Fact("approved", (it,)) for it in VOCABULARY.approval_chains),
    *(
        t.Fact("outcome", (template, name, spelled_type(type_)))
        for template, form in VOCABULARY.forms.items()
        for name, type_ in form.items()
    ),
    t.Fact("outcome", ("demo", "went_well", "choice")),  # as a draft types it
]
STANDS_ON = {"discount": frozenset({"discount", "amount"}), "terms": frozenset()}
LEVELS = [
    {"name": "first", "approvers": {"manager": "person/m", "legal": "person/l"}, "quorum": 1},
    {"name": "second", "approvers": {"boss": "person/b"}, "quorum": 1},
]
ZONES = (
    "UTC",
    "Asia/Shanghai",
    "America/St_Johns",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Europe/Berlin",
)
DAY = timedelta(days=1)
MOMENTS = [
    None,
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1, 1, 1, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1900, 1, 1, 8, 5, 42, tzinfo=UTC),
    datetime(
        2006, 10, 29, 2, 30, 59, 999_999, tzinfo=UTC
    ),  # a minute after midnight St John's went back to yesterday
    datetime(2006, 10, 29, 2, 31, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    *(
        datetime(2026, 1, 31, tzinfo=UTC) + timedelta(hours=hours)
        for hours in (0, 5, 10, 11, 16, 24, 40, 24 * 7)
    ),
    *(datetime(2026, 2, 1, tzinfo=UTC) + timedelta(microseconds=it) for it in (-1, 0, 1)),
    datetime(2150, 7, 1, 22, 30, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


def a_form(rng: random.Random, template: str) -> dict[str, Stored]:
    """What the form of finished work says: some of its fields, now and then what today's field would not take."""
    said = Grammar(rng.choice).facts().said
    form = {name: value for (of, name), value in said.items() if of == template and value is not None}
    return form if rng.randrange(6) else {}


class History:
    """What happened to one record, by position, and what of it stood at a position."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self.record = f"opportunity/{number}"
        self.evidence, self.touches, self.visits = [], [], []
        self.work, self.approvals, self.changes = [], [], []
        self.recorded: list[Recorded] = []
        position = 0
        for _ in range(rng.randrange(30)):
            position += rng.randrange(1, 3)
            at = rng.choice(MOMENTS)
            match rng.choice(
                ("evidence", "touch", "touch", "correct", "visit", "work", "work", "end work", "end work", "end work", "ask", "decide", "decide", "decide", "change")
            ):  # fmt: skip
                case "work":
                    item = [position, rng.choice(VOCABULARY.work_templates), None, None, True]
                    self.work.append(item)
                    self._told(WorkRequested(f"wrk_{position}", item[1], "person/p"), position)
                case "end work":
                    for item in [it for it in self.work if it[4]][:1]:
                        ending = rng.choice((WorkCompleted, WorkCompleted, WorkDeclined, WorkCancelled))
                        if ending is WorkCompleted:
                            form = a_form(rng, item[1])
                            item[2:] = [position, json.dumps(form) if form else None, False]
                            self._told(WorkCompleted(f"wrk_{item[0]}", form), position)
                        else:
                            item[4] = False
                            self._told(ending(f"wrk_{item[0]}"), position)
                case "ask":
                    chain, order = (
                        rng.choice(VOCABULARY.approval_chains),
                        rng.choice(("sequence", "parallel")),
                    )
                    levels = LEVELS[: rng.choice((1, 1, 2))]
                    self.approvals.append([position, chain, None, [it["name"] for it in levels]])
                    self._told(ApprovalRequested(f"apr_{position}", chain, order, levels), position)
                case "decide":
                    for asked in [it for it in self.approvals if it[3]][-1:]:
                        self._decide(asked, rng, position)
                case "change":
                    field = rng.choice(("discount", "amount", "title"))
                    self.changes.append((position, field))
                    self._told(FieldsChanged({field: {"old": None, "new": "1"}}), position)
                case "evidence":
                    zone = ZoneInfo(rng.choice(ZONES))
                    days = rng.choice((None, 0, 1, 7, 3_650_000))
                    last = valid_until(at, days, zone) if at else None
                    self.evidence.append((position, rng.choice(VOCABULARY.evidence_types), at, last))
                case "touch":
                    self.touches.append([position, None, rng.choice(VOCABULARY.touch_kinds), at])
                case "correct" if any(it[1] is None for it in self.touches):
                    touch = rng.choice([it for it in self.touches if it[1] is None])
                    touch[1] = position
                    if rng.randrange(2):
                        self.touches.append([position, None, touch[2], at])
                case _:
                    self.visits.append((position, rng.choice((*VOCABULARY.stages, None)), at))

    def _decide(self, asked: list[Any], rng: random.Random, position: int) -> None:
        approval, level = f"apr_{asked[0]}", asked[3][0]
        role = next(iter(LEVELS[0 if level == "first" else 1]["approvers"]))
        match rng.choice(("approve", "approve", "approve", "reject", "recall", "migrate")):
            case "approve":
                asked[3] = asked[3][1:]
                asked[2] = None if asked[3] else position
                self._told(ApprovalDecided(approval, level, role, "approved"), position)
            case "reject":
                asked[3] = []
                self._told(ApprovalDecided(approval, level, role, "rejected"), position)
            case "recall":
                asked[3] = []
                self._told(ApprovalRecalled(approval), position)
            case "migrate":  # to the levels that were met: nothing is left to decide
                met = [it for it in LEVELS[:2] if it["name"] not in asked[3]]
                if met and level == "second":
                    asked[2], asked[3] = position, []
                    self._told(ApprovalMigrated(approval, "p", 2, met), position)

    def _told(self, event: Event, position: int) -> None:
        self.recorded.append(recorded(event, self.record, len(self.recorded) + 2, position=position))

    def as_of(self, basis: int) -> Record:
        opened = recorded(RecordOpened({}, None, None), self.record, 1)
        asked = fold(None, [opened, *(it for it in self.recorded if it.position <= basis)])
        assert asked is not None
        visits = [it for it in self.visits if it[0] <= basis]
        return Record(
            stream=self.record,
            version=1,
            position=basis,
            fields={},
            stage=visits[-1][1] if visits else None,
            stage_entered_at=visits[-1][2] if visits else None,
            evidence=tuple(
                AttachedEvidence(str(position), field, "", at, last)
                for position, field, at, last in self.evidence
                if position <= basis
            ),
            touches=tuple(
                TouchMade(kind, at)
                for position, until, kind, at in self.touches
                if position <= basis and (until is None or basis < until)
            ),
            work=asked.work,
            approvals=asked.approvals,
        )


def tables_of(histories: list[History], rng: random.Random) -> FactTables:
    evidence = [
        (it.record, position, field, None if last is None else date.fromisoformat(last))
        for it in histories
        for position, field, _, last in it.evidence
    ]
    touches = [(it.record, *touch) for it in histories for touch in it.touches]
    visits = [(it.record, *visit) for it in histories for visit in it.visits]
    work = [(it.record, *item[:4]) for it in histories for item in it.work]
    approvals = [(it.record, *approval[:3]) for it in histories for approval in it.approvals]
    changes = [(it.record, *change) for it in histories for change in it.changes]
    named = (
        (evidence, EVIDENCE), (touches, TOUCHES), (visits, VISITS), (work, WORK), (approvals, APPROVALS), (changes, CHANGES),
    )  # fmt: skip
    for rows, _ in named:
        rng.shuffle(rows)
    return FactTables(
        *(pl.DataFrame(rows, schema=schema, orient="row") for rows, schema in named), stands_on=STANDS_ON
    )


def test_every_fact_has_both_implementations():
    """The catalogue is closed: each entry is asked of a record by the live command, and of tables by history."""
    asked_of_a_record = {
        name for name, _ in inspect.getmembers(RuleFacts, inspect.isfunction) if name[0] != "_"
    }
    asked_of_a_moment = {name for name in vars(_MomentFacts) if name[0] != "_"}
    assert set(FACTS) == asked_of_a_record == asked_of_a_moment == set(COLUMN_FACTS)
    assert {fact.name for fact in ASKED} == set(FACTS)


@pytest.mark.parametrize("seed", range(4))
def test_facts_from_tables_equal_those_of_the_live_command(seed):
    """Unknown moments, windows with both ends, days of other calendars, corrections, and order that is no order of time."""
    rng = random.Random(seed)
    histories = [History(rng, number) for number in range(60)]
    decisions = [
        (
            history,
            rng.randrange(-1, 60),
            rng.choice(MOMENTS),
            rng.choice(ZONES),
            rng.choice(VOCABULARY.stages),
        )
        for history in histories
        for _ in range(20)
    ]
    rng.shuffle(decisions)
    asked = pl.DataFrame(
        [(history.record, *rest) for history, *rest in decisions], schema=DECISIONS, orient="row"
    )
    found = with_facts(asked, tables_of(histories, rng), ASKED)
    assert found.select(DECISIONS.names()).equals(asked)
    known, held, said = 0, Counter[str](), Counter[tuple[str | int, ...]]()
    for row, (history, basis, at, zone, after) in zip(found.iter_rows(named=True), decisions, strict=True):
        record = history.as_of(basis)
        facts = _MomentFacts(
            Attempt(record, record.stage, after, "forward", at, False), ZoneInfo(zone), STANDS_ON.__getitem__
        )
        for fact in ASKED:
            answer = (
                compile_rule(fact)({}, facts)
                if is_outcome(fact)
                else getattr(facts, fact.name)(*fact.arguments)
            )
            assert row[column_name(fact)] == answer, (fact, history.record, basis, at, zone, vars(history))
            known += answer not in (None, 0, False)
            held[fact.name] += answer is True
            said[fact.arguments] += is_outcome(fact) and answer is not None
    assert known > 3000
    assert min(held[name] for name in ("done", "approved")) > 50
    assert (
        min(said[fact.arguments] for fact in ASKED if is_outcome(fact) and fact.arguments[2] != "choice") > 10
    )


def test_a_dwell_is_cut_to_whole_seconds_and_rounded_to_millionths_of_a_day():
    """Half a second is none, before the entry as after it."""
    entered = datetime(2026, 1, 31, tzinfo=UTC)
    after = {
        timedelta(seconds=1, microseconds=999_999): "0.000012",
        timedelta(seconds=-1, microseconds=-999_999): "-0.000012",
        timedelta(microseconds=999_999): "0.000000",
        12 * DAY + timedelta(hours=12): "12.500000",
    }
    visits = pl.DataFrame([("r", 5, "lead", entered)], schema=VISITS, orient="row")
    asked = pl.DataFrame(
        [("r", 5, entered + it, "UTC", "won") for it in after], schema=DECISIONS, orient="row"
    )
    tables = FactTables(EVIDENCE.to_frame(), TOUCHES.to_frame(), visits)
    found = with_facts(asked, tables, [t.Fact("days_in_stage")])
    assert list(map(str, found.get_column("fact:days_in_stage()"))) == list(after.values())


def test_a_gate_is_judged_over_fields_and_facts_at_once():
    """One table of decisions, one expression: what stood in the log after the basis has no say."""
    tree = parse_rule(
        "discount <= 0.1 AND evidence('red_stamp_scan') AND touches('wechat', 7) >= 2 AND stage() = 'lead'",
        VOCABULARY,
    ).tree
    now = datetime(2026, 1, 31, 8, tzinfo=UTC)
    tables = FactTables(
        pl.DataFrame([("r", 4, "red_stamp_scan", date(2026, 1, 31))], schema=EVIDENCE, orient="row"),
        pl.DataFrame(
            [("r", 2, None, "wechat", now - DAY), ("r", 6, None, "wechat", now - 7 * DAY)],
            schema=TOUCHES,
            orient="row",
        ),
        pl.DataFrame([("r", 1, "lead", now - 30 * DAY), ("r", 9, "won", now)], schema=VISITS, orient="row"),
    )
    asked = [
        ("r", basis, at, "Asia/Shanghai", "quoted")
        for basis, at in ((6, now), (5, now), (6, now + DAY), (9, now))
    ]
    decisions = with_facts(
        pl.DataFrame(asked, schema=DECISIONS, orient="row"),
        tables,
        [it for it, _ in t.walk(tree) if isinstance(it, t.Fact)],
    )
    fields = columns_of(fields_asked([tree]), [{"discount": "0.1"}] * len(asked))
    answers = judged(pl.concat([decisions, fields], how="horizontal"), {"gate": tree})
    assert answers.get_column("gate").to_list() == [True, False, False, False]


def test_a_table_of_another_shape_is_refused():
    """A moment without its zone or a position that is text would join with nothing, silently."""
    with pytest.raises(ValueError, match="The table touches has the columns"):
        FactTables(EVIDENCE.to_frame(), VISITS.to_frame(), VISITS.to_frame())
    empty = FactTables(EVIDENCE.to_frame(), TOUCHES.to_frame(), VISITS.to_frame())
    with pytest.raises(ValueError, match="The table decisions has the columns"):
        with_facts(VISITS.to_frame(), empty, ASKED)
    assert with_facts(DECISIONS.to_frame(), empty, ASKED).height == 0
