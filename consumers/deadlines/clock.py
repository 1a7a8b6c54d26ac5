"""Claims what is due in the timer table and has the command bus notice it; by the clock of the log, whatever this process takes the time to be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from commands.bus import CommandBus
from commands.errors import TooBusy
from commands.submission import Answer, Submission
from domain.deadlines.commands import NoticeDeadline
from projections import due_timers
from projections.due_timers import LONGEST_REST, Row

CLIENT = ACTOR = "system/deadlines"
CHANNEL = "deadlines"
BATCH = 100
"""How many deadlines are noticed together, in one transaction of the log."""

LONGEST_WAIT_SECONDS = 0.5
"""The longest a clock sleeps without looking at the timer table: rows come into it without a word."""

REST_AFTER_REFUSAL = timedelta(seconds=5)
"""How long a row rests of which the log says that it is not due: the timer table is behind, and will say the same in a moment."""

_NAMES = UUID("6f0a2b52-6c0f-5f0e-9a53-0c7a7c1f1d10")
"""The space of names in which the keys of firings are made."""


Blame: TypeAlias = Callable[[Exception], bool]
"""Tells of an error whether it is the fault of what was sent, rather than of the database, the connection or the machine."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What looks at the timer table came to: how many rows were due, how many were told, and how many the log refused as not due.

    `failed` are the rows that were neither told nor refused, and why.
    """

    due: int = 0
    told: int = 0
    refused: int = 0
    failed: tuple[tuple[Row, Exception], ...] = ()

    def and_then(self, rows: Sequence[Row], answers: Sequence[Answer]) -> "Tick":
        """Return the same with one more batch."""
        told = sum(answer.outcome == "accepted" and not answer.replayed for answer in answers)
        refused = sum(answer.outcome == "refused" for answer in answers)
        failed = [
            (row, answer.error) for row, answer in zip(rows, answers, strict=True) if answer.error is not None
        ]
        return Tick(self.due + len(rows), self.told + told, self.refused + refused, (*self.failed, *failed))


def notice_of(row: Row) -> NoticeDeadline:
    """Return the command that a row of the timer table asks for."""
    return NoticeDeadline(
        record=row["record"],
        deadline=row["deadline"],
        armed_at=int(row["armed_at"]),
        rung=int(row["rung"]),
        repeat=int(row["repeat"]),
        subject=row["subject"] or None,
    )


def key_of(command: NoticeDeadline) -> str:
    """Return the idempotency key of a firing: the same wherever and however often it is sent, another one once the deadline is armed anew."""
    about = (
        command.record, command.deadline, command.subject or "", command.rung, command.repeat, command.armed_at,
    )  # fmt: skip
    return str(uuid5(_NAMES, "\n".join(map(str, about))))


def tick(connection: Any, bus: CommandBus, blame: Blame, *, batch: int = BATCH) -> Tick:
    """Notice what is due now, up to a batch of it. The time is the database's; nobody else notices these rows meanwhile.

    Rows are held by a transaction while they are sent: when this process dies they are free at once, and what was told already
    is answered from its key. A row that cannot be decided rests as long as any row does, and stops none of the others.
    """
    with connection.transaction():
        now = due_timers.now(connection)
        due = due_timers.claim(connection, now, batch)
        if not due:
            return Tick()
        answers = send(bus, due, blame)
        due_timers.let_rest(connection, due, now, [_rest_after(answer) for answer in answers])
    return Tick().and_then(due, answers)


def send(
    bus: CommandBus, rows: Sequence[Row], blame: Blame, *, told_time: datetime | None = None
) -> list[Answer]:
    """Have the bus notice some rows, together; each has its own answer.

    Rows that raise what is their own fault are found by halves and have failed; the others are noticed all the same.
    """
    try:
        return bus.submit_batch([_submission(notice_of(row), told_time) for row in rows])
    except Exception as error:
        if not blame(error):
            raise
        if len(rows) == 1:
            return [Answer("failed", error=error)]
    middle = len(rows) // 2
    return [
        *send(bus, rows[:middle], blame, told_time=told_time),
        *send(bus, rows[middle:], blame, told_time=told_time),
    ]


def _submission(command: NoticeDeadline, told_time: datetime | None) -> Submission:
    return Submission(
        command=command,
        client=CLIENT,
        key=key_of(command),
        actor=ACTOR,
        channel=CHANNEL,
        told_time=told_time,
    )


def _rest_after(answer: Answer) -> timedelta:
    """How long a row rests: what was told until the timer table knows of it, and what cannot be told until somebody may have seen to it."""
    is_soon_over = answer.outcome == "refused" or isinstance(answer.error, TooBusy)
    return REST_AFTER_REFUSAL if is_soon_over else LONGEST_REST


def seconds_to_next(connection: Any) -> float:
    """Return how long a clock may sleep: until the next due moment by the database's clock, at most `LONGEST_WAIT_SECONDS`."""
    now = due_timers.now(connection)
    following = due_timers.next_moment(connection, now)
    if following is None:
        return LONGEST_WAIT_SECONDS
    return min((following - now).total_seconds(), LONGEST_WAIT_SECONDS)


def run_until(
    moment: datetime,
    bus: CommandBus,
    connect: Callable[[], Any],
    catch_up: Callable[[], object],
    log_time: Callable[[], datetime],
    blame: Blame,
) -> Tick:
    """Let the time of a simulated log go by up to a moment: notice every deadline at the very moment it is due, in order.

    `connect` gives a connection as a context, `catch_up` brings the timer table to the head of the log, `log_time` is the last time
    the log was told. It is told another one only by what is noticed; when nothing is due it stays where it is.
    What was sent and changes nothing is not sent again: the timer table may never hear of it.
    """
    done, not_due = Tick(), set[str]()
    over: datetime | None = None
    while True:
        catch_up()
        with connect() as connection:
            found = due_timers.next_moment(connection, over)
            if found is None or found > moment:
                return done
            # What was past when it was armed is noticed now, and never before it was armed.
            at = max(found, log_time())
            rows = [row for row in due_timers.claim(connection, at) if key_of(notice_of(row)) not in not_due]
        if not rows:
            over = at
            continue
        answers = send(bus, rows, blame, told_time=at)
        not_due |= {
            key_of(notice_of(row))
            for row, answer in zip(rows, answers, strict=True)
            if answer.refusal or answer.replayed or answer.error
        }
        done = done.and_then(rows, answers)
