"""A clock over the time of one record: what it notices under the published rules, looking when it looked, and under a draft.

How late the clock of the log was is a fact like any other, not a rule. So a rung that comes at the same moment under the published rules as
under those that are tried is noticed when it was: at the first look of the log's clock from then on, together with whatever is past by then, and
not at all where there was none before the deadline ended. A rung that comes at another moment is noticed at that moment: nobody knows how
late the clock would have been. Under the published rules every rung comes when it comes, and what is noticed is what was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.deadlines.arming import Alarm, Armed, arm
from domain.deadlines.commands import NoticeDeadline
from domain.deadlines.decide import notice
from domain.deadlines.events import DeadlineNoticed
from domain.deadlines.firings import Firings, Key, Told
from domain.deadlines.watched import Watched
from domain.organisation.state import Organisation
from domain.playbook.published import PublishedPlaybook
from projections.replay.deadlines.histories import Look, People
from projections.replay.deadlines.stretches import Stretch

Place = tuple[int, int]
_NOWHERE: Place = (-1, 0)
Identity = tuple[str, str | None, int, int, int]
"""A firing of one record: its deadline, subject, arming, rung and repeat."""


def identity(noticed: DeadlineNoticed) -> Identity:
    """Return what tells a firing from all others of its record."""
    return (noticed.deadline, noticed.subject, noticed.armed_at, noticed.rung, noticed.repeat)


@dataclass(frozen=True, slots=True)
class Fired:
    """A firing as the rules have it: what is noticed, when, under which version; `position` is that of the look it came with, None for a moment of its own.

    `others` is the same deadline as the other rules had it armed at that time, None where they had not.
    """

    at: datetime
    position: int | None
    noticed: DeadlineNoticed
    under: PublishedPlaybook
    stretch: Stretch
    others: Armed | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look of the log's clock comes to: the firing, if any, and how the deadline was armed under the rules that are tried."""

    look: Look
    stretch: Stretch
    fired: Fired | None
    armed: Armed | None
    told: Place | None


@dataclass(frozen=True, slots=True)
class Unnoticed:
    """A rung that `came` at the same moment under both rules, the highest of its deadline, and that the clock never looked at before the deadline ended."""

    armed: Armed
    alarm: Alarm
    came: datetime
    stretch: Stretch


@dataclass
class Walked:
    """All that comes of a record's time."""

    fired: list[Fired] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)
    unnoticed: list[Unnoticed] = field(default_factory=list)


def walk_published(times: Iterable[Stretch], people: People) -> Walked:
    """Notice again what the clock looked at, under the published rules."""
    told, found = dict[Key, tuple[Told, ...]](), Walked()
    for time in times:
        if not time.looks:
            continue
        armed = _by_key(time.seen, time.version)
        for look in time.looks:
            _look(look, time, armed, time.seen, time.version, people, told, found, {})
    return found


def walk_drafted(times: Iterable[Stretch], people: People, draft: PublishedPlaybook) -> Walked:
    """Notice what a draft would have had noticed; where it is not asked, the published rules go on."""
    told, found = dict[Key, tuple[Told, ...]](), Walked()
    passed: dict[Key, dict[Place, Unnoticed]] = {}
    for time in times:
        if time.begins == time.ends and not time.looks:
            continue
        published = _by_key(time.seen, time.version)
        seen, rules = (time.opened, draft) if time.is_judged else (time.seen, time.version)
        armed = _by_key(seen, rules) if time.is_judged else published
        if rules is None:
            for look in time.looks:
                _look(look, time, armed, seen, rules, people, told, found, published)
            continue
        looks: dict[Key, list[Look]] = {}
        for look in time.looks:
            looks.setdefault(look.key, []).append(look)
        for key in {**armed, **looks}:
            item = armed.get(key)
            same = _same(item, published.get(key))
            for moment, given in _moments(item, same, looks.get(key, []), time, _last(told, key)):
                if given is not None:
                    _look(given, time, armed, seen, rules, people, told, found, published)
                elif item is not None:
                    fired = _fire(item, seen, rules, people.at(moment), moment, told)
                    if fired is not None:
                        found.fired.append(Fired(moment, None, fired, rules, time, published.get(key)))
            if item is not None and time.is_judged and time.begins < time.ends:
                for alarm in item.past(time.ends, _last(told, key)):
                    if alarm in same and alarm.at < time.ends:
                        late = Unnoticed(item, alarm, max(alarm.at, time.begins), time)
                        passed.setdefault(key, {}).setdefault(alarm.place, late)
    for key, late_ones in passed.items():
        left = [place for place in late_ones if place > (_last(told, key) or _NOWHERE)]
        if left:
            found.unnoticed.append(late_ones[max(left)])
    return found


def _by_key(seen: Watched, rules: PublishedPlaybook | None) -> dict[Key, Armed]:
    return {} if rules is None else {item.key: item for item in arm(seen, rules)}


def _same(item: Armed | None, other: Armed | None) -> frozenset[Alarm]:
    """The rungs that come at the same moment under both rules."""
    return frozenset() if item is None or other is None else frozenset(item.alarms) & frozenset(other.alarms)


def _moments(
    item: Armed | None, same: frozenset[Alarm], looks: list[Look], time: Stretch, reached: Place | None
) -> list[tuple[datetime, Look | None]]:
    """When the clock looks at a deadline: when it did, and when rungs come that come at another moment than they did. What was told by now comes no more."""
    found: list[tuple[datetime, Look | None]] = [(look.at, look) for look in looks]
    for alarm in () if item is None else item.alarms:
        moment = max(alarm.at, time.begins)
        if alarm not in same and time.holds(moment) and (reached is None or alarm.place > reached):
            found.append((moment, None))
    # A moment of its own comes before a look at the very same moment: the log's clock finds it told.
    return sorted(found, key=lambda when: (when[0], 0 if when[1] is None else when[1].position))


def _look(
    look: Look,
    time: Stretch,
    armed: Mapping[Key, Armed],
    seen: Watched,
    rules: PublishedPlaybook | None,
    people: People,
    told: dict[Key, tuple[Told, ...]],
    found: Walked,
    others: Mapping[Key, Armed],
) -> None:
    item, before = armed.get(look.key), _last(told, look.key)
    fired = None
    if item is not None and rules is not None:
        noticed = _fire(item, seen, rules, people.before(look.position), look.at, told)
        if noticed is not None:
            fired = Fired(look.at, look.position, noticed, rules, time, others.get(look.key))
            found.fired.append(fired)
    found.looked.append(Looked(look, time, fired, item, before))


def _fire(
    item: Armed,
    seen: Watched,
    rules: PublishedPlaybook,
    people: Organisation,
    at: datetime,
    told: dict[Key, tuple[Told, ...]],
) -> DeadlineNoticed | None:
    """Put to the live decision what the clock would: the lowest rung nobody was told of. None where it is not due."""
    key, following = item.key, item.next(_last(told, item.key))
    if following is None or following.at > at:
        return None
    command = NoticeDeadline(
        seen.stream, item.deadline, item.armed_at, following.rung, following.repeat, item.subject
    )
    (event,) = notice(seen, Firings(0, told), command, rules, people, at)
    assert isinstance(event, DeadlineNoticed)
    told[key] = (*told.get(key, ()), Told(event.rung, event.repeat, 0, frozenset(event.told)))
    return event


def _last(told: Mapping[Key, tuple[Told, ...]], key: Key) -> Place | None:
    return max(((item.rung, item.repeat) for item in told.get(key, ())), default=None)
