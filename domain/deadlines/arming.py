"""Which deadlines of a record are armed, by the playbook it follows: since when, due when, and the moment of every rung."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from domain.business_time import ClockTime, Passing
from domain.deadlines.asked import Asked, Since
from domain.deadlines.limits import Rule, limits_of
from domain.deadlines.watched import Mark, Pause, Watched
from domain.playbook.deadlines import ANY, Deadline
from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook
from domain.record.adoption import adopted
from domain.work.limits import over_at

WARNING, DUE = 0, 1
"""The rungs every deadline has; those above are its ladder."""

_HOUR_US = 3_600_000_000
_NOTHING = timedelta(0)
_BY_THE_CLOCK = ClockTime()

Stretch = tuple[datetime, datetime | None]
"""From a moment until another one; None: it goes on."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rung of an armed deadline and its moment; `repeat` counts how often it was told before."""

    rung: int
    repeat: int
    at: datetime

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the order of all alarms of its deadline."""
        return (self.rung, self.repeat)


@dataclass(frozen=True, slots=True)
class Armed:
    """A deadline that runs. `armed_at` is the position of the event it began with, `subject` the work or approval it is about, if any.

    `alarms` are its rungs in order, each later than the one before; `rule` says who is told at each. Without a `due_at` nobody knows when it will be due: it stands still
    (`is_paused`), or the calendar ends before.
    """

    deadline: str
    subject: str | None
    armed_at: int
    starts_at: datetime
    due_at: datetime | None
    alarms: tuple[Alarm, ...]
    rule: Rule
    is_paused: bool = False

    @property
    def key(self) -> tuple[str, str | None, int]:
        """What tells it from every other armed deadline of its record."""
        return (self.deadline, self.subject, self.armed_at)

    @property
    def warn_at(self) -> datetime | None:
        """When it is warned of, if it is."""
        return next((alarm.at for alarm in self.alarms if alarm.rung == WARNING), None)

    def past(self, moment: datetime, told: tuple[int, int] | None) -> tuple[Alarm, ...]:
        """Return the alarms whose moment has come and that lie above what was told."""
        reached = bisect_right([alarm.at for alarm in self.alarms], moment)
        return tuple(alarm for alarm in self.alarms[:reached] if told is None or alarm.place > told)

    def next(self, told: tuple[int, int] | None) -> Alarm | None:
        """Return the first alarm above what was told."""
        return next((alarm for alarm in self.alarms if told is None or alarm.place > told), None)


def arm(watched: Watched, playbook: PublishedPlaybook) -> tuple[Armed, ...]:
    """Return the armed deadlines of a record, as one version of its playbook has them: in the order of the playbook, then the limits of what is asked.

    On a record that was lost nobody waits for what was asked any more: it stays open, and no deadline of it runs until the record is reopened.
    """
    kind_name = watched.record.kind
    if kind_name not in playbook.document.kinds:
        return ()
    kind = playbook.kind(kind_name)
    if not kind.deadlines and not watched.asked:
        return ()
    seen = _adopted(watched, playbook)
    if _outcome(kind, seen.stage) == "lost":
        seen = replace(seen, asked={})
    found = [
        armed
        for name, deadline in kind.deadlines.items()
        for armed in _armed(name, deadline, kind, seen, playbook)
        if armed is not None
    ]
    for subject, item in seen.asked.items():
        found += _limited(subject, item, kind, seen, playbook)
    return tuple(found)


def _limited(
    subject: str, item: Asked, kind: Kind, seen: Watched, playbook: PublishedPlaybook
) -> Iterator[Armed]:
    """Arm the limits of one thing that is asked; while work waits for somebody else, those of its checklist stand still as it does."""
    for name, limit, since in limits_of(item, kind):
        pauses = _stretches(seen, lambda pause: pause.work == subject) if item.what == "work" else ()
        yield _Length.of(limit, playbook).armed(
            name, subject, since.position, since.starts_at, limit.hours, pauses
        )


def _adopted(watched: Watched, playbook: PublishedPlaybook) -> Watched:
    """The record as this version reads it: steps, fields and options that are gone stand where they were mapped to."""
    told = playbook.adopts.get(watched.record.kind)
    if told is None:
        return watched
    dates = {}
    for name, mark in watched.dates.items():
        now = told.field(name)
        if now is not None and (now not in dates or name == now):
            dates[now] = mark
    return replace(
        watched,
        fields=adopted(watched.record, playbook).fields,
        entries=tuple((told.stages.get(step, step), mark) for step, mark in watched.entries),
        dates=dates,
    )


def _armed(
    name: str, deadline: Deadline, kind: Kind, seen: Watched, playbook: PublishedPlaybook
) -> Iterator[Armed | None]:
    length = _Length.of(deadline, playbook)
    if deadline.on_work is not None:
        for subject, item in seen.asked.items():
            if item.what == "work" and deadline.on_work in (ANY, item.named):
                yield _of_work(name, deadline, kind, subject, item, seen, length)
    elif deadline.on_approval is not None:
        for subject, item in seen.asked.items():
            if item.what == "approval" and deadline.on_approval in (ANY, item.named) and _goes_live(deadline, item.effective_at):  # fmt: skip
                yield length.armed(name, subject, item.position, item.starts_at, deadline.after_hours or Decimal(0))  # fmt: skip
    elif deadline.on_date is not None:
        yield _of_date(name, deadline, kind, seen, playbook, length)
    elif deadline.on_stage is not None:
        mark = _entered(deadline.on_stage, kind, seen)
        if mark is not None and _begins(deadline, mark):
            # A team that waits for the customer is not late; while others wait for the team, it is.
            pauses = _stretches(seen, lambda pause: pause.waiting_for == "customer")
            yield length.armed(name, None, mark.position, mark.starts_at, deadline.after_hours or Decimal(0), pauses)  # fmt: skip
    elif deadline.on_silence is not None:
        mark = _silent_since(deadline, kind, seen)
        if mark is not None and (_begins(deadline, mark) or (deadline.go_live is None and _has_lived(seen))):
            yield length.armed(name, None, mark.position, mark.starts_at, deadline.after_hours or Decimal(0))


def _goes_live(deadline: Deadline, moment: datetime) -> bool:
    return deadline.go_live is None or moment >= deadline.go_live


def _begins(deadline: Deadline, mark: Mark) -> bool:
    """Whether a deadline begins with an event. What was imported happened before anybody here could be late with it: it begins none that does not say from when on."""
    return not mark.is_imported if deadline.go_live is None else _goes_live(deadline, mark.effective_at)


def _has_lived(seen: Watched) -> bool:
    """Whether anything but an import moved or touched the record: from then on it is not history, whoever notes its touches."""
    marks = (seen.opened, *(mark for _, mark in seen.entries), *(touch.mark for touch in seen.touches))
    return not all(mark.is_imported for mark in marks)


def _entered(where: str, kind: Kind, seen: Watched) -> Mark | None:
    """Since which event the record stands in a step, or without leaving it in a stage; None when it does not."""
    steps, found = kind.steps, None
    for step, mark in reversed(seen.entries):
        known = steps.get(step)
        if step != where and (known is None or known.part_of != where):
            break
        found = mark
        if step == where and known is not None and known.part_of != where:
            break  # a node: coming into it once more begins anew
    return found


def _silent_since(deadline: Deadline, kind: Kind, seen: Watched) -> Mark | None:
    """The last touch of the kind, or the last move where that is later: a record that was moved today is not silent."""
    if not _is_open(kind, seen.stage):
        return None
    step = None if seen.stage is None else kind.steps[seen.stage]
    if deadline.stages and (step is None or not {step.name, step.part_of} & set(deadline.stages)):
        return None
    begins = seen.entries[-1][1] if seen.entries else seen.opened
    marks = [
        begins,
        *(touch.mark for touch in seen.touches if deadline.on_silence in (ANY, touch.kind)),
    ]
    return max(marks, key=lambda mark: (mark.starts_at, mark.position))


def _is_open(kind: Kind, stage: str | None) -> bool:
    """Whether a record still goes on; one of a kind without a path always does."""
    return not kind.stages if stage is None else _outcome(kind, stage) == "open"


def _outcome(kind: Kind, stage: str | None) -> str | None:
    step = None if stage is None else kind.steps.get(stage)
    return None if step is None else step.outcome


def _of_work(
    name: str, deadline: Deadline, kind: Kind, subject: str, item: Asked, seen: Watched, length: "_Length"
) -> Armed | None:
    if (deadline.clock == "response" and item.is_answered) or not _goes_live(deadline, item.effective_at):
        return None
    pauses = _stretches(seen, lambda pause: pause.work == subject)
    template = kind.work.get(item.named)
    hours = deadline.after_hours
    if hours is None and deadline.clock == "done" and item.due_at is not None:
        # What is moved to another moment begins anew: what was told of the old one stays told, and is no reason to keep quiet about the new one.
        since = item.due_since or Since(item.position, item.starts_at)
        return length.armed_until(name, subject, since.position, since.starts_at, item.due_at)
    if hours is None and template is not None:
        response = deadline.clock == "response"
        hours = template.respond_within_hours if response else template.complete_within_hours
    if hours is None:
        return None
    return length.armed(name, subject, item.position, item.starts_at, hours, pauses)


def _of_date(
    name: str, deadline: Deadline, kind: Kind, seen: Watched, playbook: PublishedPlaybook, length: "_Length"
) -> Armed | None:
    assert deadline.on_date is not None
    mark, value = seen.dates.get(deadline.on_date), seen.fields.get(deadline.on_date)
    if mark is None or not isinstance(value, str) or not _is_open(kind, seen.stage):
        return None
    over = over_at(value, playbook)
    due = over and length.after(over, _hours(deadline.after_hours or Decimal(0)))
    if deadline.go_live is None and mark.is_imported:
        # A day that was still to come is waited for, and one that was over is history.
        if due is None or due <= mark.recorded_at:
            return None
    elif not _goes_live(deadline, mark.effective_at):
        return None
    return length.armed_until(name, None, mark.position, mark.starts_at, due)


def _stretches(seen: Watched, holds: Callable[[Pause], bool]) -> tuple[Stretch, ...]:
    """The stretches somebody waited in, in order and without overlaps."""
    found: list[Stretch] = []
    for begins, ends in sorted(
        ((pause.begins, pause.ends) for pause in seen.pauses if holds(pause)), key=lambda stretch: stretch[0]
    ):
        last = found[-1] if found else None
        if last is not None and (last[1] is None or begins <= last[1]):
            found[-1] = (last[0], None if last[1] is None or ends is None else max(last[1], ends))
        else:
            found.append((begins, ends))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Length:
    """How the time of a deadline passes, and what its rungs add to it."""

    deadline: Rule
    passing: Passing

    @classmethod
    def of(cls, deadline: Rule, playbook: PublishedPlaybook) -> "_Length":
        working = playbook.working_time
        return cls(deadline, _BY_THE_CLOCK if deadline.by == "clock" or working is None else working)

    def armed(
        self,
        name: str,
        subject: str | None,
        position: int,
        starts_at: datetime,
        hours: Decimal,
        pauses: Sequence[Stretch] = (),
    ) -> Armed:
        """Arm a deadline that is due after so many hours, not counting the pauses."""
        whole = _hours(hours)

        def at(duration: timedelta) -> datetime | None:
            return _after(self.passing, starts_at, duration, pauses)

        warning = None
        if self.deadline.warn_percent is not None:
            warning = at(whole * self.deadline.warn_percent // 100)
        rungs = [at(whole + wait) for wait in self._waits]
        return self._with(name, subject, position, starts_at, warning, rungs, bool(pauses) and pauses[-1][1] is None)  # fmt: skip

    def armed_until(
        self, name: str, subject: str | None, position: int, starts_at: datetime, due_at: datetime | None
    ) -> Armed:
        """Arm a deadline that is due at a moment somebody named; one in the past is due at once."""
        rungs = [due_at and self.after(due_at, wait) for wait in self._waits]
        warning = None
        if self.deadline.warn_percent is not None and due_at is not None:
            between = self.passing.microseconds_between(starts_at, due_at)
            if between is not None:
                share = timedelta(microseconds=between * self.deadline.warn_percent // 100)
                warning = self.passing.moment_after(starts_at, share)
        return self._with(name, subject, position, starts_at, warning, rungs, False)

    def after(self, moment: datetime, wait: timedelta) -> datetime | None:
        """Return when so much time has passed since a moment; none at all needs no calendar that knows the moment."""
        return self.passing.moment_after(moment, wait) if wait else moment

    @property
    def _waits(self) -> list[timedelta]:
        """How long after the due moment each telling comes: the rungs, each with its repetitions up to the next one."""
        return [wait for _, _, wait in self._tellings]

    @property
    def _tellings(self) -> list[tuple[int, int, timedelta]]:
        rungs = self.deadline.rungs
        found = []
        for index, rung in enumerate(rungs):
            begins = _hours(rung.after_hours)
            until = _hours(rungs[index + 1].after_hours) if index + 1 < len(rungs) else None
            every = _NOTHING if rung.repeat_hours is None else _hours(rung.repeat_hours)
            for repeat in range(rung.repeats + 1 if every else 1):
                wait = begins + every * repeat
                if repeat and until is not None and wait >= until:
                    break
                found.append((DUE + index, repeat, wait))
        return found

    def _with(
        self,
        name: str,
        subject: str | None,
        position: int,
        starts_at: datetime,
        warning: datetime | None,
        moments: Sequence[datetime | None],
        is_paused: bool,
    ) -> Armed:
        alarms: list[Alarm] = []
        due_at = moments[0]
        if warning is not None and due_at is not None and warning < due_at:
            alarms.append(Alarm(WARNING, 0, warning))
        for (rung, repeat, _), moment in zip(self._tellings, moments, strict=True):
            # What the calendar does not know any more comes after everything it knows.
            if moment is None:
                break
            alarms.append(Alarm(rung, repeat, moment))
        return Armed(
            name,
            subject,
            position,
            starts_at,
            due_at,
            tuple(alarms),
            self.deadline,
            is_paused and due_at is None,
        )


def _after(
    passing: Passing, start: datetime, duration: timedelta, pauses: Sequence[Stretch]
) -> datetime | None:
    """When so much time has passed, none of it in the pauses; None while it stands still, and where the calendar does not know."""
    left, now = duration, start
    for begins, ends in pauses:
        if ends is not None and ends <= now:
            continue
        runs_until = max(begins, now)
        running = passing.microseconds_between(now, runs_until)
        if running is None:
            return None
        if left <= timedelta(microseconds=running):
            break
        if ends is None:
            return None
        left, now = left - timedelta(microseconds=running), ends
    return passing.moment_after(now, left)


def _hours(hours: Decimal) -> timedelta:
    """So many hours, exactly: hours have six decimal places, and the last of them is 3,600 microseconds."""
    return timedelta(microseconds=int(hours * _HOUR_US))
