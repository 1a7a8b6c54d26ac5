"""What can be wrong with the deadlines of a playbook: nothing or too much to wait for, unknown names, ladders that lead backwards, a calendar that is over."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from domain.naming import a
from domain.playbook.deadlines import ANY, ASSIGNEE, PLACES, WAITS, Deadline, Rung
from domain.playbook.fields import FieldKind
from domain.playbook.model import Kind, Playbook
from domain.playbook.problems import Place, PlaybookProblem, known, named_once


def deadline_problems(playbook: Playbook, kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with the deadlines of a kind."""
    for name, deadline in kind.deadlines.items():
        place = (*here, "deadlines", name)
        waits = deadline.waits
        if len(waits) != 1:
            told = f"{waits[0]} and {waits[1]} are both given" if waits else "none is given"
            yield PlaybookProblem(
                place, f"a deadline waits for exactly one thing, as {', '.join(WAITS)} say; {told}"
            )
        yield from _waiting_problems(kind, deadline, place)
        yield from _length_problems(playbook, kind, deadline, place)
        yield from _ladder_problems(playbook, deadline, place)


def is_over(playbook: Playbook, moment: datetime) -> bool:
    """Tell whether a playbook counts deadlines, or limits of what is asked, in a calendar that knows no moment from now on: nothing would ever be due."""
    calendar = playbook.calendar
    counted = any(
        any(deadline.by != "clock" for deadline in kind.deadlines.values()) or any(_limits(kind))
        for kind in playbook.kinds.values()
    )
    # The farthest clock is half a day behind UTC, and a bit.
    return calendar is not None and counted and (moment - timedelta(hours=15)).year > calendar.last_year


def _limits(kind: Kind) -> Iterator[Decimal | None]:
    """The limits of items of checklists and of levels of approvals: each is a deadline of its own, and passes in the calendar where there is one."""
    for template in kind.work.values():
        yield from (item.within_hours for item in template.checklist.values())
    for chain in kind.approvals.values():
        yield from (level.within_hours for level in chain.levels.values())


def _waiting_problems(kind: Kind, deadline: Deadline, here: Place) -> Iterator[PlaybookProblem]:
    if deadline.on_stage is not None:
        yield from known(
            deadline.on_stage, {**kind.stages, **kind.steps}, "step or stage", (*here, "on_stage")
        )
    if deadline.on_silence is not None and deadline.on_silence != ANY:
        yield from known(deadline.on_silence, (*kind.touches, ANY), "kind of touch", (*here, "on_silence"))
    if deadline.on_work is not None and deadline.on_work != ANY:
        yield from known(deadline.on_work, (*kind.work, ANY), "work template", (*here, "on_work"))
    if deadline.on_approval is not None and deadline.on_approval != ANY:
        yield from known(
            deadline.on_approval, (*kind.approvals, ANY), "approval chain", (*here, "on_approval")
        )
    if deadline.on_date is not None:
        yield from date_problems(kind, deadline.on_date, (*here, "on_date"))
    if deadline.stages and deadline.on_silence is None:
        yield PlaybookProblem((*here, "stages"), "stages limit silence; leave them out, or say on_silence")
    yield from named_once(deadline.stages, (*here, "stages"))
    for index, stage in enumerate(deadline.stages):
        yield from known(stage, {**kind.stages, **kind.steps}, "step or stage", (*here, "stages", str(index)))
    if deadline.clock == "response" and deadline.on_work is None:
        yield PlaybookProblem(
            (*here, "clock"), "only work is answered before it is done: say on_work, or leave the clock out"
        )


def date_problems(kind: Kind, name: str, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with a field whose day or moment a clock waits for."""
    dates = [
        field for field, spec in kind.fields.items() if spec.type in {FieldKind.date, FieldKind.datetime}
    ]
    if name not in kind.fields:
        yield from known(name, dates, "date field", here)
    elif name not in dates:
        yield PlaybookProblem(here, f"{name!r} is {a(kind.fields[name].type)} field; a date is waited for")
    elif kind.fields[name].is_personal:
        yield PlaybookProblem(
            here, f"{name!r} is personal, and nobody opens what is personal to watch a clock"
        )


def _length_problems(
    playbook: Playbook, kind: Kind, deadline: Deadline, here: Place
) -> Iterator[PlaybookProblem]:
    if not deadline.after_hours and (deadline.on_stage is not None or deadline.on_silence is not None):
        yield PlaybookProblem(
            (*here, "after_hours"), "say how long it may take, in hours: nothing is due at once"
        )
    if deadline.after_hours is not None and not deadline.after_hours and deadline.on_date is None:
        yield PlaybookProblem((*here, "after_hours"), "nothing is due at once: give it more than 0 hours")
    if deadline.after_hours is None and deadline.on_approval is not None:
        yield PlaybookProblem((*here, "after_hours"), "say how long the approval may take, in hours")
    if deadline.after_hours is None and deadline.on_work is not None:
        yield from _limit_problems(kind, deadline, (*here, "after_hours"))
    if deadline.by == "calendar" and playbook.calendar is None:
        yield PlaybookProblem(
            (*here, "by"),
            "business hours need a calendar, and the playbook has none: write 'calendar', or 'by: clock'",
        )


def _limit_problems(kind: Kind, deadline: Deadline, here: Place) -> Iterator[PlaybookProblem]:
    """Without hours of its own a deadline has those of the template, so that there must be some."""
    named = {name: work for name, work in kind.work.items() if deadline.on_work in (name, ANY)}
    limits = {
        name: work.respond_within_hours if deadline.clock == "response" else work.complete_within_hours
        for name, work in named.items()
    }
    if named and all(limit is None for limit in limits.values()):
        member = "respond_within_hours" if deadline.clock == "response" else "complete_within_hours"
        yield PlaybookProblem(here, f"say how long it may take, here or as {member} of the template")


def _ladder_problems(playbook: Playbook, deadline: Deadline, here: Place) -> Iterator[PlaybookProblem]:
    before = None
    for index, rung in enumerate(deadline.ladder):
        place = (*here, "ladder", str(index))
        if before is None and rung.after_hours:
            yield PlaybookProblem(
                (*place, "after_hours"), "the ladder begins at the due moment: the first rung waits 0 hours"
            )
        if before is not None and rung.after_hours <= before:
            yield PlaybookProblem(
                (*place, "after_hours"),
                f"the ladder leads backwards: this rung waits {rung.after_hours} hours, the one below it {before}",
            )
        before = rung.after_hours
        yield from _rung_problems(playbook, deadline, rung, place)


def _rung_problems(
    playbook: Playbook, deadline: Deadline, rung: Rung, here: Place
) -> Iterator[PlaybookProblem]:
    yield from named_once(rung.tell, (*here, "tell"))
    for index, who in enumerate(rung.tell):
        place = (*here, "tell", str(index))
        yield from known(who, (*PLACES, *playbook.roles), "role or place", place)
        if who == ASSIGNEE and deadline.on_work is None and deadline.on_approval is None:
            yield PlaybookProblem(place, "only work has an assignee; of a record the owner is told")
    if rung.repeats and rung.repeat_hours is None:
        yield PlaybookProblem((*here, "repeat_hours"), "say after how many hours it is repeated")
    if rung.repeat_hours is not None and not rung.repeats:
        yield PlaybookProblem((*here, "repeats"), "say how often it is repeated")
