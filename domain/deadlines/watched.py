"""A record as its deadlines see it: where it stands, and since which events; folded from the same events as the record itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from domain.deadlines.asked import Asked, evolve_asked
from domain.envelope import Recorded
from domain.events import FieldsChanged, OwnerChanged, RecordOpened, StageChanged, TouchCorrected, Touched
from domain.naming import IMPORT_CHANNEL
from domain.record.state import Record
from domain.values import Stored, moment_text

MAX_BACKDATE = timedelta(hours=24)
"""How far back a deadline can begin: at the moment something happened if that is no longer before it was recorded, else when it was recorded."""

MAX_VALUE = 64
"""Longer texts are neither dates nor options of a choice."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An event that a deadline can begin with: its position, when it was recorded, when it happened (None: nobody knows), and whether it was imported."""

    position: int
    recorded_at: datetime
    occurred_at: datetime | None
    is_imported: bool = False

    @classmethod
    def of(cls, recorded: Recorded) -> "Mark":
        """Return the mark an event leaves."""
        imported = recorded.channel == IMPORT_CHANNEL
        return cls(recorded.position, recorded.recorded_at, recorded.occurred_at, imported)

    @property
    def starts_at(self) -> datetime:
        """When a deadline begins that is armed here: nobody is late because something was noted late."""
        happened = self.occurred_at
        if happened is not None and self.recorded_at - MAX_BACKDATE <= happened <= self.recorded_at:
            return happened
        return self.recorded_at

    @property
    def effective_at(self) -> datetime:
        """When it happened, as far as anybody knows: whether that was before a playbook's `go_live`."""
        return self.recorded_at if self.occurred_at is None else self.occurred_at


@dataclass(frozen=True, slots=True)
class SeenTouch:
    """A touch: its id, its kind, and when."""

    id: str
    kind: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which somebody waited for a customer or others: work stood still from `begins` until `ends` (None: still does)."""

    work: str
    waiting_for: str
    begins: datetime
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """A record at one version, with the marks of what its deadlines begin with.

    `fields` are the values a date or a scope is read from; `entries` the steps it came into, oldest first; `dates` when each
    value that may be a date was written; `asked` the work and approvals that were asked for and are open.
    """

    stream: str
    version: int
    position: int
    opened: Mark
    fields: Mapping[str, Stored]
    owner: str | None = None
    path: str | None = None
    entries: tuple[tuple[str, Mark], ...] = ()
    touches: tuple[SeenTouch, ...] = ()
    dates: Mapping[str, Mark] = field(default_factory=dict)
    asked: Mapping[str, Asked] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()

    @property
    def stage(self) -> str | None:
        """Where it stands."""
        return self.entries[-1][0] if self.entries else None

    @property
    def record(self) -> Record:
        """The record as far as deadlines know it: enough to tell which version of a playbook it follows, and to read it by that version."""
        return Record(
            stream=self.stream,
            version=self.version,
            position=self.position,
            fields=self.fields,
            stage=self.stage,
            owner=self.owner,
            path=self.path,
        )


def evolve(watched: Watched | None, recorded: Recorded) -> Watched:
    """Fold one event of a record. Raises ValueError for a stream that does not begin with an opening."""
    event, mark = recorded.event, Mark.of(recorded)
    if isinstance(event, RecordOpened):
        fields = _kept(event.fields)
        return Watched(
            stream=recorded.stream,
            version=recorded.version,
            position=recorded.position,
            opened=mark,
            fields=fields,
            owner=event.owner,
            path=event.path,
            entries=((event.stage, mark),) if event.stage else (),
            dates={name: mark for name, value in fields.items() if _may_be_a_date(value)},
        )
    if watched is None:
        raise ValueError(f"stream {recorded.stream!r} does not begin with an opening")
    watched = replace(watched, version=recorded.version, position=recorded.position)
    match event:
        case StageChanged(after=after):
            return replace(watched, entries=(*watched.entries, (after, mark)))
        case Touched(touch=touch, kind=kind):
            return replace(watched, touches=(*watched.touches, SeenTouch(touch, kind, mark)))
        case TouchCorrected():
            return replace(watched, touches=_corrected(watched.touches, event))
        case FieldsChanged(changes=changes):
            return _changed(watched, changes, mark)
        case OwnerChanged(after=owner):
            return replace(watched, owner=owner)
        case _:
            return _work(watched, recorded, mark)


def fold(watched: Watched | None, events: Iterable[Recorded]) -> Watched | None:
    """Fold events; nothing folded into nothing is nothing."""
    for recorded in events:
        watched = evolve(watched, recorded)
    return watched


def _kept(fields: Mapping[str, Stored]) -> dict[str, Stored]:
    """What a date or a scope can be read from; personal values, and all that is long, are none of a clock's business."""
    return {
        name: value
        for name, value in fields.items()
        if (isinstance(value, str) and len(value) <= MAX_VALUE) or isinstance(value, list)
    }


def _may_be_a_date(value: Stored) -> bool:
    return isinstance(value, str) and len(value) >= len("2026-01-01") and value[4:5] == value[7:8] == "-"


def _changed(watched: Watched, changes: Mapping[str, Stored], mark: Mark) -> Watched:
    new: dict[str, Any] = {
        name: change["new"] for name, change in changes.items() if isinstance(change, dict)
    }
    kept = {name: value for name, value in watched.fields.items() if name not in new} | _kept(new)
    # The date a record is moved to begins a deadline of its own; being told the same day once more does not.
    moved = {name: mark for name, value in new.items() if _may_be_a_date(value)}
    dates = {name: old for name, old in watched.dates.items() if name not in new} | moved
    return replace(watched, fields=kept, dates=dates)


def _corrected(touches: tuple[SeenTouch, ...], event: TouchCorrected) -> tuple[SeenTouch, ...]:
    def corrected(touch: SeenTouch) -> SeenTouch:
        kind, mark = event.changes.get("kind", touch.kind), touch.mark
        if "happened_at" in event.changes:
            told = event.changes["happened_at"]
            mark = replace(mark, occurred_at=datetime.fromisoformat(told) if isinstance(told, str) else None)
        return SeenTouch(touch.id, str(kind), mark)

    return tuple(
        corrected(touch) if touch.id == event.touch else touch
        for touch in touches
        if not (touch.id == event.touch and event.withdrawn)
    )


def _work(watched: Watched, recorded: Recorded, mark: Mark) -> Watched:
    """Fold what was asked of people; a pause is remembered after its work is done, for it did stop the clock."""
    asked = evolve_asked(watched.asked, recorded.event, mark.position, mark.starts_at, mark.effective_at)
    if asked is watched.asked:
        return watched
    pauses = watched.pauses
    for name, item in asked.items():
        before = watched.asked.get(name)
        if item.waits_for is not None and (before is None or before.waits_for is None):
            pauses = (*pauses, Pause(name, item.waits_for, mark.starts_at))
    for name, before in watched.asked.items():
        now = asked.get(name)
        if before.waits_for is not None and (now is None or now.waits_for is None):
            pauses = tuple(
                replace(pause, ends=max(pause.begins, mark.starts_at))
                if pause.work == name and pause.ends is None
                else pause
                for pause in pauses
            )
    return replace(watched, asked=asked, pauses=pauses)


# ── as plain JSON, for the timer table ───────────────────────────────────────────────────────────────────────────────


def to_json(watched: Watched) -> dict[str, Any]:
    """Return it as plain JSON."""
    return {
        "stream": watched.stream,
        "version": watched.version,
        "position": watched.position,
        "opened": _mark(watched.opened),
        "fields": dict(watched.fields),
        "owner": watched.owner,
        "path": watched.path,
        "entries": [[step, *_mark(mark)] for step, mark in watched.entries],
        "touches": [[touch.id, touch.kind, *_mark(touch.mark)] for touch in watched.touches],
        "dates": {name: _mark(mark) for name, mark in watched.dates.items()},
        "asked": {name: item.to_json() for name, item in watched.asked.items()},
        "pauses": [
            [pause.work, pause.waiting_for, moment_text(pause.begins), _text(pause.ends)]
            for pause in watched.pauses
        ],
    }


def from_json(told: Mapping[str, Any]) -> Watched:
    """Return what `to_json` described."""
    return Watched(
        stream=told["stream"],
        version=told["version"],
        position=told["position"],
        opened=_marked(told["opened"]),
        fields=told["fields"],
        owner=told["owner"],
        path=told["path"],
        entries=tuple((step, _marked(mark)) for step, *mark in told["entries"]),
        touches=tuple(SeenTouch(touch, kind, _marked(mark)) for touch, kind, *mark in told["touches"]),
        dates={name: _marked(mark) for name, mark in told["dates"].items()},
        asked={name: Asked.from_json(item) for name, item in told["asked"].items()},
        pauses=tuple(
            Pause(work, whom, datetime.fromisoformat(begins), _moment(ends))
            for work, whom, begins, ends in told["pauses"]
        ),
    )


def _mark(mark: Mark) -> list[Any]:
    told = [mark.position, moment_text(mark.recorded_at), _text(mark.occurred_at)]
    return [*told, True] if mark.is_imported else told


def _marked(told: Any) -> Mark:
    position, recorded_at, occurred_at, *imported = told
    return Mark(position, datetime.fromisoformat(recorded_at), _moment(occurred_at), bool(imported))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment_text(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
