"""The deadline clock: one deadline that cannot be decided stops no other, time goes by although the timer table stands still, and nobody waits for it."""

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from eventsourcing import persistence
from psycopg_pool import PoolTimeout
from support.deadlines import ANNA, BEN, CARA, DAY, MONDAY, the_playbook
from support.desk import Desk, an_empty_desk

from commands import deciding
from commands.errors import TooBusy
from commands.submission import Answer
from consumers.deadlines import clock
from consumers.deadlines.clock import REST_AFTER_REFUSAL, Tick, key_of, notice_of, run_until, send, tick
from domain.deadlines.events import DeadlineNoticed
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import EditFields, OpenRecord
from infra.deadline_clock import blames_the_row
from projections.due_timers import LONGEST_REST

EVENING = MONDAY + timedelta(hours=9)
"""When the owner of a deal that was opened on Monday morning is warned."""
DEALS = [f"deal/dea_{number}" for number in range(7)]
POISON = DEALS[3]


@pytest.fixture
def desk() -> Desk:
    """A desk with seven deals of Anna's that were opened on Monday morning, in a log whose time is told."""
    desk = an_empty_desk(told_time=MONDAY)
    for command in (
        PublishPlaybook(the_playbook()), FormTeam("north", "North", region="north"), AddPerson(CARA, "Cara", "north", None, ("vp",)),
        AddPerson(BEN, "Ben", "north", CARA), AddPerson(ANNA, "Anna", "north", BEN, ("seller",)),
        *(OpenRecord(stream, {"topic": "x"}, "lead", ANNA) for stream in DEALS),
    ):  # fmt: skip
        desk.submit(command, told_time=MONDAY, occurred_at=MONDAY)
    return desk


@pytest.fixture
def poisoned(monkeypatch):
    """One deal whose deadlines cannot be reckoned."""
    notice = deciding.notice

    def noticing(seen, told, command, *others):
        if command.record == POISON:
            raise OverflowError("date value out of range")
        return notice(seen, told, command, *others)

    monkeypatch.setattr(deciding, "notice", noticing)


def a_row(desk, stream, rung=0, at=EVENING):
    """A row of the timer table: the warning of a deal."""
    armed_at = desk.log.stream(stream)[0].position
    return {
        "record": stream, "deadline": "diagnosed", "subject": "", "armed_at": armed_at, "rung": rung, "repeat": 0, "next_at": at,
    }  # fmt: skip


def fired(desk, stream):
    return [
        item.event.rung
        for item in desk.log.stream(f"deadlines/{stream}")
        if isinstance(item.event, DeadlineNoticed)
    ]


def of_the_table(monkeypatch, rows):
    """Have the clock read these rows and no database; the rests it gives are returned."""
    rests = {}
    monkeypatch.setattr(clock.due_timers, "now", lambda connection: EVENING)
    monkeypatch.setattr(
        clock.due_timers,
        "claim",
        lambda connection, moment, limit=None: [row for row in rows if row["next_at"] <= moment],
    )
    monkeypatch.setattr(
        clock.due_timers,
        "next_moment",
        lambda connection, after=None: min(
            (row["next_at"] for row in rows if after is None or row["next_at"] > after), default=None
        ),
    )
    monkeypatch.setattr(
        clock.due_timers,
        "let_rest",
        lambda connection, due, moment, given: rests.update(
            {row["record"]: rest for row, rest in zip(due, given, strict=True)}
        ),
    )
    return rests


class Connection:
    """A connection nothing is asked of."""

    transaction = staticmethod(nullcontext)


class InTheEvening:
    """A bus whose log is told that it is Monday evening; it gives answers of its own where it has some."""

    def __init__(self, bus, answers=None):
        self.bus, self.answers = bus, answers

    def submit_batch(self, batch):
        return self.answers or self.bus.submit_batch([replace(item, told_time=EVENING) for item in batch])


# ── a deadline that cannot be decided ────────────────────────────────────────────────────────────────────────────────


def test_one_deadline_that_cannot_be_decided_stops_none_of_its_batch(desk, poisoned):
    """The others are noticed, each with its own answer, in the order of the rows; the one says why it was not."""
    answers = send(desk.bus, [a_row(desk, stream) for stream in DEALS], blames_the_row, told_time=EVENING)
    assert [answer.outcome for answer in answers] == [
        "failed" if stream == POISON else "accepted" for stream in DEALS
    ]
    assert isinstance(answers[3].error, OverflowError)
    assert [fired(desk, stream) for stream in DEALS] == [[] if stream == POISON else [0] for stream in DEALS]


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("away"), psycopg.InterfaceError("closed"), PoolTimeout("busy"), persistence.OperationalError("away"),
        persistence.InterfaceError("closed"), ConnectionResetError(), MemoryError(),
    ],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}",
)  # fmt: skip
def test_what_is_nobodys_fault_is_raised_and_tried_again_as_a_whole(desk, monkeypatch, error):
    """A database that is away would let every row rest that a clock can find."""
    sent = []

    def away(batch):
        sent.append(len(batch))
        raise error

    monkeypatch.setattr(desk.log, "append", away)
    with pytest.raises(type(error)):
        send(desk.bus, [a_row(desk, stream) for stream in DEALS], blames_the_row, told_time=EVENING)
    assert sent == [len(DEALS)]


def test_a_row_that_failed_rests_longest_so_that_it_is_not_first_in_every_batch(desk, poisoned, monkeypatch):
    """What is not due yet, and what was only busy, is tried again soon."""
    rows = [a_row(desk, stream) for stream in DEALS] + [a_row(desk, DEALS[0], rung=1)]
    rests = of_the_table(monkeypatch, rows)
    done = tick(Connection(), InTheEvening(desk.bus), blames_the_row)
    assert (done.due, done.told, done.refused) == (8, 6, 1)
    assert [(row["record"], type(error)) for row, error in done.failed] == [(POISON, OverflowError)]
    assert rests[POISON] == LONGEST_REST
    assert rests[DEALS[0]] == REST_AFTER_REFUSAL
    busy = InTheEvening(desk.bus, [Answer("failed", error=TooBusy("a stream", 5))])
    rests = of_the_table(monkeypatch, rows[:1])
    assert len(tick(Connection(), busy, blames_the_row).failed) == 1
    assert rests == {DEALS[0]: REST_AFTER_REFUSAL}


# ── time that is told ────────────────────────────────────────────────────────────────────────────────────────────────


def test_time_goes_by_although_the_timer_table_stands_still(desk, poisoned, monkeypatch):
    """Its rows are due for ever: each is sent, says that it was told already or cannot be, and is left alone."""
    rows = [a_row(desk, stream) for stream in DEALS] + [a_row(desk, DEALS[0], rung=1, at=EVENING + DAY)]
    of_the_table(monkeypatch, rows)
    looks = []

    def standing_still():
        looks.append(len(looks))
        assert len(looks) < 20, "it would go on for ever"

    @contextmanager
    def connect():
        yield Connection()

    def log_time():
        return desk.log.read(desk.log.head(), desk.log.head())[0].recorded_at

    done = run_until(MONDAY + 2 * DAY, desk.bus, connect, standing_still, log_time, blames_the_row)
    assert [fired(desk, stream) for stream in DEALS] == [[0, 1], [0], [0], [], [0], [0], [0]]
    assert done.told == 7
    assert [row["record"] for row, _ in done.failed] == [POISON]


def test_what_a_look_came_to_adds_up(desk):
    rows = [a_row(desk, DEALS[0])]
    first = Tick().and_then(rows, send(desk.bus, rows, blames_the_row, told_time=EVENING))
    second = first.and_then(rows, send(desk.bus, rows, blames_the_row, told_time=EVENING))
    assert (second.due, second.told, second.refused, second.failed) == (2, 1, 0, ())
    assert key_of(notice_of(rows[0])) == key_of(notice_of(dict(rows[0])))


# ── in the way of nobody ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_clock_notices_takes_nobodys_turn(desk, monkeypatch):
    """A hundred deadlines write to a hundred streams; whoever edits a record whose turn is one of theirs does not wait for them."""
    held = {}

    def look(what):
        def looking():
            held[what] = sum(turn.locked() for turn in desk.bus._turns)

        return looking

    desk.log.meanwhile(look("deadlines"))
    answers = send(desk.bus, [a_row(desk, stream) for stream in DEALS], blames_the_row, told_time=EVENING)
    desk.log.meanwhile(look("an edit"))
    desk.submit(EditFields(DEALS[0], {"topic": "y"}), told_time=EVENING, occurred_at=EVENING)
    assert {answer.outcome for answer in answers} == {"accepted"}
    assert held == {"deadlines": 0, "an edit": 1}


def test_deadlines_of_one_record_noticed_by_two_clocks_at_once_are_both_told(desk):
    """Without turns the one that comes second finds the stream moved, and decides again."""
    other = desk.another("another clock")
    row = a_row(desk, DEALS[0])
    silent = {**row, "deadline": "silent", "rung": 1, "next_at": MONDAY + 7 * DAY}
    at = MONDAY + 7 * DAY
    desk.log.meanwhile(lambda: send(other.bus, [silent], blames_the_row, told_time=at))
    (answer,) = send(desk.bus, [row], blames_the_row, told_time=at)
    assert answer.outcome == "accepted"
    assert {item.event.deadline for item in desk.log.stream(f"deadlines/{DEALS[0]}")} == {
        "diagnosed",
        "silent",
    }
