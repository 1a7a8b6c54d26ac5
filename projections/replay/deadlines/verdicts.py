"""What a draft makes of each firing: it stands, moves, goes or comes; and what nobody can say, with the reason."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from domain.deadlines.events import DeadlineNoticed
from domain.deadlines.limits import named_in
from domain.deadlines.watched import Watched
from domain.playbook.deadlines import ANY, Deadline
from domain.playbook.model import Kind
from domain.playbook.published import NOTHING_MAPPED, PublishedPlaybook
from domain.record.adoption import adopted
from domain.values import is_personal
from projections.replay.asking import Window
from projections.replay.deadlines.histories import History
from projections.replay.deadlines.noticing import Fired, Identity, Looked, Unnoticed, Walked, identity
from projections.replay.deadlines.stretches import Stretch

Row = dict[str, Any]

NOT_THEN: Final[Mapping[str, str]] = {
    "on_stage": "no such step then",
    "on_silence": "no such touch then",
    "on_work": "no such work then",
    "on_approval": "no such approval then",
    "on_date": "no such field then",
}
"""Why nobody can say what a draft's deadline would have done: no playbook asked then for what it waits for."""
UNKNOWN, ERASED, UNNOTICED = "nobody knew the date", "the date is erased", "the clock was not there"
NO_KIND, NO_STEP = "no such kind", "no such step"


def rows_of(history: History, walked: Walked, times: list[Stretch], draft: PublishedPlaybook, window: Window, spell: tuple[datetime, datetime]) -> Iterator[Row]:  # fmt: skip
    """Yield a row for each firing of a record in the window, and for each there would have been; `spell` is the window in moments."""
    would: dict[Identity, Fired] = {identity(fired.noticed): fired for fired in walked.fired}
    was = {identity(looked.look.noticed) for looked in walked.looked}
    puzzles = Puzzles(history, draft)
    for looked in walked.looked:
        if looked.stretch.is_judged and window.after < looked.look.position <= window.upto:
            name = identity(looked.look.noticed)
            yield _of_firing(looked, would.get(name), puzzles, draft)
    for name, fired in would.items():
        if name in was or not fired.stretch.is_judged or not _within(fired, window, spell):
            continue
        if puzzles.why(fired.stretch, fired.noticed.deadline) is None:
            yield _row(fired.noticed, fired.stretch, None, fired, "new", _why_new(fired))
    for left in walked.unnoticed:
        if spell[0] < left.came <= spell[1] and not history.was_told(left.armed.key, left.alarm.place):
            yield _of_unnoticed(left)
    yield from puzzles.rows(times, spell)


def _within(fired: Fired, window: Window, spell: tuple[datetime, datetime]) -> bool:
    if fired.position is not None:
        return window.after < fired.position <= window.upto
    return spell[0] < fired.at <= spell[1]


def _of_firing(looked: Looked, would: Fired | None, puzzles: "Puzzles", draft: PublishedPlaybook) -> Row:
    was, stretch = looked.look.noticed, looked.stretch
    position = looked.look.position
    if why := puzzles.of_firing(looked):
        return _row(was, stretch, position, None, "not_judgeable", why)
    if would is None:
        return _row(was, stretch, position, None, "gone", _why_gone(looked, draft))
    due = would.noticed.due_at
    if due != was.due_at:
        return _row(
            was, stretch, position, would, "changed", "due later" if due > was.due_at else "due earlier"
        )
    if would.noticed.told != was.told:
        return _row(was, stretch, position, would, "changed", "told others")
    return _row(was, stretch, position, would, "unchanged", None)


def _why_gone(looked: Looked, draft: PublishedPlaybook) -> str:
    """Why the draft would not have told what was told."""
    was, armed = looked.look.noticed, looked.armed
    kind = draft.document.kinds[looked.stretch.seen.record.kind]
    if armed is None:
        return "not armed" if was.deadline in named_in(kind) else "no such deadline"
    alarm = next((alarm for alarm in armed.alarms if alarm.place == (was.rung, was.repeat)), None)
    if alarm is None:
        return "paused" if armed.is_paused else "no such rung"
    return "due later" if alarm.at > looked.look.at else "told higher up"


def _why_new(fired: Fired) -> str:
    """Why nobody was told of what the draft would have told."""
    would, others, version = fired.noticed, fired.others, fired.stretch.version
    assert version is not None
    if others is None:
        known = named_in(version.document.kinds[fired.stretch.seen.record.kind])
        return "not armed then" if would.deadline in known else "no such deadline then"
    alarm = next((alarm for alarm in others.alarms if alarm.place == (would.rung, would.repeat)), None)
    if alarm is None:
        return "paused then" if others.is_paused else "no such rung then"
    return "due earlier" if alarm.at > fired.at else "told higher up then"


def _of_unnoticed(left: Unnoticed) -> Row:
    """Both rules say that it was due, and the clock never came: whether it would have come under the draft is nothing rules can say."""
    stretch, alarm, armed = left.stretch, left.alarm, left.armed
    about = {
        "name": armed.deadline, "subject": armed.subject, "armed_at": armed.armed_at, "rung": alarm.rung, "repeat": alarm.repeat,
        "at": left.came, "due_would": armed.due_at,
    }  # fmt: skip
    return _blank(stretch.seen) | about | {"verdict": "not_judgeable", "why": UNNOTICED} | _under(stretch)


def _row(
    about: DeadlineNoticed,
    stretch: Stretch,
    position: int | None,
    would: Fired | None,
    verdict: str,
    why: str | None,
) -> Row:
    """One row: what was (`about`, where there is a position) beside what would have been."""
    was = about if position is not None else None
    then = None if would is None else would.noticed
    moment = about.noticed_at if would is None or was is not None else would.noticed.noticed_at
    return {
        **_blank(stretch.seen),
        "position": position,
        "at": _moment(moment),
        "name": about.deadline,
        "subject": about.subject,
        "armed_at": about.armed_at,
        "rung": about.rung,
        "repeat": about.repeat,
        "verdict": verdict,
        "why": why,
        **_side("was", was),
        **_side("would", then),
        "noticed_would": None if would is None else would.at,
        **_under(stretch),
    }


def _side(name: str, noticed: DeadlineNoticed | None) -> Row:
    """A firing as its side of a row has it; `person` is who is told first."""
    told = [] if noticed is None else noticed.told
    return {
        name: None if noticed is None else noticed.due_at,
        f"due_{name}": None if noticed is None else _moment(noticed.due_at),
        f"told_{name}": list(told),
        f"person_{name}": told[0] if told else None,
        f"skipped_{name}": [] if noticed is None else list(noticed.skipped),
    }


def _blank(seen: Watched) -> Row:
    return {
        "position": None, "record": seen.stream, "kind": seen.record.kind, "at": None, "name": None, "verdict": None, "was": None, "would": None,
        "person_was": None, "person_would": None, "why": None, "subject": None, "armed_at": None, "rung": None, "repeat": None, "due_was": None,
        "due_would": None, "noticed_would": None, "told_was": [], "told_would": [], "skipped_was": [], "skipped_would": [], "playbook": None,
        "playbook_version": None,
    }  # fmt: skip


def _under(stretch: Stretch) -> Row:
    version = stretch.version
    return {
        "playbook": None if version is None else version.name,
        "playbook_version": None if version is None else version.number,
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Puzzles:
    """What nobody can say of a record under a draft: deadlines that wait for what no playbook asked for then, or for a date nobody knew or can read."""

    def __init__(self, history: History, draft: PublishedPlaybook) -> None:
        self._history = history
        self._draft = draft
        self._kind = draft.document.kinds.get(history.kind)
        self._mapped = draft.adopts.get(history.kind, NOTHING_MAPPED)
        self._known: dict[tuple[str, int, str], str | None] = {}

    def of_firing(self, looked: Looked) -> str | None:
        """Why nobody can say whether a firing stands."""
        if self._kind is None:
            return NO_KIND
        step = adopted(looked.stretch.opened.record, self._draft).stage
        if step is not None and step not in self._kind.steps:
            return NO_STEP
        return self.why(looked.stretch, looked.look.deadline)

    def why(self, stretch: Stretch, name: str) -> str | None:
        """Why nobody can say what a deadline of the draft does in a time; None where one can."""
        version = stretch.version
        if self._kind is None or version is None or name not in self._kind.deadlines:
            return None
        key = (version.name, version.number, name)
        if key not in self._known:
            then = version.document.kinds[self._history.kind]
            self._known[key] = _unasked(
                self._kind.deadlines[name], self._kind, then, self._mapped.stages, self._sources
            )
        return self._known[key] or self._unread(stretch, self._kind.deadlines[name])

    def rows(self, times: list[Stretch], spell: tuple[datetime, datetime]) -> Iterator[Row]:
        """A row for each deadline of the draft of which nobody can say whether it would have told anybody of this record."""
        if self._kind is None:
            return
        for name in self._kind.deadlines:
            for stretch in times:
                is_in_time = (
                    spell[0] < stretch.ends and stretch.begins < spell[1] and stretch.begins < stretch.ends
                )
                if not (stretch.is_judged and is_in_time and self._waits(stretch, name)):
                    continue
                if why := self.why(stretch, name):
                    yield _blank(stretch.seen) | {"name": name, "verdict": "not_judgeable", "why": why} | _under(stretch)  # fmt: skip
                    break

    def _waits(self, stretch: Stretch, name: str) -> bool:
        """Whether a record goes on, as the draft reads it, and is where the deadline asks for something."""
        assert self._kind is not None
        step = adopted(stretch.opened.record, self._draft).stage
        if step is None:
            return not self._kind.stages
        found, stages = self._kind.steps.get(step), self._kind.deadlines[name].stages
        if found is None or found.outcome != "open":
            return False
        return not stages or bool({step, found.part_of} & set(stages))

    def _sources(self, name: str) -> set[str]:
        """The fields whose values stand under a name of the draft."""
        return {name} | {old for old, new in self._mapped.fields.items() if new == name}

    def _unread(self, stretch: Stretch, deadline: Deadline) -> str | None:
        """Why the date a deadline waits for cannot be read, where there is one and nobody said it since."""
        if deadline.on_date is None:
            return None
        sources = self._sources(deadline.on_date)
        held = self._history.held(sources, stretch.since)
        if any(is_personal(value) for value in held.values()):
            return ERASED  # all others were opened
        return UNKNOWN if sources & self._history.unknown - held.keys() and not any(held.values()) else None


def _unasked(
    deadline: Deadline, kind: Kind, then: Kind, stages: Mapping[str, str], sources: Callable[[str], set[str]]
) -> str | None:
    """Why nobody could have recorded what a deadline waits for under the version of then; None where somebody could."""
    waited = deadline.waits[0]
    wanted = getattr(deadline, waited)
    match waited:
        case "on_stage":
            meant = {name for name, step in kind.steps.items() if wanted in (name, step.part_of)}
            is_there = wanted in then.stages or any(stages.get(step, step) in meant for step in then.steps)
        case "on_silence":
            is_there = bool(then.touches) if wanted == ANY else wanted in then.touches
        case "on_work":
            is_there = bool(then.work) if wanted == ANY else wanted in then.work
        case "on_approval":
            is_there = bool(then.approvals) if wanted == ANY else wanted in then.approvals
        case _:
            is_there = bool(sources(wanted) & then.fields.keys())
    return None if is_there else NOT_THEN[waited]
