"""When the worker of a draft looks for an owner: where a record enters a pool, where somebody may be found for what waits, and when time alone may have changed that."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.assigning.recorded_names import ended_steps
from domain.envelope import Recorded
from domain.events import (
    AbsenceEnded,
    AbsenceNoted,
    PersonJoined,
    PersonLeft,
    PersonMoved,
    RoleGranted,
    RoleRevoked,
    SkillsSet,
    TeamFormed,
)
from domain.playbook.published import PublishedPlaybook
from projections.replay.asking import Window
from projections.replay.assignment.told import Entry, Handover

_WHO_COULD = (
    TeamFormed, PersonJoined, PersonMoved, PersonLeft, RoleGranted, RoleRevoked, AbsenceNoted, AbsenceEnded, SkillsSet,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an event of the log may lead to: a record that enters a pool, somebody to be found for what waits, or room with somebody."""

    entering: str | None = None
    may_find: bool = False
    makes_room: bool = False


@dataclass(frozen=True)
class Happened:
    """What happened in a log as far as it can lead to a search: handovers that people made, entries, edits, the organisation, publications."""

    handovers: Sequence[Handover]
    entries: Sequence[Entry]
    edits: Sequence[tuple[int, str]]
    organisation: Sequence[Recorded]
    publications: Sequence[int]


def occasions(happened: Happened, window: Window, kind: str, draft: PublishedPlaybook) -> dict[int, Occasion]:
    """Return what the events of a window may lead to, by their positions."""
    found: dict[int, Occasion] = {}
    ended = ended_steps(draft, kind)

    def note(position: int, **about: object) -> None:
        if window.after < position <= window.upto:
            found[position] = replace(found.get(position, Occasion()), **about)  # type: ignore[arg-type]

    for handover in happened.handovers:
        if handover.owner is None:
            note(handover.position, entering=handover.record)
        if handover.before is not None:
            note(handover.position, makes_room=True)
    for entry in happened.entries:
        note(entry.position, entering=entry.record)
        if entry.step in ended and not entry.at_opening:
            note(entry.position, makes_room=True)
    for position, record in happened.edits:
        note(position, entering=record)
    for recorded in happened.organisation:
        if isinstance(recorded.event, _WHO_COULD):
            note(recorded.position, may_find=True)
    for position in happened.publications:
        note(position, may_find=True)
    return found


def ticks(
    organisation: Iterable[Recorded], zone: ZoneInfo, first: datetime, last: datetime
) -> list[datetime]:
    """Return the moments at which time alone may let somebody be found: a day begins, or an absence begins or ends by itself."""
    told = {*_days(zone, first, last), *_absences(organisation)}
    return sorted(moment for moment in told if first < moment <= last)


def _days(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    day, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    while day <= end:
        yield datetime.combine(day, time(), zone).astimezone(UTC)
        day += timedelta(days=1)


def _absences(organisation: Iterable[Recorded]) -> Iterator[datetime]:
    for recorded in organisation:
        if isinstance(recorded.event, AbsenceNoted):
            for text in (recorded.event.begins, recorded.event.ends):
                if text is not None:
                    yield datetime.fromisoformat(text)
